//! The manifest and the other files that make a bag of a run's folder (PRES-1, RFC 8493), and the report.
//!
//! A folder with an OCFL storage root has the same manifests, by which it is fetched and checked, and is no bag: the names of
//! its objects' folders have a `%`, which RFC 8493 (2.1.3) wants written as `%25` and tools for bags then do not find.
//!
//! All of it follows from what the run has saved, so writing it again writes the same.

use serde_json::json;
use vitrine_domain::export::{ExportLayout, ExportRun, ExportStep};
use vitrine_domain::import::row::PAGE_ROWS;
use vitrine_domain::job::Job;
use vitrine_metadata::csv_field;
use vitrine_store::objects::{Bucket, ContentDigest, ObjectWriter};

use super::ocfl;
use crate::exports::folder;
use crate::jobs::{ReportFormat, report_key};
use crate::run_job::Next;
use crate::{App, AppError, Call};

const TEXT: &str = "text/plain; charset=utf-8";
const BAGIT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// A text file of the bag, with its digest.
struct Digesting<'a> {
    writer: ObjectWriter<'a>,
    digest: ContentDigest,
}

impl Digesting<'_> {
    async fn add(&mut self, text: &str) -> Result<(), AppError> {
        self.digest.update(text.as_bytes());
        Ok(self.writer.add(text.as_bytes()).await?)
    }

    async fn finish(self) -> Result<String, AppError> {
        self.writer.finish().await?;
        Ok(self.digest.finish().sha256)
    }
}

/// How much a manifest names.
#[derive(Debug, Default)]
struct Payload {
    bytes: u64,
    files: u64,
}

impl Payload {
    /// A file's line of the manifest.
    fn line(&mut self, sha256: &str, size_bytes: u64, path: &str) -> String {
        self.bytes += size_bytes;
        self.files += 1;
        format!("{sha256}  {path}\n")
    }
}

impl App {
    pub(super) async fn close_bag(&self, call: &Call, job: &Job, run: &ExportRun) -> Result<Next, AppError> {
        let (manifest, payload) = self.write_manifest(job, run).await?;
        let mut tags = vec![("manifest-sha256.txt", manifest)];
        let day = job.submitted_at.strftime("%Y-%m-%d");
        let institution = &self.settings.institution;
        let info = format!(
            "Source-Organization: {institution}\nExternal-Identifier: {}\nBagging-Date: {day}\n\
             Payload-Oxum: {}.{}\nBag-Software-Agent: Vitrine {}\n",
            job.id,
            payload.bytes,
            payload.files,
            env!("CARGO_PKG_VERSION"),
        );
        let bagit = (run.layout == ExportLayout::BagIt).then_some(("bagit.txt", BAGIT));
        for (name, text) in [("bag-info.txt", info.as_str())].into_iter().chain(bagit) {
            let mut file = self.tag_file(job, name);
            file.add(text).await?;
            tags.push((name, file.finish().await?));
        }
        tags.sort_unstable();
        let mut manifest = self.tag_file(job, "tagmanifest-sha256.txt");
        for (name, sha256) in tags {
            manifest.add(&format!("{sha256}  {name}\n")).await?;
        }
        manifest.finish().await?;
        self.write_export_report(job, run).await?;
        let mut after = ExportRun { step: ExportStep::End, ..run.clone() };
        after.written.bytes = payload.bytes;
        self.save_run(call, job, after, Vec::new(), |_| Ok(())).await
    }

    fn tag_file(&self, job: &Job, name: &str) -> Digesting<'_> {
        let key = format!("{}{name}", folder(&job.id));
        Digesting {
            writer: self.objects.write(Bucket::Published, &key, TEXT),
            digest: ContentDigest::default(),
        }
    }

    async fn write_manifest(&self, job: &Job, run: &ExportRun) -> Result<(String, Payload), AppError> {
        let mut manifest = self.tag_file(job, "manifest-sha256.txt");
        let mut payload = Payload::default();
        match run.layout {
            ExportLayout::BagIt => {
                let mut first = 1;
                while first <= run.written.parts {
                    for file in self.catalog.export_files_from(&job.id, first).await? {
                        let path = format!("data/{}", file.name);
                        manifest.add(&payload.line(&file.sha256, file.size_bytes, &path)).await?;
                    }
                    first += 100;
                }
            }
            ExportLayout::Ocfl => {
                for it in ocfl::storage_root() {
                    self.put_text(job, &it).await?;
                    manifest.add(&payload.line(&it.sha256, it.size_bytes(), &it.path)).await?;
                }
            }
        }
        for list in 1..=run.written.lists {
            let titles = self.listed(&job.id, list).await?;
            let missing = self.missing(&job.id, run, &titles).await?;
            for title in &titles {
                for it in self.object_of(job, run, title, &missing).iter().flat_map(ocfl::Object::files) {
                    manifest.add(&payload.line(&it.sha256, it.size_bytes(), &it.path)).await?;
                }
                for it in title.files.iter().filter(|it| !missing.contains(&it.claim())) {
                    manifest.add(&payload.line(&it.sha256, it.size_bytes, &it.path)).await?;
                }
            }
        }
        Ok((manifest.finish().await?, payload))
    }

    /// What was written, a line a file, and what was left out and why.
    async fn write_export_report(&self, job: &Job, run: &ExportRun) -> Result<(), AppError> {
        let start = |format: ReportFormat| {
            self.objects.write(Bucket::Published, &report_key(&job.id, format), format.name_and_type().1)
        };
        let (mut json, mut csv) = (start(ReportFormat::JsonLines), start(ReportFormat::Csv));
        csv.add(b"kind,number,name,titles,bytes,sha256,code,message,mms_id\r\n").await?;
        let mut first = 1;
        while first <= run.written.parts {
            for file in self.catalog.export_files_from(&job.id, first).await? {
                let line = json!({
                    "kind": "file", "number": file.number, "name": file.name, "titles": file.titles,
                    "bytes": file.size_bytes, "sha256": file.sha256,
                });
                json.add(format!("{line}\n").as_bytes()).await?;
                let (titles, bytes, sha256) = (file.titles, file.size_bytes, &file.sha256);
                let line = format!("file,{},{},{titles},{bytes},{sha256},,,\r\n", file.number, file.name);
                csv.add(line.as_bytes()).await?;
            }
            first += 100;
        }
        let mut first = 1;
        while first <= run.written.left_out {
            for row in self.catalog.row_results(&job.id, first, PAGE_ROWS).await? {
                let line = json!({
                    "kind": "left_out", "number": row.number, "code": row.code, "message": row.message,
                    "mms_id": row.mms_id,
                });
                json.add(format!("{line}\n").as_bytes()).await?;
                let line = format!(
                    "left_out,{},,,,,{},{},{}\r\n",
                    row.number,
                    csv_field(row.code.as_deref().unwrap_or_default()),
                    csv_field(row.message.as_deref().unwrap_or_default()),
                    row.mms_id.as_ref().map_or("", |id| id.as_str()),
                );
                csv.add(line.as_bytes()).await?;
            }
            first += PAGE_ROWS;
        }
        json.finish().await?;
        csv.finish().await?;
        Ok(())
    }
}
