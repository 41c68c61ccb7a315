//! Representations (ALMA-10).

use serde_json::{Value, json};
use vitrine_app::rights::Policies;
use vitrine_domain::representation::Representation;
use vitrine_store::catalog::Count;

use super::{Addresses, LINKED, code, day, option_code, without_nulls};
use crate::wire::shape::{Shape, coded, count, flag, object, text};

pub static REPRESENTATION: Shape = Shape {
    root: "representation",
    members: &[
        flag("is_remote").attribute(),
        text("link").attribute().output_only(),
        text("id").output_only(),
        coded("library"),
        text("label"),
        text("public_note"),
        text("note").many(),
        coded("usage_type"),
        coded("active"),
        coded("entity_type"),
        text("author"),
        text("title"),
        text("volume"),
        text("issue"),
        text("number"),
        text("year"),
        text("season_month"),
        text("day_in_month"),
        text("date"),
        text("start_page"),
        text("end_page"),
        text("track"),
        text("start_time"),
        text("end_time"),
        coded("access_rights_policy_id"),
        count("order"),
        text("thumbnail_file_id"),
        text("request_id"),
        coded("repository"),
        text("originating_record_id"),
        text("linking_parameter_1"),
        text("linking_parameter_2"),
        text("linking_parameter_3"),
        text("linking_parameter_4"),
        text("linking_parameter_5"),
        text("delivery_url").output_only(),
        text("thumbnail_url").output_only(),
        text("created_by").output_only(),
        text("created_date").output_only(),
        text("last_modified_by").output_only(),
        text("last_modified_date").output_only(),
        object("files", &LINKED).output_only(),
    ],
};

list_shape!(REPRESENTATIONS: "representations" of "representation" REPRESENTATION);

impl Addresses {
    /// A representation; `files` is how many it has, where that was counted, and `policies` know the name of its own.
    pub fn representation(&self, found: &Representation, files: Option<Count>, policies: &Policies) -> Value {
        let fields = &found.fields;
        let policy = fields
            .access_rights_policy_id
            .as_ref()
            .map(|id| without_nulls(json!({ "value": id.as_str(), "desc": policies.name_of(found) })));
        let link = format!("{}/representations/{}", self.bib_link(&found.mms_id), found.id);
        let mut view = json!({
            "is_remote": fields.remote.is_some(),
            "link": link,
            "id": found.id.as_str(),
            "library": { "value": fields.library.as_str() },
            "label": fields.label,
            "public_note": fields.public_note,
            "note": fields.notes,
            "usage_type": code(fields.usage_type),
            "active": { "value": fields.active.to_string(), "desc": if fields.active { "Active" } else { "Inactive" } },
            "entity_type": option_code(fields.entity_type),
            "access_rights_policy_id": policy,
            "order": fields.order,
            "thumbnail_file_id": fields.thumbnail_file_id.as_ref().map(|id| id.as_str()),
            "request_id": fields.request_id,
            "delivery_url": self.delivered(&found.id),
            "thumbnail_url": self.thumbnail_url(&found.id),
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
            "last_modified_by": found.modified_by.as_str(),
            "last_modified_date": day(found.modified_at),
            "files": without_nulls(json!({ "total_record_count": files.map(|files| files.number), "link": format!("{link}/files") })),
        });
        if let Some(members) = view.as_object_mut() {
            if let Some(remote) = &fields.remote {
                // The addresses are the remote system's; ours, which lead there, are not told.
                let links = policies.remote_links(found);
                let repository =
                    json!({ "value": remote.repository.as_str(), "desc": policies.repository_name(found) });
                members.insert("repository".to_owned(), without_nulls(repository));
                members.insert("originating_record_id".to_owned(), json!(remote.originating_record_id));
                for (index, parameter) in remote.linking_parameters.iter().enumerate() {
                    members.insert(format!("linking_parameter_{}", index + 1), json!(parameter));
                }
                members.insert("delivery_url".to_owned(), json!(links.as_ref().map(|links| &links.object)));
                members.insert(
                    "thumbnail_url".to_owned(),
                    json!(links.as_ref().and_then(|it| it.thumbnail.as_ref())),
                );
                members.insert("files".to_owned(), Value::Null);
            }
            for (name, value) in fields.part.entries() {
                if let Some(value) = value {
                    members.insert(name.to_owned(), json!(value));
                }
            }
        }
        without_nulls(view)
    }
}
