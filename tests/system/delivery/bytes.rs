//! Bytes: links to exactly what a viewer may have (S7, A13; B35, B43, B47).

use serde_json::json;
use vitrine_testing::{Stack, fetch_signed};

use super::{by_default, header, see, shelf, shelf_of};
use crate::walk::{red_png, text};

#[tokio::test]
async fn s7_content_is_a_link_to_this_version_that_serves_ranges() {
    let shelf = shelf().await;
    shelf.govern(by_default(json!({ "effect": "ALLOW", "permission": "VIEW_AND_DOWNLOAD" }))).await;
    let content = see(&shelf.anyone, &format!("{}/content", shelf.file)).await;
    assert_eq!((content.status.as_u16(), header(&content, "cache-control")), (302, "private, no-store"));
    let link = header(&content, "location");
    assert!(link.contains("versionId="), "{link}");
    assert_eq!(fetch_signed(link), (200, red_png()));
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut part = agent.get(link).header("range", "bytes=1-3").call().unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.body_mut().read_to_vec().unwrap(), b"PNG");
    assert_eq!(part.headers()["content-type"], "image/png");
    assert_eq!(
        part.headers()["content-disposition"],
        "inline; filename=\"page 1.png\"; filename*=UTF-8''page%201.png"
    );
    let download = see(&shelf.anyone, &format!("{}/download", shelf.file)).await;
    let saved = agent.get(header(&download, "location")).call().unwrap();
    assert!(saved.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; "));
    let head = shelf
        .anyone
        .send("HEAD", &format!("/view/delivery/VITRINE/{}/content", shelf.file), &[], String::new())
        .await;
    assert_eq!(head.status, 302);
    // An id that is no file has no bytes.
    assert_eq!(see(&shelf.anyone, &format!("{}/content", shelf.title.rep)).await.status, 404);
}

#[tokio::test]
async fn a13_what_may_be_looked_at_is_not_what_may_be_taken_along() {
    let shelf = shelf().await;
    shelf.govern(by_default(json!({ "effect": "ALLOW", "permission": "VIEW" }))).await;
    assert_eq!(see(&shelf.anyone, &format!("{}/content", shelf.file)).await.status, 302);
    let refused = see(&shelf.anyone, &format!("{}/download", shelf.file)).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["reason"], "VIEW_ONLY");
    let seen = see(&shelf.anyone, &shelf.file).await.ok();
    assert!(seen["file"][0].get("download_url").is_none());
}

#[tokio::test]
async fn b43_who_is_denied_gets_no_byte_by_any_method_or_header() {
    let shelf = shelf().await;
    shelf.govern(by_default(json!({ "effect": "DENY" }))).await;
    for door in [
        format!("/view/delivery/VITRINE/{}/content", shelf.file),
        format!("/view/delivery/VITRINE/{}/download", shelf.file),
        format!("/view/delivery/text/VITRINE/{}", shelf.file),
        format!("/view/delivery/VITRINE/{}", shelf.file),
        format!("/view/delivery/VITRINE/{}.json", shelf.title.mms),
    ] {
        for method in ["GET", "HEAD"] {
            for headers in [
                &[][..],
                &[("range", "bytes=0-1")],
                &[("if-none-match", "*")],
                &[("x-forwarded-for", "127.0.0.1"), ("x-http-method-override", "PUT")],
            ] {
                let answer = shelf.anyone.send(method, &door, headers, String::new()).await;
                assert_eq!(answer.status, 403, "{method} {door} {headers:?}");
                assert!(!answer.headers.contains_key("location"));
                assert_eq!(header(&answer, "cache-control"), "private, no-store");
            }
        }
    }
}

#[tokio::test]
async fn b47_what_could_run_is_only_ever_saved_and_never_from_our_origin() {
    for (name, bytes) in [
        ("drawing.svg", &b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"[..]),
        ("page.html", b"<!DOCTYPE html><html><script>alert(1)</script></html>"),
        ("record.xml", b"<?xml version=\"1.0\"?><x/>"),
        ("picture.png", b"<html><body onload=alert(1)></body></html>"),
    ] {
        let shelf = shelf_of(Stack::with_parameter("DefaultAccess", "allow"), name, bytes).await;
        let content = see(&shelf.anyone, &format!("{}/content", shelf.file)).await;
        assert_eq!(content.status, 302, "{name}");
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let served = agent.get(header(&content, "location")).call().unwrap();
        assert_eq!(served.headers()["content-type"], "application/octet-stream", "{name}");
        assert!(
            served.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"),
            "{name}"
        );
        assert_eq!(
            shelf.anyone.get(&format!("/view/delivery/text/VITRINE/{}", shelf.file)).await.status,
            404
        );
    }
}

#[tokio::test]
async fn d19_plain_text_is_read_as_text_and_pictures_come_as_large_as_the_rule_allows() {
    let stack = Stack::with_parameter("DefaultAccess", "allow");
    let shelf = shelf_of(stack, "notes.txt", "Call me Ishmael. Füße.\n".as_bytes()).await;
    let seen = see(&shelf.anyone, &shelf.file).await.ok();
    let path = text(&seen["file"][0], "text_url");
    let path = &path[path.find("/view").unwrap()..];
    let answer = shelf.anyone.get(path).await;
    let (status, bytes) = fetch_signed(header(&answer, "location"));
    assert_eq!((status, bytes.as_slice()), (200, "Call me Ishmael. Füße.\n".as_bytes()));

    let shelf = super::shelf().await;
    shelf
        .govern(by_default(json!({ "effect": "ALLOW", "permission": "VIEW_AND_DOWNLOAD", "size": "SMALL" })))
        .await;
    for door in ["content", "download"] {
        let answer = see(&shelf.anyone, &format!("{}/{door}", shelf.file)).await;
        let link = header(&answer, "location");
        assert!(link.contains("-derivatives-0"), "{link}");
        assert_eq!(fetch_signed(link).0, 200);
    }
}
