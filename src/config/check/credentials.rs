//! Checks of `secmaster.credentials`: what the chosen kind needs is there. Other kinds' keys are not looked at.

use secrecy::{ExposeSecret, SecretString};

use super::Faults;
use super::secmaster::endpoint;
use crate::config::{CredentialKind, Credentials};

/// A key, whether it is given, and what else would do.
type Needed = (&'static str, bool, &'static str);

pub(super) fn check(c: &Credentials, faults: &mut Faults) {
    for (key, address) in [
        ("iam_endpoint", &c.iam_endpoint),
        ("metadata_endpoint", &c.metadata_endpoint),
        ("oidc.sts_endpoint", &c.oidc.sts_endpoint),
        ("pod_identity.credentials_uri", &c.pod_identity.credentials_uri),
    ] {
        endpoint(&format!("secmaster.credentials.{key}"), address.as_deref(), faults);
    }
    let (kind, needed) = match c.kind {
        CredentialKind::AccessKey => (
            "access_key",
            vec![
                (
                    "access_key_id",
                    secret(&c.access_key_id, c.access_key_id_file.is_some()),
                    " (or HUAWEICLOUD_SDK_AK, or the vendor's profile file)",
                ),
                (
                    "secret_access_key",
                    secret(&c.secret_access_key, c.secret_access_key_file.is_some()),
                    " (or HUAWEICLOUD_SDK_SK, or the vendor's profile file)",
                ),
            ],
        ),
        CredentialKind::Password => (
            "password",
            vec![
                ("domain_name", text(&c.domain_name), ""),
                ("user_name", text(&c.user_name), ""),
                ("password", secret(&c.password, c.password_file.is_some()), " (or password_file)"),
            ],
        ),
        CredentialKind::Token => {
            ("token", vec![("token", secret(&c.token, c.token_file.is_some()), " (or token_file)")])
        }
        CredentialKind::InstanceAgency => return,
        CredentialKind::Oidc => ("oidc", oidc(c, faults)),
        CredentialKind::PodIdentity => {
            let p = &c.pod_identity;
            let file = p.authorization_token_file.as_deref();
            faults.file("secmaster.credentials.pod_identity.authorization_token_file", file);
            (
                "pod_identity",
                vec![
                    (
                        "pod_identity.credentials_uri",
                        text(&p.credentials_uri),
                        " (or HC_CONTAINER_CREDENTIALS_FULL_URI, which the cluster sets)",
                    ),
                    (
                        "pod_identity.authorization_token_file",
                        file.is_some(),
                        " (or HC_CONTAINER_AUTHORIZATION_TOKEN_FILE, which the cluster sets)",
                    ),
                ],
            )
        }
    };
    for (key, given, or) in needed {
        let path = format!("secmaster.credentials.{key}");
        faults.needed(given, &path, || format!("`{path}` is missing: credentials of kind `{kind}` need it{or}"));
    }
}

fn oidc(c: &Credentials, faults: &mut Faults) -> Vec<Needed> {
    const DURATION: &str = "secmaster.credentials.oidc.duration";
    let o = &c.oidc;
    let has_token = secret(&o.id_token, false);
    faults.file("secmaster.credentials.oidc.id_token_file", o.id_token_file.as_deref());
    faults.unless(!(has_token && o.id_token_file.is_some()), "secmaster.credentials.oidc.id_token_file", || {
        "`secmaster.credentials.oidc.id_token` and `secmaster.credentials.oidc.id_token_file` are both given: remove one"
            .to_owned()
    });
    let is_agency = text(&o.provider_urn) || text(&o.agency_urn);
    faults.unless(!(is_agency && text(&o.idp_id)), "secmaster.credentials.oidc.idp_id", || {
        "`secmaster.credentials.oidc.idp_id` and the URNs beside it are both given: `provider_urn` and `agency_urn` are \
         for STS, `idp_id` is for IAM; remove one"
            .to_owned()
    });
    // IAM gives keys of 15 minutes to 24 hours; of a shorter one nothing would be left for renewing it.
    let seconds = o.duration.map(|duration| duration.get().as_secs());
    faults.unless(seconds.is_none_or(|seconds| (900..=86_400).contains(&seconds)), DURATION, || {
        format!("`{DURATION}` must be from `15m` to `24h`")
    });
    let token = (
        "oidc.id_token_file",
        has_token || o.id_token_file.is_some(),
        " (or id_token, HUAWEICLOUD_OIDC_TOKEN_FILE, HUAWEICLOUD_SDK_ID_TOKEN_FILE)",
    );
    if text(&o.idp_id) && !is_agency {
        return vec![token];
    }
    vec![
        ("oidc.provider_urn", text(&o.provider_urn), " (or HUAWEICLOUD_OIDC_PROVIDER_URN; or idp_id instead)"),
        ("oidc.agency_urn", text(&o.agency_urn), " (or HUAWEICLOUD_OIDC_AGENCY_URN; or idp_id instead)"),
        token,
    ]
}

fn secret(secret: &Option<SecretString>, file: bool) -> bool {
    file || secret.as_ref().is_some_and(|secret| !secret.expose_secret().is_empty())
}

fn text(text: &Option<String>) -> bool {
    text.as_ref().is_some_and(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::config::{Environment, Purpose, load};

    /// Loads with these keys below `secmaster.credentials`: the faults, or else the hints.
    fn said(credentials: &str) -> String {
        let variables = [
            ("ALERTBRIDGE__SECMASTER__CREDENTIALS", credentials),
            ("ALERTBRIDGE__SECMASTER__WORKSPACE_ID", "909494e3-558e-46b6-a9eb-07a8e18ca62f"),
            ("HUAWEICLOUD_SDK_PROJECT_ID", "0123456789abcdef0123456789abcdef"),
        ];
        let environment: Environment =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        match load(&["/dev/null".into()], &environment, Purpose::Call) {
            Ok(loaded) => loaded.hints.join("\n"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn federation_is_either_by_sts_or_by_iam_and_with_one_token() {
        let agency = "kind: oidc, oidc: {provider_urn: p, agency_urn: a";
        assert_eq!(said(&format!("{{{agency}, id_token: t}}}}")), "");
        assert_eq!(said("{kind: oidc, oidc: {idp_id: i, id_token: t}}"), "");
        let both = said(&format!("{{{agency}, idp_id: i, id_token: t}}}}"));
        assert!(both.contains("`idp_id` is for IAM; remove one"), "{both}");
        let two = said(&format!("{{{agency}, id_token: t, id_token_file: /etc/hostname}}}}"));
        assert!(two.contains("are both given: remove one"), "{two}");
        let missing = said(&format!("{{{agency}, id_token_file: /none/token}}}}"));
        assert!(missing.contains("cannot read `/none/token`"), "{missing}");
        for duration in ["14m", "25h"] {
            let wrong = said(&format!("{{{agency}, id_token: t, duration: {duration}}}}}"));
            assert!(wrong.contains("must be from `15m` to `24h`"), "{wrong}");
        }
    }

    #[test]
    fn an_issuer_over_http_is_a_hint_and_one_near_by_is_not() {
        let sts =
            "{kind: oidc, oidc: {provider_urn: p, agency_urn: a, id_token: t, sts_endpoint: 'http://sts.example.com'}}";
        assert_eq!(
            said(sts),
            "secmaster.credentials.oidc.sts_endpoint: with http credentials cross the network readable"
        );
        assert_eq!(said("{kind: instance_agency, metadata_endpoint: 'http://169.254.169.254'}"), "");
        assert_eq!(said("{kind: instance_agency}"), "");
    }
}
