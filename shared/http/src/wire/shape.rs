//! The shape of a resource on the wire: what its XML looks like, and what a client may send.
//!
//! One declaration serves both formats and both directions: which members are attributes, which repeat, which are
//! coded, and which are ours alone, accepted and dropped when a client puts back what it read.
//!
//! ```
//! use vitrine_http::wire::shape::{Shape, coded, count, flag, object, text};
//!
//! static FILES: Shape =
//!     Shape { root: "files", members: &[text("link").attribute(), count("total_record_count").attribute()] };
//! static REPRESENTATION: Shape = Shape {
//!     root: "representation",
//!     members: &[
//!         flag("is_remote").attribute(),
//!         text("link").attribute().output_only(),
//!         text("id").output_only(),
//!         coded("library"),
//!         text("note").many(),
//!         object("files", &FILES).output_only(),
//!     ],
//! };
//! ```

/// The shape of an object.
#[derive(Debug)]
pub struct Shape {
    /// The name of its element where it is the document.
    pub root: &'static str,
    /// Its members, in the order in which XML shows them.
    pub members: &'static [Member],
}

/// One member of an object.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// Its name in both formats.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it is an attribute in XML.
    pub attribute: bool,
    /// Whether it is a list in JSON and a repeated element in XML.
    pub many: bool,
    /// Whether it is ours alone: accepted and dropped in what clients send.
    pub output_only: bool,
}

/// What a member holds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A string; ids are strings too, never numbers (ALMA-19).
    Text,
    /// A boolean; also read from `True`, `"false"` and the like (ALMA-6).
    Flag,
    /// A whole number.
    Count,
    /// `{"value", "desc", "link"}`; in XML a text with attributes (ALMA-5).
    Coded,
    /// An object.
    Object(&'static Shape),
    /// A string that holds an XML document, embedded as it is in XML: the vendor's `anies`.
    Raw,
}

/// A string.
pub const fn text(name: &'static str) -> Member {
    Member { name, kind: Kind::Text, attribute: false, many: false, output_only: false }
}

/// A boolean.
pub const fn flag(name: &'static str) -> Member {
    Member { kind: Kind::Flag, ..text(name) }
}

/// A whole number.
pub const fn count(name: &'static str) -> Member {
    Member { kind: Kind::Count, ..text(name) }
}

/// A coded value.
pub const fn coded(name: &'static str) -> Member {
    Member { kind: Kind::Coded, ..text(name) }
}

/// A nested object.
pub const fn object(name: &'static str, shape: &'static Shape) -> Member {
    Member { kind: Kind::Object(shape), ..text(name) }
}

/// Embedded XML documents: always a list, as the vendor's `anies` is.
pub const fn raw(name: &'static str) -> Member {
    Member { kind: Kind::Raw, many: true, ..text(name) }
}

impl Member {
    /// The same as an XML attribute.
    pub const fn attribute(self) -> Self {
        Self { attribute: true, ..self }
    }

    /// The same as a list.
    pub const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    /// The same, dropped from what clients send.
    pub const fn output_only(self) -> Self {
        Self { output_only: true, ..self }
    }
}

impl Shape {
    /// The member of that name.
    pub fn member(&self, name: &str) -> Option<&'static Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The member that takes elements that no member names.
    pub fn raw_member(&self) -> Option<&'static Member> {
        self.members.iter().find(|member| matches!(member.kind, Kind::Raw))
    }
}

/// A view or an input that has a shape.
pub trait Wire {
    /// The shape.
    fn shape() -> &'static Shape;
}
