//! The OAuth 2.0 token endpoint that the tokens for Kafka come from: the client-credentials grant (RFC 6749, section
//! 4.4). It asks once; when to ask, and whether again, is decided by whoever holds the tokens.
//!
//! Serves promise 7: neither the client's secret nor a token stands in an error or in `Debug` output.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::tls;

/// Bound of name resolution, TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(5);
/// Bound of the whole call.
const CALL: Duration = Duration::from_secs(10);
/// As much of an answer as is read; tokens have a few KiB.
const ANSWER_BYTES: usize = 256 * 1024;
/// What a token lives where the answer does not say. A token that lives longer is replaced early, which does no harm.
const UNSAID_LIFETIME: Duration = Duration::from_secs(300);
/// No token is kept for longer.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3_600);
/// The longest excerpt of what the endpoint says, in characters.
const SAID_CHARS: usize = 200;
/// All but the characters that no encoding touches (RFC 3986, section 2.3): right for a form and for a form's value.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Who asks, and where.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The token endpoint, `https://` or `http://`.
    pub url: String,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: SecretString,
    /// The scopes to ask for, separated by spaces.
    pub scope: Option<String>,
    /// PEM certificates, trusted beside the system's roots.
    pub ca_file: Option<PathBuf>,
}

/// What was granted.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The access token: printable ASCII.
    pub token: SecretString,
    /// How long it lives from now on.
    pub lifetime: Duration,
}

/// Why there is no token, in words without a secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct NoToken(String);

/// Asks for a token. Blocks, for 10 s at most; not to be called from within a runtime. Files are read and the connection is made
/// anew each time: tokens are asked for rarely, and certificates change.
///
/// # Errors
///
/// The endpoint is not reached, does not grant, or what it answers cannot be used.
pub fn request_token(request: &TokenRequest) -> Result<Granted, NoToken> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| NoToken(format!("a call cannot be made: {error}")))?;
    runtime.block_on(ask(request))
}

/// Whether requests can be made: reads certificates, reaches nothing.
///
/// # Errors
///
/// The certificates or the client's id cannot be used.
pub fn check(request: &TokenRequest) -> Result<(), NoToken> {
    let _client = client(request)?;
    authorization(request).map(drop)
}

async fn ask(request: &TokenRequest) -> Result<Granted, NoToken> {
    let call = client(request)?
        .post(&request.url)
        .header(AUTHORIZATION, authorization(request)?)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body(request))
        .send();
    let mut answer = call.await.map_err(unreached)?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreached)? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(NoToken("the token endpoint's answer is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    if status != StatusCode::OK {
        let said = said(&body, request);
        return Err(NoToken(format!("the token endpoint answered {}{said}", status.as_u16())));
    }
    granted(&body)
}

fn client(request: &TokenRequest) -> Result<reqwest::Client, NoToken> {
    let needs_tls = request.url.starts_with("https:");
    let tls = tls::client_config(request.ca_file.as_deref(), needs_tls).map_err(|error| NoToken(error.to_string()))?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT)
        .timeout(CALL)
        // A redirect would take the client's secret elsewhere.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .build();
    client.map_err(|error| NoToken(format!("the HTTP client cannot be set up: {error}")))
}

/// The client's id and secret in the `Authorization` header, which every server has to take (RFC 6749, section 2.3.1):
/// each encoded as in a form, so that a colon or a plus sign in them does no harm.
fn authorization(request: &TokenRequest) -> Result<HeaderValue, NoToken> {
    let pair = format!("{}:{}", encoded(&request.client_id), encoded(request.client_secret.expose_secret()));
    let mut header = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)))
        .map_err(|_| NoToken("the client's id and secret cannot stand in a header".to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn body(request: &TokenRequest) -> String {
    let scope = request.scope.as_deref().map(|scope| format!("&scope={}", encoded(scope)));
    format!("grant_type=client_credentials{}", scope.unwrap_or_default())
}

/// The causes, innermost last, without the address, which may hold what the user does not want to be shown.
fn unreached(error: reqwest::Error) -> NoToken {
    let error = error.without_url();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    NoToken(format!("the token endpoint is not reached: {}", texts.join(": ")))
}

/// What an answer grants (RFC 6749, section 5.1).
fn granted(body: &[u8]) -> Result<Granted, NoToken> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: SecretString,
        token_type: Option<String>,
        expires_in: Option<Value>,
    }
    let refused = |what: &str| NoToken(format!("the token endpoint's answer cannot be used: {what}"));
    let answer: Answer = serde_json::from_slice(body).map_err(|_| refused("it is no JSON with an access_token"))?;
    if answer.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(refused("the token is not of type Bearer"));
    }
    let token = answer.access_token.expose_secret();
    // A b64token of RFC 6750. What else came here would be repeated by librdkafka's error.
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refused("the token is empty or has characters that no token has"));
    }
    let lifetime = match answer.expires_in {
        None | Some(Value::Null) => UNSAID_LIFETIME,
        Some(said) => seconds(&said).ok_or_else(|| refused("expires_in is not a number of seconds above 0"))?,
    };
    Ok(Granted { lifetime: lifetime.min(MAX_LIFETIME), token: answer.access_token })
}

/// A number of seconds; some servers write it as text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds: f64 = match value {
        Value::Number(number) => number.to_string().parse().ok()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(MAX_LIFETIME.as_secs_f64())))
}

/// The forms that the client's secret may come back in, the longest ones first: one may stand in another.
fn echoes(request: &TokenRequest) -> Vec<String> {
    let (id, secret) = (request.client_id.as_str(), request.client_secret.expose_secret());
    let in_form = encoded(secret);
    let pairs = [format!("{}:{in_form}", encoded(id)), format!("{id}:{secret}")];
    // Some leave the padding off.
    let pairs = pairs.map(|pair| STANDARD.encode(pair).trim_end_matches('=').to_owned());
    let mut echoes = Vec::from(pairs);
    echoes.extend([in_form.replace("%20", "+"), in_form, secret.to_owned()]);
    echoes.retain(|echo| !echo.is_empty());
    echoes.sort_by_key(|echo| std::cmp::Reverse(echo.len()));
    echoes
}

/// What a refusal says (RFC 6749, section 5.2), short, on one line, and without the client's secret.
fn said(body: &[u8], request: &TokenRequest) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        error_description: Option<String>,
    }
    let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else { return String::new() };
    let description = refusal.error_description.map(|text| format!(": {text}")).unwrap_or_default();
    let text = format!("{}{description}", refusal.error);
    let text = echoes(request).iter().fold(text, |text, echo| text.replace(echo, "[removed]"));
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARS).collect();
    format!(": {line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> TokenRequest {
        TokenRequest {
            url: "https://id.example.com/token".to_owned(),
            client_id: "soc:bridge".to_owned(),
            client_secret: "a+b c".into(),
            scope: Some("kafka read".to_owned()),
            ca_file: None,
        }
    }

    #[test]
    fn id_and_secret_are_encoded_before_they_are_put_together() {
        let header = authorization(&request()).unwrap();
        let pair = STANDARD.decode(header.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(pair, b"soc%3Abridge:a%2Bb%20c");
        assert!(header.is_sensitive());
        assert_eq!(body(&request()), "grant_type=client_credentials&scope=kafka%20read");
    }

    #[test]
    fn a_lifetime_is_a_number_or_its_text_and_is_assumed_where_it_is_not_said() {
        let lifetime = |rest: &str| {
            granted(format!(r#"{{"access_token": "abc"{rest}}}"#).as_bytes()).map(|granted| granted.lifetime.as_secs())
        };
        assert_eq!(lifetime(r#", "expires_in": 3600, "token_type": "bearer""#), Ok(3_600));
        assert_eq!(lifetime(r#", "expires_in": "60""#), Ok(60));
        assert_eq!(lifetime(""), Ok(300));
        assert_eq!(lifetime(r#", "expires_in": 1e300"#), Ok(MAX_LIFETIME.as_secs()));
        for bad in ["0", "-1", "\"soon\"", "[]", "\"NaN\""] {
            assert!(lifetime(&format!(r#", "expires_in": {bad}"#)).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_bearer_token_is_refused_without_being_repeated() {
        for bad in [
            r#"{"access_token": "hunter2", "token_type": "mac"}"#,
            r#"{"access_token": "hunter2 \u0000"}"#,
            r#"{"access_token": ""}"#,
            r#"{"token": "hunter2"}"#,
            "hunter2",
        ] {
            let text = granted(bad.as_bytes()).unwrap_err().to_string();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_refusal_is_told_on_one_line_without_the_secret() {
        let request = TokenRequest { client_secret: "hunter2".into(), ..request() };
        let body = br#"{"error": "invalid_client", "error_description": "no such\nsecret: hunter2"}"#;
        assert_eq!(said(body, &request), ": invalid_client: no such secret: [removed]");
        assert_eq!(said(b"<html>", &request), "");
        assert!(!format!("{request:?}").contains("hunter2"));
    }

    #[test]
    fn a_refusal_does_not_tell_the_secret_as_it_was_sent() {
        let header = authorization(&request()).unwrap();
        let sent = header.to_str().unwrap();
        let plain = STANDARD.encode("soc:bridge:a+b c");
        let tell = |what: &str| {
            let body = serde_json::json!({"error": "invalid_client", "error_description": what});
            said(body.to_string().as_bytes(), &request())
        };
        for (echo, told) in [
            (sent, "Basic [removed]"),
            (sent.trim_end_matches('='), "Basic [removed]"),
            (&plain, "[removed]"),
            ("a%2Bb%20c", "[removed]"),
            ("a%2Bb+c", "[removed]"),
            ("a+b c", "[removed]"),
        ] {
            let said = tell(echo);
            assert_eq!(said.trim_end_matches('='), format!(": invalid_client: {told}"), "{echo}");
        }
    }
}
