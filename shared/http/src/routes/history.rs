//! Histories, each below the address of its thing; they stay when the thing is deleted (D24).

use axum::extract::State;
use vitrine_app::history::HistoryOf;

use super::{Api, Caller, Segments, id};
use crate::views::{AUDIT_ROWS, HISTORY, SEALS, audit_rows, history, seals};
use crate::wire::{Params, Problem, Reply};

/// The most bytes of a cursor that is a sort key, such as an instant and an event.
const MAX_CURSOR_BYTES: usize = 100;

pub(crate) fn short_cursor(params: &Params) -> Result<Option<String>, Problem> {
    let after = params.cursor()?;
    if after.as_ref().is_some_and(|cursor| cursor.is_empty() || cursor.len() > MAX_CURSOR_BYTES) {
        return Err(Problem::bad_field("next", "must be the `next` of an earlier answer"));
    }
    Ok(after)
}

async fn show(api: &Api, caller: &Caller, of: &HistoryOf, params: &Params) -> Result<Reply, Problem> {
    let after = short_cursor(params)?;
    let limit = params.number("limit", 10, 100)?.max(1);
    let found = api.app.history(&caller.0, of, limit, after.as_deref()).await?;
    Ok(Reply::ok(&HISTORY, history(&found.items, found.next.as_deref())))
}

macro_rules! histories {
    ($($name:ident: $count:literal, |$path:ident| $of:expr;)+) => {
        $(pub(crate) async fn $name(
            State(api): State<Api>,
            caller: Caller,
            path: Segments<$count>,
            params: Params,
        ) -> Result<Reply, Problem> {
            let $path = &path.0;
            show(&api, &caller, &$of, &params).await
        })+
    };
}

histories!(
    of_bib: 1, |path| HistoryOf::Bib(id(&path[0], "bib record")?);
    of_representation: 2, |path| HistoryOf::Representation(id(&path[0], "bib record")?, id(&path[1], "representation")?);
    of_file: 3, |path| HistoryOf::File(id(&path[0], "bib record")?, id(&path[1], "representation")?, id(&path[2], "file")?);
    of_collection: 1, |path| HistoryOf::Collection(id(&path[0], "collection")?);
    of_policy: 1, |path| HistoryOf::Policy(id(&path[0], "access rights policy")?);
    of_profile: 1, |path| HistoryOf::Profile(id(&path[0], "import profile")?);
    of_ingest: 2, |path| HistoryOf::Ingest(id(&path[0], "import profile")?, id(&path[1], "ingest")?);
    of_upload: 1, |path| HistoryOf::Upload(id(&path[0], "upload")?);
    of_set: 1, |path| HistoryOf::Set(id(&path[0], "set")?);
    of_export: 1, |path| HistoryOf::Export(id(&path[0], "export")?);
    of_remote_repository: 1, |path| HistoryOf::Remote(id(&path[0], "remote repository")?);
    of_oai_repository: 0, |_path| HistoryOf::Oai;
    of_publishing: 1, |path| HistoryOf::Publishing(id(&path[0], "publishing profile")?);
    of_job: 1, |path| HistoryOf::Job(id(&path[0], "job")?);
    of_library: 1, |path| HistoryOf::Library(id(&path[0], "library")?);
    of_user: 1, |path| HistoryOf::User(id(&path[0], "user")?);
    of_api_key: 1, |path| HistoryOf::ApiKey(id(&path[0], "API key")?);
);

/// The most manifests of a page: each comes with a link to every list.
const SEALS_A_PAGE: u32 = 24;

pub(crate) async fn list_seals(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
) -> Result<Reply, Problem> {
    let after = short_cursor(&params)?;
    let limit = params.number("limit", SEALS_A_PAGE, SEALS_A_PAGE)?.max(1);
    let period = (params.get("from")?, params.get("to")?);
    let found = api.app.list_seals(&caller.0, period, limit, after.as_deref()).await?;
    Ok(Reply::ok(&SEALS, seals(&found.items, found.next.as_deref())))
}

pub(crate) async fn list_audit_rows(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
) -> Result<Reply, Problem> {
    let after = params.cursor()?;
    let limit = params.number("limit", 100, 100)?.max(1);
    let hour = params.get("hour")?.unwrap_or_default();
    let found = api.app.audit_rows(&caller.0, hour, limit, after.as_deref()).await?;
    Ok(Reply::ok(&AUDIT_ROWS, audit_rows(&found.items, found.next.as_deref())))
}
