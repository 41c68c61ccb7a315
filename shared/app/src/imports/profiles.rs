//! Import profiles: create, read, list, change, copy, delete, their CSV template (I1, I2, I19).

use vitrine_domain::ids::ProfileId;
use vitrine_domain::import::profile::{ImportProfile, MatchMethod, OnMatch, ProfileSettings, SourceFormat};
use vitrine_domain::import::rules::MAX_RULES;
use vitrine_domain::outbox::{OutboxRow, Work};
use vitrine_domain::problem::Problems;
use vitrine_domain::roles::Action;
use vitrine_metadata::{rows, rules};
use vitrine_store::catalog::{Count, PageRequest};
use vitrine_store::keys::{self, Claim, Item};
use vitrine_store::{Change, Page};

use crate::bibs::check_version;
use crate::changes::copy_names;
use crate::{App, AppError, Call, Rule};

/// How many patterns of representations one profile has at most; each is one more in a row's transaction.
const MAX_PATTERNS: usize = 10;

impl App {
    /// The import profiles, by name, and how many there are.
    ///
    /// # Errors
    /// A caller without any staff role.
    pub async fn list_profiles(
        &self,
        call: &Call,
        page: &PageRequest,
    ) -> Result<(Page<ImportProfile>, Count), AppError> {
        call.actor.may(Action::ReadImports, None)?;
        Ok((self.catalog.import_profiles(page).await?, self.catalog.count_import_profiles().await?))
    }

    /// One import profile.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn read_profile(&self, call: &Call, id: &ProfileId) -> Result<ImportProfile, AppError> {
        call.actor.may(Action::ReadImports, None)?;
        self.profile(id).await
    }

    pub(crate) async fn profile(&self, id: &ProfileId) -> Result<ImportProfile, AppError> {
        self.catalog.import_profile(id).await?.ok_or_else(|| AppError::not_found("import profile", id))
    }

    /// Creates an import profile.
    ///
    /// # Errors
    /// Everything wrong with it at once; [`Rule::DuplicateProfileName`].
    pub async fn create_profile(
        &self,
        call: &Call,
        settings: ProfileSettings,
    ) -> Result<ImportProfile, AppError> {
        call.actor.may(Action::ManageImportProfiles, None)?;
        self.check_settings(&settings).await?;
        let profile = ImportProfile {
            id: self.minter.profile(call.now, self.random()),
            settings,
            created_by: call.actor.id.clone(),
            created_at: call.now,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            version: 0,
        };
        let mut change = self.change(call, "profile.create", None, Some(&profile));
        change.create(&profile)?;
        change.create(&name_claim(&profile))?;
        self.plan_next_run(call, &mut change, &profile)?;
        self.commit_named(call, change, Claim::KIND, taken(&profile)).await?;
        Ok(ImportProfile { version: 1, ..profile })
    }

    /// Copies an import profile under a name of its own, inactive and without a schedule.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn copy_profile(&self, call: &Call, id: &ProfileId) -> Result<ImportProfile, AppError> {
        let mut settings = self.profile(id).await?.settings;
        settings.details.active = false;
        settings.details.schedule = None;
        for name in copy_names(&settings.details.name) {
            settings.details.name = name;
            match self.create_profile(call, settings.clone()).await {
                Err(AppError::Rule(Rule::DuplicateProfileName(_))) => {}
                done => return done,
            }
        }
        Err(Rule::DuplicateProfileName(settings.details.name).into())
    }

    /// Changes an import profile. Runs that were submitted keep the settings that they were submitted with.
    ///
    /// # Errors
    /// As for creating, and [`AppError::Precondition`] when `expected` is another version than it has.
    pub async fn update_profile(
        &self,
        call: &Call,
        id: &ProfileId,
        settings: ProfileSettings,
        expected: Option<u64>,
    ) -> Result<ImportProfile, AppError> {
        call.actor.may(Action::ManageImportProfiles, None)?;
        let before = self.profile(id).await?;
        check_version("import profile", before.version, expected)?;
        self.check_settings(&settings).await?;
        let after = ImportProfile {
            settings,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            ..before.clone()
        };
        let mut change = self.change(call, "profile.update", Some(&before), Some(&after));
        change.replace(&after)?;
        change.rename(&[name_claim(&before)], &[name_claim(&after)])?;
        if before.settings.details.schedule != after.settings.details.schedule
            || before.settings.details.active != after.settings.details.active
        {
            self.plan_next_run(call, &mut change, &after)?;
        }
        self.commit_named(call, change, Claim::KIND, taken(&after)).await?;
        Ok(ImportProfile { version: before.version + 1, ..after })
    }

    /// Deletes an import profile that has no ingests.
    ///
    /// # Errors
    /// [`Rule::ProfileInUse`], [`AppError::Precondition`].
    pub async fn delete_profile(
        &self,
        call: &Call,
        id: &ProfileId,
        expected: Option<u64>,
    ) -> Result<(), AppError> {
        call.actor.may(Action::ManageImportProfiles, None)?;
        let before = self.profile(id).await?;
        check_version("import profile", before.version, expected)?;
        let one = PageRequest { limit: 1, ..PageRequest::default() };
        if !self.catalog.ingests_of(id, &one).await?.items.is_empty() {
            return Err(Rule::ProfileInUse.into());
        }
        let mut change = self.change(call, "profile.delete", Some(&before), None);
        change.remove(&before);
        change.rename(&[name_claim(&before)], &[])?;
        change.forget(OutboxRow::KIND, keys::outbox(&schedule_row(id)?));
        Ok(self.commit(call, change).await?)
    }

    /// The header of a metadata file for this profile, with every column that its reader knows.
    ///
    /// # Errors
    /// A profile that does not read tables.
    pub async fn profile_template(&self, call: &Call, id: &ProfileId) -> Result<String, AppError> {
        let profile = self.read_profile(call, id).await?;
        match profile.settings.details.source_format {
            SourceFormat::Csv | SourceFormat::Xlsx => {
                Ok(rows::template_csv(profile.settings.details.target_format))
            }
            other => Err(AppError::invalid("source_format", format!("is {other}, which has no columns"))),
        }
    }

    async fn check_settings(&self, settings: &ProfileSettings) -> Result<(), AppError> {
        let mut problems = check(settings);
        if self.catalog.collection(&settings.defaults.collection).await?.is_none() {
            problems.add("defaults.collection", "must be the id of a collection");
        }
        let libraries = self.catalog.libraries().await?;
        let known = |code| libraries.iter().any(|library| library.code == code);
        if !known(settings.defaults.library.clone()) {
            problems.add("defaults.library", "must be the code of a library");
        }
        if let Some(name) = &settings.defaults.access_rights
            && self.policy_named(name).await?.is_none()
        {
            problems.add("defaults.access_rights", "must be the name of an access rights policy");
        }
        for (index, pattern) in settings.defaults.representations.iter().enumerate() {
            if pattern.library.clone().is_some_and(|code| !known(code)) {
                problems.add(
                    &format!("defaults.representations[{index}].library"),
                    "must be the code of a library",
                );
            }
        }
        Ok(problems.into_result()?)
    }

    /// Writes, or takes out, the outbox row that is due when the profile runs next by itself.
    pub(crate) fn plan_next_run(
        &self,
        call: &Call,
        change: &mut Change,
        profile: &ImportProfile,
    ) -> Result<(), AppError> {
        let details = &profile.settings.details;
        let next =
            details.schedule.as_ref().filter(|_| details.active).and_then(|it| it.next_after(call.now));
        let id = schedule_row(&profile.id)?;
        match next {
            Some(due_at) => {
                let work = Work::RunProfile { profile: profile.id.clone() };
                change.put(&OutboxRow { id, ..self.owe(call, work, due_at) })?;
            }
            None => change.forget(OutboxRow::KIND, keys::outbox(&id)),
        }
        Ok(())
    }
}

/// The one outbox row of a profile's schedule: its id follows from the profile's.
pub(crate) fn schedule_row(profile: &ProfileId) -> Result<vitrine_domain::ids::EventId, AppError> {
    format!("61{}", profile.as_str()).parse().map_err(|_| AppError::not_found("import profile", profile))
}

fn taken(profile: &ImportProfile) -> Rule {
    Rule::DuplicateProfileName(profile.settings.details.name.clone())
}

fn name_claim(profile: &ImportProfile) -> Claim {
    let name = profile.settings.details.name.trim().to_lowercase();
    Claim { name: format!("PROFILE#{name}"), holder: profile.id.to_string(), job: None, version: 0 }
}

/// What can be said about settings without looking anything up.
fn check(settings: &ProfileSettings) -> Problems {
    let mut problems = Problems::default();
    let details = &settings.details;
    problems.check_text("details.name", &details.name, 255);
    if details.description.chars().count() > 1000 {
        problems.add("details.description", "must not be longer than 1000 characters");
    }
    if details.metadata_file.is_empty()
        || details.metadata_file.len() > 255
        || details.metadata_file.contains('/')
    {
        problems.add(
            "details.metadata_file",
            "must be a file name of the folder's top, or a pattern such as `*.xml`",
        );
    }
    if let Some(schedule) = &details.schedule {
        schedule.check("details.schedule", &mut problems);
    }
    let format = details.target_format;
    let normalization = &settings.normalization;
    for (field, length) in [
        ("normalization.filter", normalization.filter.len()),
        ("normalization.steps", normalization.steps.len()),
        ("normalization.checks", normalization.checks.len()),
        ("matching.protected", settings.matching.protected.len()),
        ("defaults.file_fields", settings.defaults.file_fields.len()),
    ] {
        if length > MAX_RULES {
            problems.add(field, format!("must not be more than {MAX_RULES}"));
        }
    }
    for (field, message) in rules::check_rules(format, settings) {
        problems.add(&field, message);
    }
    if settings.matching.method == MatchMethod::None && settings.matching.on_match == OnMatch::FilesOnly {
        problems.add("matching.method", "must not be NONE where files are added to titles that are there");
    }
    if settings.defaults.representations.len() > MAX_PATTERNS {
        problems.add("defaults.representations", format!("must not be more than {MAX_PATTERNS}"));
    }
    problems
}
