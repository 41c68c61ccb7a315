//! Runs of publishing profiles: every title it may concern, page by page, then what is out and may not belong there, then
//! files. Every step can be killed and done again.

use futures_util::stream::{self, StreamExt};
use vitrine_domain::Timestamp;
use vitrine_domain::ids::{JobId, MmsId, PublishingId};
use vitrine_domain::job::{Job, JobStatus, JobWork};
use vitrine_domain::publishing::profile::{
    PublishingProfile, PublishingSettings, RECORDS_A_FILE, Selection, SelectionKind,
};
use vitrine_domain::publishing::published::stamp_at;
use vitrine_domain::publishing::run::{FilesStep, PublishCounts, PublishRun, PublishStep};
use vitrine_domain::set::TitleScope;

use super::title::TitlePublished;
use super::{PAGE, Worker};
use crate::run_job::{Around, Next};
use crate::set_walk::{GONE, WalkPage};
use crate::{App, AppError, Call};

/// How many titles of a page are published side by side.
const SIDE_BY_SIDE: usize = 16;

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
            (PublishStep::Titles { after }, Some(profile)) if profile.settings.active => {
                let selection = &profile.settings.selection;
                self.run_titles(call, job, run, selection, after.as_deref(), around).await
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
            (PublishStep::Send(_), Some(profile)) => self.send_files(call, job, &profile, around).await,
            (PublishStep::Files(_) | PublishStep::Send(_), None) => {
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

    /// A page of the titles that the profile selects.
    async fn run_titles(
        &self,
        call: &Call,
        job: &Job,
        run: &PublishRun,
        selection: &Selection,
        after: Option<&str>,
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        // Lists may lag behind a change; whoever made that has owed the title's publication.
        let found = match self.scope_of_selection(selection).await? {
            Some(scope) => self.titles_page(&scope, after, PAGE).await?,
            None => WalkPage::default(),
        };
        let titles: Vec<MmsId> = found.items.into_iter().map(|bib| bib.mms_id).collect();
        let by = format!("{} titles {}", job.id, job.attempt);
        let mut counts = self.publish_page(call, &by, &titles, around, true).await?;
        counts.failed += found.skipped.iter().filter(|it| it.reason != GONE).count() as u64;
        let step = match found.next {
            Some(after) => PublishStep::Titles { after: Some(after) },
            None if selection.kind == SelectionKind::Everything => self.behind_titles(run, call.now).await?,
            None => PublishStep::Rest { shard: 0, after: None },
        };
        self.save_step(call, job, step, |run| run.counts.merge(&counts)).await
    }

    /// The titles that a selection is about; `None` for a set that is not there any more.
    async fn scope_of_selection(&self, selection: &Selection) -> Result<Option<TitleScope>, AppError> {
        Ok(match (selection.kind, selection.named_set()) {
            (SelectionKind::Everything, _) => Some(TitleScope::Everything),
            (SelectionKind::Collections, _) => Some(TitleScope::Rule { rule: Box::new(selection.rule()) }),
            (SelectionKind::Set, None) => None,
            (SelectionKind::Set, Some(id)) => {
                self.catalog.set(id).await?.map(|set| TitleScope::Set { set: Box::new(set) })
            }
        })
    }

    /// A page of what the profile has out: titles that may not belong there any more.
    async fn run_rest(
        &self,
        call: &Call,
        job: &Job,
        run: &PublishRun,
        profile: Option<&PublishingProfile>,
        (shard, after): (u8, Option<&str>),
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        // What was out when the run was asked for is dated a little later at most.
        let until = stamp_at(stamp_at(run.asked_at));
        let (titles, next) = self.what_is_out(&run.profile, shard, after, until).await?;
        let by = format!("{} rest {}", job.id, job.attempt);
        let counts = self.publish_page(call, &by, &titles, around, false).await?;
        let step = match next {
            Some((shard, after)) => PublishStep::Rest { shard, after },
            None if profile.is_some() => self.behind_titles(run, call.now).await?,
            None => PublishStep::End,
        };
        self.save_step(call, job, step, |run| run.counts.merge(&counts)).await
    }

    /// What comes after the titles: files, where the profile writes some.
    async fn behind_titles(&self, run: &PublishRun, now: Timestamp) -> Result<PublishStep, AppError> {
        let profile = self.catalog.publishing_profile(&run.profile).await?;
        Ok(match profile {
            Some(profile) if !profile.settings.target.kind.follows() => files_step(&profile, run.full, now),
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
