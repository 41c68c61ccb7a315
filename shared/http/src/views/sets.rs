//! Sets and their members (ALMA-17): the vendor's members, and the rule of a logical set.

use serde_json::{Value, json};
use vitrine_app::set_walk::{Skipped, WalkPage};
use vitrine_app::sets::ShownMember;
use vitrine_domain::set::{Set, SetContent, SetKind, SetRule};
use vitrine_store::catalog::Count;

use super::{Addresses, code, day, list, option_code, without_nulls};
use crate::wire::shape::{Shape, coded, count, flag, object, text};

static RULE: Shape = Shape {
    root: "set_rule",
    members: &[
        coded("collection").many(),
        coded("level"),
        coded("record_format").many(),
        flag("suppressed"),
        coded("library").many(),
        coded("usage_type").many(),
        coded("access_rights_policy").many(),
        flag("active"),
        text("created_since"),
        text("modified_since"),
    ],
};

static MEMBER: Shape = Shape {
    root: "member",
    members: &[
        text("link").attribute().output_only(),
        text("id"),
        text("description").output_only(),
        text("reason").output_only(),
    ],
};

static MEMBERS: Shape = Shape { root: "members", members: &[object("member", &MEMBER).many()] };

pub static SET: Shape = Shape {
    root: "set",
    members: &[
        text("link").attribute().output_only(),
        text("id").output_only(),
        text("name"),
        text("description"),
        coded("type"),
        coded("content"),
        coded("private"),
        coded("status").output_only(),
        text("note"),
        object("rule", &RULE),
        coded("number_of_members").output_only(),
        object("members", &MEMBERS),
        object("skipped", &MEMBER).many().output_only(),
        text("created_by").output_only(),
        text("created_date").output_only(),
        text("last_modified_by").output_only(),
        text("last_modified_date").output_only(),
    ],
};

list_shape!(SETS: "sets" of "set" SET);

pub static SET_MEMBERS: Shape = Shape {
    root: "set_members",
    members: &[
        count("total_record_count").attribute(),
        flag("total_record_count_is_minimum").attribute(),
        text("next").attribute(),
        object("member", &MEMBER).many(),
        object("skipped", &MEMBER).many(),
    ],
};

fn values<T: std::fmt::Display>(list: &[T]) -> Option<Vec<Value>> {
    (!list.is_empty()).then(|| list.iter().map(|value| json!({ "value": value.to_string() })).collect())
}

fn rule(rule: &SetRule) -> Value {
    without_nulls(json!({
        "collection": values(&rule.collections),
        "level": option_code(rule.levels),
        "record_format": (!rule.formats.is_empty())
            .then(|| rule.formats.iter().map(|it| code(*it)).collect::<Vec<_>>()),
        "suppressed": rule.suppressed,
        "library": values(&rule.libraries),
        "usage_type": (!rule.usage_types.is_empty())
            .then(|| rule.usage_types.iter().map(|it| code(*it)).collect::<Vec<_>>()),
        "access_rights_policy": values(&rule.policies),
        "active": rule.active,
        "created_since": rule.created_since.map(|at| at.to_string()),
        "modified_since": rule.modified_since.map(|at| at.to_string()),
    }))
}

fn left_out(skipped: &[Skipped]) -> Option<Vec<Value>> {
    (!skipped.is_empty())
        .then(|| skipped.iter().map(|it| json!({ "id": it.id, "reason": it.reason })).collect())
}

impl Addresses {
    /// A set, and what was left out of the call that changed it.
    pub fn set(&self, found: &Set, skipped: &[Skipped]) -> Value {
        let link = format!("{}/conf/sets/{}", self.api, found.id);
        let settings = &found.settings;
        let yes = if settings.private { "true" } else { "false" };
        let desc = if settings.private { "Yes" } else { "No" };
        // How many a rule finds is known when someone has looked at all of them.
        let members = match found.kind() {
            SetKind::Itemized => {
                json!({ "value": found.member_count.to_string(), "link": format!("{link}/members") })
            }
            SetKind::Logical => Value::Null,
        };
        without_nulls(json!({
            "link": link,
            "id": found.id.as_str(),
            "name": settings.name,
            "description": settings.description,
            "type": code(found.kind()),
            "content": code(settings.content),
            "private": { "value": yes, "desc": desc },
            "status": { "value": "ACTIVE", "desc": "Active" },
            "note": settings.note,
            "rule": settings.rule.as_ref().map(rule),
            "number_of_members": members,
            "skipped": left_out(skipped),
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
            "last_modified_by": found.modified_by.as_str(),
            "last_modified_date": day(found.modified_at),
        }))
    }

    /// A page of the members of a set.
    pub fn set_members(&self, content: SetContent, found: &WalkPage<ShownMember>, total: Count) -> Value {
        let members = found
            .items
            .iter()
            .map(|it| {
                let link = match content {
                    SetContent::Titles => Some(self.bib_link(&it.id)),
                    SetContent::Collections => Some(format!("{}/bibs/collections/{}", self.api, it.id)),
                    SetContent::Representations => None,
                };
                without_nulls(json!({ "link": link, "id": it.id, "description": it.description }))
            })
            .collect();
        let mut view = list("member", members, total, found.next.as_deref());
        if let (Some(view), Some(skipped)) = (view.as_object_mut(), left_out(&found.skipped)) {
            view.insert("skipped".to_owned(), Value::Array(skipped));
        }
        view
    }
}
