//! B44: a day of an embargo begins at its first instant where the institution is, and stays that instant.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::condition;
use crate::rights::condition::{Condition, Input, Operator, RawCondition, Truth};
use crate::rights::embargo::{instant_of, local};
use crate::rights::{Facts, Identity, Offered, Viewer};

fn check(text: &str, zone: &str, expected: Result<&str, &str>) {
    let found = instant_of(text, &TimeZone::get(zone).unwrap());
    match (found, expected) {
        (Ok(at), Ok(instant)) => assert_eq!(at.to_string(), instant, "{text} {zone}"),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
        (found, expected) => panic!("{text}: {found:?}, expected {expected:?}"),
    }
}

#[test]
fn b44_a_day_begins_where_the_institution_is() {
    for (text, zone, instant) in [
        ("2030-01-31", "UTC", "2030-01-31T00:00:00Z"),
        ("2030-01-31", "Europe/Vienna", "2030-01-30T23:00:00Z"),
        ("2030-07-31", "Europe/Vienna", "2030-07-30T22:00:00Z"),
        ("2030-01-31", "Pacific/Auckland", "2030-01-30T11:00:00Z"),
        ("2030-01-31", "Asia/Kathmandu", "2030-01-30T18:15:00Z"),
        // The clock of Cairo skips midnight: the day begins at one.
        ("2030-04-26", "Africa/Cairo", "2030-04-25T22:00:00Z"),
        // The clock of Toronto once went from 23:30 to 00:30: the day begins in the middle of an hour.
        ("1919-03-31", "America/Toronto", "1919-03-31T04:30:00Z"),
        // The clock of Havana shows midnight twice: the day begins at the first.
        ("2030-11-03", "America/Havana", "2030-11-03T04:00:00Z"),
        ("2030-01-31T23:00:00Z", "Europe/Vienna", "2030-01-31T23:00:00Z"),
        ("2030-01-31T23:00:00+01:00", "UTC", "2030-01-31T22:00:00Z"),
    ] {
        check(text, zone, Ok(instant));
    }
}

#[test]
fn a_date_that_can_be_read_in_two_ways_is_refused() {
    for (text, part) in [
        ("", "must be a day"),
        ("31.01.2030", "must be a day"),
        ("01/31/2030", "must be a day"),
        ("2030-02-30", "must be a day"),
        ("2030-1-31", "must be a day"),
        ("20300131", "must be a day"),
        ("tomorrow", "must be a day"),
        ("2030-01-31T23:00:00", "distance from UTC"),
        ("1066-10-14", "year from 1900"),
        ("9999-12-31", "year from 1900"),
    ] {
        check(text, "Europe/Vienna", Err(part));
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn holds(condition: &Condition, now: Timestamp) -> Truth {
    let viewer = Viewer { identity: Some(Identity::Anonymous), source_ip: None, staff: false };
    condition.holds(&viewer, &Facts { library: None, offered: Offered::Yes }, now)
}

#[test]
fn b44_an_embargo_ends_at_the_instant_and_not_one_nanosecond_before() {
    let from = condition(Input::Date, Operator::From, &["2030-01-31"]);
    let before = condition(Input::Date, Operator::Before, &["2030-01-31"]);
    let end = at("2030-01-31T00:00:00Z");
    for (now, open) in [
        (end - 1.nanosecond(), Truth::No),
        (end, Truth::Yes),
        (end + 1.nanosecond(), Truth::Yes),
        (at("2029-01-31T00:00:00Z"), Truth::No),
    ] {
        assert_eq!(holds(&from, now), open, "{now}");
        assert_eq!(holds(&before, now), open.negated(), "{now}");
    }
}

/// The days around each change of a zone's clock from 2020 to 2040, and the first of each month.
fn days_of(zone: &TimeZone) -> Vec<Date> {
    let mut days = Vec::new();
    let (from, to) = (at("2020-01-01T00:00:00Z"), at("2041-01-01T00:00:00Z"));
    for transition in zone.following(from).take_while(|it| it.timestamp() < to) {
        let day = transition.timestamp().to_zoned_datetime(zone.clone()).date();
        days.extend([-1, 0, 1].map(|step| day.checked_add(step.days()).unwrap()));
    }
    for year in 2020..=2040 {
        days.extend((1..=12).map(|month| Date::new(year, month, 1).unwrap()));
    }
    days
}

#[test]
fn b44_in_every_zone_the_day_begins_at_its_first_instant_and_saving_it_again_changes_nothing() {
    let mut zones = 0;
    for name in jiff::tz::db().available() {
        let Ok(zone) = TimeZone::get(name.as_str()) else { continue };
        zones += 1;
        for day in days_of(&zone) {
            let begins = instant_of(&day.to_string(), &zone).unwrap();
            let there = |at: Timestamp| at.to_zoned_datetime(zone.clone()).date();
            assert_eq!(there(begins), day, "{name:?} {day}");
            assert!(there(begins - 1.nanosecond()) < day, "{name:?} {day}");
            // What is read back is the instant, and stays it wherever the institution moves.
            let raw =
                RawCondition { input: Input::Date, operator: Operator::From, values: vec![day.to_string()] };
            let saved: RawCondition = Condition::parse(&raw, &zone).unwrap().into();
            let again: RawCondition = Condition::parse(&saved, &zone).unwrap().into();
            assert_eq!(saved, again);
            assert_eq!(saved.values, [begins.to_string()]);
        }
    }
    assert!(zones > 400, "only {zones} zones");
}

#[test]
fn an_instant_is_shown_as_it_reads_where_the_institution_is() {
    let vienna = TimeZone::get("Europe/Vienna").unwrap();
    assert_eq!(local(at("2030-01-30T23:00:00Z"), &vienna), "2030-01-31 00:00 Europe/Vienna");
    assert_eq!(local(at("2030-01-30T23:00:05Z"), &TimeZone::UTC), "2030-01-30 23:00:05 UTC");
}
