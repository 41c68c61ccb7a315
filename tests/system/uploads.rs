//! Walk 1: from an intent to a registered file with its thumbnail; and what must not become a file.

use serde_json::json;
use vitrine_store::queues::Queue;
use vitrine_testing::{Stack, fetch_signed, send_signed};

use crate::walk::{next, red_png, register, settle, sha256, text, title, upload, wish};

#[tokio::test]
async fn an_uploaded_file_is_registered_checked_and_drawn() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let bytes = red_png();
    let sent = upload(&client, &title.rep, "50% red + blue #1?.png", &bytes).await;
    settle(&stack.app()).await;

    let files = client.get(&title.files()).await.ok();
    assert_eq!(files["total_record_count"], 1);
    let file = &files["representation_file"][0];
    assert_eq!(file["sha256"], sha256(&bytes));
    assert_eq!(
        (file["size"].as_u64(), file["mime_type"].as_str()),
        (Some(bytes.len() as u64), Some("image/png"))
    );
    assert_eq!(file["status"]["value"], "ACTIVE");
    assert_eq!(file["thumbnail"]["state"], "READY");
    assert_eq!(file["file_name"], "50% red + blue #1?.png");
    assert_eq!(client.get(&format!("/uploads/{}", text(&sent, "id"))).await.ok()["state"], "REGISTERED");

    // D13: the link gives the same bytes; B4: under the name that it came with.
    let link = client.get(&format!("{}/{}?expand=url", title.files(), text(file, "pid"))).await.ok();
    assert_eq!(fetch_signed(&text(&link, "url")), (200, bytes));
    let picture = client.get(&format!("/view/delivery/thumbnail/VITRINE/{}", title.mms)).await;
    assert_eq!(picture.status, 302, "{}", picture.text);
    assert_eq!(picture.headers["x-thumbnail-source"], format!("file {}", text(file, "pid")));
    let (status, picture) = fetch_signed(picture.headers["location"].to_str().unwrap());
    assert_eq!((status, picture.starts_with(&[0xff, 0xd8])), (200, true));
}

#[tokio::test]
async fn b16_a_wrong_checksum_leaves_no_file_and_says_why() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    // The client promises nothing to S3, so the bytes arrive; what it promised us does not fit them.
    let mut promised = wish(&title.rep, "a.txt", b"hello");
    promised["sha256"] = json!(sha256(b"other"));
    let sent = client.post("/uploads", promised).await.ok();
    let app = stack.app();
    let key = format!("intent/{}", text(&sent, "id"));
    app.objects
        .put_small(
            vitrine_store::objects::Bucket::Incoming,
            &key,
            b"hello".to_vec().into(),
            "text/plain",
            true,
        )
        .await
        .unwrap();
    assert!(register(&app, &[next(&app, Queue::Incoming).await]).await.is_empty());

    let upload = client.get(&format!("/uploads/{}", text(&sent, "id"))).await.ok();
    assert_eq!(upload["state"], "REJECTED");
    assert!(text(&upload, "reason").contains("SHA-256"), "{upload}");
    assert_eq!(client.get(&title.files()).await.ok()["total_record_count"], 0);
}

#[tokio::test]
async fn b38_a_second_put_to_a_signed_address_is_refused() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let sent = upload(&client, &title.rep, "a.txt", b"hello").await;
    assert_eq!(send_signed(&sent["request"], b"hello"), 412);
}

#[tokio::test]
async fn a_multipart_upload_is_resumed_from_the_parts_that_arrived() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let bytes: Vec<u8> = (0..12_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut wish = wish(&title.rep, "big.bin", &bytes);
    wish["method"] = json!({ "value": "MULTIPART" });
    wish["part_size"] = json!(5 * 1024 * 1024);
    let sent = client.post("/uploads", wish).await.ok();
    assert_eq!(sent["part_count"], 3);
    let id = text(&sent, "id");
    let parts: Vec<&[u8]> = bytes.chunks(5 * 1024 * 1024).collect();

    let sign = |numbers: Vec<usize>| {
        let wanted: Vec<_> =
            numbers.iter().map(|n| json!({ "part_number": n, "sha256": sha256(parts[n - 1]) })).collect();
        let (client, id) = (client.clone(), id.clone());
        async move { client.post(&format!("/uploads/{id}/parts"), json!({ "part": wanted })).await.ok() }
    };
    let first = sign(vec![3, 1]).await;
    assert_eq!(send_signed(&first["request"][0], parts[2]), 200);
    let early = client.post(&format!("/uploads/{id}/complete"), json!({})).await;
    assert_eq!(early.status, 400, "{}", early.text);
    assert_eq!(send_signed(&first["request"][1], parts[0]), 200);

    // Another machine asks what is there and sends the rest.
    let there = client.get(&format!("/uploads/{id}/parts")).await.ok();
    let numbers: Vec<_> =
        there["part"].as_array().unwrap().iter().map(|part| part["part_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 3]);
    let rest = sign(vec![2]).await;
    assert_eq!(send_signed(&rest["request"][0], parts[1]), 200);
    client.post(&format!("/uploads/{id}/complete"), json!({})).await.ok();
    // B17: a second complete is the same answer.
    client.post(&format!("/uploads/{id}/complete"), json!({})).await.ok();
    settle(&stack.app()).await;
    let files = client.get(&title.files()).await.ok();
    assert_eq!(files["representation_file"][0]["sha256"], sha256(&bytes));
    assert_eq!(files["total_record_count"], 1);
}

#[tokio::test]
async fn d10_a_staged_object_becomes_a_file_and_leaves_the_upload_area() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let app = stack.app();
    let bucket = vitrine_store::objects::Bucket::Incoming;
    let key = "VITRINE/upload/7001/1/page 1 + é.png";
    app.objects.put_small(bucket, key, red_png().into(), "image/png", false).await.unwrap();

    let missing = client.post(&title.files(), json!({ "path": "VITRINE/upload/none.png" })).await;
    assert_eq!(missing.status, 400);
    let created = client.post(&title.files(), json!({ "path": key, "label": "Page 1" })).await.ok();
    assert_eq!(created["status"]["value"], "PENDING");
    settle(&app).await;
    let file = client.get(&format!("{}/{}", title.files(), text(&created, "pid"))).await.ok();
    assert_eq!((file["status"]["value"].as_str(), file["label"].as_str()), (Some("ACTIVE"), Some("Page 1")));
    assert_eq!(file["sha256"], sha256(&red_png()));
    assert!(app.objects.head(bucket, key, None).await.unwrap().is_none());
}

#[tokio::test]
async fn b5_an_upload_whose_event_was_lost_is_found_by_the_sweep() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    upload(&client, &title.rep, "a.png", &red_png()).await;
    let app = stack.app();
    drop(next(&app, Queue::Incoming).await);
    crate::publishing::settle(&app).await;

    let mut call = vitrine_testing::operator();
    assert_eq!(app.sweep(&call, &|| true).await.unwrap().due, 0, "nothing is due at once");
    call.now += vitrine_domain::outbox::seconds(15 * 60);
    assert_eq!(app.sweep(&call, &|| true).await.unwrap().waiting, 1);
    settle(&app).await;
    crate::publishing::settle(&app).await;
    assert_eq!(client.get(&title.files()).await.ok()["total_record_count"], 1);
    // What is done is not owed any more: another sweep has nothing to do.
    call.now += vitrine_domain::outbox::seconds(24 * 3600);
    assert_eq!(app.sweep(&call, &|| true).await.unwrap(), Default::default());
}

#[tokio::test]
async fn refuses_wishes_that_can_not_be_and_names_every_field() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let bad = json!({ "representation_id": title.rep, "file_name": "../x", "size": 6_000_000_000_000_u64, "sha256": "zz", "mime_type": "no" });
    let refused = client.post("/uploads", bad).await;
    assert_eq!(refused.status, 400);
    let problem = refused.json();
    let fields: Vec<_> =
        problem["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["file_name", "mime_type", "sha256", "size"]);
    let unknown = client
        .post(
            "/uploads",
            json!({ "representation_id": title.rep, "file_name": "a", "size": 1, "owner": "me" }),
        )
        .await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.json()["fields"][0]["field"].as_str()),
        (400, Some("owner"))
    );
}

#[tokio::test]
async fn t2_a_picture_beside_a_staged_file_wins_and_is_no_file() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let app = stack.app();
    let bucket = vitrine_store::objects::Bucket::Incoming;
    let key = "upload/7001/1/notes.bin";
    app.objects.put_small(bucket, key, vec![7; 64].into(), "application/octet-stream", false).await.unwrap();
    app.objects
        .put_small(bucket, &format!("{key}.thumb"), red_png().into(), "image/png", false)
        .await
        .unwrap();
    client.post(&title.files(), json!({ "path": key })).await.ok();
    settle(&app).await;
    let files = client.get(&title.files()).await.ok();
    assert_eq!(files["total_record_count"], 1);
    assert_eq!(files["representation_file"][0]["thumbnail"]["state"], "READY");
    assert_eq!(files["representation_file"][0]["thumbnail"]["supplied"], true);
    assert!(app.objects.head(bucket, &format!("{key}.thumb"), None).await.unwrap().is_none());
}

#[tokio::test]
async fn t4_t5_a_file_without_a_picture_has_an_icon_until_one_is_uploaded() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    upload(&client, &title.rep, "data.bin", &[7; 64]).await;
    settle(&stack.app()).await;
    let pid = text(&client.get(&title.files()).await.ok()["representation_file"][0], "pid");
    let address = format!("/view/delivery/thumbnail/VITRINE/{pid}");
    let icon = client.get(&address).await;
    assert_eq!(
        (icon.status.as_u16(), icon.headers["x-thumbnail-source"].to_str().unwrap()),
        (200, "icon unsupported")
    );
    assert!(icon.text.contains("PNG"));

    let mut wish = wish(&title.rep, "cover.png", &red_png());
    wish["thumbnail_of"] = json!(pid);
    let sent = client.post("/uploads", wish).await.ok();
    assert_eq!(send_signed(&sent["request"], &red_png()), 200);
    settle(&stack.app()).await;
    assert_eq!(client.get(&address).await.status, 302);
    assert_eq!(client.get(&title.files()).await.ok()["total_record_count"], 1);
}

#[tokio::test]
async fn an_upload_that_was_given_up_leaves_nothing_behind() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let sent = upload(&client, &title.rep, "a.png", &red_png()).await;
    let path = format!("/uploads/{}", text(&sent, "id"));
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.ok()["state"], "ABORTED");
    let app = stack.app();
    let event = next(&app, Queue::Incoming).await;
    assert!(register(&app, &[event]).await.is_empty());
    assert_eq!(client.get(&title.files()).await.ok()["total_record_count"], 0);
    let bucket = vitrine_store::objects::Bucket::Incoming;
    assert!(
        app.objects.head(bucket, &format!("intent/{}", text(&sent, "id")), None).await.unwrap().is_none()
    );
}
