//! Registration under fire: every call of it fails in turn, before and after its effect; and everything comes twice.

use serde_json::Value;
use vitrine_app::register_file::Message;
use vitrine_store::faults::Fault;
use vitrine_store::queues::Queue;
use vitrine_testing::{Client, Stack};

use crate::walk::{Title, next, red_png, register, text, title, upload};

/// What must be the same whatever happened on the way.
async fn outcome(client: &Client, title: &Title, upload: &Value) -> Value {
    let files = client.get(&title.files()).await.ok();
    let mut file = files["representation_file"][0].clone();
    for changing in ["link", "pid", "path", "thumbnail_url", "created_date", "last_modified_date"] {
        file.as_object_mut().unwrap().remove(changing);
    }
    let upload = client.get(&format!("/uploads/{}", text(upload, "id"))).await.ok();
    serde_json::json!({ "count": files["total_record_count"], "file": file, "upload": upload["state"] })
}

fn message(upload: &Value) -> String {
    Message::Register { upload: text(upload, "id").parse().unwrap(), origin: None }.to_json()
}

#[tokio::test]
async fn b10_registration_converges_whichever_of_its_calls_fails() {
    let stack = Stack::new();
    let client = stack.client().await;
    let (app, faulty) = stack.faulty_app();

    let clean = title(&client).await;
    let sent = upload(&client, &clean.rep, "a.png", &red_png()).await;
    faulty.heal();
    assert!(register(&app, &[message(&sent)]).await.is_empty());
    let calls = faulty.calls();
    let expected = outcome(&client, &clean, &sent).await;
    assert_eq!(expected["count"], 1);

    for (number, called) in calls.iter().enumerate() {
        for fault in [Fault::Before, Fault::After] {
            let title = title(&client).await;
            let sent = upload(&client, &title.rep, "a.png", &red_png()).await;
            faulty.fail(number, fault);
            let again = register(&app, &[message(&sent)]).await;
            faulty.heal();
            // Whether it noticed or not, the message may come again.
            for _ in 0..2 {
                assert!(register(&app, &[message(&sent)]).await.is_empty(), "{} {fault:?} {again:?}", called);
            }
            assert_eq!(outcome(&client, &title, &sent).await, expected, "{} {fault:?}", called);
        }
    }
}

#[tokio::test]
async fn registering_costs_the_same_few_calls_for_any_file() {
    let stack = Stack::new();
    let client = stack.client().await;
    let (app, faulty) = stack.faulty_app();
    let title = title(&client).await;
    let mut costs = Vec::new();
    for _ in 0..12 {
        let sent = upload(&client, &title.rep, "a.png", &red_png()).await;
        faulty.heal();
        assert!(register(&app, &[message(&sent)]).await.is_empty());
        costs.push(faulty.calls());
    }
    assert!(costs.windows(2).all(|pair| pair[0] == pair[1]));
    insta::assert_json_snapshot!(costs[0]);
}

#[tokio::test]
async fn b1_b2_events_that_come_twice_and_in_any_order_make_one_file() {
    let stack = Stack::new();
    let client = stack.client().await;
    let app = stack.app();
    let title = title(&client).await;
    let mut bodies = Vec::new();
    for name in ["a.png", "b.png", "c.png"] {
        upload(&client, &title.rep, name, &red_png()).await;
        bodies.push(next(&app, Queue::Incoming).await);
    }
    let shuffled = [2, 0, 2, 1, 0, 1, 2].map(|at| bodies[at].clone());
    for body in shuffled {
        assert!(register(&app, &[body]).await.is_empty());
    }
    let files = client.get(&title.files()).await.ok();
    assert_eq!(files["total_record_count"], 3);
}

#[tokio::test]
async fn b6_an_object_that_is_not_there_yet_is_tried_again() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let sent = client.post("/uploads", crate::walk::wish(&title.rep, "a.png", &red_png())).await.ok();
    assert_eq!(register(&stack.app(), &[message(&sent)]).await, ["m0"]);
}

#[tokio::test]
async fn b8_one_poisoned_message_does_not_hold_up_the_others() {
    let stack = Stack::new();
    let client = stack.client().await;
    let app = stack.app();
    let title = title(&client).await;
    let mut bodies = vec!["no event".to_owned()];
    for _ in 0..3 {
        let sent = upload(&client, &title.rep, "a.png", &red_png()).await;
        bodies.push(message(&sent));
    }
    assert_eq!(register(&app, &bodies).await, ["m0"]);
    assert_eq!(client.get(&title.files()).await.ok()["total_record_count"], 3);
}

#[tokio::test]
async fn an_object_that_nobody_asked_for_is_put_aside() {
    let stack = Stack::new();
    let app = stack.app();
    let bucket = vitrine_store::objects::Bucket::Incoming;
    app.objects
        .put_small(bucket, "intent/7199990000000000010101", b"x".to_vec().into(), "text/plain", true)
        .await
        .unwrap();
    assert!(register(&app, &[next(&app, Queue::Incoming).await]).await.is_empty());
    assert!(app.objects.head(bucket, "intent/7199990000000000010101", None).await.unwrap().is_none());
    assert_eq!(app.objects.list_versions(bucket, "quarantine/", 10).await.unwrap().len(), 1);
}
