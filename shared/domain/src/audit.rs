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
        /// The sweep, which repairs what an event should have done (B5).
        Sweep = "SWEEP": "Sweep",
        /// The operator's own tool, before there is a user.
        Operator = "OPERATOR": "Operator",
    }
);

/// One row of the audit table, which only grows.
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
    /// The request or message that it was part of.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
    /// The fields that changed, as they were; JSON.
    pub before: Option<String>,
    /// The fields that changed, as they are; JSON.
    pub after: Option<String>,
}
