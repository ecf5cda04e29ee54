//! How fast something is done that has a quota: a redrive, a change of many instances.

use std::str::FromStr;
use std::time::Duration;

/// So many records in a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cli) struct Rate {
    records: u32,
    per: Duration,
}

/// In each second so many transactions, where the rate allows it.
const TRANSACTIONS: u32 = 4;
/// The largest transaction.
const MOST: u32 = 1_000;

impl Rate {
    /// When the record after so many may leave, from the start on.
    pub(in crate::cli) fn after(self, records: u64) -> Duration {
        let seconds = self.per.as_secs_f64() * (records as f64) / f64::from(self.records);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// How many records go into a transaction.
    pub(in crate::cli) fn batch(self) -> usize {
        let seconds = u32::try_from(self.per.as_secs()).unwrap_or(u32::MAX).max(1);
        let records = (self.records / seconds / TRANSACTIONS).clamp(1, MOST);
        usize::try_from(records).unwrap_or(1)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (records, unit) = text.split_once('/').unwrap_or((text, "s"));
        let per = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err("write it as 200/s, 30/m or 100/h".to_owned()),
        };
        let records = records.parse().ok().filter(|records| *records > 0);
        let records = records.ok_or("write it as 200/s, 30/m or 100/h")?;
        Ok(Self { records, per: Duration::from_secs(per) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Rate;

    #[test]
    fn a_rate_is_a_number_and_a_time() {
        let rate = |text: &str| text.parse::<Rate>();
        assert_eq!(rate("200").unwrap(), rate("200/s").unwrap());
        assert_eq!(rate("200/s").unwrap().after(50), Duration::from_millis(250));
        assert_eq!(rate("30/m").unwrap().after(3), Duration::from_secs(6));
        for wrong in ["0/s", "-1", "x/s", "5/d", ""] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_transaction_is_a_fraction_of_a_second_and_never_large() {
        let batch = |text: &str| text.parse::<Rate>().unwrap().batch();
        assert_eq!(["200/s", "1/s", "30/m", "4000000000/s"].map(batch), [50, 1, 1, 1_000]);
    }
}
