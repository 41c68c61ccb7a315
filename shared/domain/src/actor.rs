//! A caller and what it may do.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::coded::Coded;
use crate::ids::{KeyId, UserId};
use crate::library::LibraryCode;
use crate::roles::{Action, Role};

/// A role held, for the institution or for one library (R6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// The library it is limited to; `None` is the whole institution.
    pub library: Option<LibraryCode>,
}

/// A user known to the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The name shown to staff.
    pub name: String,
    /// The roles held.
    pub grants: Vec<Grant>,
    /// User groups, which access rights policies speak of.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Campuses, likewise.
    #[serde(default)]
    pub campuses: Vec<String>,
    /// Courses in which the user is enrolled, likewise.
    #[serde(default)]
    pub courses: Vec<String>,
    /// A user that is switched off is refused as if the token were wrong.
    pub active: bool,
    /// How many times it was written.
    pub version: u64,
}

coded!(
    /// What an API key may do at all.
    KeyPermission, "API key permission" {
        /// Only actions that read.
        ReadOnly = "READ_ONLY": "Read-only",
        /// All that its roles allow.
        ReadWrite = "READ_WRITE": "Read/write",
    }
);
use crate::coded;

/// An API key as stored: its hash, never the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The public id, for lists and for revoking.
    pub id: KeyId,
    /// SHA-256 of the key, in hex.
    pub hash: String,
    /// What it is for, in the librarian's words.
    pub name: String,
    /// What it may do at all.
    pub permission: KeyPermission,
    /// The roles held, like a user's.
    pub grants: Vec<Grant>,
    /// A revoked key is refused.
    pub active: bool,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: jiff::Timestamp,
    /// How many times it was written.
    pub version: u64,
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The id that the audit row names: a user's, or `key:` and a key's id.
    pub id: UserId,
    /// The roles held.
    pub grants: Vec<Grant>,
    /// User groups.
    pub groups: Vec<String>,
    /// Campuses.
    pub campuses: Vec<String>,
    /// Courses.
    pub courses: Vec<String>,
    /// Whether the caller came with a read-only key.
    pub read_only: bool,
    /// The address that the gateway saw; never one that the client claims (B36).
    pub source_ip: Option<IpAddr>,
}

/// Why a caller may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A role is missing.
    #[error("`{}` needs the role {}{}", .action.code(), names(.one_of), .library.as_ref().map(|code| format!(" for library `{code}`")).unwrap_or_default())]
    MissingRole {
        /// What was tried.
        action: Action,
        /// Any one of these would do.
        one_of: &'static [Role],
        /// The library in which it is missing.
        library: Option<LibraryCode>,
    },
    /// The key may only read (R7).
    #[error("`{}` changes data and this API key is read-only", .0.code())]
    ReadOnlyKey(Action),
}

fn names(roles: &[Role]) -> String {
    let names: Vec<_> = roles.iter().map(|role| role.description()).collect();
    names.join(" or ")
}

impl Actor {
    /// The actor of events and schedules, which holds every staff role.
    pub fn system() -> Self {
        Self::new(UserId::system(), Vec::new())
    }

    /// An actor of whom nothing is known but its roles.
    pub fn new(id: UserId, grants: Vec<Grant>) -> Self {
        Self {
            id,
            grants,
            groups: Vec::new(),
            campuses: Vec::new(),
            courses: Vec::new(),
            read_only: false,
            source_ip: None,
        }
    }

    /// Whether the caller holds any staff role anywhere.
    pub fn is_staff(&self) -> bool {
        self.grants.iter().any(|grant| grant.role.is_staff())
    }

    fn holds(&self, roles: &[Role], library: Option<&LibraryCode>) -> bool {
        self.grants.iter().any(|grant| {
            roles.contains(&grant.role)
                && match (&grant.library, library) {
                    (None, _) => true,
                    (Some(held), Some(wanted)) => held == wanted,
                    (Some(_), None) => false,
                }
        })
    }

    /// Decides whether the caller may do `action` to something that belongs to `library`.
    ///
    /// `None` is something of the institution as a whole: a role held for one library does not reach it, except for
    /// reading the catalogue, its history, its use and imports, which any staff role allows. Source: domain.md section 1, R1-R7.
    ///
    /// # Errors
    /// The first requirement that is not met.
    pub fn may(&self, action: Action, library: Option<&LibraryCode>) -> Result<(), Refusal> {
        if self.read_only && !action.is_read() {
            return Err(Refusal::ReadOnlyKey(action));
        }
        let for_all_staff =
            [Action::ReadCatalogue, Action::ReadImports, Action::ReadHistory, Action::ReadUsage];
        if for_all_staff.contains(&action) && self.is_staff() {
            return Ok(());
        }
        for group in action.needs() {
            if !self.holds(group, library) {
                return Err(Refusal::MissingRole { action, one_of: group, library: library.cloned() });
            }
        }
        Ok(())
    }

    /// Decides whether the caller may do `action` in at least one library, for things that no library owns
    /// (a bib record) and for answering "what may I do".
    ///
    /// # Errors
    /// The first requirement that is met nowhere.
    pub fn may_somewhere(&self, action: Action) -> Result<(), Refusal> {
        if self.read_only && !action.is_read() {
            return Err(Refusal::ReadOnlyKey(action));
        }
        for group in action.needs() {
            if !self.grants.iter().any(|grant| group.contains(&grant.role)) {
                return Err(Refusal::MissingRole { action, one_of: group, library: None });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(grants: &[(Role, Option<&str>)]) -> Actor {
        let grants = grants
            .iter()
            .map(|(role, library)| Grant { role: *role, library: library.map(|code| code.parse().unwrap()) });
        Actor::new("tester".parse().unwrap(), grants.collect())
    }

    fn check(grants: &[(Role, Option<&str>)], action: Action, library: Option<&str>, allowed: bool) {
        let library: Option<LibraryCode> = library.map(|code| code.parse().unwrap());
        assert_eq!(
            actor(grants).may(action, library.as_ref()).is_ok(),
            allowed,
            "{grants:?} {action} {library:?}"
        );
    }

    #[test]
    fn r1_editing_a_file_needs_the_inventory_role() {
        check(&[(Role::DigitalInventoryOperator, None)], Action::UpdateFile, Some("MAIN"), true);
        check(&[(Role::Cataloger, None)], Action::UpdateFile, Some("MAIN"), false);
        check(&[], Action::UpdateFile, Some("MAIN"), false);
    }

    #[test]
    fn r2_deleting_needs_the_extended_role() {
        check(&[(Role::DigitalInventoryOperator, None)], Action::DeleteFile, Some("MAIN"), false);
        check(&[(Role::DigitalInventoryOperatorExtended, None)], Action::DeleteFile, Some("MAIN"), true);
    }

    #[test]
    fn r3_a_new_representation_needs_both_roles() {
        let inventory = (Role::DigitalInventoryOperator, None);
        let collection = (Role::CollectionInventoryOperator, None);
        check(&[inventory], Action::CreateRepresentation, Some("MAIN"), false);
        check(&[collection], Action::CreateRepresentation, Some("MAIN"), false);
        check(&[inventory, collection], Action::CreateRepresentation, Some("MAIN"), true);
    }

    #[test]
    fn r4_top_level_collections_need_extended_and_plain() {
        let plain = (Role::CollectionInventoryOperator, None);
        let extended = (Role::CollectionInventoryOperatorExtended, None);
        check(&[plain], Action::CreateTopCollection, Some("MAIN"), false);
        check(&[extended], Action::CreateTopCollection, Some("MAIN"), false);
        check(&[plain, extended], Action::CreateTopCollection, Some("MAIN"), true);
        check(&[plain], Action::CreateSubCollection, Some("MAIN"), true);
    }

    #[test]
    fn r5_only_the_deposit_manager_defines_profiles() {
        for role in Role::ALL {
            check(&[(*role, None)], Action::ManageDepositProfiles, None, *role == Role::DepositManager);
        }
        for role in [Role::DepositOperator, Role::DepositOperatorExtended, Role::GeneralSystemAdministrator] {
            check(&[(role, None)], Action::ReviewDeposits, None, true);
        }
        check(&[(Role::Cataloger, None)], Action::ReviewDeposits, None, false);
    }

    #[test]
    fn r6_a_role_for_one_library_does_not_reach_another() {
        let scoped = (Role::DigitalInventoryOperator, Some("MAIN"));
        check(&[scoped], Action::UpdateFile, Some("MAIN"), true);
        check(&[scoped], Action::UpdateFile, Some("LAW"), false);
        check(&[scoped], Action::UpdateFile, None, false);
    }

    #[test]
    fn r7_a_read_only_key_changes_nothing() {
        let mut reader =
            actor(&[(Role::DigitalInventoryOperatorExtended, None), (Role::CatalogManager, None)]);
        reader.read_only = true;
        for action in Action::ALL.iter().filter(|action| !action.is_read()) {
            assert_eq!(reader.may(*action, None), Err(Refusal::ReadOnlyKey(*action)));
        }
        assert!(reader.may(Action::ReadCatalogue, None).is_ok());
    }

    #[test]
    fn a_refusal_names_the_missing_role() {
        let refusal = actor(&[]).may(Action::DeleteFile, Some(&"MAIN".parse().unwrap())).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "`file.delete` needs the role Digital Inventory Operator Extended for library `MAIN`"
        );
    }
}
