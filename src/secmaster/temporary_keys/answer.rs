//! The answers in which temporary keys come: three spellings of the same members, as the vendor's SDK takes them.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Map, Value};

/// What a key lives where the answer does not say: the shortest life that IAM gives.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(900);

/// A temporary key as it was given out.
#[derive(Debug)]
pub(super) struct GivenKey {
    pub(super) id: String,
    pub(super) secret: SecretString,
    pub(super) security_token: SecretString,
    pub(super) lifetime: Duration,
}

/// Reads an answer; `now` is the issuer's time.
///
/// # Errors
/// What is wrong with it; never what it holds.
pub(super) fn read(body: &[u8], now: Timestamp) -> Result<GivenKey, &'static str> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| "the answer is not JSON")?;
    let inner = ["credential", "credentials"].iter().find_map(|name| answer.get(name));
    let members = inner.unwrap_or(&answer).as_object().ok_or("the answer holds no credential")?;
    let id = first(members, ["access", "accessKeyId", "access_key_id"]).ok_or("no access key id")?;
    let secret = first(members, ["secret", "secretAccessKey", "secret_access_key"]).ok_or("no secret access key")?;
    let token = first(members, ["securitytoken", "securityToken", "security_token"]).ok_or("no security token")?;
    let lifetime = match first(members, ["expires_at", "expiration", "expireAt"]) {
        None => SHORTEST_LIFETIME,
        Some(text) => {
            let expires_at: Timestamp = text.parse().map_err(|_| "its time of expiry is not a time")?;
            Duration::try_from(expires_at.duration_since(now)).map_err(|_| "it has expired already")?
        }
    };
    if lifetime.is_zero() {
        return Err("it has expired already");
    }
    Ok(GivenKey { id: id.to_owned(), secret: secret.into(), security_token: token.into(), lifetime })
}

/// The first of these members that is a text with something in it.
fn first<'a>(members: &'a Map<String, Value>, names: [&str; 3]) -> Option<&'a str> {
    names.iter().filter_map(|name| members.get(*name)?.as_str()).find(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret;

    use super::{GivenKey, read};

    fn at_noon(body: &str) -> Result<GivenKey, &'static str> {
        read(body.as_bytes(), "2026-01-01T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn each_spelling_of_the_members_is_taken() {
        for body in [
            r#"{"credential":{"access":"A","secret":"S","securitytoken":"T","expires_at":"2026-01-01T13:00:00.000000Z"}}"#,
            r#"{"credentials":{"access_key_id":"A","secret_access_key":"S","security_token":"T","expiration":"2026-01-01T13:00:00Z"}}"#,
            r#"{"accessKeyId":"A","secretAccessKey":"S","securityToken":"T","expiration":"2026-01-01T13:00:00.0Z"}"#,
        ] {
            let key = at_noon(body).unwrap();
            assert_eq!((key.id.as_str(), key.secret.expose_secret()), ("A", "S"), "{body}");
            assert_eq!((key.security_token.expose_secret(), key.lifetime), ("T", Duration::from_secs(3_600)), "{body}");
        }
    }

    #[test]
    fn without_a_time_of_expiry_a_short_life_is_assumed() {
        let key = at_noon(r#"{"credential":{"access":"A","secret":"S","securitytoken":"T"}}"#).unwrap();
        assert_eq!(key.lifetime, Duration::from_secs(900));
    }

    #[test]
    fn what_cannot_be_used_is_said_without_being_shown() {
        let key = |expires_at: &str| {
            format!(r#"{{"access":"hidden","secret":"hidden","securitytoken":"hidden","expires_at":"{expires_at}"}}"#)
        };
        for (body, problem) in [
            ("<html>", "the answer is not JSON"),
            ("[]", "the answer holds no credential"),
            (r#"{"credential":null}"#, "the answer holds no credential"),
            (r#"{"credential":{"access":"hidden"}}"#, "no secret access key"),
            (r#"{"access":"hidden","secret":"hidden"}"#, "no security token"),
            (&key("hidden"), "its time of expiry is not a time"),
            (&key("2026-01-01T12:00:00Z"), "it has expired already"),
            (&key("2026-01-01T11:00:00Z"), "it has expired already"),
        ] {
            assert_eq!(at_noon(body).unwrap_err(), problem, "{body}");
        }
    }
}
