//! Ingests: a folder of files with its metadata file, on the way to a profile (I16, I17).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coded;
use crate::ids::{IngestId, JobId, ProfileId, UserId};

coded!(
    /// How far an ingest is.
    IngestStatus, "ingest status" {
        /// Files are being brought.
        Uploading = "UPLOADING": "Uploading",
        /// A job works on it.
        Submitted = "SUBMITTED": "Submitted",
        /// Its job ended.
        Done = "DONE": "Done",
        /// It was given up before it was submitted.
        Cancelled = "CANCELLED": "Cancelled",
    }
);

/// A folder below a profile's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingest {
    /// The folder's own name.
    pub id: IngestId,
    /// The profile.
    pub profile: ProfileId,
    /// What staff call it.
    pub name: String,
    /// The keys of its objects start with this; ends in `/`.
    pub folder: String,
    /// How far it is.
    pub status: IngestStatus,
    /// Whether the folder holds `.lock`, which says that files are still coming.
    pub locked: bool,
    /// The job that works, or worked last, on it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub job: Option<JobId>,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// How many times it was written.
    pub version: u64,
}

/// The name of the object that says "still loading; skip this folder".
pub const LOCK: &str = ".lock";
/// Endings of objects that are the picture of the object beside them and no file of their own (T2).
pub const THUMBNAIL_ENDINGS: [&str; 2] = [".thumb", ".clientThumb"];
/// How many files one call signs.
pub const MAX_SIGNED_FILES: usize = 500;

/// Whether an object of a folder is part of the contract and not a file that someone could name.
pub fn is_marker(name: &str) -> bool {
    name == LOCK || THUMBNAIL_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_and_pictures_beside_files_are_no_files() {
        for marker in [".lock", "a/b.tif.thumb", "b.tif.clientThumb"] {
            assert!(is_marker(marker), "{marker}");
        }
        for file in ["a.lock", "a/.lock", "thumb", "b.thumb.tif"] {
            assert!(!is_marker(file), "{file}");
        }
    }
}
