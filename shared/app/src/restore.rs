//! What was deleted: listed, looked at, taken back, or purged at once (E6, complaint 22; ADR 0015).
//!
//! Taking back is one transaction of constant size, because what hangs below a title or a representation was never
//! touched by its deletion. What was deleted by itself before stays deleted.

use vitrine_domain::bib::{BibKind, BibRecord, Identifier};
use vitrine_domain::collection::Collection;
use vitrine_domain::file::{DigitalFile, Thumbnail};
use vitrine_domain::fixity::Fixity;
use vitrine_domain::ids::{CollectionId, MmsId, PolicyId};
use vitrine_domain::outbox::{OutboxRow, Work, retry_after_seconds};
use vitrine_domain::removal::{DeletedId, DeletedKind, Deletion, Removable, Removal, RemovalState};
use vitrine_domain::representation::Representation;
use vitrine_domain::roles::Action;
use vitrine_store::catalog::PageRequest;
use vitrine_store::keys::{self, Item};
use vitrine_store::{Change, Page};

use crate::bibs::{check_version, entry, put_identifiers};
use crate::changes::{again_on_conflict, replace_also};
use crate::make_derivatives;
use crate::policies::note_policy_use;
use crate::purge::write;
use crate::{App, AppError, Call, Rule};

/// So many titles with an identifier are asked for when one is taken back.
const HOLDERS_SEEN: u32 = 20;

/// Something that was deleted, as it is now.
#[derive(Debug, Clone)]
pub struct Found {
    /// What it is.
    pub deletion: Deletion,
    /// What may still become of it.
    pub state: RemovalState,
    /// How many times it was written.
    pub version: u64,
    /// What it belongs to and has to be taken back first.
    pub first: Option<DeletedId>,
    /// What it was with and could not get back: collections that are gone.
    pub collections_gone: Vec<CollectionId>,
    /// The access rights policy that it names and that is gone; until it is given another one only staff see it.
    pub policy_gone: Option<PolicyId>,
}

/// What taking something back writes, and what it is afterwards.
struct Return {
    change: Change,
    found: Found,
    /// The thumbnail that is asked for again.
    draw: Option<make_derivatives::Message>,
}

impl App {
    /// What was deleted of one kind and can be taken back, the newest first. One query a page.
    ///
    /// # Errors
    /// A missing role.
    pub async fn list_deleted(
        &self,
        call: &Call,
        kind: DeletedKind,
        page: &PageRequest,
    ) -> Result<Page<Deletion>, AppError> {
        call.actor.may_somewhere(Action::ReadDeleted)?;
        Ok(self.catalog.deleted(kind, page).await?)
    }

    /// One thing that was deleted, with what has to be taken back before it. At most three reads.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for what is not there, is not deleted, or went with what it belongs to.
    pub async fn read_deleted(&self, call: &Call, id: &DeletedId) -> Result<Found, AppError> {
        call.actor.may_somewhere(Action::ReadDeleted)?;
        let not_found = || AppError::not_found("deleted thing", id);
        let found = self.removable(id).await?.filter(can_be_asked_for).ok_or_else(not_found)?;
        let removal = found.removal().ok_or_else(not_found)?;
        let above = self.above(&found).await?;
        let first = above.first_deleted().map(|(id, _)| id);
        self.found(call, &found, removal, above.title.as_ref(), first).ok_or_else(not_found)
    }

    fn found(
        &self,
        call: &Call,
        thing: &Removable,
        removal: &Removal,
        title: Option<&BibRecord>,
        first: Option<DeletedId>,
    ) -> Option<Found> {
        let title = title.map_or("", |bib| bib.brief.title.as_str());
        Some(Found {
            deletion: thing.deletion(title)?,
            state: removal.state(call.now),
            version: thing.version(),
            first,
            collections_gone: Vec::new(),
            policy_gone: None,
        })
    }

    /// Takes something back that was deleted, with all that went with it. What is there already is left as it is, so that
    /// a call whose answer was lost can be made again.
    ///
    /// # Errors
    /// [`Rule::ParentDeleted`] with what has to come first; [`Rule::TooLate`]; [`Rule::IdentifierTaken`] unless
    /// `override_identifiers`; [`Rule::NotInCollection`] where its title lost its last collection;
    /// [`AppError::Precondition`].
    pub async fn restore(
        &self,
        call: &Call,
        id: &DeletedId,
        override_identifiers: bool,
        expected: Option<u64>,
    ) -> Result<Found, AppError> {
        call.actor.may_somewhere(Action::Recover)?;
        again_on_conflict(|| self.try_restore(call, id, override_identifiers, expected)).await
    }

    async fn try_restore(
        &self,
        call: &Call,
        id: &DeletedId,
        override_identifiers: bool,
        expected: Option<u64>,
    ) -> Result<Found, AppError> {
        let (before, above) = self.asked_for(call, id).await?;
        check_version(id.word(), before.version(), expected)?;
        if let Some((parent, removal)) = above.first_deleted() {
            if removal.state(call.now) != RemovalState::Restorable {
                return Err(Rule::TooLate(parent.word(), parent.to_string()).into());
            }
            return Err(Rule::ParentDeleted(parent.word(), parent.to_string()).into());
        }
        let Some(removal) = before.removal() else {
            // It is there: whoever took it back did what this call is to do.
            let as_it_was = before.with(Some(Removal::new(&call.actor.id, call.now, 0)));
            let found = as_it_was
                .removal()
                .and_then(|removal| self.found(call, &as_it_was, removal, above.title.as_ref(), None));
            let found = found.ok_or_else(|| AppError::not_found(id.word(), id))?;
            return Ok(Found { state: RemovalState::Restored, ..found });
        };
        if removal.state(call.now) != RemovalState::Restorable {
            return Err(Rule::TooLate(id.word(), id.to_string()).into());
        }
        let back = match (&before, &above) {
            (Removable::Title(bib), _) => {
                self.returning_title(call, &before, bib, removal, override_identifiers).await?
            }
            (Removable::Representation(it), Above { title: Some(title), .. }) => {
                self.returning_representation(call, &before, it, title, removal).await?
            }
            (Removable::File(it), Above { title: Some(title), .. }) => {
                self.returning_file(call, &before, it, title, removal).await?
            }
            _ => return Err(AppError::not_found(id.word(), id)),
        };
        let Return { mut change, found, draw } = back;
        change.forget(Deletion::KIND, keys::deletion(&found.deletion));
        if let Some(row) = &removal.purge {
            change.forget(OutboxRow::KIND, keys::outbox(row));
        }
        self.commit(call, change).await?;
        if let Some(message) = draw {
            self.ask_to_draw(&message).await;
        }
        Ok(Found { state: RemovalState::Restored, version: before.version() + 1, ..found })
    }

    /// Purges something that was deleted now, and not when the time to take it back is over: its bytes and its metadata, and
    /// all that hangs below it. Nothing brings it back.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for what is not deleted itself; [`AppError::Precondition`].
    pub async fn purge(&self, call: &Call, id: &DeletedId, expected: Option<u64>) -> Result<Found, AppError> {
        call.actor.may_somewhere(Action::Recover)?;
        again_on_conflict(|| self.try_purge(call, id, expected)).await
    }

    async fn try_purge(&self, call: &Call, id: &DeletedId, expected: Option<u64>) -> Result<Found, AppError> {
        let (before, above) = self.asked_for(call, id).await?;
        check_version(id.word(), before.version(), expected)?;
        let not_found = || AppError::not_found("deleted thing", id);
        let removal = before.removal().ok_or_else(not_found)?;
        let first = above.first_deleted().map(|(id, _)| id);
        let found = self.found(call, &before, removal, above.title.as_ref(), first).ok_or_else(not_found)?;
        if matches!(found.state, RemovalState::Purging | RemovalState::Purged) {
            return Ok(found);
        }
        self.begin_purge(call, &before, removal).await?;
        Ok(Found { state: RemovalState::Purging, version: before.version() + 1, ..found })
    }

    /// What is to be taken back or purged, for a caller that may delete it, with what it belongs to.
    async fn asked_for(&self, call: &Call, id: &DeletedId) -> Result<(Removable, Above), AppError> {
        let found = self.removable(id).await?.filter(can_be_asked_for);
        let found = found.ok_or_else(|| AppError::not_found("deleted thing", id))?;
        match &found {
            Removable::Title(bib) => {
                call.actor.may_somewhere(Action::DeleteBib)?;
                if bib.representation_count > 0 {
                    self.check_may_delete_representations(call, &bib.mms_id).await?;
                }
            }
            Removable::Representation(it) => {
                call.actor.may(Action::DeleteRepresentation, Some(&it.fields.library))?;
            }
            Removable::File(it) => call.actor.may(Action::DeleteFile, Some(&it.library))?,
        }
        let above = self.above(&found).await?;
        Ok((found, above))
    }

    async fn above(&self, of: &Removable) -> Result<Above, AppError> {
        Ok(match of {
            Removable::Title(bib) => Above { title: Some((**bib).clone()), representation: None, own: true },
            Removable::Representation(it) => {
                Above { title: self.catalog.bib(&it.mms_id).await?, representation: None, own: false }
            }
            Removable::File(it) => {
                let (title, representation) = tokio::try_join!(
                    self.catalog.bib(&it.mms_id),
                    self.catalog.representation(&it.representation)
                )?;
                Above { title, representation, own: false }
            }
        })
    }

    async fn returning_title(
        &self,
        call: &Call,
        before: &Removable,
        bib: &BibRecord,
        removal: &Removal,
        override_identifiers: bool,
    ) -> Result<Return, AppError> {
        if !override_identifiers {
            self.check_identifiers(&bib.mms_id, &bib.brief.identifiers).await?;
        }
        let mut after = BibRecord { removal: None, ..bib.clone() };
        let mut there = Vec::new();
        if !after.collections.is_empty() {
            for one in self.catalog.collections_each(&after.collections).await? {
                let Collection { id, .. } = one?;
                there.push(id);
            }
        }
        let gone = bib.collections.iter().filter(|id| !there.contains(id)).cloned().collect();
        after.collections.retain(|id| there.contains(id));
        let back = Removable::Title(Box::new(after.clone()));
        let mut change = self.change_removable(call, "restore", before, &back);
        write(&mut change, &back)?;
        put_identifiers(&mut change, &after, &[])?;
        for collection in &after.collections {
            change.put(&entry(&after, collection, call.now))?;
        }
        if after.representation_count > 0 {
            let work = Work::NotePolicyUses { mms_id: after.mms_id.clone() };
            change.create(&self.owe(call, work, call.now))?;
        }
        let found = self.found(call, before, removal, Some(bib), None);
        let found = found.ok_or_else(|| AppError::not_found("deleted thing", &bib.mms_id))?;
        Ok(Return { change, found: Found { collections_gone: gone, ..found }, draw: None })
    }

    /// Refuses where another title has one of these identifiers now: an import may have made the title anew. One query an
    /// identifier, and one read of the titles that were found.
    async fn check_identifiers(&self, mms: &MmsId, identifiers: &[Identifier]) -> Result<(), AppError> {
        for identifier in identifiers {
            let (holders, claim) = self.catalog.holders_of(identifier, HOLDERS_SEEN).await?;
            let claimed = claim.and_then(|claim| claim.holder.parse::<MmsId>().ok());
            let others: Vec<MmsId> =
                holders.into_iter().chain(claimed).filter(|holder| holder != mms).collect();
            if others.is_empty() {
                continue;
            }
            let living = self
                .catalog
                .bibs(&others)
                .await?
                .into_iter()
                .find(|it| it.removal.is_none() && it.brief.identifiers.contains(identifier));
            if let Some(other) = living {
                let name = format!("{} {}", identifier.scheme, identifier.normalised);
                return Err(Rule::IdentifierTaken(name, other.mms_id.to_string()).into());
            }
        }
        Ok(())
    }

    async fn returning_representation(
        &self,
        call: &Call,
        before: &Removable,
        it: &Representation,
        title: &BibRecord,
        removal: &Removal,
    ) -> Result<Return, AppError> {
        if title.collections.is_empty() && self.settings.require_collection {
            return Err(Rule::NotInCollection.into());
        }
        let policy = it.fields.access_rights_policy_id.clone();
        let policy_gone = match policy {
            Some(id) if self.catalog.policy(&id).await?.is_none() => Some(id),
            _ => None,
        };
        let after = Representation { removal: None, ..it.clone() };
        let back = Removable::Representation(Box::new(after.clone()));
        let mut change = self.change_removable(call, "restore", before, &back);
        write(&mut change, &back)?;
        if policy_gone.is_none() {
            note_policy_use(&mut change, None, Some(&after))?;
        }
        // What its deletion did to the title is undone, unless someone edited the title since.
        let shown_again = removal.suppressed_title && title.modified_at <= removal.at;
        let counted = BibRecord {
            representation_count: title.representation_count + 1,
            suppressed: title.suppressed && !shown_again,
            ..title.clone()
        };
        replace_also(&mut change, title, &counted)?;
        let found = self.found(call, before, removal, Some(title), None);
        let found = found.ok_or_else(|| AppError::not_found("deleted thing", &it.id))?;
        Ok(Return { change, found: Found { policy_gone, ..found }, draw: None })
    }

    async fn returning_file(
        &self,
        call: &Call,
        before: &Removable,
        it: &DigitalFile,
        title: &BibRecord,
        removal: &Removal,
    ) -> Result<Return, AppError> {
        let back = before.with(None);
        let mut change = self.change_removable(call, "restore", before, &back);
        write(&mut change, &back)?;
        if it.content.is_some() {
            // Written over whatever a check is about to say of a deleted file, and looked at at once.
            match self.catalog.fixity(&it.id).await? {
                Some(known) => change.replace(&known.returned(call.now))?,
                None => change.create(&Fixity::of(it, self.settings.fixity, call.now))?,
            }
        }
        // Whoever was to draw it found it deleted and let go of it.
        let draw = match it.thumbnail {
            Thumbnail::Pending { .. } if it.content.is_some() => {
                let work = Work::MakeDerivatives { file: it.id.clone() };
                let owed = self.owe(call, work, call.after_seconds(retry_after_seconds(0)));
                change.create(&owed)?;
                Some(make_derivatives::Message { event: owed.id, file: it.id.clone() })
            }
            _ => None,
        };
        let found = self.found(call, before, removal, Some(title), None);
        let found = found.ok_or_else(|| AppError::not_found("deleted thing", &it.id))?;
        Ok(Return { change, found, draw })
    }
}

/// What something belongs to, deleted or not.
struct Above {
    title: Option<BibRecord>,
    representation: Option<Representation>,
    /// Whether the title is the thing itself.
    own: bool,
}

impl Above {
    /// The topmost of what has to be taken back first.
    fn first_deleted(&self) -> Option<(DeletedId, &Removal)> {
        let title = self.title.as_ref().filter(|_| !self.own);
        let title = title.and_then(|bib| Some((DeletedId::Title(bib.mms_id.clone()), bib.removal.as_ref()?)));
        let representation = self.representation.as_ref();
        title.or_else(|| {
            let it = representation?;
            Some((DeletedId::Representation(it.id.clone()), it.removal.as_ref()?))
        })
    }
}

/// A collection's own record goes with its collection and does not come back.
fn can_be_asked_for(found: &Removable) -> bool {
    !matches!(found, Removable::Title(bib) if bib.kind == BibKind::Collection)
}
