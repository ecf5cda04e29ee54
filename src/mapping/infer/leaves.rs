//! What samples hold, as a list: each field by its path, with the values that the samples have there.

use serde_json::{Map, Value};

use crate::mapping::expression::path;

/// How deep fields are looked for.
const MAX_DEPTH: usize = 8;
/// How many fields are looked at.
const MAX_LEAVES: usize = 1000;

/// A field that is no object: a scalar or a list, or a scalar in the first element of a list.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) names: Vec<String>,
    /// How many of the names lead to the list whose first element is meant, if one is.
    pub(super) list: Option<usize>,
    /// In the order of the samples that have it; null is not having it.
    pub(super) values: Vec<Value>,
    /// The words of its path, in lower case.
    pub(super) words: Vec<String>,
}

impl Leaf {
    /// The path as jq writes it.
    pub(super) fn path(&self) -> String {
        let plain = |names: &[String]| path(names.iter().map(String::as_str));
        match self.list.and_then(|list| self.names.split_at_checked(list)) {
            None => plain(&self.names),
            Some((list, [])) => format!("{}[0]", plain(list)),
            Some((list, inner)) => format!("{}[0]{}", plain(list), plain(inner)),
        }
    }

    /// The path of the list whose first element it is in.
    pub(super) fn path_of_list(&self) -> Option<String> {
        let list = self.names.get(..self.list?)?;
        Some(path(list.iter().map(String::as_str)))
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
        collect(sample, &mut Vec::new(), None, &mut leaves);
    }
    leaves.retain(|leaf: &Leaf| !leaf.values.is_empty());
    leaves
}

fn collect(object: &Map<String, Value>, names: &mut Vec<String>, list: Option<usize>, leaves: &mut Vec<Leaf>) {
    for (name, value) in object {
        names.push(name.clone());
        match value {
            Value::Object(inner) if names.len() < MAX_DEPTH => collect(inner, names, list, leaves),
            value => {
                add(value, names, list, leaves);
                // Of a list in a list nothing is looked for: its first element says little.
                if let (Value::Array(items), None) = (value, list) {
                    match items.first() {
                        Some(Value::Object(first)) if names.len() < MAX_DEPTH => {
                            collect(first, names, Some(names.len()), leaves);
                        }
                        Some(Value::Object(_) | Value::Array(_)) | None => {}
                        Some(first) => add(first, names, Some(names.len()), leaves),
                    }
                }
            }
        }
        let _name = names.pop();
    }
}

fn add(value: &Value, names: &[String], list: Option<usize>, leaves: &mut Vec<Leaf>) {
    let at = leaves.iter().position(|leaf| leaf.list == list && leaf.names == names);
    let at = at.or_else(|| {
        let room = leaves.len() < MAX_LEAVES;
        let leaf = || Leaf { names: names.to_vec(), list, values: Vec::new(), words: words_of(names, list) };
        room.then(|| leaves.push(leaf()));
        room.then(|| leaves.len() - 1)
    });
    if let Some(leaf) = at.and_then(|at| leaves.get_mut(at))
        && !value.is_null()
    {
        leaf.values.push(value.clone());
    }
}

/// The words of all names; a list's last one is that of one of its elements.
fn words_of(names: &[String], list: Option<usize>) -> Vec<String> {
    let mut all = Vec::new();
    for (i, name) in names.iter().enumerate() {
        all.extend(words(name));
        if list == Some(i + 1)
            && let Some(last) = all.last_mut()
        {
            *last = singular(last);
        }
    }
    all
}

fn singular(word: &str) -> String {
    match (word.strip_suffix("ies"), word.strip_suffix("sses"), word.strip_suffix('s')) {
        (Some(stem), ..) => format!("{stem}y"),
        (_, Some(stem), _) => format!("{stem}ss"),
        (_, _, Some(stem)) if !stem.ends_with('s') => stem.to_owned(),
        _ => word.to_owned(),
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
        let expected =
            [(".a.b", vec![json!(1), json!(2)]), (".a.\"x.y\"", vec![json!([1])]), (".a.\"x.y\"[0]", vec![json!(1)])];
        assert_eq!(told, expected.map(|(path, values)| (path.to_owned(), values)));
    }

    #[test]
    fn the_first_element_of_a_list_has_fields_and_its_word_is_that_of_one() {
        let sample =
            json!({"users": [{"name": "a"}, {"name": "b"}], "identities": ["c"], "addresses": [[1]], "none": []});
        let leaves = of(&[sample.as_object().unwrap()]);
        let told: Vec<_> = leaves.iter().map(|leaf| (leaf.path(), leaf.words.join(" "))).collect();
        let expected = [
            (".users", "users"),
            (".users[0].name", "user name"),
            (".identities", "identities"),
            (".identities[0]", "identity"),
            (".addresses", "addresses"),
            (".none", "none"),
        ];
        assert_eq!(told, expected.map(|(path, words)| (path.to_owned(), words.to_owned())));
        assert_eq!(leaves[1].path_of_list().as_deref(), Some(".users"));
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
