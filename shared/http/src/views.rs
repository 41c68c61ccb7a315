//! How each resource looks on the wire: the vendor's members and ours beside them (domain.md 2.3, 2.4, 3; ALMA-8 ... 14).

use serde_json::{Map, Value, json};
use vitrine_app::bibs::BibWithSource;
use vitrine_app::uploads::Ticket;
use vitrine_app::users::Permission;
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{ApiKey, Grant, User};
use vitrine_domain::coded::Coded;
use vitrine_domain::collection::{Collection, Membership};
use vitrine_domain::file::{DigitalFile, Thumbnail};
use vitrine_domain::library::Library;
use vitrine_domain::representation::Representation;
use vitrine_domain::upload::{Upload, UploadState};
use vitrine_store::catalog::Count;
use vitrine_store::objects::{SignedForm, SignedRequest, UploadedPart};

use crate::wire::query::cursor;
use crate::wire::shape::{Shape, coded, count, flag, object, raw, text};

/// Where addresses in views begin.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The API, without a trailing slash.
    pub api: String,
    /// Delivery, without a trailing slash.
    pub delivery: String,
    /// The institution's code.
    pub institution: String,
}

pub static LINKED: Shape =
    Shape { root: "linked", members: &[count("total_record_count").attribute(), text("link").attribute()] };

pub static BIB: Shape = Shape {
    root: "bib",
    members: &[
        text("link").attribute().output_only(),
        text("mms_id").output_only(),
        coded("record_format"),
        text("title").output_only(),
        text("author").output_only(),
        text("place_of_publication").output_only(),
        text("date_of_publication").output_only(),
        text("publisher_const").output_only(),
        text("created_by").output_only(),
        text("created_date").output_only(),
        text("last_modified_by").output_only(),
        text("last_modified_date").output_only(),
        flag("suppress_from_publishing"),
        coded("collection").many().output_only(),
        object("representations", &LINKED).output_only(),
        raw("anies"),
    ],
};

pub static BIBS: Shape = Shape {
    root: "bibs",
    members: &[
        count("total_record_count").attribute(),
        flag("total_record_count_is_minimum").attribute(),
        text("next").attribute(),
        object("bib", &BIB).many(),
    ],
};

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

pub static REPRESENTATIONS: Shape = Shape {
    root: "representations",
    members: &[
        count("total_record_count").attribute(),
        flag("total_record_count_is_minimum").attribute(),
        text("next").attribute(),
        object("representation", &REPRESENTATION).many(),
    ],
};

pub static THUMBNAIL: Shape = Shape {
    root: "thumbnail",
    members: &[
        text("state"),
        text("code"),
        text("reason"),
        flag("supplied"),
        count("width"),
        count("height"),
    ],
};

pub static FILE: Shape = Shape {
    root: "representation_file",
    members: &[
        text("link").attribute().output_only(),
        text("pid").output_only(),
        text("label"),
        text("path"),
        count("order"),
        text("file_name").output_only(),
        coded("status").output_only(),
        text("status_reason").output_only(),
        count("size").output_only(),
        text("mime_type").output_only(),
        text("sha256").output_only(),
        text("crc64nvme").output_only(),
        text("url").output_only(),
        text("thumbnail_url").output_only(),
        object("thumbnail", &THUMBNAIL).output_only(),
        text("created_by").output_only(),
        text("created_date").output_only(),
        text("last_modified_by").output_only(),
        text("last_modified_date").output_only(),
    ],
};

pub static FILES: Shape = Shape {
    root: "representation_files",
    members: &[
        count("total_record_count").attribute(),
        flag("total_record_count_is_minimum").attribute(),
        text("next").attribute(),
        object("representation_file", &FILE).many(),
    ],
};

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

pub static COLLECTIONS: Shape = Shape {
    root: "collections",
    members: &[
        count("total_record_count").attribute(),
        flag("total_record_count_is_minimum").attribute(),
        text("next").attribute(),
        object("collection", &COLLECTION).many(),
    ],
};

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

pub static MEMBERS: Shape = Shape {
    root: "bibs",
    members: &[
        count("total_record_count").attribute(),
        flag("total_record_count_is_minimum").attribute(),
        text("next").attribute(),
        object("bib", &MEMBER).many(),
    ],
};

pub static PAIR: Shape = Shape { root: "pair", members: &[text("name"), text("value")] };

pub static SIGNED: Shape = Shape {
    root: "request",
    members: &[
        count("part_number"),
        text("method"),
        text("url"),
        object("header", &PAIR).many(),
        object("field", &PAIR).many(),
        text("expires"),
    ],
};

pub static UPLOAD: Shape = Shape {
    root: "upload",
    members: &[
        text("link").attribute().output_only(),
        text("id").output_only(),
        text("representation_id"),
        text("mms_id").output_only(),
        text("pid").output_only(),
        text("thumbnail_of"),
        text("file_name"),
        text("label"),
        count("order"),
        count("size"),
        text("mime_type"),
        text("sha256"),
        coded("method"),
        count("part_size"),
        count("part_count").output_only(),
        text("state").output_only(),
        text("reason").output_only(),
        text("created_date").output_only(),
        text("expires").output_only(),
        object("request", &SIGNED).output_only(),
    ],
};

pub static PART: Shape = Shape {
    root: "part",
    members: &[count("part_number"), text("sha256"), text("etag").output_only(), count("size").output_only()],
};

pub static PARTS: Shape = Shape { root: "parts", members: &[object("part", &PART).many()] };

pub static SIGNED_PARTS: Shape = Shape { root: "parts", members: &[object("request", &SIGNED).many()] };

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
    ],
};

pub static USERS: Shape = Shape {
    root: "users",
    members: &[
        count("total_record_count").attribute(),
        flag("total_record_count_is_minimum").attribute(),
        text("next").attribute(),
        object("user", &USER).many(),
    ],
};

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

pub static API_KEYS: Shape = Shape {
    root: "api_keys",
    members: &[
        count("total_record_count").attribute(),
        flag("total_record_count_is_minimum").attribute(),
        text("next").attribute(),
        object("api_key", &API_KEY).many(),
    ],
};

pub static LIBRARY: Shape = Shape {
    root: "library",
    members: &[text("link").attribute().output_only(), text("code").output_only(), text("name")],
};

pub static LIBRARIES: Shape = Shape {
    root: "libraries",
    members: &[count("total_record_count").attribute(), object("library", &LIBRARY).many()],
};

/// A coded value.
fn code<T: Coded>(value: T) -> Value {
    json!({ "value": value.code(), "desc": value.description() })
}

fn option_code<T: Coded>(value: Option<T>) -> Value {
    value.map_or(Value::Null, code)
}

/// The vendor's date: a day with a `Z`.
fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dZ").to_string()
}

/// Leaves out what is not there, so that absence has one spelling.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept: Map<String, Value> =
                members.into_iter().filter(|(_, value)| !value.is_null()).collect();
            Value::Object(kept)
        }
        other => other,
    }
}

/// A list with its size and, where it goes on, its cursor.
pub fn list(member: &'static str, items: Vec<Value>, total: Count, next: Option<&str>) -> Value {
    let mut view = json!({ member: items, "total_record_count": total.number });
    if let Some(members) = view.as_object_mut() {
        if total.at_least {
            members.insert("total_record_count_is_minimum".to_owned(), json!(true));
        }
        if let Some(next) = next {
            members.insert("next".to_owned(), json!(cursor(next)));
        }
    }
    view
}

impl Addresses {
    fn bib_link(&self, mms: impl std::fmt::Display) -> String {
        format!("{}/bibs/{mms}", self.api)
    }

    fn thumbnail_url(&self, id: impl std::fmt::Display) -> String {
        format!("{}/delivery/thumbnail/{}/{id}", self.delivery, self.institution)
    }

    /// A bib record; `source` is its metadata with what `expand` added.
    pub fn bib(&self, found: &BibWithSource, source: &str) -> Value {
        let bib = &found.bib;
        let link = self.bib_link(&bib.mms_id);
        let collections: Vec<_> = bib
            .collections
            .iter()
            .map(|id| json!({ "value": id.as_str(), "link": format!("{}/bibs/collections/{id}", self.api) }))
            .collect();
        without_nulls(json!({
            "link": link,
            "mms_id": bib.mms_id.as_str(),
            "record_format": code(bib.format),
            "title": bib.brief.title,
            "author": bib.brief.author,
            "place_of_publication": bib.brief.place,
            "date_of_publication": bib.brief.date,
            "publisher_const": bib.brief.publisher,
            "created_by": bib.created_by.as_str(),
            "created_date": day(bib.created_at),
            "last_modified_by": bib.modified_by.as_str(),
            "last_modified_date": day(bib.modified_at),
            "suppress_from_publishing": bib.suppressed,
            "collection": collections,
            "representations": { "total_record_count": bib.representation_count, "link": format!("{link}/representations") },
            "anies": [source],
        }))
    }

    /// A representation as a record's availability shows it (ALMA-9).
    pub fn availability(&self, found: &Representation) -> vitrine_metadata::Availability {
        vitrine_metadata::Availability {
            institution: self.institution.clone(),
            representation_id: found.id.to_string(),
            is_remote: false,
            repository: None,
            label: found.fields.label.clone(),
            public_note: found.fields.public_note.clone(),
            full_text_url: None,
            delivery_url: format!("{}/delivery/{}/{}", self.delivery, self.institution, found.id),
        }
    }

    /// A representation; `files` is how many it has, where that was counted.
    pub fn representation(&self, found: &Representation, files: Option<Count>) -> Value {
        let fields = &found.fields;
        let link = format!("{}/representations/{}", self.bib_link(&found.mms_id), found.id);
        let mut view = json!({
            "is_remote": false,
            "link": link,
            "id": found.id.as_str(),
            "library": { "value": fields.library.as_str() },
            "label": fields.label,
            "public_note": fields.public_note,
            "note": fields.notes,
            "usage_type": code(fields.usage_type),
            "active": { "value": fields.active.to_string(), "desc": if fields.active { "Active" } else { "Inactive" } },
            "entity_type": option_code(fields.entity_type),
            "access_rights_policy_id": fields.access_rights_policy_id.as_ref().map(|id| json!({ "value": id })),
            "order": fields.order,
            "thumbnail_file_id": fields.thumbnail_file_id.as_ref().map(|id| id.as_str()),
            "request_id": fields.request_id,
            "delivery_url": format!("{}/delivery/{}/{}", self.delivery, self.institution, found.id),
            "thumbnail_url": self.thumbnail_url(&found.id),
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
            "last_modified_by": found.modified_by.as_str(),
            "last_modified_date": day(found.modified_at),
            "files": without_nulls(json!({ "total_record_count": files.map(|files| files.number), "link": format!("{link}/files") })),
        });
        if let Some(members) = view.as_object_mut() {
            for (name, value) in fields.part.entries() {
                if let Some(value) = value {
                    members.insert(name.to_owned(), json!(value));
                }
            }
        }
        without_nulls(view)
    }

    /// A file; `url` is its signed link, where one was asked for.
    pub fn file(&self, found: &DigitalFile, url: Option<String>) -> Value {
        let link = format!(
            "{}/representations/{}/files/{}",
            self.bib_link(&found.mms_id),
            found.representation,
            found.id
        );
        let content = found.content.as_ref();
        without_nulls(json!({
            "link": link,
            "pid": found.id.as_str(),
            "label": found.label,
            "path": content.map(|content| content.key.as_str()),
            "order": found.order,
            "file_name": found.file_name,
            "status": code(found.status),
            "status_reason": found.status_reason,
            "size": content.map(|content| content.size_bytes),
            "mime_type": content.map(|content| content.mime.as_str()),
            "sha256": content.map(|content| content.sha256.as_str()),
            "crc64nvme": content.map(|content| content.crc64nvme.as_str()),
            "url": url,
            "thumbnail_url": self.thumbnail_url(&found.id),
            "thumbnail": thumbnail(&found.thumbnail),
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
            "last_modified_by": found.modified_by.as_str(),
            "last_modified_date": day(found.modified_at),
        }))
    }

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

    /// An upload and how to send its bytes.
    pub fn upload(&self, found: &Upload, ticket: Option<&Ticket>) -> Value {
        let part_count = match ticket {
            Some(Ticket::Multipart { part_count, .. }) => Some(*part_count),
            _ => None,
        };
        let request = match ticket {
            Some(Ticket::Put(request)) => Some(signed(request, None)),
            Some(Ticket::Form(form)) => Some(signed_form(form)),
            Some(Ticket::Multipart { .. }) | None => None,
        };
        let reason = match &found.state {
            UploadState::Rejected { reason } => Some(reason),
            _ => None,
        };
        let is_file = found.purpose == vitrine_domain::upload::UploadPurpose::File;
        without_nulls(json!({
            "link": format!("{}/uploads/{}", self.api, found.id),
            "id": found.id.as_str(),
            "representation_id": found.representation.as_str(),
            "mms_id": found.mms_id.as_str(),
            "pid": is_file.then(|| found.file.as_str()),
            "thumbnail_of": (!is_file).then(|| found.file.as_str()),
            "file_name": found.file_name,
            "label": found.label,
            "order": found.order,
            "size": found.declared.size_bytes,
            "mime_type": found.declared.mime,
            "sha256": found.declared.sha256,
            "method": code(found.method),
            "part_size": found.part_bytes,
            "part_count": part_count,
            "state": found.state.code(),
            "reason": reason,
            "created_date": day(found.created_at),
            "expires": found.expires_at.to_string(),
            "request": request,
        }))
    }

    /// A user.
    pub fn user(&self, found: &User) -> Value {
        json!({
            "link": format!("{}/users/{}", self.api, found.id),
            "primary_id": found.id.as_str(),
            "full_name": found.name,
            "status": status(found.active),
            "user_role": found.grants.iter().map(|grant| self.role(grant)).collect::<Vec<_>>(),
            "user_group": found.groups,
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

    /// A library.
    pub fn library(&self, found: &Library) -> Value {
        json!({
            "link": format!("{}/conf/libraries/{}", self.api, found.code),
            "code": found.code.as_str(),
            "name": found.name,
        })
    }
}

fn status(active: bool) -> Value {
    if active {
        json!({ "value": "ACTIVE", "desc": "Active" })
    } else {
        json!({ "value": "INACTIVE", "desc": "Inactive" })
    }
}

fn thumbnail(found: &Thumbnail) -> Value {
    let (code, reason) = match found {
        Thumbnail::Failed { code, reason } => (Some(code), Some(reason)),
        Thumbnail::Unsupported { reason } => (None, Some(reason)),
        Thumbnail::Pending { .. } | Thumbnail::Ready { .. } => (None, None),
    };
    let largest = found.image_for(u32::MAX);
    let supplied = matches!(found, Thumbnail::Ready { supplied: true, .. });
    without_nulls(json!({
        "state": found.state(),
        "code": code,
        "reason": reason,
        "supplied": largest.map(|_| supplied),
        "width": largest.map(|image| image.width),
        "height": largest.map(|image| image.height),
    }))
}

fn pairs(list: &[(String, String)]) -> Vec<Value> {
    list.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// A signed request, with the number of its part.
pub fn signed(request: &SignedRequest, part: Option<u16>) -> Value {
    without_nulls(json!({
        "part_number": part,
        "method": request.method,
        "url": request.url,
        "header": pairs(&request.headers),
        "expires": request.expires_at.to_string(),
    }))
}

fn signed_form(form: &SignedForm) -> Value {
    json!({ "method": "POST", "url": form.url, "field": pairs(&form.fields), "expires": form.expires_at.to_string() })
}

/// A part that has arrived.
pub fn part(found: &UploadedPart) -> Value {
    without_nulls(json!({
        "part_number": found.number,
        "etag": found.etag,
        "size": found.size_bytes,
        "sha256": found.sha256,
    }))
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
