//! What a client that runs is given: another password, which its next connection or authentication uses, or a token.

use std::ffi::{CString, c_char};
use std::ptr;

use rdkafka::ClientContext;
use rdkafka::bindings::{rd_kafka_error_destroy, rd_kafka_oauthbearer_set_token, rd_kafka_sasl_set_credentials};
use rdkafka::client::{Client, OAuthToken};
use rdkafka::error::RDKafkaErrorCode;
use secrecy::{ExposeSecret, SecretString};

use crate::kafka::ClientError;

/// As long may librdkafka's word about a token be.
const WORD: usize = 256;

/// Sets user and password of PLAIN or SCRAM.
#[expect(unsafe_code, reason = "rust-rdkafka has no safe function for it")]
pub(super) fn set<C: ClientContext>(client: &Client<C>, user: &str, password: &SecretString) {
    // A text with NUL in it was refused when a client was made of it to try it.
    let (Ok(user), Ok(password)) = (CString::new(user), CString::new(password.expose_secret())) else { return };
    // SAFETY: the client is alive for as long as it is borrowed, both texts end with NUL and are copied by the function,
    // which takes its own lock. What it returns is null, since both texts are given; null may be destroyed, too.
    unsafe {
        let error = rd_kafka_sasl_set_credentials(client.native_ptr(), user.as_ptr(), password.as_ptr());
        rd_kafka_error_destroy(error);
    }
}

/// Gives a token of OAUTHBEARER to a client whose requests for one nobody hears: rust-rdkafka's `AdminClient` polls a
/// queue of its own alone.
///
/// # Errors
///
/// librdkafka does not take it.
#[expect(unsafe_code, reason = "rust-rdkafka has no safe function for it")]
pub(in crate::kafka) fn show_token<C: ClientContext>(client: &Client<C>, token: OAuthToken) -> Result<(), ClientError> {
    let nul = |_| ClientError("the token for Kafka holds NUL".to_owned());
    let principal = CString::new(token.principal_name).map_err(nul)?;
    let secret = CString::new(token.token).map_err(nul)?;
    let mut word: [c_char; WORD] = [0; WORD];
    // SAFETY: the client is alive for as long as it is borrowed, both texts end with NUL and are copied by the function,
    // there are no extensions, and it writes at most as much as it is told that there is room for.
    let code = unsafe {
        rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            secret.as_ptr(),
            token.lifetime_ms,
            principal.as_ptr(),
            ptr::null_mut(),
            0,
            word.as_mut_ptr(),
            WORD,
        )
    };
    let code = RDKafkaErrorCode::from(code);
    if code == RDKafkaErrorCode::NoError { Ok(()) } else { Err(ClientError(format!("the token is not taken: {code}"))) }
}
