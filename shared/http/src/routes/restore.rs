//! What was deleted: list it, look at one thing, take it back, or purge it at once.

use axum::extract::{Path, State};
use vitrine_domain::removal::{DeletedId, DeletedKind};

use super::{Api, Caller, id, page};
use crate::views::{DELETED, DELETED_LIST};
use crate::wire::{IfMatch, Params, Problem, Reply};

pub(crate) async fn list(State(api): State<Api>, caller: Caller, params: Params) -> Result<Reply, Problem> {
    let kind = params.coded("type", DeletedKind::Title)?;
    let found = api.app.list_deleted(&caller.0, kind, &page(params.paging_by(10, 100)?)).await?;
    Ok(Reply::ok(&DELETED_LIST, api.addresses.deleted_list(&found.items, found.next.as_deref())))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Path(deleted): Path<String>,
) -> Result<Reply, Problem> {
    let of: DeletedId = named(&caller, &deleted)?;
    let found = api.app.read_deleted(&caller.0, &of).await?;
    Ok(Reply::ok(&DELETED, api.addresses.deleted(&found)).at_version(found.version))
}

pub(crate) async fn act(
    State(api): State<Api>,
    caller: Caller,
    Path(deleted): Path<String>,
    params: Params,
    if_match: IfMatch,
) -> Result<Reply, Problem> {
    let of: DeletedId = named(&caller, &deleted)?;
    let override_identifiers = params.flag("override", false)?;
    let found = match params.get("op")? {
        Some("restore") => {
            if_match.guard(|expected| api.app.restore(&caller.0, &of, override_identifiers, expected)).await?
        }
        Some("purge") => if_match.guard(|expected| api.app.purge(&caller.0, &of, expected)).await?,
        _ => return Err(Problem::bad_field("op", "must be `restore` or `purge`")),
    };
    Ok(Reply::ok(&DELETED, api.addresses.deleted(&found)).at_version(found.version))
}

/// A caller that may see nothing of what was deleted does not learn which texts are ids.
fn named(caller: &Caller, text: &str) -> Result<DeletedId, Problem> {
    use vitrine_domain::roles::Action;
    caller.0.actor.may_somewhere(Action::ReadDeleted).map_err(vitrine_app::AppError::from)?;
    id(text, "deleted thing")
}
