//! Why a use case did not do what it was asked. Turned into an answer in one place, `vitrine-http`.

use vitrine_domain::actor::Refusal;
use vitrine_domain::problem::Problems;
use vitrine_store::objects::ObjectsError;
use vitrine_store::queues::QueueError;
use vitrine_store::{CommitError, StoreError};

/// A rule of the domain that the call would break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message says it")]
pub enum Rule {
    #[error("bib record is not assigned to a collection")]
    NotInCollection,
    #[error("the bib record has {0} representations; `override=true` deletes them with it")]
    HasRepresentations(u32),
    #[error("the representation has files; `override=true` deletes them with it")]
    HasFiles,
    #[error("the bib record belongs to a collection and is deleted with it")]
    BelongsToCollection,
    #[error("a collection's own bib record has no representations and is in no collection")]
    IsCollectionRecord,
    #[error("there is a top-level collection named `{0}` already")]
    DuplicateName(String),
    #[error("there is no library `{0}`")]
    UnknownLibrary(String),
    #[error("there is no collection `{0}` to be the parent")]
    UnknownParent(String),
    #[error("a collection can not be moved below itself")]
    Cycle,
    #[error("collections can not be nested more than {0} deep")]
    TooDeep(usize),
    #[error("the collection has {0} sub-collections; delete or move them first")]
    HasSubCollections(u32),
    #[error("the collection has titles; `override=true` takes them out and keeps them")]
    HasTitles,
    #[error("the title is in the collection already")]
    AlreadyMember,
    #[error("the title is neither in the collection that it is moved out of nor in the other")]
    NotInEither,
    #[error("the title is in {0} collections, which is the most")]
    TooManyCollections(usize),
    #[error("the title has representations and this is its last collection")]
    LastCollection,
    #[error("there is no object `{0}` in the upload area")]
    NoSuchObject(String),
    #[error("the upload is {0} and takes no more bytes")]
    UploadClosed(&'static str),
    #[error("the upload is not a multipart upload")]
    NotMultipart,
    #[error("the parts do not make the file: {0}")]
    WrongParts(String),
    #[error("the file is being registered; try again when its status is `ACTIVE`")]
    FilePending,
    #[error("there is an import profile named `{0}` already")]
    DuplicateProfileName(String),
    #[error("there is an access rights policy named `{0}` already")]
    DuplicatePolicyName(String),
    #[error("the access rights policy governs {0}; give them another one first")]
    PolicyInUse(String),
    #[error("there is a publishing profile with the name or the set of `{0}` already")]
    DuplicatePublishing(String),
    #[error("there are {0} publishing profiles, which is the most")]
    TooManyPublishing(usize),
    #[error("the publishing profile is active; deactivate it first, so that what it published is withdrawn")]
    PublishingActive,
    #[error("the publishing profile has no target that a secret is for")]
    NoSecret,
    #[error("the publishing profile is not active")]
    PublishingInactive,
    #[error("the title is not one that the publishing profile publishes")]
    NotPublished,
    #[error("the import profile is not active")]
    ProfileInactive,
    #[error("the import profile has ingests; delete or cancel them first")]
    ProfileInUse,
    #[error("the ingest is {0} and can not be changed now")]
    IngestClosed(&'static str),
    #[error("the folder has no file with the name `{0}`, which the profile reads")]
    NoMetadataFile(String),
    #[error("several files match `{0}`, and one metadata file is read: {1}")]
    SeveralMetadataFiles(String, String),
    #[error("the job is {0}; this needs a job that has ended")]
    JobNotEnded(&'static str),
    #[error("the job is {0} already")]
    JobEnded(&'static str),
    #[error("{0}")]
    NotUndoable(&'static str),
    #[error("the row ended as {0}; only a row that waits can be decided on")]
    RowNotWaiting(&'static str),
    #[error("the job has no row that failed or whose files were missing")]
    NothingToResubmit,
    #[error("the set is one of something else than titles")]
    NotTitles,
    #[error("the publishing profile `{0}` publishes the set; give it another selection first")]
    SetInUse(String),
    #[error("the members of a logical set follow from its rule")]
    LogicalSet,
    #[error("the job has no report yet")]
    NoReport,
    #[error("a remote representation has no files here")]
    RemoteHasNoFiles,
    #[error("the {0} `{1}` that it belongs to is deleted; take that back first")]
    ParentDeleted(&'static str, String),
    #[error("the time to take the {0} `{1}` back is over")]
    TooLate(&'static str, String),
    #[error("the bib record `{1}` has the identifier `{0}` now; `override=true` takes it back all the same")]
    IdentifierTaken(String, String),
}

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The caller may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such thing, or the caller must not know that there is.
    #[error("there is no {kind} `{id}`")]
    NotFound {
        /// The kind of thing.
        kind: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// The input is wrong.
    #[error("{} of the fields sent can not be taken", .0.0.len())]
    Invalid(Problems),
    /// A rule of the domain.
    #[error(transparent)]
    Rule(#[from] Rule),
    /// `If-Match` named another version.
    #[error("the {kind} is at version {current}")]
    Precondition {
        /// The kind of thing.
        kind: &'static str,
        /// The version it has.
        current: u64,
    },
    /// Someone else changed it between reading and writing.
    #[error("the {0} was changed by someone else at the same time")]
    Conflict(&'static str),
    /// The table, the buckets or the queues failed; trying again can help.
    #[error("a storage service did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The table, the buckets or the queues refused and will refuse the same again, or hold what can not be read: a
    /// fault of ours or of the installation, for a person to look at.
    #[error("a storage service refused for good")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl AppError {
    pub(crate) fn not_found(kind: &'static str, id: impl std::fmt::Display) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(Problems::of(field, message))
    }
}

impl From<Problems> for AppError {
    fn from(problems: Problems) -> Self {
        Self::Invalid(problems)
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Self::Unavailable(Box::new(error)),
            StoreError::Refused { .. } | StoreError::Malformed { .. } | StoreError::NoHistory { .. } => {
                Self::Internal(Box::new(error))
            }
            // Only what a caller sent can be so much: our own part of an item is small.
            StoreError::ItemTooLarge { kind, .. } => Self::invalid(kind, error.to_string()),
            StoreError::TooLarge(_) | StoreError::TooManyBytes(_) => {
                Self::invalid("request", error.to_string())
            }
        }
    }
}

impl From<ObjectsError> for AppError {
    fn from(error: ObjectsError) -> Self {
        match error {
            // What is not there, or there already, was so a moment ago: looking again decides anew.
            ObjectsError::NotFound { .. } | ObjectsError::PreconditionFailed { .. } => {
                Self::Unavailable(Box::new(error))
            }
            _ if error.is_retryable() => Self::Unavailable(Box::new(error)),
            _ => Self::Internal(Box::new(error)),
        }
    }
}

impl From<QueueError> for AppError {
    fn from(error: QueueError) -> Self {
        if error.is_retryable() {
            Self::Unavailable(Box::new(error))
        } else {
            Self::Internal(Box::new(error))
        }
    }
}

impl From<CommitError> for AppError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Exists(kind) | CommitError::Changed(kind) => Self::Conflict(kind),
            CommitError::Store(error) => error.into(),
        }
    }
}
