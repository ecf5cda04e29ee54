//! What people read of an explained record (`--explain`).

use serde_json::Value;

use super::Routes;
use super::input::Input;
use super::lines;
use super::paint::{Paint, Tone, width};
use super::standing::Standing;
use crate::domain::{Alert, SkipReason};
use crate::mapping::{DocumentTrace, Explanation, FieldTrace, Mapped, MappedPart, PartTrace, Tried, Verdict};
use crate::routing::{self, Decision};

/// The widest that a column of names is.
const MOST_NAME: usize = 30;
/// The widest that a column of expressions is.
const MOST_EXPRESSION: usize = 60;
/// The most columns that are kept free for the last one of a table.
const MOST_LAST: usize = 20;
/// How many of the values that an expression read are shown.
const MOST_READS: usize = 6;

/// The explanation as text. `forced` is the format that the command line named.
pub(super) fn text(
    input: &Input,
    explanation: &Explanation,
    forced: Option<&str>,
    routes: Option<&Routes>,
    paint: Paint,
) -> String {
    let mut page = Page { text: String::new(), paint };
    page.record(input);
    match &explanation.mapped {
        Mapped::Tombstone => page.whole(input, SkipReason::Tombstone),
        Mapped::Unmatched => {
            explanation.documents.iter().for_each(|document| page.formats(document, forced));
            page.whole(input, SkipReason::Unmatched);
        }
        Mapped::Parts(parts) => {
            let mark = input.standing.mark();
            let runs = |part: u32| mark.is_none_or(|mark| mark.names_part(part));
            let documents = explanation.documents.iter();
            for document in documents.filter(|all| all.parts.is_empty() || all.parts.iter().any(|p| runs(p.part))) {
                page.formats(document, forced);
                for trace in document.parts.iter().filter(|trace| runs(trace.part)) {
                    page.part(trace, parts.iter().find(|part| part.part == trace.part), input, routes);
                }
            }
            let explained = |part: &MappedPart| {
                explanation.documents.iter().flat_map(|document| &document.parts).any(|trace| trace.part == part.part)
            };
            for part in parts.iter().filter(|part| runs(part.part) && !explained(part)) {
                page.failure(part);
            }
            if let Some(mark) = mark.filter(|_| !parts.is_empty() && !parts.iter().any(|part| runs(part.part))) {
                page.note("error", &format!("dead letter {}", lines::gone(mark, false)), Tone::Bad);
            }
            if parts.is_empty() {
                page.whole(input, SkipReason::EmptyBatch);
            }
        }
    }
    page.text.push('\n');
    page.text
}

/// What there is to say of a record of which nothing runs, whatever it holds.
pub(super) fn skipped(input: &Input, paint: Paint) -> String {
    let mut page = Page { text: String::new(), paint };
    page.record(input);
    if let Standing::Skipped { reason, .. } = &input.standing {
        page.note("skipped", reason.as_str(), Tone::Plain);
    }
    page.text.push('\n');
    page.text
}

struct Page {
    text: String,
    paint: Paint,
}

impl Page {
    /// A line: its indentation, then pieces, each with its columns; of the last these are what those before it leave
    /// free, and it takes all that is left.
    fn line(&mut self, indent: usize, pieces: &[(Tone, &str, usize)]) {
        let mut line = " ".repeat(indent);
        let mut left = self.paint.width.saturating_sub(indent);
        let free = pieces.last().map_or(0, |(_, _, columns)| (*columns).max(1));
        for (i, (tone, text, columns)) in pieces.iter().enumerate() {
            let columns = (*columns).min(left.saturating_sub(free + 2));
            if i + 1 == pieces.len() {
                line.push_str(&self.paint.text(*tone, text, left));
            } else {
                line.push_str(&self.paint.cell(*tone, text, columns));
                line.push_str("  ");
                left = left.saturating_sub(columns + 2);
            }
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn note(&mut self, name: &str, text: &str, tone: Tone) {
        self.line(0, &[(Tone::Strong, name, 8), (tone, text, 0)]);
    }

    fn record(&mut self, input: &Input) {
        let record = &input.record;
        let mut text = format!("{}/{}", record.partition, record.offset);
        text.push_str(&format!(", {} bytes", record.value.as_ref().map_or(0, bytes::Bytes::len)));
        if let Some(key) = &record.key {
            text.push_str(&format!(", key {}", Value::from(String::from_utf8_lossy(key))));
        }
        let names: Vec<&str> = record.headers.iter().map(|header| header.name.as_str()).collect();
        if !names.is_empty() {
            text.push_str(&format!(", headers {}", names.join(" ")));
        }
        self.note("record", &text, Tone::Plain);
        for note in input.standing.note().iter().flat_map(|note| note.split("; ")) {
            self.line(10, &[(Tone::Advice, note, 0)]);
        }
    }

    /// What becomes of a record without parts: it counts as one, with the number 0.
    fn whole(&mut self, input: &Input, reason: SkipReason) {
        match input.standing.mark().filter(|mark| !mark.names_part(0)) {
            Some(mark) => self.note("error", &format!("dead letter {}", lines::gone(mark, false)), Tone::Bad),
            None => self.note("skipped", reason.as_str(), Tone::Plain),
        }
    }

    fn formats(&mut self, document: &DocumentTrace, forced: Option<&str>) {
        let matched = document.tried.last().filter(|tried| tried.verdict == Verdict::Holds);
        let (text, tone) = match (forced, matched, document.parts.first()) {
            (Some(forced), ..) => (format!("{forced}, as --format says"), Tone::Good),
            (None, Some(tried), _) => (tried.format.to_string(), Tone::Good),
            (None, None, Some(part)) => (format!("{}, as mapping.on_unmatched says", part.format), Tone::Plain),
            (None, None, None) => ("none matches".to_owned(), Tone::Bad),
        };
        self.note("format", &text, tone);
        let name = columns(document.tried.iter().map(|tried| &*tried.format), MOST_NAME);
        let expression = columns(document.tried.iter().map(|tried| tried.expression.as_str()), MOST_EXPRESSION);
        let verdicts: Vec<String> = document.tried.iter().map(|tried| tried.verdict.to_string()).collect();
        let last = widest(&verdicts);
        let held = |tried: &Tried| tried.failed.as_ref().map_or(0, |(held, _)| *held);
        let most = document.tried.iter().map(held).max().filter(|most| *most > 0 && matched.is_none());
        let closest = document.tried.iter().find(|tried| Some(held(tried)) == most);
        for (tried, verdict) in document.tried.iter().zip(&verdicts) {
            let (mark, tone) = mark(Some(&tried.verdict));
            self.line(
                10,
                &[
                    (tone, mark, 1),
                    (Tone::Plain, &tried.format, name),
                    (Tone::Faint, &tried.expression, expression),
                    (tone, verdict, last),
                ],
            );
        }
        if let Some((closest, (_, failed))) = closest.and_then(|tried| Some((tried, tried.failed.as_ref()?))) {
            let text = format!("closest is {}, but for {failed}", closest.format);
            self.line(10, &[(Tone::Advice, &text, 0)]);
        }
        if let Some(split) = &document.split {
            self.line(10, &[(Tone::Plain, "split by", 8), (Tone::Faint, split, 0)]);
        }
    }

    fn part(&mut self, trace: &PartTrace, part: Option<&MappedPart>, input: &Input, routes: Option<&Routes>) {
        self.note("part", &format!("{} as {}", trace.part, trace.format), Tone::Plain);
        let name = columns(trace.fields.iter().map(|field| field.field.as_str()), MOST_NAME);
        let own = |wanted: &str| trace.fields.iter().find(|field| field.field == wanted);
        let id = match (&trace.id.name, &trace.id.source) {
            (None, _) => "the source's own UUID".to_owned(),
            (Some(made_of), Some(_)) => format!("UUIDv5 of {made_of}: the source's id is no UUID"),
            (Some(made_of), None) => format!("UUIDv5 of {made_of}: the source gives no id, so its place is taken"),
        };
        self.translated("id", &trace.id.id, own("id"), &id, name);
        let severity = &trace.severity;
        let known = !severity.rule.contains("default");
        let rule = match &severity.source {
            Some(source) => format!("{source} by {}", severity.rule),
            None => severity.rule.clone(),
        };
        self.translated("severity", severity.severity.as_str(), own("severity"), &rule, name);
        if !known && severity.source.is_some() {
            let advice = "add it to severity.words, or its range to severity.bands";
            self.line(10 + name + 2, &[(Tone::Advice, advice, 0)]);
        }
        for field in trace.fields.iter().filter(|f| f.field != "id" && f.field != "severity") {
            let (value, tone) = match (&field.sent, field.faults.is_empty()) {
                (Some(value), _) => (value.to_string(), Tone::Good),
                (None, true) => ("nothing".to_owned(), Tone::Faint),
                (None, false) => match &field.result {
                    Some(result) => (format!("left out: {result}"), Tone::Bad),
                    None => ("left out".to_owned(), Tone::Bad),
                },
            };
            self.line(10, &[(Tone::Strong, &field.field, name), (tone, &value, 0)]);
            self.made_of(field, name);
            if let (Some(result), true) = (&field.result, field.sent != field.result && field.sent.is_some()) {
                self.line(10 + name + 2, &[(Tone::Faint, &format!("mended from {result}"), 0)]);
            }
            if field.default_zone {
                let how =
                    "the time has no zone, so mapping.default_time_zone is taken; `secmaster_time(\"UTC\")` names one";
                self.line(10 + name + 2, &[(Tone::Advice, how, 0)]);
            }
        }
        if let Some((when, verdict)) = &trace.skip {
            let (mark, tone) = mark(Some(verdict));
            let text = format!("{mark} {when}  {verdict}");
            self.line(0, &[(Tone::Strong, "skip.when", 9), (tone, &text, 0)]);
        }
        let Some(part) = part else { return };
        match &part.result {
            Ok(alert) => self.route(alert, input, routes),
            Err(_) => self.failure(part),
        }
    }

    fn translated(&mut self, name: &str, value: &str, field: Option<&FieldTrace>, how: &str, columns: usize) {
        self.line(10, &[(Tone::Strong, name, columns), (Tone::Good, value, 0)]);
        if let Some(field) = field {
            self.made_of(field, columns);
        }
        self.line(10 + columns + 2, &[(Tone::Faint, how, 0)]);
    }

    /// The expression, what it read, and what is wrong.
    fn made_of(&mut self, field: &FieldTrace, name: usize) {
        let indent = 10 + name + 2;
        let Some(expression) = &field.expression else {
            return self.line(indent, &[(Tone::Faint, "a constant", 0)]);
        };
        let reads = field.reads.iter().take(MOST_READS).map(|(path, value)| format!("{path} = {value}"));
        let mut reads: Vec<String> = reads.collect();
        if let Some(more) = field.reads.len().checked_sub(MOST_READS).filter(|more| *more > 0) {
            reads.push(format!("and {more} more"));
        }
        match (reads.as_slice(), field.reads.first()) {
            // A plain path: one line says both.
            ([only], Some((path, _))) if path == expression => self.line(indent, &[(Tone::Faint, only, 0)]),
            _ => {
                self.line(indent, &[(Tone::Faint, expression, 0)]);
                for read in &reads {
                    self.line(indent + 2, &[(Tone::Faint, read, 0)]);
                }
            }
        }
        for (fault, remedy) in &field.faults {
            self.line(indent, &[(Tone::Bad, fault, 0)]);
            if let Some(remedy) = remedy {
                self.line(indent, &[(Tone::Advice, remedy, 0)]);
            }
        }
    }

    fn route(&mut self, alert: &Alert, input: &Input, routes: Option<&Routes>) {
        if let Some(reason) = &alert.skip {
            return self.note("route", &format!("none: the mapping skips it: {reason}"), Tone::Plain);
        }
        let Some(routes) = routes else {
            return self.note("route", "none is configured", Tone::Faint);
        };
        let decision = routes.table.decide(alert);
        let (text, tone) = match &decision {
            Decision::Run(all) => {
                let mut names: Vec<&str> = all.iter().map(|destination| &*destination.route).collect();
                names.dedup();
                (names.join(", "), Tone::Good)
            }
            Decision::Skip { route, reason } => {
                (format!("{} skips it: {reason}", route.as_deref().unwrap_or("the mapping")), Tone::Plain)
            }
            Decision::Unroutable => {
                ("dead letter: no rule matches and there is no default workflow".to_owned(), Tone::Bad)
            }
        };
        self.note("route", &text, tone);
        let rules = routes.table.explain(alert);
        let name = columns(rules.iter().map(|rule| rule.name.as_str()), MOST_NAME);
        let when = |when: &Option<String>| when.clone().unwrap_or_else(|| "(always)".to_owned());
        let whens: Vec<String> = rules.iter().map(|rule| when(&rule.when)).collect();
        let expression = columns(whens.iter().map(String::as_str), MOST_EXPRESSION);
        let verdict =
            |verdict: &Option<Verdict>| verdict.as_ref().map_or_else(|| "not tried".to_owned(), ToString::to_string);
        let verdicts: Vec<String> = rules.iter().map(|rule| verdict(&rule.verdict)).collect();
        let last = widest(&verdicts);
        for ((rule, when), verdict) in rules.iter().zip(&whens).zip(&verdicts) {
            let (mark, tone) = mark(rule.verdict.as_ref());
            self.line(
                10,
                &[
                    (tone, mark, 1),
                    (Tone::Plain, &rule.name, name),
                    (Tone::Faint, when, expression),
                    (tone, verdict, last),
                ],
            );
        }
        let Decision::Run(mut destinations) = decision else { return };
        let mark = input.standing.mark();
        destinations.retain(|to| mark.is_none_or(|mark| mark.names_workflow(&to.workflow_id)));
        // Of several parts another one may lead there.
        if let Some(mark) = mark.filter(|mark| mark.part.is_some() && destinations.is_empty()) {
            self.note("error", &format!("dead letter {}", lines::gone(mark, true)), Tone::Bad);
        }
        for destination in &destinations {
            if let Some(created) = routing::build_alert(destination, alert) {
                let text = match mark.and_then(|mark| mark.created_alert_id.as_deref()) {
                    Some(known) => format!("{known} is in SecMaster already, and is not created again"),
                    None => format!("{} is created in SecMaster first", created.alert_id),
                };
                self.note("alert", &text, Tone::Good);
            }
            self.note("workflow", &destination.workflow_id, Tone::Good);
            let mode = routes.instance_id;
            match mode.id(&input.origin, alert, &destination.workflow_id) {
                Some(id) => self.line(10, &[(Tone::Plain, "instance", 8), (Tone::Good, &id, 0)]),
                None => self.line(10, &[(Tone::Plain, "instance", 8), (Tone::Plain, "SecMaster gives the id", 0)]),
            }
            if let Some(name) = mode.name(&input.origin, alert, &destination.workflow_id) {
                self.line(20, &[(Tone::Faint, &format!("UUIDv5 of {name}"), 0)]);
            }
        }
    }

    fn failure(&mut self, part: &MappedPart) {
        if let Err(failure) = &part.result {
            self.note("error", &format!("part {}: dead letter {failure}", part.part), Tone::Bad);
        }
    }
}

const fn mark(verdict: Option<&Verdict>) -> (&'static str, Tone) {
    match verdict {
        Some(Verdict::Holds) => ("+", Tone::Good),
        Some(Verdict::Fails(_)) => ("!", Tone::Advice),
        Some(_) => ("-", Tone::Plain),
        None => (" ", Tone::Faint),
    }
}

/// The columns to keep free for a table's last ones.
fn widest(verdicts: &[String]) -> usize {
    verdicts.iter().map(|verdict| width(verdict)).max().unwrap_or(0).min(MOST_LAST)
}

/// The columns that the widest of these takes, within a bound.
fn columns<'a>(texts: impl Iterator<Item = &'a str>, most: usize) -> usize {
    texts.map(width).max().unwrap_or(0).clamp(8, most)
}
