//! Taking a seat, keeping it, giving it back, and waiting for one (A15-A17, B45).

use vitrine_domain::ids::RepId;
use vitrine_domain::seats::{Left, Seat, SeatRule, Turn, Waiting, turn};
use vitrine_domain::session::Holder;
use vitrine_store::sessions::Written;

use super::{Access, Asked, Opened, Visit};
use crate::{App, AppError, Call};

/// How often a viewer that was beaten to a slot looks again before it waits.
const TRIES: u32 = 5;

/// How a viewer stands to the seats of a representation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It needs none.
    Unlimited,
    /// It sits.
    Sits(Seat),
    /// It waits.
    Waits {
        /// Its place.
        place: Waiting,
        /// How many are before it.
        ahead: usize,
    },
    /// It looked a moment ago.
    CoolsOff {
        /// Until when.
        until: vitrine_domain::Timestamp,
    },
    /// It has not asked.
    Absent,
}

impl App {
    /// Takes a seat for a viewer, keeps the one that it has, or lets it wait in the line.
    ///
    /// A viewer has one seat, whatever windows it opens; each is told apart by `tab`. Five calls where it has a seat, six
    /// where it takes one or waits; one more each time that another was faster.
    ///
    /// # Errors
    /// [`AppError::NotFound`] as for opening.
    pub async fn take_seat(
        &self,
        call: &Call,
        visit: &Visit,
        id: &Asked,
        tab: &str,
    ) -> Result<(Opened, Standing), AppError> {
        let opened = self.open(call, visit, id).await?;
        let (Some(rule), Some(holder)) = (seat_rule(&opened), visit.holder()) else {
            return Ok((opened, Standing::Unlimited));
        };
        let standing = self.ask_for_seat(call, &opened.representation.id, &holder, rule, tab).await?;
        // With the seat the answer to what was opened is another.
        let opened = match &standing {
            Standing::Sits(seat) => opened.seated(seat),
            _ => opened,
        };
        Ok((opened, standing))
    }

    /// What becomes of a viewer that asks for a seat, under a rule that was decided on.
    pub async fn ask_for_seat(
        &self,
        call: &Call,
        rep: &RepId,
        holder: &Holder,
        rule: SeatRule,
        tab: &str,
    ) -> Result<Standing, AppError> {
        let mut last = Turn::Wait { since: call.now, ahead: 0 };
        for _ in 0..TRIES {
            let own = self.sessions.seat(rep, holder).await?;
            if let Some(renewed) = own.as_ref().and_then(|seat| seat.renew(tab, rule, call.now)) {
                match self.sessions.renew_seat(&renewed).await? {
                    Written::Done => return Ok(Standing::Sits(renewed)),
                    Written::Beaten => continue,
                }
            }
            let room = self.sessions.room(rep).await?;
            last = turn(&room.slots, &room.line, own.as_ref(), holder, rule, call.now, self.random());
            let number = match last {
                Turn::CoolOff { until } => return Ok(Standing::CoolsOff { until }),
                Turn::Wait { .. } => break,
                Turn::Take(number) => number,
            };
            let seat = Seat::take(rep.clone(), holder.clone(), number, tab, rule, call.now);
            let seat = seat.resuming(own.as_ref(), rule, call.now);
            let seat = Seat { version: own.map_or(0, |own| own.version), ..seat };
            let seen = room.slots.iter().find(|slot| slot.number == number);
            // An older place, lost by not asking, is forgotten by time.
            let own_places = room.line.iter().filter(|place| place.holder == *holder);
            let place = own_places.max_by_key(|place| place.since);
            if self.sessions.take_seat(&seat, seen, place).await? == Written::Done {
                return Ok(Standing::Sits(seat));
            }
        }
        let (since, ahead) = match last {
            Turn::Wait { since, ahead } => (since, ahead),
            _ => (call.now, 0),
        };
        let place = Waiting::at(rep.clone(), holder.clone(), since, call.now);
        self.sessions.keep_place(&place).await?;
        Ok(Standing::Waits { place, ahead })
    }

    /// How a viewer stands to the seats, with nothing written.
    ///
    /// # Errors
    /// [`AppError::NotFound`] as for opening.
    pub async fn standing(
        &self,
        call: &Call,
        visit: &Visit,
        id: &Asked,
    ) -> Result<(Opened, Standing), AppError> {
        let opened = self.open(call, visit, id).await?;
        let (Some(rule), Some(holder)) = (seat_rule(&opened), visit.holder()) else {
            let standing = if seat_rule(&opened).is_some() { Standing::Absent } else { Standing::Unlimited };
            return Ok((opened, standing));
        };
        let rep = &opened.representation.id;
        let own = self.sessions.seat(rep, &holder).await?;
        if let Some(seat) = own.clone().filter(|seat| seat.is_held(rule, call.now)) {
            return Ok((opened, Standing::Sits(seat)));
        }
        let room = self.sessions.room(rep).await?;
        let place = room.line.iter().find(|place| place.holder == holder && call.now < place.until).cloned();
        let standing = match (turn(&room.slots, &room.line, own.as_ref(), &holder, rule, call.now, 0), place)
        {
            (Turn::CoolOff { until }, _) => Standing::CoolsOff { until },
            (Turn::Wait { ahead, .. }, Some(place)) => Standing::Waits { place, ahead },
            (Turn::Take(_), Some(place)) => Standing::Waits { place, ahead: 0 },
            (_, None) => Standing::Absent,
        };
        Ok((opened, standing))
    }

    /// Gives a viewer's seat back as one of its windows closes, at once for the next in line; or its place in the line.
    /// Whoever has neither is done already.
    ///
    /// # Errors
    /// [`AppError::NotFound`] as for opening.
    pub async fn leave_seat(
        &self,
        call: &Call,
        visit: &Visit,
        id: &Asked,
        tab: &str,
    ) -> Result<(), AppError> {
        let opened = self.open(call, visit, id).await?;
        let (Some(rule), Some(holder)) = (seat_rule(&opened), visit.holder()) else { return Ok(()) };
        self.give_seat_back(call, &opened.representation.id, &holder, rule, tab).await
    }

    /// The same under a rule that was decided on.
    pub async fn give_seat_back(
        &self,
        call: &Call,
        rep: &RepId,
        holder: &Holder,
        rule: SeatRule,
        tab: &str,
    ) -> Result<(), AppError> {
        for _ in 0..TRIES {
            let own = self.sessions.seat(rep, holder).await?.filter(|seat| seat.is_held(rule, call.now));
            let Some(own) = own else {
                let room = self.sessions.room(rep).await?;
                for place in room.line.iter().filter(|place| place.holder == *holder) {
                    self.sessions.leave_line(place).await?;
                }
                return Ok(());
            };
            let written = match own.leave(tab, rule, call.now) {
                Left::Stays(seat) => self.sessions.renew_seat(&seat).await?,
                Left::Free(seat) => self.sessions.free_seat(&seat).await?,
            };
            if written == Written::Done {
                return Ok(());
            }
        }
        // Its lease ends by itself.
        Ok(())
    }
}

/// What the rule that let the viewer in says of seats, whether it sits or not.
fn seat_rule(opened: &Opened) -> Option<SeatRule> {
    match &opened.access {
        Access::Granted(permit) | Access::Seat { permit } => SeatRule::of(permit),
        Access::Declaration { .. } | Access::Loan { .. } | Access::Denied { .. } => None,
    }
}
