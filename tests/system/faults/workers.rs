//! Two workers at one message, as when a worker takes longer than the queue waits for it (B9).

use vitrine_store::faults::Moment;

use super::{Scene, message};
use crate::walk::{derive, register};

#[tokio::test]
async fn b9_two_workers_at_one_upload_make_one_file_wherever_the_slow_one_stands() {
    let scene = Scene::new().await;
    let (slow, faulty) = scene.stack.faulty_app();
    let clean = scene.arrived().await;
    faulty.heal();
    assert!(register(&slow, &[message(&clean)]).await.is_empty());
    let calls = faulty.calls();

    let mut tried = 1;
    for (number, called) in calls.iter().enumerate() {
        for moment in [Moment::Before, Moment::After] {
            let how = format!("the slow one stands {moment:?} call {number}, {called}");
            let upload = scene.arrived().await;
            let body = [message(&upload)];
            let held = faulty.hold(number, moment);
            let slow_one = register(&slow, &body);
            let quick_one = async {
                held.reached().await;
                let again = register(&scene.app, &body).await;
                held.release();
                again
            };
            let (slow_again, quick_again) = tokio::join!(slow_one, quick_one);
            assert!(quick_again.is_empty(), "{how}");
            faulty.heal();
            // The slow one may ask for another try; that one finds everything done.
            if !slow_again.is_empty() {
                assert!(register(&slow, &body).await.is_empty(), "{how}");
            }
            scene.is_registered_once(&upload, &how).await;
            tried += 1;
        }
    }
    assert_eq!(scene.count_files().await, tried);
}

#[tokio::test]
async fn b9_two_workers_at_one_file_leave_one_thumbnail_wherever_the_slow_one_stands() {
    let scene = Scene::new().await;
    let (slow, faulty) = scene.stack.faulty_app();
    let (_, asked) = scene.registered().await;
    faulty.heal();
    assert!(derive(&slow, &[asked.to_json()]).await.is_empty());
    let calls = faulty.calls();

    for (number, called) in calls.iter().enumerate() {
        for moment in [Moment::Before, Moment::After] {
            let how = format!("the slow one stands {moment:?} call {number}, {called}");
            let (upload, asked) = scene.registered().await;
            let body = [asked.to_json()];
            let held = faulty.hold(number, moment);
            let quick_one = async {
                held.reached().await;
                let again = derive(&scene.app, &body).await;
                held.release();
                again
            };
            let (slow_again, quick_again) = tokio::join!(derive(&slow, &body), quick_one);
            assert!(quick_again.is_empty() && slow_again.is_empty(), "{how}");
            faulty.heal();
            let file = scene.is_drawn(&upload, &how).await;
            // Drawing the same bytes writes the same keys, and one of the two records them.
            assert_eq!(file.version, 2, "{how}");
        }
    }
}

#[tokio::test]
async fn b9_many_workers_at_once_make_one_file() {
    let scene = Scene::new().await;
    let upload = scene.arrived().await;
    let body = [message(&upload)];
    let one = || register(&scene.app, &body);
    tokio::join!(one(), one(), one(), one(), one(), one(), one(), one());
    assert!(register(&scene.app, &body).await.is_empty());
    scene.is_registered_once(&upload, "eight at once").await;
    assert_eq!(scene.count_files().await, 1);
}
