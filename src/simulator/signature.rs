//! Verifies SDK-HMAC-SHA256 as the gateway does: from the raw request, by code that shares nothing with the signer.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::answer::Refusal;

const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// How far the request's date may be from ours.
const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

/// A temporary key is said to have expired for so long after it has; then it is not known any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);

/// More bad signatures than this in a row lock the key.
const MAX_FAILURES: u32 = 5;

/// The known access keys and their bad signatures.
#[derive(Debug)]
pub(super) struct Keys {
    keys: HashMap<String, Key>,
    lockout: Duration,
}

#[derive(Debug)]
struct Key {
    secret: SecretString,
    failures: u32,
    locked_until: Option<Instant>,
    temporary: Option<Temporary>,
}

/// What a temporary key has besides.
#[derive(Debug)]
struct Temporary {
    security_token: SecretString,
    expires_at: Instant,
}

/// What `Authorization` says.
struct Claim<'a> {
    access_key: &'a str,
    signed_headers: &'a str,
    signature: Vec<u8>,
}

impl Keys {
    pub(super) fn new(keys: Vec<(String, SecretString)>, lockout: Duration) -> Self {
        let keys = keys.into_iter().map(|(id, secret)| (id, Key::new(secret, None))).collect();
        Self { keys, lockout }
    }

    /// A temporary key is known from now on.
    pub(super) fn add_temporary(&mut self, id: String, secret: SecretString, token: String, lifetime: Duration) {
        let now = Instant::now();
        self.keys.retain(|_, key| key.temporary.as_ref().is_none_or(|t| now < t.expires_at + FORGOTTEN_AFTER));
        let temporary = Temporary { security_token: token.into(), expires_at: now + lifetime };
        let _previous = self.keys.insert(id, Key::new(secret, Some(temporary)));
    }

    /// All temporary keys given out so far are expired from now on.
    pub(super) fn expire(&mut self) {
        let now = Instant::now();
        for temporary in self.keys.values_mut().filter_map(|key| key.temporary.as_mut()) {
            temporary.expires_at = temporary.expires_at.min(now);
        }
    }

    /// Verifies a request, and counts a bad signature against its key.
    pub(super) fn verify(
        &mut self,
        request: &Parts,
        body: &[u8],
        now: Timestamp,
        revoked: &[String],
    ) -> Result<(), Refusal> {
        let claim = header(request, "authorization").and_then(Claim::parse);
        let claim = claim.ok_or_else(|| Refusal::unauthenticated("aksk auth header format is wrong"))?;
        let lockout = self.lockout;
        let known = self.keys.get_mut(claim.access_key).filter(|_| !revoked.iter().any(|id| id == claim.access_key));
        let Some(key) = known else {
            let detail = format!("Get secretKey failed,ak:{},err:ak not exist", claim.access_key);
            return Err(Refusal::unauthenticated(detail));
        };
        if key.locked_until.is_some_and(|until| Instant::now() < until) {
            return Err(Refusal::unauthenticated("AK access failed to reach the limit,forbidden"));
        }
        let judged = claim.judge(request, body, now, &key.secret);
        match judged {
            Ok(()) => key.failures = 0,
            Err(_) => {
                key.failures += 1;
                if key.failures > MAX_FAILURES {
                    key.failures = 0;
                    key.locked_until = Some(Instant::now() + lockout);
                }
            }
        }
        judged?;
        key.temporary.as_ref().map_or(Ok(()), |temporary| temporary.judge(request, claim.signed_headers))
    }
}

impl Key {
    const fn new(secret: SecretString, temporary: Option<Temporary>) -> Self {
        Self { secret, failures: 0, locked_until: None, temporary }
    }
}

impl Temporary {
    /// Judges what a good signature does not show: the security token, signed with the rest, and the key's life.
    fn judge(&self, request: &Parts, signed_headers: &str) -> Result<(), Refusal> {
        let is_signed = signed_headers.split(';').any(|name| name == "x-security-token");
        if !is_signed || header(request, "x-security-token") != Some(self.security_token.expose_secret()) {
            return Err(Refusal::unauthenticated("decrypt token fail"));
        }
        if Instant::now() >= self.expires_at {
            return Err(Refusal::new(401, "APIGW.0307", "The token must be updated."));
        }
        Ok(())
    }
}

impl<'a> Claim<'a> {
    fn parse(value: &'a str) -> Option<Self> {
        let mut fields = HashMap::new();
        for field in value.strip_prefix(ALGORITHM)?.strip_prefix(' ')?.split(", ") {
            let (name, value) = field.split_once('=')?;
            let _previous = fields.insert(name, value);
        }
        Some(Self {
            access_key: fields.get("Access")?,
            signed_headers: fields.get("SignedHeaders")?,
            signature: hex::decode(fields.get("Signature")?).ok()?,
        })
    }

    fn judge(&self, request: &Parts, body: &[u8], now: Timestamp, secret: &SecretString) -> Result<(), Refusal> {
        let signed: Vec<&str> = self.signed_headers.split(';').collect();
        for needed in ["host", "x-sdk-date"] {
            if !signed.contains(&needed) {
                let detail = format!("verify aksk signature fail, SignedHeaders lacks {needed}");
                return Err(Refusal::unauthenticated(detail));
            }
        }
        let date = header(request, "x-sdk-date").unwrap_or_default();
        let sent = DateTime::strptime("%Y%m%dT%H%M%SZ", date)
            .and_then(|date| date.to_zoned(TimeZone::UTC))
            .map_err(|_| Refusal::unauthenticated("verify aksk signature fail, x-sdk-date format is wrong"))?
            .timestamp();
        if now.duration_since(sent).unsigned_abs() > MAX_SKEW {
            let server = now.strftime("%Y%m%dT%H%M%SZ");
            let detail =
                format!("verify aksk signature fail, signature expired, signature time:{date},server time:{server}");
            return Err(Refusal::unauthenticated(detail));
        }
        let canonical = canonical_request(request, &signed, self.signed_headers, body);
        let to_sign = format!("{ALGORITHM}\n{date}\n{}", hex::encode(Sha256::digest(canonical.as_bytes())));
        let matches = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
            .is_ok_and(|mac| mac.chain_update(to_sign).verify_slice(&self.signature).is_ok());
        if matches {
            return Ok(());
        }
        let shown = canonical.replace('\n', "|");
        Err(Refusal::unauthenticated(format!("verify aksk signature fail, canonicalRequest:{shown}")))
    }
}

fn canonical_request(request: &Parts, signed: &[&str], signed_headers: &str, body: &[u8]) -> String {
    let mut path = encode_path(request.uri.path());
    if !path.ends_with('/') {
        path.push('/');
    }
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = request
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect();
    pairs.sort();
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let headers: String =
        signed.iter().map(|name| format!("{name}:{}\n", header(request, name).unwrap_or_default().trim())).collect();
    let unsigned = header(request, "x-sdk-content-sha256").filter(|_| !body.is_empty());
    let payload = unsigned.map_or_else(|| hex::encode(Sha256::digest(body)), str::to_owned);
    format!("{}\n{path}\n{}\n{headers}\n{signed_headers}\n{payload}", request.method, query.join("&"))
}

fn header<'a>(request: &'a Parts, name: &str) -> Option<&'a str> {
    std::str::from_utf8(request.headers.get(name)?.as_bytes()).ok()
}

/// The whole path decoded, then each segment encoded: an encoded slash becomes one that separates.
fn encode_path(path: &str) -> String {
    let decoded = decode(path);
    let segments: Vec<String> = decoded.split(|b| *b == b'/').map(encode).collect();
    segments.join("/")
}

fn decode(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            // Writing to a String does not fail.
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;
    use http::request::Parts;
    use jiff::Timestamp;
    use secrecy::SecretString;

    use super::Keys;

    const URL: &str = "/v1/0123456789abcdef0123456789abcdef/workspaces/f44065f5-557b-4376-ae02-8c65ef1960f4/soc/workflows/446255ce-1111-2222-3333-0b4931000000/instances";
    const BODY: &str = r#"{"command_type": "ActionInstanceRunCommand", "action_type": "workflow", "playbook_context": {"data_object": {"content": {"title": "SSH 测试"}, "dataclass": {"name": "Alert"}}}}"#;
    const SIGNATURE: &str = "bea27c28bdad9424275e358fe242c1807d3826be85ad9e89c320f008f3510cd3";

    /// Vector V4 of the vendor's signer.
    fn request(signature: &str) -> Parts {
        let signed = "content-type;host;user-agent;x-project-id;x-sdk-date;x-security-token";
        let authorization =
            format!("SDK-HMAC-SHA256 Access=AKTESTEXAMPLE0000001, SignedHeaders={signed}, Signature={signature}");
        let request = Request::post(URL)
            .header("host", "secmaster.cn-north-4.myhuaweicloud.com")
            .header("content-type", "application/json")
            .header("x-sdk-date", "20260205T021112Z")
            .header("x-project-id", "0123456789abcdef0123456789abcdef")
            .header("x-security-token", "STS-TOKEN-EXAMPLE")
            .header("user-agent", "bridge/0.1")
            .header("authorization", authorization)
            .body(());
        request.unwrap().into_parts().0
    }

    fn keys() -> Keys {
        let secret = SecretString::from("SKtestExampleSecret000000000000000000001");
        Keys::new(vec![("AKTESTEXAMPLE0000001".to_owned(), secret)], Duration::from_secs(300))
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn the_vendors_signature_is_accepted_and_a_changed_body_is_not() {
        let now = at("2026-02-05T02:12:00Z");
        assert_eq!(keys().verify(&request(SIGNATURE), BODY.as_bytes(), now, &[]), Ok(()));
        let refusal = keys().verify(&request(SIGNATURE), b"{}", now, &[]).unwrap_err();
        assert_eq!((refusal.status, refusal.code.as_str()), (401, "APIGW.0301"));
        assert!(refusal.message.contains("verify aksk signature fail, canonicalRequest:POST|/v1/"), "{refusal:?}");
    }

    #[test]
    fn a_date_a_quarter_of_an_hour_off_is_refused() {
        let verify = |now: &str| keys().verify(&request(SIGNATURE), BODY.as_bytes(), at(now), &[]);
        assert_eq!(verify("2026-02-05T02:26:12Z"), Ok(()));
        assert!(verify("2026-02-05T02:26:13Z").unwrap_err().message.contains("signature expired"));
        assert!(verify("2026-02-05T01:56:11Z").unwrap_err().message.contains("signature expired"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_temporary_key_needs_its_own_security_token_signed_with_the_rest_while_it_lives() {
        const ID: &str = "AKTESTEXAMPLE0000001";
        let now = at("2026-02-05T02:12:00Z");
        let temporary = |token: &str| {
            let mut keys = Keys::new(Vec::new(), Duration::from_secs(300));
            let secret = SecretString::from("SKtestExampleSecret000000000000000000001");
            keys.add_temporary(ID.to_owned(), secret, token.to_owned(), Duration::from_secs(3_600));
            keys
        };
        let verify = |keys: &mut Keys, revoked: &[String]| {
            keys.verify(&request(SIGNATURE), BODY.as_bytes(), now, revoked).map_err(|refusal| refusal.message)
        };
        let mut keys = temporary("STS-TOKEN-EXAMPLE");
        assert_eq!(verify(&mut keys, &[]), Ok(()));
        assert!(verify(&mut keys, &[ID.to_owned()]).unwrap_err().ends_with("ak not exist"));
        assert!(verify(&mut temporary("another"), &[]).unwrap_err().ends_with("decrypt token fail"));
        // Vector V1, which does not sign the token that comes with it.
        let body = r#"{"command_type": "ActionInstanceRunCommand", "action_type": "workflow", "playbook_context": {"data_object": {"content": {"title": "SSH \u6d4b\u8bd5"}, "dataclass": {"name": "Alert"}}}}"#;
        let signed = "content-type;host;x-project-id;x-sdk-date";
        let signature = "69d1bd0e0a30df8c752bcec2b41d63ef448eacebd8598483693b9918c9790be7";
        let mut unsigned = request("");
        let authorization = format!("SDK-HMAC-SHA256 Access={ID}, SignedHeaders={signed}, Signature={signature}");
        let _previous = unsigned.headers.insert("authorization", authorization.parse().unwrap());
        let refused = keys.verify(&unsigned, body.as_bytes(), now, &[]).unwrap_err();
        assert!(refused.message.ends_with("decrypt token fail"), "{refused:?}");
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(verify(&mut keys, &[]).unwrap_err(), "The token must be updated.");
    }

    #[tokio::test(start_paused = true)]
    async fn the_sixth_bad_signature_in_a_row_locks_the_key_for_five_minutes() {
        let mut keys = keys();
        let now = at("2026-02-05T02:12:00Z");
        for _ in 0..6 {
            let refusal = keys.verify(&request(&"0".repeat(64)), BODY.as_bytes(), now, &[]).unwrap_err();
            assert!(refusal.message.contains("verify aksk signature fail"), "{refusal:?}");
        }
        let refusal = keys.verify(&request(SIGNATURE), BODY.as_bytes(), now, &[]).unwrap_err();
        assert!(refusal.message.ends_with("AK access failed to reach the limit,forbidden"), "{refusal:?}");
        tokio::time::advance(Duration::from_secs(300)).await;
        assert_eq!(keys.verify(&request(SIGNATURE), BODY.as_bytes(), now, &[]), Ok(()));
    }
}
