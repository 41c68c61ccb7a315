//! Uploads: ask, send the bytes to the signed address, see the file appear.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use vitrine_app::uploads::UploadWish;
use vitrine_domain::ids::UploadId;

use super::bibs::CodedValue;
use super::representations::code;
use super::{Api, Caller, Segments, id};
use crate::views::{PARTS, SIGNED_PARTS, UPLOAD, part, signed};
use crate::wire::{Body, Problem, Reply, Shape, Wire};

/// A wish to upload as a client sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct UploadBody {
    representation_id: String,
    #[serde(default)]
    thumbnail_of: Option<String>,
    file_name: String,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    order: Option<u32>,
    size: u64,
    #[serde(default)]
    mime_type: Option<String>,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    method: Option<CodedValue>,
    #[serde(default)]
    part_size: Option<u64>,
}

impl Wire for UploadBody {
    fn shape() -> &'static Shape {
        &UPLOAD
    }
}

/// Parts that a client asks to have signed.
#[derive(Debug, Deserialize)]
pub(crate) struct PartsBody {
    #[serde(default)]
    part: Vec<PartBody>,
}

#[derive(Debug, Deserialize)]
struct PartBody {
    part_number: u16,
    #[serde(default)]
    sha256: Option<String>,
}

impl Wire for PartsBody {
    fn shape() -> &'static Shape {
        &PARTS
    }
}

fn upload_id(path: Segments<1>) -> Result<UploadId, Problem> {
    let [upload] = path.0;
    id(&upload, "upload")
}

pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<UploadBody>,
) -> Result<Reply, Problem> {
    let representation = body
        .representation_id
        .parse()
        .map_err(|_| Problem::bad_field("representation_id", "is not a representation id"))?;
    let thumbnail_of = match body.thumbnail_of {
        None => None,
        Some(file) => Some(file.parse().map_err(|_| Problem::bad_field("thumbnail_of", "is not a file id"))?),
    };
    let wish = UploadWish {
        representation,
        thumbnail_of,
        file_name: body.file_name,
        label: body.label,
        order: body.order,
        size_bytes: body.size,
        mime: body.mime_type,
        sha256: body.sha256,
        method: body.method.as_ref().map(|method| code("method", method)).transpose()?,
        part_bytes: body.part_size,
    };
    let upload = api.app.create_upload(&caller.0, wish).await?;
    let ticket = api.app.sign_upload(&caller.0, &upload).await?;
    Ok(Reply::ok(&UPLOAD, api.addresses.upload(&upload, ticket.as_ref())))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let upload = api.app.read_upload(&caller.0, &upload_id(path)?).await?;
    // Whoever may see an upload but may not upload any more, sees it unsigned.
    let ticket = match api.app.sign_upload(&caller.0, &upload).await {
        Ok(ticket) => ticket,
        Err(vitrine_app::AppError::Refused(_)) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Reply::ok(&UPLOAD, api.addresses.upload(&upload, ticket.as_ref())))
}

pub(crate) async fn abort(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    api.app.abort_upload(&caller.0, &upload_id(path)?).await?;
    Ok(Reply::no_content())
}

pub(crate) async fn parts(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let found = api.app.list_parts(&caller.0, &upload_id(path)?).await?;
    Ok(Reply::ok(&PARTS, json!({ "part": found.iter().map(part).collect::<Vec<_>>() })))
}

pub(crate) async fn sign_parts(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    Body(body): Body<PartsBody>,
) -> Result<Reply, Problem> {
    let wanted: Vec<_> = body.part.into_iter().map(|part| (part.part_number, part.sha256)).collect();
    let found = api.app.sign_parts(&caller.0, &upload_id(path)?, &wanted).await?;
    let views: Vec<_> = found.iter().map(|(number, request)| signed(request, Some(*number))).collect();
    Ok(Reply::ok(&SIGNED_PARTS, json!({ "request": views })))
}

pub(crate) async fn complete(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let upload = api.app.complete_upload(&caller.0, &upload_id(path)?).await?;
    Ok(Reply::ok(&UPLOAD, api.addresses.upload(&upload, None)))
}
