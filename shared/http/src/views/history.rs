//! What happened to a thing, and what verifies that nothing of it was changed (D24).

use serde_json::{Map, Value, json};
use vitrine_app::seal::SealView;
use vitrine_domain::audit::AuditRow;
use vitrine_store::audit::StoredRow;

use super::{code, without_nulls};
use crate::wire::query::cursor;
use crate::wire::shape::{Shape, coded, count, object, text};

pub static CHANGED: Shape = Shape { root: "field", members: &[text("name"), text("before"), text("after")] };

pub static EVENT: Shape = Shape {
    root: "event",
    members: &[
        text("id"),
        text("at"),
        text("action"),
        text("user_id"),
        coded("origin"),
        text("request_id"),
        object("field", &CHANGED).many(),
        text("before_sha256"),
        text("after_sha256"),
    ],
};

pub static HISTORY: Shape =
    Shape { root: "history", members: &[text("next").attribute(), object("event", &EVENT).many()] };

/// A page of a history.
pub fn history(rows: &[AuditRow], next: Option<&str>) -> Value {
    without_nulls(json!({ "event": rows.iter().map(event).collect::<Vec<_>>(), "next": next.map(cursor) }))
}

fn event(row: &AuditRow) -> Value {
    without_nulls(json!({
        "id": row.id.as_str(),
        "at": row.at.to_string(),
        "action": row.action,
        "user_id": row.actor.as_str(),
        "origin": code(row.origin),
        "request_id": row.request_id,
        "field": changed(row),
        "before_sha256": row.before_sha256,
        "after_sha256": row.after_sha256,
    }))
}

/// The fields that changed, by name; a text as it is, anything else as JSON.
fn changed(row: &AuditRow) -> Vec<Value> {
    let side = |text: &Option<String>| -> Map<String, Value> {
        text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let (before, after) = (side(&row.before), side(&row.after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let spelled = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Value::Null,
        Some(Value::String(text)) => json!(text),
        Some(other) => json!(other.to_string()),
    };
    let fields = names.into_iter().map(|name| {
        without_nulls(json!({
            "name": name,
            "before": spelled(before.get(name)),
            "after": spelled(after.get(name)),
        }))
    });
    fields.collect()
}

pub static SEALED_LIST: Shape = Shape { root: "list", members: &[count("shard"), text("link")] };

pub static SEAL: Shape = Shape {
    root: "manifest",
    members: &[text("hour"), text("sha256"), text("link"), object("list", &SEALED_LIST).many()],
};

pub static SEALS: Shape =
    Shape { root: "manifests", members: &[text("next").attribute(), object("manifest", &SEAL).many()] };

/// A page of seals.
pub fn seals(found: &[SealView], next: Option<&str>) -> Value {
    let views: Vec<Value> = found
        .iter()
        .map(|seal| {
            let lists: Vec<Value> =
                seal.lists.iter().map(|(shard, link)| json!({ "shard": shard, "link": link })).collect();
            json!({ "hour": seal.hour, "sha256": seal.sha256, "link": seal.link, "list": lists })
        })
        .collect();
    without_nulls(json!({ "manifest": views, "next": next.map(cursor) }))
}

pub static AUDIT_ROW: Shape = Shape { root: "row", members: &[text("key"), text("subject"), text("record")] };

pub static AUDIT_ROWS: Shape =
    Shape { root: "rows", members: &[text("next").attribute(), object("row", &AUDIT_ROW).many()] };

/// A page of audit rows as they are stored.
pub fn audit_rows(found: &[StoredRow], next: Option<&str>) -> Value {
    let views: Vec<Value> = found
        .iter()
        .map(|row| json!({ "key": row.key, "subject": row.subject, "record": row.record }))
        .collect();
    without_nulls(json!({ "row": views, "next": next.map(cursor) }))
}
