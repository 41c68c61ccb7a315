//! Every view says the same in both formats: JSON -> XML -> JSON is the identity, whatever the view holds.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::routes::ENDPOINTS;
use crate::wire::normalise::{Keep, normalise};
use crate::wire::shape::{Kind, Member, Shape};
use crate::wire::{xml_read, xml_write};

/// Any text that XML 1.0 can hold, with what it escapes and folds more often than chance would have it.
fn any_text() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        4 => prop::char::range(' ', '~'),
        2 => prop::sample::select(vec!['<', '>', '&', '"', '\'', '\r', '\n', '\t', ' ', ']', ';']),
        1 => prop::char::range('\u{A0}', '\u{D7FF}'),
        1 => prop::char::range('\u{E000}', '\u{FFFD}'),
        1 => prop::char::range('\u{10000}', '\u{10FFFF}'),
    ];
    vec(one, 0..20).prop_map(|chars| chars.into_iter().collect())
}

/// An element as a record is: text, attributes, elements in it.
fn any_document() -> impl Strategy<Value = String> {
    (any_text(), any_text()).prop_map(|(attribute, text)| {
        let (attribute, text) =
            (xml_write::escape_text(&attribute).replace('"', "&quot;"), xml_write::escape_text(&text));
        format!("<record xmlns=\"urn:r\" a=\"{attribute}\"><x:f xmlns:x=\"urn:x\">{text}</x:f></record>")
    })
}

fn any_value(kind: Kind, depth: u32) -> BoxedStrategy<Value> {
    match kind {
        Kind::Text => any_text().prop_map(Value::String).boxed(),
        Kind::Raw => any_document().prop_map(Value::String).boxed(),
        Kind::Flag => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Count => any::<i64>().prop_map(|number| json!(number)).boxed(),
        // White space around a code is no part of it.
        Kind::Coded => (any_text(), prop::option::of(any_text()), prop::option::of(any_text()))
            .prop_filter_map("a code", |(code, desc, link)| {
                let code = code.trim().to_owned();
                let mut coded = json!({ "value": code });
                for (name, text) in [("desc", desc), ("link", link)] {
                    if let Some(text) = text {
                        coded[name] = json!(text);
                    }
                }
                (!code.is_empty()).then_some(coded)
            })
            .boxed(),
        Kind::Object(shape) => any_view(shape, depth - 1),
    }
}

fn any_member(member: &'static Member, depth: u32) -> BoxedStrategy<Option<Value>> {
    if matches!(member.kind, Kind::Object(_)) && depth == 0 {
        return Just(None).boxed();
    }
    let one = any_value(member.kind, depth);
    let value = if member.many { vec(one, 1..4).prop_map(Value::Array).boxed() } else { one };
    prop::option::weighted(0.6, value).boxed()
}

/// Any view of a shape; a shape that holds itself goes down `depth` levels.
fn any_view(shape: &'static Shape, depth: u32) -> BoxedStrategy<Value> {
    let members: Vec<_> = shape.members.iter().map(|member| any_member(member, depth)).collect();
    members
        .prop_map(|values| {
            let named = shape.members.iter().zip(values);
            let present = named.filter_map(|(member, value)| Some((member.name.to_owned(), value?)));
            Value::Object(present.collect::<Map<_, _>>())
        })
        .boxed()
}

#[test]
fn every_view_survives_json_to_xml_to_json() {
    let shapes: BTreeMap<*const Shape, &'static Shape> = ENDPOINTS
        .iter()
        .flat_map(|endpoint| [endpoint.input, endpoint.output])
        .flatten()
        .map(|shape| (std::ptr::from_ref(shape), shape))
        .collect();
    assert!(shapes.len() >= 20, "{}", shapes.len());
    for shape in shapes.values().copied() {
        let mut runner =
            TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&any_view(shape, 2), |view| {
            let xml =
                xml_write::write(shape, &view).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let read = xml_read::read(shape, xml.as_bytes())
                .map_err(|error| TestCaseError::fail(format!("{error}: {xml}")))?;
            let back = normalise(shape, read, Keep::Everything)
                .map_err(|problems| TestCaseError::fail(format!("{problems:?}: {xml}")))?;
            prop_assert_eq!(back, view, "{}", xml);
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{}: {error}", shape.root);
        }
    }
}

#[test]
fn reading_never_panics_whatever_is_sent() {
    let shape = &super::THING;
    let mut runner = TestRunner::new(Config { cases: 2_000, failure_persistence: None, ..Config::default() });
    let pieces = vec![
        "<thing>",
        "</thing>",
        "<label>",
        "</label>",
        "<rec",
        " a=\"",
        "\"",
        ">",
        "/>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?xml ",
        "?>",
        "<!DOCTYPE ",
        "&amp;",
        "&#",
        "&",
        ";",
        "xmlns:",
        "é",
        "\u{0}",
        "<kind desc='",
        "'",
    ];
    let soup = vec(prop_oneof![prop::sample::select(pieces).prop_map(str::to_owned), any_text()], 0..30);
    let outcome = runner.run(&soup, |pieces| {
        let text = pieces.concat();
        if let Ok(value) = xml_read::read(shape, text.as_bytes()) {
            let _ = normalise(shape, value, Keep::Input);
        }
        Ok(())
    });
    assert!(outcome.is_ok(), "{outcome:?}");
}
