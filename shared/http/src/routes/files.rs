//! Files.

use axum::extract::State;
use serde::Deserialize;
use vitrine_app::files::{FileChanges, StagedFile};
use vitrine_domain::ids::{FileId, MmsId, RepId};
use vitrine_domain::removal::{EmptiedBib, EmptiedRepresentation};

use super::{Api, Caller, Segments, id, page};
use crate::views::{FILE, FILES, list as list_view};
use crate::wire::{Body, IfMatch, Params, Problem, Reply, Shape, Wire};

/// A file as a client sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct FileBody {
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    order: Option<u32>,
}

impl Wire for FileBody {
    fn shape() -> &'static Shape {
        &FILE
    }
}

fn owner([mms, rep]: &[String; 2]) -> Result<(MmsId, RepId), Problem> {
    Ok((id(mms, "bib record")?, id(rep, "representation")?))
}

fn ids([mms, rep, file]: &[String; 3]) -> Result<(MmsId, RepId, FileId), Problem> {
    Ok((id(mms, "bib record")?, id(rep, "representation")?, id(file, "file")?))
}

fn wants(params: &Params, wish: &str) -> Result<bool, Problem> {
    Ok(params.get("expand")?.is_some_and(|expand| expand.split(',').any(|word| word == wish)))
}

pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    params: Params,
) -> Result<Reply, Problem> {
    let (mms, rep) = owner(&path.0)?;
    let (wants_url, wants_fixity) = (wants(&params, "url")?, wants(&params, "fixity")?);
    let (found, total) = api.app.list_files(&caller.0, &mms, &rep, &page(params.paging()?)).await?;
    let states = if wants_fixity { api.app.fixity_of_files(&found.items).await? } else { Vec::new() };
    let mut views = Vec::with_capacity(found.items.len());
    for file in &found.items {
        let url = if wants_url { api.app.download_link(&caller.0, file).await? } else { None };
        let fixity = states.iter().find(|state| state.file == file.id);
        views.push(api.addresses.file(file, url, fixity));
    }
    Ok(Reply::ok(&FILES, list_view("representation_file", views, total, found.next.as_deref())))
}

pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    Body(body): Body<FileBody>,
) -> Result<Reply, Problem> {
    let (mms, rep) = owner(&path.0)?;
    let staged = body.path.ok_or_else(|| {
        Problem::bad_field("path", "must be given: the key of an object in the upload area; to upload through the API, POST to /uploads")
    })?;
    let wish = StagedFile { path: staged, label: body.label, order: body.order };
    let created = api.app.add_staged_file(&caller.0, &mms, &rep, wish).await?;
    Ok(Reply::ok(&FILE, api.addresses.file(&created, None, None)).at_version(created.version))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<3>,
    params: Params,
) -> Result<Reply, Problem> {
    let (mms, rep, file) = ids(&path.0)?;
    let found = api.app.read_file(&caller.0, &mms, &rep, &file).await?;
    let (wants_url, wants_fixity) = (wants(&params, "url")?, wants(&params, "fixity")?);
    if wants_url || wants_fixity {
        // A signed link is new each time, and a check is no change of the file: no entity tag vouches for them.
        let url = if wants_url { api.app.download_link(&caller.0, &found).await? } else { None };
        let fixity = if wants_fixity { api.app.fixity_of_file(&found.id).await? } else { None };
        return Ok(Reply::ok(&FILE, api.addresses.file(&found, url, fixity.as_ref())));
    }
    Ok(Reply::ok(&FILE, api.addresses.file(&found, None, None)).at_version(found.version))
}

pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<3>,
    if_match: IfMatch,
    Body(body): Body<FileBody>,
) -> Result<Reply, Problem> {
    let (mms, rep, file) = ids(&path.0)?;
    let changes = FileChanges { label: body.label, order: body.order };
    let after = if_match
        .guard(|expected| api.app.update_file(&caller.0, &mms, &rep, &file, changes.clone(), expected))
        .await?;
    Ok(Reply::ok(&FILE, api.addresses.file(&after, None, None)).at_version(after.version))
}

pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<3>,
    params: Params,
    if_match: IfMatch,
) -> Result<Reply, Problem> {
    let (mms, rep, file) = ids(&path.0)?;
    let emptied_rep = params.coded("representations", EmptiedRepresentation::Retain)?;
    let emptied_bib = params.coded("bibs", EmptiedBib::Retain)?;
    if_match
        .guard(|expected| {
            api.app.delete_file(&caller.0, &mms, &rep, &file, emptied_rep, emptied_bib, expected)
        })
        .await?;
    Ok(Reply::no_content())
}
