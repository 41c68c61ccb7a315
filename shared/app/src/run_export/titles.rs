//! Titles into files.

use std::collections::{BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use vitrine_domain::bib::{BibRecord, RecordSource};
use vitrine_domain::collection::Collection;
use vitrine_domain::export::{ExportFile, ExportLayout, ExportRun, ExportStep, Place, file_name};
use vitrine_domain::file::DigitalFile;
use vitrine_domain::ids::{CollectionId, MmsId};
use vitrine_domain::import::row::RowResult;
use vitrine_domain::job::Job;
use vitrine_domain::publishing::oai_identifier;
use vitrine_domain::representation::Representation;
use vitrine_metadata::export::{self, ExportedTitle};
use vitrine_store::StoreError;
use vitrine_store::catalog::{MAX_BATCH, PageRequest};
use vitrine_store::objects::{Bucket, ContentDigest, ObjectsError};

use super::{LIST_BYTES, Listed, ListedObject, ListedTitle, after_list, kept_key, left_out, list_key};
use crate::exports::folder;
use crate::run_job::{Around, Next};
use crate::{App, AppError, Call};

/// How many titles of a page are read side by side.
const SIDE_BY_SIDE: usize = 16;
/// How many titles are looked at at a time.
const PAGE_TITLES: u32 = 100;
/// A part is sent when so much is written; S3 takes parts of 5 MiB and more.
const PART_BYTES: usize = 6 * 1024 * 1024;

/// A title as it is written, or why it is not.
enum Rendered {
    Title {
        text: String,
        representations: u64,
        files: u64,
        listed: ListedTitle,
        notes: Vec<(String, String)>,
    },
    Unchanged,
    LeftOut {
        code: &'static str,
        message: String,
    },
}

/// What is below a title.
#[derive(Default)]
struct Gathered {
    representations: Vec<(Representation, Vec<DigitalFile>)>,
    /// Where the files of each go on.
    more: Vec<Option<String>>,
    notes: Vec<(String, String)>,
}

/// A file that is being written, as far as it is in memory.
struct Writing {
    place: Place,
    run: ExportRun,
    digest: ContentDigest,
    buffer: Vec<u8>,
    list: String,
    rows: Vec<RowResult>,
}

impl App {
    /// Writes titles until a part is full, a file ends, or the time is over, and saves how far that is.
    pub(super) async fn write_titles(
        &self,
        call: &Call,
        job: &Job,
        run: &ExportRun,
        place: &Place,
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        if place.closing {
            return self.close_file(call, job, run, place).await;
        }
        let mut writing = self.begin(job, run, place).await?;
        let (sent, lists) = (place.sent, run.written.lists);
        loop {
            if writing.place.walked {
                return self.end_titles(call, job, writing).await;
            }
            let left = match run.records_per_file {
                0 => PAGE_TITLES,
                most => most.saturating_sub(writing.place.in_file).clamp(1, PAGE_TITLES),
            };
            self.write_page(call, job, left, &mut writing).await?;
            let place = &writing.place;
            let full = run.records_per_file > 0 && place.in_file >= run.records_per_file;
            let is_last = run.layout == ExportLayout::BagIt
                && place.walked
                && (place.in_file > 0 || writing.run.written.parts == 0);
            if full || is_last {
                return self.end_file(call, job, writing).await;
            }
            if place.sent > sent || writing.run.written.lists > lists || !(around.time_left)() {
                return self.keep_aside(call, job, writing).await;
            }
        }
    }

    async fn begin(&self, job: &Job, run: &ExportRun, place: &Place) -> Result<Writing, AppError> {
        let digest = match &place.digest {
            None => ContentDigest::default(),
            Some(saved) => {
                ContentDigest::restore(saved).map_err(|error| AppError::Internal(Box::new(error)))?
            }
        };
        let mut buffer = Vec::new();
        if place.kept_bytes > 0 {
            let key = kept_key(&job.id, run.written.parts, place);
            buffer = self.objects.read_small(Bucket::Published, &key, place.kept_bytes).await?;
        }
        Ok(Writing {
            place: place.clone(),
            run: run.clone(),
            digest,
            buffer,
            list: String::new(),
            rows: Vec::new(),
        })
    }

    async fn write_page(
        &self,
        call: &Call,
        job: &Job,
        limit: u32,
        writing: &mut Writing,
    ) -> Result<(), AppError> {
        let page = self.titles_page(&writing.run.scope, writing.place.after.as_deref(), limit).await?;
        let collections = self.collections_for_export(&page.items).await?;
        let skipped = page.skipped.into_iter().map(|it| {
            let message = format!("`{}` {}", it.id, it.reason);
            (None, Rendered::LeftOut { code: "UNREADABLE", message })
        });
        for (mms, rendered) in skipped {
            self.write_title(call, job, mms, rendered, writing).await?;
        }
        let run = writing.run.clone();
        let mut gathered = stream::iter(page.items)
            .map(|bib| async move { Ok::<_, AppError>((self.gather(&bib).await?, bib)) })
            .buffered(SIDE_BY_SIDE);
        while let Some((gathered, bib)) = gathered.try_next().await? {
            let rendered = self.render(&run, &bib, gathered, &collections).await?;
            self.write_title(call, job, Some(bib.mms_id), rendered, writing).await?;
        }
        writing.place.walked = page.next.is_none();
        writing.place.after = page.next;
        Ok(())
    }

    /// Writes one title down, or why it is not there. What is long enough goes out: parts and lists have the same numbers
    /// when a worker that died is repeated.
    async fn write_title(
        &self,
        call: &Call,
        job: &Job,
        mms: Option<MmsId>,
        rendered: Rendered,
        writing: &mut Writing,
    ) -> Result<(), AppError> {
        let note = |writing: &mut Writing, code: &str, message: String| {
            writing.run.written.left_out += 1;
            let number = writing.run.written.left_out;
            writing.rows.push(left_out(job, number, code, message, mms.clone(), call));
        };
        match rendered {
            Rendered::Unchanged => {}
            Rendered::LeftOut { code, message } => note(writing, code, message),
            Rendered::Title { text, representations, files, listed, notes } => {
                if listed.object.is_none() {
                    if writing.buffer.is_empty() && writing.place.sent == 0 {
                        writing.buffer.extend_from_slice(export::head(writing.run.format).as_bytes());
                    }
                    writing.buffer.extend_from_slice(text.as_bytes());
                    writing.place.in_file += 1;
                }
                if listed.object.is_some() || !listed.files.is_empty() {
                    writing.list.push_str(&serde_json::json!(listed).to_string());
                    writing.list.push('\n');
                }
                writing.run.written.titles += 1;
                writing.run.written.representations += representations;
                writing.run.written.files += files;
                for (code, message) in notes {
                    note(writing, &code, message);
                }
            }
        }
        if writing.buffer.len() >= PART_BYTES {
            self.send_buffer(job, writing).await?;
        }
        if writing.list.len() >= LIST_BYTES {
            self.send_list(job, writing).await?;
        }
        Ok(())
    }

    /// The collections that titles of a page are in, by id.
    async fn collections_for_export(
        &self,
        bibs: &[BibRecord],
    ) -> Result<HashMap<CollectionId, Collection>, AppError> {
        let ids: BTreeSet<&CollectionId> = bibs.iter().flat_map(|bib| &bib.collections).collect();
        let ids: Vec<CollectionId> = ids.into_iter().cloned().collect();
        let mut found = HashMap::new();
        for part in ids.chunks(MAX_BATCH) {
            for one in self.catalog.collections_each(part).await?.into_iter().flatten() {
                found.insert(one.id.clone(), one);
            }
        }
        Ok(found)
    }

    /// A title's representations, each with its first files: no more, because others are read beside it.
    async fn gather(&self, bib: &BibRecord) -> Result<Gathered, AppError> {
        let mut gathered = Gathered::default();
        let mut from = None;
        loop {
            let request = PageRequest { limit: 100, offset: 0, after: from };
            let found = self.catalog.representations_each_of(&bib.mms_id, &request).await?;
            for one in found.items {
                if let Some(one) = sound(one, &mut gathered.notes)? {
                    let (files, more) = self.files_from(&one, None, &mut gathered.notes).await?;
                    gathered.representations.push((one, files));
                    gathered.more.push(more);
                }
            }
            from = found.next;
            if from.is_none() {
                return Ok(gathered);
            }
        }
    }

    async fn render(
        &self,
        run: &ExportRun,
        bib: &BibRecord,
        gathered: Gathered,
        collections: &HashMap<CollectionId, Collection>,
    ) -> Result<Rendered, AppError> {
        let unreadable =
            |message: &str| Rendered::LeftOut { code: "UNREADABLE", message: message.to_owned() };
        let Gathered { mut representations, more, mut notes } = gathered;
        for ((representation, files), mut more) in representations.iter_mut().zip(more) {
            while let Some(from) = more {
                let (next, after) = self.files_from(representation, Some(from), &mut notes).await?;
                files.extend(next);
                more = after;
            }
        }
        if let Some(since) = run.changed_since {
            let changed = bib.modified_at >= since
                || representations.iter().any(|(it, files)| {
                    it.modified_at >= since || files.iter().any(|file| file.modified_at >= since)
                });
            if !changed {
                return Ok(Rendered::Unchanged);
            }
        }
        let source = match &bib.source {
            RecordSource::Inline(text) => text.clone(),
            RecordSource::Stored { .. } => match self.source_of(bib).await {
                Ok(text) => text,
                Err(AppError::Unavailable(error)) if is_gone(&*error) => {
                    return Ok(unreadable("its metadata is not in storage"));
                }
                Err(error) => return Err(error),
            },
        };
        let held: Vec<Collection> =
            bib.collections.iter().filter_map(|id| collections.get(id).cloned()).collect();
        let exported = ExportedTitle {
            institution: &self.settings.institution,
            bucket: self.objects.bucket_name(Bucket::Content),
            bib,
            source: &source,
            collections: &held,
            representations: &representations,
            with_bytes: run.include_files.then_some(run.layout),
        };
        let Ok(text) = export::title(run.format, &exported) else {
            return Ok(unreadable("its metadata can not be read"));
        };
        let files = representations.iter().flat_map(|(_, files)| files);
        let count = files.clone().count() as u64;
        let object = (run.layout == ExportLayout::Ocfl).then(|| ListedObject {
            id: oai_identifier(&self.settings.institution, &bib.mms_id),
            record: format!("{}{text}{}", export::head(run.format), export::foot(run.format)),
        });
        let copied = files.filter(|_| run.include_files);
        let files = copied.filter_map(|file| Listed::of(file, object.as_ref())).collect();
        let listed = ListedTitle { object, files };
        Ok(Rendered::Title {
            text,
            representations: representations.len() as u64,
            files: count,
            listed,
            notes,
        })
    }

    async fn files_from(
        &self,
        of: &Representation,
        from: Option<String>,
        notes: &mut Vec<(String, String)>,
    ) -> Result<(Vec<DigitalFile>, Option<String>), AppError> {
        let request = PageRequest { limit: 1000, offset: 0, after: from };
        let found = self.catalog.files_each_of(&of.id, &request).await?;
        let mut files = Vec::with_capacity(found.items.len());
        for one in found.items {
            files.extend(sound(one, notes)?);
        }
        Ok((files, found.next))
    }

    /// Sends what is written as the next part.
    async fn send_buffer(&self, job: &Job, writing: &mut Writing) -> Result<(), AppError> {
        let key = writing.key(job);
        let upload = match &writing.place.upload {
            Some(upload) => upload.clone(),
            None => {
                let mime = writing.run.format.ending_and_type().1;
                self.objects.begin_parts(Bucket::Published, &key, mime).await?
            }
        };
        let bytes = std::mem::take(&mut writing.buffer);
        writing.digest.update(&bytes);
        writing.place.sent += 1;
        writing.place.digest = Some(writing.digest.save());
        writing.place.kept_bytes = 0;
        self.objects.send_part(Bucket::Published, &key, &upload, writing.place.sent, bytes.into()).await?;
        writing.place.upload = Some(upload);
        Ok(())
    }

    /// Writes titles down as the next list.
    async fn send_list(&self, job: &Job, writing: &mut Writing) -> Result<(), AppError> {
        let list = std::mem::take(&mut writing.list).into_bytes();
        writing.run.written.lists += 1;
        let key = list_key(&job.id, writing.run.written.lists);
        let mime = "application/x-ndjson";
        self.objects.put_small(Bucket::Published, &key, list.into(), mime, false).await?;
        Ok(())
    }

    /// Keeps what is written and is no part yet aside.
    async fn keep_aside(&self, call: &Call, job: &Job, mut writing: Writing) -> Result<Next, AppError> {
        let bytes = std::mem::take(&mut writing.buffer);
        writing.place.kept_bytes = bytes.len() as u64;
        if !bytes.is_empty() {
            self.objects
                .put_small(
                    Bucket::Published,
                    &kept_key(&job.id, writing.run.written.parts, &writing.place),
                    bytes.into(),
                    "application/octet-stream",
                    false,
                )
                .await?;
        }
        self.save_writing(call, job, writing, None).await
    }

    async fn end_file(&self, call: &Call, job: &Job, mut writing: Writing) -> Result<Next, AppError> {
        if writing.buffer.is_empty() && writing.place.sent == 0 {
            writing.buffer.extend_from_slice(export::head(writing.run.format).as_bytes());
        }
        writing.buffer.extend_from_slice(export::foot(writing.run.format).as_bytes());
        if writing.place.upload.is_some() {
            // Put together from what is saved, so that a worker that dies in between finds it either way.
            self.send_buffer(job, &mut writing).await?;
            writing.place.closing = true;
            return self.save_writing(call, job, writing, None).await;
        }
        let bytes = std::mem::take(&mut writing.buffer);
        writing.digest.update(&bytes);
        let mime = writing.run.format.ending_and_type().1;
        self.objects.put_small(Bucket::Published, &writing.key(job), bytes.into(), mime, false).await?;
        self.finish_file(call, job, writing).await
    }

    async fn close_file(
        &self,
        call: &Call,
        job: &Job,
        run: &ExportRun,
        place: &Place,
    ) -> Result<Next, AppError> {
        let writing = self.begin(job, run, place).await?;
        let upload = place.upload.as_deref().unwrap_or_default();
        self.objects.finish_parts(Bucket::Published, &writing.key(job), upload, place.sent).await?;
        self.finish_file(call, job, writing).await
    }

    /// Notes a file that is whole, and begins the next one.
    async fn finish_file(&self, call: &Call, job: &Job, mut writing: Writing) -> Result<Next, AppError> {
        let digested = std::mem::take(&mut writing.digest).finish();
        let number = writing.run.written.parts + 1;
        let file = ExportFile {
            job: job.id.clone(),
            number,
            name: file_name(&job.id, number, writing.run.format),
            sha256: digested.sha256,
            size_bytes: digested.size_bytes,
            titles: writing.place.in_file,
        };
        writing.run.written.parts = number;
        writing.run.written.bytes += file.size_bytes;
        let Place { after, walked, .. } = std::mem::take(&mut writing.place);
        writing.place = Place { after, walked, ..Place::default() };
        self.save_writing(call, job, writing, Some(file)).await
    }

    async fn end_titles(&self, call: &Call, job: &Job, mut writing: Writing) -> Result<Next, AppError> {
        if !writing.list.is_empty() {
            self.send_list(job, &mut writing).await?;
        }
        let mut run = writing.run;
        run.step = after_list(&run, 0);
        self.save_run(call, job, run, writing.rows, |_| Ok(())).await
    }

    async fn save_writing(
        &self,
        call: &Call,
        job: &Job,
        mut writing: Writing,
        file: Option<ExportFile>,
    ) -> Result<Next, AppError> {
        if !writing.list.is_empty() {
            self.send_list(job, &mut writing).await?;
        }
        let Writing { place, mut run, rows, .. } = writing;
        run.step = ExportStep::Titles(place);
        self.save_run(call, job, run, rows, |change| match &file {
            Some(file) => change.put(file),
            None => Ok(()),
        })
        .await
    }
}

impl Writing {
    fn key(&self, job: &Job) -> String {
        let name = file_name(&job.id, self.run.written.parts + 1, self.run.format);
        format!("{}data/{name}", folder(&job.id))
    }
}

/// What was read, or `None` with a note where it is damaged.
fn sound<T>(one: Result<T, StoreError>, notes: &mut Vec<(String, String)>) -> Result<Option<T>, AppError> {
    match one {
        Ok(one) => Ok(Some(one)),
        Err(StoreError::Malformed { key, kind, .. }) => {
            notes.push(("UNREADABLE".to_owned(), format!("`{key}` can not be read as a {kind}")));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn is_gone(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref::<ObjectsError>(), Some(ObjectsError::NotFound { .. }))
}
