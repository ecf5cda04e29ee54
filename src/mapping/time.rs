//! Times as SecMaster's Alert data class writes them (`secmaster_time`).
//!
//! The form is `YYYY-MM-DDTHH:mm:ss.SSSZ+hhmm`: the local time of the place where the event happened, a literal `Z`,
//! then the offset of that place without a colon. The `Z` does **not** mean UTC; UTC is `Z+0000`. Source: the API's
//! examples, the query documentation's Java pattern and the Terraform provider.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// Reads a zone offset: `Z`, `UTC`, `GMT`, `+08:00`, `+0800`, `+08`, with or without a literal `Z` in front.
///
/// Minutes east of UTC, at most 18 hours either way.
pub(super) fn parse_offset(text: &str) -> Option<i32> {
    let rest = text.strip_prefix(['Z', 'z']).map_or(text, str::trim_start);
    if rest.is_empty() || rest.eq_ignore_ascii_case("UTC") || rest.eq_ignore_ascii_case("GMT") {
        return (!text.is_empty()).then_some(0);
    }
    let (sign, digits) = match rest.as_bytes().first()? {
        b'+' => (1, rest.get(1..)?),
        b'-' => (-1, rest.get(1..)?),
        _ => return None,
    };
    let digits: String = match digits.len() {
        2 => format!("{digits}00"),
        4 => digits.to_owned(),
        5 if digits.as_bytes().get(2) == Some(&b':') => digits.replacen(':', "", 1),
        _ => return None,
    };
    let (hours, minutes) = (number(digits.get(0..2)?)?, number(digits.get(2..4)?)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= 18 * 60).then_some(sign * total)
}

/// Whether a text is an offset that `mapping.default_time_zone` takes.
#[must_use]
pub fn is_zone_offset(text: &str) -> bool {
    parse_offset(text).is_some()
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn number(digits: &str) -> Option<i32> {
    if digits.is_empty() || !is_digits(digits) {
        return None;
    }
    digits.parse().ok()
}

/// Turns a text into SecMaster's form; `None` when it is no time.
///
/// Takes ISO 8601 and RFC 3339 with `T` or a space, zero to nine fraction digits after a point or comma, the offset in
/// any form of [`parse_offset`] (SecMaster's own form too), a date alone (`20261120` too), and a number of seconds (or
/// milliseconds, by size) since the epoch. A text without zone takes `default_offset` (minutes). What is finer than a
/// millisecond is cut.
pub(super) fn from_text(text: &str, default_offset: i32) -> Option<String> {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'))
        && text.bytes().filter(|b| *b == b'-').count() < 2
    {
        return match text.len() {
            // A year, or a date without hyphens; as seconds, they would be a day of 1970.
            4 if is_digits(text) => None,
            8 if is_digits(text) => {
                let date = date(&format!("{}-{}-{}", text.get(..4)?, text.get(4..6)?, text.get(6..)?))?;
                Some(format(date.to_datetime(Time::midnight()), 0, default_offset))
            }
            _ => from_epoch(text),
        };
    }
    let date = date(text.get(..10)?)?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(format(date.to_datetime(Time::midnight()), 0, default_offset));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ',')).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(end)?;
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let time = time(clock)?;
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let offset = match zone.trim() {
        "" => default_offset,
        zone => parse_offset(zone)?,
    };
    Some(format(date.to_datetime(time), milliseconds(fraction)?, offset))
}

fn date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let year = i16::try_from(number(text.get(0..4)?)?).ok()?;
    let month = i8::try_from(number(text.get(5..7)?)?).ok()?;
    let day = i8::try_from(number(text.get(8..10)?)?).ok()?;
    Date::new(year, month, day).ok()
}

fn time(text: &str) -> Option<Time> {
    let mut fields = text.split(':');
    let hour = i8::try_from(number(fields.next()?)?).ok()?;
    let minute = i8::try_from(number(fields.next()?)?).ok()?;
    let second = fields.next().map_or(Some(0), number)?;
    if fields.next().is_some() || second > 60 {
        return None;
    }
    // A leap second is told as the last one of its minute.
    Time::new(hour, minute, i8::try_from(second.min(59)).ok()?, 0).ok()
}

fn milliseconds(fraction: &str) -> Option<i32> {
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    number(&digits)
}

/// Turns a number since the epoch, written as decimal text, into SecMaster's form in UTC.
///
/// The unit follows from the size: seconds below 10^11 (the year 5138), then milliseconds, microseconds, nanoseconds.
/// The digits are never taken through a float.
pub(super) fn from_epoch(text: &str) -> Option<String> {
    if text.contains(['e', 'E']) {
        let number: f64 = text.parse().ok()?;
        return number
            .is_finite()
            .then(|| format!("{number}"))
            .filter(|t| !t.contains('e'))
            .and_then(|t| from_epoch(&t));
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let negative = whole.starts_with('-');
    let whole: i64 = whole.parse().ok()?;
    let ms = match whole.unsigned_abs() {
        0..100_000_000_000 => {
            let ms = i64::from(milliseconds(fraction)?);
            whole * 1000 + if negative { -ms } else { ms }
        }
        100_000_000_000..100_000_000_000_000 => whole,
        100_000_000_000_000..100_000_000_000_000_000 => whole.div_euclid(1000),
        _ => whole.div_euclid(1_000_000),
    };
    let at = jiff::Timestamp::from_millisecond(ms).ok()?;
    let civil = Offset::UTC.to_datetime(at);
    Some(format(civil, i32::try_from(ms.rem_euclid(1000)).ok()?, 0))
}

/// Written digit by digit: nearly every alert has some times, and the machinery behind `format!` costs several times as
/// much.
fn format(at: DateTime, ms: i32, offset: i32) -> String {
    let (date, time) = (at.date(), at.time());
    let mut text = String::with_capacity("YYYY-MM-DDTHH:mm:ss.SSSZ+hhmm".len());
    let mut put = |number: i32, digits: u32, behind: &str| {
        for place in (0..digits).rev() {
            let digit = number / 10_i32.pow(place) % 10;
            text.extend(char::from_digit(digit.unsigned_abs(), 10));
        }
        text.push_str(behind);
    };
    put(date.year().into(), 4, "-");
    put(date.month().into(), 2, "-");
    put(date.day().into(), 2, "T");
    put(time.hour().into(), 2, ":");
    put(time.minute().into(), 2, ":");
    put(time.second().into(), 2, ".");
    put(ms, 3, if offset < 0 { "Z-" } else { "Z+" });
    put(offset.abs() / 60, 2, "");
    put(offset.abs() % 60, 2, "");
    text
}

/// Whether a text is a time in SecMaster's form; fraction digits may be missing (some of the API's examples), but are
/// three at most.
pub(super) fn is_secmaster_time(text: &str) -> bool {
    let Some((local, offset)) = text.split_once('Z') else { return false };
    if offset.len() != 5 || parse_offset(offset).is_none() {
        return false;
    }
    let (clock, fraction) = local.split_once('.').unwrap_or((local, "0"));
    let digits = !fraction.is_empty() && fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    digits
        && clock.len() == 19
        && clock.as_bytes().get(10) == Some(&b'T')
        && clock.get(..10).and_then(date).is_some()
        && clock.get(11..).and_then(time).is_some()
}

#[cfg(test)]
mod tests {
    use super::{from_epoch, from_text, is_secmaster_time};

    #[test]
    fn every_spelling_of_a_time_becomes_the_one_form() {
        for (text, expected) in [
            ("2026-11-20T08:14:52.318Z", "2026-11-20T08:14:52.318Z+0000"),
            ("2026-11-20T08:14:52.318123456+0200", "2026-11-20T08:14:52.318Z+0200"),
            ("2026-11-20 08:14:52,3 -05:30", "2026-11-20T08:14:52.300Z-0530"),
            ("2026-11-20T08:14:52", "2026-11-20T08:14:52.000Z+0800"),
            ("2026-11-20", "2026-11-20T00:00:00.000Z+0800"),
            ("20261120", "2026-11-20T00:00:00.000Z+0800"),
            ("2026-02-05T10:11:12.345Z+0800", "2026-02-05T10:11:12.345Z+0800"),
            ("2021-01-30T23:00:00Z+0800", "2021-01-30T23:00:00.000Z+0800"),
            ("2016-12-31T23:59:60-00:00", "2016-12-31T23:59:59.000Z+0000"),
            ("1795169045.1239", "2026-11-20T10:04:05.123Z+0000"),
            ("1795169045123", "2026-11-20T10:04:05.123Z+0000"),
            ("1795169045123456789", "2026-11-20T10:04:05.123Z+0000"),
            ("0", "1970-01-01T00:00:00.000Z+0000"),
            ("1.795169045e9", "2026-11-20T10:04:05.000Z+0000"),
        ] {
            assert_eq!(from_text(text, 480).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-13-01T00:00:00Z",
            "2026-11-20T25:00:00Z",
            "2026-11-20T08:14:52 CEST",
            "1e300",
            "2026",
            "20261320",
        ] {
            assert_eq!(from_text(text, 0), None, "{text}");
        }
        assert_eq!(from_epoch("-1").as_deref(), Some("1969-12-31T23:59:59.000Z+0000"));
    }

    #[test]
    fn the_form_is_recognised_exactly() {
        for good in ["2026-02-05T10:11:12.345Z+0800", "2021-01-30T23:00:00Z+0800"] {
            assert!(is_secmaster_time(good), "{good}");
        }
        for bad in ["2026-02-05T10:11:12.345Z", "2026-02-05T10:11:12.345+08:00", "2026-02-05 10:11:12.345Z+0800"] {
            assert!(!is_secmaster_time(bad), "{bad}");
        }
    }
}
