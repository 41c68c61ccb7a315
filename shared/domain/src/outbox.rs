//! The outbox: what a change still owes.
//!
//! A row is written in the transaction of the change and stays **due** until the work is done, not until a message is
//! sent: whoever does the work removes the row in the transaction that records it. So a lost message, a lost event,
//! a worker that died and a waiting time are one mechanism: the sweep asks which rows are due (ADR 0002).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{
    CollectionId, EventId, ExportId, FileId, JobId, MmsId, PolicyId, ProfileId, PublishingId, RepId, SetId,
    UploadId, UserId,
};

/// What is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work")]
pub enum Work {
    /// Make a file's thumbnail; sent to the derivatives queue.
    #[serde(rename = "MAKE_DERIVATIVES")]
    MakeDerivatives {
        /// The file.
        file: FileId,
    },
    /// See whether the bytes of an upload came without their event, and give it up when its time is over.
    #[serde(rename = "WATCH_UPLOAD")]
    WatchUpload {
        /// The upload.
        upload: UploadId,
    },
    /// Purge a deleted title with all that went with it, when the time to take it back is over.
    #[serde(rename = "PURGE_TITLE", alias = "REMOVE_REPRESENTATIONS")]
    PurgeTitle {
        /// The title.
        mms_id: MmsId,
    },
    /// Purge a deleted representation with its files.
    #[serde(rename = "PURGE_REPRESENTATION", alias = "REMOVE_FILES")]
    PurgeRepresentation {
        /// The representation.
        representation: RepId,
    },
    /// Note which policies the representations of a title name, now that it was deleted or taken back.
    #[serde(rename = "NOTE_POLICY_USES")]
    NotePolicyUses {
        /// The title.
        mms_id: MmsId,
    },
    /// Take the titles out of a deleted collection.
    #[serde(rename = "EMPTY_COLLECTION")]
    EmptyCollection {
        /// The collection.
        collection: CollectionId,
    },
    /// Forget the members of a deleted set.
    #[serde(rename = "EMPTY_SET")]
    EmptySet {
        /// The set.
        set: SetId,
    },
    /// Go on with a job; sent to the queue of its kind.
    #[serde(rename = "RUN_JOB")]
    RunJob {
        /// The job.
        job: JobId,
    },
    /// Run an import profile at a planned instant, and plan the next one.
    #[serde(rename = "RUN_PROFILE")]
    RunProfile {
        /// The profile.
        profile: ProfileId,
    },
    /// Publish a title as it is now; sent to the queue `publish`.
    #[serde(rename = "PUBLISH")]
    Publish {
        /// The title.
        mms_id: MmsId,
    },
    /// Publish the titles whose representations name a policy; sent to the queue `publish`.
    #[serde(rename = "PUBLISH_POLICY")]
    PublishPolicy {
        /// The policy.
        policy: PolicyId,
    },
    /// Publish the titles of a collection and of those below it; sent to the queue `publish`.
    #[serde(rename = "PUBLISH_COLLECTION")]
    PublishCollection {
        /// The collection.
        collection: CollectionId,
    },
    /// Publish titles that came into an itemized set or left it; sent to the queue `publish`.
    #[serde(rename = "PUBLISH_MEMBERS")]
    PublishMembers {
        /// The set.
        set: SetId,
        /// The titles.
        titles: Vec<MmsId>,
    },
    /// Publish the titles of a set whose rule changed, and those that were in it; sent to the queue `publish`.
    #[serde(rename = "PUBLISH_SET")]
    PublishSet {
        /// The set.
        set: SetId,
    },
    /// Run a publishing profile at a planned instant, and plan the next one.
    #[serde(rename = "RUN_PUBLISHING")]
    RunPublishing {
        /// The profile.
        profile: PublishingId,
    },
    /// Run an export at a planned instant, and plan the next one.
    #[serde(rename = "RUN_EXPORT")]
    RunExport {
        /// The export.
        export: ExportId,
    },
    /// Have the files of a representation checked out of turn (E9).
    #[serde(rename = "CHECK_FILES")]
    CheckFiles {
        /// The representation.
        representation: RepId,
        /// Who asked.
        asked_by: UserId,
    },
    /// See whether a webhook has been told of everything; sent to the queue `deliveries` every few minutes.
    #[serde(rename = "DELIVER")]
    Deliver {
        /// The profile.
        profile: PublishingId,
    },
    /// Purge a deleted file, its bytes and pictures.
    #[serde(rename = "PURGE_FILE")]
    PurgeFile {
        /// The file.
        file: FileId,
    },
}

/// One row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// Its id.
    pub id: EventId,
    /// What is owed.
    #[serde(flatten)]
    pub work: Work,
    /// When to look at it next.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was written.
    pub created_at: Timestamp,
    /// How many times it was written.
    pub version: u64,
}

/// A span of whole seconds.
pub fn seconds(count: i64) -> jiff::SignedDuration {
    jiff::SignedDuration::from_secs(count)
}

/// A span of whole milliseconds.
pub fn milliseconds(count: i64) -> jiff::SignedDuration {
    jiff::SignedDuration::from_millis(count)
}

/// The number of shards that due rows are spread over.
pub const SHARDS: u8 = 16;

/// Seconds until a row that was tried `attempts` times is tried again: 2 minutes, doubling up to 6 hours.
pub fn retry_after_seconds(attempts: u32) -> i64 {
    (120_i64 << attempts.min(8)).min(6 * 3600)
}

/// After this many tries the work is recorded as failed instead of being tried for ever.
pub const MAX_ATTEMPTS: u32 = 8;

/// Seconds after which an upload's bytes are looked for even though no event came (B5: 15 minutes at most).
pub const WATCH_SECONDS: i64 = 10 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_each_time_but_never_more_than_six_hours() {
        let waits: Vec<_> = (0..12).map(retry_after_seconds).collect();
        assert_eq!(&waits[..3], &[120, 240, 480]);
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(waits[11], 6 * 3600);
    }
}
