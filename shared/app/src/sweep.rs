//! The sweep: does what is due (reliability.md C.7). It asks the outbox and nothing else, so its cost follows the work
//! that is owed and not the size of the repository, and with nothing due it changes nothing.

use vitrine_domain::actor::{Actor, Grant};
use vitrine_domain::audit::Origin;
use vitrine_domain::file::Thumbnail;
use vitrine_domain::ids::{CollectionId, ExportId, FileId, JobId, ProfileId, PublishingId, SetId, UploadId};
use vitrine_domain::job::JobStatus;
use vitrine_domain::outbox::{MAX_ATTEMPTS, OutboxRow, SHARDS, WATCH_SECONDS, Work, retry_after_seconds};
use vitrine_domain::roles::Role;
use vitrine_domain::set::SetMember;
use vitrine_domain::upload::{Upload, UploadState};
use vitrine_store::catalog::PageRequest;
use vitrine_store::keys::{self, Item};
use vitrine_store::objects::Bucket;
use vitrine_store::queues::Queue;

use crate::changes::again_on_conflict;
use crate::jobs::DUE_AGAIN_SECONDS;
use crate::register_file::{Message, TimeLeft};
use crate::{App, AppError, Call, make_derivatives};

/// How many rows of one shard a run takes.
const ROWS_A_SHARD: u32 = 100;
/// So often it is seen whether a webhook has been told of everything, in seconds.
const DELIVERIES_EVERY_SECONDS: i64 = 10 * 60;
/// A removal looks a second time after the longest time that a registration in flight can take, in seconds.
const SECOND_LOOK_SECONDS: i64 = 20 * 60;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows that were due.
    pub due: u32,
    /// Rows whose work is done.
    pub settled: u32,
    /// Rows that were put off: a message was sent, or there is nothing to do yet.
    pub waiting: u32,
    /// Rows whose work failed; they stay due.
    pub failed: u32,
}

pub(crate) enum Step {
    Settled,
    Waiting,
}

impl App {
    /// Does what is due, until nothing is or `time_left` says to stop. Every step can be repeated.
    ///
    /// # Errors
    /// When the outbox itself can not be read; a row that fails is counted and stays due.
    pub async fn sweep(&self, call: &Call, time_left: TimeLeft<'_>) -> Result<Swept, AppError> {
        let mut swept = Swept::default();
        for shard in 0..SHARDS {
            for row in self.catalog.due(shard, call.now, ROWS_A_SHARD).await? {
                if !time_left() {
                    return Ok(swept);
                }
                swept.due += 1;
                match self.work_off(call, &row, time_left).await {
                    Ok(Step::Settled) => swept.settled += 1,
                    Ok(Step::Waiting) => swept.waiting += 1,
                    // Another worker has the row: it is in good hands.
                    Err(AppError::Conflict(_)) => swept.waiting += 1,
                    Err(error) => {
                        swept.failed += 1;
                        tracing::warn!(event.id = %row.id, error = &error as &dyn std::error::Error, "due work failed and stays due");
                    }
                }
            }
        }
        Ok(swept)
    }

    async fn work_off(
        &self,
        call: &Call,
        row: &OutboxRow,
        time_left: TimeLeft<'_>,
    ) -> Result<Step, AppError> {
        match &row.work {
            Work::MakeDerivatives { file } => self.ask_again_for_derivatives(call, row, file).await,
            Work::WatchUpload { upload } => self.watch_upload(call, row, upload).await,
            Work::PurgeTitle { mms_id } => self.purge_title(call, row, mms_id, time_left).await,
            Work::PurgeRepresentation { representation } => {
                self.purge_representation(call, row, representation, time_left).await
            }
            Work::NotePolicyUses { mms_id } => {
                let done = self.note_policy_uses(call, row, mms_id, time_left).await?;
                if done { self.drop_row(call, row).await } else { Ok(Step::Waiting) }
            }
            Work::EmptyCollection { collection } => {
                self.empty_collection(call, row, collection, time_left).await
            }
            Work::EmptySet { set } => self.empty_set(call, row, set, time_left).await,
            Work::RunJob { job } => self.ask_again_for_job(call, row, job).await,
            Work::RunProfile { profile } => self.run_on_schedule(call, row, profile).await,
            Work::Publish { .. }
            | Work::PublishPolicy { .. }
            | Work::PublishCollection { .. }
            | Work::PublishMembers { .. }
            | Work::PublishSet { .. } => {
                self.ask_to_publish(&row.id).await;
                self.put_off(call, row, retry_after_seconds(row.attempts)).await
            }
            Work::Deliver { profile } => {
                self.ask_to_deliver(profile, 0).await;
                self.put_off(call, row, DELIVERIES_EVERY_SECONDS).await
            }
            Work::RunPublishing { profile } => self.publish_on_schedule(call, row, profile).await,
            Work::RunExport { export } => self.run_export_on_schedule(call, row, export).await,
            Work::CheckFiles { representation, asked_by } => {
                let done = self.ask_for_checks(call, row, representation, asked_by, time_left).await?;
                if done { self.drop_row(call, row).await } else { Ok(Step::Waiting) }
            }
            Work::PurgeFile { file } => self.purge_file(call, row, file).await,
        }
    }

    /// The message was lost or its worker died: sends it again, a bounded number of times.
    async fn ask_again_for_derivatives(
        &self,
        call: &Call,
        row: &OutboxRow,
        file: &FileId,
    ) -> Result<Step, AppError> {
        let message = make_derivatives::Message { event: row.id.clone(), file: file.clone() };
        if row.attempts >= MAX_ATTEMPTS {
            let thumbnail = Thumbnail::Failed {
                code: "THUMB_GAVE_UP".to_owned(),
                reason: format!("no worker finished it in {MAX_ATTEMPTS} tries"),
            };
            let drawn = thumbnail.into();
            again_on_conflict(|| self.record_thumbnail(call, &message, None, &drawn)).await?;
            return Ok(Step::Settled);
        }
        self.queues.send(Queue::Derivatives, message.to_json()).await?;
        self.put_off(call, row, retry_after_seconds(row.attempts)).await
    }

    /// The event was lost, or nothing came: sends a registration on its way, or gives the upload up (B5).
    async fn watch_upload(&self, call: &Call, row: &OutboxRow, id: &UploadId) -> Result<Step, AppError> {
        let Some(upload) = self.catalog.upload(id).await? else { return self.drop_row(call, row).await };
        if upload.state != UploadState::Issued {
            return self.drop_row(call, row).await;
        }
        if self.objects.head(Bucket::Incoming, &upload.source_key, None).await?.is_some() {
            let message = Message::Register { upload: id.clone(), origin: Some(Origin::Sweep) };
            self.queues.send(Queue::Incoming, message.to_json()).await?;
            return self.put_off(call, row, retry_after_seconds(row.attempts).max(WATCH_SECONDS)).await;
        }
        if upload.expires_at <= call.now {
            return self.expire(call, row, &upload).await;
        }
        // Bytes can still come: every look costs one HEAD, so looks grow rarer.
        self.put_off(call, row, retry_after_seconds(row.attempts).max(WATCH_SECONDS)).await
    }

    /// A job's worker died, or its message was lost: sends it again, a bounded number of times without progress.
    async fn ask_again_for_job(&self, call: &Call, row: &OutboxRow, id: &JobId) -> Result<Step, AppError> {
        let Some(job) = self.catalog.job(id).await?.filter(|job| !job.status.is_final()) else {
            return self.drop_row(call, row).await;
        };
        if row.attempts >= MAX_ATTEMPTS {
            let reason = format!(
                "no worker got on with it in {MAX_ATTEMPTS} tries; resubmit it once the cause is known"
            );
            self.end_job(call, &job, JobStatus::Failed, Some(reason)).await?;
            return Ok(Step::Settled);
        }
        self.send_job(&job).await;
        self.put_off(call, row, retry_after_seconds(row.attempts).max(DUE_AGAIN_SECONDS)).await
    }

    /// A profile's planned instant has come: submits its folders, and plans the next one. A folder is submitted once,
    /// however often this is done (B13).
    async fn run_on_schedule(&self, call: &Call, row: &OutboxRow, id: &ProfileId) -> Result<Step, AppError> {
        let Some(profile) = self.catalog.import_profile(id).await? else {
            return self.drop_row(call, row).await;
        };
        let grants = vec![Grant { role: Role::RepositoryAdministrator, library: None }];
        let call = Call { actor: Actor { grants, ..call.actor.clone() }, ..call.clone() };
        // First the next instant: a run that outlasts this call must not be the last.
        let mut change = self.change(&call, "profile.schedule", Some(row), None);
        self.plan_next_run(&call, &mut change, &profile)?;
        self.commit(&call, change).await?;
        match self.run_profile(&call, id).await {
            Ok(runs) => {
                for run in runs {
                    match run.outcome {
                        Ok(job) => {
                            tracing::info!(profile.id = %id, job.id = %job, "folder submitted by schedule")
                        }
                        Err(error) => {
                            tracing::warn!(profile.id = %id, error = &error as &dyn std::error::Error, "folder could not be submitted");
                        }
                    }
                }
            }
            Err(AppError::Rule(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(Step::Waiting)
    }

    /// A publishing profile's planned instant has come: starts its run and plans the next instant, in one transaction, so
    /// that each instant has one run (B13).
    async fn publish_on_schedule(
        &self,
        call: &Call,
        row: &OutboxRow,
        id: &PublishingId,
    ) -> Result<Step, AppError> {
        let Some(profile) = self.catalog.publishing_profile(id).await? else {
            return self.drop_row(call, row).await;
        };
        let grants = vec![Grant { role: Role::RepositoryAdministrator, library: None }];
        let call = Call { actor: Actor { grants, ..call.actor.clone() }, ..call.clone() };
        let next = profile.settings.schedule.as_ref().filter(|_| profile.settings.active);
        let Some(due_at) = next.and_then(|schedule| schedule.next_after(call.now)) else {
            return self.drop_row(&call, row).await;
        };
        let job = self.new_publish_job(&call, &profile, false);
        let mut change = self.change(&call, "publishing.schedule", None, Some(&job));
        change.replace(&OutboxRow { due_at, ..row.clone() })?;
        self.start_job(&call, change, &job).await?;
        tracing::info!(profile.id = %id, job.id = %job.id, "publishing started by schedule");
        Ok(Step::Waiting)
    }

    /// An export's planned instant has come.
    async fn run_export_on_schedule(
        &self,
        call: &Call,
        row: &OutboxRow,
        id: &ExportId,
    ) -> Result<Step, AppError> {
        if self.run_planned_export(call, row, id).await? {
            return Ok(Step::Waiting);
        }
        self.drop_row(call, row).await
    }

    async fn expire(&self, call: &Call, row: &OutboxRow, upload: &Upload) -> Result<Step, AppError> {
        let after = Upload { state: UploadState::Expired, ..upload.clone() };
        let mut change = self.change(call, "upload.expire", Some(upload), Some(&after));
        change.replace(&after)?;
        change.remove(row);
        let reason = "the object disappeared from the upload area";
        self.reject_staged_file(call, &mut change, upload, reason).await?;
        self.commit(call, change).await?;
        self.drop_bytes(&after).await?;
        Ok(Step::Settled)
    }

    async fn empty_collection(
        &self,
        call: &Call,
        row: &OutboxRow,
        collection: &CollectionId,
        time_left: TimeLeft<'_>,
    ) -> Result<Step, AppError> {
        loop {
            let page = PageRequest { limit: 100, ..PageRequest::default() };
            let found = self.catalog.members_of(collection, &page).await?.items;
            if found.is_empty() {
                return self.look_twice(call, row).await;
            }
            for member in found {
                if !time_left() {
                    return Ok(Step::Waiting);
                }
                match self.catalog.bib(&member.mms_id).await? {
                    Some(bib) => self.take_out(call, &bib, collection).await?,
                    None => {
                        let mut change = self.change(call, "collection.remove_title", Some(row), Some(row));
                        change.forget("membership", keys::membership(&member.mms_id, collection));
                        self.commit(call, change).await?;
                    }
                }
            }
        }
    }

    /// Forgets the members of a deleted set, as many a transaction as fit.
    async fn empty_set(
        &self,
        call: &Call,
        row: &OutboxRow,
        set: &SetId,
        time_left: TimeLeft<'_>,
    ) -> Result<Step, AppError> {
        loop {
            let page = PageRequest { limit: 90, ..PageRequest::default() };
            let found = self.catalog.members_of_set(set, &page).await?.items;
            if found.is_empty() {
                return self.look_twice(call, row).await;
            }
            if !time_left() {
                return Ok(Step::Waiting);
            }
            let mut change = self.change(call, "set.forget_members", Some(row), None);
            for member in found {
                match member {
                    Ok(member) => change.forget(SetMember::KIND, member.key()),
                    Err(error) => return Err(error.into()),
                }
            }
            self.commit(call, change).await?;
        }
    }

    /// A list that is empty now can still get what was in flight when its owner was deleted: looks once more, later.
    pub(crate) async fn look_twice(&self, call: &Call, row: &OutboxRow) -> Result<Step, AppError> {
        if row.attempts > 0 {
            return self.drop_row(call, row).await;
        }
        self.put_off(call, row, SECOND_LOOK_SECONDS).await
    }

    pub(crate) async fn put_off(&self, call: &Call, row: &OutboxRow, seconds: i64) -> Result<Step, AppError> {
        let later =
            OutboxRow { due_at: call.after_seconds(seconds), attempts: row.attempts + 1, ..row.clone() };
        self.replace(call, "outbox.put_off", row, &later).await?;
        Ok(Step::Waiting)
    }

    pub(crate) async fn drop_row(&self, call: &Call, row: &OutboxRow) -> Result<Step, AppError> {
        self.forget_row(call, row).await?;
        Ok(Step::Settled)
    }

    /// Removes an outbox row whose work needs no doing any more.
    pub(crate) async fn forget_row(&self, call: &Call, row: &OutboxRow) -> Result<(), AppError> {
        let mut change = self.change(call, "outbox.settle", Some(row), None);
        change.remove(row);
        Ok(self.commit(call, change).await?)
    }
}
