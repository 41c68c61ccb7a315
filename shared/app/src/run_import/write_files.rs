//! A row's files: written down for registration, as many at a time as one transaction takes.
//!
//! A row with more files than that keeps the list of them with its result, and whoever goes on takes it from there.

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use vitrine_domain::ids::{JobId, MmsId, RepId, UploadId};
use vitrine_domain::import::ingest::THUMBNAIL_ENDINGS;
use vitrine_domain::import::row::{JobClaim, RowResult, RowTicket};
use vitrine_domain::library::LibraryCode;
use vitrine_domain::upload::{Declared, RowRef, Upload, UploadMethod, UploadPurpose, UploadState};
use vitrine_store::Change;
use vitrine_store::change::MAX_ITEMS;
use vitrine_store::objects::Bucket;
use vitrine_store::queues::Queue;

use super::look::{FileState, Ready};
use super::plan::Refused;
use super::row::{Step, Tries, or_stop, write_result};
use super::rows::Context;
use super::{file_claim, upload_id};
use crate::register_file::Message;
use crate::{App, AppError};

/// A list of files longer than this is kept beside the result and not in it.
const MAX_PLAN: usize = 30 * 1024;
/// How many registrations are sent side by side.
const SENT_AT_ONCE: usize = 10;
/// How many items one transaction takes for files, where nothing else is in it.
const PART: usize = MAX_ITEMS - 5;

/// What is to be done for one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileWork {
    rep: RepId,
    library: LibraryCode,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    label: Option<String>,
    place: u32,
    /// How many bytes, where it is to be registered; none where the representation has it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    size: Option<u64>,
    /// The entity tag of an object whose bytes the representation has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    twin: Option<String>,
}

/// The files of a row, in order.
pub(super) fn files_of(ready: &[Ready]) -> Vec<FileWork> {
    let all = ready.iter().flat_map(|one| one.files.iter().map(move |file| (one, file)));
    all.map(|(one, file)| FileWork {
        rep: one.id.clone(),
        library: one.planned.fields.library.clone(),
        name: file.file.name.clone(),
        label: file.file.label.clone(),
        place: file.place,
        size: match &file.state {
            FileState::Begin(head) => Some(head.size_bytes),
            FileState::There(_) | FileState::Missing => None,
        },
        twin: match &file.state {
            FileState::There(twin) => twin.clone(),
            FileState::Begin(_) | FileState::Missing => None,
        },
    })
    .collect()
}

impl Context<'_> {
    /// Goes on with a row whose first transaction is written.
    pub(super) async fn go_on_with_files(
        &self,
        ticket: &RowTicket,
        before: &RowResult,
        tries: Tries,
    ) -> Step<RowResult> {
        let files = match &before.plan {
            Some(plan) => self.app.stored_source(plan).await?,
            None => "[]".to_owned(),
        };
        let mut files: Vec<FileWork> =
            serde_json::from_str(&files).map_err(|error| AppError::Internal(Box::new(error)))?;
        files.drain(..(before.files_begun as usize).min(files.len()));
        let result = RowResult { attempt: self.job.attempt, at: self.call.now, ..before.clone() };
        self.write_files(ticket, result, None, files, tries).await
    }

    /// Writes the files down for registration, a transaction at a time, and sends them on their way.
    pub(super) async fn write_files(
        &self,
        ticket: &RowTicket,
        mut result: RowResult,
        mut change: Option<Change>,
        files: Vec<FileWork>,
        tries: Tries,
    ) -> Step<RowResult> {
        let Some(mms) = result.mms_id.clone() else {
            return Ok(Err(Refused::new("NO_TITLE", "the row has no title").into()));
        };
        let mut left = files.as_slice();
        loop {
            let mut change = change
                .take()
                .unwrap_or_else(|| self.app.change(self.call, "import.files", None, Some(&result)));
            // The result and the audit row are in it too.
            let room = MAX_ITEMS.saturating_sub(change.len() + 1);
            if room == 0 && !left.is_empty() {
                let message =
                    "the title has so many identifiers and collections that no file fits beside them";
                return Ok(Err(Refused::new("TOO_MANY_ENTRIES", message).into()));
            }
            let (part, rest) = left.split_at(room.min(left.len()));
            left = rest;
            let older = if tries.careful {
                or_stop!(self.older_uploads(ticket, part).await?)
            } else {
                HashMap::new()
            };
            let mut messages = Vec::new();
            for file in part {
                result.files_begun += 1;
                let Some(size) = file.size else {
                    result.files_there += 1;
                    if file.twin.is_some() {
                        change.put(&self.claim_of(ticket, &file.name, file.twin.clone()))?;
                    }
                    continue;
                };
                result.bytes += size;
                let upload = self.upload(ticket, u64::from(result.files_begun), file, size, &mms).await?;
                let message = Message::Register { upload: upload.id.clone(), origin: None };
                match older.get(&upload.id) {
                    Some(older) if is_ours(older, &self.job.id, ticket.number) => {}
                    Some(older) => change.replace(&Upload { version: older.version, ..upload })?,
                    None => change.create(&upload)?,
                }
                messages.push(message.to_json());
            }
            if left.is_empty() {
                result.plan = None;
            } else if result.plan.is_none() {
                let text = serde_json::json!(files).to_string();
                result.plan = Some(self.app.keep_source_over(&text, MAX_PLAN).await?);
            }
            write_result(&mut change, &result)?;
            self.app.commit(self.call, change).await?;
            result.version += 1;
            self.send_registrations(&messages).await;
            if left.is_empty() || !(self.time_left)() {
                return Ok(Ok(result));
            }
        }
    }

    /// Tries the files of a row again that were refused, where an object lies under their name now.
    pub(super) async fn try_refused_files(
        &self,
        ticket: &RowTicket,
        before: &RowResult,
    ) -> Result<RowResult, AppError> {
        let mut again = Vec::new();
        let mut next = None;
        loop {
            let page =
                self.app.catalog.uploads_of_rows(&self.job.id, ticket.number, ticket.number, next).await?;
            for upload in page.items {
                let refused = matches!(
                    upload.state,
                    UploadState::Rejected { .. } | UploadState::Expired | UploadState::Aborted
                );
                if !refused {
                    continue;
                }
                if let Some(head) = self.app.objects.head(Bucket::Incoming, &upload.source_key, None).await? {
                    let declared = Declared { size_bytes: head.size_bytes, mime: None, sha256: None };
                    let expires_at = self.call.after_seconds(self.app.settings.upload_expiry_days * 86_400);
                    again.push(Upload {
                        state: UploadState::Issued,
                        declared,
                        checkpoint: None,
                        created_at: self.call.now,
                        expires_at,
                        ..upload
                    });
                }
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        let mut result = RowResult { attempt: self.job.attempt, at: self.call.now, ..before.clone() };
        let mut parts = again.chunks(PART).peekable();
        loop {
            let part = parts.next().unwrap_or_default();
            let mut change = self.app.change(self.call, "import.files", Some(&result), None);
            for upload in part {
                change.replace(upload)?;
            }
            if parts.peek().is_some() {
                // The row is done in this attempt when the last of them is written down.
                self.app.commit(self.call, change).await?;
            } else {
                write_result(&mut change, &result)?;
                self.app.commit(self.call, change).await?;
                result.version += 1;
            }
            let messages: Vec<String> = part
                .iter()
                .map(|upload| Message::Register { upload: upload.id.clone(), origin: None }.to_json())
                .collect();
            self.send_registrations(&messages).await;
            if parts.peek().is_none() {
                return Ok(result);
            }
        }
    }

    /// Uploads of these files from before: an earlier attempt's, another job's, or another row's that names them too.
    async fn older_uploads(&self, ticket: &RowTicket, part: &[FileWork]) -> Step<HashMap<UploadId, Upload>> {
        let mut found = HashMap::new();
        let ids: Vec<_> = part
            .iter()
            .filter(|file| file.size.is_some())
            .map(|file| upload_id(self.app, &self.run.profile, &self.run.ingest, &file.name))
            .collect();
        for chunk in ids.chunks(100) {
            for upload in self.app.catalog.uploads(chunk).await? {
                if let Some(of) = &upload.row
                    && of.job == self.job.id
                    && of.number != ticket.number
                    && matches!(upload.state, UploadState::Issued | UploadState::Registered { .. })
                {
                    let name = upload.source_key.strip_prefix(&self.run.folder).unwrap_or(&upload.source_key);
                    return Ok(Err(named_twice(name, of.number).into()));
                }
                found.insert(upload.id.clone(), upload);
            }
        }
        Ok(Ok(found))
    }

    async fn upload(
        &self,
        ticket: &RowTicket,
        number: u64,
        file: &FileWork,
        size_bytes: u64,
        mms: &MmsId,
    ) -> Result<Upload, AppError> {
        let at = self.at(ticket.files_before + number - 1);
        let seed = self.seed(ticket, &file.name, self.job.attempt as usize, 0);
        let id = self.app.minter.derived_file(at, seed);
        let key = format!("{}{}", self.run.folder, file.name);
        let mut supplied_thumbnail = None;
        if self.run.has_thumbnails {
            for ending in THUMBNAIL_ENDINGS {
                let beside = format!("{key}{ending}");
                if self.app.objects.head(Bucket::Incoming, &beside, None).await?.is_some() {
                    supplied_thumbnail = Some(beside);
                    break;
                }
            }
        }
        Ok(Upload {
            id: upload_id(self.app, &self.run.profile, &self.run.ingest, &file.name),
            purpose: UploadPurpose::File,
            representation: file.rep.clone(),
            mms_id: mms.clone(),
            library: file.library.clone(),
            owner: self.call.actor.id.clone(),
            file_name: file.name.rsplit('/').next().unwrap_or_default().to_owned(),
            label: file.label.clone(),
            order: Some(file.place),
            declared: Declared { size_bytes, mime: None, sha256: None },
            method: UploadMethod::Ingest,
            source_key: key,
            kept_key: self.app.storage_key(&id),
            multipart_id: None,
            part_bytes: None,
            supplied_thumbnail,
            checkpoint: None,
            watch: None,
            row: Some(RowRef { job: self.job.id.clone(), number: ticket.number }),
            state: UploadState::Issued,
            created_at: self.call.now,
            expires_at: self.call.after_seconds(self.app.settings.upload_expiry_days * 86_400),
            version: 0,
            file: id,
        })
    }

    /// A claim that says that a row names a file.
    pub(super) fn claim_of(&self, ticket: &RowTicket, name: &str, twin: Option<String>) -> JobClaim {
        let name = file_claim(self.run, name);
        JobClaim { job: self.job.id.clone(), name, row: ticket.number, mms_id: None, twin }
    }

    async fn send_registrations(&self, messages: &[String]) {
        self.app.send_registrations(messages).await;
    }
}

impl App {
    /// Sends registrations, some side by side. A lost one is no loss: the job sends it again while it waits for its files.
    pub(super) async fn send_registrations(&self, messages: &[String]) {
        stream::iter(messages)
            .for_each_concurrent(SENT_AT_ONCE, |message| async move {
                if let Err(error) = self.queues.send(Queue::Incoming, message.as_str()).await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a registration will be sent again"
                    );
                }
            })
            .await;
    }
}

fn is_ours(upload: &Upload, job: &JobId, row: u64) -> bool {
    upload.state == UploadState::Issued
        && upload.row.as_ref().is_some_and(|of| of.job == *job && of.number == row)
}

pub(super) fn named_twice(name: &str, row: u64) -> Refused {
    Refused::new("NAMED_TWICE", format!("row {row} names the file `{name}` too"))
}
