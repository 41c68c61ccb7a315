//! Files of a run: part files of what the log holds, deletions included, and a manifest (S15, S16).
//!
//! A part is streamed from the log to the bucket in constant memory, and the run's place is saved behind each.

use serde_json::json;
use sha2::{Digest, Sha256};
use vitrine_domain::Timestamp;
use vitrine_domain::job::Job;
use vitrine_domain::outbox::seconds;
use vitrine_domain::publishing::oai_identifier;
use vitrine_domain::publishing::profile::{Delivered, PublishingProfile, Rendition, TargetKind};
use vitrine_domain::publishing::published::{LOG_SHARDS, scope_of};
use vitrine_domain::publishing::run::{FilesStep, PartFile, PublishRun, PublishStep, SendStep};
use vitrine_metadata::{MARC_NS, MODS_NS};
use vitrine_store::objects::{Bucket, ObjectWriter};
use vitrine_store::published::{Row, Window};

use super::PAGE;
use super::run::{file_key, records_a_file};
use crate::changes::hex;
use crate::run_job::Next;
use crate::{App, AppError, Call};

/// How a target's files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Lists of OAI-PMH; deletions are headers among the records.
    Oai,
    /// A collection of records; deletions are in files of their own.
    Collection(Rendition),
}

impl Style {
    fn of(profile: &PublishingProfile) -> Self {
        match profile.settings.target.kind {
            TargetKind::Primo | TargetKind::Oai | TargetKind::Webhook => Self::Oai,
            TargetKind::Summon => Self::Collection(Rendition::Marc21),
            TargetKind::Files => Self::Collection(profile.settings.target.format.unwrap_or(Rendition::OaiDc)),
        }
    }

    fn open(self) -> String {
        let start = match self {
            Self::Oai => "<OAI-PMH xmlns=\"http://www.openarchives.org/OAI/2.0/\"><ListRecords>".to_owned(),
            Self::Collection(Rendition::Marc21) => format!("<collection xmlns=\"{MARC_NS}\">"),
            Self::Collection(Rendition::Mods) => format!("<modsCollection xmlns=\"{MODS_NS}\">"),
            Self::Collection(_) => "<records>".to_owned(),
        };
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{start}\n")
    }

    fn close(self) -> &'static str {
        match self {
            Self::Oai => "</ListRecords></OAI-PMH>\n",
            Self::Collection(Rendition::Marc21) => "</collection>\n",
            Self::Collection(Rendition::Mods) => "</modsCollection>\n",
            Self::Collection(_) => "</records>\n",
        }
    }

    fn record(self, institution: &str, row: &Row, record: Option<&str>) -> String {
        let id = oai_identifier(institution, &row.mms_id);
        match (self, record) {
            (Self::Oai, _) => {
                let status = if row.deleted { " status=\"deleted\"" } else { "" };
                let metadata =
                    record.map(|record| format!("<metadata>{record}</metadata>")).unwrap_or_default();
                format!(
                    "<record><header{status}><identifier>{id}</identifier><datestamp>{}</datestamp></header>{metadata}</record>\n",
                    row.stamp.strftime("%Y-%m-%dT%H:%M:%SZ")
                )
            }
            (Self::Collection(_), Some(record)) => format!("{record}\n"),
            (Self::Collection(Rendition::Marc21), None) => format!(
                "<record><leader>     dam a22     3u 4500</leader><controlfield tag=\"001\">{}</controlfield></record>\n",
                row.mms_id
            ),
            (Self::Collection(Rendition::Mods), None) => format!(
                "<mods><recordInfo><recordIdentifier>{}</recordIdentifier><recordInfoNote>deleted</recordInfoNote></recordInfo></mods>\n",
                row.mms_id
            ),
            (Self::Collection(_), None) => format!("<deleted identifier=\"{id}\"/>\n"),
        }
    }
}

/// A part file on its way.
struct Part<'a> {
    name: String,
    writer: ObjectWriter<'a>,
    digest: Sha256,
    records: u64,
    deleted: u64,
    bytes: u64,
    style: Style,
}

impl<'a> Part<'a> {
    async fn begin(app: &'a App, key: &str, name: String, style: Style) -> Result<Self, AppError> {
        let writer = app.objects.write(Bucket::Published, key, "application/xml");
        let mut part = Self { name, writer, digest: Sha256::new(), records: 0, deleted: 0, bytes: 0, style };
        part.write(&style.open()).await?;
        Ok(part)
    }

    async fn write(&mut self, text: &str) -> Result<(), AppError> {
        self.digest.update(text);
        self.bytes += text.len() as u64;
        Ok(self.writer.add(text.as_bytes()).await?)
    }

    async fn add(&mut self, institution: &str, row: &Row, record: Option<&str>) -> Result<(), AppError> {
        let text = self.style.record(institution, row, record);
        self.records += 1;
        self.deleted += u64::from(record.is_none());
        self.write(&text).await
    }

    async fn finish(mut self) -> Result<PartFile, AppError> {
        let end = self.style.close();
        self.write(end).await?;
        self.writer.finish().await?;
        Ok(PartFile {
            name: self.name,
            records: self.records,
            deleted: self.deleted,
            bytes: self.bytes,
            sha256: hex(&self.digest.finalize()),
        })
    }
}

impl App {
    /// One part of a run's files, or their end.
    pub(super) async fn run_files(
        &self,
        call: &Call,
        job: &Job,
        run: &PublishRun,
        files: &FilesStep,
        profile: &PublishingProfile,
    ) -> Result<Next, AppError> {
        if call.now < files.until {
            // What is dated up to then is all there when it has come.
            let wait = files.until.as_second().saturating_sub(call.now.as_second()).clamp(1, 60);
            return Ok(Next::Wait(u16::try_from(wait).unwrap_or(60)));
        }
        if files.shard >= LOG_SHARDS && files.parts > 0 {
            return self.end_files(call, job, run, files, profile).await;
        }
        let (parts, at) = self.write_part(job, files, profile).await?;
        let mut step = FilesStep { shard: at.0, after: at.1, parts: files.parts + 1, ..files.clone() };
        if step.shard >= LOG_SHARDS {
            step.after = None;
        }
        self.save_step(call, job, PublishStep::Files(step), |run| run.files.extend(parts)).await
    }

    /// Writes the next part; the files of it that hold anything, and where the log goes on behind it.
    async fn write_part(
        &self,
        job: &Job,
        files: &FilesStep,
        profile: &PublishingProfile,
    ) -> Result<(Vec<PartFile>, (u8, Option<String>)), AppError> {
        let style = Style::of(profile);
        let most = records_a_file(&profile.settings);
        let kind = if files.from.is_none() { "full" } else { "changes" };
        let number = files.parts + 1;
        let name = format!("{kind}-{number:05}.xml");
        let key = file_key(&profile.id, &job.id, &name);
        let mut part = Part::begin(self, &key, name, style).await?;
        let mut deletes: Option<Part<'_>> = None;
        let scope = scope_of(&profile.id);
        let format = profile.settings.renditions().first().copied();
        let (mut shard, mut after) = (files.shard, files.after.clone());
        let mut taken = 0;
        while shard < LOG_SHARDS && taken < most {
            let room = most.saturating_sub(taken).min(u64::from(PAGE));
            let window = Window {
                scope: &scope,
                shard,
                // What was in files of the run before is up to its last second, all of it.
                from: files.from.map(|from| from.saturating_add(seconds(1)).unwrap_or(from)),
                until: files.until,
                after: after.as_deref(),
                limit: u32::try_from(room).unwrap_or(PAGE),
                format,
            };
            let (rows, more) = self.catalog.published_rows(&window).await?;
            let last = rows.last().map(Row::sort_key);
            for row in rows {
                let one = self.unpacked(row).await?;
                if one.row.deleted && files.from.is_none() {
                    // Who takes everything has nothing to delete.
                    continue;
                }
                taken += 1;
                match (&one.record, style) {
                    (None, Style::Collection(_)) => {
                        if deletes.is_none() {
                            let name = format!("deletes-{number:05}.xml");
                            let key = file_key(&profile.id, &job.id, &name);
                            deletes = Some(Part::begin(self, &key, name, style).await?);
                        }
                        if let Some(deletes) = &mut deletes {
                            deletes.add(&self.settings.institution, &one.row, None).await?;
                        }
                    }
                    (record, _) => {
                        part.add(&self.settings.institution, &one.row, record.as_deref()).await?;
                    }
                }
            }
            (shard, after) = if more { (shard, last) } else { (shard + 1, None) };
        }
        let mut written = vec![part.finish().await?];
        if let Some(deletes) = deletes {
            written.push(deletes.finish().await?);
        }
        Ok((written, (shard, after)))
    }

    /// Writes the manifest, and notes how far the profile's files go.
    async fn end_files(
        &self,
        call: &Call,
        job: &Job,
        run: &PublishRun,
        files: &FilesStep,
        before: &PublishingProfile,
    ) -> Result<Next, AppError> {
        let instant = |at: Timestamp| at.to_string();
        let parts: Vec<_> = run.files.iter().map(|file| json!(file)).collect();
        let manifest = json!({
            "profile": before.id.as_str(),
            "name": before.settings.name,
            "run": job.id.as_str(),
            "kind": if files.from.is_none() { "full" } else { "changes" },
            "from": files.from.map(instant),
            "until": instant(files.until),
            "records": run.files.iter().map(|file| file.records).sum::<u64>(),
            "deleted": run.files.iter().map(|file| file.deleted).sum::<u64>(),
            "files": parts,
        });
        let key = file_key(&before.id, &job.id, "manifest.json");
        let bytes = manifest.to_string().into_bytes().into();
        self.objects.put_small(Bucket::Published, &key, bytes, "application/json", false).await?;
        // Two runs at once: the later end counts, so that nothing is left out.
        let until = before.delivered.until.max(Some(files.until));
        let delivered = Delivered { until, by: Some(job.id.clone()) };
        if before.delivered != delivered {
            let after = PublishingProfile { delivered, ..before.clone() };
            self.replace(call, "publishing.deliver", before, &after).await?;
        }
        let step = match &before.settings.target.sftp {
            Some(_) => PublishStep::Send(SendStep { file: 0, failures: 0 }),
            None => PublishStep::End,
        };
        self.save_step(call, job, step, |_| {}).await
    }
}
