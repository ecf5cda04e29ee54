//! `alertbridge map`: what a record becomes, without a consumer group and without SecMaster.

mod expect;
mod explain;
mod fields;
mod infer;
mod input;
mod lines;
mod paint;
mod several;
mod standing;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use clap::Args;

use self::input::{At, Input};
use self::paint::Paint;
use self::standing::Standing;
use super::Failure;
use super::config::ConfigFiles;
use crate::app;
use crate::config::Purpose;
use crate::domain::Header;
use crate::letters::is_export;
use crate::mapping::{Mapped, Mapper, suggest};
use crate::pipeline::InstanceIdMode;
use crate::routing::RouteTable;

/// Show what a record becomes, explain why, or draft a mapping for it
///
/// Prints one JSON object a line for each delivery; what was left out, and where errors stand, is said on standard
/// error. Exits with 1 if any delivery is an error.
///
/// Needs no configuration for the shipped formats: route and workflow are null then. With one (./alertbridge.yaml too),
/// the routes and mappings are the daemon's.
///
/// Ids are the daemon's only where the record's place is: a workflow instance's is made of --cluster, --topic,
/// --partition, --offset and --timestamp, and an alert's, where its source gives none, of topic, partition and offset.
/// With --from all of these are the record's own.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct MapArgs {
    /// Files with one record each; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    records: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigFiles,
    /// Say on standard error why each record becomes what it does: the format and why those before it did not match,
    /// each field with its expression and what that read, severity, ids and route. Shows the record's content
    #[arg(long)]
    explain: bool,
    /// Print what a test inside a mapping file is to expect of each record, as YAML to put below
    /// `input` or `file`. A test has the value alone, so it goes with no key, header or place
    #[arg(long, conflicts_with_all = ["explain", "infer"])]
    expect: bool,
    /// Print the fields of the `Alert` data class: path, type, and what each takes
    #[arg(long, conflicts_with_all = ["explain", "infer", "expect"])]
    fields: bool,
    /// Read the record at this place in Kafka, with the configuration's brokers and security; joins no group and
    /// commits nothing. Key, headers, timestamp and cluster are the record's own
    #[arg(
        long,
        value_name = "TOPIC/PARTITION/OFFSET",
        conflicts_with_all = ["records", "lines", "key", "headers", "topic", "partition", "offset", "timestamp", "cluster"],
    )]
    from: Option<At>,
    /// How many seconds reading from Kafka may take
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds, requires = "from")]
    timeout: Duration,
    /// Write a first draft of a mapping file for records like these to standard output; guesses, and says what it
    /// guessed
    #[arg(long, conflicts_with_all = ["explain", "from", "format"])]
    infer: bool,
    /// The format's name in the draft [default: the first file's]
    #[arg(long, requires = "infer")]
    name: Option<String>,
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
    #[arg(long, default_value = standing::NO_TOPIC)]
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

const EXAMPLES: &str = "\
Examples:
  alertbridge map --explain alert.json              what becomes of it, and why
  alertbridge map --explain --from soc.alerts/3/42  the same for a record in Kafka
  alertbridge map --infer a.json b.json > acme.yaml a first draft of a mapping file
  alertbridge map --mappings mappings --lines all   a record a line";

fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok(Header { name: name.to_owned(), value: Some(Bytes::copy_from_slice(value.as_bytes())) })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok().filter(|s| (1..=3600).contains(s));
    seconds.map(Duration::from_secs).ok_or_else(|| "expected seconds, from 1 to 3600".to_owned())
}

/// Where deliveries go, as the daemon would send them.
pub(super) struct Routes {
    table: RouteTable,
    instance_id: InstanceIdMode,
}

pub(super) fn execute(args: &MapArgs) -> Result<(), Failure> {
    if args.fields {
        return fields::execute();
    }
    if args.infer {
        return infer::execute(args);
    }
    if args.expect {
        expect::refuse(args)?;
    }
    let mut config = args.config.load(Purpose::Offline)?.config;
    config.mapping.directories.extend(args.mappings.iter().cloned());
    let mapper = app::load_mapper(&config)?;
    let has_routes = config.routing.default_workflow_id.is_some() || !config.routing.rules.is_empty();
    let routes = if has_routes {
        Some(Routes { table: app::load_routes(&config)?, instance_id: app::instance_id(&config) })
    } else {
        None
    };
    known_format(args, &mapper)?;
    let inputs = input::records(args, &config)?;
    if args.expect {
        return expect::execute(args, &mapper, &inputs);
    }
    let paint = Paint::of_standard_error();
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let all_well = show(args, &mapper, routes.as_ref(), &inputs, &mut out, &mut err, paint)?;
    if all_well { Ok(()) } else { Err(Failure::Reported) }
}

fn known_format(args: &MapArgs, mapper: &Mapper) -> Result<(), Failure> {
    if args.format == "auto" || mapper.formats().any(|name| **name == *args.format) {
        return Ok(());
    }
    let names: Vec<&str> = mapper.formats().map(|name| &**name).collect();
    let near = suggest(&args.format, names.iter().copied());
    let own = if args.mappings.is_empty() { "; for one of yours name its folder with --mappings" } else { "" };
    Err(Failure::Usage(anyhow!("there is no format `{}`{near}{own}; there are {}", args.format, names.join(", "))))
}

/// Maps all records; tells whether none of the lines has an error. What goes to `err` is for people.
fn show(
    args: &MapArgs,
    mapper: &Mapper,
    routes: Option<&Routes>,
    inputs: &[Input],
    out: &mut impl Write,
    err: &mut impl Write,
    paint: Paint,
) -> Result<bool, Failure> {
    let mut all_well = true;
    let (mut id_of_place, mut exported) = (false, false);
    let format = (args.format != "auto").then_some(args.format.as_str());
    for input in inputs {
        if let Some(note) = input.standing.note().filter(|_| !args.explain) {
            warn(err, note);
        }
        let skipped = matches!(input.standing, Standing::Skipped { .. });
        if args.explain && skipped {
            drop(err.write_all(explain::skipped(input, paint).as_bytes()));
        }
        let mapped = if skipped {
            // As for the daemon, whatever its value is.
            Mapped::Parts(Vec::new())
        } else if args.explain {
            let explanation = mapper.explain(format, &input.record, &input.origin);
            let explanation = explanation.ok_or_else(|| anyhow!("there is no format `{}`", args.format))?;
            // Nothing can be done about a standard error that does not take the text.
            drop(err.write_all(explain::text(input, &explanation, format, routes, paint).as_bytes()));
            explanation.mapped
        } else {
            map(mapper, format, input)?
        };
        let lines = lines::of_record(input, mapped, routes)?;
        id_of_place |= lines.id_of_place && !standing::has_place(args, &input.standing);
        for warning in lines.warnings.iter().filter(|_| !args.explain) {
            warn(err, warning);
        }
        exported |= is_exported(args, input);
        if lines.not_json
            && let Some(advice) = advice(args, input)
        {
            warn(err, advice);
        }
        for line in lines.out {
            all_well &= line.get("error").is_none();
            writeln!(out, "{line}")?;
        }
    }
    out.flush()?;
    if exported {
        warn(err, EXPORTED);
    }
    if id_of_place {
        warn(
            err,
            "the source gives no id, so the alert's is made of its place: give --topic, --partition and --offset",
        );
    }
    Ok(all_well)
}

fn map(mapper: &Mapper, format: Option<&str>, input: &Input) -> anyhow::Result<Mapped> {
    match format {
        None => Ok(mapper.map(&input.record, &input.origin)),
        Some(format) => {
            mapper.map_as(format, &input.record, &input.origin).ok_or_else(|| anyhow!("there is no format `{format}`"))
        }
    }
}

/// What to do about a line of `dead-letters export` in a record's place.
const EXPORTED: &str = "this is what `dead-letters export` writes, with the record inside of it: take the values out \
                        (`jq -r '.value.text // empty | gsub(\"[\\r\\n]+\"; \" \")' FILE > values.jsonl`) and give \
                        these, with --lines";

fn is_exported(args: &MapArgs, input: &Input) -> bool {
    args.from.is_none() && input.record.value.as_deref().is_some_and(is_export)
}

/// What to do about a value that is not the record that it is taken for: a dead letter's, or several in a file.
fn advice(args: &MapArgs, input: &Input) -> Option<&'static str> {
    if is_exported(args, input) {
        return Some(EXPORTED);
    }
    if args.lines || args.from.is_some() { None } else { several::advice(input.record.value.as_deref()?) }
}

fn warn(err: &mut impl Write, text: &str) {
    // Nothing can be done about a standard error that does not take the text.
    drop(writeln!(err, "alertbridge: warning: {}", paint::printable(text)));
}

#[cfg(test)]
mod tests;
