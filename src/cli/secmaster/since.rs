//! A point in time: an age, a time with its zone, or the service's own spelling.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;

use crate::config::StartFrom;

/// Since when. Ages count from the start of the command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Since(Timestamp);

/// How the service writes times, to the second; its milliseconds are optional.
const SERVICE: &str = "%Y-%m-%dT%H:%M:%S%.f";

impl Since {
    /// As the service takes it.
    pub(super) fn text(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S.%3fZ+0000").to_string()
    }

    /// Whether something that began then may be meant: filters of the service are not relied on where things change. A
    /// time that cannot be read is not.
    pub(super) fn admits(self, began: &str) -> bool {
        service_time(began).is_some_and(|began| began >= self.0)
    }
}

/// `2026-02-05T10:00:00.000Z+0800`: ten o'clock in that zone.
fn service_time(text: &str) -> Option<Timestamp> {
    let (local, zone) = text.rsplit_once('Z')?;
    if zone.is_empty() {
        return text.parse().ok();
    }
    let format = format!("{SERVICE}%z");
    BrokenDownTime::parse(format, format!("{local}{zone}")).ok()?.to_timestamp().ok()
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write an age such as 2h, or a time with its zone such as 2026-02-05T10:00:00+08:00".to_owned();
        let at = match text.parse() {
            Ok(StartFrom::Time(at)) => Some(at),
            Ok(StartFrom::Age(age)) => Timestamp::now().checked_sub(age.get()).ok(),
            _ => service_time(text),
        };
        at.map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::Since;

    #[test]
    fn a_time_is_taken_in_each_spelling_and_written_in_the_services() {
        for spelling in ["2026-02-05T10:00:00.000Z+0800", "2026-02-05T10:00:00+08:00", "2026-02-05T02:00:00Z"] {
            assert_eq!(spelling.parse::<Since>().unwrap().text(), "2026-02-05T02:00:00.000Z+0000", "{spelling}");
        }
        assert!("2h".parse::<Since>().unwrap().text() < "7h".parse::<Since>().unwrap().text().replace("20", "30"));
        for wrong in ["", "yesterday", "latest", "2026-02-05"] {
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_began_before_or_at_no_time_is_not_meant() {
        let since: Since = "2026-02-05T02:00:00Z".parse().unwrap();
        let began = ["2026-02-05T10:00:00Z+0800", "2026-02-05T09:59:59.999Z+0800", ""];
        assert_eq!(began.map(|began| since.admits(began)), [true, false, false]);
    }
}
