//! Pages of rows: up to 100 at a time, families in order, the rest side by side.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::{Mutex, OnceCell};
use vitrine_domain::ids::CollectionId;
use vitrine_domain::import::profile::SourceFormat;
use vitrine_domain::import::row::{PAGE_ROWS, RowOutcome, RowResult, RowTicket};
use vitrine_domain::job::{ImportRun, ImportStep, Job};
use vitrine_domain::library::Library;
use vitrine_metadata::{Format, rules};
use vitrine_store::imports::with_results;

use crate::register_file::TimeLeft;
use crate::run_job::{Around, Next};
use crate::{App, AppError, Call};

/// How many rows are worked on side by side.
pub(crate) const SIDE_BY_SIDE: usize = 16;

/// Collections by id or by name, as rows spell them: each is looked for once a page, however many rows ask at a time.
type Known = Mutex<HashMap<String, Arc<OnceCell<Option<CollectionId>>>>>;

/// What every row of a page needs, read once.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) app: &'a App,
    /// The row's own: its time is the time at which the row was begun.
    pub(super) call: &'a Call,
    pub(super) job: &'a Job,
    pub(super) run: &'a ImportRun,
    pub(super) libraries: &'a [Library],
    pub(super) collections: &'a Known,
    pub(super) time_left: TimeLeft<'a>,
}

impl App {
    /// Works on a page, and saves that it is done.
    pub(super) async fn import_page(
        &self,
        call: &Call,
        job: &Job,
        run: &ImportRun,
        first: u64,
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        if first > job.rows {
            return self.go_to(call, job, super::files::begin(call.now), |_| {}).await;
        }
        let tickets = self.catalog.row_tickets(&job.id, first, PAGE_ROWS).await?;
        let results = self.catalog.row_results(&job.id, first, PAGE_ROWS).await?;
        let libraries = self.catalog.libraries().await?;
        let collections = Known::default();
        let context = Context {
            app: self,
            call,
            job,
            run,
            libraries: &libraries,
            collections: &collections,
            time_left: around.time_left,
        };
        let rows = tickets.len() as u64;
        // Rows of one family or of one title follow each other; every other row is on its own.
        let mut chains: BTreeMap<String, Vec<(RowTicket, Option<RowResult>)>> = BTreeMap::new();
        let mut done: Vec<RowResult> = Vec::new();
        for (ticket, result) in with_results(tickets, results) {
            match result {
                Some(result) if !is_to_do(job, &result) => done.push(result),
                result => {
                    let chain = ticket.chain.clone().unwrap_or_else(|| format!("row {}", ticket.number));
                    chains.entry(chain).or_default().push((ticket, result));
                }
            }
        }
        let begun = &AtomicBool::new(false);
        let worked: Vec<Vec<RowResult>> = stream::iter(chains.into_values())
            .map(|chain| async move {
                let mut results = Vec::with_capacity(chain.len());
                for (ticket, before) in chain {
                    // One row is worked on however little time there is, so that every call gets on.
                    if !(around.time_left)() && begun.swap(true, Ordering::Relaxed) {
                        break;
                    }
                    begun.store(true, Ordering::Relaxed);
                    let content = self.ticket_content(&ticket).await?;
                    let call = Call { now: (around.clock)(), ..call.clone() };
                    let row = Context { call: &call, ..context };
                    results.push(Box::pin(row.work(&ticket, &content, before)).await?);
                }
                Ok::<_, AppError>(results)
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect()
            .await?;
        done.extend(worked.into_iter().flatten());
        if (done.len() as u64) < rows || done.iter().any(RowResult::is_unfinished) {
            return Ok(Next::OutOfTime);
        }
        let next = first + PAGE_ROWS;
        let now = (around.clock)();
        let call = &Call { now, ..call.clone() };
        let step = if next > job.rows { super::files::begin(now) } else { ImportStep::Rows { next } };
        self.go_to(call, job, step, |job| {
            // Later attempts are counted anew at the end, from all results.
            if job.attempt == 1 {
                for result in &done {
                    job.tally.add(result);
                }
            }
        })
        .await
    }
}

/// Whether a row that has a result is worked on again in this attempt.
pub(crate) fn is_to_do(job: &Job, result: &RowResult) -> bool {
    if result.attempt == job.attempt {
        return result.is_unfinished();
    }
    result.outcome.is_retryable()
        || result.is_unfinished()
        || result.files_refused > 0
        || (result.outcome == RowOutcome::Waiting && result.decision.is_some())
}

/// The format in which the reader gives records.
pub(super) fn reader_format(run: &ImportRun) -> Format {
    let details = &run.settings.details;
    match details.source_format {
        SourceFormat::Csv | SourceFormat::Xlsx => details.target_format,
        other => rules::record_format(other),
    }
}
