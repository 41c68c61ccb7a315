//! Publishing: from a change to what discovery sees of it, within seconds (domain.md 8.3, B12, B50).
//!
//! Every change of a title owes its publication in the same transaction ([`App::commit`](crate::App)); a message asks for
//! it at once, and the sweep asks again for what stays due. Whatever asks, the title is read as it is now, so messages
//! may come twice, late and in any order.

mod facts;
mod files;
pub mod oai;
pub mod profiles;
mod run;
mod sets;
mod sftp;
pub mod sitemap;
mod title;
pub mod webhook;

use serde::{Deserialize, Serialize};
use vitrine_domain::ids::{CollectionId, EventId, JobId, MmsId, PolicyId, PublishingId, SetId};
use vitrine_domain::outbox::{OutboxRow, Work};
use vitrine_store::catalog::PageRequest;
use vitrine_store::queues::Queue;

use crate::register_file::TimeLeft;
use crate::run_job::Clock;
use crate::{App, AppError, Call};

/// How many titles of a list are looked at before the time is.
const PAGE: u32 = 100;

/// A message on the queue of publishing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Message {
    /// Do what an outbox row owes.
    Owed {
        /// The row.
        event: EventId,
        /// Where its list goes on.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        after: Option<String>,
    },
    /// Go on with a job.
    Job {
        /// The job.
        job: JobId,
    },
}

impl Message {
    /// The message as it is sent.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// A message on the queue of deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeliverMessage {
    /// Tell a webhook what changed.
    Profile {
        /// Its profile.
        profile: PublishingId,
    },
    /// Go on with a job that sends files.
    Job {
        /// The job.
        job: JobId,
    },
}

impl DeliverMessage {
    /// The message as it is sent.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// How the work of a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishedWork {
    /// Something that is out was changed.
    Changed,
    /// All was as it should be.
    Unchanged,
    /// It is done already: the message came twice.
    Already,
    /// The time was over; a message says to go on.
    Continues,
}

/// What a worker of publishing has around it.
#[derive(Clone, Copy)]
pub(crate) struct Worker<'a> {
    pub(crate) call: &'a Call,
    pub(crate) clock: Clock<'a>,
    /// What the work is done for: an event of the outbox, or a job.
    pub(crate) by: &'a str,
}

impl App {
    /// Asks for the publication that an outbox row owes. A message that is lost is sent again by the sweep.
    pub(crate) async fn ask_to_publish(&self, event: &EventId) {
        let message = Message::Owed { event: event.clone(), after: None };
        if let Err(error) = self.queues.send(Queue::Publish, message.to_json()).await {
            tracing::warn!(event.id = %event, error = &error as &dyn std::error::Error, "the sweep will ask for the publication");
        }
    }

    /// Does what an outbox row owes, and takes it out.
    ///
    /// # Errors
    /// Only those after which the same message can succeed; the row stays due.
    pub async fn publish_owed(
        &self,
        call: &Call,
        event: &EventId,
        after: Option<String>,
        clock: Clock<'_>,
        time_left: TimeLeft<'_>,
    ) -> Result<PublishedWork, AppError> {
        let Some(row) = self.catalog.outbox_row(event).await? else { return Ok(PublishedWork::Already) };
        let worker = Worker { call, clock, by: event.as_str() };
        let changed = match &row.work {
            Work::Publish { mms_id } => {
                let published = self.publish_title(worker, mms_id).await?;
                let renewed = published.reminded && *event == EventId::reminder(mms_id);
                if !renewed {
                    self.catalog.settle(event).await?;
                }
                return Ok(if published.changed() {
                    PublishedWork::Changed
                } else {
                    PublishedWork::Unchanged
                });
            }
            Work::PublishPolicy { policy } => self.publish_uses(worker, policy, after, time_left).await?,
            Work::PublishCollection { collection } => {
                self.publish_members(worker, collection, after, time_left).await?
            }
            Work::PublishMembers { set, titles } => self.publish_moved(worker, set, titles).await?,
            Work::PublishSet { set } => self.publish_set(worker, set, after, time_left).await?,
            // Not ours: whoever wrote the row knows what to do with it.
            _ => return Ok(PublishedWork::Already),
        };
        match changed {
            Spread::Done { changed } => {
                self.catalog.settle(event).await?;
                Ok(if changed { PublishedWork::Changed } else { PublishedWork::Unchanged })
            }
            Spread::OutOfTime { after } => {
                let message = Message::Owed { event: event.clone(), after: Some(after) };
                self.queues.send(Queue::Publish, message.to_json()).await?;
                Ok(PublishedWork::Continues)
            }
        }
    }

    /// The titles of which a representation names a policy.
    async fn publish_uses(
        &self,
        worker: Worker<'_>,
        policy: &PolicyId,
        after: Option<String>,
        time_left: TimeLeft<'_>,
    ) -> Result<Spread, AppError> {
        let mut page = PageRequest { limit: PAGE, offset: 0, after };
        let mut changed = false;
        loop {
            let uses = self.catalog.uses_of_policy(policy, &page).await?;
            let ids: Vec<_> = uses.items.into_iter().map(|one| one.representation).collect();
            let named = self.catalog.representations(&ids).await?;
            let mut titles: Vec<MmsId> = named.into_iter().map(|one| one.mms_id).collect();
            titles.sort_unstable();
            titles.dedup();
            changed |= self.publish_each(worker, &titles).await?;
            match uses.next {
                None => return Ok(Spread::Done { changed }),
                Some(after) if !time_left() => return Ok(Spread::OutOfTime { after }),
                Some(after) => page.after = Some(after),
            }
        }
    }

    /// The titles of a collection. Each collection below it is owed on its own.
    async fn publish_members(
        &self,
        worker: Worker<'_>,
        collection: &CollectionId,
        after: Option<String>,
        time_left: TimeLeft<'_>,
    ) -> Result<Spread, AppError> {
        let mut page = PageRequest { limit: PAGE, offset: 0, after };
        let mut changed = false;
        loop {
            let members = self.catalog.members_of(collection, &page).await?;
            let titles: Vec<MmsId> = members.items.into_iter().map(|one| one.mms_id).collect();
            changed |= self.publish_each(worker, &titles).await?;
            match members.next {
                None => break,
                Some(after) if !time_left() => return Ok(Spread::OutOfTime { after }),
                Some(after) => page.after = Some(after),
            }
        }
        let mut page = PageRequest { limit: PAGE, ..PageRequest::default() };
        loop {
            let below = self.catalog.children_of(Some(collection), &page).await?;
            for child in below.items {
                let row = self.owe_collection(worker.call, child.id);
                self.catalog.remind(&row).await?;
                self.ask_to_publish(&row.id).await;
            }
            match below.next {
                None => return Ok(Spread::Done { changed }),
                next => page.after = next,
            }
        }
    }

    /// An outbox row for the titles of a collection.
    pub(crate) fn owe_collection(&self, call: &Call, collection: CollectionId) -> OutboxRow {
        self.owe(call, Work::PublishCollection { collection }, call.after_seconds(DUE_AGAIN_SECONDS))
    }

    /// An outbox row for titles that come into a set or leave it.
    pub(crate) fn owe_members(&self, call: &Call, set: SetId, titles: Vec<MmsId>) -> OutboxRow {
        self.owe(call, Work::PublishMembers { set, titles }, call.after_seconds(DUE_AGAIN_SECONDS))
    }

    /// An outbox row for the titles of a set.
    pub(crate) fn owe_set(&self, call: &Call, set: SetId) -> OutboxRow {
        self.owe(call, Work::PublishSet { set }, call.after_seconds(DUE_AGAIN_SECONDS))
    }

    /// An outbox row for the titles that a policy governs.
    pub(crate) fn owe_policy(&self, call: &Call, policy: PolicyId) -> OutboxRow {
        self.owe(call, Work::PublishPolicy { policy }, call.after_seconds(DUE_AGAIN_SECONDS))
    }
}

/// After so many seconds a list of titles is looked at again, if nobody has come to its end.
const DUE_AGAIN_SECONDS: i64 = 15 * 60;

/// How a walk over a list of titles ended.
enum Spread {
    /// At its end; whether anything that is out was changed.
    Done { changed: bool },
    /// Before it, and where it goes on.
    OutOfTime { after: String },
}
