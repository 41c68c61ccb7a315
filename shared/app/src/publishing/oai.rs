//! What the OAI-PMH server reads: the published store and nothing else (S11, B49, B50).

use vitrine_domain::Timestamp;
use vitrine_domain::ids::MmsId;
use vitrine_domain::publishing::profile::Rendition;
use vitrine_domain::publishing::published::{ALL, LOG_SHARDS};
use vitrine_domain::publishing::repository::OaiRepository;
use vitrine_store::objects::Bucket;
pub use vitrine_store::published::Side;
use vitrine_store::published::{Packed, Row, Window};

use super::title::record_key;
use crate::{App, AppError};

/// The longest record that lies in the bucket, compressed.
const MAX_STORED_BYTES: u64 = 32 * 1024 * 1024;
/// How often a record that moves on while it is read is looked for.
const LOOKS: u32 = 4;

/// Where a list goes on: a shard of its log, and the row behind which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// The shard.
    pub shard: u8,
    /// The sort key of the last row that was given; none at the shard's beginning.
    pub after: Option<String>,
}

/// A part of a list of records.
#[derive(Debug, Clone)]
pub struct Harvest<'a> {
    /// The scope: a profile's, or [`ALL`].
    pub scope: &'a str,
    /// From this second on.
    pub from: Option<Timestamp>,
    /// Up to this second; must not be ahead of the clock.
    pub until: Timestamp,
    /// Where it goes on.
    pub at: Position,
    /// At most so many records.
    pub limit: u32,
    /// The format; none for headers alone.
    pub format: Option<Rendition>,
}

/// A record as harvesters see it.
#[derive(Debug, Clone)]
pub struct Harvested {
    /// Its title, date and sets.
    pub row: Row,
    /// The record, where it is not deleted and was asked for.
    pub record: Option<String>,
}

impl App {
    /// The OAI-PMH repository; none before there was a set.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn oai_repository(&self) -> Result<Option<OaiRepository>, AppError> {
        Ok(self.catalog.oai_repository().await?)
    }

    /// One part of a list, and where the next begins. One query; one more for each shard that ends on the way, and one to
    /// see whether anything follows.
    ///
    /// # Errors
    /// Only those of the stores.
    pub async fn harvest(&self, list: &Harvest<'_>) -> Result<(Vec<Harvested>, Option<Position>), AppError> {
        let mut rows: Vec<Row> = Vec::new();
        let mut at = list.at.clone();
        let mut next = None;
        while at.shard < LOG_SHARDS {
            let room = list.limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            let window = Window {
                scope: list.scope,
                shard: at.shard,
                from: list.from,
                until: list.until,
                after: at.after.as_deref(),
                limit: room.max(1),
                format: list.format.filter(|_| room > 0),
            };
            let (found, more) = self.catalog.published_rows(&window).await?;
            if room == 0 {
                if !found.is_empty() {
                    next = Some(at);
                    break;
                }
            } else {
                let last = found.last().map(Row::sort_key);
                rows.extend(found);
                if more {
                    next = Some(Position { shard: at.shard, after: last });
                    break;
                }
            }
            at = Position { shard: at.shard + 1, after: None };
        }
        let mut harvested = Vec::with_capacity(rows.len());
        for row in rows {
            harvested.push(self.unpacked(row).await?);
        }
        Ok((harvested, next))
    }

    /// The record of one title; none where it never was in a set.
    ///
    /// # Errors
    /// Only those of the stores.
    pub async fn published_record(
        &self,
        mms: &MmsId,
        format: Option<Rendition>,
    ) -> Result<Option<Harvested>, AppError> {
        for _ in 0..LOOKS {
            let Some(published) = self.catalog.published(mms).await? else { return Ok(None) };
            let Some(state) = published.scopes.get(ALL) else { return Ok(None) };
            if let Some(row) = self.catalog.published_row(ALL, mms, state.stamp, format).await? {
                return Ok(Some(self.unpacked(row).await?));
            }
        }
        Err(AppError::Conflict("published title"))
    }

    /// What changed beside a place of the log of all sets, in order of time: at most `limit` of the newest before it, or of
    /// the oldest from it on. One query a shard.
    ///
    /// # Errors
    /// Only those of the stores.
    pub async fn changes_beside(
        &self,
        side: Side<'_>,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Row>, AppError> {
        let mut rows = Vec::new();
        for shard in 0..LOG_SHARDS {
            rows.extend(self.catalog.published_beside(ALL, shard, side, until, limit).await?);
        }
        rows.sort_by_key(Row::sort_key);
        let limit = limit as usize;
        match side {
            Side::Before(_) => drop(rows.drain(..rows.len().saturating_sub(limit))),
            Side::From(_) => rows.truncate(limit),
        }
        Ok(rows)
    }

    pub(super) async fn unpacked(&self, row: Row) -> Result<Harvested, AppError> {
        let bytes = match &row.record {
            None => return Ok(Harvested { row, record: None }),
            Some(Packed::Inline(bytes)) => bytes.clone(),
            Some(Packed::Stored { sha256 }) => {
                self.objects.read_small(Bucket::Published, &record_key(sha256), MAX_STORED_BYTES).await?
            }
        };
        let text = Packed::text(&bytes).map_err(|error| AppError::Internal(Box::new(error)))?;
        Ok(Harvested { row: Row { record: None, ..row }, record: Some(text) })
    }
}
