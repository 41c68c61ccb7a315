//! Uploads, and the signed requests with which a client sends bytes.

use serde_json::{Value, json};
use vitrine_app::uploads::Ticket;
use vitrine_domain::upload::{Upload, UploadState};
use vitrine_store::objects::{SignedForm, SignedRequest, UploadedPart};

use super::{Addresses, code, day, without_nulls};
use crate::wire::shape::{Shape, coded, count, object, text};

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

impl Addresses {
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
