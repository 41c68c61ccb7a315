//! How long an answer holds that was made from decisions.

use jiff::Timestamp;

/// How long an answer holds that was made from one decision or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// For how many seconds anyone may remember the answer for everyone; 0 where it is this viewer's alone (B52).
    pub shared_seconds: u64,
    /// When the answer changes, if nothing but the time does: no link outlives it (B44).
    pub until: Option<Timestamp>,
    /// When the decisions were made.
    pub now: Timestamp,
}

impl Terms {
    /// Those of an answer in which both had a part.
    pub fn and(self, other: Self) -> Self {
        let until = [self.until, other.until].into_iter().flatten().min();
        Self { shared_seconds: self.shared_seconds.min(other.shared_seconds), until, now: self.now }
    }

    /// For how many seconds a link may open what the viewer sees now: at most `most`, and not past the instant at which
    /// it sees something else (B44).
    pub fn link_seconds(self, most: u64) -> u64 {
        match self.until {
            Some(at) => {
                let left = at.as_second().saturating_sub(self.now.as_second());
                u64::try_from(left).unwrap_or(0).clamp(1, most)
            }
            None => most,
        }
    }
}
