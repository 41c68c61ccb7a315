//! Users, their roles, API keys, and what a caller may do (R1-R8).

use sha2::{Digest, Sha256};
use vitrine_domain::actor::{Actor, ApiKey, Grant, KeyPermission, User};
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::{KeyId, UserId};
use vitrine_domain::library::LibraryCode;
use vitrine_domain::problem::Problems;
use vitrine_domain::roles::{Action, Role};
use vitrine_store::Page;
use vitrine_store::catalog::{Count, PageRequest};

use crate::bibs::check_version;
use crate::changes::hex;
use crate::{App, AppError, Call};

/// The most roles that a user or a key can hold.
const MAX_GRANTS: usize = 200;
/// The most groups, and the most campuses, of a user.
const MAX_GROUPS: usize = 50;
/// The most courses in which a user is enrolled.
const MAX_COURSES: usize = 500;

/// What a caller sets on a user.
#[derive(Debug, Clone)]
pub struct UserInput {
    /// The name shown to staff.
    pub name: String,
    /// The roles.
    pub grants: Vec<Grant>,
    /// The user groups.
    pub groups: Vec<String>,
    /// The campuses.
    pub campuses: Vec<String>,
    /// The courses in which the user is enrolled.
    pub courses: Vec<String>,
    /// Whether the user may call at all.
    pub active: bool,
}

/// An action, and whether the caller may do it: everywhere, in some libraries, or which role is missing.
#[derive(Debug, Clone)]
pub struct Permission {
    /// The action.
    pub action: Action,
    /// For the whole institution.
    pub everywhere: bool,
    /// In these libraries.
    pub libraries: Vec<LibraryCode>,
    /// Any of these roles would be the next step; empty where the action is allowed somewhere.
    pub missing: Vec<Role>,
}

/// The hash under which a key is kept: SHA-256 in hex. Keys are random and long, so a slow hash would gain nothing.
pub fn hash_key(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

impl App {
    /// What a caller may do, action by action (complaint 20).
    pub fn permissions(&self, actor: &Actor) -> Vec<Permission> {
        let held: std::collections::BTreeSet<_> =
            actor.grants.iter().filter_map(|grant| grant.library.clone()).collect();
        let actions = Action::ALL.iter().map(|action| {
            let everywhere = actor.may(*action, None);
            let libraries: Vec<_> =
                held.iter().filter(|code| actor.may(*action, Some(code)).is_ok()).cloned().collect();
            let missing = match &everywhere {
                Err(vitrine_domain::actor::Refusal::MissingRole { one_of, .. }) if libraries.is_empty() => {
                    one_of.to_vec()
                }
                _ => Vec::new(),
            };
            Permission { action: *action, everywhere: everywhere.is_ok(), libraries, missing }
        });
        actions.collect()
    }

    /// Users, by id.
    ///
    /// # Errors
    /// A missing role.
    pub async fn list_users(&self, call: &Call, page: &PageRequest) -> Result<(Page<User>, Count), AppError> {
        call.actor.may(Action::ReadUsers, None)?;
        Ok((self.catalog.users(page).await?, self.catalog.count_users().await?))
    }

    /// One user; everyone may read themselves.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for others, whether there is such a user or not (R8).
    pub async fn read_user(&self, call: &Call, id: &UserId) -> Result<User, AppError> {
        if *id != call.actor.id && call.actor.may(Action::ReadUsers, None).is_err() {
            return Err(AppError::not_found("user", id));
        }
        self.catalog.user(id).await?.ok_or_else(|| AppError::not_found("user", id))
    }

    /// Creates a user or sets its name, roles and groups.
    ///
    /// # Errors
    /// A role for an unknown library, [`AppError::Precondition`].
    pub async fn put_user(
        &self,
        call: &Call,
        id: UserId,
        input: UserInput,
        expected: Option<u64>,
    ) -> Result<User, AppError> {
        call.actor.may(Action::ManageUsers, None)?;
        let mut problems = Problems::default();
        problems.check_text("name", &input.name, 255);
        for (field, names, most) in [
            ("user_group", &input.groups, MAX_GROUPS),
            ("campus", &input.campuses, MAX_GROUPS),
            ("course", &input.courses, MAX_COURSES),
        ] {
            if names.len() > most {
                problems.add(field, format!("must be at most {most}"));
            }
            for name in names {
                problems.check_text(field, name, 100);
            }
        }
        self.check_grants(&input.grants, &mut problems).await?;
        problems.into_result()?;
        let before = self.catalog.user(&id).await?;
        let version = before.as_ref().map_or(0, |user| user.version);
        check_version("user", version, expected)?;
        let after = User {
            id,
            name: input.name,
            grants: input.grants,
            groups: input.groups,
            campuses: input.campuses,
            courses: input.courses,
            active: input.active,
            version,
        };
        let mut change = self.change(call, "user.put", before.as_ref(), Some(&after));
        if version == 0 {
            change.create(&after)?;
        } else {
            change.replace(&after)?;
        }
        self.commit(call, change).await?;
        Ok(User { version: version + 1, ..after })
    }

    /// API keys, by their public id; the keys themselves are known to nobody.
    ///
    /// # Errors
    /// A missing role.
    pub async fn list_api_keys(
        &self,
        call: &Call,
        page: &PageRequest,
    ) -> Result<(Page<ApiKey>, Count), AppError> {
        call.actor.may(Action::ReadUsers, None)?;
        Ok((self.catalog.api_keys(page).await?, self.catalog.count_api_keys().await?))
    }

    /// Keeps a new API key by the hash of `key`, which the caller shows once and forgets.
    ///
    /// # Errors
    /// A role for an unknown library.
    pub async fn create_api_key(
        &self,
        call: &Call,
        name: &str,
        permission: KeyPermission,
        grants: Vec<Grant>,
        key: &str,
    ) -> Result<ApiKey, AppError> {
        call.actor.may(Action::ManageKeys, None)?;
        let mut problems = Problems::default();
        problems.check_text("name", name, 255);
        self.check_grants(&grants, &mut problems).await?;
        problems.into_result()?;
        let created = ApiKey {
            id: self.minter.key(call.now, self.random()),
            hash: hash_key(key),
            name: name.to_owned(),
            permission,
            grants,
            active: true,
            created_by: call.actor.id.clone(),
            created_at: call.now,
            version: 0,
        };
        let mut change = self.change(call, "key.create", None, Some(&created));
        change.create(&created)?;
        self.commit(call, change).await?;
        Ok(ApiKey { version: 1, ..created })
    }

    /// Revokes an API key; it is refused within a minute everywhere (B35).
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn revoke_api_key(&self, call: &Call, id: &KeyId) -> Result<(), AppError> {
        call.actor.may(Action::ManageKeys, None)?;
        let before = self.catalog.api_key(id).await?.ok_or_else(|| AppError::not_found("API key", id))?;
        if !before.active {
            return Ok(());
        }
        let after = ApiKey { active: false, ..before.clone() };
        let mut change = self.change(call, "key.revoke", Some(&before), Some(&after));
        change.replace(&after)?;
        Ok(self.commit(call, change).await?)
    }

    async fn check_grants(&self, grants: &[Grant], problems: &mut Problems) -> Result<(), AppError> {
        if grants.len() > MAX_GRANTS {
            problems.add("user_role", format!("must be at most {MAX_GRANTS} roles"));
        }
        let known = self.catalog.libraries().await?;
        for library in grants.iter().filter_map(|grant| grant.library.as_ref()) {
            if !known.iter().any(|found| found.code == *library) {
                problems.add("user_role", format!("there is no library `{library}`"));
            }
        }
        Ok(())
    }
}
