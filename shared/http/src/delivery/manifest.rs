//! IIIF manifests, and a title's metadata in the formats that they point at (S5; conventions.md 3.2).
//!
//! `/view/iiif/presentation/{INST}/{id}/manifest` is the vendor's address and answers 2.1, or 3 with `iiifVersion=3`;
//! `/view/iiif/3/{INST}/{id}/manifest` answers 3 and is what manifests call themselves.

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use http::header::ORIGIN;
use vitrine_app::delivery::{Access, Asked, Presented};
use vitrine_domain::bib::RecordFormat;
use vitrine_domain::coded::Coded;
use vitrine_domain::rights::{Permission, Reason};
use vitrine_metadata::iiif::{Door, MAX_FILES, MEDIA_TYPE_2, MEDIA_TYPE_3, Manifest, Shown};

use super::answer::{document, readable_by_all};
use super::resource::asked;
use super::viewer::Viewer;
use crate::routes::Api;
use crate::wire::{Params, Problem};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Two,
    Three,
}

pub(super) async fn vendor(
    api: State<Api>,
    viewer: Viewer,
    path: Path<[String; 2]>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["iiifVersion"])?;
    let version = match params.get("iiifVersion")? {
        None | Some("2" | "2.1") => Version::Two,
        Some("3") => Version::Three,
        Some(_) => return Err(Problem::bad_field("iiifVersion", "must be 2 or 3")),
    };
    manifest(api, viewer, path, headers, version).await
}

pub(super) async fn third(
    api: State<Api>,
    viewer: Viewer,
    path: Path<[String; 2]>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    manifest(api, viewer, path, headers, Version::Three).await
}

async fn manifest(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id]): Path<[String; 2]>,
    headers: HeaderMap,
    version: Version,
) -> Result<Response, Problem> {
    let named = asked(&api, &institution, &id)?;
    if matches!(named, Asked::File(_)) {
        return Err(Problem::no_resource(&id));
    }
    let found = api.app.present(&viewer.call, &viewer.visit, &named, MAX_FILES).await?;
    // Viewers that are not ours open titles too (complaint 19).
    api.app.count_opened(&viewer.call, &viewer.visit, &found.opened).await;
    let shared_seconds = found.opened.terms.shared_seconds;
    // What this viewer alone may see is not told to the page of a stranger that it happens to look at.
    let is_stranger = headers
        .get(ORIGIN)
        .and_then(|it| it.to_str().ok())
        .is_some_and(|origin| !api.viewer_origins.allow(origin) && !api.addresses.is_ours(origin));
    let shown = match &found.opened.access {
        Access::Granted(permit) if shared_seconds > 0 || !is_stranger => Shown::Files {
            max_pixels: permit.size.max_pixels(),
            download: permit.permission == Permission::ViewAndDownload,
            marked: permit.watermark.is_some(),
        },
        access => {
            let picture = found.opened.decision.shows_thumbnail && !is_stranger;
            match access {
                Access::Denied { reason, .. } if !may_be_helped(*reason) => {
                    Shown::Nothing { note: note(&found), picture }
                }
                _ => Shown::Outline { picture },
            }
        }
    };
    let is_for_all = shared_seconds > 0 && found.opened.permit().is_some();
    // Whom a rule lets in after it has signed in asks at the same door.
    let sign_in = api.addresses.sign_in
        && match &found.opened.access {
            Access::Denied { reason, .. } => *reason == Reason::SignIn,
            _ => viewer.user().is_some(),
        };
    let asks = !is_for_all && !matches!(shown, Shown::Nothing { .. });
    let door = asks.then(|| Door { note: note(&found), sign_in });
    let manifest = Manifest {
        addresses: api.addresses.iiif(),
        provider: &api.addresses.institution,
        mms_id: &found.opened.bib.mms_id,
        format: found.opened.bib.format,
        title: &found.opened.bib.brief.title,
        record: &found.metadata,
        representation: &found.opened.representation.id,
        label: found.opened.representation.fields.label.as_deref(),
        note: found.opened.representation.fields.public_note.as_deref(),
        files: &found.files,
        cut: found.cut,
        structure: found.structure.as_ref(),
        shown,
        door,
    };
    let (mime, body) = match version {
        Version::Two => (MEDIA_TYPE_2, manifest.presentation_2()),
        Version::Three => (MEDIA_TYPE_3, manifest.presentation_3()),
    };
    let mut response = document(&headers, mime, body.to_string(), shared_seconds)?;
    readable_by_all(&mut response);
    Ok(response)
}

/// Whether something that a viewer can do - sign in, go elsewhere - may open what it is denied, so that asking makes sense.
fn may_be_helped(reason: Reason) -> bool {
    match reason {
        Reason::SignIn | Reason::Network => true,
        Reason::Embargo | Reason::Policy | Reason::NoPolicy | Reason::MissingPolicy | Reason::Watermark => {
            false
        }
    }
}

/// What a viewer elsewhere tells a person whom it may not show everything.
fn note(found: &Presented) -> &str {
    match &found.opened.access {
        Access::Granted(_) => Reason::Policy.description(),
        Access::Denied { note, reason, .. } => note.as_deref().unwrap_or_else(|| reason.description()),
        Access::Declaration { .. } => "A declaration is to be accepted first, at the title's own page.",
        Access::Seat { .. } => "Only so many may look at once; seats are taken at the title's own page.",
        Access::Loan { .. } => "Only who has borrowed it may look; it is lent at the title's own page.",
    }
}

/// A title's metadata: in its own format as it came, and as Dublin Core.
pub(super) async fn metadata(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id, word]): Path<[String; 3]>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let named = asked(&api, &institution, &id)?;
    let format: RecordFormat = word.parse().map_err(|_| Problem::no_resource(&word))?;
    if !matches!(named, Asked::Bib(_)) {
        return Err(Problem::no_resource(&id));
    }
    let opened = api.app.open(&viewer.call, &viewer.visit, &named).await?;
    let body = api.app.shown_record(&opened.bib, format).await?;
    let body = body.ok_or_else(|| Problem::no_resource(&word))?;
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}\n");
    let mut response = document(&headers, "application/xml", body, opened.terms.shared_seconds)?;
    readable_by_all(&mut response);
    Ok(response)
}
