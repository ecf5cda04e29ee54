//! The service in front of each process: what becomes of a request, by chance and by the weather.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alertbridge::domain::{AlertRequest, FailureClass, FailureReason};
use alertbridge::ports::ApiFailure;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::super::alert_fakes::{AlertDesk, AlertService, Creation, refused};
use super::super::fakes::{Answer, Call, FakeApi, failed, unavailable};
use super::super::service::Service;
use super::records::delivery;
use super::seen::{Seen, Sent, Weather};

/// A request that hangs ends after this time.
const TIME_OUT: Duration = Duration::from_secs(20);

/// What is behind all processes.
#[derive(Clone)]
pub(super) struct Behind {
    pub(super) instances: Arc<Service>,
    pub(super) alerts: Arc<AlertService>,
    pub(super) seen: Arc<Mutex<Seen>>,
    pub(super) gives_up_look_ups: bool,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Answered,
    /// This answer, and whether the service has done all the same what it was asked for.
    Fails(Trouble, bool),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Trouble {
    Unavailable,
    GatewayTimeout,
    Throttled,
    Refused,
    Forbidden,
    Missing,
    Unconfirmed,
    ConnectionLost,
    NoAnswer,
}

impl Trouble {
    /// Whether a look-up may be given up after a few of these.
    fn is_passing(self) -> bool {
        !matches!(self, Self::Throttled | Self::Refused)
    }

    fn failure(self) -> ApiFailure {
        use FailureClass as Class;
        use FailureReason as Why;
        let answer = match self {
            Self::Unavailable => unavailable(),
            Self::GatewayTimeout => failed(Class::Transient, Why::ServerError, Some(504)),
            Self::Throttled => failed(Class::Throttled, Why::QuotaExceeded, Some(429)),
            Self::Refused => failed(Class::Credentials, Why::CredentialsRefused, Some(401)),
            Self::Forbidden => failed(Class::Credentials, Why::CredentialsRefused, Some(403)),
            Self::Missing => failed(Class::Target, Why::TargetNotFound, Some(404)),
            Self::Unconfirmed => failed(Class::Ambiguous, Why::NoInstanceId, Some(200)),
            Self::ConnectionLost => failed(Class::Ambiguous, Why::ConnectionLost, None),
            Self::NoAnswer => failed(Class::Ambiguous, Why::NoAnswer, None),
        };
        let mut failure = answer.unwrap_err();
        failure.retry_after = (self == Self::Throttled).then(|| Duration::from_secs(7));
        failure
    }
}

/// How long a call takes, and what becomes of it.
#[derive(Clone, Copy)]
struct Draw {
    wait: Duration,
    late: Duration,
    chance: u32,
    is_begun: bool,
}

impl Draw {
    fn of(rng: &Mutex<StdRng>) -> Self {
        let mut rng = rng.lock().unwrap();
        let longest = if rng.random_bool(0.1) { 19_000 } else { 3_000 };
        Self {
            wait: Duration::from_millis(rng.random_range(0..longest)),
            late: Duration::from_millis(rng.random_range(0..20_000)),
            chance: rng.random_range(0..48),
            is_begun: rng.random_bool(0.5),
        }
    }

    fn fate(self, seen: &Seen) -> Fate {
        use Trouble as T;
        match (seen.weather, self.chance) {
            _ if seen.is_well => Fate::Answered,
            (Weather::Down, _) => Fate::Fails(T::Unavailable, false),
            (Weather::Silent, _) => Fate::Fails(T::NoAnswer, self.is_begun),
            (Weather::Throttled, _) => Fate::Fails(T::Throttled, false),
            (Weather::Locked, _) => Fate::Fails(T::Refused, false),
            (Weather::Fair, 0..4) => Fate::Fails(T::Unavailable, false),
            (Weather::Fair, 4) => Fate::Fails(T::NoAnswer, self.is_begun),
            (Weather::Fair, 5) => Fate::Fails(T::ConnectionLost, self.is_begun),
            (Weather::Fair, 6) => Fate::Fails(T::GatewayTimeout, self.is_begun),
            (Weather::Fair, 7) => Fate::Fails(T::Unconfirmed, self.is_begun),
            (Weather::Fair, 8) => Fate::Fails(T::Throttled, false),
            (Weather::Fair, 9) => Fate::Fails(T::Refused, false),
            (Weather::Fair, 10) => Fate::Fails(T::Missing, false),
            (Weather::Fair, _) => Fate::Answered,
        }
    }

    /// How long after the request left the service does what it was asked for. The request may be under way for as long
    /// as it may take, though the connection broke or the gateway waits no longer.
    fn acts_after(self, trouble: Trouble) -> Duration {
        match trouble {
            Trouble::NoAnswer | Trouble::ConnectionLost | Trouble::GatewayTimeout => self.late.max(self.wait),
            _ => self.wait,
        }
    }
}

impl Behind {
    /// A service for one process.
    pub(super) fn api(&self, seed: u64, sent: &Arc<Mutex<Sent>>) -> Arc<FakeApi> {
        let rng = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
        let (starts, finds) = (self.clone(), self.clone());
        let (chances, looks) = (Arc::clone(&rng), Arc::clone(&rng));
        let desk = self.desk(&rng, sent);
        let sent = Arc::clone(sent);
        let start = move |call: Call| {
            let (draw, begun) = (Draw::of(&chances), Instant::now());
            let name = call.title().replace("refused ", "");
            let epoch = {
                let (mut seen, mut sent) = (starts.seen.lock().unwrap(), sent.lock().unwrap());
                seen.arrives(&name, &call.request);
                if call.request.destination.creates_alert && !starts.alerts.has(&id_of(&call.request.body)) {
                    seen.broken.push(format!("{name} was started before its alert was there"));
                }
                sent.arrives(&name, &call.request.destination.workflow_id, &mut seen)
            };
            let workflow = Arc::clone(&call.request.destination.workflow_id);
            let (is_high, is_one) = (&*workflow == "wf-high", &*workflow == "wf-one");
            let is_refused = call.title().starts_with("refused");
            let (behind, of) = (starts.clone(), delivery(&name, &workflow));
            let act = move || {
                if is_refused {
                    return failed(FailureClass::Rejected, FailureReason::RequestRefused, Some(400));
                }
                let answer = behind.instances.start(&call);
                if answer.is_ok() {
                    let _new = behind.seen.lock().unwrap().done.insert(of.clone());
                }
                answer
            };
            let fate = move |seen: &Seen| match () {
                () if is_refused => Fate::Answered,
                () if is_high && seen.is_missing => Fate::Fails(Trouble::Missing, false),
                () if is_one && seen.is_forbidden => Fate::Fails(Trouble::Forbidden, false),
                () => draw.fate(seen),
            };
            let (answer, sent) = (starts.serve(draw, begun, fate, act), Arc::clone(&sent));
            async move {
                let answer: Answer = answer.await;
                if answer.is_ok() {
                    sent.lock().unwrap().confirmed(epoch, &name, &workflow);
                }
                answer
            }
        };
        let find = move |id: String| {
            let (draw, behind) = (Draw::of(&looks), finds.clone());
            behind.seen.lock().unwrap().departs();
            async move {
                sleep_until(Instant::now() + draw.wait).await;
                match behind.of_look_up(draw) {
                    Some(trouble) => Err(trouble.failure()),
                    None => behind.instances.find(&id),
                }
            }
        };
        FakeApi::with_find(start, find).with_alerts(desk)
    }

    /// The answer to a request that leaves now. The service goes on with it whatever becomes of the process.
    fn serve<T, F, A>(
        &self,
        draw: Draw,
        begun: Instant,
        fate: F,
        act: A,
    ) -> impl Future<Output = Result<T, ApiFailure>> + use<T, F, A>
    where
        T: Send + 'static,
        F: FnOnce(&Seen) -> Fate + Send + 'static,
        A: Fn() -> Result<T, ApiFailure> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let seen = Arc::clone(&self.seen);
        let serving = async move {
            sleep_until(begun + draw.wait).await;
            let fate = fate(&seen.lock().unwrap());
            let Fate::Fails(trouble, is_begun) = fate else {
                drop(tell.send((act(), draw.wait)));
                return;
            };
            let answers_after = if trouble == Trouble::NoAnswer { TIME_OUT } else { draw.wait };
            let acts_after = draw.acts_after(trouble);
            if is_begun && acts_after == draw.wait {
                drop(act());
            }
            drop(tell.send((Err(trouble.failure()), answers_after)));
            if is_begun && acts_after > draw.wait {
                sleep_until(begun + acts_after).await;
                drop(act());
            }
        };
        #[expect(clippy::disallowed_methods, reason = "the service outlives the process")]
        drop(tokio::spawn(serving));
        async move {
            let (answer, answers_after) = told.await.unwrap();
            sleep_until(begun + answers_after).await;
            answer
        }
    }

    /// What becomes of a look-up, if it is not answered.
    fn of_look_up(&self, draw: Draw) -> Option<Trouble> {
        match draw.fate(&self.seen.lock().unwrap()) {
            Fate::Answered => None,
            Fate::Fails(trouble, _) if self.gives_up_look_ups && trouble.is_passing() => None,
            // Reading knows no missing workflow, and is not refused for good.
            Fate::Fails(Trouble::Missing | Trouble::Unconfirmed | Trouble::NoAnswer, _) => Some(Trouble::Unavailable),
            Fate::Fails(trouble, _) => Some(trouble),
        }
    }

    /// The same for alerts.
    fn desk(&self, rng: &Arc<Mutex<StdRng>>, sent: &Arc<Mutex<Sent>>) -> AlertDesk {
        let (creates, finds) = (self.clone(), self.clone());
        let (chances, looks, sent) = (Arc::clone(rng), Arc::clone(rng), Arc::clone(sent));
        let create = move |request: AlertRequest| {
            let (draw, begun) = (Draw::of(&chances), Instant::now());
            creates.seen.lock().unwrap().alert_arrives(&request);
            sent.lock().unwrap().alert_arrives(&request.alert_id);
            let (alerts, id) = (Arc::clone(&creates.alerts), request.alert_id.clone());
            let is_refused = String::from_utf8_lossy(&request.body).contains("refused");
            let act = move || if is_refused { refused() } else { alerts.create(&request) };
            let fate = move |seen: &Seen| if is_refused { Fate::Answered } else { draw.fate(seen) };
            let (answer, sent) = (creates.serve(draw, begun, fate, act), Arc::clone(&sent));
            async move {
                let answer: Creation = answer.await;
                if answer.is_ok() {
                    sent.lock().unwrap().alert_confirmed(&id);
                }
                answer
            }
        };
        let find = move |id: String| {
            let (draw, behind) = (Draw::of(&looks), finds.clone());
            behind.seen.lock().unwrap().departs();
            async move {
                sleep_until(Instant::now() + draw.wait).await;
                match behind.of_look_up(draw) {
                    Some(trouble) => Err(trouble.failure()),
                    None => behind.alerts.find(&id),
                }
            }
        };
        AlertDesk::new(create, find)
    }
}

/// The id of the alert that a workflow is about.
fn id_of(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    body["playbook_context"]["data_object"]["content"]["id"].as_str().unwrap().to_owned()
}
