//! Every key of the tables, and nowhere else.
//!
//! Each entity has a partition of its own, so that it is read by its id alone, strongly consistent, and no two
//! entities share a hot one. Lists live in index 1, ordered by the sort key there (ADR 0001). `docs/data-model.md` is
//! rendered from [`DATA_MODEL`].

use sha2::{Digest, Sha256};
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{ApiKey, User};
use vitrine_domain::bib::{BibKind, BibRecord, Identifier};
use vitrine_domain::collection::{Collection, Membership, normalise_name};
use vitrine_domain::export::{Export, ExportFile};
use vitrine_domain::file::DigitalFile;
use vitrine_domain::fixity::{Fixity, FixityStatus};
use vitrine_domain::ids::{
    CollectionId, EventId, ExportId, FileId, IngestId, JobId, MmsId, PolicyId, ProfileId, PublishingId,
    RepId, SetId, UploadId, UserId,
};
use vitrine_domain::import::ingest::Ingest;
use vitrine_domain::import::profile::ImportProfile;
use vitrine_domain::import::row::{JobClaim, RowResult, RowTicket};
use vitrine_domain::job::Job;
use vitrine_domain::library::{Library, LibraryCode};
use vitrine_domain::loans::{LentCopy, Loan};
use vitrine_domain::outbox::{OutboxRow, SHARDS};
use vitrine_domain::publishing::delivery::Delivery;
use vitrine_domain::publishing::profile::PublishingProfile;
use vitrine_domain::publishing::published::{LOG_SHARDS, Published};
use vitrine_domain::publishing::repository::OaiRepository;
use vitrine_domain::remote::{RemoteRepository, RepositoryCode};
use vitrine_domain::removal::{DeletedKind, Deletion};
use vitrine_domain::representation::Representation;
use vitrine_domain::rights::AccessRightsPolicy;
use vitrine_domain::rights::watermark::{Wish, WishId};
use vitrine_domain::seats::{Seat, Slot, Waiting};
use vitrine_domain::session::{Declared, Holder, Pass, Session, SessionId, SignIn};
use vitrine_domain::set::{Set, SetMember};
use vitrine_domain::structure::Structure;
use vitrine_domain::upload::Upload;

use serde::{Deserialize, Serialize};

use crate::catalog::Table;

/// A partition key and a sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The partition key.
    pub pk: String,
    /// The sort key.
    pub sk: String,
}

impl Key {
    fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }
}

/// What the table stores: knows its key and its place in index 1.
pub trait Item: Serialize {
    /// The word for it in errors.
    const KIND: &'static str;
    /// The table that holds it.
    const TABLE: Table = Table::Catalog;
    /// Its key.
    fn key(&self) -> Key;
    /// Its place in index 1, if it is listed.
    fn index(&self) -> Option<Key>;
    /// The title that others may have been told of, or must be, once this is written.
    fn published_title(&self) -> Option<&MmsId> {
        None
    }
}

/// An item that counts how many times it was written.
pub trait Versioned: Item {
    /// The count as it was read; 0 before the first write.
    fn version(&self) -> u64;
}

/// One line of the data model's documentation: item, key, index 1.
pub const DATA_MODEL: &[[&str; 5]] = &[
    [
        "bib record",
        "`BIB#{mms}`",
        "`BIB`",
        "`TITLE#{shard}` / `{sort title}#{mms}`",
        "browse titles; collections' own records and deleted ones are not listed",
    ],
    [
        "membership",
        "`BIB#{mms}`",
        "`IN#{collection}`",
        "`MEMBERS#{collection}` / `{sort title}#{mms}`",
        "titles of a collection",
    ],
    [
        "representation",
        "`REP#{rep}`",
        "`REP`",
        "`REPS#{mms}` / `{order}#{rep}`",
        "representations of a title, in order",
    ],
    [
        "structure",
        "`REP#{rep}`",
        "`STRUCTURE`",
        "-",
        "table of contents of a representation; empty once it is deleted",
    ],
    [
        "file",
        "`FILE#{file}`",
        "`FILE`",
        "`FILES#{rep}` / `{order}#{file}`",
        "files of a representation, in order",
    ],
    [
        "fixity",
        "`FILE#{file}`",
        "`FIXITY`",
        "`FIXITY#{shard, or ASKED, DAMAGED, UNREADABLE}` / `{due}#{file}`",
        "when a file is to be checked, and how it was; deleted files are not in the index",
    ],
    [
        "collection",
        "`COLL#{id}`",
        "`COLL`",
        "`CHILDREN#{parent or TOP}` / `{order}#{id}`",
        "collections below one, in order",
    ],
    ["collection name", "`NAME#{normalised name}`", "`NAME`", "-", "makes top-level names unique"],
    ["identifier", "`ID#{scheme}#{normalised}`", "`BIB#{mms}`", "-", "titles with an identifier"],
    [
        "deletion",
        "`DELETED#{mms}`",
        "`BIB`, `{rep}` or `{rep}#{file}`",
        "`DELETED#{bib, representation or file}` / `{inverted deleted}#{id}`",
        "what was deleted and can be taken back, the newest first; what was deleted below a title or a representation (ADR 0015)",
    ],
    [
        "upload intent",
        "`UPLOAD#{id}`",
        "`UPLOAD`",
        "`ROWFILES#{job}` / `{row}#{id}`",
        "found by id alone, and those of an import by its rows",
    ],
    [
        "outbox row",
        "`OUTBOX#{event}`",
        "`OUTBOX`",
        "`DUE#{shard}` / `{due}#{event}`",
        "what is owed and when; sparse, 16 shards",
    ],
    ["user", "`USER#{id}`", "`USER`", "`USERS` / `{id}`", "users"],
    ["API key", "`KEY#{SHA-256}`", "`KEY`", "`KEYS` / `{id}`", "API keys, by their public id"],
    ["library", "`CONFIG#library`", "`{code}`", "-", "libraries"],
    ["remote repository", "`CONFIG#remote`", "`{code}`", "-", "remote repositories"],
    [
        "access rights policy",
        "`POLICY#{id}`",
        "`POLICY`",
        "`POLICIES` / `{lower-case name} #{id}`",
        "access rights policies, by name",
    ],
    [
        "policy use",
        "`POLICYUSES#{policy}`",
        "`{rep}`",
        "`POLICYUSES#{policy}` / `{rep}`",
        "representations that name a policy; only ever repeats what they say",
    ],
    [
        "import profile",
        "`PROFILE#{id}`",
        "`PROFILE`",
        "`PROFILES` / `{name}#{id}`",
        "import profiles, by name",
    ],
    [
        "ingest",
        "`INGEST#{profile}#{id}`",
        "`INGEST`",
        "`INGESTS#{profile}` / `{inverted created}#{id}`",
        "ingests of a profile, the newest first",
    ],
    ["job", "`JOB#{id}`", "`JOB`", "`JOBS` / `{inverted submitted}#{id}`", "jobs, the newest first"],
    ["row ticket", "`JOB#{id}`", "`ROW#{number}`", "-", "what a row of a metadata file says"],
    [
        "row result",
        "`JOB#{id}`",
        "`RESULT#{number}`",
        "`OPEN#{job}` / `{outcome}#{number}`",
        "what became of a row; only those that failed or wait are in the index",
    ],
    ["job claim", "`JOB#{id}`", "`CLAIM#{name}`", "-", "what one row of a job has taken"],
    ["export", "`EXPORT#{id}`", "`EXPORT`", "`EXPORTS` / `{lower-case name} #{id}`", "exports, by name"],
    [
        "export file",
        "`JOB#{id}`",
        "`FILE#{number}`",
        "`WRITTEN#{job}` / `{number}`",
        "metadata files that a run of an export wrote",
    ],
    ["set", "`SET#{id}`", "`SET`", "`SETS` / `{lower-case name} #{id}`", "sets, by name"],
    [
        "set member",
        "`SETMEMBERS#{set}`",
        "`{member}`",
        "`SETMEMBERS#{set}` / `{member}`",
        "members of an itemized set, by id",
    ],
    [
        "claim",
        "`ID#{scheme}#{normalised}` or `CLAIM#{name}`",
        "`CLAIM`",
        "-",
        "one title an identifier, one representation an import key",
    ],
    [
        "publishing profile",
        "`CONFIG#publishing`",
        "`{id}`",
        "-",
        "publishing profiles; few, and read with every title that is published",
    ],
    [
        "delivery",
        "`DELIVERY#{publishing}`",
        "`DELIVERY`",
        "-",
        "how far a webhook has been told, and when it is tried again (ADR 0014)",
    ],
    [
        "published title (table `published`)",
        "`PUB#{mms}`",
        "`PUB`",
        "-",
        "what is out of a title, scope by scope (ADR 0011)",
    ],
    [
        "published row (table `published`)",
        "`LOG#{scope}#{shard}`",
        "`{stamp}#{mms}`",
        "-",
        "the records of a title in one scope, by the time of their last change; 4 shards",
    ],
    [
        "public page (table `published`)",
        "`PAGES#{shard}`",
        "`{place}#{mms}`",
        "-",
        "what everybody may see, for the sitemap; a place is 16 hex digits of a digest, so parts of any number are ranges; 4 shards",
    ],
    ["OAI-PMH repository (table `published`)", "`OAI`", "`OAI`", "-", "its name, sets and limits"],
    [
        "audit row (table `audit`)",
        "`{kind}#{id}`",
        "`{at}#{event}`",
        "`HOUR#{hour}#{shard}` / `{at}#{event}#{kind}#{id}`",
        "history of one thing; all rows of an hour, in 16 shards; only ever put",
    ],
    [
        "seal (table `audit`)",
        "`SEALS`",
        "`{hour}`",
        "-",
        "manifests of audit rows, an hour each; only ever put (ADR 0010)",
    ],
    [
        "viewer's use (table `usage`)",
        "`SEEN#{day}#{shard}`",
        "`{title}#{rep}#{file}#{measure}#{digest}`",
        "-",
        "what one viewer did on a day; gone four days later",
    ],
    [
        "report row (table `usage`)",
        "`REPORT#{by}#{month}`",
        "`{day}#{id or name}`",
        "-",
        "counts of a day and a thing; kept",
    ],
];

/// The table that delivery may write: item, key, what it answers.
pub const SESSIONS_MODEL: &[[&str; 4]] = &[
    ["session", "`SESSION#{digest of the cookie}`", "`SESSION`", "who has signed in in a browser"],
    ["sign-in", "`SIGNIN#{digest of the state}`", "`SIGNIN`", "a sign-in that was begun; taken once"],
    ["pass", "`PASS#{digest of the token}`", "`PASS`", "that a browser was let in, for viewers elsewhere"],
    ["declaration", "`HOLDER#{holder}`", "`DECLARED#{rep}`", "what a viewer has answered"],
    ["slot", "`SEATS#{rep}`", "`SLOT#{number}`", "who sits before a representation"],
    ["place in the line", "`SEATS#{rep}`", "`WAIT#{since}#{holder}`", "who waits, the first first"],
    ["seat", "`HOLDER#{holder}`", "`SEAT#{rep}`", "a viewer's own seat"],
    [
        "lent copy",
        "`LOANS#{rep}`",
        "`COPY#{number}`",
        "who has borrowed a representation; gone after the loan's end",
    ],
    ["loan", "`HOLDER#{holder}`", "`LOAN#{rep}`", "a user's own loan; gone after its end"],
    ["wish", "`MARK#{digest}`", "`MARK`", "a marked copy that was asked for; gone after some hours"],
];

/// Sort keys hold at most 1,024 bytes; a sort title takes at most this many of them.
const MAX_SORT_TITLE_BYTES: usize = 400;

fn bounded(text: &str) -> &str {
    let mut end = text.len().min(MAX_SORT_TITLE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Things with a place come first, by it; the others after them, by id, which is by age.
fn ordered(order: Option<u32>, id: &str) -> String {
    match order {
        Some(order) => format!("0{order:010}#{id}"),
        None => format!("1#{id}"),
    }
}

/// The number of shards that titles are spread over.
pub const TITLE_SHARDS: u8 = SHARDS;

fn shard_of(id: &str) -> u8 {
    shard_among(SHARDS, id)
}

fn shard_among(shards: u8, id: &str) -> u8 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    u8::try_from(hash % u64::from(shards)).unwrap_or(0)
}

/// The partition of publishing profiles.
pub const PUBLISHING: &str = "CONFIG#publishing";

/// A publishing profile's key.
pub fn publishing(id: &PublishingId) -> Key {
    Key::new(PUBLISHING, id.as_str())
}

/// The key of how far a profile's target has been told.
pub fn delivery(id: &PublishingId) -> Key {
    Key::new(format!("DELIVERY#{id}"), "DELIVERY")
}

/// The key of what is out of a title.
pub fn published(mms: &MmsId) -> Key {
    Key::new(format!("PUB#{mms}"), "PUB")
}

/// The partition of one shard of a scope's log.
pub fn published_log(scope: &str, shard: u8) -> String {
    format!("LOG#{scope}#{shard}")
}

/// The key of a title's row in a scope's log.
pub fn published_row(scope: &str, mms: &MmsId, stamp: Timestamp) -> Key {
    let shard = shard_among(LOG_SHARDS, mms.as_str());
    Key::new(published_log(scope, shard), format!("{}#{mms}", second(stamp)))
}

/// A title's place among the public pages: a digest, so that any equal parts of all places hold equally many titles.
pub fn place_of_page(mms: &MmsId) -> u64 {
    let digest = Sha256::digest(mms.as_str());
    digest.iter().take(8).fold(0, |place, byte| place << 8 | u64::from(*byte))
}

/// Into so many partitions the list of public pages is spread, by the first bits of their places.
pub const PAGE_SHARDS: u8 = 4;

/// The partition in which a place lies.
pub fn public_pages(place: u64) -> String {
    format!("PAGES#{}", place >> 62)
}

/// A place as the list sorts.
pub fn page_place(place: u64) -> String {
    format!("{place:016x}")
}

/// The key of a title's public page.
pub fn public_page(mms: &MmsId) -> Key {
    let place = place_of_page(mms);
    Key::new(public_pages(place), format!("{}#{mms}", page_place(place)))
}

/// An instant as a log sorts: seconds since 1970, 12 digits.
pub fn second(at: Timestamp) -> String {
    format!("{:012}", at.as_second().max(0))
}

/// The sort key behind every row of a log that is dated up to a second, all of it.
pub fn behind_second(at: Timestamp) -> String {
    format!("{}~", second(at))
}

/// The sort key before every row of a log that comes after the row with this one; no id holds what it ends in.
pub fn behind_row(sort: &str) -> String {
    format!("{sort}!")
}

/// The key of the OAI-PMH repository.
pub fn oai_repository() -> Key {
    Key::new("OAI", "OAI")
}

/// The partition of one shard of the list of titles.
pub fn titles(shard: u8) -> String {
    format!("TITLE#{shard:02}")
}

/// A bib record's key.
pub fn bib(mms: &MmsId) -> Key {
    Key::new(format!("BIB#{mms}"), "BIB")
}

/// A membership's key.
pub fn membership(mms: &MmsId, collection: &CollectionId) -> Key {
    Key::new(format!("BIB#{mms}"), format!("IN#{collection}"))
}

/// The index partition that lists a collection's titles.
pub fn members_of(collection: &CollectionId) -> String {
    format!("MEMBERS#{collection}")
}

/// A representation's key.
pub fn representation(rep: &RepId) -> Key {
    Key::new(format!("REP#{rep}"), "REP")
}

/// The key of a representation's structure.
pub fn structure(rep: &RepId) -> Key {
    Key::new(format!("REP#{rep}"), "STRUCTURE")
}

/// The index partition that lists a title's representations.
pub fn representations_of(mms: &MmsId) -> String {
    format!("REPS#{mms}")
}

/// A file's key.
pub fn file(file: &FileId) -> Key {
    Key::new(format!("FILE#{file}"), "FILE")
}

/// The index partition that lists a representation's files.
pub fn files_of(rep: &RepId) -> String {
    format!("FILES#{rep}")
}

/// The key of a file's fixity.
pub fn fixity(file: &FileId) -> Key {
    Key::new(format!("FILE#{file}"), "FIXITY")
}

/// The index partition of one shard of the files that are checked in turn.
pub fn fixity_due(shard: u8) -> String {
    format!("FIXITY#{shard:02}")
}

/// The index partition of the files that are to be checked out of turn.
pub const FIXITY_ASKED: &str = "FIXITY#ASKED";
/// The index partition of the files that are damaged.
pub const FIXITY_DAMAGED: &str = "FIXITY#DAMAGED";
/// The index partition of the files that could not be read.
pub const FIXITY_UNREADABLE: &str = "FIXITY#UNREADABLE";

/// A file is in one list, of the damaged also while someone waits for it to be checked again.
fn fixity_list(it: &Fixity) -> String {
    match it.status {
        status if status.is_damage() => FIXITY_DAMAGED.to_owned(),
        FixityStatus::Unreadable => FIXITY_UNREADABLE.to_owned(),
        _ if it.asked_by.is_some() => FIXITY_ASKED.to_owned(),
        _ => fixity_due(shard_of(it.file.as_str())),
    }
}

/// The partition of what was deleted of a title, and the title.
pub fn deleted_below(mms: &MmsId) -> String {
    format!("DELETED#{mms}")
}

/// What begins the sort keys of the files that were deleted below a representation.
pub fn deleted_files_of(rep: &RepId) -> String {
    format!("{rep}#")
}

/// The key of a line in the list of what was deleted.
pub fn deletion(it: &Deletion) -> Key {
    let sort = match (&it.representation, &it.file) {
        (Some(rep), Some(file)) => format!("{}{file}", deleted_files_of(rep)),
        (Some(rep), None) => rep.to_string(),
        (None, _) => "BIB".to_owned(),
    };
    Key::new(deleted_below(&it.mms_id), sort)
}

/// The index partition that lists what was deleted of one kind.
pub fn deleted(kind: DeletedKind) -> String {
    format!("DELETED#{kind}")
}

/// A collection's key.
pub fn collection(id: &CollectionId) -> Key {
    Key::new(format!("COLL#{id}"), "COLL")
}

/// The index partition that lists the collections below `parent`.
pub fn children_of(parent: Option<&CollectionId>) -> String {
    parent.map_or_else(|| "CHILDREN#TOP".to_owned(), |id| format!("CHILDREN#{id}"))
}

/// An upload's key.
pub fn upload(id: &UploadId) -> Key {
    Key::new(format!("UPLOAD#{id}"), "UPLOAD")
}

/// The index partition of the uploads that a job's rows name.
pub fn uploads_of_rows(job: &JobId) -> String {
    format!("ROWFILES#{job}")
}

/// An outbox row's key.
pub fn outbox(id: &EventId) -> Key {
    Key::new(format!("OUTBOX#{id}"), "OUTBOX")
}

/// The index partition of one shard of due rows.
pub fn due(shard: u8) -> String {
    format!("DUE#{shard:02}")
}

/// An instant as it sorts: milliseconds since 1970, 15 digits.
pub fn instant(at: Timestamp) -> String {
    format!("{:015}", at.as_millisecond().max(0))
}

/// A user's key.
pub fn user(id: &UserId) -> Key {
    Key::new(format!("USER#{id}"), "USER")
}

/// An API key's key, by the hash of the key.
pub fn api_key(hash: &str) -> Key {
    Key::new(format!("KEY#{hash}"), "KEY")
}

/// The index partition that lists users.
pub const USERS: &str = "USERS";
/// The index partition that lists API keys.
pub const KEYS: &str = "KEYS";
/// The partition of remote repositories.
pub const REMOTE: &str = "CONFIG#remote";

/// A remote repository's key.
pub fn remote_repository(code: &RepositoryCode) -> Key {
    Key::new(REMOTE, code.as_str())
}

/// The partition of libraries.
pub const LIBRARIES: &str = "CONFIG#library";

/// A library's key.
pub fn library(code: &LibraryCode) -> Key {
    Key::new(LIBRARIES, code.as_str())
}

/// An instant as it sorts with the newest first.
fn inverted(at: Timestamp) -> String {
    format!("{:015}", 999_999_999_999_999_i64.saturating_sub(at.as_millisecond().max(0)))
}

/// An access rights policy's key.
pub fn policy(id: &PolicyId) -> Key {
    Key::new(format!("POLICY#{id}"), "POLICY")
}

/// The index partition that lists access rights policies.
pub const POLICIES: &str = "POLICIES";

/// The partition of the representations that name a policy, in the table and in index 1.
pub fn policy_uses(id: &PolicyId) -> String {
    format!("POLICYUSES#{id}")
}

/// The key of one use of a policy.
pub fn policy_use(id: &PolicyId, rep: &RepId) -> Key {
    Key::new(policy_uses(id), rep.as_str())
}

/// Says that a representation names a policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PolicyUse {
    /// The policy.
    pub policy: PolicyId,
    /// The representation.
    pub representation: RepId,
}

/// An import profile's key.
pub fn profile(id: &ProfileId) -> Key {
    Key::new(format!("PROFILE#{id}"), "PROFILE")
}

/// The index partition that lists import profiles.
pub const PROFILES: &str = "PROFILES";

/// An ingest's key.
pub fn ingest(profile: &ProfileId, id: &IngestId) -> Key {
    Key::new(format!("INGEST#{profile}#{id}"), "INGEST")
}

/// The index partition that lists a profile's ingests.
pub fn ingests_of(profile: &ProfileId) -> String {
    format!("INGESTS#{profile}")
}

/// A job's key.
pub fn job(id: &JobId) -> Key {
    Key::new(job_partition(id), "JOB")
}

/// The partition of a job and its rows.
pub fn job_partition(id: &JobId) -> String {
    format!("JOB#{id}")
}

/// The index partition that lists jobs.
pub const JOBS: &str = "JOBS";

/// An export's key.
pub fn export(id: &ExportId) -> Key {
    Key::new(format!("EXPORT#{id}"), "EXPORT")
}

/// The index partition that lists exports.
pub const EXPORTS: &str = "EXPORTS";

/// The index partition of the files that a run of an export wrote.
pub fn written_by(job: &JobId) -> String {
    format!("WRITTEN#{job}")
}

/// A set's key.
pub fn set(id: &SetId) -> Key {
    Key::new(format!("SET#{id}"), "SET")
}

/// The index partition that lists sets.
pub const SETS: &str = "SETS";

/// The partition of the members of an itemized set, in the table and in index 1.
pub fn members_of_set(id: &SetId) -> String {
    format!("SETMEMBERS#{id}")
}

/// The key of one member of an itemized set.
pub fn set_member(id: &SetId, member: &str) -> Key {
    Key::new(members_of_set(id), member)
}

/// The key of one of a job's rows.
pub fn row_key(job: &JobId, sort: &str) -> Key {
    Key::new(job_partition(job), sort)
}

/// The sort key of a row's ticket.
pub fn row_ticket(number: u64) -> String {
    format!("ROW#{number:010}")
}

/// The sort key of a file that a run of an export wrote.
pub fn export_file_sort(number: u32) -> String {
    format!("FILE#{number:010}")
}

/// The sort key of a row's result.
pub fn row_result(number: u64) -> String {
    format!("RESULT#{number:010}")
}

/// The index partition of a job's rows that failed or wait.
pub fn open_rows(job: &JobId) -> String {
    format!("OPEN#{job}")
}

/// The sort key of a job's claim. Names are kept short by who makes them.
pub fn job_claim(job: &JobId, name: &str) -> Key {
    Key::new(job_partition(job), format!("CLAIM#{name}"))
}

/// A claim's key. The one on an identifier lies beside the titles that carry it, so that one query gives both.
pub fn claim(name: &str) -> Key {
    let partition = if name.starts_with("ID#") { name.to_owned() } else { format!("CLAIM#{name}") };
    Key::new(partition, CLAIM)
}

/// The sort key of claims.
pub const CLAIM: &str = "CLAIM";

/// The name of a claim on an identifier.
pub fn identifier_claim(of: &Identifier) -> String {
    identifier(of)
}

/// Something that only one thing can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What is claimed, for example an identifier with its scheme.
    pub name: String,
    /// The id of what has it.
    pub holder: String,
    /// The job that made it, where a job did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub job: Option<JobId>,
    /// How many times it was written.
    pub version: u64,
}

/// The key of what a top-level collection's name leads to.
pub fn collection_name(text: &str) -> Key {
    name(&normalise_name(text))
}

fn name(normalised: &str) -> Key {
    Key::new(format!("NAME#{normalised}"), "NAME")
}

/// The partition of the titles with one identifier.
pub fn identifier(identifier: &Identifier) -> String {
    format!("ID#{}#{}", identifier.scheme, identifier.normalised)
}

/// Claims a top-level collection's name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NameClaim {
    /// The name in its normalised form.
    pub name: String,
    /// The collection that has it.
    pub collection: CollectionId,
}

impl NameClaim {
    /// The claim of `collection` to `name`.
    pub fn new(name: &str, collection: &CollectionId) -> Self {
        Self { name: normalise_name(name), collection: collection.clone() }
    }
}

/// Leads from an identifier to a title.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IdentifierEntry {
    /// The identifier.
    pub identifier: Identifier,
    /// The title.
    pub mms_id: MmsId,
}

macro_rules! item {
    ($type:ty, $kind:literal, $key:expr, $index:expr $(, $const:ident = $value:expr)? $(; titled $title:expr)?) => {
        impl Item for $type {
            const KIND: &'static str = $kind;
            $(const $const: Table = $value;)?
            $(fn published_title(&self) -> Option<&MmsId> {
                let title: fn(&Self) -> Option<&MmsId> = $title;
                title(self)
            })?
            fn key(&self) -> Key {
                let key: fn(&Self) -> Key = $key;
                key(self)
            }
            fn index(&self) -> Option<Key> {
                let index: fn(&Self) -> Option<Key> = $index;
                index(self)
            }
        }
    };
}

macro_rules! versioned {
    ($($type:ty),+) => {
        $(impl Versioned for $type {
            fn version(&self) -> u64 {
                self.version
            }
        })+
    };
}

versioned!(
    BibRecord,
    Representation,
    Structure,
    DigitalFile,
    Fixity,
    Collection,
    Upload,
    OutboxRow,
    User,
    ApiKey,
    Library,
    RemoteRepository,
    AccessRightsPolicy,
    ImportProfile,
    Ingest,
    Job,
    RowResult,
    Claim,
    PublishingProfile,
    Delivery,
    Published,
    OaiRepository,
    Set,
    Export
);

item!(BibRecord, "bib record", |it| bib(&it.mms_id), |it| {
    (it.removal.is_none() && it.kind == BibKind::Title).then(|| {
        let shard = shard_of(it.mms_id.as_str());
        Key::new(titles(shard), format!("{}#{}", bounded(&it.brief.sort_title), it.mms_id))
    })
}; titled |it| {
    // A new title that is suppressed is nothing to tell of.
    (it.kind == BibKind::Title && !(it.version == 0 && it.suppressed)).then_some(&it.mms_id)
});
item!(Membership, "membership", |it| membership(&it.mms_id, &it.collection), |it| {
    Some(Key::new(members_of(&it.collection), format!("{}#{}", bounded(&it.sort_title), it.mms_id)))
});
item!(Representation, "representation", |it| representation(&it.id), |it| {
    it.removal
        .is_none()
        .then(|| Key::new(representations_of(&it.mms_id), ordered(it.fields.order, it.id.as_str())))
}; titled |it| Some(&it.mms_id));
item!(Structure, "structure", |it| structure(&it.representation), |_| None);
item!(DigitalFile, "file", |it| file(&it.id), |it| {
    it.removal.is_none().then(|| Key::new(files_of(&it.representation), ordered(it.order, it.id.as_str())))
});
item!(Fixity, "fixity", |it| fixity(&it.file), |it| {
    Some(Key::new(fixity_list(it), format!("{}#{}", instant(it.due_at?), it.file)))
});
item!(Deletion, "deletion", deletion, |it| {
    Some(Key::new(deleted(it.kind), format!("{}#{}", inverted(it.at), it.id())))
});
item!(Collection, "collection", |it| collection(&it.id), |it| {
    Some(Key::new(children_of(it.parent.as_ref()), ordered(it.order, it.id.as_str())))
});
item!(NameClaim, "collection name", |it| name(&it.name), |_| None);
item!(
    IdentifierEntry,
    "identifier",
    |it| Key::new(identifier(&it.identifier), format!("BIB#{}", it.mms_id)),
    |_| None
);
item!(Upload, "upload", |it| upload(&it.id), |it| {
    let row = it.row.as_ref()?;
    Some(Key::new(uploads_of_rows(&row.job), format!("{:010}#{}", row.number, it.id)))
});
item!(OutboxRow, "outbox row", |it| outbox(&it.id), |it| {
    Some(Key::new(due(shard_of(it.id.as_str())), format!("{}#{}", instant(it.due_at), it.id)))
});
item!(User, "user", |it| user(&it.id), |it| Some(Key::new(USERS, it.id.as_str())));
item!(ApiKey, "API key", |it| api_key(&it.hash), |it| Some(Key::new(KEYS, it.id.as_str())));
item!(Library, "library", |it| library(&it.code), |_| None);
item!(RemoteRepository, "remote repository", |it| remote_repository(&it.code), |_| None);
item!(AccessRightsPolicy, "access rights policy", |it| policy(&it.id), |it| {
    // A space sorts before all that a longer name goes on with.
    Some(Key::new(POLICIES, format!("{} #{}", bounded(&it.settings.name.to_lowercase()), it.id)))
});
item!(PolicyUse, "policy use", |it| policy_use(&it.policy, &it.representation), |it| {
    Some(policy_use(&it.policy, &it.representation))
});
item!(ImportProfile, "import profile", |it| profile(&it.id), |it| {
    Some(Key::new(PROFILES, format!("{}#{}", bounded(&it.settings.details.name), it.id)))
});
item!(Ingest, "ingest", |it| ingest(&it.profile, &it.id), |it| {
    Some(Key::new(ingests_of(&it.profile), format!("{}#{}", inverted(it.created_at), it.id)))
});
item!(Job, "job", |it| job(&it.id), |it| {
    Some(Key::new(JOBS, format!("{}#{}", inverted(it.submitted_at), it.id)))
});
item!(RowTicket, "row ticket", |it| row_key(&it.job, &row_ticket(it.number)), |_| None);
item!(RowResult, "row result", |it| row_key(&it.job, &row_result(it.number)), |it| {
    it.is_open().then(|| Key::new(open_rows(&it.job), format!("{}#{:010}", it.outcome, it.number)))
});
item!(JobClaim, "job claim", |it| job_claim(&it.job, &it.name), |_| None);
item!(Claim, "claim", |it| claim(&it.name), |_| None);
item!(PublishingProfile, "publishing profile", |it| publishing(&it.id), |_| None);
item!(Delivery, "delivery", |it| delivery(&it.profile), |_| None);
item!(Published, "published title", |it| published(&it.mms_id), |_| None, TABLE = Table::Published);
item!(OaiRepository, "OAI-PMH repository", |_| oai_repository(), |_| None, TABLE = Table::Published);

/// A session's key in the table of sessions.
pub fn session(id: &SessionId) -> Key {
    Key::new(format!("SESSION#{id}"), "SESSION")
}

/// The key of a sign-in that was begun.
pub fn sign_in(state: &SessionId) -> Key {
    Key::new(format!("SIGNIN#{state}"), "SIGNIN")
}

/// The key of a viewer's pass.
pub fn pass(id: &SessionId) -> Key {
    Key::new(format!("PASS#{id}"), "PASS")
}

/// The key of what a viewer has answered to a representation's declaration.
pub fn declared(holder: &Holder, rep: &RepId) -> Key {
    Key::new(held_by(holder), format!("DECLARED#{rep}"))
}

/// The partition of the slots of a representation and of the line for them.
pub fn room(rep: &RepId) -> String {
    format!("SEATS#{rep}")
}

/// The key of a viewer's own seat.
pub fn seat(rep: &RepId, holder: &Holder) -> Key {
    Key::new(held_by(holder), format!("SEAT#{rep}"))
}

/// The partition of the copies of a representation that were lent.
pub fn lent(rep: &RepId) -> String {
    format!("LOANS#{rep}")
}

/// How the sort key of a lent copy begins.
pub const LENT_COPY: &str = "COPY#";
/// How the sort key of a user's loan begins.
pub const LOAN: &str = "LOAN#";

/// The partition of all that is one holder's.
pub fn held_by(holder: &Holder) -> String {
    format!("HOLDER#{holder}")
}

/// The key of a user's loan.
pub fn loan(rep: &RepId, borrower: &UserId) -> Key {
    Key::new(held_by(&Holder::user(borrower)), format!("{LOAN}{rep}"))
}

/// The key of the wish for a marked copy.
pub fn wish(id: &WishId) -> Key {
    Key::new(format!("MARK#{}", id.as_str()), "MARK")
}

/// Where a marked copy is put in the bucket of derivatives, or the note that there can be none. What the bucket forgets after
/// a day is told by the beginning of the key.
pub fn marked_object(wish: &Wish) -> String {
    let version: String = wish.sha256.chars().take(16).collect();
    format!("marked/{}/{version}-{}", wish.file, wish.id.as_str())
}

item!(Wish, "wish", |it| wish(&it.id), |_| None);
item!(Session, "session", |it| session(&it.id), |_| None);
item!(SignIn, "sign-in", |it| sign_in(&it.state), |_| None);
item!(Pass, "pass", |it| pass(&it.id), |_| None);
item!(Declared, "declaration", |it| declared(&it.holder, &it.representation), |_| None);
item!(Seat, "seat", |it| seat(&it.representation, &it.holder), |_| None);
item!(Slot, "slot", |it| Key::new(room(&it.representation), format!("SLOT#{:05}", it.number)), |_| None);
item!(Loan, "loan", |it| loan(&it.representation, &it.borrower), |_| None);
item!(
    LentCopy,
    "lent copy",
    |it| Key::new(lent(&it.representation), format!("{LENT_COPY}{:05}", it.copy_number)),
    |_| None
);
item!(
    Waiting,
    "place in the line",
    |it| Key::new(room(&it.representation), format!("WAIT#{}#{}", instant(it.since), it.holder)),
    |_| None
);
item!(Export, "export", |it| export(&it.id), |it| {
    Some(Key::new(EXPORTS, format!("{} #{}", bounded(&it.settings.name.to_lowercase()), it.id)))
});
item!(ExportFile, "export file", |it| row_key(&it.job, &export_file_sort(it.number)), |it| {
    Some(Key::new(written_by(&it.job), format!("{:010}", it.number)))
});
item!(Set, "set", |it| set(&it.id), |it| {
    Some(Key::new(SETS, format!("{} #{}", bounded(&it.settings.name.to_lowercase()), it.id)))
});
item!(SetMember, "set member", |it| set_member(&it.set, &it.member), |it| {
    Some(set_member(&it.set, &it.member))
});

/// An audit row's key in the audit table.
pub fn audit(row: &vitrine_domain::audit::AuditRow) -> Key {
    Key::new(row.subject.clone(), format!("{}#{}", instant(row.at), row.id))
}

/// An audit row's place in the audit table's index 1: its hour, spread over shards, because one hour can have very many.
pub fn audit_index(row: &vitrine_domain::audit::AuditRow) -> Key {
    let key = audit(row);
    Key::new(audited(&hour(row.at), shard_of(row.id.as_str())), format!("{}#{}", key.sk, key.pk))
}

/// The index partition of one shard of an hour's audit rows.
pub fn audited(hour: &str, shard: u8) -> String {
    format!("HOUR#{hour}#{shard:02}")
}

/// The hour of an instant, in UTC, as it is written and as it sorts: `2026-11-24T15`.
pub fn hour(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H").to_string()
}

/// The partition of the seals.
pub const SEALS: &str = "SEALS";

/// The kinds whose every change is told in a history of their own (D24); their partition is its subject.
pub(crate) const WITH_HISTORY: &[&str] = &[
    BibRecord::KIND,
    Representation::KIND,
    DigitalFile::KIND,
    Collection::KIND,
    AccessRightsPolicy::KIND,
    ImportProfile::KIND,
    User::KIND,
];

/// The partition of one shard of a day's viewers, in the usage table.
pub fn seen_on(day: &str, shard: u8) -> String {
    format!("SEEN#{day}#{shard:02}")
}

/// Where it is counted what one viewer does to one thing on a day.
pub fn seen(day: &str, viewer: &str, what: &vitrine_domain::usage::Seen) -> Key {
    let file = what.file.as_ref().map_or("-", |file| file.as_str());
    let (title, rep, measure) = (&what.title, &what.representation, what.measure);
    Key::new(seen_on(day, shard_of(viewer)), format!("{title}#{rep}#{file}#{measure}#{viewer}"))
}

/// The key of a day's secret.
pub fn usage_salt(day: &str) -> Key {
    Key::new(format!("SALT#{day}"), "SALT")
}

/// The partition of a month's report.
pub fn usage_report(by: vitrine_domain::usage::UsageBy, month: &str) -> String {
    format!("REPORT#{by}#{month}")
}

/// The key of a report's row. A thing's name is kept short by who gives it.
pub fn usage_row(by: vitrine_domain::usage::UsageBy, day: &str, entity: &str) -> Key {
    let month = day.get(..7).unwrap_or(day);
    Key::new(usage_report(by, month), format!("{day}#{entity}"))
}

/// The key of how far reports have been made.
pub fn usage_reported() -> Key {
    Key::new("REPORTED", "REPORTED")
}

/// Renders the data model as Markdown for `docs/data-model.md`.
pub fn render_data_model() -> String {
    let mut out = String::from(
        "# Data model\n\nGenerated from `shared/store/src/keys.rs` by `cargo xtask docs`; do not edit. Why it is so: \
         `docs/decisions/0001-one-partition-an-entity.md`.\n\nEvery item carries `schema` (the version of its shape) and, where it \
         is edited, `version` (how many times it was written).\n\n\
         | item | pk | sk | index 1 | answers |\n|---|---|---|---|---|\n",
    );
    for [item, pk, sk, index, answers] in DATA_MODEL {
        out.push_str(&format!("| {item} | {pk} | {sk} | {index} | {answers} |\n"));
    }
    out.push_str(
        "\nThe table `sessions` is delivery's own. What is in it may be lost without harm to the catalogue, and is forgotten \
         by time.\n\n| item | pk | sk | answers |\n|---|---|---|---|\n",
    );
    for [item, pk, sk, answers] in SESSIONS_MODEL {
        out.push_str(&format!("| {item} | {pk} | {sk} | {answers} |\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_with_a_place_come_first_and_the_rest_by_age() {
        let mut keys =
            [ordered(None, "132"), ordered(Some(10), "134"), ordered(None, "131"), ordered(Some(2), "139")];
        keys.sort();
        assert_eq!(keys, ["00000000002#139", "00000000010#134", "1#131", "1#132"]);
    }

    #[test]
    fn a_long_sort_title_is_cut_between_characters() {
        let title = "ü".repeat(300);
        let cut = bounded(&title);
        assert!(cut.len() <= MAX_SORT_TITLE_BYTES && title.starts_with(cut));
    }

    #[test]
    fn shards_are_used_evenly() {
        let mut counts = [0_u32; SHARDS as usize];
        for number in 0..16_000 {
            counts[usize::from(shard_of(&format!("61{number:012}4641")))] += 1;
        }
        assert!(counts.iter().all(|count| (700..1_300).contains(count)), "{counts:?}");
    }
}
