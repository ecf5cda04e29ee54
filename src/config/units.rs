//! Durations and sizes as text with a unit: `250ms`, `5m`, `64MiB`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is neither a duration nor a size.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnitError {
    /// Not `<whole number><unit>`.
    #[error("expected a whole number and a unit ({units}), e.g. `{example}`")]
    Form {
        /// The units there are.
        units: &'static str,
        /// What it could look like.
        example: &'static str,
    },
    /// More than the type holds.
    #[error("larger than anything that makes sense here")]
    TooLarge,
}

/// A unit's name and its size in the type's own base.
type Unit = (&'static str, u64);

/// Largest first; the first that divides is the canonical one.
const TIME_UNITS: [Unit; 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZE_UNITS: [Unit; 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A length of time, in whole milliseconds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TimeSpan(Duration);

impl TimeSpan {
    /// So many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// So many seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// The length.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<TimeSpan> for Duration {
    fn from(span: TimeSpan) -> Self {
        span.0
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never truncated: a span is made of at most u64::MAX milliseconds, or of u64 seconds in constants.
        write_with_unit(f, u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), &TIME_UNITS, "s")
    }
}

impl FromStr for TimeSpan {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        parse(text, &TIME_UNITS, "ms, s, m, h, d", "30s").map(Self::from_millis)
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many MiB.
    #[must_use]
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// The number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_unit(f, self.0, &SIZE_UNITS, "B")
    }
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        parse(text, &SIZE_UNITS, "B, KiB, MiB, GiB", "64MiB").map(Self)
    }
}

fn write_with_unit(f: &mut fmt::Formatter<'_>, value: u64, units: &[Unit], zero: &str) -> fmt::Result {
    if value == 0 {
        return write!(f, "0{zero}");
    }
    match units.iter().find(|(_, size)| value.is_multiple_of(*size)) {
        Some((name, size)) => write!(f, "{}{name}", value / size),
        None => write!(f, "{value}"),
    }
}

fn parse(text: &str, units: &[Unit], names: &'static str, example: &'static str) -> Result<u64, UnitError> {
    let form = UnitError::Form { units: names, example };
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(form);
    }
    let Some((_, size)) = units.iter().find(|(name, _)| *name == unit.trim_start()) else {
        return Err(form);
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(*size)).ok_or(UnitError::TooLarge)
}

/// The keyword in our schemas that says how a text is checked beyond its type.
pub(super) const FORM: &str = "x-form";

macro_rules! as_text {
    ($type:ident, $name:literal, $form:literal, $pattern:literal, $example:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern, "examples": [$example], (FORM): $form})
            }
        }
    };
}

as_text!(TimeSpan, "TimeSpan", "duration", "^[0-9]+ *(ms|s|m|h|d)$", "30s");
as_text!(ByteSize, "ByteSize", "size", "^[0-9]+ *(B|KiB|MiB|GiB)$", "64MiB");

#[cfg(test)]
mod tests {
    use super::{ByteSize, TimeSpan, UnitError};

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        for (text, millis) in
            [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000), ("2 d", 172_800_000)]
        {
            assert_eq!(text.parse::<TimeSpan>(), Ok(TimeSpan::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "s", "1.5s", "-1s", "1h30m", "5 lightyears", "5M"] {
            assert!(matches!(text.parse::<TimeSpan>(), Err(UnitError::Form { .. })), "{text}");
        }
        assert_eq!("999999999999999999d".parse::<TimeSpan>(), Err(UnitError::TooLarge));
    }

    #[test]
    fn a_size_is_a_whole_number_and_a_binary_unit() {
        assert_eq!("64MiB".parse::<ByteSize>().map(ByteSize::get), Ok(67_108_864));
        assert_eq!("512B".parse::<ByteSize>().map(ByteSize::get), Ok(512));
        for text in ["64MB", "64", "1.5GiB", "MiB"] {
            assert!(matches!(text.parse::<ByteSize>(), Err(UnitError::Form { .. })), "{text}");
        }
    }

    #[test]
    fn what_is_shown_reads_back_as_the_same() {
        for millis in [0, 1, 250, 1_000, 90_000, 5_400_000, 86_400_000, u64::MAX] {
            let span = TimeSpan::from_millis(millis);
            assert_eq!(span.to_string().parse(), Ok(span));
        }
        for bytes in [0, 1, 1_024, 12 << 20, 3 << 30, u64::MAX] {
            let size = ByteSize::from_bytes(bytes);
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        assert_eq!(TimeSpan::from_secs(600).to_string(), "10m");
        assert_eq!(TimeSpan::from_millis(0).to_string(), "0s");
    }
}
