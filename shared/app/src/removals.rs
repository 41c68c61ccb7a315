//! Deleting titles, representations and files: metadata first, bytes later (D3, E5, B18; ADR 0015).
//!
//! A delete is one transaction of constant size. What hangs below disappears with it, because every read looks at what
//! is above, and is not touched: so it comes back with it (`restore`), or goes with it when the time is over (`purge`).

use vitrine_domain::bib::{BibKind, BibRecord};
use vitrine_domain::file::{DigitalFile, FileStatus};
use vitrine_domain::ids::{FileId, MmsId, RepId};
use vitrine_domain::outbox::Work;
use vitrine_domain::removal::{EmptiedBib, EmptiedRepresentation, Removable, Removal};
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
        self.removing_bib(call, "bib.delete", before)
    }

    /// Whoever deletes representations with their title, or takes them back, needs the role in the library of each (R2, R6).
    pub(crate) async fn check_may_delete_representations(
        &self,
        call: &Call,
        mms: &MmsId,
    ) -> Result<(), AppError> {
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

    /// The change that removes a title: its entries in lists and look-ups go.
    fn removing_bib(&self, call: &Call, action: &str, before: &BibRecord) -> Result<Change, AppError> {
        let removal = self.removal(call);
        let after = BibRecord { removal: Some(removal), ..before.clone() };
        let mut change = self.change(call, action, Some(before), Some(&after));
        self.write_bib_removal(call, &mut change, &after)?;
        Ok(change)
    }

    /// A removal that begins now, with the id of the row that will owe its purge.
    pub(crate) fn removal(&self, call: &Call) -> Removal {
        let removal = Removal::new(&call.actor.id, call.now, self.settings.keep_deleted_days);
        Removal { purge: Some(self.mint_event(call)), ..removal }
    }

    /// Writes a title's removal.
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
        if removed.representation_count > 0 {
            let work = Work::NotePolicyUses { mms_id: removed.mms_id.clone() };
            change.create(&self.owe(call, work, call.now))?;
        }
        self.list_deletion(call, change, &Removable::Title(Box::new(removed.clone())), &removed.brief.title)
    }

    /// Lists something that is deleted among what can be taken back, and owes its purge.
    pub(crate) fn list_deletion(
        &self,
        call: &Call,
        change: &mut Change,
        removed: &Removable,
        title: &str,
    ) -> Result<(), AppError> {
        if let Some(deletion) = removed.deletion(title) {
            change.create(&deletion)?;
        }
        self.owe_purge(call, change, removed)
    }

    /// Owes the purge of something that is deleted, when the time to take it back is over.
    pub(crate) fn owe_purge(
        &self,
        call: &Call,
        change: &mut Change,
        removed: &Removable,
    ) -> Result<(), AppError> {
        let Some(removal) = removed.removal() else { return Ok(()) };
        let owed = self.owe(call, removed.purge_work(), removal.purge_after);
        let id = removal.purge.clone().unwrap_or_else(|| owed.id.clone());
        Ok(change.create(&vitrine_domain::outbox::OutboxRow { id, ..owed })?)
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

    /// The change that deletes a representation, or the title whose last one it is and with which it goes then.
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
        let bib = self.bib(&before.mms_id).await?;
        let left = bib.representation_count.saturating_sub(1);
        let emptied = if left == 0 { emptied } else { EmptiedBib::Retain };
        match emptied {
            EmptiedBib::Delete => {
                call.actor.may_somewhere(Action::DeleteBib)?;
                let mut change = self.removing_bib(call, "bib.delete", &bib)?;
                also(&mut change, Some(before), Some(before));
                return Ok(change);
            }
            EmptiedBib::Suppress => call.actor.may_somewhere(Action::UpdateBib)?,
            EmptiedBib::Retain => {}
        }
        let suppressed_title = emptied == EmptiedBib::Suppress && !bib.suppressed;
        let removal = Removal { suppressed_title, ..self.removal(call) };
        let after = Representation { removal: Some(removal), ..before.clone() };
        let mut change = self.change(call, "representation.delete", Some(before), Some(&after));
        self.write_representation_removal(call, &mut change, &after, &bib.brief.title)?;
        let suppressed = bib.suppressed || suppressed_title;
        replace_also(
            &mut change,
            &bib,
            &BibRecord { representation_count: left, suppressed, ..bib.clone() },
        )?;
        Ok(change)
    }

    /// Writes a representation's removal; its title counts it no more by the same change.
    pub(crate) fn write_representation_removal(
        &self,
        call: &Call,
        change: &mut Change,
        removed: &Representation,
        title: &str,
    ) -> Result<(), AppError> {
        change.replace(removed)?;
        forget_policy_use(change, removed);
        self.list_deletion(call, change, &Removable::Representation(Box::new(removed.clone())), title)
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
        if before.status == FileStatus::Pending {
            return Err(Rule::FilePending.into());
        }
        if emptied_representation == EmptiedRepresentation::Delete && self.is_last_file(rep, file).await? {
            // It goes with its representation, and comes back with it.
            let representation = self.representation_of(mms, rep).await?;
            let mut change = self.deleting_representation(call, &representation, true, emptied_bib).await?;
            also(&mut change, Some(&before), Some(&before));
            return Ok(self.commit(call, change).await?);
        }
        let title = self.bib(mms).await?.brief.title;
        let after = DigitalFile { removal: Some(self.removal(call)), ..before.clone() };
        let mut change = self.change(call, "file.delete", Some(&before), Some(&after));
        self.write_file_removal(call, &mut change, &after, &title)?;
        Ok(self.commit(call, change).await?)
    }

    /// Writes a file's removal.
    pub(crate) fn write_file_removal(
        &self,
        call: &Call,
        change: &mut Change,
        removed: &DigitalFile,
        title: &str,
    ) -> Result<(), AppError> {
        change.replace(removed)?;
        self.list_deletion(call, change, &Removable::File(Box::new(removed.clone())), title)
    }

    async fn is_last_file(&self, rep: &RepId, file: &FileId) -> Result<bool, AppError> {
        let two = PageRequest { limit: 2, ..PageRequest::default() };
        Ok(self.catalog.files_of(rep, &two).await?.items.iter().all(|other| other.id == *file))
    }
}
