//! The first step: the metadata file becomes numbered tickets.
//!
//! A ticket's contents follow from the file alone, so reading a part again writes the same ones.

use serde::{Deserialize, Serialize};
use vitrine_domain::bib::{MAX_RECORD_BYTES, RecordSource};
use vitrine_domain::import::ingest::THUMBNAIL_ENDINGS;
use vitrine_domain::import::profile::SourceFormat;
use vitrine_domain::import::row::RowTicket;
use vitrine_domain::job::{ImportRun, ImportStep, Job, JobStatus, JobWork};
use vitrine_metadata::rows::{
    Checkpoint, FileError, RowError, RowErrorCode, RowReader, SourceRow, WorkbookLimits, xlsx_rows,
};
use vitrine_store::objects::{Bucket, ObjectsError};

use crate::register_file::TimeLeft;
use crate::run_job::Next;
use crate::{App, AppError, Call};

/// How many tickets are written at a time.
const TICKETS: usize = 100;
/// How many rows of a workbook are read at a time; each time it is read from its start.
const WORKBOOK_ROWS: usize = 20_000;
/// The largest workbook; the function's disk holds it.
const MAX_WORKBOOK_BYTES: u64 = 512 * 1024 * 1024;
/// After how many rows the reader's place is saved.
const SAVE_EVERY: u64 = 5_000;

/// A ticket's contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "lives for one row")]
pub(crate) enum TicketContent {
    /// What the row says.
    Row(SourceRow),
    /// Why it can not be read.
    Unreadable(RowError),
}

type Rows = Vec<Result<SourceRow, RowError>>;

/// Tickets on their way to the table.
struct Tickets<'a> {
    app: &'a App,
    job: &'a Job,
    waiting: Vec<RowTicket>,
    /// How many rows were read, and how many files they name.
    rows: u64,
    files: u64,
}

impl Tickets<'_> {
    async fn take(&mut self, rows: &mut Rows) -> Result<(), AppError> {
        for row in rows.drain(..) {
            let (number, files) = match &row {
                Ok(row) => (row.number, row.files.len() as u64),
                Err(error) => (error.number, 0),
            };
            let content = match row {
                Ok(row) => TicketContent::Row(row),
                Err(error) => TicketContent::Unreadable(error),
            };
            let text = serde_json::json!(content).to_string();
            self.waiting.push(RowTicket {
                job: self.job.id.clone(),
                number,
                files_before: self.files,
                chain: chain(&content),
                content: self.app.keep_source(&text).await?,
            });
            self.rows = self.rows.max(number);
            self.files += files;
            if self.waiting.len() >= TICKETS {
                self.write().await?;
            }
        }
        Ok(())
    }

    /// The file can be read no further.
    async fn broken(&mut self, run: &ImportRun, error: &FileError) -> Result<Reading, AppError> {
        if self.rows == 0 {
            return Ok(Reading::Failed(reason(run, error)));
        }
        self.take(&mut vec![Err(broken_end(self.rows, error))]).await?;
        Ok(Reading::Whole)
    }

    async fn write(&mut self) -> Result<(), AppError> {
        self.app.catalog.put_tickets(&self.waiting).await?;
        self.waiting.clear();
        Ok(())
    }
}

impl App {
    /// Reads until the file ends or the time is over.
    pub(super) async fn read_rows(
        &self,
        call: &Call,
        job: &Job,
        run: &ImportRun,
        time_left: TimeLeft<'_>,
    ) -> Result<Next, AppError> {
        let ImportStep::Read { checkpoint, files } = &run.step else { return Ok(Next::OutOfTime) };
        let mut job = job.clone();
        if checkpoint.is_none() && job.status != JobStatus::Initializing {
            // What the folder holds is looked through once: pictures beside files are rare, and asking for each is not cheap.
            let pictures = self.has_thumbnails(run).await?;
            let mut after = Job { status: JobStatus::Initializing, rows: 0, ..job.clone() };
            if let JobWork::Import(run) = &mut after.work {
                run.has_thumbnails = pictures;
            }
            job = self.save_job(call, &job, after).await?;
        }
        let mut tickets = Tickets {
            app: self,
            job: &job,
            waiting: Vec::new(),
            rows: if checkpoint.is_some() { job.rows } else { 0 },
            files: *files,
        };
        let read = if run.settings.details.source_format == SourceFormat::Xlsx {
            self.read_workbook(run, checkpoint.as_deref(), &mut tickets, time_left).await?
        } else {
            self.read_stream(run, checkpoint.as_deref(), &mut tickets, time_left).await?
        };
        tickets.write().await?;
        let (rows, files) = (tickets.rows, tickets.files);
        match read {
            Reading::Whole => {
                self.go_to(call, &job, ImportStep::Rows { next: 1 }, |job| {
                    job.rows = rows;
                    job.status = JobStatus::Running;
                })
                .await
            }
            Reading::Part(checkpoint) => {
                let step = ImportStep::Read { checkpoint: Some(checkpoint), files };
                self.go_to(call, &job, step, |job| job.rows = rows).await
            }
            Reading::Failed(reason) => {
                let ended = self.end_job(call, &job, JobStatus::Failed, Some(reason)).await?;
                Ok(Next::GoOn(Box::new(ended)))
            }
        }
    }

    async fn read_stream(
        &self,
        run: &ImportRun,
        checkpoint: Option<&str>,
        tickets: &mut Tickets<'_>,
        time_left: TimeLeft<'_>,
    ) -> Result<Reading, AppError> {
        let details = &run.settings.details;
        let saved: Option<Checkpoint> = checkpoint.and_then(|text| serde_json::from_str(text).ok());
        let start = saved.as_ref().map_or(0, |saved| saved.offset);
        let mut reader = match saved {
            Some(saved) => match RowReader::resume(saved) {
                Ok(reader) => reader,
                Err(error) => return Ok(Reading::Failed(reason(run, &error))),
            },
            None => RowReader::new(details.source_format, super::rows::reader_format(run)),
        };
        let key = format!("{}{}", run.folder, run.metadata_file);
        let version = run.metadata_version.as_deref();
        let Some(head) = self.objects.head(Bucket::Incoming, &key, version).await? else {
            return Ok(Reading::Failed(format!("the metadata file `{}` is gone", run.metadata_file)));
        };
        let first = tickets.rows;
        let mut rows = Rows::new();
        if start < head.size_bytes {
            let range = (start > 0).then_some(start..head.size_bytes);
            let mut object = match self.objects.read(Bucket::Incoming, &key, version, range).await {
                Ok(object) => object,
                Err(ObjectsError::NotFound { .. }) => {
                    return Ok(Reading::Failed(format!("the metadata file `{}` is gone", run.metadata_file)));
                }
                Err(error) => return Err(error.into()),
            };
            while let Some(bytes) = object.next().await? {
                let pushed = reader.push(&bytes, &mut rows);
                tickets.take(&mut rows).await?;
                if let Err(error) = pushed {
                    return tickets.broken(run, &error).await;
                }
                if (!time_left() || tickets.rows >= first + SAVE_EVERY) && tickets.rows > first {
                    let place = reader.checkpoint();
                    if place.offset < head.size_bytes && place.offset > start {
                        return Ok(Reading::Part(serde_json::json!(place).to_string()));
                    }
                }
            }
        }
        let finished = reader.finish(&mut rows);
        tickets.take(&mut rows).await?;
        match finished {
            Ok(()) => Ok(Reading::Whole),
            Err(error) => tickets.broken(run, &error).await,
        }
    }

    /// Reads a workbook, which can not be read as a stream: a copy on disk, some thousand rows at a time.
    async fn read_workbook(
        &self,
        run: &ImportRun,
        checkpoint: Option<&str>,
        tickets: &mut Tickets<'_>,
        time_left: TimeLeft<'_>,
    ) -> Result<Reading, AppError> {
        let disk = |error: std::io::Error| AppError::Unavailable(Box::new(error));
        let folder = tempfile::tempdir().map_err(disk)?;
        let path = folder.path().join("workbook.xlsx");
        let key = format!("{}{}", run.folder, run.metadata_file);
        let version = run.metadata_version.as_deref();
        match self.objects.read_to_file(Bucket::Incoming, &key, version, &path, MAX_WORKBOOK_BYTES).await {
            Ok(_) => {}
            Err(ObjectsError::NotFound { .. }) => {
                return Ok(Reading::Failed(format!("the metadata file `{}` is gone", run.metadata_file)));
            }
            Err(ObjectsError::Mismatch { .. }) => {
                let limit = MAX_WORKBOOK_BYTES / (1024 * 1024);
                return Ok(Reading::Failed(format!(
                    "the workbook `{}` is larger than {limit} MiB; save it as CSV, which has no limit",
                    run.metadata_file
                )));
            }
            Err(error) => return Err(error.into()),
        }
        let mut next = checkpoint.and_then(|text| text.parse().ok()).unwrap_or(1);
        loop {
            let file = std::fs::File::open(&path).map_err(disk)?;
            let target = super::rows::reader_format(run);
            let reader = std::io::BufReader::new(file);
            let page = match xlsx_rows(reader, target, next, WORKBOOK_ROWS, &WorkbookLimits::default()) {
                Ok(page) => page,
                Err(error) => return tickets.broken(run, &error).await,
            };
            let mut rows = page.rows;
            tickets.take(&mut rows).await?;
            match page.next_row {
                None => return Ok(Reading::Whole),
                Some(row) if time_left() => next = row,
                Some(row) => return Ok(Reading::Part(row.to_string())),
            }
        }
    }

    /// Whether a picture lies beside some file of the folder.
    async fn has_thumbnails(&self, run: &ImportRun) -> Result<bool, AppError> {
        let mut next = None;
        loop {
            let page =
                self.objects.list_folder(Bucket::Incoming, &run.folder, false, next.as_deref(), 1000).await?;
            let is_picture = |key: &str| THUMBNAIL_ENDINGS.iter().any(|ending| key.ends_with(ending));
            if page.objects.iter().any(|object| is_picture(&object.key)) {
                return Ok(true);
            }
            next = page.next;
            if next.is_none() {
                return Ok(false);
            }
        }
    }

    /// What a ticket holds.
    pub(super) async fn ticket_content(&self, ticket: &RowTicket) -> Result<TicketContent, AppError> {
        let text = match &ticket.content {
            RecordSource::Inline(text) => text.clone(),
            stored @ RecordSource::Stored { .. } => self.stored_source(stored).await?,
        };
        serde_json::from_str(&text).map_err(|error| AppError::Unavailable(Box::new(error)))
    }
}

/// What rows that change the same title have in common, as far as the file says it.
fn chain(content: &TicketContent) -> Option<String> {
    let TicketContent::Row(row) = content else { return None };
    let (kind, name) = match (&row.group, &row.mms_id, &row.originating_system_id) {
        (Some(group), _, _) => ("group", group),
        (None, Some(mms), _) => ("mms", mms),
        (None, None, Some(id)) => ("system", id),
        (None, None, None) => return None,
    };
    Some(format!("{kind} {:032x}", super::seed(&[name])))
}

/// A file that breaks off loses its end and nothing before it: the break is a row of its own.
fn broken_end(rows: u64, error: &FileError) -> RowError {
    RowError {
        number: rows + 1,
        group: None,
        code: RowErrorCode::NotWellFormed,
        line: 0,
        column: None,
        message: format!("the file can not be read further: {error}"),
    }
}

/// How far a reading came.
enum Reading {
    Whole,
    /// The reader's place.
    Part(String),
    /// Why the file as a whole can not be read.
    Failed(String),
}

fn reason(run: &ImportRun, error: &FileError) -> String {
    format!("the metadata file `{}` can not be read: {error}", run.metadata_file)
}

/// The largest metadata of one row that is kept.
pub(super) const MAX_ROW_BYTES: usize = MAX_RECORD_BYTES;
