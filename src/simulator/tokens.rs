//! IAM: tokens for passwords, `POST /v3/auth/tokens`.

use std::collections::HashMap;
use std::time::Duration;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use rand::RngExt;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::answer::{Refusal, json_answer};
use super::settings::IamUser;

/// The tokens given out.
#[derive(Debug)]
pub(super) struct Tokens {
    users: Vec<IamUser>,
    issued: HashMap<String, Issued>,
    /// Tokens that only other calls for credentials take, with what they are for.
    open: HashMap<String, &'static str>,
}

#[derive(Debug)]
struct Issued {
    expires_at: Instant,
    /// The project's id, where the scope gave one (it may give a name instead, which is good for any here).
    project_id: Option<String>,
}

/// The documented request.
#[derive(Deserialize)]
struct Ask {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    identity: Identity,
    scope: Option<Scope>,
}

#[derive(Deserialize)]
struct Identity {
    methods: Vec<String>,
    password: Option<Password>,
}

#[derive(Deserialize)]
struct Password {
    user: User,
}

#[derive(Deserialize)]
struct User {
    domain: Domain,
    name: String,
    password: String,
}

#[derive(Deserialize)]
struct Domain {
    name: String,
}

#[derive(Deserialize)]
struct Scope {
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    id: Option<String>,
    name: Option<String>,
}

impl Tokens {
    pub(super) fn new(users: Vec<IamUser>) -> Self {
        Self { users, issued: HashMap::new(), open: HashMap::new() }
    }

    /// Answers a request for a token.
    pub(super) fn issue(&mut self, body: &[u8], lifetime: Duration) -> Result<Response, Refusal> {
        let Ask { auth } = serde_json::from_slice(body)
            .map_err(|_| Refusal::iam(StatusCode::BAD_REQUEST, "Request body is not as documented."))?;
        let Some(Password { user }) = auth.identity.password else {
            return Err(Refusal::iam(StatusCode::BAD_REQUEST, "Expecting to find password in identity."));
        };
        if auth.identity.methods != ["password"] {
            return Err(Refusal::iam(StatusCode::BAD_REQUEST, "Only the method password is simulated."));
        }
        let Some(project) = auth.scope.and_then(|scope| scope.project) else {
            return Err(Refusal::iam(StatusCode::BAD_REQUEST, "SecMaster needs a token of a project's scope."));
        };
        let known = self.users.iter().any(|known| {
            known.domain_name == user.domain.name
                && known.user_name == user.name
                && known.password.expose_secret() == user.password
        });
        if !known {
            return Err(Refusal::iam(StatusCode::UNAUTHORIZED, "The username or password is wrong."));
        }
        let token = random();
        let now = Timestamp::now();
        let time = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let answer = json!({"token": {
            "methods": ["password"],
            "issued_at": time(now),
            "expires_at": time(now + lifetime),
            "project": {
                "id": project.id.clone().unwrap_or_else(|| Uuid::new_v4().simple().to_string()),
                "name": project.name,
                "domain": {"id": Uuid::new_v4().simple().to_string(), "name": user.domain.name},
            },
            "user": {"id": Uuid::new_v4().simple().to_string(), "name": user.name, "password_expires_at": ""},
            "roles": [],
            "catalog": [],
        }});
        let mut response = json_answer(201, &answer);
        if let Ok(value) = HeaderValue::from_str(&token) {
            let _previous = response.headers_mut().insert("x-subject-token", value);
        }
        let issued = Issued { expires_at: Instant::now() + lifetime, project_id: project.id };
        let _previous = self.issued.insert(token, issued);
        Ok(response)
    }

    /// A token that another call for credentials takes.
    pub(super) fn open(&mut self, what_for: &'static str) -> String {
        let token = random();
        let _previous = self.open.insert(token.clone(), what_for);
        token
    }

    /// Whether this is one of these.
    pub(super) fn is_open(&self, what_for: &str, token: &str) -> bool {
        self.open.get(token).is_some_and(|known| *known == what_for)
    }

    /// Judges an `X-Auth-Token`.
    pub(super) fn verify(&self, token: &str, project_id: &str) -> Result<(), Refusal> {
        let Some(issued) = self.issued.get(token) else {
            return Err(Refusal::unauthenticated("decrypt token fail"));
        };
        let of_project = issued.project_id.as_deref().is_none_or(|id| id == project_id);
        if Instant::now() >= issued.expires_at || !of_project {
            return Err(Refusal::new(401, "APIGW.0307", "The token must be updated."));
        }
        Ok(())
    }

    /// All tokens given out so far are expired from now on.
    pub(super) fn expire(&mut self) {
        let now = Instant::now();
        for issued in self.issued.values_mut() {
            issued.expires_at = issued.expires_at.min(now);
        }
    }
}

/// A token, as long and opaque as IAM's.
fn random() -> String {
    format!("MII{}", STANDARD.encode(rand::rng().random::<[u8; 32]>().repeat(6)))
}
