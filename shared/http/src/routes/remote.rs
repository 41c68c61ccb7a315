//! Remote repositories.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use vitrine_domain::remote::{RepositoryCode, RepositoryFields};

use super::bibs::CodedValue;
use super::representations::code;
use super::{Api, Caller, Segments, id};
use crate::views::{REMOTE_REPOSITORIES, REMOTE_REPOSITORY};
use crate::wire::{Body, IfMatch, Problem, Reply, Shape, Wire};

/// A remote repository as a client sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct RepositoryBody {
    name: String,
    #[serde(default)]
    system_type: Option<String>,
    #[serde(default)]
    format: Option<CodedValue>,
    base_url: String,
    object_template: String,
    #[serde(default)]
    thumbnail_template: Option<String>,
}

impl Wire for RepositoryBody {
    fn shape() -> &'static Shape {
        &REMOTE_REPOSITORY
    }
}

pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Result<Reply, Problem> {
    let found = api.app.list_remote_repositories(&caller.0).await?;
    let views: Vec<_> = found.iter().map(|it| api.addresses.remote_repository(it)).collect();
    let view = json!({ "total_record_count": views.len(), "remote_repository": views });
    Ok(Reply::ok(&REMOTE_REPOSITORIES, view))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let [wanted] = path.0;
    let found = api.app.read_remote_repository(&caller.0, &id(&wanted, "remote repository")?).await?;
    Ok(Reply::ok(&REMOTE_REPOSITORY, api.addresses.remote_repository(&found)).at_version(found.version))
}

pub(crate) async fn write(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
    Body(body): Body<RepositoryBody>,
) -> Result<Reply, Problem> {
    let [wanted] = path.0;
    let wanted: RepositoryCode = wanted
        .parse()
        .map_err(|_| Problem::bad_field("code", "must be 1 to 50 letters, digits, `_` and `-`"))?;
    let fields = RepositoryFields {
        name: body.name,
        system_type: body.system_type,
        format: body.format.as_ref().map(|value| code("format", value)).transpose()?,
        base_url: body.base_url,
        object_template: body.object_template,
        thumbnail_template: body.thumbnail_template,
    };
    let after = if_match
        .guard(|expected| api.app.put_remote_repository(&caller.0, wanted.clone(), fields.clone(), expected))
        .await?;
    Ok(Reply::ok(&REMOTE_REPOSITORY, api.addresses.remote_repository(&after)).at_version(after.version))
}
