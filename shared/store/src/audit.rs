//! What happened: the history of one thing, all audit rows of an hour, and the seals over them (D24, ADR 0010).
//!
//! The table only grows: nothing here changes or deletes an item.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;
use vitrine_domain::audit::AuditRow;

use crate::catalog::{Catalog, INDEX, Page, cursor, service_limit, start_key};
use crate::change::{Attributes, key_attributes};
use crate::error::StoreError;
use crate::keys::{self, Key};

/// An audit row as it is stored, whatever has become of it: what a seal covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// The partition: what it tells of.
    pub subject: String,
    /// The sort key: when, and in which event.
    pub key: String,
    /// Every attribute that is no key of the index, as one JSON object with its names in order.
    pub record: String,
}

/// A manifest of an hour's audit rows, as the table repeats it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredSeal {
    /// The hour, in UTC: `2026-11-24T15`.
    pub hour: String,
    /// The manifest, byte for byte.
    pub manifest: String,
}

/// Attributes that only say where a row is listed.
const INDEX_KEYS: [&str; 2] = ["i1pk", "i1sk"];

impl Catalog {
    /// What happened to one thing, the newest first.
    pub async fn history(
        &self,
        subject: &str,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<AuditRow>, StoreError> {
        let start = after.map(|key| key_attributes(&Key { pk: subject.to_owned(), sk: key.to_owned() }));
        let answer = self
            .audit_partition(subject)
            .scan_index_forward(false)
            .limit(service_limit(limit))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        let rows = answer.items.unwrap_or_default().into_iter().map(|attributes| {
            serde_dynamo::from_item(attributes).map_err(|source| StoreError::Malformed {
                key: subject.to_owned(),
                kind: "audit row",
                source: Box::new(source),
            })
        });
        Ok(Page {
            items: rows.collect::<Result<_, _>>()?,
            next: answer.last_evaluated_key.as_ref().and_then(sort_key),
        })
    }

    /// The audit rows of one shard of an hour, in order. Eventually consistent.
    pub async fn audited(
        &self,
        hour: &str,
        shard: u8,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<StoredRow>, StoreError> {
        let partition = keys::audited(hour, shard);
        let answer = self
            .client()
            .query()
            .table_name(&self.tables().audit)
            .index_name(INDEX)
            .key_condition_expression("i1pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition.clone()))
            .limit(service_limit(limit))
            .set_exclusive_start_key(after.and_then(|cursor| start_key(&partition, cursor)))
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        let items = answer.items.unwrap_or_default().into_iter().map(stored).collect();
        Ok(Page { items, next: answer.last_evaluated_key.as_ref().and_then(cursor) })
    }

    /// The seals from one hour to another, both included, the oldest first.
    pub async fn seals(
        &self,
        (from, to): (&str, &str),
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<StoredSeal>, StoreError> {
        let start =
            after.map(|hour| key_attributes(&Key { pk: keys::SEALS.to_owned(), sk: hour.to_owned() }));
        let answer = self
            .audit_partition(keys::SEALS)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":from", AttributeValue::S(from.to_owned()))
            .expression_attribute_values(":to", AttributeValue::S(to.to_owned()))
            .limit(service_limit(limit))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        let items = answer.items.unwrap_or_default().into_iter().map(seal).collect::<Result<_, _>>()?;
        Ok(Page { items, next: answer.last_evaluated_key.as_ref().and_then(sort_key) })
    }

    /// The newest seal.
    pub async fn last_seal(&self) -> Result<Option<StoredSeal>, StoreError> {
        let answer = self
            .audit_partition(keys::SEALS)
            .scan_index_forward(false)
            .limit(1)
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        answer.items.unwrap_or_default().into_iter().next().map(seal).transpose()
    }

    /// Repeats a manifest in the table, where there is none of its hour.
    pub async fn keep_seal(&self, seal: &StoredSeal) -> Result<(), StoreError> {
        let mut attributes = key_attributes(&Key { pk: keys::SEALS.to_owned(), sk: seal.hour.clone() });
        attributes.insert("hour".to_owned(), AttributeValue::S(seal.hour.clone()));
        attributes.insert("manifest".to_owned(), AttributeValue::S(seal.manifest.clone()));
        let answer = self
            .client()
            .put_item()
            .table_name(&self.tables().audit)
            .set_item(Some(attributes))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(()),
            Err(error) => Err(StoreError::of("PutItem", error)),
        }
    }

    fn audit_partition(&self, pk: &str) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.client()
            .query()
            .table_name(&self.tables().audit)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
            .consistent_read(true)
    }
}

fn seal(attributes: Attributes) -> Result<StoredSeal, StoreError> {
    serde_dynamo::from_item(attributes).map_err(|source| StoreError::Malformed {
        key: keys::SEALS.to_owned(),
        kind: "seal",
        source: Box::new(source),
    })
}

/// Writes a row down for a digest: whatever is in it, so that nothing in it can be changed unseen.
fn stored(attributes: Attributes) -> StoredRow {
    let text = |name: &str| attributes.get(name).map(spelled).unwrap_or_default();
    let (subject, key) = (text("pk"), text("sk"));
    let told: BTreeMap<&String, String> = attributes
        .iter()
        .filter(|(name, _)| !INDEX_KEYS.contains(&name.as_str()))
        .map(|(name, value)| (name, spelled(value)))
        .collect();
    StoredRow { subject, key, record: serde_json::json!(told).to_string() }
}

/// Our rows hold texts and numbers; what else was put there is spelled so that it is seen.
fn spelled(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

fn sort_key(last: &HashMap<String, AttributeValue>) -> Option<String> {
    last.get("sk").and_then(|sk| sk.as_s().ok()).cloned()
}
