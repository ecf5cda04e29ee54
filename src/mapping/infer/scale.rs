//! The severity scale of a draft: from the words or numbers that the samples have.

use serde_json::Value;

use super::priorities::Priorities;
use crate::domain::Severity;

/// Usual words of other scales. The Alert's own stand for themselves.
const USUAL: &[(&str, Severity)] = &[
    ("debug", Severity::Tips),
    ("info", Severity::Tips),
    ("information", Severity::Tips),
    ("informational", Severity::Tips),
    ("none", Severity::Tips),
    ("notice", Severity::Low),
    ("minor", Severity::Low),
    ("moderate", Severity::Medium),
    ("warn", Severity::Medium),
    ("warning", Severity::Medium),
    ("error", Severity::High),
    ("err", Severity::High),
    ("major", Severity::High),
    ("severe", Severity::High),
    ("alert", Severity::Fatal),
    ("crit", Severity::Fatal),
    ("critical", Severity::Fatal),
    ("emergency", Severity::Fatal),
    ("urgent", Severity::Fatal),
];

/// A draft's scale.
#[derive(Debug, Default)]
pub(super) struct Scale {
    /// Words of the source, in lower case.
    pub(super) words: Vec<(String, Severity)>,
    /// Borders and their severities.
    pub(super) bands: Vec<(i64, Severity)>,
    /// What it was made of, and what to look at.
    pub(super) notes: Vec<String>,
}

/// Elastic's bands of risk scores.
const OF_SCORES: [(i64, Severity); 4] =
    [(0, Severity::Low), (22, Severity::Medium), (48, Severity::High), (74, Severity::Fatal)];

/// A scale for these values of a field.
pub(super) fn of(path: &str, values: &[Value]) -> Scale {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
        _ => None,
    };
    let numbers: Vec<f64> = values.iter().filter_map(number).collect();
    if numbers.len() < values.len() || numbers.is_empty() {
        return of_words(values);
    }
    let name = path.to_lowercase();
    let is_priority = name.ends_with("prio") || name.ends_with("priority");
    if is_priority && numbers.iter().all(|n| (1.0..=5.0).contains(n)) {
        of_priorities()
    } else {
        of_numbers(&numbers, ["score", "risk"].iter().any(|word| name.contains(word)))
    }
}

/// Of priorities the first is the worst: those of Suricata, and of most that have no more than five.
fn of_priorities() -> Scale {
    let all = [Severity::High, Severity::Medium, Severity::Low, Severity::Tips, Severity::Tips];
    let words = (1..).zip(all).map(|(priority, severity): (u8, _)| (priority.to_string(), severity)).collect();
    let notes = vec!["a guess: a priority, of which 1 is taken for the worst".to_owned()];
    Scale { words, bands: Vec::new(), notes }
}

/// Scores are from 0 to 100, however low those of the samples are; of other numbers the highest tells the scale, if there
/// is more than one.
fn of_numbers(numbers: &[f64], is_score: bool) -> Scale {
    use Severity::{Fatal, High, Low, Medium, Tips};
    let highest = numbers.iter().copied().fold(f64::MIN, f64::max);
    let lowest = numbers.iter().copied().fold(f64::MAX, f64::min);
    let (bands, scale) = match highest {
        _ if lowest < 0.0 || highest > 100.0 => (vec![], "no scale that is known; write `bands`"),
        _ if is_score => (OF_SCORES.to_vec(), "from 0 to 100"),
        _ if lowest.total_cmp(&highest).is_eq() => (vec![], "that one number does not show; write `bands`"),
        _ if highest <= 5.0 => (vec![(0, Tips), (2, Low), (3, Medium), (4, High), (5, Fatal)], "from 1 to 5"),
        _ if highest <= 10.0 => (vec![(0, Tips), (1, Low), (4, Medium), (7, High), (9, Fatal)], "from 0 to 10"),
        _ if highest <= 16.0 => (vec![(0, Tips), (4, Low), (7, Medium), (12, High), (15, Fatal)], "from 0 to 15"),
        _ => (OF_SCORES.to_vec(), "from 0 to 100"),
    };
    let mut notes = vec![format!("a guess: the samples have {lowest} to {highest}, taken for a scale {scale}")];
    if !bands.is_empty() {
        notes.push("check the borders, and that the highest number is the worst".to_owned());
    }
    Scale { words: Vec::new(), bands, notes }
}

fn of_words(values: &[Value]) -> Scale {
    let mut scale = Scale::default();
    let mut unknown = Vec::new();
    let mut found = Vec::new();
    let mut priorities = Priorities::default();
    for word in values.iter().filter_map(Value::as_str).map(|word| word.trim().to_lowercase()) {
        if found.contains(&word) {
            continue;
        }
        let is_known = USUAL.iter().any(|(usual, _)| *usual == word) || Severity::from_word(&word).is_some();
        if !is_known && !priorities.take(&word) {
            unknown.push(word.clone());
        }
        found.push(word);
    }
    // The source has more words than a few samples show.
    for (usual, severity) in USUAL {
        let common = priorities.is_empty() && ["info", "informational", "critical"].contains(usual);
        if common || found.iter().any(|word| word == usual) {
            scale.words.push(((*usual).to_owned(), *severity));
        }
    }
    scale.words.extend(priorities.words());
    scale.notes.push(match priorities.worst() {
        Some(worst) => {
            format!("a guess: the samples have {}, priorities of which {worst} is taken for the worst", listed(&found))
        }
        None => format!("the samples have {}; add the other words of the source", listed(&found)),
    });
    if !unknown.is_empty() {
        scale.words.extend(unknown.iter().map(|word| (word.clone(), Severity::Medium)));
        scale.notes.push(format!("not known, so taken for Medium: {}", listed(&unknown)));
    }
    scale
}

fn listed(words: &[String]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of;
    use crate::domain::Severity;

    #[test]
    fn numbers_make_bands_by_their_size_and_words_make_words() {
        let of_field =
            |field: &str, values: &[i64]| of(field, &values.iter().map(|n| json!(n)).collect::<Vec<_>>()).bands;
        let bands = |values: &[i64]| of_field(".level", values);
        for one in [&[4][..], &[4, 5]] {
            assert_eq!(of_field(".risk_score", one).last(), Some(&(74, Severity::Fatal)), "a low score is a score");
        }
        for one in [&[4][..], &[4, 4], &[99]] {
            assert_eq!(bands(one), [], "one number shows no scale");
        }
        assert_eq!(bands(&[3, 5]).last(), Some(&(5, Severity::Fatal)));
        assert_eq!(bands(&[20, 99]).last(), Some(&(74, Severity::Fatal)));
        assert_eq!(bands(&[1000]), []);
        let words = of(".severity", &[json!("WARN"), json!("high"), json!("odd")]);
        assert!(words.words.contains(&("warn".to_owned(), Severity::Medium)));
        assert!(words.words.contains(&("odd".to_owned(), Severity::Medium)) && words.notes[1].contains("`odd`"));
        assert!(!words.words.iter().any(|(word, _)| word == "high"), "it stands for itself");
        let mixed = of(".severity", &[json!("P2"), json!("n/a"), json!("Low")]);
        let of_word = |word: &str| mixed.words.iter().find(|(known, _)| known == word).map(|(_, severity)| *severity);
        assert_eq!([of_word("p1"), of_word("p2")], [Some(Severity::Fatal), Some(Severity::High)]);
        assert_eq!((of_word("n/a"), of_word("info")), (Some(Severity::Medium), None));
        assert_eq!(
            mixed.notes[0],
            "a guess: the samples have `p2`, `n/a`, `low`, priorities of which 1 is taken for the worst"
        );
        let priorities = of(".alert.Priority", &[json!("1"), json!(3)]);
        assert_eq!(priorities.words[0], ("1".to_owned(), Severity::High), "the first is the worst");
        assert!(of(".priority", &[json!(50)]).words.is_empty());
    }
}
