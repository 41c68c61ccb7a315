//! Publishing profiles: create, read, list, change, copy, delete, run, and try out on one title (S13).

use vitrine_domain::ids::{EventId, JobId, MmsId, PublishingId};
use vitrine_domain::job::{Job, JobWork};
use vitrine_domain::outbox::{OutboxRow, Work};
use vitrine_domain::publishing::delivery::Delivery;
use vitrine_domain::publishing::profile::{
    Delivered, MAX_PROFILES, MAX_WEBHOOKS, PublishingProfile, PublishingSettings, Rendition, SelectionKind,
    TargetKind,
};
use vitrine_domain::publishing::repository::{OaiRepository, OaiSettings};
use vitrine_domain::publishing::run::{PublishCounts, PublishRun, PublishStep};
use vitrine_domain::roles::Action;
use vitrine_domain::set::SetContent;
use vitrine_store::keys::{self, Claim, Item};
use vitrine_store::objects::{Bucket, Disposition, SignedGet, SignedRequest};
use vitrine_store::{Change, StoreError};

use super::run::{file_key, files_step};
use super::webhook::new_secret;
use crate::bibs::check_version;
use crate::changes::copy_names;
use crate::{App, AppError, Call, Rule};

/// The longest password or private key.
const MAX_SECRET: usize = 16 * 1024;
/// How long a signed link to a published file lives, in seconds.
const LINK_SECONDS: u64 = 10 * 60;

impl App {
    /// The publishing profiles, by name.
    ///
    /// # Errors
    /// A caller without any staff role.
    pub async fn list_publishing(&self, call: &Call) -> Result<Vec<PublishingProfile>, AppError> {
        call.actor.may(Action::ReadPublishing, None)?;
        let mut found = self.catalog.publishing_profiles().await?;
        found.sort_by_key(|profile| profile.settings.name.to_lowercase());
        Ok(found)
    }

    /// One publishing profile.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn read_publishing(
        &self,
        call: &Call,
        id: &PublishingId,
    ) -> Result<PublishingProfile, AppError> {
        call.actor.may(Action::ReadPublishing, None)?;
        self.publishing(id).await
    }

    pub(super) async fn publishing(&self, id: &PublishingId) -> Result<PublishingProfile, AppError> {
        let found = self.catalog.publishing_profile(id).await?;
        found.ok_or_else(|| AppError::not_found("publishing profile", id))
    }

    /// Creates a publishing profile. An active set is filled at once.
    ///
    /// # Errors
    /// Everything wrong with it at once; [`Rule::DuplicatePublishing`], [`Rule::TooManyPublishing`].
    pub async fn create_publishing(
        &self,
        call: &Call,
        settings: PublishingSettings,
    ) -> Result<PublishingProfile, AppError> {
        call.actor.may(Action::ManagePublishing, None)?;
        self.check_publishing(call, &settings).await?;
        let others = self.catalog.publishing_profiles().await?;
        let alike = others.iter().filter(|it| it.settings.target.kind == TargetKind::Webhook).count();
        if settings.target.kind == TargetKind::Webhook && alike >= MAX_WEBHOOKS {
            return Err(Rule::TooManyPublishing(MAX_WEBHOOKS).into());
        }
        if others.len() >= MAX_PROFILES {
            return Err(Rule::TooManyPublishing(MAX_PROFILES).into());
        }
        let profile = PublishingProfile {
            id: self.minter.publishing(call.now, self.random()),
            settings,
            delivered: Delivered::default(),
            secret_at: None,
            created_by: call.actor.id.clone(),
            created_at: call.now,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            version: 0,
        };
        let mut change = self.change(call, "publishing.create", None, Some(&profile));
        change.create(&profile)?;
        for claim in claims(&profile) {
            change.create(&claim)?;
        }
        self.plan_publishing(call, &mut change, &profile)?;
        if profile.settings.set_spec().is_some() {
            self.write_sets(&mut change, |repository| repository.list(&profile, true)).await?;
        }
        let follows = profile.settings.target.kind.follows();
        let job = (follows && profile.settings.active).then(|| self.new_publish_job(call, &profile, false));
        self.write_with_job(call, change, job, taken(&profile)).await?;
        Ok(PublishingProfile { version: 1, ..profile })
    }

    /// Copies a publishing profile under a name of its own, inactive and without a schedule; a set under a name of its own
    /// too.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn copy_publishing(
        &self,
        call: &Call,
        id: &PublishingId,
    ) -> Result<PublishingProfile, AppError> {
        call.actor.may(Action::ManagePublishing, None)?;
        let mut settings = self.publishing(id).await?.settings;
        settings.active = false;
        settings.schedule = None;
        let spec = settings.target.set_spec.clone();
        for (number, name) in copy_names(&settings.name).enumerate() {
            settings.name = name;
            settings.target.set_spec = spec
                .as_ref()
                .map(|spec| format!("{}-copy{}", spec.chars().take(90).collect::<String>(), number + 1));
            match self.create_publishing(call, settings.clone()).await {
                Err(AppError::Rule(Rule::DuplicatePublishing(_))) => {}
                done => return done,
            }
        }
        Err(Rule::DuplicatePublishing(settings.name).into())
    }

    /// Changes a publishing profile. Where it publishes other things then, or otherwise, its set is run through at once,
    /// and its files begin with everything again.
    ///
    /// # Errors
    /// As for creating, and [`AppError::Precondition`] when `expected` is another version than it has.
    pub async fn update_publishing(
        &self,
        call: &Call,
        id: &PublishingId,
        settings: PublishingSettings,
        expected: Option<u64>,
    ) -> Result<PublishingProfile, AppError> {
        call.actor.may(Action::ManagePublishing, None)?;
        let before = self.publishing(id).await?;
        check_version("publishing profile", before.version, expected)?;
        self.check_publishing(call, &settings).await?;
        if settings.target.kind != before.settings.target.kind {
            return Err(AppError::invalid("target.kind", "can not be changed; copy the profile instead"));
        }
        let alike = settings.publishes_like(&before.settings);
        let after = PublishingProfile {
            settings,
            delivered: if alike { before.delivered.clone() } else { Delivered::default() },
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            ..before.clone()
        };
        let mut change = self.change(call, "publishing.update", Some(&before), Some(&after));
        change.replace(&after)?;
        change.rename(&claims(&before), &claims(&after))?;
        self.plan_publishing(call, &mut change, &after)?;
        if after.settings.set_spec().is_some() {
            self.write_sets(&mut change, |repository| repository.list(&after, true)).await?;
        }
        let job = (after.settings.target.kind.follows() && !alike)
            .then(|| self.new_publish_job(call, &after, false));
        self.write_with_job(call, change, job, taken(&after)).await?;
        Ok(PublishingProfile { version: before.version + 1, ..after })
    }

    /// Deletes a publishing profile that is not active. What it published stays known as deleted.
    ///
    /// # Errors
    /// [`Rule::PublishingActive`], [`AppError::Precondition`].
    pub async fn delete_publishing(
        &self,
        call: &Call,
        id: &PublishingId,
        expected: Option<u64>,
    ) -> Result<(), AppError> {
        call.actor.may(Action::ManagePublishing, None)?;
        let before = self.publishing(id).await?;
        check_version("publishing profile", before.version, expected)?;
        if before.settings.active {
            return Err(Rule::PublishingActive.into());
        }
        let mut change = self.change(call, "publishing.delete", Some(&before), None);
        change.remove(&before);
        change.rename(&claims(&before), &[])?;
        change.forget(OutboxRow::KIND, keys::outbox(&EventId::schedule(id)));
        change.forget(Delivery::KIND, keys::delivery(id));
        self.commit(call, change).await?;
        if before.secret_at.is_some() {
            self.secrets.forget_of_profile(id.as_str()).await?;
        }
        Ok(())
    }

    /// Makes a secret of a webhook, in the place of the one that it had; it is shown this once.
    ///
    /// # Errors
    /// [`Rule::NoSecret`] where the target is none that is signed for.
    pub async fn renew_secret(&self, call: &Call, id: &PublishingId) -> Result<String, AppError> {
        call.actor.may(Action::ManagePublishing, None)?;
        let before = self.publishing(id).await?;
        if before.settings.target.kind != TargetKind::Webhook {
            return Err(Rule::NoSecret.into());
        }
        let after = PublishingProfile { secret_at: Some(call.now), ..before.clone() };
        self.replace(call, "publishing.secret", &before, &after).await?;
        let secret = new_secret(&|| self.random());
        self.secrets.set_of_profile(id.as_str(), &secret).await?;
        self.ask_to_deliver(id, 0).await;
        Ok(secret)
    }

    /// Sets what a server lets us in with: a password, or a private key without a passphrase.
    ///
    /// # Errors
    /// [`Rule::NoSecret`] where no files are sent anywhere.
    pub async fn set_secret(&self, call: &Call, id: &PublishingId, secret: &str) -> Result<(), AppError> {
        call.actor.may(Action::ManagePublishing, None)?;
        if secret.trim().is_empty() || secret.len() > MAX_SECRET {
            return Err(AppError::invalid("secret", "must be 1 to 16384 characters"));
        }
        let before = self.publishing(id).await?;
        if before.settings.target.sftp.is_none() {
            return Err(Rule::NoSecret.into());
        }
        let after = PublishingProfile { secret_at: Some(call.now), ..before.clone() };
        self.replace(call, "publishing.secret", &before, &after).await?;
        Ok(self.secrets.set_of_profile(id.as_str(), secret).await?)
    }

    /// How far a webhook has been told; none before it was told anything.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn delivery_of(&self, profile: &PublishingProfile) -> Result<Option<Delivery>, AppError> {
        match profile.settings.target.kind {
            TargetKind::Webhook => Ok(self.catalog.delivery(&profile.id).await?),
            _ => Ok(None),
        }
    }

    /// Starts a run: of a set through all its titles; of files through what changed since the run before, or with `full`
    /// through everything.
    ///
    /// # Errors
    /// [`Rule::PublishingInactive`] for files.
    pub async fn run_publishing(&self, call: &Call, id: &PublishingId, full: bool) -> Result<Job, AppError> {
        call.actor.may(Action::ManagePublishing, None)?;
        let profile = self.publishing(id).await?;
        if !profile.settings.active && !profile.settings.target.kind.follows() {
            return Err(Rule::PublishingInactive.into());
        }
        let job = self.new_publish_job(call, &profile, full);
        let change = self.change(call, "publishing.run", None, Some(&job));
        self.start_job(call, change, &job).await?;
        Ok(Job { version: 1, ..job })
    }

    /// The record of a title as a profile would publish it now.
    ///
    /// # Errors
    /// [`Rule::NotPublished`] where nothing of the title would be published at all.
    pub async fn preview_publishing(
        &self,
        call: &Call,
        id: &PublishingId,
        mms: &MmsId,
        format: Option<Rendition>,
    ) -> Result<String, AppError> {
        call.actor.may(Action::ReadPublishing, None)?;
        let mut profile = self.publishing(id).await?;
        // A preview is also for a profile that is not switched on yet.
        profile.settings.active = true;
        let profiles = [profile];
        let facts = self.title_facts(call, mms, &profiles).await?.ok_or(Rule::NotPublished)?;
        let mut wanted = facts.wanted(self, &profiles)?;
        let [profile] = &profiles;
        let mut wanted = wanted.remove(profile.id.as_str()).ok_or(Rule::NotPublished)?;
        let format = format.or_else(|| profile.settings.renditions().first().copied());
        let record = format.and_then(|format| wanted.records.remove(&format));
        record.ok_or_else(|| AppError::invalid("metadata_prefix", "is no format of the profile"))
    }

    /// The files of a run with a signed link each, the manifest first.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a job that is no run of the profile.
    pub async fn publishing_files(
        &self,
        call: &Call,
        id: &PublishingId,
        job: &JobId,
    ) -> Result<(Job, Vec<(String, SignedRequest)>), AppError> {
        call.actor.may(Action::ManagePublishing, None)?;
        let found = self.job(job).await?;
        let JobWork::Publish(run) = &found.work else { return Err(AppError::not_found("run", job)) };
        if run.profile != *id {
            return Err(AppError::not_found("run", job));
        }
        let mut names: Vec<String> = run.files.iter().map(|file| file.name.clone()).collect();
        if matches!(run.step, PublishStep::Send(_) | PublishStep::End) && !names.is_empty() {
            names.insert(0, "manifest.json".to_owned());
        }
        let mut links = Vec::with_capacity(names.len());
        for name in names {
            let key = file_key(id, job, &name);
            let mime = if name.ends_with(".json") { "application/json" } else { "application/xml" };
            let get = SignedGet {
                bucket: Bucket::Published,
                key: &key,
                version: None,
                file_name: &name,
                mime,
                disposition: Disposition::Attachment,
                seconds: LINK_SECONDS,
            };
            links.push((name.clone(), self.objects.presign_get(get, call.now).await?));
        }
        Ok((found, links))
    }

    /// The settings of the OAI-PMH repository, and their version.
    ///
    /// # Errors
    /// A caller without any staff role.
    pub async fn read_oai_settings(&self, call: &Call) -> Result<(OaiSettings, u64), AppError> {
        call.actor.may(Action::ReadPublishing, None)?;
        let repository = self.repository().await?;
        Ok((repository.settings, repository.version))
    }

    /// Changes the settings of the OAI-PMH repository.
    ///
    /// # Errors
    /// Everything wrong with them at once; [`AppError::Precondition`].
    pub async fn update_oai_settings(
        &self,
        call: &Call,
        settings: OaiSettings,
        expected: Option<u64>,
    ) -> Result<(OaiSettings, u64), AppError> {
        call.actor.may(Action::ManagePublishing, None)?;
        settings.check().into_result()?;
        let before = self.repository().await?;
        check_version("OAI-PMH repository", before.version, expected)?;
        let after = OaiRepository { settings, ..before.clone() };
        // The key is nobody's to read, in the history neither.
        let shown = |it: &OaiRepository| OaiRepository { key: String::new(), ..it.clone() };
        let mut change = self.change(call, "oai.update", Some(&shown(&before)), Some(&shown(&after)));
        put_repository(&mut change, &after)?;
        self.commit(call, change).await?;
        Ok((after.settings, before.version + 1))
    }

    /// The repository, or the one that there will be.
    async fn repository(&self) -> Result<OaiRepository, AppError> {
        let found = self.catalog.oai_repository().await?;
        Ok(found.unwrap_or_else(|| OaiRepository {
            settings: OaiSettings::of_institution(&self.settings.institution),
            sets: Vec::new(),
            key: (0..4).map(|_| format!("{:016x}", self.random())).collect(),
            version: 0,
        }))
    }

    async fn write_sets(
        &self,
        change: &mut Change,
        edit: impl FnOnce(&mut OaiRepository),
    ) -> Result<(), AppError> {
        let mut repository = self.repository().await?;
        edit(&mut repository);
        put_repository(change, &repository)
    }

    async fn check_publishing(&self, call: &Call, settings: &PublishingSettings) -> Result<(), AppError> {
        let mut problems = settings.check();
        if settings.selection.kind == SelectionKind::Collections {
            let asked: Vec<_> = settings.selection.collections.iter().take(100).cloned().collect();
            let found = self.catalog.collections_each(&asked).await?;
            let found: Vec<_> = found.into_iter().collect::<Result<_, StoreError>>()?;
            for (at, id) in asked.iter().enumerate() {
                if !found.iter().any(|collection| collection.id == *id) {
                    problems.add(&format!("selection.collections.{at}"), "must be the id of a collection");
                }
            }
        }
        if let Some(Err(error)) = settings.target.url.as_deref().map(|url| self.egress.check(url)) {
            problems.add("target.url", error.to_string());
        }
        if let Some(id) = settings.selection.named_set() {
            match self.catalog.set(id).await?.filter(|set| set.is_seen_by(&call.actor.id)) {
                Some(set) if set.settings.content == SetContent::Titles => {}
                Some(_) => problems.add("selection.set", "must be a set of titles"),
                None => problems.add("selection.set", "must be the id of a set"),
            }
        }
        Ok(problems.into_result()?)
    }

    /// Writes, or takes out, the outbox row that is due when the profile runs next by itself.
    fn plan_publishing(
        &self,
        call: &Call,
        change: &mut Change,
        profile: &PublishingProfile,
    ) -> Result<(), AppError> {
        let id = EventId::schedule(&profile.id);
        if profile.settings.target.kind == TargetKind::Webhook {
            if profile.settings.active {
                let work = Work::Deliver { profile: profile.id.clone() };
                change.put(&OutboxRow { id, ..self.owe(call, work, call.now) })?;
            } else {
                change.forget(OutboxRow::KIND, keys::outbox(&id));
            }
            return Ok(());
        }
        let schedule = profile.settings.schedule.as_ref().filter(|_| profile.settings.active);
        match schedule.and_then(|schedule| schedule.next_after(call.now)) {
            Some(due_at) => {
                let work = Work::RunPublishing { profile: profile.id.clone() };
                change.put(&OutboxRow { id, ..self.owe(call, work, due_at) })?;
            }
            None => change.forget(OutboxRow::KIND, keys::outbox(&id)),
        }
        Ok(())
    }

    /// A run that waits for its first worker.
    pub(crate) fn new_publish_job(&self, call: &Call, profile: &PublishingProfile, full: bool) -> Job {
        let follows = profile.settings.target.kind.follows();
        let full = full || (!follows && profile.delivered.until.is_none());
        let step = match (follows || full, &profile.settings) {
            // What an inactive set holds is only to be withdrawn.
            (true, settings) if !settings.active => PublishStep::Rest { shard: 0, after: None },
            (true, _) => PublishStep::Titles { after: None },
            (false, _) => files_step(profile, false, call.now),
        };
        let run = PublishRun {
            profile: profile.id.clone(),
            full,
            asked_at: call.now,
            step,
            counts: PublishCounts::default(),
            files: Vec::new(),
        };
        Job::new(
            self.minter.job(call.now, self.random()),
            JobWork::Publish(Box::new(run)),
            format!("Publish: {}", profile.settings.name),
            &call.actor,
            call.now,
            self.mint_event(call),
        )
    }

    /// Writes a change that starts a job with it, and starts it.
    pub(crate) async fn start_job(&self, call: &Call, mut change: Change, job: &Job) -> Result<(), AppError> {
        change.create(job)?;
        self.watch_job(call, &mut change, job)?;
        self.commit(call, change).await?;
        self.send_job(job).await;
        Ok(())
    }

    async fn write_with_job(
        &self,
        call: &Call,
        mut change: Change,
        job: Option<Job>,
        taken: Rule,
    ) -> Result<(), AppError> {
        if let Some(job) = &job {
            change.create(job)?;
            self.watch_job(call, &mut change, job)?;
        }
        self.commit_named(call, change, Claim::KIND, taken).await?;
        if let Some(job) = &job {
            self.send_job(job).await;
        }
        Ok(())
    }
}

fn put_repository(change: &mut Change, repository: &OaiRepository) -> Result<(), AppError> {
    if repository.version == 0 {
        change.create(repository)?
    } else {
        change.replace(repository)?
    }
    Ok(())
}

/// What only one publishing profile can have: its name, and its set.
fn claims(profile: &PublishingProfile) -> Vec<Claim> {
    let claim = |name: String| Claim { name, holder: profile.id.to_string(), job: None, version: 0 };
    let mut all = vec![claim(format!("PUBLISHING#{}", profile.settings.name.trim().to_lowercase()))];
    all.extend(profile.settings.set_spec().map(|spec| claim(format!("OAISET#{spec}"))));
    all
}

fn taken(profile: &PublishingProfile) -> Rule {
    Rule::DuplicatePublishing(profile.settings.name.clone())
}
