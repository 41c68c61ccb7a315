//! Bodies in both formats: one spelling for what is meant, and the name of what is wrong.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use serde_json::{Value, json};

use super::{THING, Thing, said};
use crate::wire::body::{MAX_BODY_BYTES, read};
use crate::wire::normalise::{Keep, normalise};
use crate::wire::{Body, BodyDeadline, Format};

/// What an input is made into, or what is said of it.
fn input(value: Value) -> Result<Value, String> {
    normalise(&THING, value, Keep::Input).map_err(|problems| {
        let said: Vec<_> = problems.0.iter().map(|one| format!("{} {}", one.field, one.message)).collect();
        said.join("; ")
    })
}

#[test]
fn alma_6_values_get_one_spelling() {
    let cases = [
        (json!({ "active": "True" }), json!({ "active": true })),
        (json!({ "active": " FALSE " }), json!({ "active": false })),
        (json!({ "active": "" }), json!({})),
        (json!({ "active": null, "label": null, "note": null, "part": null }), json!({})),
        (json!({ "order": "7" }), json!({ "order": 7 })),
        (json!({ "order": "" }), json!({})),
        (json!({ "order": -7 }), json!({ "order": -7 })),
        (json!({ "note": ["a", null, "b"] }), json!({ "note": ["a", "b"] })),
        (
            json!({ "kind": { "value": "K", "desc": "shown", "link": "l" } }),
            json!({ "kind": { "value": "K" } }),
        ),
        (json!({ "kind": { "value": "" } }), json!({})),
        (json!({ "kind": {} }), json!({})),
        (json!({ "id": 7, "link": ["any", "thing"] }), json!({})),
        (json!({ "part": { "size": "1" } }), json!({ "part": { "size": 1 } })),
        (json!({ "label": "" }), json!({ "label": "" })),
    ];
    for (value, expected) in cases {
        assert_eq!(input(value.clone()), Ok(expected), "{value}");
    }
}

#[test]
fn b32_each_member_that_is_wrong_is_named() {
    let cases = [
        (json!([]), " must be an object"),
        (json!("x"), " must be an object"),
        (json!({ "colour": 1 }), "colour is not known here"),
        (json!({ "label": 1 }), "label must be a string, not a number"),
        (json!({ "label": ["x"] }), "label must be a string"),
        (json!({ "note": "x" }), "note must be a list"),
        (json!({ "note": [1] }), "note.0 must be a string, not a number"),
        (json!({ "active": "maybe" }), "active must be `true` or `false`"),
        (json!({ "active": 1 }), "active must be `true` or `false`"),
        (json!({ "order": 1.5 }), "order must be a whole number"),
        (json!({ "order": "9223372036854775808" }), "order must be a whole number"),
        (json!({ "order": true }), "order must be a whole number"),
        (json!({ "kind": "K" }), "kind must be an object with `value`"),
        (json!({ "kind": { "value": 1 } }), "kind.value must be a string"),
        (json!({ "kind": { "value": "K", "code": "K" } }), "kind.code is not known here"),
        (json!({ "part": [] }), "part must be an object"),
        (json!({ "piece": [{ "x": 1 }] }), "piece.0.x is not known here"),
        (json!({ "anies": "<x/>" }), "anies must be a list"),
        (json!({ "a\u{1b}[31m\n": 1 }), "a[31m is not known here"),
    ];
    for (value, expected) in cases {
        assert_eq!(input(value.clone()), Err(expected.to_owned()), "{value}");
    }
    let strangers: serde_json::Map<_, _> = (0..1_000).map(|n| (format!("x{n}"), Value::Null)).collect();
    assert_eq!(input(Value::Object(strangers)).unwrap_err().split("; ").count(), 50);
    let long = input(json!({ "x".repeat(10_000): 1 })).unwrap_err();
    assert!(long.len() < 100, "{long}");
}

#[test]
fn both_formats_make_the_same_input() {
    let thing = Thing { label: "A & B".to_owned(), order: Some(3), active: true };
    let json = br#"{"label":"A & B","order":3,"active":"True","id":"dropped"}"#;
    let xml = b"<thing><label>A &amp; B</label><order>3</order><active>True</active><id>dropped</id></thing>";
    assert_eq!(read::<Thing>(Format::Json, json).unwrap(), thing);
    assert_eq!(read::<Thing>(Format::Xml, xml).unwrap(), thing);
}

#[test]
fn what_can_not_be_made_an_input_is_named() {
    let cases: [(Format, &[u8], &str); 9] = [
        (Format::Json, b"{}", "label: must be given"),
        (Format::Xml, b"<thing/>", "label: must be given"),
        (Format::Json, br#"{"label":"a","order":300}"#, "order: "),
        (Format::Json, br#"{"label":"a","order":-1}"#, "order: "),
        (Format::Json, br#"{"label":"a","label":"b"}"#, "`label` is given twice"),
        (Format::Json, b"{", "EOF"),
        (Format::Json, b"", "EOF"),
        (Format::Xml, b"{}", "outside"),
        (Format::Json, b"\xFF", "not UTF-8"),
    ];
    for (format, bytes, part) in cases {
        let problem = read::<Thing>(format, bytes).unwrap_err();
        assert_eq!(problem.status, 400);
        assert!(said(&problem).contains(part), "{part}: {}", said(&problem));
    }
}

async fn taken(kind: Option<&str>, body: axum::body::Body, deadline: Option<Duration>) -> Result<Thing, u16> {
    let mut request = Request::new(body);
    if let Some(kind) = kind {
        request.headers_mut().insert("content-type", kind.parse().unwrap());
    }
    if let Some(limit) = deadline {
        request.extensions_mut().insert(BodyDeadline(limit));
    }
    Body::from_request(request, &()).await.map(|Body(thing)| thing).map_err(|problem| problem.status.as_u16())
}

#[tokio::test]
async fn b41_only_json_and_xml_of_a_bounded_size_are_read() {
    let json = || axum::body::Body::from(r#"{"label":"a"}"#);
    assert!(taken(Some("application/json"), json(), None).await.is_ok());
    assert!(taken(Some("Application/JSON; charset=utf-8"), json(), None).await.is_ok());
    assert!(taken(Some("text/xml"), "<thing><label/></thing>".into(), None).await.is_ok());
    for kind in [None, Some(""), Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("json")]
    {
        assert_eq!(taken(kind, json(), None).await, Err(415), "{kind:?}");
    }
    let label = "a".repeat(MAX_BODY_BYTES);
    let large = format!(r#"{{"label":"{label}"}}"#);
    assert_eq!(taken(Some("application/json"), large.into(), None).await, Err(413));
    let nested = format!(r#"{{"label":{}}}"#, "[".repeat(1_000_000));
    assert_eq!(taken(Some("application/json"), nested.into(), None).await, Err(400));
}

#[tokio::test(start_paused = true)]
async fn b41_a_body_that_never_ends_is_given_up() {
    let endless = || {
        let nothing = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        axum::body::Body::from_stream(nothing)
    };
    let limit = Duration::from_secs(60);
    assert_eq!(taken(Some("application/json"), endless(), Some(limit)).await, Err(408));
    assert!(taken(Some("application/json"), r#"{"label":"a"}"#.into(), Some(limit)).await.is_ok());
}
