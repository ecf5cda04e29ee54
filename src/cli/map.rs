//! `alertbridge map`: what a record becomes, without Kafka and without SecMaster.

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};

use super::Failure;
use super::config::ConfigFiles;
use crate::app;
use crate::config::Purpose;
use crate::domain::{
    Alert, DeadLetterClass, FailureReason, Header, Offset, Origin, Record, SkipReason, TopicPartition,
};
use crate::mapping::{MapFailure, Mapped, Mapper};
use crate::pipeline::InstanceIdMode;
use crate::routing::{self, Decision, RouteTable};

/// Show what a record becomes
///
/// Prints one JSON object a line for each delivery; what was left out, and where errors stand, is said on standard
/// error. Exits with 1 if any delivery is an error.
///
/// Needs no configuration for the shipped formats: route and workflow are null then. With one (./alertbridge.yaml too),
/// the routes and mappings are the daemon's.
///
/// Ids are the daemon's only where the record's place is: a workflow instance's is made of --cluster, --topic,
/// --partition, --offset and --timestamp, and an alert's, where its source gives none, of topic, partition and offset.
#[derive(Debug, Args)]
pub(super) struct MapArgs {
    /// The record's value; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    config: ConfigFiles,
    /// Take each line as a record of its own, with offsets that count up
    #[arg(long)]
    lines: bool,
    /// Read the record as this format, whatever it looks like
    #[arg(long, value_name = "NAME|auto", default_value = "auto")]
    format: String,
    /// Folder with mapping files of yours (may be repeated)
    #[arg(long, value_name = "DIR")]
    mappings: Vec<PathBuf>,
    /// The record's key
    #[arg(long)]
    key: Option<String>,
    /// A header of the record (may be repeated)
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header)]
    headers: Vec<Header>,
    /// The record's topic
    #[arg(long, default_value = "stdin")]
    topic: String,
    /// The record's partition
    #[arg(long, default_value_t = 0)]
    partition: i32,
    /// The (first) record's offset [default: 0]
    #[arg(long)]
    offset: Option<i64>,
    /// The record's timestamp, in milliseconds since the epoch
    #[arg(long, value_name = "MS")]
    timestamp: Option<i64>,
    /// The Kafka cluster's id, part of the instance's id
    #[arg(long, value_name = "ID", default_value = "")]
    cluster: String,
}

fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok(Header { name: name.to_owned(), value: Some(Bytes::copy_from_slice(value.as_bytes())) })
}

/// Where deliveries go, as the daemon would send them.
struct Routes {
    table: RouteTable,
    instance_id: InstanceIdMode,
}

pub(super) fn execute(args: &MapArgs) -> Result<(), Failure> {
    let mut config = args.config.load(Purpose::Offline)?.config;
    config.mapping.directories.extend(args.mappings.iter().cloned());
    let mapper = app::load_mapper(&config)?;
    let has_routes = config.routing.default_workflow_id.is_some() || !config.routing.rules.is_empty();
    let routes = if has_routes {
        Some(Routes { table: app::load_routes(&config)?, instance_id: app::instance_id(&config) })
    } else {
        None
    };
    let all_well = show(args, &mapper, routes.as_ref(), &mut io::stdout().lock(), &mut io::stderr().lock())?;
    if all_well { Ok(()) } else { Err(Failure::Reported) }
}

/// Maps all records of the input; tells whether none of the lines has an error. What goes to `err` is for people.
fn show(
    args: &MapArgs,
    mapper: &Mapper,
    routes: Option<&Routes>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<bool, Failure> {
    if args.format != "auto" && !mapper.formats().any(|name| **name == *args.format) {
        let names: Vec<&str> = mapper.formats().map(|name| &**name).collect();
        return Err(Failure::Usage(anyhow!("there is no format `{}`; there are {}", args.format, names.join(", "))));
    }
    let input = read(args)?;
    let values: Vec<Bytes> = if args.lines {
        let lines = input.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty());
        lines.map(|line| input.slice_ref(line)).collect()
    } else {
        vec![input]
    };
    let mut all_well = true;
    let mut id_of_place = false;
    for (value, offset) in values.into_iter().zip(args.offset.unwrap_or(0)..) {
        let lines = record_lines(args, mapper, routes, value, offset)?;
        id_of_place |= lines.id_of_place;
        for warning in lines.warnings {
            warn(err, &warning);
        }
        for line in lines.out {
            all_well &= line.get("error").is_none();
            writeln!(out, "{line}")?;
        }
    }
    out.flush()?;
    if id_of_place && args.offset.is_none() {
        warn(
            err,
            "the source gives no id, so the alert's is made of its place: give --topic, --partition and --offset",
        );
    }
    Ok(all_well)
}

fn read(args: &MapArgs) -> anyhow::Result<Bytes> {
    if args.file.as_os_str() != "-" {
        let bytes = fs::read(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
        return Ok(bytes.into());
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
    Ok(bytes.into())
}

/// What there is to say about a record.
struct Lines {
    /// For programs: one for each delivery.
    out: Vec<Value>,
    /// For people: what was left out, and where each error stands.
    warnings: Vec<String>,
    /// Whether an alert's id is made of the record's place.
    id_of_place: bool,
}

fn record_lines(
    args: &MapArgs,
    mapper: &Mapper,
    routes: Option<&Routes>,
    value: Bytes,
    offset: i64,
) -> anyhow::Result<Lines> {
    let record = Record {
        partition: TopicPartition::new(args.topic.as_str(), args.partition),
        offset: Offset(offset),
        timestamp_ms: args.timestamp,
        key: args.key.clone().map(Bytes::from),
        // An empty input stands for Kafka's null.
        value: Some(value).filter(|v| !v.is_empty()),
        headers: args.headers.clone(),
    };
    let origin = record.origin(&Arc::from(args.cluster.as_str()));
    let mapped = match args.format.as_str() {
        "auto" => mapper.map(&record, &origin),
        format => match mapper.map_as(format, &record, &origin) {
            Some(mapped) => mapped,
            None => bail!("there is no format `{format}`"),
        },
    };
    let mut lines = Lines { out: Vec::new(), warnings: Vec::new(), id_of_place: false };
    match mapped {
        Mapped::Tombstone => lines.out.push(skip(None, None, SkipReason::Tombstone.as_str())),
        Mapped::Unmatched => lines.out.push(skip(None, None, SkipReason::Unmatched.as_str())),
        Mapped::Parts(parts) if parts.is_empty() => {
            lines.out.push(skip(None, None, SkipReason::EmptyBatch.as_str()));
        }
        Mapped::Parts(parts) => {
            for part in parts {
                lines.id_of_place |= part.id_of_place;
                let at = format!("{}/{} part {}", record.partition, record.offset, part.part);
                let faults = part.faults.iter();
                lines.warnings.extend(faults.map(|fault| format!("{at}: {}: {}", fault.field, fault.message)));
                let deliveries = match &part.result {
                    Ok(alert) => alert_lines(alert, &origin, routes)?,
                    Err(failure) => Err(failure.clone()),
                };
                match deliveries {
                    Ok(deliveries) => lines.out.extend(deliveries),
                    Err(failure) => {
                        lines.warnings.push(format!("{at}: {failure}"));
                        lines.out.push(error(&failure));
                    }
                }
            }
        }
    }
    Ok(lines)
}

fn warn(err: &mut impl Write, text: &str) {
    // Nothing can be done about a standard error that does not take the text.
    drop(writeln!(err, "alertbridge: warning: {text}"));
}

/// An alert's deliveries, or why there are none.
fn alert_lines(
    alert: &Alert,
    origin: &Origin,
    routes: Option<&Routes>,
) -> anyhow::Result<Result<Vec<Value>, MapFailure>> {
    let Some(routes) = routes else {
        if let Some(reason) = &alert.skip {
            return Ok(Ok(vec![skip(Some(&alert.format), None, reason)]));
        }
        let request: Value = serde_json::from_slice(&routing::body(None, alert, None))?;
        let format = &alert.format;
        return Ok(Ok(vec![json!({
            "format": format, "route": null, "workflow_id": null, "action_instance_id": null, "request": request,
        })]));
    };
    match routes.table.decide(alert) {
        Decision::Run(destinations) => {
            let deliveries = destinations.into_iter();
            let deliveries = deliveries
                .map(|destination| {
                    let instance = routes.instance_id.id(origin, alert, &destination.workflow_id);
                    let request = routing::build(destination, alert, instance);
                    let body: Value = serde_json::from_slice(&request.body)?;
                    Ok(json!({
                        "format": alert.format,
                        "route": request.destination.route,
                        "workflow_id": request.destination.workflow_id,
                        "action_instance_id": request.action_instance_id,
                        "request": body,
                    }))
                })
                .collect::<anyhow::Result<_>>()?;
            Ok(Ok(deliveries))
        }
        Decision::Skip { route, reason } => Ok(Ok(vec![skip(Some(&alert.format), route.as_deref(), &reason)])),
        Decision::Unroutable => Ok(Err(MapFailure {
            class: DeadLetterClass::Unroutable,
            reason: FailureReason::NoRoute,
            message: "no rule matches and there is no default workflow".to_owned(),
        })),
    }
}

fn skip(format: Option<&str>, route: Option<&str>, reason: &str) -> Value {
    json!({"format": format, "route": route, "skip": {"reason": reason}})
}

fn error(failure: &MapFailure) -> Value {
    let (class, reason) = (failure.class.as_str(), failure.reason.as_str());
    json!({"error": {"class": class, "reason": reason, "message": failure.message}})
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{MapArgs, Routes, show};
    use crate::mapping::{Mapper, MappingSettings};
    use crate::pipeline::InstanceIdMode;
    use crate::routing::{RouteSettings, RouteTable, RuleSettings};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: MapArgs,
    }

    fn lines(input: &str, arguments: &[&str], routes: Option<&Routes>) -> (bool, String) {
        let (all_well, out, _) = said(input, arguments, routes);
        (all_well, out)
    }

    /// Whether all is well, what programs read, and what people read.
    fn said(input: &str, arguments: &[&str], routes: Option<&Routes>) -> (bool, String, String) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("in.json");
        std::fs::write(&file, input).unwrap();
        let line = ["map", file.to_str().unwrap()].into_iter().chain(arguments.iter().copied());
        let args = Line::try_parse_from(line).unwrap().args;
        let mapper = Mapper::load(&MappingSettings::default()).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let all_well = show(&args, &mapper, routes, &mut out, &mut err).unwrap();
        (all_well, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    const ALERT: &str = r#"{"title":"t","severity":"High"}"#;

    #[test]
    fn without_routes_the_request_is_shown_and_route_and_workflow_are_null() {
        let (all_well, out) = lines(ALERT, &[], None);
        assert!(all_well);
        insta::assert_snapshot!(out);
    }

    #[test]
    fn each_line_is_a_record_and_any_error_is_told() {
        let input = format!("{ALERT}\n\nnot json\n[]\n{{\"a\":1}}\n{ALERT}");
        let (all_well, out) = lines(&input, &["--lines", "--topic", "t", "--offset", "7"], None);
        assert!(!all_well);
        insta::assert_snapshot!(out);
    }

    #[test]
    fn with_routes_each_workflow_is_a_line_with_its_instance() {
        let settings = RouteSettings {
            rules: vec![
                RuleSettings {
                    name: "skipped".to_owned(),
                    when: Some(".severity == \"Low\"".to_owned()),
                    skip: Some("too low".to_owned()),
                    ..RuleSettings::default()
                },
                RuleSettings {
                    name: "both".to_owned(),
                    when: Some(".severity == \"High\"".to_owned()),
                    workflow_ids: vec!["w1".to_owned(), "w2".to_owned()],
                    ..RuleSettings::default()
                },
            ],
            ..RouteSettings::default()
        };
        let routes = Routes { table: RouteTable::new(&settings).unwrap(), instance_id: InstanceIdMode::Record };
        let input = [ALERT, r#"{"title":"t","severity":"Low"}"#, r#"{"title":"t","severity":"Tips"}"#].join("\n");
        let (all_well, out) = lines(&input, &["--lines"], Some(&routes));
        assert!(!all_well, "the last one is unroutable");
        insta::assert_snapshot!(out);
    }

    #[test]
    fn people_read_where_each_error_stands() {
        let input = [ALERT, "not json", r#"[{"title":"t","severity":"loud"},7]"#].join("\n");
        let (_, _, err) = said(&input, &["--lines", "--topic", "t", "--partition", "2", "--offset", "7"], None);
        insta::assert_snapshot!(err);
    }

    #[test]
    fn an_id_made_of_a_place_that_was_not_given_is_warned_of_once() {
        let warning = "alertbridge: warning: the source gives no id";
        let two = format!("{ALERT}\n{ALERT}");
        let (_, _, err) = said(&two, &["--lines"], None);
        assert_eq!(err.matches(warning).count(), 1, "{err}");
        let (_, _, err) = said(&two, &["--lines", "--offset", "0"], None);
        assert!(!err.contains(warning), "{err}");
        let (_, _, err) = said(r#"{"id":"a-1","title":"t","severity":"High"}"#, &[], None);
        assert!(!err.contains(warning), "{err}");
    }

    #[test]
    fn an_empty_file_is_a_tombstone() {
        let (all_well, out) = lines("", &[], None);
        assert_eq!(
            (all_well, out.as_str()),
            (true, "{\"format\":null,\"route\":null,\"skip\":{\"reason\":\"tombstone\"}}\n")
        );
    }
}
