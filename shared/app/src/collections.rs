//! Collections: a tree with names unique at the top, and a bib record each (C1-C4, C8).

use vitrine_domain::bib::{BibKind, BibRecord};
use vitrine_domain::collection::{Collection, CollectionFields, MAX_DEPTH};
use vitrine_domain::ids::CollectionId;
use vitrine_domain::library::LibraryCode;
use vitrine_domain::outbox::Work;
use vitrine_domain::removal::Removable;
use vitrine_domain::roles::Action;
use vitrine_metadata::Format;
use vitrine_store::catalog::{Count, PageRequest};
use vitrine_store::keys::{Item, NameClaim};
use vitrine_store::{Change, Page, StoreError};

use crate::bibs::check_version;
use crate::changes::{again_on_conflict, also, replace_also};
use crate::{App, AppError, Call, Rule};

/// What a caller sends to create a collection, or to change one.
#[derive(Debug, Clone)]
pub struct CollectionInput {
    /// The collection to be in; `None` is the top.
    pub parent: Option<CollectionId>,
    /// The library that owns it; `None` keeps the one it has.
    pub library: Option<LibraryCode>,
    /// The title of its bib record; the name unless given.
    pub title: Option<String>,
    /// Hidden from discovery (C8).
    pub suppressed: bool,
    /// The other fields.
    pub fields: CollectionFields,
}

impl App {
    /// Creates a collection with its bib record.
    ///
    /// # Errors
    /// A name that a top-level collection has already, an unknown library or parent.
    pub async fn create_collection(
        &self,
        call: &Call,
        input: CollectionInput,
    ) -> Result<Collection, AppError> {
        again_on_conflict(|| self.try_create_collection(call, &input)).await
    }

    async fn try_create_collection(
        &self,
        call: &Call,
        input: &CollectionInput,
    ) -> Result<Collection, AppError> {
        let action =
            if input.parent.is_none() { Action::CreateTopCollection } else { Action::CreateSubCollection };
        let Some(library) = input.library.clone() else {
            call.actor.may_somewhere(action)?;
            return Err(AppError::invalid("library", "must be given"));
        };
        call.actor.may(action, Some(&library))?;
        let order = input.fields.check()?;
        self.check_library(&library).await?;
        let parent = self.parent(input.parent.as_ref(), None).await?;
        let bib = self.collection_bib(call, input).await?;
        let fields = &input.fields;
        let collection = Collection {
            id: self.minter.collection(call.now, self.random()),
            mms_id: bib.mms_id.clone(),
            parent: input.parent.clone(),
            name: fields.name.trim().to_owned(),
            description: fields.description.clone(),
            library,
            sort_by: fields.sort_by.clone(),
            external_system: fields.external_system.clone(),
            external_id: fields.external_id.clone(),
            order,
            suppressed: input.suppressed,
            child_count: 0,
            created_by: call.actor.id.clone(),
            created_at: call.now,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            version: 0,
        };
        let mut change = self.change(call, "collection.create", None, Some(&collection));
        change.create(&collection)?;
        also(&mut change, None, Some(&bib));
        change.create(&bib)?;
        match parent {
            Some(parent) => count_child(&mut change, &parent, 1)?,
            None => change.create(&NameClaim::new(&collection.name, &collection.id))?,
        }
        self.commit_named(call, change, NameClaim::KIND, Rule::DuplicateName(collection.name.clone()))
            .await?;
        Ok(Collection { version: 1, ..collection })
    }

    async fn collection_bib(&self, call: &Call, input: &CollectionInput) -> Result<BibRecord, AppError> {
        let title = input.title.as_deref().unwrap_or(&input.fields.name);
        let source = vitrine_metadata::dublin_core_record(title, input.fields.description.as_deref());
        let parsed = vitrine_metadata::parse_record(Format::DublinCore, &source)
            .map_err(|errors| AppError::invalid("title", errors.to_string()))?;
        self.new_bib(call, BibKind::Collection, &parsed, input.suppressed).await
    }

    /// A collection.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none.
    pub async fn read_collection(&self, call: &Call, id: &CollectionId) -> Result<Collection, AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        self.collection(id).await
    }

    /// The collections directly below `parent`, in order, and how many there are.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no such parent.
    pub async fn list_collections(
        &self,
        call: &Call,
        parent: Option<&CollectionId>,
        page: &PageRequest,
    ) -> Result<(Page<Collection>, Count), AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        let count = match parent {
            Some(id) => Count { number: self.collection(id).await?.child_count, at_least: false },
            None => self.catalog.count_children_of(None).await?,
        };
        Ok((self.catalog.children_of(parent, page).await?, count))
    }

    /// Changes a collection, and moves it where `input.parent` is another one (C3).
    ///
    /// # Errors
    /// A move below itself, a name that is taken at the top, [`AppError::Precondition`].
    pub async fn update_collection(
        &self,
        call: &Call,
        id: &CollectionId,
        input: CollectionInput,
        expected: Option<u64>,
    ) -> Result<Collection, AppError> {
        let before = self.collection(id).await?;
        let is_top = before.parent.is_none() || input.parent.is_none();
        let action = if is_top { Action::UpdateTopCollection } else { Action::UpdateSubCollection };
        call.actor.may(action, Some(&before.library))?;
        let library = input.library.clone().unwrap_or_else(|| before.library.clone());
        call.actor.may(action, Some(&library))?;
        check_version("collection", before.version, expected)?;
        let order = input.fields.check()?;
        if library != before.library {
            self.check_library(&library).await?;
        }
        let moves = input.parent != before.parent;
        let new_parent = if moves { self.parent(input.parent.as_ref(), Some(id)).await? } else { None };
        let fields = input.fields;
        let after = Collection {
            parent: input.parent,
            name: fields.name.trim().to_owned(),
            description: fields.description,
            library,
            sort_by: fields.sort_by,
            external_system: fields.external_system,
            external_id: fields.external_id,
            order,
            suppressed: input.suppressed,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            ..before.clone()
        };
        let mut change = self.change(call, "collection.update", Some(&before), Some(&after));
        change.replace(&after)?;
        let (old_claim, new_claim) = (claim(&before), claim(&after));
        if old_claim.as_ref().map(|claim| &claim.name) != new_claim.as_ref().map(|claim| &claim.name) {
            if let Some(old) = old_claim {
                change.forget(NameClaim::KIND, old.key());
            }
            if let Some(new) = new_claim {
                change.create(&new)?;
            }
        }
        if moves {
            if let Some(old) = &before.parent {
                let old = self.collection(old).await?;
                count_child(&mut change, &old, -1)?;
            }
            if let Some(new) = new_parent {
                count_child(&mut change, &new, 1)?;
            }
        }
        if after.suppressed != before.suppressed {
            let bib = self.bib(&after.mms_id).await?;
            replace_also(&mut change, &bib, &BibRecord { suppressed: after.suppressed, ..bib.clone() })?;
        }
        let shows_otherwise = moves || after.name != before.name || after.suppressed != before.suppressed;
        let owed = shows_otherwise.then(|| self.owe_collection(call, after.id.clone()));
        if let Some(owed) = &owed {
            change.create(owed)?;
        }
        self.commit_named(call, change, NameClaim::KIND, Rule::DuplicateName(after.name.clone())).await?;
        if let Some(owed) = owed {
            self.ask_to_publish(&owed.id).await;
        }
        Ok(Collection { version: before.version + 1, ..after })
    }

    /// Deletes a collection. Its titles stay; `override_titles` allows deleting one that has some (C4).
    ///
    /// # Errors
    /// A collection with sub-collections, or with titles unless `override_titles`.
    pub async fn delete_collection(
        &self,
        call: &Call,
        id: &CollectionId,
        override_titles: bool,
        expected: Option<u64>,
    ) -> Result<(), AppError> {
        let before = self.collection(id).await?;
        call.actor.may(Action::DeleteCollection, Some(&before.library))?;
        check_version("collection", before.version, expected)?;
        if before.child_count > 0 {
            return Err(Rule::HasSubCollections(before.child_count).into());
        }
        let one = PageRequest { limit: 1, ..PageRequest::default() };
        let has_titles = !self.catalog.members_of(id, &one).await?.items.is_empty();
        if has_titles && !override_titles {
            return Err(Rule::HasTitles.into());
        }
        let mut change = self.change(call, "collection.delete", Some(&before), None);
        change.remove(&before);
        if let Some(claim) = claim(&before) {
            change.forget(NameClaim::KIND, claim.key());
        }
        if let Some(parent) = &before.parent {
            let parent = self.collection(parent).await?;
            count_child(&mut change, &parent, -1)?;
        }
        let bib = self.bib(&before.mms_id).await?;
        // It is not listed among what can be taken back: the collection is gone. Its description goes with time.
        let removed = BibRecord { removal: Some(self.removal(call)), ..bib.clone() };
        replace_also(&mut change, &bib, &removed)?;
        self.owe_purge(call, &mut change, &Removable::Title(Box::new(removed)))?;
        // A title put in at this very moment is taken out by the sweep too, so this is owed even when there is none.
        change.create(&self.owe(call, Work::EmptyCollection { collection: id.clone() }, call.now))?;
        Ok(self.commit(call, change).await?)
    }

    pub(crate) async fn collection(&self, id: &CollectionId) -> Result<Collection, AppError> {
        self.catalog.collection(id).await?.ok_or_else(|| AppError::not_found("collection", id))
    }

    /// Loads the parent-to-be and walks up from it, so that nothing comes to lie below itself.
    async fn parent(
        &self,
        parent: Option<&CollectionId>,
        moving: Option<&CollectionId>,
    ) -> Result<Option<Collection>, AppError> {
        let Some(id) = parent else { return Ok(None) };
        let unknown = || Rule::UnknownParent(id.to_string());
        let direct = self.catalog.collection(id).await?.ok_or_else(unknown)?;
        let mut above = Some(direct.clone());
        for _ in 0..MAX_DEPTH {
            let Some(collection) = above else { return Ok(Some(direct)) };
            if Some(&collection.id) == moving {
                return Err(Rule::Cycle.into());
            }
            above = match &collection.parent {
                Some(next) => self.catalog.collection(next).await?,
                None => None,
            };
        }
        Err(Rule::TooDeep(MAX_DEPTH).into())
    }
}

/// A parent gets, or loses, a collection below it.
fn count_child(change: &mut Change, parent: &Collection, more: i32) -> Result<(), StoreError> {
    let child_count = parent.child_count.saturating_add_signed(more);
    replace_also(change, parent, &Collection { child_count, ..parent.clone() })
}

/// The claim to its name that a top-level collection holds.
fn claim(collection: &Collection) -> Option<NameClaim> {
    collection.parent.is_none().then(|| NameClaim::new(&collection.name, &collection.id))
}
