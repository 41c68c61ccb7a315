//! What a row says, ready to be written: filter, conversion, normalization, checks, collections, representations.

use std::collections::HashSet;

use vitrine_domain::bib::MAX_COLLECTIONS;
use vitrine_domain::file::check_file_name;
use vitrine_domain::ids::CollectionId;
use vitrine_domain::import::glob::glob;
use vitrine_domain::import::ingest::is_marker;
use vitrine_domain::import::row::{Decision, RowOutcome, RowResult, RowTicket};
use vitrine_domain::import::rules::Severity;
use vitrine_domain::roles::Action;
use vitrine_metadata::rows::{CollectionName, RowFile, SourceRow};
use vitrine_metadata::rules::{self, CollectionWish};
use vitrine_metadata::{BibMetadata, parse_record};
use vitrine_store::objects::Bucket;

use super::plan::{self, PlannedRepresentation, Record, Refused};
use super::row::{NAMED_IN_MESSAGE, Step, or_stop};
use super::rows::Context;
use crate::AppError;

/// What a row is about, after filter, conversion, normalization and checks.
pub(super) struct Prepared {
    pub(super) record: Option<BibMetadata>,
    pub(super) collections: Vec<CollectionId>,
    pub(super) warnings: Vec<String>,
}

impl Context<'_> {
    /// Filter, conversion, normalization and checks.
    pub(super) async fn prepare(
        &self,
        ticket: &RowTicket,
        row: &SourceRow,
        before: Option<&RowResult>,
    ) -> Step<Prepared> {
        let settings = &self.run.settings;
        let invalid =
            |errors: vitrine_metadata::RecordErrors| Refused::new("INVALID_RECORD", errors.to_string());
        let format = settings.details.target_format;
        let mut wishes: Vec<CollectionWish> = row
            .collections
            .iter()
            .map(|name| match name {
                CollectionName::Id(id) => match id.parse() {
                    Ok(id) => CollectionWish::Id(id),
                    Err(_) => CollectionWish::Name(id.clone()),
                },
                CollectionName::Name(name) => CollectionWish::Name(name.clone()),
            })
            .collect();
        let mut record = None;
        let mut warnings = Vec::new();
        if let Some(source) = &row.record {
            let converted = or_stop!(rules::convert(row.format, source, format).map_err(invalid));
            let chain = &settings.normalization;
            if !or_stop!(rules::fulfils(format, &converted, &chain.filter).map_err(invalid)) {
                let message = "the record does not fulfil the profile's filter";
                return Ok(Err(self.ended(ticket, before, RowOutcome::Skipped, "FILTERED", message)));
            }
            let normalised = or_stop!(rules::normalise(format, &converted, &chain.steps).map_err(invalid));
            wishes.extend(normalised.collections);
            let findings = or_stop!(rules::check(format, &normalised.source, &chain.checks).map_err(invalid));
            let mut errors = Vec::new();
            for finding in findings {
                let text = format!("{}: {}", finding.field, finding.message);
                match finding.severity {
                    Severity::Warning => warnings.push(text),
                    Severity::Error => errors.push(text),
                }
            }
            let forced = matches!(before.and_then(|it| it.decision.as_ref()), Some(Decision::Force));
            if !errors.is_empty() && !forced {
                let outcome = if chain.skip_invalid { RowOutcome::Skipped } else { RowOutcome::Waiting };
                return Ok(Err(self.ended(ticket, before, outcome, "INVALID", errors.join("; "))));
            }
            warnings.extend(errors);
            if normalised.source.len() > super::read::MAX_ROW_BYTES {
                return Ok(Err(Refused::new("TOO_LARGE", "the record is longer than 4 MiB").into()));
            }
            record = Some(or_stop!(parse_record(format, &normalised.source).map_err(invalid)));
        }
        let mut collections = Vec::new();
        for wish in wishes {
            match self.collection(&wish).await? {
                Some(id) if !collections.contains(&id) => collections.push(id),
                Some(_) => {}
                None => {
                    let named = match wish {
                        CollectionWish::Id(id) => format!("there is no collection `{id}`"),
                        CollectionWish::Name(name) => {
                            format!("there is no top-level collection named `{name}`")
                        }
                    };
                    return Ok(Err(Refused::new("UNKNOWN_COLLECTION", named).into()));
                }
            }
        }
        if collections.len() > MAX_COLLECTIONS {
            let message = format!("a title can be in {MAX_COLLECTIONS} collections at most");
            return Ok(Err(Refused::new("TOO_MANY_COLLECTIONS", message).into()));
        }
        warnings.truncate(NAMED_IN_MESSAGE);
        Ok(Ok(Prepared { record, collections, warnings }))
    }

    /// The collection of titles whose rows name none; it may have been deleted since the profile was saved.
    pub(super) async fn default_collection(&self) -> Step<CollectionId> {
        let id = &self.run.settings.defaults.collection;
        Ok(self.collection(&CollectionWish::Id(id.clone())).await?.ok_or_else(|| {
            let message = format!("the profile's collection `{id}` is not there any more");
            Refused::new("UNKNOWN_COLLECTION", message).into()
        }))
    }

    async fn collection(&self, wish: &CollectionWish) -> Result<Option<CollectionId>, AppError> {
        let name = match wish {
            CollectionWish::Id(id) => id.to_string(),
            CollectionWish::Name(name) => format!("named {name}"),
        };
        let known = self.collections.lock().await.entry(name).or_default().clone();
        let found = known.get_or_try_init(|| async {
            Ok::<_, AppError>(match wish {
                CollectionWish::Id(id) => self.app.catalog.collection(id).await?.map(|found| found.id),
                CollectionWish::Name(name) if name.len() > 1000 => None,
                CollectionWish::Name(name) => self.app.catalog.collection_named(name).await?,
            })
        });
        Ok(found.await?.clone())
    }

    /// The row's representations, with folders and patterns replaced by files, and what the submitter may.
    pub(super) async fn plan(
        &self,
        ticket: &RowTicket,
        row: &SourceRow,
        before: Option<&RowResult>,
        record: Option<&BibMetadata>,
    ) -> Step<Vec<PlannedRepresentation>> {
        let settings = &self.run.settings;
        let record = record.map(|it| Record { format: it.format, source: &it.source });
        let named = or_stop!(plan::named_files(settings, row, record));
        let reference = named.iter().find(|file| plan::is_pattern(&file.name)).map(|file| file.name.clone());
        let files = or_stop!(self.expand(named).await?);
        let mut seen = HashSet::new();
        for file in &files {
            if !seen.insert(file.name.as_str()) {
                let message = format!("the row names the file `{}` twice", file.name);
                return Ok(Err(Refused::new("NAMED_TWICE", message).into()));
            }
            if plan::is_pattern(&file.name) {
                let message = format!("nothing in the folder matches `{}`", file.name);
                return Ok(Err(self.ended(
                    ticket,
                    before,
                    RowOutcome::MissingFiles,
                    "MISSING_FILES",
                    message,
                )));
            }
            if file.name == self.run.metadata_file || is_marker(&file.name) {
                let message = format!("`{}` is the folder's own and no file of a title", file.name);
                return Ok(Err(Refused::new("UNSAFE_FILE_NAME", message).into()));
            }
            let last = file.name.rsplit('/').next().unwrap_or_default();
            if let Err(message) = check_file_name(last) {
                let message = format!("the file name `{}` {message}", file.name);
                return Ok(Err(Refused::new("UNSAFE_FILE_NAME", message).into()));
            }
        }
        let mut planned = or_stop!(plan::representations(settings, row, record, files));
        for (index, representation) in planned.iter_mut().enumerate() {
            // A folder's first page can change; the reference to it does not.
            if let Some(reference) = &reference {
                representation.key = format!("{reference}#{index}");
            }
            let library = &representation.fields.library;
            if !self.libraries.iter().any(|known| known.code == *library) {
                let message = format!("there is no library `{library}`");
                return Ok(Err(Refused::new("UNKNOWN_LIBRARY", message).into()));
            }
            if let Err(refusal) = self.call.actor.may(Action::RunImport, Some(library)) {
                return Ok(Err(Refused::new("NOT_PERMITTED", refusal.to_string()).into()));
            }
            if let Some(name) = &representation.access_rights {
                match self.app.policy_named(name).await? {
                    Some(id) => representation.fields.access_rights_policy_id = Some(id),
                    None => {
                        let message = format!("there is no access rights policy named `{name}`");
                        return Ok(Err(Refused::new("UNKNOWN_POLICY", message).into()));
                    }
                }
            }
        }
        Ok(Ok(planned))
    }

    /// Replaces folders and patterns by the files that they stand for, in the order of their names.
    async fn expand(&self, named: Vec<RowFile>) -> Step<Vec<RowFile>> {
        let mut files = Vec::with_capacity(named.len());
        for file in named {
            if !plan::is_pattern(&file.name) {
                files.push(file);
                continue;
            }
            let literal = file.name.split('*').next().unwrap_or_default();
            let prefix = format!("{}{literal}", self.run.folder);
            let before = files.len();
            let mut next = None;
            loop {
                let page = self
                    .app
                    .objects
                    .list_folder(Bucket::Incoming, &prefix, false, next.as_deref(), 1000)
                    .await?;
                for object in page.objects {
                    let Some(name) = object.key.strip_prefix(&self.run.folder) else { continue };
                    let fits = file.name.ends_with('/') || glob(&file.name, name);
                    if fits && name != self.run.metadata_file && !is_marker(name) {
                        files.push(RowFile { name: name.to_owned(), label: file.label.clone() });
                    }
                }
                next = page.next;
                if next.is_none() {
                    break;
                }
            }
            if files.len() == before {
                files.push(file);
            }
        }
        Ok(Ok(files))
    }
}
