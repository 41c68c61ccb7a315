//! Multipart uploads as clients and bad connections treat them (B17).

use vitrine_app::App;
use vitrine_domain::Timestamp;
use vitrine_store::objects::{Bucket, ObjectsError, PartChecksums};
use vitrine_testing::Stack;

use super::send;
use crate::walk::sha256;

const PART_BYTES: usize = 5 * 1024 * 1024;

fn part(fill: u8, length: usize) -> Vec<u8> {
    vec![fill; length]
}

async fn begin(app: &App, key: &str) -> String {
    app.objects.create_multipart(key, Some("image/tiff"), PartChecksums::Sha256).await.unwrap()
}

async fn send_part(app: &App, key: &str, id: &str, number: u16, bytes: &[u8]) {
    let (length, digest) = (bytes.len() as u64, sha256(bytes));
    let signed =
        app.objects.presign_part(key, id, number, length, Some(&digest), Timestamp::now()).await.unwrap();
    assert_eq!(send(&signed, bytes), 200);
}

#[tokio::test]
async fn b17_a_part_sent_again_counts_once_and_completing_again_is_the_same_answer() {
    let stack = Stack::new();
    let app = stack.app();
    let (key, objects) = ("intent/1", &app.objects);
    let id = begin(&app, key).await;
    send_part(&app, key, &id, 2, &part(b'z', 100)).await;
    send_part(&app, key, &id, 1, &part(b'x', PART_BYTES)).await;
    send_part(&app, key, &id, 1, &part(b'a', PART_BYTES)).await;
    let parts = objects.list_parts(key, &id).await.unwrap();
    let found: Vec<_> = parts.iter().map(|part| (part.number, part.size_bytes)).collect();
    assert_eq!(found, [(1, Some(PART_BYTES as u64)), (2, Some(100))]);
    assert_eq!(parts[0].sha256, Some(sha256(&part(b'a', PART_BYTES))), "the last one counts");

    let backwards: Vec<_> = parts.iter().rev().cloned().collect();
    let first = objects.complete_multipart(key, &id, &backwards).await.unwrap();
    let again = objects.complete_multipart(key, &id, &parts).await.unwrap();
    assert_eq!((&again.version_id, &again.etag), (&first.version_id, &first.etag));
    assert!(!first.was_there);
    let versions = objects.list_versions(Bucket::Incoming, key, 10).await.unwrap();
    assert_eq!(versions.len(), 1);

    // Giving up what is complete harms nothing, and completing what was given up is an error.
    objects.abort_multipart(key, &id).await.unwrap();
    objects.abort_multipart(key, &id).await.unwrap();
    let mut whole = part(b'a', PART_BYTES);
    whole.extend(part(b'z', 100));
    let read = objects.read_small(Bucket::Incoming, key, 10_000_000).await.unwrap();
    assert_eq!(sha256(&read), sha256(&whole));
    assert!(matches!(objects.list_parts(key, &id).await, Err(ObjectsError::NotFound { .. })));
}

#[tokio::test]
async fn b17_what_was_given_up_can_not_be_completed() {
    let stack = Stack::new();
    let app = stack.app();
    let key = "intent/1";
    let id = begin(&app, key).await;
    send_part(&app, key, &id, 1, b"hello").await;
    let parts = app.objects.list_parts(key, &id).await.unwrap();
    app.objects.abort_multipart(key, &id).await.unwrap();
    let completed = app.objects.complete_multipart(key, &id, &parts).await;
    assert!(matches!(completed, Err(ObjectsError::NotFound { .. })), "{completed:?}");
    assert_eq!(app.objects.head(Bucket::Incoming, key, None).await.unwrap(), None);
}

#[tokio::test]
async fn something_else_at_the_key_is_not_taken_for_the_upload() {
    let stack = Stack::new();
    let app = stack.app();
    let key = "intent/1";
    let put =
        |bytes: &'static [u8]| app.objects.put_small(Bucket::Incoming, key, bytes.into(), "text/plain", true);

    // Another object came first: the key stays as it is.
    let id = begin(&app, key).await;
    send_part(&app, key, &id, 1, b"hello").await;
    let parts = app.objects.list_parts(key, &id).await.unwrap();
    put(b"other").await.unwrap();
    let completed = app.objects.complete_multipart(key, &id, &parts).await;
    assert!(matches!(completed, Err(ObjectsError::PreconditionFailed { .. })), "{completed:?}");
    assert_eq!(app.objects.read_small(Bucket::Incoming, key, 100).await.unwrap(), b"other");

    // So does another upload to the same key, completed first; the one that was is known again by its parts.
    let (key, bytes) = ("intent/2", [b"hello", b"other"]);
    let mut opened = Vec::new();
    for bytes in bytes {
        let id = begin(&app, key).await;
        send_part(&app, key, &id, 1, bytes).await;
        let parts = app.objects.list_parts(key, &id).await.unwrap();
        opened.push((id, parts));
    }
    let [(first, its_parts), (second, other_parts)] = &opened[..] else { panic!("two") };
    let made = app.objects.complete_multipart(key, first, its_parts).await.unwrap();
    let completed = app.objects.complete_multipart(key, second, other_parts).await;
    assert!(matches!(completed, Err(ObjectsError::PreconditionFailed { .. })), "{completed:?}");
    let again = app.objects.complete_multipart(key, second, its_parts).await.unwrap();
    assert!(again.was_there);
    assert_eq!((again.version_id, again.etag), (made.version_id, made.etag));
}

#[tokio::test]
async fn a_part_whose_bytes_are_not_those_that_were_signed_for_is_refused() {
    let stack = Stack::new();
    let app = stack.app();
    let key = "intent/1";
    let id = begin(&app, key).await;
    let digest = sha256(b"hello");
    let signed = app.objects.presign_part(key, &id, 1, 5, Some(&digest), Timestamp::now()).await.unwrap();
    assert_eq!(send(&signed, b"hallo"), 400);
    assert_eq!(app.objects.list_parts(key, &id).await.unwrap(), []);
}
