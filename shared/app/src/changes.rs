//! Starting a change: its event id and its audit rows, each with the fields that differ (D24).

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{ApiKey, User};
use vitrine_domain::audit::{AuditRow, Sides};
use vitrine_domain::bib::BibRecord;
use vitrine_domain::collection::Collection;
use vitrine_domain::export::Export;
use vitrine_domain::file::DigitalFile;
use vitrine_domain::fixity::Fixity;
use vitrine_domain::ids::{EventId, MmsId};
use vitrine_domain::import::ingest::Ingest;
use vitrine_domain::import::profile::ImportProfile;
use vitrine_domain::import::row::RowResult;
use vitrine_domain::job::Job;
use vitrine_domain::library::Library;
use vitrine_domain::outbox::{OutboxRow, Work, retry_after_seconds};
use vitrine_domain::publishing::profile::PublishingProfile;
use vitrine_domain::publishing::repository::OaiRepository;
use vitrine_domain::remote::RemoteRepository;
use vitrine_domain::removal::Removable;
use vitrine_domain::representation::Representation;
use vitrine_domain::rights::AccessRightsPolicy;
use vitrine_domain::set::Set;
use vitrine_domain::structure::Structure;
use vitrine_domain::upload::Upload;
use vitrine_store::keys::Versioned;
use vitrine_store::{Change, CommitError, StoreError};

use crate::{App, AppError, Call, Rule};

/// Something that audit rows are about.
pub trait Subject: Serialize {
    /// Fields that no history shows, because they open something.
    const HIDDEN: &'static [&'static str] = &[];
    /// The kind and the id, for example `FILE#13…`: the partition of its history.
    fn subject(&self) -> String;
}

macro_rules! subject {
    ($($type:ty, $prefix:literal, $id:ident);+ $(;)?) => {
        $(impl Subject for $type {
            fn subject(&self) -> String {
                format!(concat!($prefix, "#{}"), self.$id)
            }
        })+
    };
}

subject!(
    BibRecord, "BIB", mms_id;
    Collection, "COLL", id;
    Representation, "REP", id;
    Structure, "REP", representation;
    DigitalFile, "FILE", id;
    Upload, "UPLOAD", id;
    OutboxRow, "OUTBOX", id;
    User, "USER", id;
    Library, "LIBRARY", code;
    RemoteRepository, "REMOTE", code;
    AccessRightsPolicy, "POLICY", id;
    ImportProfile, "PROFILE", id;
    PublishingProfile, "PUBLISHING", id;
    Job, "JOB", id;
    Set, "SET", id;
    Export, "EXPORT", id;
);

impl Subject for ApiKey {
    const HIDDEN: &'static [&'static str] = &["hash"];
    fn subject(&self) -> String {
        format!("KEY#{}", self.id)
    }
}

/// A part of its file's history.
impl Subject for Fixity {
    const HIDDEN: &'static [&'static str] = &["reading", "due_at"];
    fn subject(&self) -> String {
        format!("FILE#{}", self.file)
    }
}

impl Subject for Removable {
    fn subject(&self) -> String {
        match self {
            Self::Title(it) => it.subject(),
            Self::Representation(it) => it.subject(),
            Self::File(it) => it.subject(),
        }
    }
}

impl Subject for Ingest {
    fn subject(&self) -> String {
        format!("INGEST#{}#{}", self.profile, self.id)
    }
}

impl Subject for OaiRepository {
    fn subject(&self) -> String {
        "OAI".to_owned()
    }
}

impl Subject for RowResult {
    fn subject(&self) -> String {
        format!("JOB#{}", self.job)
    }
}

/// An audit row's own limit for one side of a change; longer values are named by digest.
const MAX_AUDITED_VALUE: usize = 4 * 1024;

impl App {
    /// Starts a change of one subject: `before` is `None` for a new one, `after` for one that goes.
    pub(crate) fn change<S: Subject>(
        &self,
        call: &Call,
        action: &str,
        before: Option<&S>,
        after: Option<&S>,
    ) -> Change {
        let Sides { before: old, after: new, before_sha256, after_sha256 } = sides(before, after);
        Change::new(AuditRow {
            id: self.minter.event(call.now, self.random()),
            subject: after.or(before).map(Subject::subject).unwrap_or_default(),
            action: action.to_owned(),
            actor: call.actor.id.clone(),
            origin: call.origin,
            request_id: call.request_id.clone(),
            at: call.now,
            before: old,
            after: new,
            before_sha256,
            after_sha256,
        })
    }

    /// A change that does no more than write one thing over the version that was read.
    ///
    /// # Errors
    /// A conflict where another version was written since.
    pub(crate) async fn replace<S: Subject + Versioned>(
        &self,
        call: &Call,
        action: &str,
        before: &S,
        after: &S,
    ) -> Result<(), AppError> {
        let mut change = self.change(call, action, Some(before), Some(after));
        change.replace(after)?;
        Ok(self.commit(call, change).await?)
    }

    /// Commits a change. What it changes of titles is to be published: that is owed in the same transaction, and asked for
    /// at once. A message that is lost is sent again by the sweep.
    ///
    /// # Errors
    /// As [`Catalog::commit`](vitrine_store::Catalog::commit).
    pub(crate) async fn commit(&self, call: &Call, mut change: Change) -> Result<(), CommitError> {
        let due_at = call.after_seconds(retry_after_seconds(0));
        let titles: Vec<MmsId> = change.titles().cloned().collect();
        let mut owed = Vec::with_capacity(titles.len());
        for mms_id in titles {
            let row = self.owe(call, Work::Publish { mms_id }, due_at);
            change.owe(&row)?;
            owed.push(row.id);
        }
        self.catalog.commit(&change).await?;
        for event in owed {
            self.ask_to_publish(&event).await;
        }
        Ok(())
    }

    /// Commits a change that claims a name; `taken` where another thing has it. `claim` is the kind of the claim.
    pub(crate) async fn commit_named(
        &self,
        call: &Call,
        change: Change,
        claim: &'static str,
        taken: Rule,
    ) -> Result<(), AppError> {
        match self.commit(call, change).await {
            Err(CommitError::Exists(kind)) if kind == claim => Err(taken.into()),
            done => Ok(done?),
        }
    }

    /// A new outbox row.
    pub(crate) fn owe(&self, call: &Call, work: Work, due_at: Timestamp) -> OutboxRow {
        OutboxRow { id: self.mint_event(call), work, due_at, attempts: 0, created_at: call.now, version: 0 }
    }

    pub(crate) fn mint_event(&self, call: &Call) -> EventId {
        self.minter.event(call.now, self.random())
    }
}

/// Tells of another thing that a change changes, in a history of its own (D24).
pub(crate) fn also<S: Subject>(change: &mut Change, before: Option<&S>, after: Option<&S>) {
    if let Some(subject) = after.or(before).map(Subject::subject) {
        change.also(subject, sides(before, after));
    }
}

/// Writes over the version that was read of another thing, and tells of it.
///
/// # Errors
/// When the item can not be written down.
pub(crate) fn replace_also<S: Subject + Versioned>(
    change: &mut Change,
    before: &S,
    after: &S,
) -> Result<(), StoreError> {
    also(change, Some(before), Some(after));
    change.replace(after)
}

/// The names that a copy can have, the plainest first.
pub(crate) fn copy_names(of: &str) -> impl Iterator<Item = String> + use<> {
    let of: String = of.chars().take(200).collect();
    (1..=99)
        .map(move |number| if number == 1 { format!("{of} (copy)") } else { format!("{of} (copy {number})") })
}

/// Runs a use case again when another writer came in between; for changes that do not depend on what the other wrote.
///
/// # Errors
/// The last conflict after several tries, or any other error at once.
pub(crate) async fn again_on_conflict<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, AppError>
where
    F: Future<Output = Result<T, AppError>>,
{
    const TRIES: u32 = 8;
    for _ in 1..TRIES {
        match attempt().await {
            Err(AppError::Conflict(_)) => {}
            done => return done,
        }
    }
    attempt().await
}

fn fields<S: Subject>(value: &S) -> Map<String, Value> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(value) else { return Map::new() };
    fields.retain(|name, _| name != "version" && !S::HIDDEN.contains(&name.as_str()));
    fields
}

/// The fields in which two states differ, each side as JSON, and the digest of each state.
fn sides<S: Subject>(before: Option<&S>, after: Option<&S>) -> Sides {
    let (mut old, mut new) = (before.map(fields), after.map(fields));
    let digest = |side: &Option<Map<String, Value>>| {
        side.as_ref().map(|side| hex(&Sha256::digest(Value::Object(side.clone()).to_string())))
    };
    let (before_sha256, after_sha256) = (digest(&old), digest(&new));
    if let (Some(old), Some(new)) = (&mut old, &mut new) {
        let same: Vec<String> = old
            .iter()
            .filter(|(name, value)| new.get(*name) == Some(value))
            .map(|(name, _)| name.clone())
            .collect();
        for name in &same {
            old.remove(name);
            new.remove(name);
        }
    }
    let render = |side: Option<Map<String, Value>>| {
        let mut side = side.filter(|side| !side.is_empty())?;
        side.values_mut().for_each(shorten);
        Some(Value::Object(side).to_string())
    };
    Sides { before: render(old), after: render(new), before_sha256, after_sha256 }
}

/// Replaces a long value by its length and digest, because an item holds at most 400 KB.
fn shorten(value: &mut Value) {
    let text = value.to_string();
    if text.len() > MAX_AUDITED_VALUE {
        let digest = hex(&Sha256::digest(text.as_bytes()));
        *value = serde_json::json!({ "bytes": text.len(), "sha256": digest });
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Thing {
        label: &'static str,
        order: u32,
        note: Option<String>,
        secret: &'static str,
        version: u64,
    }

    impl Subject for Thing {
        const HIDDEN: &'static [&'static str] = &["secret"];
        fn subject(&self) -> String {
            "THING#1".to_owned()
        }
    }

    fn thing(label: &'static str, version: u64) -> Thing {
        Thing { label, order: 1, note: None, secret: "s3cret", version }
    }

    #[test]
    fn d24_an_audit_row_holds_only_what_changed_and_the_digest_of_the_whole() {
        let (before, after) = (thing("a", 3), thing("b", 4));
        let told = sides(Some(&before), Some(&after));
        assert_eq!(told.before.as_deref(), Some(r#"{"label":"a"}"#));
        assert_eq!(told.after.as_deref(), Some(r#"{"label":"b"}"#));
        let next = sides(Some(&thing("b", 4)), None);
        assert_eq!((&next.before_sha256, &next.after_sha256), (&told.after_sha256, &None));
        assert_ne!(told.before_sha256, told.after_sha256);
        assert_eq!(
            next.before.as_deref(),
            Some(r#"{"label":"b","note":null,"order":1}"#),
            "no secret, no version"
        );
    }

    #[test]
    fn a_long_value_is_named_by_its_digest() {
        let after = Thing { note: Some("x".repeat(10_000)), ..thing("a", 0) };
        let told = sides(None, Some(&after));
        assert_eq!(told.before, None);
        assert!(told.after.unwrap().contains(r#""note":{"bytes":10002,"sha256":"#));
    }
}
