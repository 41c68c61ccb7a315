//! Changes: once, whole, in order, and with an error that says what is wrong.

use std::collections::BTreeSet;

use vitrine_domain::ids::UploadId;
use vitrine_domain::outbox::{OutboxRow, SHARDS, Work, seconds};
use vitrine_domain::upload::Upload;
use vitrine_store::change::MAX_ITEMS;
use vitrine_store::faults::Fault;
use vitrine_store::keys::{Item, Key};
use vitrine_store::{Change, CommitError, MAX_ITEM_BYTES, StoreError};
use vitrine_testing::Stack;

use super::{change, fresh, instant, upload_to};
use vitrine_app::App;

fn owed(app: &App, due_in_seconds: i64) -> OutboxRow {
    let at = instant();
    OutboxRow {
        id: app.minter.event(at, fresh()),
        work: Work::WatchUpload { upload: app.minter.upload(at, fresh()) },
        due_at: at + seconds(due_in_seconds),
        attempts: 0,
        created_at: at,
        version: 0,
    }
}

async fn version_of(app: &App, id: &UploadId) -> Option<u64> {
    app.catalog.upload(id).await.unwrap().map(|upload| upload.version)
}

#[tokio::test]
async fn committing_one_event_again_is_one_effect_even_when_its_token_is_forgotten() {
    let stack = Stack::new();
    let (app, faulty) = stack.faulty_app();
    let upload = upload_to(&app, "intent/1", b"hello");
    let mut creation = change(&app);
    creation.create(&upload).unwrap();
    app.catalog.commit(&creation).await.unwrap();
    app.catalog.commit(&creation).await.unwrap();
    let stored = app.catalog.upload(&upload.id).await.unwrap().unwrap();
    assert_eq!(stored.version, 1);

    let mut edit = change(&app);
    edit.replace(&Upload { label: Some("new".to_owned()), ..stored.clone() }).unwrap();
    app.catalog.commit(&edit).await.unwrap();
    for repeated in [&edit, &creation] {
        faulty.fail_all("DynamoDB.TransactWriteItems", Fault::TokenForgotten);
        app.catalog.commit(repeated).await.unwrap();
        assert_eq!(faulty.injected(), 1);
    }
    faulty.heal();
    assert_eq!(version_of(&app, &upload.id).await, Some(2));

    // Another event that expects what is no longer so is told so, and changes nothing.
    let mut late = change(&app);
    late.replace(&Upload { label: Some("late".to_owned()), ..stored }).unwrap();
    assert!(matches!(app.catalog.commit(&late).await, Err(CommitError::Changed("upload"))));
    let mut twin = change(&app);
    twin.create(&upload).unwrap();
    twin.create(&owed(&app, 0)).unwrap();
    assert!(matches!(app.catalog.commit(&twin).await, Err(CommitError::Exists("upload"))));
    assert_eq!(app.catalog.upload(&upload.id).await.unwrap().unwrap().label.as_deref(), Some("new"));
}

#[tokio::test]
async fn an_answer_that_was_lost_does_not_make_a_change_twice() {
    let stack = Stack::new();
    let (app, faulty) = stack.faulty_app();
    let upload = upload_to(&app, "intent/1", b"hello");
    let mut creation = change(&app);
    creation.create(&upload).unwrap();
    faulty.fail(0, Fault::After);
    let lost = app.catalog.commit(&creation).await;
    assert!(matches!(lost, Err(CommitError::Store(StoreError::Unavailable { .. }))), "{lost:?}");
    faulty.heal();
    app.catalog.commit(&creation).await.unwrap();
    assert_eq!(version_of(&app, &upload.id).await, Some(1));
}

#[tokio::test]
async fn events_of_one_instant_with_one_id_do_not_stand_in_each_others_way() {
    let stack = Stack::new();
    let app = stack.app();
    let at = instant();
    let id = app.minter.event(at, 7);
    for subject in ["UPLOAD#1", "UPLOAD#2"] {
        let row = vitrine_domain::audit::AuditRow {
            id: id.clone(),
            subject: subject.to_owned(),
            action: "test".to_owned(),
            actor: vitrine_domain::ids::UserId::system(),
            origin: vitrine_domain::audit::Origin::Sweep,
            request_id: "test".to_owned(),
            at,
            before: None,
            after: None,
            before_sha256: None,
            after_sha256: None,
        };
        let upload = upload_to(&app, subject, b"hello");
        let mut creation = Change::new(row.clone());
        creation.create(&upload).unwrap();
        app.catalog.commit(&creation).await.unwrap();
        assert_eq!(version_of(&app, &upload.id).await, Some(1), "{subject}");

        // The same subject too: then it is not the same change, and not taken for it.
        let mut other = Change::new(row);
        other.create(&upload_to(&app, subject, b"other")).unwrap();
        assert!(matches!(app.catalog.commit(&other).await, Err(CommitError::Exists("audit row"))));
    }
}

#[tokio::test]
async fn a_change_that_can_not_fit_is_refused_before_it_is_sent() {
    let stack = Stack::new();
    let (app, faulty) = stack.faulty_app();
    faulty.heal();
    let mut many = change(&app);
    for _ in 0..MAX_ITEMS - 1 {
        many.create(&owed(&app, 0)).unwrap();
    }
    assert_eq!(many.len(), MAX_ITEMS);
    app.catalog.commit(&many).await.unwrap();
    assert_eq!(faulty.calls().len(), 1);

    many.create(&owed(&app, 0)).unwrap();
    faulty.heal();
    let refused = app.catalog.commit(&many).await.unwrap_err();
    assert!(matches!(refused, CommitError::Store(StoreError::TooLarge(101))), "{refused:?}");
    assert_eq!(faulty.calls(), [""; 0]);
}

#[tokio::test]
async fn an_item_is_as_large_as_the_table_says_and_a_larger_one_is_named_before_it_is_sent() {
    let stack = Stack::new();
    let (app, faulty) = stack.faulty_app();
    let mut upload = upload_to(&app, "intent/1", b"hello");
    let with_label =
        |upload: &Upload, length: usize| Upload { label: Some("é".repeat(length / 2)), ..upload.clone() };
    // Find the largest by what the refusal says of one that is too large.
    let mut large = change(&app);
    large.create(&with_label(&upload, MAX_ITEM_BYTES)).unwrap();
    faulty.heal();
    let refused = app.catalog.commit(&large).await.unwrap_err();
    let CommitError::Store(StoreError::ItemTooLarge { kind, key, size_bytes }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((kind, key.as_str()), ("upload", upload.key().pk.as_str()));
    assert_eq!(faulty.calls(), [""; 0]);
    let error = vitrine_app::AppError::from(StoreError::ItemTooLarge { kind, key, size_bytes });
    assert!(matches!(error, vitrine_app::AppError::Invalid(_)), "{error:?}");

    // The engine counts as we do, but for a byte or two of a number.
    let rest = size_bytes - MAX_ITEM_BYTES;
    let fits = with_label(&upload, (MAX_ITEM_BYTES - rest - 4) / 2 * 2);
    let mut largest = change(&app);
    largest.create(&fits).unwrap();
    app.catalog.commit(&largest).await.unwrap();
    upload = app.catalog.upload(&upload.id).await.unwrap().unwrap();
    assert_eq!(upload.label, fits.label);

    // Eleven of them are more than one transaction takes.
    let mut heavy = change(&app);
    for _ in 0..11 {
        heavy.create(&with_label(&upload_to(&app, "intent/2", b"x"), MAX_ITEM_BYTES - 2_000)).unwrap();
    }
    faulty.heal();
    let refused = app.catalog.commit(&heavy).await.unwrap_err();
    assert!(matches!(refused, CommitError::Store(StoreError::TooManyBytes(_))), "{refused:?}");
    assert_eq!(faulty.calls(), [""; 0]);
}

#[tokio::test]
async fn what_the_table_refuses_for_good_is_said_and_not_tried_again() {
    let stack = Stack::new();
    // The SDK would try four times, the commit six.
    let (app, faulty) = stack.faulty_app_trying(4);
    let mut bad_key = change(&app);
    bad_key.forget("upload", Key { pk: String::new(), sk: "UPLOAD".to_owned() });
    faulty.heal();
    let refused = app.catalog.commit(&bad_key).await.unwrap_err();
    let CommitError::Store(StoreError::Refused { operation, code, .. }) = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!((*operation, code.starts_with("Validation")), ("TransactWriteItems", true), "{code}");
    assert_eq!(faulty.calls().len(), 1);

    let mut any = change(&app);
    any.create(&owed(&app, 0)).unwrap();
    faulty.fail_all("DynamoDB.", Fault::Denied);
    let refused = app.catalog.commit(&any).await.unwrap_err();
    assert_eq!(faulty.calls().len(), 1);
    let CommitError::Store(store) = refused else { panic!("{refused:?}") };
    assert!(!store.is_retryable());
    assert_eq!(
        store.to_string(),
        "the table refused `TransactWriteItems` of the request: `AccessDeniedException`"
    );
    assert!(matches!(vitrine_app::AppError::from(store), vitrine_app::AppError::Internal(_)));

    let read = app.catalog.upload(&upload_to(&app, "intent/1", b"x").id).await.unwrap_err();
    assert!(matches!(read, StoreError::Refused { operation: "GetItem", .. }), "{read:?}");
    assert_eq!(faulty.calls().len(), 2);

    faulty.fail_all("S3.", Fault::Denied);
    let refused = app.objects.head(vitrine_store::objects::Bucket::Incoming, "k", None).await.unwrap_err();
    assert!(!refused.is_retryable());
    faulty.fail_all("SQS.", Fault::Denied);
    let refused = app.queues.send(vitrine_store::queues::Queue::Incoming, "x").await.unwrap_err();
    assert!(!refused.is_retryable(), "{refused}");
}

#[tokio::test]
async fn due_rows_come_in_the_order_in_which_they_fell_due_and_not_before() {
    let stack = Stack::new();
    let app = stack.app();
    let mut rows: Vec<OutboxRow> = (0..90_i64).map(|number| owed(&app, (number * 37) % 90 * 60)).collect();
    for part in rows.chunks(30) {
        let mut creation = change(&app);
        for row in part {
            creation.create(row).unwrap();
        }
        app.catalog.commit(&creation).await.unwrap();
    }
    rows.sort_by_key(|row| row.due_at);
    let now = rows[59].due_at;
    let (mut found, mut shards) = (BTreeSet::new(), 0);
    for shard in 0..SHARDS {
        let due = app.catalog.due(shard, now, 1000).await.unwrap();
        assert!(due.windows(2).all(|pair| pair[0].due_at <= pair[1].due_at), "{due:?}");
        assert!(due.iter().all(|row| row.due_at <= now), "what falls due in this very instant is due");
        let first: Vec<_> = due.iter().take(2).cloned().collect();
        assert_eq!(app.catalog.due(shard, now, 2).await.unwrap(), first, "the oldest first");
        shards += u8::from(!due.is_empty());
        found.extend(due.into_iter().map(|row| row.id));
    }
    assert_eq!(found, rows[..60].iter().map(|row| row.id.clone()).collect());
    assert!(shards > SHARDS / 2, "{shards}");
}
