//! Loans: a copy is borrowed for days, seen wherever its borrower signs in, and given back (A18).

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use vitrine_app::delivery::{Borrowing, Opened};
use vitrine_domain::coded::Coded;
use vitrine_domain::rights::Reason;

use super::answer::{refusal, until};
use super::page::wants_page;
use super::resource::asked;
use super::seat::{back_to_page, json};
use super::viewer::Viewer;
use crate::routes::{Api, short_cursor};
use crate::wire::{Params, Problem};

type Address = Path<[String; 2]>;

/// Borrows a copy; with `op=return` gives it back, as a form of the page does, which can only send a POST.
pub(super) async fn borrow(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id]): Address,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["op"])?;
    let named = asked(&api, &institution, &id)?;
    let is_form = wants_page(&headers);
    match params.get("op")? {
        None => {}
        Some("return") => {
            let opened = api.app.give_back(&viewer.call, &viewer.visit, &named).await?;
            return match is_form {
                true => back_to_page(&api, &opened, None),
                false => Ok(StatusCode::NO_CONTENT.into_response()),
            };
        }
        Some(_) => return Err(Problem::bad_field("op", "must be `return`")),
    }
    let (opened, borrowing) = api.app.borrow(&viewer.call, &viewer.visit, &named).await?;
    if is_form {
        // The page says what came of it.
        return back_to_page(&api, &opened, None);
    }
    if let Borrowing::AllOut { back_at } = borrowing {
        let detail = "all copies are lent; the first is back at `may_change_at` or before";
        let problem = Problem::new(StatusCode::CONFLICT, "no-copy", "No copy is in", "NO_COPY", detail);
        return Err(until(problem, "NO_COPY", back_at, viewer.call.now));
    }
    answer(&api, &opened, &borrowing)
}

/// How the viewer stands to the copies.
pub(super) async fn read(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id]): Address,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let named = asked(&api, &institution, &id)?;
    let (opened, borrowing) = api.app.borrowing(&viewer.call, &viewer.visit, &named).await?;
    answer(&api, &opened, &borrowing)
}

/// Gives the copy back.
pub(super) async fn give_back(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id]): Address,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.only(&[])?;
    let named = asked(&api, &institution, &id)?;
    api.app.give_back(&viewer.call, &viewer.visit, &named).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(api: &Api, opened: &Opened, borrowing: &Borrowing) -> Result<Response, Problem> {
    // What is not lent may still be refused, or have something to declare first.
    match (borrowing, refusal(opened, &api.addresses)) {
        (Borrowing::NotLent, Some(refused)) => Err(refused),
        _ => Ok(json(StatusCode::OK, &api.addresses.borrowing(borrowing), None)),
    }
}

/// The viewer's own loans.
pub(super) async fn list(
    State(api): State<Api>,
    viewer: Viewer,
    Path(institution): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["limit", "next"])?;
    if institution != api.addresses.institution {
        return Err(Problem::no_resource(&institution));
    }
    let Some(user) = viewer.user() else {
        let detail = Reason::SignIn.description();
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "access-denied",
            "Loans are whose they are",
            "ACCESS_DENIED",
            detail,
        )
        .with("reason", Some(Reason::SignIn.code().to_owned())));
    };
    let (limit, after) = (params.number("limit", 10, 100)?.max(1), short_cursor(&params)?);
    let page = api.app.own_loans(&viewer.call, user, limit, after.as_deref()).await?;
    Ok(json(StatusCode::OK, &api.addresses.own_loans(&page), None))
}
