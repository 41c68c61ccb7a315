//! Words of a record made fit for search and show: spaces, ISBD punctuation, sort keys.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::limits::MAX_SORT_TITLE_BYTES;

/// Makes every run of white space one space and trims both ends.
pub(crate) fn normalise_space(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Shortens text to at most `max_bytes` at a character border.
pub(crate) fn clip_bytes(text: &str, max_bytes: usize) -> &str {
    let mut end = max_bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Removes the ISBD punctuation that leads over to the next area: ` /`, ` :`, ` ;`, ` =`, and a trailing comma.
pub(crate) fn trim_isbd(text: &str) -> &str {
    let mut text = text.trim();
    loop {
        let shorter = text
            .strip_suffix(['/', ':', ';', '='])
            .filter(|before| before.is_empty() || before.ends_with(char::is_whitespace))
            .or_else(|| text.strip_suffix([',', ';', ':']));
        match shorter {
            Some(before) => text = before.trim_end(),
            None => return text,
        }
    }
}

/// Removes ISBD punctuation and the full stop that ends a heading, but not that of an abbreviation or initial.
pub(crate) fn trim_heading(text: &str) -> &str {
    let text = trim_isbd(text);
    let Some(before) = text.strip_suffix('.') else { return text };
    let last = before.rsplit([' ', '.', '-', ',']).next().unwrap_or_default();
    if last.chars().count() > 3 || last.ends_with(')') { before.trim_end() } else { text }
}

/// Returns what a title is sorted by: lower case, without accents and punctuation, at most 200 bytes.
///
/// `skip` characters at the start do not file (MARC 245 second indicator, MODS `nonSort`). Articles that the
/// record does not mark are never guessed.
pub(crate) fn sort_key(title: &str, skip: usize) -> String {
    let skipped = title.char_indices().nth(skip).map_or("", |(i, _)| title.get(i..).unwrap_or_default());
    let key = fold(skipped);
    // A non-filing count that leaves nothing is a mistake in the record; the whole title then sorts it.
    let key = if key.is_empty() { fold(title) } else { key };
    clip_bytes(&key, MAX_SORT_TITLE_BYTES).trim_end().to_owned()
}

/// Folds case, accents, compatibility forms and punctuation away.
fn fold(text: &str) -> String {
    let mut out = String::new();
    let mut gap = false;
    for c in text.nfkd().flat_map(char::to_lowercase) {
        if is_combining_mark(c) || matches!(c, '\'' | '’' | 'ʼ' | 'ʻ') {
            continue;
        }
        if !c.is_alphanumeric() {
            gap = !out.is_empty();
            continue;
        }
        if gap {
            out.push(' ');
            gap = false;
        }
        match c {
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ø' => out.push('o'),
            'đ' | 'ð' => out.push('d'),
            'þ' => out.push_str("th"),
            'ł' => out.push('l'),
            'ı' => out.push('i'),
            'ς' => out.push('σ'),
            c => out.push(c),
        }
        if out.len() > MAX_SORT_TITLE_BYTES {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_punctuation_between_areas_only() {
        for (given, expected) in [
            ("Moby Dick /", "Moby Dick"),
            ("Moby Dick :", "Moby Dick"),
            ("Moby Dick : or, the whale /", "Moby Dick : or, the whale"),
            ("New York :", "New York"),
            ("London,", "London"),
            ("Either/", "Either/"),
            ("A = B =", "A = B"),
            ("Title : / ;", "Title"),
            ("/", ""),
            ("C++", "C++"),
        ] {
            assert_eq!(trim_isbd(given), expected, "{given}");
        }
    }

    #[test]
    fn trims_a_headings_full_stop_but_not_an_initials() {
        assert_eq!(trim_heading("Melville, Herman."), "Melville, Herman");
        assert_eq!(trim_heading("Tolkien, J. R. R."), "Tolkien, J. R. R.");
        assert_eq!(trim_heading("Acme Inc."), "Acme Inc.");
        assert_eq!(trim_heading("Whaling."), "Whaling");
    }

    #[test]
    fn sorts_without_case_accents_and_marked_articles() {
        assert_eq!(sort_key("The Whale", 4), "whale");
        assert_eq!(sort_key("L'Été à Paris!", 2), "ete a paris");
        assert_eq!(sort_key("\"Straße\" & Œuvre", 0), "strasse oeuvre");
        assert_eq!(sort_key("The", 9), "the");
        assert_eq!(sort_key("Ångström ﬁle", 0), "angstrom file");
    }

    #[test]
    fn bounds_a_sort_key_at_a_character_border() {
        let key = sort_key(&"語".repeat(500), 0);
        assert!(key.len() <= MAX_SORT_TITLE_BYTES && key.len() > 190);
        assert!(sort_key(&"a ".repeat(5000), 0).len() <= MAX_SORT_TITLE_BYTES);
    }
}
