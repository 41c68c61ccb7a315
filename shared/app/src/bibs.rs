//! Bib records: create, read, look up, change, and read their metadata back byte for byte (D1, D2).

use sha2::{Digest, Sha256};
use vitrine_domain::bib::{
    BibKind, BibRecord, Brief, Identifier, MAX_IDENTIFIERS, MAX_INLINE_BYTES, MAX_RECORD_BYTES, RecordFormat,
    RecordSource,
};
use vitrine_domain::collection::Membership;
use vitrine_domain::ids::{MmsId, RepId};
use vitrine_domain::problem::Problems;
use vitrine_domain::roles::Action;
use vitrine_metadata::{BibMetadata, RecordErrors};
use vitrine_store::Change;
use vitrine_store::catalog::MAX_BATCH;
use vitrine_store::keys::{self, IdentifierEntry, Item};
use vitrine_store::objects::Bucket;

use crate::changes::hex;
use crate::{App, AppError, Call};

/// A record as a caller sends it.
#[derive(Debug, Clone)]
pub struct RecordInput {
    /// The format of `source`.
    pub format: RecordFormat,
    /// The record element, byte for byte.
    pub source: String,
    /// Whether it is hidden from delivery and publishing.
    pub suppressed: bool,
}

/// How an update treats what the new record lacks (D2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateMode {
    /// The new record takes the place of the old one.
    Replace,
    /// Elements that the new record lacks are kept.
    Merge,
}

/// A bib record with its metadata.
#[derive(Debug, Clone)]
pub struct BibWithSource {
    /// The record.
    pub bib: BibRecord,
    /// Its metadata, byte for byte as it came.
    pub source: String,
}

impl App {
    /// Creates a bib record.
    ///
    /// # Errors
    /// A record that its format does not allow, with every problem and its line.
    pub async fn create_bib(&self, call: &Call, input: RecordInput) -> Result<BibWithSource, AppError> {
        call.actor.may_somewhere(Action::CreateBib)?;
        let parsed = parse(input.format, &input.source)?;
        let bib = self.new_bib(call, BibKind::Title, &parsed, input.suppressed).await?;
        let mut change = self.change(call, "bib.create", None, Some(&bib));
        change.create(&bib)?;
        put_identifiers(&mut change, &bib, &[])?;
        self.commit(call, change).await?;
        Ok(BibWithSource { bib: BibRecord { version: 1, ..bib }, source: parsed.source })
    }

    /// A new record of parsed metadata, not stored yet but for long metadata, which is stored under its digest.
    pub(crate) async fn new_bib(
        &self,
        call: &Call,
        kind: BibKind,
        parsed: &BibMetadata,
        suppressed: bool,
    ) -> Result<BibRecord, AppError> {
        let source = self.keep_source(&parsed.source).await?;
        Ok(self.bib_of(call, kind, parsed, suppressed, source))
    }

    /// A new record of parsed metadata that is kept in `source`.
    pub(crate) fn bib_of(
        &self,
        call: &Call,
        kind: BibKind,
        parsed: &BibMetadata,
        suppressed: bool,
        source: RecordSource,
    ) -> BibRecord {
        BibRecord {
            mms_id: self.minter.mms(call.now, self.random()),
            kind,
            format: parsed.format,
            source,
            brief: brief(parsed),
            suppressed,
            representation_count: 0,
            collections: Vec::new(),
            created_by: call.actor.id.clone(),
            created_at: call.now,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            removal: None,
            version: 0,
        }
    }

    /// Reads up to 100 bib records with their metadata; those that are not there are left out (ALMA-8).
    ///
    /// # Errors
    /// More than 100 ids.
    pub async fn read_bibs(&self, call: &Call, ids: &[MmsId]) -> Result<Vec<BibWithSource>, AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        if ids.len() > MAX_BATCH {
            return Err(AppError::invalid("mms_id", format!("must be at most {MAX_BATCH} ids")));
        }
        let mut found = Vec::new();
        for bib in self.catalog.bibs(ids).await? {
            if bib.removal.is_none() {
                let source = self.source_of(&bib).await?;
                found.push(BibWithSource { bib, source });
            }
        }
        found.sort_by_key(|found| ids.iter().position(|id| *id == found.bib.mms_id));
        Ok(found)
    }

    /// Reads one bib record with its metadata.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none or it was deleted.
    pub async fn read_bib(&self, call: &Call, mms: &MmsId) -> Result<BibWithSource, AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        let bib = self.bib(mms).await?;
        let source = self.source_of(&bib).await?;
        Ok(BibWithSource { bib, source })
    }

    /// The id of the title that a representation belongs to.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no such representation.
    pub async fn find_bib_by_representation(&self, call: &Call, rep: &RepId) -> Result<MmsId, AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        Ok(self.representation(rep).await?.mms_id)
    }

    /// The ids of up to 100 titles with an identifier, in any scheme that `schemes` names.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn find_bibs_by_identifier(
        &self,
        call: &Call,
        schemes: &[&str],
        value: &str,
    ) -> Result<Vec<MmsId>, AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        let mut found = Vec::new();
        for scheme in schemes {
            for mms in self.catalog.bibs_with(&identifier(scheme, value), 100).await? {
                if !found.contains(&mms) {
                    found.push(mms);
                }
            }
        }
        Ok(found)
    }

    /// Changes a bib record.
    ///
    /// # Errors
    /// [`AppError::Precondition`] when `expected` is another version than the record has.
    pub async fn update_bib(
        &self,
        call: &Call,
        mms: &MmsId,
        input: RecordInput,
        mode: UpdateMode,
        expected: Option<u64>,
    ) -> Result<BibWithSource, AppError> {
        call.actor.may_somewhere(Action::UpdateBib)?;
        let before = self.bib(mms).await?;
        check_version("bib record", before.version, expected)?;
        let source = match mode {
            UpdateMode::Replace => input.source,
            UpdateMode::Merge if input.format != before.format => {
                return Err(AppError::invalid(
                    "record_format",
                    format!("must be `{}` to merge into this record", before.format),
                ));
            }
            UpdateMode::Merge => {
                let existing = self.source_of(&before).await?;
                vitrine_metadata::merge(before.format, &existing, &input.source).map_err(problems)?
            }
        };
        let parsed = parse(input.format, &source)?;
        let after = BibRecord {
            format: input.format,
            source: self.keep_source(&parsed.source).await?,
            brief: brief(&parsed),
            suppressed: input.suppressed,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            ..before.clone()
        };
        let mut change = self.change(call, "bib.update", Some(&before), Some(&after));
        change.replace(&after)?;
        put_identifiers(&mut change, &after, &before.brief.identifiers)?;
        if after.brief.title != before.brief.title
            || after.brief.author != before.brief.author
            || after.brief.sort_title != before.brief.sort_title
        {
            for collection in &after.collections {
                // An entry only repeats the record; `added_at` is the time of the last rewrite.
                change.put(&entry(&after, collection, call.now))?;
            }
        }
        if after.kind == BibKind::Collection && after.suppressed != before.suppressed {
            return Err(AppError::invalid(
                "suppress_from_publishing",
                "is set on the collection, not on its bib record",
            ));
        }
        self.commit(call, change).await?;
        Ok(BibWithSource { bib: BibRecord { version: before.version + 1, ..after }, source: parsed.source })
    }

    /// A bib record that is not deleted.
    pub(crate) async fn bib(&self, mms: &MmsId) -> Result<BibRecord, AppError> {
        let bib = self.catalog.bib(mms).await?.filter(|bib| bib.removal.is_none());
        bib.ok_or_else(|| AppError::not_found("bib record", mms))
    }

    /// A record's metadata, byte for byte.
    pub(crate) async fn source_of(&self, bib: &BibRecord) -> Result<String, AppError> {
        self.stored_source(&bib.source).await
    }

    /// A kept text.
    pub(crate) async fn stored_source(&self, source: &RecordSource) -> Result<String, AppError> {
        match source {
            RecordSource::Inline(source) => Ok(source.clone()),
            RecordSource::Stored { sha256, .. } => {
                let bytes =
                    self.objects.read_small(Bucket::Content, &metadata_key(sha256), MAX_KEPT_BYTES).await?;
                String::from_utf8(bytes).map_err(|error| AppError::Unavailable(Box::new(error)))
            }
        }
    }

    pub(crate) async fn keep_source(&self, source: &str) -> Result<RecordSource, AppError> {
        self.keep_source_over(source, MAX_INLINE_BYTES).await
    }

    /// Keeps a text in its item, or under its digest where it is longer than `inline_bytes`.
    pub(crate) async fn keep_source_over(
        &self,
        source: &str,
        inline_bytes: usize,
    ) -> Result<RecordSource, AppError> {
        if source.len() <= inline_bytes {
            return Ok(RecordSource::Inline(source.to_owned()));
        }
        let sha256 = hex(&Sha256::digest(source.as_bytes()));
        self.objects
            .put_small(
                Bucket::Content,
                &metadata_key(&sha256),
                source.as_bytes().to_vec().into(),
                "application/xml",
                false,
            )
            .await?;
        Ok(RecordSource::Stored { sha256, size_bytes: source.len() as u64 })
    }
}

/// The longest text that is kept under its digest: a record, or a row that names very many files.
const MAX_KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// Where long metadata is kept: named by its digest, so that writing it twice writes the same.
fn metadata_key(sha256: &str) -> String {
    format!("metadata/{sha256}")
}

pub(crate) fn entry(
    bib: &BibRecord,
    collection: &vitrine_domain::ids::CollectionId,
    now: vitrine_domain::Timestamp,
) -> Membership {
    Membership {
        mms_id: bib.mms_id.clone(),
        collection: collection.clone(),
        title: bib.brief.title.clone(),
        sort_title: bib.brief.sort_title.clone(),
        author: bib.brief.author.clone(),
        added_at: now,
    }
}

/// Writes the entries that lead to a record and takes out those that no longer do.
pub(crate) fn put_identifiers(
    change: &mut Change,
    bib: &BibRecord,
    old: &[Identifier],
) -> Result<(), AppError> {
    for identifier in old.iter().filter(|old| !bib.brief.identifiers.contains(old)) {
        forget_identifier(change, bib, identifier);
    }
    for identifier in bib.brief.identifiers.iter().filter(|new| !old.contains(new)) {
        change.put(&IdentifierEntry { identifier: identifier.clone(), mms_id: bib.mms_id.clone() })?;
    }
    Ok(())
}

pub(crate) fn forget_identifier(change: &mut Change, bib: &BibRecord, identifier: &Identifier) {
    let entry = IdentifierEntry { identifier: identifier.clone(), mms_id: bib.mms_id.clone() };
    change.forget(IdentifierEntry::KIND, entry.key());
}

pub(crate) fn forget_membership(
    change: &mut Change,
    bib: &BibRecord,
    collection: &vitrine_domain::ids::CollectionId,
) {
    change.forget(Membership::KIND, keys::membership(&bib.mms_id, collection));
}

/// Refuses when the caller expected another version (D25).
pub(crate) fn check_version(kind: &'static str, current: u64, expected: Option<u64>) -> Result<(), AppError> {
    match expected {
        Some(expected) if expected != current => Err(AppError::Precondition { kind, current }),
        _ => Ok(()),
    }
}

fn parse(format: RecordFormat, source: &str) -> Result<BibMetadata, AppError> {
    if source.len() > MAX_RECORD_BYTES {
        return Err(AppError::invalid("record", format!("must be at most {MAX_RECORD_BYTES} bytes")));
    }
    vitrine_metadata::parse_record(format, source).map_err(problems)
}

fn problems(errors: RecordErrors) -> AppError {
    let mut problems = Problems::default();
    for problem in &errors.problems {
        problems.add("record", problem.to_string());
    }
    AppError::Invalid(problems)
}

pub(crate) fn brief(parsed: &BibMetadata) -> Brief {
    let index = &parsed.index;
    let mut identifiers: Vec<Identifier> = Vec::new();
    for identifier in &index.identifiers {
        let found = Identifier {
            scheme: identifier.scheme.code().to_owned(),
            normalised: bounded_identifier(&identifier.normalised),
        };
        if identifiers.len() < MAX_IDENTIFIERS && !identifiers.contains(&found) {
            identifiers.push(found);
        }
    }
    Brief {
        title: index.title.clone(),
        sort_title: index.sort_title.clone(),
        author: index.author.clone(),
        publisher: index.publisher.clone(),
        place: index.place.clone(),
        date: index.date.clone(),
        identifiers,
    }
}

/// An identifier as it is looked up: in the form that all its spellings share.
pub(crate) fn identifier(scheme: &str, value: &str) -> Identifier {
    let normalised = match scheme {
        "isbn" => vitrine_metadata::normalise_isbn(value),
        "issn" => vitrine_metadata::normalise_issn(value),
        _ => None,
    };
    let normalised = bounded_identifier(normalised.as_deref().unwrap_or(value));
    Identifier { scheme: scheme.to_owned(), normalised }
}

/// A partition key holds at most 2,048 bytes; a longer identifier is looked up by its digest.
pub(crate) fn bounded_identifier(value: &str) -> String {
    if value.len() <= 512 {
        value.to_owned()
    } else {
        format!("sha256:{}", hex(&Sha256::digest(value.as_bytes())))
    }
}
