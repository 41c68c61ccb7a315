//! No caller may take all of an instance (D23). The gateway's own throttle stands before this one.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::problem::Problem;

type Buckets = RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// One bucket of requests a caller.
#[derive(Clone)]
pub struct Throttle(Arc<Buckets>);

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
        Self(Arc::new(RateLimiter::keyed(quota).with_middleware()))
    }

    /// Counts a request of a caller and returns how many more it may make at once.
    ///
    /// # Errors
    /// 429 with the seconds to wait and the vendor's code.
    pub fn admit(&self, caller: &str) -> Result<u32, Problem> {
        if self.0.len() > CALLERS_KEPT {
            self.0.retain_recent();
        }
        match self.0.check_key(&caller.to_owned()) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(refused) => {
                let wait = refused.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
                Err(Problem::too_many("too many requests a second", wait))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d23_a_burst_is_refused_and_other_callers_are_not() {
        let throttle = Throttle::per_second(NonZeroU32::new(5).unwrap());
        assert_eq!(throttle.admit("a"), Ok(9), "twice a second's worth, less this one");
        let refused = (0..50).filter(|_| throttle.admit("a").is_err()).count();
        assert!(refused >= 30, "{refused}");
        let problem = (0..50).find_map(|_| throttle.admit("a").err()).unwrap();
        assert_eq!((problem.status.as_u16(), problem.code), (429, "PER_SECOND_THRESHOLD"));
        assert!(problem.retry_after.is_some());
        assert!(throttle.admit("b").is_ok());
    }
}
