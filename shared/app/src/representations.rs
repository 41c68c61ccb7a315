//! Representations: create, read, list, change (D4-D9, D14).

use vitrine_domain::bib::{BibKind, BibRecord};
use vitrine_domain::ids::{MmsId, RepId};
use vitrine_domain::representation::{Representation, RepresentationFields};
use vitrine_domain::roles::Action;
use vitrine_store::catalog::{Count, PageRequest};
use vitrine_store::{Change, Page};

use crate::bibs::check_version;
use crate::changes::{again_on_conflict, replace_also};
use crate::policies::note_policy_use;
use crate::{App, AppError, Call, Rule};

impl App {
    /// Adds a representation to a title.
    ///
    /// # Errors
    /// [`Rule::NotInCollection`] (402260), fields that do not fit the entity type, an unknown library.
    pub async fn create_representation(
        &self,
        call: &Call,
        mms: &MmsId,
        fields: RepresentationFields,
        generate_label: bool,
    ) -> Result<Representation, AppError> {
        again_on_conflict(|| self.try_create_representation(call, mms, &fields, generate_label)).await
    }

    async fn try_create_representation(
        &self,
        call: &Call,
        mms: &MmsId,
        fields: &RepresentationFields,
        generate_label: bool,
    ) -> Result<Representation, AppError> {
        call.actor.may(Action::CreateRepresentation, Some(&fields.library))?;
        let bib = self.bib(mms).await?;
        if bib.kind == BibKind::Collection {
            return Err(Rule::IsCollectionRecord.into());
        }
        if bib.collections.is_empty() && self.settings.require_collection {
            return Err(Rule::NotInCollection.into());
        }
        if fields.thumbnail_file_id.is_some() {
            return Err(AppError::invalid(
                "thumbnail_file_id",
                "can be set once the representation has files",
            ));
        }
        let fields = labelled(fields.clone(), generate_label)?;
        self.check_library(&fields.library).await?;
        self.check_policy(fields.access_rights_policy_id.as_ref()).await?;
        self.check_remote(&fields).await?;
        let representation = Representation {
            id: self.minter.representation(call.now, self.random()),
            mms_id: mms.clone(),
            fields,
            created_by: call.actor.id.clone(),
            created_at: call.now,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            removal: None,
            version: 0,
        };
        let mut change = self.change(call, "representation.create", None, Some(&representation));
        change.create(&representation)?;
        note_policy_use(&mut change, None, Some(&representation))?;
        let counted = BibRecord { representation_count: bib.representation_count + 1, ..bib.clone() };
        replace_also(&mut change, &bib, &counted)?;
        self.commit(call, change).await?;
        Ok(Representation { version: 1, ..representation })
    }

    /// A title's representations, in order, and how many there are.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no such title.
    pub async fn list_representations(
        &self,
        call: &Call,
        mms: &MmsId,
        page: &PageRequest,
    ) -> Result<(Page<Representation>, Count), AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        let bib = self.bib(mms).await?;
        let count = Count { number: bib.representation_count, at_least: false };
        Ok((self.catalog.representations_of(mms, page).await?, count))
    }

    /// One representation of a title.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none, or it belongs to another title.
    pub async fn read_representation(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
    ) -> Result<Representation, AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        self.representation_of(mms, rep).await
    }

    /// Changes a representation.
    ///
    /// # Errors
    /// As for creating, and [`AppError::Precondition`] when `expected` is another version than it has.
    pub async fn update_representation(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
        fields: RepresentationFields,
        generate_label: bool,
        expected: Option<u64>,
    ) -> Result<Representation, AppError> {
        let before = self.representation_of(mms, rep).await?;
        call.actor.may(Action::UpdateRepresentation, Some(&before.fields.library))?;
        call.actor.may(Action::UpdateRepresentation, Some(&fields.library))?;
        check_version("representation", before.version, expected)?;
        let (change, after) = self.changing_representation(call, &before, fields, generate_label).await?;
        self.commit(call, change).await?;
        Ok(Representation { version: before.version + 1, ..after })
    }

    /// The change that gives a representation other fields, and the representation after it.
    pub(crate) async fn changing_representation(
        &self,
        call: &Call,
        before: &Representation,
        fields: RepresentationFields,
        generate_label: bool,
    ) -> Result<(Change, Representation), AppError> {
        call.actor.may(Action::UpdateRepresentation, Some(&before.fields.library))?;
        call.actor.may(Action::UpdateRepresentation, Some(&fields.library))?;
        let fields = labelled(fields, generate_label)?;
        if fields.library != before.fields.library {
            self.check_library(&fields.library).await?;
        }
        if fields.access_rights_policy_id != before.fields.access_rights_policy_id {
            self.check_policy(fields.access_rights_policy_id.as_ref()).await?;
        }
        if fields.remote.is_some() != before.fields.remote.is_some() {
            return Err(AppError::invalid("is_remote", "can not be changed"));
        }
        self.check_remote(&fields).await?;
        if let Some(id) = &fields.thumbnail_file_id
            && fields.thumbnail_file_id != before.fields.thumbnail_file_id
        {
            let file = self.catalog.file(id).await?;
            if !file.is_some_and(|file| file.representation == before.id && file.removal.is_none()) {
                return Err(AppError::invalid("thumbnail_file_id", "must be a file of this representation"));
            }
        }
        let after = Representation {
            fields,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            ..before.clone()
        };
        let mut change = self.change(call, "representation.update", Some(before), Some(&after));
        change.replace(&after)?;
        note_policy_use(&mut change, Some(before), Some(&after))?;
        Ok((change, after))
    }

    /// How many files a representation has.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn count_files(&self, rep: &RepId) -> Result<Count, AppError> {
        Ok(self.catalog.count_files_of(rep).await?)
    }

    /// A representation that is not deleted.
    pub(crate) async fn representation(&self, rep: &RepId) -> Result<Representation, AppError> {
        let found = self.catalog.representation(rep).await?.filter(|found| found.removal.is_none());
        found.ok_or_else(|| AppError::not_found("representation", rep))
    }

    /// A representation of a title; neither is deleted.
    pub(crate) async fn representation_of(
        &self,
        mms: &MmsId,
        rep: &RepId,
    ) -> Result<Representation, AppError> {
        let found = self.representation(rep).await?;
        if found.mms_id != *mms {
            return Err(AppError::not_found("representation", rep));
        }
        // A title that was deleted a moment ago takes its representations along before the sweep has marked them.
        self.bib(mms).await?;
        Ok(found)
    }
}

fn labelled(mut fields: RepresentationFields, generate: bool) -> Result<RepresentationFields, AppError> {
    if generate && let Some(label) = fields.automatic_label() {
        fields.label = Some(label);
    }
    fields.check()?;
    Ok(fields)
}
