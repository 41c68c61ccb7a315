//! Reading the catalogue: by id strongly consistent, lists through index 1, nothing unbounded.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, PutRequest, Select, WriteRequest};
use serde::de::DeserializeOwned;
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{ApiKey, User};
use vitrine_domain::bib::{BibRecord, Identifier};
use vitrine_domain::collection::{Collection, Membership};
use vitrine_domain::file::DigitalFile;
use vitrine_domain::ids::{CollectionId, EventId, FileId, KeyId, MmsId, RepId, UploadId, UserId};
use vitrine_domain::library::{Library, LibraryCode};
use vitrine_domain::outbox::OutboxRow;
use vitrine_domain::remote::{RemoteRepository, RepositoryCode};
use vitrine_domain::representation::Representation;
use vitrine_domain::structure::Structure;
use vitrine_domain::upload::Upload;

use crate::change::{Attributes, key_attributes};
use crate::error::StoreError;
use crate::keys::{self, Claim, IdentifierEntry, Item, Key};

/// The names of the tables.
#[derive(Debug, Clone)]
pub struct Tables {
    /// Everything current.
    pub catalog: String,
    /// What is out: the only one that the OAI-PMH server reads.
    pub published: String,
    /// Everything that happened; only ever put.
    pub audit: String,
    /// What viewers did, as counts.
    pub usage: String,
}

/// The catalogue.
#[derive(Debug, Clone)]
pub struct Catalog {
    client: aws_sdk_dynamodb::Client,
    tables: Tables,
}

/// A table that items are read and written by key in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Everything current.
    Catalog,
    /// What is out.
    Published,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// At most this many.
    pub limit: u32,
    /// Skip this many; at most [`MAX_OFFSET`].
    pub offset: u32,
    /// Go on after the last item of an earlier page; wins over `offset`.
    pub after: Option<String>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page goes on; `None` at the end.
    pub next: Option<String>,
}

/// The size of a list, counted up to [`MAX_OFFSET`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub number: u32,
    /// Whether there may be more.
    pub at_least: bool,
}

/// Counting and skipping stop here, so that a list's cost is bounded; a cursor goes on without end.
pub const MAX_OFFSET: u32 = 10_000;
/// The most bib records read in one call (ALMA-8).
pub const MAX_BATCH: usize = 100;
/// The most items written in one call.
const WRITE_BATCH: usize = 25;

pub(crate) const INDEX: &str = "index1";
/// Separates the parts of a cursor; no key holds it.
const SEPARATOR: char = '\u{1f}';

impl Catalog {
    /// The catalogue in `tables`.
    pub fn new(client: aws_sdk_dynamodb::Client, tables: Tables) -> Self {
        Self { client, tables }
    }

    pub(crate) fn client(&self) -> &aws_sdk_dynamodb::Client {
        &self.client
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    pub(crate) fn table(&self, table: Table) -> &str {
        match table {
            Table::Catalog => &self.tables.catalog,
            Table::Published => &self.tables.published,
        }
    }

    /// Begins a query of one partition of the table, strongly consistent.
    pub(crate) fn partition(&self, pk: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.catalog)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
            .consistent_read(true)
    }

    /// Begins a query of one partition of index 1.
    fn index(&self, i1pk: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.catalog)
            .index_name(INDEX)
            .key_condition_expression("i1pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(i1pk.to_owned()))
    }

    pub(crate) async fn get<T: Item + DeserializeOwned>(&self, key: Key) -> Result<Option<T>, StoreError> {
        get_item(&self.client, self.table(T::TABLE), &key).await
    }

    /// A bib record, deleted or not.
    pub async fn bib(&self, mms: &MmsId) -> Result<Option<BibRecord>, StoreError> {
        self.get(keys::bib(mms)).await
    }

    /// Up to [`MAX_BATCH`] bib records in one call; those that are not there are left out.
    pub async fn bibs(&self, ids: &[MmsId]) -> Result<Vec<BibRecord>, StoreError> {
        self.batch(ids.iter().map(keys::bib)).await
    }

    /// Up to [`MAX_BATCH`] items in one call, in any order; those that are not there are left out.
    pub(crate) async fn batch<T: Item + DeserializeOwned>(
        &self,
        keys: impl Iterator<Item = Key>,
    ) -> Result<Vec<T>, StoreError> {
        self.batch_each(keys).await?.into_iter().collect()
    }

    /// The same, where an item that can not be read does not hide the others.
    pub(crate) async fn batch_each<T: Item + DeserializeOwned>(
        &self,
        keys: impl Iterator<Item = Key>,
    ) -> Result<Vec<Result<T, StoreError>>, StoreError> {
        // A key that is asked for twice in one call is refused by the service.
        let keys: BTreeSet<_> = keys.take(MAX_BATCH).map(|key| (key.pk, key.sk)).collect();
        let mut wanted: Vec<_> = keys.into_iter().map(|(pk, sk)| key_attributes(&Key { pk, sk })).collect();
        let mut found = Vec::new();
        let mut round = 0;
        while !wanted.is_empty() {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(std::mem::take(&mut wanted)))
                .consistent_read(true)
                .build()
                .map_err(|error| StoreError::unavailable_because("BatchGetItem", error))?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(self.table(T::TABLE), request)
                .send()
                .await
                .map_err(|error| StoreError::of("BatchGetItem", error))?;
            found.extend(answer.responses.unwrap_or_default().into_values().flatten().map(parse::<T>));
            if let Some(left) = answer.unprocessed_keys.unwrap_or_default().remove(self.table(T::TABLE)) {
                wanted = left.keys;
                round = wait_for_rest("BatchGetItem", round).await?;
            }
        }
        Ok(found)
    }

    /// Writes items over what is there, in as few calls as they fit in. Not all at once: whoever calls it can do so again.
    pub(crate) async fn write_all(&self, table: &str, items: Vec<Attributes>) -> Result<(), StoreError> {
        let mut items = items.into_iter().peekable();
        while items.peek().is_some() {
            let puts = items.by_ref().take(WRITE_BATCH).map(|item| {
                let put = PutRequest::builder().set_item(Some(item)).build();
                Ok(WriteRequest::builder().put_request(put?).build())
            });
            let mut left = puts
                .collect::<Result<Vec<_>, BuildError>>()
                .map_err(|error| StoreError::unavailable_because("BatchWriteItem", error))?;
            let mut round = 0;
            while !left.is_empty() {
                let answer = self
                    .client
                    .batch_write_item()
                    .request_items(table, std::mem::take(&mut left))
                    .send()
                    .await
                    .map_err(|error| StoreError::of("BatchWriteItem", error))?;
                left = answer.unprocessed_items.unwrap_or_default().remove(table).unwrap_or_default();
                if !left.is_empty() {
                    round = wait_for_rest("BatchWriteItem", round).await?;
                }
            }
        }
        Ok(())
    }

    /// A representation, deleted or not.
    pub async fn representation(&self, rep: &RepId) -> Result<Option<Representation>, StoreError> {
        self.get(keys::representation(rep)).await
    }

    /// The structure of a representation, empty where it was deleted.
    pub async fn structure(&self, rep: &RepId) -> Result<Option<Structure>, StoreError> {
        self.get(keys::structure(rep)).await
    }

    /// A file, deleted or not.
    pub async fn file(&self, file: &FileId) -> Result<Option<DigitalFile>, StoreError> {
        self.get(keys::file(file)).await
    }
    /// A collection.
    pub async fn collection(&self, id: &CollectionId) -> Result<Option<Collection>, StoreError> {
        self.get(keys::collection(id)).await
    }

    /// An upload.
    pub async fn upload(&self, id: &UploadId) -> Result<Option<Upload>, StoreError> {
        self.get(keys::upload(id)).await
    }

    /// An outbox row.
    pub async fn outbox(&self, id: &EventId) -> Result<Option<OutboxRow>, StoreError> {
        self.get(keys::outbox(id)).await
    }

    /// A user.
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        self.get(keys::user(id)).await
    }

    /// The API key with a hash.
    pub async fn api_key_by_hash(&self, hash: &str) -> Result<Option<ApiKey>, StoreError> {
        self.get(keys::api_key(hash)).await
    }

    /// The API key with a public id.
    pub async fn api_key(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
        let answer = self
            .index(keys::KEYS)
            .key_condition_expression("i1pk = :pk AND i1sk = :sk")
            .expression_attribute_values(":sk", AttributeValue::S(id.as_str().to_owned()))
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        answer.items.unwrap_or_default().into_iter().next().map(parse).transpose()
    }

    /// A library.
    pub async fn library(&self, code: &LibraryCode) -> Result<Option<Library>, StoreError> {
        self.get(keys::library(code)).await
    }

    /// The libraries; an institution has few, and one page holds them.
    pub async fn libraries(&self) -> Result<Vec<Library>, StoreError> {
        let answer =
            self.partition(keys::LIBRARIES).send().await.map_err(|error| StoreError::of("Query", error))?;
        answer.items.unwrap_or_default().into_iter().map(parse).collect()
    }

    /// A remote repository.
    pub async fn remote_repository(
        &self,
        code: &RepositoryCode,
    ) -> Result<Option<RemoteRepository>, StoreError> {
        self.get(keys::remote_repository(code)).await
    }

    /// The remote repositories; an institution has few, and one page holds them.
    pub async fn remote_repositories(&self) -> Result<Vec<RemoteRepository>, StoreError> {
        let answer =
            self.partition(keys::REMOTE).send().await.map_err(|error| StoreError::of("Query", error))?;
        answer.items.unwrap_or_default().into_iter().map(parse).collect()
    }

    /// Which of these remote repositories there are; at most 100 a call.
    pub async fn remote_repositories_by_code(
        &self,
        codes: &[RepositoryCode],
    ) -> Result<Vec<RemoteRepository>, StoreError> {
        self.batch(codes.iter().map(keys::remote_repository)).await
    }

    /// Up to `limit` titles with an identifier.
    pub async fn bibs_with(&self, identifier: &Identifier, limit: u32) -> Result<Vec<MmsId>, StoreError> {
        Ok(self.holders_of(identifier, limit).await?.0)
    }

    /// Up to `limit` titles with an identifier, and the claim on it where there is one: one query.
    pub async fn holders_of(
        &self,
        identifier: &Identifier,
        limit: u32,
    ) -> Result<(Vec<MmsId>, Option<Claim>), StoreError> {
        let answer = self
            .partition(&keys::identifier(identifier))
            .limit(service_limit(limit.saturating_add(1)))
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        let (mut titles, mut claim) = (Vec::new(), None);
        for attributes in answer.items.unwrap_or_default() {
            let is_claim =
                attributes.get("sk").and_then(|sk| sk.as_s().ok()).is_some_and(|sk| sk == keys::CLAIM);
            if is_claim {
                claim = Some(parse::<Claim>(attributes)?);
            } else {
                titles.push(parse::<IdentifierEntry>(attributes)?.mms_id);
            }
        }
        titles.truncate(limit as usize);
        Ok((titles, claim))
    }

    /// A title's representations, in order.
    pub async fn representations_of(
        &self,
        mms: &MmsId,
        page: &PageRequest,
    ) -> Result<Page<Representation>, StoreError> {
        self.list(keys::representations_of(mms), page).await
    }

    /// A representation's files, in order.
    pub async fn files_of(&self, rep: &RepId, page: &PageRequest) -> Result<Page<DigitalFile>, StoreError> {
        self.list(keys::files_of(rep), page).await
    }

    /// The collections below `parent`, in order.
    pub async fn children_of(
        &self,
        parent: Option<&CollectionId>,
        page: &PageRequest,
    ) -> Result<Page<Collection>, StoreError> {
        self.list(keys::children_of(parent), page).await
    }

    /// The titles of a collection, by title.
    pub async fn members_of(
        &self,
        collection: &CollectionId,
        page: &PageRequest,
    ) -> Result<Page<Membership>, StoreError> {
        self.list(keys::members_of(collection), page).await
    }

    /// The users, by id.
    pub async fn users(&self, page: &PageRequest) -> Result<Page<User>, StoreError> {
        self.list(keys::USERS.to_owned(), page).await
    }

    /// The API keys, by public id.
    pub async fn api_keys(&self, page: &PageRequest) -> Result<Page<ApiKey>, StoreError> {
        self.list(keys::KEYS.to_owned(), page).await
    }

    /// How many files a representation has.
    pub async fn count_files_of(&self, rep: &RepId) -> Result<Count, StoreError> {
        self.count(keys::files_of(rep)).await
    }

    /// How many titles a collection has.
    pub async fn count_members_of(&self, collection: &CollectionId) -> Result<Count, StoreError> {
        self.count(keys::members_of(collection)).await
    }

    /// How many collections are below `parent`.
    pub async fn count_children_of(&self, parent: Option<&CollectionId>) -> Result<Count, StoreError> {
        self.count(keys::children_of(parent)).await
    }

    /// How many users there are.
    pub async fn count_users(&self) -> Result<Count, StoreError> {
        self.count(keys::USERS.to_owned()).await
    }

    /// How many API keys there are.
    pub async fn count_api_keys(&self) -> Result<Count, StoreError> {
        self.count(keys::KEYS.to_owned()).await
    }

    /// The outbox rows of one shard that are due at `now`, the longest due first.
    pub async fn due(&self, shard: u8, now: Timestamp, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        // `~` sorts after every digit and `#`, so rows due in this very millisecond are in.
        let until = format!("{}~", keys::instant(now));
        let answer = self
            .index(&keys::due(shard))
            .key_condition_expression("i1pk = :pk AND i1sk <= :until")
            .expression_attribute_values(":until", AttributeValue::S(until))
            .limit(service_limit(limit))
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        answer.items.unwrap_or_default().into_iter().map(parse).collect()
    }

    pub(crate) async fn list<T: Item + DeserializeOwned>(
        &self,
        partition: String,
        page: &PageRequest,
    ) -> Result<Page<T>, StoreError> {
        let found = self.list_each(partition, page).await?;
        Ok(Page { items: found.items.into_iter().collect::<Result<_, _>>()?, next: found.next })
    }

    /// A list in which an item that can not be read does not hide the others.
    pub(crate) async fn list_each<T: Item + DeserializeOwned>(
        &self,
        partition: String,
        page: &PageRequest,
    ) -> Result<Page<Result<T, StoreError>>, StoreError> {
        let mut start = page.after.as_deref().and_then(|cursor| start_key(&partition, cursor));
        if start.is_none() && page.after.is_none() && page.offset > 0 {
            match self.skip(&partition, page.offset.min(MAX_OFFSET)).await? {
                Some(key) => start = Some(key),
                None => return Ok(Page { items: Vec::new(), next: None }),
            }
        }
        if page.limit == 0 {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let mut items = Vec::new();
        loop {
            let wanted = page.limit.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
            let answer = self
                .index(&partition)
                .set_exclusive_start_key(start.take())
                .limit(service_limit(wanted))
                .send()
                .await
                .map_err(|error| StoreError::of("Query", error))?;
            items.extend(answer.items.unwrap_or_default().into_iter().map(parse::<T>));
            // A page ends early at 1 MB; go on until it is full or the list is.
            start = answer.last_evaluated_key;
            if start.is_none() || items.len() >= page.limit as usize {
                return Ok(Page { items, next: start.as_ref().and_then(cursor) });
            }
        }
    }

    /// One page of a list's part, as large as the service makes it.
    pub(crate) async fn list_between<T: Item + DeserializeOwned>(
        &self,
        partition: String,
        (from, to): (String, String),
        after: Option<String>,
    ) -> Result<Page<T>, StoreError> {
        let answer = self
            .index(&partition)
            .key_condition_expression("i1pk = :pk AND i1sk BETWEEN :from AND :to")
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .set_exclusive_start_key(after.and_then(|cursor| start_key(&partition, &cursor)))
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        let items = answer.items.unwrap_or_default().into_iter().map(parse::<T>).collect::<Result<_, _>>()?;
        Ok(Page { items, next: answer.last_evaluated_key.as_ref().and_then(cursor) })
    }

    /// The key of the item before which `offset` items lie; `None` when the list is not longer than that.
    async fn skip(&self, partition: &str, offset: u32) -> Result<Option<Attributes>, StoreError> {
        let mut left = offset;
        let mut start = None;
        while left > 0 {
            let answer = self
                .index(partition)
                .select(Select::Count)
                .set_exclusive_start_key(start.take())
                .limit(service_limit(left))
                .send()
                .await
                .map_err(|error| StoreError::of("Query", error))?;
            left = left.saturating_sub(u32::try_from(answer.count).unwrap_or(0));
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(None);
            }
        }
        Ok(start)
    }

    pub(crate) async fn count(&self, partition: String) -> Result<Count, StoreError> {
        let mut number = 0_u32;
        let mut start = None;
        loop {
            let answer = self
                .index(&partition)
                .select(Select::Count)
                .set_exclusive_start_key(start.take())
                .limit(service_limit(MAX_OFFSET - number))
                .send()
                .await
                .map_err(|error| StoreError::of("Query", error))?;
            number = number.saturating_add(u32::try_from(answer.count).unwrap_or(0));
            start = answer.last_evaluated_key;
            if start.is_none() || number >= MAX_OFFSET {
                return Ok(Count { number, at_least: start.is_some() });
            }
        }
    }
}

/// One item by its key, strongly consistent.
pub(crate) async fn get_item<T: Item + DeserializeOwned>(
    client: &aws_sdk_dynamodb::Client,
    table: &str,
    key: &Key,
) -> Result<Option<T>, StoreError> {
    let answer = client
        .get_item()
        .table_name(table)
        .set_key(Some(key_attributes(key)))
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| StoreError::of("GetItem", error))?;
    answer.item.map(parse).transpose()
}

/// How often what the service left over of a batch is sent again.
const MAX_ROUNDS: u32 = 10;

/// Waits before what a batch left over is sent again, longer each time, and returns the number of the next round.
async fn wait_for_rest(operation: &'static str, round: u32) -> Result<u32, StoreError> {
    if round >= MAX_ROUNDS {
        let error = std::io::Error::other("the service left a part of the batch over again and again");
        return Err(StoreError::unavailable_because(operation, error));
    }
    tokio::time::sleep(std::time::Duration::from_millis(20_u64 << round)).await;
    Ok(round + 1)
}

pub(crate) fn service_limit(limit: u32) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX).max(1)
}

pub(crate) fn parse<T: Item + DeserializeOwned>(attributes: Attributes) -> Result<T, StoreError> {
    let key = attributes.get("pk").and_then(|pk| pk.as_s().ok()).cloned().unwrap_or_default();
    serde_dynamo::from_item(attributes).map_err(|source| StoreError::Malformed {
        key,
        kind: T::KIND,
        source: Box::new(source),
    })
}

/// Writes down where a list goes on: the index sort key and the item's own key.
pub(crate) fn cursor(last: &HashMap<String, AttributeValue>) -> Option<String> {
    let part = |name: &str| last.get(name).and_then(|value| value.as_s().ok());
    Some(format!("{}{SEPARATOR}{}{SEPARATOR}{}", part("i1sk")?, part("pk")?, part("sk")?))
}

/// Reads a cursor; the partition is ours, so a forged cursor can only move within its own list.
pub(crate) fn start_key(partition: &str, cursor: &str) -> Option<Attributes> {
    let parts: Vec<&str> = cursor.split(SEPARATOR).collect();
    let [i1sk, pk, sk] = parts.as_slice() else { return None };
    let text = |value: &str| AttributeValue::S(value.to_owned());
    Some(HashMap::from([
        ("i1pk".to_owned(), text(partition)),
        ("i1sk".to_owned(), text(i1sk)),
        ("pk".to_owned(), text(pk)),
        ("sk".to_owned(), text(sk)),
    ]))
}
