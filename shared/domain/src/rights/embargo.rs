//! Dates in rules: "from 00:00 of that day where the institution is", kept as one instant (B44).

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Why a text is not a date of a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleDateError {
    /// Neither a day nor an instant.
    #[error("must be a day such as `2030-01-31` or an instant such as `2030-01-31T23:00:00Z`")]
    NotADate,
    /// A time without its distance from UTC.
    #[error("must end in `Z` or a distance from UTC such as `+01:00` where it has a time")]
    NoOffset,
    /// Centuries away.
    #[error("must be a year from 1900 to 9000")]
    OutOfRange,
}

/// The instant that a rule's date stands for.
///
/// A day begins at its first instant in `zone`, also where the clock skips midnight or shows it twice. An instant is
/// taken as it is, so that what was read can be put back and means the same, whatever the zone is by then.
///
/// # Errors
/// A text that is neither.
pub fn instant_of(text: &str, zone: &TimeZone) -> Result<Timestamp, RuleDateError> {
    let text = text.trim();
    let at = if text.len() <= 10 {
        let day: Date = parse_day(text).ok_or(RuleDateError::NotADate)?;
        start_of(day, zone).ok_or(RuleDateError::OutOfRange)?
    } else {
        text.parse::<Timestamp>().map_err(|_| match text.parse::<jiff::civil::DateTime>() {
            Ok(_) => RuleDateError::NoOffset,
            Err(_) => RuleDateError::NotADate,
        })?
    };
    let year = at.to_zoned_datetime(TimeZone::UTC).year();
    if (1900..=9000).contains(&year) { Ok(at) } else { Err(RuleDateError::OutOfRange) }
}

/// `YYYY-MM-DD` and nothing else.
fn parse_day(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if shape { text.parse().ok() } else { None }
}

/// The first instant of a day in a zone.
///
/// Where the clock skips midnight the day begins with the skip, which can lie before the instant that midnight stands
/// for: from 23:30 to 00:30, it begins at 00:30.
fn start_of(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let midnight = day.to_zoned_datetime(zone.clone()).ok()?.start_of_day().ok()?.timestamp();
    let skip = zone.preceding(midnight).next().map(|transition| transition.timestamp());
    Some(skip.filter(|at| at.to_zoned_datetime(zone.clone()).date() == day).unwrap_or(midnight))
}

/// An instant as it reads where the institution is, for people: `2030-01-31 00:00 Europe/Vienna`.
pub fn local(at: Timestamp, zone: &TimeZone) -> String {
    let zoned = at.to_zoned_datetime(zone.clone());
    let name = zone.iana_name().unwrap_or("UTC");
    let pattern = if zoned.second() == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
    format!("{} {name}", zoned.strftime(pattern))
}
