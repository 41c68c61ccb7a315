//! The published store: what is out of each title, and the logs that harvests and files are made from (ADR 0011).
//!
//! A log row is in the table itself and not in an index, so that reading a log is strongly consistent. Records lie in it
//! compressed; those that are too long lie in the bucket under their digest.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use vitrine_domain::Timestamp;
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::{EventId, MmsId, PublishingId, RepId};
use vitrine_domain::outbox::OutboxRow;
use vitrine_domain::publishing::delivery::Delivery;
use vitrine_domain::publishing::profile::{PublishingProfile, Rendition};
use vitrine_domain::publishing::published::{LogRow, Plan, PublicPage, Published};
use vitrine_domain::publishing::repository::OaiRepository;

use crate::catalog::{Catalog, Page, PageRequest, Table, parse};
use crate::change::{Attributes, Change, CommitError, SCHEMA, key_attributes};
use crate::error::StoreError;
use crate::keys;

/// The longest record that is ever unpacked.
const MAX_RECORD_BYTES: u64 = 32 * 1024 * 1024;

/// A record as a log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packed {
    /// In the row, compressed.
    Inline(Vec<u8>),
    /// In the bucket of published files, under its digest.
    Stored {
        /// SHA-256 of the text, in hex.
        sha256: String,
    },
}

impl Packed {
    /// Compresses a record.
    ///
    /// # Errors
    /// Never for what fits into memory.
    pub fn of(text: &str) -> std::io::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes())?;
        encoder.finish()
    }

    /// Reads a compressed record.
    ///
    /// # Errors
    /// Bytes that are no record of ours.
    pub fn text(bytes: &[u8]) -> std::io::Result<String> {
        let mut text = String::new();
        GzDecoder::new(bytes).take(MAX_RECORD_BYTES).read_to_string(&mut text)?;
        Ok(text)
    }
}

/// The records of one row.
pub type PackedRecords = BTreeMap<Rendition, Packed>;

/// A row of a log as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The title.
    pub mms_id: MmsId,
    /// When it changed.
    pub stamp: Timestamp,
    /// Since when it is out, the first time.
    pub first: Timestamp,
    /// The sets that it is in.
    pub sets: Vec<String>,
    /// Whether it is out as deleted.
    pub deleted: bool,
    /// The record in the format that was asked for.
    pub record: Option<Packed>,
}

/// A page that everybody may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPage {
    /// Its place in the list.
    pub place: u64,
    /// The title.
    pub mms_id: MmsId,
    /// The representation that stands for it.
    pub representation: RepId,
    /// When it last changed.
    pub changed_at: Timestamp,
}

impl Row {
    /// Where a reader goes on behind it.
    pub fn sort_key(&self) -> String {
        format!("{}#{}", keys::second(self.stamp), self.mms_id)
    }
}

/// The part of one shard of a log that a reader wants.
#[derive(Debug, Clone)]
pub struct Window<'a> {
    /// The scope.
    pub scope: &'a str,
    /// The shard.
    pub shard: u8,
    /// From this second on; of no meaning where there is `after`.
    pub from: Option<Timestamp>,
    /// Up to this second, all of it.
    pub until: Timestamp,
    /// Behind the row with this sort key.
    pub after: Option<&'a str>,
    /// At most so many rows.
    pub limit: u32,
    /// The format wanted; none for headers alone.
    pub format: Option<Rendition>,
}

/// The newest rows of one shard of a log before a place, or the oldest behind one: for feeds, which are read backwards.
#[derive(Debug, Clone, Copy)]
pub enum Side<'a> {
    /// The newest rows with a lower sort key, the newest first.
    Before(&'a str),
    /// The oldest rows with this sort key or a higher one, the oldest first.
    From(&'a str),
}

impl Catalog {
    /// The publishing profiles, in the order of their ids, as they were last written.
    pub async fn publishing_profiles(&self) -> Result<Vec<PublishingProfile>, StoreError> {
        let answer =
            self.partition(keys::PUBLISHING).send().await.map_err(|error| StoreError::of("Query", error))?;
        answer.items.unwrap_or_default().into_iter().map(parse).collect()
    }

    /// A publishing profile.
    pub async fn publishing_profile(
        &self,
        id: &PublishingId,
    ) -> Result<Option<PublishingProfile>, StoreError> {
        self.get(keys::publishing(id)).await
    }

    /// How far a profile's target has been told; none before it was told anything.
    pub async fn delivery(&self, id: &PublishingId) -> Result<Option<Delivery>, StoreError> {
        self.get(keys::delivery(id)).await
    }

    /// Writes how far a profile's target has been told, over the version that was read.
    ///
    /// # Errors
    /// [`CommitError::Changed`] and [`CommitError::Exists`] where another worker was quicker.
    pub async fn save_delivery(&self, delivery: &Delivery) -> Result<(), CommitError> {
        let digest = serde_json::json!(delivery).to_string();
        let mut change = Change::derived(format!("DELIVERY#{}\n{digest}", delivery.profile));
        if delivery.version == 0 {
            change.create(delivery)?
        } else {
            change.replace(delivery)?
        }
        self.commit(&change).await
    }

    /// The OAI-PMH repository; none before there was a set.
    pub async fn oai_repository(&self) -> Result<Option<OaiRepository>, StoreError> {
        self.get(keys::oai_repository()).await
    }

    /// What is out of a title.
    pub async fn published(&self, mms: &MmsId) -> Result<Option<Published>, StoreError> {
        self.get(keys::published(mms)).await
    }

    /// What is out of up to 100 titles.
    pub async fn published_of(&self, titles: &[MmsId]) -> Result<Vec<Published>, StoreError> {
        self.batch(titles.iter().map(keys::published)).await
    }

    /// The titles of one shard of their list, deleted ones left out. Eventually consistent.
    pub async fn titles(
        &self,
        shard: u8,
        page: &PageRequest,
    ) -> Result<Page<vitrine_domain::bib::BibRecord>, StoreError> {
        self.list(keys::titles(shard), page).await
    }

    /// An outbox row, as it was last written.
    pub async fn outbox_row(&self, id: &EventId) -> Result<Option<OutboxRow>, StoreError> {
        self.get(keys::outbox(id)).await
    }

    /// Writes an outbox row over whatever is there: one that only reminds.
    pub async fn remind(&self, row: &OutboxRow) -> Result<(), StoreError> {
        self.client()
            .put_item()
            .table_name(&self.tables().catalog)
            .set_item(Some(crate::change::attributes(row, 1)?))
            .send()
            .await
            .map_err(|error| StoreError::of("PutItem", error))?;
        Ok(())
    }

    /// Takes an outbox row out whose work is done; nothing is fine.
    pub async fn settle(&self, id: &EventId) -> Result<(), StoreError> {
        self.client()
            .delete_item()
            .table_name(&self.tables().catalog)
            .set_key(Some(key_attributes(&keys::outbox(id))))
            .send()
            .await
            .map_err(|error| StoreError::of("DeleteItem", error))?;
        Ok(())
    }

    /// Writes what was planned for a title, whole or not at all. `records` are those of `plan.put`, row by row.
    ///
    /// # Errors
    /// [`CommitError::Changed`] and [`CommitError::Exists`] where the title's state was written since it was read.
    pub async fn write_published(&self, plan: &Plan, records: &[PackedRecords]) -> Result<(), CommitError> {
        let before = &plan.after;
        let mut stamps: Vec<String> = plan.put.iter().map(|row| keys::second(row.stamp)).collect();
        if plan.relists {
            stamps.push(before.page.as_ref().map_or_else(String::new, |page| page.changed_at.to_string()));
        }
        // Sent twice it is one transaction; tried anew it is another.
        let identity =
            format!("PUB#{}\n{}\n{}\n{}", before.mms_id, before.version, before.by, stamps.join(","));
        let mut change = Change::derived(identity);
        if before.version == 0 {
            change.create(before)?
        } else {
            change.replace(before)?
        }
        for (scope, stamp) in &plan.gone {
            change.forget_row(keys::published_row(scope, &before.mms_id, *stamp));
        }
        for (row, records) in plan.put.iter().zip(records) {
            change.put_row(row_attributes(row, records));
        }
        match &before.page {
            Some(page) if plan.relists => change.put_row(page_attributes(&before.mms_id, page)),
            None if plan.relists => change.forget_row(keys::public_page(&before.mms_id)),
            _ => {}
        }
        self.commit(&change).await
    }

    /// Up to `window.limit` rows of one shard of a log, the oldest first, and whether more follow: one query, or a
    /// second where the first row alone fills an answer of the service.
    pub async fn published_rows(&self, window: &Window<'_>) -> Result<(Vec<Row>, bool), StoreError> {
        let from = match (window.after, window.from) {
            (Some(after), _) => keys::behind_row(after),
            (None, Some(from)) => keys::second(from),
            (None, None) => String::new(),
        };
        let from = if from.is_empty() { "0".to_owned() } else { from };
        let until = keys::behind_second(window.until);
        if from > until {
            return Ok((Vec::new(), false));
        }
        let limit = window.limit as usize;
        let mut rows: Vec<Row> = Vec::new();
        let mut start = None;
        loop {
            let wanted = limit + 1 - rows.len();
            let answer = self
                .client()
                .query()
                .table_name(self.table(Table::Published))
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :until")
                .expression_attribute_values(
                    ":pk",
                    AttributeValue::S(keys::published_log(window.scope, window.shard)),
                )
                .expression_attribute_values(":from", AttributeValue::S(from.clone()))
                .expression_attribute_values(":until", AttributeValue::S(until.clone()))
                .set_projection_expression(Some(projection(window.format)))
                .consistent_read(true)
                .set_exclusive_start_key(start.take())
                .limit(i32::try_from(wanted).unwrap_or(i32::MAX).max(1))
                .send()
                .await
                .map_err(|error| StoreError::of("Query", error))?;
            for attributes in answer.items.unwrap_or_default() {
                rows.push(row_of(&attributes, window.format)?);
            }
            start = answer.last_evaluated_key;
            if rows.len() > limit {
                rows.truncate(limit);
                return Ok((rows, true));
            }
            if start.is_none() {
                return Ok((rows, false));
            }
            if rows.len() > 1 {
                // The answer was full before the page was. What was read last shows that more follows.
                rows.pop();
                return Ok((rows, true));
            }
        }
    }

    /// Up to `limit` headers of one shard of a log beside a place, dated up to `until`; one query.
    pub async fn published_beside(
        &self,
        scope: &str,
        shard: u8,
        side: Side<'_>,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let end = keys::behind_second(until);
        let (condition, place, forward) = match side {
            Side::Before(place) => ("pk = :pk AND sk < :place", place.min(end.as_str()), false),
            Side::From(place) => ("pk = :pk AND sk BETWEEN :place AND :end", place, true),
        };
        if forward && *place > *end {
            return Ok(Vec::new());
        }
        let mut query = self
            .client()
            .query()
            .table_name(self.table(Table::Published))
            .key_condition_expression(condition)
            .expression_attribute_values(":pk", AttributeValue::S(keys::published_log(scope, shard)))
            .expression_attribute_values(":place", AttributeValue::S(place.to_owned()))
            .projection_expression(projection(None))
            .scan_index_forward(forward)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX).max(1));
        if forward {
            query = query.expression_attribute_values(":end", AttributeValue::S(end.clone()));
        }
        let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        answer.items.unwrap_or_default().iter().map(|attributes| row_of(attributes, None)).collect()
    }

    /// Up to `limit` public pages at places from one to another, both included, and of one shard: a query for each
    /// megabyte.
    pub async fn public_pages(&self, from: u64, to: u64, limit: u32) -> Result<Vec<ListedPage>, StoreError> {
        let limit = limit as usize;
        let mut pages = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client()
                .query()
                .table_name(self.table(Table::Published))
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", AttributeValue::S(keys::public_pages(from)))
                .expression_attribute_values(":from", AttributeValue::S(keys::page_place(from)))
                // Behind every title of the last place.
                .expression_attribute_values(":to", AttributeValue::S(format!("{}~", keys::page_place(to))))
                .set_exclusive_start_key(start.take())
                .limit(i32::try_from(limit - pages.len()).unwrap_or(i32::MAX).max(1))
                .send()
                .await
                .map_err(|error| StoreError::of("Query", error))?;
            for attributes in answer.items.unwrap_or_default() {
                pages.push(page_of(&attributes)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() || pages.len() >= limit {
                return Ok(pages);
            }
        }
    }

    /// A title's row in a scope's log.
    pub async fn published_row(
        &self,
        scope: &str,
        mms: &MmsId,
        stamp: Timestamp,
        format: Option<Rendition>,
    ) -> Result<Option<Row>, StoreError> {
        let answer = self
            .client()
            .get_item()
            .table_name(self.table(Table::Published))
            .set_key(Some(key_attributes(&keys::published_row(scope, mms, stamp))))
            .projection_expression(projection(format))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of("GetItem", error))?;
        answer.item.map(|attributes| row_of(&attributes, format)).transpose()
    }
}

fn inline_name(format: Rendition) -> String {
    format!("r_{}", format.code())
}

fn stored_name(format: Rendition) -> String {
    format!("s_{}", format.code())
}

fn projection(format: Option<Rendition>) -> String {
    let mut wanted = "mms_id, stamp, since, specs, gone".to_owned();
    if let Some(format) = format {
        wanted.push_str(&format!(", {}, {}", inline_name(format), stored_name(format)));
    }
    wanted
}

fn row_attributes(row: &LogRow, records: &PackedRecords) -> Attributes {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let mut attributes = key_attributes(&keys::published_row(&row.scope, &row.mms_id, row.stamp));
    attributes.insert("mms_id".to_owned(), text(row.mms_id.as_str()));
    attributes.insert("stamp".to_owned(), text(&keys::second(row.stamp)));
    attributes.insert("since".to_owned(), text(&keys::second(row.first)));
    attributes.insert("specs".to_owned(), AttributeValue::L(row.sets.iter().map(|set| text(set)).collect()));
    attributes.insert("gone".to_owned(), AttributeValue::Bool(row.is_deleted()));
    for (format, record) in records {
        match record {
            Packed::Inline(bytes) => {
                attributes.insert(inline_name(*format), AttributeValue::B(Blob::new(bytes.clone())))
            }
            Packed::Stored { sha256 } => attributes.insert(stored_name(*format), text(sha256)),
        };
    }
    attributes.insert("schema".to_owned(), AttributeValue::N(SCHEMA.to_string()));
    attributes
}

fn page_attributes(mms: &MmsId, page: &PublicPage) -> Attributes {
    let mut attributes = key_attributes(&keys::public_page(mms));
    attributes.insert("mms_id".to_owned(), AttributeValue::S(mms.to_string()));
    attributes.insert("rep".to_owned(), AttributeValue::S(page.representation.to_string()));
    attributes.insert("stamp".to_owned(), AttributeValue::S(keys::second(page.changed_at)));
    attributes.insert("schema".to_owned(), AttributeValue::N(SCHEMA.to_string()));
    attributes
}

fn page_of(attributes: &HashMap<String, AttributeValue>) -> Result<ListedPage, StoreError> {
    let text = |name: &str| attributes.get(name).and_then(|value| value.as_s().ok());
    let malformed = || StoreError::Malformed {
        key: text("sk").cloned().unwrap_or_default(),
        kind: "public page",
        source: "no title, representation or time".into(),
    };
    let mms_id: MmsId = text("mms_id").and_then(|id| id.parse().ok()).ok_or_else(malformed)?;
    let second = text("stamp").and_then(|text| text.parse().ok());
    Ok(ListedPage {
        place: keys::place_of_page(&mms_id),
        representation: text("rep").and_then(|id| id.parse().ok()).ok_or_else(malformed)?,
        changed_at: second.and_then(|second| Timestamp::from_second(second).ok()).ok_or_else(malformed)?,
        mms_id,
    })
}

fn row_of(
    attributes: &HashMap<String, AttributeValue>,
    format: Option<Rendition>,
) -> Result<Row, StoreError> {
    let text = |name: &str| attributes.get(name).and_then(|value| value.as_s().ok());
    let second = |name: &str| {
        text(name).and_then(|text| text.parse().ok()).and_then(|second| Timestamp::from_second(second).ok())
    };
    let malformed = |name: &'static str| StoreError::Malformed {
        key: text("mms_id").cloned().unwrap_or_default(),
        kind: "published row",
        source: format!("no `{name}`").into(),
    };
    let record = format.and_then(|format| {
        let inline = attributes.get(&inline_name(format)).and_then(|value| value.as_b().ok());
        let inline = inline.map(|bytes| Packed::Inline(bytes.as_ref().to_vec()));
        inline.or_else(|| text(&stored_name(format)).map(|sha256| Packed::Stored { sha256: sha256.clone() }))
    });
    let sets = attributes.get("specs").and_then(|value| value.as_l().ok());
    Ok(Row {
        mms_id: text("mms_id").and_then(|id| id.parse().ok()).ok_or_else(|| malformed("mms_id"))?,
        stamp: second("stamp").ok_or_else(|| malformed("stamp"))?,
        first: second("since").ok_or_else(|| malformed("since"))?,
        sets: sets.into_iter().flatten().filter_map(|set| set.as_s().ok().cloned()).collect(),
        deleted: attributes.get("gone").and_then(|gone| gone.as_bool().ok()).copied().unwrap_or_default(),
        record,
    })
}
