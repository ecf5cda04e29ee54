//! What is left unset is filled from where the vendor's SDK looks: its environment variables, then its profile file
//! (SDK 3.1.219, `huaweicloudsdkcore/auth/provider.py`).
//!
//! Unlike the SDK, which tries one kind of credential after the other, the kind is chosen by the configuration: nobody
//! is somebody else because a variable is set. And what belongs together is taken from one place.

use std::path::PathBuf;

use secrecy::SecretString;

use super::credentials::{CredentialKind, Credentials};
use super::environment::Environment;
use super::error::Problem;
use super::layers::Places;
use super::profile::{self, Profile};
use super::secmaster::SecMaster;
use super::units::TimeSpan;

/// Fills `secmaster` from the environment and, with `read`, from the profile file. Gives what is wrong there.
pub(super) fn fill(
    secmaster: &mut SecMaster,
    environment: &Environment,
    places: &mut Places,
    read: bool,
) -> Vec<Problem> {
    let mut source = Source { environment, places, problems: Vec::new() };
    source.text("secmaster.project_id", "HUAWEICLOUD_SDK_PROJECT_ID", &mut secmaster.project_id);
    if secmaster.endpoint.is_none() {
        let region = secmaster.region.to_ascii_uppercase().replace('-', "_");
        let name = format!("HUAWEICLOUD_SDK_REGION_SECMASTER_{region}");
        // The SDK takes several, and a host without a scheme.
        if let Some(first) = source.variable(&name).and_then(|all| all.split(',').next()).map(str::trim) {
            let scheme = if first.starts_with("http") { "" } else { "https://" };
            secmaster.endpoint = Some(format!("{scheme}{first}"));
            source.places.set("secmaster.endpoint".to_owned(), name);
        }
    }
    let credentials = &mut secmaster.credentials;
    match credentials.kind {
        CredentialKind::AccessKey => source.access_key(credentials),
        CredentialKind::Password => source.iam_endpoint(credentials),
        CredentialKind::Oidc => source.oidc(credentials),
        CredentialKind::PodIdentity => source.pod_identity(credentials),
        CredentialKind::Token | CredentialKind::InstanceAgency => {}
    }
    if read && wants_profile(credentials) {
        source.profile(secmaster);
    }
    source.problems
}

/// Whether nothing at all says who the bridge is, so that the profile file may.
fn wants_profile(credentials: &Credentials) -> bool {
    let c = credentials;
    match c.kind {
        CredentialKind::AccessKey => {
            let given = [c.access_key_id.is_some(), c.secret_access_key.is_some(), c.security_token.is_some()];
            let files = [&c.access_key_id_file, &c.secret_access_key_file, &c.security_token_file];
            !given.contains(&true) && files.iter().all(|file| file.is_none())
        }
        CredentialKind::Oidc => {
            let o = &c.oidc;
            [&o.provider_urn, &o.agency_urn, &o.idp_id].iter().all(|text| text.is_none())
        }
        _ => false,
    }
}

/// Takes the access key from the profile that it was taken from, as it is now; says whether there is one.
pub(super) fn read_profile_again(credentials: &mut Credentials) -> Option<()> {
    let profile = profile::read(credentials.profile.as_ref()?).ok()?;
    take_key(credentials, profile);
    Some(())
}

fn take_key(credentials: &mut Credentials, profile: Profile) {
    credentials.access_key_id = profile.access_key_id;
    credentials.secret_access_key = profile.secret_access_key;
    credentials.security_token = profile.security_token;
}

/// Where values come from.
struct Source<'a> {
    environment: &'a Environment,
    places: &'a mut Places,
    problems: Vec<Problem>,
}

impl<'a> Source<'a> {
    fn variable(&self, name: &str) -> Option<&'a str> {
        self.environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Fills an empty text.
    fn text(&mut self, key: &str, name: &str, value: &mut String) {
        if value.is_empty()
            && let Some(text) = self.variable(name)
        {
            text.clone_into(value);
            self.places.set(key.to_owned(), name.to_owned());
        }
    }

    /// Fills what is unset; `key` is below `secmaster.credentials`.
    fn unset<T: From<&'a str>>(&mut self, key: &str, name: &str, value: &mut Option<T>) {
        if value.is_none()
            && let Some(text) = self.variable(name)
        {
            *value = Some(text.into());
            self.places.set(format!("secmaster.credentials.{key}"), name.to_owned());
        }
    }

    /// The id and the secret may each be given; a security token belongs to the key that it comes with.
    fn access_key(&mut self, c: &mut Credentials) {
        let is_key_here = c.access_key_id.is_none() && c.access_key_id_file.is_none();
        let mut fill = |key, name, value: &mut Option<SecretString>, file: &Option<PathBuf>| {
            if file.is_none() {
                self.unset(key, name, value);
            }
        };
        fill("access_key_id", "HUAWEICLOUD_SDK_AK", &mut c.access_key_id, &c.access_key_id_file);
        fill("secret_access_key", "HUAWEICLOUD_SDK_SK", &mut c.secret_access_key, &c.secret_access_key_file);
        if is_key_here && c.access_key_id.is_some() {
            fill("security_token", "HUAWEICLOUD_SDK_SECURITY_TOKEN", &mut c.security_token, &c.security_token_file);
        }
    }

    fn iam_endpoint(&mut self, c: &mut Credentials) {
        self.unset("iam_endpoint", "HUAWEICLOUD_SDK_IAM_ENDPOINT", &mut c.iam_endpoint);
    }

    fn oidc(&mut self, c: &mut Credentials) {
        self.iam_endpoint(c);
        let o = &mut c.oidc;
        if o.idp_id.is_none() {
            self.unset("oidc.provider_urn", "HUAWEICLOUD_OIDC_PROVIDER_URN", &mut o.provider_urn);
            self.unset("oidc.agency_urn", "HUAWEICLOUD_OIDC_AGENCY_URN", &mut o.agency_urn);
        }
        let is_agency = o.provider_urn.is_some() || o.agency_urn.is_some();
        if !is_agency {
            self.unset("oidc.idp_id", "HUAWEICLOUD_SDK_IDP_ID", &mut o.idp_id);
        }
        let has_token = |o: &super::credentials::Oidc| o.id_token.is_some() || o.id_token_file.is_some();
        if !has_token(o) && is_agency {
            self.unset("oidc.id_token", "HUAWEICLOUD_OIDC_ID_TOKEN", &mut o.id_token);
        }
        if !has_token(o) {
            let name = if is_agency { "HUAWEICLOUD_OIDC_TOKEN_FILE" } else { "HUAWEICLOUD_SDK_ID_TOKEN_FILE" };
            self.unset("oidc.id_token_file", name, &mut o.id_token_file);
        }
        if !is_agency {
            return;
        }
        self.unset("oidc.session_name", "HUAWEICLOUD_OIDC_SESSION_NAME", &mut o.session_name);
        self.unset("oidc.policy", "HUAWEICLOUD_OIDC_POLICY", &mut o.policy);
        self.unset("oidc.sts_endpoint", "HUAWEICLOUD_SDK_STS_ENDPOINT", &mut o.sts_endpoint);
        if let Some(ids) = self.variable("HUAWEICLOUD_OIDC_POLICY_IDS").filter(|_| o.policy_ids.is_empty()) {
            o.policy_ids = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
        }
        if let Some(text) = self.variable("HUAWEICLOUD_OIDC_DURATION_SECONDS").filter(|_| o.duration.is_none()) {
            match text.parse() {
                Ok(seconds) => o.duration = Some(TimeSpan::from_secs(seconds)),
                Err(_) => self.problem(
                    "secmaster.credentials.oidc.duration",
                    "HUAWEICLOUD_OIDC_DURATION_SECONDS is not a number of seconds".to_owned(),
                ),
            }
        }
    }

    fn pod_identity(&mut self, c: &mut Credentials) {
        let p = &mut c.pod_identity;
        self.unset("pod_identity.credentials_uri", "HC_CONTAINER_CREDENTIALS_FULL_URI", &mut p.credentials_uri);
        let name = "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE";
        self.unset("pod_identity.authorization_token_file", name, &mut p.authorization_token_file);
    }

    /// The profile file, if there is one.
    fn profile(&mut self, secmaster: &mut SecMaster) {
        let Some((path, is_named)) = profile::path(self.environment) else { return };
        if !is_named && !path.exists() {
            return;
        }
        let profile = match profile::read(&path) {
            Ok(profile) => profile,
            Err(why) => {
                let message = format!("the profile file {} cannot be used: {why}", path.display());
                return self.problem("secmaster.credentials", message);
            }
        };
        if secmaster.project_id.is_empty()
            && let Some(id) = &profile.project_id
        {
            secmaster.project_id.clone_from(id);
            self.places.set("secmaster.project_id".to_owned(), path.display().to_string());
        }
        let c = &mut secmaster.credentials;
        if c.kind == CredentialKind::Oidc {
            c.oidc.idp_id = profile.idp_id;
            c.iam_endpoint = c.iam_endpoint.take().or(profile.iam_endpoint);
            if c.oidc.id_token.is_none() {
                c.oidc.id_token_file = c.oidc.id_token_file.take().or(profile.id_token_file);
            }
        } else if profile.access_key_id.is_some() {
            take_key(c, profile);
            c.profile = Some(path);
        }
    }

    fn problem(&mut self, path: &str, message: String) {
        self.problems.push(Problem { path: path.to_owned(), message, place: None });
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret;
    use tempfile::TempDir;

    use super::super::{Environment, Purpose, SecMaster, TimeSpan, load, read_secmaster_secrets_again};
    use crate::config::ConfigError;

    const PROFILE: &str = "[basic]\nak = profile-ak\nsk = profile-sk\nproject_id = 0123456789abcdef0123456789abcdef\n";

    /// Loads with these variables, with a workspace and `HOME` in this folder.
    fn load_with(home: &TempDir, variables: &[(&str, &str)]) -> Result<SecMaster, ConfigError> {
        let mut environment: Environment =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let workspace = "909494e3-558e-46b6-a9eb-07a8e18ca62f".to_owned();
        let _previous = environment.insert("ALERTBRIDGE__SECMASTER__WORKSPACE_ID".to_owned(), workspace);
        let _previous = environment.insert("HOME".to_owned(), home.path().display().to_string());
        load(&["/dev/null".into()], &environment, Purpose::Call).map(|loaded| loaded.config.secmaster)
    }

    fn with_profile(text: &str) -> TempDir {
        let home = TempDir::new().unwrap();
        fs::create_dir(home.path().join(".huaweicloud")).unwrap();
        fs::write(home.path().join(".huaweicloud/credentials"), text).unwrap();
        home
    }

    fn key(secmaster: &SecMaster) -> (&str, &str) {
        let c = &secmaster.credentials;
        (c.access_key_id.as_ref().unwrap().expose_secret(), c.secret_access_key.as_ref().unwrap().expose_secret())
    }

    #[test]
    fn the_profile_file_is_read_where_nothing_else_says_who_the_bridge_is() {
        let home = with_profile(PROFILE);
        let secmaster = load_with(&home, &[]).unwrap();
        assert_eq!(key(&secmaster), ("profile-ak", "profile-sk"));
        assert_eq!(secmaster.project_id, "0123456789abcdef0123456789abcdef");
        let project = ("HUAWEICLOUD_SDK_PROJECT_ID", "fedcba9876543210fedcba9876543210");
        let both = [("HUAWEICLOUD_SDK_AK", "env-ak"), ("HUAWEICLOUD_SDK_SK", "env-sk"), project];
        assert_eq!(key(&load_with(&home, &both).unwrap()), ("env-ak", "env-sk"));
        let half = load_with(&home, &[("HUAWEICLOUD_SDK_AK", "env-ak"), project]).unwrap_err().to_string();
        assert!(half.contains("`secmaster.credentials.secret_access_key` is missing"), "no halves are joined: {half}");
    }

    #[test]
    fn a_named_profile_file_has_to_be_there_and_one_in_the_home_folder_need_not() {
        let home = TempDir::new().unwrap();
        let named = home.path().join("p").display().to_string();
        let missing = load_with(&home, &[("HUAWEICLOUD_SDK_CREDENTIALS_FILE", &named)]).unwrap_err().to_string();
        assert!(missing.contains("the profile file") && missing.contains("No such file"), "{missing}");
        let unnamed = load_with(&home, &[]).unwrap_err().to_string();
        assert!(!unnamed.contains("the profile file /"), "{unnamed}");
        fs::write(&named, PROFILE).unwrap();
        let found = load_with(&home, &[("HUAWEICLOUD_SDK_CREDENTIALS_FILE", &named)]).unwrap();
        assert_eq!(key(&found).0, "profile-ak");
    }

    #[test]
    fn a_rotated_profile_is_read_again() {
        let home = with_profile(PROFILE);
        let config = crate::config::Config { secmaster: load_with(&home, &[]).unwrap(), ..Default::default() };
        let rotated = PROFILE.replace("profile-sk", "rotated") + "security_token = t\n";
        fs::write(home.path().join(".huaweicloud/credentials"), rotated).unwrap();
        let again = read_secmaster_secrets_again(&config).unwrap();
        assert_eq!(key(&again.secmaster), ("profile-ak", "rotated"));
        assert_eq!(again.secmaster.credentials.security_token.unwrap().expose_secret(), "t");
    }

    #[test]
    fn a_security_token_is_taken_with_its_own_key_only() {
        let home = TempDir::new().unwrap();
        let project = ("HUAWEICLOUD_SDK_PROJECT_ID", "fedcba9876543210fedcba9876543210");
        let token = ("HUAWEICLOUD_SDK_SECURITY_TOKEN", "t");
        let sk = ("HUAWEICLOUD_SDK_SK", "s");
        let taken = load_with(&home, &[project, token, sk, ("HUAWEICLOUD_SDK_AK", "a")]).unwrap();
        assert!(taken.credentials.security_token.is_some());
        let other = ("ALERTBRIDGE__SECMASTER__CREDENTIALS__ACCESS_KEY_ID", "mine");
        let left = load_with(&home, &[project, token, sk, other]).unwrap();
        assert!(left.credentials.security_token.is_none());
    }

    #[test]
    fn federation_is_taken_from_the_vendors_variables() {
        let home = with_profile("[basic]\nidp_id = from-profile\nid_token_file = /etc/hostname\n");
        let project = ("HUAWEICLOUD_SDK_PROJECT_ID", "fedcba9876543210fedcba9876543210");
        let kind = ("ALERTBRIDGE__SECMASTER__CREDENTIALS__KIND", "oidc");
        let agency = [
            project,
            kind,
            ("HUAWEICLOUD_OIDC_PROVIDER_URN", "p"),
            ("HUAWEICLOUD_OIDC_AGENCY_URN", "a"),
            ("HUAWEICLOUD_OIDC_ID_TOKEN", "t"),
            ("HUAWEICLOUD_OIDC_TOKEN_FILE", "/none"),
            ("HUAWEICLOUD_OIDC_SESSION_NAME", "s"),
            ("HUAWEICLOUD_OIDC_DURATION_SECONDS", "1800"),
            ("HUAWEICLOUD_OIDC_POLICY_IDS", "x, y"),
            ("HUAWEICLOUD_SDK_STS_ENDPOINT", "https://sts.example.com"),
            ("HUAWEICLOUD_SDK_IDP_ID", "not-this"),
        ];
        let oidc = load_with(&home, &agency).unwrap().credentials.oidc;
        assert_eq!((oidc.provider_urn.as_deref(), oidc.agency_urn.as_deref()), (Some("p"), Some("a")));
        assert_eq!((oidc.id_token.unwrap().expose_secret(), oidc.id_token_file), ("t", None));
        assert_eq!((oidc.session_name.as_deref(), oidc.duration), (Some("s"), Some(TimeSpan::from_secs(1_800))));
        assert_eq!((oidc.policy_ids, oidc.idp_id), (vec!["x".to_owned(), "y".to_owned()], None));
        assert_eq!(oidc.sts_endpoint.as_deref(), Some("https://sts.example.com"));

        let file = ("HUAWEICLOUD_SDK_ID_TOKEN_FILE", "/etc/passwd");
        let oidc = load_with(&home, &[project, kind, ("HUAWEICLOUD_SDK_IDP_ID", "i"), file]).unwrap().credentials.oidc;
        assert_eq!((oidc.idp_id.as_deref(), oidc.id_token_file), (Some("i"), Some("/etc/passwd".into())));
        let oidc = load_with(&home, &[project, kind]).unwrap().credentials.oidc;
        assert_eq!((oidc.idp_id.as_deref(), oidc.id_token_file), (Some("from-profile"), Some("/etc/hostname".into())));
    }

    #[test]
    fn the_regions_endpoint_is_taken_from_the_vendors_variable() {
        let home = with_profile(PROFILE);
        let name = "HUAWEICLOUD_SDK_REGION_SECMASTER_CN_NORTH_4";
        let endpoint = |value| load_with(&home, &[(name, value)]).unwrap().endpoint;
        assert_eq!(endpoint("http://127.0.0.1:1,https://other").as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(endpoint("secmaster.example.com").as_deref(), Some("https://secmaster.example.com"));
        assert_eq!(load_with(&home, &[]).unwrap().endpoint, None);
    }
}
