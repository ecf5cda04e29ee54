//! `alertbridge dead-letters list`.

use std::io::{self, IsTerminal, Write};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::filters::FilterArgs;
use super::reading;
use crate::cli::Failure;
use crate::cli::config::ConfigFiles;
use crate::letters::{FIELDS, Letter, Tally, summary};

/// List dead letters, or count them in groups
///
/// A failure that a crash has written twice is listed once. A delivery that was redriven and failed again is listed
/// each time, with how often it had been redriven.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    config: ConfigFiles,
    /// Count by these fields instead (comma separated)
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',', value_parser = PossibleValuesParser::new(FIELDS.map(|(field, _)| field)))]
    count_by: Vec<String>,
    /// A table, or JSON lines with everything but key and value [default: table on a terminal, json elsewhere]
    #[arg(long, value_enum)]
    output: Option<Output>,
    #[command(flatten)]
    filters: FilterArgs,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// The columns of the table, and the header of each without the prefix; the place comes first.
const COLUMNS: [(&str, &str); 7] = [
    ("class", "failure-class"),
    ("reason", "failure-reason"),
    ("code", "error-code"),
    ("severity", "severity"),
    ("alert", "alert-id"),
    ("workflow", "workflow-id"),
    ("redrives", "redrive-count"),
];

pub(super) fn execute(args: &ListArgs) -> Result<(), Failure> {
    let (_, settings) = reading::settings(&args.config)?;
    let filter = args.filters.filter(Timestamp::now())?;
    let default = if io::stdout().is_terminal() { Output::Table } else { Output::Json };
    let output = args.output.unwrap_or(default);
    let mut out = io::stdout().lock();
    let mut tally = Tally::new(args.count_by.iter().map(String::as_str));
    let mut table = new_table(["place", "written"].into_iter().chain(COLUMNS.map(|(name, _)| name)));
    let mut count = 0_u64;
    let others = reading::each(&settings, &filter, |letter| {
        count += 1;
        if !args.count_by.is_empty() {
            tally.add(&letter);
        } else if output == Output::Json {
            writeln!(out, "{}", summary(&letter))?;
        } else {
            let _table = table.add_row(row(&letter));
        }
        Ok(())
    })?;
    match (args.count_by.is_empty(), output) {
        (true, Output::Json) => {}
        (true, Output::Table) => writeln!(out, "{table}")?,
        (false, output) => write_groups(&mut out, &args.count_by, &tally, output)?,
    }
    if output == Output::Table {
        writeln!(out, "{count} dead letters")?;
    }
    if let Some(remark) = others.remark() {
        writeln!(io::stderr(), "{remark}")?;
    }
    Ok(())
}

fn new_table<'a>(header: impl Iterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    let _table = table.load_style(presets::NOTHING).set_header(header);
    table
}

fn row(letter: &Letter) -> Vec<String> {
    let time = letter.record.timestamp_ms.and_then(|time| Timestamp::from_millisecond(time).ok());
    let fields = COLUMNS.iter().map(|(_, header)| letter.field(header).unwrap_or("-").to_owned());
    let time = time.map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    [letter.place(), time].into_iter().chain(fields).collect()
}

fn write_groups(out: &mut impl Write, fields: &[String], tally: &Tally, output: Output) -> io::Result<()> {
    if output == Output::Json {
        for (values, count) in tally.groups() {
            let pairs = fields.iter().cloned().zip(values.iter().cloned().map(Value::from));
            let mut group: Map<String, Value> = pairs.collect();
            drop(group.insert("count".to_owned(), count.into()));
            writeln!(out, "{}", Value::Object(group))?;
        }
        return Ok(());
    }
    writeln!(out, "{}", groups_table(fields, tally))
}

/// The groups as a table.
pub(super) fn groups_table(fields: &[String], tally: &Tally) -> Table {
    let mut table = new_table(["count"].into_iter().chain(fields.iter().map(String::as_str)));
    for (values, count) in tally.groups() {
        let _table = table.add_row([count.to_string()].into_iter().chain(values.iter().cloned()));
    }
    table
}
