//! Jobs over sets: write the members down as tickets, work on them row by row, write the report.
//!
//! A page of tickets is written in the transaction that saves the walk's place, so each member has one ticket whatever
//! dies or runs twice. A row's result is written in the transaction that does its work, so a row is done exactly if it
//! has one. The changes are those of the use cases for one thing, with their rules, rights and history.

mod actions;
mod itemize;
mod list;
mod rows;

use vitrine_domain::bulk::{BulkRun, BulkStep};
use vitrine_domain::import::row::{RowOutcome, RowResult};
use vitrine_domain::job::{Job, JobStatus, JobWork};

use crate::run_job::{Around, Next};
use crate::{App, AppError, Call};

impl App {
    /// One step of a job over a set.
    pub(crate) async fn bulk_step(
        &self,
        call: &Call,
        job: &Job,
        run: &BulkRun,
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        match &run.step {
            BulkStep::List { after } => self.list_targets(call, job, run, after.as_deref()).await,
            BulkStep::Rows { next } if *next <= job.rows => {
                self.bulk_page(call, job, run, *next, around).await
            }
            BulkStep::Rows { .. } => {
                let ended = self.report_and_end(call, job, job.rows, crate::jobs::ended_as).await?;
                Ok(Next::GoOn(Box::new(ended)))
            }
        }
    }
}

/// The job at another step.
fn at_step(job: &Job, status: JobStatus, step: BulkStep) -> Job {
    let mut after = Job { status, ..job.clone() };
    if let JobWork::Bulk(run) = &mut after.work {
        run.step = step;
    }
    after
}

/// Why a row failed, as a stable word and for a person.
fn why_failed(error: &AppError) -> (&'static str, String) {
    let code = match error {
        AppError::Refused(_) => "REFUSED",
        AppError::NotFound { .. } => "NOT_FOUND",
        AppError::Invalid(_) => "INVALID",
        AppError::Rule(_) => "RULE",
        AppError::Precondition { .. } | AppError::Conflict(_) => "CONFLICT",
        AppError::Unavailable(_) | AppError::Internal(_) => "UNREADABLE",
    };
    let message = match error {
        AppError::Invalid(problems) => {
            let each = problems.0.iter().map(|it| format!("`{}` {}", it.field, it.message));
            each.collect::<Vec<_>>().join("; ")
        }
        AppError::Conflict(kind) => format!("the {kind} is being changed by others again and again"),
        AppError::Internal(source) => source.to_string(),
        other => other.to_string(),
    };
    (code, message)
}

fn failed(result: RowResult, code: &str, message: String) -> RowResult {
    RowResult { outcome: RowOutcome::Failed, code: Some(code.to_owned()), message: Some(message), ..result }
}
