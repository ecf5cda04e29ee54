//! `server`: who may ask.

use secrecy::ExposeSecret;

use super::Faults;
use crate::config::Server;

/// Fewer characters can be tried out.
const SHORTEST: usize = 16;

pub(super) fn check(server: &Server, faults: &mut Faults) {
    let Some(token) = &server.token else { return };
    let token = token.expose_secret();
    let key = if server.token_file.is_some() { "server.token_file" } else { "server.token" };
    faults.unless(token.len() >= SHORTEST && token.bytes().all(|b| b.is_ascii_graphic()), key, || {
        format!(
            "`{key}`: a token has at least {SHORTEST} letters, digits and signs of ASCII and no spaces, e.g. what \
             `openssl rand -hex 32` prints"
        )
    });
}

/// Beyond the machine, and everybody may open the guard.
pub(super) fn hint(server: &Server) -> Option<String> {
    let is_open = server.token.is_none() && !server.listen.ip().is_loopback();
    is_open.then(|| {
        format!(
            "`server.listen: {}` is reached from other machines and `server.token` is not set: whoever reaches it may \
             read /status, open the dead-letter guard and change the log's level; set server.token_file, or let a \
             network policy keep others out",
            server.listen
        )
    })
}
