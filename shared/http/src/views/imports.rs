//! Import profiles and ingests (ALMA-15, domain.md 6.4 and 6.5): the vendor's members of the listing, and all five
//! sections as they are stored.

use serde_json::{Value, json};
use vitrine_app::imports::ingests::{FileTicket, FolderRun};
use vitrine_domain::import::ingest::Ingest;
use vitrine_domain::import::profile::ImportProfile;
use vitrine_store::objects::ListedObject;

use super::uploads::{PART, SIGNED};
use super::{Addresses, code, day, signed, without_nulls};
use crate::wire::shape::{Shape, coded, count, flag, object, text};

pub(super) static SCHEDULE: Shape =
    Shape { root: "schedule", members: &[text("every"), text("at"), count("weekday"), text("zone")] };

static DETAILS: Shape = Shape {
    root: "details",
    members: &[
        text("name"),
        text("description"),
        text("source_format"),
        text("metadata_file"),
        text("target_format"),
        flag("active"),
        object("schedule", &SCHEDULE),
    ],
};

static CONDITION: Shape = Shape { root: "filter", members: &[text("is"), text("field"), text("pattern")] };

static STEP: Shape = Shape {
    root: "step",
    members: &[
        text("step"),
        text("field"),
        text("pattern"),
        text("value"),
        text("from"),
        text("to"),
        text("find"),
        text("with"),
        text("collection"),
    ],
};

static CHECK: Shape = Shape {
    root: "check",
    members: &[
        text("check"),
        text("field"),
        text("severity"),
        text("pattern"),
        text("values").many(),
        count("count"),
        count("characters"),
    ],
};

static NORMALIZATION: Shape = Shape {
    root: "normalization",
    members: &[
        object("filter", &CONDITION).many(),
        object("steps", &STEP).many(),
        object("checks", &CHECK).many(),
        flag("skip_invalid"),
    ],
};

static MATCHING: Shape = Shape {
    root: "matching",
    members: &[
        text("method"),
        text("identifier_prefix"),
        text("on_match"),
        text("on_multiple"),
        text("on_none"),
        text("protected").many(),
    ],
};

static TAGS: Shape = Shape { root: "tags", members: &[flag("suppress"), flag("only_new")] };

static VALUE: Shape = Shape { root: "value", members: &[text("text"), text("field")] };

static PATTERN: Shape = Shape {
    root: "representation",
    members: &[
        text("files"),
        text("usage_type"),
        text("library"),
        object("label", &VALUE),
        object("public_note", &VALUE),
        object("note", &VALUE),
        object("access_rights", &VALUE),
    ],
};

static DEFAULTS: Shape = Shape {
    root: "defaults",
    members: &[
        text("collection"),
        text("usage_type"),
        text("library"),
        text("access_rights"),
        flag("active"),
        object("representations", &PATTERN).many(),
        text("file_fields").many(),
        flag("one_representation_a_file"),
    ],
};

static DIGITAL_DETAILS: Shape = Shape {
    root: "digital_details",
    members: &[coded("collection_assignment"), text("file_name_patterns"), coded("source_format")],
};

pub static PROFILE: Shape = Shape {
    root: "import_profile",
    members: &[
        text("link").attribute().output_only(),
        text("id").output_only(),
        text("name").output_only(),
        text("description").output_only(),
        coded("status").output_only(),
        coded("type").output_only(),
        coded("ie_type").output_only(),
        object("digital_details", &DIGITAL_DETAILS).output_only(),
        object("details", &DETAILS),
        object("normalization", &NORMALIZATION),
        object("matching", &MATCHING),
        object("tags", &TAGS),
        object("defaults", &DEFAULTS),
        text("next_run").output_only(),
        text("created_by").output_only(),
        text("created_date").output_only(),
        text("last_modified_by").output_only(),
        text("last_modified_date").output_only(),
    ],
};

list_shape!(PROFILES: "import_profiles" of "import_profile" PROFILE);

static RUN: Shape =
    Shape { root: "run", members: &[text("ingest_id"), text("job_id"), text("link"), text("reason")] };

/// What running a profile started.
pub static RUNS: Shape = Shape { root: "runs", members: &[object("run", &RUN).many()] };

pub static INGEST: Shape = Shape {
    root: "ingest",
    members: &[
        text("link").attribute().output_only(),
        text("id").output_only(),
        text("profile_id").output_only(),
        text("name"),
        text("folder").output_only(),
        coded("status").output_only(),
        flag("locked").output_only(),
        text("job_id").output_only(),
        text("created_by").output_only(),
        text("created_date").output_only(),
    ],
};

list_shape!(INGESTS: "ingests" of "ingest" INGEST);

static INGEST_FILE: Shape = Shape {
    root: "file",
    members: &[
        text("name"),
        count("size"),
        text("sha256"),
        text("mime_type"),
        text("etag").output_only(),
        text("last_modified").output_only(),
        coded("method").output_only(),
        object("request", &SIGNED).output_only(),
        text("multipart_id").output_only(),
        count("part_size").output_only(),
        count("part_count").output_only(),
    ],
};

/// Files of an ingest: those that a client will bring, how to bring them, or those that have arrived.
pub static INGEST_FILES: Shape = Shape {
    root: "files",
    members: &[text("next").attribute().output_only(), object("file", &INGEST_FILE).many()],
};

/// Parts of one file of an ingest.
pub static INGEST_PARTS: Shape = Shape {
    root: "parts",
    members: &[text("name"), text("multipart_id"), count("size"), object("part", &PART).many()],
};

impl Addresses {
    /// An import profile.
    pub fn profile(&self, found: &ImportProfile) -> Value {
        let details = &found.settings.details;
        let mut view = json!({
            "link": format!("{}/conf/md-import-profiles/{}", self.api, found.id),
            "id": found.id.as_str(),
            "name": details.name,
            "description": details.description,
            "status": { "value": if details.active { "ACTIVE" } else { "INACTIVE" } },
            "type": { "value": "REPOSITORY", "desc": "Repository" },
            "ie_type": { "value": "DIGITAL", "desc": "Digital" },
            "digital_details": {
                "collection_assignment": { "value": found.settings.defaults.collection.as_str() },
                "file_name_patterns": details.metadata_file,
                "source_format": code(details.source_format),
            },
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
            "last_modified_by": found.modified_by.as_str(),
            "last_modified_date": day(found.modified_at),
        });
        if let (Some(view), Ok(Value::Object(settings))) =
            (view.as_object_mut(), serde_json::to_value(&found.settings))
        {
            view.extend(settings);
        }
        view
    }

    /// What running a profile started.
    pub fn runs(&self, runs: &[FolderRun]) -> Value {
        let views: Vec<Value> = runs
            .iter()
            .map(|run| match &run.outcome {
                Ok(job) => json!({
                    "ingest_id": run.folder,
                    "job_id": job.as_str(),
                    "link": format!("{}/conf/jobs/{job}", self.api),
                }),
                Err(error) => json!({ "ingest_id": run.folder, "reason": error.to_string() }),
            })
            .collect();
        json!({ "run": views })
    }

    /// An ingest.
    pub fn ingest(&self, found: &Ingest) -> Value {
        without_nulls(json!({
            "link": format!("{}/conf/md-import-profiles/{}/ingests/{}", self.api, found.profile, found.id),
            "id": found.id.as_str(),
            "profile_id": found.profile.as_str(),
            "name": found.name,
            "folder": found.folder,
            "status": code(found.status),
            "locked": found.locked,
            "job_id": found.job.as_ref().map(|job| job.as_str()),
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
        }))
    }
}

/// How to bring one file.
pub fn file_ticket(name: &str, ticket: &FileTicket) -> Value {
    match ticket {
        FileTicket::Put(request) => json!({
            "name": name,
            "method": { "value": "PUT" },
            "request": signed(request, None),
        }),
        FileTicket::Multipart { multipart_id, part_bytes, part_count } => json!({
            "name": name,
            "method": { "value": "MULTIPART" },
            "multipart_id": multipart_id,
            "part_size": part_bytes,
            "part_count": part_count,
        }),
    }
}

/// A file that has arrived.
pub fn arrived(object: &ListedObject) -> Value {
    without_nulls(json!({
        "name": object.key,
        "size": object.size_bytes,
        "etag": object.etag,
        "last_modified": object.last_modified.map(|at| at.to_string()),
    }))
}
