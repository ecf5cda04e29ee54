//! Who may ask: a token, where one is configured, for what shows places and names of alerts or changes something
//! (promise 7). Probes and metrics stay open: kubelet sends no token, and they tell nothing of an alert.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::refusal;
use crate::config::Server;

/// What has to be shown. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Access {
    token: Option<Arc<Token>>,
}

#[derive(Debug)]
struct Token {
    /// Where it stands, so that a changed one counts at once.
    file: Option<PathBuf>,
    /// As it was read last.
    last: Mutex<SecretString>,
}

impl Access {
    /// As the configuration says, whose secrets have been read.
    #[must_use]
    pub fn new(server: &Server) -> Self {
        let token = |token: SecretString| Token { file: server.token_file.clone(), last: Mutex::new(token) };
        Self { token: server.token.clone().map(|given| Arc::new(token(given))) }
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let given = headers.get(header::AUTHORIZATION).and_then(bearer);
        given.is_some_and(|given| is_same(given, token.current().expose_secret().as_bytes()))
    }
}

impl Token {
    /// The token in the file; while that cannot be read (it is being replaced), the last one.
    fn current(&self) -> SecretString {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(fresh)) = self.file.as_deref().map(Server::token_in) {
            *last = fresh;
        }
        last.clone()
    }
}

/// The token of `Bearer {token}`; the scheme's case does not count.
fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

/// Compares in a time that tells neither where two texts differ nor how long the right one is.
fn is_same(given: &[u8], right: &[u8]) -> bool {
    let digest = |text: &[u8]| Hmac::<Sha256>::new_from_slice(b"alertbridge").map(|mac| mac.chain_update(text));
    match (digest(given), digest(right)) {
        (Ok(given), Ok(right)) => given.verify(&right.finalize().into_bytes()).is_ok(),
        _ => false,
    }
}

/// Lets the request through or refuses it.
pub(super) async fn check(State(access): State<Access>, request: Request, next: Next) -> Response {
    if access.admits(request.headers()) {
        return next.run(request).await;
    }
    let mut answer =
        refusal(StatusCode::UNAUTHORIZED, "this asks for server.token: send it as `Authorization: Bearer TOKEN`");
    let _none = answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer.into_response()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn shows(access: &Access, value: &'static str) -> bool {
        access.admits(&[(header::AUTHORIZATION, HeaderValue::from_static(value))].into_iter().collect())
    }

    #[test]
    fn without_a_token_everybody_may_ask_and_with_one_only_who_shows_it() {
        let open = Access::new(&Server::default());
        assert!(open.admits(&HeaderMap::new()));
        let access = Access::new(&Server { token: Some("0123456789abcdef".into()), ..Server::default() });
        assert!(!access.admits(&HeaderMap::new()));
        assert!(shows(&access, "Bearer 0123456789abcdef") && shows(&access, "bearer 0123456789abcdef"));
        for wrong in [
            "Bearer 0123456789abcdeg",
            "Bearer 0123456789abcde",
            "Bearer ",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert!(!shows(&access, wrong), "{wrong}");
        }
    }

    #[test]
    fn a_changed_file_counts_at_once_and_a_missing_one_leaves_the_last_token() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let server =
            Server { token: Some("the-first-token".into()), token_file: Some(file.clone()), ..Server::default() };
        let access = Access::new(&server);
        assert!(shows(&access, "Bearer the-first-token"));
        fs::write(&file, "the-second-token\n").unwrap();
        assert!(shows(&access, "Bearer the-second-token") && !shows(&access, "Bearer the-first-token"));
        fs::remove_file(&file).unwrap();
        assert!(shows(&access, "Bearer the-second-token"));
    }
}
