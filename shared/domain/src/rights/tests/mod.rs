//! Tables for what a librarian expects, properties for what must hold whatever a policy says.

mod addresses;
mod dates;
mod decisions;
mod properties;

use jiff::tz::TimeZone;

use super::condition::{Condition, Input, Operator, RawCondition};

/// A condition; days in it begin in UTC.
fn condition(input: Input, operator: Operator, values: &[&str]) -> Condition {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Condition::parse(&RawCondition { input, operator, values }, &TimeZone::UTC).unwrap()
}
