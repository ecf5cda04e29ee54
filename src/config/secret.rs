//! Secrets as configuration values: read as text or from a file, never written.

use std::borrow::Cow;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::Serializer;

use super::Config;
use super::error::{ConfigError, Problem};
use super::vendor;
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

fn slots(config: &mut Config) -> [Slot<'_>; 8] {
    let server = &mut config.server;
    let security = &mut config.kafka.security;
    let credentials = &mut config.secmaster.credentials;
    let slot = |file_key, file, secret| Slot { file_key, file, secret };
    [
        slot("kafka.security.key_password_file", security.key_password_file.as_deref(), &mut security.key_password),
        slot("kafka.security.password_file", security.password_file.as_deref(), &mut security.password),
        slot(
            "secmaster.credentials.access_key_id_file",
            credentials.access_key_id_file.as_deref(),
            &mut credentials.access_key_id,
        ),
        slot(
            "secmaster.credentials.secret_access_key_file",
            credentials.secret_access_key_file.as_deref(),
            &mut credentials.secret_access_key,
        ),
        slot(
            "secmaster.credentials.security_token_file",
            credentials.security_token_file.as_deref(),
            &mut credentials.security_token,
        ),
        slot("secmaster.credentials.password_file", credentials.password_file.as_deref(), &mut credentials.password),
        slot("secmaster.credentials.token_file", credentials.token_file.as_deref(), &mut credentials.token),
        slot("server.token_file", server.token_file.as_deref(), &mut server.token),
    ]
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
/// Those that cannot be read.
pub fn read_kafka_secrets(config: &mut Config) -> Result<(), ConfigError> {
    let mut problems = Vec::new();
    for Slot { file_key, file, secret } in slots(config) {
        let Some(file) = file.filter(|_| file_key.starts_with("kafka.")) else { continue };
        match read_file(file) {
            Ok(text) => *secret = Some(text),
            Err(why) => {
                let message = format!("`{file_key}`: cannot take the secret from `{}`: {why}", file.display());
                problems.push(Problem { path: file_key.to_owned(), message, place: None });
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems, hints: Vec::new() }) }
}

/// The same configuration with the secrets that stand in files (the vendor's profile file among them) as they are now;
/// `None` if there are none, or if one of the files cannot be read.
#[must_use]
pub fn read_secrets_again(config: &Config) -> Option<Config> {
    let mut fresh = config.clone();
    let mut found = false;
    for Slot { file, secret, .. } in slots(&mut fresh) {
        if let Some(file) = file {
            *secret = Some(read_file(file).ok()?);
            found = true;
        }
    }
    if fresh.secmaster.credentials.profile.is_some() {
        vendor::read_profile_again(&mut fresh.secmaster.credentials)?;
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
