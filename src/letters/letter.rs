//! A record of the dead-letter topic, read.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::{HEADER_PREFIX, Header, Origin, Record, RedriveMark, read_origin};

/// A dead letter: the record, and what the headers say of why it was not delivered.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The record as it stands on the dead-letter topic.
    pub record: Record,
    /// Where it first stood.
    pub origin: Origin,
    /// Our headers by their names without the prefix; of a repeated one the last.
    fields: BTreeMap<String, String>,
}

impl Letter {
    /// Reads a record; `None` if it is not a dead letter of ours, since it does not say where it comes from.
    #[must_use]
    pub fn read(record: Record) -> Option<Self> {
        let origin = read_origin(&record)?;
        let ours = record.headers.iter().filter_map(|header| {
            let name = header.name.strip_prefix(HEADER_PREFIX)?;
            Some((name.to_owned(), String::from_utf8_lossy(header.value.as_deref()?).into_owned()))
        });
        let fields = ours.collect();
        Some(Self { record, origin, fields })
    }

    /// A field by its header's name without the prefix.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// All fields but the report.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().filter(|(name, _)| *name != "report").map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Where it stands: `topic/partition/offset`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}/{}", self.record.partition, self.record.offset)
    }

    /// Where its record first stood, likewise.
    #[must_use]
    pub fn first_place(&self) -> String {
        format!("{}/{}", self.origin.partition, self.origin.offset)
    }

    /// The group that gave it up.
    #[must_use]
    pub fn group(&self) -> &str {
        self.field("consumer-group").unwrap_or_default()
    }

    /// How often it had been redriven before.
    #[must_use]
    pub fn redrive_count(&self) -> u32 {
        self.field("redrive-count").and_then(|count| count.parse().ok()).unwrap_or_default()
    }

    /// Whether the value had to be left out, because the topic refused the whole.
    #[must_use]
    pub fn is_stub(&self) -> bool {
        self.fields.contains_key("value-size")
    }

    /// The record's own headers.
    #[must_use]
    pub fn own_headers(&self) -> Vec<Header> {
        self.record.headers.iter().filter(|header| !header.name.starts_with(HEADER_PREFIX)).cloned().collect()
    }

    /// The mark under which it is redriven. Of a record that could not be read at all, or not be recognised, all parts
    /// run: until then nobody has known of parts.
    #[must_use]
    pub fn mark(&self, any_workflow: bool) -> RedriveMark {
        let part: Option<u32> = self.field("part").and_then(|part| part.parse().ok());
        let is_whole = matches!(self.field("failure-class"), Some("malformed" | "unmapped")) && part == Some(0);
        let workflow = self.field("workflow-id").filter(|_| !any_workflow);
        RedriveMark {
            group: self.group().into(),
            origin: self.origin.clone(),
            part: part.filter(|_| !is_whole),
            workflow_id: workflow.map(Arc::from),
            count: self.redrive_count().saturating_add(1),
            // With other routes it may be another workspace's.
            created_alert_id: self.field("created-alert-id").filter(|_| !any_workflow).map(Arc::from),
        }
    }

    /// The same for the letters that a crash has made twice of one failure.
    #[must_use]
    pub fn identity(&self) -> Uuid {
        self.mark(false).identity()
    }
}

#[cfg(test)]
mod tests {
    use super::Letter;
    use crate::domain::{DeadLetter, DeadLetterClass, Shape};
    use crate::letters::testing;

    #[test]
    fn what_the_daemon_writes_is_read_back() {
        let written = testing::dead_letter(42);
        let letter = Letter::read(testing::on_topic(&written, 7, Shape::Full)).unwrap();
        assert_eq!(letter.origin, written.origin);
        assert_eq!(letter.own_headers(), written.record.headers);
        assert_eq!((letter.place().as_str(), letter.first_place().as_str()), ("dead/0/7", "soc.alerts/3/42"));
        let mark = letter.mark(false);
        assert_eq!((mark.part, mark.workflow_id.as_deref(), mark.count, &*mark.group), (Some(1), Some("wf"), 1, "g"));
        assert_eq!(letter.mark(true).workflow_id, None);
        assert!(!letter.is_stub());
    }

    #[test]
    fn a_stub_is_known_as_one_and_a_foreign_record_is_none() {
        let stub = testing::on_topic(&testing::dead_letter(42), 7, Shape::Stub);
        assert!(Letter::read(stub.clone()).unwrap().is_stub());
        let mut foreign = stub;
        foreign.headers.clear();
        assert!(Letter::read(foreign).is_none());
    }

    #[test]
    fn of_a_record_that_nobody_could_read_all_parts_are_redriven() {
        let mut written = testing::dead_letter(42);
        (written.class, written.part) = (DeadLetterClass::Malformed, 0);
        let letter = |written: &DeadLetter| Letter::read(testing::on_topic(written, 7, Shape::Full)).unwrap();
        assert_eq!(letter(&written).mark(false).part, None);
        written.class = DeadLetterClass::Invalid;
        assert_eq!(letter(&written).mark(false).part, Some(0));
        (written.class, written.part) = (DeadLetterClass::Unmapped, 2);
        assert_eq!(letter(&written).mark(false).part, Some(2));
    }

    #[test]
    fn a_crash_makes_two_letters_of_one_failure_and_a_redrive_does_not() {
        let mut written = testing::dead_letter(42);
        let letter = |written: &DeadLetter, at| Letter::read(testing::on_topic(written, at, Shape::Full)).unwrap();
        let (first, twice) = (letter(&written, 7), letter(&written, 8));
        assert_eq!(first.identity(), twice.identity());
        written.redrive_count = 1;
        assert_ne!(letter(&written, 9).identity(), first.identity());
    }
}
