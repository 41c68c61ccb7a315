//! The viewer's script, style and what they load, from our own origin (VIEW-5).

use std::io::Read;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue};

use super::answer::takes_gzip;
use crate::wire::Problem;

/// A worker that is started from here may load no more than the page that starts it.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src *";

pub(super) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let asset = vitrine_web::asset(&name).ok_or_else(|| Problem::no_resource(&name))?;
    let (bytes, encoding) = match (asset.gzip, takes_gzip(&headers)) {
        (false, _) => (asset.bytes.to_vec(), None),
        (true, true) => (asset.bytes.to_vec(), Some("gzip")),
        (true, false) => {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(asset.bytes)
                .read_to_end(&mut plain)
                .map_err(|_| Problem::internal())?;
            (plain, None)
        }
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.mime));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}
