//! IIIF Authorization Flow 2.0 (conventions.md 3.3): a viewer of another origin asks whether its person is let in.
//!
//! The probe service decides anew for whoever asks, by the one decision. A token says which browser was let in a moment ago; it is
//! random, ends with the browser's session, and no door of ours takes it for a credential (AUTH-5, AUTH-10).

use axum::Router;
use axum::extract::{Path, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use vitrine_app::AppError;
use vitrine_app::delivery::{Access, Asked, Form, Opened, offer};
use vitrine_domain::coded::Coded;
use vitrine_domain::rights::Reason;
use vitrine_domain::session::PASS_SECONDS;

use super::bytes::placed;
use super::html::data;
use super::resource::asked;
use super::viewer::{Passer, Viewer};
use crate::auth::{digest_of, new_secret};
use crate::routes::Api;
use crate::wire::{Params, Problem};

const CONTEXT: &str = "http://iiif.io/api/auth/2/context.json";
/// The longest message id that is sent back.
const MAX_MESSAGE_ID: usize = 200;

/// The services answer pages of every origin, without cookies.
pub(super) fn from_everywhere(services: Router<Api>) -> Router<Api> {
    services.layer(middleware::from_fn(answer_everyone))
}

async fn answer_everyone(request: axum::extract::Request, next: Next) -> Response {
    let preflight = *request.method() == Method::OPTIONS;
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether this viewer is let in: 200 whatever the answer, which is in the body (AUTH-7).
pub(super) async fn probe(
    State(api): State<Api>,
    Passer(viewer): Passer,
    Path([institution, id]): Path<[String; 2]>,
) -> Result<Response, Problem> {
    let found = match asked(&api, &institution, &id) {
        Ok(named @ Asked::File(_)) => match api.app.open(&viewer.call, &viewer.visit, &named).await {
            Ok(opened) => Some(opened),
            Err(AppError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        },
        _ => None,
    };
    probed(&api, found.as_ref())
}

/// The same of the file at a place, which a manifest names to who may not know the file's id (ADR 0017).
pub(super) async fn probe_place(
    State(api): State<Api>,
    Passer(viewer): Passer,
    Path([institution, id, place]): Path<[String; 3]>,
) -> Result<Response, Problem> {
    let found = match placed(&api, &institution, &id, &place) {
        Ok((rep, place)) => match api.app.open_place(&viewer.call, &viewer.visit, &rep, place).await {
            Ok(opened) if opened.permit().is_some() && opened.file.is_none() => None,
            Ok(opened) => Some(opened),
            Err(AppError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        },
        Err(_) => None,
    };
    probed(&api, found.as_ref())
}

fn probed(api: &Api, found: Option<&Opened>) -> Result<Response, Problem> {
    let mut body = json!({ "@context": CONTEXT, "type": "AuthProbeResult2" });
    let told = match found {
        None => json!({ "status": 404 }),
        Some(opened) => result(api, opened),
    };
    if let (Some(body), Some(told)) = (body.as_object_mut(), told.as_object()) {
        body.extend(told.clone());
    }
    let mut response = body.to_string().into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/ld+json"));
    Ok(response)
}

fn result(api: &Api, opened: &Opened) -> Value {
    let unmarkable =
        |permit| opened.file.as_ref().is_some_and(|file| offer(permit, file).form == Form::Unmarkable);
    let status = match &opened.access {
        Access::Granted(permit) if unmarkable(permit) => 403,
        Access::Granted(_) => return json!({ "status": 200 }),
        Access::Declaration { .. } | Access::Seat { .. } | Access::Loan { .. } => 401,
        Access::Denied { reason: Reason::SignIn, .. } => 401,
        Access::Denied { .. } => 403,
    };
    let (heading, note) = said(opened);
    let mut told = json!({
        "status": status,
        "heading": { "en": [heading] },
        "note": { "none": [note] },
    });
    // What a policy keeps for those whom it denies the rest is what they see instead (AUTH-7, T6).
    if opened.decision.shows_thumbnail
        && let Some(told) = told.as_object_mut()
    {
        let file = opened.file.as_ref().map(|file| file.id.as_str());
        let id = file.unwrap_or(opened.representation.id.as_str());
        let picture = api.addresses.iiif().thumbnail(id);
        told.insert(
            "substitute".to_owned(),
            json!([{
                "id": picture,
                "type": "Image",
                "format": "image/jpeg",
                "label": { "en": ["Thumbnail"] },
            }]),
        );
    }
    told
}

fn said(opened: &Opened) -> (&'static str, &str) {
    match &opened.access {
        // Who is let in is told so, but for what can not carry the mark that it asks for.
        Access::Granted(permit) if permit.watermark.is_some() => {
            ("Not available to you", Reason::Watermark.description())
        }
        Access::Granted(_) => ("Open", "You are let in."),
        Access::Declaration { text } => ("Please read this first", text),
        Access::Seat { .. } => ("Take a seat", "Only so many may look at once."),
        Access::Loan { .. } => ("Borrow it", "Only who has borrowed it may look."),
        Access::Denied { note, reason, .. } => {
            ("Not available to you", note.as_deref().unwrap_or_else(|| reason.description()))
        }
    }
}

async fn opened(api: &Api, viewer: &Viewer, [institution, id]: &[String; 2]) -> Result<Opened, Problem> {
    let named = asked(api, institution, id)?;
    if !matches!(named, Asked::Representation(_)) {
        return Err(Problem::no_resource(id));
    }
    Ok(api.app.open(&viewer.call, &viewer.visit, &named).await?)
}

/// Posts a token, or why there is none, to the page that put this into a frame (AUTH-4 to AUTH-6).
pub(super) async fn token(
    State(api): State<Api>,
    viewer: Viewer,
    Path(path): Path<[String; 2]>,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["messageId", "origin"])?;
    let wrong = "must be the scheme, host and port of a page";
    let origin = params.get("origin")?.filter(|it| is_origin(it));
    let origin = origin.ok_or_else(|| Problem::bad_field("origin", wrong))?;
    let message_id = params.get("messageId")?.filter(|it| (1..=MAX_MESSAGE_ID).contains(&it.len()));
    let mut message = json!({ "@context": CONTEXT });
    let more = match message_id {
        None => refused("invalidRequest", "", "The request names no message."),
        Some(id) => match opened(&api, &viewer, &path).await {
            Ok(found) if found.permit().is_some() => json!({
                "type": "AuthAccessToken2",
                "messageId": id,
                "accessToken": pass(&api, &viewer).await?,
                "expiresIn": found.terms.link_seconds(u64::try_from(PASS_SECONDS).unwrap_or_default()),
            }),
            Ok(found) => refused("missingAspect", id, said(&found).1),
            Err(_) => refused("unavailable", id, "There is no such thing."),
        },
    };
    if let (Some(message), Some(more)) = (message.as_object_mut(), more.as_object()) {
        message.extend(more.clone());
    }
    let script = format!("parent.postMessage({}, {});", data(&message), data(&json!(origin)));
    page("Access token", "", &script, origin)
}

/// A token that says at the probe service which browser this is. One that is let in without a session is let in by where it
/// is, and is known there by that: nothing is kept.
async fn pass(api: &Api, viewer: &Viewer) -> Result<String, Problem> {
    let token = new_secret().map_err(|_| Problem::internal())?;
    if let Some(session) = viewer.visit.session.clone() {
        let signed_in = viewer.user().is_some();
        api.app.keep_pass(&viewer.call, digest_of(&token), session, signed_in).await?;
    }
    Ok(token)
}

fn refused(profile: &str, message_id: &str, note: &str) -> Value {
    json!({
        "type": "AuthAccessTokenError2",
        "profile": profile,
        "messageId": message_id,
        "heading": { "en": ["No access"] },
        "note": { "none": [note] },
    })
}

/// A page that closes its window, which a viewer elsewhere has opened (AUTH-3), and says so where it can not.
pub(super) fn closing_page(title: &str, text: &str) -> Result<Response, Problem> {
    page(title, text, "window.close();", "'none'")
}

/// A page whose one script is the one written here.
fn page(title: &str, text: &str, script: &str, framed_by: &str) -> Result<Response, Problem> {
    let nonce = random_word()?;
    let text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head><body><p>{text}</p>\
         <script nonce=\"{nonce}\">{script}</script></body></html>\n"
    );
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; base-uri 'none'; frame-ancestors {framed_by}"
    );
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy).map_err(|_| Problem::internal())?);
    Ok(response)
}

fn random_word() -> Result<String, Problem> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|_| Problem::internal())?;
    Ok(vitrine_app::hex(&random))
}

/// Whether a text is an origin and nothing more: it becomes part of a header and of a script.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let (host, port) = rest.split_once(':').unwrap_or((rest, "1"));
        let is_host = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        !host.is_empty() && host.chars().all(is_host) && port.parse::<u16>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_and_nothing_that_ends_a_header_or_a_script() {
        for good in ["https://viewer.example", "http://127.0.0.1:8080"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "null",
            "*",
            "https://",
            "https://a/b",
            "https://a;script-src *",
            "javascript:alert(1)",
            "https://a:x",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
