//! Which field of the samples may be which of the alert: by its name and by what its values look like.

use serde_json::Value;

use super::leaves::Leaf;
use super::names::{Form, ROLES, Role};
use super::values;

/// The time that every alert is to have.
const FIRST_OBSERVED: &str = "first_observed_time";
/// The other times of the alert.
const TIMES: &[&str] = &["last_observed_time", "create_time"];
const ONLY_TIME: &str = "the only time in the samples";

/// How sure a guess is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sureness {
    Likely,
    Possible,
    Weak,
}

impl Sureness {
    const fn of(score: u32) -> Self {
        match score {
            88.. => Self::Likely,
            70..88 => Self::Possible,
            _ => Self::Weak,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Likely => "likely",
            Self::Possible => "possible",
            Self::Weak => "a weak guess",
        }
    }
}

/// A guess: an expression for a field of the alert.
#[derive(Clone, Debug)]
pub(super) struct Guess {
    pub(super) target: &'static str,
    pub(super) path: String,
    pub(super) expression: String,
    pub(super) sureness: Sureness,
    /// How many samples have it.
    pub(super) have: usize,
    /// What was seen besides, in words.
    pub(super) seen: Option<String>,
    pub(super) values: Vec<Value>,
    /// Other fields that may as well be it, the likeliest first.
    pub(super) others: Vec<String>,
}

/// Of these the other candidates are named: a wrong one is in every alert, and seen at first sight.
const NAMED: &[&str] = &["id", "title", "severity"];
/// What these are may be another's as well.
const TEXTS: &[&str] = &["description", "data_source.product_feature"];
/// How many others are named.
const MOST_OTHERS: usize = 4;
/// Lists of the alert, which the first of a list in the source may go into.
const LISTS: &[&str] = &["network_list.", "resource_list.", "user_info.", "process.", "file_info."];
/// What a field of a list's first element is doubted more than one outside of lists.
const OF_A_LIST: u32 = 8;

/// The guesses, each field of the samples for one of the alert at most.
pub(super) fn guess(leaves: &[Leaf], samples: usize) -> Vec<Guess> {
    let mut guesses: Vec<Guess> = Vec::new();
    for role in ROLES {
        let shared = role.target == "data_source.product_feature";
        let free = |leaf: &&Leaf| {
            let path = leaf.path();
            shared && leaf.words.iter().any(|word| word == "rule") || guesses.iter().all(|guess| guess.path != path)
        };
        let fits = leaves.iter().rev().filter(|leaf| leaf.all(role.accepts)).filter(free);
        let mut scored: Vec<_> = fits.filter_map(|leaf| Some((score(role, leaf, samples)?, leaf))).collect();
        // Of equals the first.
        scored.reverse();
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        if let [(score, leaf), others @ ..] = scored.as_slice() {
            let is_other = |other: &Leaf| NAMED.contains(&role.target) && other.values.len() >= leaf.values.len();
            let others = others.iter().filter(|(_, other)| is_other(other));
            guesses.push(Guess { others: others.map(|(_, leaf)| leaf.path()).collect(), ..of(role, leaf, *score) });
        }
    }
    lone_time(leaves, &mut guesses);
    // The name of the host or of the process is none of the alert.
    let taken = guesses.iter().filter(|guess| !TEXTS.contains(&guess.target)).map(|guess| guess.path.clone());
    let taken: Vec<String> = taken.collect();
    for guess in &mut guesses {
        guess.others.retain(|path| !taken.contains(path));
        guess.others.truncate(MOST_OTHERS);
    }
    guesses
}

/// Takes the only time of the samples for when the alert was first observed, whatever it is called, and if it is another of
/// its times too: SecMaster wants to know that one of every alert that it is to create.
fn lone_time(leaves: &[Leaf], guesses: &mut Vec<Guess>) {
    if guesses.iter().any(|guess| guess.target == FIRST_OBSERVED) {
        return;
    }
    let Some(role) = ROLES.iter().find(|role| role.target == FIRST_OBSERVED) else { return };
    let mut times = leaves.iter().filter(|leaf| leaf.list.is_none() && leaf.all(role.accepts));
    let (Some(leaf), None) = (times.next(), times.next()) else { return };
    let path = leaf.path();
    if guesses.iter().any(|guess| guess.path == path && !TIMES.contains(&guess.target)) {
        return;
    }
    let guess = of(role, leaf, 0);
    let seen = guess.seen.iter().map(String::as_str).chain([ONLY_TIME]).collect::<Vec<_>>().join(", ");
    guesses.push(Guess { seen: Some(seen), ..guess });
}

fn score(role: &Role, leaf: &Leaf, samples: usize) -> Option<u32> {
    let named = role.names().filter_map(|(name, score)| leaf.ends_in(name, score)).max()?;
    let missing = u32::try_from((samples.saturating_sub(leaf.values.len())) * 20 / samples.max(1)).unwrap_or(20);
    // The id of an alert differs from alert to alert; that of a rule, a user or a host is another thing's.
    let mut doubts = 0;
    if leaf.list.is_some() {
        if !LISTS.iter().any(|list| role.target.starts_with(list)) {
            return None;
        }
        doubts += OF_A_LIST;
    }
    if role.target == "id" {
        let others =
            ["rule", "user", "host", "agent", "process", "session", "device", "tenant", "signature", "flow", "asset"];
        let of_another = leaf.words.iter().any(|word| others.contains(&word.as_str()));
        let repeats = leaf.values.iter().enumerate().any(|(i, value)| leaf.values.iter().take(i).any(|v| v == value));
        if of_another || repeats {
            return None;
        }
    }
    if role.target == "title" && leaf.values.iter().any(|value| value.as_str().is_some_and(|t| t.len() > 200)) {
        doubts += 20;
    }
    Some(named.saturating_sub(missing + doubts))
}

fn of(role: &Role, leaf: &Leaf, score: u32) -> Guess {
    let path = leaf.path();
    let texts = leaf.all(Value::is_string);
    let numbers = leaf.all(Value::is_number);
    let expression = match role.form {
        Form::AsIs => path.clone(),
        Form::Text if texts => path.clone(),
        Form::Text => format!("{path} | values | tostring"),
        Form::Number if numbers => path.clone(),
        Form::Number => format!("{path} | to_number"),
        Form::Time => format!("{path} | secmaster_time"),
        Form::Attack => {
            format!("[{path} | (attack_tactics + attack_techniques)[]] | if . == [] then null else join(\",\") end")
        }
        Form::UpperCase => format!("{path} | strings | ascii_upcase"),
    };
    let seen = match role.form {
        Form::Time => leaf.values.first().and_then(values::time).map(str::to_owned),
        _ if leaf.list.is_some() => Some("of a list the first, the others are left out".to_owned()),
        _ => None,
    };
    let sureness = Sureness::of(score);
    Guess {
        target: role.target,
        path,
        expression,
        sureness,
        have: leaf.values.len(),
        seen,
        values: leaf.values.clone(),
        others: Vec::new(),
    }
}
