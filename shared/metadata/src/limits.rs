//! How much one document may ask of us. A record that needs more is refused with a clear problem.
//!
//! Real records stay far below: the largest MODS and MARC records seen in the wild are a few hundred kilobytes.
//! Source: reliability.md B25.

/// Bytes of one record, markup included.
pub const MAX_RECORD_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of one value: the text between two tags, or one attribute's value.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// Nested elements.
pub const MAX_DEPTH: usize = 64;
/// Attributes of one element, namespace declarations included.
pub const MAX_ATTRIBUTES: usize = 128;
/// Namespace declarations in scope at one place.
pub const MAX_NAMESPACES: usize = 128;
/// Elements of one record.
pub const MAX_ELEMENTS: usize = 200_000;
/// Problems told about one record; further ones are counted, not listed.
pub const MAX_PROBLEMS: usize = 100;
/// Bytes of a sort title, so that it fits an index key with an id behind it.
pub const MAX_SORT_TITLE_BYTES: usize = 200;
