//! Who may manage what: the golden table role x action (domain.md section 1, R1-R8).
//!
//! An action names the groups of roles that it needs: one role of *each* group. `docs/roles.md` is rendered from here.

use crate::coded;
use crate::coded::Coded;

coded!(
    /// A role that a user or an API key can hold, for the institution or for one library.
    Role, "role" {
        /// Adds and edits representations and files.
        DigitalInventoryOperator = "DIGITAL_INVENTORY_OPERATOR": "Digital Inventory Operator",
        /// The same, and deletes them.
        DigitalInventoryOperatorExtended = "DIGITAL_INVENTORY_OPERATOR_EXTENDED": "Digital Inventory Operator Extended",
        /// Edits sub-collections; needed to add a representation, because a title must be in a collection.
        CollectionInventoryOperator = "COLLECTION_INVENTORY_OPERATOR": "Collection Inventory Operator",
        /// With the plain role: top-level collections, and deleting any.
        CollectionInventoryOperatorExtended = "COLLECTION_INVENTORY_OPERATOR_EXTENDED": "Collection Inventory Operator Extended",
        /// Creates and edits bib records.
        Cataloger = "CATALOGER": "Cataloger",
        /// The same, and deletes them.
        CatalogerExtended = "CATALOGER_EXTENDED": "Cataloger Extended",
        /// Manages the catalogue, imports and publishing.
        CatalogManager = "CATALOG_MANAGER": "Catalog Manager",
        /// Manages remote repositories, imports and publishing.
        RepositoryAdministrator = "REPOSITORY_ADMINISTRATOR": "Repository Administrator",
        /// Defines deposit profiles.
        DepositManager = "DEPOSIT_MANAGER": "Deposit Manager",
        /// Reviews deposits.
        DepositOperator = "DEPOSIT_OPERATOR": "Deposit Operator",
        /// Reviews and deletes deposits.
        DepositOperatorExtended = "DEPOSIT_OPERATOR_EXTENDED": "Deposit Operator Extended",
        /// Configures access rights, digitization and viewers.
        FulfillmentAdministrator = "FULFILLMENT_ADMINISTRATOR": "Fulfillment Administrator",
        /// Approves digitization requests.
        FulfillmentServicesManager = "FULFILLMENT_SERVICES_MANAGER": "Fulfillment Services Manager",
        /// Carries digitization out.
        WorkOrderOperator = "WORK_ORDER_OPERATOR": "Work Order Operator",
        /// Manages users, their roles and API keys.
        UserAdministrator = "USER_ADMINISTRATOR": "User Administrator",
        /// Configures the institution.
        GeneralSystemAdministrator = "GENERAL_SYSTEM_ADMINISTRATOR": "General System Administrator",
        /// Deposits, requests digitization and views; no staff role.
        Patron = "PATRON": "Patron",
    }
);

impl Role {
    /// Whether the role is a staff member's.
    pub fn is_staff(self) -> bool {
        self != Role::Patron
    }
}

coded!(
    /// Something that a caller may be allowed to do. Reading is open to every staff role.
    Action, "action" {
        /// Read bib records, representations, files and collections in the staff API.
        ReadCatalogue = "catalogue.read": "Read titles, representations, files and collections",
        /// Create a bib record.
        CreateBib = "bib.create": "Create a bib record",
        /// Change a bib record or its suppression.
        UpdateBib = "bib.update": "Change a bib record",
        /// Delete a bib record.
        DeleteBib = "bib.delete": "Delete a bib record",
        /// Add a representation to a title (R3).
        CreateRepresentation = "representation.create": "Add a representation",
        /// Change a representation (R1).
        UpdateRepresentation = "representation.update": "Change a representation",
        /// Delete a representation (R2).
        DeleteRepresentation = "representation.delete": "Delete a representation",
        /// Upload or add a file (R1).
        CreateFile = "file.create": "Upload a file",
        /// Change a file's label, order or thumbnail (R1).
        UpdateFile = "file.update": "Change a file",
        /// Delete a file (R2).
        DeleteFile = "file.delete": "Delete a file",
        /// Get a signed link to a file's bytes in the staff API (D13).
        DownloadFile = "file.download": "Download a file",
        /// Have files checked out of turn for whether their bytes are still right (E9).
        CheckFixity = "fixity.check": "Have files checked for damage",
        /// Read what was deleted and can be taken back (E6).
        ReadDeleted = "deleted.read": "Read what was deleted",
        /// Take back what was deleted, or purge it at once (E6); needs the right to delete it too.
        Recover = "deleted.recover": "Take back or purge what was deleted",
        /// Create a top-level collection, or make one of a sub-collection (R4).
        CreateTopCollection = "collection.create_top": "Create a top-level collection",
        /// Create a sub-collection (R4).
        CreateSubCollection = "collection.create_sub": "Create a sub-collection",
        /// Change a top-level collection (R4).
        UpdateTopCollection = "collection.update_top": "Change a top-level collection",
        /// Change a sub-collection or move it between parents (R4).
        UpdateSubCollection = "collection.update_sub": "Change or move a sub-collection",
        /// Delete a collection at any level (R4).
        DeleteCollection = "collection.delete": "Delete a collection",
        /// Put a title into a collection or take it out.
        AssignTitle = "collection.assign": "Add a title to a collection or remove it",
        /// Define deposit profiles (R5).
        ManageDepositProfiles = "deposit_profile.manage": "Define deposit profiles",
        /// Approve, decline or return deposits (R5).
        ReviewDeposits = "deposit.review": "Review deposits",
        /// Deposit as oneself (R8).
        Deposit = "deposit.own": "Make and follow one's own deposits",
        /// Read users and what they may do.
        ReadUsers = "user.read": "Read users and API keys",
        /// Create and change users and their roles.
        ManageUsers = "user.manage": "Manage users and roles",
        /// Create and revoke API keys.
        ManageKeys = "key.manage": "Manage API keys",
        /// Read import profiles, ingests and jobs.
        ReadImports = "import.read": "Read import profiles, ingests and jobs",
        /// Create, change and delete import profiles (domain.md 1).
        ManageImportProfiles = "import_profile.manage": "Define import profiles",
        /// Bring a folder and run an import profile on it.
        RunImport = "import.run": "Upload an ingest and run an import",
        /// Take back what an import did.
        UndoImport = "import.undo": "Undo an import",
        /// Read access rights policies and where they are used.
        ReadPolicies = "policy.read": "Read access rights policies",
        /// Ask what a policy would decide; the answer tells of users and their groups.
        SimulatePolicies = "policy.simulate": "Try out access rights",
        /// Create, change and delete access rights policies (domain.md 1).
        ManagePolicies = "policy.manage": "Define access rights policies",
        /// Read who has borrowed what; it tells of patrons (A18).
        ReadLoans = "loan.read": "Read who has borrowed what",
        /// Create and change remote repositories (D16).
        ManageRemoteRepositories = "remote-repository.manage": "Configure remote repositories",
        /// Read what happened to titles, representations, files, collections, policies and profiles (D24).
        ReadHistory = "history.read": "Read the history of titles, files, collections, policies and profiles",
        /// Read how digital resources are used (U1).
        ReadUsage = "usage.read": "Read usage reports",
        /// Read every audit row and its seals, to check that none was changed (D24).
        VerifyAudit = "audit.verify": "Read and verify the audit trail",
        /// Read publishing profiles and try them out.
        ReadPublishing = "publishing.read": "Read publishing profiles",
        /// Create, change, run and delete publishing profiles (domain.md 8.3).
        ManagePublishing = "publishing.manage": "Define and run publishing profiles",
        /// Read sets and their members.
        ReadSets = "set.read": "Read sets",
        /// Create, change and delete sets, add and take out members (C11); with the right to what it does, run a job over one.
        ManageSets = "set.manage": "Define sets and run jobs over them",
        /// Read exports and their runs.
        ReadExports = "export.read": "Read exports",
        /// Define and run exports, and fetch what they wrote (S17).
        ManageExports = "export.manage": "Define and run exports",
        /// Change libraries and institution settings.
        ConfigureInstitution = "institution.configure": "Configure the institution",
    }
);

use Role::{
    CatalogManager, Cataloger, CatalogerExtended, CollectionInventoryOperator,
    CollectionInventoryOperatorExtended, DepositManager, DepositOperator, DepositOperatorExtended,
    DigitalInventoryOperator, DigitalInventoryOperatorExtended, GeneralSystemAdministrator, Patron,
    UserAdministrator,
};

const STAFF: &[Role] = &[
    DigitalInventoryOperator,
    DigitalInventoryOperatorExtended,
    CollectionInventoryOperator,
    CollectionInventoryOperatorExtended,
    Cataloger,
    CatalogerExtended,
    CatalogManager,
    Role::RepositoryAdministrator,
    DepositManager,
    DepositOperator,
    DepositOperatorExtended,
    Role::FulfillmentAdministrator,
    Role::FulfillmentServicesManager,
    Role::WorkOrderOperator,
    UserAdministrator,
    GeneralSystemAdministrator,
];
const INVENTORY: &[Role] = &[DigitalInventoryOperator, DigitalInventoryOperatorExtended];
const INVENTORY_EXTENDED: &[Role] = &[DigitalInventoryOperatorExtended];
const COLLECTIONS: &[Role] = &[CollectionInventoryOperator];
const COLLECTIONS_EXTENDED: &[Role] = &[CollectionInventoryOperatorExtended];
const CATALOGUING: &[Role] = &[Cataloger, CatalogerExtended, CatalogManager];
const CATALOGUING_EXTENDED: &[Role] = &[CatalogerExtended, CatalogManager];
const IMPORTS: &[Role] = &[CatalogManager, Role::RepositoryAdministrator];
const USERS: &[Role] = &[UserAdministrator, GeneralSystemAdministrator];

impl Action {
    /// The groups of roles that the action needs: one role of each group.
    ///
    /// Source: domain.md section 1; cataloguing and user roles are ours, where the pages name only inventory roles.
    pub fn needs(self) -> &'static [&'static [Role]] {
        match self {
            Action::ReadCatalogue => &[STAFF],
            Action::CreateBib | Action::UpdateBib => &[CATALOGUING],
            Action::DeleteBib => &[CATALOGUING_EXTENDED],
            Action::CreateRepresentation => {
                &[INVENTORY, &[CollectionInventoryOperator, CollectionInventoryOperatorExtended]]
            }
            Action::UpdateRepresentation | Action::CreateFile | Action::UpdateFile | Action::DownloadFile => {
                &[INVENTORY]
            }
            Action::CheckFixity => &[&[
                DigitalInventoryOperator,
                DigitalInventoryOperatorExtended,
                Role::RepositoryAdministrator,
                GeneralSystemAdministrator,
            ]],
            Action::DeleteRepresentation | Action::DeleteFile => &[INVENTORY_EXTENDED],
            // Whoever may delete something.
            Action::ReadDeleted | Action::Recover => {
                &[&[CatalogerExtended, CatalogManager, DigitalInventoryOperatorExtended]]
            }
            Action::CreateTopCollection | Action::UpdateTopCollection | Action::DeleteCollection => {
                &[COLLECTIONS, COLLECTIONS_EXTENDED]
            }
            Action::CreateSubCollection | Action::UpdateSubCollection => &[COLLECTIONS],
            Action::AssignTitle => {
                &[&[DigitalInventoryOperator, DigitalInventoryOperatorExtended, CollectionInventoryOperator]]
            }
            Action::ManageDepositProfiles => &[&[DepositManager]],
            Action::ReviewDeposits => {
                &[&[DepositOperator, DepositOperatorExtended, GeneralSystemAdministrator]]
            }
            Action::Deposit => &[&[Patron]],
            Action::ReadUsers | Action::ManageUsers | Action::ManageKeys => &[USERS],
            Action::ReadImports => &[STAFF],
            Action::ManageImportProfiles => &[IMPORTS],
            Action::RunImport => &[&[
                CatalogManager,
                Role::RepositoryAdministrator,
                DigitalInventoryOperator,
                DigitalInventoryOperatorExtended,
            ]],
            Action::UndoImport => {
                &[&[CatalogManager, Role::RepositoryAdministrator, DigitalInventoryOperatorExtended]]
            }
            Action::ReadPolicies | Action::ReadHistory | Action::ReadUsage => &[STAFF],
            Action::SimulatePolicies => &[&[
                Role::FulfillmentAdministrator,
                Role::FulfillmentServicesManager,
                GeneralSystemAdministrator,
                DigitalInventoryOperator,
                DigitalInventoryOperatorExtended,
            ]],
            Action::ManagePolicies => &[&[Role::FulfillmentAdministrator, GeneralSystemAdministrator]],
            Action::ReadLoans => &[&[
                Role::FulfillmentAdministrator,
                Role::FulfillmentServicesManager,
                GeneralSystemAdministrator,
            ]],
            Action::VerifyAudit | Action::ConfigureInstitution => &[&[GeneralSystemAdministrator]],
            Action::ReadPublishing => &[STAFF],
            Action::ManagePublishing | Action::ManageRemoteRepositories => {
                &[&[CatalogManager, Role::RepositoryAdministrator, GeneralSystemAdministrator]]
            }
            Action::ReadSets => &[STAFF],
            Action::ManageSets => &[&[
                Cataloger,
                CatalogerExtended,
                CatalogManager,
                Role::RepositoryAdministrator,
                DigitalInventoryOperator,
                DigitalInventoryOperatorExtended,
                CollectionInventoryOperator,
                CollectionInventoryOperatorExtended,
            ]],
            Action::ReadExports => &[STAFF],
            Action::ManageExports => {
                &[&[CatalogManager, Role::RepositoryAdministrator, DigitalInventoryOperatorExtended]]
            }
        }
    }

    /// Whether the action changes nothing, so that a read-only key may do it (R7).
    pub fn is_read(self) -> bool {
        matches!(
            self,
            Action::ReadCatalogue
                | Action::DownloadFile
                | Action::ReadDeleted
                | Action::ReadUsers
                | Action::ReadImports
                | Action::ReadPolicies
                | Action::SimulatePolicies
                | Action::ReadLoans
                | Action::ReadHistory
                | Action::ReadUsage
                | Action::VerifyAudit
                | Action::ReadPublishing
                | Action::ReadSets
                | Action::ReadExports
        )
    }
}

/// Renders the role table as Markdown for `docs/roles.md`.
pub fn render_table() -> String {
    let mut out = String::from(
        "# Roles and actions\n\nGenerated from `shared/domain/src/roles.rs` by `cargo xtask docs`; do not edit.\n\n\
         A cell holds the number of the requirement that the role meets. Where an action has requirements 1 and 2, a \
         caller needs a role for each. Roles are granted for the institution or for one library (R6); a read-only API \
         key may only do what reads (R7).\n\n",
    );
    for action in Action::ALL {
        let reads = if action.is_read() { "yes" } else { "no" };
        out.push_str(&format!(
            "## `{}`: {}\n\nReads only: {reads}.\n\n",
            action.code(),
            action.description()
        ));
        for (number, group) in action.needs().iter().enumerate() {
            let names: Vec<_> = group.iter().map(|role| role.description()).collect();
            out.push_str(&format!("{}. one of: {}\n", number + 1, names.join(", ")));
        }
        out.push('\n');
    }
    out.push_str("## The same as a matrix\n\n| action |");
    for role in Role::ALL {
        out.push_str(&format!(" {} |", role.description()));
    }
    out.push_str("\n|---|");
    out.push_str(&"---|".repeat(Role::ALL.len()));
    for action in Action::ALL {
        out.push_str(&format!("\n| `{}` |", action.code()));
        for role in Role::ALL {
            let numbers: Vec<_> = action
                .needs()
                .iter()
                .enumerate()
                .filter(|(_, group)| group.contains(role))
                .map(|(number, _)| (number + 1).to_string())
                .collect();
            out.push_str(&format!(" {} |", numbers.join("+")));
        }
    }
    out.push('\n');
    out
}
