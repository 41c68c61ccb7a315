//! Signing a browser in: a token of the user pool becomes a cookie, so that pages, pictures and players need no token.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::seat::json;
use super::viewer::Viewer;
use crate::auth::SessionCookie;
use crate::routes::Api;
use crate::wire::{Params, Problem};

/// Who the viewer is taken for.
pub(super) async fn read(viewer: Viewer, params: Params) -> Result<Response, Problem> {
    params.only(&[])?;
    let view = json!({
        "registered": viewer.visit.viewer.is_registered().unwrap_or(false),
        "user": viewer.user().map(|user| user.as_str()),
    });
    Ok(json(StatusCode::OK, &view, None))
}

/// Begins a session for whoever sent a token.
pub(super) async fn begin(
    State(api): State<Api>,
    viewer: Viewer,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let Some(user) = viewer.user().filter(|_| viewer.came_with_token()) else {
        return Err(Problem::unauthenticated());
    };
    let cookie = SessionCookie::new(true).map_err(|_| Problem::internal())?;
    let session = api.app.sign_in(&viewer.call, cookie.id(), user).await?;
    let view =
        json!({ "registered": true, "user": user.as_str(), "expires_at": session.expires_at.to_string() });
    Ok(json(StatusCode::OK, &view, cookie.set(api.addresses.is_https())))
}

/// Ends the session of the cookie.
pub(super) async fn end(
    State(api): State<Api>,
    _viewer: Viewer,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    end_session(&api, &headers).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(forget) = SessionCookie::forget(api.addresses.is_https()) {
        response.headers_mut().insert(SET_COOKIE, forget);
    }
    Ok(response)
}

/// Ends the session of the cookie, here at once and everywhere within a minute.
pub(super) async fn end_session(api: &Api, headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(cookie) = SessionCookie::of(headers, api.addresses.is_https()) {
        api.app.sign_out(&cookie.id()).await?;
        api.authenticator.forget_session(&cookie.id());
    }
    Ok(())
}
