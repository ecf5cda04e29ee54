//! The client of SecMaster's API: endpoints, credentials and signing, errors and their classes.
//!
//! Serves promises 3 (every attempt sends the given bytes unchanged), 4 (what is wrong with target or credentials is
//! told apart from what is wrong with a request) and 7 (no secret in an error text or `Debug` output).
//! It sends once and classifies; when to send, and whether again, is decided elsewhere. No request is repeated here: what
//! is tried again by itself is the renewal of a token or temporary key in use (`renewed`).

mod alerts;
pub mod api;
mod call;
mod classify;
mod client;
mod clock;
mod confirmation;
mod credentials;
mod endpoint;
mod error_body;
mod excerpt;
mod http_clients;
mod iam;
mod issuer;
mod listing;
mod renewed;
mod response;
mod retry_after;
pub mod signing;
mod signing_key;
mod target;
mod temporary_keys;

pub use classify::{Classifier, FailureOverride};
pub use client::{BuildError, ClientSettings, Renewal, SecMasterClient};
pub use credentials::CredentialSettings;
pub use endpoint::{Endpoint, EndpointError, iam_endpoint, secmaster_endpoint, sts_endpoint};
pub use temporary_keys::{Exchange, IdToken, KeySource};
