//! What samples hold, as a list: each field by its path, with the values that the samples have there.

use serde_json::{Map, Value};

use crate::mapping::expression::path;

/// How deep fields are looked for.
const MAX_DEPTH: usize = 8;
/// How many fields are looked at.
const MAX_LEAVES: usize = 1000;

/// A field that is no object: a scalar or a list.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) names: Vec<String>,
    /// In the order of the samples that have it; null is not having it.
    pub(super) values: Vec<Value>,
    /// The words of its path, in lower case.
    pub(super) words: Vec<String>,
}

impl Leaf {
    /// The path as jq writes it.
    pub(super) fn path(&self) -> String {
        path(self.names.iter().map(String::as_str))
    }

    pub(super) fn all(&self, holds: impl Fn(&Value) -> bool) -> bool {
        !self.values.is_empty() && self.values.iter().all(holds)
    }

    /// How well the path ends in these words; nothing where it does not. `score` is for nothing else in front.
    pub(super) fn ends_in(&self, wanted: &str, score: u32) -> Option<u32> {
        let wanted: String = wanted.split(' ').collect();
        let mut tail = String::new();
        for (extra, word) in self.words.iter().rev().enumerate() {
            tail.insert_str(0, word);
            if tail == wanted {
                let in_front = u32::try_from(self.words.len() - extra - 1).unwrap_or(u32::MAX);
                return Some(score.saturating_sub(in_front.min(5) * 2));
            }
            if tail.len() > wanted.len() {
                break;
            }
        }
        None
    }
}

/// All fields of all samples, in the order in which they come up.
pub(super) fn of(samples: &[&Map<String, Value>]) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    for sample in samples {
        collect(sample, &mut Vec::new(), &mut leaves);
    }
    leaves.retain(|leaf: &Leaf| !leaf.values.is_empty());
    leaves
}

fn collect(object: &Map<String, Value>, names: &mut Vec<String>, leaves: &mut Vec<Leaf>) {
    for (name, value) in object {
        names.push(name.clone());
        match value {
            Value::Object(inner) if names.len() < MAX_DEPTH => collect(inner, names, leaves),
            value => {
                let at = leaves.iter().position(|leaf| leaf.names == *names);
                let at = at.or_else(|| {
                    let words = names.iter().flat_map(|name| words(name)).collect();
                    let room = leaves.len() < MAX_LEAVES;
                    room.then(|| leaves.push(Leaf { names: names.clone(), values: Vec::new(), words }));
                    room.then(|| leaves.len() - 1)
                });
                if let Some(leaf) = at.and_then(|at| leaves.get_mut(at))
                    && !value.is_null()
                {
                    leaf.values.push(value.clone());
                }
            }
        }
        let _name = names.pop();
    }
}

/// The words of a name: `srcIp`, `src_ip` and `src.ip` are two each.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = c.is_uppercase() && !before.is_uppercase();
        if (!c.is_alphanumeric() || begins) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{of, words};

    #[test]
    fn a_name_has_its_words_however_it_is_written() {
        for name in ["src_ip", "srcIp", "src.ip", "src-IP", "@src ip", "SrcIP"] {
            assert_eq!(words(name), ["src", "ip"], "{name}");
        }
        assert_eq!(words("--"), Vec::<String>::new());
    }

    #[test]
    fn fields_are_listed_with_the_values_of_all_samples() {
        let (a, b) = (json!({"a": {"b": 1}, "c": null}), json!({"a": {"b": 2, "x.y": [1]}}));
        let leaves = of(&[a.as_object().unwrap(), b.as_object().unwrap()]);
        let told: Vec<_> = leaves.iter().map(|leaf| (leaf.path(), leaf.values.clone())).collect();
        assert_eq!(told, [(".a.b".to_owned(), vec![json!(1), json!(2)]), (".a.\"x.y\"".to_owned(), vec![json!([1])])]);
    }

    #[test]
    fn a_path_ends_in_words_at_a_words_border_only() {
        let sample = json!({"source": {"ip": 1}, "superuser": 1, "srcip": 1});
        let leaves = of(&[sample.as_object().unwrap()]);
        assert_eq!(leaves[0].ends_in("source ip", 90), Some(90));
        assert_eq!(leaves[0].ends_in("ip", 90), Some(88));
        assert_eq!(leaves[1].ends_in("user", 90), None);
        assert_eq!(leaves[2].ends_in("src ip", 90), Some(90));
    }
}
