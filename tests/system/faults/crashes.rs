//! Every crash point: each call of the two workers fails, loses its answer, comes twice, or is the last thing that its
//! worker does. All of them are tried, none is drawn by lot (B10).

use vitrine_store::faults::{Fault, Moment};

use super::{Scene, message};
use crate::walk::{derive, register};

/// What can become of a call and of the worker that makes it.
#[derive(Debug, Clone, Copy)]
enum Mishap {
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

#[tokio::test]
async fn b10_registration_converges_from_every_crash_point() {
    let scene = Scene::new().await;
    let (app, faulty) = scene.stack.faulty_app();
    let clean = scene.arrived().await;
    faulty.heal();
    assert!(register(&app, &[message(&clean)]).await.is_empty());
    let calls = faulty.calls();
    scene.is_registered_once(&clean, "undisturbed").await;

    let mut tried = 1;
    for (number, called) in calls.iter().enumerate() {
        for mishap in MISHAPS {
            let how = format!("call {number}, {called}, {mishap:?}");
            let upload = scene.arrived().await;
            let body = [message(&upload)];
            match mishap {
                Mishap::Call(fault) => {
                    faulty.fail(number, fault);
                    register(&app, &body).await;
                    assert_eq!(faulty.injected(), 1, "{how}");
                }
                Mishap::Killed(moment) => {
                    let survived = faulty.killed_at(number, moment, register(&app, &body)).await;
                    assert_eq!(survived, None, "{how}");
                    assert_eq!(faulty.calls().len(), number + 1, "{how}: it did nothing after that");
                }
            }
            faulty.heal();
            // Whether its worker was done or not, the message may come again.
            for _ in 0..2 {
                assert!(register(&app, &body).await.is_empty(), "{how}");
            }
            scene.is_registered_once(&upload, &how).await;
            tried += 1;
        }
    }
    assert_eq!(scene.count_files().await, tried);
}

#[tokio::test]
async fn b10_thumbnails_converge_from_every_crash_point() {
    let scene = Scene::new().await;
    let (app, faulty) = scene.stack.faulty_app();
    let (clean, asked) = scene.registered().await;
    faulty.heal();
    assert!(derive(&app, &[asked.to_json()]).await.is_empty());
    let calls = faulty.calls();
    scene.is_drawn(&clean, "undisturbed").await;

    for (number, called) in calls.iter().enumerate() {
        for mishap in MISHAPS {
            let how = format!("call {number}, {called}, {mishap:?}");
            let (upload, asked) = scene.registered().await;
            let body = [asked.to_json()];
            match mishap {
                Mishap::Call(fault) => {
                    faulty.fail(number, fault);
                    derive(&app, &body).await;
                    assert_eq!(faulty.injected(), 1, "{how}");
                }
                Mishap::Killed(moment) => {
                    let survived = faulty.killed_at(number, moment, derive(&app, &body)).await;
                    assert_eq!(survived, None, "{how}");
                    assert_eq!(faulty.calls().len(), number + 1, "{how}: it did nothing after that");
                }
            }
            faulty.heal();
            for _ in 0..2 {
                assert!(derive(&app, &body).await.is_empty(), "{how}");
            }
            let file = scene.is_drawn(&upload, &how).await;
            assert_eq!(file.version, 2, "{how}: registered, and drawn once");
        }
    }
}
