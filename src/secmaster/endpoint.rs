//! Where the cloud's services are: hosts by region, and addresses given by the user.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// Regions with an IAM host of their own (SDK 3.1.219, `IamRegion`); all others use the global one.
const IAM_REGIONS: [&str; 27] = [
    "cn-north-1",
    "cn-north-2",
    "cn-north-4",
    "cn-north-9",
    "cn-north-12",
    "cn-east-2",
    "cn-east-3",
    "cn-east-4",
    "cn-east-5",
    "cn-south-1",
    "cn-south-2",
    "cn-southwest-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "af-south-1",
    "sa-brazil-1",
    "la-south-2",
    "la-north-2",
    "na-mexico-1",
    "eu-west-0",
    "my-kualalumpur-1",
    "ru-moscow-1",
    "me-east-1",
    "ae-ad-1",
    "tr-west-1",
];

/// Regions with an STS host of their own (SDK 3.1.219, `auth/endpoint.py`); all others use the first's.
const STS_REGIONS: [&str; 12] = [
    "cn-north-4",
    "cn-south-1",
    "cn-east-3",
    "cn-southwest-2",
    "ap-southeast-1",
    "ap-southeast-3",
    "ap-southeast-2",
    "sa-brazil-1",
    "la-south-2",
    "af-south-1",
    "ap-southeast-4",
    "tr-west-1",
];

/// The address of SecMaster in a region, e.g. `https://secmaster.cn-north-4.myhuaweicloud.com`.
#[must_use]
pub fn secmaster_endpoint(region: &str) -> String {
    format!("https://secmaster.{region}.myhuaweicloud.com")
}

/// The address of IAM for a region: its own where it has one, else the global one.
#[must_use]
pub fn iam_endpoint(region: &str) -> String {
    if IAM_REGIONS.contains(&region) {
        format!("https://iam.{region}.myhuaweicloud.com")
    } else {
        "https://iam.myhuaweicloud.com".to_owned()
    }
}

/// The address of STS for a region: its own where it has one, else that of `cn-north-4`.
#[must_use]
pub fn sts_endpoint(region: &str) -> String {
    let region = if STS_REGIONS.contains(&region) { region } else { STS_REGIONS[0] };
    format!("https://sts.{region}.myhuaweicloud.com")
}

/// The address of a service: scheme and host, perhaps a port and a path that precedes every other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    base: Url,
}

/// Why a text is not an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL with a host.
    #[error("is not an address such as https://secmaster.cn-north-4.myhuaweicloud.com")]
    NotAUrl,
    /// Another scheme.
    #[error("must begin with https:// or http://")]
    Scheme,
    /// User name or password in the URL: they would get into logs.
    #[error("must not hold a user name or password")]
    UserInfo,
    /// Query or fragment in the URL.
    #[error("must not have a query or fragment")]
    Query,
}

impl Endpoint {
    /// The URL of a path (absolute and percent-encoded) and a query (encoded; empty for none).
    pub(super) fn url(&self, path: &str, query: &str) -> Url {
        let mut url = self.base.clone();
        let mut whole = self.base.path().trim_end_matches('/').to_owned();
        whole.push_str(path);
        url.set_path(&whole);
        url.set_query((!query.is_empty()).then_some(query));
        url
    }

    /// The value of the `Host` header: with the port unless it is the scheme's own, as hyper sends it and the
    /// signature covers it.
    pub(super) fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        match self.base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Whether TLS is used.
    pub(super) fn is_tls(&self) -> bool {
        self.base.scheme() == "https"
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let base = Url::parse(text).map_err(|_| EndpointError::NotAUrl)?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(EndpointError::Scheme);
        }
        if base.host_str().is_none_or(str::is_empty) {
            return Err(EndpointError::NotAUrl);
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(EndpointError::UserInfo);
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(EndpointError::Query);
        }
        Ok(Self { base })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, EndpointError, iam_endpoint, secmaster_endpoint};

    #[test]
    fn regions_without_an_iam_of_their_own_use_the_global_one() {
        assert_eq!(iam_endpoint("cn-north-4"), "https://iam.cn-north-4.myhuaweicloud.com");
        for region in ["cn-north-11", "af-north-1", "eu-west-101", "ap-southeast-5", "cn-southwest-3", ""] {
            assert_eq!(iam_endpoint(region), "https://iam.myhuaweicloud.com", "{region}");
        }
        assert_eq!(secmaster_endpoint("eu-west-101"), "https://secmaster.eu-west-101.myhuaweicloud.com");
    }

    #[test]
    fn the_host_has_a_port_only_where_it_is_not_the_schemes_own() {
        let host = |text: &str| text.parse::<Endpoint>().unwrap().host();
        assert_eq!(host("https://h.example.com:443/"), "h.example.com");
        assert_eq!(host("http://127.0.0.1:8090"), "127.0.0.1:8090");
        assert_eq!(host("http://[::1]:80"), "[::1]");
    }

    #[test]
    fn a_path_of_the_endpoint_precedes_the_apis_own() {
        let endpoint: Endpoint = "https://gw.example.com/cloud/".parse().unwrap();
        assert_eq!(endpoint.url("/v1/a%2Fb", "x=1").as_str(), "https://gw.example.com/cloud/v1/a%2Fb?x=1");
        let plain: Endpoint = "https://gw.example.com".parse().unwrap();
        assert_eq!(plain.url("/v1/a", "").as_str(), "https://gw.example.com/v1/a");
    }

    #[test]
    fn what_is_not_a_plain_address_is_refused() {
        let parse = |text: &str| text.parse::<Endpoint>().unwrap_err();
        assert_eq!(parse("secmaster.example.com"), EndpointError::NotAUrl);
        assert_eq!(parse("ftp://h"), EndpointError::Scheme);
        assert_eq!(parse("https://me:pw@h"), EndpointError::UserInfo);
        assert_eq!(parse("https://h?x=1"), EndpointError::Query);
    }
}
