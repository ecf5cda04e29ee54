//! From the validated configuration to the settings of each part.

use std::num::NonZeroU32;
use std::sync::Arc;

use secrecy::SecretString;

use super::credentials::{credentials, endpoint};
use crate::config::{self, Config, KafkaSecurity, SaslMechanism};
use crate::kafka::{KafkaSettings, Token, Tokens};
use crate::mapping::{MappingSettings, OnInvalidField, OnUnmatched};
use crate::oauth::{self, Granted, TokenRequest};
use crate::pipeline::{AmbiguousPolicy, BudgetLimits, InstanceIdMode, Ordering, PipelineSettings, RateSettings};
use crate::resilience::{Backoff, BreakerPolicy, GuardPolicy, RateLimit, RateScope, RetryPolicy};
use crate::routing::{RouteSettings, RuleSettings};
use crate::secmaster::{ClientSettings, FailureOverride, Renewal, secmaster_endpoint};

/// Settings of the Kafka adapters.
pub(super) fn kafka(config: &Config) -> KafkaSettings {
    let kafka = config.kafka.clone();
    KafkaSettings {
        tokens: tokens(&kafka.security),
        bootstrap_servers: kafka.bootstrap_servers,
        group_id: kafka.group_id,
        group_instance_id: kafka.group_instance_id,
        topics: kafka.topics,
        dead_letter_topic: kafka.dead_letter_topic,
        redrive_topic: kafka.redrive_topic,
        start_from: kafka.start_from,
        security: kafka.security,
        client: kafka.client,
        request_timeout: config.secmaster.request_timeout.get(),
    }
}

/// The tokens that brokers are shown under OAUTHBEARER.
fn tokens(security: &KafkaSecurity) -> Option<Tokens> {
    let security = security.clone();
    let principal = security.oauth.client_id.clone().unwrap_or_default();
    let is_used = security.protocol.is_sasl() && security.sasl_mechanism == Some(SaslMechanism::OauthBearer);
    is_used.then(|| {
        Tokens::new(principal, move || {
            let request = token_request(&config::read_kafka_secrets_again(&security)?);
            let Granted { token, lifetime } = oauth::request_token(&request).map_err(|error| error.to_string())?;
            Ok(Token { secret: token, lifetime })
        })
    })
}

/// What the token endpoint is asked. The checks of the configuration have seen to it that nothing is missing.
pub(super) fn token_request(security: &KafkaSecurity) -> TokenRequest {
    let oauth = security.oauth.clone();
    TokenRequest {
        url: oauth.token_url.unwrap_or_default(),
        client_id: oauth.client_id.unwrap_or_default(),
        client_secret: oauth.client_secret.unwrap_or_else(|| SecretString::from("")),
        scope: oauth.scope,
        ca_file: security.ca_file.clone(),
    }
}

/// Settings of the SecMaster client.
pub(super) fn secmaster(config: &Config) -> anyhow::Result<ClientSettings> {
    let secmaster = &config.secmaster;
    let address = secmaster.endpoint.clone().unwrap_or_else(|| secmaster_endpoint(&secmaster.region));
    let rules = config.delivery.failure_classes.iter();
    Ok(ClientSettings {
        endpoint: endpoint("secmaster.endpoint", &address)?,
        credentials: credentials(config)?,
        connect_timeout: secmaster.connect_timeout.get(),
        request_timeout: secmaster.request_timeout.get(),
        ca_file: secmaster.ca_file.clone(),
        failure_classes: rules
            .map(|rule| FailureOverride { status: rule.status, code: rule.code.clone(), class: rule.class })
            .collect(),
        renewal: Some(Renewal::new({
            let config = config.clone();
            move || credentials(&config::read_secmaster_secrets_again(&config)?).ok()
        })),
    })
}

/// Settings of the mappings.
pub(crate) fn mapping(config: &Config) -> MappingSettings {
    let mapping = &config.mapping;
    MappingSettings {
        directories: mapping.directories.clone(),
        formats: mapping.formats.clone(),
        on_unmatched: match &mapping.on_unmatched {
            config::OnUnmatched::DeadLetter => OnUnmatched::DeadLetter,
            config::OnUnmatched::Skip => OnUnmatched::Skip,
            config::OnUnmatched::Format(name) => OnUnmatched::Format(name.clone()),
        },
        on_invalid_field: match mapping.on_invalid_field {
            config::OnInvalidField::Drop => OnInvalidField::Drop,
            config::OnInvalidField::DeadLetter => OnInvalidField::DeadLetter,
        },
        strict: mapping.strict,
        default_severity: mapping.default_severity,
        default_time_zone: mapping.default_time_zone.clone(),
        max_record_bytes: usize::try_from(mapping.max_record_bytes.get()).unwrap_or(usize::MAX),
    }
}

/// Settings of the routes.
pub(crate) fn routes(config: &Config) -> RouteSettings {
    let rule = |rule: &config::Rule| RuleSettings {
        name: rule.name.clone(),
        when: rule.when.clone(),
        workflow_id: rule.workflow_id.clone(),
        workflow_ids: rule.workflow_ids.clone(),
        skip: rule.skip.clone(),
        workspace_id: rule.workspace_id.clone(),
        project_id: rule.project_id.clone(),
        create_alert: rule.create_alert,
        stop: rule.stop,
    };
    RouteSettings {
        default_workflow_id: config.routing.default_workflow_id.clone(),
        workspace_id: config.secmaster.workspace_id.clone(),
        project_id: config.secmaster.project_id.clone(),
        rules: config.routing.rules.iter().map(rule).collect(),
    }
}

/// Which instance ids are asked for.
pub(crate) fn instance_id(config: &Config) -> InstanceIdMode {
    match config.delivery.instance_id {
        config::InstanceId::Record => InstanceIdMode::Record,
        config::InstanceId::Alert => InstanceIdMode::Alert,
        config::InstanceId::None => InstanceIdMode::None,
    }
}

/// Settings of the pipeline. `instance` is this process's name.
pub(super) fn pipeline(config: &Config, instance: Arc<str>) -> PipelineSettings {
    let delivery = &config.delivery;
    let bytes = usize::try_from(delivery.buffer.bytes.get()).unwrap_or(usize::MAX);
    let breaker = &delivery.circuit_breaker;
    PipelineSettings {
        redrive_topic: Arc::from(config.kafka.redrive_topic.as_str()),
        group_id: Arc::from(config.kafka.group_id.as_str()),
        instance,
        ordering: match delivery.ordering {
            config::Ordering::Key => Ordering::Key,
            config::Ordering::Partition => Ordering::Partition,
            config::Ordering::None => Ordering::None,
        },
        instance_id: instance_id(config),
        max_in_flight: delivery.max_in_flight as usize,
        budget: BudgetLimits {
            records: delivery.buffer.records as usize,
            records_per_partition: delivery.buffer.records_per_partition as usize,
            bytes,
        },
        adaptive_concurrency: delivery.adaptive_concurrency,
        rates: rates(config),
        retry: RetryPolicy {
            max_attempts: delivery.retry.max_attempts,
            max_elapsed: delivery.retry.max_elapsed.get(),
            backoff: Backoff { initial: delivery.retry.initial_backoff.get(), max: delivery.retry.max_backoff.get() },
        },
        breaker: BreakerPolicy {
            failure_ratio: breaker.failure_ratio,
            window: breaker.window.get(),
            minimum_requests: breaker.minimum_requests,
            open_for: breaker.open_for.get(),
            max_open_for: breaker.max_open_for.get(),
        },
        guard: GuardPolicy {
            consecutive: delivery.dead_letter_guard.consecutive,
            ratio: delivery.dead_letter_guard.ratio,
            window: delivery.dead_letter_guard.window.get(),
            minimum_records: delivery.dead_letter_guard.minimum_records,
            reopen_after: delivery.dead_letter_guard.reopen_after,
        },
        paused_route_after: match delivery.paused_route.policy {
            config::PausedRoutePolicy::Hold => None,
            config::PausedRoutePolicy::DeadLetter => delivery.paused_route.after.map(config::TimeSpan::get),
        },
        ambiguous: match delivery.ambiguous {
            config::Ambiguous::Verify => AmbiguousPolicy::Verify,
            config::Ambiguous::Retry => AmbiguousPolicy::Retry,
            config::Ambiguous::DeadLetter => AmbiguousPolicy::DeadLetter,
        },
        age_to_top: delivery.age_to_top.get(),
        seed: rand::random(),
        request_timeout: config.secmaster.request_timeout.get(),
        commit_interval: delivery.commit_interval.get(),
        drain_timeout: delivery.drain_timeout.get(),
        revoke_timeout: config.secmaster.request_timeout.get(),
    }
}

fn rates(config: &Config) -> RateSettings {
    let limits = |limits: &[config::RateLimit]| limits.iter().map(rate_limit).collect::<Vec<_>>();
    let rules = config.routing.rules.iter().filter(|rule| !rule.rate_limits.is_empty());
    RateSettings {
        scope: match config.delivery.rate_scope {
            config::RateScope::Group => RateScope::Group,
            config::RateScope::Process => RateScope::Process,
        },
        tenant: limits(&config.delivery.rate_limits),
        routes: rules.map(|rule| (Arc::from(rule.name.as_str()), limits(&rule.rate_limits))).collect(),
    }
}

fn rate_limit(limit: &config::RateLimit) -> RateLimit {
    // The configuration refuses zeros.
    let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    RateLimit { requests: at_least_one(limit.requests), per: limit.per.get(), burst: at_least_one(limit.burst) }
}
