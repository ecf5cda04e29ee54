//! What credentials can suffer, with the real client against the simulator: everything waits, it is said why, little is
//! asked, nothing is dead-lettered, and it goes on by itself.
//!
//! The simulator is at the other end of a socket, so time cannot stand still: it runs fast instead.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use alertbridge::pipeline::PipelineSettings;
use alertbridge::routing::RouteSettings;
use alertbridge::secmaster::{ClientSettings, CredentialSettings, KeySource, SecMasterClient};
use alertbridge::simulator::{DEMO_ACCESS_KEY, DEMO_SECRET_KEY, RunningSimulator, Simulator, SimulatorSettings};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;

use super::harness::{Bench, alerts, one_route, settings};

/// Of the pipeline's time, in each of the steps in which it runs.
const STEP: Duration = Duration::from_secs(1);

/// Of the thread, in each step: far more than a request and its answer take.
const TURNS: usize = 300;

/// No request fails because time runs fast.
const LONG: Duration = Duration::from_secs(3_600);

/// The client, the simulator and the log of a test.
struct Scene {
    simulator: RunningSimulator,
    bench: Bench<SecMasterClient>,
    log: Log,
}

impl Scene {
    async fn start(credentials: fn(&str) -> CredentialSettings) -> Self {
        Self::start_with(credentials, &json!({})).await
    }

    /// With these faults from the start.
    async fn start_with(credentials: fn(&str) -> CredentialSettings, faults: &Value) -> Self {
        let log = Log::capture();
        let simulator = Simulator::start(SimulatorSettings::default()).await.unwrap();
        simulator.handle().set_faults(serde_json::from_value(faults.clone()).unwrap());
        let client = SecMasterClient::new(ClientSettings {
            endpoint: simulator.url().parse().unwrap(),
            credentials: credentials(&simulator.url()),
            connect_timeout: LONG,
            request_timeout: LONG * 2,
            ca_file: None,
            failure_classes: Vec::new(),
            renewal: None,
        });
        let routes = RouteSettings {
            default_workflow_id: Some("446255ce-1111-2222-3333-0b4931000000".into()),
            project_id: "0123456789abcdef0123456789abcdef".into(),
            workspace_id: "f44065f5-557b-4376-ae02-8c65ef1960f4".into(),
            ..one_route()
        };
        let settings = PipelineSettings { request_timeout: LONG * 2, ..settings() };
        let bench = Bench::start_with(Arc::new(client.unwrap()), settings, routes);
        Self { simulator, bench, log }
    }

    fn set_faults(&self, faults: &Value) {
        self.simulator.handle().set_faults(serde_json::from_value(faults.clone()).unwrap());
    }

    /// Lets time run fast, for so long.
    async fn pass(&self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            step().await;
        }
    }

    /// Lets time run fast until something holds; says how much of it that took.
    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Duration {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < LONG, "never happened: {what}\n{}", self.log.text());
            step().await;
        }
        start.elapsed()
    }

    async fn delivered(&self, up_to: i64) -> Duration {
        self.until(&format!("committed up to {up_to}"), |s| s.bench.committed(0) == Some(up_to)).await
    }

    async fn paused(&self) {
        self.until("paused for the credentials", |s| s.state() == "paused: credentials").await;
    }

    fn state(&self) -> String {
        self.status()["state"].as_str().unwrap().to_owned()
    }

    fn status(&self) -> Value {
        serde_json::to_value(&*self.bench.status.borrow()).unwrap()
    }

    /// Requests to SecMaster, and of these the refused ones.
    fn requests(&self) -> (u64, u64) {
        let stats = self.simulator.handle().stats();
        (stats.requests, stats.refused.values().sum())
    }

    /// All of them were delivered, once each, and none of it was any record's fault.
    fn audit(&self, records: u64) {
        assert_eq!(self.bench.sink.letters(), []);
        assert_eq!(self.bench.totals().delivered, records);
        assert_eq!(self.simulator.handle().stats().runs, records);
        assert!(["idle", "running"].contains(&self.state().as_str()), "{}", self.state());
    }
}

/// A second of the pipeline's time, after what is under way has come to rest: client and simulator are on this thread, so
/// each turn of it serves every socket, however busy the machine is.
async fn step() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(STEP).await;
    tokio::time::resume();
}

fn key(_url: &str) -> CredentialSettings {
    CredentialSettings::AccessKey {
        access_key_id: DEMO_ACCESS_KEY.to_owned(),
        secret_access_key: SecretString::from(DEMO_SECRET_KEY),
        security_token: None,
    }
}

fn password(url: &str) -> CredentialSettings {
    CredentialSettings::Password {
        iam_endpoint: url.parse().unwrap(),
        domain_name: "demo-account".to_owned(),
        user_name: "demo-user".to_owned(),
        password: SecretString::from("demo-password"),
    }
}

fn instance_agency(url: &str) -> CredentialSettings {
    CredentialSettings::Temporary(KeySource::InstanceAgency { metadata_endpoint: url.parse().unwrap() })
}

#[tokio::test]
async fn a_token_that_dies_early_costs_a_pause_of_seconds_and_one_new_token() {
    let scene = Scene::start(password).await;
    scene.bench.feed(alerts(0..10));
    scene.delivered(10).await;
    scene.simulator.handle().expire_tokens();
    scene.bench.feed(alerts(10..110));
    scene.paused().await;
    let took = scene.delivered(110).await;
    assert!(took < Duration::from_secs(15), "the new token is tried before the first probe's turn: {took:?}");
    let stats = scene.simulator.handle().stats();
    assert_eq!((stats.token_requests, stats.tokens_issued), (2, 2));
    // As many as were under way when the first of them was refused.
    assert!((1..=8).contains(&scene.requests().1), "{:?}", scene.requests());
    scene.audit(110);
    assert_eq!(scene.log.count("secmaster.token_refused"), 1);
    assert_eq!((scene.log.count("delivery.paused"), scene.log.count("delivery.resumed")), (1, 1));
    assert!(scene.log.line("delivery.paused").contains("credentials"));
    assert_eq!(scene.log.count("iam.token_fetched"), 2);
}

#[tokio::test]
async fn a_temporary_key_that_dies_early_costs_a_pause_of_seconds_and_one_new_key() {
    let scene = Scene::start(instance_agency).await;
    scene.bench.feed(alerts(0..10));
    scene.delivered(10).await;
    let gauge = "\nalertbridge_credential_expiry_timestamp_seconds ";
    scene.until("the key's expiry is shown", |s| s.bench.telemetry.render().contains(gauge)).await;
    scene.simulator.handle().expire_tokens();
    scene.bench.feed(alerts(10..110));
    scene.paused().await;
    let took = scene.delivered(110).await;
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert_eq!(scene.simulator.handle().stats().keys_issued, 2);
    assert!((1..=8).contains(&scene.requests().1), "{:?}", scene.requests());
    scene.audit(110);
    assert_eq!((scene.log.count("secmaster.token_refused"), scene.log.count("credentials.key_fetched")), (1, 2));
}

#[tokio::test]
async fn a_revoked_key_is_tried_five_times_in_two_minutes_and_goes_on_when_it_is_good_again() {
    let scene = Scene::start_with(key, &json!({"revoked_keys": [DEMO_ACCESS_KEY]})).await;
    scene.bench.feed(alerts(0..100));
    scene.paused().await;
    scene.pass(Duration::from_secs(118)).await;
    let (requests, refused) = scene.requests();
    assert!(requests <= 5 && refused == requests, "a key locks after more than five: {requests}");
    assert_eq!(scene.state(), "paused: credentials");
    scene.pass(Duration::from_secs(600)).await;
    assert!(scene.requests().0 <= 7, "{:?}", scene.requests());
    assert_eq!(scene.bench.committed(0), None);
    let paused = scene.log.line("delivery.paused");
    assert!(paused.contains("ERROR") && paused.contains("ak not exist"), "{paused}");
    assert!(!paused.contains(DEMO_ACCESS_KEY), "{paused}");

    scene.set_faults(&json!({}));
    let took = scene.delivered(100).await;
    assert!(took <= Duration::from_secs(320), "the next probe finds it out: {took:?}");
    scene.audit(100);
    assert_eq!((scene.log.count("delivery.paused"), scene.log.count("delivery.resumed")), (1, 1));
}

#[tokio::test]
async fn a_skewed_clock_is_named_as_the_reason_and_its_end_too() {
    let scene = Scene::start_with(key, &json!({"clock_skew_seconds": 3_600})).await;
    scene.bench.feed(alerts(0..50));
    scene.paused().await;
    let skewed = scene.log.line("clock.skewed");
    assert!(skewed.contains("WARN") && skewed.contains("accepted_seconds=900"), "{skewed}");
    assert!(["-3600", "-3599", "-3598"].iter().any(|s| skewed.contains(&format!("skew_seconds={s} "))), "{skewed}");
    let skew = scene.status()["credentials"]["clock_skew_seconds"].as_i64().unwrap();
    assert!((-3_601..=-3_595).contains(&skew), "{skew}");
    let gauge = format!("\nalertbridge_clock_skew_seconds {skew}\n");
    assert!(scene.bench.telemetry.render().contains(&gauge), "{gauge}");
    scene.pass(Duration::from_secs(60)).await;
    assert!(scene.requests().0 <= 4, "{:?}", scene.requests());
    assert_eq!(scene.log.count("clock.skewed"), 1, "once");
    assert!(
        scene.log.line("delivery.paused").contains("signature expired")
            || scene.log.line("delivery.paused").contains("verify aksk")
    );

    scene.set_faults(&json!({}));
    scene.delivered(50).await;
    scene.audit(50);
    assert_eq!(scene.log.count("clock.in_step"), 1);
    assert_eq!(scene.status()["credentials"]["clock_skew_seconds"], 0);
}

#[tokio::test]
async fn a_clock_that_is_somewhat_off_is_said_and_nothing_stops() {
    let scene = Scene::start_with(key, &json!({"clock_skew_seconds": -600})).await;
    scene.bench.feed(alerts(0..50));
    scene.delivered(50).await;
    scene.audit(50);
    assert_eq!((scene.log.count("clock.skewed"), scene.log.count("delivery.paused")), (1, 0));
}

#[tokio::test]
async fn without_iam_everything_waits_and_goes_on_within_a_quarter_of_a_minute_of_its_return() {
    for (credentials, service) in [(password as fn(&str) -> CredentialSettings, "iam"), (instance_agency, "metadata")] {
        let outage = json!({"outage": {"service": service, "status": 500}});
        let scene = Scene::start_with(credentials, &outage).await;
        scene.bench.feed(alerts(0..50));
        scene.paused().await;
        scene.pass(Duration::from_secs(300)).await;
        assert_eq!(scene.requests(), (0, 0), "nothing can be sent");
        let stats = scene.simulator.handle().stats();
        let asked = stats.token_requests + stats.key_requests;
        assert!((18..=24).contains(&asked), "each quarter of a minute: {asked}");
        assert_eq!((scene.state().as_str(), scene.bench.committed(0)), ("paused: credentials", None));
        assert!(scene.log.line("delivery.paused").contains("answered 500"), "{}", scene.log.line("delivery.paused"));

        let failing = |is: u8| format!("\nalertbridge_credential_renewal_failing {is}\n");
        assert!(scene.bench.telemetry.render().contains(&failing(1)), "{service}");

        scene.set_faults(&json!({}));
        let took = scene.delivered(50).await;
        assert!(took <= Duration::from_secs(20), "{took:?}");
        scene.audit(50);
        scene.until("it is not failing any more", |s| s.bench.telemetry.render().contains(&failing(0))).await;
        let (failed, resumed) = (["iam.token_failed", "credentials.key_failed"], scene.log.count("delivery.resumed"));
        assert_eq!(failed.iter().map(|event| scene.log.count(event) as u64).sum::<u64>(), asked);
        assert_eq!((resumed, scene.log.count("delivery.paused")), (1, 1));
    }
}

#[tokio::test]
async fn an_outage_of_iam_is_not_noticed_while_a_token_lives() {
    let scene = Scene::start(password).await;
    scene.bench.feed(alerts(0..10));
    scene.delivered(10).await;
    scene.set_faults(&json!({"outage": {"service": "iam"}}));
    scene.pass(Duration::from_secs(600)).await;
    scene.bench.feed(alerts(10..60));
    scene.delivered(60).await;
    scene.audit(60);
    assert_eq!(scene.log.count("delivery.paused"), 0);
}

/// The log lines of this thread, as text.
struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

/// With fewer than two subscribers alive, `tracing` asks only the thread that comes to an event first whether anybody
/// listens, and remembers a no for all threads.
static LISTENERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [Dispatch::new(tracing_subscriber::registry()), Dispatch::new(tracing_subscriber::registry())]);

#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn capture() -> Self {
        LazyLock::force(&LISTENERS);
        tracing::callsite::rebuild_interest_cache();
        let text = Arc::<Mutex<Vec<u8>>>::default();
        let writer = Writer(Arc::clone(&text));
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self, event: &str) -> Vec<String> {
        let text = self.text();
        text.lines().filter(|line| line.contains(&format!("event=\"{event}\""))).map(str::to_owned).collect()
    }

    fn count(&self, event: &str) -> usize {
        self.lines(event).len()
    }

    /// The first line of an event.
    fn line(&self, event: &str) -> String {
        self.lines(event).into_iter().next().unwrap_or_else(|| panic!("no {event} in\n{}", self.text()))
    }
}
