//! Another password for a client that runs: its connections stay, and the next one that is made, or authenticates anew, uses it.

use std::ffi::CString;

use rdkafka::ClientContext;
use rdkafka::bindings::{rd_kafka_error_destroy, rd_kafka_sasl_set_credentials};
use rdkafka::client::Client;
use secrecy::{ExposeSecret, SecretString};

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
