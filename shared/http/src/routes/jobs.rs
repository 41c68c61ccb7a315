//! Jobs: follow, stop, resubmit, undo, their rows and reports.

use axum::extract::State;
use serde_json::{Value, json};
use vitrine_app::jobs::ReportFormat;
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::JobId;
use vitrine_domain::import::row::{Decision, RowOutcome};

use super::{Api, Caller, Segments, id, page};
use crate::views::{JOB, JOBS, LINK, ROW, ROWS, list as list_view, report as report_view, row as row_view};
use crate::wire::query::{codes, cursor};
use crate::wire::{Paging, Params, Problem, Reply};

fn job_id(path: Segments<1>) -> Result<JobId, Problem> {
    let [job] = path.0;
    id(&job, "job")
}

pub(crate) async fn list(State(api): State<Api>, caller: Caller, params: Params) -> Result<Reply, Problem> {
    let (found, total) = api.app.list_jobs(&caller.0, &page(params.paging()?)).await?;
    let views = found.items.iter().map(|job| api.addresses.job(job, caller.0.now)).collect();
    Ok(Reply::ok(&JOBS, list_view("job", views, total, found.next.as_deref())))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let found = api.app.read_job(&caller.0, &job_id(path)?).await?;
    Ok(Reply::ok(&JOB, api.addresses.job(&found, caller.0.now)))
}

pub(crate) async fn act(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    let job = job_id(path)?;
    let (app, call) = (&api.app, &caller.0);
    let after = match params.get("op")? {
        Some("cancel") => app.cancel_job(call, &job).await?,
        Some("resubmit") => app.resubmit_job(call, &job).await?,
        Some("undo") => app.undo_job(call, &job).await?,
        _ => return Err(Problem::bad_field("op", "must be one of: cancel, resubmit, undo")),
    };
    Ok(Reply::ok(&JOB, api.addresses.job(&after, call.now)))
}

pub(crate) async fn rows(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    let outcome = match params.get("outcome")? {
        None => None,
        Some(word) => Some(
            RowOutcome::from_code(&word.to_ascii_uppercase())
                .ok_or_else(|| Problem::bad_field("outcome", codes::<RowOutcome>()))?,
        ),
    };
    let open = params.flag("open", false)?
        || matches!(outcome, Some(RowOutcome::Failed | RowOutcome::MissingFiles | RowOutcome::Waiting));
    let paging = Paging {
        limit: params.number("limit", 10, 100)?,
        offset: params.number("offset", 0, 10_000)?,
        after: params.cursor()?,
    };
    let found = api.app.list_rows(&caller.0, &job_id(path)?, outcome, open, &page(paging)).await?;
    let mut view = json!({ "row": found.items.iter().map(row_view).collect::<Vec<_>>() });
    if let (Some(next), Some(members)) = (found.next, view.as_object_mut()) {
        members.insert("next".to_owned(), Value::String(cursor(&next)));
    }
    Ok(Reply::ok(&ROWS, view))
}

pub(crate) async fn decide(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    params: Params,
) -> Result<Reply, Problem> {
    let [job, number] = path.0;
    let job: JobId = id(&job, "job")?;
    let number: u64 = id(&number, "row")?;
    let (app, call) = (&api.app, &caller.0);
    let row = match params.get("op")? {
        Some("discard") => app.discard_row(call, &job, number).await?,
        Some("force") => app.decide_row(call, &job, number, Decision::Force).await?,
        Some("new") => app.decide_row(call, &job, number, Decision::New).await?,
        Some("match") => {
            let mms = params.get("mms_id")?.unwrap_or_default();
            let mms_id = mms.parse().map_err(|_| Problem::bad_field("mms_id", "is not a bib record id"))?;
            app.decide_row(call, &job, number, Decision::Match { mms_id }).await?
        }
        _ => return Err(Problem::bad_field("op", "must be one of: force, match, new, discard")),
    };
    Ok(Reply::ok(&ROW, row_view(&row)))
}

pub(crate) async fn report(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    // `format` chooses the answer's own form everywhere, so the report's has another name.
    let format = match params.get("as")? {
        None | Some("json") => ReportFormat::JsonLines,
        Some("csv") => ReportFormat::Csv,
        Some(_) => return Err(Problem::bad_field("as", "must be `json` or `csv`")),
    };
    let link = api.app.job_report(&caller.0, &job_id(path)?, format).await?;
    Ok(Reply::ok(&LINK, report_view(&link)))
}
