//! The server over real sockets.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Access, Shown, serve};
use crate::config::{self, LogLevel};
use crate::domain::{DeadLetterClass, FailureReason, Offset, Severity, TopicPartition};
use crate::ports::{GuardOpened, GuardRequests, guard_control};
use crate::telemetry::testing::Capture;
use crate::telemetry::{
    Breaker, BreakerState, Buffer, Credentials, Health, LastDeadLetter, PartitionStatus, PauseReason, State, Status,
    Telemetry,
};

struct Server {
    address: SocketAddr,
    health: Health,
    telemetry: Telemetry,
    status: watch::Sender<Status>,
    guard: GuardRequests,
    log: Capture,
    shutdown: CancellationToken,
    task: JoinSet<std::io::Result<()>>,
}

async fn start() -> Server {
    start_with(&config::Server::default()).await
}

async fn start_with(configured: &config::Server) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (health, telemetry, shutdown) = (Health::new(), Telemetry::try_new().unwrap(), CancellationToken::new());
    let (control, guard) = guard_control();
    let (status, seen) = watch::channel(Status::new("m1", SystemTime::UNIX_EPOCH));
    let (log, log_level) = Capture::at(LogLevel::Info);
    let mut task = JoinSet::new();
    let shown = Shown {
        health: health.clone(),
        telemetry: telemetry.clone(),
        status: seen,
        guard: control,
        log_level,
        access: Access::new(configured),
    };
    let _handle = task.spawn(serve(listener, shown, shutdown.clone()));
    Server { address, health, telemetry, status, guard, log, shutdown, task }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Server {
    async fn get(&self, path: &str) -> Answer {
        ask(self.address, "GET", path).await
    }
}

async fn ask(address: SocketAddr, method: &str, path: &str) -> Answer {
    ask_with(address, method, path, "").await
}

async fn ask_with(address: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let _read = stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

#[tokio::test]
async fn a_pod_is_ready_only_while_it_is_said_to_be() {
    let server = start().await;
    assert_eq!(server.get("/readyz").await.status, 503);
    server.health.set_ready(true);
    assert_eq!(server.get("/readyz").await.status, 200);
    server.health.set_ready(false);
    assert_eq!(server.get("/readyz").await.status, 503);
    assert_eq!(server.get("/livez").await.status, 200, "not ready is not dead");
}

#[tokio::test]
async fn a_loop_that_stands_still_is_told_to_the_probe() {
    let server = start().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    assert_eq!(server.get("/livez").await.status, 503);
    server.health.beat();
    assert_eq!(server.get("/livez").await.status, 200);
}

#[tokio::test]
async fn metrics_are_in_the_prometheus_text_format() {
    let server = start().await;
    server.telemetry.records_consumed(3);
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
    assert!(answer.body.contains("\nalertbridge_records_consumed_total 3\n"), "{}", answer.body);
}

#[tokio::test]
async fn the_metrics_say_what_readyz_says() {
    let server = start().await;
    for ready in [true, false] {
        server.health.set_ready(ready);
        let line = format!("\nalertbridge_ready {}\n", u8::from(ready));
        assert!(server.get("/metrics").await.body.contains(&line), "{line}");
    }
}

#[tokio::test]
async fn the_status_is_what_the_pipeline_published_last() {
    let server = start().await;
    let body = async || -> Value { serde_json::from_str(&server.get("/status").await.body).unwrap() };
    assert_eq!(body().await["state"], "waiting: kafka");
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    server.status.send_modify(|status| {
        status.state = State::Paused(PauseReason::Credentials);
        status.since = now;
        status.assignment = vec![PartitionStatus::new(&TopicPartition::new("soc.alerts", 3), Offset(42), Some(7))];
        status.buffer = Buffer { records: [(Severity::Fatal, 2)].into_iter().collect(), bytes: 300 };
        status.breakers = vec![Breaker { route: "default".into(), state: BreakerState::HalfOpen }];
        status.credentials = Credentials { expires_at: Some(now) };
        status.last_dead_letters = vec![LastDeadLetter {
            at: now,
            topic: "soc.alerts".into(),
            partition: 3,
            offset: 41,
            part: 0,
            class: DeadLetterClass::Rejected,
            reason: FailureReason::RequestRefused,
            error: "SecMaster.20030001".into(),
        }];
    });
    let at = "2023-11-14T22:13:20.000Z";
    assert_eq!(
        body().await,
        json!({
            "state": "paused: credentials",
            "since": at,
            "assignment": [{"topic": "soc.alerts", "partition": 3, "next_offset": 42, "lag": 7, "held_back": false}],
            "buffer": {"records": {"Fatal": 2, "High": 0, "Medium": 0, "Low": 0, "Tips": 0}, "bytes": 300},
            "in_flight": 0,
            "concurrency_limit": 0,
            "rate_share": 0.0,
            "pauses": [],
            "breakers": [{"route": "default", "state": "half_open"}],
            "dead_letter_guard": {"held": 0, "since": null},
            "credentials": {"expires_at": at},
            "mapping_version": "m1",
            "version": env!("CARGO_PKG_VERSION"),
            "last_dead_letters": [{
                "at": at, "topic": "soc.alerts", "partition": 3, "offset": 41, "part": 0,
                "class": "rejected", "reason": "request_refused", "error": "SecMaster.20030001",
            }],
        })
    );
}

#[tokio::test]
async fn the_guard_is_opened_by_a_post_and_what_came_of_it_is_told() {
    let Server { address, mut guard, task: _task, .. } = start().await;
    assert_eq!(ask(address, "GET", "/guard/open").await.status, 405, "looking changes nothing");
    let asking = async { (ask(address, "POST", "/guard/open").await, ask(address, "POST", "/guard/open").await) };
    let answering = async {
        guard.next().await.answer(Some(GuardOpened { released: 12, held_for: Duration::from_secs(90) }));
        guard.next().await.answer(None);
    };
    let ((opened, refused), ()) = tokio::join!(asking, answering);
    assert_eq!((opened.status, opened.body.as_str()), (200, r#"{"released":12,"held_for_seconds":90}"#));
    assert_eq!((refused.status, refused.body.as_str()), (409, r#"{"error":"the dead-letter guard is not closed"}"#));
    drop(guard);
    assert_eq!(ask(address, "POST", "/guard/open").await.status, 503);
}

#[tokio::test]
async fn the_logs_level_is_shown_and_changed_and_what_is_no_level_is_refused() {
    let Server { address, log, task: _task, .. } = start().await;
    assert_eq!(ask(address, "GET", "/log-level").await.body, r#"{"level":"info","configured":"info"}"#);
    let changed = ask(address, "POST", "/log-level/debug").await;
    assert_eq!((changed.status, changed.body.as_str()), (200, r#"{"level":"debug","configured":"info"}"#));
    assert_eq!(ask(address, "GET", "/log-level").await.body, changed.body);
    assert_eq!(log.of("log.level_changed").len(), 1);
    let refused = ask(address, "POST", "/log-level/loud").await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("error, warn, info, debug, trace"), "{}", refused.body);
    assert_eq!(ask(address, "GET", "/log-level/debug").await.status, 405, "looking changes nothing");
}

#[tokio::test]
async fn with_a_token_only_probes_and_metrics_answer_everybody() {
    let token = "0123456789abcdef0123456789abcdef";
    let configured = config::Server { token: Some(token.into()), ..config::Server::default() };
    let Server { address, mut guard, log: _log, task: _task, .. } = start_with(&configured).await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_ne!(ask(address, "GET", path).await.status, 401, "{path}");
    }
    let shown = format!("authorization: Bearer {token}\r\n");
    let wrong = "authorization: Bearer 0123456789abcdef\r\n";
    let behind_it = [
        ("GET", "/status", 200),
        ("GET", "/log-level", 200),
        ("POST", "/log-level/warn", 200),
        ("POST", "/guard/open", 409),
    ];
    for (method, path, status) in behind_it {
        for headers in ["", wrong] {
            let refused = ask_with(address, method, path, headers).await;
            assert_eq!(refused.status, 401, "{path}");
            assert!(refused.head.contains("www-authenticate: bearer") && !refused.body.contains(token), "{path}");
        }
        let answering = async {
            if path == "/guard/open" {
                guard.next().await.answer(None);
            }
        };
        let (answer, ()) = tokio::join!(ask_with(address, method, path, &shown), answering);
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_or_too_slow_is_given_up() {
    let Server { address, task: _task, .. } = start().await;
    let large = format!("x: {}\r\n", "y".repeat(20 << 10));
    assert_eq!(ask_with(address, "GET", "/livez", &large).await.status, 431);
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
    // An answer to somebody else shows that it has been accepted.
    assert_eq!(ask(address, "GET", "/readyz").await.status, 503);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), slow.read_to_end(&mut rest)).await;
    ended.expect("the connection is closed").unwrap();
}

#[tokio::test]
async fn clients_that_stay_are_served_up_to_a_number_and_the_others_in_their_turn() {
    let Server { address, task: _task, .. } = start().await;
    let mut idle = Vec::new();
    for _ in 0..128 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let (answer, ()) = tokio::join!(ask(address, "GET", "/readyz"), async { drop(idle.pop()) });
    assert_eq!(answer.status, 503);
}

#[tokio::test]
async fn other_paths_are_not_found() {
    assert_eq!(start().await.get("/").await.status, 404);
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_client_that_stays_connected() {
    let mut server = start().await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    // An answer to somebody else shows that the half-sent request has been accepted.
    assert_eq!(server.get("/livez").await.status, 200);
    server.shutdown.cancel();
    tokio::time::pause();
    let end = tokio::time::timeout(Duration::from_secs(10), server.task.join_next()).await;
    end.expect("it ends by itself").unwrap().unwrap().unwrap();
}
