//! Runs of imports (walk 2 of the design): read the metadata file into tickets, work on rows page by page, wait for the
//! files, write the report.
//!
//! Every step can be killed and done again. A ticket never changes. A row's result is written in the transaction that does
//! the row's work, so a row is done exactly if it has one. Ids follow from the job and the row. Of two workers on one job,
//! the one that saves its place second stops.

mod dry;
mod files;
mod find;
mod look;
mod plan;
mod prepare;
mod read;
mod report;
mod row;
mod rows;
mod undo;
mod write;
mod write_files;

use crate::jobs::Message;
use crate::register_file::TimeLeft;
use crate::{App, AppError, Call};
use sha2::{Digest, Sha256};
use vitrine_domain::Timestamp;
use vitrine_domain::actor::Actor;
use vitrine_domain::ids::{IngestId, JobId, ProfileId, UploadId};
use vitrine_domain::job::{ImportRun, ImportStep, Job, JobStatus, JobWork};
use vitrine_store::CommitError;

/// How a call of a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progressed {
    /// The job has ended.
    Ended,
    /// The time was over; a message says to go on.
    Continues,
    /// It waits for files that are being registered; a message says when to look again.
    Waits,
    /// Another worker has the job, or there is none: nothing was to be done.
    Nothing,
}

impl Progressed {
    /// In a word, for logs and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Continues => "continues",
            Self::Waits => "waits",
            Self::Nothing => "nothing",
        }
    }
}

/// Tells the time; an argument, so that a test can set it.
pub type Clock<'a> = &'a (dyn Fn() -> Timestamp + Send + Sync);

/// What a step has around it.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) clock: Clock<'a>,
    pub(crate) time_left: TimeLeft<'a>,
}

/// What a step left to do.
pub(crate) enum Next {
    /// The next step, or more of this one.
    GoOn(Box<Job>),
    /// Nothing for some seconds.
    Wait(u16),
    /// No time for more of it.
    OutOfTime,
}

impl App {
    /// Goes on with a job until it ends or the time is over.
    ///
    /// # Errors
    /// Only those after which the same call can succeed.
    pub async fn run_job(
        &self,
        call: &Call,
        id: &JobId,
        clock: Clock<'_>,
        time_left: TimeLeft<'_>,
    ) -> Result<Progressed, AppError> {
        let Some(mut job) = self.catalog.job(id).await? else { return Ok(Progressed::Nothing) };
        if job.status.is_final() {
            return Ok(Progressed::Nothing);
        }
        let queue = crate::jobs::queue_of(&job);
        loop {
            // Each step has its own time: a call can last minutes.
            let call = Call { actor: submitter(&job), now: clock(), ..call.clone() };
            let next = if job.stopping {
                let ended = match &job.work {
                    // It counts titles, not rows.
                    JobWork::Publish(_) => self.end_job(&call, &job, JobStatus::Aborted, None).await,
                    JobWork::Import(_) | JobWork::Undo(_) => {
                        self.report_and_end(&call, &job, rows_of(&job), |_| JobStatus::Aborted).await
                    }
                };
                ended.map(|job| Next::GoOn(Box::new(job)))
            } else {
                self.step(&call, &job, Around { clock, time_left }).await
            };
            job = match next {
                Ok(Next::GoOn(job)) if job.status.is_final() => return Ok(Progressed::Ended),
                Ok(Next::GoOn(job)) if time_left() => *job,
                Ok(Next::GoOn(_) | Next::OutOfTime) => {
                    self.queues.send(queue, Message { job: id.clone() }.to_json()).await?;
                    return Ok(Progressed::Continues);
                }
                Ok(Next::Wait(seconds)) => {
                    let message = Message { job: id.clone() }.to_json();
                    self.queues.send_later(queue, message, seconds).await?;
                    return Ok(Progressed::Waits);
                }
                // Someone asked it to stop, or another worker was quicker: what is stored decides.
                Err(AppError::Conflict("job")) => match self.catalog.job(id).await? {
                    Some(now) if now.stopping && !now.status.is_final() => now,
                    _ => return Ok(Progressed::Nothing),
                },
                Err(error) => return Err(error),
            };
        }
    }

    async fn step(&self, call: &Call, job: &Job, around: Around<'_>) -> Result<Next, AppError> {
        match &job.work {
            JobWork::Undo(run) => self.undo_page(call, job, run).await,
            JobWork::Publish(run) => self.publish_step(call, job, run, around).await,
            JobWork::Import(run) => match &run.step {
                ImportStep::Read { .. } => self.read_rows(call, job, run, around.time_left).await,
                ImportStep::Rows { next } => self.import_page(call, job, run, *next, around).await,
                ImportStep::Files { .. } => self.settle_files(call, job, run).await,
                ImportStep::Report => self.write_report(call, job, run).await,
                ImportStep::End => {
                    let status = crate::jobs::ended_as(&job.tally);
                    let ended = self.end_job(call, job, status, None).await?;
                    Ok(Next::GoOn(Box::new(ended)))
                }
            },
        }
    }

    /// Saves where a job is. Of two workers that do, the second gets a conflict.
    pub(crate) async fn save_job(&self, call: &Call, before: &Job, after: Job) -> Result<Job, AppError> {
        let after = Job { started_at: after.started_at.or(Some(call.now)), ..after };
        let mut change = self.change(call, "job.advance", Some(before), Some(&after));
        change.replace(&after)?;
        self.watch_job(call, &mut change, &after)?;
        match self.commit(call, change).await {
            Ok(()) => Ok(Job { version: before.version + 1, ..after }),
            Err(CommitError::Changed("job")) => Err(AppError::Conflict("job")),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn end_job(
        &self,
        call: &Call,
        job: &Job,
        status: JobStatus,
        reason: Option<String>,
    ) -> Result<Job, AppError> {
        // First the ingest: a job that ended must not leave its ingest closed.
        if let JobWork::Import(run) = &job.work {
            self.end_ingest(call, job, run).await?;
        }
        let after = Job { status, reason, stopping: false, ended_at: Some(call.now), ..job.clone() };
        let ended = self.save_job(call, job, after).await?;
        tracing::info!(job.id = %job.id, status = %status, rows = job.rows, "job ended");
        Ok(ended)
    }

    /// Saves an import's next step.
    async fn go_to(
        &self,
        call: &Call,
        job: &Job,
        step: ImportStep,
        adjust: impl FnOnce(&mut Job),
    ) -> Result<Next, AppError> {
        let mut after = job.clone();
        if let JobWork::Import(run) = &mut after.work {
            run.step = step;
        }
        adjust(&mut after);
        Ok(Next::GoOn(Box::new(self.save_job(call, job, after).await?)))
    }
}

/// How many rows a job has, or had when it was undone.
pub(crate) fn rows_of(job: &Job) -> u64 {
    match &job.work {
        JobWork::Import(_) => job.rows,
        JobWork::Undo(run) => run.rows,
        JobWork::Publish(_) => 0,
    }
}

/// Who a job acts as: its submitter, with the roles held then.
fn submitter(job: &Job) -> Actor {
    Actor::new(job.submitted_by.clone(), job.grants.clone())
}

/// A number that follows from what it is for.
pub(crate) fn seed(parts: &[&str]) -> u128 {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let bytes = digest.finalize();
    bytes.iter().take(16).fold(0, |number, byte| (number << 8) | u128::from(*byte))
}

/// The id of the upload of one object of a folder.
pub(crate) fn upload_id(app: &App, profile: &ProfileId, ingest: &IngestId, name: &str) -> UploadId {
    app.minter.derived_upload(seed(&[profile.as_str(), ingest.as_str(), name]))
}

/// The name of a claim of a file's name within a job.
pub(crate) fn file_claim(run: &ImportRun, name: &str) -> String {
    format!("FILE#{:032x}", seed(&[run.folder.as_str(), name]))
}
