//! The audit row: who did what to what, when, before and after (D24).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coded;
use crate::ids::{EventId, UserId};

coded!(
    /// What set a change off.
    Origin, "origin" {
        /// A call of the API.
        Api = "API": "API call",
        /// An event of the object store.
        Event = "EVENT": "Storage event",
        /// A job, such as an import; the row's request is the job.
        Job = "JOB": "Job",
        /// The sweep, which repairs what an event should have done (B5).
        Sweep = "SWEEP": "Sweep",
        /// The operator's own tool, before there is a user.
        Operator = "OPERATOR": "Operator",
    }
);

/// One row of the audit table, which only grows. A change of several things writes one for each, with one id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// The event; also the id of the transaction.
    pub id: EventId,
    /// The kind and id of what changed, for example `FILE#13…`.
    pub subject: String,
    /// What was done, as a dotted word, for example `file.register`.
    pub action: String,
    /// Who did it.
    pub actor: UserId,
    /// What set it off.
    pub origin: Origin,
    /// The request, message or job that it was part of.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
    /// The fields that changed, as they were; JSON.
    pub before: Option<String>,
    /// The fields that changed, as they are; JSON.
    pub after: Option<String>,
    /// SHA-256 of the whole thing as it was, but for its version.
    #[serde(default)]
    pub before_sha256: Option<String>,
    /// The same as it is: what the next row of the thing says was before.
    #[serde(default)]
    pub after_sha256: Option<String>,
}

/// The two sides of a change of one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sides {
    /// The fields that changed, as they were; JSON.
    pub before: Option<String>,
    /// The fields that changed, as they are; JSON.
    pub after: Option<String>,
    /// SHA-256 of the whole thing as it was.
    pub before_sha256: Option<String>,
    /// SHA-256 of the whole thing as it is.
    pub after_sha256: Option<String>,
}

impl AuditRow {
    /// The same change, told of another thing.
    pub fn of(&self, subject: String, sides: Sides) -> Self {
        let Sides { before, after, before_sha256, after_sha256 } = sides;
        Self { subject, before, after, before_sha256, after_sha256, ..self.clone() }
    }
}
