//! ALTO: words with their places on a page, as OCR of libraries writes them (Library of Congress, versions 2 to 4).

use std::collections::HashMap;

use super::Text;
use super::markup::{Node, attribute, walk};
use crate::draw::{Result, over_limit};

/// More blocks than any page or volume has.
const MAX_BLOCKS: usize = 200_000;

/// A block of text with where it stands.
struct Block {
    page: usize,
    /// Its own id and those of the blocks around it, from outside
    ids: Vec<String>,
    text: String,
}

/// The words in reading order: that of `ReadingOrder` where there is one, else that of the document.
///
/// A word that is divided at the end of a line is written once and whole, as its `SUBS_CONTENT` says; without one, what follows the
/// hyphen is joined to it.
pub(super) fn read(document: &str) -> Result<Text> {
    let mut found = Reading::default();
    walk(document, |node| {
        match node {
            Node::Start { name, start, depth } => {
                let of = |name: &str| attribute(start, name);
                match name {
                    "Page" => found.page += 1,
                    "ElementRef" => {
                        let next = found.order.len();
                        if let Some(named) = of("REF") {
                            found.order.entry(named).or_insert(next);
                        }
                    }
                    "ComposedBlock" | "TextBlock" => found.begin(depth, of("ID").unwrap_or_default())?,
                    "TextLine" => found.text.line(),
                    "SP" => found.text.space(),
                    // What was written whole needs no hyphen, and what is joined neither.
                    "HYP" => found.joins = found.begun.is_none(),
                    "String" => found.word(
                        &of("CONTENT").unwrap_or_default(),
                        of("SUBS_TYPE").as_deref(),
                        of("SUBS_CONTENT"),
                    ),
                    _ => {}
                }
            }
            Node::End { depth } => found.end(depth),
            Node::Text(_) => {}
        }
        Ok(true)
    })?;
    Ok(found.in_order())
}

struct Reading {
    page: usize,
    order: HashMap<String, usize>,
    /// Where in the document each open block began, and its id
    open: Vec<(usize, String)>,
    blocks: Vec<Block>,
    /// The text of the innermost open block since it began or since a block in it ended
    text: Text,
    /// The whole of a word of which the first part was written
    begun: Option<String>,
    /// Whether the last word goes on
    joins: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            page: 0,
            order: HashMap::new(),
            open: Vec::new(),
            blocks: Vec::new(),
            text: Text::new(),
            begun: None,
            joins: false,
        }
    }
}

impl Reading {
    fn begin(&mut self, depth: usize, id: String) -> Result<()> {
        self.flush();
        if self.blocks.len() >= MAX_BLOCKS {
            return Err(over_limit(format!("more than {MAX_BLOCKS} blocks")));
        }
        self.open.push((depth, id));
        Ok(())
    }

    fn end(&mut self, depth: usize) {
        if self.open.last().is_some_and(|(began, _)| *began == depth) {
            self.flush();
            self.open.pop();
        }
    }

    fn flush(&mut self) {
        let text = std::mem::replace(&mut self.text, Text::new());
        if text.is_empty() {
            return;
        }
        let ids = self.open.iter().map(|(_, id)| id.clone()).collect();
        self.blocks.push(Block { page: self.page, ids, text: text.as_str().to_owned() });
    }

    fn word(&mut self, content: &str, kind: Option<&str>, whole: Option<String>) {
        let whole = whole.filter(|whole| !whole.trim().is_empty());
        if kind == Some("HypPart2") && whole.is_some() && whole == self.begun {
            self.begun = None;
            return;
        }
        if std::mem::take(&mut self.joins) {
            self.text.join();
        } else {
            self.text.space();
        }
        match (kind, whole) {
            (Some("HypPart1"), Some(whole)) => {
                self.text.push(&whole);
                self.begun = Some(whole);
            }
            _ => {
                self.text.push(content);
                self.begun = None;
            }
        }
    }

    fn in_order(mut self) -> Text {
        self.flush();
        let Self { mut blocks, order, .. } = self;
        let place = |block: &Block| {
            let rank = block.ids.iter().rev().filter_map(|id| order.get(id)).min();
            (block.page, rank.copied().unwrap_or(usize::MAX))
        };
        blocks.sort_by_key(place);
        let mut out = Text::new();
        let mut page = None;
        for block in &blocks {
            match page.replace(block.page) {
                Some(before) if before == block.page => out.paragraph(),
                _ => out.page(),
            }
            for line in block.text.split('\n') {
                out.push(line);
                out.line();
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(inside: &str) -> String {
        let document = format!(
            "<alto xmlns=\"http://www.loc.gov/standards/alto/ns-v4#\"><Layout>{inside}</Layout></alto>"
        );
        read(&document).unwrap().finished()
    }

    #[test]
    fn words_lines_blocks_and_pages_are_kept_apart() {
        let found = text(
            r#"<Page><PrintSpace><TextBlock ID="a"><TextLine><String CONTENT="Call"/><SP/><String CONTENT="me"/></TextLine>
               <TextLine><String CONTENT="&quot;Ishmael&quot; &#38; co"/></TextLine></TextBlock>
               <TextBlock ID="b"><TextLine><String CONTENT="Some"/><String CONTENT="years"/></TextLine></TextBlock></PrintSpace></Page>
               <Page><TextBlock ID="c"><TextLine><String CONTENT="ago"/></TextLine></TextBlock></Page>"#,
        );
        assert_eq!(found, "Call me\n\"Ishmael\" & co\n\nSome years\n\u{c}ago\n");
    }

    #[test]
    fn a_divided_word_is_written_once_and_whole() {
        let divided = |first: &str, second: &str, hyphen: &str| {
            text(&format!(
                r#"<Page><TextBlock><TextLine><String CONTENT="a"/><SP/><String CONTENT="exam" {first}/>{hyphen}</TextLine>
                   <TextLine><String CONTENT="ple" {second}/><SP/><String CONTENT="b"/></TextLine></TextBlock></Page>"#
            ))
        };
        let (first, second) = (
            r#"SUBS_TYPE="HypPart1" SUBS_CONTENT="example""#,
            r#"SUBS_TYPE="HypPart2" SUBS_CONTENT="example""#,
        );
        assert_eq!(divided(first, second, "<HYP CONTENT=\"-\"/>"), "a example\nb\n");
        assert_eq!(divided(first, second, ""), "a example\nb\n");
        // Without the whole the parts are joined.
        assert_eq!(divided("", "", "<HYP/>"), "a example b\n");
        // A second part of something else is a word of its own.
        let other = r#"SUBS_TYPE="HypPart2" SUBS_CONTENT="simple""#;
        assert_eq!(divided(first, other, ""), "a example\nple b\n");
        assert_eq!(divided("", other, ""), "a exam\nple b\n");
    }

    #[test]
    fn blocks_come_in_the_order_in_which_they_are_read() {
        let block = |id: &str| {
            format!(r#"<TextBlock ID="{id}"><TextLine><String CONTENT="{id}"/></TextLine></TextBlock>"#)
        };
        let order = r#"<ReadingOrder><OrderedGroup><ElementRef REF="d"/><ElementRef REF="group"/></OrderedGroup></ReadingOrder>"#;
        let group = format!(r#"<ComposedBlock ID="group">{}{}</ComposedBlock>"#, block("b"), block("c"));
        let page = format!("<Page>{}{group}{}</Page>", block("a"), block("d"));
        assert_eq!(text(&format!("{order}{page}")), "d\n\nb\n\nc\n\na\n");
        assert_eq!(text(&format!("{page}{order}")), "d\n\nb\n\nc\n\na\n");
        assert_eq!(text(&page), "a\n\nb\n\nc\n\nd\n");
    }
}
