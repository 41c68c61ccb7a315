//! The structure of a representation: its table of contents, and how its pages are turned (domain.md D20).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::coded;
use crate::ids::{FileId, RepId};
use crate::problem::Problems;

coded!(
    /// How pages follow each other (PRS-7).
    Behavior, "behavior" {
        /// As in a book: two pages that face each other are seen together.
        Paged = "PAGED": "Pages of a book",
        /// As on a scroll.
        Continuous = "CONTINUOUS": "One long page",
        /// Each on its own.
        Individuals = "INDIVIDUALS": "Single sheets",
    }
);

coded!(
    /// Where the next page lies.
    ViewingDirection, "viewing direction" {
        /// To the right.
        LeftToRight = "LEFT_TO_RIGHT": "Left to right",
        /// To the left, as in Arabic and Hebrew books.
        RightToLeft = "RIGHT_TO_LEFT": "Right to left",
        /// Below.
        TopToBottom = "TOP_TO_BOTTOM": "Top to bottom",
        /// Above.
        BottomToTop = "BOTTOM_TO_TOP": "Bottom to top",
    }
);

/// How deep chapters may lie in chapters.
pub const MAX_DEPTH: usize = 8;
/// The most ranges of a structure.
pub const MAX_RANGES: usize = 3_000;
/// The most files that a structure may name; one named twice counts twice. With the ranges this fits one item.
pub const MAX_NAMED_FILES: usize = 8_000;
/// The most bytes of all labels together.
const MAX_LABEL_BYTES: usize = 100 * 1024;

/// A chapter: its own pages, then the chapters in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// What the table of contents calls it.
    pub label: String,
    /// Its own files, in order.
    #[serde(rename = "file", default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileId>,
    /// The ranges in it, in order.
    #[serde(rename = "range", default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
}

/// What a client sets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StructureFields {
    /// How pages follow each other; told from the pages themselves where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<Behavior>,
    /// Where the next page lies; to the right where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewing_direction: Option<ViewingDirection>,
    /// The table of contents.
    #[serde(rename = "range", default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
}

/// The structure of a representation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Structure {
    /// The representation.
    pub representation: RepId,
    /// What a client set.
    #[serde(flatten)]
    pub fields: StructureFields,
    /// How many times it was written.
    pub version: u64,
}

impl StructureFields {
    /// Whether it says nothing, like one that was deleted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks labels, depth and size, and that every range leads somewhere: to a file, or to a range that does.
    ///
    /// # Errors
    /// All that is wrong, up to the first hundred.
    pub fn check(&self) -> Result<(), Problems> {
        let mut found = Found::default();
        for (index, range) in self.ranges.iter().enumerate() {
            found.look(range, &format!("range.{index}"), 1);
        }
        if found.ranges > MAX_RANGES {
            found.problems.add("range", format!("must not be more than {MAX_RANGES} ranges"));
        }
        if found.files > MAX_NAMED_FILES {
            found.problems.add("range", format!("must not name more than {MAX_NAMED_FILES} files"));
        }
        if found.label_bytes > MAX_LABEL_BYTES {
            found.problems.add("range", format!("has more than {MAX_LABEL_BYTES} bytes of labels"));
        }
        found.problems.into_result()
    }

    /// Every file that it names, with the first place where.
    pub fn files(&self) -> Vec<(String, &FileId)> {
        let mut named = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, range) in self.ranges.iter().enumerate() {
            range.files_into(&format!("range.{index}"), &mut seen, &mut named);
        }
        named
    }
}

impl Range {
    fn files_into<'a>(
        &'a self,
        place: &str,
        seen: &mut BTreeSet<&'a FileId>,
        named: &mut Vec<(String, &'a FileId)>,
    ) {
        for (index, file) in self.files.iter().enumerate().filter(|(_, file)| seen.insert(*file)) {
            named.push((format!("{place}.file.{index}"), file));
        }
        for (index, range) in self.ranges.iter().enumerate() {
            range.files_into(&format!("{place}.range.{index}"), seen, named);
        }
    }
}

#[derive(Default)]
struct Found {
    ranges: usize,
    files: usize,
    label_bytes: usize,
    problems: Problems,
}

impl Found {
    fn look(&mut self, range: &Range, place: &str, depth: usize) {
        self.ranges += 1;
        self.files += range.files.len();
        self.label_bytes += range.label.len();
        if self.problems.0.len() >= 100 {
            return;
        }
        self.problems.check_text(&format!("{place}.label"), &range.label, 500);
        if range.files.is_empty() && range.ranges.is_empty() {
            self.problems.add(place, "must hold a file or a range");
        }
        if depth == MAX_DEPTH && !range.ranges.is_empty() {
            self.problems.add(&format!("{place}.range"), format!("must not lie deeper than {MAX_DEPTH}"));
            return;
        }
        for (index, inner) in range.ranges.iter().enumerate() {
            self.look(inner, &format!("{place}.range.{index}"), depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(label: &str, files: usize, ranges: Vec<Range>) -> Range {
        let file = |n: usize| format!("13{n:014}").parse().unwrap();
        Range { label: label.to_owned(), files: (1..=files).map(file).collect(), ranges }
    }

    fn places(ranges: Vec<Range>) -> Vec<String> {
        let fields = StructureFields { ranges, ..StructureFields::default() };
        fields
            .check()
            .map_or_else(|problems| problems.0.into_iter().map(|it| it.field).collect(), |()| vec![])
    }

    #[test]
    fn d20_takes_chapters_in_chapters_and_names_what_is_wrong_with_its_place() {
        assert!(places(vec![range("One", 2, vec![range("One and a half", 1, vec![])])]).is_empty());
        assert_eq!(
            places(vec![range("", 1, vec![range("x", 0, vec![])])]),
            ["range.0.label", "range.0.range.0"]
        );
        let mut deep = range("leaf", 1, vec![]);
        for _ in 0..MAX_DEPTH {
            deep = range("inner", 0, vec![deep]);
        }
        assert_eq!(places(vec![deep]), [format!("range.0{}.range", ".range.0".repeat(MAX_DEPTH - 1))]);
        assert_eq!(places((0..=MAX_RANGES).map(|_| range("x", 1, vec![])).collect()), ["range"]);
        assert_eq!(places(vec![range("x", MAX_NAMED_FILES + 1, vec![])]), ["range"]);
    }

    #[test]
    fn names_each_file_once() {
        let fields = StructureFields {
            ranges: vec![range("a", 2, vec![range("b", 3, vec![])])],
            ..Default::default()
        };
        let places: Vec<String> = fields.files().into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, ["range.0.file.0", "range.0.file.1", "range.0.range.0.file.2"]);
    }
}
