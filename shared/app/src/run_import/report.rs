//! The last step: what is left in the folder, and the report as JSON lines and as CSV.
//!
//! Written in constant memory, one page of results at a time; writing it again writes the same.

use std::collections::HashMap;

use serde_json::json;
use vitrine_domain::import::ingest::is_marker;
use vitrine_domain::import::row::{JobClaim, PAGE_ROWS, RowResult, Tally};
use vitrine_domain::job::{ImportRun, ImportStep, Job, JobStatus};
use vitrine_domain::upload::{Upload, UploadState};
use vitrine_metadata::csv_field;
use vitrine_store::objects::{Bucket, ListedObject, ObjectWriter};

use super::{file_claim, upload_id};
use crate::jobs::{ReportFormat, report_key};
use crate::run_job::Next;
use crate::{App, AppError, Call};

const HEADER: &str =
    "kind,number,outcome,code,message,group,mms_id,representation_ids,files,files_refused,bytes,name\r\n";

/// A report that is being written, in both its forms.
struct Report<'a> {
    json: ObjectWriter<'a>,
    csv: ObjectWriter<'a>,
    /// Counts its rows.
    tally: Tally,
}

impl Report<'_> {
    async fn add(&mut self, json: &str, csv: &str) -> Result<(), AppError> {
        self.json.add(json.as_bytes()).await?;
        Ok(self.csv.add(csv.as_bytes()).await?)
    }

    async fn finish(self) -> Result<(), AppError> {
        self.json.finish().await?;
        Ok(self.csv.finish().await?)
    }
}

/// An object of the folder that is left when the rows are done.
enum LeftOver {
    /// No row names it.
    Unnamed,
    /// A row names it and has the same bytes already; it can go.
    Twin,
    /// A row names it, and its result says what became of it.
    Named,
}

impl App {
    /// The report of an import that came to its end: its rows, and what is left in the folder.
    pub(super) async fn write_report(
        &self,
        call: &Call,
        job: &Job,
        run: &ImportRun,
    ) -> Result<Next, AppError> {
        let mut report = self.report_rows(job, job.rows).await?;
        let unnamed = self.report_left_overs(job, run, &mut report).await?;
        report.finish().await?;
        self.go_to(call, job, ImportStep::End, |job| job.tally.files_unnamed = unnamed).await
    }

    /// Ends a job that has no more to do, or that was stopped: the report has the rows that were worked on, of so many, and
    /// the counters are counted from them.
    pub(crate) async fn report_and_end(
        &self,
        call: &Call,
        job: &Job,
        rows: u64,
        status: impl FnOnce(&Tally) -> JobStatus,
    ) -> Result<Job, AppError> {
        let report = self.report_rows(job, rows).await?;
        let counted = Job { tally: report.tally, ..job.clone() };
        report.finish().await?;
        self.end_job(call, &counted, status(&counted.tally), None).await
    }

    async fn report_rows(&self, job: &Job, rows: u64) -> Result<Report<'_>, AppError> {
        let writer = |format: ReportFormat| {
            self.objects.write(Bucket::Published, &report_key(&job.id, format), format.name_and_type().1)
        };
        let (json, csv) = (writer(ReportFormat::JsonLines), writer(ReportFormat::Csv));
        let mut report = Report { json, csv, tally: Tally::default() };
        report.csv.add(HEADER.as_bytes()).await?;
        let mut first = 1;
        while first <= rows {
            for row in self.catalog.row_results(&job.id, first, PAGE_ROWS).await? {
                report.tally.add(&row);
                report.add(&json_line(&row), &csv_line(&row)).await?;
            }
            first += PAGE_ROWS;
        }
        Ok(report)
    }

    /// Lists what is left in the folder: files that no row names are reported, twins of what is registered are deleted.
    async fn report_left_overs(
        &self,
        job: &Job,
        run: &ImportRun,
        report: &mut Report<'_>,
    ) -> Result<u64, AppError> {
        let mut unnamed = 0;
        let mut next = None;
        loop {
            let page =
                self.objects.list_folder(Bucket::Incoming, &run.folder, false, next.as_deref(), 1000).await?;
            let mut twins = Vec::new();
            for chunk in page.objects.chunks(100) {
                for (object, kind) in self.judge(job, run, chunk).await? {
                    let name = object.key.strip_prefix(&run.folder).unwrap_or(&object.key);
                    match kind {
                        LeftOver::Named => {}
                        LeftOver::Twin if run.dry_run => {}
                        LeftOver::Twin => twins.push(object.key.clone()),
                        LeftOver::Unnamed => {
                            unnamed += 1;
                            let line =
                                json!({ "kind": "unnamed_file", "name": name, "bytes": object.size_bytes });
                            let row = format!(
                                "unnamed_file,,,,,,,,,,{},{}\r\n",
                                object.size_bytes,
                                csv_field(name)
                            );
                            report.add(&format!("{line}\n"), &row).await?;
                        }
                    }
                }
            }
            self.objects.delete_all(Bucket::Incoming, &twins).await?;
            next = page.next;
            if next.is_none() {
                return Ok(unnamed);
            }
        }
    }

    async fn judge<'a>(
        &self,
        job: &Job,
        run: &ImportRun,
        objects: &'a [ListedObject],
    ) -> Result<Vec<(&'a ListedObject, LeftOver)>, AppError> {
        let name = |object: &'a ListedObject| object.key.strip_prefix(&run.folder).unwrap_or_default();
        let files: Vec<&ListedObject> = objects
            .iter()
            .filter(|object| {
                let name = name(object);
                !name.is_empty() && name != run.metadata_file && !is_marker(name)
            })
            .collect();
        let claims: Vec<String> = files.iter().map(|object| file_claim(run, name(object))).collect();
        let claims = self.catalog.job_claims(&job.id, &claims).await?;
        let claims: HashMap<String, JobClaim> =
            claims.into_iter().map(|claim| (claim.name.clone(), claim)).collect();
        let ids: Vec<_> =
            files.iter().map(|object| upload_id(self, &run.profile, &run.ingest, name(object))).collect();
        let uploads = self.catalog.uploads(&ids).await?;
        let uploads: HashMap<_, Upload> =
            uploads.into_iter().map(|upload| (upload.id.clone(), upload)).collect();
        Ok(files
            .into_iter()
            .zip(ids)
            .map(|(object, id)| {
                let upload =
                    uploads.get(&id).filter(|it| it.row.as_ref().is_some_and(|row| row.job == job.id));
                let kind = match (claims.get(&file_claim(run, name(object))), upload) {
                    // Only the very object whose bytes were compared may go; one that came later is a person's.
                    (Some(claim), _) if claim.twin.is_some() && !run.dry_run => {
                        let tag = |text: &str| text.trim_matches('"').to_owned();
                        let same = claim.twin.as_deref().map(tag) == object.etag.as_deref().map(tag);
                        if same { LeftOver::Twin } else { LeftOver::Named }
                    }
                    (Some(_), _) => LeftOver::Named,
                    // Registered, and its deletion from the folder is still to come or failed.
                    (None, Some(upload)) if matches!(upload.state, UploadState::Registered { .. }) => {
                        LeftOver::Named
                    }
                    (None, Some(_)) => LeftOver::Named,
                    (None, None) => LeftOver::Unnamed,
                };
                (object, kind)
            })
            .collect())
    }
}

fn json_line(row: &RowResult) -> String {
    let mut line = json!({
        "kind": "row",
        "number": row.number,
        "outcome": row.outcome,
        "code": row.code,
        "message": row.message,
        "warnings": row.warnings,
        "group": row.group,
        "member": row.member,
        "mms_id": row.mms_id,
        "candidates": row.candidates,
        "representations": row.representations,
        "files": row.files,
        "files_there": row.files_there,
        "files_refused": row.files_refused,
        "bytes": row.bytes,
    });
    if let (Some(text), Some(line)) = (&row.differences, line.as_object_mut()) {
        line.insert("differences".to_owned(), serde_json::from_str(text).unwrap_or_default());
    }
    format!("{line}\n")
}

fn csv_line(row: &RowResult) -> String {
    let ids: Vec<&str> = row.representations.iter().map(|id| id.as_str()).collect();
    format!(
        "row,{},{},{},{},{},{},{},{},{},{},{}\r\n",
        row.number,
        row.outcome,
        csv_field(row.code.as_deref().unwrap_or_default()),
        csv_field(row.message.as_deref().unwrap_or_default()),
        csv_field(row.group.as_deref().unwrap_or_default()),
        row.mms_id.as_ref().map_or("", |id| id.as_str()),
        csv_field(&ids.join(" ")),
        row.files,
        row.files_refused,
        row.bytes,
        csv_field(row.member.as_deref().unwrap_or_default()),
    )
}
