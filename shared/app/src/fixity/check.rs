//! One file: look, read, compare, record.

use vitrine_domain::actor::Actor;
use vitrine_domain::file::{Content, DigitalFile};
use vitrine_domain::fixity::{Damage, Fixity, FixityStatus, Reading, Seen};
use vitrine_store::objects::{Bucket, ContentDigest, Digested, Inspected};

use super::{Pace, is_trouble};
use crate::{App, AppError, Call};

/// A reading writes down how far it is after so many bytes: what a worker that dies had read is not read again.
const CHECKPOINT_BYTES: u64 = 1 << 30;

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Checked {
    /// The file is whole.
    Whole {
        /// Whether all bytes were read.
        read: bool,
        /// Whether it had been damaged.
        recovered: bool,
    },
    /// It is not.
    Damaged,
    /// It could not be read.
    Unread {
        /// Whether that is reported.
        reported: bool,
    },
    /// The time was over; the next run goes on.
    Continues,
    /// There was nothing to say: the file was deleted or changed.
    Moot,
}

/// What was found of one file.
enum Finding {
    /// Size and stored checksums are right.
    Looks,
    /// All bytes are right.
    Whole,
    /// The file's own version is damaged, and another one under its key has the right bytes.
    PutBack(Option<String>),
    Damaged(Damage),
    /// It could not be read, for this reason; the reading goes on from here.
    Unread(String, Option<Reading>),
    Paused,
}

/// How a reading ended.
enum Read {
    All(Digested),
    Failed(String),
    Paused,
}

impl App {
    /// Checks one file and records what was found.
    ///
    /// # Errors
    /// A conflict where another worker was quicker; what could not be read or written of the table.
    pub(super) async fn check_file(
        &self,
        call: &Call,
        mut fixity: Fixity,
        pace: &Pace<'_>,
    ) -> Result<Checked, AppError> {
        let Some((file, content)) = self.checkable(&fixity).await? else {
            self.catalog.save_fixity(&fixity.resting()).await?;
            return Ok(Checked::Moot);
        };
        let finding = self.find_out(&mut fixity, &content, pace).await?;
        let actor = fixity.asked_by.clone().map_or_else(Actor::system, |by| Actor::new(by, Vec::new()));
        let call = &Call { actor, now: (pace.clock)(), ..call.clone() };
        let rhythm = self.settings.fixity;
        match finding {
            Finding::Paused => Ok(Checked::Continues),
            Finding::Looks => {
                self.catalog.save_fixity(&fixity.healthy(rhythm, false, call.now)).await?;
                Ok(Checked::Whole { read: false, recovered: false })
            }
            Finding::Whole => {
                let after = fixity.healthy(rhythm, true, call.now);
                self.replace(call, "file.fixity", &fixity, &after).await?;
                Ok(self.whole(&fixity))
            }
            Finding::PutBack(version_id) => {
                let after = fixity.healthy(rhythm, true, call.now);
                let content = Some(Content { version_id, ..content });
                let put_back = DigitalFile { content, ..file.clone() };
                let mut change = self.change(call, "file.put_back", Some(&file), Some(&put_back));
                change.replace(&put_back)?;
                change.replace(&after)?;
                self.commit(call, change).await?;
                Ok(self.whole(&fixity))
            }
            Finding::Damaged(damage) => self.record_damage(call, &fixity, &content, &damage).await,
            Finding::Unread(reason, reading) => {
                let after = fixity.unread(&reason, reading, call.now);
                let reported = after.status == FixityStatus::Unreadable;
                tracing::warn!(file.id = %fixity.file, failures = after.failures, reason, "a file could not be read");
                self.save(call, &fixity, &after).await?;
                Ok(Checked::Unread { reported })
            }
        }
    }

    fn whole(&self, before: &Fixity) -> Checked {
        let recovered = before.status.is_damage();
        if recovered {
            tracing::info!(file.id = %before.file, "a damaged file is whole again");
        }
        Checked::Whole { read: true, recovered }
    }

    /// The file as it is now, where there is something to check.
    async fn checkable(&self, fixity: &Fixity) -> Result<Option<(DigitalFile, Content)>, AppError> {
        let file = self.catalog.file(&fixity.file).await?.filter(|file| file.removal.is_none());
        Ok(file.and_then(|file| file.content.clone().map(|content| (file, content))))
    }

    /// Damage is recorded of what is still so: the file may have been deleted or replaced while it was read.
    async fn record_damage(
        &self,
        call: &Call,
        fixity: &Fixity,
        content: &Content,
        damage: &Damage,
    ) -> Result<Checked, AppError> {
        let now = self.checkable(fixity).await?;
        if now.is_none_or(|(_, now)| now != *content) {
            return Ok(Checked::Moot);
        }
        let after = fixity.damaged(content, damage, call.now);
        tracing::error!(file.id = %fixity.file, status = %damage.status, key = content.key, reason = damage.reason, "a file is damaged");
        self.save(call, fixity, &after).await?;
        Ok(Checked::Damaged)
    }

    /// Saves a state; into the file's history goes what differs from what was known before.
    async fn save(&self, call: &Call, before: &Fixity, after: &Fixity) -> Result<(), AppError> {
        if is_trouble(after.status) && (after.status != before.status || after.found != before.found) {
            return self.replace(call, "file.fixity", before, after).await;
        }
        Ok(self.catalog.save_fixity(after).await?)
    }

    async fn find_out(
        &self,
        fixity: &mut Fixity,
        content: &Content,
        pace: &Pace<'_>,
    ) -> Result<Finding, AppError> {
        let own = content.version_id.as_deref();
        let under_way = fixity
            .reading
            .clone()
            .filter(|reading| reading.instead_of.is_some() || reading.version_id.as_deref() == own);
        let inspected = match self.objects.inspect(Bucket::Content, &content.key, own).await {
            Ok(inspected) => inspected,
            Err(error) => return Ok(Finding::Unread(error.to_string(), under_way)),
        };
        let mut reading = match judge(content, inspected.as_ref()) {
            Look::Damage(damage) => match under_way.filter(|reading| reading.instead_of.is_some()) {
                Some(reading) => reading,
                None => match self.another_version(content, &damage).await {
                    Some(reading) => reading,
                    None => return Ok(Finding::Damaged(damage)),
                },
            },
            Look::Right if !fixity.wants_reading(self.settings.fixity, (pace.clock)()) => {
                return Ok(Finding::Looks);
            }
            Look::Right | Look::Doubtful => under_way
                .filter(|reading| reading.instead_of.is_none())
                .unwrap_or_else(|| begin(content.version_id.clone())),
        };
        loop {
            let digested = match self.read_on(fixity, content, &mut reading, pace).await? {
                Read::All(digested) => digested,
                Read::Failed(reason) => return Ok(Finding::Unread(reason, Some(reading))),
                Read::Paused => return Ok(Finding::Paused),
            };
            let right = digested.sha256 == content.sha256 && digested.size_bytes == content.size_bytes;
            let version_id = reading.version_id.clone();
            if let Some(damage) = reading.instead_of {
                return Ok(if right { Finding::PutBack(version_id) } else { Finding::Damaged(damage) });
            }
            if right {
                if reading.wrong.is_some() {
                    tracing::warn!(file.id = %fixity.file, "a reading was wrong, and the next one right");
                }
                return Ok(Finding::Whole);
            }
            let found = Seen {
                version_id: version_id.clone(),
                size_bytes: Some(digested.size_bytes),
                sha256: Some(digested.sha256),
                crc64nvme: Some(digested.crc64nvme),
            };
            match reading.wrong {
                // One reading alone can have met a fault on the way: only a second one like it counts.
                None => reading = Reading { wrong: Some(found), ..begin(version_id) },
                Some(wrong) if wrong == found => {
                    let reason = "two readings found the same other bytes".to_owned();
                    let damage = Damage { status: FixityStatus::Mismatch, found, reason };
                    match self.another_version(content, &damage).await {
                        Some(other) => reading = other,
                        None => return Ok(Finding::Damaged(damage)),
                    }
                }
                Some(_) => {
                    return Ok(Finding::Unread("two readings found different bytes".to_owned(), None));
                }
            }
        }
    }

    /// Begins to read the newest version under the key where that is another one that can be the file: someone may have
    /// put the bytes back, which in a bucket with versions makes a new one.
    async fn another_version(&self, content: &Content, damage: &Damage) -> Option<Reading> {
        content.version_id.as_ref()?;
        let newest = self.objects.inspect(Bucket::Content, &content.key, None).await.ok()??;
        let can_be = newest.version_id != content.version_id && newest.size_bytes == content.size_bytes;
        can_be.then(|| Reading { instead_of: Some(damage.clone()), ..begin(newest.version_id) })
    }

    /// Reads from where `reading` is, and saves how far it got where it does not come to the end.
    async fn read_on(
        &self,
        fixity: &mut Fixity,
        content: &Content,
        reading: &mut Reading,
        pace: &Pace<'_>,
    ) -> Result<Read, AppError> {
        // A state of a form that is not ours any more: the reading starts over.
        let mut digest = ContentDigest::restore(&reading.hash_state).unwrap_or_default();
        let mut saved_bytes = digest.size_bytes();
        if digest.size_bytes() >= content.size_bytes {
            return Ok(Read::All(digest.finish()));
        }
        let range = digest.size_bytes()..content.size_bytes;
        let version = reading.version_id.as_deref();
        let mut reader = match self.objects.read_as_it_is(Bucket::Content, &content.key, version, range).await
        {
            Ok(reader) => reader,
            Err(error) => return Ok(Read::Failed(error.to_string())),
        };
        loop {
            let next = reader.next().await;
            if let Ok(Some(bytes)) = &next {
                digest.update(bytes);
            }
            let done = digest.size_bytes() >= content.size_bytes;
            let go_on = match &next {
                Ok(bytes) => pace.go_on(bytes.as_ref().map_or(0, |bytes| bytes.len())),
                Err(_) => true,
            };
            let due = digest.size_bytes() - saved_bytes >= CHECKPOINT_BYTES;
            if !done && (!go_on || due || next.is_err()) {
                reading.hashed_bytes = digest.size_bytes();
                reading.hash_state = digest.save();
            }
            match next {
                Err(error) => return Ok(Read::Failed(error.to_string())),
                Ok(None) => return Ok(Read::All(digest.finish())),
                Ok(Some(_)) if !done && (!go_on || due) => {
                    let after = Fixity { reading: Some(reading.clone()), failures: 0, ..fixity.clone() };
                    self.catalog.save_fixity(&after).await?;
                    *fixity = Fixity { version: fixity.version + 1, ..after };
                    saved_bytes = digest.size_bytes();
                    if !go_on {
                        return Ok(Read::Paused);
                    }
                }
                Ok(Some(_)) => {}
            }
        }
    }
}

/// What a look says.
enum Look {
    Right,
    /// A checksum that the store keeps is another one: all bytes are to be read.
    Doubtful,
    Damage(Damage),
}

fn judge(content: &Content, inspected: Option<&Inspected>) -> Look {
    let Some(there) = inspected else {
        let reason = match content.version_id {
            Some(_) => "this version of the object is not in the content bucket",
            None => "the object is not in the content bucket",
        };
        let found = Seen::default();
        return Look::Damage(Damage { status: FixityStatus::Missing, found, reason: reason.to_owned() });
    };
    if there.size_bytes != content.size_bytes {
        let reason = format!("the object has {} bytes and not {}", there.size_bytes, content.size_bytes);
        let found = Seen {
            version_id: there.version_id.clone(),
            size_bytes: Some(there.size_bytes),
            sha256: there.sha256.clone(),
            crc64nvme: there.crc64nvme.clone(),
        };
        return Look::Damage(Damage { status: FixityStatus::Size, found, reason });
    }
    let differs = there.sha256.as_ref().is_some_and(|sha256| *sha256 != content.sha256)
        || there.crc64nvme.as_ref().is_some_and(|crc| *crc != content.crc64nvme);
    if differs { Look::Doubtful } else { Look::Right }
}

fn begin(version_id: Option<String>) -> Reading {
    let hash_state = ContentDigest::default().save();
    Reading { version_id, hashed_bytes: 0, hash_state, wrong: None, instead_of: None }
}
