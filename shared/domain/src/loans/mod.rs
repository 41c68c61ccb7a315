//! Loans: something is lent for days, in so many copies as the rule says (A18).
//!
//! A representation whose rule lends `n` copies has the copies 0 to n-1. A user that borrows takes one until it is due or
//! given back; what is due has come back by itself, because time has passed. Nothing is counted, so nothing can be counted
//! wrong. Rules of one policy may lend for different times; they lend the same copies.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{MmsId, RepId, UserId};
use crate::rights::{Effect, Output, PolicySettings};
use crate::seats::MARGIN_SECONDS;
use crate::session::after;

const DAY_SECONDS: i64 = 24 * 3600;
/// For so long after its end a loan is kept for who asks about it, in seconds.
const KEPT_SECONDS: i64 = 3600;
/// The most characters of a title that are kept with a loan.
const MAX_TITLE: usize = 200;

/// What a rule says of loans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoanRule {
    /// How many copies are lent.
    pub copies: u32,
    /// For how many days of 24 hours.
    pub days: u32,
    /// For how many days any rule of the policy lends: so long others may have theirs.
    pub longest_days: u32,
}

impl LoanRule {
    /// What an output says of loans; `None` where it lends nothing.
    pub fn of(output: &Output, policy: &PolicySettings) -> Option<Self> {
        let rules = policy.rules.iter().map(|rule| &rule.output);
        let longest = rules.chain([&policy.default_rule]).filter_map(days).max();
        let days = days(output)?;
        Some(Self { copies: output.loan_copies?, days, longest_days: longest.unwrap_or(days) })
    }
}

/// Outputs that lend give a length (`Output::check`).
fn days(output: &Output) -> Option<u32> {
    output.loan_days.filter(|_| output.effect == Effect::Allow && output.loan_copies.is_some())
}

/// A user's loan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loan {
    /// Of what.
    pub representation: RepId,
    /// Of which title.
    pub mms_id: MmsId,
    /// What the title was called.
    pub title: String,
    /// Whose.
    pub borrower: UserId,
    /// Which copy, from 0.
    pub copy_number: u32,
    /// Since when.
    pub borrowed_at: Timestamp,
    /// Until when.
    pub due_at: Timestamp,
    /// When the table may forget it, in seconds since 1970.
    pub ttl: i64,
}

/// One copy of a representation and who borrowed it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LentCopy {
    /// Of what.
    pub representation: RepId,
    /// Which, from 0.
    pub copy_number: u32,
    /// Who borrowed it.
    pub borrower: UserId,
    /// Since when.
    pub borrowed_at: Timestamp,
    /// Until when.
    pub due_at: Timestamp,
    /// When the table may forget it, in seconds since 1970.
    pub ttl: i64,
}

/// What becomes of a user that wants to borrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It takes this copy.
    Take(u32),
    /// All are out.
    AllOut {
        /// When the first of them is back, if none is given back before.
        back_at: Timestamp,
    },
}

impl Loan {
    /// A loan that begins now.
    pub fn begin(
        (representation, mms_id, title): (RepId, MmsId, &str),
        borrower: UserId,
        copy_number: u32,
        rule: LoanRule,
        now: Timestamp,
    ) -> Self {
        let due_at = later(now, rule.days);
        Self {
            representation,
            mms_id,
            title: title.chars().take(MAX_TITLE).collect(),
            borrower,
            copy_number,
            borrowed_at: now,
            due_at,
            ttl: after(due_at, KEPT_SECONDS).as_second(),
        }
    }

    /// The loan as a rule has it that may have changed since: one that was made shorter holds for who has borrowed
    /// already, one that was made longer for the next.
    pub fn under(self, rule: LoanRule) -> Self {
        Self { due_at: self.due_at.min(later(self.borrowed_at, rule.days)), ..self }
    }

    /// Whether its borrower is let in, under a rule that may have changed since it began.
    pub fn is_held(&self, rule: LoanRule, now: Timestamp) -> bool {
        let due_at = self.due_at.min(later(self.borrowed_at, rule.days));
        now < due_at && self.copy_number < rule.copies
    }

    /// Whether its copy is still out, whatever the rules say now.
    pub fn is_out(&self, now: Timestamp) -> bool {
        now < after(self.due_at, MARGIN_SECONDS)
    }

    /// Its copy.
    pub fn as_copy(&self) -> LentCopy {
        LentCopy {
            representation: self.representation.clone(),
            copy_number: self.copy_number,
            borrower: self.borrower.clone(),
            borrowed_at: self.borrowed_at,
            due_at: self.due_at,
            ttl: self.ttl,
        }
    }
}

impl LentCopy {
    /// From when on someone else may take it: clocks differ.
    pub fn back_at(&self, rule: LoanRule) -> Timestamp {
        after(self.due_at.min(later(self.borrowed_at, rule.longest_days)), MARGIN_SECONDS)
    }

    /// Whether the loan that it went out with may still be somebody's, because a rule made loans shorter meanwhile and
    /// may make them longer again: who takes the copy ends that loan.
    pub fn is_taken_early(&self, now: Timestamp) -> bool {
        now < after(self.due_at, MARGIN_SECONDS)
    }
}

/// Decides what becomes of a user that has nothing and wants to borrow.
///
/// `pick` chooses among the copies that are in, so that two who ask at once seldom want the same.
pub fn choose(copies: &[LentCopy], borrower: &UserId, rule: LoanRule, now: Timestamp, pick: u64) -> Choice {
    let out: Vec<&LentCopy> = copies
        .iter()
        .filter(|copy| copy.copy_number < rule.copies && copy.borrower != *borrower)
        .filter(|copy| now < copy.back_at(rule))
        .collect();
    let is_in = |number: &u32| out.iter().all(|copy| copy.copy_number != *number);
    let free: Vec<u32> = (0..rule.copies).filter(is_in).collect();
    let chosen = usize::try_from(pick).unwrap_or(0).checked_rem(free.len()).and_then(|index| free.get(index));
    match chosen {
        Some(number) => Choice::Take(*number),
        None => Choice::AllOut { back_at: out.iter().map(|copy| copy.back_at(rule)).min().unwrap_or(now) },
    }
}

fn later(at: Timestamp, days: u32) -> Timestamp {
    after(at, i64::from(days) * DAY_SECONDS)
}
