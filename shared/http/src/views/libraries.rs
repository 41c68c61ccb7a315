//! Libraries (ALMA-17).

use serde_json::{Value, json};
use vitrine_domain::library::Library;

use super::Addresses;
use crate::wire::shape::{Shape, count, object, text};

pub static LIBRARY: Shape = Shape {
    root: "library",
    members: &[text("link").attribute().output_only(), text("code").output_only(), text("name")],
};

pub static LIBRARIES: Shape = Shape {
    root: "libraries",
    members: &[count("total_record_count").attribute(), object("library", &LIBRARY).many()],
};

impl Addresses {
    /// A library.
    pub fn library(&self, found: &Library) -> Value {
        json!({
            "link": format!("{}/conf/libraries/{}", self.api, found.code),
            "code": found.code.as_str(),
            "name": found.name,
        })
    }
}
