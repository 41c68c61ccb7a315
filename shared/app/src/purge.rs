//! Purging what was deleted: when the time to take it back is over, or at once where it has to be (E6, B18; ADR 0015).
//!
//! A purge has two steps, and what is between them can be killed and done again. First the item is marked: from then on
//! it can not be taken back, whatever happens. Then bytes and pictures go, and last the item becomes a tombstone. So it is
//! never said of something that it can be taken back while bytes of it are gone. What hangs below a title or a
//! representation is marked thing by thing, each with a row that owes its own purge, so that any number of them is purged
//! in pieces.

use vitrine_domain::bib::BibKind;
use vitrine_domain::file::{DigitalFile, Thumbnail};
use vitrine_domain::fixity::Fixity;
use vitrine_domain::ids::{FileId, MmsId, RepId};
use vitrine_domain::outbox::OutboxRow;
use vitrine_domain::removal::{DeletedId, Deletion, Removable, Removal};
use vitrine_domain::structure::{Structure, StructureFields};
use vitrine_store::catalog::PageRequest;
use vitrine_store::keys::{self, Item, PolicyUse};
use vitrine_store::objects::Bucket;
use vitrine_store::{Change, StoreError};

use crate::policies::forget_policy_use;
use crate::register_file::TimeLeft;
use crate::sweep::Step;
use crate::{App, AppError, Call};

/// How many things below one are marked between two looks at the list.
const PAGE: u32 = 100;
/// How many representations are noted in one transaction.
const NOTED_TOGETHER: usize = 90;

/// Where a purge stands when its row is due.
enum Due {
    /// It is marked, as its removal says: what follows can be done, again and again.
    Marked(Removable, Removal),
    /// There is nothing to do now.
    Not(Step),
}

impl App {
    pub(crate) async fn purge_title(
        &self,
        call: &Call,
        row: &OutboxRow,
        mms: &MmsId,
        time_left: TimeLeft<'_>,
    ) -> Result<Step, AppError> {
        let (title, removal) = match self.due_purge(call, row, &DeletedId::Title(mms.clone())).await? {
            Due::Marked(title, removal) => (title, removal),
            Due::Not(step) => return Ok(step),
        };
        loop {
            let page = PageRequest { limit: PAGE, ..PageRequest::default() };
            let found = self.catalog.representations_of(mms, &page).await?.items;
            let apart = self.catalog.deleted_below(mms, None, PAGE).await?;
            if found.is_empty() && apart.is_empty() {
                return self.purge_last(call, row, &title).await;
            }
            for below in found {
                if !time_left() {
                    return Ok(Step::Waiting);
                }
                self.begin_purge(call, &Removable::Representation(Box::new(below)), &removal).await?;
            }
            if !self.purge_apart(call, row, &apart, time_left).await? {
                return Ok(Step::Waiting);
            }
        }
    }

    pub(crate) async fn purge_representation(
        &self,
        call: &Call,
        row: &OutboxRow,
        rep: &RepId,
        time_left: TimeLeft<'_>,
    ) -> Result<Step, AppError> {
        let id = DeletedId::Representation(rep.clone());
        let (marked, removal) = match self.due_purge(call, row, &id).await? {
            Due::Marked(marked, removal) => (marked, removal),
            Due::Not(step) => return Ok(step),
        };
        loop {
            let page = PageRequest { limit: PAGE, ..PageRequest::default() };
            let found = self.catalog.files_of(rep, &page).await?.items;
            let apart = self.catalog.deleted_below(marked.mms_id(), Some(rep), PAGE).await?;
            if found.is_empty() && apart.is_empty() {
                return self.purge_last(call, row, &marked).await;
            }
            for file in found {
                if !time_left() {
                    return Ok(Step::Waiting);
                }
                // Nothing shows a file of what is marked, so its bytes may go before its item says so.
                self.delete_bytes(&file).await?;
                let going = Removable::File(Box::new(file));
                let going = going.with(Some(Removal { purging_at: Some(call.now), ..removal.clone() }));
                self.bury(call, &going, None).await?;
            }
            if !self.purge_apart(call, row, &apart, time_left).await? {
                return Ok(Step::Waiting);
            }
        }
    }

    pub(crate) async fn purge_file(
        &self,
        call: &Call,
        row: &OutboxRow,
        id: &FileId,
    ) -> Result<Step, AppError> {
        match self.due_purge(call, row, &DeletedId::File(id.clone())).await? {
            Due::Marked(marked, _) => {
                if let Removable::File(file) = &marked {
                    self.delete_bytes(file).await?;
                }
                self.bury(call, &marked, Some(row)).await?;
                Ok(Step::Settled)
            }
            Due::Not(step) => Ok(step),
        }
    }

    /// What a row that is due owes: nothing where another row owes the purge or it was taken back, the mark where its time
    /// has come, and else what follows the mark.
    async fn due_purge(&self, call: &Call, row: &OutboxRow, id: &DeletedId) -> Result<Due, AppError> {
        let found = self.removable(id).await?;
        let owed = found.as_ref().and_then(|found| found.removal()).filter(|removal| {
            removal.purged_at.is_none() && removal.purge.as_ref().is_none_or(|purge| *purge == row.id)
        });
        let (Some(found), Some(removal)) = (&found, owed) else {
            return Ok(Due::Not(self.drop_row(call, row).await?));
        };
        if removal.purging_at.is_some() && removal.purge.is_some() {
            return Ok(Due::Marked(found.clone(), removal.clone()));
        }
        if removal.purge_after > call.now {
            let left = removal.purge_after.duration_since(call.now).as_secs();
            return Ok(Due::Not(self.put_off(call, row, left + 1).await?));
        }
        let removal = Removal { purge: Some(row.id.clone()), ..removal.clone() };
        self.begin_purge(call, &found.with(Some(removal.clone())), &removal).await?;
        Ok(Due::Not(Step::Settled))
    }

    /// Marks something for its purge: from then on it can not be taken back. A row that is due at once takes the place of
    /// the one that waited.
    pub(crate) async fn begin_purge(
        &self,
        call: &Call,
        before: &Removable,
        removal: &Removal,
    ) -> Result<(), AppError> {
        let row = self.owe(call, before.purge_work(), call.now);
        let after = before.with(Some(Removal {
            purge: Some(row.id.clone()),
            purging_at: Some(call.now),
            ..removal.clone()
        }));
        let mut change = self.change_removable(call, "purge_begin", before, &after);
        write(&mut change, &after)?;
        if let Removable::Representation(it) = before {
            forget_policy_use(&mut change, it);
        }
        if let Some(deletion) = before.deletion("") {
            change.forget(Deletion::KIND, keys::deletion(&deletion));
        }
        if let Some(waiting) = before.removal().and_then(|removal| removal.purge.as_ref()) {
            change.forget(OutboxRow::KIND, keys::outbox(waiting));
        }
        change.create(&row)?;
        Ok(self.commit(call, change).await?)
    }

    /// Marks what was deleted below something that is purged before that was. Returns whether there was time for all.
    async fn purge_apart(
        &self,
        call: &Call,
        row: &OutboxRow,
        apart: &[Deletion],
        time_left: TimeLeft<'_>,
    ) -> Result<bool, AppError> {
        for line in apart {
            if !time_left() {
                return Ok(false);
            }
            let found = match line.id().parse() {
                Ok(id) => self.removable(&id).await?,
                Err(_) => None,
            };
            match found.as_ref().and_then(|found| Some((found, found.removal()?))) {
                Some((found, removal)) => self.begin_purge(call, found, removal).await?,
                // A line that leads nowhere must not keep the purge from its end.
                None => {
                    let mut change = self.change(call, "deletion.forget", Some(row), Some(row));
                    change.forget(Deletion::KIND, keys::deletion(line));
                    self.commit(call, change).await?;
                }
            }
        }
        Ok(true)
    }

    /// Nothing is left below: looks once more, later, for what was in flight; then the item goes too.
    async fn purge_last(&self, call: &Call, row: &OutboxRow, marked: &Removable) -> Result<Step, AppError> {
        if row.attempts == 0 {
            return self.look_twice(call, row).await;
        }
        self.bury(call, marked, Some(row)).await?;
        Ok(Step::Settled)
    }

    /// Writes the tombstone.
    async fn bury(&self, call: &Call, before: &Removable, row: Option<&OutboxRow>) -> Result<(), AppError> {
        let after = before.purged(call.now);
        // The audit trail is told what stays, and not once more all that went.
        let kind = after.id().kind();
        let mut change = self.change(call, &format!("{kind}.purge"), None, Some(&after));
        write(&mut change, &after)?;
        match before {
            Removable::Representation(it) => {
                let structure = self.catalog.structure(&it.id).await?.filter(|it| !it.fields.is_empty());
                if let Some(before) = structure {
                    change.replace(&Structure { fields: StructureFields::default(), ..before })?;
                }
            }
            Removable::File(it) => change.forget(Fixity::KIND, keys::fixity(&it.id)),
            Removable::Title(_) => {}
        }
        if let Some(row) = row {
            change.forget(OutboxRow::KIND, keys::outbox(&row.id));
        }
        Ok(self.commit(call, change).await?)
    }

    /// Deletes a file's bytes, pictures and text; what is gone already is fine.
    async fn delete_bytes(&self, file: &DigitalFile) -> Result<(), AppError> {
        if let Some(content) = &file.content {
            let version = content.version_id.as_deref();
            self.objects.delete_version(Bucket::Content, &content.key, version).await?;
        }
        let pictures: Vec<&str> = match &file.thumbnail {
            Thumbnail::Ready { images, .. } => images.iter().map(|image| image.key.as_str()).collect(),
            Thumbnail::Pending { supplied } => supplied.as_deref().into_iter().collect(),
            Thumbnail::Unsupported { .. } | Thumbnail::Failed { .. } => Vec::new(),
        };
        for key in pictures.into_iter().chain(file.fulltext.key()) {
            self.objects.delete_version(Bucket::Derivatives, key, None).await?;
        }
        Ok(())
    }

    /// Something that can be deleted, deleted or not.
    pub(crate) async fn removable(&self, id: &DeletedId) -> Result<Option<Removable>, AppError> {
        Ok(match id {
            DeletedId::Title(id) => self.catalog.bib(id).await?.map(|it| Removable::Title(Box::new(it))),
            DeletedId::Representation(id) => {
                let found = self.catalog.representation(id).await?;
                found.map(|it| Removable::Representation(Box::new(it)))
            }
            DeletedId::File(id) => self.catalog.file(id).await?.map(|it| Removable::File(Box::new(it))),
        })
    }

    /// Starts the change of something that can be deleted.
    pub(crate) fn change_removable(
        &self,
        call: &Call,
        verb: &str,
        before: &Removable,
        after: &Removable,
    ) -> Change {
        let kind = before.id().kind();
        self.change(call, &format!("{kind}.{verb}"), Some(before), Some(after))
    }

    /// Notes which policies a title's representations name: none once it is deleted, those that they say once it is there
    /// again. Returns whether all are noted.
    pub(crate) async fn note_policy_uses(
        &self,
        call: &Call,
        row: &OutboxRow,
        mms: &MmsId,
        time_left: TimeLeft<'_>,
    ) -> Result<bool, AppError> {
        loop {
            let is_there = self.is_there(mms).await?;
            let mut page = PageRequest { limit: PAGE, ..PageRequest::default() };
            loop {
                let found = self.catalog.representations_of(mms, &page).await?;
                for part in found.items.chunks(NOTED_TOGETHER) {
                    if !time_left() {
                        return Ok(false);
                    }
                    let mut change = self.change(call, "bib.note_policy_uses", Some(row), Some(row));
                    for it in part {
                        let Some(policy) = it.fields.access_rights_policy_id.clone() else { continue };
                        if is_there {
                            change.put(&PolicyUse { policy, representation: it.id.clone() })?;
                        } else {
                            change.forget(PolicyUse::KIND, keys::policy_use(&policy, &it.id));
                        }
                    }
                    if !change.is_empty() {
                        self.commit(call, change).await?;
                    }
                }
                match found.next {
                    Some(next) => page.after = Some(next),
                    None => break,
                }
            }
            // Whoever deleted it or took it back meanwhile owes this too; but two sweeps may have met here.
            if self.is_there(mms).await? == is_there {
                return Ok(true);
            }
        }
    }

    async fn is_there(&self, mms: &MmsId) -> Result<bool, AppError> {
        let bib = self.catalog.bib(mms).await?;
        Ok(bib.is_some_and(|bib| bib.removal.is_none() && bib.kind == BibKind::Title))
    }
}

/// Writes over the version that was read.
pub(crate) fn write(change: &mut Change, after: &Removable) -> Result<(), StoreError> {
    match after {
        Removable::Title(it) => change.replace(&**it),
        Removable::Representation(it) => change.replace(&**it),
        Removable::File(it) => change.replace(&**it),
    }
}
