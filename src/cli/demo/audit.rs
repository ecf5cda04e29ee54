//! What became of every record: compared with what was to become of it, from outside the bridge.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use uuid::Uuid;

use super::Written;
use super::alerts::Fate;
use crate::domain::{HEADER_PREFIX, Record};
use crate::simulator::SimulatorHandle;
use crate::telemetry::Totals;

/// The demo's result.
#[derive(Debug)]
pub(super) struct Audit {
    rows: Vec<(String, String)>,
    unaccounted: Vec<String>,
}

impl Audit {
    pub(super) fn new(written: &[Written], simulator: &SimulatorHandle, letters: &[Record], totals: &Totals) -> Self {
        let instances = simulator.instances();
        let started: HashMap<Uuid, Timestamp> = instances
            .iter()
            .filter_map(|instance| {
                Some((instance.content.get("id")?.as_str()?.parse().ok()?, instance.received_at.parse().ok()?))
            })
            .collect();
        let buried: HashSet<(String, String)> = letters
            .iter()
            .filter_map(|letter| Some((header(letter, "original-partition")?, header(letter, "original-offset")?)))
            .collect();
        let mut unaccounted = Vec::new();
        let mut skipped = 0;
        let mut ages = Vec::new();
        for record in written {
            let place = (record.partition.partition.to_string(), record.offset.to_string());
            let is_buried = buried.contains(&place);
            let is_right = match &record.fate {
                Fate::Delivered(id) => {
                    ages.extend(started.get(id).map(|at| at.duration_since(record.written_at).as_millis()));
                    started.contains_key(id) && !is_buried
                }
                Fate::DeadLettered => is_buried,
                Fate::Skipped => {
                    skipped += 1;
                    !is_buried
                }
            };
            if !is_right {
                unaccounted.push(format!("{}/{}: expected {:?}", record.partition, record.offset, record.fate));
            }
        }
        if totals.skipped != skipped {
            unaccounted.push(format!("{skipped} records were to be skipped, {} were", totals.skipped));
        }

        let stats = simulator.stats();
        ages.sort_unstable();
        let mut by_class: BTreeMap<String, usize> = BTreeMap::new();
        for letter in letters {
            *by_class.entry(header(letter, "failure-class").unwrap_or_default()).or_default() += 1;
        }
        let refused: usize = by_class.get("rejected").copied().unwrap_or(0);
        let retries = stats.requests.saturating_sub(started.len() as u64 + refused as u64);
        let mut rows = vec![
            ("records written".to_owned(), written.len().to_string()),
            ("delivered".to_owned(), totals.delivered.to_string()),
            ("skipped".to_owned(), totals.skipped.to_string()),
        ];
        rows.extend(by_class.iter().map(|(class, count)| (format!("dead letter: {class}"), count.to_string())));
        rows.push(("retries".to_owned(), retries.to_string()));
        rows.push(("workflows started twice".to_owned(), stats.duplicates.to_string()));
        rows.push(("age at delivery, p50".to_owned(), percentile(&ages, 50)));
        rows.push(("age at delivery, p99".to_owned(), percentile(&ages, 99)));
        Self { rows, unaccounted }
    }

    /// Whether every record became what it was to become.
    pub(super) fn is_complete(&self) -> bool {
        self.unaccounted.is_empty()
    }
}

fn header(letter: &Record, name: &str) -> Option<String> {
    String::from_utf8(letter.header(&format!("{}{name}", HEADER_PREFIX))?.to_vec()).ok()
}

/// The age that so many percent of the deliveries did not exceed.
fn percentile(sorted_ms: &[i128], percent: usize) -> String {
    let index = (sorted_ms.len() * percent).div_ceil(100).saturating_sub(1);
    sorted_ms.get(index).map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"))
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        let _table = table.load_style(presets::UTF8_BORDERS_ONLY);
        for (what, value) in &self.rows {
            let _table = table.add_row([what, value]);
        }
        if let Some(values) = table.column_mut(1) {
            values.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f, "{table}")?;
        for line in &self.unaccounted {
            writeln!(f, "not accounted for: {line}")?;
        }
        if self.is_complete() { writeln!(f, "every record accounted for") } else { Ok(()) }
    }
}
