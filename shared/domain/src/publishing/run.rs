//! A run of a publishing profile: a job that looks at every title it may concern, page by page, and then writes files.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::PublishingId;
use crate::publishing::published::LOG_SHARDS;

/// A run: what it is about, where it is, what it counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishRun {
    /// The profile.
    pub profile: PublishingId,
    /// Whether files hold everything, and not only what changed since the run before.
    pub full: bool,
    /// When it was asked for: rows of the log from before are looked at again.
    pub asked_at: Timestamp,
    /// Where it is.
    pub step: PublishStep,
    /// What it counted.
    #[serde(default)]
    pub counts: PublishCounts,
    /// The files that are written.
    #[serde(default)]
    pub files: Vec<PartFile>,
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step")]
pub enum PublishStep {
    /// Looking at titles.
    #[serde(rename = "TITLES")]
    Titles {
        /// Where the walk over them goes on.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        after: Option<String>,
    },
    /// Looking at what is out and may not belong there any more.
    #[serde(rename = "REST")]
    Rest {
        /// The shard of the log.
        shard: u8,
        /// Where the log goes on.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        after: Option<String>,
    },
    /// Writing files of what the log holds from one instant to another.
    #[serde(rename = "FILES")]
    Files(FilesStep),
    /// Sending the files to a server outside.
    #[serde(rename = "SEND")]
    Send(SendStep),
    /// Nothing is left to do.
    #[serde(rename = "END")]
    End,
}

/// Where the writing of files is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesStep {
    /// What changed from this second on; none for everything.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<Timestamp>,
    /// What changed up to this second.
    pub until: Timestamp,
    /// The shard of the log.
    pub shard: u8,
    /// Where the log goes on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<String>,
    /// How many parts are written.
    pub parts: u32,
}

/// Where the sending of files is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendStep {
    /// How many files are there: the next one is sent, the manifest behind the others.
    pub file: u32,
    /// How often in a row that failed.
    pub failures: u32,
}

/// A file of a run.
///
/// Its name is that of the object in the run's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFile {
    /// Its name in the run's folder.
    pub name: String,
    /// How many records it holds, deleted ones included.
    pub records: u64,
    /// How many of those are deleted.
    pub deleted: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// How many titles ended how. Together they are the titles that were looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PublishCounts {
    /// Put out, or put out anew.
    pub published: u64,
    /// Put out as deleted.
    pub withdrawn: u64,
    /// As it was.
    pub unchanged: u64,
    /// Could not be written in a format.
    pub failed: u64,
}

impl PublishCounts {
    /// How many titles were looked at.
    pub fn titles(&self) -> u64 {
        self.published + self.withdrawn + self.unchanged + self.failed
    }

    /// Each counter with its wire name.
    pub fn entries(&self) -> [(&'static str, u64); 4] {
        [
            ("published", self.published),
            ("withdrawn", self.withdrawn),
            ("unchanged", self.unchanged),
            ("failed", self.failed),
        ]
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Self) {
        self.published += other.published;
        self.withdrawn += other.withdrawn;
        self.unchanged += other.unchanged;
        self.failed += other.failed;
    }
}

impl PublishRun {
    /// Percent done, by the steps and the shards of the log. How many titles there will be, nobody knows.
    pub fn progress(&self) -> u8 {
        match &self.step {
            PublishStep::Titles { after: None } => 0,
            PublishStep::Titles { .. } => 35,
            PublishStep::Rest { shard, .. } => 70 + shard.saturating_mul(4).min(15),
            PublishStep::Files(files) => 85 + (files.shard.min(LOG_SHARDS) * 3).min(11),
            PublishStep::Send(_) => 97,
            PublishStep::End => 99,
        }
    }
}
