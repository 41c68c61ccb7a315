//! What imports and jobs keep in the catalogue: profiles, ingests, jobs, and the rows of a job.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use vitrine_domain::ids::{CollectionId, IngestId, JobId, ProfileId, UploadId};
use vitrine_domain::import::ingest::Ingest;
use vitrine_domain::import::profile::ImportProfile;
use vitrine_domain::import::row::{JobClaim, RowResult, RowTicket};
use vitrine_domain::job::Job;
use vitrine_domain::upload::Upload;

use crate::catalog::{Catalog, Page, PageRequest, parse};
use crate::change::attributes;
use crate::error::StoreError;
use crate::keys::{self, Claim, Item, NameClaim};

impl Catalog {
    /// An import profile.
    pub async fn import_profile(&self, id: &ProfileId) -> Result<Option<ImportProfile>, StoreError> {
        self.get(keys::profile(id)).await
    }

    /// The import profiles, by name.
    pub async fn import_profiles(&self, page: &PageRequest) -> Result<Page<ImportProfile>, StoreError> {
        self.list(keys::PROFILES.to_owned(), page).await
    }

    /// How many import profiles there are.
    pub async fn count_import_profiles(&self) -> Result<crate::catalog::Count, StoreError> {
        self.count(keys::PROFILES.to_owned()).await
    }

    /// An ingest.
    pub async fn ingest(&self, profile: &ProfileId, id: &IngestId) -> Result<Option<Ingest>, StoreError> {
        self.get(keys::ingest(profile, id)).await
    }

    /// The ingests of a profile, the newest first.
    pub async fn ingests_of(
        &self,
        profile: &ProfileId,
        page: &PageRequest,
    ) -> Result<Page<Ingest>, StoreError> {
        self.list(keys::ingests_of(profile), page).await
    }

    /// How many ingests a profile has.
    pub async fn count_ingests_of(&self, profile: &ProfileId) -> Result<crate::catalog::Count, StoreError> {
        self.count(keys::ingests_of(profile)).await
    }

    /// A job.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        self.get(keys::job(id)).await
    }

    /// The jobs, the newest first.
    pub async fn jobs(&self, page: &PageRequest) -> Result<Page<Job>, StoreError> {
        self.list(keys::JOBS.to_owned(), page).await
    }

    /// How many jobs there are.
    pub async fn count_jobs(&self) -> Result<crate::catalog::Count, StoreError> {
        self.count(keys::JOBS.to_owned()).await
    }

    /// The top-level collection of a name.
    pub async fn collection_named(&self, name: &str) -> Result<Option<CollectionId>, StoreError> {
        let claim: Option<NameClaim> = self.get(keys::collection_name(name)).await?;
        Ok(claim.map(|claim| claim.collection))
    }

    /// A claim.
    pub async fn claim(&self, name: &str) -> Result<Option<Claim>, StoreError> {
        self.get(keys::claim(name)).await
    }

    /// What a row of a job has taken.
    pub async fn job_claim(&self, job: &JobId, name: &str) -> Result<Option<JobClaim>, StoreError> {
        self.get(keys::job_claim(job, name)).await
    }

    /// Which of these names rows of a job have taken; at most 100 names a call.
    pub async fn job_claims(&self, job: &JobId, names: &[String]) -> Result<Vec<JobClaim>, StoreError> {
        self.batch(names.iter().map(|name| keys::job_claim(job, name))).await
    }

    /// Which of these uploads there are; at most 100 ids a call.
    pub async fn uploads(&self, ids: &[UploadId]) -> Result<Vec<Upload>, StoreError> {
        self.batch(ids.iter().map(keys::upload)).await
    }

    /// The uploads that the rows from `first` to `last` of a job name, some at a time. Eventually consistent.
    pub async fn uploads_of_rows(
        &self,
        job: &JobId,
        first: u64,
        last: u64,
        after: Option<String>,
    ) -> Result<Page<Upload>, StoreError> {
        let range = (format!("{first:010}#"), format!("{last:010}#~"));
        self.list_between(keys::uploads_of_rows(job), range, after).await
    }

    /// The result of one row.
    pub async fn row_result(&self, job: &JobId, number: u64) -> Result<Option<RowResult>, StoreError> {
        self.get(keys::row_key(job, &keys::row_result(number))).await
    }

    /// The tickets of at most `limit` rows from `first` on, in order.
    pub async fn row_tickets(
        &self,
        job: &JobId,
        first: u64,
        limit: u64,
    ) -> Result<Vec<RowTicket>, StoreError> {
        self.rows(job, keys::row_ticket(first), keys::row_ticket(first + limit - 1)).await
    }

    /// The results of at most `limit` rows from `first` on, in order; rows without one are left out.
    pub async fn row_results(
        &self,
        job: &JobId,
        first: u64,
        limit: u64,
    ) -> Result<Vec<RowResult>, StoreError> {
        self.rows(job, keys::row_result(first), keys::row_result(first + limit - 1)).await
    }

    /// The rows of a job that failed or wait, by outcome.
    pub async fn open_rows(&self, job: &JobId, page: &PageRequest) -> Result<Page<RowResult>, StoreError> {
        self.list(keys::open_rows(job), page).await
    }

    pub(crate) async fn rows<T: Item + DeserializeOwned>(
        &self,
        job: &JobId,
        from: String,
        to: String,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .partition(&keys::job_partition(job))
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":from", AttributeValue::S(from.clone()))
                .expression_attribute_values(":to", AttributeValue::S(to.clone()))
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(|error| StoreError::of("Query", error))?;
            for attributes in answer.items.unwrap_or_default() {
                found.push(parse::<T>(attributes)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    /// Writes tickets. Writing the same ones again changes nothing, because a ticket's contents follow from the file.
    pub async fn put_tickets(&self, tickets: &[RowTicket]) -> Result<(), StoreError> {
        let items = tickets.iter().map(|ticket| attributes(ticket, 1)).collect::<Result<_, _>>()?;
        self.write_all(&self.tables().catalog, items).await
    }
}

/// The rows that two lists have in common, by number: tickets with their results.
pub fn with_results(
    tickets: Vec<RowTicket>,
    results: Vec<RowResult>,
) -> impl Iterator<Item = (RowTicket, Option<RowResult>)> {
    let mut results: HashMap<u64, RowResult> =
        results.into_iter().map(|result| (result.number, result)).collect();
    tickets.into_iter().map(move |ticket| {
        let result = results.remove(&ticket.number);
        (ticket, result)
    })
}
