//! Jobs: follow, stop, resubmit, undo, decide on rows that wait, fetch the report (E10, I20, I21).

use serde::{Deserialize, Serialize};
use vitrine_domain::actor::Refusal;
use vitrine_domain::bulk::BulkStep;
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::JobId;
use vitrine_domain::import::ingest::{Ingest, IngestStatus};
use vitrine_domain::import::row::{Decision, RowOutcome, RowResult, Tally};
use vitrine_domain::job::{ImportRun, ImportStep, Job, JobStatus, JobWork, UndoRun};
use vitrine_domain::outbox::{OutboxRow, Work};
use vitrine_domain::publishing::run::PublishStep;
use vitrine_domain::roles::Action;
use vitrine_store::catalog::{Count, PageRequest};
use vitrine_store::keys::{self, Item};
use vitrine_store::objects::{Bucket, Disposition, SignedGet, SignedRequest};
use vitrine_store::queues::Queue;
use vitrine_store::{Change, Page};

use crate::{App, AppError, Call, Rule};

/// How long a worker may be silent before the sweep sends a job's message again, in seconds.
pub(crate) const DUE_AGAIN_SECONDS: i64 = 3 * 60;
/// How long a signed report lives, in seconds.
const REPORT_SECONDS: u64 = 10 * 60;

/// A message on the queue of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The job to go on with.
    pub job: JobId,
}

impl Message {
    /// The message as it is sent.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// One JSON object a line.
    JsonLines,
    /// A table that is safe to open in a spreadsheet (B51).
    Csv,
}

impl ReportFormat {
    /// The ending of its name, and its type.
    pub fn name_and_type(self) -> (&'static str, &'static str) {
        match self {
            Self::JsonLines => ("jsonl", "application/x-ndjson"),
            Self::Csv => ("csv", "text/csv; charset=utf-8"),
        }
    }
}

/// Where a job's report is kept.
pub(crate) fn report_key(job: &JobId, format: ReportFormat) -> String {
    format!("reports/{job}.{}", format.name_and_type().0)
}

impl App {
    /// The jobs, the newest first, and how many there are.
    ///
    /// # Errors
    /// A caller without any staff role.
    pub async fn list_jobs(&self, call: &Call, page: &PageRequest) -> Result<(Page<Job>, Count), AppError> {
        call.actor.may(Action::ReadImports, None)?;
        Ok((self.catalog.jobs(page).await?, self.catalog.count_jobs().await?))
    }

    /// One job.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn read_job(&self, call: &Call, id: &JobId) -> Result<Job, AppError> {
        call.actor.may(Action::ReadImports, None)?;
        self.job(id).await
    }

    pub(crate) async fn job(&self, id: &JobId) -> Result<Job, AppError> {
        self.catalog.job(id).await?.ok_or_else(|| AppError::not_found("job", id))
    }

    /// The rows of a job: all of them in order, or those that failed or wait with one outcome.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn list_rows(
        &self,
        call: &Call,
        id: &JobId,
        outcome: Option<RowOutcome>,
        open_only: bool,
        page: &PageRequest,
    ) -> Result<Page<RowResult>, AppError> {
        let job = self.read_job(call, id).await?;
        if open_only {
            let mut found = self.catalog.open_rows(id, page).await?;
            found.items.retain(|row| outcome.is_none_or(|outcome| row.outcome == outcome));
            return Ok(found);
        }
        let first = match page.after.as_deref().map(str::parse::<u64>) {
            Some(Ok(first)) => first.max(1),
            Some(Err(_)) => return Err(AppError::invalid("next", "must be what an earlier page gave")),
            None => u64::from(page.offset) + 1,
        };
        let rows = crate::run_job::rows_of(&job);
        let limit = u64::from(page.limit);
        if limit == 0 || first > rows {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let mut items = self.catalog.row_results(id, first, limit).await?;
        items.retain(|row| outcome.is_none_or(|outcome| row.outcome == outcome));
        let after = first + limit;
        Ok(Page { items, next: (after <= rows).then(|| after.to_string()) })
    }

    /// Asks a job to stop. It stops between two rows; what is done stays done.
    ///
    /// # Errors
    /// [`Rule::JobEnded`].
    pub async fn cancel_job(&self, call: &Call, id: &JobId) -> Result<Job, AppError> {
        crate::changes::again_on_conflict(|| self.try_cancel_job(call, id)).await
    }

    async fn try_cancel_job(&self, call: &Call, id: &JobId) -> Result<Job, AppError> {
        let before = self.job(id).await?;
        may(call, &before)?;
        if before.status.is_final() {
            return Err(Rule::JobEnded(before.status.code()).into());
        }
        let after = Job { stopping: true, ..before.clone() };
        self.replace(call, "job.cancel", &before, &after).await?;
        self.send_job(&after).await;
        Ok(Job { version: before.version + 1, ..after })
    }

    /// Runs the rows of an import or of a job over a set again that failed, whose files were missing or refused, or on which a person decided.
    ///
    /// # Errors
    /// [`Rule::JobNotEnded`], [`Rule::NothingToResubmit`].
    pub async fn resubmit_job(&self, call: &Call, id: &JobId) -> Result<Job, AppError> {
        let before = self.job(id).await?;
        may(call, &before)?;
        if before.undone_by.is_some() {
            return Err(Rule::NotUndoable("the job was undone; bring the folder again").into());
        }
        if !before.status.is_final() {
            return Err(Rule::JobNotEnded(before.status.code()).into());
        }
        let stopped = matches!(before.status, JobStatus::Aborted | JobStatus::Failed);
        let work = match &before.work {
            JobWork::Import(run) => {
                let one = PageRequest { limit: 1, ..PageRequest::default() };
                if !stopped && self.catalog.open_rows(id, &one).await?.items.is_empty() {
                    return Err(Rule::NothingToResubmit.into());
                }
                let mut run = run.clone();
                // One that ended while it read goes on reading; its rows are all there otherwise.
                if !matches!(run.step, ImportStep::Read { .. }) {
                    run.step = ImportStep::Rows { next: 1 };
                }
                JobWork::Import(run)
            }
            // It goes on where it was stopped.
            JobWork::Export(_) if stopped => before.work.clone(),
            JobWork::Publish(run) if stopped && matches!(run.step, PublishStep::Send(_)) => {
                let mut run = run.clone();
                if let PublishStep::Send(at) = &mut run.step {
                    at.failures = 0;
                }
                JobWork::Publish(run)
            }
            JobWork::Export(_) => return Err(Rule::NothingToResubmit.into()),
            JobWork::Bulk(run) => {
                let one = PageRequest { limit: 1, ..PageRequest::default() };
                if !stopped && self.catalog.open_rows(id, &one).await?.items.is_empty() {
                    return Err(Rule::NothingToResubmit.into());
                }
                let mut run = run.clone();
                if let BulkStep::Rows { next } = &mut run.step {
                    *next = 1;
                }
                JobWork::Bulk(run)
            }
            JobWork::Undo(_) | JobWork::Publish(_) => {
                return Err(Rule::NotUndoable(
                    "only an import, a job over a set, a stopped export and files that were not sent can be resubmitted",
                )
                .into());
            }
        };
        let after = Job {
            work,
            status: JobStatus::Pending,
            reason: None,
            stopping: false,
            attempt: before.attempt + 1,
            ended_at: None,
            started_at: None,
            // It may from here on what whoever resubmits it may.
            submitted_by: call.actor.id.clone(),
            grants: call.actor.grants.clone(),
            ..before.clone()
        };
        let mut change = self.change(call, "job.resubmit", Some(&before), Some(&after));
        change.replace(&after)?;
        if let JobWork::Import(run) = &after.work {
            self.close_ingest_again(&mut change, &after, run).await?;
        }
        self.watch_job(call, &mut change, &after)?;
        self.commit(call, change).await?;
        self.send_job(&after).await;
        Ok(Job { version: before.version + 1, ..after })
    }

    /// Starts a job that takes back what an import did, as far as nothing newer would be lost.
    ///
    /// # Errors
    /// [`Rule::JobNotEnded`], [`Rule::NotUndoable`] for a dry run and for another undo.
    pub async fn undo_job(&self, call: &Call, id: &JobId) -> Result<Job, AppError> {
        let of = self.job(id).await?;
        match &of.work {
            JobWork::Import(run) => {
                call.actor.may(Action::UndoImport, Some(&run.settings.defaults.library))?;
            }
            JobWork::Undo(_) | JobWork::Publish(_) | JobWork::Export(_) | JobWork::Bulk(_) => {
                call.actor.may(Action::UndoImport, None)?;
            }
        }
        if let Some(earlier) = &of.undone_by
            && !matches!(
                self.job(earlier).await?.status,
                JobStatus::Aborted | JobStatus::Failed | JobStatus::CompletedWithErrors
            )
        {
            return Err(Rule::NotUndoable("the job was undone already, or is being undone").into());
        }
        if !of.status.is_final() {
            return Err(Rule::JobNotEnded(of.status.code()).into());
        }
        match &of.work {
            JobWork::Import(run) if run.dry_run => {
                return Err(Rule::NotUndoable("a dry run wrote nothing that could be undone").into());
            }
            JobWork::Import(_) => {}
            JobWork::Undo(_) => {
                return Err(Rule::NotUndoable(
                    "an undo can not be undone; bring the folder again and submit it",
                )
                .into());
            }
            JobWork::Publish(_) | JobWork::Export(_) | JobWork::Bulk(_) => {
                return Err(Rule::NotUndoable("only an import can be undone").into());
            }
        }
        let job = Job::new(
            self.minter.job(call.now, self.random()),
            JobWork::Undo(UndoRun { of: of.id.clone(), rows: of.rows, next: of.rows }),
            format!("Undo: {}", of.name),
            &call.actor,
            call.now,
            self.mint_event(call),
        );
        let mut change = self.change(call, "job.undo", None, Some(&job));
        change.create(&job)?;
        change.replace(&Job { undone_by: Some(job.id.clone()), ..of })?;
        self.watch_job(call, &mut change, &job)?;
        self.commit(call, change).await?;
        self.send_job(&job).await;
        Ok(Job { version: 1, ..job })
    }

    /// Decides on a row that waits for a person: import it in spite of its errors, name its title, make it a new one. The
    /// decision is carried out when the job is resubmitted.
    ///
    /// # Errors
    /// [`Rule::RowNotWaiting`]; a title that does not exist.
    pub async fn decide_row(
        &self,
        call: &Call,
        id: &JobId,
        number: u64,
        decision: Decision,
    ) -> Result<RowResult, AppError> {
        let before = self.waiting_row(call, id, number).await?;
        if let Decision::Match { mms_id } = &decision {
            self.bib(mms_id).await?;
        }
        let after = RowResult { decision: Some(decision), ..before.clone() };
        self.replace(call, "job.decide_row", &before, &after).await?;
        Ok(RowResult { version: before.version + 1, ..after })
    }

    /// Leaves a row out that waits for a person.
    ///
    /// # Errors
    /// [`Rule::RowNotWaiting`].
    pub async fn discard_row(&self, call: &Call, id: &JobId, number: u64) -> Result<RowResult, AppError> {
        crate::changes::again_on_conflict(|| self.try_discard_row(call, id, number)).await
    }

    async fn try_discard_row(&self, call: &Call, id: &JobId, number: u64) -> Result<RowResult, AppError> {
        let before = self.waiting_row(call, id, number).await?;
        let after = RowResult { outcome: RowOutcome::Discarded, decision: None, ..before.clone() };
        let mut job = self.job(id).await?;
        // The row moves from one counter to the other.
        job.tally.waiting = job.tally.waiting.saturating_sub(1);
        job.tally.discarded += 1;
        if job.status == JobStatus::ManualHandlingRequired {
            job.status = ended_as(&job.tally);
        }
        let mut change = self.change(call, "job.discard_row", Some(&before), Some(&after));
        change.replace(&after)?;
        change.replace(&job)?;
        self.commit(call, change).await?;
        Ok(RowResult { version: before.version + 1, ..after })
    }

    /// A job that goes on has its ingest to itself again.
    async fn close_ingest_again(
        &self,
        change: &mut Change,
        job: &Job,
        run: &ImportRun,
    ) -> Result<(), AppError> {
        let Some(ingest) = self.catalog.ingest(&run.profile, &run.ingest).await? else { return Ok(()) };
        if ingest.status == IngestStatus::Submitted && ingest.job.as_ref() != Some(&job.id) {
            return Err(Rule::IngestClosed("SUBMITTED").into());
        }
        change.replace(&Ingest { status: IngestStatus::Submitted, job: Some(job.id.clone()), ..ingest })?;
        Ok(())
    }

    async fn waiting_row(&self, call: &Call, id: &JobId, number: u64) -> Result<RowResult, AppError> {
        let job = self.job(id).await?;
        may(call, &job)?;
        if !job.status.is_final() {
            return Err(Rule::JobNotEnded(job.status.code()).into());
        }
        let row = self.catalog.row_result(id, number).await?;
        let row = row.ok_or_else(|| AppError::not_found("row", number))?;
        if row.outcome != RowOutcome::Waiting {
            return Err(Rule::RowNotWaiting(row.outcome.code()).into());
        }
        Ok(row)
    }

    /// A signed link to the report of a job that has ended.
    ///
    /// # Errors
    /// [`Rule::NoReport`].
    pub async fn job_report(
        &self,
        call: &Call,
        id: &JobId,
        format: ReportFormat,
    ) -> Result<SignedRequest, AppError> {
        let job = self.read_job(call, id).await?;
        let key = report_key(id, format);
        if !job.status.is_final() || self.objects.head(Bucket::Published, &key, None).await?.is_none() {
            return Err(Rule::NoReport.into());
        }
        let (ending, mime) = format.name_and_type();
        let get = SignedGet {
            bucket: Bucket::Published,
            key: &key,
            version: None,
            file_name: &format!("job-{id}.{ending}"),
            mime,
            disposition: Disposition::Attachment,
            seconds: REPORT_SECONDS,
        };
        Ok(self.objects.presign_get(get, call.now).await?)
    }

    /// Writes the outbox row that stays due until the job ends.
    pub(crate) fn watch_job(&self, call: &Call, change: &mut Change, job: &Job) -> Result<(), AppError> {
        if job.status.is_final() {
            change.forget(OutboxRow::KIND, keys::outbox(&job.watch));
            return Ok(());
        }
        let work = Work::RunJob { job: job.id.clone() };
        let owed = self.owe(call, work, call.after_seconds(DUE_AGAIN_SECONDS));
        change.put(&OutboxRow { id: job.watch.clone(), ..owed })?;
        Ok(())
    }
}

/// The queue that a job's messages are sent to.
pub(crate) fn queue_of(job: &Job) -> Queue {
    match &job.work {
        JobWork::Import(_) | JobWork::Undo(_) | JobWork::Bulk(_) => Queue::Imports,
        // Who speaks to the outside has a role of its own.
        JobWork::Publish(run) if matches!(run.step, PublishStep::Send(_)) => Queue::Deliveries,
        JobWork::Publish(_) => Queue::Publish,
        JobWork::Export(_) => Queue::Exports,
    }
}

/// Refuses a caller who may not do this kind of job in its library.
fn may(call: &Call, job: &Job) -> Result<(), Refusal> {
    match &job.work {
        JobWork::Import(run) => call.actor.may(Action::RunImport, Some(&run.settings.defaults.library)),
        JobWork::Undo(_) => call.actor.may_somewhere(Action::UndoImport),
        JobWork::Export(_) => call.actor.may(Action::ManageExports, None),
        JobWork::Bulk(run) => call.actor.may_somewhere(run.action.needs()),
        JobWork::Publish(_) => call.actor.may(Action::ManagePublishing, None),
    }
}

/// The status of a job whose rows ended like this.
pub(crate) fn ended_as(tally: &Tally) -> JobStatus {
    if tally.waiting > 0 {
        JobStatus::ManualHandlingRequired
    } else if tally.failed > 0 || tally.missing_files > 0 || tally.files_refused > 0 || tally.left > 0 {
        JobStatus::CompletedWithErrors
    } else if tally.rows() == 0 {
        JobStatus::CompletedNoBulks
    } else {
        JobStatus::CompletedSuccess
    }
}
