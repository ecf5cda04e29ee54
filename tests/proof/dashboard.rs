//! A Prometheus scrapes a running bridge: promtool accepts what it serves, each query of the dashboard has an answer, and
//! none of the alert rules fires.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use alertbridge::simulator::{DEMO_ACCESS_KEY, DEMO_SECRET_KEY};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::alerts::with_quota;
use crate::support::bridge::{Bridge, PATIENCE};
use crate::support::kafka::shared;
use crate::support::pages::{in_package, page};
use crate::support::probes::Probes;
use crate::support::world::{World, drafts};

const RECORDS: usize = 400;
const JOB: &str = "soc/alertbridge";

/// What tests/chart/fetch.sh has put there.
fn tool(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| in_package("target"), PathBuf::from);
    let tool = target.join("tools/bin").join(name);
    assert!(tool.exists(), "{} is missing: run tests/chart/fetch.sh, or `make proof`", tool.display());
    tool
}

/// A Prometheus that scrapes the bridge each second. Killed when dropped.
struct Prometheus {
    child: Child,
    address: String,
}

impl Prometheus {
    fn start(folder: &Path, target: &str) -> Self {
        let scrape = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{
                "job_name": JOB,
                "static_configs": [{"targets": [target], "labels": {"pod": "alertbridge-0", "namespace": "soc"}}],
            }],
        });
        fs::write(folder.join("prometheus.yaml"), scrape.to_string()).unwrap();
        fs::write(folder.join("rules.yaml"), rules()).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let log = fs::File::create(folder.join("prometheus.log")).unwrap();
        let child = Command::new(tool("prometheus"))
            .current_dir(folder)
            .args(["--config.file=prometheus.yaml", "--storage.tsdb.path=tsdb"])
            .arg(format!("--web.listen-address={address}"))
            .stderr(log)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, address }
    }

    /// The samples of an instant query; none while it is not up.
    async fn ask(&self, query: &str) -> Vec<Value> {
        let Ok(mut stream) = TcpStream::connect(&self.address).await else { return Vec::new() };
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        // HTTP/1.0: the answer comes whole and ends with the connection.
        let request = format!("GET /api/v1/query?query={query} HTTP/1.0\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        assert_ne!(body["status"], "error", "{body}");
        body["data"]["result"].as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The chart's rules with its default thresholds.
fn rules() -> String {
    let values: Value = serde_saphyr::from_str(&page("deploy/helm/alertbridge/values.yaml")).unwrap();
    let mut text = page("deploy/helm/alertbridge/files/rules.yaml").replace("$selector", &format!("job=\"{JOB}\""));
    for (name, value) in values["prometheusRule"]["thresholds"].as_object().unwrap() {
        text = text.replace(&format!("${name}"), &value.to_string());
    }
    text
}

/// Every query of the dashboard with its panel's title, as Grafana would send it with everything selected.
fn queries() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&page("deploy/helm/alertbridge/files/dashboard.json")).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap();
            let query = query.replace("$__rate_interval", "30s").replace("$__range", "5m");
            let query = query.replace("$job", ".*").replace("$pod", ".*");
            queries.push((panel["title"].as_str().unwrap().to_owned(), query));
        }
    }
    queries
}

/// Whether a sample is a number; a quantile of nothing is none.
fn is_number(sample: &Value) -> bool {
    sample["value"][1].as_str().is_some_and(|value| value != "NaN")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_dashboard_is_answered_by_a_prometheus_that_scrapes_the_bridge() {
    let world = World::new(shared(), "dashboard").await;
    // A user's token expires, an access key does not.
    let user = format!(
        "kind: password\n    iam_endpoint: {}\n    domain_name: demo-account\n    user_name: demo-user\n    \
         password: demo-password",
        world.simulator.url()
    );
    let key = format!("access_key_id: {DEMO_ACCESS_KEY}\n    secret_access_key: {DEMO_SECRET_KEY}");
    let configuration = with_quota(&world.configuration(""), 20).replace(&key, &user);
    let (configuration, probes) = Probes::of(&configuration);
    let prometheus = Prometheus::start(world.folder.path(), probes.address());
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &configuration);
    let _written = world.write(drafts(0..RECORDS)).await;
    world.all_committed(&mut bridge).await;

    let (status, text) = probes.get("/metrics").await;
    assert_eq!(status, 200);
    let mut promtool = Command::new(tool("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let queries = queries();
    let deadline = Instant::now() + PATIENCE;
    let mut samples = 0;
    for (panel, query) in &queries {
        loop {
            let answer = prometheus.ask(query).await;
            if answer.iter().any(is_number) {
                samples += answer.iter().filter(|sample| is_number(sample)).count();
                break;
            }
            assert!(Instant::now() < deadline, "{panel} shows nothing: {query} is {answer:?}");
            sleep(Duration::from_millis(200)).await;
        }
    }
    let firing = prometheus.ask("ALERTS{alertstate=\"firing\"}").await;
    let names: Vec<&str> = firing.iter().filter_map(|alert| alert["metric"]["alertname"].as_str()).collect();
    assert!(names.is_empty(), "{names:?}");
    println!(
        "dashboard: {} queries answered with {samples} series while {RECORDS} records were delivered; promtool accepts \
         /metrics ({} lines); no alert fires",
        queries.len(),
        text.lines().count(),
    );
    assert_eq!(bridge.terminate().await.code(), Some(0));
}
