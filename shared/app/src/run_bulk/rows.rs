//! Pages of rows: those of one title in order, the rest side by side.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use vitrine_domain::bib::RecordSource;
use vitrine_domain::bulk::{BulkAction, BulkRun, BulkStep, Target};
use vitrine_domain::import::row::{PAGE_ROWS, RowOutcome, RowResult, RowTicket};
use vitrine_domain::job::{Job, JobStatus};
use vitrine_store::imports::with_results;

use super::{at_step, failed, why_failed};
use crate::run_import::rows::{SIDE_BY_SIDE, is_to_do};
use crate::run_import::write_result;
use crate::run_job::{Around, Next};
use crate::{App, AppError, Call};

/// How often a row is tried whose title or representation others change meanwhile.
const TRIES: u32 = 8;
/// How long a job waits after a page of thumbnails, in seconds: 5 files a second, so that new uploads are not kept
/// waiting behind a whole repository (T5).
const REDRAW_PAUSE_SECONDS: u16 = 20;

/// A row to be worked on, and its result of an earlier attempt.
pub(super) type ToDo = (RowTicket, Option<RowResult>);

impl App {
    /// Works on a page, and saves that it is done.
    pub(super) async fn bulk_page(
        &self,
        call: &Call,
        job: &Job,
        run: &BulkRun,
        first: u64,
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        let rows = PAGE_ROWS.min(job.rows + 1 - first);
        let tickets = self.catalog.row_tickets(&job.id, first, rows).await?;
        let results = self.catalog.row_results(&job.id, first, rows).await?;
        let (mut done, mut to_do) = (Vec::new(), Vec::new());
        for (ticket, result) in with_results(tickets, results) {
            match result {
                Some(result) if !is_to_do(job, &result) => done.push(result),
                result => to_do.push((ticket, result)),
            }
        }
        let worked = match &run.action {
            BulkAction::Itemize { into } => {
                self.itemize(call, job, run, into.as_ref(), to_do, around).await?
            }
            _ => self.side_by_side(call, job, run, to_do, around).await?,
        };
        let drawn = worked.iter().filter(|row| row.outcome == RowOutcome::Updated).count();
        done.extend(worked);
        if (done.len() as u64) < rows {
            return Ok(Next::OutOfTime);
        }
        let mut after = at_step(job, JobStatus::Running, BulkStep::Rows { next: first + rows });
        // Later attempts are counted anew at the end, from all results.
        if job.attempt == 1 {
            done.iter().for_each(|result| after.tally.add(result));
        }
        let call = &Call { now: (around.clock)(), ..call.clone() };
        let saved = self.save_job(call, job, after).await?;
        let redraws = matches!(run.action, BulkAction::RecomputeThumbnails { .. }) && !run.preview;
        if redraws && drawn > 0 && first + rows <= job.rows {
            return Ok(Next::Wait(REDRAW_PAUSE_SECONDS));
        }
        Ok(Next::GoOn(Box::new(saved)))
    }

    async fn side_by_side(
        &self,
        call: &Call,
        job: &Job,
        run: &BulkRun,
        to_do: Vec<ToDo>,
        around: Around<'_>,
    ) -> Result<Vec<RowResult>, AppError> {
        let mut chains: BTreeMap<String, Vec<ToDo>> = BTreeMap::new();
        for row in to_do {
            let chain = row.0.chain.clone().unwrap_or_else(|| format!("row {}", row.0.number));
            chains.entry(chain).or_default().push(row);
        }
        let begun = &AtomicBool::new(false);
        let worked: Vec<Vec<RowResult>> = stream::iter(chains.into_values())
            .map(|chain| async move {
                let mut results = Vec::with_capacity(chain.len());
                for (ticket, before) in chain {
                    // One row is worked on however little time there is, so that every call gets on.
                    if begun.swap(true, Ordering::Relaxed) && !(around.time_left)() {
                        break;
                    }
                    let call = Call { now: (around.clock)(), ..call.clone() };
                    results.push(Box::pin(self.bulk_row(&call, job, run, &ticket, before)).await?);
                }
                Ok::<_, AppError>(results)
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect()
            .await?;
        Ok(worked.into_iter().flatten().collect())
    }

    /// Works on one row, and on nothing where it is done already. Whatever is wrong with it is its outcome.
    async fn bulk_row(
        &self,
        call: &Call,
        job: &Job,
        run: &BulkRun,
        ticket: &RowTicket,
        before: Option<RowResult>,
    ) -> Result<RowResult, AppError> {
        let target = read_target(ticket)?;
        let version = before.map_or(0, |it| it.version);
        let blank = blank(call, job, ticket, &target, version);
        if let Some(reason) = target.unreadable {
            return self.write_row(call, failed(blank, "UNREADABLE", reason)).await;
        }
        let mut tries = 0;
        let error = loop {
            tries += 1;
            match self.try_bulk_row(call, run, &target, &blank).await {
                // Another worker was quicker; what it did holds.
                Err(AppError::Conflict("row result")) => {
                    let theirs = self.catalog.row_result(&job.id, ticket.number).await?;
                    return theirs.ok_or(AppError::Conflict("job"));
                }
                Err(AppError::Conflict(_)) if tries < TRIES => {}
                Err(error @ AppError::Unavailable(_)) => return Err(error),
                Err(error) => break error,
                Ok(done) => return Ok(done),
            }
        };
        let (code, message) = why_failed(&error);
        self.write_row(call, failed(blank, code, message)).await
    }

    async fn try_bulk_row(
        &self,
        call: &Call,
        run: &BulkRun,
        target: &Target,
        blank: &RowResult,
    ) -> Result<RowResult, AppError> {
        let planned = self.plan_bulk_row(call, &run.action, target).await?;
        let result = RowResult {
            outcome: planned.outcome,
            code: planned.code.map(str::to_owned),
            message: planned.message,
            differences: planned.differences,
            ..blank.clone()
        };
        let Some(mut change) = planned.change.filter(|_| !run.preview) else {
            return self.write_row(call, result).await;
        };
        write_result(&mut change, &result)?;
        self.commit(call, change).await?;
        if let Some(message) = planned.draw {
            self.ask_to_draw(&message).await;
        }
        Ok(RowResult { version: result.version + 1, ..result })
    }

    /// Writes a result of a row that changes nothing.
    pub(super) async fn write_row(&self, call: &Call, result: RowResult) -> Result<RowResult, AppError> {
        let mut change = self.change(call, "job.row", None, Some(&result));
        write_result(&mut change, &result)?;
        match self.commit(call, change).await.map_err(AppError::from) {
            Ok(()) => Ok(RowResult { version: result.version + 1, ..result }),
            Err(AppError::Conflict("row result")) => {
                let theirs = self.catalog.row_result(&result.job, result.number).await?;
                theirs.ok_or(AppError::Conflict("job"))
            }
            Err(error) => Err(error),
        }
    }
}

/// What a ticket says.
pub(super) fn read_target(ticket: &RowTicket) -> Result<Target, AppError> {
    let text = match &ticket.content {
        RecordSource::Inline(text) => text.as_str(),
        RecordSource::Stored { .. } => "",
    };
    serde_json::from_str(text).map_err(|error| AppError::Internal(Box::new(error)))
}

/// A result that says only what the row is about.
pub(super) fn blank(call: &Call, job: &Job, ticket: &RowTicket, target: &Target, version: u64) -> RowResult {
    RowResult {
        member: Some(target.id.clone()),
        mms_id: target.mms_id.clone(),
        representations: target.representation.iter().cloned().collect(),
        version,
        ..RowResult::new(&job.id, ticket.number, job.attempt, RowOutcome::Unchanged, call.now)
    }
}
