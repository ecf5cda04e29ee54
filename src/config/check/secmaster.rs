//! Checks of `secmaster`.

use http::Uri;

use super::Faults;
use crate::config::{CredentialKind, SecMaster};

pub(super) fn check(secmaster: &SecMaster, faults: &mut Faults) {
    let region = &secmaster.region;
    let fits = !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    faults.unless(fits, "secmaster.region", || {
        format!("`secmaster.region`: `{region}` is not a region, e.g. `cn-north-4`")
    });
    endpoint("secmaster.endpoint", secmaster.endpoint.as_deref(), faults);
    if secmaster.project_id.is_empty() {
        faults.needed(false, "secmaster.project_id", || {
            "`secmaster.project_id` is missing: set it to the IAM project's id in the region \
             (or HUAWEICLOUD_SDK_PROJECT_ID)"
                .to_owned()
        });
    } else {
        faults.project("secmaster.project_id", &secmaster.project_id);
    }
    if secmaster.workspace_id.is_empty() {
        faults.needed(false, "secmaster.workspace_id", || {
            "`secmaster.workspace_id` is missing: set it to the SecMaster workspace's id (a UUID)".to_owned()
        });
    } else {
        faults.uuid("secmaster.workspace_id", &secmaster.workspace_id);
    }
    super::credentials::check(&secmaster.credentials, faults);
    faults.file("secmaster.ca_file", secmaster.ca_file.as_deref());
    let (connect, request) = (secmaster.connect_timeout, secmaster.request_timeout);
    faults.unless(!connect.get().is_zero(), "secmaster.connect_timeout", || {
        "`secmaster.connect_timeout` must be longer than nothing, e.g. `5s`".to_owned()
    });
    faults.unless(connect < request, "secmaster.connect_timeout", || {
        format!(
            "`secmaster.connect_timeout` ({connect}) must be shorter than `secmaster.request_timeout` ({request}), \
             which includes it"
        )
    });
}

pub(super) fn endpoint(path: &str, endpoint: Option<&str>, faults: &mut Faults) {
    let Some(endpoint) = endpoint else { return };
    let uri = endpoint.parse::<Uri>().ok();
    let fits = uri.as_ref().is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && uri.query().is_none()
    });
    // Not shown: it may hold a password before an `@`.
    faults.unless(fits && !endpoint.contains('#'), path, || {
        format!("`{path}` must be an address such as `https://secmaster.example.com`, without user, query or fragment")
    });
}

pub(super) fn hint(secmaster: &SecMaster) -> Option<String> {
    let credentials = &secmaster.credentials;
    if is_readable(secmaster.endpoint.as_deref()) {
        return Some("secmaster.endpoint: with http alerts and credentials cross the network readable".to_owned());
    }
    let issuers = [
        ("iam_endpoint", &credentials.iam_endpoint, [CredentialKind::Password, CredentialKind::Oidc]),
        ("oidc.sts_endpoint", &credentials.oidc.sts_endpoint, [CredentialKind::Oidc; 2]),
    ];
    let mut issuers = issuers.iter().filter(|(_, _, kinds)| kinds.contains(&credentials.kind));
    let (key, ..) = issuers.find(|(_, address, _)| is_readable(address.as_deref()))?;
    Some(format!("secmaster.credentials.{key}: with http credentials cross the network readable"))
}

/// Whether what is sent to this address can be read on its way. The metadata service and pod identity are near by, and
/// speak http as a rule.
fn is_readable(address: Option<&str>) -> bool {
    let Some(uri) = address.and_then(|address| address.parse::<Uri>().ok()) else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let local = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    uri.scheme_str() == Some("http") && !local
}
