//! Pages of rows: up to 100 at a time, families in order, the rest side by side.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use vitrine_domain::ids::CollectionId;
use vitrine_domain::import::profile::SourceFormat;
use vitrine_domain::import::row::{PAGE_ROWS, RowOutcome, RowResult, RowTicket};
use vitrine_domain::job::{ImportRun, ImportStep, Job};
use vitrine_domain::library::Library;
use vitrine_metadata::{Format, rules};
use vitrine_store::imports::with_results;

use super::Next;
use super::read::TicketContent;
use crate::register_file::TimeLeft;
use crate::{App, AppError, Call};

/// How many rows are worked on side by side.
const SIDE_BY_SIDE: usize = 16;

/// What every row of a page needs, read once.
pub(super) struct Context<'a> {
    pub(super) app: &'a App,
    pub(super) call: &'a Call,
    pub(super) job: &'a Job,
    pub(super) run: &'a ImportRun,
    pub(super) libraries: Vec<Library>,
    /// Collections by id or by name, as rows spell them.
    pub(super) collections: Mutex<HashMap<String, Option<CollectionId>>>,
    pub(super) time_left: TimeLeft<'a>,
}

type Chain = Vec<(RowTicket, TicketContent, Option<RowResult>)>;

impl App {
    /// Works on a page, and saves that it is done.
    pub(super) async fn import_page(
        &self,
        call: &Call,
        job: &Job,
        run: &ImportRun,
        first: u64,
        time_left: TimeLeft<'_>,
    ) -> Result<Next, AppError> {
        if first > job.rows {
            return self.go_to(call, job, super::files::begin(call.now), |_| {}).await;
        }
        let tickets = self.catalog.row_tickets(&job.id, first, PAGE_ROWS).await?;
        let results = self.catalog.row_results(&job.id, first, PAGE_ROWS).await?;
        let context = Context {
            app: self,
            call,
            job,
            run,
            libraries: self.catalog.libraries().await?,
            collections: Mutex::new(HashMap::new()),
            time_left,
        };
        let rows = tickets.len() as u64;
        // Rows of one family follow each other; every other row is on its own.
        let mut chains: BTreeMap<String, Chain> = BTreeMap::new();
        let mut done: Vec<RowResult> = Vec::new();
        for (ticket, result) in with_results(tickets, results) {
            if let Some(result) = result.as_ref().filter(|result| !is_to_do(job, result)) {
                done.push(result.clone());
                continue;
            }
            let content = self.ticket_content(&ticket).await?;
            let family = match &content {
                TicketContent::Row(row) => row.group.as_ref().map(|group| format!("G{group}")),
                TicketContent::Unreadable(_) => None,
            };
            let family = family.unwrap_or_else(|| format!("R{}", ticket.number));
            chains.entry(family).or_default().push((ticket, content, result));
        }
        let (context, begun) = (&context, &AtomicBool::new(false));
        let worked: Vec<Vec<RowResult>> = stream::iter(chains.into_values())
            .map(|chain| async move {
                let mut results = Vec::with_capacity(chain.len());
                for (ticket, content, before) in chain {
                    // One row is worked on however little time there is, so that every call gets on.
                    if !(context.time_left)() && begun.swap(true, Ordering::Relaxed) {
                        break;
                    }
                    begun.store(true, Ordering::Relaxed);
                    results.push(Box::pin(context.work(&ticket, &content, before)).await?);
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
        let step = if next > job.rows { super::files::begin(call.now) } else { ImportStep::Rows { next } };
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
fn is_to_do(job: &Job, result: &RowResult) -> bool {
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
