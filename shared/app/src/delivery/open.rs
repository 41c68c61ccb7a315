//! Opening what an id names: which representation stands for it, the one decision, and the pages of its files.

use std::str::FromStr;

use vitrine_domain::Timestamp;
use vitrine_domain::bib::BibRecord;
use vitrine_domain::collection::Collection;
use vitrine_domain::file::{DigitalFile, FileStatus};
use vitrine_domain::ids::{FileId, MmsId, RepId, UserId};
use vitrine_domain::loans::Loan;
use vitrine_domain::remote::RemoteLinks;
use vitrine_domain::representation::{Representation, UsageType};
use vitrine_domain::rights::{Decision, Identity, Outcome, Permit, Reason, Terms, Viewer};
use vitrine_domain::seats::{Seat, SeatRule};
use vitrine_domain::session::{Holder, SessionId};
use vitrine_metadata::DublinCore;
use vitrine_store::Page;
use vitrine_store::catalog::PageRequest;

use crate::set_walk::{readable, seen_path};
use crate::{App, AppError, Call};

/// Of so many representations the one that stands for a title is chosen.
pub(crate) const REPRESENTATIONS_SEEN: u32 = 100;

/// The id of something that can be viewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A file.
    File(FileId),
    /// A representation.
    Representation(RepId),
    /// A title; one of its representations stands for it.
    Bib(MmsId),
}

/// Whoever looks: what the decision is told of it, and the browser's session where there is one.
#[derive(Debug, Clone)]
pub struct Visit {
    /// What the decision is told.
    pub viewer: Viewer,
    /// The session that declarations and seats are bound to.
    pub session: Option<SessionId>,
    /// Who reads what is opened, to be counted; `None` where nothing is to be counted.
    pub reader: Option<Reader>,
}

/// Someone whose use is counted (U1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// How its program names itself; tells robots from people.
    pub agent: Option<String>,
}

/// What stands between the viewer and the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Nothing: files are given to the extent of the permit.
    Granted(Permit),
    /// A declaration, which is to be accepted first (A12).
    Declaration {
        /// Its text.
        text: String,
    },
    /// A seat, which is to be taken first (A15).
    Seat {
        /// What is given with it.
        permit: Permit,
    },
    /// A copy, which is to be borrowed first (A18).
    Loan {
        /// What is given with it.
        permit: Permit,
    },
    /// The policy (A11).
    Denied {
        /// What the viewer is told.
        note: Option<String>,
        /// Why, for programs.
        reason: Reason,
        /// When it would be let in, if nothing else changes.
        may_change_at: Option<Timestamp>,
    },
}

/// What an id led to. That a viewer has it does not mean that it may see the files: [`Opened::access`] says so.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The title.
    pub bib: BibRecord,
    /// The representation.
    pub representation: Representation,
    /// The file, where one was asked for.
    pub file: Option<DigitalFile>,
    /// Where the object is, where the representation stands for one in a remote repository (D15).
    pub remote: Option<RemoteLinks>,
    /// The decision about the representation.
    pub decision: Decision,
    /// What stands between the viewer and the files.
    pub access: Access,
    /// The viewer's loan, where it is let in by one.
    pub loan: Option<Loan>,
    /// How long the answer holds.
    pub terms: Terms,
}

impl FromStr for Asked {
    type Err = AppError;
    fn from_str(id: &str) -> Result<Self, AppError> {
        if let Ok(id) = id.parse() {
            return Ok(Self::File(id));
        }
        if let Ok(id) = id.parse() {
            return Ok(Self::Representation(id));
        }
        id.parse().map(Self::Bib).map_err(|_| nothing(id))
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(id) => id.fmt(f),
            Self::Representation(id) => id.fmt(f),
            Self::Bib(id) => id.fmt(f),
        }
    }
}

/// What is not there and what is not offered look the same (B31).
pub(super) fn nothing(id: impl std::fmt::Display) -> AppError {
    AppError::not_found("digital resource", id.to_string().chars().take(64).collect::<String>())
}

/// Makes of whatever was missing on the way to `id` that there is no `id`.
fn hidden<T>(found: Result<T, AppError>, id: impl std::fmt::Display) -> Result<T, AppError> {
    found.map_err(|error| match error {
        AppError::NotFound { .. } => nothing(id),
        other => other,
    })
}

impl Opened {
    /// The same for a viewer that has taken a seat since.
    pub(super) fn seated(self, seat: &Seat) -> Self {
        let terms = seated(self.terms, seat);
        match self.access {
            Access::Seat { permit } => Self { access: Access::Granted(permit), terms, ..self },
            access => Self { access, ..self },
        }
    }

    /// Whether it is seen from a seat, which is to be kept and given back.
    pub fn sits(&self) -> bool {
        self.permit().is_some_and(|permit| SeatRule::of(permit).is_some())
    }

    /// What the viewer may do with the files; `None` where it does not get them.
    pub fn permit(&self) -> Option<&Permit> {
        match &self.access {
            Access::Granted(permit) => Some(permit),
            _ => None,
        }
    }
}

/// A seat is one viewer's, and what is given with it ends with it.
fn seated(terms: Terms, seat: &Seat) -> Terms {
    until(terms, seat.ends_at)
}

fn until(terms: Terms, end: Timestamp) -> Terms {
    terms.and(Terms { shared_seconds: 0, until: Some(end), now: terms.now })
}

impl Visit {
    /// Who has signed in, where someone has.
    pub fn user(&self) -> Option<&UserId> {
        match &self.viewer.identity {
            Some(Identity::Known(known)) => known.id.as_ref(),
            _ => None,
        }
    }

    /// Whom declarations and seats are bound to: the user wherever it has signed in, else the browser.
    pub fn holder(&self) -> Option<Holder> {
        self.user().map(Holder::user).or_else(|| self.session.as_ref().map(Holder::session))
    }
}

impl App {
    /// Opens what `id` names for a viewer.
    ///
    /// A title is stood for by the first of its representations, in the order of choice (domain.md 5), that the viewer
    /// is let into, else by the first that is offered. At most four calls: the thing, its representation and title, the
    /// policies; one more for a declaration and one for a seat or a loan.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for what is not there and for what is not offered, in the same words (B31).
    pub async fn open(&self, call: &Call, visit: &Visit, id: &Asked) -> Result<Opened, AppError> {
        hidden(self.find_opened(call, visit, id).await, id)
    }

    async fn find_opened(&self, call: &Call, visit: &Visit, id: &Asked) -> Result<Opened, AppError> {
        let (bib, representation, file) = match id {
            Asked::File(id) => {
                let file = self.catalog.file(id).await?.filter(is_shown).ok_or_else(|| nothing(id))?;
                let (representation, bib) =
                    tokio::try_join!(self.representation(&file.representation), self.bib(&file.mms_id))?;
                (bib, representation, Some(file))
            }
            Asked::Representation(id) => {
                let representation = self.representation(id).await?;
                (self.bib(&representation.mms_id).await?, representation, None)
            }
            Asked::Bib(id) => return self.open_bib(call, visit, id).await,
        };
        let policies = self.policies_of(std::slice::from_ref(&representation)).await?;
        let decision = policies.decide(&visit.viewer, &bib, &representation, call.now);
        let terms = decision.terms(call.now);
        let remote = policies.remote_links(&representation);
        let opened = self.opened(call, visit, bib, representation, file, decision, terms).await?;
        Ok(Opened { remote, ..opened })
    }

    async fn open_bib(&self, call: &Call, visit: &Visit, id: &MmsId) -> Result<Opened, AppError> {
        let page = PageRequest { limit: REPRESENTATIONS_SEEN, ..PageRequest::default() };
        let (bib, all) = tokio::try_join!(self.bib(id), async {
            Ok(self.catalog.representations_of(id, &page).await?.items)
        })?;
        let policies = self.policies_of(&all).await?;
        let offered: Vec<_> = in_order_of_choice(all)
            .into_iter()
            .map(|representation| {
                let decision = policies.decide(&visit.viewer, &bib, &representation, call.now);
                (representation, decision)
            })
            .filter(|(_, decision)| decision.outcome != Outcome::Hide)
            .collect();
        let lets_in = |(_, decision): &&(_, Decision)| !matches!(decision.outcome, Outcome::Deny { .. });
        let chosen = offered
            .iter()
            .find(lets_in)
            .or(offered.first())
            .map(|(representation, _)| representation.id.clone());
        // Another viewer may be let into one that this one was turned away from on the way.
        let mut terms: Option<Terms> = None;
        for (representation, decision) in offered {
            let own = decision.terms(call.now);
            let all = terms.map_or(own, |so_far| so_far.and(own));
            if chosen.as_ref() == Some(&representation.id) {
                let remote = policies.remote_links(&representation);
                let opened = self.opened(call, visit, bib, representation, None, decision, all).await?;
                return Ok(Opened { remote, ..opened });
            }
            terms = Some(all);
        }
        Err(nothing(id))
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of what was opened")]
    async fn opened(
        &self,
        call: &Call,
        visit: &Visit,
        bib: BibRecord,
        representation: Representation,
        file: Option<DigitalFile>,
        decision: Decision,
        terms: Terms,
    ) -> Result<Opened, AppError> {
        let (access, loan, terms) = self.access(call, visit, &representation.id, &decision, terms).await?;
        let access = match access {
            // What is elsewhere can not be marked here.
            access if representation.fields.remote.is_none() || !decision.marks() => access,
            denied @ Access::Denied { .. } => denied,
            _ => Access::Denied { note: None, reason: Reason::Watermark, may_change_at: None },
        };
        Ok(Opened { bib, representation, file, remote: None, decision, access, loan, terms })
    }

    /// What stands between a viewer and the files: one call for a declaration, one for a seat or a loan,
    /// none for the rest.
    async fn access(
        &self,
        call: &Call,
        visit: &Visit,
        rep: &RepId,
        decision: &Decision,
        terms: Terms,
    ) -> Result<(Access, Option<Loan>, Terms), AppError> {
        let holder = visit.holder();
        let permit = match decision.outcome.clone() {
            Outcome::Hide => return Err(nothing(rep)),
            Outcome::Deny { note, reason, may_change_at } => {
                return Ok((Access::Denied { note, reason, may_change_at }, None, terms));
            }
            Outcome::Declare { text, permit } => {
                if !self.has_declared(call, visit, rep, decision).await? {
                    return Ok((Access::Declaration { text }, None, terms));
                }
                permit
            }
            Outcome::Allow(permit) => permit,
        };
        if let Some(rule) = permit.loan {
            let loan = match visit.user() {
                Some(user) => self.sessions.loan(rep, user).await?,
                None => None,
            };
            let held = loan.filter(|loan| loan.is_held(rule, call.now)).map(|loan| loan.under(rule));
            return Ok(match held {
                Some(loan) => {
                    let terms = until(terms, loan.due_at);
                    (Access::Granted(permit), Some(loan), terms)
                }
                None => (Access::Loan { permit }, None, terms),
            });
        }
        let Some(rule) = SeatRule::of(&permit) else { return Ok((Access::Granted(permit), None, terms)) };
        let seat = match &holder {
            Some(holder) => self.sessions.seat(rep, holder).await?,
            None => None,
        };
        Ok(match seat.filter(|seat| seat.is_held(rule, call.now)) {
            Some(seat) => (Access::Granted(permit), None, seated(terms, &seat)),
            None => (Access::Seat { permit }, None, terms),
        })
    }

    /// A page of the files that are shown of a representation, in order: one call.
    ///
    /// A page can hold fewer than `limit` where files are still being registered; `next` says whether it goes on.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn shown_files(&self, rep: &RepId, page: &PageRequest) -> Result<Page<DigitalFile>, AppError> {
        let mut page = self.catalog.files_of(rep, page).await?;
        page.items.retain(is_shown);
        Ok(page)
    }

    /// The collections that a title is seen in, in the order of its record; hidden ones, those below hidden ones and those
    /// that can not be read are left out (C8). One call a level of the tree.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn shown_collections(&self, bib: &BibRecord) -> Result<Vec<Collection>, AppError> {
        let ids = bib.collections.iter().cloned();
        let found = self.collections_above(ids, |one| readable(one, &mut Vec::new())).await?;
        let seen = bib.collections.iter().filter_map(|id| seen_path(&found, id)?.pop().cloned());
        Ok(seen.collect())
    }

    /// A title's metadata as Dublin Core, for people: no call, or one where the record is too long for its item.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn shown_metadata(&self, bib: &BibRecord) -> Result<DublinCore, AppError> {
        let source = self.source_of(bib).await?;
        match vitrine_metadata::parse_record(bib.format, &source) {
            Ok(parsed) => Ok(vitrine_metadata::to_dublin_core(&parsed)),
            Err(error) => {
                tracing::warn!(bib.id = %bib.mms_id, error = &error as &dyn std::error::Error, "a record's metadata can not be shown");
                Ok(DublinCore::default())
            }
        }
    }
}

/// Whether a file has bytes that a viewer could be given.
fn is_shown(file: &DigitalFile) -> bool {
    file.removal.is_none() && file.status == FileStatus::Active && file.content.is_some()
}

/// The representations that can stand for a title, in the order in which they are tried: derivatives by id, masters in
/// their own order, then the others, remote ones last (domain.md 5, 8.2; T3). Auxiliary ones stand for nothing.
pub(crate) fn in_order_of_choice(mut all: Vec<Representation>) -> Vec<Representation> {
    all.retain(|representation| representation.fields.usage_type != UsageType::Auxiliary);
    let class = |representation: &Representation| match representation.fields.usage_type {
        _ if representation.fields.remote.is_some() => 3,
        UsageType::DerivativeCopy => 0,
        UsageType::PreservationMaster => 1,
        UsageType::ModifiedMaster | UsageType::Auxiliary => 2,
    };
    let by_id =
        |representation: &Representation| (class(representation) == 0).then(|| representation.id.clone());
    // Stable: masters and others stay as the title orders them.
    all.sort_by(|a, b| class(a).cmp(&class(b)).then_with(|| by_id(a).cmp(&by_id(b))));
    all
}
