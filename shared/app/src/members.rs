//! Titles in collections (C5): many to many, and at least one where the title has representations.

use vitrine_domain::bib::{BibKind, BibRecord, MAX_COLLECTIONS};
use vitrine_domain::collection::Membership;
use vitrine_domain::ids::{CollectionId, MmsId};
use vitrine_domain::roles::Action;
use vitrine_store::catalog::{Count, PageRequest};
use vitrine_store::{Change, Page};

use crate::bibs::{entry, forget_membership};
use crate::changes::again_on_conflict;
use crate::{App, AppError, Call, Rule};

impl App {
    /// The titles of a collection, by title, and how many there are.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no such collection.
    pub async fn list_members(
        &self,
        call: &Call,
        id: &CollectionId,
        page: &PageRequest,
    ) -> Result<(Page<Membership>, Count), AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        self.collection(id).await?;
        Ok((self.catalog.members_of(id, page).await?, self.catalog.count_members_of(id).await?))
    }

    /// Puts a title into a collection.
    ///
    /// # Errors
    /// [`Rule::AlreadyMember`] (701115) when it is there already.
    pub async fn add_member(
        &self,
        call: &Call,
        id: &CollectionId,
        mms: &MmsId,
    ) -> Result<BibRecord, AppError> {
        again_on_conflict(|| self.try_add_member(call, id, mms)).await
    }

    async fn try_add_member(
        &self,
        call: &Call,
        id: &CollectionId,
        mms: &MmsId,
    ) -> Result<BibRecord, AppError> {
        let collection = self.collection(id).await?;
        call.actor.may(Action::AssignTitle, Some(&collection.library))?;
        let before = self.bib(mms).await?;
        if before.kind == BibKind::Collection {
            return Err(Rule::IsCollectionRecord.into());
        }
        if before.collections.contains(id) {
            return Err(Rule::AlreadyMember.into());
        }
        if before.collections.len() >= MAX_COLLECTIONS {
            return Err(Rule::TooManyCollections(MAX_COLLECTIONS).into());
        }
        let mut after = before.clone();
        after.collections.push(id.clone());
        let mut change = self.change(call, "collection.add_title", Some(&before), Some(&after));
        change.replace(&after)?;
        change.put(&entry(&after, id, call.now))?;
        self.commit(call, change).await?;
        Ok(BibRecord { version: before.version + 1, ..after })
    }

    /// Takes a title out of a collection.
    ///
    /// # Errors
    /// [`Rule::LastCollection`] when the title has representations and would be in none (402260 would not hold).
    pub async fn remove_member(&self, call: &Call, id: &CollectionId, mms: &MmsId) -> Result<(), AppError> {
        again_on_conflict(|| self.try_remove_member(call, id, mms)).await
    }

    async fn try_remove_member(&self, call: &Call, id: &CollectionId, mms: &MmsId) -> Result<(), AppError> {
        let collection = self.collection(id).await?;
        call.actor.may(Action::AssignTitle, Some(&collection.library))?;
        let before = self.bib(mms).await?;
        if !before.collections.contains(id) {
            return Err(AppError::not_found("title of this collection", mms));
        }
        let bare = before.collections.len() == 1 && before.representation_count > 0;
        if bare && self.settings.require_collection {
            return Err(Rule::LastCollection.into());
        }
        self.take_out(call, &before, id).await
    }

    /// The change that moves a title out of one collection into another, or does one of the two (C12), and the title after
    /// it; none where the title is as it should be.
    ///
    /// # Errors
    /// As for putting in and taking out; [`Rule::NotInEither`] where both are named.
    pub(crate) async fn moving_title(
        &self,
        call: &Call,
        before: &BibRecord,
        from: Option<&CollectionId>,
        to: Option<&CollectionId>,
    ) -> Result<Option<(Change, BibRecord)>, AppError> {
        for id in [from, to].into_iter().flatten() {
            let collection = self.collection(id).await?;
            call.actor.may(Action::AssignTitle, Some(&collection.library))?;
        }
        if before.kind == BibKind::Collection {
            return Err(Rule::IsCollectionRecord.into());
        }
        let held = |id: Option<&CollectionId>| id.is_some_and(|id| before.collections.contains(id));
        if from.is_some() && to.is_some() && !held(from) && !held(to) {
            return Err(Rule::NotInEither.into());
        }
        let mut after = before.clone();
        after.collections.retain(|id| Some(id) != from);
        if let Some(to) = to.filter(|_| !held(to)) {
            after.collections.push(to.clone());
        }
        if after.collections == before.collections {
            return Ok(None);
        }
        if after.collections.len() > MAX_COLLECTIONS {
            return Err(Rule::TooManyCollections(MAX_COLLECTIONS).into());
        }
        let bare = after.collections.is_empty() && before.representation_count > 0;
        if bare && self.settings.require_collection {
            return Err(Rule::LastCollection.into());
        }
        let mut change = self.change(call, "collection.move_title", Some(before), Some(&after));
        change.replace(&after)?;
        if let Some(from) = from.filter(|_| held(from)) {
            forget_membership(&mut change, before, from);
        }
        if let Some(to) = to.filter(|_| !held(to)) {
            change.put(&entry(&after, to, call.now))?;
        }
        Ok(Some((change, after)))
    }

    /// Takes a title out of a collection without asking whether it may be.
    pub(crate) async fn take_out(
        &self,
        call: &Call,
        before: &BibRecord,
        id: &CollectionId,
    ) -> Result<(), AppError> {
        let mut after = before.clone();
        after.collections.retain(|held| held != id);
        let mut change = self.change(call, "collection.remove_title", Some(before), Some(&after));
        change.replace(&after)?;
        forget_membership(&mut change, before, id);
        Ok(self.commit(call, change).await?)
    }
}
