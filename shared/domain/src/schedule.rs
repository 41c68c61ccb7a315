//! When something runs by itself: planned instants in a time zone (B13).

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};
use serde::{Deserialize, Serialize};

use crate::coded;
use crate::problem::Problems;

coded!(
    /// How often.
    Every, "frequency" {
        /// Each hour, at the minute.
        Hour = "HOUR": "Every hour",
        /// Each day, at the time.
        Day = "DAY": "Every day",
        /// Each week, on the weekday, at the time.
        Week = "WEEK": "Every week",
    }
);

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// How often.
    pub every: Every,
    /// At what time, `HH:MM`; of an hourly schedule only the minutes count.
    pub at: String,
    /// On which day of a weekly schedule: 1 is Monday.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub weekday: Option<u8>,
    /// The time zone by its IANA name; UTC unless given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub zone: Option<String>,
}

impl Schedule {
    /// Notes what is wrong with it, under `field`.
    pub fn check(&self, field: &str, problems: &mut Problems) {
        if self.time().is_none() {
            problems.add(&format!("{field}.at"), "must be a time such as `02:30`");
        }
        if self.time_zone().is_none() {
            problems.add(&format!("{field}.zone"), "must be the name of a time zone such as `Europe/Vienna`");
        }
        let weekly = self.every == Every::Week;
        if weekly != self.weekday.is_some() || self.weekday.is_some_and(|day| !(1..=7).contains(&day)) {
            problems.add(
                &format!("{field}.weekday"),
                "must be 1 (Monday) to 7 (Sunday) for a weekly schedule, and absent otherwise",
            );
        }
    }

    /// The first planned instant after `now`; `None` where the schedule is not a valid one.
    ///
    /// A time that a zone's clock skips is planned for when the clock goes on; one that it shows twice, for the first.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        let time = self.time()?;
        let local = now.to_zoned_datetime(self.time_zone()?);
        let mut candidate = match self.every {
            Every::Hour => {
                let this_hour =
                    local.with().minute(time.minute()).second(0).subsec_nanosecond(0).build().ok()?;
                return Some(later(this_hour, &local, 1.hour())?.timestamp());
            }
            Every::Day | Every::Week => local.date().to_datetime(time),
        };
        for _ in 0..9 {
            let zoned = candidate.to_zoned_datetime(local.time_zone().clone()).ok()?;
            let right_day = match self.weekday.filter(|_| self.every == Every::Week) {
                Some(day) => {
                    zoned.date().weekday() == Weekday::from_monday_one_offset(i8::try_from(day).ok()?).ok()?
                }
                None => true,
            };
            if right_day && zoned.timestamp() > now {
                return Some(zoned.timestamp());
            }
            candidate = candidate.checked_add(1.day()).ok()?;
        }
        None
    }

    fn time(&self) -> Option<Time> {
        let (hour, minute) = self.at.split_once(':')?;
        if hour.len() != 2 || minute.len() != 2 {
            return None;
        }
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    }

    fn time_zone(&self) -> Option<TimeZone> {
        self.zone.as_deref().map_or(Some(TimeZone::UTC), |name| TimeZone::get(name).ok())
    }
}

fn later(candidate: ZonedDateTime, now: &ZonedDateTime, step: jiff::Span) -> Option<ZonedDateTime> {
    if candidate.timestamp() > now.timestamp() { Some(candidate) } else { candidate.checked_add(step).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(every: Every, at: &str, weekday: Option<u8>, zone: Option<&str>, now: &str) -> String {
        let schedule = Schedule { every, at: at.to_owned(), weekday, zone: zone.map(str::to_owned) };
        schedule.next_after(now.parse().unwrap()).map(|at| at.to_string()).unwrap_or_default()
    }

    #[test]
    fn plans_the_next_hour_day_and_week() {
        for (every, at, weekday, zone, now, expected) in [
            (Every::Hour, "00:15", None, None, "2026-11-24T10:15:00Z", "2026-11-24T11:15:00Z"),
            (Every::Hour, "00:15", None, None, "2026-11-24T10:14:59Z", "2026-11-24T10:15:00Z"),
            (Every::Day, "02:30", None, None, "2026-11-24T02:30:00Z", "2026-11-25T02:30:00Z"),
            (
                Every::Day,
                "02:30",
                None,
                Some("Europe/Vienna"),
                "2026-11-24T00:00:00Z",
                "2026-11-24T01:30:00Z",
            ),
            (Every::Week, "09:00", Some(1), None, "2026-11-24T10:00:00Z", "2026-11-30T09:00:00Z"),
        ] {
            assert_eq!(next(every, at, weekday, zone, now), expected);
        }
    }

    #[test]
    fn b13_a_time_that_the_clock_skips_or_shows_twice_is_planned_once() {
        let vienna = Some("Europe/Vienna");
        // The clock goes from 02:00 to 03:00 on 29 March 2026 and from 03:00 to 02:00 on 25 October.
        assert_eq!(next(Every::Day, "02:30", None, vienna, "2026-03-28T12:00:00Z"), "2026-03-29T01:30:00Z");
        assert_eq!(next(Every::Day, "02:30", None, vienna, "2026-03-29T01:30:00Z"), "2026-03-30T00:30:00Z");
        assert_eq!(next(Every::Day, "02:30", None, vienna, "2026-10-24T12:00:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(next(Every::Day, "02:30", None, vienna, "2026-10-25T00:30:00Z"), "2026-10-26T01:30:00Z");
    }

    #[test]
    fn names_what_is_wrong_with_a_schedule() {
        let mut problems = Problems::default();
        let bad = Schedule {
            every: Every::Day,
            at: "2:5".into(),
            weekday: Some(9),
            zone: Some("Mars/Olympus".into()),
        };
        bad.check("schedule", &mut problems);
        let fields: Vec<_> = problems.0.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["schedule.at", "schedule.zone", "schedule.weekday"]);
        assert_eq!(bad.next_after("2026-11-24T00:00:00Z".parse().unwrap()), None);
    }
}
