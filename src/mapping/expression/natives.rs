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

use std::borrow::Cow;

use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{Cv, Error, RunPtr, ValR, ValXs};
use jaq_json::Val;
use uuid::Uuid;

use super::budget::{spend_bytes, spend_steps};
use super::engine::Engine;
use super::item::{Item, Type};
use super::json::to_val;
use super::regex_price;
use super::value::{Bounded, SLOT, json_text};
use crate::mapping::json::Tree;
use crate::mapping::{attack, json, time};

/// What a list, an object or an entry takes when it is read, about.
const PART: usize = 96;

/// A function that looks at its input and the values of its arguments where they are; the last is the offset of times
/// without zone.
type OfItems = for<'v> fn(&Item<'v>, &[Item<'v>], i32) -> Result<Item<'v>, Error<Bounded>>;

/// A native function of ours.
#[derive(Clone, Copy)]
pub(super) enum Native {
    /// One that needs no value of the engine's.
    OfItems(OfItems),
    /// One that does.
    OfEngine(RunPtr<Engine>),
}

pub(super) fn all() -> impl Iterator<Item = Fun<Engine>> {
    table().into_iter().map(|function| run::<Engine>(function))
}

/// The function of this name that takes so many values.
pub(super) fn find(name: &str, arguments: usize) -> Option<Native> {
    let of_items: Option<OfItems> = match (name, arguments) {
        ("secmaster_time", 0 | 1) => Some(secmaster_time),
        ("attack_tactics", 0) => Some(attack_tactics),
        ("attack_techniques", 0) => Some(attack_techniques),
        ("to_number", 0) => Some(to_number),
        ("from_json", 0) => Some(from_json),
        ("length", 0) => Some(length),
        ("has", 1) => Some(has),
        ("join", 1) => Some(join),
        _ => None,
    };
    let of_engine = || table().into_iter().find(|(n, args, _)| *n == name && args.len() == arguments);
    of_items.map(Native::OfItems).or_else(|| of_engine().map(|(.., run)| Native::OfEngine(run)))
}

/// What the engine calls for a function without arguments.
fn none<'a>(function: OfItems, cv: Cv<'a, Engine>) -> ValXs<'a, Bounded> {
    let zone = cv.0.data().zone_offset;
    bome(function(&cv.1.into(), &[], zone).map(Item::into_bounded))
}

/// What the engine calls for a function with one argument.
fn one<'a>(function: OfItems, cv: Cv<'a, Engine>) -> ValXs<'a, Bounded> {
    let zone = cv.0.data().zone_offset;
    unary(cv, move |value, argument| function(&value.into(), &[argument.into()], zone).map(Item::into_bounded))
}

fn table() -> Vec<Filter<RunPtr<Engine>>> {
    let no = || v(0);
    vec![
        ("secmaster_time", no(), |cv| none(secmaster_time, cv)),
        ("secmaster_time", v(1), |cv| one(secmaster_time, cv)),
        ("attack_tactics", no(), |cv| none(attack_tactics, cv)),
        ("attack_techniques", no(), |cv| none(attack_techniques, cv)),
        ("to_number", no(), |cv| none(to_number, cv)),
        ("from_json", no(), |cv| none(from_json, cv)),
        ("length", no(), |cv| none(length, cv)),
        ("has", v(1), |cv| one(has, cv)),
        // jaq's own `join` runs a program for it, and writes `null` where jq writes nothing.
        ("join", v(1), |cv| one(join, cv)),
        ("uuid5", no(), |cv| bome(uuid5(&Uuid::NAMESPACE_URL, &cv.1))),
        ("uuid5", v(1), |cv| {
            unary(cv, |name, namespace| {
                let namespace = text(&namespace).and_then(|t| Uuid::try_parse(t).ok());
                uuid5(&namespace.ok_or_else(|| Error::typ(name.clone(), "name in a namespace that is no UUID"))?, &name)
            })
        }),
        ("fromjson", no(), |cv| bome(parse(&cv.1.into()).map(Item::into_bounded))),
        ("tojson", no(), |cv| bome(Ok(json_text(&cv.1.val)))),
        ("regex_price", v(2), |mut cv| {
            let flags = cv.0.pop_var();
            let pattern = cv.0.pop_var();
            let of = |value| text(value).unwrap_or_default();
            let price = regex_price::price(of(&pattern), of(&flags), of(&cv.1));
            spend_steps(price.steps);
            spend_bytes(price.bytes);
            bome(Ok(cv.1))
        }),
        ("text_price", no(), |cv| {
            let length = text(&cv.1).map_or(0, str::len);
            spend_steps(length / 4);
            spend_bytes(length);
            bome(Ok(cv.1))
        }),
        ("contains", v(1), |cv| {
            unary(cv, |l, r| {
                l.weigh();
                r.weigh();
                Ok(contains(&l.val, &r.val).into())
            })
        }),
        ("indices", v(1), |cv| unary(cv, |value, part| indices(&value, &part))),
        ("bsearch", v(1), |cv| {
            unary(cv, |list, wanted| {
                list.weigh();
                let Val::Arr(items) = &list.val else { return Err(Error::typ(list, "array")) };
                let at = items.binary_search(&wanted.val);
                Ok(at.map_or_else(|i| Bounded::from(-1 - i.cast_signed()), Bounded::from))
            })
        }),
        // jaq's definitions of refused functions need these names to compile; no program can call them.
        ("halt", v(1), |cv| bome(Err(Error::typ(cv.1, "reason to halt")))),
        ("debug_empty", no(), |cv| bome(Ok(cv.1))),
        ("stderr_empty", no(), |cv| bome(Ok(cv.1))),
    ]
}

fn text(value: &Bounded) -> Option<&str> {
    let Val::TStr(bytes) = &value.val else { return None };
    spend_steps(1 + bytes.len() / 32);
    std::str::from_utf8(bytes).ok()
}

/// The text of a value, which somebody is about to go through.
fn text_of<'i>(item: &'i Item<'_>) -> Option<&'i str> {
    spend_steps(1 + item.breadth() / 32);
    item.text()
}

fn computed(text: String) -> Item<'static> {
    Bounded::from(text).into()
}

fn secmaster_time<'v>(value: &Item<'v>, arguments: &[Item<'v>], zone: i32) -> Result<Item<'v>, Error<Bounded>> {
    let zone = match arguments.first() {
        Some(zone) => {
            let offset = text_of(zone).and_then(time::parse_offset);
            offset.ok_or_else(|| Error::typ(zone.is_of().example(), "offset from UTC (like +08:00)"))?
        }
        None => zone,
    };
    let told = match value.is_of() {
        Type::Null => return Ok(Item::NULL),
        Type::Number => value.digits().and_then(|digits| time::from_epoch(&digits)),
        Type::Text => match text_of(value) {
            Some(text) if text.len() > 64 => None,
            Some(text) if text.trim().is_empty() || text.starts_with("0001-01-01") => return Ok(Item::NULL),
            Some(text) => time::from_text(text, zone),
            None => None,
        },
        _ => None,
    };
    told.map(computed).ok_or_else(|| Error::typ(value.is_of().example(), "time"))
}

fn uuid5(namespace: &Uuid, name: &Bounded) -> ValR<Bounded> {
    let name = text(name).ok_or_else(|| Error::typ(name.clone(), "name for a UUID (string)"))?;
    spend_steps(name.len() / 8);
    Ok(Bounded::from(Uuid::new_v5(namespace, name.as_bytes()).to_string()))
}

/// jq's `join`: texts as they are, numbers and booleans as JSON, `null` as nothing, all else is an error.
fn join<'v>(list: &Item<'v>, arguments: &[Item<'v>], _: i32) -> Result<Item<'v>, Error<Bounded>> {
    let not_iterable = || Error::typ(list.is_of().example(), "iterable (array or object)");
    let count = list.len().ok_or_else(not_iterable)?;
    spend_steps(1 + count);
    let separator = arguments.first().unwrap_or(&Item::NULL);
    let between = match (separator.is_of(), text_of(separator)) {
        (_, Some(text)) => text,
        (Type::Null, _) => "",
        // It is not looked at before there is something to separate.
        _ if count < 2 => "",
        _ => return Err(Error::typ(separator.is_of().example(), "separator (string)")),
    };
    let mut joined = String::new();
    let mut first = true;
    let each = list.try_each(|item| {
        if !std::mem::take(&mut first) {
            joined.push_str(between);
        }
        let length = joined.len();
        match item.is_of() {
            Type::Text if item.bytes().is_some() => {
                joined.push_str(&String::from_utf8_lossy(item.bytes().unwrap_or_default()));
            }
            Type::Number => joined.push_str(&item.digits().unwrap_or_default()),
            Type::Boolean => joined.push_str(if item.holds() { "true" } else { "false" }),
            Type::Null => {}
            other => return Err(Error::typ(other.example(), "text, number or boolean to be joined")),
        }
        // Charged as it grows, so that it does not grow beyond what is allowed.
        spend_bytes(joined.len() - length + between.len());
        spend_steps((joined.len() - length) / 64);
        Ok(())
    });
    each.unwrap_or(Ok(()))?;
    Ok(Bounded::scalar(Val::utf8_str(joined)).into())
}

fn attack_tactics<'v>(value: &Item<'v>, _: &[Item<'v>], _: i32) -> Result<Item<'v>, Error<Bounded>> {
    Ok(words(value, attack::tactic))
}

fn attack_techniques<'v>(value: &Item<'v>, _: &[Item<'v>], _: i32) -> Result<Item<'v>, Error<Bounded>> {
    Ok(words(value, attack::technique))
}

/// All ids that `read` finds in the texts of a value, each once, in their order.
fn words<'v>(value: &Item<'v>, read: fn(&str) -> Option<String>) -> Item<'v> {
    let mut found: Vec<String> = Vec::new();
    value.weigh();
    value.each_text(&mut |text| {
        // By bytes: what divides is ASCII, and most of what a source says of a threat is no id.
        let mut from = 0;
        let ends = text.bytes().enumerate().filter(|(_, b)| matches!(b, b',' | b';' | b'[' | b']' | b'"'));
        for end in ends.map(|(end, _)| end).chain([text.len()]) {
            let id = text.get(from..end).and_then(read);
            from = end + 1;
            let Some(id) = id else { continue };
            spend_steps(1 + found.len());
            if !found.contains(&id) {
                found.push(id);
            }
        }
    });
    spend_bytes(found.len() * SLOT);
    Item::list(found.into_iter().map(computed).collect())
}

fn to_number<'v>(value: &Item<'v>, _: &[Item<'v>], _: i32) -> Result<Item<'v>, Error<Bounded>> {
    if value.is_of() == Type::Number {
        return Ok(value.clone());
    }
    let number = text_of(value).map(str::trim).filter(|text| text.len() <= 64).and_then(|text| {
        let text = text.strip_prefix('+').unwrap_or(text);
        let (read, _) = json::read(text.as_bytes()).ok()?;
        matches!(read, Tree::Number(_)).then(|| to_val(&read, &mut |_, _| {}))
    });
    Ok(Bounded::scalar(number.unwrap_or_default()).into())
}

fn from_json<'v>(value: &Item<'v>, _: &[Item<'v>], _: i32) -> Result<Item<'v>, Error<Bounded>> {
    if value.bytes().is_some() { parse(value) } else { Ok(value.clone()) }
}

fn parse<'v>(value: &Item<'v>) -> Result<Item<'v>, Error<Bounded>> {
    let wrong = || Error::typ(value.is_of().example(), "text that holds JSON");
    let text = text_of(value).ok_or_else(wrong)?;
    // Lists and objects take more than their text does.
    let parts = text.bytes().filter(|b| matches!(b, b'[' | b'{' | b',')).count();
    spend_steps(text.len() / 16 + parts);
    spend_bytes(text.len().saturating_mul(2).saturating_add(parts.saturating_mul(PART)));
    Item::parsed(text.as_bytes()).ok_or_else(wrong)
}

fn length<'v>(value: &Item<'v>, _: &[Item<'v>], _: i32) -> Result<Item<'v>, Error<Bounded>> {
    let length = match value.is_of() {
        Type::Null => 0,
        Type::Text => {
            spend_steps(value.breadth() / 32);
            value.bytes().map_or_else(|| value.breadth(), |text| String::from_utf8_lossy(text).chars().count())
        }
        Type::List | Type::Object => value.len().unwrap_or_default(),
        Type::Number => {
            let number = value.to_bounded();
            let negative = number < Bounded::from(0_isize);
            return if negative { (-number).map(Item::from) } else { Ok(value.clone()) };
        }
        Type::Boolean => return Err(Error::typ(value.is_of().example(), "something that has a length")),
    };
    Ok(Bounded::from(length).into())
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

fn has<'v>(value: &Item<'v>, arguments: &[Item<'v>], _: i32) -> Result<Item<'v>, Error<Bounded>> {
    let key = arguments.first().unwrap_or(&Item::NULL);
    let is_there = match (value.is_of(), key.is_of()) {
        (Type::Object, Type::Text) => key.text().map(|name| value.field(name).is_some()),
        (Type::List, Type::Number) => {
            // A whole number below 0 is nowhere.
            let is_whole = |digits: Cow<'_, str>| digits.parse::<i64>().is_ok();
            let place = key.place().map(|place| value.len().is_some_and(|len| place < len));
            place.or_else(|| key.digits().is_some_and(is_whole).then_some(false))
        }
        _ => None,
    };
    let wrong = || Error::index(value.is_of().example(), key.is_of().example());
    is_there.map(Item::bool).ok_or_else(wrong)
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
