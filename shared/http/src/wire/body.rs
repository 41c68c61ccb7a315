//! What a client sent, in either format, as a typed input.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::format::Format;
use super::normalise::{Keep, normalise};
use super::problem::Problem;
use super::shape::Wire;
use super::{strict_json, xml_read};

/// The largest body that is read: a bib record of 4 MiB in its envelope.
pub const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;
const MAX_JSON_DEPTH: usize = 24;

/// How long a body may take to arrive. Put into a request's extensions by an entry point that hears clients itself;
/// behind the gateway a body has arrived before we hear of it.
#[derive(Debug, Clone, Copy)]
pub struct BodyDeadline(pub Duration);

/// A body read after its shape.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: Wire + DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let format = content_format(request.headers())?;
        read(format, &arrived(request).await?).map(Self)
    }
}

async fn arrived(request: Request) -> Result<axum::body::Bytes, Problem> {
    let deadline = request.extensions().get::<BodyDeadline>().copied();
    let arriving = axum::body::to_bytes(request.into_body(), MAX_BODY_BYTES);
    let arrived = match deadline {
        Some(BodyDeadline(limit)) => {
            tokio::time::timeout(limit, arriving).await.map_err(|_| too_slow(limit))?
        }
        None => arriving.await,
    };
    arrived.map_err(|_| too_large())
}

/// A body that is plain text.
///
/// # Errors
/// One that is too large, too slow or not UTF-8.
pub(crate) async fn read_text(request: Request) -> Result<String, Problem> {
    String::from_utf8(arrived(request).await?.to_vec())
        .map_err(|_| Problem::unreadable("the body must be UTF-8".to_owned()))
}

fn too_large() -> Problem {
    let detail = format!("the body must be at most {MAX_BODY_BYTES} bytes and arrive whole");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", "401652", detail)
}

fn too_slow(limit: Duration) -> Problem {
    let detail = format!("the body must arrive within {} s", limit.as_secs_f32());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "The body came too slowly", "401652", detail)
}

/// Reads bytes of a format into a typed input.
///
/// # Errors
/// Every unknown or ill-typed member by name; a body that can not be read.
pub fn read<T: Wire + DeserializeOwned>(format: Format, bytes: &[u8]) -> Result<T, Problem> {
    let value = match format {
        Format::Json => strict_json::read(bytes, MAX_JSON_DEPTH)
            .map_err(|error| Problem::unreadable(error.to_string()))?,
        Format::Xml => xml_read::read(T::shape(), bytes).map_err(|error| match error {
            xml_read::XmlReadError::Unknown(problems) => Problem::bad_fields(problems.0),
            malformed => Problem::unreadable(malformed.to_string()),
        })?,
    };
    let value =
        normalise(T::shape(), value, Keep::Input).map_err(|problems| Problem::bad_fields(problems.0))?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        match message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
            Some(field) => Problem::bad_field(field, "must be given"),
            None => Problem::bad_field(&path, message),
        }
    })
}

fn content_format(headers: &HeaderMap) -> Result<Format, Problem> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Ok(Format::Json),
        "application/xml" | "text/xml" => Ok(Format::Xml),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body's type is not taken",
            "401652",
            "the `Content-Type` must be `application/json` or `application/xml`",
        )),
    }
}
