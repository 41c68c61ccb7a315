//! Borrowing, giving back, and who has borrowed what (A18).

use vitrine_domain::Timestamp;
use vitrine_domain::ids::{MmsId, RepId, UserId};
use vitrine_domain::loans::{Choice, LentCopy, Loan, LoanRule, choose};
use vitrine_domain::roles::Action;
use vitrine_store::Page;
use vitrine_store::sessions::{Lending, Written};

use super::{Access, Asked, Opened, Visit};
use crate::{App, AppError, Call};

/// How often a user that was beaten to a copy looks again before it is told to come back.
const TRIES: u32 = 10;

/// How a viewer stands to the copies of a representation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Borrowing {
    /// It is not lent.
    NotLent,
    /// The viewer has a copy.
    Borrowed(Loan),
    /// There is a copy to borrow.
    Available,
    /// All are out.
    AllOut {
        /// When the first of them is back, if none is given back before.
        back_at: Timestamp,
    },
}

impl App {
    /// Lends a copy of what `id` names to a user; one that has borrowed it already has the same loan.
    ///
    /// Three calls beside those of opening, none where the user has it; three more each time that another was faster.
    ///
    /// # Errors
    /// [`AppError::NotFound`] as for opening; [`AppError::Conflict`] where many others borrowed at the same moment.
    pub async fn borrow(
        &self,
        call: &Call,
        visit: &Visit,
        id: &Asked,
    ) -> Result<(Opened, Borrowing), AppError> {
        let opened = self.open(call, visit, id).await?;
        if let Some(loan) = opened.loan.clone() {
            return Ok((opened, Borrowing::Borrowed(loan)));
        }
        let (Some(rule), Some(user)) = (loan_rule(&opened), visit.user()) else {
            return Ok((opened, Borrowing::NotLent));
        };
        let title = &opened.bib.brief.title;
        let of = (&opened.representation.id, &opened.bib.mms_id, title.as_str());
        let borrowing = self.ask_for_loan(call, of, user, rule).await?;
        Ok((opened, borrowing))
    }

    /// What becomes of a user that wants to borrow, under a rule that was decided on.
    pub async fn ask_for_loan(
        &self,
        call: &Call,
        (rep, mms, title): (&RepId, &MmsId, &str),
        user: &UserId,
        rule: LoanRule,
    ) -> Result<Borrowing, AppError> {
        for _ in 0..TRIES {
            let own = self.sessions.loan(rep, user).await?;
            if let Some(loan) = own.clone().filter(|loan| loan.is_held(rule, call.now)) {
                return Ok(Borrowing::Borrowed(loan.under(rule)));
            }
            let copies = self.sessions.lent_copies(rep).await?;
            let number = match choose(&copies, user, rule, call.now, self.random()) {
                Choice::AllOut { back_at } => return Ok(Borrowing::AllOut { back_at }),
                Choice::Take(number) => number,
            };
            let before = copies.iter().find(|copy| copy.copy_number == number && copy.borrower != *user);
            let ended = match before.filter(|copy| copy.is_taken_early(call.now)) {
                Some(copy) => self.sessions.loan(rep, &copy.borrower).await?,
                None => None,
            };
            // Its borrower may have another by now.
            let ended = ended.filter(|loan| Some(&loan.as_copy()) == before);
            let loan = Loan::begin((rep.clone(), mms.clone(), title), user.clone(), number, rule, call.now);
            let lending = Lending { loan: &loan, own: own.as_ref(), copies: &copies, ended: ended.as_ref() };
            if self.sessions.lend(lending).await? == Written::Done {
                return Ok(Borrowing::Borrowed(loan));
            }
        }
        Err(AppError::Conflict("copies"))
    }

    /// How a viewer stands to the copies, with nothing written.
    ///
    /// # Errors
    /// [`AppError::NotFound`] as for opening.
    pub async fn borrowing(
        &self,
        call: &Call,
        visit: &Visit,
        id: &Asked,
    ) -> Result<(Opened, Borrowing), AppError> {
        let opened = self.open(call, visit, id).await?;
        let borrowing = self.borrowing_of(call, visit, &opened).await?;
        Ok((opened, borrowing))
    }

    /// The same of what was opened: one call where the viewer has no copy.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn borrowing_of(
        &self,
        call: &Call,
        visit: &Visit,
        opened: &Opened,
    ) -> Result<Borrowing, AppError> {
        if let Some(loan) = &opened.loan {
            return Ok(Borrowing::Borrowed(loan.clone()));
        }
        let (Some(rule), Some(user)) = (loan_rule(opened), visit.user()) else {
            return Ok(Borrowing::NotLent);
        };
        let copies = self.sessions.lent_copies(&opened.representation.id).await?;
        Ok(match choose(&copies, user, rule, call.now, 0) {
            Choice::Take(_) => Borrowing::Available,
            Choice::AllOut { back_at } => Borrowing::AllOut { back_at },
        })
    }

    /// Gives a user's copy back, at once for the next, whatever the policy says now. Whoever has none is done already.
    ///
    /// # Errors
    /// [`AppError::NotFound`] as for opening; [`AppError::Conflict`] where it changed under every try.
    pub async fn give_back(&self, call: &Call, visit: &Visit, id: &Asked) -> Result<Opened, AppError> {
        let opened = self.open(call, visit, id).await?;
        if let Some(user) = visit.user() {
            self.end_loan(call, &opened.representation.id, user).await?;
        }
        Ok(opened)
    }

    /// The same of a representation: two calls.
    pub async fn end_loan(&self, call: &Call, rep: &RepId, user: &UserId) -> Result<(), AppError> {
        for _ in 0..TRIES {
            let own = self.sessions.loan(rep, user).await?;
            // What was due is back, and its copy may be another's.
            let Some(own) = own.filter(|loan| loan.is_out(call.now)) else { return Ok(()) };
            if self.sessions.end_loan(&own).await? == Written::Done {
                return Ok(());
            }
        }
        Err(AppError::Conflict("loan"))
    }

    /// A page of a user's loans that are not due, by representation, as they were lent: one call. A page can hold fewer than
    /// `limit`; `next` says whether it goes on.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn own_loans(
        &self,
        call: &Call,
        user: &UserId,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<Loan>, AppError> {
        let mut page = self.sessions.list_loans(user, limit, after).await?;
        page.items.retain(|loan| call.now < loan.due_at);
        Ok(page)
    }

    /// A page of who has copies of a representation, as they were lent: one query beside the read of the representation.
    ///
    /// # Errors
    /// A missing role; [`AppError::NotFound`].
    pub async fn list_borrowers(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<LentCopy>, AppError> {
        call.actor.may_somewhere(Action::ReadLoans)?;
        let representation = self.representation_of(mms, rep).await?;
        call.actor.may(Action::ReadLoans, Some(&representation.fields.library))?;
        let mut page = self.sessions.list_lent_copies(rep, limit, after).await?;
        page.items.retain(|copy| call.now < copy.due_at);
        Ok(page)
    }
}

/// What the rule that let the viewer in says of loans, whether it has borrowed or not.
fn loan_rule(opened: &Opened) -> Option<LoanRule> {
    match &opened.access {
        Access::Granted(permit) | Access::Loan { permit } => permit.loan,
        Access::Declaration { .. } | Access::Seat { .. } | Access::Denied { .. } => None,
    }
}
