//! The edge: one error body whatever goes wrong, and conditional answers that say what the full one would.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::THING;
use crate::wire::{Reply, with_edge};

async fn ask(method: &str, uri: &str, headers: &[(&str, &str)]) -> (Response<()>, String) {
    let routes = Router::new()
        .route("/thing", get(async || Reply::ok(&THING, json!({ "label": "a" })).at_version(7)))
        .route("/part/{id}", get(async |Path(id): Path<u32>| id.to_string()))
        .route("/misfit", get(async || Reply::ok(&THING, json!({ "colour": "red" }))))
        .route("/teapot", get(async || StatusCode::IM_A_TEAPOT))
        .route("/panic", get(panics));
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = with_edge(routes).oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (Response::from_parts(parts, ()), String::from_utf8(bytes.to_vec()).unwrap())
}

async fn panics() -> &'static str {
    panic!("a handler of this test")
}

#[tokio::test]
async fn b41_whatever_goes_wrong_has_the_one_error_body() {
    let cases = [
        ("GET", "/nowhere", 404),
        ("POST", "/thing", 405),
        ("GET", "/part/x", 400),
        ("GET", "/part/%FF", 400),
        ("GET", "/%C3%28", 400),
        ("GET", "/thing?a=%FF", 400),
        ("GET", "/thing?%FF=a", 400),
        ("GET", "/thing?format=yaml", 406),
        ("GET", "/misfit", 500),
        ("GET", "/teapot", 418),
        ("GET", "/panic", 500),
    ];
    for (method, uri, status) in cases {
        let (answer, body) = ask(method, uri, &[("accept", "application/json")]).await;
        assert_eq!(answer.status(), status, "{uri}: {body}");
        assert_eq!(answer.headers()["content-type"], "application/json", "{uri}");
        let problem: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{uri}: {body}"));
        assert_eq!(problem["status"], status, "{uri}");
        assert_eq!(problem["errorsExist"], true, "{uri}");
        let tracking = &problem["errorList"]["error"][0]["trackingId"];
        assert_eq!(answer.headers()["x-request-id"], tracking.as_str().unwrap(), "{uri}");
        assert_eq!(answer.headers()["cache-control"], "private, no-store", "{uri}");
        assert!(!body.contains("of this test") && !body.contains("colour"), "{uri}: nothing of our insides");
    }
    let (answer, body) = ask("GET", "/thing?a=%FF", &[("accept", "application/xml")]).await;
    assert_eq!(answer.headers()["content-type"], "application/xml;charset=UTF-8");
    assert!(body.contains("web_service_result"), "{body}");
}

#[tokio::test]
async fn rfc_9110_15_4_5_an_unchanged_answer_says_what_the_full_one_would() {
    for (accept, tag) in [("application/json", "\"7-j\""), ("application/xml", "\"7-x\"")] {
        let (full, body) = ask("GET", "/thing", &[("accept", accept)]).await;
        assert_eq!(full.headers()["etag"], tag);
        assert!(!body.is_empty());
        for (condition, status) in
            [(tag, 304), ("*", 304), ("\"1-j\", W/\"7-x\", W/\"7-j\"", 304), ("\"8-j\"", 200)]
        {
            for method in ["GET", "HEAD"] {
                let headers = [("accept", accept), ("if-none-match", condition)];
                let (answer, body) = ask(method, "/thing", &headers).await;
                assert_eq!(answer.status(), status, "{method} {condition}");
                assert_eq!(body.is_empty(), status == 304 || method == "HEAD", "{method} {condition}");
                for name in ["etag", "vary", "cache-control"] {
                    assert_eq!(answer.headers()[name], full.headers()[name], "{method} {condition}: {name}");
                }
            }
        }
        assert_eq!(full.headers()["vary"], "accept, authorization");
        assert_eq!(full.headers()["cache-control"], "private, no-cache");
    }
}
