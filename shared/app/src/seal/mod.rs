//! Seals: the audit rows of each hour under one digest, each hour chained to the one before it, kept where nothing can be
//! written over (D24, ADR 0010).
//!
//! An hour is sealed when no writer can still be at work in it. Its rows are listed, shard by shard, in objects of their
//! own, so that a row that is gone can be named; the manifest holds the root over all of them and the digest of the
//! manifest before. Every step can be repeated: what is there already is what was sealed.

mod merkle;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vitrine_domain::Timestamp;
use vitrine_domain::outbox::{SHARDS, seconds};
use vitrine_domain::roles::Action;
use vitrine_store::Page;
use vitrine_store::audit::{StoredRow, StoredSeal};
use vitrine_store::keys;
use vitrine_store::objects::{Bucket, Disposition, ObjectsError, SignedGet};

use self::merkle::{Hash, Tree, leaf};
use crate::changes::hex;
use crate::register_file::TimeLeft;
use crate::{App, AppError, Call};

/// An hour is sealed so long after its end: longer than any function runs, and clocks differ.
const SETTLED_AFTER_SECONDS: i64 = 30 * 60;
const HOUR_SECONDS: i64 = 3600;
/// Rows read in one call; a page is at most 1 MB anyway.
const ROWS_A_READ: u32 = 1000;
/// What the first manifest names as the one before it.
const NOTHING_BEFORE: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The longest list of a shard's rows that is read back: millions of rows.
const MAX_LIST_BYTES: u64 = 512 * 1024 * 1024;
/// How long a link to a seal lives, in seconds.
const LINK_SECONDS: u64 = 15 * 60;

/// What is sealed of one hour. Its JSON is what the next one's `previous` is the digest of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of its shape.
    pub schema: u32,
    /// The institution.
    pub institution: String,
    /// The hour, in UTC: `2026-11-24T15`.
    pub hour: String,
    /// How many audit rows it had.
    pub rows: u64,
    /// The root of the tree over the rows of all lists, in their order.
    pub root: String,
    /// SHA-256 of the manifest of the hour before.
    pub previous: String,
    /// The lists that are not empty.
    pub lists: Vec<SealedList>,
}

/// One list of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedList {
    /// The shard whose rows it lists.
    pub shard: u8,
    /// How many.
    pub rows: u64,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Hours that were sealed.
    pub hours: u32,
    /// Rows in them.
    pub rows: u64,
}

/// A seal as an auditor gets it.
#[derive(Debug, Clone)]
pub struct SealView {
    /// The hour.
    pub hour: String,
    /// SHA-256 of the manifest as the table repeats it.
    pub sha256: String,
    /// A link to the manifest that was sealed.
    pub link: String,
    /// Links to the lists of every shard, whether there is one or not.
    pub lists: Vec<(u8, String)>,
}

fn manifest_key(hour: &str) -> String {
    format!("{}/manifest.json", folder(hour))
}

fn list_key(hour: &str, shard: u8) -> String {
    format!("{}/{shard:02}.jsonl", folder(hour))
}

fn folder(hour: &str) -> String {
    format!("seals/{}", hour.replace('T', "/"))
}

/// The first instant of an hour.
fn begin(hour: &str) -> Result<Timestamp, AppError> {
    format!("{hour}:00:00Z")
        .parse()
        .map_err(|_| AppError::invalid("hour", "must be an hour such as `2026-11-24T15`"))
}

/// An hour as it is written, or why it is none.
fn parsed_hour(field: &str, text: &str) -> Result<String, AppError> {
    let at = begin(text).map_err(|_| AppError::invalid(field, "must be an hour such as `2026-11-24T15`"))?;
    Ok(keys::hour(at))
}

fn hour_after(hour: &str) -> Result<String, AppError> {
    Ok(keys::hour(
        begin(hour)?
            .saturating_add(seconds(HOUR_SECONDS))
            .map_err(|_| AppError::invalid("hour", "has no hour after it"))?,
    ))
}

fn digest(text: &[u8]) -> String {
    hex(&Sha256::digest(text))
}

impl App {
    /// Seals every hour that is over and not sealed yet, the oldest first.
    ///
    /// # Errors
    /// Only those of the stores; the next run goes on where this one stopped.
    pub async fn seal_audit(&self, call: &Call, time_left: TimeLeft<'_>) -> Result<Sealed, AppError> {
        let settled =
            call.now.saturating_add(seconds(-HOUR_SECONDS - SETTLED_AFTER_SECONDS)).unwrap_or(call.now);
        let newest = keys::hour(settled);
        let (mut hour, mut previous) = match self.catalog.last_seal().await? {
            // The bucket is believed, not the table.
            Some(last) => (hour_after(&last.hour)?, digest(&self.sealed(&manifest_key(&last.hour)).await?)),
            None => (newest.clone(), NOTHING_BEFORE.to_owned()),
        };
        let mut sealed = Sealed::default();
        while hour <= newest && time_left() {
            let manifest = self.seal_hour(&hour, previous).await?;
            let text = String::from_utf8_lossy(&manifest).into_owned();
            previous = digest(&manifest);
            sealed.hours += 1;
            sealed.rows += serde_json::from_slice::<Manifest>(&manifest).map_or(0, |manifest| manifest.rows);
            self.catalog.keep_seal(&StoredSeal { hour: hour.clone(), manifest: text }).await?;
            hour = hour_after(&hour)?;
        }
        Ok(sealed)
    }

    /// Seals one hour and returns its manifest, byte for byte.
    async fn seal_hour(&self, hour: &str, previous: String) -> Result<Vec<u8>, AppError> {
        let mut tree = Tree::default();
        let mut lists = Vec::new();
        for shard in 0..SHARDS {
            let listed = self.rows_to_seal(hour, shard).await?;
            if listed.is_empty() {
                continue;
            }
            let listed = self.put_once(&list_key(hour, shard), listed).await?;
            let before = tree.count();
            for line in listed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                tree.add(leaf_of(line)?);
            }
            lists.push(SealedList { shard, rows: tree.count() - before });
        }
        let manifest = Manifest {
            schema: 1,
            institution: self.settings.institution.clone(),
            hour: hour.to_owned(),
            rows: tree.count(),
            root: hex(&tree.root()),
            previous,
            lists,
        };
        let text = serde_json::to_vec(&manifest).map_err(|error| AppError::Internal(Box::new(error)))?;
        self.put_once(&manifest_key(hour), text).await
    }

    /// The rows of a shard, a line each: key, subject and leaf, by key.
    async fn rows_to_seal(&self, hour: &str, shard: u8) -> Result<Vec<u8>, AppError> {
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let page = self.catalog.audited(hour, shard, ROWS_A_READ, after.as_deref()).await?;
            rows.extend(page.items.into_iter().map(|row| (row.key, row.subject, hex(&leaf(&row.record)))));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        rows.sort();
        let mut list = Vec::new();
        for row in rows {
            list.extend(serde_json::json!(row).to_string().bytes());
            list.push(b'\n');
        }
        Ok(list)
    }

    /// Writes an object where there is none, and returns what is there.
    async fn put_once(&self, key: &str, bytes: Vec<u8>) -> Result<Vec<u8>, AppError> {
        let put =
            self.objects.put_small(Bucket::Audit, key, bytes.clone().into(), "application/json", true).await;
        match put {
            Ok(_) => Ok(bytes),
            Err(ObjectsError::PreconditionFailed { .. }) => self.sealed(key).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn sealed(&self, key: &str) -> Result<Vec<u8>, AppError> {
        Ok(self.objects.read_small(Bucket::Audit, key, MAX_LIST_BYTES).await?)
    }

    /// The seals from one hour to another, both included, with links to what was sealed: one query.
    ///
    /// # Errors
    /// A missing role; an hour that is none.
    pub async fn list_seals(
        &self,
        call: &Call,
        (from, to): (Option<&str>, Option<&str>),
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<SealView>, AppError> {
        call.actor.may(Action::VerifyAudit, None)?;
        let from = from.map(|text| parsed_hour("from", text)).transpose()?.unwrap_or_else(|| "0".to_owned());
        let to = to.map(|text| parsed_hour("to", text)).transpose()?.unwrap_or_else(|| "9".to_owned());
        if from > to {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let page = self.catalog.seals((&from, &to), limit, after).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for seal in page.items {
            let mut lists = Vec::with_capacity(usize::from(SHARDS));
            for shard in 0..SHARDS {
                lists.push((shard, self.seal_link(call, &list_key(&seal.hour, shard)).await?));
            }
            items.push(SealView {
                link: self.seal_link(call, &manifest_key(&seal.hour)).await?,
                sha256: digest(seal.manifest.as_bytes()),
                hour: seal.hour,
                lists,
            });
        }
        Ok(Page { items, next: page.next })
    }

    /// Signing is arithmetic; nothing is asked.
    async fn seal_link(&self, call: &Call, key: &str) -> Result<String, AppError> {
        let get = SignedGet {
            bucket: Bucket::Audit,
            key,
            version: None,
            file_name: key.rsplit('/').next().unwrap_or(key),
            mime: "application/json",
            disposition: Disposition::Attachment,
            seconds: LINK_SECONDS,
        };
        Ok(self.objects.presign_get(get, call.now).await?.url)
    }

    /// The audit rows of an hour as they are now, shard by shard: at most as many queries as there are shards.
    ///
    /// # Errors
    /// A missing role; an hour or a cursor that is none.
    pub async fn audit_rows(
        &self,
        call: &Call,
        hour: &str,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<StoredRow>, AppError> {
        call.actor.may(Action::VerifyAudit, None)?;
        let hour = parsed_hour("hour", hour)?;
        let wrong = || AppError::invalid("next", "must be the `next` of an earlier answer");
        let (mut shard, mut place) = match after {
            None => (0, None),
            Some(cursor) => {
                let (shard, place) = cursor.split_once(SHARD_END).ok_or_else(wrong)?;
                let shard = shard.parse::<u8>().ok().filter(|shard| *shard < SHARDS).ok_or_else(wrong)?;
                (shard, Some(place.to_owned()).filter(|place| !place.is_empty()))
            }
        };
        let mut items = Vec::new();
        while shard < SHARDS {
            let wanted = limit.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
            if wanted == 0 {
                let place = place.unwrap_or_default();
                return Ok(Page { items, next: Some(format!("{shard}{SHARD_END}{place}")) });
            }
            let page = self.catalog.audited(&hour, shard, wanted, place.as_deref()).await?;
            items.extend(page.items);
            place = page.next;
            if place.is_none() {
                shard += 1;
            }
        }
        Ok(Page { items, next: None })
    }
}

/// Ends the shard in a cursor.
const SHARD_END: char = ':';

fn leaf_of(line: &[u8]) -> Result<Hash, AppError> {
    let malformed = || AppError::Internal("a list of sealed rows can not be read".into());
    let (_, _, digest): (String, String, String) = serde_json::from_slice(line).map_err(|_| malformed())?;
    let mut hash = Hash::default();
    if digest.len() != 2 * hash.len() {
        return Err(malformed());
    }
    for (index, byte) in hash.iter_mut().enumerate() {
        let pair = digest.get(2 * index..2 * index + 2).ok_or_else(malformed)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| malformed())?;
    }
    Ok(hash)
}
