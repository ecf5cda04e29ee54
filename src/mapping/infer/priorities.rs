//! Priorities as words, of which the first is the worst: `P1` to `P5`, `Sev1`, `S-2`, `Severity 3`.

use crate::domain::Severity;

/// What stands before the number. Of levels and tiers the highest may be the worst.
const NAMES: &[&str] = &["p", "s", "sev", "prio", "priority", "severity"];
/// How many there are, in a source that is not known for more.
const USUAL: u8 = 5;

/// The priorities among the words of samples.
#[derive(Debug, Default)]
pub(super) struct Priorities {
    /// How each is written before its number, in the order in which they came up.
    spellings: Vec<String>,
    lowest: Option<u8>,
    highest: u8,
}

impl Priorities {
    /// Takes a word, in lower case, if it is one.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let Some((spelling, number)) = read(word) else { return false };
        if !self.spellings.iter().any(|known| known == spelling) {
            self.spellings.push(spelling.to_owned());
        }
        self.lowest = Some(self.lowest.map_or(number, |lowest| lowest.min(number)));
        self.highest = self.highest.max(number);
        true
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.spellings.is_empty()
    }

    /// The number that is taken for the worst, if there are priorities: 0 where the samples have it, else 1.
    pub(super) fn worst(&self) -> Option<u8> {
        self.lowest.map(|lowest| lowest.min(1))
    }

    /// All words of the scale in each of the spellings: the source has more than a few samples show.
    pub(super) fn words(&self) -> Vec<(String, Severity)> {
        use Severity::{Fatal, High, Low, Medium, Tips};
        let Some(worst) = self.worst() else { return Vec::new() };
        let severities = [Fatal, High, Medium, Low].into_iter().chain(std::iter::repeat(Tips));
        let scale: Vec<(u8, Severity)> = (worst..=self.highest.max(worst + USUAL - 1)).zip(severities).collect();
        let of = |spelling: &String| {
            scale.iter().map(|(number, severity)| (format!("{spelling}{number}"), *severity)).collect::<Vec<_>>()
        };
        self.spellings.iter().flat_map(of).collect()
    }
}

/// What stands before the number, and the number.
fn read(word: &str) -> Option<(&str, u8)> {
    let (place, digit) = word.char_indices().next_back()?;
    let number = u8::try_from(digit.to_digit(10)?).ok()?;
    let spelling = word.get(..place)?;
    NAMES.contains(&spelling.trim_end_matches([' ', '-', '_'])).then_some((spelling, number))
}

#[cfg(test)]
mod tests {
    use super::Priorities;
    use crate::domain::Severity::{Fatal, High, Low, Medium, Tips};

    #[test]
    fn the_first_is_the_worst_in_every_spelling() {
        for (word, spelling) in
            [("p3", "p"), ("s1", "s"), ("sev2", "sev"), ("sev-4", "sev-"), ("priority 5", "priority ")]
        {
            let mut priorities = Priorities::default();
            assert!(priorities.take(word) && !priorities.is_empty(), "{word}");
            let expected = [Fatal, High, Medium, Low, Tips].into_iter().zip(1..);
            let expected: Vec<_> = expected.map(|(severity, n)| (format!("{spelling}{n}"), severity)).collect();
            assert_eq!((priorities.words(), priorities.worst()), (expected, Some(1)));
        }
    }

    #[test]
    fn where_there_is_a_nought_that_is_the_worst_and_more_than_five_are_all_there() {
        let mut priorities = Priorities::default();
        assert!(priorities.take("p6") && priorities.take("p0"));
        let expected = [Fatal, High, Medium, Low, Tips, Tips, Tips].into_iter().zip(0..);
        let expected: Vec<_> = expected.map(|(severity, n)| (format!("p{n}"), severity)).collect();
        assert_eq!((priorities.words(), priorities.worst()), (expected, Some(0)));
    }

    #[test]
    fn other_words_are_none() {
        let mut priorities = Priorities::default();
        for word in ["", "1", "p", "p12", "tier1", "level 1", "ps1", "high", "p1 - critical", "p\u{661}"] {
            assert!(!priorities.take(word), "{word}");
        }
        assert!(priorities.is_empty() && priorities.words().is_empty() && priorities.worst().is_none());
    }
}
