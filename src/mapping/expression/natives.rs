//! Native functions: alertbridge's own, and those of jaq's JSON layer that have to be written for our value.
//!
//! Own functions, for mappings:
//!
//! * `secmaster_time`: a time in any spelling, or seconds or milliseconds since the epoch as number or text, to
//!   SecMaster's form. `"2026-11-20T08:14:52.318Z" | secmaster_time` is `"2026-11-20T08:14:52.318Z+0000"`. `null`, an
//!   empty text and the zero date (year 1, "not yet" in Go's programs) give `null`; what is no time is an error.
//!   `secmaster_time($zone)` takes a text without zone to be in that one, instead of `mapping.default_time_zone`.
//! * `uuid5`: the UUIDv5 of a text in the URL namespace; `uuid5($namespace)` in another one, given as a UUID.
//!   `"a" | uuid5` is `"e1407479-3136-56c0-9908-bb02fb0339e2"`.
//! * `attack_tactics`: the ATT&CK tactic ids in a text, a list in a text (by comma), or any nesting of lists and
//!   objects. `["Defense Evasion", "TA0002"] | attack_tactics` is `["TA0005","TA0002"]`.
//! * `attack_techniques`: likewise. `"attack.t1059.001,T1071" | attack_techniques` is `["T1059.001","T1071"]`.
//! * `to_number`: a number, or a text that is one, as a number; everything else as `null`. `" 42 " | to_number` is `42`.
//! * `from_json`: the value in a text that holds JSON; what is no text passes through; other text is an error.
//!   `"[1]" | from_json` is `[1]`.

use bytes::Bytes;
use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{Error, RunPtr, ValR};
use jaq_json::{Num, Val};
use uuid::Uuid;

use super::budget::{spend_bytes, spend_steps};
use super::engine::Engine;
use super::regex_price;
use super::value::{Bounded, SLOT, json_text, kind};
use crate::mapping::{attack, json, time};

/// What a list, an object or an entry takes when it is read, about.
const PART: usize = 96;

pub(super) fn all() -> impl Iterator<Item = Fun<Engine>> {
    table().into_iter().map(|function| run::<Engine>(function))
}

/// The function of this name that takes so many values.
pub(super) fn find(name: &str, arguments: usize) -> Option<RunPtr<Engine>> {
    table().into_iter().find(|(n, args, _)| *n == name && args.len() == arguments).map(|(.., run)| run)
}

fn table() -> Vec<Filter<RunPtr<Engine>>> {
    let none = || v(0);
    vec![
        ("secmaster_time", none(), |cv| {
            let zone = cv.0.data().zone_offset;
            bome(secmaster_time(cv.1, zone))
        }),
        ("secmaster_time", v(1), |cv| {
            unary(cv, |value, zone| {
                let offset = text(&zone).and_then(time::parse_offset);
                secmaster_time(value, offset.ok_or_else(|| Error::typ(zone, "offset from UTC (like +08:00)"))?)
            })
        }),
        ("uuid5", none(), |cv| bome(uuid5(&Uuid::NAMESPACE_URL, &cv.1))),
        ("uuid5", v(1), |cv| {
            unary(cv, |name, namespace| {
                let namespace = text(&namespace).and_then(|t| Uuid::try_parse(t).ok());
                uuid5(&namespace.ok_or_else(|| Error::typ(name.clone(), "name in a namespace that is no UUID"))?, &name)
            })
        }),
        ("attack_tactics", none(), |cv| bome(Ok(words(&cv.1, attack::tactic)))),
        ("attack_techniques", none(), |cv| bome(Ok(words(&cv.1, attack::technique)))),
        ("to_number", none(), |cv| bome(Ok(to_number(cv.1)))),
        ("from_json", none(), |cv| bome(if cv.1.val_is_text() { parse(cv.1) } else { Ok(cv.1) })),
        ("fromjson", none(), |cv| bome(parse(cv.1))),
        ("tojson", none(), |cv| bome(Ok(json_text(&cv.1.val)))),
        ("regex_price", v(2), |mut cv| {
            let flags = cv.0.pop_var();
            let pattern = cv.0.pop_var();
            let of = |value| text(value).unwrap_or_default();
            let price = regex_price::price(of(&pattern), of(&flags), of(&cv.1));
            spend_steps(price.steps);
            spend_bytes(price.bytes);
            bome(Ok(cv.1))
        }),
        ("text_price", none(), |cv| {
            let length = text(&cv.1).map_or(0, str::len);
            spend_steps(length / 4);
            spend_bytes(length);
            bome(Ok(cv.1))
        }),
        ("length", none(), |cv| bome(length(cv.1))),
        ("contains", v(1), |cv| {
            unary(cv, |l, r| {
                l.weigh();
                r.weigh();
                Ok(contains(&l.val, &r.val).into())
            })
        }),
        ("has", v(1), |cv| unary(cv, |value, key| has(&value, &key))),
        ("indices", v(1), |cv| unary(cv, |value, part| indices(&value, &part))),
        ("bsearch", v(1), |cv| {
            unary(cv, |list, wanted| {
                list.weigh();
                let Val::Arr(items) = &list.val else { return Err(Error::typ(list, "array")) };
                let at = items.binary_search(&wanted.val);
                Ok(at.map_or_else(|i| Bounded::from(-1 - i.cast_signed()), Bounded::from))
            })
        }),
        // jaq's own `join` runs a program for it, and writes `null` where jq writes nothing.
        ("join", v(1), |cv| unary(cv, |list, separator| join(&list, &separator))),
        // jaq's definitions of refused functions need these names to compile; no program can call them.
        ("halt", v(1), |cv| bome(Err(Error::typ(cv.1, "reason to halt")))),
        ("debug_empty", none(), |cv| bome(Ok(cv.1))),
        ("stderr_empty", none(), |cv| bome(Ok(cv.1))),
    ]
}

impl Bounded {
    fn val_is_text(&self) -> bool {
        matches!(self.val, Val::TStr(_))
    }
}

fn text(value: &Bounded) -> Option<&str> {
    let Val::TStr(bytes) = &value.val else { return None };
    spend_steps(1 + bytes.len() / 32);
    std::str::from_utf8(bytes).ok()
}

fn secmaster_time(value: Bounded, zone: i32) -> ValR<Bounded> {
    let told = match &value.val {
        Val::Null => return Ok(value),
        Val::Num(number) => time::from_epoch(&number.to_string()),
        _ => match text(&value) {
            Some(text) if text.len() > 64 => None,
            Some(text) if text.trim().is_empty() || text.starts_with("0001-01-01") => return Ok(Bounded::default()),
            Some(text) => time::from_text(text, zone),
            None => None,
        },
    };
    told.map(Bounded::from).ok_or_else(|| Error::typ(value, "time"))
}

fn uuid5(namespace: &Uuid, name: &Bounded) -> ValR<Bounded> {
    let name = text(name).ok_or_else(|| Error::typ(name.clone(), "name for a UUID (string)"))?;
    spend_steps(name.len() / 8);
    Ok(Bounded::from(Uuid::new_v5(namespace, name.as_bytes()).to_string()))
}

/// jq's `join`: texts as they are, numbers and booleans as JSON, `null` as nothing, all else is an error.
fn join(list: &Bounded, separator: &Bounded) -> ValR<Bounded> {
    let items: Vec<&Val> = match &list.val {
        Val::Arr(items) => items.iter().collect(),
        Val::Obj(map) => map.values().collect(),
        _ => return Err(Error::typ(list.clone(), "iterable (array or object)")),
    };
    spend_steps(1 + items.len());
    let between = match (&separator.val, text(separator)) {
        (_, Some(text)) => text,
        (Val::Null, _) => "",
        // It is not looked at before there is something to separate.
        _ if items.len() < 2 => "",
        _ => return Err(Error::typ(separator.clone(), "separator (string)")),
    };
    let mut joined = String::new();
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            joined.push_str(between);
        }
        let length = joined.len();
        match item {
            Val::TStr(bytes) => joined.push_str(&String::from_utf8_lossy(bytes)),
            Val::Num(_) | Val::Bool(_) => joined.push_str(&item.to_string()),
            Val::Null => {}
            other => return Err(Error::typ(Bounded::scalar(kind(other)), "text, number or boolean to be joined")),
        }
        // Charged as it grows, so that it does not grow beyond what is allowed.
        spend_bytes(joined.len() - length + between.len());
        spend_steps((joined.len() - length) / 64);
    }
    Ok(Bounded::scalar(Val::utf8_str(joined)))
}

/// All ids that `read` finds in the texts of a value, each once, in their order.
fn words(value: &Bounded, read: fn(&str) -> Option<String>) -> Bounded {
    fn collect(value: &Val, read: fn(&str) -> Option<String>, found: &mut Vec<String>) {
        spend_steps(1);
        match value {
            Val::TStr(bytes) => {
                spend_steps(bytes.len() / 8);
                let text = String::from_utf8_lossy(bytes);
                let parts = text.split([',', ';']).flat_map(|part| part.split(['[', ']', '"']));
                for id in parts.filter_map(read) {
                    spend_steps(1 + found.len());
                    if !found.contains(&id) {
                        found.push(id);
                    }
                }
            }
            Val::Arr(items) => items.iter().for_each(|item| collect(item, read, found)),
            Val::Obj(map) => map.values().for_each(|item| collect(item, read, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    value.weigh();
    collect(&value.val, read, &mut found);
    found.into_iter().map(Bounded::from).collect()
}

fn to_number(value: Bounded) -> Bounded {
    if matches!(value.val, Val::Num(_)) {
        return value;
    }
    let number = text(&value).map(str::trim).filter(|t| t.len() <= 64).and_then(|text| {
        let text = text.strip_prefix('+').unwrap_or(text);
        let read = json::read(&Bytes::copy_from_slice(text.as_bytes())).ok()?;
        matches!(read.0, Val::Num(_)).then_some(read.0)
    });
    Bounded::scalar(number.unwrap_or_default())
}

fn parse(value: Bounded) -> ValR<Bounded> {
    let Some(text) = text(&value) else { return Err(Error::typ(value, "text that holds JSON")) };
    // Lists and objects take more than their text does.
    let parts = text.bytes().filter(|b| matches!(b, b'[' | b'{' | b',')).count();
    spend_steps(text.len() / 16 + parts);
    spend_bytes(text.len().saturating_mul(2).saturating_add(parts.saturating_mul(PART)));
    match json::read(&Bytes::copy_from_slice(text.as_bytes())) {
        Ok((val, depth)) => Ok(Bounded::nested(val, depth)),
        Err(_) => Err(Error::typ(value, "text that holds JSON")),
    }
}

fn length(value: Bounded) -> ValR<Bounded> {
    Ok(Bounded::from(match &value.val {
        Val::Null => 0,
        Val::TStr(text) => {
            spend_steps(text.len() / 32);
            String::from_utf8_lossy(text).chars().count()
        }
        Val::BStr(bytes) => bytes.len(),
        Val::Arr(items) => items.len(),
        Val::Obj(map) => map.len(),
        Val::Num(_) => {
            let negative = value < Bounded::from(0_isize);
            return if negative { -value } else { Ok(value) };
        }
        Val::Bool(_) => return Err(Error::typ(value, "something that has a length")),
    }))
}

fn contains(l: &Val, r: &Val) -> bool {
    spend_steps(1);
    match (l, r) {
        (Val::TStr(l), Val::TStr(r)) => String::from_utf8_lossy(l).contains(&*String::from_utf8_lossy(r)),
        (Val::Arr(l), Val::Arr(r)) => r.iter().all(|r| l.iter().any(|l| contains(l, r))),
        (Val::Obj(l), Val::Obj(r)) => r.iter().all(|(k, r)| l.get(k).is_some_and(|l| contains(l, r))),
        _ => l == r,
    }
}

fn has(value: &Bounded, key: &Bounded) -> ValR<Bounded> {
    match (&value.val, &key.val) {
        (Val::Obj(map), Val::TStr(_)) => Ok(map.contains_key(&key.val).into()),
        (Val::Arr(items), Val::Num(Num::Int(i))) => Ok(usize::try_from(*i).is_ok_and(|i| i < items.len()).into()),
        _ => Err(Error::index(value.clone(), key.clone())),
    }
}

fn indices(value: &Bounded, part: &Bounded) -> ValR<Bounded> {
    let positions: Vec<usize> = match (&value.val, &part.val) {
        (Val::TStr(_), Val::TStr(_)) => {
            let (whole, wanted) = (text(value).unwrap_or_default(), text(part).unwrap_or_default());
            if wanted.is_empty() {
                return Ok(std::iter::empty().collect());
            }
            spend_steps(1 + whole.len().saturating_mul(wanted.len()) / 64);
            let starts = whole.char_indices().enumerate();
            starts
                .filter(|(_, (at, _))| whole.get(*at..).is_some_and(|rest| rest.starts_with(wanted)))
                .map(|(i, _)| i)
                .inspect(|_| spend_bytes(SLOT))
                .collect()
        }
        (Val::Arr(items), Val::Arr(wanted)) => {
            if wanted.is_empty() {
                return Ok(std::iter::empty().collect());
            }
            value.weigh();
            spend_steps(items.len().saturating_mul(wanted.len()));
            items.windows(wanted.len()).enumerate().filter(|(_, w)| *w == wanted.as_slice()).map(|(i, _)| i).collect()
        }
        (Val::Arr(items), wanted) => {
            value.weigh();
            items.iter().enumerate().filter(|(_, item)| *item == wanted).map(|(i, _)| i).collect()
        }
        (Val::Null, _) => return Ok(Bounded::default()),
        _ => return Err(Error::index(value.clone(), part.clone())),
    };
    Ok(positions.into_iter().map(Bounded::from).collect())
}
