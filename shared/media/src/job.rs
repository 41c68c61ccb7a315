//! What parent and child say to each other: one JSON job on standard input, one JSON answer on standard output.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::request::{Facts, FailureCode, Thumbnail, Usage};

/// Environment variable that makes a re-executed program a decoding child. Only `spawn.rs` sets it.
pub(crate) const CHILD_VARIABLE: &str = "VITRINE_MEDIA_CHILD";

/// A program outside this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tool {
    Ffmpeg,
    Soffice,
}

/// Everything the child needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub source: PathBuf,
    pub mime: String,
    pub sizes: Vec<u32>,
    pub out_dir: PathBuf,
    /// Throwaway folder; the parent removes it after the child's end
    pub work_dir: PathBuf,
    /// The program this child may start, if any: `None` for our own decoders, which may start nothing
    pub tool: Option<(Tool, PathBuf)>,
    pub wanted: Wanted,
}

/// What is to be made of a source.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wanted {
    Thumbnails,
    /// A copy with a text on it
    Marked(Mark),
    /// Its text, in this file
    Text(PathBuf),
}

/// What is written on a copy. It names a patron: nothing prints it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub text: String,
    /// The longest side of a picture
    pub long_side: u32,
    /// The file that receives the copy
    pub out: PathBuf,
}

impl std::fmt::Debug for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mark").field("long_side", &self.long_side).finish_non_exhaustive()
    }
}

/// What the child says at its end. A child that died says nothing.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    Made {
        thumbnails: Vec<Thumbnail>,
        facts: Facts,
        usage: Usage,
    },
    Marked {
        mime: String,
        size_bytes: u64,
        usage: Usage,
    },
    /// `size_bytes` of text; none is no text
    Read {
        size_bytes: u64,
        cut: bool,
        usage: Usage,
    },
    Unsupported {
        reason: String,
    },
    Failed {
        code: FailureCode,
        reason: String,
    },
    /// Our own code has nothing for this file; the tool may.
    Needs {
        tool: Tool,
        reason: String,
    },
}
