//! Usage: what each viewer did, counted where it is written and for days only; and the daily reports made of it (U1).
//!
//! No item is written by everyone: each viewer has one of its own for each thing and measure. That item also tells a
//! double click, so that counting is one call, and sending it twice counts once.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::de::DeserializeOwned;
use vitrine_domain::Timestamp;
use vitrine_domain::outbox::SHARDS;
use vitrine_domain::usage::{DOUBLE_CLICK_MS, Seen, UsageBy, UsageRow};

use crate::catalog::{Catalog, Page, service_limit};
use crate::change::{Attributes, key_attributes};
use crate::error::StoreError;
use crate::keys::{self, Key};

/// How far reports have been made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reported {
    /// The last day whose report is final.
    pub until: String,
    /// When the report of the day after was last made.
    pub at: Timestamp,
}

impl Catalog {
    /// The secret of a day: `fresh` where there is none yet. It is gone when the day's viewers are.
    pub async fn usage_salt(&self, day: &str, fresh: &str, gone_at: Timestamp) -> Result<String, StoreError> {
        let answer = self
            .client()
            .update_item()
            .table_name(&self.tables().usage)
            .set_key(Some(key_attributes(&keys::usage_salt(day))))
            .update_expression("SET salt = if_not_exists(salt, :fresh), #ttl = :gone")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":fresh", AttributeValue::S(fresh.to_owned()))
            .expression_attribute_values(":gone", number(gone_at.as_second()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| StoreError::of("UpdateItem", error))?;
        let salt = answer.attributes.and_then(|found| found.get("salt")?.as_s().ok().cloned());
        Ok(salt.unwrap_or_else(|| fresh.to_owned()))
    }

    /// Counts what `viewer` did, unless it did the same a moment ago; says whether it was counted.
    pub async fn count_usage(
        &self,
        day: &str,
        viewer: &str,
        seen: &Seen,
        now: Timestamp,
        gone_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = key_attributes(&keys::seen(day, viewer, seen));
        let told = serde_json::json!(seen).to_string();
        let counted = self
            .client()
            .update_item()
            .table_name(&self.tables().usage)
            .set_key(Some(key.clone()))
            .update_expression("SET #last = :now, seen = :seen, #ttl = :gone ADD times :one")
            .condition_expression("attribute_not_exists(#last) OR #last <= :before")
            .expression_attribute_names("#last", "last")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":before", number(now.as_millisecond() - DOUBLE_CLICK_MS))
            .expression_attribute_values(":seen", AttributeValue::S(told))
            .expression_attribute_values(":gone", number(gone_at.as_second()))
            .expression_attribute_values(":one", number(1))
            .send()
            .await;
        match counted {
            Ok(_) => return Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {}
            Err(error) => return Err(StoreError::of("UpdateItem", error)),
        }
        // Of clicks that follow each other fast the last counts, so it begins the time anew.
        self.client()
            .update_item()
            .table_name(&self.tables().usage)
            .set_key(Some(key))
            .update_expression("SET #last = :now")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .send()
            .await
            .map_err(|error| StoreError::of("UpdateItem", error))?;
        Ok(false)
    }

    /// What viewers of one shard did on a day, by title, representation and file: a page as large as the service makes it.
    pub async fn seen(
        &self,
        day: &str,
        shard: u8,
        after: Option<&str>,
    ) -> Result<Page<(String, Seen)>, StoreError> {
        let partition = keys::seen_on(day, shard);
        let start = after.map(|sk| key_attributes(&Key { pk: partition.clone(), sk: sk.to_owned() }));
        let answer = self
            .usage_partition(&partition)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        let mut items = Vec::new();
        for found in answer.items.unwrap_or_default() {
            let sk = text(&found, "sk");
            let mut seen: Seen =
                serde_json::from_str(&text(&found, "seen")).map_err(|source| malformed(&sk, source))?;
            let times = found.get("times").and_then(|times| times.as_n().ok());
            seen.times = times.and_then(|times| times.parse().ok()).unwrap_or(0);
            items.push((sk, seen));
        }
        Ok(Page { items, next: answer.last_evaluated_key.map(|last| text(&last, "sk")) })
    }

    /// Writes rows of reports over what an earlier run made.
    pub async fn put_usage(&self, by: UsageBy, rows: &[UsageRow]) -> Result<(), StoreError> {
        let items = rows.iter().map(|row| {
            let mut item = key_attributes(&keys::usage_row(by, &row.day, &row.entity));
            item.insert("row".to_owned(), AttributeValue::S(serde_json::json!(row).to_string()));
            item
        });
        self.write_all(&self.tables().usage, items.collect()).await
    }

    /// A report's rows of one month between two places, by day and thing.
    pub async fn usage(
        &self,
        by: UsageBy,
        month: &str,
        (from, to): (&str, &str),
        limit: u32,
    ) -> Result<Vec<(String, UsageRow)>, StoreError> {
        let answer = self
            .usage_partition(&keys::usage_report(by, month))
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":from", AttributeValue::S(from.to_owned()))
            .expression_attribute_values(":to", AttributeValue::S(to.to_owned()))
            .limit(service_limit(limit))
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        let rows = answer.items.unwrap_or_default().into_iter().map(|found| {
            let sk = text(&found, "sk");
            Ok((sk.clone(), json(&found, "row").map_err(|source| malformed(&sk, source))?))
        });
        rows.collect()
    }

    /// How far reports have been made.
    pub async fn usage_reported(&self) -> Result<Option<Reported>, StoreError> {
        let key = keys::usage_reported();
        let answer = self
            .client()
            .get_item()
            .table_name(&self.tables().usage)
            .set_key(Some(key_attributes(&key)))
            .send()
            .await
            .map_err(|error| StoreError::of("GetItem", error))?;
        answer.item.map(|found| json(&found, "row").map_err(|source| malformed(&key.pk, source))).transpose()
    }

    /// Notes how far reports have been made.
    pub async fn note_usage_reported(&self, reported: &Reported) -> Result<(), StoreError> {
        let mut item = key_attributes(&keys::usage_reported());
        item.insert("row".to_owned(), AttributeValue::S(serde_json::json!(reported).to_string()));
        let put = self.client().put_item().table_name(&self.tables().usage).set_item(Some(item)).send().await;
        put.map(|_| ()).map_err(|error| StoreError::of("PutItem", error))
    }

    fn usage_partition(&self, pk: &str) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.client()
            .query()
            .table_name(&self.tables().usage)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
    }
}

/// The shards that a day's viewers are spread over.
pub const USAGE_SHARDS: u8 = SHARDS;

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn text(attributes: &Attributes, name: &str) -> String {
    attributes.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
}

fn json<T: DeserializeOwned>(attributes: &Attributes, name: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(&text(attributes, name))
}

fn malformed(key: &str, source: serde_json::Error) -> StoreError {
    StoreError::Malformed { key: key.to_owned(), kind: "usage row", source: Box::new(source) }
}
