//! One row: find its title, look at its files, decide, and write all of it in one transaction with its result.
//!
//! A row with more files than one transaction takes is written in several; its result says how far it is, and whoever comes
//! next goes on from there.

use vitrine_domain::Timestamp;
use vitrine_domain::bib::{BibKind, BibRecord};
use vitrine_domain::import::profile::{OnMatch, OnNoMatch};
use vitrine_domain::import::row::{Decision, JobClaim, RowOutcome, RowResult, RowTicket};
use vitrine_domain::representation::Representation;
use vitrine_metadata::rows::SourceRow;
use vitrine_store::Change;
use vitrine_store::change::MAX_ITEMS;
use vitrine_store::keys::Item;

use super::find::{Target, family_claim};
use super::look::missing;
use super::plan::{Record, Refused, is_pattern, named_files};
use super::read::TicketContent;
use super::rows::Context;
use super::seed;
use super::write::Decided;
use crate::AppError;

/// How often a row is tried again when another writer came in between.
const MAX_TRIES: u32 = 12;
/// How many files or warnings are named in a message; the row's report counts all.
pub(super) const NAMED_IN_MESSAGE: usize = 20;

/// What earlier tries of a row have shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tries {
    /// Makes other ids, where one was taken.
    pub(super) salt: u32,
    /// Whether things that are rarely there are looked for before they are written.
    pub(super) careful: bool,
}

/// Why a row goes no further; not an error, but its outcome.
pub(super) enum Stop {
    Refused(Refused),
    Ended(Box<RowResult>),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

pub(super) type Step<T> = Result<Result<T, Stop>, AppError>;

/// Goes on with the value, or ends with the row's outcome.
macro_rules! or_stop {
    ($step:expr) => {
        match $step {
            Ok(value) => value,
            Err(stop) => return Ok(Err(stop.into())),
        }
    };
}
pub(super) use or_stop;

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
        for pause in 0..MAX_TRIES {
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
                    // Rows that met do not meet again: each waits a time of its own.
                    let spread = self.seed(ticket, "pause", pause as usize, 0) % (20 << pause.min(5));
                    tokio::time::sleep(std::time::Duration::from_millis(spread)).await;
                }
                // What is wrong with one row stops no other (I22).
                Err(
                    error @ (AppError::Invalid(_)
                    | AppError::NotFound { .. }
                    | AppError::Rule(_)
                    | AppError::Refused(_)
                    | AppError::Precondition { .. }
                    | AppError::Internal(_)),
                ) => {
                    tracing::warn!(job.id = %self.job.id, row = ticket.number, error = &error as &dyn std::error::Error, "row refused");
                    return self.record_refusal(ticket, before.as_ref(), refusal(&error)).await;
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
        if let Some(begun) = before.filter(|it| it.is_unfinished()) {
            return match self.go_on_with_files(ticket, begun, tries).await? {
                Ok(result) => Ok(result),
                Err(Stop::Refused(refused)) => self.record_refusal(ticket, before, refused).await,
                Err(Stop::Ended(result)) => self.record(before, *result).await,
            };
        }
        if let Some(done) = before.filter(|it| it.files_refused > 0 && !it.outcome.is_retryable()) {
            return self.try_refused_files(ticket, done).await;
        }
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
            Stop::Refused(refused) => self.refused(ticket, before, refused),
        };
        result.group = row.group.as_ref().map(|group| group.chars().take(200).collect());
        self.claim_names(ticket, row).await?;
        self.record(before, result).await
    }

    pub(super) fn blank(
        &self,
        ticket: &RowTicket,
        before: Option<&RowResult>,
        outcome: RowOutcome,
    ) -> RowResult {
        let mut result =
            RowResult::new(&self.job.id, ticket.number, self.job.attempt, outcome, self.call.now);
        result.version = before.map_or(0, |before| before.version);
        result
    }

    pub(super) fn ended(
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
        let result = self.refused(ticket, before, refused);
        self.record(before, result).await
    }

    fn refused(&self, ticket: &RowTicket, before: Option<&RowResult>, refused: Refused) -> RowResult {
        // What was begun stays known, so that it can be gone on with and undone.
        let mut result = match before.filter(|it| it.undo.is_some() || it.is_unfinished()) {
            Some(before) => RowResult { attempt: self.job.attempt, at: self.call.now, ..before.clone() },
            None => self.blank(ticket, before, RowOutcome::Failed),
        };
        result.outcome = RowOutcome::Failed;
        result.code = Some(refused.code.to_owned());
        result.message = Some(refused.message);
        result
    }

    /// Says of the files of a row that was not imported that they are named nevertheless.
    async fn claim_names(&self, ticket: &RowTicket, row: &SourceRow) -> Result<(), AppError> {
        let settings = &self.run.settings;
        let record = row.record.as_deref().filter(|_| row.format == settings.details.target_format);
        let record = record.map(|source| Record { format: row.format, source });
        let Ok(files) = named_files(settings, row, record) else { return Ok(()) };
        let mut names: Vec<&str> =
            files.iter().map(|file| file.name.as_str()).filter(|name| !is_pattern(name)).collect();
        names.sort_unstable();
        names.dedup();
        for chunk in names.chunks(MAX_ITEMS - 5) {
            let mut change = self.app.change(
                self.call,
                "import.names",
                None,
                Some(&self.blank(ticket, None, RowOutcome::Failed)),
            );
            let claims: Vec<JobClaim> = chunk.iter().map(|name| self.claim_of(ticket, name, None)).collect();
            // In a dry run a name that an imported row has stays that row's.
            let taken = if self.run.dry_run {
                let names: Vec<String> = claims.iter().map(|claim| claim.name.clone()).collect();
                self.app.catalog.job_claims(&self.job.id, &names).await?
            } else {
                Vec::new()
            };
            for claim in claims.iter().filter(|claim| !taken.iter().any(|it| it.name == claim.name)) {
                change.put(claim)?;
            }
            if !change.is_empty() {
                self.app.commit(self.call, change).await?;
            }
        }
        Ok(())
    }

    /// Writes a result that changes nothing else.
    async fn record(&self, before: Option<&RowResult>, result: RowResult) -> Result<RowResult, AppError> {
        let mut change = self.app.change(self.call, "import.row", before, Some(&result));
        write_result(&mut change, &result)?;
        self.app.commit(self.call, change).await?;
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
        let family = self.family_of(row).await?.filter(|claim| claim.row != ticket.number);
        let continues_family = family.is_some();
        if family.as_ref().is_some_and(|claim| claim.mms_id.is_none()) {
            let message = "the title of the family is there already";
            return Ok(Err(self.ended(ticket, before, RowOutcome::Skipped, "MATCHED", message)));
        }
        let (target, claims) = or_stop!(self.find_title(ticket, row, &prepared, before, family).await?);
        let record = prepared.record.as_ref();
        if let Target::Known(bib) = &target
            && bib.kind == BibKind::Collection
        {
            let message = format!("`{}` is the record of a collection", bib.mms_id);
            return Ok(Err(Refused::new("IS_COLLECTION_RECORD", message).into()));
        }
        let known = match &target {
            Target::Known(bib) => Some(&bib.mms_id),
            Target::Imagined { mms_id, .. } => Some(mms_id),
            Target::New => None,
        };
        if let Some(mms) = known
            && settings.matching.on_match == OnMatch::DoNotImport
            && !continues_family
        {
            if let Some(group) = &row.group {
                self.skip_family(ticket, group).await?;
            }
            let message = format!("the title `{mms}` is there already");
            return Ok(Err(self.ended(ticket, before, RowOutcome::Skipped, "MATCHED", message)));
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
        let planned = or_stop!(self.plan(ticket, row, before, record).await?);
        let ready = self.look_at_files(ticket, &target, &mms, planned, tries.salt).await?;
        let ready = or_stop!(ready);
        if let Some(stop) = missing(self, ticket, before, &ready) {
            return Ok(Err(stop));
        }
        let decided = Decided { prepared, claims, target, mms, ready, continues_family };
        self.write(ticket, row, before, decided, tries).await
    }

    /// The rows behind the first of a family that is left out are left out too.
    async fn skip_family(&self, ticket: &RowTicket, group: &str) -> Result<(), AppError> {
        let blank = self.blank(ticket, None, RowOutcome::Skipped);
        let mut change = self.app.change(self.call, "import.family", None, Some(&blank));
        let (job, name) = (self.job.id.clone(), family_claim(group));
        change.put(&JobClaim { job, name, row: ticket.number, mms_id: None, twin: None })?;
        Ok(self.app.commit(self.call, change).await?)
    }

    /// The time that ids of a job's things are made of.
    pub(super) fn at(&self, number: u64) -> Timestamp {
        let millis = i64::try_from(number).unwrap_or(i64::MAX);
        let span = vitrine_domain::outbox::milliseconds(millis);
        self.job.submitted_at.saturating_add(span).unwrap_or(self.job.submitted_at)
    }

    pub(super) fn seed(&self, ticket: &RowTicket, what: &str, index: usize, salt: u32) -> u64 {
        let number = ticket.number.to_string();
        let (index, salt) = (index.to_string(), salt.to_string());
        let wide = seed(&[self.job.id.as_str(), number.as_str(), what, index.as_str(), salt.as_str()]);
        u64::try_from(wide & u128::from(u64::MAX)).unwrap_or(0)
    }
}

/// Why a row can not be imported, where it is not the row's own rules that say so.
fn refusal(error: &AppError) -> Refused {
    let code = match error {
        AppError::NotFound { .. } => "NOT_FOUND",
        AppError::Refused(_) => "NOT_PERMITTED",
        AppError::Internal(_) => "INTERNAL",
        _ => "NOT_POSSIBLE",
    };
    let message = match error {
        AppError::Invalid(problems) => {
            let all: Vec<_> = problems.0.iter().map(|it| format!("{} {}", it.field, it.message)).collect();
            all.join("; ")
        }
        error => error.to_string(),
    };
    Refused::new(code, message)
}

/// Writes a row's result, for the first time or over the one that was read.
pub(crate) fn write_result(change: &mut Change, result: &RowResult) -> Result<(), AppError> {
    if result.version == 0 {
        change.create(result)?
    } else {
        change.replace(result)?
    }
    Ok(())
}
