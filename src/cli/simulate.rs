//! `alertbridge simulate`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::Failure;
use crate::simulator::{
    DEMO_ACCESS_KEY, DEMO_ID_TOKEN, DEMO_SECRET_KEY, Faults, IamUser, InstanceIds, Simulator, SimulatorSettings,
    TlsFiles, World,
};

/// Stand in for SecMaster and IAM, with faults on demand
///
/// Judges requests as the API's pages demand, with signatures and tokens verified, and keeps what they create:
/// workflows, instances that run, finish, fail and are retried, playbooks set off by alerts. IAM's POST /v3/auth/tokens
/// answers at the same address.
///
/// Without --access-key it knows the key named by HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, else the demo key
/// ALERTBRIDGEDEMOKEY01 with the secret alertbridge-demo-secret-key-0000000000001. Its IAM user is demo-user of
/// demo-account with the password demo-password. Temporary keys are given out at the same address, as by STS, IAM, a
/// metadata service and a cluster's pod identity; the id token is alertbridge-demo-id-token.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP)]
pub(super) struct SimulateArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Speak TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The access key id that is known
    #[arg(long, value_name = "AK", env = "HUAWEICLOUD_SDK_AK", requires = "secret_key")]
    access_key: Option<String>,
    /// The access key's secret
    #[arg(long, value_name = "SK", env = "HUAWEICLOUD_SDK_SK", hide_env_values = true)]
    secret_key: Option<SecretString>,
    /// The account name of the IAM user that is known
    #[arg(long, value_name = "NAME", default_value = "demo-account")]
    domain_name: String,
    /// The IAM user's name
    #[arg(long, value_name = "NAME", default_value = "demo-user")]
    user_name: String,
    /// The IAM user's password
    #[arg(long, value_name = "TEXT", default_value = "demo-password", hide_default_value = true)]
    password: SecretString,
    /// The token for which federation with OpenID Connect and pod identity give out keys
    #[arg(long, value_name = "TEXT", default_value = DEMO_ID_TOKEN, hide_default_value = true)]
    id_token: SecretString,
    /// How many seconds a token is good for, and a temporary key whose life is not asked for
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    token_lifetime: u64,
    /// What a requested instance id is taken for: the instance gets it, and asked for twice runs twice (honour) or is
    /// refused the second time (unique), or it gets an id of the service's own (own)
    #[arg(long, value_name = "WAY", default_value = "honour", value_parser = instance_ids)]
    instance_ids: InstanceIds,
    /// A JSON file of faults to begin with
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// A YAML or JSON file of what there is to begin with: workspaces, workflows, playbooks (docs/simulator.md). Without
    /// workflows, whichever is asked for exists until one is created
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// A file in which everything that is created is kept from one start to the next; once there, it wins over --world
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// How many milliseconds an instance runs before it finishes or fails
    #[arg(long, value_name = "MS", default_value_t = 3_000)]
    run_for: u64,
    /// For benchmarks: hardly judge bodies and keep nothing but ids and counts
    #[arg(long)]
    lean: bool,
    /// Take every signature and token
    #[arg(long)]
    no_verify: bool,
    /// How many raw requests to keep for /_simulator/requests
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    keep_requests: usize,
    /// Make chance repeatable
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// What to log, on standard error: error, warn, info, debug (each request) or trace
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log: String,
}

const AFTER_HELP: &str = "\
To look and to interfere (docs/simulator.md has every fault):
  GET /_simulator/instances?offset=0&limit=100   what was created
  GET /_simulator/world                          workflows, playbooks and alerts, as --world takes them
  GET /_simulator/stats                          counts, the most requests in any second among them
  GET /_simulator/requests                       the last raw requests, with their credentials
  GET, PUT, DELETE /_simulator/faults            what goes wrong
  POST /_simulator/tokens/expire                 no token or temporary key is good any more
  POST /_simulator/reset                         forget instances and counts

For example, five in a hundred answers are 503, and the quota is ten a second:
  curl -X PUT http://127.0.0.1:8090/_simulator/faults --data \\
    '{\"status\": [{\"status\": 503, \"probability\": 0.05}], \"throttle\": {\"requests\": 10, \"per_ms\": 1000}}'";

pub(super) fn execute(args: SimulateArgs) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&args.log).context("--log").map_err(Failure::Usage)?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let access_key = args.access_key.clone().unwrap_or_else(|| DEMO_ACCESS_KEY.to_owned());
    let settings = settings(args, &access_key).map_err(Failure::Usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(settings, &access_key))
}

async fn serve(settings: SimulatorSettings, access_key: &str) -> Result<(), Failure> {
    let listen = settings.listen;
    let mut terminate = signal(SignalKind::terminate())?;
    let simulator = Simulator::start(settings).await.with_context(|| format!("cannot listen at {listen}"))?;
    let mut out = io::stdout();
    writeln!(out, "SecMaster and IAM simulated at {} (access key {access_key})", simulator.url())?;
    out.flush()?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended?,
        _ = terminate.recv() => {}
    }
    simulator.stop().await;
    Ok(())
}

/// One of the words of the faults' document.
fn instance_ids(word: &str) -> Result<InstanceIds, String> {
    serde_json::from_value(word.into()).map_err(|_| "expected one of honour, unique, own".to_owned())
}

fn settings(args: SimulateArgs, access_key: &str) -> anyhow::Result<SimulatorSettings> {
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => {
            let text = String::from_utf8(read(key)?).with_context(|| format!("{} is not PEM", key.display()))?;
            Some(TlsFiles { certificate: read(certificate)?, key: SecretString::from(text) })
        }
        _ => None,
    };
    let faults = match &args.faults {
        Some(path) => serde_json::from_slice(&read(path)?).with_context(|| format!("{}", path.display()))?,
        None => Faults::default(),
    };
    let world = match &args.world {
        Some(path) => {
            let text = String::from_utf8(read(path)?).with_context(|| format!("{} is not text", path.display()))?;
            serde_saphyr::from_str(&text).with_context(|| format!("{}", path.display()))?
        }
        None => World::default(),
    };
    let secret_key = args.secret_key.filter(|_| args.access_key.is_some());
    let secret_key = secret_key.unwrap_or_else(|| SecretString::from(DEMO_SECRET_KEY));
    Ok(SimulatorSettings {
        listen: args.listen,
        tls,
        access_keys: vec![(access_key.to_owned(), secret_key)],
        iam_users: vec![IamUser { domain_name: args.domain_name, user_name: args.user_name, password: args.password }],
        id_token: args.id_token,
        token_lifetime: Duration::from_secs(args.token_lifetime),
        lean: args.lean,
        verify: !args.no_verify,
        keep_requests: if args.lean { 0 } else { args.keep_requests },
        seed: args.seed,
        instance_ids: args.instance_ids,
        run_for: Some(Duration::from_millis(args.run_for)),
        world,
        state_file: args.state,
        faults,
        ..SimulatorSettings::default()
    })
}
