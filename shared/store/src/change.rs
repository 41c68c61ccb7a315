//! One change: everything it writes, in one transaction with its audit rows, one for each thing that has a history.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use sha2::{Digest, Sha256};
use vitrine_domain::audit::{AuditRow, Sides};
use vitrine_domain::ids::MmsId;
use vitrine_domain::outbox::{OutboxRow, Work};

use crate::catalog::{Catalog, Table};
use crate::error::StoreError;
use crate::keys::{self, Claim, Item, Key, Versioned};
use crate::size::{MAX_CHANGE_BYTES, MAX_ITEM_BYTES, item_bytes};

/// The version of the shape in which items are written.
pub const SCHEMA: u32 = 1;
/// The most items that one transaction takes.
pub const MAX_ITEMS: usize = 100;
/// How often a transaction that met another one, or was told to slow down, is sent again.
const MAX_TRIES: u32 = 6;

const AUDIT_ROW: &str = "audit row";
const LOG_ROW: &str = "published row";
/// The longest token that a transaction takes.
const MAX_TOKEN: usize = 36;

const TRANSACTION: &str = "TransactWriteItems";
/// Why an item cancels a transaction whose expectation of it does not hold.
const FAILED_CHECK: &str = "ConditionalCheckFailed";
/// Why an item cancels a transaction that can succeed when it is sent again.
const PASSING: [&str; 3] = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// Why a change was not made. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Something that should be new is there already.
    #[error("there is such a {0} already")]
    Exists(&'static str),
    /// Something was written or removed since it was read.
    #[error("the {0} was changed by someone else")]
    Changed(&'static str),
    /// The table failed.
    #[error("the change could not be stored")]
    Store(#[from] StoreError),
}

enum Expectation {
    New,
    Unchanged,
    Nothing,
}

struct Operation {
    kind: &'static str,
    table: Table,
    expects: Expectation,
    write: Write,
}

enum Write {
    Put(Attributes, Option<u64>),
    Delete(Key, Option<u64>),
}

impl Write {
    fn partition(&self) -> &str {
        match self {
            Write::Put(attributes, _) => {
                attributes.get("pk").and_then(|pk| pk.as_s().ok()).map_or("", String::as_str)
            }
            Write::Delete(key, _) => &key.pk,
        }
    }
}

/// The writes of one change. Build it from values that were loaded and decided on, then [`Catalog::commit`] it once.
pub struct Change {
    audit: Option<AuditRow>,
    also: Vec<AuditRow>,
    /// What makes a repeated commit the same commit.
    identity: String,
    operations: Vec<Operation>,
    titles: BTreeSet<MmsId>,
}

impl Change {
    /// A change that `audit` tells of; its event id makes a repeated commit the same commit.
    pub fn new(audit: AuditRow) -> Self {
        let identity = format!("{}\n{}", audit.subject, audit.id);
        Self {
            audit: Some(audit),
            also: Vec::new(),
            identity,
            operations: Vec::new(),
            titles: BTreeSet::new(),
        }
    }

    /// Tells of another thing that the change changes; of each thing once.
    pub fn also(&mut self, subject: String, sides: Sides) {
        let told = self.audit_rows().any(|row| row.subject == subject);
        if let Some(audit) = self.audit.as_ref().filter(|_| !told) {
            self.also.push(audit.of(subject, sides));
        }
    }

    fn audit_rows(&self) -> impl Iterator<Item = &AuditRow> {
        self.audit.iter().chain(&self.also)
    }

    /// The first thing with a history that the change writes and does not tell of.
    fn untold(&self) -> Option<(&'static str, &str)> {
        let written = self.operations.iter().filter(|it| keys::WITH_HISTORY.contains(&it.kind));
        written
            .map(|it| (it.kind, it.write.partition()))
            .find(|(_, partition)| self.audit_rows().all(|row| row.subject != *partition))
    }

    /// A change of what only follows from other items, and has no history of its own.
    pub(crate) fn derived(identity: String) -> Self {
        Self { audit: None, also: Vec::new(), identity, operations: Vec::new(), titles: BTreeSet::new() }
    }

    /// The titles of which it changes something that others may be told of.
    pub fn titles(&self) -> impl Iterator<Item = &MmsId> {
        self.titles.iter()
    }

    /// What the service knows the transaction by; it takes at most 36 characters.
    ///
    /// The subject is in it because events of one call are minted in one millisecond, and then two of many can have
    /// the same id.
    fn token(&self, table: &str) -> String {
        // Tokens are an account's, and several stacks can live in one.
        let mut token = hex::encode(Sha256::digest(format!("{table}\n{}", self.identity)));
        token.truncate(MAX_TOKEN);
        token
    }

    /// Writes a new item; the change fails with [`CommitError::Exists`] where there is one.
    ///
    /// # Errors
    /// When the item can not be written down.
    pub fn create<I: Item>(&mut self, item: &I) -> Result<(), StoreError> {
        let attributes = attributes(item, 1)?;
        self.titles.extend(item.published_title().cloned());
        self.push::<I>(Expectation::New, Write::Put(attributes, None));
        Ok(())
    }

    /// Writes over the version that was read; [`CommitError::Changed`] where another was written since.
    ///
    /// # Errors
    /// When the item can not be written down.
    pub fn replace<I: Versioned>(&mut self, item: &I) -> Result<(), StoreError> {
        let attributes = attributes(item, item.version() + 1)?;
        self.titles.extend(item.published_title().cloned());
        self.push::<I>(Expectation::Unchanged, Write::Put(attributes, Some(item.version())));
        Ok(())
    }

    /// Writes whatever was there before; for entries that only repeat what another item says.
    ///
    /// # Errors
    /// When the item can not be written down.
    pub fn put<I: Item>(&mut self, item: &I) -> Result<(), StoreError> {
        let attributes = attributes(item, 1)?;
        self.push::<I>(Expectation::Nothing, Write::Put(attributes, None));
        Ok(())
    }

    /// Removes the version that was read; [`CommitError::Changed`] where another was written since.
    pub fn remove<I: Versioned>(&mut self, item: &I) {
        self.push::<I>(Expectation::Unchanged, Write::Delete(item.key(), Some(item.version())));
    }

    /// Removes whatever is there; nothing is fine.
    pub fn forget(&mut self, kind: &'static str, key: Key) {
        self.add(kind, Table::Catalog, Expectation::Nothing, Write::Delete(key, None));
    }

    /// Gives up the names that are no longer used and takes those that are new; what is in both stays as it is.
    ///
    /// # Errors
    /// When a claim can not be written down.
    pub fn rename(&mut self, old: &[Claim], new: &[Claim]) -> Result<(), StoreError> {
        let among = |claims: &[Claim], name: &str| claims.iter().any(|claim| claim.name == name);
        for claim in old.iter().filter(|claim| !among(new, &claim.name)) {
            self.forget(Claim::KIND, keys::claim(&claim.name));
        }
        for claim in new.iter().filter(|claim| !among(old, &claim.name)) {
            self.create(claim)?;
        }
        Ok(())
    }

    /// Writes down what is owed for one of its titles.
    ///
    /// # Errors
    /// When the row can not be written down.
    pub fn owe(&mut self, row: &OutboxRow) -> Result<(), StoreError> {
        if let Work::Publish { mms_id } = &row.work {
            self.titles.remove(mms_id);
        }
        self.create(row)
    }

    /// Writes a row of a published log whatever was there before.
    pub(crate) fn put_row(&mut self, attributes: Attributes) {
        self.add(LOG_ROW, Table::Published, Expectation::Nothing, Write::Put(attributes, None));
    }

    /// Removes a row of a published log.
    pub(crate) fn forget_row(&mut self, key: Key) {
        self.add(LOG_ROW, Table::Published, Expectation::Nothing, Write::Delete(key, None));
    }

    /// How many items it writes, the audit rows and what it will owe included.
    pub fn len(&self) -> usize {
        self.operations.len() + self.audit_rows().count() + self.titles.len()
    }

    /// Whether it writes nothing but its audit rows.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Refuses what the table would refuse, and says which item it is.
    fn check_size(&self) -> Result<(), StoreError> {
        if self.len() > MAX_ITEMS {
            return Err(StoreError::TooLarge(self.len()));
        }
        if let Some((kind, key)) = self.untold() {
            return Err(StoreError::NoHistory { kind, key: key.to_owned() });
        }
        let mut all_bytes: usize = self.audit_rows().map(|row| item_bytes(&audit_attributes(row))).sum();
        for operation in &self.operations {
            let Write::Put(attributes, _) = &operation.write else { continue };
            let size_bytes = item_bytes(attributes);
            if size_bytes > MAX_ITEM_BYTES {
                let key = attributes.get("pk").and_then(|pk| pk.as_s().ok()).cloned().unwrap_or_default();
                return Err(StoreError::ItemTooLarge { kind: operation.kind, key, size_bytes });
            }
            all_bytes += size_bytes;
        }
        if all_bytes > MAX_CHANGE_BYTES {
            return Err(StoreError::TooManyBytes(all_bytes));
        }
        Ok(())
    }

    fn push<I: Item>(&mut self, expects: Expectation, write: Write) {
        self.add(I::KIND, I::TABLE, expects, write);
    }

    fn add(&mut self, kind: &'static str, table: Table, expects: Expectation, write: Write) {
        self.operations.push(Operation { kind, table, expects, write });
    }
}

pub(crate) fn attributes<I: Item>(item: &I, version: u64) -> Result<Attributes, StoreError> {
    let key = item.key();
    let mut attributes: Attributes = serde_dynamo::to_item(item).map_err(|source| StoreError::Malformed {
        key: key.pk.clone(),
        kind: I::KIND,
        source: Box::new(source),
    })?;
    attributes.insert("pk".into(), AttributeValue::S(key.pk));
    attributes.insert("sk".into(), AttributeValue::S(key.sk));
    if let Some(index) = item.index() {
        attributes.insert("i1pk".into(), AttributeValue::S(index.pk));
        attributes.insert("i1sk".into(), AttributeValue::S(index.sk));
    }
    attributes.insert("schema".into(), AttributeValue::N(SCHEMA.to_string()));
    attributes.insert("version".into(), AttributeValue::N(version.to_string()));
    Ok(attributes)
}

pub(crate) fn key_attributes(key: &Key) -> Attributes {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(key.pk.clone())),
        ("sk".to_owned(), AttributeValue::S(key.sk.clone())),
    ])
}

const UNCHANGED: &str = "#version = :version";

fn names(version: Option<u64>) -> Option<HashMap<String, String>> {
    version.map(|_| HashMap::from([("#version".to_owned(), "version".to_owned())]))
}

fn values(version: Option<u64>) -> Option<Attributes> {
    version.map(|version| HashMap::from([(":version".to_owned(), AttributeValue::N(version.to_string()))]))
}

impl Catalog {
    /// Makes a change, whole or not at all.
    ///
    /// A transaction that met another one, or that the service asked to repeat, is sent again with growing pauses; the
    /// event id is its token, so sending it twice makes it once. The service remembers a token for ten minutes; after
    /// that the audit row, which is there already, tells that the change was made.
    ///
    /// # Errors
    /// [`CommitError::Exists`] and [`CommitError::Changed`] name the first item whose expectation did not hold;
    /// [`StoreError::Refused`] is for good, as are a change and an item that are too large.
    pub async fn commit(&self, change: &Change) -> Result<(), CommitError> {
        change.check_size()?;
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.send(change).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let canceled = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => Some(canceled),
                _ => None,
            };
            if error.code() == Some("IdempotentParameterMismatchException") {
                // Another change was given the same id, and was made: this one needs a new one.
                return Err(CommitError::Exists(AUDIT_ROW));
            }
            let codes: Vec<&str> = canceled
                .map(|c| c.cancellation_reasons().iter().map(|r| r.code().unwrap_or("None")).collect())
                .unwrap_or_default();
            // The audit rows are the last items and new with every event; the first is there when the change was made.
            if codes.get(change.operations.len()) == Some(&FAILED_CHECK) {
                return Ok(());
            }
            if let Some(failed) = codes.iter().position(|code| *code == FAILED_CHECK) {
                return Err(match change.operations.get(failed) {
                    Some(Operation { kind, expects: Expectation::New, .. }) => CommitError::Exists(kind),
                    Some(Operation { kind, .. }) => CommitError::Changed(kind),
                    None => CommitError::Exists(AUDIT_ROW),
                });
            }
            let lasting =
                codes.iter().enumerate().find(|(_, code)| **code != "None" && !PASSING.contains(code));
            if let Some((at, code)) = lasting {
                let what = change.operations.get(at).map_or(AUDIT_ROW, |operation| operation.kind);
                let code = (*code).to_owned();
                let source = Box::new(error);
                return Err(StoreError::Refused { operation: TRANSACTION, what, code, source }.into());
            }
            let meets_another = matches!(
                error.code(),
                Some("TransactionInProgressException" | "TransactionConflictException")
            );
            if codes.is_empty() && !meets_another {
                return Err(StoreError::of(TRANSACTION, error).into());
            }
            if tries >= MAX_TRIES {
                return Err(StoreError::unavailable_because(TRANSACTION, error).into());
            }
            tokio::time::sleep(pause(tries, &change.identity)).await;
        }
    }

    async fn send(
        &self,
        change: &Change,
    ) -> Result<
        (),
        aws_sdk_dynamodb::error::SdkError<
            TransactWriteItemsError,
            aws_sdk_dynamodb::config::http::HttpResponse,
        >,
    > {
        let catalog = &self.tables().catalog;
        let mut items = Vec::with_capacity(change.len());
        for operation in &change.operations {
            items.push(transact(self.table(operation.table), operation)?);
        }
        for row in change.audit_rows() {
            let audit = Put::builder()
                .table_name(&self.tables().audit)
                .set_item(Some(audit_attributes(row)))
                .condition_expression("attribute_not_exists(pk)")
                .build()?;
            items.push(TransactWriteItem::builder().put(audit).build());
        }
        self.client()
            .transact_write_items()
            .set_transact_items(Some(items))
            .client_request_token(change.token(catalog))
            .send()
            .await?;
        Ok(())
    }
}

fn transact(
    table: &str,
    operation: &Operation,
) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
    let item = TransactWriteItem::builder();
    Ok(match &operation.write {
        Write::Put(attributes, version) => {
            let condition = match operation.expects {
                Expectation::New => Some("attribute_not_exists(pk)".to_owned()),
                Expectation::Unchanged => Some(UNCHANGED.to_owned()),
                Expectation::Nothing => None,
            };
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(attributes.clone()))
                .set_condition_expression(condition)
                .set_expression_attribute_names(names(*version))
                .set_expression_attribute_values(values(*version))
                .build()?;
            item.put(put).build()
        }
        Write::Delete(key, version) => {
            let delete = Delete::builder()
                .table_name(table)
                .set_key(Some(key_attributes(key)))
                .set_condition_expression(version.map(|_| UNCHANGED.to_owned()))
                .set_expression_attribute_names(names(*version))
                .set_expression_attribute_values(values(*version))
                .build()?;
            item.delete(delete).build()
        }
    })
}

/// Audit rows are plain texts, so this can not fail.
fn audit_attributes(row: &AuditRow) -> Attributes {
    let key = keys::audit(row);
    let index = keys::audit_index(row);
    let mut attributes = key_attributes(&key);
    let mut text =
        |name: &str, value: &str| attributes.insert(name.to_owned(), AttributeValue::S(value.to_owned()));
    text("id", row.id.as_str());
    text("subject", &row.subject);
    text("action", &row.action);
    text("actor", row.actor.as_str());
    text("origin", &row.origin.to_string());
    text("request_id", &row.request_id);
    text("at", &row.at.to_string());
    text("i1pk", &index.pk);
    text("i1sk", &index.sk);
    for (name, value) in [
        ("before", &row.before),
        ("after", &row.after),
        ("before_sha256", &row.before_sha256),
        ("after_sha256", &row.after_sha256),
    ] {
        if let Some(value) = value {
            text(name, value);
        }
    }
    attributes.insert("schema".into(), AttributeValue::N(SCHEMA.to_string()));
    attributes
}

/// A pause that doubles with each try and differs from change to change, so that two that met do not meet again.
fn pause(tries: u32, identity: &str) -> Duration {
    let spread = identity
        .bytes()
        .fold(u64::from(tries), |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let base = 10_u64 << tries.min(6);
    Duration::from_millis(base + spread % base)
}
