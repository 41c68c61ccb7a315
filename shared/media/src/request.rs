//! What a caller asks for and what it gets back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A wish for thumbnails of one file on disk.
#[derive(Debug, Clone)]
pub struct ThumbnailRequest {
    /// The file, readable by this process; never written
    pub source: PathBuf,
    /// MIME type as [`crate::identify`] judged it
    pub media_type: String,
    /// Wanted long sides in pixels, for example `[200, 1024]`
    pub sizes: Vec<u32>,
    /// Existing folder that receives one file per size, `<size>.jpg`
    pub out_dir: PathBuf,
}

/// How a request for thumbnails ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum ThumbnailOutcome {
    /// Every wanted size is on disk.
    Made {
        /// One entry a wanted size, in the order asked
        thumbnails: Vec<Thumbnail>,
        /// What the decoder learned about the source on the way
        facts: Facts,
        /// What the child process used
        usage: Usage,
    },
    /// Nothing can draw this file here; the type icon stands in. Trying again cannot help.
    Unsupported {
        /// Why, for a person
        reason: String,
    },
    /// The file should have been drawable and was not.
    Failed {
        /// Stable class of the failure
        code: FailureCode,
        /// Why, for a person
        reason: String,
        /// Whether the same request may succeed later
        retryable: bool,
    },
}

/// The largest file of which a marked copy is made. Source: media.md, "hostile input".
pub const MAX_MARKED_BYTES: u64 = 64 << 20;
/// The most pages of a document of which a marked copy is made.
pub const MAX_MARKED_PAGES: u32 = 300;

/// What a marked copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkedAs {
    /// A JPEG; of several pictures in one file, the first
    Picture,
    /// A PDF with all pages
    Document,
}

impl MarkedAs {
    /// MIME type of the copy
    pub fn mime(self) -> &'static str {
        match self {
            Self::Picture => "image/jpeg",
            Self::Document => "application/pdf",
        }
    }
}

/// Tells what a marked copy of a file of this MIME type is; `None` where none can be made.
pub fn marked_as(mime: &str) -> Option<MarkedAs> {
    match mime {
        "image/jpeg"
        | "image/png"
        | "image/gif"
        | "image/webp"
        | "image/bmp"
        | "image/jp2"
        | "image/x-jp2-codestream"
        | "image/tiff"
        | "image/svg+xml" => Some(MarkedAs::Picture),
        "application/pdf" => Some(MarkedAs::Document),
        _ => None,
    }
}

/// A wish for a copy of one file on disk with a text laid over it.
#[derive(Clone)]
pub struct MarkRequest {
    /// The file, readable by this process; never written
    pub source: PathBuf,
    /// MIME type as [`crate::identify`] judged it
    pub media_type: String,
    /// What is written on the copy
    pub text: String,
    /// The longest side of a picture in pixels, 1 to 8192
    pub long_side: u32,
    /// The file that receives the copy, in a folder of its own that exists
    pub out: PathBuf,
}

impl std::fmt::Debug for MarkRequest {
    /// The text names a patron, and is not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MarkRequest").field("media_type", &self.media_type).finish_non_exhaustive()
    }
}

/// How a request for a marked copy ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum MarkOutcome {
    /// It is on disk.
    Made {
        /// MIME type of the copy
        mime: String,
        /// Its size
        size_bytes: u64,
        /// What the child process used
        usage: Usage,
    },
    /// This file can not be marked, now or later.
    Impossible {
        /// Why, for a person
        reason: String,
    },
    /// The machine failed; the same request may succeed later.
    Failed {
        /// Why, for a person
        reason: String,
    },
}

/// The most text that is kept of one file, in bytes: a thousand pages are about three million.
pub const MAX_TEXT_BYTES: usize = 8 << 20;

/// Whether a file of this MIME type, which is no text itself, may hold text that [`crate::read_text`] reads: PDF, and the
/// XML and HTML in which OCR is written.
pub fn may_hold_text(mime: &str) -> bool {
    matches!(mime, "application/pdf" | "application/xml" | "text/xml" | "application/xhtml+xml" | "text/html")
}

/// A wish for the text of one file on disk.
#[derive(Debug, Clone)]
pub struct TextRequest {
    /// The file, readable by this process; never written
    pub source: PathBuf,
    /// MIME type as [`crate::identify`] judged it
    pub media_type: String,
    /// The file that receives the text, in a folder of its own that exists
    pub out: PathBuf,
}

/// How a request for text ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TextOutcome {
    /// It is on disk.
    Read {
        /// Its size
        size_bytes: u64,
        /// Whether there was more than is kept
        cut: bool,
        /// What the child process used
        usage: Usage,
    },
    /// There is no text in it.
    Nothing,
    /// Nothing here reads text from such a file.
    Unsupported {
        /// Why, for a person
        reason: String,
    },
    /// The file should have been readable and was not.
    Failed {
        /// Stable class of the failure
        code: FailureCode,
        /// Why, for a person
        reason: String,
        /// Whether the same request may succeed later
        retryable: bool,
    },
}

/// Stable class of a failure, stored with the file and shown to staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureCode {
    /// The bytes are damaged or are not what they claim
    ThumbBroken,
    /// Declared size, memory, CPU or output size went over a limit
    ThumbLimit,
    /// The decoding process died or panicked
    ThumbCrash,
    /// Wall-clock time ran out
    ThumbTimeout,
    /// ffmpeg or LibreOffice gave up on the file
    ThumbTool,
    /// The machine failed, not the file: no process, no disk, unreadable source
    ThumbIo,
}

impl FailureCode {
    /// The code as it is stored and shown, for example `THUMB_LIMIT`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ThumbBroken => "THUMB_BROKEN",
            Self::ThumbLimit => "THUMB_LIMIT",
            Self::ThumbCrash => "THUMB_CRASH",
            Self::ThumbTimeout => "THUMB_TIMEOUT",
            Self::ThumbTool => "THUMB_TOOL",
            Self::ThumbIo => "THUMB_IO",
        }
    }

    /// The code as it is stored and shown where text was to be read, for example `TEXT_LIMIT`.
    pub fn of_text(self) -> String {
        self.as_str().replace("THUMB", "TEXT")
    }
}

/// One picture on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// The long side that was asked for; the picture is smaller when its source is
    pub long_side: u32,
    /// Width in pixels
    pub width: u32,
    /// Height in pixels
    pub height: u32,
    /// MIME type of the picture
    pub mime: String,
    /// Where it is
    pub path: PathBuf,
    /// Its size
    pub size_bytes: u64,
}

/// Technical facts that fall out of decoding; `None` where the format or the decoder does not say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Width of the source in pixels, before orientation
    pub width: Option<u32>,
    /// Height of the source in pixels, before orientation
    pub height: Option<u32>,
    /// Pages, slides or images in the file
    pub pages: Option<u32>,
    /// Playing time
    pub duration_ms: Option<u64>,
    /// What was damaged in a file of which a picture could still be made; worth showing to staff
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

/// What the child process used, its helpers included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// User CPU time
    pub user_cpu_ms: u64,
    /// Largest resident set of any one process
    pub peak_rss_bytes: u64,
}

/// Programs outside this crate and the time they may take. Absent programs make their formats unsupported.
#[derive(Debug, Clone)]
pub struct Tools {
    /// ffmpeg, for video and for sound in codecs that this crate does not decode
    pub ffmpeg: Option<PathBuf>,
    /// LibreOffice, for office documents without an embedded preview
    pub soffice: Option<PathBuf>,
    /// Program to start as the decoding child; `None` starts the running program again
    pub child_program: Option<PathBuf>,
    /// Wall-clock limit of our own decoders
    pub decoder_wall: Duration,
    /// Wall-clock limit of a job that runs ffmpeg
    pub ffmpeg_wall: Duration,
    /// Wall-clock limit of a job that runs LibreOffice
    pub soffice_wall: Duration,
}

impl Default for Tools {
    fn default() -> Self {
        Self {
            ffmpeg: None,
            soffice: None,
            child_program: None,
            decoder_wall: Duration::from_secs(10),
            ffmpeg_wall: Duration::from_secs(30),
            soffice_wall: Duration::from_secs(90),
        }
    }
}

impl Tools {
    /// Looks for the programs on `PATH`.
    pub fn from_path() -> Self {
        Self { ffmpeg: on_path("ffmpeg"), soffice: on_path("soffice"), ..Self::default() }
    }

    /// Takes configured programs first and looks on `PATH` for those not configured.
    pub fn from_configuration(ffmpeg: Option<PathBuf>, soffice: Option<PathBuf>) -> Self {
        let found = Self::from_path();
        Self { ffmpeg: ffmpeg.or(found.ffmpeg.clone()), soffice: soffice.or(found.soffice.clone()), ..found }
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
