//! A row's files: written down for registration, as many at a time as one transaction takes; and a dry run's claims.

use std::collections::HashMap;

use vitrine_domain::ids::{JobId, MmsId, UploadId};
use vitrine_domain::import::ingest::THUMBNAIL_ENDINGS;
use vitrine_domain::import::row::{JobClaim, RowResult, RowTicket};
use vitrine_domain::upload::{Declared, RowRef, Upload, UploadMethod, UploadPurpose, UploadState};
use vitrine_store::Change;
use vitrine_store::change::MAX_ITEMS;
use vitrine_store::objects::{Bucket, ObjectHead};
use vitrine_store::queues::{MAX_BATCH, Queue};

use super::find::{dry_claim, family_claim};
use super::look::{FileState, Ready, ReadyFile};
use super::plan::Refused;
use super::row::{Step, Tries, or_stop, write_result};
use super::rows::Context;
use super::write::Decided;
use super::{file_claim, upload_id};
use crate::AppError;
use crate::register_file::Message;

impl Context<'_> {
    /// A dry run's result, and what later rows of it have to know.
    pub(super) async fn write_dry(
        &self,
        ticket: &RowTicket,
        before: Option<&RowResult>,
        mut result: RowResult,
        decided: &Decided,
    ) -> Step<RowResult> {
        result.files_begun = result.files;
        let names: Vec<&ReadyFile> = decided.ready.iter().flat_map(|it| &it.files).collect();
        let there = names.iter().filter(|it| matches!(it.state, FileState::There)).count();
        result.files_there = u32::try_from(there).unwrap_or(u32::MAX);
        let mut claims: Vec<JobClaim> = Vec::new();
        for file in &names {
            let name = file_claim(self.run, &file.file.name);
            claims.push(JobClaim { job: self.job.id.clone(), name, row: ticket.number, mms_id: None });
        }
        for chunk in claims.chunks(MAX_ITEMS) {
            let wanted: Vec<String> = chunk.iter().map(|claim| claim.name.clone()).collect();
            let taken = self.app.catalog.job_claims(&self.job.id, &wanted).await?;
            if let Some(taken) = taken.iter().find(|claim| claim.row != ticket.number) {
                let of = names.iter().find(|it| file_claim(self.run, &it.file.name) == taken.name);
                let name = of.map(|it| it.file.name.as_str()).unwrap_or_default();
                return Ok(Err(named_twice(name, taken.row).into()));
            }
        }
        for chunk in claims.chunks(MAX_ITEMS - 30) {
            let mut change = self.app.change(self.call, "import.dry_run", None, Some(&result));
            for claim in chunk {
                change.put(claim)?;
            }
            self.app.catalog.commit(&change).await?;
        }
        let mut change = self.app.change(self.call, "import.dry_run", before, Some(&result));
        for claim in &decided.claims {
            let (name, mms_id) = (dry_claim(&claim.name), Some(decided.mms.clone()));
            change.put(&JobClaim { job: self.job.id.clone(), name, row: ticket.number, mms_id })?;
        }
        if let (Some(group), Some(mms)) = (&result.group, &result.mms_id) {
            let name = family_claim(group);
            if self.app.catalog.job_claim(&self.job.id, &name).await?.is_none() {
                let mms_id = Some(mms.clone());
                change.put(&JobClaim { job: self.job.id.clone(), name, row: ticket.number, mms_id })?;
            }
        }
        write_result(&mut change, &result)?;
        self.app.catalog.commit(&change).await?;
        Ok(Ok(RowResult { version: result.version + 1, ..result }))
    }

    /// Writes the files down for registration, a transaction at a time, and sends them on their way.
    pub(super) async fn write_files(
        &self,
        ticket: &RowTicket,
        before: Option<&RowResult>,
        mut result: RowResult,
        mut change: Option<Change>,
        decided: &Decided,
        tries: Tries,
    ) -> Step<RowResult> {
        let mut to_do: Vec<(&Ready, &ReadyFile)> =
            decided.ready.iter().flat_map(|one| one.files.iter().map(move |file| (one, file))).collect();
        let mut known = before.cloned();
        let mut number = u64::from(result.files_begun);
        to_do.reverse();
        loop {
            let mut change = change.take().unwrap_or_else(|| {
                self.app.change::<RowResult>(self.call, "import.files", known.as_ref(), None)
            });
            // The result and the audit row are in it too.
            let room = MAX_ITEMS.saturating_sub(change.len() + 1);
            let mut part = Vec::with_capacity(room.min(to_do.len()));
            while part.len() < room {
                match to_do.pop() {
                    Some(one) => part.push(one),
                    None => break,
                }
            }
            if part.is_empty() && !to_do.is_empty() {
                let message =
                    "the title has so many identifiers and collections that no file fits beside them";
                return Ok(Err(Refused::new("TOO_MANY_ENTRIES", message).into()));
            }
            let older = if tries.careful {
                or_stop!(self.older_uploads(ticket, &part).await?)
            } else {
                HashMap::new()
            };
            let mut messages = Vec::new();
            for (one, file) in part {
                number += 1;
                result.files_begun += 1;
                let head = match &file.state {
                    FileState::Begin(head) => head,
                    FileState::There | FileState::Missing => {
                        result.files_there += 1;
                        let name = file_claim(self.run, &file.file.name);
                        change.put(&JobClaim {
                            job: self.job.id.clone(),
                            name,
                            row: ticket.number,
                            mms_id: None,
                        })?;
                        continue;
                    }
                };
                let upload = self.upload(ticket, number, one, file, head, &decided.mms).await?;
                let message = Message::Register { upload: upload.id.clone(), origin: None };
                match older.get(&upload.id) {
                    Some(older) if is_ours(older, &self.job.id, ticket.number) => {}
                    Some(older) => change.replace(&Upload { version: older.version, ..upload })?,
                    None => change.create(&upload)?,
                }
                messages.push(message.to_json());
            }
            write_result(&mut change, &result)?;
            self.app.catalog.commit(&change).await?;
            result.version += 1;
            self.send_registrations(&messages).await;
            if to_do.is_empty() {
                return Ok(Ok(result));
            }
            if !(self.time_left)() {
                return Ok(Ok(result));
            }
            known = Some(result.clone());
        }
    }

    /// Uploads of these files from before: an earlier attempt's, another job's, or another row's that names them too.
    async fn older_uploads(
        &self,
        ticket: &RowTicket,
        part: &[(&Ready, &ReadyFile)],
    ) -> Step<HashMap<UploadId, Upload>> {
        let mut found = HashMap::new();
        let begins = part.iter().filter(|(_, file)| matches!(file.state, FileState::Begin(_)));
        let ids: Vec<_> = begins
            .map(|(_, file)| upload_id(self.app, &self.run.profile, &self.run.ingest, &file.file.name))
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
        one: &Ready,
        file: &ReadyFile,
        head: &ObjectHead,
        mms: &MmsId,
    ) -> Result<Upload, AppError> {
        let place = number.saturating_sub(1);
        let at = self.at(ticket.files_before + place);
        let seed = self.seed(ticket, &file.file.name, self.job.attempt as usize, 0);
        let id = self.app.minter.derived_file(at, seed);
        let key = format!("{}{}", self.run.folder, file.file.name);
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
            id: upload_id(self.app, &self.run.profile, &self.run.ingest, &file.file.name),
            purpose: UploadPurpose::File,
            representation: one.id.clone(),
            mms_id: mms.clone(),
            library: one.planned.fields.library.clone(),
            owner: self.call.actor.id.clone(),
            file_name: file.file.name.rsplit('/').next().unwrap_or_default().to_owned(),
            label: file.file.label.clone(),
            order: Some(file.place),
            declared: Declared { size_bytes: head.size_bytes, mime: None, sha256: None },
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

    /// Sends registrations ten at a time. A lost one is no loss: the job sends it again while it waits for its files.
    async fn send_registrations(&self, messages: &[String]) {
        for chunk in messages.chunks(MAX_BATCH) {
            if let Err(error) = self.app.queues.send_batch(Queue::Incoming, chunk).await {
                tracing::warn!(job.id = %self.job.id, error = &error as &dyn std::error::Error, "registrations will be sent again");
            }
        }
    }
}

fn is_ours(upload: &Upload, job: &JobId, row: u64) -> bool {
    upload.state == UploadState::Issued
        && upload.row.as_ref().is_some_and(|of| of.job == *job && of.number == row)
}

pub(super) fn named_twice(name: &str, row: u64) -> Refused {
    Refused::new("NAMED_TWICE", format!("row {row} names the file `{name}` too"))
}
