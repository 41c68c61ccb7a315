//! The structure of a representation: ranges in ranges (D20).

use serde_json::{Value, json};
use vitrine_domain::ids::MmsId;
use vitrine_domain::structure::{Range, Structure};

use super::{Addresses, code, without_nulls};
use crate::wire::shape::{Shape, coded, object, text};

/// A range; the shape holds itself.
static RANGE: Shape =
    Shape { root: "range", members: &[text("label"), text("file").many(), object("range", &RANGE).many()] };

pub static STRUCTURE: Shape = Shape {
    root: "structure",
    members: &[
        text("link").attribute().output_only(),
        coded("behavior"),
        coded("viewing_direction"),
        object("range", &RANGE).many(),
    ],
};

impl Addresses {
    /// The structure of a representation of a title.
    pub fn structure(&self, mms: &MmsId, found: &Structure) -> Value {
        without_nulls(json!({
            "link": format!("{}/representations/{}/structure", self.bib_link(mms), found.representation),
            "behavior": found.fields.behavior.map(code),
            "viewing_direction": found.fields.viewing_direction.map(code),
            "range": found.fields.ranges.iter().map(range).collect::<Vec<_>>(),
        }))
    }
}

fn range(found: &Range) -> Value {
    json!({
        "label": found.label,
        "file": found.files.iter().map(|file| file.as_str()).collect::<Vec<_>>(),
        "range": found.ranges.iter().map(range).collect::<Vec<_>>(),
    })
}
