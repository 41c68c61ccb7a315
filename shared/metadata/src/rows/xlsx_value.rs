//! From a cell of a workbook to the text that a person sees in it.

/// What a cell holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Text; empty for an empty cell.
    Text(String),
    /// Something that stands for no value, with the reason.
    Wrong(String),
}

/// Days between 1970-01-01 and the day 0 of each way to count.
const DAY_ZERO_1900: i64 = -25_569;
const DAY_ZERO_1904: i64 = -24_107;

/// Returns the text of a number: as it is written, where it is short; rounded to the fifteen digits that Excel keeps;
/// a date in ISO 8601, where its style shows one.
pub(super) fn number(raw: &str, date: bool, from_1904: bool) -> Value {
    let raw = raw.trim();
    let Some(value) = raw.parse::<f64>().ok().filter(|v| v.is_finite()) else {
        return if raw.is_empty() {
            Value::Text(String::new())
        } else {
            Value::Wrong(format!("`{}` is no number", crate::xml::clip(raw)))
        };
    };
    if date && (0.0..2_958_466.0).contains(&value) {
        return Value::Text(moment(value, from_1904));
    }
    if value.abs() >= 1e15 {
        let message = "Excel keeps fifteen digits of a number and this one has more: format the column as text and type it again";
        return Value::Wrong(message.to_owned());
    }
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    if digits.len() <= 15 && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Value::Text(raw.to_owned());
    }
    let rounded = format!("{value:.14e}").parse().unwrap_or(value);
    Value::Text(format!("{rounded}"))
}

/// Writes a count of days with a fraction as a date, a time of day, or both.
fn moment(value: f64, from_1904: bool) -> String {
    const DAY: i64 = 86_400;
    #[expect(clippy::cast_possible_truncation, reason = "below 2,958,466 days")]
    let seconds = (value * 86_400.0).round() as i64;
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let time = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    if days == 0 && value > 0.0 {
        return time;
    }
    // Excel counts a 29 February 1900 that never was: days before it are one less far back.
    let zero = match (from_1904, days < 60) {
        (true, _) => DAY_ZERO_1904,
        (false, true) => DAY_ZERO_1900 + 1,
        (false, false) => DAY_ZERO_1900,
    };
    let (year, month, day) = civil(zero + days);
    let date = format!("{year:04}-{month:02}-{day:02}");
    if second == 0 { date } else { format!("{date}T{time}") }
}

/// Returns year, month and day of a count of days since 1970-01-01, in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 1 March of the year 0, so that leap days come last in their years, in eras of 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, date: bool, expected: &str) {
        assert_eq!(number(raw, date, false), Value::Text(expected.to_owned()), "{raw}");
    }

    #[test]
    fn numbers_read_as_they_are_shown() {
        check("1851", false, "1851");
        check("-7", false, "-7");
        check("0.30000000000000004", false, "0.3");
        check("1.5E3", false, "1500");
        check("123456789012345", false, "123456789012345");
        check("", false, "");
        for wrong in ["991011592218004641", "9.9101159221800461E+17", "x", "1e999", "NaN", "inf"] {
            assert!(matches!(number(wrong, false, false), Value::Wrong(_)), "{wrong}");
        }
    }

    #[test]
    fn dates_are_iso_8601() {
        check("1", true, "1900-01-01");
        check("59", true, "1900-02-28");
        check("61", true, "1900-03-01");
        check("45291", true, "2023-12-31");
        check("45351.75", true, "2024-02-29T18:00:00");
        check("0.5", true, "12:00:00");
        check("2958465", true, "9999-12-31");
        assert_eq!(number("43829", true, true), Value::Text("2023-12-31".to_owned()));
        check("2958466", true, "2958466");
        check("-1", true, "-1");
    }
}
