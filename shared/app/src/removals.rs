//! Deleting titles, representations and files: metadata first, bytes later (D3, E5, B18).
//!
//! A delete is one transaction of constant size. What hangs below disappears with it, because every read looks at what
//! is above, and is marked by the sweep afterwards.

use vitrine_domain::bib::{BibKind, BibRecord};
use vitrine_domain::file::DigitalFile;
use vitrine_domain::ids::{FileId, MmsId, RepId};
use vitrine_domain::outbox::Work;
use vitrine_domain::removal::{EmptiedBib, EmptiedRepresentation, Removal};
use vitrine_domain::representation::Representation;
use vitrine_domain::roles::Action;
use vitrine_store::Change;
use vitrine_store::catalog::PageRequest;

use crate::bibs::{check_version, forget_identifier, forget_membership};
use crate::changes::{also, replace_also};
use crate::policies::forget_policy_use;
use crate::{App, AppError, Call, Rule};

impl App {
    /// Deletes a bib record; with `override_inventory` its representations go with it (D3).
    ///
    /// # Errors
    /// [`Rule::HasRepresentations`], [`AppError::Precondition`].
    pub async fn delete_bib(
        &self,
        call: &Call,
        mms: &MmsId,
        override_inventory: bool,
        expected: Option<u64>,
    ) -> Result<(), AppError> {
        call.actor.may_somewhere(Action::DeleteBib)?;
        let before = self.bib(mms).await?;
        check_version("bib record", before.version, expected)?;
        let change = self.deleting_bib(call, &before, override_inventory).await?;
        Ok(self.commit(call, change).await?)
    }

    /// The change that deletes a title.
    pub(crate) async fn deleting_bib(
        &self,
        call: &Call,
        before: &BibRecord,
        override_inventory: bool,
    ) -> Result<Change, AppError> {
        call.actor.may_somewhere(Action::DeleteBib)?;
        if before.kind == BibKind::Collection {
            return Err(Rule::BelongsToCollection.into());
        }
        if before.representation_count > 0 {
            if !override_inventory {
                return Err(Rule::HasRepresentations(before.representation_count).into());
            }
            self.check_may_delete_representations(call, &before.mms_id).await?;
        }
        let after = BibRecord { removal: Some(Removal::new(&call.actor.id, call.now)), ..before.clone() };
        let mut change = self.change(call, "bib.delete", Some(before), Some(&after));
        self.write_bib_removal(call, &mut change, &after)?;
        Ok(change)
    }

    /// Whoever deletes representations with their title needs the role in the library of each (R2, R6).
    async fn check_may_delete_representations(&self, call: &Call, mms: &MmsId) -> Result<(), AppError> {
        if call.actor.may(Action::DeleteRepresentation, None).is_ok() {
            return Ok(());
        }
        let mut page = PageRequest { limit: 100, ..PageRequest::default() };
        loop {
            let found = self.catalog.representations_of(mms, &page).await?;
            for representation in &found.items {
                call.actor.may(Action::DeleteRepresentation, Some(&representation.fields.library))?;
            }
            match found.next {
                Some(next) => page.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Writes a title's removal: its entries in lists and look-ups go, and its representations are owed.
    pub(crate) fn write_bib_removal(
        &self,
        call: &Call,
        change: &mut Change,
        removed: &BibRecord,
    ) -> Result<(), AppError> {
        change.replace(removed)?;
        for collection in &removed.collections {
            forget_membership(change, removed, collection);
        }
        for identifier in &removed.brief.identifiers {
            forget_identifier(change, removed, identifier);
        }
        change.create(&self.owe(
            call,
            Work::RemoveRepresentations { mms_id: removed.mms_id.clone() },
            call.now,
        ))?;
        Ok(())
    }

    /// Deletes a representation; `emptied` says what becomes of a title whose last one it was (E5).
    ///
    /// # Errors
    /// [`Rule::HasFiles`] unless `override_files`, [`AppError::Precondition`].
    pub async fn delete_representation(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
        override_files: bool,
        emptied: EmptiedBib,
        expected: Option<u64>,
    ) -> Result<(), AppError> {
        let before = self.representation_of(mms, rep).await?;
        call.actor.may(Action::DeleteRepresentation, Some(&before.fields.library))?;
        check_version("representation", before.version, expected)?;
        let change = self.deleting_representation(call, &before, override_files, emptied).await?;
        Ok(self.commit(call, change).await?)
    }

    /// The change that deletes a representation.
    pub(crate) async fn deleting_representation(
        &self,
        call: &Call,
        before: &Representation,
        override_files: bool,
        emptied: EmptiedBib,
    ) -> Result<Change, AppError> {
        call.actor.may(Action::DeleteRepresentation, Some(&before.fields.library))?;
        let one = PageRequest { limit: 1, ..PageRequest::default() };
        if !self.catalog.files_of(&before.id, &one).await?.items.is_empty() {
            if !override_files {
                return Err(Rule::HasFiles.into());
            }
            call.actor.may(Action::DeleteFile, Some(&before.fields.library))?;
        }
        let after =
            Representation { removal: Some(Removal::new(&call.actor.id, call.now)), ..before.clone() };
        let mut change = self.change(call, "representation.delete", Some(before), Some(&after));
        self.write_representation_removal(call, &mut change, &after, emptied).await?;
        Ok(change)
    }

    async fn write_representation_removal(
        &self,
        call: &Call,
        change: &mut Change,
        removed: &Representation,
        emptied: EmptiedBib,
    ) -> Result<(), AppError> {
        change.replace(removed)?;
        forget_policy_use(change, removed);
        change.create(&self.owe(call, Work::RemoveFiles { representation: removed.id.clone() }, call.now))?;
        let before = self.bib(&removed.mms_id).await?;
        let left = before.representation_count.saturating_sub(1);
        let mut bib = BibRecord { representation_count: left, ..before.clone() };
        match emptied {
            EmptiedBib::Delete if left == 0 => {
                call.actor.may_somewhere(Action::DeleteBib)?;
                bib.removal = Some(Removal::new(&call.actor.id, call.now));
                also(change, Some(&before), Some(&bib));
                return self.write_bib_removal(call, change, &bib);
            }
            EmptiedBib::Suppress if left == 0 => {
                call.actor.may_somewhere(Action::UpdateBib)?;
                bib.suppressed = true;
            }
            _ => {}
        }
        Ok(replace_also(change, &before, &bib)?)
    }

    /// Deletes a file; the options say what becomes of the representation and the title that it empties (E5).
    ///
    /// # Errors
    /// [`Rule::FilePending`] before it is registered, [`AppError::Precondition`].
    #[expect(
        clippy::too_many_arguments,
        reason = "the path, the vendor's two options and the version, each its own type"
    )]
    pub async fn delete_file(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
        file: &FileId,
        emptied_representation: EmptiedRepresentation,
        emptied_bib: EmptiedBib,
        expected: Option<u64>,
    ) -> Result<(), AppError> {
        let before = self.file_of(mms, rep, file).await?;
        call.actor.may(Action::DeleteFile, Some(&before.library))?;
        check_version("file", before.version, expected)?;
        if before.status == vitrine_domain::file::FileStatus::Pending {
            return Err(Rule::FilePending.into());
        }
        let after = DigitalFile { removal: Some(Removal::new(&call.actor.id, call.now)), ..before.clone() };
        let mut change = self.change(call, "file.delete", Some(&before), Some(&after));
        change.replace(&after)?;
        self.owe_purge(call, &mut change, &after)?;
        if emptied_representation == EmptiedRepresentation::Delete {
            let two = PageRequest { limit: 2, ..PageRequest::default() };
            let others = self.catalog.files_of(rep, &two).await?.items.iter().any(|other| other.id != *file);
            if !others {
                let representation = self.representation_of(mms, rep).await?;
                call.actor.may(Action::DeleteRepresentation, Some(&representation.fields.library))?;
                let removed = Representation { removal: after.removal.clone(), ..representation.clone() };
                also(&mut change, Some(&representation), Some(&removed));
                self.write_representation_removal(call, &mut change, &removed, emptied_bib).await?;
            }
        }
        Ok(self.commit(call, change).await?)
    }

    /// Owes the deletion of a deleted file's bytes, when the time to recover is over.
    pub(crate) fn owe_purge(
        &self,
        call: &Call,
        change: &mut Change,
        removed: &DigitalFile,
    ) -> Result<(), AppError> {
        let due_at = removed.removal.as_ref().map_or(call.now, |removal| removal.purge_after);
        change.create(&self.owe(call, Work::PurgeFile { file: removed.id.clone() }, due_at))?;
        Ok(())
    }
}
