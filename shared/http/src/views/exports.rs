//! Exports, and what their runs wrote (S17, S18).

use serde_json::{Value, json};
use vitrine_domain::export::{Export, ExportFile, ExportTitles};
use vitrine_store::objects::SignedRequest;

use super::imports::SCHEDULE;
use super::{Addresses, code, day, without_nulls};
use crate::wire::shape::{Shape, coded, count, flag, object, text};

pub static EXPORT: Shape = Shape {
    root: "export",
    members: &[
        text("link").attribute().output_only(),
        text("id").output_only(),
        text("name"),
        flag("everything"),
        coded("set"),
        text("mms_id").many(),
        coded("format"),
        coded("layout"),
        count("records_per_file"),
        text("changed_since"),
        flag("include_files"),
        object("schedule", &SCHEDULE),
        text("next_run").output_only(),
        text("last_planned_run").output_only(),
        text("missed_run").output_only(),
        coded("last_job").output_only(),
        text("created_by").output_only(),
        text("created_date").output_only(),
        text("last_modified_by").output_only(),
        text("last_modified_date").output_only(),
    ],
};

list_shape!(EXPORTS: "exports" of "export" EXPORT);

static EXPORT_FILE: Shape = Shape {
    root: "export_file",
    members: &[
        text("name"),
        count("number"),
        count("record_count"),
        count("size"),
        text("sha256"),
        text("url"),
        text("expires"),
    ],
};

pub static EXPORT_FILES: Shape =
    Shape { root: "export_files", members: &[text("next").attribute(), object("file", &EXPORT_FILE).many()] };

impl Addresses {
    /// An export.
    pub fn export(&self, found: &Export) -> Value {
        let settings = &found.settings;
        let (everything, set, ids) = match &settings.titles {
            ExportTitles::Everything => (Some(true), None, None),
            ExportTitles::Set { set } => (None, Some(set), None),
            ExportTitles::Ids { ids } => (None, None, Some(ids)),
        };
        let time = |at: Option<vitrine_domain::Timestamp>| at.map(|at| at.to_string());
        let schedule = settings.schedule.as_ref().and_then(|schedule| serde_json::to_value(schedule).ok());
        without_nulls(json!({
            "link": format!("{}/conf/exports/{}", self.api, found.id),
            "id": found.id.as_str(),
            "name": settings.name,
            "everything": everything,
            "set": set.map(|id| json!({ "value": id.as_str(), "link": format!("{}/conf/sets/{id}", self.api) })),
            "mms_id": ids,
            "format": code(settings.format),
            "layout": code(settings.layout),
            "records_per_file": settings.records_per_file,
            "changed_since": time(settings.changed_since),
            "include_files": settings.include_files,
            "schedule": schedule,
            "next_run": time(found.next_run),
            "last_planned_run": time(found.last_planned),
            "missed_run": time(found.missed),
            "last_job": found
                .last_job
                .as_ref()
                .map(|id| json!({ "value": id.as_str(), "link": format!("{}/conf/jobs/{id}", self.api) })),
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
            "last_modified_by": found.modified_by.as_str(),
            "last_modified_date": day(found.modified_at),
        }))
    }
}

/// A file that a run wrote, with a signed link.
pub fn export_file((file, link): &(ExportFile, SignedRequest)) -> Value {
    json!({
        "name": file.name,
        "number": file.number,
        "record_count": file.titles,
        "size": file.size_bytes,
        "sha256": file.sha256,
        "url": link.url,
        "expires": link.expires_at.to_string(),
    })
}

/// A signed link to one file of a run's folder.
pub fn bag_file(path: &str, link: &SignedRequest) -> Value {
    json!({ "file": [{ "name": path, "url": link.url, "expires": link.expires_at.to_string() }] })
}
