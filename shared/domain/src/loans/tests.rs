//! The rule of loans, tried as a shelf from which many borrow.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn user(number: usize) -> UserId {
    format!("u{number}").parse().unwrap()
}

fn lends(copies: u32, days: u32) -> LoanRule {
    LoanRule { copies, days, longest_days: days }
}

fn begin(number: u32, rule: LoanRule, now: Timestamp) -> Loan {
    let of = ("12001".parse().unwrap(), "99001".parse().unwrap(), "Moby-Dick");
    Loan::begin(of, user(1), number, rule, now)
}

/// A shelf in memory: what the store does in one transaction is done here in one step.
#[derive(Default)]
struct Model {
    copies: BTreeMap<u32, LentCopy>,
    loans: BTreeMap<String, Loan>,
}

impl Model {
    fn borrow(&mut self, who: &UserId, rule: LoanRule, now: Timestamp, pick: u64) -> Option<Choice> {
        if self.holds(who, rule, now) {
            return None;
        }
        let copies: Vec<LentCopy> = self.copies.values().cloned().collect();
        let choice = choose(&copies, who, rule, now, pick);
        if let Choice::Take(number) = choice {
            if let Some(before) = self.copies.get(&number).filter(|it| it.is_taken_early(now)) {
                self.loans.remove(before.borrower.as_str());
            }
            self.copies.retain(|_, copy| copy.borrower != *who);
            let loan = Loan { borrower: who.clone(), ..begin(number, rule, now) };
            self.copies.insert(number, loan.as_copy());
            self.loans.insert(who.as_str().to_owned(), loan);
        }
        Some(choice)
    }

    fn give_back(&mut self, who: &UserId, now: Timestamp) {
        if let Some(loan) = self.loans.get(who.as_str()).filter(|loan| loan.is_out(now)) {
            self.copies.remove(&loan.copy_number);
            self.loans.remove(who.as_str());
        }
    }

    fn holds(&self, who: &UserId, rule: LoanRule, now: Timestamp) -> bool {
        self.loans.get(who.as_str()).is_some_and(|loan| loan.is_held(rule, now))
    }

    fn held(&self, rule: LoanRule, now: Timestamp) -> Vec<u32> {
        self.loans.values().filter(|loan| loan.is_held(rule, now)).map(|loan| loan.copy_number).collect()
    }
}

#[test]
fn a18_a_loan_is_held_until_it_is_due_under_the_rule_as_it_is_now() {
    let day = 24 * HOUR;
    // Lent as copy 2 for ten days; the rule now, the second, whether it is held and until when.
    for (rule, second, held, due) in [
        (lends(3, 10), 0, true, 10 * day),
        (lends(3, 10), 10 * day - 1, true, 10 * day),
        (lends(3, 10), 10 * day, false, 10 * day),
        (lends(3, 4), 4 * day - 1, true, 4 * day),
        (lends(3, 4), 4 * day, false, 4 * day),
        (lends(3, 30), 10 * day, false, 10 * day),
        (lends(2, 10), 1, false, 10 * day),
        (lends(9, 10), 1, true, 10 * day),
    ] {
        let loan = begin(2, lends(3, 10), at(0));
        assert_eq!(loan.is_held(rule, at(second)), held, "{rule:?} {second}");
        assert_eq!(loan.under(rule).due_at, at(due), "{rule:?} {second}");
    }
}

#[test]
fn a18_a_copy_is_in_after_it_was_due_and_the_clocks_margin() {
    let rule = lends(1, 1);
    let mut shelf = Model::default();
    assert_eq!(shelf.borrow(&user(1), rule, at(0), 7), Some(Choice::Take(0)));
    let back_at = at(24 * HOUR + 5);
    for second in [0, 24 * HOUR - 1, 24 * HOUR, 24 * HOUR + 4] {
        assert_eq!(shelf.borrow(&user(2), rule, at(second), 7), Some(Choice::AllOut { back_at }), "{second}");
    }
    assert!(!shelf.holds(&user(1), rule, at(24 * HOUR)), "denied before another is let in");
    assert_eq!(shelf.borrow(&user(2), rule, back_at, 7), Some(Choice::Take(0)));
    shelf.give_back(&user(1), back_at);
    assert!(shelf.holds(&user(2), rule, back_at), "what was due is given back by nobody");
}

#[test]
fn a18_rules_lend_the_same_copies_for_times_of_their_own() {
    let students = LoanRule { copies: 1, days: 7, longest_days: 30 };
    let faculty = LoanRule { copies: 2, days: 30, longest_days: 30 };
    let mut shelf = Model::default();
    let day = 24 * HOUR;
    shelf.borrow(&user(1), faculty, at(0), 0);
    // The student has to wait for the first copy as long as the faculty has it; the faculty takes the second.
    let back_at = at(30 * day + 5);
    assert_eq!(shelf.borrow(&user(2), students, at(8 * day), 0), Some(Choice::AllOut { back_at }));
    assert_eq!(shelf.borrow(&user(3), faculty, at(8 * day), 0), Some(Choice::Take(1)));
    assert!(shelf.holds(&user(1), faculty, at(29 * day)));
}

#[test]
fn a18_loans_that_were_made_shorter_are_not_held_again_by_two() {
    let (long, short) = (lends(1, 30), lends(1, 7));
    let day = 24 * HOUR;
    let mut shelf = Model::default();
    shelf.borrow(&user(1), long, at(0), 0);
    assert_eq!(shelf.borrow(&user(2), short, at(8 * day), 0), Some(Choice::Take(0)));
    assert!(!shelf.holds(&user(1), long, at(9 * day)), "the copy is another's now");
    assert!(shelf.holds(&user(2), long, at(9 * day)));
}

#[test]
fn a18_who_lost_its_copy_and_borrows_another_keeps_no_two() {
    let mut shelf = Model::default();
    shelf.borrow(&user(1), lends(5, 9), at(0), 4);
    assert!(!shelf.holds(&user(1), lends(2, 9), at(1)));
    assert_eq!(shelf.borrow(&user(1), lends(2, 9), at(1), 0), Some(Choice::Take(0)));
    assert_eq!(shelf.copies.len(), 1, "the fifth is in again");
}

#[test]
fn a_long_title_is_cut() {
    let of = ("12001".parse().unwrap(), "99001".parse().unwrap(), "ä".repeat(5000));
    let loan = Loan::begin((of.0, of.1, &of.2), user(1), 0, lends(1, 1), at(0));
    assert_eq!(loan.title.chars().count(), 200);
}

proptest! {
    /// B45 for loans: whoever borrows, gives back or forgets, and whatever the policy becomes meanwhile: never more than n
    /// have one, nobody two, and nobody is kept from a copy that is in.
    #[test]
    fn a18_never_more_than_n_are_lent(
        steps in prop::collection::vec(
            (0_usize..12, 0_u8..10, 0_i64..40, any::<u64>(), (1_u32..6, 1_u32..5)), 1..300,
        ),
    ) {
        let mut rule = lends(3, 2);
        let mut shelf = Model::default();
        let mut second = 0;
        for (who, what, wait, pick, changed) in steps {
            second += wait * HOUR / 4;
            let now = at(second);
            let who = user(who);
            match what {
                0 => rule = lends(changed.0, changed.1),
                1 | 2 => shelf.give_back(&who, now),
                _ => {
                    let is_in = |number: &u32| shelf.copies.get(number).is_none_or(|it| now >= it.back_at(rule));
                    let any_in = (0..rule.copies).any(|number| is_in(&number));
                    let choice = shelf.borrow(&who, rule, now, pick);
                    if let (true, Some(Choice::AllOut { .. })) = (any_in, choice) {
                        prop_assert!(false, "kept from a copy that is in");
                    }
                    if let Some(Choice::AllOut { back_at }) = choice {
                        prop_assert!(back_at > now);
                    }
                }
            }
            // Under any rule that may come next, too.
            for rule in [rule, lends(5, 4), lends(1, 1)] {
                let mut held = shelf.held(rule, now);
                prop_assert!(held.len() <= rule.copies as usize);
                held.sort_unstable();
                let lent = held.len();
                held.dedup();
                prop_assert_eq!(held.len(), lent, "two have one copy");
            }
            let mut borrowers: Vec<&str> = shelf.copies.values().map(|copy| copy.borrower.as_str()).collect();
            borrowers.sort_unstable();
            let out = borrowers.len();
            borrowers.dedup();
            prop_assert_eq!(borrowers.len(), out, "one has two copies");
        }
    }
}
