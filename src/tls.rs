//! The roots that servers are trusted by: the system's, and the user's own CA file, which works alone in an image
//! without any system roots.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

use crate::bounded_file;

/// Why there is no TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The CA file cannot be read.
    #[error("cannot read the CA file {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The CA file holds no usable certificate.
    #[error("the CA file {path} {problem}; it must hold at least one certificate in PEM form")]
    NoCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing to trust a server by.
    #[error("no trusted roots: the system has none; give the CA's certificate as ca_file")]
    NoRoots,
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// The TLS configuration of the HTTP client. `needed`: whether having no root at all is an error.
pub(crate) fn client_config(ca_file: Option<&Path>, needed: bool) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::debug!(event = "tls.system_root_unreadable", %error, "a system root could not be read");
    }
    let (_added, _ignored) = roots.add_parsable_certificates(system.certs);
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    if roots.is_empty() && needed {
        return Err(TlsError::NoRoots);
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Ok(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth())
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let unusable = |problem: String| TlsError::NoCertificate { path: path.to_owned(), problem };
    let text = bounded_file::read(path, bounded_file::OF_CERTIFICATES)
        .map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })?;
    let certificates: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|error| unusable(format!("is not PEM ({error})")))?;
    if certificates.is_empty() {
        return Err(unusable("holds no certificate".to_owned()));
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|error| unusable(format!("holds a bad certificate ({error})")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{TlsError, client_config};

    #[test]
    fn a_ca_file_without_a_certificate_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "no certificate").unwrap();
        let error = client_config(Some(&path), true).unwrap_err();
        assert!(matches!(error, TlsError::NoCertificate { .. }), "{error}");
        assert!(error.to_string().contains("ca.pem"), "{error}");
        let error = client_config(Some(Path::new("/does/not/exist.pem")), true).unwrap_err();
        assert!(matches!(error, TlsError::Unreadable { .. }), "{error}");
    }
}
