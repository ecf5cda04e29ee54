//! Dead letters counted in groups.

use std::collections::BTreeMap;

use super::Letter;

/// By which fields can be counted, and the header of each without the prefix.
pub const FIELDS: [(&str, &str); 9] = [
    ("class", "failure-class"),
    ("reason", "failure-reason"),
    ("code", "error-code"),
    ("workflow", "workflow-id"),
    ("severity", "severity"),
    ("format", "format"),
    ("route", "route"),
    ("group", "consumer-group"),
    ("redrives", "redrive-count"),
];

/// Counts by the values of some fields.
#[derive(Clone, Debug)]
pub struct Tally {
    headers: Vec<&'static str>,
    counts: BTreeMap<Vec<String>, u64>,
}

impl Tally {
    /// Counts by these of [`FIELDS`]; a name that is none of them is left out.
    #[must_use]
    pub fn new<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        let header = |name| FIELDS.iter().find(|(field, _)| *field == name).map(|(_, header)| *header);
        Self { headers: fields.into_iter().filter_map(header).collect(), counts: BTreeMap::new() }
    }

    /// Counts a letter. Where a field does not apply, it counts under `-`.
    pub fn add(&mut self, letter: &Letter) {
        let values = self.headers.iter().map(|header| letter.field(header).unwrap_or("-").to_owned()).collect();
        *self.counts.entry(values).or_default() += 1;
    }

    /// The groups with their counts, the largest first.
    #[must_use]
    pub fn groups(&self) -> Vec<(&[String], u64)> {
        let mut groups: Vec<_> = self.counts.iter().map(|(values, count)| (values.as_slice(), *count)).collect();
        groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use crate::domain::{DeadLetterClass, Shape};
    use crate::letters::{Letter, testing};

    #[test]
    fn groups_are_counted_the_largest_first() {
        let mut tally = Tally::new(["class", "code", "no such field"]);
        for offset in 0..5 {
            let mut written = testing::dead_letter(offset);
            if offset == 0 {
                (written.class, written.attempts) = (DeadLetterClass::Invalid, Vec::new());
            }
            tally.add(&Letter::read(testing::on_topic(&written, offset, Shape::Full)).unwrap());
        }
        let texts: Vec<String> =
            tally.groups().iter().map(|(values, count)| format!("{} {count}", values.join("/"))).collect();
        assert_eq!(texts, ["rejected/SecMaster.20030025 4", "invalid/- 1"]);
    }
}
