//! Changes to a record's source that leave every other byte alone.

use std::ops::Range;

use crate::xml::Element;

/// Replacements by byte range; where two start at one place, they apply in the order given.
#[derive(Default)]
pub(crate) struct Edits {
    edits: Vec<(Range<usize>, String)>,
}

impl Edits {
    pub(crate) fn replace(&mut self, range: Range<usize>, with: String) {
        self.edits.push((range, with));
    }

    pub(crate) fn insert(&mut self, at: usize, text: String) {
        self.replace(at..at, text);
    }

    /// Removes an element and the white space before it.
    pub(crate) fn remove(&mut self, source: &str, element: Element<'_, '_>) {
        let span = element.span();
        self.replace(span.start - indent(source, span.start).len()..span.end, String::new());
    }

    /// Returns the source with every edit applied. Ranges must not overlap.
    pub(crate) fn apply(mut self, source: &str) -> String {
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out =
            String::with_capacity(source.len() + self.edits.iter().map(|(_, t)| t.len()).sum::<usize>());
        let mut at = 0;
        for (range, text) in &self.edits {
            out.push_str(source.get(at..range.start).unwrap_or_default());
            out.push_str(text);
            at = range.end.max(at);
        }
        out.push_str(source.get(at..).unwrap_or_default());
        out
    }
}

/// Returns the white space directly before a place.
pub(crate) fn indent(source: &str, at: usize) -> &str {
    let before = source.get(..at).unwrap_or_default();
    let kept = before.trim_end_matches([' ', '\t', '\r', '\n']).len();
    before.get(kept..).unwrap_or_default()
}

/// Returns where a child goes to come last, and the white space that sets it off as the others are.
pub(crate) fn end_of<'s>(source: &'s str, root: Element<'_, '_>) -> (usize, &'s str) {
    match root.children().last() {
        Some(last) => (last.span().end, indent(source, last.span().start)),
        None => (root.content().start, ""),
    }
}
