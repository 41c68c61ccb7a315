//! The thumbnail service: the picture that stands for a file, a representation, a title or a collection (T3, T5, T6).

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};
use vitrine_app::thumbnails::{Picture, Pictured};

use super::answer::{caching, readable_by_all};
use super::viewer::Viewer;
use crate::routes::Api;
use crate::wire::{Params, Problem};

/// Says which file's picture it is, or why it is an icon (complaint 6).
const SOURCE: HeaderName = HeaderName::from_static("x-thumbnail-source");
/// The long side of a picture unless asked otherwise.
const DEFAULT_SIDE: u32 = 200;

pub(super) async fn thumbnail(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id]): Path<[String; 2]>,
    params: Params,
) -> Result<Response, Problem> {
    let not_found =
        || Problem::not_found(format!("there is no thumbnail `{}`", id.chars().take(64).collect::<String>()));
    if institution != api.addresses.institution {
        return Err(not_found());
    }
    params.only(&["size"])?;
    let size = params.number("size", DEFAULT_SIDE, 10_000)?;
    let what: Pictured = id.parse().map_err(|_| not_found())?;
    let picture = api.app.thumbnail(&viewer.call, &viewer.visit, &what, size).await?;
    Ok(match picture {
        Picture::Link { url, file, shared_seconds } => {
            let mut response = StatusCode::FOUND.into_response();
            let headers = response.headers_mut();
            headers.insert(LOCATION, HeaderValue::from_str(&url).map_err(|_| Problem::internal())?);
            headers.insert(
                SOURCE,
                HeaderValue::from_str(&format!("file {file}")).map_err(|_| Problem::internal())?,
            );
            headers.insert(CACHE_CONTROL, caching(shared_seconds)?);
            if shared_seconds > 0 {
                readable_by_all(&mut response);
            }
            response
        }
        Picture::Remote { url, shared_seconds } => {
            let mut response = StatusCode::FOUND.into_response();
            let headers = response.headers_mut();
            headers.insert(LOCATION, HeaderValue::from_str(&url).map_err(|_| Problem::internal())?);
            headers.insert(SOURCE, HeaderValue::from_static("remote"));
            headers.insert(CACHE_CONTROL, caching(shared_seconds)?);
            response
        }
        Picture::Icon { icon, reason } => {
            let mut response = (StatusCode::OK, icon.bytes).into_response();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(icon.mime));
            headers.insert(
                SOURCE,
                HeaderValue::from_str(&format!("icon {reason}")).map_err(|_| Problem::internal())?,
            );
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            response
        }
    })
}
