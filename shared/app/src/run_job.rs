//! Runs jobs of every kind, a step at a time: until they end, the time is over, or another worker is quicker.
//!
//! What a step is, the rooms of the kinds say (`run_import`, `run_bulk`, `run_export`, `publishing`). Of two workers on one job, the one that saves its
//! place second stops.

use vitrine_domain::Timestamp;
use vitrine_domain::actor::Actor;
use vitrine_domain::ids::JobId;
use vitrine_domain::job::{Job, JobStatus, JobWork};
use vitrine_store::{Change, CommitError, StoreError};

use crate::jobs::{Message, queue_of};
use crate::register_file::TimeLeft;
use crate::{App, AppError, Call};

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
        let queue = queue_of(&job);
        loop {
            // Each step has its own time: a call can last minutes.
            let call = Call { actor: submitter(&job), now: clock(), ..call.clone() };
            let next = if job.stopping {
                self.stop_job(&call, &job).await.map(|job| Next::GoOn(Box::new(job)))
            } else {
                self.step(&call, &job, Around { clock, time_left }).await
            };
            job = match next {
                Ok(Next::GoOn(job)) if job.status.is_final() => return Ok(Progressed::Ended),
                Ok(Next::GoOn(job)) if time_left() && queue_of(&job) == queue => *job,
                Ok(Next::GoOn(job)) => {
                    self.queues.send(queue_of(&job), Message { job: id.clone() }.to_json()).await?;
                    return Ok(Progressed::Continues);
                }
                Ok(Next::OutOfTime) => {
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
            JobWork::Import(run) => self.import_step(call, job, run, around).await,
            JobWork::Undo(run) => self.undo_page(call, job, run).await,
            JobWork::Publish(run) => self.publish_step(call, job, run, around).await,
            JobWork::Export(run) => self.export_step(call, job, run, around).await,
            JobWork::Bulk(run) => self.bulk_step(call, job, run, around).await,
        }
    }

    /// Ends a job that was asked to stop, with a report of the rows that were worked on.
    async fn stop_job(&self, call: &Call, job: &Job) -> Result<Job, AppError> {
        match &job.work {
            JobWork::Import(_) | JobWork::Undo(_) | JobWork::Bulk(_) => {
                self.report_and_end(call, job, rows_of(job), |_| JobStatus::Aborted).await
            }
            // They count titles, not rows.
            JobWork::Publish(_) | JobWork::Export(_) => {
                self.end_job(call, job, JobStatus::Aborted, None).await
            }
        }
    }

    /// Saves where a job is. Of two workers that do, the second gets a conflict.
    pub(crate) async fn save_job(&self, call: &Call, before: &Job, after: Job) -> Result<Job, AppError> {
        self.save_job_and(call, before, after, |_| Ok(())).await
    }

    /// The same, with more in the same transaction.
    pub(crate) async fn save_job_and(
        &self,
        call: &Call,
        before: &Job,
        after: Job,
        more: impl FnOnce(&mut Change) -> Result<(), StoreError>,
    ) -> Result<Job, AppError> {
        let after = Job { started_at: after.started_at.or(Some(call.now)), ..after };
        let mut change = self.change(call, "job.advance", Some(before), Some(&after));
        change.replace(&after)?;
        more(&mut change)?;
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
}

/// How many rows a job has, or had when it was undone; an export has one for each thing it left out.
pub(crate) fn rows_of(job: &Job) -> u64 {
    match &job.work {
        JobWork::Import(_) | JobWork::Bulk(_) => job.rows,
        JobWork::Undo(run) => run.rows,
        JobWork::Publish(_) => 0,
        JobWork::Export(run) => run.written.left_out,
    }
}

/// Who a job acts as: its submitter, with the roles held then.
fn submitter(job: &Job) -> Actor {
    Actor::new(job.submitted_by.clone(), job.grants.clone())
}
