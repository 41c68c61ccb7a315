//! What answers of delivery have in common: how long they may be remembered, their entity tag, and why there is none.

use axum::response::{IntoResponse, Response};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};
use vitrine_app::delivery::{Access, Opened};
use vitrine_domain::coded::Coded;

use crate::views::Addresses;
use crate::wire::Problem;
use crate::wire::etag::names_tag;

/// What everyone may see may be remembered for a moment; the rest by nobody (B35, B52).
pub(crate) fn caching(shared_seconds: u64) -> Result<HeaderValue, Problem> {
    match shared_seconds {
        0 => Ok(HeaderValue::from_static("private, no-store")),
        seconds => {
            HeaderValue::from_str(&format!("public, max-age={seconds}")).map_err(|_| Problem::internal())
        }
    }
}

/// Lets pages of every origin read what everyone may see, as viewers elsewhere do (PRS-11); a route that says nothing leaves
/// it to the list of origins.
pub(crate) fn readable_by_all(response: &mut Response) {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

/// A document with a tag of its bytes: 304 where the client has these (HTTP-4). The decision comes before it (B43).
pub(crate) fn document(
    asked: &HeaderMap,
    mime: &'static str,
    body: String,
    shared_seconds: u64,
) -> Result<Response, Problem> {
    let mut tag = String::with_capacity(32);
    for byte in Sha256::digest(body.as_bytes()).iter().take(16) {
        tag.push_str(&format!("{byte:02x}"));
    }
    let mut response = if names_tag(asked, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = body.into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(mime));
        response
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, HeaderValue::from_str(&format!("\"{tag}\"")).map_err(|_| Problem::internal())?);
    headers.insert(CACHE_CONTROL, caching(shared_seconds)?);
    headers.append(VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

/// Why the viewer does not get the files of what it opened; `None` where it does (A11, A12, A15).
pub(crate) fn refusal(opened: &Opened, addresses: &Addresses) -> Option<Problem> {
    let own = |path: &str| {
        let (view, institution) = (&addresses.delivery, &addresses.institution);
        Some(format!("{view}/delivery/{institution}/{}/{path}", opened.representation.id))
    };
    match &opened.access {
        Access::Granted(_) => None,
        Access::Denied { note, reason, may_change_at } => Some(
            Problem::new(
                StatusCode::FORBIDDEN,
                "access-denied",
                "Access rights do not allow it",
                "ACCESS_DENIED",
                note.clone().unwrap_or_else(|| reason.description().to_owned()),
            )
            .with("note", note.clone())
            .with("reason", Some(reason.code().to_owned()))
            .with("may_change_at", may_change_at.map(|at| at.to_string())),
        ),
        Access::Declaration { text } => Some(
            Problem::new(
                StatusCode::FORBIDDEN,
                "declaration-required",
                "A declaration is to be accepted first",
                "DECLARATION_REQUIRED",
                "accept the declaration with a POST to `declaration_url`",
            )
            .with("reason", Some("DECLARATION".to_owned()))
            .with("declaration", Some(text.clone()))
            .with("declaration_url", own("declaration")),
        ),
        Access::Seat { .. } => Some(
            Problem::new(
                StatusCode::FORBIDDEN,
                "seat-required",
                "Only so many may look at once",
                "SEAT_REQUIRED",
                "take a seat with a POST to `seat_url`",
            )
            .with("reason", Some("SEAT".to_owned()))
            .with("seat_url", own("seat")),
        ),
    }
}
