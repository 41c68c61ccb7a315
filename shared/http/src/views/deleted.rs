//! What was deleted and may be taken back (E6).

use serde_json::{Value, json};
use vitrine_app::restore::Found;
use vitrine_domain::removal::{DeletedId, Deletion, RemovalState};

use super::{Addresses, code, without_nulls};
use crate::wire::query::cursor;
use crate::wire::shape::{Shape, coded, object, text};

static FIRST: Shape =
    Shape { root: "restore_first", members: &[text("link").attribute(), coded("type"), text("id")] };

pub static DELETED: Shape = Shape {
    root: "deleted",
    members: &[
        text("link").attribute(),
        text("id"),
        coded("type"),
        coded("status"),
        text("mms_id"),
        text("representation_id"),
        text("pid"),
        coded("library"),
        text("title"),
        text("label"),
        text("deleted_by"),
        text("deleted_at"),
        text("restorable_until"),
        object("restore_first", &FIRST),
        text("collection_gone").many(),
        text("access_rights_policy_gone"),
    ],
};

pub static DELETED_LIST: Shape =
    Shape { root: "deleted_list", members: &[text("next").attribute(), object("deleted", &DELETED).many()] };

impl Addresses {
    fn deleted_link(&self, id: impl std::fmt::Display) -> String {
        format!("{}/conf/deleted/{id}", self.api)
    }

    /// A page of what can be taken back.
    pub fn deleted_list(&self, found: &[Deletion], next: Option<&str>) -> Value {
        let lines: Vec<Value> = found.iter().map(|it| without_nulls(self.deletion(it))).collect();
        without_nulls(json!({ "deleted": lines, "next": next.map(cursor) }))
    }

    /// One thing, as it is now.
    pub fn deleted(&self, found: &Found) -> Value {
        let until = (found.state == RemovalState::Restorable).then_some(found.deletion.until);
        let now = json!({
            "status": code(found.state),
            "restorable_until": until.map(|until| until.to_string()),
            "restore_first": found.first.as_ref().map(|it| self.first(it)),
            "collection_gone": (!found.collections_gone.is_empty()).then_some(&found.collections_gone),
            "access_rights_policy_gone": found.policy_gone,
        });
        let mut view = self.deletion(&found.deletion);
        if let (Value::Object(view), Value::Object(now)) = (&mut view, now) {
            view.extend(now);
        }
        without_nulls(view)
    }

    fn first(&self, id: &DeletedId) -> Value {
        json!({ "link": self.deleted_link(id), "type": code(id.kind()), "id": id.to_string() })
    }

    fn deletion(&self, it: &Deletion) -> Value {
        json!({
            "link": self.deleted_link(it.id()),
            "id": it.id(),
            "type": code(it.kind),
            "status": code(RemovalState::Restorable),
            "mms_id": it.mms_id.as_str(),
            "representation_id": it.representation.as_ref().map(|id| id.as_str()),
            "pid": it.file.as_ref().map(|id| id.as_str()),
            "library": it.library.as_ref().map(|library| json!({ "value": library.as_str() })),
            "title": it.title,
            "label": it.label,
            "deleted_by": it.by.as_str(),
            "deleted_at": it.at.to_string(),
            "restorable_until": it.until.to_string(),
        })
    }
}
