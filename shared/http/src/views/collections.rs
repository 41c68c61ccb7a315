//! Collections and the titles in them (ALMA-14).

use serde_json::{Value, json};
use vitrine_domain::collection::{Collection, Membership};

use super::{Addresses, day, without_nulls};
use crate::wire::shape::{Shape, coded, count, flag, object, text};

pub static COLLECTION: Shape = Shape {
    root: "collection",
    members: &[
        text("link").attribute().output_only(),
        coded("pid").output_only(),
        coded("mms_id").output_only(),
        coded("parent_pid"),
        text("name"),
        text("title"),
        text("description"),
        coded("library"),
        text("sort_by"),
        text("external_system"),
        text("external_id"),
        count("order"),
        flag("suppress_from_discovery"),
        text("thumbnail").output_only(),
        text("created_by").output_only(),
        text("created_date").output_only(),
        text("last_modified_by").output_only(),
        text("last_modified_date").output_only(),
        object("collection", &COLLECTION).many().output_only(),
    ],
};

list_shape!(COLLECTIONS: "collections" of "collection" COLLECTION);

/// A title of a collection: what a caller sends to put it there is its id alone.
pub static MEMBER: Shape = Shape {
    root: "bib",
    members: &[
        text("link").attribute().output_only(),
        text("mms_id"),
        text("title").output_only(),
        text("author").output_only(),
    ],
};

list_shape!(MEMBERS: "bibs" of "bib" MEMBER);

impl Addresses {
    /// A collection with those below it, as far as they were read.
    pub fn collection(&self, found: &Collection, below: Vec<Value>) -> Value {
        let link = |id: &str| format!("{}/bibs/collections/{id}", self.api);
        let mut view = without_nulls(json!({
            "link": link(found.id.as_str()),
            "pid": { "value": found.id.as_str(), "link": link(found.id.as_str()) },
            "mms_id": { "value": found.mms_id.as_str(), "link": self.bib_link(&found.mms_id) },
            "parent_pid": found.parent.as_ref().map(|id| json!({ "value": id.as_str(), "link": link(id.as_str()) })),
            "name": found.name,
            "description": found.description,
            "library": { "value": found.library.as_str() },
            "sort_by": found.sort_by,
            "external_system": found.external_system,
            "external_id": found.external_id,
            "order": found.order,
            "suppress_from_discovery": found.suppressed,
            "thumbnail": self.thumbnail_url(&found.id),
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
            "last_modified_by": found.modified_by.as_str(),
            "last_modified_date": day(found.modified_at),
        }));
        if let Some(members) = view.as_object_mut()
            && !below.is_empty()
        {
            members.insert("collection".to_owned(), Value::Array(below));
        }
        view
    }

    /// A title of a collection.
    pub fn member(&self, found: &Membership) -> Value {
        without_nulls(json!({
            "link": self.bib_link(&found.mms_id),
            "mms_id": found.mms_id.as_str(),
            "title": found.title,
            "author": found.author,
        }))
    }
}
