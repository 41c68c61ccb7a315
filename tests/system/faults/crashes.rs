//! Every crash point: each call of the two workers fails, loses its answer, comes twice, or is the last thing that its
//! worker does. All of them are tried, none is drawn by lot (B10).

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use vitrine_app::register_file::Registered;
use vitrine_app::{App, AppError};
use vitrine_domain::file::{FileStatus, Thumbnail};
use vitrine_domain::ids::UploadId;
use vitrine_domain::outbox::Work;
use vitrine_domain::upload::UploadState;
use vitrine_store::faults::{Fault, Moment};
use vitrine_store::objects::Bucket;
use vitrine_store::queues::Queue;
use vitrine_testing::{operator, send_signed};

use super::{Scene, message};
use crate::walk::{derive, next, red_png, register, sha256, text, wish};

/// What can become of a call and of the worker that makes it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mishap {
    Call(Fault),
    Killed(Moment),
}

const MISHAPS: [Mishap; 5] = [
    Mishap::Call(Fault::Before),
    Mishap::Call(Fault::After),
    Mishap::Call(Fault::Twice),
    Mishap::Killed(Moment::Before),
    Mishap::Killed(Moment::After),
];

/// Prepares a case anew for each call and mishap of `work`, lets it happen, repeats the work twice in good weather and
/// checks what is there then. `work` says whether it is done with. Returns how many cases there were.
pub(super) async fn at_every_crash_point<C>(
    scene: &Scene,
    mishaps: &[Mishap],
    prepare: impl AsyncFn() -> C,
    work: impl AsyncFn(&App, &C) -> bool,
    check: impl AsyncFn(&C, &str),
) -> u64 {
    let (app, faulty) = scene.stack.faulty_app();
    let clean = prepare().await;
    faulty.heal();
    assert!(work(&app, &clean).await);
    let calls = faulty.calls();
    check(&clean, "undisturbed").await;

    let mut tried = 1;
    for (number, called) in calls.iter().enumerate() {
        for &mishap in mishaps {
            let how = format!("call {number}, {called}, {mishap:?}");
            let case = prepare().await;
            match mishap {
                Mishap::Call(fault) => {
                    faulty.fail(number, fault);
                    work(&app, &case).await;
                    assert_eq!(faulty.injected(), 1, "{how}");
                }
                Mishap::Killed(moment) => {
                    let survived = faulty.killed_at(number, moment, work(&app, &case)).await;
                    assert_eq!(survived, None, "{how}");
                    assert_eq!(faulty.calls().len(), number + 1, "{how}: it did nothing after that");
                }
            }
            faulty.heal();
            // Whether its worker was done or not, the message may come again.
            for _ in 0..2 {
                assert!(work(&app, &case).await, "{how}");
            }
            check(&case, &how).await;
            tried += 1;
        }
    }
    tried
}

#[tokio::test]
async fn b10_registration_converges_from_every_crash_point() {
    let scene = Scene::new().await;
    let tried = at_every_crash_point(
        &scene,
        &MISHAPS,
        async || scene.arrived().await,
        async |app, upload| register(app, &[message(upload)]).await.is_empty(),
        async |upload, how| scene.is_registered_once(upload, how).await,
    )
    .await;
    assert_eq!(scene.count_files().await, tried);
}

#[tokio::test]
async fn b10_thumbnails_converge_from_every_crash_point() {
    let scene = Scene::new().await;
    at_every_crash_point(
        &scene,
        &MISHAPS,
        async || scene.registered().await,
        async |app, (_, asked)| derive(app, &[asked.to_json()]).await.is_empty(),
        async |(upload, _), how| {
            let file = scene.is_drawn(upload, how).await;
            assert_eq!(file.version, 2, "{how}: registered, and drawn once");
        },
    )
    .await;
}

#[tokio::test]
async fn b10_b16_a_rejection_converges_from_every_crash_point() {
    let scene = Scene::new().await;
    let app = &scene.app;
    let prepare = async || -> UploadId {
        let mut promised = wish(&scene.title.rep, "a.png", &red_png());
        promised["sha256"] = json!(sha256(b"other"));
        let sent = scene.client.post("/uploads", promised).await.ok();
        let key = format!("intent/{}", text(&sent, "id"));
        app.objects.put_small(Bucket::Incoming, &key, red_png().into(), "image/png", true).await.unwrap();
        text(&sent, "id").parse().unwrap()
    };
    let check = async |id: &UploadId, how: &str| {
        let upload = app.catalog.upload(id).await.unwrap().unwrap();
        assert!(matches!(upload.state, UploadState::Rejected { .. }), "{how}: {:?}", upload.state);
        assert_eq!(upload.version, 2, "{how}");
        assert_eq!(app.catalog.file(&upload.file).await.unwrap(), None, "{how}");
        assert_eq!(
            app.objects.head(Bucket::Incoming, &upload.source_key, None).await.unwrap(),
            None,
            "{how}"
        );
        let aside = format!("quarantine/{}/", upload.source_key);
        let aside = app.objects.list_versions(Bucket::Incoming, &aside, 10).await.unwrap();
        assert!(aside.iter().any(|version| version.is_latest), "{how}: the bytes are kept: {aside:?}");
        assert!(aside.iter().all(|version| version.key == aside[0].key), "{how}: {aside:?}");
        assert!(
            !scene.owed().await.iter().any(|(_, work)| *work == Work::WatchUpload { upload: id.clone() })
        );
    };
    let work = async |app: &App, id: &UploadId| register(app, &[message(id)]).await.is_empty();
    at_every_crash_point(&scene, &MISHAPS, prepare, work, check).await;
    assert_eq!(scene.count_files().await, 0);
}

#[tokio::test]
async fn b10_a_supplied_thumbnail_converges_from_every_crash_point() {
    let scene = Scene::new().await;
    let prepare = async || -> (UploadId, UploadId) {
        let (file, asked) = scene.registered().await;
        assert!(derive(&scene.app, &[asked.to_json()]).await.is_empty());
        let mut cover = wish(&scene.title.rep, "cover.png", &red_png());
        cover["thumbnail_of"] = json!(asked.file);
        let sent = scene.client.post("/uploads", cover).await.ok();
        assert_eq!(send_signed(&sent["request"], &red_png()), 200);
        (file, text(&sent, "id").parse().unwrap())
    };
    let check = async |(file, cover): &(UploadId, UploadId), how: &str| {
        let upload = scene.app.catalog.upload(cover).await.unwrap().unwrap();
        assert!(matches!(upload.state, UploadState::Registered { .. }), "{how}: {:?}", upload.state);
        let file = scene.file(file).await;
        let Thumbnail::Pending { supplied: Some(key) } = &file.thumbnail else {
            panic!("{how}: {:?}", file.thumbnail)
        };
        assert_eq!((file.version, upload.version), (3, 2), "{how}: registered, drawn, given a picture");
        assert!(scene.app.objects.head(Bucket::Derivatives, key, None).await.unwrap().is_some(), "{how}");
        let thumbnail = Work::MakeDerivatives { file: file.id };
        let owed = scene.owed().await;
        assert_eq!(owed.iter().filter(|(_, work)| *work == thumbnail).count(), 1, "{how}");
    };
    let work = async |app: &App, (_, cover): &(UploadId, UploadId)| {
        register(app, &[message(cover)]).await.is_empty()
    };
    at_every_crash_point(&scene, &MISHAPS, prepare, work, check).await;
}

#[tokio::test]
async fn b10_a_staged_file_with_its_picture_converges_from_every_crash_point() {
    let scene = Scene::new().await;
    let app = &scene.app;
    let count = AtomicU32::new(0);
    let prepare = async || -> UploadId {
        let key = format!("upload/7001/1/{}.png", count.fetch_add(1, Ordering::Relaxed));
        for key in [key.clone(), format!("{key}.thumb")] {
            app.objects
                .put_small(Bucket::Incoming, &key, red_png().into(), "image/png", false)
                .await
                .unwrap();
        }
        scene.client.post(&scene.title.files(), json!({ "path": key })).await.ok();
        let sent: serde_json::Value = serde_json::from_str(&next(app, Queue::Incoming).await).unwrap();
        text(&sent, "upload").parse().unwrap()
    };
    let check = async |id: &UploadId, how: &str| {
        let upload = app.catalog.upload(id).await.unwrap().unwrap();
        assert!(matches!(upload.state, UploadState::Registered { .. }), "{how}: {:?}", upload.state);
        let file = scene.file(id).await;
        assert_eq!(
            (file.status, file.version),
            (FileStatus::Active, 2),
            "{how}: asked for, and registered once"
        );
        let Thumbnail::Pending { supplied: Some(key) } = &file.thumbnail else {
            panic!("{how}: {:?}", file.thumbnail)
        };
        assert!(app.objects.head(Bucket::Derivatives, key, None).await.unwrap().is_some(), "{how}");
        assert_eq!(
            app.objects.head(Bucket::Incoming, &upload.source_key, None).await.unwrap(),
            None,
            "{how}"
        );
        let thumbnail = Work::MakeDerivatives { file: file.id };
        assert_eq!(scene.owed().await.iter().filter(|(_, work)| *work == thumbnail).count(), 1, "{how}");
    };
    let work = async |app: &App, id: &UploadId| register(app, &[message(id)]).await.is_empty();
    at_every_crash_point(&scene, &MISHAPS, prepare, work, check).await;
}

#[tokio::test]
async fn b10_a_registration_over_several_invocations_converges_from_every_crash_point() {
    let scene = Scene::new().await;
    let bytes: Vec<u8> = (0..700_000_u32).map(|number| (number % 251) as u8).collect();
    let prepare = async || -> UploadId {
        let sent = crate::walk::upload(&scene.client, &scene.title.rep, "large.bin", &bytes).await;
        text(&sent, "id").parse().unwrap()
    };
    // The first invocation runs out of time while it reads; the next one goes on.
    let work = async |app: &App, id: &UploadId| {
        let asked = AtomicU32::new(0);
        let time_left = || asked.fetch_add(1, Ordering::Relaxed) >= 1;
        for _ in 0..2 {
            match app.register_file(&operator(), id, &time_left).await {
                Ok(Registered::Continues { .. }) => {}
                done => return done.is_ok(),
            }
        }
        panic!("{id} was not registered in two invocations")
    };
    let check = async |id: &UploadId, how: &str| {
        let upload = scene.app.catalog.upload(id).await.unwrap().unwrap();
        assert!(matches!(upload.state, UploadState::Registered { .. }), "{how}: {:?}", upload.state);
        assert_eq!(upload.checkpoint, None, "{how}");
        let file = scene.file(id).await;
        assert_eq!((file.status, file.version), (FileStatus::Active, 1), "{how}");
        assert_eq!(file.content.unwrap().sha256, sha256(&bytes), "{how}");
        assert_eq!(scene.app.objects.head(Bucket::Incoming, &upload.source_key, None).await.unwrap(), None);
    };
    // What is left by a worker that is killed before a call is what one leaves that is killed after the last.
    let mishaps = [Mishap::Call(Fault::Before), Mishap::Call(Fault::After), Mishap::Killed(Moment::After)];
    let tried = at_every_crash_point(&scene, &mishaps, prepare, work, check).await;
    assert!(tried > 3 * 12, "two invocations make more calls than one: {tried}");
    assert_eq!(scene.count_files().await, tried);
}

/// Registers as if the store copied nothing as a whole. The engine takes only a last part that is small: there is one.
async fn register_in_parts(app: &App, id: &UploadId) -> Result<(), AppError> {
    let mut app = app.clone();
    app.objects.copy_limits.whole_bytes = 0;
    // A copy that has to begin anew asks for another message.
    for _ in 0..3 {
        match app.register_file(&operator(), id, &|| true).await {
            Ok(Registered::Continues { .. }) => {}
            done => return done.map(drop),
        }
    }
    panic!("{id} was not registered in three invocations")
}

#[tokio::test]
async fn b10_a_copy_in_parts_converges_from_every_crash_point() {
    let scene = Scene::new().await;
    let is_whole = async |id: &UploadId, how: &str| {
        let upload = scene.app.catalog.upload(id).await.unwrap().unwrap();
        assert!(matches!(upload.state, UploadState::Registered { .. }), "{how}: {:?}", upload.state);
        let file = scene.file(id).await;
        assert_eq!((file.status, file.version), (FileStatus::Active, 1), "{how}");
        assert_eq!(scene.app.objects.head(Bucket::Incoming, &upload.source_key, None).await.unwrap(), None);
        let content = file.content.unwrap();
        let kept = scene.app.objects.read_small(Bucket::Content, &content.key, 1 << 20).await.unwrap();
        assert_eq!(sha256(&kept), content.sha256, "{how}");
    };
    let work = async |app: &App, id: &UploadId| register_in_parts(app, id).await.is_ok();
    let tried = at_every_crash_point(&scene, &MISHAPS, async || scene.arrived().await, work, is_whole).await;
    assert!(tried > 5 * 14, "a copy in parts makes more calls than a whole one: {tried}");
    assert_eq!(scene.count_files().await, tried);
}

#[tokio::test]
async fn b5_what_replaces_a_staged_object_is_never_taken_for_what_a_dead_worker_copied() {
    let scene = Scene::new().await;
    let size = 900;
    let (app, faulty) = scene.stack.faulty_app();
    let put = async |key: &str, fill: u8| {
        let bytes = vec![fill; usize::try_from(size).unwrap()];
        let objects = &scene.app.objects;
        objects.put_small(Bucket::Incoming, key, bytes.into(), "text/plain", false).await.unwrap();
    };
    let stage = async |number: usize| -> (String, UploadId) {
        let key = format!("upload/7002/1/{number}.txt");
        put(&key, b'a').await;
        scene.client.post(&scene.title.files(), json!({ "path": key })).await.ok();
        let sent: serde_json::Value = serde_json::from_str(&next(&scene.app, Queue::Incoming).await).unwrap();
        (key, text(&sent, "upload").parse().unwrap())
    };
    let (_, clean) = stage(0).await;
    faulty.heal();
    register_in_parts(&app, &clean).await.unwrap();
    let calls = faulty.calls();
    let copied = calls.iter().position(|call| call.contains("CompleteMultipartUpload")).unwrap();
    let recorded = calls.iter().rposition(|call| call.contains("TransactWriteItems")).unwrap();
    let mut refused = 0;
    for (number, call) in calls.iter().enumerate().take(recorded) {
        let (key, id) = stage(number + 1).await;
        assert!(faulty.killed_at(number, Moment::After, register_in_parts(&app, &id)).await.is_none());
        faulty.heal();
        put(&key, b'b').await;
        register_in_parts(&scene.app, &id).await.unwrap();
        let upload = scene.app.catalog.upload(&id).await.unwrap().unwrap();
        let content = scene.app.catalog.file(&upload.file).await.unwrap().and_then(|file| file.content);
        let how = format!("killed after call {number}, {call}");
        match (&upload.state, content) {
            (UploadState::Registered { .. }, Some(content)) => {
                let kept = scene.app.objects.read_small(Bucket::Content, &content.key, size).await.unwrap();
                assert_eq!(sha256(&kept), content.sha256, "{how}");
                assert_eq!(kept[0], b'b', "{how}");
            }
            (UploadState::Rejected { .. }, None) => refused += 1,
            (state, content) => panic!("{how}: {state:?} {content:?}"),
        }
    }
    assert_eq!(refused, recorded - copied, "only where the first bytes were copied already");
}
