//! The structure of a representation: read, write, delete (D20).

use std::collections::BTreeSet;

use vitrine_domain::ids::{FileId, MmsId, RepId};
use vitrine_domain::problem::Problems;
use vitrine_domain::roles::Action;
use vitrine_domain::structure::{Structure, StructureFields};
use vitrine_store::catalog::PageRequest;

use crate::bibs::check_version;
use crate::{App, AppError, Call};

/// A page of files that are compared with those that a structure names.
const FILES_A_PAGE: u32 = 1000;
/// The most problems told of at once.
const MAX_PROBLEMS: usize = 100;

impl App {
    /// The structure of a representation of a title.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none.
    pub async fn read_structure(&self, call: &Call, mms: &MmsId, rep: &RepId) -> Result<Structure, AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        self.representation_of(mms, rep).await?;
        self.structure(rep).await?.ok_or_else(|| AppError::not_found("structure of representation", rep))
    }

    /// The structure of a representation, where it has one.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn structure(&self, rep: &RepId) -> Result<Option<Structure>, AppError> {
        Ok(self.catalog.structure(rep).await?.filter(|found| !found.fields.is_empty()))
    }

    /// Writes the structure of a representation, whole.
    ///
    /// # Errors
    /// What is wrong with it, files of other representations included; [`AppError::Precondition`] when `expected` is
    /// another version than it has.
    pub async fn put_structure(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
        fields: StructureFields,
        expected: Option<u64>,
    ) -> Result<Structure, AppError> {
        let representation = self.representation_of(mms, rep).await?;
        call.actor.may(Action::UpdateRepresentation, Some(&representation.fields.library))?;
        let before = self.catalog.structure(rep).await?;
        let version = before.as_ref().map_or(0, |found| found.version);
        check_version("structure", version, expected)?;
        if fields.is_empty() {
            return Err(AppError::invalid("range", "must hold a range where nothing else is said"));
        }
        fields.check()?;
        self.check_named_files(rep, &fields).await?;
        let after = Structure { representation: rep.clone(), fields, version };
        let mut change = self.change(call, "structure.put", before.as_ref(), Some(&after));
        match before {
            None => change.create(&after)?,
            Some(_) => change.replace(&after)?,
        }
        self.commit(call, change).await?;
        Ok(Structure { version: version + 1, ..after })
    }

    /// Deletes the structure of a representation. An empty one stays, so that its versions go on and no old entity tag
    /// fits a new structure.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none; [`AppError::Precondition`].
    pub async fn delete_structure(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
        expected: Option<u64>,
    ) -> Result<(), AppError> {
        let representation = self.representation_of(mms, rep).await?;
        call.actor.may(Action::UpdateRepresentation, Some(&representation.fields.library))?;
        let found = self.structure(rep).await?;
        let before = found.ok_or_else(|| AppError::not_found("structure of representation", rep))?;
        check_version("structure", before.version, expected)?;
        let after = Structure { fields: StructureFields::default(), ..before.clone() };
        self.replace(call, "structure.delete", &before, &after).await
    }

    /// Refuses files that are not files of the representation: one read for a thousand of its files.
    async fn check_named_files(&self, rep: &RepId, fields: &StructureFields) -> Result<(), AppError> {
        let named = fields.files();
        let mut missing: BTreeSet<&FileId> = named.iter().map(|(_, file)| *file).collect();
        let mut page = PageRequest { limit: FILES_A_PAGE, ..PageRequest::default() };
        while !missing.is_empty() {
            let found = self.catalog.files_of(rep, &page).await?;
            for file in &found.items {
                missing.remove(&file.id);
            }
            match found.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        let mut problems = Problems::default();
        for (place, _) in named.iter().filter(|(_, file)| missing.contains(file)).take(MAX_PROBLEMS) {
            problems.add(place, "is not a file of this representation");
        }
        Ok(problems.into_result()?)
    }
}
