//! Fixity: the files that are due are checked in turn, staff have some checked out of turn, and read what was found
//! (domain.md E9; reliability.md B14, B15; ADR 0012).
//!
//! No list of files is read whole and no bucket is listed: each file's state lies in a list by the time at which it is
//! due, and a run takes the head of each list. What a run does not get to, the next one does.

mod check;

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use vitrine_domain::Timestamp;
use vitrine_domain::file::DigitalFile;
use vitrine_domain::fixity::{Fixity, FixityStatus, Trouble};
use vitrine_domain::ids::{FileId, MmsId, RepId, UserId};
use vitrine_domain::outbox::{OutboxRow, SHARDS, Work};
use vitrine_domain::roles::Action;
use vitrine_store::catalog::{Count, PageRequest};
use vitrine_store::{CommitError, Page, keys};

use self::check::Checked;
use crate::changes::again_on_conflict;
use crate::register_file::TimeLeft;
use crate::{App, AppError, Call, Rule};

/// How many files of one list a run takes.
const FILES_A_LIST: u32 = 100;
/// How many files are read side by side.
const SIDE_BY_SIDE: usize = 8;
/// How many bytes a run reads at most; with a run a minute, 90 days are room for more than 4 PB.
const BYTES_A_RUN: u64 = 32 << 30;
/// A file that is due for so long, in seconds, says that runs do not keep up.
const BEHIND_SECONDS: i64 = 2 * 86_400;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FixityRun {
    /// Files whose check came to an end.
    pub checked: u32,
    /// Those of them of which all bytes were read.
    pub read: u32,
    /// Bytes that were read.
    pub read_bytes: u64,
    /// Files that are damaged, found now or before.
    pub damaged: u32,
    /// Files that were damaged and are whole again.
    pub recovered: u32,
    /// Files that could not be read, and are tried again.
    pub unread: u32,
    /// Those of them that are reported, because that has gone on for long.
    pub unreadable: u32,
    /// Files whose reading goes on with the next run.
    pub continued: u32,
    /// Files whose state could not be read or written.
    pub failed: u32,
    /// Whether files have been due for days: runs do not keep up.
    pub behind: bool,
}

impl FixityRun {
    fn add(&mut self, checked: &Checked) {
        match checked {
            Checked::Whole { read, recovered } => {
                self.checked += 1;
                self.read += u32::from(*read);
                self.recovered += u32::from(*recovered);
            }
            Checked::Damaged => {
                self.checked += 1;
                self.damaged += 1;
            }
            Checked::Unread { reported } => {
                self.unread += 1;
                self.unreadable += u32::from(*reported);
            }
            Checked::Continues => self.continued += 1,
            Checked::Moot => {}
        }
    }
}

/// What bounds a run: its time and how much it reads.
struct Pace<'a> {
    clock: &'a (dyn Fn() -> Timestamp + Send + Sync),
    time_left: TimeLeft<'a>,
    read_bytes: AtomicU64,
}

impl Pace<'_> {
    /// Whether there is time to go on after `bytes` more were read.
    fn go_on(&self, bytes: usize) -> bool {
        let before = self.read_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        before < BYTES_A_RUN && (self.time_left)()
    }
}

impl App {
    /// Checks the files that are due, those first that someone waits for.
    ///
    /// A file costs one read, one HEAD and one write; where all its bytes are read, one GET more.
    ///
    /// # Errors
    /// When the lists can not be read; a file whose state can not be read or written is counted and stays due.
    pub async fn check_due_files(
        &self,
        call: &Call,
        clock: &(dyn Fn() -> Timestamp + Send + Sync),
        time_left: TimeLeft<'_>,
    ) -> Result<FixityRun, AppError> {
        let pace = &Pace { clock, time_left, read_bytes: AtomicU64::new(0) };
        let run = stream::iter(lists(call.now))
            .map(|list| async move { self.catalog.due_fixity(&list, call.now, FILES_A_LIST).await })
            .buffered(1)
            .map_ok(|files| stream::iter(files.into_iter().map(Ok)))
            .try_flatten()
            .map_ok(|file| async move {
                let file = match file {
                    Ok(file) => file,
                    Err(error) => return Ok((None, Err(error.into()))),
                };
                let due_at = file.due_at;
                let checked =
                    if pace.go_on(0) { self.check_file(call, file, pace).await } else { Ok(Checked::Moot) };
                Ok((due_at, checked))
            })
            .try_buffer_unordered(SIDE_BY_SIDE)
            .try_fold(FixityRun::default(), |mut run, (due_at, checked): (_, Result<Checked, AppError>)| {
                run.behind |= due_at.is_some_and(|due: Timestamp| {
                    due.saturating_add(vitrine_domain::outbox::seconds(BEHIND_SECONDS))
                        .is_ok_and(|late| late < call.now)
                });
                match checked {
                    Ok(checked) => run.add(&checked),
                    // Another worker has it: it is in good hands.
                    Err(AppError::Conflict(_)) => {}
                    Err(error) => {
                        run.failed += 1;
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "a file could not be checked and stays due"
                        );
                    }
                }
                async move { Ok(run) }
            })
            .await
            .map_err(|error: vitrine_store::StoreError| AppError::from(error))?;
        Ok(FixityRun { read_bytes: pace.read_bytes.load(Ordering::Relaxed), ..run })
    }

    /// What is known of a file's fixity; none for one that was registered before there was any.
    ///
    /// # Errors
    /// [`AppError::Unavailable`].
    pub async fn fixity_of_file(&self, file: &FileId) -> Result<Option<Fixity>, AppError> {
        Ok(self.catalog.fixity(file).await?)
    }

    /// The same for the files of one page.
    ///
    /// # Errors
    /// [`AppError::Unavailable`].
    pub async fn fixity_of_files(&self, files: &[DigitalFile]) -> Result<Vec<Fixity>, AppError> {
        let ids: Vec<FileId> = files.iter().map(|file| file.id.clone()).collect();
        Ok(self.catalog.fixity_of(&ids).await?)
    }

    /// The files that are damaged, or those that could not be read, and how many there are. Those of them that are deleted
    /// are counted, because they can be taken back, and not shown: a page can have fewer than asked for.
    ///
    /// # Errors
    /// A missing role.
    pub async fn list_fixity(
        &self,
        call: &Call,
        trouble: Trouble,
        page: &PageRequest,
    ) -> Result<(Page<Fixity>, Count), AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        let list = match trouble {
            Trouble::Damaged => keys::FIXITY_DAMAGED,
            Trouble::Unreadable => keys::FIXITY_UNREADABLE,
        };
        let mut found = self.catalog.fixity_list(list, page).await?;
        found.items = self.those_that_are_there(found.items).await?;
        Ok((found, self.catalog.count_fixity_list(list).await?))
    }

    /// Leaves out files that are deleted, by themselves or with what they belong to: three reads for a page.
    async fn those_that_are_there(&self, found: Vec<Fixity>) -> Result<Vec<Fixity>, AppError> {
        let files: Vec<FileId> = found.iter().map(|it| it.file.clone()).collect();
        let representations: Vec<RepId> = found.iter().map(|it| it.representation.clone()).collect();
        let titles: Vec<MmsId> = found.iter().map(|it| it.mms_id.clone()).collect();
        let (files, representations, titles) = tokio::try_join!(
            self.catalog.files_by_id(&files),
            self.catalog.representations(&representations),
            self.catalog.bibs(&titles)
        )?;
        let file = |id: &FileId| files.iter().any(|it| it.id == *id && it.removal.is_none());
        let form = |id: &RepId| representations.iter().any(|it| it.id == *id && it.removal.is_none());
        let title = |id: &MmsId| titles.iter().any(|it| it.mms_id == *id && it.removal.is_none());
        let is_there = |it: &Fixity| file(&it.file) && form(&it.representation) && title(&it.mms_id);
        Ok(found.into_iter().filter(is_there).collect())
    }

    /// Has a file checked out of turn, all bytes of it.
    ///
    /// # Errors
    /// [`Rule::FilePending`] before it is registered.
    pub async fn ask_for_file_check(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
        file: &FileId,
    ) -> Result<(DigitalFile, Fixity), AppError> {
        let found = self.file_of(mms, rep, file).await?;
        call.actor.may(Action::CheckFixity, Some(&found.library))?;
        if found.content.is_none() {
            return Err(Rule::FilePending.into());
        }
        let asked = again_on_conflict(|| async {
            let before = self.catalog.fixity(&found.id).await?;
            let new = Fixity::of(&found, self.settings.fixity, call.now);
            let after = before.as_ref().unwrap_or(&new).asked(&call.actor.id, call.now);
            let mut change = self.change(call, "file.ask_fixity", before.as_ref(), Some(&after));
            match before {
                Some(_) => change.replace(&after)?,
                None => change.create(&after)?,
            }
            self.commit(call, change).await?;
            Ok(after)
        })
        .await?;
        Ok((found, asked))
    }

    /// Has the files of a representation checked out of turn: owed at once, asked for by the sweep file by file.
    ///
    /// # Errors
    /// A missing role.
    pub async fn ask_for_representation_check(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
    ) -> Result<(), AppError> {
        let found = self.representation_of(mms, rep).await?;
        call.actor.may(Action::CheckFixity, Some(&found.fields.library))?;
        let work = Work::CheckFiles { representation: rep.clone(), asked_by: call.actor.id.clone() };
        let mut change = self.change(call, "representation.ask_fixity", Some(&found), Some(&found));
        change.create(&self.owe(call, work, call.now))?;
        Ok(self.commit(call, change).await?)
    }

    /// Asks for the files of a representation that were not asked for yet. Returns whether all are; done again, it goes on.
    pub(crate) async fn ask_for_checks(
        &self,
        call: &Call,
        row: &OutboxRow,
        rep: &RepId,
        asked_by: &UserId,
        time_left: TimeLeft<'_>,
    ) -> Result<bool, AppError> {
        let mut page = PageRequest { limit: 100, ..PageRequest::default() };
        loop {
            let files = self.catalog.files_of(rep, &page).await?;
            let states = self.fixity_of_files(&files.items).await?;
            for file in files.items.iter().filter(|file| file.content.is_some()) {
                if !time_left() {
                    return Ok(false);
                }
                let state = states.iter().find(|state| state.file == file.id);
                let is_asked = |state: &Fixity| {
                    state.asked_by.is_some() || state.checked_at.is_some_and(|at| at >= row.created_at)
                };
                if state.is_some_and(is_asked) {
                    continue;
                }
                match state {
                    Some(state) => match self.catalog.save_fixity(&state.asked(asked_by, call.now)).await {
                        // Another writer was quicker: it is asked for with the next run, if it has to be.
                        Ok(()) | Err(CommitError::Changed(_)) => {}
                        Err(error) => return Err(error.into()),
                    },
                    None => self.begin_fixity(call, file, asked_by).await?,
                }
            }
            match files.next {
                Some(next) => page.after = Some(next),
                None => return Ok(true),
            }
        }
    }

    /// A file that was registered before there was any fixity gets its state.
    async fn begin_fixity(&self, call: &Call, file: &DigitalFile, by: &UserId) -> Result<(), AppError> {
        let state = Fixity::of(file, self.settings.fixity, call.now).asked(by, call.now);
        let mut change = self.change(call, "file.ask_fixity", None, Some(&state));
        change.create(&state)?;
        match self.commit(call, change).await {
            Ok(()) | Err(CommitError::Exists(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The lists of files that are due: those that someone waits for, those that were in trouble, and all others, each run
/// beginning with another shard, so that a run that is cut short leaves none behind for ever.
fn lists(now: Timestamp) -> Vec<String> {
    let first = u8::try_from(now.as_second().rem_euclid(i64::from(SHARDS) * 60) / 60).unwrap_or(0);
    let special = [keys::FIXITY_ASKED, keys::FIXITY_DAMAGED, keys::FIXITY_UNREADABLE].map(str::to_owned);
    let shards = (0..SHARDS).map(|shard| keys::fixity_due((first + shard) % SHARDS));
    special.into_iter().chain(shards).collect()
}

/// Whether a state is one that a person must look at.
pub(crate) fn is_trouble(status: FixityStatus) -> bool {
    status.is_damage() || status == FixityStatus::Unreadable
}
