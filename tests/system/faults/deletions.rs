//! Every crash point of taking something back and of purging it (B10, B18): whole or gone, and never there without its bytes.

use serde_json::{Value, json};
use vitrine_app::App;
use vitrine_domain::file::{DigitalFile, Thumbnail};
use vitrine_domain::ids::MmsId;
use vitrine_domain::outbox::{Work, seconds};
use vitrine_domain::removal::{DeletedId, DeletedKind, RemovalState};
use vitrine_store::PageRequest;
use vitrine_store::faults::{Fault, Moment};
use vitrine_store::objects::Bucket;
use vitrine_testing::operator;

use super::Scene;
use super::crashes::{Mishap, at_every_crash_point};
use crate::restore::House;
use crate::walk::{DC, derive, red_png, representation, text, title};

/// What is left by a worker that is killed before a call is what one leaves that is killed after the last.
const MISHAPS: [Mishap; 4] = [
    Mishap::Call(Fault::Before),
    Mishap::Call(Fault::After),
    Mishap::Call(Fault::Twice),
    Mishap::Killed(Moment::After),
];

#[tokio::test]
async fn b10_a_title_is_taken_back_once_from_every_crash_point() {
    let scene = Scene::new().await;
    // Its identifier is another title's too, so that what asks for that is on the way.
    let prepare = async || -> DeletedId {
        let record = json!({ "record_format": { "value": "dc" }, "anies": [DC] });
        let mms = text(&scene.client.post("/bibs", record).await.ok(), "mms_id");
        let members = format!("/bibs/collections/{}/bibs", scene.title.collection);
        scene.client.post(&members, json!({ "mms_id": mms })).await.ok();
        let form = representation("AUXILIARY");
        scene.client.post(&format!("/bibs/{mms}/representations"), form).await.ok();
        assert_eq!(scene.client.delete(&format!("/bibs/{mms}?override=true")).await.status, 204);
        mms.parse().unwrap()
    };
    let work = async |app: &App, id: &DeletedId| {
        let back = app.restore(&operator(), id, true, None).await;
        back.is_ok_and(|back| back.state == RemovalState::Restored)
    };
    let check = async |id: &DeletedId, how: &str| {
        let mms: MmsId = id.to_string().parse().unwrap();
        let bib = scene.app.catalog.bib(&mms).await.unwrap().unwrap();
        assert_eq!((bib.removal, bib.representation_count), (None, 1), "{how}");
        // Made, put into a collection, given a representation, deleted, taken back.
        assert_eq!(bib.version, 5, "{how}: taken back once");
        let page = PageRequest { limit: 100, ..PageRequest::default() };
        let members = scene.app.catalog.members_of(&bib.collections[0], &page).await.unwrap().items;
        assert_eq!(members.iter().filter(|it| it.mms_id == mms).count(), 1, "{how}");
        let listed = scene.app.catalog.deleted(DeletedKind::Title, &page).await.unwrap().items;
        assert!(listed.iter().all(|it| it.mms_id != mms), "{how}");
        let owed = scene.owed().await;
        assert!(owed.iter().all(|(_, work)| *work != Work::PurgeTitle { mms_id: mms.clone() }), "{how}");
        // It leaves the collection again, so that the list stays short.
        let member = format!("/bibs/{mms}?override=true");
        assert_eq!(scene.client.delete(&member).await.status, 204);
    };
    at_every_crash_point(&scene, &MISHAPS, prepare, work, check).await;
}

#[tokio::test]
async fn b10_b18_a_file_is_purged_from_every_crash_point_and_never_there_without_its_bytes() {
    let scene = Scene::new().await;
    let prepare = async || -> (DeletedId, DigitalFile) {
        let (upload, asked) = scene.registered().await;
        assert!(derive(&scene.app, &[asked.to_json()]).await.is_empty());
        let stored = scene.file(&upload).await;
        let file = format!("{}/{}", scene.title.files(), asked.file);
        assert_eq!(scene.client.delete(&file).await.status, 204);
        let purge = format!("/conf/deleted/{}?op=purge", asked.file);
        scene.client.post(&purge, Value::Null).await.ok();
        (DeletedId::File(asked.file), stored)
    };
    let work = async |app: &App, (id, _): &(DeletedId, DigitalFile)| {
        let mut call = operator();
        call.now += seconds(1);
        let swept = app.sweep(&call, &|| true).await;
        let back = scene.app.restore(&call, id, false, None).await;
        assert!(back.is_err(), "its purge began: nothing takes it back");
        swept.is_ok_and(|swept| swept.failed == 0)
    };
    let check = async |(id, stored): &(DeletedId, DigitalFile), how: &str| {
        let file = scene.app.catalog.file(&id.to_string().parse().unwrap()).await.unwrap().unwrap();
        let removal = file.removal.as_ref().unwrap();
        assert!(removal.purged_at.is_some() && file.content.is_none(), "{how}: {file:?}");
        // Registered, drawn, deleted, marked, buried.
        assert_eq!(file.version, 5, "{how}");
        let content = stored.content.as_ref().unwrap();
        let version = content.version_id.as_deref();
        let left = scene.app.objects.head(Bucket::Content, &content.key, version).await.unwrap();
        assert_eq!(left, None, "{how}");
        let Thumbnail::Ready { images, .. } = &stored.thumbnail else { panic!("{stored:?}") };
        for image in images {
            let left = scene.app.objects.head(Bucket::Derivatives, &image.key, None).await.unwrap();
            assert_eq!(left, None, "{how}");
        }
        let purge = Work::PurgeFile { file: file.id.clone() };
        assert!(scene.owed().await.iter().all(|(_, work)| *work != purge), "{how}");
    };
    at_every_crash_point(
        &scene,
        &[Mishap::Call(Fault::After), Mishap::Killed(Moment::After)],
        prepare,
        work,
        check,
    )
    .await;
}

#[tokio::test]
async fn b10_b18_a_title_with_all_below_it_is_purged_from_every_crash_point() {
    let house = House::new().await;
    let (app, faulty) = house.stack.faulty_app();
    let mut undisturbed = 0;
    for number in 0.. {
        let how = format!("killed after call {number}");
        let case = house.with(title(&house.client).await);
        let file = case.add("a.png", &red_png()).await;
        let stored = case.stored(&file).await;
        let id: DeletedId = case.title.mms.parse().unwrap();
        let bib = format!("/bibs/{}?override=true", case.title.mms);
        assert_eq!(case.client.delete(&bib).await.status, 204);
        app.purge(&operator(), &id, None).await.unwrap();
        faulty.heal();
        let sweeps = async {
            for _ in 0..2 {
                let mut call = operator();
                call.now += seconds(1);
                app.sweep(&call, &|| true).await.ok();
            }
        };
        let survived = faulty.killed_at(number, Moment::After, sweeps).await.is_some();
        faulty.heal();
        assert!(app.restore(&operator(), &id, true, None).await.is_err(), "{how}");
        for _ in 0..2 {
            case.sweep(0).await;
        }
        assert!(!case.has_bytes(&stored).await, "{how}");
        for _ in 0..2 {
            case.sweep(1).await;
        }
        let left = case.owed().await;
        assert_eq!(left, [], "{how}");
        let bib = app.catalog.bib(&case.title.mms.parse().unwrap()).await.unwrap().unwrap();
        let form = app.catalog.representation(&case.title.rep.parse().unwrap()).await.unwrap().unwrap();
        let file = case.stored(&file).await;
        let removals = [bib.removal, form.removal, file.removal];
        assert!(removals.iter().all(|it| it.as_ref().unwrap().purged_at.is_some()), "{how}: {removals:?}");
        crate::publishing::settle(&house.app).await;
        undisturbed += u32::from(survived);
        if undisturbed > 0 {
            assert!(number > 45, "{number} calls");
            break;
        }
    }
}
