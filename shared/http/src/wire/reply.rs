//! An answer: one view, rendered by the edge in the format that the client wants.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use super::shape::Shape;

/// An answer with a view, or without a body.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The view and its shape; `None` for no body.
    pub view: Option<(&'static Shape, Value)>,
    /// The version that the entity tag tells of.
    pub version: Option<u64>,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// 200 with a view.
    pub fn ok(shape: &'static Shape, view: Value) -> Self {
        Self { status: StatusCode::OK, view: Some((shape, view)), version: None, headers: Vec::new() }
    }

    /// 204.
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, view: None, version: None, headers: Vec::new() }
    }

    /// The same with an entity tag (D25).
    pub fn at_version(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }
}

impl IntoResponse for Reply {
    /// Leaves the answer for the edge, which knows the format.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
