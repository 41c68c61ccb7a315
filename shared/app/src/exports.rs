//! Exports: defined, run by hand or by their schedule, and what they wrote (S17; B13).

use vitrine_domain::actor::Actor;
use vitrine_domain::export::{
    Export, ExportFile, ExportRun, ExportSettings, ExportStep, ExportTitles, Written,
};
use vitrine_domain::ids::{ExportId, JobId, UserId};
use vitrine_domain::job::{Job, JobWork};
use vitrine_domain::outbox::{OutboxRow, Work};
use vitrine_domain::roles::Action;
use vitrine_domain::set::{SetContent, TitleScope};
use vitrine_store::catalog::{Count, PageRequest};
use vitrine_store::keys::{self, Item};
use vitrine_store::objects::{Bucket, Disposition, SignedGet, SignedRequest};
use vitrine_store::{Change, CommitError, Page};

use crate::bibs::check_version;
use crate::{App, AppError, Call, Rule};

/// How late a planned run may begin, in seconds; one that would be later is missed, and a person decides.
const MAX_LATE_SECONDS: i64 = 60 * 60;
/// How long a signed link to a file of an export lives, in seconds.
const LINK_SECONDS: u64 = 60 * 60;

/// The folder of a run in the bucket of published files: a bag (RFC 8493), or one with an OCFL storage root in `data/`.
pub(crate) fn folder(job: &JobId) -> String {
    format!("exports/{job}/")
}

impl App {
    /// The exports, by name, and how many there are.
    ///
    /// # Errors
    /// A caller without any staff role.
    pub async fn list_exports(
        &self,
        call: &Call,
        page: &PageRequest,
    ) -> Result<(Page<Export>, Count), AppError> {
        call.actor.may(Action::ReadExports, None)?;
        Ok((self.catalog.exports(page).await?, self.catalog.count_exports().await?))
    }

    /// One export.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn read_export(&self, call: &Call, id: &ExportId) -> Result<Export, AppError> {
        call.actor.may(Action::ReadExports, None)?;
        self.export(id).await
    }

    async fn export(&self, id: &ExportId) -> Result<Export, AppError> {
        self.catalog.export(id).await?.ok_or_else(|| AppError::not_found("export", id))
    }

    /// Creates an export; its schedule holds from now on.
    ///
    /// # Errors
    /// Everything wrong with it at once; a set that the caller does not see.
    pub async fn create_export(&self, call: &Call, settings: ExportSettings) -> Result<Export, AppError> {
        self.check_export(call, &settings).await?;
        let mut export = Export {
            id: self.minter.export(call.now, self.random()),
            settings,
            last_job: None,
            last_planned: None,
            missed: None,
            next_run: None,
            created_by: call.actor.id.clone(),
            created_at: call.now,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            version: 0,
        };
        export.next_run = next_run(call, &export);
        let mut change = self.change(call, "export.create", None, Some(&export));
        change.create(&export)?;
        self.plan_export(call, &mut change, &export)?;
        self.catalog.commit(&change).await?;
        Ok(Export { version: 1, ..export })
    }

    /// Changes an export; runs that have begun go on as they were meant.
    ///
    /// # Errors
    /// As for creating; [`AppError::Precondition`] when `expected` is another version than it has.
    pub async fn update_export(
        &self,
        call: &Call,
        id: &ExportId,
        settings: ExportSettings,
        expected: Option<u64>,
    ) -> Result<Export, AppError> {
        call.actor.may(Action::ManageExports, None)?;
        let before = self.export(id).await?;
        check_version("export", before.version, expected)?;
        self.check_export(call, &settings).await?;
        let mut after =
            Export { settings, modified_by: call.actor.id.clone(), modified_at: call.now, ..before.clone() };
        if after.settings.schedule != before.settings.schedule {
            after.next_run = next_run(call, &after);
            after.missed = None;
        }
        let mut change = self.change(call, "export.update", Some(&before), Some(&after));
        change.replace(&after)?;
        self.plan_export(call, &mut change, &after)?;
        self.catalog.commit(&change).await?;
        Ok(Export { version: before.version + 1, ..after })
    }

    /// Deletes an export; its runs and what they wrote stay.
    ///
    /// # Errors
    /// [`AppError::Precondition`].
    pub async fn delete_export(
        &self,
        call: &Call,
        id: &ExportId,
        expected: Option<u64>,
    ) -> Result<(), AppError> {
        call.actor.may(Action::ManageExports, None)?;
        let before = self.export(id).await?;
        check_version("export", before.version, expected)?;
        let mut change = self.change(call, "export.delete", Some(&before), None);
        change.remove(&before);
        change.forget(OutboxRow::KIND, keys::outbox(&schedule_row(id)?));
        Ok(self.catalog.commit(&change).await?)
    }

    async fn check_export(&self, call: &Call, settings: &ExportSettings) -> Result<(), AppError> {
        call.actor.may(Action::ManageExports, None)?;
        settings.check()?;
        if let ExportTitles::Set { set } = &settings.titles {
            let found = match self.set_for(call, set).await {
                Err(AppError::NotFound { .. }) => {
                    return Err(AppError::invalid("set", "must be the id of a set"));
                }
                found => found?,
            };
            if found.settings.content != SetContent::Titles {
                return Err(Rule::NotTitles.into());
            }
        }
        // Bytes go out with it: whoever defines that may download them one by one too.
        if settings.include_files {
            call.actor.may(Action::DownloadFile, None)?;
        }
        Ok(())
    }

    /// Runs an export now.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when it, or its set, is not there any more.
    pub async fn run_export(&self, call: &Call, id: &ExportId) -> Result<Job, AppError> {
        call.actor.may(Action::ManageExports, None)?;
        let before = self.export(id).await?;
        if before.settings.include_files {
            call.actor.may(Action::DownloadFile, None)?;
        }
        if let ExportTitles::Set { set } = &before.settings.titles {
            self.set_for(call, set).await?;
        }
        let job = self.job_of_export(call, &before, self.minter.job(call.now, self.random())).await?;
        let after = Export { last_job: Some(job.id.clone()), missed: None, ..before.clone() };
        let mut change = self.change(call, "export.run", Some(&before), Some(&after));
        change.create(&job)?;
        change.replace(&after)?;
        self.watch_job(call, &mut change, &job)?;
        self.catalog.commit(&change).await?;
        self.send_job(&job).await;
        Ok(Job { version: 1, ..job })
    }

    async fn job_of_export(&self, call: &Call, export: &Export, id: JobId) -> Result<Job, AppError> {
        let settings = &export.settings;
        let scope = match &settings.titles {
            ExportTitles::Everything => TitleScope::Everything,
            ExportTitles::Ids { ids } => TitleScope::Ids { ids: ids.clone() },
            ExportTitles::Set { set } => {
                let found = self.catalog.set(set).await?;
                TitleScope::Set { set: Box::new(found.ok_or_else(|| AppError::not_found("set", set))?) }
            }
        };
        let run = ExportRun {
            export: export.id.clone(),
            scope,
            format: settings.format,
            layout: settings.layout,
            records_per_file: settings.records_per_file,
            changed_since: settings.changed_since,
            include_files: settings.include_files,
            written: Written::default(),
            step: ExportStep::Titles(vitrine_domain::export::Place::default()),
        };
        let work = JobWork::Export(Box::new(run));
        Ok(Job::new(id, work, settings.name.clone(), &call.actor, call.now, self.mint_event(call)))
    }

    /// An export's planned instant has come: begins its run, and plans the next one, in one transaction. However often
    /// this is done, an instant has one run; one that was looked at far too late has none, and shows as missed (B13).
    pub(crate) async fn run_planned_export(
        &self,
        call: &Call,
        row: &OutboxRow,
        id: &ExportId,
    ) -> Result<bool, AppError> {
        let Some(before) = self.catalog.export(id).await? else { return Ok(false) };
        let Some(planned) = before.next_run.filter(|_| before.settings.schedule.is_some()) else {
            return Ok(false);
        };
        if planned > call.now {
            // The row is of a schedule that was changed meanwhile; its own is beside it under the same id.
            return Ok(true);
        }
        let actor = Actor::new(UserId::system(), Vec::new());
        let call = &Call { actor, ..call.clone() };
        let late = call.now.as_second() - planned.as_second() > MAX_LATE_SECONDS;
        let mut after = Export { last_planned: Some(planned), ..before.clone() };
        after.next_run = next_run(call, &after);
        let mut change = self.change(call, "export.schedule", Some(row), None);
        let seed = crate::run_import::seed(&[id.as_str(), &planned.to_string()]);
        let mut begun = None;
        match (late, self.job_of_export(call, &before, self.derived_job(planned, seed)).await) {
            (false, Ok(job)) => {
                change.create(&job)?;
                self.watch_job(call, &mut change, &job)?;
                after.last_job = Some(job.id.clone());
                begun = Some(job);
            }
            (false, Err(error @ AppError::Unavailable(_))) => return Err(error),
            (_, answer) => {
                let why =
                    answer.err().map_or_else(|| "it was looked at too late".to_owned(), |it| it.to_string());
                tracing::error!(export.id = %id, planned = %planned, why, "a planned export was missed");
                after.missed = Some(planned);
            }
        }
        change.replace(&after)?;
        self.plan_export(call, &mut change, &after)?;
        match self.catalog.commit(&change).await {
            Ok(()) => {}
            // Another sweep began this run; what it wrote holds.
            Err(CommitError::Exists(kind)) if kind == Job::KIND => return Ok(true),
            Err(error) => return Err(error.into()),
        }
        if let Some(job) = begun {
            self.send_job(&job).await;
        }
        Ok(true)
    }

    fn derived_job(&self, planned: vitrine_domain::Timestamp, seed: u128) -> JobId {
        self.minter.derived_job(planned, u64::try_from(seed % 100_000_000).unwrap_or(0))
    }

    /// Writes, or takes out, the outbox row that is due when the export runs next by itself.
    fn plan_export(&self, call: &Call, change: &mut Change, export: &Export) -> Result<(), AppError> {
        let id = schedule_row(&export.id)?;
        match export.next_run {
            Some(due_at) => {
                let work = Work::RunExport { export: export.id.clone() };
                change.put(&OutboxRow { id, ..self.owe(call, work, due_at) })?;
            }
            None => change.forget(OutboxRow::KIND, keys::outbox(&id)),
        }
        Ok(())
    }

    /// The metadata files that a run wrote, in order, each with a signed link.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a job that is no export.
    pub async fn list_export_files(
        &self,
        call: &Call,
        id: &JobId,
        page: &PageRequest,
    ) -> Result<Page<(ExportFile, SignedRequest)>, AppError> {
        call.actor.may(Action::ManageExports, None)?;
        let job = self.job(id).await?;
        let JobWork::Export(run) = &job.work else { return Err(AppError::not_found("export", id)) };
        let found = self.catalog.files_of_export(id, page).await?;
        let mut items = Vec::with_capacity(found.items.len());
        for file in found.items {
            let key = format!("{}data/{}", folder(id), file.name);
            let name = file.name.rsplit('/').next().unwrap_or(&file.name);
            let link = self.link(call, &key, name, run.format.ending_and_type().1).await?;
            items.push((file, link));
        }
        Ok(Page { items, next: found.next })
    }

    /// A signed link to one file of a run's folder, by its path in it.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn export_file_link(
        &self,
        call: &Call,
        id: &JobId,
        path: &str,
    ) -> Result<SignedRequest, AppError> {
        call.actor.may(Action::ManageExports, None)?;
        let job = self.job(id).await?;
        let JobWork::Export(_) = &job.work else { return Err(AppError::not_found("export", id)) };
        let odd =
            path.len() > 800 || path.split('/').any(|part| part.is_empty() || part == "." || part == "..");
        let key = format!("{}{path}", folder(id));
        if odd || self.objects.head(Bucket::Published, &key, None).await?.is_none() {
            return Err(AppError::not_found(
                "file of this export",
                path.chars().take(200).collect::<String>(),
            ));
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        self.link(call, &key, name, "application/octet-stream").await
    }

    async fn link(
        &self,
        call: &Call,
        key: &str,
        file_name: &str,
        mime: &str,
    ) -> Result<SignedRequest, AppError> {
        let get = SignedGet {
            bucket: Bucket::Published,
            key,
            version: None,
            file_name,
            mime,
            disposition: Disposition::Attachment,
            seconds: LINK_SECONDS,
        };
        Ok(self.objects.presign_get(get, call.now).await?)
    }
}

fn next_run(call: &Call, export: &Export) -> Option<vitrine_domain::Timestamp> {
    export.settings.schedule.as_ref().and_then(|schedule| schedule.next_after(call.now))
}

/// The one outbox row of an export's schedule: its id follows from the export's.
fn schedule_row(export: &ExportId) -> Result<vitrine_domain::ids::EventId, AppError> {
    format!("61{}", export.as_str()).parse().map_err(|_| AppError::not_found("export", export))
}
