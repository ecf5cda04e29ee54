//! Makes a service's text fit for logs and dead letters: one line, short, and nothing secret in it (promise 7).

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};

/// The longest excerpt, in characters.
const MAX_CHARS: usize = 300;

/// A word at least this long is taken for a token, a signature or a hash. A UUID has 36, and a request id of the form
/// `uuid-timestamp-host` is broken by nothing either: those do not stand in messages, but in their header.
const OPAQUE_CHARS: usize = 60;

/// What replaces what may not be shown.
const REMOVED: &str = "[removed]";

/// After these, a rest with `|` in it is the request as the gateway saw it: headers, tokens, the payload's hash.
const CUT_AFTER: [&str; 3] = ["verify aksk signature fail", "canonicalRequest", "canonical request"];

/// The value that follows one of these is removed.
const SECRET_NAMES: [&str; 8] = [
    "authorization",
    "x-auth-token",
    "x-subject-token",
    "x-security-token",
    "signature=",
    "encoded_authorization_message",
    "password",
    "secret",
];

/// Shortens a text and takes out what looks like a secret, and every one of the given secrets wherever it stands.
pub(super) fn excerpt(text: &str, secrets: &[&SecretString]) -> String {
    let mut text = Cow::Borrowed(text);
    for secret in secrets.iter().map(|s| s.expose_secret()).filter(|s| s.len() > 3) {
        if text.contains(secret) {
            text = Cow::Owned(text.replace(secret, REMOVED));
        }
    }
    let (kept, cut) = before_the_request(&text);
    let mut words: Vec<&str> = Vec::new();
    let mut value_follows = false;
    for word in kept.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        let name = names_a_secret(word);
        if value_follows && !name {
            // The value may be of two words: `Bearer …`, `SDK-HMAC-SHA256 Access=…`; the long ones go anyway.
            words.push(REMOVED);
        } else if longest_run(word) >= OPAQUE_CHARS || (name && holds_a_value(word)) {
            words.push(REMOVED);
        } else {
            words.push(word);
        }
        value_follows = name && !holds_a_value(word);
    }
    if cut {
        words.push("[request removed]");
    }
    shorten(&words.join(" "))
}

/// The text up to where the gateway repeats the request, and whether anything was cut.
fn before_the_request(text: &str) -> (&str, bool) {
    let end = CUT_AFTER.iter().filter_map(|mark| text.find(mark).map(|at| at + mark.len())).min();
    match end.and_then(|end| text.split_at_checked(end)) {
        Some((kept, request)) if request.contains('|') => (kept, true),
        _ => (text, false),
    }
}

fn names_a_secret(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|name| {
        lower.match_indices(name).any(|(at, _)| {
            // `password` alone is a word of a sentence ("user name or password is wrong"); with a sign after it, a name.
            name.ends_with('=') || lower.get(at + name.len()..).is_some_and(|rest| rest.contains([':', '=']))
        })
    })
}

/// Whether something stands after the sign that ends the name.
fn holds_a_value(word: &str) -> bool {
    word.find([':', '=']).and_then(|at| word.get(at + 1..)).is_some_and(|v| v.chars().any(char::is_alphanumeric))
}

/// The longest stretch that a token could be.
fn longest_run(word: &str) -> usize {
    let opaque = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-');
    word.split(|c| !opaque(c)).map(str::len).max().unwrap_or(0)
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= MAX_CHARS {
        return text.to_owned();
    }
    text.chars().take(MAX_CHARS - 1).chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::excerpt;

    #[test]
    fn the_gateways_copy_of_the_request_is_cut() {
        let text = "Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:POST|/v1/x/||\
                    x-security-token:STS|";
        assert_eq!(
            excerpt(text, &[]),
            "Incorrect IAM authentication information: verify aksk signature fail [request removed]"
        );
    }

    #[test]
    fn what_the_gateway_says_of_the_clock_stays() {
        let text = "verify aksk signature fail, signature expired, signature time:20260205T021112Z,server time:\
                    20260205T030000Z";
        assert_eq!(excerpt(text, &[]), text);
    }

    #[test]
    fn known_secrets_tokens_and_authorization_values_are_removed() {
        let known = SecretString::from("hunter2");
        assert_eq!(excerpt("the key hunter2 is wrong", &[&known]), "the key [removed] is wrong");
        let token = format!("token MII{} expired", "x".repeat(80));
        assert_eq!(excerpt(&token, &[]), "token [removed] expired");
        assert_eq!(excerpt("got X-Auth-Token: abc now", &[]), "got X-Auth-Token: [removed] now");
        assert_eq!(excerpt("got Signature=abc", &[]), "got [removed]");
        assert_eq!(excerpt(r#"{"password":"x"} bad"#, &[]), "[removed] bad");
    }

    #[test]
    fn ordinary_sentences_stay() {
        let text = "The user name or password is wrong, ak:AKTESTEXAMPLE0000001";
        assert_eq!(excerpt(text, &[]), text);
        let throttle = "The throttling threshold has been reached: policy user over ratelimit,limit:10,time:1 minute";
        assert_eq!(excerpt(throttle, &[]), throttle);
    }

    #[test]
    fn long_texts_become_one_short_line() {
        let text = excerpt(&"täst\r\n\t".repeat(200), &[]);
        assert_eq!(text.chars().count(), 300);
        assert!(text.starts_with("täst täst ") && text.ends_with('…') && !text.contains('\n'));
    }
}
