//! Files and their thumbnails (ALMA-11).

use serde_json::{Value, json};
use vitrine_domain::file::{DigitalFile, Thumbnail};
use vitrine_domain::fixity::Fixity;
use vitrine_domain::ids::{FileId, MmsId, RepId};

use super::fixity::{FIXITY, fixity as fixity_view};
use super::{Addresses, code, day, without_nulls};
use crate::wire::shape::{Shape, coded, count, flag, object, text};

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
        object("fixity", &FIXITY).output_only(),
        text("created_by").output_only(),
        text("created_date").output_only(),
        text("last_modified_by").output_only(),
        text("last_modified_date").output_only(),
    ],
};

list_shape!(FILES: "representation_files" of "representation_file" FILE);

impl Addresses {
    pub(super) fn file_link(&self, mms: &MmsId, rep: &RepId, file: &FileId) -> String {
        format!("{}/representations/{rep}/files/{file}", self.bib_link(mms))
    }

    /// A file; `url` is its signed link and `fixity` what is known of its bytes, where they were asked for.
    pub fn file(&self, found: &DigitalFile, url: Option<String>, fixity: Option<&Fixity>) -> Value {
        let link = self.file_link(&found.mms_id, &found.representation, &found.id);
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
            "fixity": fixity.map(fixity_view),
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
            "last_modified_by": found.modified_by.as_str(),
            "last_modified_date": day(found.modified_at),
        }))
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
