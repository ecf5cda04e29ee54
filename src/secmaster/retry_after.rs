//! How long a service asks us to wait: a header in seconds or as a date, or the throttle text's period.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use jiff::Timestamp;

/// The wait that the headers ask for: `Retry-After`, else `X-Retry-After`.
///
/// A date is taken relative to the answer's own `Date`, so that our clock does not matter; `now` stands in for it.
pub(super) fn from_headers(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |value: Option<&http::HeaderValue>| value.and_then(|v| v.to_str().ok()).map(|v| v.trim().to_owned());
    let value = text(headers.get(RETRY_AFTER)).or_else(|| text(headers.get("x-retry-after")))?;
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let sent = text(headers.get(DATE)).and_then(|date| http_date(&date)).unwrap_or(now);
    let wait = http_date(&value)?.duration_since(sent);
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

/// The period in the gateway's throttle text: `…,limit:200,time:1 minute`.
pub(super) fn from_message(message: &str) -> Option<Duration> {
    let (_, period) = message.split_once("time:")?;
    let period = period.trim_start();
    let digits = period.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = period.split_at_checked(digits)?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let seconds = [("second", 1_u32), ("minute", 60), ("hour", 3_600), ("day", 86_400)]
        .into_iter()
        .find_map(|(name, seconds)| unit.starts_with(name).then_some(seconds))?;
    let number: u32 = number.parse().ok()?;
    Some(Duration::from_secs(u64::from(number) * u64::from(seconds)))
}

/// A date as HTTP writes it.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;
    use jiff::Timestamp;

    use super::{from_headers, from_message};

    fn wait(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let headers: HeaderMap =
            headers.iter().map(|(n, v)| (n.parse::<http::HeaderName>().unwrap(), v.parse().unwrap())).collect();
        from_headers(&headers, "2026-02-05T02:00:00Z".parse::<Timestamp>().unwrap())
    }

    #[test]
    fn seconds_and_dates_are_read() {
        assert_eq!(wait(&[("retry-after", " 7 ")]), Some(Duration::from_secs(7)));
        assert_eq!(wait(&[("x-retry-after", "9")]), Some(Duration::from_secs(9)));
        let date = "Thu, 05 Feb 2026 02:00:30 GMT";
        assert_eq!(wait(&[("retry-after", date)]), Some(Duration::from_secs(30)));
        assert_eq!(
            wait(&[("retry-after", date), ("date", "Thu, 05 Feb 2026 02:00:20 GMT")]),
            Some(Duration::from_secs(10)),
            "relative to the answer's own clock"
        );
        assert_eq!(wait(&[("retry-after", "Thu, 05 Feb 2026 01:00:00 GMT")]), Some(Duration::ZERO));
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn the_throttle_texts_period_is_read() {
        let text = |time: &str| {
            from_message(&format!(
                "The throttling threshold has been reached: policy user over ratelimit,limit:5,time:{time}"
            ))
        };
        assert_eq!(text("1 minute"), Some(Duration::from_secs(60)));
        assert_eq!(text("30 seconds"), Some(Duration::from_secs(30)));
        assert_eq!(text("2 hours"), Some(Duration::from_secs(7_200)));
        assert_eq!(text("1day"), Some(Duration::from_secs(86_400)));
        assert_eq!(text("a while"), None);
        assert_eq!(from_message("slow down"), None);
    }
}
