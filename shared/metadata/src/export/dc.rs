//! Dublin Core: the fifteen elements, and elements of our own for collections, representations and files.

use vitrine_domain::coded::Coded;

use super::ExportedTitle;
use crate::crosswalk::to_dublin_core;
use crate::error::RecordErrors;
use crate::xml_text::{escape_attribute, escape_text};

pub(super) const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <digital_titles xmlns=\"urn:vitrine:export:1\">\n";
pub(super) const FOOT: &str = "</digital_titles>\n";

/// An element with attributes, those without a value left out.
struct Tag(String);

impl Tag {
    fn new(name: &str) -> Self {
        Self(format!("<{name}"))
    }

    fn with(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.0.push_str(&format!(" {name}=\"{}\"", escape_attribute(value)));
        }
        self
    }

    fn holding(self, name: &str, inner: &str) -> String {
        if inner.is_empty() { format!("{}/>\n", self.0) } else { format!("{}>{inner}</{name}>\n", self.0) }
    }
}

pub(super) fn title(it: &ExportedTitle<'_>) -> Result<String, RecordErrors> {
    let bib = it.bib;
    let mut inner = format!("\n{}\n", to_dublin_core(&it.record()?).to_oai_dc());
    for found in it.collections {
        let tag = Tag::new("collection").with("pid", Some(found.id.as_str()));
        inner.push_str(&tag.holding("collection", &escape_text(&found.name)));
    }
    for (found, files) in it.representations {
        let fields = &found.fields;
        let order = fields.order.map(|order| order.to_string());
        let mut tag = Tag::new("representation")
            .with("id", Some(found.id.as_str()))
            .with("library", Some(fields.library.as_str()))
            .with("usage_type", Some(fields.usage_type.code()))
            .with("active", Some(if fields.active { "true" } else { "false" }))
            .with("label", fields.label.as_deref())
            .with("public_note", fields.public_note.as_deref())
            .with("entity_type", fields.entity_type.map(Coded::code))
            .with("access_rights_policy_id", fields.access_rights_policy_id.as_ref().map(|id| id.as_str()))
            .with("order", order.as_deref())
            .with("thumbnail_file_id", fields.thumbnail_file_id.as_ref().map(|id| id.as_str()))
            .with("request_id", fields.request_id.as_deref());
        for (name, value) in fields.part.entries() {
            tag = tag.with(name, value);
        }
        let mut within = String::new();
        for note in &fields.notes {
            within.push_str(&Tag::new("note").holding("note", &escape_text(note)));
        }
        for file in files {
            let (storage, payload) = (it.storage(file), it.payload(file));
            let order = file.order.map(|order| order.to_string());
            let content = file.content.as_ref();
            let size = content.map(|content| content.size_bytes.to_string());
            let tag = Tag::new("file")
                .with("pid", Some(file.id.as_str()))
                .with("label", Some(&file.label))
                .with("file_name", Some(&file.file_name))
                .with("order", order.as_deref())
                .with("status", Some(file.status.code()))
                .with("storage", storage.as_deref())
                .with("version_id", content.and_then(|content| content.version_id.as_deref()))
                .with("size", size.as_deref())
                .with("mime_type", content.map(|content| content.mime.as_str()))
                .with("sha256", content.map(|content| content.sha256.as_str()))
                .with("crc64nvme", content.map(|content| content.crc64nvme.as_str()))
                .with("payload", payload.as_deref());
            within.push_str(&tag.holding("file", ""));
        }
        inner.push_str(&tag.holding("representation", &within));
    }
    Ok(Tag::new("digital_title")
        .with("mms_id", Some(bib.mms_id.as_str()))
        .with("record_format", Some(bib.format.code()))
        .with("suppress_from_publishing", Some(if bib.suppressed { "true" } else { "false" }))
        .with("created_at", Some(&bib.created_at.to_string()))
        .with("modified_at", Some(&bib.modified_at.to_string()))
        .holding("digital_title", &inner))
}
