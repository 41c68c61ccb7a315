//! How far a target outside has been told of what a profile publishes, and when to try again where it does not answer.
//!
//! A delivery is a walk over the profile's log, window after window: what changed up to an instant, then what changed up to
//! the next (ADR 0014). So a target that was away for a week is told of each title once, as it is then.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::PublishingId;
use crate::publishing::published::LOG_SHARDS;

/// How many changes one call tells of.
pub const CHANGES_A_CALL: u32 = 50;
/// After so many failures in a row a person is told.
pub const FAILURES_TOLD: u32 = 10;
/// The longest time until the next try, in seconds.
const MAX_WAIT_SECONDS: i64 = 3600;

/// How far a profile's target has been told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The profile.
    pub profile: PublishingId,
    /// The window begins at this second; none where it began with everything.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<Timestamp>,
    /// The window ends with this second.
    pub until: Timestamp,
    /// The shard of the log; behind the last one the window is done.
    pub shard: u8,
    /// Where the log goes on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<String>,
    /// How many changes were told in all.
    #[serde(default)]
    pub told: u64,
    /// When the target last took something.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub taken_at: Option<Timestamp>,
    /// How often in a row it did not.
    #[serde(default)]
    pub failures: u32,
    /// Why not, the last time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Not before this instant it is tried again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_at: Option<Timestamp>,
    /// How many times it was written.
    pub version: u64,
}

impl Delivery {
    /// One that begins with everything that is out at `now`.
    pub fn beginning(profile: PublishingId, now: Timestamp) -> Self {
        Self {
            profile,
            from: None,
            until: whole_second(now),
            shard: 0,
            after: None,
            told: 0,
            taken_at: None,
            failures: 0,
            reason: None,
            retry_at: None,
            version: 0,
        }
    }

    /// The same, in the next window where this one is done; `None` where nothing can have changed since.
    pub fn at(self, now: Timestamp) -> Option<Self> {
        if self.shard < LOG_SHARDS {
            return Some(self);
        }
        let until = whole_second(now);
        let from = self.until.saturating_add(jiff::SignedDuration::from_secs(1)).ok()?;
        (until >= from).then_some(Self { from: Some(from), until, shard: 0, after: None, ..self })
    }

    /// Behind what was looked at: the next place in the log.
    pub fn behind(self, after: Option<String>) -> Self {
        match after {
            Some(after) => Self { after: Some(after), ..self },
            None => Self { shard: self.shard + 1, after: None, ..self },
        }
    }

    /// After the target took `count` changes.
    pub fn taken(self, count: u64, now: Timestamp) -> Self {
        Self {
            told: self.told + count,
            taken_at: Some(now),
            failures: 0,
            reason: None,
            retry_at: None,
            ..self
        }
    }

    /// After the target did not.
    pub fn failed(self, reason: &str, now: Timestamp) -> Self {
        let failures = self.failures.saturating_add(1);
        let wait = wait_seconds(failures);
        let reason = reason.chars().filter(|c| !c.is_control()).take(300).collect();
        let retry_at = now.saturating_add(jiff::SignedDuration::from_secs(wait)).ok();
        Self { failures, reason: Some(reason), retry_at, ..self }
    }

    /// Whether it is to be left alone for now.
    pub fn waits(&self, now: Timestamp) -> bool {
        self.retry_at.is_some_and(|at| now < at)
    }
}

/// How long to wait after so many failures in a row: 10 seconds, doubling up to an hour.
pub fn wait_seconds(failures: u32) -> i64 {
    (10_i64 << failures.saturating_sub(1).min(9)).min(MAX_WAIT_SECONDS)
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn windows_follow_one_another_without_a_gap_and_without_an_overlap() {
        let mut delivery = Delivery::beginning("79123".parse().unwrap(), at(0));
        assert_eq!((delivery.from, delivery.until), (None, at(0)));
        delivery = delivery.behind(Some("x".to_owned()));
        assert_eq!((delivery.shard, delivery.after.as_deref()), (0, Some("x")));
        for shard in 1..=LOG_SHARDS {
            delivery = delivery.behind(None);
            assert_eq!(delivery.shard, shard);
        }
        assert_eq!(delivery.clone().at(at(0)), None, "nothing is dated later than what was seen");
        let next = delivery.at(at(7)).unwrap();
        assert_eq!((next.from, next.until, next.shard), (Some(at(1)), at(7), 0));
        assert_eq!(next.clone().at(at(9)), Some(next), "a window that is not done stays");
    }

    #[test]
    fn waits_longer_after_each_failure_up_to_an_hour_and_forgets_them_when_it_is_taken() {
        let waits: Vec<_> = (1..14).map(wait_seconds).collect();
        assert_eq!(&waits[..3], &[10, 20, 40]);
        assert_eq!(waits[12], 3600);
        let failed = Delivery::beginning("79123".parse().unwrap(), at(0)).failed("status 500\r\nx", at(5));
        assert_eq!((failed.failures, failed.reason.as_deref()), (1, Some("status 500x")));
        assert!(failed.waits(at(14)) && !failed.waits(at(15)));
        let taken = failed.taken(3, at(20));
        assert_eq!((taken.failures, taken.told, taken.reason.clone()), (0, 3, None));
        assert!(!taken.waits(at(20)));
    }
}
