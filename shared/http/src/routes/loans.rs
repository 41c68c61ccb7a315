//! Who has borrowed what (A18): it tells of patrons, so it has an action of its own.

use axum::extract::State;

use super::{Api, Caller, Segments, id, short_cursor};
use crate::views::{LOANS, loans};
use crate::wire::{Params, Problem, Reply};

pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    params: Params,
) -> Result<Reply, Problem> {
    let [mms, rep] = &path.0;
    let (mms, rep) = (id(mms, "bib record")?, id(rep, "representation")?);
    let (limit, after) = (params.number("limit", 10, 100)?.max(1), short_cursor(&params)?);
    let found = api.app.list_borrowers(&caller.0, &mms, &rep, limit, after.as_deref()).await?;
    Ok(Reply::ok(&LOANS, loans(&found)))
}
