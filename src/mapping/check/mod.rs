//! The typed check: what a mapping made, against the table of the data class.
//!
//! What does not fit is left out and reported as a [`FieldFault`]; whether that is a warning or a dead letter is the
//! mapper's decision. Three things are mended silently: text that is too long is cut, a whole number that jq computed as
//! a float (`3.0`) is written as an integer, and a time in another of the usual spellings is written in SecMaster's.

use compact_str::CompactString;

use super::schema::{Field, Kind};
use super::time;
use crate::domain::{Data, Digits, Fields};

/// The API's limits for a resource's tags.
const MAX_TAGS: usize = 50;
const MAX_TAG_VALUE: usize = 255;

/// How deep lists and objects may nest in a field: a record's, and some levels that a mapping puts around. Together with
/// the four levels of the request around it that is less than what serde_json and others read.
const MAX_NESTING: usize = 110;

/// Something about one field that did not work out. Names types and bounds, never the value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldFault {
    /// The field's path in the alert, such as `network_list[0].src_port`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// Whether the field was left out; otherwise a default took its place.
    pub left_out: bool,
}

/// Where we are in the alert; written out only for a fault.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Root,
    Name(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

impl Place<'_> {
    pub(super) fn path(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Name(parent, name) => match parent.path() {
                path if path.is_empty() => (*name).to_owned(),
                path => format!("{path}.{name}"),
            },
            Self::Index(parent, index) => format!("{}[{index}]", parent.path()),
        }
    }
}

/// The check of one alert.
pub(super) struct Check<'a> {
    /// Whether fields that the data class does not know are faults.
    pub(super) strict: bool,
    /// Minutes east of UTC for times without zone.
    pub(super) zone_offset: i32,
    pub(super) faults: &'a mut Vec<FieldFault>,
}

fn nests_deeper(value: &Data, levels: usize) -> bool {
    let is_deeper = |value: &Data| nests_deeper(value, levels.saturating_sub(1));
    match value {
        Data::List(items) => levels == 0 || items.iter().any(is_deeper),
        Data::Object(fields) => levels == 0 || fields.iter().any(|(_, value)| is_deeper(value)),
        _ => false,
    }
}

impl Check<'_> {
    /// Leaves out the fields that nest too deeply to be read again, of any data class.
    pub(super) fn nesting(&mut self, content: &mut Fields) {
        content.retain(|name, value| {
            !nests_deeper(value, MAX_NESTING)
                || self.fault(&Place::Name(&Place::Root, name), format!("nests more than {MAX_NESTING} deep"))
        });
    }

    /// Reports that a field is left out.
    fn fault(&mut self, place: &Place<'_>, message: String) -> bool {
        self.faults.push(FieldFault { field: place.path(), message, left_out: true });
        false
    }

    /// Checks the fields of an object, in their order; drops what is null, empty or faulty.
    pub(super) fn object(&mut self, place: &Place<'_>, fields: &[Field], object: &mut Fields) {
        let mut next = 0;
        object.retain(|name, value| {
            let place = Place::Name(place, name);
            let keep = match find(fields, name, &mut next) {
                Some(field) => self.value(&place, field.kind, value),
                None if self.strict => self.fault(&place, "the data class has no such field".to_owned()),
                None => true,
            };
            keep && !value.is_nothing()
        });
    }

    /// Mends a value where it can; whether the field stays.
    fn value(&mut self, place: &Place<'_>, kind: Kind, value: &mut Data) -> bool {
        match (kind, &mut *value) {
            (_, Data::Null) => false,
            (Kind::Any, _) => true,
            (Kind::Number(min, max), Data::Number(number)) => {
                let is_within = number.as_f64().is_some_and(|n| (f64::from(min)..=f64::from(max)).contains(&n));
                is_within || self.fault(place, format!("is not between {min} and {max}"))
            }
            (Kind::Text(max), Data::Text(text)) => {
                cut(text, max);
                true
            }
            (Kind::Time, Data::Text(text)) => {
                if !time::is_secmaster_time(text) {
                    let Some(time) = time::from_text(text, self.zone_offset) else {
                        let problem = "is no time like 2026-02-05T10:11:12.345Z+0800 (see secmaster_time)";
                        return self.fault(place, problem.to_owned());
                    };
                    *text = time.into();
                }
                true
            }
            (Kind::Int(min, max), Data::Number(number)) => match whole(number) {
                Some(n) if (min..=max).contains(&n) => {
                    if number.as_i64().is_none() {
                        *number = n.into();
                    }
                    true
                }
                Some(_) => self.fault(place, format!("is not between {min} and {max}")),
                None => self.fault(place, "is not a whole number".to_owned()),
            },
            (Kind::PortText, Data::Text(text)) => {
                let is_port = text.parse::<u16>().is_ok() && text.bytes().all(|b| b.is_ascii_digit());
                is_port || self.fault(place, "is no port (a text from 0 to 65535)".to_owned())
            }
            (Kind::Word(words), Data::Text(word)) => {
                words.contains(&word.as_str()) || self.fault(place, format!("is none of {}", words.join(", ")))
            }
            (Kind::Object(fields), Data::Object(object)) => {
                self.object(place, fields, object);
                true
            }
            (Kind::List(fields), Data::List(items)) => {
                self.list(place, fields, items);
                true
            }
            (Kind::Tags, Data::Object(tags)) => {
                self.tags(place, tags);
                true
            }
            (kind, value) => self.fault(place, format!("expected {}, found {}", expected(kind), value.type_name())),
        }
    }

    fn list(&mut self, place: &Place<'_>, fields: &'static [Field], items: &mut Vec<Data>) {
        let mut index = 0;
        items.retain_mut(|item| {
            let place = Place::Index(place, index);
            index += 1;
            self.value(&place, Kind::Object(fields), item) && !item.is_nothing()
        });
    }

    fn tags(&mut self, place: &Place<'_>, tags: &mut Fields) {
        let mut kept = 0;
        tags.retain(|name, value| {
            let problem = match value {
                Data::Text(_) if kept == MAX_TAGS => "is more than 50 tags",
                Data::Text(text) if text.chars().count() > MAX_TAG_VALUE => "is longer than 255 characters",
                Data::Text(text) if !text.chars().all(in_tag) => {
                    "holds other than letters, digits, spaces and + - = . _ : / @"
                }
                Data::Text(_) => {
                    kept += 1;
                    return true;
                }
                _ => "is no text",
            };
            self.fault(&Place::Name(place, name), problem.to_owned())
        });
    }
}

/// The field of this name. Mappings mostly have the table's order, so it is looked for behind the one before.
fn find<'f>(fields: &'f [Field], name: &str, next: &mut usize) -> Option<&'f Field> {
    let (before, behind) = fields.split_at_checked(*next)?;
    let at = match behind.iter().position(|field| field.name == name) {
        Some(at) => *next + at,
        None => before.iter().position(|field| field.name == name)?,
    };
    *next = at + 1;
    fields.get(at)
}

fn in_tag(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, ' ' | '+' | '-' | '=' | '.' | '_' | ':' | '/' | '@')
}

/// Leaves the first `max` characters.
fn cut(text: &mut CompactString, max: usize) {
    if text.len() > max
        && let Some((at, _)) = text.char_indices().nth(max)
    {
        text.truncate(at);
    }
}

/// The number, if it is whole: `3`, `3.0`, `3e0`.
fn whole(number: &Digits) -> Option<i64> {
    if let Some(n) = number.as_i64() {
        return Some(n);
    }
    let n = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15)?;
    format!("{n}").parse().ok()
}

const fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text(_) | Kind::Word(_) => "string",
        Kind::Time => "string with a time",
        Kind::PortText => "string with a port",
        Kind::Int(..) => "integer",
        Kind::Number(..) => "number",
        Kind::Object(_) | Kind::Tags => "object",
        Kind::List(_) => "array",
        Kind::Any => "anything",
    }
}

#[cfg(test)]
mod tests;
