//! Jobs: work that takes longer than a call, its progress and its report (E10, I20).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Grant};
use crate::bulk::{BulkRun, BulkStep};
use crate::coded;
use crate::export::{ExportLayout, ExportRun, ExportStep};
use crate::ids::{EventId, IngestId, JobId, ProfileId, UserId};
use crate::import::profile::ProfileSettings;
use crate::import::row::Tally;
use crate::publishing::run::PublishRun;

coded!(
    /// What a job does.
    JobKind, "job type" {
        /// Applies an import profile to a folder.
        Import = "IMPORT": "Import digital titles",
        /// Takes back what an import did.
        UndoImport = "UNDO_IMPORT": "Undo an import",
        /// Looks at every title of a publishing profile, and writes its files.
        Publish = "PUBLISH": "Run a publishing profile",
        /// Writes titles out.
        Export = "EXPORT": "Export digital titles",
        /// Changes fields of representations.
        ChangeRepresentations = "CHANGE_REPRESENTATIONS": "Global representation changes",
        /// Moves titles between collections, or puts them into one, or takes them out.
        MoveTitles = "MOVE_TITLES": "Move titles between collections",
        /// Deletes titles.
        DeleteTitles = "DELETE_TITLES": "Delete titles",
        /// Deletes representations.
        DeleteRepresentations = "DELETE_REPRESENTATIONS": "Delete representations",
        /// Has thumbnails made again.
        RecomputeThumbnails = "RECOMPUTE_THUMBNAILS": "Recompute thumbnails",
        /// Writes the members of a set into an itemized one.
        ItemizeSet = "ITEMIZE_SET": "Itemize a set",
    }
);

coded!(
    /// How far a job is, in the vendor's words (domain.md 6.4, monitoring).
    JobStatus, "job status" {
        /// Waiting for a worker.
        Pending = "PENDING": "Pending",
        /// Reading its input.
        Initializing = "INITIALIZING": "Initializing",
        /// Working.
        Running = "RUNNING": "Running",
        /// Waiting for what it set off, and writing its report.
        Finalizing = "FINALIZING": "Finalizing",
        /// Everything went well.
        CompletedSuccess = "COMPLETED_SUCCESS": "Completed Successfully",
        /// Some rows failed.
        CompletedWithErrors = "COMPLETED_WITH_ERRORS": "Completed with Errors",
        /// There was nothing to do.
        CompletedNoBulks = "COMPLETED_NO_BULKS": "Completed with No Bulks",
        /// Some rows wait for a person.
        ManualHandlingRequired = "MANUAL_HANDLING_REQUIRED": "Manual Handling Required",
        /// Someone stopped it.
        Aborted = "ABORTED": "Aborted",
        /// It could not go on.
        Failed = "FAILED": "Failed",
    }
);

impl JobStatus {
    /// Whether the job is over, unless someone resubmits it.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Initializing | Self::Running | Self::Finalizing)
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does, and how far it is with it.
    pub work: JobWork,
    /// What it is about, for a person.
    pub name: String,
    /// How far it is.
    pub status: JobStatus,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Whether someone asked to stop it.
    #[serde(default)]
    pub stopping: bool,
    /// How often its rows were started: 1, and one more each time it is resubmitted.
    pub attempt: u32,
    /// Rows read so far; all of them once it is running.
    pub rows: u64,
    /// How the rows ended.
    #[serde(default)]
    pub tally: Tally,
    /// The job that took it back, or is doing so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undone_by: Option<JobId>,
    /// Who submitted it.
    pub submitted_by: UserId,
    /// The roles that the submitter held: a job may no more than its submitter.
    pub grants: Vec<Grant>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When a worker began.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    /// The outbox row that stays due until it ends.
    pub watch: EventId,
    /// How many times it was written.
    pub version: u64,
}

/// The work of a job and its place in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum JobWork {
    /// An import.
    #[serde(rename = "IMPORT")]
    Import(Box<ImportRun>),
    /// The undoing of an import.
    #[serde(rename = "UNDO_IMPORT")]
    Undo(UndoRun),
    /// A run of a publishing profile.
    #[serde(rename = "PUBLISH")]
    Publish(Box<PublishRun>),
    /// An export.
    #[serde(rename = "EXPORT")]
    Export(Box<ExportRun>),
    /// A change of each member of a set.
    #[serde(rename = "BULK")]
    Bulk(Box<BulkRun>),
}

impl JobWork {
    /// The kind of job.
    pub fn kind(&self) -> JobKind {
        match self {
            Self::Import(_) => JobKind::Import,
            Self::Undo(_) => JobKind::UndoImport,
            Self::Publish(_) => JobKind::Publish,
            Self::Export(_) => JobKind::Export,
            Self::Bulk(run) => run.action.kind(),
        }
    }
}

/// An import: what it reads and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRun {
    /// The profile.
    pub profile: ProfileId,
    /// The profile's settings as they were when the job was submitted: an edit does not change a run.
    pub settings: ProfileSettings,
    /// The ingest.
    pub ingest: IngestId,
    /// Where its objects are.
    pub folder: String,
    /// The metadata file, by its name in the folder.
    pub metadata_file: String,
    /// The version of it that is read: a later one does not change a run.
    pub metadata_version: Option<String>,
    /// Whether it only says what it would do (I14).
    pub dry_run: bool,
    /// Whether the folder holds pictures beside files (T2).
    #[serde(default)]
    pub has_thumbnails: bool,
    /// Where it is.
    pub step: ImportStep,
}

/// Where an import is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step")]
pub enum ImportStep {
    /// Reading the metadata file into tickets.
    #[serde(rename = "READ")]
    Read {
        /// Where the reader is; none at the start.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        checkpoint: Option<String>,
        /// How many files the rows so far name.
        files: u64,
    },
    /// Working on rows.
    #[serde(rename = "ROWS")]
    Rows {
        /// The first row that is not done.
        next: u64,
    },
    /// Waiting for the files to be registered.
    #[serde(rename = "FILES")]
    Files {
        /// The first row whose files are not known to be settled.
        next: u64,
        /// When the waiting began.
        since: Timestamp,
        /// When late files were last asked for.
        asked: Timestamp,
        /// What is counted so far: of the rows before `next`.
        tally: Tally,
    },
    /// Looking what is left in the folder, and writing the report.
    #[serde(rename = "REPORT")]
    Report,
    /// Nothing is left to do.
    #[serde(rename = "END")]
    End,
}

/// The undoing of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoRun {
    /// The job that is taken back.
    pub of: JobId,
    /// How many rows that job has.
    pub rows: u64,
    /// The row to look at next, from the last to the first; 0 at the end.
    pub next: u64,
}

impl Job {
    /// A job that waits for its first worker. It may what `by` may.
    pub fn new(id: JobId, work: JobWork, name: String, by: &Actor, at: Timestamp, watch: EventId) -> Self {
        Self {
            id,
            work,
            name,
            status: JobStatus::Pending,
            reason: None,
            stopping: false,
            attempt: 1,
            rows: 0,
            tally: Tally::default(),
            undone_by: None,
            submitted_by: by.id.clone(),
            grants: by.grants.clone(),
            submitted_at: at,
            started_at: None,
            ended_at: None,
            watch,
            version: 0,
        }
    }

    /// Percent done, by rows.
    pub fn progress(&self) -> u8 {
        if self.status.is_final() {
            return 100;
        }
        let done = match &self.work {
            JobWork::Import(run) => match &run.step {
                ImportStep::Read { .. } => return 0,
                ImportStep::Rows { next } => next.saturating_sub(1) * 90,
                ImportStep::Files { next, .. } => self.rows * 90 + next.saturating_sub(1) * 9,
                ImportStep::Report | ImportStep::End => return 99,
            },
            JobWork::Undo(run) => run.rows.saturating_sub(run.next) * 99,
            JobWork::Publish(run) => return run.progress(),
            // How many titles a rule finds is not known before the last; copying is counted against them.
            JobWork::Export(run) => match &run.step {
                ExportStep::Titles(_) => return 0,
                ExportStep::Copy { .. } | ExportStep::Objects { .. } => {
                    let written = &run.written;
                    let (objects, all_objects) = match run.layout {
                        ExportLayout::BagIt => (0, 0),
                        ExportLayout::Ocfl => (u64::from(written.parts), written.titles),
                    };
                    let all = written.files + all_objects;
                    let done = (written.copied + written.left_out + objects).min(all);
                    return u8::try_from(50 + done * 49 / all.max(1)).unwrap_or(99);
                }
                ExportStep::Bag | ExportStep::End => return 99,
            },
            JobWork::Bulk(run) => match &run.step {
                BulkStep::List { .. } => return 0,
                BulkStep::Rows { next } => next.saturating_sub(1) * 99,
            },
        };
        let rows = match &self.work {
            JobWork::Undo(run) => run.rows,
            JobWork::Import(_) | JobWork::Publish(_) | JobWork::Export(_) | JobWork::Bulk(_) => self.rows,
        };
        u8::try_from((done / rows.max(1)).min(99)).unwrap_or(99)
    }

    /// When it will end if it goes on as it did; none before there is something to go by.
    pub fn estimated_end(&self, now: Timestamp) -> Option<Timestamp> {
        let started = self.started_at?;
        let progress = i64::from(self.progress());
        if self.status.is_final() || progress == 0 {
            return None;
        }
        let elapsed = now.as_millisecond().saturating_sub(started.as_millisecond()).max(0);
        let left = elapsed.saturating_mul(100 - progress) / progress;
        now.saturating_add(jiff::SignedDuration::from_millis(left)).ok()
    }
}
