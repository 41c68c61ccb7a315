//! Files and their thumbnails (ALMA-11).

use serde_json::{Value, json};
use vitrine_app::delivery::is_plain_text;
use vitrine_domain::file::{DigitalFile, FullText, Thumbnail};
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

pub static FULLTEXT: Shape = Shape {
    root: "fulltext",
    members: &[
        text("fulltext_format"),
        text("fulltext_url"),
        text("state"),
        text("code"),
        text("reason"),
        count("size"),
        flag("cut"),
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
        object("fulltext", &FULLTEXT).output_only(),
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
            "fulltext": self.fulltext(found),
            "fixity": fixity.map(fixity_view),
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
            "last_modified_by": found.modified_by.as_str(),
            "last_modified_date": day(found.modified_at),
        }))
    }
}

impl Addresses {
    /// Where a file's text is read.
    pub(super) fn text_url(&self, file: &FileId) -> String {
        format!("{}/delivery/text/{}/{file}", self.delivery, self.institution)
    }

    /// The text of a file and what came of reading it; `None` where it may hold none. Who may read it is decided there.
    fn fulltext(&self, found: &DigitalFile) -> Option<Value> {
        let its_own = found.content.as_ref().is_some_and(|content| is_plain_text(&content.mime));
        let (code, reason) = match &found.fulltext {
            _ if its_own => (None, None),
            FullText::Unread => return None,
            FullText::Failed { code, reason } => (Some(code), Some(reason)),
            FullText::Unsupported { reason } => (None, Some(reason)),
            FullText::Ready { .. } | FullText::Nothing => (None, None),
        };
        let (size, cut) = match &found.fulltext {
            FullText::Ready { size_bytes, cut, .. } => (Some(size_bytes), Some(cut)),
            _ => (None, None),
        };
        let there = its_own || found.fulltext.key().is_some();
        Some(without_nulls(json!({
            "fulltext_format": there.then_some(PLAIN),
            "fulltext_url": there.then(|| self.text_url(&found.id)),
            "state": if its_own { "READY" } else { found.fulltext.state() },
            "code": code,
            "reason": reason,
            "size": size,
            "cut": cut,
        })))
    }
}

/// How a text is written.
pub(super) const PLAIN: &str = "PLAIN";

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
