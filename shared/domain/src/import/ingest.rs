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

/// Checks the name of a file inside a folder: a relative path, as a metadata file may spell it (B23).
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_relative_path(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("must not be empty");
    }
    if path.len() > 800 {
        return Err("must not be longer than 800 bytes");
    }
    if path.chars().any(char::is_control) {
        return Err("must not hold control characters");
    }
    if path.contains('\\') {
        return Err("must separate folders by `/`");
    }
    if path.starts_with('/') {
        return Err("must be relative to the folder");
    }
    let escaped = path.to_ascii_lowercase();
    if escaped.contains("%2e")
        || escaped.contains("%2f")
        || escaped.contains("%5c")
        || escaped.contains("%00")
    {
        return Err("must not hold escaped dots or slashes");
    }
    if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return Err("must not hold empty, `.` or `..` parts");
    }
    Ok(())
}

/// Whether an object of a folder is part of the contract and not a file that someone could name.
pub fn is_marker(name: &str) -> bool {
    name == LOCK || THUMBNAIL_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b23_paths_stay_inside_their_folder() {
        for good in ["a.tif", "hi/p 1.tif", "ü/ß.tif", "a..b/c", "50%.tif", ".hidden/x"] {
            assert_eq!(check_relative_path(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "../a",
            "a/../b",
            "a/./b",
            "a//b",
            "a/",
            "..\\a",
            "a\\b",
            "%2e%2e/a",
            "a%2Fb",
            "a\0b",
            "a\nb",
        ] {
            assert!(check_relative_path(bad).is_err(), "{bad}");
        }
    }
}
