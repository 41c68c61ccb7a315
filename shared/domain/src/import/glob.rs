//! Globs over values and over the names of files: `*` any characters, `?` one. No other character is special.
//!
//! A match takes at most the length of the pattern times the length of the text, whatever the pattern, because only
//! the last `*` is ever tried again.

/// The longest pattern of a profile, in characters.
pub const MAX_PATTERN: usize = 256;

/// Whether the whole text matches the pattern; case matters, and `*` takes line ends and slashes too.
pub fn text_matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    matches(&pattern, &text, |c| *c == '*', |wanted, found| *wanted == '?' || wanted == found)
}

/// Whether the name of a file, with its folders, matches the pattern.
///
/// - `*.tif` has no slash: the last part of the name matches, in any folder.
/// - `hi/` ends in a slash: everything below the folder; `hi/**` is the same.
/// - `a/*/b.tif` and `/b.tif` match from the top; `*` stays inside one folder, `**` is any number of folders.
///
/// Source: domain.md 6.4, section 5 of a profile.
pub fn glob(pattern: &str, path: &str) -> bool {
    if !pattern.contains('/') {
        let name = path.rsplit('/').next().unwrap_or_default();
        return text_matches(pattern, name);
    }
    let mut wanted: Vec<Vec<char>> =
        pattern.trim_start_matches('/').split('/').map(|part| part.chars().collect()).collect();
    let is_any = |part: &[char]| part == ['*', '*'];
    // A folder stands for what is in it, at any depth, but not for itself.
    if let Some(last) = wanted.last_mut().filter(|last| last.is_empty() || is_any(last)) {
        *last = vec!['*', '*'];
        wanted.push(vec!['*']);
    }
    let found: Vec<Vec<char>> = path.split('/').map(|part| part.chars().collect()).collect();
    matches(
        &wanted,
        &found,
        |part| is_any(part),
        |part, name| matches(part, name, |c| *c == '*', |wanted, found| *wanted == '?' || wanted == found),
    )
}

/// Checks a pattern when a profile is saved.
///
/// # Errors
/// What is wrong with it, for a person.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    if pattern.is_empty() {
        return Err("must not be empty: `*` matches everything".to_owned());
    }
    if pattern.chars().count() > MAX_PATTERN {
        return Err(format!("must be at most {MAX_PATTERN} characters"));
    }
    Ok(())
}

/// Checks a pattern of file names when a profile is saved.
///
/// # Errors
/// What is wrong with it, for a person.
pub fn check_path_pattern(pattern: &str) -> Result<(), String> {
    check_pattern(pattern)?;
    if pattern.contains('\\') {
        return Err("folders are written with `/`, not `\\`".to_owned());
    }
    let parts = pattern.trim_start_matches('/').trim_end_matches('/').split('/');
    for part in parts {
        match part {
            "" => return Err("has a folder without a name".to_owned()),
            "." | ".." => return Err(format!("`{part}` names no folder")),
            _ => {}
        }
    }
    Ok(())
}

/// Matches a list against a pattern whose items each take one item, but for those that take any number.
///
/// Each item of the list either fits the next item of the pattern or goes to the last `any` before it. An earlier
/// `any` need not take more: whatever it could reach, the later one reaches too.
fn matches<T>(pattern: &[T], list: &[T], is_any: impl Fn(&T) -> bool, fits: impl Fn(&T, &T) -> bool) -> bool {
    let (mut p, mut at) = (0, 0);
    let mut last_any: Option<(usize, usize)> = None;
    while let Some(item) = list.get(at) {
        match pattern.get(p) {
            Some(wanted) if is_any(wanted) => {
                last_any = Some((p, at));
                p += 1;
            }
            Some(wanted) if fits(wanted, item) => {
                p += 1;
                at += 1;
            }
            _ => {
                let Some((any, from)) = last_any else { return false };
                last_any = Some((any, from + 1));
                (p, at) = (any + 1, from + 1);
            }
        }
    }
    pattern.iter().skip(p).all(is_any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn matches_whole_values() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "a\nb/c", true),
            ("", "", true),
            ("", "a", false),
            ("18??", "1851", true),
            ("18??", "185", false),
            ("18??*", "1851-1852", true),
            ("*London*", "in London, 1851", true),
            ("*a*b*c", "xaxbxxc", true),
            ("*a*b*c", "xaxcxxb", false),
            ("*ab", "aab", true),
            ("?", "é", true),
            ("a*", "A", false),
            ("[a]", "a", false),
            ("a**b", "ab", true),
        ] {
            assert_eq!(text_matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn matches_names_of_files_in_folders() {
        for (pattern, path, expected) in [
            ("*.tif", "1.tif", true),
            ("*.tif", "hi/1.tif", true),
            ("*.tif", "hi/1.jpg", false),
            ("hi/", "hi/1.tif", true),
            ("hi/", "hi/a/1.tif", true),
            ("hi/", "hi", false),
            ("hi/", "low/hi/1.tif", false),
            ("hi/**", "hi/a/b/1.tif", true),
            ("hi/**", "hi", false),
            ("hi/*", "hi/1.tif", true),
            ("hi/*", "hi/a/1.tif", false),
            ("h?/*.tif", "hi/1.tif", true),
            ("a/*/b.tif", "a/x/b.tif", true),
            ("a/*/b.tif", "a/b.tif", false),
            ("a/*/b.tif", "a/x/y/b.tif", false),
            ("a/**/b.tif", "a/b.tif", true),
            ("a/**/b.tif", "a/x/y/b.tif", true),
            ("**/b.tif", "b.tif", true),
            ("**/b.tif", "x/b.tif", true),
            ("**/hi/", "x/y/hi/1.tif", true),
            ("/b.tif", "b.tif", true),
            ("/b.tif", "x/b.tif", false),
            ("values.csv", "values.csv", true),
            ("*.xml", "records.xml", true),
        ] {
            assert_eq!(glob(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn refuses_patterns_that_can_match_nothing() {
        for pattern in ["*.tif", "hi/", "/hi/**", "a/*/b.tif"] {
            assert_eq!(check_path_pattern(pattern), Ok(()), "{pattern}");
        }
        for pattern in ["", "a//b", "../a", "hi\\*.tif", "/"] {
            assert!(check_path_pattern(pattern).is_err(), "{pattern}");
        }
        assert!(check_pattern(&"a".repeat(MAX_PATTERN + 1)).is_err());
    }

    #[test]
    fn ends_soon_on_a_pattern_made_to_be_slow() {
        let pattern = "*a".repeat(MAX_PATTERN / 2);
        assert!(!text_matches(&pattern, &("a".repeat(100_000) + "b")));
        assert!(!glob(&"**/a/".repeat(50), &"a/".repeat(40)));
    }

    /// The plain definition, which tries everything.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, rest) => rest.is_none(),
            (Some(('*', behind)), rest) => {
                slow(behind, text) || rest.is_some_and(|(_, further)| slow(pattern, further))
            }
            (Some((c, behind)), Some((found, further))) => (*c == '?' || c == found) && slow(behind, further),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_definition(pattern in "[ab?*]{0,8}", text in "[ab]{0,10}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(text_matches(&pattern, &text), slow(&p, &t));
        }
    }
}
