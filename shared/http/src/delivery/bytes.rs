//! Bytes: a redirect to a short-lived signed link on the storage's own origin, never on ours (S7, B47). Ranges are asked
//! for there.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use vitrine_app::delivery::{Access, Asked, Given, Opened, Wanted};
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::RepId;
use vitrine_domain::rights::Reason;
use vitrine_domain::usage::Measure;
use vitrine_metadata::iiif::MAX_FILES;

use super::answer::{readable_by_all, refusal};
use super::resource::asked;
use super::viewer::Viewer;
use crate::routes::Api;
use crate::wire::{Params, Problem};

/// After how many seconds a viewer asks again for a copy that is being made.
const MARKING_SECONDS: u32 = 5;

type Address = Path<[String; 2]>;

pub(super) async fn content(
    api: State<Api>,
    viewer: Viewer,
    path: Address,
    params: Params,
) -> Result<Response, Problem> {
    give(api, viewer, path, params, Wanted::Content).await
}

pub(super) async fn download(
    api: State<Api>,
    viewer: Viewer,
    path: Address,
    params: Params,
) -> Result<Response, Problem> {
    give(api, viewer, path, params, Wanted::Download).await
}

pub(super) async fn text(
    api: State<Api>,
    viewer: Viewer,
    path: Address,
    params: Params,
) -> Result<Response, Problem> {
    give(api, viewer, path, params, Wanted::Text).await
}

/// The content of the file at a place of a representation, for whoever was let in after its manifest named no file (ADR 0017).
pub(super) async fn at_place(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id, place]): Path<[String; 3]>,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let (rep, place) = placed(&api, &institution, &id, &place)?;
    let opened = api.app.open_place(&viewer.call, &viewer.visit, &rep, place).await?;
    // Who is refused is told so, whether there is such a place or not.
    if opened.permit().is_some() && opened.file.is_none() {
        return Err(Problem::no_resource(&id));
    }
    give_opened(&api, &viewer, &opened, Wanted::Content).await
}

/// The representation and the place in it that an address names.
pub(super) fn placed(api: &Api, institution: &str, id: &str, place: &str) -> Result<(RepId, usize), Problem> {
    let nothing = || Problem::no_resource(id);
    let Asked::Representation(rep) = asked(api, institution, id)? else { return Err(nothing()) };
    let place = place.parse().ok().filter(|place| (1..=MAX_FILES).contains(place));
    Ok((rep, place.ok_or_else(nothing)?))
}

async fn give(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id]): Address,
    params: Params,
    wanted: Wanted,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let named = asked(&api, &institution, &id)?;
    let opened = api.app.open(&viewer.call, &viewer.visit, &named).await?;
    if opened.file.is_none() {
        return Err(Problem::no_resource(&id));
    }
    give_opened(&api, &viewer, &opened, wanted).await
}

async fn give_opened(
    api: &Api,
    viewer: &Viewer,
    opened: &Opened,
    wanted: Wanted,
) -> Result<Response, Problem> {
    if let Some(refused) = refusal(opened, &api.addresses) {
        if matches!(opened.access, Access::Denied { .. }) {
            api.app.count_opened(&viewer.call, &viewer.visit, opened).await;
        }
        return Err(refused);
    }
    let forbidden = |kind, reason: &str, detail| {
        Problem::new(StatusCode::FORBIDDEN, kind, "Access rights do not allow it", "ACCESS_DENIED", detail)
            .with("reason", Some(reason.to_owned()))
    };
    match api.app.give(&viewer.call, &viewer.visit, opened, wanted).await? {
        Given::Link(url) => {
            let measure = match wanted {
                Wanted::Download => Measure::Download,
                Wanted::Content | Wanted::Text => Measure::FileView,
            };
            api.app.count_measure(&viewer.call, &viewer.visit, opened, measure).await;
            let mut response = StatusCode::FOUND.into_response();
            let link = HeaderValue::from_str(&url).map_err(|_| Problem::internal())?;
            response.headers_mut().insert(LOCATION, link);
            if opened.terms.shared_seconds > 0 {
                readable_by_all(&mut response);
            }
            Ok(response)
        }
        Given::ViewOnly => Err(forbidden("view-only", "VIEW_ONLY", "it may be looked at but not downloaded")),
        Given::TooLarge => {
            let detail = "it may be seen only as a smaller picture, and there is none";
            Err(forbidden("size-limited", "SIZE", detail))
        }
        Given::Unmarkable => {
            let reason = Reason::Watermark;
            Err(forbidden("unmarkable", reason.code(), reason.description()))
        }
        Given::Marking => Err(Problem {
            retry_after: Some(MARKING_SECONDS),
            ..Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "marking",
                "Being prepared",
                "MARKING",
                "a copy with your mark on it is being made: ask again",
            )
            .with("reason", Some("MARKING".to_owned()))
        }),
    }
}
