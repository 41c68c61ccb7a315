//! The edge around the routes: request id, format, panics, headers, rendering, and one log line an outcome.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;

use super::etag::{entity_tag, if_none_match, names_representation};
use super::format::{Format, negotiate};
use super::problem::Problem;
use super::query::Params;
use super::reply::Reply;
use super::throttle::Throttle;
use super::xml_write;

/// The id that the gateway gave a request, put into its extensions by the entry point.
#[derive(Debug, Clone)]
pub struct GatewayRequestId(pub String);

/// What the edge knows of a request.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request's id; also the tracking id of problems.
    pub request_id: String,
    /// The format of the answer.
    pub format: Format,
    /// Who called, for the log line; set once the caller is known.
    pub caller: Arc<OnceLock<String>>,
    /// How many more requests the caller may make at once; set once its requests were counted.
    pub remaining: Arc<OnceLock<u32>>,
}

impl Exchange {
    /// The exchange that a request belongs to.
    ///
    /// # Errors
    /// 500 where a route stands outside the edge.
    pub fn of(extensions: &Extensions) -> Result<&Self, Problem> {
        extensions.get::<Self>().ok_or_else(Problem::internal)
    }

    /// Counts the request for `caller`, and lets the answer say how many more it may make.
    ///
    /// # Errors
    /// 429 when it has made too many.
    pub fn admit(&self, throttle: &Throttle, caller: &str) -> Result<(), Problem> {
        let admitted = throttle.admit(caller);
        let _ = self.remaining.set(admitted.as_ref().copied().unwrap_or(0));
        admitted.map(|_| ())
    }
}

/// Marks an answer that is whole, whatever its status: a page that says itself why there is nothing to see.
#[derive(Debug, Clone, Copy)]
pub struct Whole;

/// Puts the edge around routes that answer in the format that the client wants.
pub fn with_edge(routes: Router) -> Router {
    routes.layer(middleware::from_fn(|request: Request, next: Next| {
        let chosen = choose_format(&request);
        edge(chosen, request, next)
    }))
}

/// Puts the edge around routes that answer with pages, pictures and the like, whatever `Accept` says; a problem is JSON.
pub fn with_delivery_edge(routes: Router) -> Router {
    routes
        .layer(middleware::from_fn(|request: Request, next: Next| edge((Format::Json, None), request, next)))
}

fn choose_format(request: &Request) -> (Format, Option<Problem>) {
    let headers = request.headers();
    let wanted = Params::parse(request.uri().query().unwrap_or_default())
        .and_then(|params| params.get("format").map(|format| format.map(str::to_owned)));
    match wanted {
        Err(problem) => (negotiate(None, headers).unwrap_or(Format::Json), Some(problem)),
        Ok(format) => match negotiate(format.as_deref(), headers) {
            Ok(format) => (format, None),
            Err(error) => (Format::Json, Some(not_acceptable(&error.to_string()))),
        },
    }
}

async fn edge((format, refused): (Format, Option<Problem>), mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request_id(request.extensions());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let headers = request.headers().clone();
    let refused = refused.or_else(|| {
        let readable = percent_decode_str(request.uri().path()).decode_utf8().is_ok();
        (!readable).then(|| Problem::bad_field("address", "must be UTF-8"))
    });
    let exchange = Exchange { request_id, format, caller: Arc::default(), remaining: Arc::default() };
    request.extensions_mut().insert(exchange.clone());
    let answer = match refused {
        Some(problem) => problem.into_response(),
        None => AssertUnwindSafe(next.run(request))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Problem::internal().into_response()),
    };
    let actor = exchange.caller.get().map_or("-", String::as_str);
    let response = render(&exchange, &method, &headers, answer);
    tracing::info!(
        request.id = %exchange.request_id,
        http.method = %method,
        http.route = %route,
        http.status = response.status().as_u16(),
        duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        actor = %actor,
        "request answered"
    );
    response
}

fn request_id(extensions: &Extensions) -> String {
    if let Some(id) = extensions.get::<GatewayRequestId>() {
        return id.0.clone();
    }
    let mut random = [0_u8; 8];
    // Without random bytes ids repeat; requests are still answered.
    let _ = getrandom::fill(&mut random);
    vitrine_app::hex(&random)
}

fn not_acceptable(message: &str) -> Problem {
    Problem::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", "No acceptable format", "401652", message)
}

fn render(exchange: &Exchange, method: &Method, headers: &HeaderMap, mut answer: Response) -> Response {
    let reply = answer.extensions_mut().remove::<Reply>();
    let problem = answer.extensions_mut().remove::<Problem>();
    let mut response = match (reply, problem) {
        (Some(reply), _) => render_reply(exchange, method, headers, reply),
        (None, Some(problem)) => render_problem(exchange, headers, &problem),
        (None, None) if answer.extensions().get::<Whole>().is_some() => answer,
        (None, None) => match answer.status() {
            // What axum itself answers where no route or method fits.
            StatusCode::NOT_FOUND => {
                render_problem(exchange, headers, &Problem::not_found("there is nothing at this address"))
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                let detail = "this address does not take this method";
                let problem = Problem::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method-not-allowed",
                    "Method not allowed",
                    "401652",
                    detail,
                );
                let mut rendered = render_problem(exchange, headers, &problem);
                if let Some(allow) = answer.headers().get(http::header::ALLOW) {
                    rendered.headers_mut().insert(http::header::ALLOW, allow.clone());
                }
                rendered
            }
            // What an extractor of axum's own refuses: never its plain text.
            status if status.is_client_error() || status.is_server_error() => {
                let title = "The request can not be taken";
                let detail = status.canonical_reason().unwrap_or("it was refused").to_lowercase();
                let problem = match status {
                    StatusCode::INTERNAL_SERVER_ERROR => Problem::internal(),
                    _ => Problem::new(status, "refused", title, "401652", detail),
                };
                render_problem(exchange, headers, &problem)
            }
            _ => answer,
        },
    };
    if *method == Method::HEAD {
        *response.body_mut() = axum::body::Body::empty();
    }
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=31536000"),
    ] {
        // A page says for itself what it may load.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    }
    if let Some(remaining) = exchange.remaining.get() {
        headers.insert("x-exl-api-remaining", HeaderValue::from(*remaining));
    }
    if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
        headers.insert("x-request-id", id);
    }
    response
}

fn render_reply(exchange: &Exchange, method: &Method, headers: &HeaderMap, reply: Reply) -> Response {
    let mut response = match reply.view {
        None => reply.status.into_response(),
        Some((shape, view)) => {
            // JSON goes through the same check, so that no view says in one format what it can not say in the other.
            let body = match (xml_write::write(shape, &view), exchange.format) {
                (Ok(xml), Format::Xml) => xml,
                (Ok(_), Format::Json) => view.to_string(),
                (Err(error), _) => {
                    tracing::error!(request.id = %exchange.request_id, error = %error, "a view does not fit its shape");
                    return render_problem(exchange, headers, &Problem::internal());
                }
            };
            let mut response = (reply.status, body).into_response();
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static(exchange.format.content_type()));
            response
        }
    };
    if let Some(version) = reply.version {
        let unchanged = matches!(*method, Method::GET | Method::HEAD)
            && if_none_match(headers)
                .is_some_and(|condition| names_representation(&condition, version, exchange.format));
        if unchanged {
            response = StatusCode::NOT_MODIFIED.into_response();
        }
        if let Ok(tag) = HeaderValue::from_str(&entity_tag(version, exchange.format)) {
            response.headers_mut().insert(ETAG, tag);
        }
        // A version is worth a conditional request: kept by the client, asked about each time.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    // On every answer, 304 too: it must say what the full answer would (RFC 9110, 15.4.5).
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept, authorization"));
    response.headers_mut().extend(reply.headers);
    response
}

fn render_problem(exchange: &Exchange, headers: &HeaderMap, problem: &Problem) -> Response {
    let mut response =
        (problem.status, problem.render(exchange.format, &exchange.request_id)).into_response();
    // Known clients compare the type with `application/json`; those that know RFC 9457 ask for its own.
    let asked = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|a| a.contains("application/problem+json"));
    let content_type = match exchange.format {
        Format::Json if asked => "application/problem+json",
        format => format.content_type(),
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if problem.status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer, apikey"));
    }
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
