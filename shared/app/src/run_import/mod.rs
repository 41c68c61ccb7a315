//! Runs of imports (walk 2 of the design): read the metadata file into tickets, work on rows page by page, wait for the
//! files, write the report.
//!
//! Every step can be killed and done again. A ticket never changes. A row's result is written in the transaction that does
//! the row's work, so a row is done exactly if it has one. Ids follow from the job and the row.

mod dry;
mod files;
mod find;
mod look;
mod plan;
mod prepare;
mod read;
mod report;
mod row;
pub(crate) mod rows;
mod undo;
mod write;
mod write_files;

pub(crate) use row::write_result;
use sha2::{Digest, Sha256};
use vitrine_domain::ids::{IngestId, ProfileId, UploadId};
use vitrine_domain::job::{ImportRun, ImportStep, Job, JobWork};

use crate::run_job::{Around, Next};
use crate::{App, AppError, Call};

impl App {
    /// One step of an import.
    pub(crate) async fn import_step(
        &self,
        call: &Call,
        job: &Job,
        run: &ImportRun,
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        match &run.step {
            ImportStep::Read { .. } => self.read_rows(call, job, run, around.time_left).await,
            ImportStep::Rows { next } => self.import_page(call, job, run, *next, around).await,
            ImportStep::Files { .. } => self.settle_files(call, job, run).await,
            ImportStep::Report => self.write_report(call, job, run).await,
            ImportStep::End => {
                let status = crate::jobs::ended_as(&job.tally);
                let ended = self.end_job(call, job, status, None).await?;
                Ok(Next::GoOn(Box::new(ended)))
            }
        }
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
