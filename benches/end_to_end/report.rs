//! The figures: a table for people, a file for machines.

use std::path::Path;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::run::{Sample, Who};
use super::{IN_FLIGHT, alerts, say};

/// One figure of a run.
type Figure = fn(&Sample) -> f64;

/// The figures that are compared: title, key in the file, value, digits behind the point.
const FIGURES: [(&str, &str, Figure, usize); 3] = [
    ("events/s", "events_per_second", |sample| sample.events_per_second, 0),
    ("CPU us/event", "cpu_us_per_event", |sample| sample.cpu_us_per_event, 1),
    ("peak MiB", "peak_mib", |sample| sample.peak_mib, 1),
];

/// Prints the table and writes `end_to_end.json`.
pub(crate) fn write(events: usize, partitions: i32, rounds: &[Vec<Sample>], folder: &Path) -> anyhow::Result<()> {
    let mut table = Table::new();
    let _ = table.load_style(presets::ASCII_MARKDOWN);
    let _ = table.set_header(row(String::new(), |(title, ..)| title.to_owned()));
    for (number, round) in rounds.iter().enumerate() {
        for sample in round {
            let name = format!("{} {}", sample.who.as_str(), number + 1);
            let _ = table.add_row(row(name, |(_, _, figure, digits)| format!("{:.digits$}", figure(sample))));
        }
    }
    let baseline = rounds.iter().flatten().any(|sample| sample.who == Who::Baseline).then_some(Who::Baseline);
    let others: Vec<Who> = baseline.into_iter().chain([Who::Plain, Who::Bare]).collect();
    for who in std::iter::once(Who::Bridge).chain(others.iter().copied()) {
        let name = format!("{}, median", who.as_str());
        let _ = table.add_row(row(name, |(_, _, figure, digits)| format!("{:.digits$}", middle(rounds, who, figure))));
    }
    for other in &others {
        let name = format!("bridge / {}", other.as_str());
        let _ = table.add_row(row(name, |(_, _, figure, _)| format!("{:.2}", ratio(rounds, *other, figure))));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    say(&format!("\n{table}\n"));

    let of = |value: &dyn Fn(Figure) -> f64| -> serde_json::Value {
        FIGURES.iter().map(|(_, key, figure, _)| ((*key).to_owned(), json!(value(*figure)))).collect()
    };
    let document = json!({
        "events": events,
        "bytes": alerts::BYTES,
        "format": alerts::FORMAT,
        "partitions": partitions,
        "in_flight": IN_FLIGHT,
        "processors": std::thread::available_parallelism()?.get(),
        "version": env!("CARGO_PKG_VERSION"),
        "runs": rounds.iter().flatten().collect::<Vec<_>>(),
        "median": {
            "bridge": of(&|figure| middle(rounds, Who::Bridge, figure)),
            "plain": of(&|figure| middle(rounds, Who::Plain, figure)),
            "bare": of(&|figure| middle(rounds, Who::Bare, figure)),
        },
        "ratio": of(&|figure| ratio(rounds, Who::Bare, figure)),
        "ratio_to_plain": of(&|figure| ratio(rounds, Who::Plain, figure)),
        "ratio_to_baseline": baseline.map(|baseline| of(&|figure| ratio(rounds, baseline, figure))),
    });
    let file = folder.join("end_to_end.json");
    std::fs::write(&file, format!("{document:#}\n")).with_context(|| file.display().to_string())?;
    say(&format!("written to {}", file.display()));
    Ok(())
}

fn row(name: String, cell: impl Fn((&str, &str, Figure, usize)) -> String) -> Vec<String> {
    std::iter::once(name).chain(FIGURES.map(cell)).collect()
}

/// A figure of the one in the middle of all rounds.
fn middle(rounds: &[Vec<Sample>], who: Who, figure: Figure) -> f64 {
    median(rounds.iter().flatten().filter(|sample| sample.who == who).map(figure).collect())
}

/// The bridge's figure divided by another's: within each round, and of these the one in the middle.
fn ratio(rounds: &[Vec<Sample>], to: Who, figure: Figure) -> f64 {
    let of = |round: &[Sample], who| round.iter().find(|sample| sample.who == who).map_or(f64::NAN, figure);
    median(rounds.iter().map(|round| of(round, Who::Bridge) / of(round, to)).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let (upper, lower) = (values.get(values.len() / 2), values.get(values.len().saturating_sub(1) / 2));
    upper.zip(lower).map_or(f64::NAN, |(upper, lower)| f64::midpoint(*upper, *lower))
}
