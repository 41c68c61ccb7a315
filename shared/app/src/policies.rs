//! Access rights policies: create, read, list, change, copy, delete, and where they are used (A1).

use vitrine_domain::ids::PolicyId;
use vitrine_domain::problem::Problems;
use vitrine_domain::representation::Representation;
use vitrine_domain::rights::condition::{Input, Operator};
use vitrine_domain::rights::{AccessRightsPolicy, PolicyDraft, PolicySettings};
use vitrine_domain::roles::Action;
use vitrine_store::catalog::{Count, PageRequest};
use vitrine_store::keys::{self, Claim, Item, PolicyUse};
use vitrine_store::{Change, Page, StoreError};

use crate::bibs::check_version;
use crate::changes::copy_names;
use crate::{App, AppError, Call, Rule};

impl App {
    /// The access rights policies, by name, and how many there are.
    ///
    /// # Errors
    /// A caller without any staff role.
    pub async fn list_policies(
        &self,
        call: &Call,
        page: &PageRequest,
    ) -> Result<(Page<AccessRightsPolicy>, Count), AppError> {
        call.actor.may(Action::ReadPolicies, None)?;
        Ok((self.catalog.policies(page).await?, self.catalog.count_policies().await?))
    }

    /// One access rights policy.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn read_policy(&self, call: &Call, id: &PolicyId) -> Result<AccessRightsPolicy, AppError> {
        call.actor.may(Action::ReadPolicies, None)?;
        self.policy(id).await
    }

    pub(crate) async fn policy(&self, id: &PolicyId) -> Result<AccessRightsPolicy, AppError> {
        self.catalog.policy(id).await?.ok_or_else(|| AppError::not_found("access rights policy", id))
    }

    /// Creates an access rights policy.
    ///
    /// # Errors
    /// Everything wrong with it at once; [`Rule::DuplicatePolicyName`].
    pub async fn create_policy(
        &self,
        call: &Call,
        draft: PolicyDraft,
    ) -> Result<AccessRightsPolicy, AppError> {
        call.actor.may(Action::ManagePolicies, None)?;
        let settings = self.understand(draft).await?;
        self.store_new_policy(call, settings).await
    }

    async fn store_new_policy(
        &self,
        call: &Call,
        settings: PolicySettings,
    ) -> Result<AccessRightsPolicy, AppError> {
        let policy = AccessRightsPolicy {
            id: self.minter.policy(call.now, self.random()),
            settings,
            created_by: call.actor.id.clone(),
            created_at: call.now,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            version: 0,
        };
        let mut change = self.change(call, "policy.create", None, Some(&policy));
        change.create(&policy)?;
        change.create(&name_claim(&policy))?;
        self.commit_named(call, change, Claim::KIND, taken(&policy)).await?;
        Ok(AccessRightsPolicy { version: 1, ..policy })
    }

    /// Copies an access rights policy under a name of its own.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn copy_policy(&self, call: &Call, id: &PolicyId) -> Result<AccessRightsPolicy, AppError> {
        call.actor.may(Action::ManagePolicies, None)?;
        let mut settings = self.policy(id).await?.settings;
        for name in copy_names(&settings.name) {
            settings.name = name;
            match self.store_new_policy(call, settings.clone()).await {
                Err(AppError::Rule(Rule::DuplicatePolicyName(_))) => {}
                done => return done,
            }
        }
        Err(Rule::DuplicatePolicyName(settings.name).into())
    }

    /// Changes an access rights policy. It holds from the next request on, for all that name it.
    ///
    /// # Errors
    /// As for creating, and [`AppError::Precondition`] when `expected` is another version than it has.
    pub async fn update_policy(
        &self,
        call: &Call,
        id: &PolicyId,
        draft: PolicyDraft,
        expected: Option<u64>,
    ) -> Result<AccessRightsPolicy, AppError> {
        call.actor.may(Action::ManagePolicies, None)?;
        let before = self.policy(id).await?;
        check_version("access rights policy", before.version, expected)?;
        let after = AccessRightsPolicy {
            settings: self.understand(draft).await?,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            ..before.clone()
        };
        let mut change = self.change(call, "policy.update", Some(&before), Some(&after));
        change.replace(&after)?;
        change.rename(&[name_claim(&before)], &[name_claim(&after)])?;
        // What everybody may see of the titles that it governs may change.
        let owed = self.owe_policy(call, after.id.clone());
        change.create(&owed)?;
        self.commit_named(call, change, Claim::KIND, taken(&after)).await?;
        self.ask_to_publish(&owed.id).await;
        Ok(AccessRightsPolicy { version: before.version + 1, ..after })
    }

    /// Deletes an access rights policy that no representation names.
    ///
    /// A representation that is given the policy in the same instant can be left with it: what names a policy that is
    /// not there is shown to nobody but staff.
    ///
    /// # Errors
    /// [`Rule::PolicyInUse`] with how many do, [`AppError::Precondition`].
    pub async fn delete_policy(
        &self,
        call: &Call,
        id: &PolicyId,
        expected: Option<u64>,
    ) -> Result<(), AppError> {
        call.actor.may(Action::ManagePolicies, None)?;
        let before = self.policy(id).await?;
        check_version("access rights policy", before.version, expected)?;
        if self.catalog.is_policy_used(id).await? {
            let count = self.catalog.count_uses_of_policy(id).await?;
            return Err(Rule::PolicyInUse(shown(count)).into());
        }
        let mut change = self.change(call, "policy.delete", Some(&before), None);
        change.remove(&before);
        change.rename(&[name_claim(&before)], &[])?;
        Ok(self.commit(call, change).await?)
    }

    /// The representations that name a policy, and how many do.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn list_policy_representations(
        &self,
        call: &Call,
        id: &PolicyId,
        page: &PageRequest,
    ) -> Result<(Page<Representation>, Count), AppError> {
        call.actor.may(Action::ReadPolicies, None)?;
        self.policy(id).await?;
        let uses = self.catalog.uses_of_policy(id, page).await?;
        let ids: Vec<_> = uses.items.into_iter().map(|it| it.representation).collect();
        let mut found = self.catalog.representations(&ids).await?;
        found.retain(|representation| representation.removal.is_none());
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Ok((Page { items: found, next: uses.next }, self.catalog.count_uses_of_policy(id).await?))
    }

    /// The policy of a name, for rows of imports; case and outer spaces do not count.
    pub(crate) async fn policy_named(&self, name: &str) -> Result<Option<PolicyId>, AppError> {
        let claim = self.catalog.claim(&claimed(name)).await?;
        Ok(claim.and_then(|claim| claim.holder.parse().ok()))
    }

    /// Refuses the id of a policy that is not there.
    pub(crate) async fn check_policy(&self, id: Option<&PolicyId>) -> Result<(), AppError> {
        match id {
            Some(id) if self.catalog.policy(id).await?.is_none() => {
                Err(AppError::invalid("access_rights_policy_id", "must be the id of an access rights policy"))
            }
            _ => Ok(()),
        }
    }

    /// Understands a draft and looks up what it names.
    pub(crate) async fn understand(&self, draft: PolicyDraft) -> Result<PolicySettings, AppError> {
        let settings = draft.into_settings(&self.settings.time_zone)?;
        let mut problems = Problems::default();
        let mut known = None;
        for (number, rule) in settings.rules.iter().enumerate() {
            for (index, condition) in rule.inputs.iter().enumerate() {
                let part = matches!(condition.operator(), Operator::Contains | Operator::NotContains);
                if condition.input() != Input::Library || part {
                    continue;
                }
                let libraries = match known.take() {
                    Some(libraries) => libraries,
                    None => self.catalog.libraries().await?,
                };
                for (at, value) in condition.values().iter().enumerate() {
                    if !libraries.iter().any(|library| library.code.as_str() == value) {
                        let field = format!("rules.{number}.inputs.{index}.values.{at}");
                        problems.add(&field, "must be the code of a library");
                    }
                }
                known = Some(libraries);
            }
        }
        problems.into_result()?;
        Ok(settings)
    }
}

/// Notes with a change of a representation which policy it names now.
pub(crate) fn note_policy_use(
    change: &mut Change,
    before: Option<&Representation>,
    after: Option<&Representation>,
) -> Result<(), StoreError> {
    let used = |it: Option<&Representation>| {
        let it = it.filter(|it| it.removal.is_none())?;
        Some((it.fields.access_rights_policy_id.clone()?, it.id.clone()))
    };
    let (old, new) = (used(before), used(after));
    if old == new {
        return Ok(());
    }
    if let Some((policy, representation)) = old {
        change.forget(PolicyUse::KIND, keys::policy_use(&policy, &representation));
    }
    if let Some((policy, representation)) = new {
        change.put(&PolicyUse { policy, representation })?;
    }
    Ok(())
}

/// Notes with the removal of a representation that it uses no policy any more.
pub(crate) fn forget_policy_use(change: &mut Change, removed: &Representation) {
    if let Some(policy) = &removed.fields.access_rights_policy_id {
        change.forget(PolicyUse::KIND, keys::policy_use(policy, &removed.id));
    }
}

fn claimed(name: &str) -> String {
    format!("POLICY#{}", name.trim().to_lowercase())
}

fn name_claim(policy: &AccessRightsPolicy) -> Claim {
    Claim { name: claimed(&policy.settings.name), holder: policy.id.to_string(), job: None, version: 0 }
}

fn taken(policy: &AccessRightsPolicy) -> Rule {
    Rule::DuplicatePolicyName(policy.settings.name.clone())
}

fn shown(count: Count) -> String {
    match count {
        // The list lags behind the table for a moment.
        Count { number: 0, .. } => "1 representation".to_owned(),
        Count { number: 1, at_least: false } => "1 representation".to_owned(),
        Count { number, at_least: false } => format!("{number} representations"),
        Count { number, at_least: true } => format!("{number} representations or more"),
    }
}
