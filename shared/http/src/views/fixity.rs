//! What is known of files' fixity, and the report of files in trouble (E9).

use serde_json::{Value, json};
use vitrine_domain::fixity::{Fixity, FixityStatus, Seen};

use super::{Addresses, code, without_nulls};
use crate::wire::shape::{Shape, coded, count, object, text};

static SEEN: Shape =
    Shape { root: "seen", members: &[text("version_id"), count("size"), text("sha256"), text("crc64nvme")] };

pub static FIXITY: Shape = Shape {
    root: "fixity",
    members: &[
        coded("status"),
        text("checked_at"),
        text("healthy_at"),
        text("read_at"),
        text("since"),
        text("recovered_at"),
        text("due_at"),
        text("asked_by"),
        text("reason"),
        count("failed_readings"),
        count("read_so_far"),
        object("expected", &SEEN),
        object("found", &SEEN),
    ],
};

static FIXITY_FILE: Shape = Shape {
    root: "file",
    members: &[
        text("link").attribute(),
        text("pid"),
        text("representation_id"),
        text("mms_id"),
        coded("library"),
        text("file_name"),
        object("fixity", &FIXITY),
    ],
};

list_shape!(FIXITY_FILES: "fixity_report" of "file" FIXITY_FILE);

/// The state of one file.
pub fn fixity(found: &Fixity) -> Value {
    let at = |at: Option<vitrine_domain::Timestamp>| at.map(|at| at.to_string());
    let reading = found.reading.as_ref();
    without_nulls(json!({
        "status": code(found.status),
        "checked_at": at(found.checked_at),
        "healthy_at": at(found.healthy_at),
        "read_at": at(found.read_at),
        "since": at(found.since),
        "recovered_at": at(found.recovered_at),
        "due_at": at(found.due_at),
        "asked_by": found.asked_by.as_ref().map(|by| by.as_str()),
        "reason": found.reason,
        "failed_readings": (found.failures > 0).then_some(found.failures),
        "read_so_far": reading.map(|reading| reading.hashed_bytes),
        "expected": found.expected.as_ref().map(seen),
        "found": found.found.as_ref().filter(|_| found.status != FixityStatus::Missing).map(seen),
    }))
}

fn seen(seen: &Seen) -> Value {
    without_nulls(json!({
        "version_id": seen.version_id,
        "size": seen.size_bytes,
        "sha256": seen.sha256,
        "crc64nvme": seen.crc64nvme,
    }))
}

impl Addresses {
    /// One line of the report.
    pub fn fixity_file(&self, found: &Fixity) -> Value {
        json!({
            "link": self.file_link(&found.mms_id, &found.representation, &found.file),
            "pid": found.file.as_str(),
            "representation_id": found.representation.as_str(),
            "mms_id": found.mms_id.as_str(),
            "library": { "value": found.library.as_str() },
            "file_name": found.file_name,
            "fixity": fixity(found),
        })
    }
}
