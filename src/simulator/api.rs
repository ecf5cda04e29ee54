//! The simulated services: the order in which a request meets gateway, faults and service.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_LENGTH, DATE};
use http::request::Parts;
use http::{HeaderValue, Method};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use super::answer::{self, Refusal, json_answer};
use super::broken_body::BrokenBody;
use super::create::{Accepted, Target, glance_at_body, judge_body, judge_content_type};
use super::fault_state::{Breakage, FaultState};
use super::faults::{Faults, InstanceIds, Service, When};
use super::issuers::Issuing;
use super::read::Read;
use super::run::Courses;
use super::settings::SimulatorSettings;
use super::signature::Keys;
use super::socket::ResetSwitch;
use super::store::{Arrival, CapturedRequest, Instance, Store};
use super::tokens::Tokens;
use super::world::{Asked, Place, World, WorldCall};

/// The gateway's limit of a body: 12 MB.
const MAX_BODY: usize = 12 * 1024 * 1024;

/// As much as is read before the answer, so that who sends too much still gets it.
const READ_AT_MOST: usize = 4 * MAX_BODY;

/// Everything that requests share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Mutex<Store>,
    pub(super) faults: Mutex<FaultState>,
    pub(super) tokens: Mutex<Tokens>,
    pub(super) keys: Mutex<Keys>,
    /// Tells the listener that the faults are others now.
    pub(super) faults_changed: watch::Sender<()>,
    pub(super) token_lifetime: Duration,
    pub(super) id_token: SecretString,
    keep_requests: usize,
    lean: bool,
    verify: bool,
    observer: Option<UnboundedSender<Arrival>>,
    instance_ids: InstanceIds,
    run_for: Option<Duration>,
    /// What there was to begin with.
    seed: World,
}

impl Shared {
    pub(super) fn new(settings: SimulatorSettings, store: Store) -> Self {
        Self {
            store: Mutex::new(store),
            run_for: settings.run_for,
            seed: settings.world,
            faults: Mutex::new(FaultState::new(settings.faults, settings.seed)),
            tokens: Mutex::new(Tokens::new(settings.iam_users)),
            keys: Mutex::new(Keys::new(settings.access_keys, settings.key_lockout)),
            faults_changed: watch::Sender::new(()),
            token_lifetime: settings.token_lifetime,
            id_token: settings.id_token,
            keep_requests: settings.keep_requests,
            lean: settings.lean,
            verify: settings.verify,
            observer: settings.observer,
            instance_ids: settings.instance_ids,
        }
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        lock(&self.faults).replace(faults);
        self.faults_changed.send_replace(());
    }

    /// Forgets instances, counts and captured requests, and everything that was created.
    pub(super) fn reset(&self) {
        let mut store = Store::with(self.seed.clone(), Vec::new());
        store.is_changed = true;
        *lock(&self.store) = store;
    }

    /// All tokens and temporary keys given out so far are expired from now on.
    pub(super) fn expire_tokens(&self) {
        lock(&self.tokens).expire();
        lock(&self.keys).expire();
    }

    /// What the services' clock says.
    pub(super) fn now(&self) -> Timestamp {
        let skew = SignedDuration::from_secs(lock(&self.faults).faults().clock_skew_seconds);
        // A skew of ages is none.
        Timestamp::now().checked_add(skew).unwrap_or_else(|_| Timestamp::now())
    }

    /// Dates an answer by the services' clock, where that is not this machine's.
    fn date(&self, response: &mut Response) {
        if lock(&self.faults).faults().clock_skew_seconds != 0
            && let Ok(date) = HeaderValue::from_str(&self.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        {
            let _previous = response.headers_mut().insert(DATE, date);
        }
    }

    /// How the runs go that begin now.
    fn courses(&self) -> Courses {
        let runs = lock(&self.faults).faults().runs.clone().unwrap_or_default();
        Courses { lasts: runs.for_ms.map(Duration::from_millis).or(self.run_for), failing: runs.failing }
    }

    /// Who sends: the gateway's check.
    fn authenticate(&self, request: &Parts, body: &[u8], project_id: &str) -> Result<(), Refusal> {
        if !self.verify {
            return Ok(());
        }
        if let Some(token) = request.headers.get("x-auth-token") {
            let token = token.to_str().unwrap_or_default();
            return lock(&self.tokens).verify(token, project_id);
        }
        if request.headers.contains_key(http::header::AUTHORIZATION) {
            let revoked = lock(&self.faults).faults().revoked_keys.clone();
            return lock(&self.keys).verify(request, body, self.now(), &revoked);
        }
        Err(Refusal::unauthenticated("x-auth-token not found"))
    }
}

/// A panic while one of these locks is held leaves nothing half done that matters.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers a request to one of the simulated services.
pub(super) async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let read = http_body_util::Limited::new(body, READ_AT_MOST).collect().await;
    let body = read.map(http_body_util::Collected::to_bytes);
    if shared.keep_requests > 0 {
        let captured = capture(&parts, body.as_deref().unwrap_or_default());
        lock(&shared.store).capture(captured, shared.keep_requests);
    }
    let mut response = if let Some(issuing) = Issuing::of_path(parts.uri.path()) {
        issuing.answer(&shared, &parts, body.as_deref().unwrap_or_default())
    } else {
        lock(&shared.store).arrived();
        if let Some(observer) = &shared.observer {
            // Nobody may listen any more.
            let _gone = observer
                .send(Arrival { at: Instant::now(), body: body.as_ref().map(Clone::clone).unwrap_or_default() });
        }
        let response = match body {
            Ok(body) if body.len() <= MAX_BODY => called(&shared, &parts, &body).await,
            _ => Err(Refusal::new(413, "APIGW.0201", "Request entity too large.").answer()),
        };
        match response {
            Ok(response) => response,
            Err(response) => {
                lock(&shared.store).refused(response.status().as_u16());
                response
            }
        }
    };
    shared.date(&mut response);
    tracing::debug!(
        event = "simulator.request",
        method = %parts.method,
        path = parts.uri.path(),
        status = response.status().as_u16(),
        "request answered"
    );
    response
}

/// A call of SecMaster's. What is an error here is an answer that creates nothing.
async fn called(shared: &Shared, request: &Parts, body: &Bytes) -> Result<Response, Response> {
    if let Some(status) = lock(&shared.faults).outage(Service::Secmaster) {
        return Err(Refusal::new(status, "APIGW.0201", "Backend unavailable.").answer());
    }
    let latency = lock(&shared.faults).latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let unknown = || Refusal::new(404, "APIGW.0101", "The API does not exist or has not been published.").answer();
    let call = Call::of(&request.method, request.uri.path()).ok_or_else(unknown)?;
    if call.has_body() {
        judge_content_type(&request.headers).map_err(|refusal| refusal.answer())?;
    }
    shared.authenticate(request, body, call.project_id()).map_err(|refusal| refusal.answer())?;
    if let Some(over) = lock(&shared.faults).throttled() {
        return Err(answer::throttled(over));
    }
    let breakage = lock(&shared.faults).breakage(When::Before);
    if let Some(breakage) = breakage {
        return Ok(broken(shared, breakage, request, Response::default()).await);
    }
    if let Some(fault) = lock(&shared.faults).status() {
        return Err(answer::status_fault(&fault));
    }
    let courses = shared.courses();
    let query = request.uri.query().unwrap_or_default();
    let answered = match call {
        Call::Create(target) => create(shared, target, body),
        Call::World(call) => {
            let faults = lock(&shared.faults).faults().clone();
            call.answer(&Asked { query, body, courses: &courses, faults: &faults }, &mut lock(&shared.store))
        }
        Call::Read(read) => read.answer(query, &lock(&shared.store)),
    };
    let response = answered.map_err(|refusal| refusal.answer())?;
    let breakage = lock(&shared.faults).breakage(When::After);
    match breakage {
        Some(breakage) => Ok(broken(shared, breakage, request, response).await),
        None => Ok(response),
    }
}

/// The calls that are known.
enum Call {
    Create(Target),
    Read(Read),
    World(WorldCall),
}

impl Call {
    fn of(method: &Method, path: &str) -> Option<Self> {
        let known = match *method {
            Method::POST => Target::of_path(path).map(Self::Create),
            Method::GET => Read::of_path(path).map(Self::Read),
            _ => None,
        };
        known.or_else(|| WorldCall::of(method, path).map(Self::World))
    }

    /// Whether it comes with a JSON body.
    fn has_body(&self) -> bool {
        match self {
            Self::Create(_) => true,
            Self::Read(_) => false,
            Self::World(call) => call.method != Method::GET,
        }
    }

    fn project_id(&self) -> &str {
        match self {
            Self::Create(target) => &target.project_id,
            Self::Read(read) => &read.project_id,
            Self::World(call) => &call.place.project_id,
        }
    }
}

/// CreateWorkflowInstance.
fn create(shared: &Shared, target: Target, body: &[u8]) -> Result<Response, Refusal> {
    let accepted = if shared.lean {
        glance_at_body(body)?
    } else {
        target.judge()?;
        let place = Place { project_id: target.project_id.clone(), workspace_id: target.workspace_id.clone() };
        lock(&shared.store).world.judge_start(&place, &target.workflow_id)?;
        reject(shared, judge_body(body, &target)?)?
    };
    remember(shared, target, accepted)
}

/// The fault that refuses alerts by their title.
fn reject(shared: &Shared, accepted: Accepted) -> Result<Accepted, Refusal> {
    lock(&shared.faults).faults().judge(&accepted.content)?;
    Ok(accepted)
}

/// Creates the instance and answers as the page says: what was sent, with the instance's id.
fn remember(shared: &Shared, target: Target, accepted: Accepted) -> Result<Response, Refusal> {
    let ids = lock(&shared.faults).faults().instance_ids.unwrap_or(shared.instance_ids);
    let requested = accepted.action_instance_id;
    let id = requested.clone().filter(|_| ids != InstanceIds::Own).unwrap_or_else(|| Uuid::new_v4().to_string());
    let mut answer = accepted.answer;
    if let Some(object) = answer.as_object_mut() {
        let _requested = object.insert("action_instance_id".to_owned(), Value::String(id.clone()));
    }
    let place = [target.project_id, target.workspace_id, target.workflow_id];
    let course = shared.courses().of(&accepted.content);
    let instance = Instance::new(id, requested, place, accepted.content, course);
    lock(&shared.store).create(instance, ids == InstanceIds::Unique)?;
    Ok(json_answer(200, &answer))
}

/// Keeps an answer from its caller.
async fn broken(shared: &Shared, breakage: Breakage, request: &Parts, response: Response) -> Response {
    lock(&shared.store).stats.unanswered += 1;
    match breakage {
        // Ends when the caller gives up: hyper drops this when the connection closes.
        Breakage::Hang => std::future::pending().await,
        Breakage::Reset => {
            if let Some(switch) = request.extensions.get::<ResetSwitch>() {
                switch.pull();
            }
            response
        }
        Breakage::Partial => {
            let (mut head, body) = response.into_parts();
            let whole = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let _previous = head.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
            let half = whole.slice(..whole.len() / 2);
            Response::from_parts(head, Body::new(BrokenBody::new(half)))
        }
    }
}

fn capture(request: &Parts, body: &[u8]) -> CapturedRequest {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    CapturedRequest {
        method: request.method.to_string(),
        target: request.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: request.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body_base64: STANDARD.encode(body),
    }
}
