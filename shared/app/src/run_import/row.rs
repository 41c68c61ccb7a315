//! One row: find its title, look at its files, decide, and write all of it in one transaction with its result.
//!
//! A row with more files than one transaction takes is written in several; its result says how far it is, and whoever comes
//! next goes on from there.

use std::collections::{HashMap, HashSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use vitrine_domain::bib::{BibKind, BibRecord, Identifier, MAX_COLLECTIONS};
use vitrine_domain::coded::Coded;
use vitrine_domain::file::{FileStatus, check_file_name};
use vitrine_domain::ids::{CollectionId, MmsId, RepId};
use vitrine_domain::import::ingest::THUMBNAIL_ENDINGS;
use vitrine_domain::import::profile::{MatchMethod, OnMatch, OnMultipleMatch, OnNoMatch};
use vitrine_domain::import::row::{Decision, JobClaim, RowOutcome, RowResult, RowTicket, UndoNote};
use vitrine_domain::import::rules::Severity;
use vitrine_domain::representation::Representation;
use vitrine_domain::roles::Action;
use vitrine_domain::upload::{
    Declared, MAX_FILE_BYTES, RowRef, Upload, UploadMethod, UploadPurpose, UploadState,
};
use vitrine_metadata::rows::{CollectionName, RowFile, SourceRow};
use vitrine_metadata::rules::{self, CollectionWish};
use vitrine_metadata::{BibMetadata, Scheme, parse_record};
use vitrine_store::Change;
use vitrine_store::catalog::PageRequest;
use vitrine_store::change::MAX_ITEMS;
use vitrine_store::keys::{Claim, Item};
use vitrine_store::objects::{Bucket, ContentDigest, ObjectHead};
use vitrine_store::queues::{MAX_BATCH, Queue};

use super::plan::{self, PlannedRepresentation, Record, Refused};
use super::read::TicketContent;
use super::rows::Context;
use super::{file_claim, seed, upload_id};
use crate::AppError;
use crate::bibs::{bounded_identifier, brief, entry, put_identifiers};
use crate::register_file::Message;

/// How often a row is tried again when another writer came in between.
const MAX_TRIES: u32 = 8;
/// How many objects are asked for side by side.
const ASKED_AT_ONCE: usize = 16;
/// The longest list of differences that a result holds.
const MAX_DIFFERENCES: usize = 60 * 1024;
/// Metadata longer than this is kept beside the result and not in it.
const MAX_NOTE: usize = 50 * 1024;
/// How many missing files are named in a message; the row's report counts all.
const NAMED_IN_MESSAGE: usize = 20;

/// What a row is about, after filter, conversion, normalization and checks.
struct Prepared {
    record: Option<BibMetadata>,
    collections: Vec<CollectionId>,
    warnings: Vec<String>,
}

/// The title that a row belongs to.
enum Target {
    /// None: it becomes a new one.
    New,
    /// One that is there.
    Known(Box<BibRecord>),
    /// One that an earlier row of a dry run would have made.
    Imagined { mms_id: MmsId, row: u64 },
}

/// What earlier tries of a row have shown.
#[derive(Debug, Clone, Copy)]
struct Tries {
    /// Makes other ids, where one was taken.
    salt: u32,
    /// Whether things that are rarely there are looked for before they are written.
    careful: bool,
}

/// Why a row goes no further; not an error, but its outcome.
enum Stop {
    Refused(Refused),
    Ended(Box<RowResult>),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

type Step<T> = Result<Result<T, Stop>, AppError>;

/// Goes on with the value, or ends with the row's outcome.
macro_rules! or_stop {
    ($step:expr) => {
        match $step {
            Ok(value) => value,
            Err(stop) => return Ok(Err(stop.into())),
        }
    };
}

/// A representation as it will be, with the files that it still needs.
struct Ready {
    id: RepId,
    planned: PlannedRepresentation,
    /// The claim that leads from what it is made of to its id, and whether that is there already.
    claim: Claim,
    is_new: bool,
    /// Whether an older claim has to give way.
    replaces_claim: bool,
    files: Vec<ReadyFile>,
}

struct ReadyFile {
    file: RowFile,
    place: u32,
    state: FileState,
}

/// Everything that was decided about a row.
struct Decided {
    prepared: Prepared,
    /// The claims on what the profile compares, for a new title.
    claims: Vec<Claim>,
    target: Target,
    mms: MmsId,
    ready: Vec<Ready>,
    continues_family: bool,
}

enum FileState {
    /// To be registered.
    Begin(ObjectHead),
    /// In the representation already, byte for byte.
    There,
    /// Not in the folder.
    Missing,
}

impl Context<'_> {
    /// Does a row's work, whatever was done of it before, and returns its result.
    pub(super) async fn work(
        &self,
        ticket: &RowTicket,
        content: &TicketContent,
        mut before: Option<RowResult>,
    ) -> Result<RowResult, AppError> {
        // On the first try nothing is read that only a repetition or a quarrel would find.
        let mut tries = Tries { salt: 0, careful: self.job.attempt > 1 };
        for _ in 0..MAX_TRIES {
            let tried = self.try_row(ticket, content, before.as_ref(), tries).await;
            match tried {
                Err(AppError::Conflict(kind)) => {
                    tries.careful = true;
                    if kind == RowResult::KIND {
                        // Another worker did the row, or a part of it: what it wrote decides.
                        before = self.app.catalog.row_result(&self.job.id, ticket.number).await?;
                        if let Some(result) = before.as_ref()
                            && result.attempt == self.job.attempt
                            && !result.is_unfinished()
                        {
                            return Ok(result.clone());
                        }
                    } else if kind == BibRecord::KIND || kind == Representation::KIND {
                        tries.salt += 1;
                    }
                }
                done => return done,
            }
        }
        let message = "other changes to the same title came in between again and again";
        self.record_refusal(ticket, before.as_ref(), Refused::new("CONFLICT", message)).await
    }

    async fn try_row(
        &self,
        ticket: &RowTicket,
        content: &TicketContent,
        before: Option<&RowResult>,
        tries: Tries,
    ) -> Result<RowResult, AppError> {
        let row = match content {
            TicketContent::Row(row) => row,
            TicketContent::Unreadable(error) => {
                let code =
                    serde_json::json!(error.code).as_str().unwrap_or("unreadable").to_ascii_uppercase();
                let mut result = self.blank(ticket, before, RowOutcome::Failed);
                result.code = Some(code);
                result.message = Some(error.to_string());
                result.group.clone_from(&error.group);
                return self.record(before, result).await;
            }
        };
        let stopped = match self.decide(ticket, row, before, tries).await? {
            Ok(result) => return Ok(result),
            Err(stop) => stop,
        };
        let mut result = match stopped {
            Stop::Ended(result) => *result,
            Stop::Refused(refused) => return self.record_refusal(ticket, before, refused).await,
        };
        result.group.clone_from(&row.group);
        self.record(before, result).await
    }

    fn blank(&self, ticket: &RowTicket, before: Option<&RowResult>, outcome: RowOutcome) -> RowResult {
        let mut result =
            RowResult::new(&self.job.id, ticket.number, self.job.attempt, outcome, self.call.now);
        result.version = before.map_or(0, |before| before.version);
        result
    }

    fn ended(
        &self,
        ticket: &RowTicket,
        before: Option<&RowResult>,
        outcome: RowOutcome,
        code: &str,
        message: impl Into<String>,
    ) -> Stop {
        let mut result = self.blank(ticket, before, outcome);
        result.code = Some(code.to_owned());
        result.message = Some(message.into());
        Stop::Ended(Box::new(result))
    }

    async fn record_refusal(
        &self,
        ticket: &RowTicket,
        before: Option<&RowResult>,
        refused: Refused,
    ) -> Result<RowResult, AppError> {
        let mut result = self.blank(ticket, before, RowOutcome::Failed);
        result.code = Some(refused.code.to_owned());
        result.message = Some(refused.message);
        if let Some(before) = before {
            // What an earlier attempt began stays known, so that it can be gone on with and undone.
            result.undo.clone_from(&before.undo);
            result.mms_id.clone_from(&before.mms_id);
        }
        self.record(before, result).await
    }

    /// Writes a result that changes nothing else.
    async fn record(&self, before: Option<&RowResult>, result: RowResult) -> Result<RowResult, AppError> {
        let mut change = self.app.change(self.call, "import.row", before, Some(&result));
        write_result(&mut change, &result)?;
        self.app.catalog.commit(&change).await?;
        Ok(RowResult { version: result.version + 1, ..result })
    }

    async fn decide(
        &self,
        ticket: &RowTicket,
        row: &SourceRow,
        before: Option<&RowResult>,
        tries: Tries,
    ) -> Step<RowResult> {
        let settings = &self.run.settings;
        let prepared = or_stop!(self.prepare(ticket, row, before).await?);
        let going_on = before.filter(|it| !self.run.dry_run && it.is_unfinished());
        let family = self.family_of(row).await?.filter(|claim| claim.row != ticket.number);
        let continues_family = family.is_some();
        let (target, claims) = match going_on.and_then(|it| it.mms_id.clone()) {
            Some(mms) => (Target::Known(Box::new(self.app.bib(&mms).await?)), Vec::new()),
            None => or_stop!(self.find_title(ticket, row, &prepared, before, family).await?),
        };
        let record = prepared.record.as_ref();
        if let Target::Known(bib) = &target {
            if bib.kind == BibKind::Collection {
                let message = format!("`{}` is the record of a collection", bib.mms_id);
                return Ok(Err(Refused::new("IS_COLLECTION_RECORD", message).into()));
            }
            if settings.matching.on_match == OnMatch::DoNotImport && !continues_family && going_on.is_none() {
                let message = format!("the title `{}` is there already", bib.mms_id);
                return Ok(Err(self.ended(ticket, before, RowOutcome::Skipped, "MATCHED", message)));
            }
        }
        if matches!(target, Target::New) {
            if settings.matching.on_none == OnNoMatch::DoNotImport
                && !matches!(before.and_then(|it| it.decision.as_ref()), Some(Decision::New))
            {
                let message = "no title matches, and the profile imports no new ones";
                return Ok(Err(self.ended(ticket, before, RowOutcome::Skipped, "NO_MATCH", message)));
            }
            if record.is_none() {
                let refused = match &row.group {
                    Some(group) => Refused::new(
                        "NO_FAMILY_HEAD",
                        format!(
                            "no earlier row of the group `{group}` was imported, and this one has no metadata"
                        ),
                    ),
                    None => Refused::new(
                        "NO_METADATA",
                        "the row has no metadata and names no title that is there",
                    ),
                };
                return Ok(Err(refused.into()));
            }
        }
        let mms = match &target {
            Target::New => {
                self.app.minter.derived_mms(self.at(ticket.number), self.seed(ticket, "bib", 0, tries.salt))
            }
            Target::Known(bib) => bib.mms_id.clone(),
            Target::Imagined { mms_id, .. } => mms_id.clone(),
        };
        let planned = or_stop!(self.plan(row, record).await?);
        let ready = self.look_at_files(ticket, &target, &mms, planned, before, tries.salt).await?;
        let ready = or_stop!(ready);
        if let Some(stop) = missing(self, ticket, before, &ready) {
            return Ok(Err(stop));
        }
        let decided = Decided { prepared, claims, target, mms, ready, continues_family };
        self.write(ticket, row, before, decided, tries).await
    }

    /// Filter, conversion, normalization and checks.
    async fn prepare(
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

    async fn collection(&self, wish: &CollectionWish) -> Result<Option<CollectionId>, AppError> {
        let name = match wish {
            CollectionWish::Id(id) => id.to_string(),
            CollectionWish::Name(name) => format!("named {name}"),
        };
        if let Some(known) = self.collections.lock().ok().and_then(|known| known.get(&name).cloned()) {
            return Ok(known);
        }
        let found = match wish {
            CollectionWish::Id(id) => self.app.catalog.collection(id).await?.map(|found| found.id),
            CollectionWish::Name(name) => self.app.catalog.collection_named(name).await?,
        };
        if let Ok(mut known) = self.collections.lock() {
            known.insert(name, found.clone());
        }
        Ok(found)
    }

    async fn family_of(&self, row: &SourceRow) -> Result<Option<JobClaim>, AppError> {
        match &row.group {
            Some(group) => Ok(self.app.catalog.job_claim(&self.job.id, &family_claim(group)).await?),
            None => Ok(None),
        }
    }

    /// The title of a row, and the identifiers that lead to it.
    async fn find_title(
        &self,
        ticket: &RowTicket,
        row: &SourceRow,
        prepared: &Prepared,
        before: Option<&RowResult>,
        family: Option<JobClaim>,
    ) -> Step<(Target, Vec<Claim>)> {
        if let Some(claim) = family
            && let Some(mms) = claim.mms_id
        {
            return Ok(match self.app.catalog.bib(&mms).await? {
                Some(bib) if bib.removal.is_none() => Ok((Target::Known(Box::new(bib)), Vec::new())),
                None if self.run.dry_run => {
                    Ok((Target::Imagined { mms_id: mms, row: claim.row }, Vec::new()))
                }
                _ => {
                    let message = format!("the title `{mms}` of the family was deleted");
                    Err(Refused::new("NO_FAMILY_HEAD", message).into())
                }
            });
        }
        match before.and_then(|it| it.decision.as_ref()) {
            Some(Decision::Match { mms_id }) => {
                let bib = self.app.bib(mms_id).await?;
                return Ok(Ok((Target::Known(Box::new(bib)), Vec::new())));
            }
            Some(Decision::New) => return Ok(Ok((Target::New, Vec::new()))),
            Some(Decision::Force) | None => {}
        }
        let matching = &self.run.settings.matching;
        // An MMS id in its own column names the title, whatever the profile compares otherwise.
        let own = row.mms_id.as_deref().map(str::to_owned);
        let own = own.or_else(|| match matching.method {
            MatchMethod::MmsId => prepared.record.as_ref().and_then(|record| {
                let ids = rules::match_identifiers(&record.index, MatchMethod::MmsId, None);
                ids.into_iter().next().map(|id| id.value)
            }),
            _ => None,
        });
        if let Some(text) = own {
            let Ok(mms) = text.trim().parse::<MmsId>() else {
                if row.mms_id.is_none() {
                    // A control number of another system is simply no match.
                    return Ok(Ok((Target::New, Vec::new())));
                }
                let message = format!("`{}` is not an MMS id", text.chars().take(64).collect::<String>());
                return Ok(Err(Refused::new("INVALID_MMS_ID", message).into()));
            };
            let found = self.app.catalog.bib(&mms).await?.filter(|bib| bib.removal.is_none());
            return Ok(Ok((found.map_or(Target::New, |bib| Target::Known(Box::new(bib))), Vec::new())));
        }
        let identifiers = self.identifiers(row, prepared);
        let mut found: Vec<MmsId> = Vec::new();
        let mut claims = Vec::with_capacity(identifiers.len());
        for identifier in &identifiers {
            let mut holders = self.app.catalog.bibs_with(identifier, 10).await?;
            let name = identifier_claim(identifier);
            let claim = self.app.catalog.claim(&name).await?;
            holders.extend(claim.iter().filter_map(|claim| claim.holder.parse::<MmsId>().ok()));
            // One that is there and leads to no title is left from a title that was deleted: it changes hands.
            claims.push(claim.unwrap_or(Claim { name, holder: String::new(), version: 0 }));
            for mms in holders {
                if !found.contains(&mms) {
                    found.push(mms);
                }
            }
        }
        let mut titles = Vec::new();
        for mms in &found {
            let bib = self.app.catalog.bib(mms).await?;
            titles.extend(bib.filter(|bib| bib.removal.is_none()));
        }
        if titles.len() > 1 {
            let message = format!("{} titles match", titles.len());
            let outcome = match matching.on_multiple {
                OnMultipleMatch::Manual => RowOutcome::Waiting,
                OnMultipleMatch::Skip => RowOutcome::Skipped,
            };
            let mut result = self.blank(ticket, before, outcome);
            result.code = Some("SEVERAL_MATCHES".to_owned());
            result.message = Some(message);
            result.candidates = titles.into_iter().map(|bib| bib.mms_id).take(20).collect();
            return Ok(Err(Stop::Ended(Box::new(result))));
        }
        if let Some(bib) = titles.pop() {
            return Ok(Ok((Target::Known(Box::new(bib)), Vec::new())));
        }
        if self.run.dry_run {
            let names: Vec<String> = identifiers.iter().map(dry_claim).collect();
            let taken = self.app.catalog.job_claims(&self.job.id, &names).await?;
            if let Some(JobClaim { row, mms_id: Some(mms_id), .. }) =
                taken.into_iter().find(|claim| claim.row != ticket.number)
            {
                return Ok(Ok((Target::Imagined { mms_id, row }, Vec::new())));
            }
        }
        Ok(Ok((Target::New, claims)))
    }

    /// What the profile compares of a row.
    fn identifiers(&self, row: &SourceRow, prepared: &Prepared) -> Vec<Identifier> {
        let matching = &self.run.settings.matching;
        let prefix = matching.identifier_prefix.as_deref();
        let mut found = Vec::new();
        if matching.method == MatchMethod::OriginatingSystemId
            && let Some(text) = &row.originating_system_id
        {
            found.extend(vitrine_metadata::Identifier::new(Scheme::OtherSystem, text));
        }
        if let Some(record) = &prepared.record
            && found.is_empty()
        {
            found = rules::match_identifiers(&record.index, matching.method, prefix);
        }
        let mut identifiers: Vec<Identifier> = Vec::new();
        for one in found {
            let identifier = Identifier {
                scheme: one.scheme.code().to_owned(),
                normalised: bounded_identifier(&one.normalised),
            };
            if !identifiers.contains(&identifier) {
                identifiers.push(identifier);
            }
        }
        identifiers.truncate(10);
        identifiers
    }

    /// The row's representations, with folders and patterns replaced by files, and what the submitter may.
    async fn plan(&self, row: &SourceRow, record: Option<&BibMetadata>) -> Step<Vec<PlannedRepresentation>> {
        let settings = &self.run.settings;
        let record = record.map(|it| Record { format: it.format, source: &it.source });
        let named = or_stop!(plan::named_files(settings, row, record));
        let files = or_stop!(self.expand(named).await?);
        let mut seen = HashSet::new();
        for file in &files {
            if !seen.insert(file.name.as_str()) {
                let message = format!("the row names the file `{}` twice", file.name);
                return Ok(Err(Refused::new("NAMED_TWICE", message).into()));
            }
            let last = file.name.rsplit('/').next().unwrap_or_default();
            if let Err(message) = check_file_name(last) {
                let message = format!("the file name `{}` {message}", file.name);
                return Ok(Err(Refused::new("UNSAFE_FILE_NAME", message).into()));
            }
        }
        let mut planned = or_stop!(plan::representations(settings, row, record, files));
        for representation in &mut planned {
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
                    let fits =
                        file.name.ends_with('/') || vitrine_domain::import::glob::glob(&file.name, name);
                    if fits
                        && name != self.run.metadata_file
                        && !vitrine_domain::import::ingest::is_marker(name)
                    {
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

    /// Which of the files are there, and which the title has already.
    async fn look_at_files(
        &self,
        ticket: &RowTicket,
        target: &Target,
        mms: &MmsId,
        planned: Vec<PlannedRepresentation>,
        before: Option<&RowResult>,
        salt: u32,
    ) -> Step<Vec<Ready>> {
        let mut ready = Vec::with_capacity(planned.len());
        let begun = before.filter(|it| it.is_unfinished()).map_or(0, |it| it.files_begun);
        let mut done = 0_u32;
        for (index, planned) in planned.into_iter().enumerate() {
            let claim_name = representation_claim(self.run.profile.as_str(), mms, &planned);
            let known = match target {
                Target::Known(_) => self.app.catalog.claim(&claim_name).await?,
                Target::New | Target::Imagined { .. } => None,
            };
            let existing = match known.as_ref().and_then(|claim| claim.holder.parse::<RepId>().ok()) {
                Some(id) => self.app.catalog.representation(&id).await?.filter(|it| it.removal.is_none()),
                None => None,
            };
            let id = existing.as_ref().map_or_else(
                || {
                    let seed = self.seed(ticket, "representation", index, salt);
                    self.app.minter.derived_representation(self.at(ticket.number), seed)
                },
                |it| it.id.clone(),
            );
            let there = match &existing {
                Some(existing) if begun == 0 => self.files_there(&existing.id).await?,
                _ => HashMap::new(),
            };
            let claim = Claim {
                name: claim_name,
                holder: id.to_string(),
                version: known.as_ref().map_or(0, |claim| claim.version),
            };
            let total = u32::try_from(planned.files.len()).unwrap_or(u32::MAX);
            let skip = begun.saturating_sub(done).min(total);
            let names: Vec<(usize, RowFile)> =
                planned.files.iter().cloned().enumerate().skip(skip as usize).collect();
            let looked: Vec<Result<ReadyFile, Stop>> = stream::iter(names)
                .map(|(place, file)| {
                    let (there, id) = (&there, &id);
                    async move { self.look_at(file, place, there, id).await }
                })
                .buffered(ASKED_AT_ONCE)
                .try_collect()
                .await?;
            let files = looked.into_iter().collect::<Result<Vec<_>, Stop>>();
            done += total;
            ready.push(Ready {
                is_new: existing.is_none(),
                replaces_claim: known.is_some() && existing.is_none(),
                id,
                planned,
                claim,
                files: or_stop!(files),
            });
        }
        Ok(Ok(ready))
    }

    /// The files of a representation by name, with size and SHA-256 each.
    async fn files_there(&self, rep: &RepId) -> Result<HashMap<String, Vec<(u64, String)>>, AppError> {
        let mut found: HashMap<String, Vec<(u64, String)>> = HashMap::new();
        let mut page = PageRequest { limit: 1000, ..PageRequest::default() };
        loop {
            let files = self.app.catalog.files_of(rep, &page).await?;
            for file in files.items {
                let held = found.entry(file.file_name).or_default();
                if let Some(content) = file.content.filter(|_| file.status == FileStatus::Active) {
                    held.push((content.size_bytes, content.sha256));
                }
            }
            match files.next {
                Some(next) => page.after = Some(next),
                None => return Ok(found),
            }
        }
    }

    async fn look_at(
        &self,
        file: RowFile,
        place: usize,
        there: &HashMap<String, Vec<(u64, String)>>,
        rep: &RepId,
    ) -> Step<ReadyFile> {
        let key = format!("{}{}", self.run.folder, file.name);
        let place = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let last = file.name.rsplit('/').next().unwrap_or_default();
        let held = there.get(last);
        let Some(head) = self.app.objects.head(Bucket::Incoming, &key, None).await? else {
            // It may have been moved into this very representation before.
            let mut state = FileState::Missing;
            if held.is_some() {
                let id = upload_id(self.app, &self.run.profile, &self.run.ingest, &file.name);
                let moved = self.app.catalog.upload(&id).await?.is_some_and(|upload| {
                    upload.representation == *rep && matches!(upload.state, UploadState::Registered { .. })
                });
                if moved {
                    state = FileState::There;
                }
            }
            return Ok(Ok(ReadyFile { file, place, state }));
        };
        if head.size_bytes > MAX_FILE_BYTES {
            let message = format!("the file `{}` is larger than 5 TiB", file.name);
            return Ok(Err(Refused::new("FILE_TOO_LARGE", message).into()));
        }
        if let Some(held) = held {
            let same_size = held.iter().any(|(size, _)| *size == head.size_bytes);
            let sha256 = if same_size { Some(self.sha256(&key, &head).await?) } else { None };
            if sha256.is_some_and(|sha256| held.iter().any(|(_, held)| *held == sha256)) {
                return Ok(Ok(ReadyFile { file, place, state: FileState::There }));
            }
            let message = format!(
                "the representation `{rep}` has a file `{last}` with other bytes; delete that one first, or give this one another name"
            );
            return Ok(Err(Refused::new("FILE_DIFFERS", message).into()));
        }
        Ok(Ok(ReadyFile { file, place, state: FileState::Begin(head) }))
    }

    /// Reads an object to compare it; only where the title has a file of its name and size.
    async fn sha256(&self, key: &str, head: &ObjectHead) -> Result<String, AppError> {
        let mut reader =
            self.app.objects.read(Bucket::Incoming, key, head.version_id.as_deref(), None).await?;
        let mut digest = ContentDigest::default();
        while let Some(bytes) = reader.next().await? {
            digest.update(&bytes);
        }
        Ok(digest.finish().sha256)
    }

    /// Writes the row, in as many transactions as its files take.
    async fn write(
        &self,
        ticket: &RowTicket,
        row: &SourceRow,
        before: Option<&RowResult>,
        decided: Decided,
        tries: Tries,
    ) -> Step<RowResult> {
        let going_on = before.filter(|it| !self.run.dry_run && it.is_unfinished());
        let mut result = match going_on {
            Some(before) => RowResult { attempt: self.job.attempt, at: self.call.now, ..before.clone() },
            None => self.blank(ticket, before, RowOutcome::Unchanged),
        };
        result.group.clone_from(&row.group);
        result.mms_id = Some(decided.mms.clone());
        result.warnings.clone_from(&decided.prepared.warnings);
        result.representations = decided.ready.iter().map(|it| it.id.clone()).collect();
        result.files = decided
            .ready
            .iter()
            .map(|it| u32::try_from(it.planned.files.len()).unwrap_or(u32::MAX))
            .fold(0, u32::saturating_add);
        let change = match going_on {
            Some(_) => None,
            None => Some(or_stop!(self.write_title(ticket, &mut result, &decided, row).await?)),
        };
        if self.run.dry_run {
            // The change was made to find out what it would be, and is not committed.
            return self.write_dry(ticket, before, result, &decided).await;
        }
        self.write_files(ticket, before, result, change, &decided, tries).await
    }

    /// The title and its representations: everything of the first transaction but the files.
    async fn write_title(
        &self,
        ticket: &RowTicket,
        result: &mut RowResult,
        decided: &Decided,
        row: &SourceRow,
    ) -> Step<Change> {
        let Decided { prepared, claims, target, mms, ready, continues_family } = decided;
        let continues_family = *continues_family;
        let (app, call, settings) = (self.app, self.call, &self.run.settings);
        let made: Vec<RepId> = ready.iter().filter(|it| it.is_new).map(|it| it.id.clone()).collect();
        let new_representations = u32::try_from(made.len()).unwrap_or(u32::MAX);
        let mut undo = UndoNote {
            made_bib: false,
            bib_written_at: None,
            bib_before: None,
            joined: Vec::new(),
            made_representations: made,
        };
        let mut change;
        match target {
            Target::Imagined { row, .. } => {
                result.outcome = RowOutcome::Updated;
                result.message = Some(format!("adds to the title of row {row}"));
                change = app.change::<BibRecord>(call, "import.row", None, None);
            }
            Target::New => {
                let Some(record) = &prepared.record else {
                    return Ok(Err(Refused::new("NO_METADATA", "the row has no metadata").into()));
                };
                let mut bib = app.new_bib(call, BibKind::Title, record, settings.tags.suppress).await?;
                bib.mms_id = mms.clone();
                bib.collections = if prepared.collections.is_empty() {
                    vec![settings.defaults.collection.clone()]
                } else {
                    prepared.collections.clone()
                };
                bib.representation_count = new_representations;
                change = app.change(call, "import.create", None, Some(&bib));
                change.create(&bib)?;
                put_identifiers(&mut change, &bib, &[])?;
                for collection in &bib.collections {
                    change.put(&entry(&bib, collection, call.now))?;
                }
                // Two runs at once make one title of an identifier (B22).
                for claim in claims {
                    let claim = Claim { holder: mms.to_string(), ..claim.clone() };
                    if claim.version == 0 { change.create(&claim)? } else { change.replace(&claim)? }
                }
                undo.made_bib = true;
                undo.bib_written_at = Some(call.now);
                result.outcome = RowOutcome::Created;
                if self.run.dry_run {
                    let after = Some(record.source.as_str());
                    result.differences = differences(record.format, None, after);
                }
            }
            Target::Known(before) => {
                let after = self.changed_title(before, prepared, continues_family, result).await?;
                let mut after = or_stop!(after).unwrap_or_else(|| (**before).clone());
                after.representation_count += new_representations;
                if after.collections.is_empty() && new_representations > 0 && app.settings.require_collection
                {
                    after.collections.push(settings.defaults.collection.clone());
                    undo.joined.push(settings.defaults.collection.clone());
                }
                let metadata_changed = after.source != before.source || after.suppressed != before.suppressed;
                change = app.change(call, "import.update", Some(&**before), Some(&after));
                if metadata_changed {
                    undo.bib_written_at = Some(call.now);
                    let source = app.source_of(before).await?;
                    undo.bib_before =
                        Some((app.keep_source_over(&source, MAX_NOTE).await?, before.suppressed));
                    after.modified_by = call.actor.id.clone();
                    after.modified_at = call.now;
                    change = app.change(call, "import.update", Some(&**before), Some(&after));
                }
                if after != **before {
                    change.replace(&after)?;
                    put_identifiers(&mut change, &after, &before.brief.identifiers)?;
                    let listed = |it: &BibRecord| {
                        (it.brief.title.clone(), it.brief.author.clone(), it.brief.sort_title.clone())
                    };
                    for collection in &after.collections {
                        if listed(&after) != listed(before) || !before.collections.contains(collection) {
                            change.put(&entry(&after, collection, call.now))?;
                        }
                    }
                    result.outcome = RowOutcome::Updated;
                }
            }
        }
        if row.group.is_some() && !continues_family {
            let name = row.group.as_deref().map(family_claim).unwrap_or_default();
            let mms_id = Some(mms.clone());
            change.put(&JobClaim { job: self.job.id.clone(), name, row: ticket.number, mms_id })?;
        }
        for one in ready.iter().filter(|it| it.is_new) {
            change.create(&Representation {
                id: one.id.clone(),
                mms_id: mms.clone(),
                fields: one.planned.fields.clone(),
                created_by: call.actor.id.clone(),
                created_at: call.now,
                modified_by: call.actor.id.clone(),
                modified_at: call.now,
                removal: None,
                version: 0,
            })?;
            if one.replaces_claim { change.replace(&one.claim)? } else { change.create(&one.claim)? }
        }
        let adds_files =
            ready.iter().flat_map(|it| &it.files).any(|it| matches!(it.state, FileState::Begin(_)));
        if adds_files && result.outcome == RowOutcome::Unchanged {
            result.outcome = RowOutcome::Updated;
        }
        if result.outcome != RowOutcome::Unchanged {
            result.undo = Some(undo);
        }
        Ok(Ok(change))
    }

    /// What the record does to a title that is there; `None` where it does nothing.
    async fn changed_title(
        &self,
        before: &BibRecord,
        prepared: &Prepared,
        continues_family: bool,
        result: &mut RowResult,
    ) -> Step<Option<BibRecord>> {
        let settings = &self.run.settings;
        let mut after = before.clone();
        if !settings.tags.only_new && settings.tags.suppress {
            after.suppressed = true;
        }
        let files_only = settings.matching.on_match == OnMatch::FilesOnly || continues_family;
        if let Some(record) = prepared.record.as_ref().filter(|_| !files_only) {
            let old = self.app.source_of(before).await?;
            let overlay = settings.matching.on_match == OnMatch::Overlay;
            if record.format != before.format {
                let message = format!(
                    "the title `{}` is kept in {}, and the profile's format is {}",
                    before.mms_id, before.format, record.format
                );
                return Ok(Err(Refused::new("FORMAT_DIFFERS", message).into()));
            }
            let protected = &settings.matching.protected;
            let new = if overlay {
                rules::overlay_protecting(record.format, &old, &record.source, protected)
            } else {
                rules::merge_protecting(record.format, &old, &record.source, protected)
            };
            let new = or_stop!(new.map_err(|errors| Refused::new("INVALID_RECORD", errors.to_string())));
            let found = rules::differences(record.format, Some(&old), Some(&new));
            // A record that says the same in other bytes changes nothing.
            if found.as_ref().is_ok_and(|found| !found.is_empty()) || found.is_err() {
                let parsed = parse_record(record.format, &new);
                let parsed =
                    or_stop!(parsed.map_err(|errors| Refused::new("INVALID_RECORD", errors.to_string())));
                after.source = self.app.keep_source(&parsed.source).await?;
                after.brief = brief(&parsed);
                result.differences = differences(record.format, Some(&old), Some(&new));
            }
        }
        Ok(Ok((after != *before).then_some(after)))
    }

    /// A dry run's result, and what later rows of it have to know.
    async fn write_dry(
        &self,
        ticket: &RowTicket,
        before: Option<&RowResult>,
        mut result: RowResult,
        decided: &Decided,
    ) -> Step<RowResult> {
        result.files_begun = result.files;
        let names: Vec<&ReadyFile> = decided.ready.iter().flat_map(|it| &it.files).collect();
        let there = names.iter().filter(|it| matches!(it.state, FileState::There)).count();
        result.files_there = u32::try_from(there).unwrap_or(u32::MAX);
        let mut claims: Vec<JobClaim> = Vec::new();
        for file in &names {
            let name = file_claim(self.run, &file.file.name);
            claims.push(JobClaim { job: self.job.id.clone(), name, row: ticket.number, mms_id: None });
        }
        for chunk in claims.chunks(MAX_ITEMS) {
            let wanted: Vec<String> = chunk.iter().map(|claim| claim.name.clone()).collect();
            let taken = self.app.catalog.job_claims(&self.job.id, &wanted).await?;
            if let Some(taken) = taken.iter().find(|claim| claim.row != ticket.number) {
                let of = names.iter().find(|it| file_claim(self.run, &it.file.name) == taken.name);
                let name = of.map(|it| it.file.name.as_str()).unwrap_or_default();
                return Ok(Err(named_twice(name, taken.row).into()));
            }
        }
        for chunk in claims.chunks(MAX_ITEMS - 30) {
            let mut change = self.app.change::<RowResult>(self.call, "import.dry_run", None, None);
            for claim in chunk {
                change.put(claim)?;
            }
            self.app.catalog.commit(&change).await?;
        }
        let mut change = self.app.change(self.call, "import.dry_run", before, Some(&result));
        if let (Some(mms), RowOutcome::Created) = (&result.mms_id, result.outcome) {
            for name in self.dry_identifiers(&result, ticket).await? {
                let mms_id = Some(mms.clone());
                change.put(&JobClaim { job: self.job.id.clone(), name, row: ticket.number, mms_id })?;
            }
        }
        if let (Some(group), Some(mms)) = (&result.group, &result.mms_id) {
            let name = family_claim(group);
            if self.app.catalog.job_claim(&self.job.id, &name).await?.is_none() {
                let mms_id = Some(mms.clone());
                change.put(&JobClaim { job: self.job.id.clone(), name, row: ticket.number, mms_id })?;
            }
        }
        write_result(&mut change, &result)?;
        self.app.catalog.commit(&change).await?;
        Ok(Ok(RowResult { version: result.version + 1, ..result }))
    }

    /// The claims of a dry run on the identifiers of a title that it would make.
    async fn dry_identifiers(&self, _: &RowResult, ticket: &RowTicket) -> Result<Vec<String>, AppError> {
        let TicketContent::Row(row) = self.app.ticket_content(ticket).await? else { return Ok(Vec::new()) };
        match self.prepare(ticket, &row, None).await? {
            Ok(prepared) => Ok(self.identifiers(&row, &prepared).iter().map(dry_claim).collect()),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// Writes the files down for registration, a transaction at a time, and sends them on their way.
    async fn write_files(
        &self,
        ticket: &RowTicket,
        before: Option<&RowResult>,
        mut result: RowResult,
        mut change: Option<Change>,
        decided: &Decided,
        tries: Tries,
    ) -> Step<RowResult> {
        let mut to_do: Vec<(&Ready, &ReadyFile)> =
            decided.ready.iter().flat_map(|one| one.files.iter().map(move |file| (one, file))).collect();
        let mut known = before.cloned();
        let mut number = u64::from(result.files_begun);
        to_do.reverse();
        loop {
            let mut change = change.take().unwrap_or_else(|| {
                self.app.change::<RowResult>(self.call, "import.files", known.as_ref(), None)
            });
            // The result and the audit row are in it too.
            let room = MAX_ITEMS.saturating_sub(change.len() + 1);
            let mut part = Vec::with_capacity(room.min(to_do.len()));
            while part.len() < room {
                match to_do.pop() {
                    Some(one) => part.push(one),
                    None => break,
                }
            }
            if part.is_empty() && !to_do.is_empty() {
                let message =
                    "the title has so many identifiers and collections that no file fits beside them";
                return Ok(Err(Refused::new("TOO_MANY_ENTRIES", message).into()));
            }
            let older = if tries.careful {
                or_stop!(self.older_uploads(ticket, &part).await?)
            } else {
                HashMap::new()
            };
            let mut messages = Vec::new();
            for (one, file) in part {
                number += 1;
                result.files_begun += 1;
                let head = match &file.state {
                    FileState::Begin(head) => head,
                    FileState::There | FileState::Missing => {
                        result.files_there += 1;
                        let name = file_claim(self.run, &file.file.name);
                        change.put(&JobClaim {
                            job: self.job.id.clone(),
                            name,
                            row: ticket.number,
                            mms_id: None,
                        })?;
                        continue;
                    }
                };
                let upload = self.upload(ticket, number, one, file, head, &decided.mms).await?;
                let message = Message::Register { upload: upload.id.clone(), origin: None };
                match older.get(&upload.id) {
                    Some(older) if is_ours(older, &self.job.id, ticket.number) => {}
                    Some(older) => change.replace(&Upload { version: older.version, ..upload })?,
                    None => change.create(&upload)?,
                }
                messages.push(message.to_json());
            }
            write_result(&mut change, &result)?;
            self.app.catalog.commit(&change).await?;
            result.version += 1;
            self.send_registrations(&messages).await;
            if to_do.is_empty() {
                return Ok(Ok(result));
            }
            if !(self.time_left)() {
                return Ok(Ok(result));
            }
            known = Some(result.clone());
        }
    }

    /// Uploads of these files from before: an earlier attempt's, another job's, or another row's that names them too.
    async fn older_uploads(
        &self,
        ticket: &RowTicket,
        part: &[(&Ready, &ReadyFile)],
    ) -> Step<HashMap<vitrine_domain::ids::UploadId, Upload>> {
        let mut found = HashMap::new();
        let begins = part.iter().filter(|(_, file)| matches!(file.state, FileState::Begin(_)));
        let ids: Vec<_> = begins
            .map(|(_, file)| upload_id(self.app, &self.run.profile, &self.run.ingest, &file.file.name))
            .collect();
        for chunk in ids.chunks(100) {
            for upload in self.app.catalog.uploads(chunk).await? {
                if let Some(of) = &upload.row
                    && of.job == self.job.id
                    && of.number != ticket.number
                    && matches!(upload.state, UploadState::Issued | UploadState::Registered { .. })
                {
                    let name = upload.source_key.strip_prefix(&self.run.folder).unwrap_or(&upload.source_key);
                    return Ok(Err(named_twice(name, of.number).into()));
                }
                found.insert(upload.id.clone(), upload);
            }
        }
        Ok(Ok(found))
    }

    async fn upload(
        &self,
        ticket: &RowTicket,
        number: u64,
        one: &Ready,
        file: &ReadyFile,
        head: &ObjectHead,
        mms: &MmsId,
    ) -> Result<Upload, AppError> {
        let place = number.saturating_sub(1);
        let at = self.at(ticket.files_before + place);
        let seed = self.seed(ticket, &file.file.name, self.job.attempt as usize, 0);
        let id = self.app.minter.derived_file(at, seed);
        let key = format!("{}{}", self.run.folder, file.file.name);
        let mut supplied_thumbnail = None;
        if self.run.has_thumbnails {
            for ending in THUMBNAIL_ENDINGS {
                let beside = format!("{key}{ending}");
                if self.app.objects.head(Bucket::Incoming, &beside, None).await?.is_some() {
                    supplied_thumbnail = Some(beside);
                    break;
                }
            }
        }
        Ok(Upload {
            id: upload_id(self.app, &self.run.profile, &self.run.ingest, &file.file.name),
            purpose: UploadPurpose::File,
            representation: one.id.clone(),
            mms_id: mms.clone(),
            library: one.planned.fields.library.clone(),
            owner: self.call.actor.id.clone(),
            file_name: file.file.name.rsplit('/').next().unwrap_or_default().to_owned(),
            label: file.file.label.clone(),
            order: Some(file.place),
            declared: Declared { size_bytes: head.size_bytes, mime: None, sha256: None },
            method: UploadMethod::Ingest,
            source_key: key,
            kept_key: self.app.storage_key(&id),
            multipart_id: None,
            part_bytes: None,
            supplied_thumbnail,
            checkpoint: None,
            watch: None,
            row: Some(RowRef { job: self.job.id.clone(), number: ticket.number }),
            state: UploadState::Issued,
            created_at: self.call.now,
            expires_at: self.call.after_seconds(self.app.settings.upload_expiry_days * 86_400),
            version: 0,
            file: id,
        })
    }

    /// Sends registrations ten at a time. A lost one is no loss: the job sends it again while it waits for its files.
    async fn send_registrations(&self, messages: &[String]) {
        for chunk in messages.chunks(MAX_BATCH) {
            if let Err(error) = self.app.queues.send_batch(Queue::Incoming, chunk).await {
                tracing::warn!(job.id = %self.job.id, error = &error as &dyn std::error::Error, "registrations will be sent again");
            }
        }
    }

    /// The time that ids of a job's things are made of.
    fn at(&self, number: u64) -> vitrine_domain::Timestamp {
        let millis = i64::try_from(number).unwrap_or(i64::MAX);
        let span = vitrine_domain::outbox::milliseconds(millis);
        self.job.submitted_at.saturating_add(span).unwrap_or(self.job.submitted_at)
    }

    fn seed(&self, ticket: &RowTicket, what: &str, index: usize, salt: u32) -> u64 {
        let number = ticket.number.to_string();
        let (index, salt) = (index.to_string(), salt.to_string());
        let wide = seed(&[self.job.id.as_str(), number.as_str(), what, index.as_str(), salt.as_str()]);
        u64::try_from(wide & u128::from(u64::MAX)).unwrap_or(0)
    }
}

fn write_result(change: &mut Change, result: &RowResult) -> Result<(), AppError> {
    if result.version == 0 {
        change.create(result)?
    } else {
        change.replace(result)?
    }
    Ok(())
}

fn is_ours(upload: &Upload, job: &vitrine_domain::ids::JobId, row: u64) -> bool {
    upload.state == UploadState::Issued
        && upload.row.as_ref().is_some_and(|of| of.job == *job && of.number == row)
}

fn named_twice(name: &str, row: u64) -> Refused {
    Refused::new("NAMED_TWICE", format!("row {row} names the file `{name}` too"))
}

/// The outcome of a row whose files are not all there; none where they are.
fn missing(
    context: &Context<'_>,
    ticket: &RowTicket,
    before: Option<&RowResult>,
    ready: &[Ready],
) -> Option<Stop> {
    let files = ready.iter().flat_map(|it| &it.files);
    let names: Vec<&str> =
        files.filter(|it| matches!(it.state, FileState::Missing)).map(|it| it.file.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let shown = names.iter().take(NAMED_IN_MESSAGE).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMED_IN_MESSAGE);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!("not in the folder: {shown}{more}");
    Some(context.ended(ticket, before, RowOutcome::MissingFiles, "MISSING_FILES", message))
}

fn differences(
    format: vitrine_metadata::Format,
    before: Option<&str>,
    after: Option<&str>,
) -> Option<String> {
    let found = rules::differences(format, before, after).ok().filter(|found| !found.is_empty())?;
    let mut text = serde_json::json!(found).to_string();
    let mut kept = found;
    while text.len() > MAX_DIFFERENCES && kept.len() > 1 {
        kept.truncate(kept.len() / 2);
        text = serde_json::json!(kept).to_string();
    }
    (text.len() <= MAX_DIFFERENCES).then_some(text)
}

fn bounded(text: &str) -> String {
    if text.len() <= 200 { text.to_owned() } else { format!("{:032x}", seed(&[text])) }
}

fn family_claim(group: &str) -> String {
    format!("GROUP#{}", bounded(group))
}

fn identifier_claim(identifier: &Identifier) -> String {
    format!("ID#{}#{}", identifier.scheme, identifier.normalised)
}

fn dry_claim(identifier: &Identifier) -> String {
    format!("ID#{}#{}", identifier.scheme, bounded(&identifier.normalised))
}

/// Leads from what a representation of an import is made of to its id, so that importing the same again finds it.
fn representation_claim(profile: &str, mms: &MmsId, planned: &PlannedRepresentation) -> String {
    let first = planned.files.first().map(|file| file.name.as_str()).unwrap_or_default();
    let label = planned.fields.label.as_deref().unwrap_or_default();
    let key = seed(&[profile, planned.fields.usage_type.code(), label, first]);
    format!("REP#{mms}#{key:032x}")
}
