//! The composition root: wires the parts together. The only place that names concrete adapters.

mod credentials;
mod settings;
mod watchdog;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::watchdog::Watched;
use crate::config::{self, Config};
use crate::domain::{Destination, Offset, Record, TopicPartition};
use crate::kafka::{self, KafkaSettings, KafkaSink, KafkaSource, ReadError};
use crate::mapping::{Finding, Mapper, MappingSettings};
use crate::oauth;
use crate::pipeline::{Parts, Pipeline, PipelineError, Preparer};
use crate::ports::{GuardControl, SourceError, guard_control};
use crate::routing::{self, RouteTable};
use crate::secmaster::SecMasterClient;
use crate::server::{self, Access, Shown};
use crate::supervisor::{Stop, Supervisor, SupervisorError};
use crate::telemetry::{self, Health, Heart, LogLevelControl, StartEvent, Status, Telemetry};

/// How much longer than the drain time-out a shutdown may take: the last commit and leaving the group are bounded by
/// the source.
const CLOSING: Duration = Duration::from_secs(15);

/// The pipeline over Kafka and SecMaster.
pub(crate) type Bridge = Pipeline<KafkaSource, SecMasterClient, KafkaSink>;

pub(crate) use settings::instance_id;

/// Why the daemon ended.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// What is configured cannot work: exit code 2.
    #[error("{0:#}")]
    Configuration(anyhow::Error),
    /// It failed at run time: exit code 1.
    #[error("{0:#}")]
    RunTime(anyhow::Error),
}

impl AppError {
    fn configuration(error: impl Into<anyhow::Error>) -> Self {
        Self::Configuration(error.into())
    }

    fn run_time(error: impl Into<anyhow::Error>) -> Self {
        Self::RunTime(error.into())
    }
}

/// Runs the daemon until a signal ends it.
///
/// # Errors
/// [`AppError`] says which exit code fits.
pub fn run(config: &Config) -> Result<(), AppError> {
    let log_level = telemetry::init(config.log).map_err(AppError::run_time)?;
    let runtime = tokio::runtime::Runtime::new().map_err(AppError::run_time)?;
    let result = runtime.block_on(supervise(config, log_level));
    // What still runs (a hanging call, a name lookup) must not hold the end of the process.
    runtime.shutdown_background();
    result
}

async fn supervise(config: &Config, log_level: LogLevelControl) -> Result<(), AppError> {
    let telemetry = Telemetry::try_new().map_err(AppError::run_time)?;
    let health = Health::new();
    let mapper = load_mapper(config)?;
    let Wired { bridge, status, guard, kafka_heart } = bridge(config, &mapper, &telemetry, &health)?;
    let listen = config.server.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("server.listen: cannot listen on {listen}"))
        .map_err(AppError::RunTime)?;
    telemetry.started(&StartEvent {
        group_id: &config.kafka.group_id,
        topics: &config.kafka.topics,
        formats: &mapper.formats().map(|name| &**name).collect::<Vec<_>>(),
        mapping_version: &mapper.version(),
        instance: &instance(config),
    });

    let watched = vec![
        Watched::new("the pipeline's loop", health.heart(), watchdog::PIPELINE_LOOKS),
        Watched::new("the Kafka thread", kafka_heart, watchdog::KAFKA_LOOKS),
    ];
    watchdog::start(watched, telemetry.clone()).map_err(AppError::run_time)?;
    let mut supervisor = Supervisor::default();
    supervisor.spawn("pipeline", bridge.run(supervisor.shutdown()));
    // Probes and figures are answered through the drain.
    let access = Access::new(&config.server);
    let shown = Shown { health, telemetry: telemetry.clone(), status, guard, log_level, access };
    supervisor.spawn_companion("server", server::serve(listener, shown, supervisor.all_done()));
    let stop = supervisor.run(config.delivery.drain_timeout.get() + CLOSING).await;
    telemetry.stopped(match &stop {
        Ok(Stop::Clean) => "shutdown requested",
        Ok(Stop::Forced) => "second signal",
        Err(_) => "failed",
    });
    match stop {
        Ok(Stop::Clean) => Ok(()),
        Ok(Stop::Forced) => Err(AppError::RunTime(anyhow!("ended by a second signal before the drain was over"))),
        Err(error) => Err(classify(error)),
    }
}

/// What the cluster holds may not fit the configuration; only the source can see that.
fn classify(error: SupervisorError) -> AppError {
    if let SupervisorError::Failed { source, .. } = &error
        && let Some(PipelineError::Source(source @ SourceError::Configuration(_))) = source.downcast_ref()
    {
        return AppError::configuration(source.clone());
    }
    AppError::run_time(error)
}

/// Reads the mappings that the configuration names.
pub(crate) fn load_mapper(config: &Config) -> Result<Mapper, AppError> {
    Mapper::load(&settings::mapping(config)).map_err(|errors| all(&errors))
}

/// Compiles the routes.
pub(crate) fn load_routes(config: &Config) -> Result<RouteTable, AppError> {
    RouteTable::new(&settings::routes(config)).map_err(|errors| all(&errors))
}

/// Reads one record from the configuration's brokers, and tells the cluster's id. Blocks for `bound` at most.
pub(crate) fn read_record(
    config: &Config,
    at: &TopicPartition,
    offset: Offset,
    bound: Duration,
) -> Result<(Record, String), AppError> {
    kafka::read_record(&kafka_settings(config)?, at, offset, bound).map_err(|error| match error {
        ReadError::Client(error) => AppError::configuration(error),
        error => AppError::run_time(error),
    })
}

fn all(errors: &[impl ToString]) -> AppError {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    AppError::Configuration(anyhow!("{}", lines.join("\n")))
}

/// The settings that the mappings are loaded with.
pub(crate) fn mapping_settings(config: &Config) -> MappingSettings {
    settings::mapping(config)
}

/// What in the routes is hardly meant, of alerts that these mappings make; none where they do not load.
pub(crate) fn lint_routes(config: &Config, mapper: Option<&Mapper>) -> Vec<Finding> {
    let given = mapper.map(Mapper::given).unwrap_or_default();
    let routes = settings::routes(config);
    let mut findings = routing::lint(&routes, &given, config.mapping.strict);
    findings.extend(routing::lint_ids(&routes));
    findings
}

/// The part of [`lint_routes`] that needs no mappings: ids that SecMaster would hardly have given out.
pub(crate) fn lint_ids(config: &Config) -> Vec<Finding> {
    routing::lint_ids(&settings::routes(config))
}

/// Every workflow that the routes name.
pub(crate) fn destinations(config: &Config) -> Vec<Destination> {
    settings::routes(config).destinations()
}

/// What in the user's mapping files is hardly meant.
pub(crate) fn lint_mappings(config: &Config, mapper: &Mapper) -> Vec<Finding> {
    mapper.lint(&settings::mapping(config))
}

/// Where the cluster is, for what is done beside the daemon. Reads the secrets for Kafka that stand in files.
pub(crate) fn kafka_settings(config: &Config) -> Result<KafkaSettings, AppError> {
    let mut config = config.clone();
    config::read_kafka_secrets(&mut config).map_err(AppError::configuration)?;
    Ok(settings::kafka(&config))
}

/// A client of SecMaster for calls by hand. Reads certificates, reaches nothing.
pub(crate) fn secmaster(config: &Config) -> Result<SecMasterClient, AppError> {
    let settings = settings::secmaster(config).map_err(AppError::Configuration)?;
    SecMasterClient::new(settings).map_err(AppError::configuration)
}

/// Whether clients can be made of the configuration: reads certificates and properties, reaches nothing.
pub(crate) fn check_clients(config: &Config) -> Result<(), AppError> {
    let _client = secmaster(config)?;
    let kafka = settings::kafka(config);
    if kafka.tokens.is_some() {
        oauth::check(&settings::token_request(&config.kafka.security)).map_err(AppError::configuration)?;
    }
    kafka::check(&kafka).map_err(AppError::configuration)
}

/// A pipeline, and what is seen and asked of it from outside.
pub(crate) struct Wired {
    pub(crate) bridge: Bridge,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) guard: GuardControl,
    /// Beats while the Kafka thread comes round.
    kafka_heart: Heart,
}

/// Puts the pipeline together. Reaches nothing.
pub(crate) fn bridge(
    config: &Config,
    mapper: &Mapper,
    telemetry: &Telemetry,
    health: &Health,
) -> Result<Wired, AppError> {
    let kafka = settings::kafka(config);
    let secmaster = settings::secmaster(config).map_err(AppError::Configuration)?;
    let routes = load_routes(config)?;
    let (guard, guard_requests) = guard_control();
    let (publish, status) = watch::channel(Status::new(&*mapper.version(), SystemTime::now()));
    let source = KafkaSource::start(kafka.clone()).map_err(AppError::configuration)?;
    let kafka_heart = source.heart();
    let sink = Arc::new(KafkaSink::new(&kafka).map_err(AppError::configuration)?);
    kafka::keep_credentials(&kafka, &source, &sink).map_err(AppError::run_time)?;
    let bridge = Pipeline::new(Parts {
        api: Arc::new(SecMasterClient::new(secmaster).map_err(AppError::configuration)?),
        dead_letters: sink,
        source,
        preparer: Preparer::new(mapper.clone(), routes, instance_id(config)),
        settings: settings::pipeline(config, Arc::from(instance(config))),
        telemetry: telemetry.clone(),
        health: health.clone(),
        status: publish,
        guard_requests,
    });
    Ok(Wired { bridge, status, guard, kafka_heart })
}

/// This process's name: the static member's, else the host's (in Kubernetes, the pod's).
fn instance(config: &Config) -> String {
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned()).ok();
    config.kafka.group_instance_id.clone().or_else(host).unwrap_or_else(|| "alertbridge".to_owned())
}
