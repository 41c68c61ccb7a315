//! Fixity: whether a file's bytes are still those that were registered (domain.md E9; reliability.md B14, B15).
//!
//! Each file has a state of its own beside it, and the time at which it is due again. A look asks the object store for
//! size and checksums; a reading computes SHA-256 over all bytes. Only bytes that were read twice and were wrong in the
//! same way, an object of another length and one that is not there are damage: what could not be read says nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coded;
use crate::file::{Content, DigitalFile};
use crate::ids::{FileId, MmsId, RepId, UserId};
use crate::library::LibraryCode;
use crate::outbox::{retry_after_seconds, seconds};

coded!(
    /// How a file was when it was last checked.
    FixityStatus, "fixity status" {
        /// No check has come to an end yet.
        Waiting = "WAITING": "Not checked yet",
        /// Its bytes are those that were registered.
        Healthy = "HEALTHY": "Healthy",
        /// It has other bytes.
        Mismatch = "MISMATCH": "Other bytes than registered",
        /// It is longer or shorter.
        Size = "SIZE": "Another length than registered",
        /// The object, or the version of it that is the file, is not there.
        Missing = "MISSING": "Missing from storage",
        /// It could not be read again and again; what it holds is not known.
        Unreadable = "UNREADABLE": "Could not be read",
    }
);

impl FixityStatus {
    /// Whether the bytes are known to be lost or wrong.
    pub fn is_damage(self) -> bool {
        matches!(self, Self::Mismatch | Self::Size | Self::Missing)
    }
}

coded!(
    /// Which files a report of trouble lists.
    Trouble, "status" {
        /// Those that are damaged, in whatever way.
        Damaged = "damaged": "Damaged",
        /// Those that could not be read.
        Unreadable = "unreadable": "Could not be read",
    }
);

/// What is known of bytes: as they were registered, or as they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The version under the key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_id: Option<String>,
    /// How many bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size_bytes: Option<u64>,
    /// SHA-256 in hex.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    /// CRC64NVME in base64.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub crc64nvme: Option<String>,
}

impl Seen {
    /// What a file's bytes must be.
    pub fn registered(content: &Content) -> Self {
        Self {
            version_id: content.version_id.clone(),
            size_bytes: Some(content.size_bytes),
            sha256: Some(content.sha256.clone()),
            crc64nvme: Some(content.crc64nvme.clone()),
        }
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// Of which kind.
    pub status: FixityStatus,
    /// What was found.
    pub found: Seen,
    /// In a sentence.
    pub reason: String,
}

/// A reading that is not at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The version that is read.
    pub version_id: Option<String>,
    /// How many bytes are read.
    pub hashed_bytes: u64,
    /// The hash functions' inner state.
    pub hash_state: String,
    /// What an earlier reading found instead of what was registered: this one is to agree with it, or not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wrong: Option<Seen>,
    /// What is wrong with the file's own version, while another one under its key is read: it may have been put back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instead_of: Option<Damage>,
}

/// The state of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixity {
    /// The file.
    pub file: FileId,
    /// The representation it belongs to.
    pub representation: RepId,
    /// The title that belongs to.
    pub mms_id: MmsId,
    /// The library that owns it.
    pub library: LibraryCode,
    /// The name it was uploaded under.
    pub file_name: String,
    /// How it was.
    pub status: FixityStatus,
    /// When a check last came to an end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checked_at: Option<Timestamp>,
    /// When it was last found to be whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub healthy_at: Option<Timestamp>,
    /// When all its bytes were last read and were right.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub read_at: Option<Timestamp>,
    /// Since when it is damaged or can not be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<Timestamp>,
    /// When it was last found whole after it had been damaged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recovered_at: Option<Timestamp>,
    /// What its bytes must be, where they are not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected: Option<Seen>,
    /// What was found instead.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub found: Option<Seen>,
    /// What is wrong, or why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// How many checks in a row could not read it.
    #[serde(default)]
    pub failures: u32,
    /// Who asked for it to be checked out of turn.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asked_by: Option<UserId>,
    /// When it is to be checked next; none while the file is deleted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due_at: Option<Timestamp>,
    /// The reading that is under way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reading: Option<Reading>,
    /// How many times it was written.
    pub version: u64,
}

/// How often files are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// All bytes of every file are read once in so many days.
    pub read_days: u32,
    /// Size and stored checksums are looked at once in so many days.
    pub look_days: u32,
}

const DAY_SECONDS: i64 = 86_400;
/// A check that could not read is reported after so many in a row: an hour of trying.
pub const REPORTED_AFTER_FAILURES: u32 = 5;
/// What is damaged is looked at again so often, in seconds: someone may have put it back.
const DAMAGED_AGAIN_SECONDS: i64 = DAY_SECONDS;

impl Rhythm {
    /// The length of a span of `days` for one file, in seconds: nine to eleven tenths of it, always the same for the same
    /// file, so that files that came on one day are not due on one day.
    fn span(days: u32, file: &FileId) -> i64 {
        let spread = file.as_str().bytes().fold(7_u64, |sum, byte| {
            sum.wrapping_mul(0x0000_0100_0000_01b3).wrapping_add(u64::from(byte)) ^ (sum >> 29)
        });
        let thousandths = 900 + i64::try_from(spread % 201).unwrap_or(100);
        i64::from(days) * DAY_SECONDS / 1000 * thousandths
    }

    /// When all bytes of a file are to be read that were last read at `read_at`.
    fn reading_due(self, file: &FileId, read_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
        read_at.map_or(now, |at| later(at, Self::span(self.read_days, file)))
    }

    /// When a file that is whole now is due again.
    fn next(self, file: &FileId, read_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
        later(now, Self::span(self.look_days, file)).min(self.reading_due(file, read_at, now).max(now))
    }
}

fn later(at: Timestamp, by_seconds: i64) -> Timestamp {
    at.saturating_add(seconds(by_seconds)).unwrap_or(at)
}

impl Fixity {
    /// The state of a file that was just registered: it is read for the first time when it would be looked at.
    pub fn of(file: &DigitalFile, rhythm: Rhythm, now: Timestamp) -> Self {
        Self {
            file: file.id.clone(),
            representation: file.representation.clone(),
            mms_id: file.mms_id.clone(),
            library: file.library.clone(),
            file_name: file.file_name.clone(),
            status: FixityStatus::Waiting,
            checked_at: None,
            healthy_at: None,
            read_at: None,
            since: None,
            recovered_at: None,
            expected: None,
            found: None,
            reason: None,
            failures: 0,
            asked_by: None,
            due_at: Some(later(now, Rhythm::span(rhythm.look_days.min(rhythm.read_days), &file.id))),
            reading: None,
            version: 0,
        }
    }

    /// The same, to be checked as soon as possible, all bytes of it.
    #[must_use]
    pub fn asked(&self, by: &UserId, now: Timestamp) -> Self {
        Self { asked_by: Some(by.clone()), due_at: Some(now), failures: 0, ..self.clone() }
    }

    /// The same for a file that is deleted: it is not checked.
    #[must_use]
    pub fn resting(&self) -> Self {
        Self { due_at: None, asked_by: None, reading: None, ..self.clone() }
    }

    /// The same for a file that was deleted and taken back: it is looked at at once.
    #[must_use]
    pub fn returned(&self, now: Timestamp) -> Self {
        Self { due_at: Some(now), ..self.clone() }
    }

    /// Whether all bytes are to be read, beyond a look.
    pub fn wants_reading(&self, rhythm: Rhythm, now: Timestamp) -> bool {
        self.asked_by.is_some()
            || self.reading.is_some()
            || self.status != FixityStatus::Healthy
            || rhythm.reading_due(&self.file, self.read_at, now) <= now
    }

    /// The same after a check that found the file whole; `read` where all bytes were read.
    #[must_use]
    pub fn healthy(&self, rhythm: Rhythm, read: bool, now: Timestamp) -> Self {
        let read_at = if read { Some(now) } else { self.read_at };
        Self {
            status: FixityStatus::Healthy,
            checked_at: Some(now),
            healthy_at: Some(now),
            read_at,
            since: None,
            recovered_at: if self.status.is_damage() { Some(now) } else { self.recovered_at },
            expected: None,
            found: None,
            reason: None,
            failures: 0,
            asked_by: None,
            due_at: Some(rhythm.next(&self.file, read_at, now)),
            reading: None,
            ..self.clone()
        }
    }

    /// The same after a check that found damage.
    #[must_use]
    pub fn damaged(&self, content: &Content, damage: &Damage, now: Timestamp) -> Self {
        Self {
            status: damage.status,
            checked_at: Some(now),
            since: self.since.filter(|_| self.status.is_damage()).or(Some(now)),
            expected: Some(Seen::registered(content)),
            found: Some(damage.found.clone()),
            reason: Some(damage.reason.clone()),
            failures: 0,
            asked_by: None,
            due_at: Some(later(now, DAMAGED_AGAIN_SECONDS)),
            reading: None,
            ..self.clone()
        }
    }

    /// The same after a check that could not read. It is tried again, each time after a longer while, and reported once
    /// that has gone on for long; known damage stays known, and what was known to be whole keeps its date (B15).
    #[must_use]
    pub fn unread(&self, reason: &str, reading: Option<Reading>, now: Timestamp) -> Self {
        let bytes = |reading: &Option<Reading>| reading.as_ref().map_or(0, |reading| reading.hashed_bytes);
        // A check that got on and was interrupted is not one that can not read.
        let failures = if bytes(&reading) > bytes(&self.reading) { 1 } else { self.failures + 1 };
        let due_at = Some(later(now, retry_after_seconds(failures.saturating_sub(1))));
        let same = Self { failures, due_at, reading, ..self.clone() };
        if failures < REPORTED_AFTER_FAILURES || self.status.is_damage() {
            return same;
        }
        Self {
            status: FixityStatus::Unreadable,
            checked_at: Some(now),
            since: self.since.or(Some(now)),
            reason: Some(reason.to_owned()),
            asked_by: None,
            ..same
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{FileStatus, FullText, MediaFacts, Thumbnail};

    const RHYTHM: Rhythm = Rhythm { read_days: 90, look_days: 7 };

    fn content() -> Content {
        Content {
            key: "V/storage/1/1".to_owned(),
            version_id: Some("v1".to_owned()),
            size_bytes: 3,
            sha256: "aa".to_owned(),
            crc64nvme: "bb".to_owned(),
            mime: "text/plain".to_owned(),
        }
    }

    fn file(number: u64) -> DigitalFile {
        let by: UserId = "someone".parse().unwrap();
        DigitalFile {
            id: format!("13{number:016}0101").parse().unwrap(),
            representation: "1200000000000000010101".parse().unwrap(),
            mms_id: "9900000000000000010101".parse().unwrap(),
            library: "MAIN".parse().unwrap(),
            file_name: "a.txt".to_owned(),
            label: "a.txt".to_owned(),
            order: None,
            status: FileStatus::Active,
            status_reason: None,
            content: Some(content()),
            thumbnail: Thumbnail::Pending { supplied: None },
            facts: MediaFacts::default(),
            fulltext: FullText::default(),
            created_by: by.clone(),
            created_at: at(0),
            modified_by: by,
            modified_at: at(0),
            removal: None,
            version: 1,
        }
    }

    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + days * DAY_SECONDS).unwrap()
    }

    fn days_until(fixity: &Fixity, now: Timestamp) -> f64 {
        let due = fixity.due_at.unwrap();
        (due.as_second() - now.as_second()) as f64 / DAY_SECONDS as f64
    }

    #[test]
    fn e9_every_file_is_read_once_a_cycle_and_looked_at_between() {
        for number in 1..50 {
            let mut fixity = Fixity::of(&file(number), RHYTHM, at(0));
            let (mut readings, mut looks) = (Vec::new(), 0);
            loop {
                let now = fixity.due_at.unwrap();
                if now > at(365) {
                    break;
                }
                let read = fixity.wants_reading(RHYTHM, now);
                if read {
                    readings.push(now);
                } else {
                    looks += 1;
                }
                fixity = fixity.healthy(RHYTHM, read, now);
                assert!(fixity.due_at.unwrap() > now, "a check that ended is not due at once");
            }
            assert!(readings[0] <= at(8), "the copy in storage is read within days of registration");
            for pair in readings.windows(2) {
                let days = (pair[1].as_second() - pair[0].as_second()) as f64 / DAY_SECONDS as f64;
                assert!((80.9..=99.1).contains(&days), "{days}");
            }
            assert!((40..=60).contains(&looks), "{looks}");
        }
    }

    #[test]
    fn files_of_one_day_are_not_due_on_one_day() {
        let mut days: Vec<f64> = (1..2000)
            .map(|number| {
                let fixity = Fixity::of(&file(number), RHYTHM, at(0));
                let read = Fixity { due_at: None, ..fixity }.healthy(
                    Rhythm { look_days: 365, ..RHYTHM },
                    true,
                    at(0),
                );
                days_until(&read, at(0))
            })
            .collect();
        days.sort_by(f64::total_cmp);
        assert!(days[0] < 82.0 && days[1998] > 98.0, "{} {}", days[0], days[1998]);
        assert!((88.0..92.0).contains(&days[999]), "{}", days[999]);
    }

    #[test]
    fn b15_what_can_not_be_read_is_tried_again_then_reported_and_never_called_damage() {
        let healthy = Fixity::of(&file(1), RHYTHM, at(0)).healthy(RHYTHM, true, at(1));
        let mut fixity = healthy.clone();
        for failure in 1..=12 {
            let now = fixity.due_at.unwrap();
            fixity = fixity.unread("throttled", None, now);
            assert_eq!(fixity.failures, failure);
            let reported = failure >= REPORTED_AFTER_FAILURES;
            assert_eq!(fixity.status == FixityStatus::Unreadable, reported, "{failure}");
            assert!(!fixity.status.is_damage());
            assert_eq!(fixity.healthy_at, healthy.healthy_at, "what was known stays known");
            assert!(days_until(&fixity, now) <= 0.25);
        }
        let now = fixity.due_at.unwrap();
        let again = fixity.healthy(RHYTHM, true, now);
        assert_eq!((again.status, again.failures, again.since), (FixityStatus::Healthy, 0, None));
        assert_eq!(again.recovered_at, None, "it was not damaged");
    }

    #[test]
    fn b15_a_reading_that_gets_on_is_not_one_that_fails() {
        let mut fixity = Fixity::of(&file(1), RHYTHM, at(0));
        for part in 1..20 {
            let reading = Reading {
                version_id: None,
                hashed_bytes: part * 100,
                hash_state: String::new(),
                wrong: None,
                instead_of: None,
            };
            fixity = fixity.unread("interrupted", Some(reading), at(1));
            assert_eq!((fixity.failures, fixity.status), (1, FixityStatus::Waiting));
        }
    }

    #[test]
    fn b14_damage_keeps_its_first_date_until_the_file_is_whole_again() {
        let damage = |status| Damage { status, found: Seen::default(), reason: "gone".to_owned() };
        let healthy = Fixity::of(&file(1), RHYTHM, at(0)).healthy(RHYTHM, true, at(1));
        let first = healthy.damaged(&content(), &damage(FixityStatus::Missing), at(2));
        let second = first.damaged(&content(), &damage(FixityStatus::Size), at(3));
        assert_eq!((second.status, second.since), (FixityStatus::Size, Some(at(2))));
        assert_eq!(second.expected.as_ref().unwrap().sha256.as_deref(), Some("aa"));
        assert_eq!(second.healthy_at, Some(at(1)));
        let unread = second.unread("throttled", None, at(4));
        assert_eq!(unread.status, FixityStatus::Size, "known damage stays known");
        let whole = unread.healthy(RHYTHM, true, at(5));
        assert_eq!((whole.recovered_at, whole.since, whole.found), (Some(at(5)), None, None));
    }

    #[test]
    fn who_asks_gets_all_bytes_read_at_once_and_a_deleted_file_rests() {
        let healthy = Fixity::of(&file(1), RHYTHM, at(0)).healthy(RHYTHM, true, at(1));
        assert!(!healthy.wants_reading(RHYTHM, at(2)));
        let asked = healthy.asked(&"someone".parse().unwrap(), at(2));
        assert!(asked.wants_reading(RHYTHM, at(2)));
        assert_eq!(asked.due_at, Some(at(2)));
        assert_eq!(asked.resting().due_at, None);
    }
}
