//! Which pages of other origins may read what delivery answers: those that the institution listed, with their
//! viewers' cookies; the others none (S4).

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// The origins whose pages may read answers for their viewers.
#[derive(Debug, Clone, Default)]
pub struct Origins(Arc<[String]>);

impl Origins {
    /// Those of a list separated by commas. `*` is no origin: with credentials, nobody may mean everybody.
    pub fn parse(list: &str) -> Self {
        let origins = list.split(',').map(|one| one.trim().trim_end_matches('/').to_owned());
        Self(origins.filter(|one| one.starts_with("https://") || one.starts_with("http://")).collect())
    }

    /// Whether a page of this origin may.
    pub fn allow(&self, origin: &str) -> bool {
        self.0.iter().any(|listed| listed == origin)
    }

    fn asking<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        headers.get(ORIGIN).filter(|origin| origin.to_str().is_ok_and(|origin| self.allow(origin)))
    }
}

/// Answers preflights and marks what listed origins may read.
pub(super) fn with_origins(routes: Router, origins: Origins) -> Router {
    routes.layer(middleware::from_fn_with_state(origins, cross_origin))
}

async fn cross_origin(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    let allowed = origins.asking(request.headers()).cloned();
    let preflight =
        *request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    // What a route has said itself, as a public manifest does, stands.
    if let Some(origin) = allowed
        && !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN)
    {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
            (ACCESS_CONTROL_EXPOSE_HEADERS, "etag, location, retry-after, x-thumbnail-source"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if preflight {
            for (name, value) in [
                (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, DELETE"),
                (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, accept, if-none-match, range"),
                (ACCESS_CONTROL_MAX_AGE, "600"),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s4_only_listed_origins_may_and_a_star_is_none() {
        let origins = Origins::parse(" https://viewer.example/, http://127.0.0.1:8080,*, null");
        for yes in ["https://viewer.example", "http://127.0.0.1:8080"] {
            assert!(origins.allow(yes), "{yes}");
        }
        for no in [
            "https://viewer.example.evil",
            "https://viewer.example:444",
            "null",
            "*",
            "",
            "http://viewer.example",
        ] {
            assert!(!origins.allow(no), "{no}");
        }
        assert!(!Origins::parse("").allow("https://viewer.example"));
    }
}
