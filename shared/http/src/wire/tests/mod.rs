//! The wire as a client meets it: what is read, what is refused, and how the edge answers.

mod bodies;
mod edge;
mod round_trip;
mod xml;

use super::shape::{Shape, coded, count, flag, object, raw, text};
use super::{Wire, problem::Problem};

static PART: Shape =
    Shape { root: "part", members: &[text("name").attribute(), text("text"), count("size")] };

/// A shape with every kind of member.
static THING: Shape = Shape {
    root: "thing",
    members: &[
        text("link").attribute().output_only(),
        flag("is_remote").attribute(),
        text("id").output_only(),
        text("label"),
        text("note").many(),
        flag("active"),
        count("order"),
        coded("kind"),
        coded("group").many(),
        object("part", &PART),
        object("piece", &PART).many(),
        raw("anies"),
    ],
};

/// What is made of it.
#[derive(Debug, PartialEq, serde::Deserialize)]
struct Thing {
    label: String,
    #[serde(default)]
    order: Option<u8>,
    #[serde(default)]
    active: bool,
}

impl Wire for Thing {
    fn shape() -> &'static Shape {
        &THING
    }
}

/// A problem's fields and messages in one line.
fn said(problem: &Problem) -> String {
    let fields: Vec<_> =
        problem.fields.iter().map(|field| format!("{}: {}", field.field, field.message)).collect();
    if fields.is_empty() { problem.detail.clone() } else { fields.join("; ") }
}
