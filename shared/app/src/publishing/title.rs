//! Publishing one title: read what is out, then the title, and write what differs (S13, B50).

use std::collections::{BTreeMap, HashMap};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use vitrine_domain::ids::{EventId, MmsId};
use vitrine_domain::outbox::{OutboxRow, Work, retry_after_seconds};
use vitrine_domain::publishing::published::{ALL, LogRow, Plan, is_late, plan};
use vitrine_store::CommitError;
use vitrine_store::objects::Bucket;
use vitrine_store::published::{Packed, PackedRecords};

use super::Worker;
use crate::changes::hex;
use crate::{App, AppError, Call};

/// A compressed record longer than this lies in the bucket: 4 formats of 41 scopes must fit into one transaction.
const MAX_PACKED: usize = 16 * 1024;
/// How often a title that others write at the same time is begun anew.
const TRIES: u32 = 12;
/// How many titles of a list are published side by side.
const SIDE_BY_SIDE: usize = 16;

/// What publishing a title came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TitlePublished {
    /// In some scope a record was put out, or put out anew.
    pub(crate) put_out: bool,
    /// In some scope it was put out as deleted.
    pub(crate) withdrawn: bool,
    /// It will be looked at again when time changes what may be seen of it.
    pub(crate) reminded: bool,
}

impl TitlePublished {
    pub(crate) fn changed(&self) -> bool {
        self.put_out || self.withdrawn
    }
}

impl App {
    /// Publishes some titles, side by side; whether anything that is out was changed.
    pub(super) async fn publish_each(&self, worker: Worker<'_>, titles: &[MmsId]) -> Result<bool, AppError> {
        stream::iter(titles)
            .map(|mms| self.publish_title(worker, mms))
            .buffer_unordered(SIDE_BY_SIDE)
            .try_fold(false, |changed, one| async move { Ok(changed | one.changed()) })
            .await
    }

    /// Brings what is out of a title to what it is now.
    ///
    /// # Errors
    /// Only those after which the same call can succeed, and a record that can not be written in a format.
    pub(crate) async fn publish_title(
        &self,
        worker: Worker<'_>,
        mms: &MmsId,
    ) -> Result<TitlePublished, AppError> {
        let mut came_late = false;
        for _ in 0..TRIES {
            let call = Call { now: (worker.clock)(), ..worker.call.clone() };
            // INVARIANT: the state is read before the title and written over the version that was read, so that no
            // older state of the title can take the place of a newer one.
            let before = self.catalog.published(mms).await?;
            let profiles = self.catalog.publishing_profiles().await?;
            let facts = self.title_facts(&call, mms, &profiles).await?;
            let wanted = match &facts {
                Some(facts) => facts.wanted(self, &profiles)?,
                None => BTreeMap::new(),
            };
            // Whoever wrote this for the same reason is not known to have been in time.
            let again = before.as_ref().is_some_and(|before| before.by == worker.by);
            let page = facts.as_ref().and_then(|facts| facts.public_page(call.now));
            let plan = plan(before.as_ref(), mms, wanted, page, worker.by, call.now, came_late || again);
            let mut done = TitlePublished::default();
            if let Some(plan) = &plan {
                let records = self.pack(&plan.put).await?;
                match self.catalog.write_published(plan, &records).await {
                    Ok(()) => {}
                    Err(CommitError::Changed(_) | CommitError::Exists(_)) => continue,
                    Err(error) => return Err(error.into()),
                }
                let scopes: Vec<&str> = plan.put.iter().map(|row| row.scope.as_str()).collect();
                self.ask_to_tell(&profiles, &scopes).await;
                if plan.stamp().is_some_and(|stamp| is_late(stamp, (worker.clock)())) {
                    came_late = true;
                    continue;
                }
                done = counted(plan);
            }
            if let Some(facts) = &facts {
                done.reminded = self.remind_of(&call, mms, facts).await?;
            }
            return Ok(done);
        }
        Err(AppError::Conflict("published title"))
    }

    /// Looks again when a date in a policy has come, or a list that lagged has caught up.
    async fn remind_of(
        &self,
        call: &Call,
        mms: &MmsId,
        facts: &super::facts::TitleFacts,
    ) -> Result<bool, AppError> {
        let soon = facts.lags.then(|| call.after_seconds(retry_after_seconds(0)));
        let Some(due_at) = [soon, facts.changes_at].into_iter().flatten().min() else { return Ok(false) };
        let row = self.owe(call, Work::Publish { mms_id: mms.clone() }, due_at);
        self.catalog.remind(&OutboxRow { id: EventId::reminder(mms), ..row }).await?;
        Ok(true)
    }

    /// Compresses the records of rows, each text once; long ones go to the bucket under their digest.
    async fn pack(&self, rows: &[LogRow]) -> Result<Vec<PackedRecords>, AppError> {
        let mut known: HashMap<&str, Packed> = HashMap::new();
        let mut packed = Vec::with_capacity(rows.len());
        for row in rows {
            let mut records = PackedRecords::new();
            for (format, text) in &row.records {
                let record = match known.get(text.as_str()) {
                    Some(record) => record.clone(),
                    None => self.pack_one(text).await?,
                };
                known.insert(text, record.clone());
                records.insert(*format, record);
            }
            packed.push(records);
        }
        Ok(packed)
    }

    async fn pack_one(&self, text: &str) -> Result<Packed, AppError> {
        let bytes = Packed::of(text).map_err(|error| AppError::Internal(Box::new(error)))?;
        if bytes.len() <= MAX_PACKED {
            return Ok(Packed::Inline(bytes));
        }
        let sha256 = hex(&<sha2::Sha256 as sha2::Digest>::digest(text.as_bytes()));
        let key = record_key(&sha256);
        self.objects.put_small(Bucket::Published, &key, bytes.into(), "application/gzip", false).await?;
        Ok(Packed::Stored { sha256 })
    }
}

/// Where a long record is kept, compressed.
pub(super) fn record_key(sha256: &str) -> String {
    format!("records/{sha256}")
}

fn counted(plan: &Plan) -> TitlePublished {
    let mut done = TitlePublished::default();
    // The server as a whole only repeats what its sets say.
    for row in plan.put.iter().filter(|row| row.scope != ALL || plan.put.len() == 1) {
        if row.is_deleted() {
            done.withdrawn = true;
        } else {
            done.put_out = true;
        }
    }
    done
}
