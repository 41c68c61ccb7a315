//! Marked copies: whatever a decision gives only with a mark leaves with it or not at all, by every door (A14; B43).

use serde_json::{Value, json};
use vitrine_app::delivery::{Asked, Given, Visit, Wanted};
use vitrine_app::make_derivatives::{MarkMessage, Marked};
use vitrine_app::{App, Call};
use vitrine_domain::outbox::seconds;
use vitrine_domain::rights::Viewer;
use vitrine_domain::rights::watermark::{ASKED_SECONDS, MARKED_SECONDS, WISH_SECONDS};
use vitrine_store::faults::{Fault, Moment};
use vitrine_store::objects::Bucket;
use vitrine_store::queues::Queue;
use vitrine_testing::{Answer, Stack, fetch_signed, operator};

use super::{Shelf, by_default, header, see, shelf, shelf_of};
use crate::walk::{derive, next, red_png, tools};

fn marking(text: &str) -> Value {
    by_default(json!({ "effect": "ALLOW", "permission": "VIEW_AND_DOWNLOAD", "watermark": text }))
}

/// Whether the queue of derivatives holds nothing.
async fn is_idle(app: &App) -> bool {
    app.queues.receive(Queue::Marks, 1, 0).await.unwrap().is_empty()
}

fn assert_waits(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), header(answer, "retry-after")), (503, "5"), "{}", answer.text);
    assert_eq!(header(answer, "cache-control"), "private, no-store");
    assert!(!answer.headers.contains_key("location"));
    if !answer.text.is_empty() {
        assert_eq!(answer.json()["reason"], "MARKING");
    }
}

fn assert_refused(answer: &Answer, what: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.json()["reason"].as_str()),
        (403, Some("WATERMARK")),
        "{what}"
    );
    assert!(!answer.headers.contains_key("location"), "{what}");
}

#[tokio::test]
async fn a14_each_viewer_gets_a_copy_of_its_own_that_is_asked_for_once() {
    let stack = Stack::new().with_sign_in();
    let app = stack.app();
    let shelf = shelf_of(stack, "page 1.png", &red_png()).await;
    shelf.govern(marking("Copy for {user}, {date}")).await;
    shelf.staff.put("/users/fay", json!({ "full_name": "fay" })).await.ok();
    let fay = shelf.staff.signed_in("fay").at_address("203.0.113.1");
    let content = format!("{}/content", shelf.file);
    let path = format!("/view/delivery/VITRINE/{content}");
    let mut copies = Vec::new();
    for who in [&shelf.anyone, &fay] {
        for method in ["GET", "HEAD", "GET"] {
            assert_waits(&who.send(method, &path, &[], String::new()).await);
        }
        assert_waits(&see(who, &format!("{}/download", shelf.file)).await);
        let message = next(&app, Queue::Marks).await;
        assert!(is_idle(&app).await, "asked for once");
        assert!(!message.contains("fay") && !message.contains("Copy"), "{message}");
        // Delivered twice, it is made once.
        assert!(derive(&app, &[message.clone(), message]).await.is_empty());

        let answer = see(who, &content).await;
        assert_eq!((answer.status.as_u16(), header(&answer, "cache-control")), (302, "private, no-store"));
        let link = header(&answer, "location").to_owned();
        assert!(
            link.contains("-derivatives-0") && link.contains("/marked/") && !link.contains("fay"),
            "{link}"
        );
        let (status, copy) = fetch_signed(&link);
        assert_eq!((status, &copy[..3]), (200, &b"\xff\xd8\xff"[..]));
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let part = agent.get(&link).header("range", "bytes=1-3").call().unwrap();
        assert_eq!(
            (part.status().as_u16(), &part.headers()["content-type"]),
            (206, &"image/jpeg".parse().unwrap())
        );
        let shown = part.headers()["content-disposition"].to_str().unwrap();
        assert!(shown.starts_with("inline; filename=\"page 1.jpeg\""), "{shown}");
        let head = who.send("HEAD", &path, &[], String::new()).await;
        assert_eq!(head.status, 302);
        let ranged = who.send("GET", &path, &[("range", "bytes=0-1")], String::new()).await;
        assert!(header(&ranged, "location").contains("/marked/"));
        let saved = see(who, &format!("{}/download", shelf.file)).await;
        let saved = agent.get(header(&saved, "location")).call().unwrap();
        assert!(saved.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; "));
        copies.push(copy);
    }
    assert_ne!(copies[0], copies[1], "each its own");
    // Staff see the thing itself.
    let staff = see(&shelf.staff, &content).await;
    assert_eq!(fetch_signed(header(&staff, "location")), (200, red_png()));
    assert!(is_idle(&app).await);
}

#[tokio::test]
async fn a14_what_can_not_be_marked_is_not_given() {
    let policy = marking("{user}");
    for (name, bytes) in [
        ("notes.txt", &b"Call me Ishmael.\n"[..]),
        ("talk.vtt", b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n"),
        ("page.html", b"<!DOCTYPE html><html></html>"),
        ("bell.mp3", b"ID3\x03\0\0\0\0\0\0"),
        ("film.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
        ("a.zip", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ("data.bin", b"\x01\x02\x03\x04"),
    ] {
        let shelf = shelf_of(Stack::new(), name, bytes).await;
        shelf.govern(policy.clone()).await;
        for door in [
            format!("/view/delivery/VITRINE/{}/content", shelf.file),
            format!("/view/delivery/VITRINE/{}/download", shelf.file),
            format!("/view/delivery/text/VITRINE/{}", shelf.file),
        ] {
            for headers in [&[][..], &[("range", "bytes=0-1")], &[("if-none-match", "*")]] {
                assert_refused(&shelf.anyone.send("GET", &door, headers, String::new()).await, &door);
            }
            assert_eq!(shelf.anyone.send("HEAD", &door, &[], String::new()).await.status, 403);
        }
        let seen = see(&shelf.anyone, &shelf.file).await.ok();
        let seen = &seen["file"][0];
        assert_eq!((&seen["refused"], &seen["marked"]), (&json!("WATERMARK"), &json!(false)), "{name}");
        for member in ["content_url", "download_url", "text_url"] {
            assert!(seen.get(member).is_none(), "{name}: {member}");
        }
        let html = [("accept", "text/html"), ("user-agent", "Mozilla/5.0")];
        let page = format!("/view/delivery/VITRINE/{}", shelf.title.rep);
        let page = shelf.anyone.send("GET", &page, &html, String::new()).await;
        assert!(page.text.contains("can not carry the mark") && !page.text.contains("/content"), "{name}");
        let probe = shelf.anyone.get(&format!("/view/iiif/auth/VITRINE/probe/{}", shelf.file)).await.json();
        assert_eq!(probe["status"], 403, "{name}");
        for manifest in manifests(&shelf).await {
            for link in [format!("{}/content", shelf.file), format!("{}/download", shelf.file)] {
                assert!(!manifest.contains(&link), "{name}: {manifest}");
            }
        }
        assert!(is_idle(&shelf.stack.app()).await, "{name}: nobody is asked for what can not be");
    }
}

/// What somebody else's program reads in a document, where there is one.
fn text_of(pdf: &[u8]) -> Option<String> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut command = Command::new("pdftotext");
    let mut run = command.args(["-", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    run.stdin.take().unwrap().write_all(pdf).unwrap();
    Some(String::from_utf8_lossy(&run.wait_with_output().unwrap().stdout).into_owned())
}

#[tokio::test]
async fn a14_a_document_is_marked_and_one_that_is_closed_is_not_given() {
    let page = "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>\nendobj\n";
    let pdf = |more: &str| {
        format!(
            "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n\
             {page}trailer\n<< /Root 1 0 R {more} >>\n%%EOF\n"
        )
    };
    let open = shelf_of(Stack::new(), "book.pdf", pdf("").as_bytes()).await;
    open.govern(marking("Copy for {user}")).await;
    let content = format!("{}/content", open.file);
    assert_waits(&see(&open.anyone, &content).await);
    let app = open.stack.app();
    assert!(derive(&app, &[next(&app, Queue::Marks).await]).await.is_empty());
    let answer = see(&open.anyone, &content).await;
    let (_, copy) = fetch_signed(header(&answer, "location"));
    assert!(copy.starts_with(b"%PDF-1.7") && copy.len() > 2_000, "{} bytes", copy.len());
    let seen = see(&open.anyone, &open.file).await.ok();
    assert_eq!(seen["file"][0]["mime_type"], "application/pdf");
    if let Some(said) = text_of(&copy) {
        assert!(said.contains("Copy for guest"), "{said}");
    }

    let closed = shelf_of(Stack::new(), "closed.pdf", pdf("/Encrypt << /Filter /None >>").as_bytes()).await;
    closed.govern(marking("Copy for {user}")).await;
    let content = format!("{}/content", closed.file);
    assert_waits(&see(&closed.anyone, &content).await);
    let app = closed.stack.app();
    assert!(derive(&app, &[next(&app, Queue::Marks).await]).await.is_empty());
    for door in ["content", "download"] {
        assert_refused(&see(&closed.anyone, &format!("{}/{door}", closed.file)).await, door);
    }
    assert!(is_idle(&app).await, "what was found impossible is not tried again");
}

async fn manifests(shelf: &Shelf) -> [String; 2] {
    let mut all = [String::new(), String::new()];
    for (text, path) in all.iter_mut().zip(["/view/iiif/3/", "/view/iiif/presentation/"]) {
        let path = format!("{path}VITRINE/{}/manifest", shelf.title.rep);
        *text = shelf.anyone.get(&path).await.ok().to_string();
    }
    all
}

/// A grey picture of 1,600 by 1,200 in the simplest of formats.
fn large_bmp() -> Vec<u8> {
    let mut bmp = b"BM".to_vec();
    for word in [54 + 1600 * 1200 * 3, 0, 54, 40, 1600, 1200, 1 | 24 << 16, 0, 0, 0, 0, 0, 0u32] {
        bmp.extend(word.to_le_bytes());
    }
    bmp.resize(54 + 1600 * 1200 * 3, 128);
    bmp
}

#[tokio::test]
async fn a14_manifests_pages_and_thumbnails_lead_to_nothing_large_without_a_mark() {
    let shelf = shelf_of(Stack::new(), "page.bmp", &large_bmp()).await;
    let before = manifests(&shelf_open(&shelf).await).await;
    assert!(before[0].contains("size=1024"), "{}", before[0]);
    let mut policy = marking("Reading copy");
    policy["name"] = json!("marking");
    shelf.govern(policy).await;
    for manifest in manifests(&shelf).await {
        assert!(!manifest.contains("size=1024") && !manifest.contains("image/bmp"), "{manifest}");
        assert!(manifest.contains(&format!("{}/content", shelf.file)), "{manifest}");
    }
    let seen = see(&shelf.anyone, &shelf.file).await.ok();
    let file = &seen["file"][0];
    assert_eq!((&file["mime_type"], &file["marked"]), (&json!("image/jpeg"), &json!(true)), "{file}");
    assert_eq!((&file["width"], &file["thumbnail"]["width"]), (&json!(1600), &json!(200)), "{file}");
    assert!(file.get("size").is_none());
    for id in [&shelf.file, &shelf.title.rep, &shelf.title.mms, &shelf.title.collection] {
        let answer = shelf.anyone.get(&format!("/view/delivery/thumbnail/VITRINE/{id}?size=1024")).await;
        let link = header(&answer, "location");
        assert!(link.split('?').next().unwrap().ends_with("-200"), "{id}: {link}");
    }
    let html = [("accept", "text/html"), ("user-agent", "Mozilla/5.0")];
    for id in [&shelf.file, &shelf.title.rep, &shelf.title.mms] {
        let page =
            shelf.anyone.send("GET", &format!("/view/delivery/VITRINE/{id}"), &html, String::new()).await;
        assert_eq!(page.status, 200);
        // What search engines are told names no file that is not as it is said to be.
        assert!(!page.text.contains("image/bmp") && !page.text.contains("contentUrl"), "{id}: {}", page.text);
    }
}

async fn shelf_open(shelf: &Shelf) -> Shelf {
    let mut policy = by_default(json!({ "effect": "ALLOW" }));
    policy["name"] = json!("open");
    shelf.govern(policy).await;
    Shelf {
        stack: Stack::new(),
        staff: shelf.staff.clone(),
        anyone: shelf.anyone.clone(),
        title: crate::walk::Title {
            collection: shelf.title.collection.clone(),
            mms: shelf.title.mms.clone(),
            rep: shelf.title.rep.clone(),
        },
        file: shelf.file.clone(),
    }
}

#[tokio::test]
async fn a_small_picture_with_a_mark_is_the_thumbnail_with_a_mark() {
    let shelf = shelf_of(Stack::new(), "page.bmp", &large_bmp()).await;
    shelf.govern(by_default(json!({ "effect": "ALLOW", "size": "SMALL", "watermark": "{date}" }))).await;
    let content = format!("{}/content", shelf.file);
    assert_waits(&see(&shelf.anyone, &content).await);
    let app = shelf.stack.app();
    assert!(derive(&app, &[next(&app, Queue::Marks).await]).await.is_empty());
    let answer = see(&shelf.anyone, &content).await;
    let (status, copy) = fetch_signed(header(&answer, "location"));
    assert_eq!(status, 200);
    // Height and width of the first frame header.
    let frame = copy.windows(2).position(|it| it == [0xff, 0xc0]).unwrap();
    assert_eq!(copy[frame + 5..frame + 9], [3, 0, 4, 0], "1024 by 768");
    let seen = see(&shelf.anyone, &shelf.file).await.ok();
    assert_eq!(seen["file"][0]["width"], 1024);
}

fn visit() -> Visit {
    Visit { viewer: Viewer::of(None, None), session: None, reader: None }
}

async fn give(app: &App, call: &Call, shelf: &Shelf) -> Result<Given, vitrine_app::AppError> {
    let id: Asked = shelf.file.parse().unwrap();
    let opened = app.open(call, &visit(), &id).await?;
    app.give(call, &visit(), &opened, Wanted::Content).await
}

fn at(seconds_from_now: i64) -> Call {
    let call = operator();
    Call { now: call.now + seconds(seconds_from_now), ..call }
}

fn is_marked(given: &Given) -> bool {
    matches!(given, Given::Link(link) if link.contains("/marked/"))
}

#[tokio::test]
async fn a_door_waits_for_its_copy_and_a_ready_one_costs_one_call() {
    let shelf = shelf().await;
    shelf.govern(marking("Copy for {user}, {date}")).await;
    let (patient, worker) =
        (App { patience: std::time::Duration::from_secs(30), ..shelf.stack.app() }, shelf.stack.app());
    let call = operator();
    let (given, again) = tokio::join!(give(&patient, &call, &shelf), async {
        derive(&worker, &[next(&worker, Queue::Marks).await]).await
    });
    assert!(is_marked(&given.unwrap()) && again.is_empty());
    let (counted, faulty) = shelf.stack.faulty_app();
    assert!(is_marked(&give(&counted, &call, &shelf).await.unwrap()));
    let calls = faulty.calls();
    assert_eq!(calls.len(), 5, "{calls:?}");
    assert_eq!(calls.iter().filter(|it| !it.starts_with("DynamoDB.")).count(), 1, "{calls:?}");
}

#[tokio::test]
async fn b10_whatever_fails_on_the_way_nothing_leaves_unmarked_and_the_copy_is_made_in_the_end() {
    let shelf = shelf().await;
    let (app, healthy) = (shelf.stack.faulty_app(), shelf.stack.app());
    let (app, faulty) = app;
    // How many calls a door makes for a copy that is not there.
    shelf
        .govern({
            let mut policy = marking("first");
            policy["name"] = json!("first");
            policy
        })
        .await;
    faulty.heal();
    assert_eq!(give(&app, &operator(), &shelf).await.unwrap(), Given::Marking);
    let door = faulty.calls();
    assert_eq!(door.len(), 7, "{door:?}");
    let message = next(&healthy, Queue::Marks).await;
    faulty.heal();
    assert!(derive(&app, &[message]).await.is_empty());
    let maker = faulty.calls();
    assert_eq!(maker.len(), 5, "{maker:?}");

    for number in 0..door.len() + maker.len() {
        for mishap in [Some(Fault::Before), Some(Fault::After), Some(Fault::Twice), None] {
            let how = format!("{number} {mishap:?}");
            let mut policy = marking(&format!("Copy {number} {mishap:?}"));
            policy["name"] = json!(how);
            shelf.govern(policy).await;
            faulty.heal();
            let at_door = number < door.len();
            let work = async || {
                if !at_door {
                    assert_eq!(give(&healthy, &operator(), &shelf).await.unwrap(), Given::Marking, "{how}");
                    let message = next(&healthy, Queue::Marks).await;
                    derive(&app, &[message]).await;
                } else if let Ok(given) = give(&app, &operator(), &shelf).await {
                    assert_eq!(given, Given::Marking, "{how}");
                }
            };
            let at_call = if at_door { number } else { number - door.len() };
            match mishap {
                Some(fault) => {
                    faulty.fail(at_call, fault);
                    work().await;
                }
                None => {
                    faulty.killed_at(at_call, Moment::Before, work()).await;
                }
            }
            faulty.heal();
            // Later somebody asks again, and the worker gets whatever is in the queue.
            let later = at(ASKED_SECONDS + 1);
            let mut given = give(&healthy, &later, &shelf).await.unwrap();
            while given == Given::Marking {
                let message = next(&healthy, Queue::Marks).await;
                assert!(derive(&healthy, &[message]).await.is_empty(), "{how}");
                given = give(&healthy, &later, &shelf).await.unwrap();
            }
            assert!(is_marked(&given), "{how}: {given:?}");
            while !is_idle(&healthy).await {}
        }
    }
}

#[tokio::test]
async fn a_copy_grows_old_and_a_wish_is_forgotten() {
    let shelf = shelf().await;
    shelf.govern(marking("Copy")).await;
    let app = shelf.stack.app();
    assert_eq!(give(&app, &operator(), &shelf).await.unwrap(), Given::Marking);
    let message = next(&app, Queue::Marks).await;
    // Another asks again only after the maker must have ended.
    assert_eq!(give(&app, &at(ASKED_SECONDS - 10), &shelf).await.unwrap(), Given::Marking);
    assert!(is_idle(&app).await);
    assert_eq!(give(&app, &at(ASKED_SECONDS + 1), &shelf).await.unwrap(), Given::Marking);
    let second = next(&app, Queue::Marks).await;
    assert_eq!(message, second);

    let asked: MarkMessage = serde_json::from_str(&message).unwrap();
    let late = at(ASKED_SECONDS + WISH_SECONDS + 60);
    assert_eq!(app.mark(&late, &asked, &tools()).await.unwrap(), Marked::Already, "nobody waits any more");
    // A message that names another file is not believed.
    let other = MarkMessage { file: "1300000000000000010101".parse().unwrap(), ..asked.clone() };
    assert_eq!(app.mark(&operator(), &other, &tools()).await.unwrap(), Marked::Already);
    assert_eq!(
        give(&app, &at(ASKED_SECONDS - 10), &shelf).await.unwrap(),
        Given::Marking,
        "nothing was made"
    );
    assert_eq!(app.mark(&operator(), &asked, &tools()).await.unwrap(), Marked::Made);
    assert_eq!(app.mark(&operator(), &asked, &tools()).await.unwrap(), Marked::Already);
    assert!(is_marked(&give(&app, &at(MARKED_SECONDS - 60), &shelf).await.unwrap()));
    assert_eq!(
        give(&app, &at(MARKED_SECONDS + 60), &shelf).await.unwrap(),
        Given::Marking,
        "no link to what the bucket forgets"
    );

    // What is written on it stands in no key of the bucket.
    let keys = app.objects.list_versions(Bucket::Derivatives, "marked/", 100).await.unwrap();
    assert!(!keys.is_empty() && keys.iter().all(|it| !it.key.contains("Copy")), "{keys:?}");
}

#[tokio::test]
async fn a_file_that_is_gone_since_is_not_marked() {
    let shelf = shelf().await;
    shelf.govern(marking("Copy")).await;
    let app = shelf.stack.app();
    assert_eq!(give(&app, &operator(), &shelf).await.unwrap(), Given::Marking);
    let message = next(&app, Queue::Marks).await;
    assert_eq!(shelf.staff.delete(&format!("{}/{}", shelf.title.files(), shelf.file)).await.status, 204);
    assert!(derive(&app, &[message]).await.is_empty());
    assert!(app.objects.list_versions(Bucket::Derivatives, "marked/", 10).await.unwrap().is_empty());
    assert_eq!(see(&shelf.anyone, &format!("{}/content", shelf.file)).await.status, 404);
}
