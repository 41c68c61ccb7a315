//! Rows of an import: the ticket, its one outcome, and how outcomes are counted (complaint 13, I20).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bib::RecordSource;
use crate::coded;
use crate::ids::{CollectionId, JobId, MmsId, RepId, UserId};

coded!(
    /// How a row ended. Every row of a metadata file ends in exactly one of these.
    RowOutcome, "outcome" {
        /// It became a new title.
        Created = "CREATED": "Created",
        /// It changed a title, or added to it.
        Updated = "UPDATED": "Updated",
        /// It is all there already.
        Unchanged = "UNCHANGED": "Unchanged",
        /// The profile leaves it out: its filter, or its action on a match or on none.
        Skipped = "SKIPPED": "Skipped",
        /// It could not be imported.
        Failed = "FAILED": "Failed",
        /// It names files that are not in the folder.
        MissingFiles = "MISSING_FILES": "Files missing",
        /// It waits for a person: several matches, or errors of validation.
        Waiting = "WAITING": "Waiting for a person",
        /// A person left it out.
        Discarded = "DISCARDED": "Discarded",
        /// A job over a set deleted it.
        Deleted = "DELETED": "Deleted",
        /// The undoing of its job took it back.
        Undone = "UNDONE": "Undone",
        /// The undoing of its job left it, and says why.
        Left = "LEFT": "Left as it is",
    }
);

impl RowOutcome {
    /// Whether resubmitting the job tries the row again (I21).
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Failed | Self::MissingFiles)
    }
}

/// A row as it was read: never written again with other contents, so that reading can be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowTicket {
    /// The job.
    pub job: JobId,
    /// The number of the row, from 1.
    pub number: u64,
    /// How many files the rows before it name: its files' ids follow from this.
    pub files_before: u64,
    /// What rows that must follow each other have in common: their family, or the title that they name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub chain: Option<String>,
    /// What was read, or why it could not be; JSON, kept like metadata: long ones under their digest.
    pub content: RecordSource,
}

/// What happened to one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowResult {
    /// The job.
    pub job: JobId,
    /// The number of the row.
    pub number: u64,
    /// The attempt of the job that this is from.
    pub attempt: u32,
    /// How it ended.
    pub outcome: RowOutcome,
    /// A stable word for why, where it did not simply go well.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// The same for a person.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// Warnings of validation.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
    /// The family that the row belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<String>,
    /// The title.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mms_id: Option<MmsId>,
    /// What it is about, where that is a member of a set: a title, a representation, a file or a collection.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub member: Option<String>,
    /// The titles that it matched, where a person has to choose.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub candidates: Vec<MmsId>,
    /// The representations that it has files in.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub representations: Vec<RepId>,
    /// How many files it names.
    pub files: u32,
    /// How many of them are written down for registration; the row is done when all are.
    pub files_begun: u32,
    /// How many of those were in their representation already.
    #[serde(default)]
    pub files_there: u32,
    /// How many were refused when they were registered.
    #[serde(default)]
    pub files_refused: u32,
    /// The bytes of the files that were registered.
    #[serde(default)]
    pub bytes: u64,
    /// What changed, field by field; JSON, for dry runs and for updates.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub differences: Option<String>,
    /// The files that are still to be written down, for a row that has more than one transaction takes; JSON, kept like
    /// metadata. Whoever goes on takes it from here, because the folder shows only what has not been moved yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plan: Option<RecordSource>,
    /// What undoing needs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undo: Option<UndoNote>,
    /// A person's decision, for a row that waited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decision: Option<Decision>,
    /// When.
    pub at: Timestamp,
    /// How many times it was written.
    pub version: u64,
}

impl RowResult {
    /// A result that says no more than how the row ended.
    pub fn new(job: &JobId, number: u64, attempt: u32, outcome: RowOutcome, at: Timestamp) -> Self {
        Self {
            job: job.clone(),
            number,
            attempt,
            outcome,
            code: None,
            message: None,
            warnings: Vec::new(),
            group: None,
            mms_id: None,
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
            at,
            version: 0,
        }
    }

    /// Whether work on the row was begun and not ended: some of its files are not written down yet.
    pub fn is_unfinished(&self) -> bool {
        self.plan.is_some()
    }

    /// Whether someone has to look at the row.
    pub fn is_open(&self) -> bool {
        self.outcome.is_retryable() || self.outcome == RowOutcome::Waiting || self.files_refused > 0
    }
}

/// What a row did to the catalogue, so that it can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoNote {
    /// Whether it made the title.
    pub made_bib: bool,
    /// When it wrote the title; a later change shows in the title's own time.
    pub bib_written_at: Option<Timestamp>,
    /// What it changed of the title, as it was.
    pub bib_before: Option<BibBefore>,
    /// The collections that the title was put into.
    #[serde(default)]
    pub joined: Vec<CollectionId>,
    /// The representations that it made.
    #[serde(default)]
    pub made_representations: Vec<RepId>,
}

/// What a row changed of a title, as it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BibBefore {
    /// Its metadata.
    pub source: RecordSource,
    /// Whether it was suppressed.
    pub suppressed: bool,
    /// Who had changed it last.
    pub modified_by: UserId,
    /// When. Taking a row back sets it again, so that the row before it can be taken back too.
    pub modified_at: Timestamp,
}

/// What a person decided about a row that waited (I21).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision")]
pub enum Decision {
    /// Import it in spite of its errors.
    #[serde(rename = "FORCE")]
    Force,
    /// It belongs to this title.
    #[serde(rename = "MATCH")]
    Match {
        /// The title.
        mms_id: MmsId,
    },
    /// It is a new title.
    #[serde(rename = "NEW")]
    New,
}

/// How many rows and files ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each counts the outcome or the thing that it is named after")]
pub struct Tally {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub skipped: u64,
    pub failed: u64,
    pub missing_files: u64,
    pub waiting: u64,
    pub discarded: u64,
    pub deleted: u64,
    pub undone: u64,
    pub left: u64,
    pub representations: u64,
    pub files: u64,
    pub files_refused: u64,
    pub files_unnamed: u64,
    pub bytes: u64,
}

impl Tally {
    /// Counts one row in.
    pub fn add(&mut self, row: &RowResult) {
        self.count(row, 1);
    }

    fn count(&mut self, row: &RowResult, one: u64) {
        let counter = match row.outcome {
            RowOutcome::Created => &mut self.created,
            RowOutcome::Updated => &mut self.updated,
            RowOutcome::Unchanged => &mut self.unchanged,
            RowOutcome::Skipped => &mut self.skipped,
            RowOutcome::Failed => &mut self.failed,
            RowOutcome::MissingFiles => &mut self.missing_files,
            RowOutcome::Waiting => &mut self.waiting,
            RowOutcome::Discarded => &mut self.discarded,
            RowOutcome::Deleted => &mut self.deleted,
            RowOutcome::Undone => &mut self.undone,
            RowOutcome::Left => &mut self.left,
        };
        *counter += one;
        let made = row.undo.as_ref().map_or(0, |undo| undo.made_representations.len() as u64);
        self.representations += made;
        self.files += u64::from(row.files_begun.saturating_sub(row.files_there));
        self.files_refused += u64::from(row.files_refused);
        self.bytes += row.bytes;
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Tally) {
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.skipped += other.skipped;
        self.failed += other.failed;
        self.missing_files += other.missing_files;
        self.waiting += other.waiting;
        self.discarded += other.discarded;
        self.deleted += other.deleted;
        self.undone += other.undone;
        self.left += other.left;
        self.representations += other.representations;
        self.files += other.files;
        self.files_refused += other.files_refused;
        self.files_unnamed += other.files_unnamed;
        self.bytes += other.bytes;
    }

    /// How many rows are counted.
    pub fn rows(&self) -> u64 {
        self.created
            + self.updated
            + self.unchanged
            + self.skipped
            + self.failed
            + self.missing_files
            + self.waiting
            + self.discarded
            + self.deleted
            + self.undone
            + self.left
    }

    /// Each counter with its wire name.
    pub fn entries(&self) -> [(&'static str, u64); 16] {
        [
            ("created", self.created),
            ("updated", self.updated),
            ("unchanged", self.unchanged),
            ("skipped", self.skipped),
            ("failed", self.failed),
            ("missing_files", self.missing_files),
            ("waiting", self.waiting),
            ("discarded", self.discarded),
            ("deleted", self.deleted),
            ("undone", self.undone),
            ("left", self.left),
            ("representations", self.representations),
            ("files", self.files),
            ("files_refused", self.files_refused),
            ("files_unnamed", self.files_unnamed),
            ("bytes", self.bytes),
        ]
    }
}

/// Something that one row of a job has taken: a family's title, and in a dry run an identifier or a file's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobClaim {
    /// The job.
    pub job: JobId,
    /// What is claimed, for example `GROUP#book 7`.
    pub name: String,
    /// The row that has it.
    pub row: u64,
    /// The title, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mms_id: Option<MmsId>,
    /// The entity tag of a file whose bytes its representation has already; that very object can go.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub twin: Option<String>,
}

/// How many rows make a page.
pub const PAGE_ROWS: u64 = 100;
