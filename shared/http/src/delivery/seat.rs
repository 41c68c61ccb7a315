//! Seats, declarations and sessions: what a viewer does before it is given files (A12, A15-A17).

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use vitrine_app::delivery::{Opened, Standing};
use vitrine_domain::seats::ASK_SECONDS;
use vitrine_domain::usage::Measure;

use super::answer::{refusal, until};
use super::page::wants_page;
use super::resource::asked;
use super::viewer::Viewer;
use crate::routes::Api;
use crate::wire::{Params, Problem};

type Address = Path<[String; 2]>;

/// Takes a seat, keeps it, or waits for one; with `op=release` gives it back, as a page does that is being closed and
/// can only send a POST.
pub(super) async fn take(
    State(api): State<Api>,
    mut viewer: Viewer,
    Path([institution, id]): Address,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["tab", "op"])?;
    let is_form = wants_page(&headers);
    let named = asked(&api, &institution, &id)?;
    let tab = tab(&params)?;
    match params.get("op")? {
        None => {}
        Some("release") => return release(&api, &viewer, &named, tab).await,
        Some(_) => return Err(Problem::bad_field("op", "must be `release`")),
    }
    let cookie = viewer.keep_session(&api)?;
    let (opened, standing) = api.app.take_seat(&viewer.call, &viewer.visit, &named, tab).await?;
    if is_form {
        return back_to_page(&api, &opened, cookie);
    }
    answer(&api, &viewer, &opened, &standing, cookie)
}

/// How the viewer stands to the seats.
pub(super) async fn read(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id]): Address,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let named = asked(&api, &institution, &id)?;
    let (opened, standing) = api.app.standing(&viewer.call, &viewer.visit, &named).await?;
    answer(&api, &viewer, &opened, &standing, None)
}

/// Gives the seat back, or the place in the line.
pub(super) async fn leave(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id]): Address,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["tab"])?;
    release(&api, &viewer, &asked(&api, &institution, &id)?, tab(&params)?).await
}

async fn release(
    api: &Api,
    viewer: &Viewer,
    named: &vitrine_app::delivery::Asked,
    tab: &str,
) -> Result<Response, Problem> {
    api.app.leave_seat(&viewer.call, &viewer.visit, named, tab).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Leads a form of the page back to the page, which says what there is now.
pub(super) fn back_to_page(
    api: &Api,
    opened: &Opened,
    cookie: Option<HeaderValue>,
) -> Result<Response, Problem> {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    let page = api.addresses.delivered(&opened.representation.id);
    headers.insert(LOCATION, HeaderValue::from_str(&page).map_err(|_| Problem::internal())?);
    if let Some(cookie) = cookie {
        headers.insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The name that a window gave itself.
fn tab(params: &Params) -> Result<&str, Problem> {
    let tab = params.get("tab")?.unwrap_or("");
    let legal =
        tab.len() <= 64 && tab.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if legal {
        Ok(tab)
    } else {
        Err(Problem::bad_field("tab", "must be up to 64 letters, digits, `-` and `_`"))
    }
}

fn answer(
    api: &Api,
    viewer: &Viewer,
    opened: &Opened,
    standing: &Standing,
    cookie: Option<HeaderValue>,
) -> Result<Response, Problem> {
    // Who needs no seat may still be refused, or have something to declare first.
    if let (Standing::Unlimited, Some(refused)) = (standing, refusal(opened, &api.addresses)) {
        return Err(refused);
    }
    let now = viewer.call.now;
    let status = match standing {
        Standing::CoolsOff { until: end } => {
            let detail = "you looked at it a moment ago; let others look";
            let problem =
                Problem::new(StatusCode::FORBIDDEN, "cool-off", "Not yet again", "COOL_OFF", detail);
            return Err(until(problem, "COOL_OFF", *end, now));
        }
        Standing::Waits { .. } => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    let mut response = json(status, &api.addresses.standing(standing, now), cookie);
    if status == StatusCode::ACCEPTED {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(ASK_SECONDS));
    }
    Ok(response)
}

/// A small answer that is this viewer's alone.
pub(super) fn json(status: StatusCode, view: &Value, cookie: Option<HeaderValue>) -> Response {
    let mut response = (status, view.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(cookie) = cookie {
        headers.insert(SET_COOKIE, cookie);
    }
    response
}

/// Records what the viewer answers to the declaration.
pub(super) async fn declare(
    State(api): State<Api>,
    mut viewer: Viewer,
    Path([institution, id]): Address,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["accept"])?;
    let named = asked(&api, &institution, &id)?;
    if params.get("accept")?.is_none() {
        return Err(Problem::bad_field("accept", "must be `true` or `false`"));
    }
    let accepted = params.flag("accept", false)?;
    let cookie = viewer.keep_session(&api)?;
    let (opened, declared) = api.app.declare(&viewer.call, &viewer.visit, &named, accepted).await?;
    if declared.is_some() && !accepted {
        api.app.count_measure(&viewer.call, &viewer.visit, &opened, Measure::DeclarationRefused).await;
    }
    if wants_page(&headers) {
        return back_to_page(&api, &opened, cookie);
    }
    match (&declared, refusal(&opened, &api.addresses)) {
        // There is nothing to declare, and something else stands in the way.
        (None, Some(refused)) => Err(refused),
        _ => Ok(json(StatusCode::OK, &api.addresses.declared(declared.as_ref()), cookie)),
    }
}
