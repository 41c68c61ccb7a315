//! No caller may take all of an instance (D23). The gateway's own throttle stands before this one.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::StatusCode;

use super::problem::Problem;

/// One bucket of requests a caller.
#[derive(Clone)]
pub struct Throttle(Arc<DefaultKeyedRateLimiter<String>>);

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Throttle")
    }
}

/// Above so many callers, those that have not called of late are forgotten.
const CALLERS_KEPT: usize = 10_000;

impl Throttle {
    /// Lets each caller make so many requests a second, and twice as many at once.
    pub fn per_second(requests: NonZeroU32) -> Self {
        let quota = Quota::per_second(requests).allow_burst(requests.saturating_add(requests.get()));
        Self(Arc::new(RateLimiter::keyed(quota)))
    }

    /// Counts a request of a caller.
    ///
    /// # Errors
    /// 429 with the seconds to wait and the vendor's code.
    pub fn admit(&self, caller: &str) -> Result<(), Problem> {
        if self.0.len() > CALLERS_KEPT {
            self.0.retain_recent();
        }
        self.0.check_key(&caller.to_owned()).map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
            let problem = Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                "Too many requests",
                "PER_SECOND_THRESHOLD",
                format!("too many requests a second; try again in {wait} s"),
            );
            Problem { retry_after: Some(wait), ..problem }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d23_a_burst_is_refused_and_other_callers_are_not() {
        let throttle = Throttle::per_second(NonZeroU32::new(5).unwrap());
        let refused = (0..50).filter(|_| throttle.admit("a").is_err()).count();
        assert!(refused >= 30, "{refused}");
        let problem = (0..50).find_map(|_| throttle.admit("a").err()).unwrap();
        assert_eq!((problem.status.as_u16(), problem.code), (429, "PER_SECOND_THRESHOLD"));
        assert!(problem.retry_after.is_some());
        assert!(throttle.admit("b").is_ok());
    }
}
