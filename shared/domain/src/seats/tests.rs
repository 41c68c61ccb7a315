//! The rule of seats, tried as a room in which many come and go.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::ids::UserId;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn holder(number: usize) -> Holder {
    Holder::user(&format!("u{number}").parse::<UserId>().unwrap())
}

fn rep() -> RepId {
    "12001".parse().unwrap()
}

const RULE: SeatRule = SeatRule { seats: 2, minutes: 30, cool_off_minutes: 0 };

/// A room in memory: what the store does in one transaction is done here in one step.
#[derive(Default)]
struct Model {
    slots: BTreeMap<u32, Slot>,
    seats: BTreeMap<Holder, Seat>,
    line: BTreeMap<Holder, Waiting>,
}

impl Model {
    fn ask(&mut self, who: &Holder, tab: &str, rule: SeatRule, now: Timestamp, pick: u64) -> Option<Turn> {
        let own = self.seats.get(who).cloned();
        if let Some(renewed) = own.as_ref().and_then(|seat| seat.renew(tab, rule, now)) {
            self.slots.insert(renewed.slot, renewed.as_slot());
            self.seats.insert(who.clone(), renewed);
            return None;
        }
        let slots: Vec<Slot> = self.slots.values().cloned().collect();
        let line: Vec<Waiting> = self.line.values().cloned().collect();
        let turn = turn(&slots, &line, own.as_ref(), who, rule, now, pick);
        match turn {
            Turn::Take(slot) => {
                let seat = Seat::take(rep(), who.clone(), slot, tab, rule, now);
                let seat = seat.resuming(own.as_ref(), rule, now);
                self.slots.insert(slot, seat.as_slot());
                self.seats.insert(who.clone(), seat);
                self.line.remove(who);
            }
            Turn::Wait { since, .. } => {
                self.line.insert(who.clone(), Waiting::at(rep(), who.clone(), since, now));
            }
            Turn::CoolOff { .. } => {}
        }
        Some(turn)
    }

    fn leave(&mut self, who: &Holder, tab: &str, rule: SeatRule, now: Timestamp) {
        self.line.remove(who);
        let Some(seat) = self.seats.get(who).filter(|seat| seat.is_held(rule, now)).cloned() else { return };
        match seat.leave(tab, rule, now) {
            Left::Stays(seat) => {
                self.seats.insert(who.clone(), seat);
            }
            Left::Free(seat) => {
                self.slots.remove(&seat.slot);
                self.seats.insert(who.clone(), seat);
            }
        }
    }

    fn sitting(&self, rule: SeatRule, now: Timestamp) -> usize {
        self.seats.values().filter(|seat| seat.is_held(rule, now)).count()
    }
}

#[test]
fn a15_the_third_of_two_waits_and_comes_in_when_one_leaves() {
    let mut room = Model::default();
    let (a, b, c) = (holder(1), holder(2), holder(3));
    assert!(matches!(room.ask(&a, "", RULE, at(0), 7), Some(Turn::Take(_))));
    assert!(matches!(room.ask(&b, "", RULE, at(1), 7), Some(Turn::Take(_))));
    assert_eq!(room.ask(&c, "", RULE, at(2), 7), Some(Turn::Wait { since: at(2), ahead: 0 }));
    room.leave(&a, "", RULE, at(3));
    assert!(matches!(room.ask(&c, "", RULE, at(4), 7), Some(Turn::Take(_))));
    assert_eq!(room.sitting(RULE, at(4)), 2);
}

#[test]
fn a15_a_second_window_shares_the_seat_and_the_last_to_close_gives_it_back() {
    let mut room = Model::default();
    let one = SeatRule { seats: 1, ..RULE };
    let (a, b) = (holder(1), holder(2));
    room.ask(&a, "x", one, at(0), 0);
    assert_eq!(room.ask(&a, "y", one, at(1), 0), None, "renewed");
    room.leave(&a, "x", one, at(2));
    assert!(matches!(room.ask(&b, "", one, at(3), 0), Some(Turn::Wait { .. })));
    room.leave(&a, "y", one, at(4));
    assert!(matches!(room.ask(&b, "", one, at(5), 0), Some(Turn::Take(0))));
}

#[test]
fn a16_a_session_ends_after_its_minutes_and_warns_a_minute_before() {
    let rule = SeatRule { minutes: 3, ..RULE };
    let mut seat = Seat::take(rep(), holder(1), 0, "", rule, at(0));
    for second in (20..180).step_by(20) {
        seat = seat.renew("", rule, at(second)).unwrap();
        assert_eq!(seat.is_near_end(at(second)), second >= 120, "{second}");
        assert_eq!(seat.ends_at, at(180));
    }
    assert!(seat.is_held(rule, at(179)) && !seat.is_held(rule, at(180)));
    assert_eq!(seat.renew("", rule, at(180)), None);
    // A rule that is made shorter holds for who sits.
    let shorter = SeatRule { minutes: 1, ..RULE };
    let seat = Seat::take(rep(), holder(1), 0, "", rule, at(0)).renew("", shorter, at(30)).unwrap();
    assert_eq!(seat.ends_at, at(60));
}

#[test]
fn b45_a_crashed_browsers_seat_is_free_after_its_lease_and_the_clocks_margin() {
    let mut room = Model::default();
    let one = SeatRule { seats: 1, ..RULE };
    room.ask(&holder(1), "", one, at(0), 0);
    for (second, free) in [(59, false), (60, false), (64, false), (65, true)] {
        let taken = matches!(room.ask(&holder(2), "", one, at(second), 0), Some(Turn::Take(_)));
        assert_eq!(taken, free, "{second}");
    }
    assert!(!room.seats[&holder(1)].is_held(one, at(60)), "its holder is denied before another is let in");
}

#[test]
fn a17_the_line_is_first_come_first_served_and_who_goes_away_loses_the_place() {
    let mut room = Model::default();
    let one = SeatRule { seats: 1, ..RULE };
    room.ask(&holder(1), "", one, at(0), 0);
    for who in 2..5 {
        let ahead = who - 2;
        let turn = room.ask(&holder(who), "", one, at(who as i64), 0);
        assert_eq!(turn, Some(Turn::Wait { since: at(who as i64), ahead }));
    }
    room.ask(&holder(1), "", one, at(40), 0);
    for who in [3, 4] {
        room.ask(&holder(who), "", one, at(50), 0);
    }
    room.leave(&holder(1), "", one, at(51));
    // The first in the line is still held a place; the next has to wait, a newcomer too.
    for who in [3, 4, 9] {
        assert!(matches!(room.ask(&holder(who), "", one, at(52), 0), Some(Turn::Wait { .. })), "{who}");
    }
    // It has not been heard of for a minute: the next is let in.
    assert!(matches!(room.ask(&holder(4), "", one, at(62), 0), Some(Turn::Wait { .. })));
    assert!(matches!(room.ask(&holder(3), "", one, at(63), 0), Some(Turn::Take(_))));
}

#[test]
fn a16_who_has_looked_waits_for_the_cool_off() {
    let mut room = Model::default();
    let rule = SeatRule { cool_off_minutes: 10, ..RULE };
    room.ask(&holder(1), "", rule, at(0), 0);
    room.leave(&holder(1), "", rule, at(50));
    let until = at(650);
    assert_eq!(room.ask(&holder(1), "", rule, at(649), 0), Some(Turn::CoolOff { until }));
    assert!(matches!(room.ask(&holder(1), "", rule, until, 0), Some(Turn::Take(_))));
}

#[test]
fn a16_a_page_that_is_loaded_anew_goes_on_with_what_is_left_of_the_time() {
    let rule = SeatRule { seats: 1, minutes: 2, cool_off_minutes: 10 };
    let mut room = Model::default();
    room.ask(&holder(1), "x", rule, at(0), 0);
    for (leaves, comes) in [(20, 21), (50, 79), (110, 119)] {
        room.leave(&holder(1), "x", rule, at(leaves));
        assert!(matches!(room.ask(&holder(1), "x", rule, at(comes), 0), Some(Turn::Take(0))), "{comes}");
        let seat = &room.seats[&holder(1)];
        assert_eq!((seat.taken_at, seat.ends_at), (at(0), at(120)), "{comes}");
    }
    // The time is over, however often it was left.
    room.leave(&holder(1), "x", rule, at(119));
    assert_eq!(room.ask(&holder(1), "x", rule, at(120), 0), Some(Turn::CoolOff { until: at(719) }));
    // Another has sat down meanwhile: it waits, and after its half minute it cools off.
    let mut room = Model::default();
    room.ask(&holder(1), "x", rule, at(0), 0);
    room.leave(&holder(1), "x", rule, at(10));
    room.ask(&holder(2), "x", rule, at(11), 0);
    assert!(matches!(room.ask(&holder(1), "x", rule, at(12), 0), Some(Turn::Wait { .. })));
    assert!(matches!(room.ask(&holder(1), "x", rule, at(40), 0), Some(Turn::CoolOff { .. })));
}

#[test]
fn c8_who_sits_in_a_slot_that_the_rule_no_longer_has_is_out() {
    let seat = Seat::take(rep(), holder(1), 4, "", SeatRule { seats: 5, ..RULE }, at(0));
    assert!(seat.is_held(SeatRule { seats: 5, ..RULE }, at(1)));
    assert!(!seat.is_held(RULE, at(1)));
    assert_eq!(seat.renew("", RULE, at(1)), None);
}

proptest! {
    /// B45: whoever asks, leaves or crashes, whenever: never more than n are let in, nobody twice, and a free seat is not
    /// kept from who asks when nobody waits.
    #[test]
    fn b45_never_more_than_n_sit(
        seats in 1_u32..6,
        minutes in 1_u32..5,
        steps in prop::collection::vec((0_usize..12, 0_u8..10, 0_i64..40, any::<u64>()), 1..300),
    ) {
        let rule = SeatRule { seats, minutes, cool_off_minutes: 0 };
        let mut room = Model::default();
        let mut second = 0;
        for (who, what, wait, pick) in steps {
            second += wait;
            let now = at(second);
            let who = holder(who);
            match what {
                0 | 1 => room.leave(&who, "", rule, now),
                _ => {
                    let idle = room.line.values().all(|place| now >= place.until);
                    let free = (0..seats).any(|slot| room.slots.get(&slot).is_none_or(|slot| slot.is_free(now)));
                    let turn = room.ask(&who, "", rule, now, pick);
                    if idle && free {
                        prop_assert!(!matches!(turn, Some(Turn::Wait { .. })), "kept from a free seat");
                    }
                }
            }
            prop_assert!(room.sitting(rule, now) <= seats as usize);
            let slots: Vec<u32> = room.seats.values().filter(|seat| seat.is_held(rule, now)).map(|seat| seat.slot).collect();
            let mut unique = slots.clone();
            unique.sort_unstable();
            unique.dedup();
            prop_assert_eq!(unique.len(), slots.len(), "two in one slot");
        }
    }
}
