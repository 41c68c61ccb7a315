//! Usage of digital resources: what is counted, for whom it is told apart, and who is a robot (U1, LIB-2).
//!
//! Nothing of a viewer is kept: what tells two viewers apart is a digest under a secret of the day, and both are gone
//! days later. Counts stay.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::coded;
use crate::ids::{FileId, MmsId, RepId};
use crate::library::LibraryCode;

coded!(
    /// What a viewer did.
    Measure, "measure" {
        /// Opened a representation; also one that a declaration or a seat stands before.
        RepresentationView = "representation_view": "Representation views",
        /// Was refused by access rights.
        Denied = "denied": "Access denied",
        /// Was given a file to look at.
        FileView = "file_view": "File views",
        /// Was given a file to take along.
        Download = "download": "File downloads",
        /// Shared the address.
        Share = "share": "Shares",
        /// Refused a declaration (A12).
        DeclarationRefused = "declaration_refused": "Declarations refused",
    }
);

coded!(
    /// What a report has a row for, each day.
    UsageBy, "dimension" {
        /// All together.
        Day = "day": "Day",
        /// A title.
        Title = "title": "Title",
        /// A representation.
        Representation = "representation": "Representation",
        /// A file.
        File = "file": "File",
        /// A user group; a viewer with two groups is counted in both.
        Group = "group": "User group",
        /// A library.
        Library = "library": "Library",
    }
);

/// Two of one kind by one viewer within so many milliseconds are one (COUNTER's double click).
pub const DOUBLE_CLICK_MS: i64 = 30_000;
/// The group of who has not signed in, of who has no group, and of staff. No user's own group is written so.
pub const ANONYMOUS: &str = "(anonymous)";
/// See [`ANONYMOUS`].
pub const REGISTERED: &str = "(registered)";
/// See [`ANONYMOUS`].
pub const STAFF: &str = "(staff)";

/// What one viewer did to one thing on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The title.
    pub title: MmsId,
    /// The representation.
    pub representation: RepId,
    /// The file, where it was about one.
    pub file: Option<FileId>,
    /// The representation's library.
    pub library: LibraryCode,
    /// What it did.
    pub measure: Measure,
    /// The viewer's groups.
    pub groups: Vec<String>,
    /// Whether it is a robot.
    pub robot: bool,
    /// How often; 0 before the first time.
    #[serde(default)]
    pub times: u64,
}

/// Counts by measure.
pub type Counts = BTreeMap<Measure, u64>;

/// One row of a report: a day and a thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    /// The day where the institution is: `2026-11-24`.
    pub day: String,
    /// The id or the name of the thing; the day again where the row is of everything.
    pub entity: String,
    /// The title that a representation or a file belongs to.
    pub title: Option<MmsId>,
    /// The representation that a file belongs to.
    pub representation: Option<RepId>,
    /// What people did.
    pub people: Counts,
    /// What robots did.
    pub robots: Counts,
}

impl UsageRow {
    /// A row without counts.
    pub fn new(day: &str, entity: &str) -> Self {
        let (day, entity) = (day.to_owned(), entity.to_owned());
        let (people, robots) = (Counts::new(), Counts::new());
        Self { day, entity, title: None, representation: None, people, robots }
    }

    /// Adds what was seen.
    pub fn add(&mut self, seen: &Seen) {
        let side = if seen.robot { &mut self.robots } else { &mut self.people };
        *side.entry(seen.measure).or_default() += seen.times;
    }
}

/// Words in the name of a program that fetches without a person, in lower case.
const ROBOTS: &[&str] = &[
    "bot",
    "crawl",
    "spider",
    "slurp",
    "archiver",
    "harvest",
    "scrape",
    "fetch",
    "monitor",
    "preview",
    "headless",
    "phantom",
    "curl",
    "wget",
    "libwww",
    "httpclient",
    "http-client",
    "python",
    "java/",
    "go-http",
    "okhttp",
    "axios",
    "node",
    "ruby",
    "perl",
    "php/",
    "feed",
    "validator",
    "checker",
    "facebookexternalhit",
    "mediapartners",
    "lighthouse",
    "urllib",
    "scrapy",
];

/// Whether a program names itself as one that fetches without a person, or does not name itself at all.
pub fn is_robot(agent: Option<&str>) -> bool {
    let Some(agent) = agent.map(str::trim).filter(|agent| !agent.is_empty()) else { return true };
    let agent = agent.to_ascii_lowercase();
    ROBOTS.iter().any(|word| agent.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_people_and_programs_are_robots() {
        for person in [
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
        ] {
            assert!(!is_robot(Some(person)), "{person}");
        }
        for robot in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0)",
            "curl/8.10.1",
            "python-requests/2.32",
            "Wget/1.24",
            "Mozilla/5.0 HeadlessChrome/142",
            "  ",
        ] {
            assert!(is_robot(Some(robot)), "{robot}");
        }
        assert!(is_robot(None));
    }
}
