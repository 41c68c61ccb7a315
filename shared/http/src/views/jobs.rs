//! Jobs and their rows, in the vendor's words (domain.md 6.4, monitoring).

use serde_json::{Value, json};
use vitrine_domain::Timestamp;
use vitrine_domain::bulk::BulkAction;
use vitrine_domain::import::row::RowResult;
use vitrine_domain::job::{Job, JobWork};
use vitrine_domain::set::TitleScope;
use vitrine_store::objects::SignedRequest;

use super::{Addresses, code, without_nulls};
use crate::wire::shape::{Shape, coded, count, flag, object, text};

static COUNTER: Shape = Shape { root: "counter", members: &[coded("type"), count("value")] };

pub static JOB: Shape = Shape {
    root: "job",
    members: &[
        text("link").attribute(),
        text("id"),
        text("name"),
        coded("kind"),
        coded("status"),
        text("reason"),
        count("progress"),
        flag("dry_run"),
        flag("stopping"),
        count("attempt"),
        text("profile_id"),
        text("ingest_id"),
        text("undoes"),
        text("export_id"),
        text("set_id"),
        text("into_set_id"),
        object("counter", &COUNTER).many(),
        text("submitted_by"),
        text("submit_time"),
        text("start_time"),
        text("end_time"),
        text("estimated_end_time"),
    ],
};

static CHANGE: Shape = Shape {
    root: "change",
    members: &[
        coded("library"),
        coded("usage_type"),
        coded("active"),
        text("label"),
        text("public_note"),
        text("note"),
        coded("access_rights_policy_id"),
        text("clear").many(),
    ],
};

/// A job over a set as a client asks for it (E5, E7, C11, C12, T5).
pub static JOB_ORDER: Shape = Shape {
    root: "job",
    members: &[
        coded("kind"),
        text("name"),
        coded("set"),
        text("mms_id").many(),
        flag("everything"),
        object("change", &CHANGE),
        coded("from_collection"),
        coded("to_collection"),
        flag("override"),
        coded("bibs"),
        flag("all"),
        coded("into_set"),
    ],
};

list_shape!(JOBS: "jobs" of "job" JOB);

static DIFFERENCE: Shape =
    Shape { root: "difference", members: &[text("field"), text("before").many(), text("after").many()] };

pub static ROW: Shape = Shape {
    root: "row",
    members: &[
        count("number"),
        coded("outcome"),
        text("code"),
        text("message"),
        text("warning").many(),
        text("group"),
        text("mms_id"),
        text("member"),
        text("candidate").many(),
        text("representation_id").many(),
        count("file_count"),
        count("files_there"),
        count("files_refused"),
        count("bytes"),
        text("decision"),
        object("difference", &DIFFERENCE).many(),
        text("time"),
    ],
};

pub static ROWS: Shape =
    Shape { root: "rows", members: &[text("next").attribute(), object("row", &ROW).many()] };

pub static LINK: Shape = Shape { root: "report", members: &[text("url"), text("expires")] };

impl Addresses {
    /// A job as it is at `now`.
    pub fn job(&self, found: &Job, now: Timestamp) -> Value {
        let counters: Vec<(&str, u64)> = match &found.work {
            JobWork::Publish(run) => {
                let mut counters = vec![("titles", run.counts.titles())];
                counters.extend(run.counts.entries());
                counters.extend([
                    ("files", run.files.len() as u64),
                    ("records", run.files.iter().map(|file| file.records).sum()),
                ]);
                counters
            }
            JobWork::Export(run) => {
                let written = &run.written;
                vec![
                    ("titles", written.titles),
                    ("representations", written.representations),
                    ("files", written.files),
                    ("written_files", u64::from(written.parts)),
                    ("copied_files", written.copied),
                    ("payload_bytes", written.bytes),
                    ("left_out", written.left_out),
                ]
            }
            JobWork::Import(_) | JobWork::Undo(_) | JobWork::Bulk(_) => {
                let mut counters = vec![("rows", found.rows)];
                counters.extend(found.tally.entries());
                counters
            }
        };
        let counters: Vec<Value> = counters
            .into_iter()
            .map(|(name, value)| json!({ "type": { "value": name }, "value": value }))
            .collect();
        let (profile, ingest, dry_run, undoes) = match &found.work {
            JobWork::Import(run) => {
                (Some(run.profile.as_str()), Some(run.ingest.as_str()), Some(run.dry_run), None)
            }
            JobWork::Undo(run) => (None, None, None, Some(run.of.as_str())),
            JobWork::Publish(run) => (Some(run.profile.as_str()), None, None, None),
            JobWork::Export(_) => (None, None, None, None),
            JobWork::Bulk(run) => (None, None, Some(run.preview), None),
        };
        let (set, into) = match &found.work {
            JobWork::Bulk(run) => {
                let set = match &run.scope {
                    TitleScope::Set { set } => Some(set.id.as_str()),
                    TitleScope::Everything | TitleScope::Ids { .. } | TitleScope::Rule { .. } => None,
                };
                let into = match &run.action {
                    BulkAction::Itemize { into } if !run.preview => into.as_ref().map(|id| id.as_str()),
                    _ => None,
                };
                (set, into)
            }
            _ => (None, None),
        };
        let export = match &found.work {
            JobWork::Export(run) => Some(run.export.as_str()),
            _ => None,
        };
        without_nulls(json!({
            "link": format!("{}/conf/jobs/{}", self.api, found.id),
            "id": found.id.as_str(),
            "name": found.name,
            "kind": code(found.work.kind()),
            "status": code(found.status),
            "reason": found.reason,
            "progress": found.progress(),
            "dry_run": dry_run,
            "stopping": found.stopping.then_some(true),
            "attempt": found.attempt,
            "profile_id": profile,
            "ingest_id": ingest,
            "undoes": undoes,
            "export_id": export,
            "set_id": set,
            "into_set_id": into,
            "counter": counters,
            "submitted_by": found.submitted_by.as_str(),
            "submit_time": found.submitted_at.to_string(),
            "start_time": found.started_at.map(|at| at.to_string()),
            "end_time": found.ended_at.map(|at| at.to_string()),
            "estimated_end_time": found.estimated_end(now).map(|at| at.to_string()),
        }))
    }
}

/// A row of a job.
pub fn row(found: &RowResult) -> Value {
    let differences: Option<Value> =
        found.differences.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let ids: Vec<&str> = found.representations.iter().map(|id| id.as_str()).collect();
    let candidates: Vec<&str> = found.candidates.iter().map(|id| id.as_str()).collect();
    let decision = found.decision.as_ref().and_then(|decision| serde_json::to_value(decision).ok());
    let decision = decision.and_then(|decision| decision.get("decision").cloned());
    without_nulls(json!({
        "number": found.number,
        "outcome": code(found.outcome),
        "code": found.code,
        "message": found.message,
        "warning": some(&found.warnings),
        "group": found.group,
        "mms_id": found.mms_id.as_ref().map(|id| id.as_str()),
        "member": found.member,
        "candidate": some(&candidates),
        "representation_id": some(&ids),
        "file_count": found.files,
        "files_there": found.files_there,
        "files_refused": found.files_refused,
        "bytes": found.bytes,
        "decision": decision,
        "difference": differences,
        "time": found.at.to_string(),
    }))
}

fn some<T: serde::Serialize>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}

/// A signed link to a report.
pub fn report(link: &SignedRequest) -> Value {
    json!({ "url": link.url, "expires": link.expires_at.to_string() })
}
