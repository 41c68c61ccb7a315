//! JSON Lines: one object a title, everything exact (B51: a machine's export is not changed).

use serde_json::{Value, json};
use vitrine_domain::coded::Coded;
use vitrine_domain::file::DigitalFile;
use vitrine_domain::representation::Representation;

use super::ExportedTitle;

pub(super) fn title(it: &ExportedTitle<'_>) -> String {
    let bib = it.bib;
    let collections: Vec<Value> = it
        .collections
        .iter()
        .map(|found| json!({ "pid": found.id, "name": found.name, "parent_pid": found.parent }))
        .collect();
    let representations: Vec<Value> =
        it.representations.iter().map(|(found, files)| representation(it, found, files)).collect();
    let line = json!({
        "mms_id": bib.mms_id,
        "record_format": bib.format,
        "record": it.source,
        "title": bib.brief.title,
        "author": bib.brief.author,
        "suppress_from_publishing": bib.suppressed,
        "created_by": bib.created_by,
        "created_at": bib.created_at,
        "modified_by": bib.modified_by,
        "modified_at": bib.modified_at,
        "collections": collections,
        "representations": representations,
    });
    format!("{line}\n")
}

fn representation(it: &ExportedTitle<'_>, found: &Representation, files: &[DigitalFile]) -> Value {
    let fields = &found.fields;
    let part: serde_json::Map<String, Value> = fields
        .part
        .entries()
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), json!(value?))))
        .collect();
    json!({
        "id": found.id,
        "library": fields.library,
        "usage_type": fields.usage_type,
        "label": fields.label,
        "public_note": fields.public_note,
        "notes": fields.notes,
        "active": fields.active,
        "entity_type": fields.entity_type.map(Coded::code),
        "part": part,
        "access_rights_policy_id": fields.access_rights_policy_id,
        "order": fields.order,
        "thumbnail_file_id": fields.thumbnail_file_id,
        "request_id": fields.request_id,
        "created_by": found.created_by,
        "created_at": found.created_at,
        "modified_by": found.modified_by,
        "modified_at": found.modified_at,
        "files": files.iter().map(|found| file(it, found)).collect::<Vec<_>>(),
    })
}

fn file(it: &ExportedTitle<'_>, found: &DigitalFile) -> Value {
    let content = found.content.as_ref();
    json!({
        "pid": found.id,
        "label": found.label,
        "file_name": found.file_name,
        "order": found.order,
        "status": found.status,
        "path": content.map(|content| &content.key),
        "storage": it.storage(found),
        "version_id": content.map(|content| &content.version_id),
        "size": content.map(|content| content.size_bytes),
        "mime_type": content.map(|content| &content.mime),
        "sha256": content.map(|content| &content.sha256),
        "crc64nvme": content.map(|content| &content.crc64nvme),
        "payload": it.payload(found),
        "created_at": found.created_at,
        "modified_at": found.modified_at,
    })
}
