//! Users, API keys and what a caller may do.

use serde_json::{Value, json};
use vitrine_app::users::Permission;
use vitrine_domain::actor::{ApiKey, Grant, User};

use super::{Addresses, code, day, without_nulls};
use crate::wire::shape::{Shape, coded, flag, object, text};

pub static PERMISSION: Shape = Shape {
    root: "permission",
    members: &[coded("action"), flag("everywhere"), text("library").many(), coded("missing_role").many()],
};

pub static PERMISSIONS: Shape = Shape {
    root: "permissions",
    members: &[text("user_id"), flag("read_only"), object("permission", &PERMISSION).many()],
};

pub static ROLE: Shape = Shape { root: "user_role", members: &[coded("role_type"), coded("scope")] };

pub static USER: Shape = Shape {
    root: "user",
    members: &[
        text("link").attribute().output_only(),
        text("primary_id"),
        text("full_name"),
        coded("status"),
        object("user_role", &ROLE).many(),
        text("user_group").many(),
        text("campus").many(),
        text("course").many(),
    ],
};

list_shape!(USERS: "users" of "user" USER);

pub static API_KEY: Shape = Shape {
    root: "api_key",
    members: &[
        text("link").attribute().output_only(),
        text("id").output_only(),
        text("name"),
        coded("permission"),
        coded("status").output_only(),
        object("user_role", &ROLE).many(),
        text("key").output_only(),
        text("created_by").output_only(),
        text("created_date").output_only(),
    ],
};

list_shape!(API_KEYS: "api_keys" of "api_key" API_KEY);

impl Addresses {
    /// A user.
    pub fn user(&self, found: &User) -> Value {
        json!({
            "link": format!("{}/users/{}", self.api, found.id),
            "primary_id": found.id.as_str(),
            "full_name": found.name,
            "status": status(found.active),
            "user_role": found.grants.iter().map(|grant| self.role(grant)).collect::<Vec<_>>(),
            "user_group": found.groups,
            "campus": found.campuses,
            "course": found.courses,
        })
    }

    fn role(&self, grant: &Grant) -> Value {
        let scope = match &grant.library {
            Some(library) => json!({ "value": library.as_str() }),
            None => json!({ "value": self.institution, "desc": "Institution" }),
        };
        json!({ "role_type": code(grant.role), "scope": scope })
    }

    /// An API key; `key` is the key itself, shown once.
    pub fn api_key(&self, found: &ApiKey, key: Option<&str>) -> Value {
        without_nulls(json!({
            "link": format!("{}/conf/api-keys/{}", self.api, found.id),
            "id": found.id.as_str(),
            "name": found.name,
            "permission": code(found.permission),
            "status": status(found.active),
            "user_role": found.grants.iter().map(|grant| self.role(grant)).collect::<Vec<_>>(),
            "key": key,
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
        }))
    }
}

fn status(active: bool) -> Value {
    if active {
        json!({ "value": "ACTIVE", "desc": "Active" })
    } else {
        json!({ "value": "INACTIVE", "desc": "Inactive" })
    }
}

/// What a caller may do.
pub fn permission(found: &Permission) -> Value {
    json!({
        "action": code(found.action),
        "everywhere": found.everywhere,
        "library": found.libraries.iter().map(|library| library.as_str()).collect::<Vec<_>>(),
        "missing_role": found.missing.iter().map(|role| code(*role)).collect::<Vec<_>>(),
    })
}
