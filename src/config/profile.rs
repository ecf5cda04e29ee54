//! The vendor SDK's profile file: an INI file with one section for each type of credential (SDK 3.1.219,
//! `ProfileCredentialProvider`, which reads it with Python's configparser).

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::environment::Environment;
use crate::bounded_file;

/// The sections for regional services: what the SDK's documentation names, and what its client builder asks for.
const SECTIONS: [&str; 2] = ["basic", "basiccredentials"];

/// What a profile says. Its `Debug` output shows no secret.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) access_key_id: Option<SecretString>,
    pub(super) secret_access_key: Option<SecretString>,
    pub(super) security_token: Option<SecretString>,
    pub(super) project_id: Option<String>,
    pub(super) iam_endpoint: Option<String>,
    pub(super) idp_id: Option<String>,
    pub(super) id_token_file: Option<PathBuf>,
}

/// Where the file is: where the environment says (and then it has to be there), else in the home folder.
pub(super) fn path(environment: &Environment) -> Option<(PathBuf, bool)> {
    let variable = |name: &str| environment.get(name).filter(|value| !value.trim().is_empty());
    if let Some(path) = variable("HUAWEICLOUD_SDK_CREDENTIALS_FILE") {
        return Some((PathBuf::from(path.trim()), true));
    }
    Some((Path::new(variable("HOME")?).join(".huaweicloud").join("credentials"), false))
}

/// Reads a file.
///
/// # Errors
/// Why nothing can be taken from it; never what it holds.
pub(super) fn read(path: &Path) -> Result<Profile, String> {
    let text = bounded_file::read_text(path, bounded_file::OF_SECRET).map_err(|error| error.to_string())?;
    parse(&text)
}

fn parse(text: &str) -> Result<Profile, String> {
    let mut profiles: [Option<Profile>; 2] = [None, None];
    let mut section = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = SECTIONS.iter().position(|known| *known == name);
            if let Some(profile) = section.and_then(|at| profiles.get_mut(at)) {
                let _there = profile.get_or_insert_default();
            }
            continue;
        }
        let Some(profile) = section.and_then(|at| profiles.get_mut(at)?.as_mut()) else { continue };
        let Some((key, value)) = trimmed.split_once(['=', ':']) else {
            return Err(format!("line {} is not `key = value`", index + 1));
        };
        profile.set(&key.trim().to_ascii_lowercase(), value.trim());
    }
    profiles.into_iter().flatten().next().ok_or_else(|| "there is no section [basic]".to_owned())
}

impl Profile {
    fn set(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        match key {
            "ak" => self.access_key_id = Some(value.into()),
            "sk" => self.secret_access_key = Some(value.into()),
            "security_token" => self.security_token = Some(value.into()),
            "project_id" => self.project_id = Some(value.to_owned()),
            "iam_endpoint" => self.iam_endpoint = Some(value.to_owned()),
            "idp_id" => self.idp_id = Some(value.to_owned()),
            "id_token_file" => self.id_token_file = Some(value.into()),
            // `domain_id` is for global services; what else there may be is not for us.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::parse;

    #[test]
    fn a_profile_is_read_as_the_vendors_sdk_reads_it() {
        let text = "\u{23} comment\n[global]\nak = other\n\n[basic]\nAK = an-id\nsk: a=secret\n; comment\nproject_id=p\nunknown = x\n";
        let profile = parse(text).unwrap();
        assert_eq!(profile.access_key_id.unwrap().expose_secret(), "an-id");
        assert_eq!(profile.secret_access_key.unwrap().expose_secret(), "a=secret");
        assert!(profile.security_token.is_none());
        assert_eq!(profile.project_id.as_deref(), Some("p"));
    }

    #[test]
    fn the_section_of_the_sdks_client_builder_does_where_there_is_no_other() {
        let both = "[basiccredentials]\nak = b\n[basic]\nak = a\n";
        assert_eq!(parse(both).unwrap().access_key_id.unwrap().expose_secret(), "a");
        let one = "[basiccredentials]\nidp_id = i\nid_token_file = /t\niam_endpoint = https://iam.example.com\n";
        let profile = parse(one).unwrap();
        assert_eq!(
            (profile.idp_id.as_deref(), profile.iam_endpoint.as_deref()),
            (Some("i"), Some("https://iam.example.com"))
        );
    }

    #[test]
    fn what_is_no_profile_is_said_by_its_line_and_not_shown() {
        assert_eq!(parse("[basic]\nak = a\nhidden\n").unwrap_err(), "line 3 is not `key = value`");
        assert_eq!(parse("[global]\nak = hidden\n").unwrap_err(), "there is no section [basic]");
        assert_eq!(parse("").unwrap_err(), "there is no section [basic]");
    }
}
