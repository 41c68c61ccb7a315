//! Publishing profiles: create, change, run, try out, fetch the files; and the OAI-PMH repository.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::{JobId, PublishingId};
use vitrine_domain::publishing::profile::{PublishingSettings, Rendition};
use vitrine_domain::publishing::repository::OaiSettings;
use vitrine_store::catalog::Count;

use super::{Api, Caller, Segments, id};
use crate::views::{
    JOB, OAI_REPOSITORY, PREVIEW, PUBLISHED_FILES, PUBLISHING, PUBLISHINGS, SECRET, list as list_view,
};
use crate::wire::query::codes;
use crate::wire::{Body, IfMatch, Params, Problem, Reply, Shape, Wire};

/// A publishing profile as a client sends it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct PublishingBody(PublishingSettings);

impl Wire for PublishingBody {
    fn shape() -> &'static Shape {
        &PUBLISHING
    }
}

/// The settings of the OAI-PMH repository as a client sends them.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct OaiBody(OaiSettings);

impl Wire for OaiBody {
    fn shape() -> &'static Shape {
        &OAI_REPOSITORY
    }
}

/// A secret as a client sends it.
#[derive(Deserialize)]
pub(crate) struct SecretBody {
    secret: String,
}

impl Wire for SecretBody {
    fn shape() -> &'static Shape {
        &SECRET
    }
}

fn publishing_id(path: Segments<1>) -> Result<PublishingId, Problem> {
    let [profile] = path.0;
    id(&profile, "publishing profile")
}

pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Result<Reply, Problem> {
    let found = api.app.list_publishing(&caller.0).await?;
    let count = Count { number: u32::try_from(found.len()).unwrap_or(u32::MAX), at_least: false };
    let views = found.iter().map(|profile| api.addresses.publishing(profile, caller.0.now)).collect();
    Ok(Reply::ok(&PUBLISHINGS, list_view("publishing_profile", views, count, None)))
}

pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<PublishingBody>,
) -> Result<Reply, Problem> {
    let created = api.app.create_publishing(&caller.0, body.0).await?;
    Ok(Reply::ok(&PUBLISHING, api.addresses.publishing(&created, caller.0.now)).at_version(created.version))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let found = api.app.read_publishing(&caller.0, &publishing_id(path)?).await?;
    let told = api.app.delivery_of(&found).await?;
    let view = api.addresses.publishing_told(&found, told.as_ref(), caller.0.now);
    Ok(Reply::ok(&PUBLISHING, view).at_version(found.version))
}

pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
    Body(body): Body<PublishingBody>,
) -> Result<Reply, Problem> {
    let profile = publishing_id(path)?;
    let after = if_match
        .guard(|expected| api.app.update_publishing(&caller.0, &profile, body.0.clone(), expected))
        .await?;
    Ok(Reply::ok(&PUBLISHING, api.addresses.publishing(&after, caller.0.now)).at_version(after.version))
}

pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
) -> Result<Reply, Problem> {
    let profile = publishing_id(path)?;
    if_match.guard(|expected| api.app.delete_publishing(&caller.0, &profile, expected)).await?;
    Ok(Reply::no_content())
}

pub(crate) async fn run(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    if params.get("op")? != Some("run") {
        return Err(Problem::bad_field("op", "must be: run"));
    }
    let full = params.flag("full", false)?;
    let job = api.app.run_publishing(&caller.0, &publishing_id(path)?, full).await?;
    Ok(Reply::ok(&JOB, api.addresses.job(&job, caller.0.now)))
}

pub(crate) async fn secret(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let secret = api.app.renew_secret(&caller.0, &publishing_id(path)?).await?;
    Ok(Reply::ok(&SECRET, json!({ "secret": secret })))
}

pub(crate) async fn set_secret(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    Body(body): Body<SecretBody>,
) -> Result<Reply, Problem> {
    api.app.set_secret(&caller.0, &publishing_id(path)?, &body.secret).await?;
    Ok(Reply::no_content())
}

pub(crate) async fn copy(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let copied = api.app.copy_publishing(&caller.0, &publishing_id(path)?).await?;
    Ok(Reply::ok(&PUBLISHING, api.addresses.publishing(&copied, caller.0.now)).at_version(copied.version))
}

pub(crate) async fn preview(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    let profile = publishing_id(path)?;
    let mms = params.get("mms_id")?.unwrap_or_default().to_owned();
    let title = mms.parse().map_err(|_| Problem::bad_field("mms_id", "must be a bib record id"))?;
    let format = match params.get("metadata_prefix")? {
        None => None,
        Some(prefix) => Some(
            Rendition::from_code(prefix)
                .ok_or_else(|| Problem::bad_field("metadata_prefix", codes::<Rendition>()))?,
        ),
    };
    let record = api.app.preview_publishing(&caller.0, &profile, &title, format).await?;
    let view = json!({
        "mms_id": mms,
        "metadata_prefix": format.map_or("", Coded::code),
        "anies": [record],
    });
    Ok(Reply::ok(&PREVIEW, view))
}

pub(crate) async fn files(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
) -> Result<Reply, Problem> {
    let [profile, job] = path.0;
    let profile: PublishingId = id(&profile, "publishing profile")?;
    let job: JobId = id(&job, "job")?;
    let (job, links) = api.app.publishing_files(&caller.0, &profile, &job).await?;
    Ok(Reply::ok(&PUBLISHED_FILES, api.addresses.published_files(&job, &links)))
}

pub(crate) async fn read_oai(State(api): State<Api>, caller: Caller) -> Result<Reply, Problem> {
    let (settings, version) = api.app.read_oai_settings(&caller.0).await?;
    Ok(Reply::ok(&OAI_REPOSITORY, api.addresses.oai_repository(&settings)).at_version(version))
}

pub(crate) async fn update_oai(
    State(api): State<Api>,
    caller: Caller,
    if_match: IfMatch,
    Body(body): Body<OaiBody>,
) -> Result<Reply, Problem> {
    let (settings, version) =
        if_match.guard(|expected| api.app.update_oai_settings(&caller.0, body.0.clone(), expected)).await?;
    Ok(Reply::ok(&OAI_REPOSITORY, api.addresses.oai_repository(&settings)).at_version(version))
}
