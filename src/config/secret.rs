//! Secrets as configuration values: read as text or from a file, never written.

use std::borrow::Cow;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::Serializer;

use super::credentials::{CredentialKind, Credentials};
use super::error::{ConfigError, Problem};
use super::{Config, KafkaSecurity, Server, vendor};
use crate::bounded_file;

/// What stands for a secret wherever configuration is shown.
const HIDDEN: &str = "<hidden>";

/// Shows that a secret is set, not what it is.
pub(super) fn hidden<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(_) => serializer.serialize_str(HIDDEN),
        None => serializer.serialize_none(),
    }
}

/// The schema of a secret: a text that may be null and is never shown.
pub(super) struct Text;

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "null"], "writeOnly": true})
    }
}

/// A secret that may come from a file.
struct Slot<'a> {
    /// The key of the file's name.
    file_key: &'static str,
    file: Option<&'a Path>,
    secret: &'a mut Option<SecretString>,
}

const fn slot<'a>(file_key: &'static str, file: Option<&'a Path>, secret: &'a mut Option<SecretString>) -> Slot<'a> {
    Slot { file_key, file, secret }
}

fn kafka_slots(security: &mut KafkaSecurity) -> [Slot<'_>; 3] {
    let oauth = &mut security.oauth;
    [
        slot("kafka.security.key_password_file", security.key_password_file.as_deref(), &mut security.key_password),
        slot("kafka.security.password_file", security.password_file.as_deref(), &mut security.password),
        slot("kafka.security.oauth.client_secret_file", oauth.client_secret_file.as_deref(), &mut oauth.client_secret),
    ]
}

/// Files for another kind of credential than the one in use need not be there, so they are none.
fn secmaster_slots(credentials: &mut Credentials) -> [Slot<'_>; 5] {
    let kind = credentials.kind;
    let is_key = |_: &&Path| kind == CredentialKind::AccessKey;
    let is_password = |_: &&Path| kind == CredentialKind::Password;
    let is_token = |_: &&Path| kind == CredentialKind::Token;
    [
        slot(
            "secmaster.credentials.access_key_id_file",
            credentials.access_key_id_file.as_deref().filter(is_key),
            &mut credentials.access_key_id,
        ),
        slot(
            "secmaster.credentials.secret_access_key_file",
            credentials.secret_access_key_file.as_deref().filter(is_key),
            &mut credentials.secret_access_key,
        ),
        slot(
            "secmaster.credentials.security_token_file",
            credentials.security_token_file.as_deref().filter(is_key),
            &mut credentials.security_token,
        ),
        slot(
            "secmaster.credentials.password_file",
            credentials.password_file.as_deref().filter(is_password),
            &mut credentials.password,
        ),
        slot(
            "secmaster.credentials.token_file",
            credentials.token_file.as_deref().filter(is_token),
            &mut credentials.token,
        ),
    ]
}

fn slots(config: &mut Config) -> impl Iterator<Item = Slot<'_>> {
    let Server { token_file, token, .. } = &mut config.server;
    kafka_slots(&mut config.kafka.security)
        .into_iter()
        .chain(secmaster_slots(&mut config.secmaster.credentials))
        .chain([slot("server.token_file", token_file.as_deref(), token)])
}

/// Refuses a secret that is given twice, and with `read` takes those that stand in files.
pub(super) fn resolve(config: &mut Config, read: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    for Slot { file_key, file, secret } in slots(config) {
        let Some(file) = file else { continue };
        let mut problem = |message| problems.push(Problem { path: file_key.to_owned(), message, place: None });
        if secret.is_some() {
            let key = file_key.trim_end_matches("_file");
            problem(format!("`{key}` and `{file_key}` are both given: remove one"));
        } else if read {
            match read_file(file) {
                Ok(text) => *secret = Some(text),
                Err(why) => problem(format!("`{file_key}`: cannot take the secret from `{}`: {why}", file.display())),
            }
        }
    }
    problems
}

/// Takes the secrets for Kafka that stand in files, and no other.
///
/// # Errors
/// The first that cannot be read.
pub fn read_kafka_secrets(config: &mut Config) -> Result<(), ConfigError> {
    read_into(&mut config.kafka.security).map_err(|problem| ConfigError { problems: vec![problem], hints: Vec::new() })
}

/// The same settings with the secrets that stand in files as they are now.
///
/// # Errors
/// A file cannot be read, or is empty.
pub fn read_kafka_secrets_again(security: &KafkaSecurity) -> Result<KafkaSecurity, String> {
    let mut fresh = security.clone();
    read_into(&mut fresh).map(|()| fresh).map_err(|problem| problem.message)
}

fn read_into(security: &mut KafkaSecurity) -> Result<(), Problem> {
    for Slot { file_key, file, secret } in kafka_slots(security) {
        let Some(file) = file else { continue };
        let text = read_file(file).map_err(|why| {
            let message = format!("`{file_key}`: cannot take the secret from `{}`: {why}", file.display());
            Problem { path: file_key.to_owned(), message, place: None }
        })?;
        *secret = Some(text);
    }
    Ok(())
}

/// The same configuration with the secrets for SecMaster that stand in files (the vendor's profile file among them) as
/// they are now; `None` if there are none, or if one of these files cannot be read.
#[must_use]
pub fn read_secmaster_secrets_again(config: &Config) -> Option<Config> {
    let mut fresh = config.clone();
    let credentials = &mut fresh.secmaster.credentials;
    let mut found = false;
    for Slot { file, secret, .. } in secmaster_slots(credentials) {
        if let Some(file) = file {
            *secret = Some(read_file(file).ok()?);
            found = true;
        }
    }
    if credentials.profile.is_some() {
        vendor::read_profile_again(credentials)?;
        found = true;
    }
    found.then_some(fresh)
}

/// The secret in a file: its whole text without the newline at the end.
///
/// # Errors
/// Why there is none; never the content.
pub(super) fn read_file(path: &Path) -> Result<SecretString, String> {
    let text = bounded_file::read_text(path, bounded_file::OF_SECRET).map_err(|error| error.to_string())?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() { Err("the file is empty".to_owned()) } else { Ok(text.into()) }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::read_secmaster_secrets_again;
    use crate::config::{Config, CredentialKind};

    #[test]
    fn a_secret_for_kafka_that_is_gone_keeps_none_for_secmaster_from_being_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let mut config = Config::default();
        config.kafka.security.password_file = Some(folder.path().join("gone"));
        config.secmaster.credentials.kind = CredentialKind::Password;
        config.secmaster.credentials.password_file = Some(file.clone());
        assert!(read_secmaster_secrets_again(&config).is_none(), "its own is not there");
        std::fs::write(&file, "new\n").unwrap();
        let fresh = read_secmaster_secrets_again(&config).unwrap();
        assert_eq!(fresh.secmaster.credentials.password.unwrap().expose_secret(), "new");
    }
}
