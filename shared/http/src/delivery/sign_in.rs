//! Signing in and out in a browser: to the issuer's page and back, and a session for whom it names.
//!
//! A sign-in is kept under a digest of its `state`, bound to the browser by a cookie of its own, and taken once. Where a viewer
//! goes back to is an id of ours and never an address, so that there is nothing to redirect elsewhere.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use vitrine_app::delivery::Asked;

use super::html::escape;
use super::session::end_session;
use super::viewer::Viewer;
use crate::auth::{SessionCookie, SignIn, SignInError, SigningIn, digest_of, new_secret};
use crate::routes::Api;
use crate::wire::{Params, Problem, Whole};

/// The longest `state` or code that is looked at.
const MAX_WORD: usize = 4096;
/// After how many seconds it makes sense to try again when the issuer is not there.
const RETRY_SECONDS: &str = "10";

fn sign_in(api: &Api) -> Result<&SignIn, Problem> {
    let detail = "nobody can sign in here: no issuer is configured";
    api.sign_in.as_deref().ok_or_else(|| Problem::not_found(detail))
}

/// What a viewer goes back to.
fn goal(params: &Params) -> Result<Option<Asked>, Problem> {
    let id = params.get("to")?;
    id.map(|id| id.parse().map_err(|_| Problem::bad_field("to", "must be the id of a digital resource")))
        .transpose()
}

/// Leads to the issuer's page; whoever has signed in already, straight back. A viewer elsewhere opens it in a window and says
/// from where (AUTH-3), which changes nothing.
pub(super) async fn begin(
    State(api): State<Api>,
    viewer: Viewer,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["to", "origin"])?;
    let issuer = sign_in(&api)?;
    let to = goal(&params)?;
    if viewer.user().is_some() {
        return done(&api, to.as_ref());
    }
    let [state, nonce, verifier] = secrets()?;
    let https = api.addresses.is_https();
    let browser = SigningIn::of_or_new(&headers, https).map_err(|_| Problem::internal())?;
    let page = issuer.page(&state, &nonce, &verifier, viewer.call.now).await;
    let page = match page {
        Ok(page) => page,
        Err(error) => return unavailable(&api, to.as_ref(), &error),
    };
    api.app
        .begin_sign_in(&viewer.call, [digest_of(&state), browser.id()], [nonce, verifier], to.as_ref())
        .await?;
    let mut response = redirect(StatusCode::FOUND, &page)?;
    if let Some(cookie) = browser.set(https) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Where the issuer sends the browser: ends the sign-in that this browser began, and no other. Further parameters are the
/// issuer's own affair.
pub(super) async fn end(
    State(api): State<Api>,
    viewer: Viewer,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    let issuer = sign_in(&api)?;
    let https = api.addresses.is_https();
    let word = |name: &str| Ok::<_, Problem>(params.get(name)?.filter(|word| word.len() <= MAX_WORD));
    let (Some(state), Some(browser)) = (word("state")?, SigningIn::of(&headers, https)) else {
        return failed(&api, None, "This browser has not begun to sign in, or a while ago.");
    };
    let Some(begun) = api.app.take_sign_in(&viewer.call, &digest_of(state), &browser.id()).await? else {
        return failed(&api, None, "This sign-in is over, or was begun elsewhere.");
    };
    // What we wrote ourselves.
    let to = begun.to.as_deref().and_then(|id| id.parse::<Asked>().ok());
    let code = word("code")?.filter(|_| issuer.is_of_issuer(params.get("iss").unwrap_or(Some(""))));
    let Some(code) = code else {
        return failed(&api, to.as_ref(), "The sign-in was given up, or refused.");
    };
    let now = viewer.call.now;
    let user = match issuer.redeem(code, &begun.verifier, &begun.nonce, &api.authenticator, now).await {
        Ok(user) => user,
        // The code may have been taken without an answer: it is begun anew.
        Err(error @ SignInError::Issuer(_)) => return unavailable(&api, to.as_ref(), &error),
        Err(error) => {
            tracing::warn!(%error, "a sign-in was refused");
            return failed(
                &api,
                to.as_ref(),
                "The sign-in could not be checked, or the user is switched off.",
            );
        }
    };
    // Whatever the browser had before is no session of this user's: nobody can have planted it.
    end_session(&api, &headers).await?;
    let cookie = SessionCookie::new(true).map_err(|_| Problem::internal())?;
    api.app.sign_in(&viewer.call, cookie.id(), &user).await?;
    let mut response = done(&api, to.as_ref())?;
    if let Some(cookie) = cookie.set(https) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Asks whoever has signed in whether to sign out: a link from elsewhere does not do it.
pub(super) async fn ask_to_leave(
    State(api): State<Api>,
    viewer: Viewer,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let Some(user) = viewer.user() else {
        return page(StatusCode::OK, "Signed out", "<p>Nobody is signed in in this browser.</p>", "'self'");
    };
    let text = format!(
        "<p>You are signed in as {}.</p>\n<form method=\"post\"><button>Sign out</button></form>",
        escape(user.as_str())
    );
    let end = match &api.sign_in {
        Some(issuer) => issuer.leave(&api.addresses.sign_out(), viewer.call.now).await.unwrap_or_default(),
        None => None,
    };
    // The form's answer leads on to the issuer, which browsers ask the page's policy about.
    let origin = end.as_deref().and_then(origin_of).unwrap_or_default();
    page(StatusCode::OK, "Sign out", &text, &format!("'self' {origin}"))
}

/// Ends the browser's session, and the one at the issuer, so that the next at the same desk is asked who it is.
pub(super) async fn leave(
    State(api): State<Api>,
    viewer: Viewer,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    end_session(&api, &headers).await?;
    let own = api.addresses.sign_out();
    let end = match (&api.sign_in, viewer.user()) {
        (Some(issuer), Some(_)) => issuer.leave(&own, viewer.call.now).await.unwrap_or_default(),
        _ => None,
    };
    let mut response = redirect(StatusCode::SEE_OTHER, end.as_deref().unwrap_or(&own))?;
    if let Some(forget) = SessionCookie::forget(api.addresses.is_https()) {
        response.headers_mut().insert(SET_COOKIE, forget);
    }
    Ok(response)
}

/// Back to what the viewer came from; a window that a viewer elsewhere has opened closes (AUTH-3).
fn done(api: &Api, to: Option<&Asked>) -> Result<Response, Problem> {
    match to {
        Some(id) => redirect(StatusCode::SEE_OTHER, &api.addresses.delivered(id)),
        None => super::auth::closing_page("Signed in", "You are signed in. This window can be closed."),
    }
}

fn failed(api: &Api, to: Option<&Asked>, why: &str) -> Result<Response, Problem> {
    unfinished(api, to, why, StatusCode::FORBIDDEN)
}

fn unfinished(api: &Api, to: Option<&Asked>, why: &str, status: StatusCode) -> Result<Response, Problem> {
    let again = match to.and_then(|id| api.addresses.sign_in(id)) {
        Some(again) => format!("<p><a href=\"{}\">Try again</a></p>", escape(&again)),
        None => "<p>Go back to what you wanted to see, and try again there.</p>".to_owned(),
    };
    page(status, "Not signed in", &format!("<p>{}</p>\n{again}", escape(why)), "'self'")
}

/// 503 for a person: the issuer is not there, which is nobody's fault here and may pass.
fn unavailable(api: &Api, to: Option<&Asked>, error: &SignInError) -> Result<Response, Problem> {
    tracing::error!(%error, "nobody can sign in now");
    let why = "Nobody can sign in now. Please try again in a moment.";
    let mut response = unfinished(api, to, why, StatusCode::SERVICE_UNAVAILABLE)?;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    Ok(response)
}

fn secrets() -> Result<[String; 3], Problem> {
    let new = || new_secret().map_err(|_| Problem::internal());
    Ok([new()?, new()?, new()?])
}

fn origin_of(address: &str) -> Option<&str> {
    let host = address.find("://")? + 3;
    let end = address.get(host..)?.find(['/', '?', '#']).map_or(address.len(), |at| host + at);
    address.get(..end).filter(|origin| !origin.contains(|c: char| c.is_whitespace() || c == ';' || c == ','))
}

/// A redirect of which nobody keeps anything: its address may hold a secret.
fn redirect(status: StatusCode, address: &str) -> Result<Response, Problem> {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_str(address).map_err(|_| Problem::internal())?);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// A small page without a script.
fn page(status: StatusCode, title: &str, text: &str, form_action: &str) -> Result<Response, Problem> {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title></head>\n\
         <body><main><h1>{title}</h1>\n{text}\n</main></body></html>\n"
    );
    let policy =
        format!("default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action {form_action}");
    let mut response = (status, page).into_response();
    response.extensions_mut().insert(Whole);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy).map_err(|_| Problem::internal())?);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_policy_can_name() {
        assert_eq!(origin_of("https://issuer.example/logout?a=b"), Some("https://issuer.example"));
        assert_eq!(origin_of("http://127.0.0.1:4566?x"), Some("http://127.0.0.1:4566"));
        assert_eq!(origin_of("https://a; script-src *"), None);
        assert_eq!(origin_of("issuer"), None);
    }
}
