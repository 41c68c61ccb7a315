//! What can be viewed, as JSON for external viewers (ALMA-18, S4): title and metadata, representation, files, rights.

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use vitrine_app::delivery::Asked;
use vitrine_store::Page;

use super::answer::{document, refusal};
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
    let id = asked(&api, &institution, id.strip_suffix(".json").unwrap_or(&id))?;
    let paging = params.paging_by(FILES, MAX_FILES)?;
    let opened = api.app.open(&viewer.call, &viewer.visit, &id).await?;
    if let Some(refused) = refusal(&opened, &api.addresses) {
        return Err(refused);
    }
    let (metadata, files) = tokio::try_join!(api.app.shown_metadata(&opened.bib), async {
        match &opened.file {
            Some(file) => Ok(Page { items: vec![file.clone()], next: None }),
            None => api.app.shown_files(&opened.representation.id, &page(paging)).await,
        }
    })?;
    let view = api.addresses.resource(&opened, &metadata, &files);
    document(&headers, "application/json", view.to_string(), opened.terms.shared_seconds)
}
