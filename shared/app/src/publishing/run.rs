//! Runs of publishing profiles: every title it may concern, page by page, then what is out and may not belong there, then
//! files. Every step can be killed and done again.

use std::collections::HashSet;

use futures_util::stream::{self, StreamExt};
use vitrine_domain::Timestamp;
use vitrine_domain::bib::BibRecord;
use vitrine_domain::ids::{CollectionId, JobId, MmsId, PublishingId};
use vitrine_domain::job::{Job, JobStatus, JobWork};
use vitrine_domain::outbox::SHARDS;
use vitrine_domain::publishing::profile::{
    PublishingProfile, PublishingSettings, RECORDS_A_FILE, SelectionKind, TargetKind,
};
use vitrine_domain::publishing::published::{LOG_SHARDS, scope_of, stamp_at};
use vitrine_domain::publishing::run::{FilesStep, PublishCounts, PublishRun, PublishStep};
use vitrine_store::catalog::PageRequest;
use vitrine_store::published::{Row, Window};

use super::title::TitlePublished;
use super::{PAGE, Worker};
use crate::run_job::{Around, Next};
use crate::{App, AppError, Call};

/// How many titles of a page are published side by side.
const SIDE_BY_SIDE: usize = 16;
/// How many collections below those of a selection are known at once.
const MAX_COLLECTIONS: usize = 10_000;

impl App {
    pub(crate) async fn publish_step(
        &self,
        call: &Call,
        job: &Job,
        run: &PublishRun,
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        let profile = self.catalog.publishing_profile(&run.profile).await?;
        match (&run.step, profile) {
            (PublishStep::Titles { shard, after }, Some(profile)) if profile.settings.active => {
                self.run_titles(call, job, run, &profile.settings, (*shard, after.clone()), around).await
            }
            // It was deactivated or deleted on the way.
            (PublishStep::Titles { .. }, _) => {
                self.save_step(call, job, PublishStep::Rest { shard: 0, after: None }, |_| {}).await
            }
            (PublishStep::Rest { shard, after }, profile) => {
                self.run_rest(call, job, run, profile.as_ref(), (*shard, after.as_deref()), around).await
            }
            (PublishStep::Files(files), Some(profile)) => {
                self.run_files(call, job, run, files, &profile).await
            }
            (PublishStep::Files(_), None) => {
                let reason = Some("the publishing profile was deleted".to_owned());
                let ended = self.end_job(call, job, JobStatus::Failed, reason).await?;
                Ok(Next::GoOn(Box::new(ended)))
            }
            (PublishStep::End, _) => {
                let status = match run.counts {
                    PublishCounts { failed: 1.., .. } => JobStatus::CompletedWithErrors,
                    counts if counts.titles() == 0 && run.files.is_empty() => JobStatus::CompletedNoBulks,
                    _ => JobStatus::CompletedSuccess,
                };
                let ended = self.end_job(call, job, status, None).await?;
                Ok(Next::GoOn(Box::new(ended)))
            }
        }
    }

    /// A page of the list of titles.
    async fn run_titles(
        &self,
        call: &Call,
        job: &Job,
        run: &PublishRun,
        settings: &PublishingSettings,
        (shard, after): (u8, Option<String>),
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        let below = self.collections_of(settings).await?;
        let page = PageRequest { limit: PAGE, offset: 0, after };
        let found = self.catalog.titles(shard, &page).await?;
        // The list may lag behind a membership; whoever changed that has owed the title's publication.
        let concerned = |bib: &BibRecord| {
            below.as_ref().is_none_or(|below| bib.collections.iter().any(|id| below.contains(id)))
        };
        let titles: Vec<MmsId> = found.items.into_iter().filter(concerned).map(|bib| bib.mms_id).collect();
        let by = format!("{} titles {}", job.id, job.attempt);
        let counts = self.publish_page(call, &by, &titles, around, true).await?;
        let step = match (found.next, shard + 1) {
            (Some(after), _) => PublishStep::Titles { shard, after: Some(after) },
            (None, next) if next < SHARDS => PublishStep::Titles { shard: next, after: None },
            (None, _) if below.is_some() => PublishStep::Rest { shard: 0, after: None },
            (None, _) => self.behind_titles(run, call.now).await?,
        };
        self.save_step(call, job, step, |run| run.counts.merge(&counts)).await
    }

    /// A page of the profile's own log: titles that may not belong there any more.
    async fn run_rest(
        &self,
        call: &Call,
        job: &Job,
        run: &PublishRun,
        profile: Option<&PublishingProfile>,
        (shard, after): (u8, Option<&str>),
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        let scope = scope_of(&run.profile);
        let window = Window {
            scope: &scope,
            shard,
            from: None,
            // What was out when the run was asked for is dated a little later at most.
            until: stamp_at(stamp_at(run.asked_at)),
            after,
            limit: PAGE,
            format: None,
        };
        let (rows, more) = self.catalog.published_rows(&window).await?;
        let last = rows.last().map(Row::sort_key);
        let titles: Vec<MmsId> = rows.into_iter().filter(|row| !row.deleted).map(|row| row.mms_id).collect();
        let by = format!("{} rest {}", job.id, job.attempt);
        let counts = self.publish_page(call, &by, &titles, around, false).await?;
        let step = match (more, shard + 1) {
            (true, _) => PublishStep::Rest { shard, after: last },
            (false, next) if next < LOG_SHARDS => PublishStep::Rest { shard: next, after: None },
            (false, _) if profile.is_some() => self.behind_titles(run, call.now).await?,
            (false, _) => PublishStep::End,
        };
        self.save_step(call, job, step, |run| run.counts.merge(&counts)).await
    }

    /// What comes after the titles: files, where the profile writes some.
    async fn behind_titles(&self, run: &PublishRun, now: Timestamp) -> Result<PublishStep, AppError> {
        let profile = self.catalog.publishing_profile(&run.profile).await?;
        Ok(match profile {
            Some(profile) if profile.settings.target.kind != TargetKind::Oai => {
                files_step(&profile, run.full, now)
            }
            _ => PublishStep::End,
        })
    }

    /// Publishes a page of titles. `all` counts those that are as they were, too.
    async fn publish_page(
        &self,
        call: &Call,
        by: &str,
        titles: &[MmsId],
        around: Around<'_>,
        all: bool,
    ) -> Result<PublishCounts, AppError> {
        let worker = Worker { call, clock: around.clock, by };
        let mut ended = stream::iter(titles)
            .map(|mms| async move { (mms, self.publish_title(worker, mms).await) })
            .buffer_unordered(SIDE_BY_SIDE);
        let mut counts = PublishCounts::default();
        while let Some((mms, one)) = ended.next().await {
            match one {
                Ok(TitlePublished { withdrawn: true, put_out: false, .. }) => counts.withdrawn += 1,
                Ok(one) if one.changed() => counts.published += 1,
                Ok(_) => counts.unchanged += u64::from(all),
                Err(AppError::Internal(error)) => {
                    tracing::error!(bib.id = %mms, error = &*error as &dyn std::error::Error, "title can not be published");
                    counts.failed += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(counts)
    }

    /// The collections whose titles a profile publishes; `None` for all titles.
    async fn collections_of(
        &self,
        settings: &PublishingSettings,
    ) -> Result<Option<HashSet<CollectionId>>, AppError> {
        if settings.selection.kind == SelectionKind::Everything {
            return Ok(None);
        }
        let mut found: HashSet<CollectionId> = settings.selection.collections.iter().cloned().collect();
        if settings.selection.with_subcollections {
            let mut open: Vec<CollectionId> = settings.selection.collections.clone();
            while let Some(collection) = open.pop() {
                let mut page = PageRequest { limit: PAGE, ..PageRequest::default() };
                loop {
                    let below = self.catalog.children_of(Some(&collection), &page).await?;
                    for child in below.items {
                        if found.len() < MAX_COLLECTIONS && found.insert(child.id.clone()) {
                            open.push(child.id);
                        }
                    }
                    match below.next {
                        None => break,
                        next => page.after = next,
                    }
                }
            }
        }
        Ok(Some(found))
    }

    /// Saves a run's next step.
    pub(super) async fn save_step(
        &self,
        call: &Call,
        job: &Job,
        step: PublishStep,
        adjust: impl FnOnce(&mut PublishRun),
    ) -> Result<Next, AppError> {
        let mut after = Job { status: JobStatus::Running, ..job.clone() };
        if let JobWork::Publish(run) = &mut after.work {
            run.step = step;
            adjust(run);
            after.rows = run.counts.titles();
        }
        Ok(Next::GoOn(Box::new(self.save_job(call, job, after).await?)))
    }
}

/// The writing of files, from where the run before ended or from the beginning.
pub(super) fn files_step(profile: &PublishingProfile, full: bool, now: Timestamp) -> PublishStep {
    PublishStep::Files(FilesStep {
        from: profile.delivered.until.filter(|_| !full),
        // Whatever is out already is dated before this.
        until: stamp_at(now),
        shard: 0,
        after: None,
        parts: 0,
    })
}

/// Where a file of a run is kept.
pub(super) fn file_key(profile: &PublishingId, job: &JobId, name: &str) -> String {
    format!("publishing/{profile}/{job}/{name}")
}

/// How many records one file takes.
pub(super) fn records_a_file(settings: &PublishingSettings) -> u64 {
    u64::from(settings.target.records_per_file.unwrap_or(RECORDS_A_FILE))
}
