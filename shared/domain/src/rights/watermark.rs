//! What is written on what a viewer is given (A14), and the copies that carry it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::viewer::{Identity, Known, Viewer};
use crate::ids::FileId;
use crate::problem::Problems;

/// How someone is called who has not signed in.
pub const GUEST: &str = "guest";
/// The longest text of a rule, in characters.
const MAX_TEMPLATE: usize = 200;
/// The words that stand for something.
const WORDS: [&str; 2] = ["user", "date"];

/// The longest side of a marked picture, in pixels, where no rule asks for a smaller one.
pub const MARKED_SIDE: u32 = 3000;
/// The longest side, in pixels, of what is shown without a mark: a thumbnail that is too small to be of use for anything else.
pub const UNMARKED_SIDE: u32 = 200;
/// For how long a marked copy is given out, in seconds. The bucket forgets it no sooner than a day after it was made, so no
/// link leads to one that is gone.
pub const MARKED_SECONDS: i64 = 20 * 3600;
/// After how many seconds a copy that was asked for is asked for again: its maker has ended by then.
pub const ASKED_SECONDS: i64 = 2 * 60;
/// For how long the wish for a copy is kept, in seconds: longer than its message stays in the queue behind others.
pub const WISH_SECONDS: i64 = 12 * 3600;

/// Adds to `problems` what is wrong with the text of a rule.
pub(super) fn check(field: &str, template: &str, problems: &mut Problems) {
    problems.check_text(field, template, MAX_TEMPLATE);
    if !template.chars().any(char::is_alphanumeric) {
        problems.add(field, "must hold letters or digits");
    }
    if let Some(unknown) = parts(template).find_map(|part| match part {
        Part::Word(word) if !WORDS.contains(&word) => Some(word),
        _ => None,
    }) {
        problems.add(field, format!("`{{{unknown}}}` stands for nothing: use {{user}} and {{date}}"));
    }
}

/// The text for a viewer: `{user}` is its user id, or [`GUEST`]; `{date}` the day at the institution, as `2026-11-30`.
///
/// What stands in for a word is not looked at again, whatever a user is called.
pub fn text(template: &str, viewer: &Viewer, now: Timestamp, zone: &TimeZone) -> String {
    let user = match &viewer.identity {
        Some(Identity::Known(Known { id: Some(user), .. })) => user.as_str(),
        _ => GUEST,
    };
    parts(template)
        .map(|part| match part {
            Part::Word("user") => user.to_owned(),
            Part::Word("date") => zone.to_datetime(now).date().to_string(),
            Part::Word(other) => format!("{{{other}}}"),
            Part::Text(text) => text.to_owned(),
        })
        .collect()
}

enum Part<'a> {
    Text(&'a str),
    Word(&'a str),
}

/// A text in pieces: what is between braces is a word.
fn parts(mut rest: &str) -> impl Iterator<Item = Part<'_>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        if let Some((word, after)) = word.filter(|(word, _)| !word.contains('{')) {
            rest = after;
            return Some(Part::Word(word));
        }
        // A brace that begins no word is text.
        let from = usize::from(rest.starts_with('{'));
        let end = rest.get(from..).and_then(|inner| inner.find('{')).map_or(rest.len(), |at| at + from);
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Part::Text(text))
    })
}

/// The name of a wish for a marked copy: a digest of what is marked and of what is written on it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WishId(String);

impl WishId {
    /// The wish of this digest.
    pub fn of_digest(digest: impl Into<String>) -> Self {
        Self(digest.into())
    }

    /// The digest.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for WishId {
    /// Few users look at a thing on a day, so that a digest of a name nearly is one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WishId")
    }
}

/// A marked copy that a viewer asked for. It names a patron: it is kept where sessions are, for some hours, and not printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Its name.
    pub id: WishId,
    /// The file.
    pub file: FileId,
    /// SHA-256 of the bytes that were decided on, in hex.
    pub sha256: String,
    /// The longest side of the picture that is marked in place of the file; none where the file itself is.
    pub picture: Option<u32>,
    /// What is written on the copy.
    pub text: String,
    /// Until when nobody else asks for it, in seconds since 1970.
    pub asked_until: i64,
    /// When the table may forget it, in seconds since 1970.
    pub ttl: i64,
}

impl Wish {
    /// Whether it is still to be fulfilled.
    pub fn holds(&self, now: Timestamp) -> bool {
        now.as_second() < self.ttl
    }
}

impl std::fmt::Debug for Wish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wish").field("file", &self.file).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Actor;

    fn viewer(name: &str) -> Viewer {
        Viewer::of(Some(&Actor::new(name.parse().unwrap(), vec![])), None)
    }

    #[test]
    fn a14_words_stand_for_the_viewer_and_the_day_where_the_institution_is() {
        let now: Timestamp = "2026-11-30T23:30:00Z".parse().unwrap();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (template, written) in [
            ("Copy for {user}, {date}", "Copy for fay, 2026-12-01"),
            ("{user}{user}", "fayfay"),
            ("{{user}} {", "{fay} {"),
            ("{name} {user", "{name} {user"),
            ("Reading room", "Reading room"),
        ] {
            assert_eq!(text(template, &viewer("fay"), now, &berlin), written, "{template}");
        }
        assert_eq!(text("{user} {date}", &Viewer::of(None, None), now, &TimeZone::UTC), "guest 2026-11-30");
        let unknown = Viewer { identity: None, ..Viewer::of(None, None) };
        assert_eq!(text("{user}", &unknown, now, &TimeZone::UTC), GUEST);
    }

    #[test]
    fn a_user_that_is_called_like_a_word_is_not_read_as_one() {
        let now = Timestamp::UNIX_EPOCH;
        let named = |name: &str| {
            let known = Known { id: name.parse().ok(), groups: vec![], campuses: vec![], courses: vec![] };
            let viewer = Viewer { identity: Some(Identity::Known(known)), source_ip: None, staff: false };
            text("{user}", &viewer, now, &TimeZone::UTC)
        };
        assert!(["{date}", GUEST].contains(&named("{date}").as_str()));
    }

    #[test]
    fn a_text_that_could_not_be_meant_is_refused() {
        for (template, fine) in [
            ("Copy for {user}", true),
            ("{date}", true),
            ("a { b } c", false),
            ("{name}", false),
            ("{User}", false),
            ("", false),
            ("  ", false),
            ("© — …", false),
            (&"x".repeat(200), true),
            (&"x".repeat(201), false),
        ] {
            let mut problems = Problems::default();
            check("watermark", template, &mut problems);
            assert_eq!(problems.0.is_empty(), fine, "{template}: {problems:?}");
        }
    }

    #[test]
    fn what_names_a_patron_is_not_printed() {
        let wish = Wish {
            id: WishId::of_digest("d1gest"),
            file: "1300000000000000010101".parse().unwrap(),
            sha256: String::new(),
            picture: None,
            text: "fay".to_owned(),
            asked_until: 0,
            ttl: 1,
        };
        let printed = format!("{wish:?} {:?}", wish.id);
        assert!(!printed.contains("fay") && !printed.contains("d1gest"), "{printed}");
        assert!(wish.holds(Timestamp::UNIX_EPOCH) && !wish.holds(Timestamp::from_second(1).unwrap()));
    }
}
