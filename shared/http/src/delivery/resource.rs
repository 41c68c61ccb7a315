//! What can be viewed, as a page for who asks for HTML, and as JSON for external viewers (ALMA-18, S4): title and metadata,
//! representation, files, rights.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, LOCATION, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use vitrine_app::delivery::{Asked, Borrowing};
use vitrine_domain::usage::Measure;
use vitrine_store::Page;

use super::answer::{caching, document, refusal};
use super::page::wants_page;
use super::viewer::Viewer;
use crate::routes::{Api, page};
use crate::wire::{Params, Problem};

/// The most files of one answer, and how many unless asked otherwise.
const MAX_FILES: u32 = 500;
const FILES: u32 = 100;

/// The thing that an address of delivery names. What is of another institution is not there (B31).
pub(super) fn asked(api: &Api, institution: &str, id: &str) -> Result<Asked, Problem> {
    let named: Asked = id.parse()?;
    if institution == api.addresses.institution { Ok(named) } else { Err(Problem::no_resource(id)) }
}

pub(super) async fn resource(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id]): Path<[String; 2]>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["limit", "next"])?;
    let is_json = id.ends_with(".json");
    let id = asked(&api, &institution, id.strip_suffix(".json").unwrap_or(&id))?;
    let paging = params.paging_by(FILES, MAX_FILES)?;
    let opened = api.app.open(&viewer.call, &viewer.visit, &id).await?;
    api.app.count_opened(&viewer.call, &viewer.visit, &opened).await;
    let is_page = !is_json && wants_page(&headers);
    match refusal(&opened, &api.addresses) {
        Some(refused) if !is_page => return Err(refused),
        _ => {}
    }
    // What is elsewhere is shown there (D15).
    if let (true, Some(remote)) = (is_page && opened.permit().is_some(), &opened.remote) {
        let mut response = StatusCode::FOUND.into_response();
        let link = HeaderValue::from_str(&remote.object).map_err(|_| Problem::internal())?;
        response.headers_mut().insert(LOCATION, link);
        response.headers_mut().insert(CACHE_CONTROL, caching(opened.terms.shared_seconds)?);
        response.headers_mut().append(VARY, HeaderValue::from_static("Accept"));
        return Ok(response);
    }
    let (metadata, collections, files, structure, borrowing) = tokio::try_join!(
        api.app.shown_metadata(&opened.bib),
        async { if is_page { api.app.shown_collections(&opened.bib).await } else { Ok(Vec::new()) } },
        async {
            match &opened.file {
                Some(file) => Ok(Page { items: vec![file.clone()], next: None }),
                // Nothing is listed for who is not let in.
                None if opened.permit().is_none() => Ok(Page { items: Vec::new(), next: None }),
                None => api.app.shown_files(&opened.representation.id, &page(paging)).await,
            }
        },
        async { if is_page { api.app.structure(&opened.representation.id).await } else { Ok(None) } },
        async {
            match is_page {
                true => api.app.borrowing_of(&viewer.call, &viewer.visit, &opened).await,
                false => Ok(Borrowing::NotLent),
            }
        }
    )?;
    let view = api.addresses.resource(&opened, &metadata, &files);
    if is_page {
        let page = super::page::Page {
            addresses: &api.addresses,
            opened: &opened,
            asked: &id,
            user: viewer.user(),
            metadata: &metadata,
            collections: &collections,
            files: &files.items,
            structure: structure.as_ref().map(|it| &it.fields),
            view: &view,
            borrowing: &borrowing,
            zone: &api.app.settings.time_zone,
            storage: &api.app.storage_origins(&viewer.call).await?,
        };
        return super::page::answer(&page, &headers);
    }
    document(&headers, "application/json", view.to_string(), opened.terms.shared_seconds)
}

/// Notes that a viewer has shared the address of what it sees (U1).
pub(super) async fn share(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id]): Path<[String; 2]>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.only(&[])?;
    let opened = api.app.open(&viewer.call, &viewer.visit, &asked(&api, &institution, &id)?).await?;
    if let Some(refused) = refusal(&opened, &api.addresses) {
        return Err(refused);
    }
    api.app.count_measure(&viewer.call, &viewer.visit, &opened, Measure::Share).await;
    Ok(StatusCode::NO_CONTENT)
}
