//! Starting a change: its event id and its audit row with the fields that differ.

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{ApiKey, User};
use vitrine_domain::audit::AuditRow;
use vitrine_domain::bib::BibRecord;
use vitrine_domain::collection::Collection;
use vitrine_domain::file::DigitalFile;
use vitrine_domain::ids::EventId;
use vitrine_domain::import::ingest::Ingest;
use vitrine_domain::import::profile::ImportProfile;
use vitrine_domain::import::row::RowResult;
use vitrine_domain::job::Job;
use vitrine_domain::library::Library;
use vitrine_domain::outbox::{OutboxRow, Work};
use vitrine_domain::representation::Representation;
use vitrine_domain::rights::AccessRightsPolicy;
use vitrine_domain::structure::Structure;
use vitrine_domain::upload::Upload;
use vitrine_store::keys::Versioned;
use vitrine_store::{Change, CommitError};

use crate::{App, AppError, Call, Rule};

/// Something that audit rows are about.
pub trait Subject: Serialize {
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
    ApiKey, "KEY", id;
    Library, "LIBRARY", code;
    AccessRightsPolicy, "POLICY", id;
    ImportProfile, "PROFILE", id;
    Job, "JOB", id;
);

impl Subject for Ingest {
    fn subject(&self) -> String {
        format!("INGEST#{}#{}", self.profile, self.id)
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
        let subject = after.or(before).map(Subject::subject).unwrap_or_default();
        let (before, after) = differences(before, after);
        Change::new(AuditRow {
            id: self.minter.event(call.now, self.random()),
            subject,
            action: action.to_owned(),
            actor: call.actor.id.clone(),
            origin: call.origin,
            request_id: call.request_id.clone(),
            at: call.now,
            before,
            after,
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
        Ok(self.catalog.commit(&change).await?)
    }

    /// Commits a change that claims a name; `taken` where another thing has it. `claim` is the kind of the claim.
    pub(crate) async fn commit_named(
        &self,
        change: &Change,
        claim: &'static str,
        taken: Rule,
    ) -> Result<(), AppError> {
        match self.catalog.commit(change).await {
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

fn fields<S: Serialize>(value: Option<&S>) -> Map<String, Value> {
    match value.map(serde_json::to_value) {
        Some(Ok(Value::Object(fields))) => fields,
        _ => Map::new(),
    }
}

/// The fields in which two states differ, each side as JSON; `None` for a side that has none.
fn differences<S: Serialize>(before: Option<&S>, after: Option<&S>) -> (Option<String>, Option<String>) {
    let (mut old, mut new) = (fields(before), fields(after));
    if before.is_some() && after.is_some() {
        old.retain(|name, value| new.get(name) != Some(value));
        let old_names: Vec<String> = old.keys().cloned().collect();
        let all = fields(before);
        new.retain(|name, _| old_names.contains(name) || !all.contains_key(name));
    }
    let render = |mut side: Map<String, Value>| {
        side.remove("version");
        for value in side.values_mut() {
            shorten(value);
        }
        (!side.is_empty()).then(|| Value::Object(side).to_string())
    };
    (render(old), render(new))
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
pub(crate) fn hex(bytes: &[u8]) -> String {
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
        version: u64,
    }

    #[test]
    fn an_audit_row_holds_only_what_changed() {
        let before = Thing { label: "a", order: 1, note: None, version: 3 };
        let after = Thing { label: "b", order: 1, note: None, version: 4 };
        let (old, new) = differences(Some(&before), Some(&after));
        assert_eq!(old.as_deref(), Some(r#"{"label":"a"}"#));
        assert_eq!(new.as_deref(), Some(r#"{"label":"b"}"#));
    }

    #[test]
    fn a_long_value_is_named_by_its_digest() {
        let after = Thing { label: "a", order: 1, note: Some("x".repeat(10_000)), version: 0 };
        let (old, new) = differences(None, Some(&after));
        assert_eq!(old, None);
        assert!(new.unwrap().contains(r#""note":{"bytes":10002,"sha256":"#));
    }
}
