//! The partitions' records, and what each of them is to become.

use alertbridge::domain::Record;
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::super::harness::{alert, partition};
use super::dials::Dials;

const RECORDS: u32 = 60;
/// A topic that is made anew holds others under the same offsets; its records are written later.
const FIRST_APPENDED: i64 = 1_700_000_000_000;

/// A record by partition, generation of its topic and offset, which is its alert's title.
pub(super) fn name(record: &Record) -> String {
    let generation = record.timestamp_ms.unwrap() - FIRST_APPENDED;
    format!("{}.{generation}@{}", record.partition.partition, record.offset)
}

/// The partition and offset of a name.
pub(super) fn place(name: &str) -> (i32, i64) {
    let (partition, offset) = name.split_once('@').unwrap();
    (partition.split_once('.').unwrap().0.parse().unwrap(), offset.parse().unwrap())
}

/// One delivery of a record.
pub(super) fn delivery(name: &str, workflow: &str) -> String {
    format!("{name} {workflow}")
}

/// A record and what is to become of it: the deliveries that it has, or itself where it has none.
pub(super) struct Written {
    pub(super) record: Record,
    pub(super) wanted: Vec<String>,
    /// What is kept in order with it.
    pub(super) lane: Option<String>,
}

/// What a partition of a topic of this generation holds.
pub(super) fn log(rng: &mut StdRng, dials: &Dials, number: i32, generation: i64) -> Vec<Written> {
    use alertbridge::pipeline::Ordering;
    let mut offset = 0;
    let record = |_| {
        // Gaps: what was compacted or aborted, and the markers of transactions.
        let is_long = dials.has_long_gaps && rng.random_bool(0.1);
        offset += if is_long { rng.random_range(8_000..21_000) } else { rng.random_range(1..=3) };
        let key = [None, None, Some("host-1"), Some("host-2")][rng.random_range(0..4)];
        let severity = ["Low", "High", "Fatal"][rng.random_range(0..3)];
        let mut record = alert(offset, "", severity, key);
        record.partition = partition(number);
        record.timestamp_ms = Some(FIRST_APPENDED + generation);
        let name = name(&record);
        let kind = if rng.random_bool(0.1) { "refused " } else { "" };
        let text = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
        let text = text.replace(r#""title":"""#, &format!(r#""title":"{kind}{name}""#));
        // No two alerts have one id.
        let text = text.replace("-4000-8000-", &format!("-4000-8{generation:02x}{number}-"));
        let (value, wanted) = match rng.random_range(0..20) {
            0 => (Some("{".to_owned()), vec![name]),
            1 => (None, Vec::new()),
            _ => (Some(text), dials.workflows(severity).into_iter().map(|wf| delivery(&name, wf)).collect()),
        };
        record.value = value.map(Into::into);
        let lane = match dials.ordering {
            Ordering::Key => key.map(|key| format!("{key} of {number}.{generation}")),
            Ordering::Partition => Some(format!("{number}.{generation}")),
            Ordering::None => None,
        };
        Written { record, wanted, lane }
    };
    (0..RECORDS).map(record).collect()
}

/// The name of the record that an alert was made of.
pub(super) fn name_of_alert(id: &str) -> String {
    let mut groups = id.rsplit('-');
    let (offset, place) = (groups.next().unwrap(), groups.next().unwrap());
    let generation = i64::from_str_radix(place.get(1..3).unwrap(), 16).unwrap();
    format!("{}.{generation}@{}", place.get(3..).unwrap(), offset.parse::<i64>().unwrap())
}
