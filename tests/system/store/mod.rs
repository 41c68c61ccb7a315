//! The store's adapters against the real engine: what the use cases count on and what only real calls can show.

mod changes;
mod forms;
mod keys;
mod multipart;
mod signatures;
mod sigv4;

use vitrine_app::App;
use vitrine_domain::Timestamp;
use vitrine_domain::audit::{AuditRow, Origin};
use vitrine_domain::ids::UserId;
use vitrine_domain::upload::{Declared, Upload, UploadMethod, UploadPurpose, UploadState};
use vitrine_store::Change;
use vitrine_store::objects::SignedRequest;

use crate::walk::sha256;

/// A number that no call before gave.
fn fresh() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// An instant that no call before gave, so that what is minted at it is new.
fn instant() -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000 + i64::try_from(fresh()).unwrap()).unwrap()
}

/// An upload of `bytes` to `key` that is written down nowhere.
fn upload_to(app: &App, key: &str, bytes: &[u8]) -> Upload {
    let at = instant();
    let id = app.minter.upload(at, fresh());
    Upload {
        purpose: UploadPurpose::File,
        file: app.minter.file(at, fresh()),
        representation: app.minter.representation(at, fresh()),
        mms_id: app.minter.mms(at, fresh()),
        library: "MAIN".parse().unwrap(),
        owner: UserId::system(),
        file_name: "a.txt".to_owned(),
        label: None,
        order: None,
        declared: Declared {
            size_bytes: bytes.len() as u64,
            mime: Some("text/plain".to_owned()),
            sha256: Some(sha256(bytes)),
        },
        method: UploadMethod::Put,
        source_key: key.to_owned(),
        kept_key: format!("kept/{id}"),
        multipart_id: None,
        part_bytes: None,
        supplied_thumbnail: None,
        checkpoint: None,
        watch: None,
        row: None,
        state: UploadState::Issued,
        created_at: at,
        expires_at: at,
        version: 0,
        id,
    }
}

/// A change with nothing in it but its audit row.
fn change(app: &App) -> Change {
    let at = instant();
    Change::new(AuditRow {
        id: app.minter.event(at, fresh()),
        subject: "TEST#1".to_owned(),
        action: "test".to_owned(),
        actor: UserId::system(),
        origin: Origin::Operator,
        request_id: "test".to_owned(),
        at,
        before: None,
        after: None,
        before_sha256: None,
        after_sha256: None,
    })
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

/// Sends what was signed, with a client that is not ours, and returns the status.
fn send(request: &SignedRequest, bytes: &[u8]) -> u16 {
    let mut put = agent().put(&request.url);
    for (name, value) in
        request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
    {
        put = put.header(name, value);
    }
    put.send(bytes).unwrap().status().as_u16()
}
