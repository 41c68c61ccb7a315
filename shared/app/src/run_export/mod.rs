//! Runs of exports (walk 5 of the design): titles page by page into files, files copied by the store itself, then the
//! manifest that makes a bag of the folder. In an OCFL layout titles become objects instead, each once its files are there.
//!
//! A run keeps its place in its job; what stands there is written, and a worker that dies repeats only what came after,
//! with the same bytes. No more is in memory than a page of titles and one part of a file.

mod bag;
mod copy;
mod ocfl;
mod titles;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use vitrine_domain::export::{ExportLayout, ExportRun, ExportStep, Place};
use vitrine_domain::file::DigitalFile;
use vitrine_domain::ids::{JobId, MmsId};
use vitrine_domain::import::row::{RowOutcome, RowResult};
use vitrine_domain::job::{Job, JobStatus, JobWork};
use vitrine_metadata::export::payload_path;
use vitrine_store::objects::Bucket;

use crate::run_job::{Around, Next};
use crate::{App, AppError, Call};

/// A title with files to copy, or that becomes an object: one line of a list that a run keeps beside its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedTitle {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    object: Option<ListedObject>,
    files: Vec<Listed>,
}

/// What a title's object is made of beside the files. The record is kept in the list and not read again later: the object
/// is of the title as the list saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedObject {
    id: String,
    record: String,
}

/// A file that is to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    file: String,
    mms_id: MmsId,
    key: String,
    version: Option<String>,
    size_bytes: u64,
    sha256: String,
    crc64nvme: String,
    mime: String,
    path: String,
}

impl Listed {
    fn of(file: &DigitalFile, object: Option<&ListedObject>) -> Option<Self> {
        let path = match object {
            None => payload_path(ExportLayout::BagIt, file),
            Some(object) => {
                format!("{}{}", ocfl::content_folder(&object.id), payload_path(ExportLayout::Ocfl, file))
            }
        };
        let content = file.content.as_ref()?;
        Some(Self {
            file: file.id.to_string(),
            mms_id: file.mms_id.clone(),
            key: content.key.clone(),
            version: content.version_id.clone(),
            size_bytes: content.size_bytes,
            sha256: content.sha256.clone(),
            crc64nvme: content.crc64nvme.clone(),
            mime: content.mime.clone(),
            path,
        })
    }

    /// The name of the claim that says that its bytes did not come along.
    fn claim(&self) -> String {
        format!("LEFTOUT#{}", self.file)
    }
}

/// Where a run keeps the beginning of a part. Its name says which: what a worker kept that died before it saved its place
/// does not replace what the saved place counts on.
fn kept_key(job: &JobId, parts: u32, place: &Place) -> String {
    format!("work/exports/{job}/kept-{parts}-{}-{}", place.sent, place.kept_bytes)
}

fn list_key(job: &JobId, list: u32) -> String {
    format!("work/exports/{job}/list-{list:06}.jsonl")
}

/// A list is closed when it is this long; one title can be longer.
const LIST_BYTES: usize = 1024 * 1024;
/// The longest list that is read.
const MAX_LIST_BYTES: u64 = 256 * 1024 * 1024;

/// A row that says what was left out, and why.
fn left_out(
    job: &Job,
    number: u64,
    code: &str,
    message: String,
    mms: Option<MmsId>,
    call: &Call,
) -> RowResult {
    RowResult {
        job: job.id.clone(),
        number,
        attempt: job.attempt,
        outcome: RowOutcome::Failed,
        code: Some(code.to_owned()),
        message: Some(message),
        warnings: Vec::new(),
        group: None,
        mms_id: mms,
        member: None,
        candidates: Vec::new(),
        representations: Vec::new(),
        files: 0,
        files_begun: 0,
        files_there: 0,
        files_refused: 0,
        bytes: 0,
        differences: None,
        plan: None,
        undo: None,
        decision: None,
        at: call.now,
        version: 0,
    }
}

impl App {
    /// The next piece of a run.
    pub(crate) async fn export_step(
        &self,
        call: &Call,
        job: &Job,
        run: &ExportRun,
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        match &run.step {
            ExportStep::Titles(place) => self.write_titles(call, job, run, place, around).await,
            ExportStep::Copy { list, next, copy } => {
                self.copy_files(call, job, run, (*list, *next, copy.as_deref()), around).await
            }
            ExportStep::Objects { list, next } => self.write_objects(call, job, run, (*list, *next)).await,
            ExportStep::Bag => self.close_bag(call, job, run).await,
            ExportStep::End => {
                let written = &run.written;
                let status = if written.left_out > 0 {
                    JobStatus::CompletedWithErrors
                } else if written.titles == 0 {
                    JobStatus::CompletedNoBulks
                } else {
                    JobStatus::CompletedSuccess
                };
                Ok(Next::GoOn(Box::new(self.end_job(call, job, status, None).await?)))
            }
        }
    }

    /// Saves a run with rows that tell what it left out since.
    async fn save_run(
        &self,
        call: &Call,
        job: &Job,
        run: ExportRun,
        rows: Vec<RowResult>,
        more: impl FnOnce(&mut vitrine_store::Change) -> Result<(), vitrine_store::StoreError>,
    ) -> Result<Next, AppError> {
        // More than one transaction takes are written before; writing them again writes the same.
        let (before, with_it) = rows.split_at(rows.len().saturating_sub(ROWS_A_CHANGE));
        for part in before.chunks(ROWS_A_CHANGE) {
            let mut change = self.change(call, "export.left_out", None, part.first());
            for row in part {
                change.put(row)?;
            }
            self.catalog.commit(&change).await?;
        }
        let after = Job {
            rows: run.written.titles,
            status: JobStatus::Running,
            work: JobWork::Export(Box::new(run)),
            ..job.clone()
        };
        let with_it = with_it.to_vec();
        let saved = self
            .save_job_and(call, job, after, |change| {
                for row in &with_it {
                    change.put(row)?;
                }
                more(change)
            })
            .await?;
        Ok(Next::GoOn(Box::new(saved)))
    }

    /// The titles that one list names.
    async fn listed(&self, job: &JobId, list: u32) -> Result<Vec<ListedTitle>, AppError> {
        let bytes = self.objects.read_small(Bucket::Published, &list_key(job, list), MAX_LIST_BYTES).await?;
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).map_err(|error| AppError::Internal(Box::new(error))))
            .collect()
    }

    /// Those of these titles' files whose bytes did not come along, by their claims.
    async fn missing(
        &self,
        job: &JobId,
        run: &ExportRun,
        titles: &[ListedTitle],
    ) -> Result<BTreeSet<String>, AppError> {
        let mut missing = BTreeSet::new();
        if run.written.left_out > 0 {
            let names: Vec<String> = titles.iter().flat_map(|it| &it.files).map(Listed::claim).collect();
            for part in names.chunks(100) {
                let claims = self.catalog.job_claims(job, part).await?;
                missing.extend(claims.into_iter().map(|claim| claim.name));
            }
        }
        Ok(missing)
    }
}

/// Where a run goes on after a list.
fn after_list(run: &ExportRun, list: u32) -> ExportStep {
    if list < run.written.lists {
        ExportStep::Copy { list: list + 1, next: 0, copy: None }
    } else {
        ExportStep::Bag
    }
}

/// How many rows are written with a run's place.
const ROWS_A_CHANGE: usize = 80;
