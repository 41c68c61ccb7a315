//! Which title a row belongs to: by its family, by a person's decision, by MMS id, by what the profile compares.

use vitrine_domain::bib::{BibRecord, Identifier};
use vitrine_domain::ids::MmsId;
use vitrine_domain::import::profile::{MatchMethod, OnMultipleMatch};
use vitrine_domain::import::row::{Decision, JobClaim, RowOutcome, RowResult, RowTicket};
use vitrine_metadata::rows::SourceRow;
use vitrine_metadata::{Scheme, rules};
use vitrine_store::keys::{self, Claim};

use super::plan::Refused;
use super::prepare::Prepared;
use super::row::{Step, Stop};
use super::rows::Context;
use super::seed;
use crate::AppError;
use crate::bibs::bounded_identifier;

/// The title that a row belongs to.
pub(super) enum Target {
    /// None: it becomes a new one.
    New,
    /// One that is there.
    Known(Box<BibRecord>),
    /// One that an earlier row of a dry run would have made.
    Imagined { mms_id: MmsId, row: u64 },
}

impl Context<'_> {
    pub(super) async fn family_of(&self, row: &SourceRow) -> Result<Option<JobClaim>, AppError> {
        match &row.group {
            Some(group) => Ok(self.app.catalog.job_claim(&self.job.id, &family_claim(group)).await?),
            None => Ok(None),
        }
    }

    /// The title of a row, and the identifiers that lead to it.
    pub(super) async fn find_title(
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
            let (holders, claim) = self.app.catalog.holders_of(identifier, 10).await?;
            let name = identifier_claim(identifier);
            let holder = claim.as_ref().and_then(|claim| claim.holder.parse::<MmsId>().ok());
            for mms in holders.into_iter().chain(holder) {
                if !found.contains(&mms) {
                    found.push(mms);
                }
            }
            // One that is there and leads to no title any more changes hands.
            claims.push(claim.unwrap_or(Claim { name, holder: String::new(), job: None, version: 0 }));
        }
        let mut titles = Vec::new();
        for mms in &found {
            let bib = self.app.catalog.bib(mms).await?.filter(|bib| bib.removal.is_none());
            // A title whose identifier was corrected since is not meant by its old one. An id of another system that only
            // a column says is not in the record, and the claim alone leads from it.
            let carries = |bib: &BibRecord| bib.brief.identifiers.iter().any(|it| identifiers.contains(it));
            let by_column = row.originating_system_id.is_some();
            titles.extend(bib.filter(|bib| by_column || carries(bib)));
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
            let names: Vec<String> = identifiers.iter().map(|it| dry_claim(&identifier_claim(it))).collect();
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
}

fn bounded(text: &str) -> String {
    if text.len() <= 200 { text.to_owned() } else { format!("{:032x}", seed(&[text])) }
}

pub(super) fn family_claim(group: &str) -> String {
    format!("GROUP#{}", bounded(group))
}

fn identifier_claim(identifier: &Identifier) -> String {
    keys::identifier_claim(identifier)
}

/// A dry run's claim on what a run would claim.
pub(super) fn dry_claim(claim: &str) -> String {
    format!("DRY#{}", bounded(claim))
}
