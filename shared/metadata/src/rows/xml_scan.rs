//! Finds the end of a tag and of a record in a piece of XML, without building anything.
//!
//! It looks only for borders: what stands between them is checked by [`crate::parse_record`].

use memchr::{memchr, memchr2, memchr3, memmem};

/// Where a tag, comment or the like ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// `<!--...-->`
    Comment(usize),
    /// `<![CDATA[...]]>`
    CData(usize),
    /// `<?...?>`
    Instruction(usize),
    /// `<!...>`
    Declaration(usize),
    /// `</name>`
    End(usize),
    /// `<name ...>`
    Start(usize),
    /// `<name .../>`
    Empty(usize),
}

/// Reads the piece of markup at the start of `data`, which begins with `<`; the numbers are lengths. `None` where it
/// does not end within `data`.
pub(super) fn piece(data: &[u8]) -> Option<Piece> {
    let behind = |from: usize, end: &[u8]| {
        memmem::find(data.get(from..).unwrap_or_default(), end).map(|at| from + at + end.len())
    };
    match (data.get(1)?, data.get(2)) {
        (b'?', _) => behind(2, b"?>").map(Piece::Instruction),
        (b'!', Some(b'-')) if data.get(3)? == &b'-' => behind(4, b"-->").map(Piece::Comment),
        (b'!', Some(b'[')) => behind(3, b"]]>").map(Piece::CData),
        (b'!', Some(_)) => behind(2, b">").map(Piece::Declaration),
        (b'!', None) => None,
        (b'/', _) => behind(2, b">").map(Piece::End),
        _ => {
            let mut at = 1;
            loop {
                at += memchr3(b'>', b'"', b'\'', data.get(at..)?)?;
                match data.get(at) {
                    Some(b'>') if data.get(at - 1) == Some(&b'/') => return Some(Piece::Empty(at + 1)),
                    Some(b'>') => return Some(Piece::Start(at + 1)),
                    // No value holds a `<`: where one comes before the closing quote, the tag is broken and ends.
                    Some(quote) => match memchr2(*quote, b'<', data.get(at + 1..)?)? {
                        length if data.get(at + 1 + length) == Some(&b'<') => {
                            return Some(Piece::Start(at + 1 + length));
                        }
                        length => at += 2 + length,
                    },
                    None => return None,
                }
            }
        }
    }
}

/// Returns the name of a start or end tag.
pub(super) fn tag_name(tag: &[u8]) -> &[u8] {
    let from = if tag.get(1) == Some(&b'/') { 2 } else { 1 };
    let rest = tag.get(from..).unwrap_or_default();
    let length = rest.iter().position(|b| is_name_end(*b)).unwrap_or(rest.len());
    rest.get(..length).unwrap_or_default()
}

fn is_name_end(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>')
}

/// How a record ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Not within the bytes.
    Open,
    /// With its own end tag; the length.
    Closed(usize),
    /// Before the next record or the end of what is around it, without an end tag; the length.
    Cut(usize),
}

/// Finds the end of the record at the start of `data`: the first end tag of its name. `outer` is the name of the
/// element around it. `plain` looks at tags alone, as if there were no comments, quotes or CDATA sections: for
/// places where one of them does not end.
pub(super) fn record_end(data: &[u8], name: &[u8], outer: &[u8], plain: bool) -> End {
    let mut at = if plain {
        1
    } else {
        match piece(data) {
            Some(Piece::Empty(length)) => return End::Closed(length),
            Some(Piece::Start(length)) => length,
            _ => return End::Open,
        }
    };
    loop {
        let Some(next) = data.get(at..).and_then(|rest| memchr(b'<', rest)) else { return End::Open };
        at += next;
        let rest = data.get(at..).unwrap_or_default();
        match border(rest, name, outer) {
            Border::Unknown => return End::Open,
            Border::End => {
                return match memchr(b'>', rest) {
                    Some(end) => End::Closed(at + end + 1),
                    None => End::Open,
                };
            }
            Border::Next | Border::Outer => return End::Cut(at),
            Border::None => {}
        }
        if plain {
            at += 1;
            continue;
        }
        match piece(rest) {
            Some(
                Piece::Comment(length)
                | Piece::CData(length)
                | Piece::Instruction(length)
                | Piece::Declaration(length)
                | Piece::End(length)
                | Piece::Start(length)
                | Piece::Empty(length),
            ) => at += length,
            None => return End::Open,
        }
    }
}

/// What stands at a `<`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Border {
    /// The bytes end before it can be told.
    Unknown,
    /// Nothing that ends a record.
    None,
    /// The record's end tag.
    End,
    /// The start of another record.
    Next,
    /// The end tag of what is around.
    Outer,
}

/// Tells what stands at the start of `data`, which begins with `<`.
pub(super) fn border(data: &[u8], name: &[u8], outer: &[u8]) -> Border {
    let is = |from: usize, name: &[u8]| -> Option<bool> {
        let rest = data.get(from..).unwrap_or_default();
        if rest.len() <= name.len() {
            return if name.starts_with(rest) { None } else { Some(false) };
        }
        Some(rest.starts_with(name) && rest.get(name.len()).is_some_and(|b| is_name_end(*b)))
    };
    let choices = match data.get(1) {
        None => return Border::Unknown,
        Some(b'/') => [(2, name, Border::End), (2, outer, Border::Outer)],
        Some(_) => [(1, name, Border::Next), (1, name, Border::Next)],
    };
    for (from, name, border) in choices {
        if name.is_empty() {
            continue;
        }
        match is(from, name) {
            Some(true) => return border,
            Some(false) => {}
            None => return Border::Unknown,
        }
    }
    Border::None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_where_tags_end() {
        assert_eq!(piece(b"<a b='>' c=\">\">x"), Some(Piece::Start(15)));
        assert_eq!(piece(b"<a b='/'/>x"), Some(Piece::Empty(10)));
        assert_eq!(piece(b"<!-- > -->x"), Some(Piece::Comment(10)));
        assert_eq!(piece(b"<![CDATA[>]]>x"), Some(Piece::CData(13)));
        assert_eq!(piece(b"<?p > ?>x"), Some(Piece::Instruction(8)));
        assert_eq!(piece(b"</a >"), Some(Piece::End(5)));
        for open in ["<", "<a", "<a b='>", "<!", "<!-", "<!--", "<!-- ->", "<![CDATA[ ]>", "<?a?", "</a"] {
            assert_eq!(piece(open.as_bytes()), None, "{open}");
        }
    }

    #[test]
    fn finds_the_border_of_a_record() {
        let end = |text: &str| record_end(text.as_bytes(), b"r", b"c", false);
        assert_eq!(end("<r/><r>"), End::Closed(4));
        assert_eq!(end("<r><a>x</a></r >y"), End::Closed(16));
        assert_eq!(end("<r><!--</r>--><b c='>'/><![CDATA[</r>]]></r>"), End::Closed(44));
        assert_eq!(end("<r><b c='></r><r>"), End::Closed(14));
        assert_eq!(end("<r><ra/></rb></r>"), End::Closed(17));
        assert_eq!(end("<r><a><r>"), End::Cut(6));
        assert_eq!(end("<r><a></c>"), End::Cut(6));
        for open in ["<r", "<r>", "<r><", "<r></", "<r></r", "<r><!-- </r>", "<r><r", "<r></c"] {
            assert_eq!(end(open), End::Open, "{open}");
        }
        assert_eq!(record_end(b"<r><!-- </r>", b"r", b"c", true), End::Closed(12));
    }
}
