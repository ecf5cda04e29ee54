//! What an unsuccessful answer says: code and message out of every body shape that the cloud's services use.
//!
//! The order is that of the vendor's SDK 3.1.219: `error_code` and `error_msg` (gateway), `errorCode` and `errorMsg`,
//! `code` and `message` (SecMaster); a pair counts only where both are there; else the same in every object-valued
//! member (IAM's `{"error": {…}}`).

use serde_json::{Map, Value};

/// The names of code and message, in the order in which they are looked for.
const PAIRS: [(&str, &str); 3] = [("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message")];

/// How deep objects are searched. The deepest known shape has one level.
const MAX_DEPTH: u8 = 4;

/// What an error's body says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct ErrorBody {
    /// The service's own code, a number as its digits.
    pub(super) code: Option<String>,
    /// The service's message, or what else of the body is worth showing; not yet fit to be logged.
    pub(super) message: String,
}

impl ErrorBody {
    /// Reads a body.
    pub(super) fn parse(body: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return Self { code: None, message: plain_text(body) };
        };
        let Value::Object(object) = value else {
            return Self { code: None, message: "the answer is JSON, but no object".to_owned() };
        };
        pair(&object, MAX_DEPTH).unwrap_or_else(|| Self {
            code: None,
            message: lone_message(&object).unwrap_or_else(|| "the answer has no code and message".to_owned()),
        })
    }
}

fn pair(object: &Map<String, Value>, depth: u8) -> Option<ErrorBody> {
    for (code, message) in PAIRS {
        if let (Some(code), Some(message)) = (object.get(code), object.get(message)) {
            return Some(ErrorBody { code: text(code), message: text(message).unwrap_or_default() });
        }
    }
    let depth = depth.checked_sub(1)?;
    object.values().filter_map(Value::as_object).find_map(|inner| pair(inner, depth))
}

/// A message without a code, as other gateways write it. The rest of such a body is not shown: it may repeat what was
/// sent, and alert content has no place in a log.
fn lone_message(object: &Map<String, Value>) -> Option<String> {
    ["message", "error_msg", "errorMsg", "error", "msg"].into_iter().find_map(|name| text(object.get(name)?))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The text of a proxy's page: tags and everything in `<style>` or `<script>` left out.
fn plain_text(body: &[u8]) -> String {
    let whole = String::from_utf8_lossy(body);
    if !whole.trim_start().starts_with('<') {
        return whole.into_owned();
    }
    let mut text = String::new();
    let mut hidden: Option<String> = None;
    for part in whole.split('<').skip(1) {
        let (tag, after) = part.split_once('>').unwrap_or((part, ""));
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        match &hidden {
            Some(until) if tag.strip_prefix('/').is_some_and(|end| end.eq_ignore_ascii_case(until)) => hidden = None,
            Some(_) => continue,
            None if name == "style" || name == "script" => {
                hidden = Some(name);
                continue;
            }
            None => {}
        }
        text.push_str(after);
        text.push(' ');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::ErrorBody;

    fn parse(body: &str) -> (Option<String>, String) {
        let ErrorBody { code, message } = ErrorBody::parse(body.as_bytes());
        (code, message)
    }

    fn found(code: &str, message: &str) -> (Option<String>, String) {
        (Some(code.to_owned()), message.to_owned())
    }

    #[test]
    fn every_services_shape_is_read() {
        assert_eq!(parse(r#"{"code":"SecMaster.20030001","message":"bad"}"#), found("SecMaster.20030001", "bad"));
        assert_eq!(
            parse(r#"{"error_code":"APIGW.0301","error_msg":"no","request_id":"0af"}"#),
            found("APIGW.0301", "no")
        );
        assert_eq!(parse(r#"{"errorCode":"X.1","errorMsg":"no"}"#), found("X.1", "no"));
        assert_eq!(parse(r#"{"error":{"code":401,"message":"wrong","title":"Unauthorized"}}"#), found("401", "wrong"));
        assert_eq!(
            parse(r#"{"encoded_authorization_message":"x","error_msg":"m","error_code":"IAM.0003"}"#),
            found("IAM.0003", "m")
        );
    }

    #[test]
    fn the_gateways_names_win_over_the_services() {
        assert_eq!(parse(r#"{"code":"a","message":"b","error_code":"c","error_msg":"d"}"#), found("c", "d"));
    }

    #[test]
    fn a_code_without_a_message_is_none() {
        assert_eq!(parse(r#"{"code":"A"}"#).0, None);
        assert_eq!(parse(r#"{"error_code":"A","message":"B"}"#), (None, "B".to_owned()));
    }

    #[test]
    fn what_may_repeat_the_request_is_not_shown() {
        let (_, message) = parse(r#"{"detail":{"content":{"title":"payroll"}}}"#);
        assert!(!message.contains("payroll"), "{message}");
        assert_eq!(parse(r#"[{"title":"payroll"}]"#).1, "the answer is JSON, but no object");
    }

    #[test]
    fn of_a_proxys_page_the_text_is_left() {
        let page = "<html><style>b{}</style><title>502 Bad Gateway</title><body>nginx</body></html>";
        let words: Vec<String> = parse(page).1.split_whitespace().map(str::to_owned).collect();
        assert_eq!(words.join(" "), "502 Bad Gateway nginx");
        assert_eq!(parse(""), (None, String::new()));
    }
}
