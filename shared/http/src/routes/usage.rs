//! Usage reports (U1).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LINK};
use serde_json::json;
use vitrine_app::usage::UsageQuery;
use vitrine_domain::coded::Coded;
use vitrine_domain::usage::UsageBy;

use super::{Api, Caller};
use crate::views::{Audience, USAGE, usage, usage_csv};
use crate::wire::query::cursor;
use crate::wire::{Params, Problem, Reply};

/// The most rows of a page, and how many unless asked otherwise.
const MAX_ROWS: u32 = 1000;
const ROWS: u32 = 100;

pub(crate) async fn report(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    let by = params.coded("by", UsageBy::Day)?;
    let of = params.coded("counted", Audience::People)?;
    let csv = match params.get("as")? {
        None | Some("json") => false,
        Some("csv") => true,
        Some(_) => return Err(Problem::bad_field("as", "must be `json` or `csv`")),
    };
    let query = UsageQuery {
        from: params.get("from")?.map(str::to_owned),
        to: params.get("to")?.map(str::to_owned),
        by,
        limit: params.number("limit", ROWS, MAX_ROWS)?.max(1),
        after: params.cursor()?,
    };
    let found = api.app.usage(&caller.0, &query).await?;
    if !csv {
        let by = json!({ "value": by.code(), "desc": by.description() });
        return Ok(Reply::ok(&USAGE, usage(&found.items, by, of, found.next.as_deref())).into_response());
    }
    let mut response = usage_csv(&found.items, of).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"usage.csv\""));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Some(next) = &found.next {
        let link = format!("<?next={}>; rel=\"next\"", cursor(next));
        headers.insert(LINK, HeaderValue::from_str(&link).map_err(|_| Problem::internal())?);
    }
    Ok(response)
}
