//! The text of a draft: match, severity and fields, each with what it rests on, then the test.

use serde_json::Value;

use super::matching::Condition;
use super::roles::Guess;
use super::scale::Scale;
use super::yaml;
use crate::mapping::expression::quoted;

/// The fields in the order of the data class, lists marked.
const ORDER: &[(&str, bool)] = &[
    ("id", false),
    ("title", false),
    ("description", false),
    ("severity", false),
    ("count", false),
    ("confidence", false),
    ("first_observed_time", false),
    ("last_observed_time", false),
    ("create_time", false),
    ("source_url", false),
    ("labels", false),
    ("data_source", false),
    ("network_list", true),
    ("resource_list", true),
    ("user_info", true),
    ("process", true),
    ("file_info", true),
];

/// All that a draft is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) name: String,
    pub(super) samples: usize,
    /// The name of the list that holds the parts of a batch.
    pub(super) split: Option<String>,
    pub(super) condition: Condition,
    pub(super) scale: Option<Scale>,
    pub(super) guesses: Vec<Guess>,
    pub(super) unused: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl Parts {
    pub(super) fn guess(&self, target: &str) -> Option<&Guess> {
        self.guesses.iter().find(|guess| guess.target == target)
    }

    /// Everything but the test.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let s = if self.samples == 1 { "" } else { "s" };
        self.line(
            &mut text,
            0,
            &format!("A first draft, guessed from {} sample{s}: look at every line.", self.samples),
        );
        self.line(&mut text, 0, "Keep what is right, mend the rest, then run: alertbridge check --mappings FOLDER");
        for note in &self.notes {
            self.line(&mut text, 0, note);
        }
        push(&mut text, &format!("name: {}", self.name));
        for note in &self.condition.notes {
            self.line(&mut text, 0, note);
        }
        push(&mut text, &format!("match: {}", yaml::expression(&self.condition.expression)));
        if let Some(split) = &self.split {
            self.line(&mut text, 0, "a batch: each element is an alert of its own, and `.` below is the element");
            push(&mut text, &format!("split: {}", yaml::expression(&format!("{split}[]"))));
        }
        let required = if self.in_all("severity") { "[title, severity]" } else { "[title]" };
        push(&mut text, &format!("required: {required}"));
        self.severity(&mut text);
        text.push_str("alert:\n");
        for (target, list) in ORDER {
            self.field(&mut text, target, *list);
        }
        if !self.unused.is_empty() {
            self.line(&mut text, 0, &format!("not used: {}", self.unused.join(", ")));
        }
        text
    }

    /// The test with the first sample.
    pub(super) fn test(input: &Value, expect: &Value) -> String {
        format!(
            "tests:\n  - name: the first sample\n    input: {}\n    expect: {}\n",
            yaml::value(input, 4),
            yaml::value(expect, 4)
        )
    }

    fn line(&self, text: &mut String, indent: usize, remark: &str) {
        push(text, &format!("{}{}", " ".repeat(indent), yaml::remark(remark)));
    }

    fn in_all(&self, target: &str) -> bool {
        self.guess(target).is_some_and(|guess| guess.have >= self.samples)
    }

    fn severity(&self, text: &mut String) {
        let Some(scale) = &self.scale else {
            self.line(text, 0, "no severity was found: every alert takes this one");
            text.push_str("severity: {default: Medium}\n");
            return;
        };
        text.push_str("severity:\n");
        for note in &scale.notes {
            self.line(text, 2, note);
        }
        if !scale.words.is_empty() {
            let words = scale.words.iter().map(|(word, severity)| format!("{}: {severity}", quoted(word)));
            push(text, &format!("  words: {{{}}}", words.collect::<Vec<_>>().join(", ")));
        }
        if !scale.bands.is_empty() {
            let bands = scale.bands.iter().map(|(from, severity)| format!("[{from}, {severity}]"));
            push(text, &format!("  bands: [{}]", bands.collect::<Vec<_>>().join(", ")));
        }
        text.push_str("  default: Medium\n");
    }

    fn field(&self, text: &mut String, target: &str, list: bool) {
        let below = format!("{target}.");
        let inner: Vec<&Guess> = self.guesses.iter().filter(|guess| guess.target.starts_with(&below)).collect();
        match (target, self.guess(target)) {
            ("title", None) => {
                self.line(text, 2, "no title was found: choose a field");
                push(text, &format!("  title: {}", yaml::expression(&quoted(&format!("{} alert", self.name)))));
            }
            (_, Some(guess)) => self.guessed(text, 2, target, guess),
            ("data_source", None) => {
                push(text, "  data_source:\n    source_type: 2 # a product of somebody else's; your own: 3");
                if !inner.iter().any(|guess| guess.target.ends_with(".product_name")) {
                    self.line(text, 4, "the product's name as analysts know it");
                    push(text, &format!("    product_name: {}", yaml::expression(&quoted(&self.name))));
                }
                for guess in inner {
                    self.guessed(text, 4, guess.target.trim_start_matches(&below), guess);
                }
            }
            _ if inner.is_empty() => {}
            _ => {
                push(text, &format!("  {target}:"));
                for (i, guess) in inner.iter().enumerate() {
                    let indent = if list { 6 } else { 4 };
                    self.line(text, indent, &self.rests_on(guess));
                    let dash = if list && i == 0 { "    - " } else { "      " };
                    let name = guess.target.trim_start_matches(&below);
                    push(text, &format!("{dash}{name}: {}", yaml::expression(&guess.expression)));
                }
                if target == "resource_list"
                    && let Some(host) = inner.first()
                {
                    let source = format!("if {} then \"device\" else null end", host.path);
                    push(text, &format!("      type: {}", yaml::expression(&source)));
                }
            }
        }
    }

    fn guessed(&self, text: &mut String, indent: usize, name: &str, guess: &Guess) {
        self.line(text, indent, &self.rests_on(guess));
        push(text, &format!("{}{name}: {}", " ".repeat(indent), yaml::expression(&guess.expression)));
    }

    fn rests_on(&self, guess: &Guess) -> String {
        let mut text = format!("guessed, {}: {} of {} have it", guess.sureness.as_str(), guess.have, self.samples);
        if let Some(seen) = &guess.seen {
            text.push_str(&format!("; {seen}"));
        }
        if !guess.others.is_empty() {
            text.push_str(&format!("; or is it {}?", guess.others.join(", ")));
        }
        text
    }
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
