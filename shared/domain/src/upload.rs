//! Uploads: an intent exists before a URL is handed out, and says what may become of the bytes (walk 1).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coded;
use crate::ids::{EventId, FileId, JobId, MmsId, RepId, UploadId, UserId};
use crate::library::LibraryCode;

const MIB: u64 = 1024 * 1024;
/// The largest file: S3's own limit of 5 TiB.
pub const MAX_FILE_BYTES: u64 = 5 * 1024 * 1024 * MIB;
/// The largest file sent in one PUT; larger ones go in parts.
pub const MAX_SINGLE_BYTES: u64 = 64 * MIB;
/// S3 takes at most this many parts.
pub const MAX_PARTS: u64 = 10_000;
/// The smallest part but the last that S3 takes is 5 MiB; ours are larger.
pub const MIN_PART_BYTES: u64 = 16 * MIB;
/// Presigned PUT and POST live this long, in seconds.
pub const URL_SECONDS: u64 = 15 * 60;
/// Presigned parts live this long, in seconds.
pub const PART_URL_SECONDS: u64 = 60 * 60;
/// The longest part list that one call signs.
pub const MAX_SIGNED_PARTS: usize = 100;

coded!(
    /// How the bytes come.
    UploadMethod, "upload method" {
        /// One presigned PUT.
        Put = "PUT": "Presigned PUT",
        /// A browser form.
        Form = "FORM": "Browser form POST",
        /// Presigned parts.
        Multipart = "MULTIPART": "Multipart",
        /// An object that staff put under `upload/` themselves: the vendor's way (D10).
        Staged = "STAGED": "Staged in the upload area",
        /// An object of an ingest's folder that a row of its metadata file names.
        Ingest = "INGEST": "Named by an import",
    }
);

impl UploadMethod {
    /// Whether the bytes lie where staff put them under a name of their own, and stay there when they are refused.
    pub fn is_staffs_own(self) -> bool {
        matches!(self, Self::Staged | Self::Ingest)
    }
}

coded!(
    /// What the bytes are for.
    UploadPurpose, "upload purpose" {
        /// They become a file of the representation.
        File = "FILE": "A new file",
        /// They become the thumbnail of a file that is there already (T4).
        Thumbnail = "THUMBNAIL": "The thumbnail of a file",
    }
);

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state")]
pub enum UploadState {
    /// Waiting for bytes, or for their event.
    #[serde(rename = "ISSUED")]
    Issued,
    /// A file was made of `version_id`.
    #[serde(rename = "REGISTERED")]
    Registered {
        /// The version of the source object that the file was made of.
        version_id: Option<String>,
    },
    /// The bytes were refused.
    #[serde(rename = "REJECTED")]
    Rejected {
        /// Why.
        reason: String,
    },
    /// No bytes came in time.
    #[serde(rename = "EXPIRED")]
    Expired,
    /// The caller gave up.
    #[serde(rename = "ABORTED")]
    Aborted,
}

impl UploadState {
    /// A stable word for the state.
    pub fn code(&self) -> &'static str {
        match self {
            UploadState::Issued => "ISSUED",
            UploadState::Registered { .. } => "REGISTERED",
            UploadState::Rejected { .. } => "REJECTED",
            UploadState::Expired => "EXPIRED",
            UploadState::Aborted => "ABORTED",
        }
    }
}

/// What the client promised about the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// The exact size; for a browser form, the most it may be.
    pub size_bytes: u64,
    /// The type it says it has; kept for the PUT's signature, never believed.
    pub mime: Option<String>,
    /// SHA-256 in lower-case hex.
    pub sha256: Option<String>,
}

/// A row of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRef {
    /// The job.
    pub job: JobId,
    /// The number of the row.
    pub number: u64,
}

/// An upload intent: the accession register's line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// What it is for.
    pub purpose: UploadPurpose,
    /// The file that it will become, minted once, with the intent; or the file whose thumbnail it will be.
    pub file: FileId,
    /// The representation that the file will belong to.
    pub representation: RepId,
    /// The title.
    pub mms_id: MmsId,
    /// The library that owns the representation.
    pub library: LibraryCode,
    /// Who asked for it.
    pub owner: UserId,
    /// The name of the file.
    pub file_name: String,
    /// The label it shall have.
    pub label: Option<String>,
    /// The place it shall have.
    pub order: Option<u32>,
    /// What the client promised.
    pub declared: Declared,
    /// How the bytes come.
    pub method: UploadMethod,
    /// The key in the incoming bucket where they arrive.
    pub source_key: String,
    /// The key where they will be kept, minted once, with the intent: in the content bucket, or for a thumbnail in the
    /// derivatives bucket.
    pub kept_key: String,
    /// S3's id of the multipart upload.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub multipart_id: Option<String>,
    /// The size of its parts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub part_bytes: Option<u64>,
    /// A picture that staff supplied beside a staged file (T2), in the incoming bucket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub supplied_thumbnail: Option<String>,
    /// How far a long registration has come.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checkpoint: Option<Checkpoint>,
    /// The outbox row that keeps watch over it; none for a file of an import, which its job watches over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub watch: Option<EventId>,
    /// The row of an import that names it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub row: Option<RowRef>,
    /// How far it is.
    #[serde(flatten)]
    pub state: UploadState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it is given up if no bytes came.
    pub expires_at: Timestamp,
    /// How many times it was written.
    pub version: u64,
}

/// Where the registration of a file too large for one invocation goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The version of the source object that is being read.
    pub version_id: Option<String>,
    /// How many of its bytes are hashed.
    pub hashed_bytes: u64,
    /// The hash functions' inner state, in hex.
    pub hash_state: String,
    /// The MIME type told from the first bytes, which are read once.
    pub mime: Option<String>,
    /// S3's id of the multipart copy into the content bucket.
    pub copy_id: Option<String>,
}

/// How the bytes of a file of `size_bytes` are split: `None` for one PUT, else the size of each part but the last.
///
/// Parts are whole MiB and at most [`MAX_PARTS`]; a caller's wish is honoured where S3 allows it.
///
/// # Errors
/// A sentence when the size or the wish can not be.
pub fn plan_parts(size_bytes: u64, wish_bytes: Option<u64>) -> Result<Option<u64>, String> {
    if size_bytes > MAX_FILE_BYTES {
        return Err(format!("must not be more than {MAX_FILE_BYTES} bytes (5 TiB)"));
    }
    if size_bytes <= MAX_SINGLE_BYTES && wish_bytes.is_none() {
        return Ok(None);
    }
    let least = size_bytes.div_ceil(MAX_PARTS).div_ceil(MIB).saturating_mul(MIB).max(MIN_PART_BYTES);
    match wish_bytes {
        None => Ok(Some(least)),
        Some(wish) if wish < 5 * MIB => Err("part size must be at least 5 MiB".to_owned()),
        Some(wish) if wish > 5 * 1024 * MIB => Err("part size must be at most 5 GiB".to_owned()),
        Some(wish) if size_bytes.div_ceil(wish) > MAX_PARTS => {
            Err(format!("part size must be at least {least} bytes, because S3 takes {MAX_PARTS} parts"))
        }
        Some(wish) => Ok(Some(wish)),
    }
}

/// The length of part `number` (from 1) of a file of `size_bytes` cut into parts of `part_bytes`.
pub fn part_length(size_bytes: u64, part_bytes: u64, number: u64) -> Option<u64> {
    let start = number.checked_sub(1)?.checked_mul(part_bytes)?;
    (part_bytes > 0 && start < size_bytes).then(|| part_bytes.min(size_bytes - start))
}

/// Judges stored bytes against what was promised (B16, B38).
///
/// # Errors
/// The reason that is kept and shown.
pub fn judge(upload: &Upload, size_bytes: u64, sha256: &str) -> Result<(), String> {
    let declared = &upload.declared;
    let size_fits = match upload.method {
        UploadMethod::Form => size_bytes <= declared.size_bytes,
        _ => size_bytes == declared.size_bytes,
    };
    if !size_fits {
        return Err(format!(
            "the stored object has {size_bytes} bytes where {} were promised",
            declared.size_bytes
        ));
    }
    if let Some(expected) = &declared.sha256
        && expected != sha256
    {
        return Err(format!("the stored bytes have SHA-256 {sha256} where {expected} was promised"));
    }
    Ok(())
}

/// Checks the digits of a SHA-256 and returns them in lower case.
///
/// # Errors
/// A sentence when it is not 64 hex digits.
pub fn normalise_sha256(text: &str) -> Result<String, &'static str> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err("must be 64 hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_up_to_five_tebibytes_fit_into_ten_thousand_parts() {
        assert_eq!(plan_parts(0, None), Ok(None));
        assert_eq!(plan_parts(MAX_SINGLE_BYTES, None), Ok(None));
        assert_eq!(plan_parts(MAX_SINGLE_BYTES + 1, None), Ok(Some(MIN_PART_BYTES)));
        assert_eq!(plan_parts(MAX_FILE_BYTES, None), Ok(Some(525 * MIB)));
        assert!(plan_parts(MAX_FILE_BYTES + 1, None).is_err());
        assert!(plan_parts(MAX_FILE_BYTES, Some(16 * MIB)).is_err());
        assert_eq!(plan_parts(MIB, Some(5 * MIB)), Ok(Some(5 * MIB)));
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_file(size in (MAX_SINGLE_BYTES + 1)..=MAX_FILE_BYTES) {
            let part = plan_parts(size, None).unwrap().unwrap();
            let count = size.div_ceil(part);
            prop_assert!(count <= MAX_PARTS);
            prop_assert!((5 * MIB..=5 * 1024 * MIB).contains(&part));
            let last = part_length(size, part, count).unwrap();
            prop_assert_eq!((count - 1) * part + last, size);
            prop_assert_eq!(part_length(size, part, count + 1), None);
            prop_assert_eq!(part_length(size, part, 0), None);
        }
    }

    #[test]
    fn sha256_is_compared_in_lower_case() {
        assert_eq!(normalise_sha256(&"AB".repeat(32)).unwrap(), "ab".repeat(32));
        assert!(normalise_sha256("ab").is_err());
        assert!(normalise_sha256(&"xy".repeat(32)).is_err());
    }
}
