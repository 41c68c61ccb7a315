//! Deleting: metadata first, bytes later (B18, design of reliability.md C.8).
//!
//! A deleted thing keeps its item with a [`Removal`], disappears from every list at once, and its bytes are purged
//! when the time to recover has passed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coded;
use crate::ids::UserId;

/// How long a deleted file's bytes are kept, in days.
pub const KEEP_DELETED_DAYS: i64 = 30;

/// When and by whom something was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Who deleted it.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// When its bytes may go.
    pub purge_after: Timestamp,
    /// When its bytes went; `None` while they are kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purged_at: Option<Timestamp>,
}

impl Removal {
    /// A removal now, with bytes kept for [`KEEP_DELETED_DAYS`].
    pub fn new(by: &UserId, at: Timestamp) -> Self {
        let keep = jiff::SignedDuration::from_hours(24 * KEEP_DELETED_DAYS);
        Self { by: by.clone(), at, purge_after: at.saturating_add(keep).unwrap_or(at), purged_at: None }
    }
}

coded!(
    /// What becomes of a title whose last representation goes: the vendor's `bibs` option.
    EmptiedBib, "bibs" {
        /// It stays as it is.
        Retain = "retain": "Retain",
        /// It is suppressed.
        Suppress = "suppress": "Suppress",
        /// It is deleted.
        Delete = "delete": "Delete",
    }
);

coded!(
    /// What becomes of a representation whose last file goes: the vendor's `representations` option.
    EmptiedRepresentation, "representations" {
        /// It stays, empty.
        Retain = "retain": "Retain",
        /// It is deleted.
        Delete = "delete": "Delete",
    }
);
