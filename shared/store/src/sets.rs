//! What sets keep in the catalogue, and the walks over titles that they and everything else about many titles need.
//!
//! An item of a walk that can not be read is given as an error in its place, so that one does not hide the others.

use vitrine_domain::bib::BibRecord;
use vitrine_domain::collection::{Collection, Membership};
use vitrine_domain::file::DigitalFile;
use vitrine_domain::ids::{CollectionId, MmsId, RepId, SetId};
use vitrine_domain::representation::Representation;
use vitrine_domain::set::{Set, SetMember};

use crate::catalog::{Catalog, Count, Page, PageRequest};
use crate::error::StoreError;
use crate::keys;

/// A part of a list whose items are read one by one.
pub type PageOfEach<T> = Page<Result<T, StoreError>>;

impl Catalog {
    /// A set, as it was last written.
    pub async fn set(&self, id: &SetId) -> Result<Option<Set>, StoreError> {
        self.get(keys::set(id)).await
    }

    /// Up to 100 sets, in any order; those that are not there are left out.
    pub async fn sets_by_id(&self, ids: &[SetId]) -> Result<Vec<Set>, StoreError> {
        self.batch(ids.iter().map(keys::set)).await
    }

    /// The places of one member in up to 100 itemized sets, in any order.
    pub async fn memberships(&self, member: &str, sets: &[SetId]) -> Result<Vec<SetMember>, StoreError> {
        self.batch(sets.iter().map(|set| keys::set_member(set, member))).await
    }

    /// The sets, by name.
    pub async fn sets(&self, page: &PageRequest) -> Result<Page<Set>, StoreError> {
        self.list(keys::SETS.to_owned(), page).await
    }

    /// How many sets there are.
    pub async fn count_sets(&self) -> Result<Count, StoreError> {
        self.count(keys::SETS.to_owned()).await
    }

    /// One member of an itemized set, as it was last written.
    pub async fn set_member(&self, set: &SetId, member: &str) -> Result<Option<SetMember>, StoreError> {
        self.get(keys::set_member(set, member)).await
    }

    /// Which of these are members of an itemized set; at most 100 a call, in any order.
    pub async fn set_members_by_id(&self, set: &SetId, ids: &[String]) -> Result<Vec<SetMember>, StoreError> {
        self.batch(ids.iter().map(|id| keys::set_member(set, id))).await
    }

    /// The members of an itemized set, by id. Eventually consistent.
    pub async fn members_of_set(
        &self,
        set: &SetId,
        page: &PageRequest,
    ) -> Result<PageOfEach<SetMember>, StoreError> {
        self.list_each(keys::members_of_set(set), page).await
    }

    /// The titles of one of [`keys::TITLE_SHARDS`] shards, by title.
    pub async fn titles_of_shard(
        &self,
        shard: u8,
        page: &PageRequest,
    ) -> Result<PageOfEach<BibRecord>, StoreError> {
        self.list_each(keys::titles(shard), page).await
    }

    /// The titles of a collection, by title.
    pub async fn members_each(
        &self,
        collection: &CollectionId,
        page: &PageRequest,
    ) -> Result<PageOfEach<Membership>, StoreError> {
        self.list_each(keys::members_of(collection), page).await
    }

    /// A title's representations, in order.
    pub async fn representations_each_of(
        &self,
        mms: &MmsId,
        page: &PageRequest,
    ) -> Result<PageOfEach<Representation>, StoreError> {
        self.list_each(keys::representations_of(mms), page).await
    }

    /// A representation's files, in order.
    pub async fn files_each_of(
        &self,
        rep: &RepId,
        page: &PageRequest,
    ) -> Result<PageOfEach<DigitalFile>, StoreError> {
        self.list_each(keys::files_of(rep), page).await
    }

    /// Up to 100 bib records, in any order; those that are not there are left out.
    pub async fn bibs_each(&self, ids: &[MmsId]) -> Result<Vec<Result<BibRecord, StoreError>>, StoreError> {
        self.batch_each(ids.iter().map(keys::bib)).await
    }

    /// Up to 100 representations, in any order; those that are not there are left out.
    pub async fn representations_each(
        &self,
        ids: &[RepId],
    ) -> Result<Vec<Result<Representation, StoreError>>, StoreError> {
        self.batch_each(ids.iter().map(keys::representation)).await
    }

    /// Up to 100 collections, in any order; those that are not there are left out.
    pub async fn collections_each(
        &self,
        ids: &[CollectionId],
    ) -> Result<Vec<Result<Collection, StoreError>>, StoreError> {
        self.batch_each(ids.iter().map(keys::collection)).await
    }
}
