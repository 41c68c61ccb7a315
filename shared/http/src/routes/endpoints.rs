//! The endpoints of the staff API: address, meaning, action, bodies.

use vitrine_domain::roles::Action;

use crate::views;
use crate::wire::Shape;

/// One endpoint.
#[derive(Debug)]
pub struct Endpoint {
    /// The method.
    pub method: &'static str,
    /// The address below `/almaws/v1`.
    pub path: &'static str,
    /// The operation's id, `<verb>_<resource>`.
    pub id: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// The action that the caller must be allowed; `None` where what is asked for decides, or where everyone may.
    pub action: Option<Action>,
    /// The query parameters.
    pub query: &'static [&'static str],
    /// The body taken.
    pub input: Option<&'static Shape>,
    /// The body given.
    pub output: Option<&'static Shape>,
}

const LIST: &[&str] = &["limit", "offset", "next"];
const NEWEST: &[&str] = &["limit", "next"];

macro_rules! endpoint {
    ($method:literal $path:literal $id:literal, $action:expr, $query:expr, $input:expr => $output:expr, $summary:literal) => {
        Endpoint {
            method: $method,
            path: $path,
            id: $id,
            summary: $summary,
            action: $action,
            query: $query,
            input: $input,
            output: $output,
        }
    };
}

/// Every endpoint. Specific addresses stand before those with a parameter in the same place.
pub static ENDPOINTS: &[Endpoint] = &[
    endpoint!("GET" "/openapi.json" "get_openapi", None, &[], None => None, "This document"),
    endpoint!("GET" "/bibs/collections" "list_collections", Some(Action::ReadCatalogue), &["level", "limit", "offset", "next"], None => Some(&views::COLLECTIONS), "List top-level collections"),
    endpoint!("POST" "/bibs/collections" "create_collection", Some(Action::CreateTopCollection), &[], Some(&views::COLLECTION) => Some(&views::COLLECTION), "Create a collection"),
    endpoint!("GET" "/bibs/collections/{collection}" "get_collection", Some(Action::ReadCatalogue), &["level"], None => Some(&views::COLLECTION), "Get a collection"),
    endpoint!("PUT" "/bibs/collections/{collection}" "update_collection", Some(Action::UpdateTopCollection), &[], Some(&views::COLLECTION) => Some(&views::COLLECTION), "Change or move a collection"),
    endpoint!("DELETE" "/bibs/collections/{collection}" "delete_collection", Some(Action::DeleteCollection), &["override"], None => None, "Delete a collection"),
    endpoint!("GET" "/bibs/collections/{collection}/bibs" "list_collection_bibs", Some(Action::ReadCatalogue), LIST, None => Some(&views::MEMBERS), "List the titles of a collection"),
    endpoint!("POST" "/bibs/collections/{collection}/bibs" "add_collection_bib", Some(Action::AssignTitle), &[], Some(&views::MEMBER) => Some(&views::MEMBER), "Put a title into a collection"),
    endpoint!("DELETE" "/bibs/collections/{collection}/bibs/{mms_id}" "remove_collection_bib", Some(Action::AssignTitle), &[], None => None, "Take a title out of a collection"),
    endpoint!("GET" "/bibs" "find_bibs", Some(Action::ReadCatalogue), &["mms_id", "representation_id", "other_system_id", "isbn", "issn", "identifier", "view", "expand"], None => Some(&views::BIBS), "Get up to 100 bib records, or find them by an identifier"),
    endpoint!("POST" "/bibs" "create_bib", Some(Action::CreateBib), &[], Some(&views::BIB) => Some(&views::BIB), "Create a bib record"),
    endpoint!("GET" "/bibs/{mms_id}" "get_bib", Some(Action::ReadCatalogue), &["view", "expand"], None => Some(&views::BIB), "Get a bib record"),
    endpoint!("PUT" "/bibs/{mms_id}" "update_bib", Some(Action::UpdateBib), &["mode"], Some(&views::BIB) => Some(&views::BIB), "Change a bib record; `mode=merge` keeps what the new record lacks"),
    endpoint!("DELETE" "/bibs/{mms_id}" "delete_bib", Some(Action::DeleteBib), &["override"], None => None, "Delete a bib record"),
    endpoint!("GET" "/bibs/{mms_id}/representations" "list_representations", Some(Action::ReadCatalogue), LIST, None => Some(&views::REPRESENTATIONS), "List the representations of a title, in order"),
    endpoint!("POST" "/bibs/{mms_id}/representations" "create_representation", Some(Action::CreateRepresentation), &["generate_label"], Some(&views::REPRESENTATION) => Some(&views::REPRESENTATION), "Add a representation"),
    endpoint!("GET" "/bibs/{mms_id}/representations/{rep_id}" "get_representation", Some(Action::ReadCatalogue), &[], None => Some(&views::REPRESENTATION), "Get a representation"),
    endpoint!("PUT" "/bibs/{mms_id}/representations/{rep_id}" "update_representation", Some(Action::UpdateRepresentation), &["generate_label"], Some(&views::REPRESENTATION) => Some(&views::REPRESENTATION), "Change a representation"),
    endpoint!("DELETE" "/bibs/{mms_id}/representations/{rep_id}" "delete_representation", Some(Action::DeleteRepresentation), &["override", "bibs"], None => None, "Delete a representation"),
    endpoint!("GET" "/bibs/{mms_id}/representations/{rep_id}/structure" "get_structure", Some(Action::ReadCatalogue), &[], None => Some(&views::STRUCTURE), "Get the table of contents of a representation"),
    endpoint!("PUT" "/bibs/{mms_id}/representations/{rep_id}/structure" "put_structure", Some(Action::UpdateRepresentation), &[], Some(&views::STRUCTURE) => Some(&views::STRUCTURE), "Set the table of contents of a representation, and how its pages are turned"),
    endpoint!("DELETE" "/bibs/{mms_id}/representations/{rep_id}/structure" "delete_structure", Some(Action::UpdateRepresentation), &[], None => None, "Delete the table of contents of a representation"),
    endpoint!("GET" "/bibs/{mms_id}/representations/{rep_id}/files" "list_files", Some(Action::ReadCatalogue), &["expand", "limit", "offset", "next"], None => Some(&views::FILES), "List the files of a representation, in order"),
    endpoint!("POST" "/bibs/{mms_id}/representations/{rep_id}/files" "create_file", Some(Action::CreateFile), &[], Some(&views::FILE) => Some(&views::FILE), "Make a file of an object in the upload area"),
    endpoint!("GET" "/bibs/{mms_id}/representations/{rep_id}/files/{pid}" "get_file", Some(Action::ReadCatalogue), &["expand"], None => Some(&views::FILE), "Get a file; `expand=url` adds a signed link, `expand=fixity` what is known of its bytes"),
    endpoint!("PUT" "/bibs/{mms_id}/representations/{rep_id}/files/{pid}" "update_file", Some(Action::UpdateFile), &[], Some(&views::FILE) => Some(&views::FILE), "Change a file's label and order"),
    endpoint!("DELETE" "/bibs/{mms_id}/representations/{rep_id}/files/{pid}" "delete_file", Some(Action::DeleteFile), &["representations", "bibs"], None => None, "Delete a file"),
    endpoint!("POST" "/bibs/{mms_id}/representations/{rep_id}/files/{pid}/fixity" "check_file_fixity", Some(Action::CheckFixity), &[], None => Some(&views::FILE), "Have all bytes of a file read and compared with what was registered, within a minute"),
    endpoint!("POST" "/bibs/{mms_id}/representations/{rep_id}/fixity" "check_representation_fixity", Some(Action::CheckFixity), &[], None => None, "The same for the files of a representation"),
    endpoint!("GET" "/conf/fixity" "list_fixity", Some(Action::ReadCatalogue), &["status", "limit", "offset", "next"], None => Some(&views::FIXITY_FILES), "List the files that are damaged, `status=damaged`, or that could not be read, `status=unreadable`"),
    endpoint!("POST" "/uploads" "create_upload", Some(Action::CreateFile), &[], Some(&views::UPLOAD) => Some(&views::UPLOAD), "Ask to upload a file"),
    endpoint!("GET" "/uploads/{upload}" "get_upload", None, &[], None => Some(&views::UPLOAD), "Get an upload, signed anew"),
    endpoint!("DELETE" "/uploads/{upload}" "abort_upload", None, &[], None => None, "Give an upload up"),
    endpoint!("GET" "/uploads/{upload}/parts" "list_upload_parts", None, &[], None => Some(&views::PARTS), "List the parts that have arrived"),
    endpoint!("POST" "/uploads/{upload}/parts" "sign_upload_parts", None, &[], Some(&views::PARTS) => Some(&views::SIGNED_PARTS), "Sign up to 100 parts"),
    endpoint!("POST" "/uploads/{upload}/complete" "complete_upload", None, &[], None => Some(&views::UPLOAD), "Put the parts together"),
    endpoint!("GET" "/permissions" "get_permissions", None, &[], None => Some(&views::PERMISSIONS), "What the caller may do"),
    endpoint!("GET" "/users" "list_users", Some(Action::ReadUsers), LIST, None => Some(&views::USERS), "List users"),
    endpoint!("GET" "/users/{user_id}" "get_user", None, &[], None => Some(&views::USER), "Get a user"),
    endpoint!("PUT" "/users/{user_id}" "put_user", Some(Action::ManageUsers), &[], Some(&views::USER) => Some(&views::USER), "Create or change a user and its roles"),
    endpoint!("GET" "/conf/api-keys" "list_api_keys", Some(Action::ReadUsers), LIST, None => Some(&views::API_KEYS), "List API keys"),
    endpoint!("POST" "/conf/api-keys" "create_api_key", Some(Action::ManageKeys), &[], Some(&views::API_KEY) => Some(&views::API_KEY), "Create an API key, shown once"),
    endpoint!("DELETE" "/conf/api-keys/{key}" "revoke_api_key", Some(Action::ManageKeys), &[], None => None, "Revoke an API key"),
    endpoint!("GET" "/conf/libraries" "list_libraries", Some(Action::ReadCatalogue), &[], None => Some(&views::LIBRARIES), "List libraries"),
    endpoint!("PUT" "/conf/libraries/{library}" "put_library", Some(Action::ConfigureInstitution), &[], Some(&views::LIBRARY) => Some(&views::LIBRARY), "Create or rename a library"),
    endpoint!("GET" "/conf/remote-repositories" "list_remote_repositories", Some(Action::ReadCatalogue), &[], None => Some(&views::REMOTE_REPOSITORIES), "List remote repositories"),
    endpoint!("GET" "/conf/remote-repositories/{repository}" "get_remote_repository", Some(Action::ReadCatalogue), &[], None => Some(&views::REMOTE_REPOSITORY), "Get a remote repository"),
    endpoint!("PUT" "/conf/remote-repositories/{repository}" "put_remote_repository", Some(Action::ManageRemoteRepositories), &[], Some(&views::REMOTE_REPOSITORY) => Some(&views::REMOTE_REPOSITORY), "Create or change a remote repository"),
    endpoint!("GET" "/conf/access-rights-policies" "list_policies", Some(Action::ReadPolicies), LIST, None => Some(&views::POLICIES), "List access rights policies, by name"),
    endpoint!("POST" "/conf/access-rights-policies" "create_policy", Some(Action::ManagePolicies), &[], Some(&views::POLICY) => Some(&views::POLICY), "Create an access rights policy"),
    endpoint!("POST" "/conf/access-rights-policies/simulate" "simulate_access", Some(Action::SimulatePolicies), &[], Some(&views::SIMULATION) => Some(&views::SIMULATED), "Would this user see it, from this address, at this time: under a policy in the body, else under the representation's own"),
    endpoint!("GET" "/conf/access-rights-policies/{policy}" "get_policy", Some(Action::ReadPolicies), &[], None => Some(&views::POLICY), "Get an access rights policy; the same JSON creates one elsewhere"),
    endpoint!("PUT" "/conf/access-rights-policies/{policy}" "update_policy", Some(Action::ManagePolicies), &[], Some(&views::POLICY) => Some(&views::POLICY), "Change an access rights policy; it holds from the next request on"),
    endpoint!("DELETE" "/conf/access-rights-policies/{policy}" "delete_policy", Some(Action::ManagePolicies), &[], None => None, "Delete an access rights policy that no representation names"),
    endpoint!("POST" "/conf/access-rights-policies/{policy}/copy" "copy_policy", Some(Action::ManagePolicies), &[], None => Some(&views::POLICY), "Copy an access rights policy"),
    endpoint!("POST" "/conf/access-rights-policies/{policy}/simulate" "simulate_policy", Some(Action::SimulatePolicies), &[], Some(&views::SIMULATION) => Some(&views::SIMULATED), "Would this user see it, from this address, at this time, under this policy"),
    endpoint!("GET" "/conf/access-rights-policies/{policy}/representations" "list_policy_representations", Some(Action::ReadPolicies), LIST, None => Some(&views::REPRESENTATIONS), "List the representations that name the policy"),
    endpoint!("GET" "/conf/md-import-profiles" "list_import_profiles", Some(Action::ReadImports), &["type", "ie_type", "limit", "offset", "next"], None => Some(&views::PROFILES), "List import profiles"),
    endpoint!("POST" "/conf/md-import-profiles" "create_import_profile", Some(Action::ManageImportProfiles), &[], Some(&views::PROFILE) => Some(&views::PROFILE), "Create an import profile"),
    endpoint!("GET" "/conf/md-import-profiles/{profile}" "get_import_profile", Some(Action::ReadImports), &[], None => Some(&views::PROFILE), "Get an import profile; the same JSON creates one elsewhere"),
    endpoint!("PUT" "/conf/md-import-profiles/{profile}" "update_import_profile", Some(Action::ManageImportProfiles), &[], Some(&views::PROFILE) => Some(&views::PROFILE), "Change an import profile"),
    endpoint!("DELETE" "/conf/md-import-profiles/{profile}" "delete_import_profile", Some(Action::ManageImportProfiles), &[], None => None, "Delete an import profile"),
    endpoint!("POST" "/conf/md-import-profiles/{profile}" "run_import_profile", Some(Action::RunImport), &["op"], None => Some(&views::RUNS), "`op=run`: submit every unlocked folder below the profile's"),
    endpoint!("POST" "/conf/md-import-profiles/{profile}/copy" "copy_import_profile", Some(Action::ManageImportProfiles), &[], None => Some(&views::PROFILE), "Copy an import profile"),
    endpoint!("GET" "/conf/md-import-profiles/{profile}/template.csv" "get_import_template", Some(Action::ReadImports), &[], None => None, "The header of a metadata file for the profile"),
    endpoint!("GET" "/conf/md-import-profiles/{profile}/ingests" "list_ingests", Some(Action::ReadImports), LIST, None => Some(&views::INGESTS), "List the ingests of a profile, the newest first"),
    endpoint!("POST" "/conf/md-import-profiles/{profile}/ingests" "create_ingest", Some(Action::RunImport), &[], Some(&views::INGEST) => Some(&views::INGEST), "Create an ingest with a folder of its own"),
    endpoint!("GET" "/conf/md-import-profiles/{profile}/ingests/{ingest}" "get_ingest", Some(Action::ReadImports), &[], None => Some(&views::INGEST), "Get an ingest"),
    endpoint!("POST" "/conf/md-import-profiles/{profile}/ingests/{ingest}" "act_on_ingest", Some(Action::RunImport), &["op", "dry_run"], None => Some(&views::INGEST), "`op=submit`, `lock`, `unlock` or `cancel`; `dry_run=true` only says what it would do"),
    endpoint!("DELETE" "/conf/md-import-profiles/{profile}/ingests/{ingest}" "delete_ingest", Some(Action::RunImport), &[], None => None, "Delete an ingest and what lies in its folder"),
    endpoint!("GET" "/conf/md-import-profiles/{profile}/ingests/{ingest}/files" "list_ingest_files", Some(Action::ReadImports), &["limit", "next"], None => Some(&views::INGEST_FILES), "List what has arrived in the folder"),
    endpoint!("POST" "/conf/md-import-profiles/{profile}/ingests/{ingest}/files" "sign_ingest_files", Some(Action::RunImport), &[], Some(&views::INGEST_FILES) => Some(&views::INGEST_FILES), "Sign the upload of up to 500 files"),
    endpoint!("GET" "/conf/md-import-profiles/{profile}/ingests/{ingest}/parts" "list_ingest_parts", Some(Action::RunImport), &["name", "multipart_id"], None => Some(&views::PARTS), "List the parts of a file that have arrived"),
    endpoint!("POST" "/conf/md-import-profiles/{profile}/ingests/{ingest}/parts" "act_on_ingest_parts", Some(Action::RunImport), &["op"], Some(&views::INGEST_PARTS) => Some(&views::SIGNED_PARTS), "Sign up to 100 parts of a file; `op=complete` puts them together, `op=abort` gives them up"),
    endpoint!("GET" "/conf/publishing-profiles" "list_publishing_profiles", Some(Action::ReadPublishing), &[], None => Some(&views::PUBLISHINGS), "List publishing profiles, by name"),
    endpoint!("POST" "/conf/publishing-profiles" "create_publishing_profile", Some(Action::ManagePublishing), &[], Some(&views::PUBLISHING) => Some(&views::PUBLISHING), "Create a publishing profile; an active set is filled at once"),
    endpoint!("GET" "/conf/publishing-profiles/{publishing}" "get_publishing_profile", Some(Action::ReadPublishing), &[], None => Some(&views::PUBLISHING), "Get a publishing profile"),
    endpoint!("PUT" "/conf/publishing-profiles/{publishing}" "update_publishing_profile", Some(Action::ManagePublishing), &[], Some(&views::PUBLISHING) => Some(&views::PUBLISHING), "Change a publishing profile; its set is run through where it publishes otherwise then"),
    endpoint!("DELETE" "/conf/publishing-profiles/{publishing}" "delete_publishing_profile", Some(Action::ManagePublishing), &[], None => None, "Delete a publishing profile that is not active"),
    endpoint!("POST" "/conf/publishing-profiles/{publishing}" "run_publishing_profile", Some(Action::ManagePublishing), &["op", "full"], None => Some(&views::JOB), "`op=run`: look at every title of a set, or write files of what changed; `full=true` writes everything"),
    endpoint!("POST" "/conf/publishing-profiles/{publishing}/copy" "copy_publishing_profile", Some(Action::ManagePublishing), &[], None => Some(&views::PUBLISHING), "Copy a publishing profile"),
    endpoint!("POST" "/conf/publishing-profiles/{publishing}/secret" "renew_publishing_secret", Some(Action::ManagePublishing), &[], None => Some(&views::SECRET), "Make the secret that a webhook's calls are signed with; it is shown this once"),
    endpoint!("GET" "/conf/publishing-profiles/{publishing}/preview" "preview_publishing_profile", Some(Action::ReadPublishing), &["mms_id", "metadata_prefix"], None => Some(&views::PREVIEW), "The record of a title as the profile would publish it now"),
    endpoint!("GET" "/conf/publishing-profiles/{publishing}/runs/{job}" "list_published_files", Some(Action::ManagePublishing), &[], None => Some(&views::PUBLISHED_FILES), "List the files of a run with signed links"),
    endpoint!("GET" "/conf/oai-repository" "get_oai_repository", Some(Action::ReadPublishing), &[], None => Some(&views::OAI_REPOSITORY), "Get the settings of the OAI-PMH repository"),
    endpoint!("PUT" "/conf/oai-repository" "put_oai_repository", Some(Action::ManagePublishing), &[], Some(&views::OAI_REPOSITORY) => Some(&views::OAI_REPOSITORY), "Change the settings of the OAI-PMH repository, and who may harvest"),
    endpoint!("GET" "/conf/sets" "list_sets", Some(Action::ReadSets), LIST, None => Some(&views::SETS), "List sets, by name"),
    endpoint!("POST" "/conf/sets" "create_set", Some(Action::ManageSets), &["id_type", "fail_on_invalid_id"], Some(&views::SET) => Some(&views::SET), "Create a set: itemized with members, or logical with a rule"),
    endpoint!("GET" "/conf/sets/{set}" "get_set", Some(Action::ReadSets), &[], None => Some(&views::SET), "Get a set"),
    endpoint!("PUT" "/conf/sets/{set}" "update_set", Some(Action::ManageSets), &[], Some(&views::SET) => Some(&views::SET), "Change a set's name, notes and rule"),
    endpoint!("POST" "/conf/sets/{set}" "act_on_set", Some(Action::ManageSets), &["op", "id_type", "fail_on_invalid_id"], Some(&views::SET) => Some(&views::SET), "`op=add_members` or `delete_members`: up to 1,000 ids, in a set's `members` or as the first column of a CSV table"),
    endpoint!("DELETE" "/conf/sets/{set}" "delete_set", Some(Action::ManageSets), &[], None => None, "Delete a set; its members stay what they are"),
    endpoint!("GET" "/conf/sets/{set}/members" "list_set_members", Some(Action::ReadSets), LIST, None => Some(&views::SET_MEMBERS), "List the members of a set; a page of a logical set can have fewer than asked for"),
    endpoint!("GET" "/conf/exports" "list_exports", Some(Action::ReadExports), LIST, None => Some(&views::EXPORTS), "List exports, by name"),
    endpoint!("POST" "/conf/exports" "create_export", Some(Action::ManageExports), &[], Some(&views::EXPORT) => Some(&views::EXPORT), "Create an export of a set, of ids, or of everything"),
    endpoint!("GET" "/conf/exports/{export}" "get_export", Some(Action::ReadExports), &[], None => Some(&views::EXPORT), "Get an export, with its next, last and missed run"),
    endpoint!("PUT" "/conf/exports/{export}" "update_export", Some(Action::ManageExports), &[], Some(&views::EXPORT) => Some(&views::EXPORT), "Change an export; runs that have begun go on as they were meant"),
    endpoint!("POST" "/conf/exports/{export}" "run_export", Some(Action::ManageExports), &["op"], None => Some(&views::JOB), "`op=run`: run it now"),
    endpoint!("DELETE" "/conf/exports/{export}" "delete_export", Some(Action::ManageExports), &[], None => None, "Delete an export; what it wrote stays"),
    endpoint!("GET" "/conf/jobs/{job}/files" "list_export_files", Some(Action::ManageExports), &["path", "limit", "offset", "next"], None => Some(&views::EXPORT_FILES), "List what a run of an export wrote, with signed links; `path` asks for one file of the bag"),
    endpoint!("GET" "/conf/jobs" "list_jobs", Some(Action::ReadImports), LIST, None => Some(&views::JOBS), "List jobs, the newest first"),
    endpoint!("GET" "/conf/jobs/{job}" "get_job", Some(Action::ReadImports), &[], None => Some(&views::JOB), "Get a job: status, progress, counters"),
    endpoint!("POST" "/conf/jobs/{job}" "act_on_job", Some(Action::RunImport), &["op"], None => Some(&views::JOB), "`op=cancel`, `resubmit` or `undo`"),
    endpoint!("GET" "/conf/jobs/{job}/rows" "list_job_rows", Some(Action::ReadImports), &["outcome", "open", "limit", "offset", "next"], None => Some(&views::ROWS), "List the rows of a job and how each ended"),
    endpoint!("POST" "/conf/jobs/{job}/rows/{number}" "decide_job_row", Some(Action::RunImport), &["op", "mms_id"], None => Some(&views::ROW), "Decide on a row that waits: `op=force`, `match`, `new` or `discard`"),
    endpoint!("GET" "/conf/jobs/{job}/report" "get_job_report", Some(Action::ReadImports), &["as"], None => Some(&views::LINK), "A signed link to the report, `as=json` (lines) or `as=csv`"),
    endpoint!("GET" "/bibs/{mms_id}/history" "get_bib_history", Some(Action::ReadHistory), NEWEST, None => Some(&views::HISTORY), "What happened to a bib record, the newest first; also of a deleted one"),
    endpoint!("GET" "/bibs/{mms_id}/representations/{rep_id}/history" "get_representation_history", Some(Action::ReadHistory), NEWEST, None => Some(&views::HISTORY), "What happened to a representation"),
    endpoint!("GET" "/bibs/{mms_id}/representations/{rep_id}/files/{pid}/history" "get_file_history", Some(Action::ReadHistory), NEWEST, None => Some(&views::HISTORY), "What happened to a file"),
    endpoint!("GET" "/bibs/collections/{collection}/history" "get_collection_history", Some(Action::ReadHistory), NEWEST, None => Some(&views::HISTORY), "What happened to a collection"),
    endpoint!("GET" "/conf/access-rights-policies/{policy}/history" "get_policy_history", Some(Action::ReadHistory), NEWEST, None => Some(&views::HISTORY), "What happened to an access rights policy"),
    endpoint!("GET" "/conf/md-import-profiles/{profile}/history" "get_import_profile_history", Some(Action::ReadHistory), NEWEST, None => Some(&views::HISTORY), "What happened to an import profile"),
    endpoint!("GET" "/conf/publishing-profiles/{publishing}/history" "get_publishing_profile_history", Some(Action::ReadHistory), NEWEST, None => Some(&views::HISTORY), "What happened to a publishing profile"),
    endpoint!("GET" "/conf/jobs/{job}/history" "get_job_history", Some(Action::ReadHistory), NEWEST, None => Some(&views::HISTORY), "What happened to a job and its rows"),
    endpoint!("GET" "/conf/libraries/{library}/history" "get_library_history", Some(Action::ReadHistory), NEWEST, None => Some(&views::HISTORY), "What happened to a library"),
    endpoint!("GET" "/users/{user_id}/history" "get_user_history", Some(Action::ReadUsers), NEWEST, None => Some(&views::HISTORY), "What happened to a user's name, roles and groups"),
    endpoint!("GET" "/conf/api-keys/{key}/history" "get_api_key_history", Some(Action::ReadUsers), NEWEST, None => Some(&views::HISTORY), "What happened to an API key"),
    endpoint!("GET" "/analytics/usage" "get_usage", Some(Action::ReadUsage), &["from", "to", "by", "counted", "as", "limit", "next"], None => Some(&views::USAGE), "How digital resources were used, a row a day and thing: `by=day`, `title`, `representation`, `file`, `group` or `library`; `counted=people`, `robots` or `all`; `as=csv`"),
    endpoint!("GET" "/audit/manifests" "list_audit_manifests", Some(Action::VerifyAudit), &["from", "to", "limit", "next"], None => Some(&views::SEALS), "List the hourly manifests of the audit trail, the oldest first, with links to what was sealed"),
    endpoint!("GET" "/audit/rows" "list_audit_rows", Some(Action::VerifyAudit), &["hour", "limit", "next"], None => Some(&views::AUDIT_ROWS), "List the audit rows of an hour as they are stored now"),
];
