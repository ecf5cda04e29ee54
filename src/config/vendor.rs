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
            let name =
                if is_agency { "HUAWEICLOUD_OIDC_TOKEN_FILE" } else { "HUAWEICLOUD_SDK_ID_TOKEN_FILE" };
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
