//! The listeners of a broker that want to know who comes, and what they are shown.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// A listener over TLS, besides the plain one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Listener {
    /// TLS alone.
    Tls,
    /// The client shows a certificate, too.
    Mutual,
    /// SCRAM-SHA-512; clients have to authenticate anew every few seconds.
    Scram,
    /// PLAIN.
    Plain,
    /// OAUTHBEARER; clients have to authenticate anew every few seconds.
    Oauth,
}

impl Listener {
    pub(crate) const ALL: [Self; 5] = [Self::Tls, Self::Mutual, Self::Scram, Self::Plain, Self::Oauth];

    fn name(self) -> &'static str {
        match self {
            Self::Tls => "TLS",
            Self::Mutual => "MUTUAL",
            Self::Scram => "SCRAM",
            Self::Plain => "PASSWORD",
            Self::Oauth => "OAUTH",
        }
    }
}

/// The listeners as a broker's properties have them: `NAME://localhost:port`, and each one's protocol.
pub(crate) fn listeners(ports: &[u16; 5]) -> (String, String) {
    let (mut addresses, mut protocols) = (String::new(), String::new());
    for (listener, port) in Listener::ALL.into_iter().zip(ports) {
        let name = listener.name();
        let protocol = if matches!(listener, Listener::Tls | Listener::Mutual) { "SSL" } else { "SASL_SSL" };
        write!(addresses, ",{name}://localhost:{port}").unwrap();
        write!(protocols, ",{name}:{protocol}").unwrap();
    }
    (addresses, protocols)
}

/// The rest of their properties. Tokens are unsecured ones, whose times and principal the broker checks.
pub(crate) fn properties(folder: &Path, user: &str, password: &str) -> String {
    let mut text = String::new();
    for listener in Listener::ALL {
        let name = listener.name().to_lowercase();
        let keystore = folder.join("broker.pem");
        write!(
            text,
            "listener.name.{name}.ssl.keystore.type=PEM\nlistener.name.{name}.ssl.keystore.location={}\n",
            keystore.display()
        )
        .unwrap();
    }
    let ca = ca_file(folder);
    write!(
        text,
        "listener.name.mutual.ssl.truststore.type=PEM\n\
         listener.name.mutual.ssl.truststore.location={ca}\n\
         listener.name.mutual.ssl.client.auth=required\n\
         listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
         listener.name.scram.scram-sha-512.connections.max.reauth.ms=2000\n\
         listener.name.scram.scram-sha-512.sasl.jaas.config=\
         org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
         listener.name.password.sasl.enabled.mechanisms=PLAIN\n\
         listener.name.password.plain.sasl.jaas.config=\
         org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}=\"{password}\";\n\
         listener.name.oauth.sasl.enabled.mechanisms=OAUTHBEARER\n\
         listener.name.oauth.oauthbearer.connections.max.reauth.ms=3000\n\
         listener.name.oauth.oauthbearer.sasl.jaas.config=\
         org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;\n",
        ca = ca.display(),
    )
    .unwrap();
    text
}

pub(crate) fn ca_file(folder: &Path) -> PathBuf {
    folder.join("ca.pem")
}

/// An authority, the broker's certificate for `localhost` with its key, and what it takes to make certificates of clients.
pub(crate) fn write_certificates(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let authority = authority().self_signed(&key).unwrap().pem();
    fs::write(ca_file(folder), &authority).unwrap();
    fs::write(folder.join("ca.key"), key.serialize_pem()).unwrap();
    let (certificate, key) = signed(&fs::read_to_string(folder.join("ca.key")).unwrap(), "localhost");
    fs::write(folder.join("broker.pem"), format!("{key}{certificate}{authority}")).unwrap();
}

/// A certificate for a name by the authority with this key, and the certificate's own key; both PEM.
pub(crate) fn signed(authority_key: &str, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(authority(), KeyPair::from_pem(authority_key).unwrap());
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn authority() -> CertificateParams {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "alertbridge test authority");
    authority
}
