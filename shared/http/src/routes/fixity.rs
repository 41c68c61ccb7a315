//! Fixity: have files checked, and read which are in trouble.

use axum::extract::State;
use vitrine_domain::fixity::Trouble;

use super::{Api, Caller, Segments, id, page};
use crate::views::{FILE, FIXITY_FILES, list as list_view};
use crate::wire::{Params, Problem, Reply};

pub(crate) async fn check_file(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<3>,
) -> Result<Reply, Problem> {
    let [mms, rep, file] = &path.0;
    let (mms, rep, file) = (id(mms, "bib record")?, id(rep, "representation")?, id(file, "file")?);
    let (found, fixity) = api.app.ask_for_file_check(&caller.0, &mms, &rep, &file).await?;
    Ok(Reply::ok(&FILE, api.addresses.file(&found, None, Some(&fixity))))
}

pub(crate) async fn check_representation(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
) -> Result<Reply, Problem> {
    let [mms, rep] = &path.0;
    let (mms, rep) = (id(mms, "bib record")?, id(rep, "representation")?);
    api.app.ask_for_representation_check(&caller.0, &mms, &rep).await?;
    Ok(Reply::no_content())
}

pub(crate) async fn list(State(api): State<Api>, caller: Caller, params: Params) -> Result<Reply, Problem> {
    let trouble = params.coded("status", Trouble::Damaged)?;
    let (found, total) = api.app.list_fixity(&caller.0, trouble, &page(params.paging()?)).await?;
    let views = found.items.iter().map(|file| api.addresses.fixity_file(file)).collect();
    Ok(Reply::ok(&FIXITY_FILES, list_view("file", views, total, found.next.as_deref())))
}
