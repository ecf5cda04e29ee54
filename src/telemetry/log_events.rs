//! Every log line of the program, as data: its stable name, level, constant message and fields in one place.
//!
//! People search and alert on these names; `docs/logging.md` is written from this list. A test makes every event happen
//! and holds the lines against it.

use std::fmt::Write;

use tracing::Level;

/// One kind of log line.
#[derive(Clone, Copy, Debug)]
pub struct LogEvent {
    /// The stable dotted name, the line's `event`.
    pub name: &'static str,
    /// The line's level.
    pub level: Level,
    /// The line's `message`.
    pub message: &'static str,
    /// The fields that it may have besides `timestamp`, `level`, `event` and `message`.
    pub fields: &'static [&'static str],
}

/// What ends a delivery, each where it applies.
const OUTCOME: &[&str] = &[
    "topic",
    "partition",
    "offset",
    "original_topic",
    "original_partition",
    "original_offset",
    "part",
    "alert_id",
    "created_alert_id",
    "severity",
    "format",
    "route",
    "workflow_id",
    "action_instance_id",
    "requested_instance_id",
    "confirmed_by",
    "attempts",
    "http_status",
    "error_code",
    "request_id",
    "failure_class",
    "failure_reason",
    "skip_reason",
    "skip_rule_reason",
    "error",
    "age_ms",
    "duration_ms",
    "trace_id",
];
/// Whom a line is about (by any of these alone all lines of one alert are found), and then its own fields.
macro_rules! of_delivery {
    ($($field:literal),* $(,)?) => {
        &[
            "topic", "partition", "offset", "original_topic", "original_partition", "original_offset", "part",
            "alert_id", "route", "workflow_id", "requested_instance_id", $($field),*
        ]
    };
}

/// Which delivery an attempt belongs to, and what came of it.
const ATTEMPT: &[&str] = of_delivery![
    "attempt",
    "http_status",
    "error_code",
    "request_id",
    "action_instance_id",
    "failure_class",
    "failure_reason",
    "error",
    "duration_ms",
];
const LOOK_UP: &[&str] = of_delivery![
    "result",
    "instance_status",
    "http_status",
    "error_code",
    "request_id",
    "failure_class",
    "failure_reason",
    "error",
    "duration_ms",
];

/// What a mapping left out. One alert may start several workflows: all their instances, separated by spaces.
const FAULT: &[&str] = of_delivery!["format", "field", "error"];
const DEFAULTED: &[&str] = of_delivery!["format"];
/// Which alert was to be created, or was looked up, and what came of it.
const ALERT: &[&str] = of_delivery![
    "created_alert_id",
    "confirmed_by",
    "result",
    "attempt",
    "http_status",
    "error_code",
    "request_id",
    "failure_class",
    "failure_reason",
    "error",
    "duration_ms",
];

const PAUSE: &[&str] = &["reason", "route", "workflow_id", "probe_in_ms", "detail"];

macro_rules! events {
    ($($constant:ident = $level:ident $name:literal $message:literal $fields:expr;)*) => {
        $(pub(super) const $constant: LogEvent =
            LogEvent { name: $name, level: Level::$level, message: $message, fields: $fields };)*

        /// Every kind of log line, in the order of the documentation.
        pub const EVENTS: &[LogEvent] = &[$($constant),*];
    };
}

events! {
    ALERT_DELIVERED = INFO "alert.delivered" "the workflow was started" OUTCOME;
    ALERT_SKIPPED = INFO "alert.skipped" "not to be sent, on purpose" OUTCOME;
    ALERT_DEAD_LETTERED = WARN "alert.dead_lettered" "written to the dead-letter topic" OUTCOME;
    PARTITION_ABANDONED = INFO "partition.abandoned" "deliveries were given up; their records come again"
        &["topic", "partition", "count"];
    ALERT_CREATED = INFO "alert.created" "SecMaster has the alert; its workflows follow" ALERT;
    ALERT_NOT_CREATED = DEBUG "alert.not_created" "an attempt did not confirm that SecMaster has the alert" ALERT;
    ALERT_LOOKED_UP = DEBUG "alert.looked_up" "SecMaster was asked whether it has the alert" ALERT;
    ALERT_UNVERIFIED = WARN "alert.unverified"
        "whether SecMaster has the alert cannot be learnt; it is created again and may be there twice"
        of_delivery!["detail"];
    ATTEMPT_SUCCEEDED = DEBUG "attempt.succeeded" "SecMaster confirmed the start" ATTEMPT;
    ATTEMPT_FAILED = DEBUG "attempt.failed" "an attempt did not confirm a start" ATTEMPT;
    RETRY_SCHEDULED = DEBUG "retry.scheduled" "the delivery will be tried again"
        of_delivery!["attempt", "delay_ms"];
    LOOKED_UP = DEBUG "instance.looked_up" "SecMaster was asked whether it has the instance" LOOK_UP;
    LOOK_UP_FAILED = WARN "instance.look_up_failed"
        "whether SecMaster has an instance could not be learnt; asking again, and the delivery waits"
        of_delivery!["error"];
    UNVERIFIED = WARN "delivery.unverified"
        "whether the workflow was started cannot be learnt; it is started again and may run twice"
        of_delivery!["detail"];
    UNVERIFIED_AGAIN = DEBUG "delivery.unverified" "the same, where such lines come in a storm"
        of_delivery!["detail"];
    SUSPECTED = INFO "partition.suspected"
        "deliveries up to an offset may have been started before; they are looked up first"
        &["topic", "partition", "below", "look_ups_in_ms"];
    DEAD_LETTER_WRITE_FAILED = ERROR "dead_letter.write_failed"
        "the dead-letter topic did not take a record; trying again, and nothing commits past it"
        of_delivery!["error"];
    DEAD_LETTER_WRITE_FAILED_AGAIN = DEBUG "dead_letter.write_failed" "the same, where such lines come in a storm"
        of_delivery!["error"];
    DEAD_LETTER_REDUCED = WARN "dead_letter.reduced" "a dead letter was too large for its topic and was cut"
        of_delivery!["shape"];
    DEAD_LETTER_HELD = DEBUG "dead_letter.held" "held by the guard, unwritten and uncommitted"
        of_delivery!["failure_class", "failure_reason"];
    GUARD_CLOSED = ERROR "dead_letter_guard.closed"
        "so many dead letters that the next ones are held, unwritten and uncommitted: mend what they have in common and restart, or have them written with `alertbridge guard open`"
        &["limit", "failure_class", "failure_reason", "count", "of", "topic", "partition", "offset"];
    GUARD_OPENED = INFO "dead_letter_guard.opened" "dead letters are written again" &["by", "held", "held_ms"];
    MAPPING_FAULT = WARN "mapping.fault" "an optional field was left out: its value did not fit" FAULT;
    MAPPING_FAULT_AGAIN = DEBUG "mapping.fault" "the same, where such lines come in a storm" FAULT;
    SEVERITY_DEFAULTED = WARN "mapping.severity_defaulted" "an unknown severity was replaced by the default" DEFAULTED;
    SEVERITY_DEFAULTED_AGAIN = DEBUG "mapping.severity_defaulted" "the same, where such lines come in a storm"
        DEFAULTED;
    PARTITIONS_ASSIGNED = INFO "partitions.assigned" "partitions are ours" &["count", "partitions"];
    PARTITIONS_REVOKED = INFO "partitions.revoked" "partitions are to be handed back" &["count", "partitions"];
    PARTITIONS_RELEASED = INFO "partitions.released" "partitions were handed back" &["count", "partitions"];
    PARTITIONS_LOST = WARN "partitions.lost" "partitions were taken from us; their records come again elsewhere"
        &["count", "partitions"];
    OFFSETS_COMMITTED = DEBUG "offsets.committed" "frontiers were committed" &["count", "partitions"];
    PARTITION_HELD_BACK = WARN "partition.held_back"
        "one record stays open for long; reading rests, as what has settled behind it would not fit into a commit"
        &["topic", "partition", "next_offset"];
    COMMIT_FAILED = WARN "offsets.commit_failed" "a commit failed; the next one makes good for it" &["error"];
    OUT_OF_RANGE = ERROR "offsets.out_of_range" "records were deleted before they were read"
        &["topic", "partition", "wanted", "resumed_at", "lost"];
    KAFKA_UNAVAILABLE = WARN "kafka.unavailable" "no broker can be reached; trying on" &["error"];
    KAFKA_AVAILABLE = INFO "kafka.available" "the consumer group was joined" &[];
    PAUSED_FOR_OPERATOR = ERROR "delivery.paused"
        "sending (to this route, where one is named) stands still until somebody acts" PAUSE;
    PAUSED = WARN "delivery.paused" "sending (to this route, where one is named) stands still for a while" PAUSE;
    RESUMED = INFO "delivery.resumed" "sending goes on" &["reason", "route", "paused_ms"];
    HOLD_OFF = WARN "delivery.hold_off" "SecMaster throttles; nothing is sent for a while" &["hold_off_ms"];
    QUOTA_BELOW_PARTITIONS = WARN "rate_limit.below_partitions"
        "a quota is smaller than the number of partitions: over all replicas, a window may hold one for each partition"
        &["route", "requests", "per_ms", "partitions"];
    BREAKER_OPENED = WARN "circuit_breaker.opened" "the target fails; requests of the route wait" &["route"];
    BREAKER_CLOSED = INFO "circuit_breaker.closed" "the target answers again" &["route"];
    STARTED = INFO "service.started" "alertbridge has started"
        &["version", "group_id", "topics", "formats", "mapping_version", "instance"];
    DRAINING = INFO "service.draining" "no new attempts; those under way may finish" &["reason"];
    STALLED = ERROR "watchdog.stalled" "what could move stands still: a bug; the process ends, to be started anew"
        &["stalled"];
    STOPPED = INFO "service.stopped" "alertbridge has stopped"
        &["reason", "records_consumed", "delivered", "skipped", "dead_lettered", "abandoned"];
    SUMMARISED = WARN "log.summarised" "equal lines were kept back" &["summarised_event", "suppressed"];
    LOG_LEVEL_CHANGED = INFO "log.level_changed" "the level of the log was changed, until the next change or restart"
        &["was", "log_level"];
}

/// The lines of the clients of Kafka, IAM and SecMaster, which count nothing and are written where they happen: name,
/// what it means, fields. A test holds the list against the code.
pub const CLIENT_EVENTS: &[(&str, &str, &[&str])] = &[
    ("clock.in_step", "INFO: this machine's clock agrees with the service's again", &[]),
    (
        "clock.skewed",
        "WARN: this machine's clock is ahead of the service's by so many seconds (negative: behind); beyond those accepted, signatures are refused",
        &["skew_seconds", "accepted_seconds"],
    ),
    (
        "credentials.key_failed",
        "WARN: no temporary access key could be fetched; requests wait for one, or go on with the one in hand",
        &["kind", "error", "request_id"],
    ),
    (
        "credentials.key_fetched",
        "INFO: a temporary access key was fetched, for so many seconds",
        &["kind", "lifetime_seconds"],
    ),
    (
        "iam.token_failed",
        "WARN: no token could be fetched; requests wait for one, or go on with the one in hand",
        &["project_id", "failure_class", "error"],
    ),
    ("iam.token_fetched", "INFO: a token was fetched, for so many seconds", &["project_id", "lifetime_seconds"]),
    ("kafka.client", "a line of librdkafka itself, a level quieter than it says", &["facility", "detail"]),
    (
        "kafka.commit_metadata_dropped",
        "WARN: a commit's metadata is not believed; what it said was delivered comes again",
        &["topic", "partition", "error"],
    ),
    (
        "kafka.commit_metadata_refused",
        "WARN: the brokers take no metadata with a commit; after a crash workflows may run twice",
        &[],
    ),
    (
        "kafka.consumer_kept",
        "ERROR: a new consumer could not be made of changed files; the old one stays, and it is tried again",
        &["error"],
    ),
    (
        "kafka.credentials_refused",
        "WARN: files for Kafka have changed and do not work; what was read before stays in use, and they are tried again",
        &["files", "error"],
    ),
    ("kafka.credentials_renewed", "INFO: files for Kafka have changed, were read again and are in use", &["files"]),
    (
        "kafka.ends_unknown",
        "DEBUG: the end offsets could not be read; the lag is as old as the last answer",
        &["error"],
    ),
    ("kafka.leave_slow", "WARN: the group was not left in time; its partitions wait for the session to end", &[]),
    (
        "kafka.producer_renewed",
        "WARN: the dead-letter producer had failed for good and was made anew",
        &["code", "reason"],
    ),
    (
        "kafka.records_unreadable",
        "ERROR: a batch is damaged or of an unknown form; its records cannot be had from Kafka",
        &["error"],
    ),
    (
        "kafka.token_failed",
        "WARN: no token for Kafka could be fetched; the one at hand is used while it lives",
        &["error", "retry_in_ms"],
    ),
    ("kafka.token_fetched", "INFO: a token for Kafka was fetched, for so many seconds", &["lifetime_seconds"]),
    ("kafka.topic_added", "WARN: a topic is new to the group and is read from its earliest record", &["topic"]),
    ("kafka.topic_missing", "WARN: a subscribed topic cannot be read", &["reason"]),
    ("kafka.trouble", "DEBUG: an error that the Kafka client handles by itself", &["code", "error", "reason"]),
    (
        "secmaster.token_refused",
        "INFO: a token or temporary key was refused; the next request fetches another one",
        &["request_id"],
    ),
    ("tls.system_root_unreadable", "DEBUG: one of the system's root certificates cannot be read", &["error"]),
];

/// The name of lines that come from libraries, not from this program; they add `target`.
pub(super) const LIBRARY: &str = "library";

/// The text of `docs/logging.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(include_str!("logging_head.md"));
    for event in EVENTS {
        let fields: Vec<String> = event.fields.iter().map(|field| format!("`{field}`")).collect();
        // Writing to a String does not fail.
        let _infallible =
            writeln!(page, "| `{}` | {} | {} | {} |", event.name, event.level, event.message, fields.join(" "));
    }
    page.push_str("\n## Lines of the clients\n\n| event | what it means | fields |\n|---|---|---|\n");
    for (name, meaning, fields) in CLIENT_EVENTS {
        let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
        let _infallible = writeln!(page, "| `{name}` | {meaning} | {} |", fields.join(" "));
    }
    page
}
