//! From a source's severity, word or number, to one of the Alert's five.

use super::definition::SeverityDefinition;
use super::error::{MappingError, suggestion};
use crate::domain::{Data, Severity};

/// A source's scale.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    /// Lower-case words; few, so a scan is the fastest look-up.
    words: Vec<(String, Severity)>,
    /// Lower borders, ascending.
    bands: Vec<(f64, Severity)>,
    /// The file's own; without it, the settings'.
    default: Option<Severity>,
}

impl Scale {
    pub(super) fn compile(file: &str, definition: &SeverityDefinition, errors: &mut Vec<MappingError>) -> Self {
        let mut read = |field: String, word: &str| {
            let severity = Severity::from_word(word);
            if severity.is_none() {
                let known = suggestion(word, Severity::ALL.map(Severity::as_str));
                let problem = format!("`{word}` is none of Tips, Low, Medium, High, Fatal{known}");
                errors.push(MappingError::of_field(file, &field, problem));
            }
            severity
        };
        let words = definition.words.iter();
        let words =
            words.filter_map(|(w, to)| Some((w.to_lowercase(), read(format!("severity.words.{w}"), to)?))).collect();
        let bands = definition.bands.iter().enumerate();
        let mut bands: Vec<_> =
            bands.filter_map(|(i, (from, to))| Some((*from, read(format!("severity.bands[{i}]"), to)?))).collect();
        bands.sort_by(|a, b| a.0.total_cmp(&b.0));
        let default = definition.default.as_ref().and_then(|word| read("severity.default".to_owned(), word));
        Self { words, bands, default }
    }

    /// What an unknown severity becomes; `otherwise` where the file does not say.
    pub(super) fn default(&self, otherwise: Severity) -> Severity {
        self.default.unwrap_or(otherwise)
    }

    /// The severity of a source's value; `None` when the scale does not know it.
    ///
    /// Words come first, for numbers too (`words: {"4": High}`), then the Alert's own words, then the bands, in which
    /// a text that is a number counts as one.
    pub(super) fn read(&self, value: &Data) -> Option<Severity> {
        self.rule(value).map(|(_, severity)| severity)
    }

    /// The same, with what knows the value.
    pub(super) fn rule(&self, value: &Data) -> Option<(Rule<'_>, Severity)> {
        let (text, number) = match value {
            Data::Text(text) => {
                let number = text.trim().parse().ok();
                // `inf` and `nan` are words of severity scales, and numbers of Rust's only.
                (text.trim().to_lowercase(), number.filter(|number: &f64| number.is_finite()))
            }
            Data::Number(digits) => (digits.as_str().to_owned(), digits.as_f64()),
            _ => return None,
        };
        let of = |text: &str| self.words.iter().find(|(word, _)| word == text);
        let word = of(&text).or_else(|| of(&whole(number?)?)).map(|(word, to)| (Rule::Word(word), *to));
        word.or_else(|| Severity::from_word(&text).map(|severity| (Rule::OwnWord, severity))).or_else(|| {
            let number: f64 = number?;
            let band = self.bands.iter().rev().find(|(from, _)| number >= *from);
            band.map(|(from, to)| (Rule::Band(*from), *to))
        })
    }

    /// The file's own severity for what the scale does not know.
    pub(super) const fn own_default(&self) -> Option<Severity> {
        self.default
    }
}

/// A whole number without a point: `5.0` is the word `5`.
fn whole(number: f64) -> Option<String> {
    (number.fract() == 0.0 && number.abs() < 1e15).then(|| format!("{number}"))
}

/// What in a scale knows a source's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule<'a> {
    /// A word of the file, in lower case.
    Word(&'a str),
    /// One of the Alert's own words.
    OwnWord,
    /// The band that begins here.
    Band(f64),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Scale;
    use crate::domain::Severity;
    use crate::mapping::definition::SeverityDefinition;

    fn scale(yaml: &str) -> Scale {
        let definition: SeverityDefinition = serde_saphyr::from_str(yaml).unwrap();
        let mut errors = Vec::new();
        let scale = Scale::compile("f", &definition, &mut errors);
        assert_eq!(errors, Vec::new());
        scale
    }

    #[test]
    fn words_are_compared_without_case_and_the_alerts_own_stand_for_themselves() {
        let scale = scale("{words: {Critical: Fatal, low: Tips}}");
        assert_eq!(scale.read(&json!(" CRITICAL ").into()), Some(Severity::Fatal));
        assert_eq!(scale.read(&json!("low").into()), Some(Severity::Tips), "the file's word wins over the Alert's own");
        assert_eq!(scale.read(&json!("fatal").into()), Some(Severity::Fatal));
        assert_eq!(scale.read(&json!("loud").into()), None);
        assert_eq!(scale.read(&json!(true).into()), None);
    }

    #[test]
    fn numbers_fall_into_the_band_that_begins_below_them() {
        let scale = scale("{bands: [[48, High], [0, Low], [22, Medium]], words: {\"99\": Tips}}");
        for (value, expected) in [
            (json!(0), Some(Severity::Low)),
            (json!(21.9), Some(Severity::Low)),
            (json!(22), Some(Severity::Medium)),
            (json!("47"), Some(Severity::Medium)),
            (json!(1e9), Some(Severity::High)),
            (json!(-1), None),
            (json!(99), Some(Severity::Tips)),
        ] {
            assert_eq!(scale.read(&value.clone().into()), expected, "{value}");
        }
    }

    #[test]
    fn a_whole_number_is_the_same_word_however_it_is_written() {
        let scale = scale("{words: {\"5\": Fatal, \"2.0\": High}, bands: [[0, Low]]}");
        for value in [json!(5), json!(5.0), json!("5"), json!("5.0"), serde_json::from_str("5.00").unwrap()] {
            assert_eq!(scale.read(&value.clone().into()), Some(Severity::Fatal), "{value}");
        }
        assert_eq!(scale.read(&json!(2.0).into()), Some(Severity::High), "as it is written comes first");
        assert_eq!(scale.read(&json!(5.5).into()), Some(Severity::Low));
    }

    #[test]
    fn what_only_floats_call_a_number_falls_into_no_band() {
        let scale = scale("{bands: [[0, Low], [90, Fatal]]}");
        for word in ["INF", "inf", "infinity", "+Infinity", "-inf", "NaN", "1e999"] {
            assert_eq!(scale.read(&json!(word).into()), None, "{word}");
        }
        for number in ["1e999", "-1e999", "1E400"] {
            let number = serde_json::from_str::<serde_json::Value>(number).unwrap();
            assert_eq!(scale.read(&number.clone().into()), None, "{number}");
        }
    }

    #[test]
    fn a_wrong_word_in_the_file_is_an_error_with_its_place() {
        let definition: SeverityDefinition =
            serde_saphyr::from_str("{words: {a: Hihg}, bands: [[1, Worst]], default: x}").unwrap();
        let mut errors = Vec::new();
        drop(Scale::compile("f.yaml", &definition, &mut errors));
        insta::assert_snapshot!(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
}
