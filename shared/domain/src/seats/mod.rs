//! Seats: how many may look at something at once, and who is next (A15-A17, B45).
//!
//! A representation whose rule allows `n` viewers at once has the slots 0 to n-1. A viewer takes a slot for a lease and
//! renews it while it looks; a browser that has crashed gives its slot back by not renewing. Nothing is counted, so
//! nothing can be counted wrong. Who finds no slot free waits in a line, and keeps the place by asking again.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::RepId;
use crate::rights::Permit;
use crate::session::{Holder, after};

/// How long a seat is held after its holder was last heard of, in seconds.
pub const LEASE_SECONDS: i64 = 60;
/// How often a holder should be heard of, in seconds: two calls may be lost.
pub const RENEW_SECONDS: i64 = 20;
/// How much the clocks of two servers may differ, in seconds; a slot is free only so long after its lease.
pub const MARGIN_SECONDS: i64 = 5;
/// So long before the end the viewer is warned, in seconds (A16).
pub const WARNING_SECONDS: i64 = 60;
/// For so long after a waiting viewer was last heard of its place is kept, in seconds: the time that it has to take the
/// seat which has become free (A17).
pub const HOLD_SECONDS: i64 = 60;
/// For so long after a seat was given up its holder may sit down again for what is left of the time, in seconds: a page
/// that is loaded anew is closed first.
pub const RESUME_SECONDS: i64 = 30;
/// How often who waits should ask, in seconds.
pub const ASK_SECONDS: i64 = 10;
/// How many windows of one viewer are told apart.
const MAX_TABS: usize = 20;

/// What a rule says of seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatRule {
    /// How many.
    pub seats: u32,
    /// After how many minutes a session ends, come what may.
    pub minutes: u32,
    /// How many minutes the same viewer waits before the next one.
    pub cool_off_minutes: u32,
}

impl SeatRule {
    /// What a permit says of seats; `None` where any number may look.
    pub fn of(permit: &Permit) -> Option<Self> {
        Some(Self {
            seats: permit.concurrent_users?,
            // Policies that limit seats give a length (`Output::check`); without one the shortest.
            minutes: permit.session_minutes.unwrap_or(1),
            cool_off_minutes: permit.cool_off_minutes.unwrap_or(0),
        })
    }
}

/// One slot of a representation and who was last in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Of what.
    pub representation: RepId,
    /// Which, from 0.
    pub number: u32,
    /// Who took it.
    pub holder: Holder,
    /// Until when it is taken.
    pub lease_until: Timestamp,
    /// When the table may forget it, in seconds since 1970.
    pub ttl: i64,
}

/// A viewer's seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Before what.
    pub representation: RepId,
    /// Whose.
    pub holder: Holder,
    /// In which slot.
    pub slot: u32,
    /// The windows in which it is used.
    #[serde(default)]
    pub tabs: Vec<String>,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// Until when it is held without being heard of.
    pub lease_until: Timestamp,
    /// When it ends, come what may.
    pub ends_at: Timestamp,
    /// Before when the same viewer takes no other, once this is over.
    pub free_again_at: Timestamp,
    /// When the table may forget it, in seconds since 1970.
    pub ttl: i64,
    /// How many times it was written.
    pub version: u64,
}

/// A viewer's place in the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// For what.
    pub representation: RepId,
    /// Who.
    pub holder: Holder,
    /// Since when; the line is in this order.
    pub since: Timestamp,
    /// Until when the place is kept.
    pub until: Timestamp,
    /// When the table may forget it, in seconds since 1970.
    pub ttl: i64,
}

/// What becomes of a viewer that asks for a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It takes this slot.
    Take(u32),
    /// It waits.
    Wait {
        /// Since when.
        since: Timestamp,
        /// How many are before it in the line.
        ahead: usize,
    },
    /// It has looked a moment ago and is to let others.
    CoolOff {
        /// Until when.
        until: Timestamp,
    },
}

/// What a seat becomes when one of its windows is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// Another window goes on using it.
    Stays(Seat),
    /// It is free.
    Free(Seat),
}

impl Slot {
    /// Whether someone else may take it.
    pub fn is_free(&self, now: Timestamp) -> bool {
        after(self.lease_until, MARGIN_SECONDS) <= now
    }
}

impl Seat {
    /// A seat that is taken now.
    pub fn take(
        representation: RepId,
        holder: Holder,
        slot: u32,
        tab: &str,
        rule: SeatRule,
        now: Timestamp,
    ) -> Self {
        let ends_at = after(now, i64::from(rule.minutes) * 60);
        Self {
            representation,
            holder,
            slot,
            tabs: vec![tab.to_owned()],
            taken_at: now,
            lease_until: now,
            ends_at,
            free_again_at: now,
            ttl: 0,
            version: 0,
        }
        .leased(rule, now)
    }

    fn leased(self, rule: SeatRule, now: Timestamp) -> Self {
        let until = after(now, LEASE_SECONDS).min(self.ends_at);
        self.over(rule, until)
    }

    /// Works out what follows if it is over at `end`.
    fn over(mut self, rule: SeatRule, end: Timestamp) -> Self {
        self.lease_until = end;
        self.free_again_at = after(end, i64::from(rule.cool_off_minutes) * 60);
        self.ttl = after(self.free_again_at, 3600).as_second();
        self
    }

    /// Whether its holder is let in, under a rule that may have changed since it was taken.
    pub fn is_held(&self, rule: SeatRule, now: Timestamp) -> bool {
        now < self.lease_until && self.slot < rule.seats
    }

    /// The same, heard of now in one of its windows; `None` where it is held no longer.
    pub fn renew(&self, tab: &str, rule: SeatRule, now: Timestamp) -> Option<Self> {
        if !self.is_held(rule, now) {
            return None;
        }
        let mut seat = self.clone();
        if !seat.tabs.iter().any(|known| known == tab) {
            if seat.tabs.len() == MAX_TABS {
                seat.tabs.remove(0);
            }
            seat.tabs.push(tab.to_owned());
        }
        // A rule that was made shorter holds for who sits already; one that was made longer for the next.
        seat.ends_at = seat.ends_at.min(after(seat.taken_at, i64::from(rule.minutes) * 60));
        Some(seat.leased(rule, now))
    }

    /// What closing one of its windows leaves.
    pub fn leave(&self, tab: &str, rule: SeatRule, now: Timestamp) -> Left {
        let mut seat = self.clone();
        seat.tabs.retain(|known| known != tab);
        if seat.tabs.is_empty() {
            let end = self.lease_until.min(now);
            Left::Free(seat.over(rule, end))
        } else {
            Left::Stays(seat)
        }
    }

    /// Whether its holder, who has given it up, may sit down again without cooling off first.
    fn may_be_resumed(&self, now: Timestamp) -> bool {
        now < after(self.lease_until, RESUME_SECONDS).min(self.ends_at)
    }

    /// The same, where it follows on one that its holder gave up a moment ago: it ends when that one would have.
    pub fn resuming(self, last: Option<&Self>, rule: SeatRule, now: Timestamp) -> Self {
        match last.filter(|last| rule.cool_off_minutes > 0 && last.may_be_resumed(now)) {
            Some(last) => Self { taken_at: last.taken_at, ends_at: self.ends_at.min(last.ends_at), ..self }
                .leased(rule, now),
            None => self,
        }
    }

    /// Its slot.
    pub fn as_slot(&self) -> Slot {
        Slot {
            representation: self.representation.clone(),
            number: self.slot,
            holder: self.holder.clone(),
            lease_until: self.lease_until,
            ttl: after(self.lease_until, 3600).as_second(),
        }
    }

    /// Whether the viewer is to be warned that the end is near (A16).
    pub fn is_near_end(&self, now: Timestamp) -> bool {
        self.ends_at <= after(now, WARNING_SECONDS)
    }
}

impl Waiting {
    /// The place of a viewer that was heard of now.
    pub fn at(representation: RepId, holder: Holder, since: Timestamp, now: Timestamp) -> Self {
        let until = after(now, HOLD_SECONDS);
        Self { representation, holder, since, until, ttl: after(until, 3600).as_second() }
    }
}

/// Decides what becomes of a viewer that has no seat and asks for one.
///
/// As many slots as are free belong to the first in the line; whoever comes after them waits, though a slot be free.
/// `pick` chooses among the free ones, so that two who ask at once seldom want the same.
pub fn turn(
    slots: &[Slot],
    line: &[Waiting],
    last: Option<&Seat>,
    holder: &Holder,
    rule: SeatRule,
    now: Timestamp,
    pick: u64,
) -> Turn {
    if let Some(last) = last
        && now < last.free_again_at
        && rule.cool_off_minutes > 0
        && !last.may_be_resumed(now)
    {
        return Turn::CoolOff { until: last.free_again_at };
    }
    let taken = |number: &u32| {
        slots.iter().any(|slot| slot.number == *number && slot.holder != *holder && !slot.is_free(now))
    };
    let free: Vec<u32> = (0..rule.seats).filter(|number| !taken(number)).collect();
    let own = line
        .iter()
        .filter(|place| place.holder == *holder && now < place.until)
        .map(|place| place.since)
        .min();
    let since = own.unwrap_or(now);
    let ahead = line
        .iter()
        .filter(|place| place.holder != *holder && now < place.until)
        .filter(|place| (place.since, &place.holder) < (since, holder))
        .count();
    let chosen = usize::try_from(pick).unwrap_or(0).checked_rem(free.len()).and_then(|index| free.get(index));
    match chosen {
        Some(slot) if ahead < free.len() => Turn::Take(*slot),
        _ => Turn::Wait { since, ahead },
    }
}
