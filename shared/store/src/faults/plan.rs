//! Random faults that can be had again: what a call meets follows from a seed and from the call's number alone.

use std::time::Duration;

use super::Fault;

/// How many calls in a hundred meet each fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// [`Fault::Before`].
    pub before: u64,
    /// [`Fault::After`].
    pub after: u64,
    /// [`Fault::Throttled`].
    pub throttled: u64,
    /// [`Fault::Conflicted`].
    pub conflicted: u64,
    /// [`Fault::Delayed`], by up to 50 ms.
    pub delayed: u64,
    /// [`Fault::Twice`].
    pub twice: u64,
}

/// What each call of a run meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    seed: u64,
    rates: Rates,
}

impl Plan {
    /// The plan that `seed` gives at these rates.
    pub fn new(seed: &Seed, rates: Rates) -> Self {
        Self { seed: seed.value(), rates }
    }

    /// What call `number` meets.
    pub(super) fn at(&self, number: usize) -> Option<Fault> {
        let lot = scatter(self.seed ^ scatter(number as u64));
        let delay = Duration::from_millis((lot >> 32) % 50);
        let faults = [
            (self.rates.before, Fault::Before),
            (self.rates.after, Fault::After),
            (self.rates.throttled, Fault::Throttled),
            (self.rates.conflicted, Fault::Conflicted),
            (self.rates.delayed, Fault::Delayed(delay)),
            (self.rates.twice, Fault::Twice),
        ];
        let mut below = 0;
        faults.into_iter().find_map(|(rate, fault)| {
            below += rate;
            (lot % 100 < below).then_some(fault)
        })
    }
}

/// The variable that names the seed of a run that is to be had again.
const VARIABLE: &str = "VITRINE_FAULT_SEED";

/// The seed of a run. A test that fails while it has one says it, so that the run can be had again.
#[derive(Debug, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// The seed in `VITRINE_FAULT_SEED`, or else one that no run had before.
    pub fn new() -> Self {
        let named = std::env::var(VARIABLE).ok().and_then(|seed| seed.parse().ok());
        Self(named.unwrap_or_else(|| {
            let age = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            scatter(
                age.map_or(0, |age| u64::try_from(age.as_nanos() & u128::from(u64::MAX)).unwrap_or_default()),
            )
        }))
    }

    /// A seed that is always this one.
    pub fn fixed(seed: u64) -> Self {
        Self(seed)
    }

    /// Its number.
    pub fn value(&self) -> u64 {
        self.0
    }
}

impl Default for Seed {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("faults were drawn from seed {0}; the same again: {VARIABLE}={0}", self.0);
        }
    }
}

/// Spreads numbers that are close to each other over all numbers (the finaliser of SplitMix64).
fn scatter(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_faults_again_and_another_seed_others() {
        let rates = Rates { throttled: 30, twice: 10, ..Rates::default() };
        let faults = |seed: u64| -> Vec<_> {
            let plan = Plan::new(&Seed::fixed(seed), rates);
            (0..200).map(|number| plan.at(number)).collect()
        };
        assert_eq!(faults(7), faults(7));
        assert_ne!(faults(7), faults(8));
    }

    #[test]
    fn faults_come_as_often_as_their_rates_say() {
        let rates = Rates { before: 10, throttled: 30, ..Rates::default() };
        let plan = Plan::new(&Seed::fixed(1), rates);
        let faults: Vec<_> = (0..10_000).filter_map(|number| plan.at(number)).collect();
        let throttled = faults.iter().filter(|fault| **fault == Fault::Throttled).count();
        assert!((2_800..3_200).contains(&throttled), "{throttled}");
        assert!((3_800..4_200).contains(&faults.len()), "{}", faults.len());
        assert!(!faults.contains(&Fault::Twice));
    }
}
