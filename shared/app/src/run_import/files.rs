//! The third step: wait until every file that the rows name is registered or refused, and count everything anew.
//!
//! A page of rows is looked at once, unless its files are late: then again some seconds later, and after some minutes their
//! registration is asked for again.

use std::collections::BTreeMap;

use vitrine_domain::Timestamp;
use vitrine_domain::ids::UploadId;
use vitrine_domain::import::row::{PAGE_ROWS, RowResult, Tally};
use vitrine_domain::job::{ImportRun, ImportStep, Job, JobStatus};
use vitrine_domain::upload::UploadState;

use crate::register_file::Message;
use crate::run_job::Next;
use crate::{App, AppError, Call};

/// After how long late files are asked for the first time, in seconds.
const ASK_FIRST_SECONDS: i64 = 10;
/// After how long the registration of a file is asked for again, in seconds.
const ASK_AGAIN_SECONDS: i64 = 2 * 60;
/// After how long a job stops waiting for its files and counts them as refused, in seconds.
const GIVE_UP_SECONDS: i64 = 24 * 60 * 60;
/// How many late files are asked for at a time.
const ASKED_AT_ONCE: usize = 200;

/// The files of one row so far.
#[derive(Debug, Default)]
struct Settled {
    registered: u32,
    refused: u32,
    late: u32,
    bytes: u64,
}

impl App {
    pub(super) async fn settle_files(
        &self,
        call: &Call,
        job: &Job,
        run: &ImportRun,
    ) -> Result<Next, AppError> {
        let ImportStep::Files { next: first, since, asked, tally } = run.step.clone() else {
            return Ok(Next::OutOfTime);
        };
        if first > job.rows {
            return self.go_to(call, job, ImportStep::Report, |job| job.tally = tally).await;
        }
        let results = self.catalog.row_results(&job.id, first, PAGE_ROWS).await?;
        let expected = |row: &RowResult| row.files_begun.saturating_sub(row.files_there);
        let any_files = !run.dry_run && results.iter().any(|row| expected(row) > 0);
        let (settled, late) =
            if any_files { self.settled(job, first).await? } else { (BTreeMap::new(), Vec::new()) };
        let is_settled = |row: &RowResult| match settled.get(&row.number) {
            Some(found) => found.late == 0 && found.registered + found.refused >= expected(row),
            None => expected(row) == 0,
        };
        let all_there = run.dry_run || results.iter().all(is_settled);
        let waited = call.now.as_second() - since.as_second();
        if !all_there && waited < GIVE_UP_SECONDS {
            let step = |asked| ImportStep::Files { next: first, since, asked, tally };
            // A worker that died may not have sent them at all: once soon, then now and then.
            let soon = asked == since && waited >= ASK_FIRST_SECONDS;
            let ask = soon || call.now.as_second() - asked.as_second() >= ASK_AGAIN_SECONDS;
            if ask {
                self.ask_again(&late).await;
            }
            // Saving that it waits is what makes a second worker on the same job stop.
            self.go_to(call, job, step(if ask { call.now } else { asked }), |job| {
                job.status = JobStatus::Finalizing;
            })
            .await?;
            return Ok(Next::Wait(u16::try_from((waited / 4).clamp(2, 60)).unwrap_or(60)));
        }
        let mut tally: Tally = tally;
        for row in results {
            tally.add(&self.settle_row(call, row, &settled).await?);
        }
        // One time for the whole wait: late files of many pages are not waited for one after another.
        let step = ImportStep::Files { next: first + PAGE_ROWS, since, asked, tally };
        self.go_to(call, job, step, |job| job.status = JobStatus::Finalizing).await
    }

    /// What became of the files of a page of rows, and some of those that are late.
    async fn settled(
        &self,
        job: &Job,
        first: u64,
    ) -> Result<(BTreeMap<u64, Settled>, Vec<UploadId>), AppError> {
        let mut settled: BTreeMap<u64, Settled> = BTreeMap::new();
        let mut late = Vec::new();
        let mut next = None;
        loop {
            let page = self.catalog.uploads_of_rows(&job.id, first, first + PAGE_ROWS - 1, next).await?;
            for upload in page.items {
                let Some(row) = &upload.row else { continue };
                let row = settled.entry(row.number).or_default();
                match upload.state {
                    UploadState::Registered { .. } => {
                        row.registered += 1;
                        row.bytes += upload.declared.size_bytes;
                    }
                    UploadState::Issued => {
                        row.late += 1;
                        if late.len() < ASKED_AT_ONCE {
                            late.push(upload.id);
                        }
                    }
                    UploadState::Rejected { .. } | UploadState::Expired | UploadState::Aborted => {
                        row.refused += 1;
                    }
                }
            }
            next = page.next;
            if next.is_none() {
                return Ok((settled, late));
            }
        }
    }

    async fn ask_again(&self, late: &[UploadId]) {
        let messages: Vec<String> =
            late.iter().map(|id| Message::Register { upload: id.clone(), origin: None }.to_json()).collect();
        self.send_registrations(&messages).await;
    }

    /// Writes down what became of a row's files, where that is not what its result says.
    async fn settle_row(
        &self,
        call: &Call,
        before: RowResult,
        settled: &BTreeMap<u64, Settled>,
    ) -> Result<RowResult, AppError> {
        let expected = before.files_begun.saturating_sub(before.files_there);
        let Some(found) = settled.get(&before.number).filter(|_| expected > 0) else { return Ok(before) };
        let refused = expected.saturating_sub(found.registered);
        if refused == before.files_refused {
            return Ok(before);
        }
        let mut after = RowResult { files_refused: refused, bytes: found.bytes, ..before.clone() };
        if refused == 0 {
            (after.code, after.message) = (None, None);
        } else {
            after.code = Some("FILES_REFUSED".to_owned());
            after.message =
                Some(format!("{refused} of {} files were refused when they were registered", after.files));
        }
        self.replace(call, "import.row", &before, &after).await?;
        Ok(RowResult { version: before.version + 1, ..after })
    }
}

/// Where the waiting begins.
pub(super) fn begin(now: Timestamp) -> ImportStep {
    ImportStep::Files { next: 1, since: now, asked: now, tally: Tally::default() }
}
