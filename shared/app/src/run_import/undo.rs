//! Taking an import back: what it made goes, what it changed is as before; what was changed since is left, and says so.
//!
//! Rows are taken back from the last to the first, so that a title that several rows changed passes through its states the
//! other way round. Every row is one transaction with its result, so the undo itself can be killed and gone on with.

use std::collections::HashMap;

use vitrine_domain::bib::BibRecord;
use vitrine_domain::coded::Coded;
use vitrine_domain::file::{DigitalFile, FileStatus};
use vitrine_domain::ids::{FileId, RepId};
use vitrine_domain::import::row::{PAGE_ROWS, RowOutcome, RowResult, UndoNote};
use vitrine_domain::job::{Job, JobStatus, JobWork, UndoRun};
use vitrine_domain::representation::Representation;
use vitrine_metadata::parse_record;
use vitrine_store::Change;
use vitrine_store::catalog::PageRequest;

use crate::bibs::{brief, entry, forget_membership, put_identifiers};
use crate::changes::also;
use crate::policies::forget_policy_use;
use crate::run_job::Next;
use crate::{App, AppError, Call};

impl App {
    pub(crate) async fn undo_page(&self, call: &Call, job: &Job, run: &UndoRun) -> Result<Next, AppError> {
        if run.next == 0 {
            let ended = self.report_and_end(call, job, run.rows, crate::jobs::ended_as).await?;
            return Ok(Next::GoOn(Box::new(ended)));
        }
        let first = run.next.saturating_sub(PAGE_ROWS - 1).max(1);
        let count = run.next - first + 1;
        let mut rows = self.catalog.row_results(&run.of, first, count).await?;
        rows.reverse();
        let mut done = self.catalog.row_results(&job.id, first, count).await?;
        for row in rows {
            let was_done = done.iter().any(|result| result.number == row.number);
            let Some(note) = row.undo.clone().filter(|_| !was_done) else { continue };
            done.push(self.undo_row(call, job, &row, &note).await?);
        }
        let mut after = Job { status: JobStatus::Running, ..job.clone() };
        for result in &done {
            after.tally.add(result);
            after.rows += 1;
        }
        if let JobWork::Undo(run) = &mut after.work {
            run.next = first - 1;
        }
        Ok(Next::GoOn(Box::new(self.save_job(call, job, after).await?)))
    }

    async fn undo_row(
        &self,
        call: &Call,
        job: &Job,
        row: &RowResult,
        note: &UndoNote,
    ) -> Result<RowResult, AppError> {
        let mut why = "it is being changed by others again and again".to_owned();
        for _ in 0..8 {
            match self.try_undo_row(call, job, row, note).await {
                Err(AppError::Conflict("row result")) => {
                    if let Some(done) = self.catalog.row_result(&job.id, row.number).await? {
                        return Ok(done);
                    }
                }
                Err(AppError::Conflict(_)) => {}
                Err(error @ (AppError::Unavailable(_) | AppError::Precondition { .. })) => return Err(error),
                Err(error) => {
                    why = error.to_string();
                    break;
                }
                Ok(done) => return Ok(done),
            }
        }
        let why = vec![why];
        let result = result_of(call, job, row, why);
        let mut change = self.change(call, "import.undo", None, Some(&result));
        change.create(&result)?;
        self.commit(call, change).await?;
        Ok(RowResult { version: 1, ..result })
    }

    async fn try_undo_row(
        &self,
        call: &Call,
        job: &Job,
        row: &RowResult,
        note: &UndoNote,
    ) -> Result<RowResult, AppError> {
        let mut left = Vec::new();
        let Some(mms) = &row.mms_id else {
            let result = result_of(call, job, row, Vec::new());
            return self.write_undo(call, None, None, Vec::new(), result).await;
        };
        let Some(before) = self.catalog.bib(mms).await?.filter(|bib| bib.removal.is_none()) else {
            let result = result_of(call, job, row, Vec::new());
            return self.write_undo(call, None, None, Vec::new(), result).await;
        };
        let mut gone = Vec::new();
        let own = self.files_of_row(row).await?;
        for id in &note.made_representations {
            match self.untouched(id, &own).await? {
                Untouched::Gone => {}
                Untouched::Yes(representation) => gone.push(*representation),
                Untouched::No(why) => left.push(why),
            }
        }
        left.extend(self.undo_added_files(call, note, &own, &before.brief.title).await?);
        let mut after = before.clone();
        let going = u32::try_from(gone.len()).unwrap_or(u32::MAX);
        after.representation_count = before.representation_count.saturating_sub(going);
        let is_bare = after.representation_count == 0;
        let as_written = note.bib_written_at == Some(before.modified_at);
        if note.made_bib {
            if !is_bare {
                left.push(format!("the title `{mms}` stays, because it has other representations"));
            } else if as_written {
                // Its representations go with it, and come back with it.
                after.removal = Some(self.removal(call));
                after.representation_count = before.representation_count;
            } else {
                left.push(format!("the title `{mms}` stays, because it was changed since"));
            }
        } else if let Some(old) = &note.bib_before {
            if as_written {
                let text = self.stored_source(&old.source).await?;
                after.source = self.keep_source(&text).await?;
                after.suppressed = old.suppressed;
                if let Ok(parsed) = parse_record(before.format, &text) {
                    after.brief = brief(&parsed);
                }
                after.modified_by = old.modified_by.clone();
                after.modified_at = old.modified_at;
            } else {
                left.push(format!("the record of `{mms}` stays, because it was changed since"));
            }
        }
        if !note.made_bib {
            for collection in &note.joined {
                if is_bare || after.collections.len() > 1 {
                    after.collections.retain(|held| held != collection);
                }
            }
        }
        let result = result_of(call, job, row, left);
        self.write_undo(call, Some(before), Some(after), gone, result).await
    }

    /// The files that a row registered, each with its representation.
    async fn files_of_row(&self, row: &RowResult) -> Result<HashMap<FileId, RepId>, AppError> {
        let mut found = HashMap::new();
        let mut next = None;
        loop {
            let page = self.catalog.uploads_of_rows(&row.job, row.number, row.number, next).await?;
            found.extend(page.items.into_iter().map(|upload| (upload.file, upload.representation)));
            next = page.next;
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// Takes back the files that a row added to representations that were there before; says which stay.
    async fn undo_added_files(
        &self,
        call: &Call,
        note: &UndoNote,
        own: &HashMap<FileId, RepId>,
        title: &str,
    ) -> Result<Vec<String>, AppError> {
        let mut left = Vec::new();
        for (id, rep) in own {
            if note.made_representations.contains(rep) {
                continue;
            }
            let Some(before) = self.catalog.file(id).await?.filter(|file| file.removal.is_none()) else {
                continue;
            };
            if was_changed(&before) {
                left.push(format!("the file `{id}` stays, because it was changed since"));
                continue;
            }
            let after = DigitalFile { removal: Some(self.removal(call)), ..before.clone() };
            let mut change = self.change(call, "import.undo", Some(&before), Some(&after));
            self.write_file_removal(call, &mut change, &after, title)?;
            self.commit(call, change).await?;
        }
        Ok(left)
    }

    /// Whether a representation is as the import left it.
    async fn untouched(&self, id: &RepId, own: &HashMap<FileId, RepId>) -> Result<Untouched, AppError> {
        let Some(found) = self.catalog.representation(id).await?.filter(|it| it.removal.is_none()) else {
            return Ok(Untouched::Gone);
        };
        if found.modified_at != found.created_at {
            return Ok(Untouched::No(format!(
                "the representation `{id}` stays, because it was changed since"
            )));
        }
        let mut page = PageRequest { limit: 1000, ..PageRequest::default() };
        loop {
            let files = self.catalog.files_of(id, &page).await?;
            for file in &files.items {
                if !own.contains_key(&file.id) {
                    let why = format!(
                        "the representation `{id}` stays, because it got the file `{}` since",
                        file.id
                    );
                    return Ok(Untouched::No(why));
                }
                if was_changed(file) {
                    let why = format!(
                        "the representation `{id}` stays, because its file `{}` was changed since",
                        file.id
                    );
                    return Ok(Untouched::No(why));
                }
            }
            match files.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        Ok(Untouched::Yes(Box::new(found)))
    }

    async fn write_undo(
        &self,
        call: &Call,
        before: Option<BibRecord>,
        after: Option<BibRecord>,
        gone: Vec<Representation>,
        result: RowResult,
    ) -> Result<RowResult, AppError> {
        let mut change = match (&before, &after) {
            (Some(_), Some(_)) => self.change(call, "import.undo", before.as_ref(), after.as_ref()),
            _ => self.change(call, "import.undo", None, Some(&result)),
        };
        if let (Some(before), Some(after)) = (&before, &after) {
            self.write_title_back(call, &mut change, before, after)?;
        }
        let with_title = after.as_ref().is_some_and(|after| after.removal.is_some());
        for representation in gone {
            if with_title {
                forget_policy_use(&mut change, &representation);
                also(&mut change, Some(&representation), Some(&representation));
                continue;
            }
            let removed = Representation { removal: Some(self.removal(call)), ..representation.clone() };
            also(&mut change, Some(&representation), Some(&removed));
            let title = after.as_ref().map_or("", |after| after.brief.title.as_str());
            self.write_representation_removal(call, &mut change, &removed, title)?;
        }
        change.create(&result)?;
        self.commit(call, change).await?;
        Ok(RowResult { version: 1, ..result })
    }

    fn write_title_back(
        &self,
        call: &Call,
        change: &mut Change,
        before: &BibRecord,
        after: &BibRecord,
    ) -> Result<(), AppError> {
        if after.removal.is_some() {
            return self.write_bib_removal(call, change, after);
        }
        if after == before {
            return Ok(());
        }
        change.replace(after)?;
        put_identifiers(change, after, &before.brief.identifiers)?;
        for collection in &before.collections {
            if !after.collections.contains(collection) {
                forget_membership(change, after, collection);
            }
        }
        if after.brief != before.brief {
            for collection in &after.collections {
                change.put(&entry(after, collection, call.now))?;
            }
        }
        Ok(())
    }
}

enum Untouched {
    /// It is as the import left it.
    Yes(Box<Representation>),
    /// It is deleted already.
    Gone,
    /// It is not, and why it stays.
    No(String),
}

/// Registration and its thumbnail leave both times alike; a person's change does not.
fn was_changed(file: &DigitalFile) -> bool {
    file.status == FileStatus::Active && file.modified_at != file.created_at
}

fn result_of(call: &Call, job: &Job, row: &RowResult, left: Vec<String>) -> RowResult {
    let outcome = if left.is_empty() { RowOutcome::Undone } else { RowOutcome::Left };
    let mut result = RowResult::new(&job.id, row.number, job.attempt, outcome, call.now);
    result.group.clone_from(&row.group);
    result.mms_id.clone_from(&row.mms_id);
    result.code = Some(row.outcome.code().to_owned());
    result.message = (!left.is_empty()).then(|| left.join("; "));
    result
}
