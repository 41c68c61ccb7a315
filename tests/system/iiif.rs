//! The structure of a representation through the API, and manifests made of it (D20, S5).

use serde_json::{Value, json};
use vitrine_app::delivery::{Asked, Visit};
use vitrine_domain::rights::Viewer;
use vitrine_testing::{Answer, Client, Stack, operator};

use crate::delivery::{by_default, header, shelf};
use crate::walk::{Title, red_png, settle, text, title, upload};

/// A title with so many pictures; returns their ids in order.
async fn pictures(stack: &Stack, client: &Client, title: &Title, names: &[&str]) -> Vec<String> {
    for name in names {
        upload(client, &title.rep, name, &red_png()).await;
        settle(&stack.app()).await;
    }
    let files = client.get(&format!("{}?limit=100", title.files())).await.ok();
    files["representation_file"].as_array().unwrap().iter().map(|file| text(file, "pid")).collect()
}

fn structure_path(title: &Title) -> String {
    format!("/bibs/{}/representations/{}/structure", title.mms, title.rep)
}

#[tokio::test]
async fn d20_a_structure_is_written_read_changed_under_its_tag_and_deleted() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let files = pictures(&stack, &client, &title, &["a.png", "b.png"]).await;
    let path = structure_path(&title);
    assert_eq!(client.get(&path).await.status, 404);

    let body = json!({
        "behavior": { "value": "PAGED" },
        "viewing_direction": { "value": "RIGHT_TO_LEFT" },
        "range": [{ "label": "One", "file": [files[0]], "range": [{ "label": "One and a half", "file": [files[1]] }] }],
    });
    let made = client.put(&path, body.clone()).await;
    let tag = made.headers["etag"].to_str().unwrap().to_owned();
    let made = made.ok();
    assert_eq!(made["range"][0]["range"][0]["file"], json!([files[1]]));
    assert_eq!(made["behavior"]["desc"], "Pages of a book");
    assert_eq!(client.get(&path).await.ok(), made);

    // The same in XML, and what was read can be put back.
    let accept = [("accept", "application/xml")];
    let xml = client.send("GET", &format!("/almaws/v1{path}"), &accept, String::new()).await;
    assert!(xml.text.contains("<label>One and a half</label>"), "{}", xml.text);
    let headers = [("accept", "application/json"), ("content-type", "application/xml")];
    let again = client.send("PUT", &format!("/almaws/v1{path}"), &headers, xml.text).await.ok();
    assert_eq!(again, made);

    assert_eq!(client.with_json("PUT", &path, &body, &[("if-match", &tag)]).await.status, 412);
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);
    assert_eq!(client.delete(&path).await.status, 404);
    let anew = client.put(&path, body).await;
    assert_ne!(anew.headers["etag"].to_str().unwrap(), tag, "an old tag fits a new structure");
}

#[tokio::test]
async fn d20_a_structure_that_does_not_fit_is_refused_with_its_places() {
    let stack = Stack::new();
    let client = stack.client().await;
    let ours = title(&client).await;
    let other = title(&client).await;
    let foreign = pictures(&stack, &client, &other, &["x.png"]).await;
    let path = structure_path(&ours);
    let range = |label: &str, file: &str| json!({ "range": [{ "label": label, "file": [file] }] });
    for (body, field) in [
        (range("One", &foreign[0]), "range.0.file.0"),
        (range("One", "13404"), "range.0.file.0"),
        (range("One", "nonsense"), "range.0.file.0"),
        (range("", &foreign[0]), "range.0.label"),
        (json!({ "range": [{ "label": "Empty" }] }), "range.0"),
        (json!({ "behavior": { "value": "SIDEWAYS" } }), "behavior"),
        (json!({}), "range"),
    ] {
        let answer = client.put(&path, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert_eq!(answer.json()["fields"][0]["field"], field, "{}", answer.text);
    }
    let not_of_it = structure_path(&Title { rep: other.rep.clone(), ..ours });
    assert_eq!(client.put(&not_of_it, json!({ "behavior": { "value": "PAGED" } })).await.status, 404);
}

async fn iiif(who: &Client, path: &str) -> Answer {
    who.send("GET", &format!("/view/iiif/{path}"), &[], String::new()).await
}

fn has_type(answer: &Answer, version: u8) -> bool {
    header(answer, "content-type")
        == format!("application/ld+json;profile=\"http://iiif.io/api/presentation/{version}/context.json\"")
}

#[tokio::test]
async fn s5_manifests_of_both_versions_lead_to_pictures_chapters_and_metadata() {
    let stack = Stack::with_parameter("DefaultAccess", "allow");
    let client = stack.client().await;
    let title = title(&client).await;
    let files = pictures(&stack, &client, &title, &["a.png", "b.png"]).await;
    let range = json!({ "range": [{ "label": "One", "file": [files[1]] }] });
    client.put(&structure_path(&title), range).await.ok();
    let anyone = client.with_key(None);

    let third = iiif(&anyone, &format!("3/VITRINE/{}/manifest", title.rep)).await;
    assert!(has_type(&third, 3), "{:?}", third.headers);
    assert_eq!(header(&third, "access-control-allow-origin"), "*");
    assert_eq!(header(&third, "cache-control"), "public, max-age=60");
    let tag = header(&third, "etag").to_owned();
    let path = format!("/view/iiif/3/VITRINE/{}/manifest", title.rep);
    assert_eq!(anyone.send("GET", &path, &[("if-none-match", &tag)], String::new()).await.status, 304);
    let third = third.ok();
    assert!(text(&third, "id").ends_with(&path), "a manifest is at its id");
    assert_eq!(third["items"].as_array().unwrap().len(), 2);
    assert_eq!((&third["items"][0]["width"], &third["items"][0]["height"]), (&json!(1), &json!(1)));
    assert_eq!(third["structures"][0]["items"][0]["id"], third["items"][1]["id"]);

    // By the title's id, and by the vendor's address with `iiifVersion=3`, it is the same.
    assert_eq!(iiif(&anyone, &format!("3/VITRINE/{}/manifest", title.mms)).await.ok(), third);
    let vendor = format!("presentation/VITRINE/{}/manifest", title.rep);
    assert_eq!(iiif(&anyone, &format!("{vendor}?iiifVersion=3")).await.ok(), third);
    let second = iiif(&anyone, &vendor).await;
    assert!(has_type(&second, 2), "{:?}", second.headers);
    let second = second.ok();
    assert_eq!(second["@type"], "sc:Manifest");
    assert_eq!(second["sequences"][0]["canvases"].as_array().unwrap().len(), 2);
    assert_eq!(second["structures"][0]["canvases"][0], second["sequences"][0]["canvases"][1]["@id"]);
    assert_eq!(iiif(&anyone, &format!("{vendor}?iiifVersion=4")).await.status, 400);
    assert_eq!(iiif(&anyone, &format!("3/OTHER/{}/manifest", title.rep)).await.status, 404);
    assert_eq!(iiif(&anyone, &format!("3/VITRINE/{}/manifest", files[0])).await.status, 404);

    // What it names is there.
    let local =
        |address: &Value| format!("/view{}", address.as_str().unwrap().split_once("/view").unwrap().1);
    let painted = &third["items"][0]["items"][0]["items"][0]["body"];
    let picture = anyone.send("GET", &local(&painted["id"]), &[], String::new()).await;
    assert_eq!((picture.status.as_u16(), header(&picture, "access-control-allow-origin")), (302, "*"));
    for also in third["seeAlso"].as_array().unwrap() {
        let record = anyone.send("GET", &local(&also["id"]), &[], String::new()).await;
        assert!(record.status == 200 && record.text.contains("Moby-Dick"), "{also}: {}", record.text);
        assert_eq!(header(&record, "content-type"), also["format"].as_str().unwrap());
    }
}

#[tokio::test]
async fn b43_a_manifest_tells_who_is_not_let_in_no_more_than_that_there_are_files() {
    let shelf = shelf().await;
    shelf.govern(by_default(json!({ "effect": "DENY" }))).await;
    let path = format!("3/VITRINE/{}/manifest", shelf.title.rep);
    let closed = iiif(&shelf.anyone, &path).await;
    assert_eq!(header(&closed, "cache-control"), "private, no-store");
    let closed = closed.ok();
    for hidden in ["page 1", "/download", "/thumbnail/", "service", "/file/", shelf.file.as_str()] {
        assert!(!closed.to_string().contains(hidden), "{hidden} in {closed}");
    }
    assert_eq!(closed["summary"]["none"][0], "Sign in.", "{closed}");
    // Staff see it all; a page elsewhere that they look at does not.
    assert!(iiif(&shelf.staff, &path).await.ok().to_string().contains("page 1"));
    let elsewhere = [("origin", "https://elsewhere.example")];
    let told = shelf.staff.send("GET", &format!("/view/iiif/{path}"), &elsewhere, String::new()).await;
    assert!(!told.ok().to_string().contains("page 1"));

    // What is not offered is not there.
    let mut inactive = crate::walk::representation("PRESERVATION_MASTER");
    inactive["active"] = json!({ "value": "false" });
    let rep = format!("/bibs/{}/representations/{}", shelf.title.mms, shelf.title.rep);
    shelf.staff.put(&rep, inactive).await.ok();
    assert_eq!(iiif(&shelf.anyone, &path).await.status, 404);
    let record = format!("/view/metadata/VITRINE/{}/dc", shelf.title.mms);
    assert_eq!(shelf.anyone.send("GET", &record, &[], String::new()).await.status, 404);
}

#[tokio::test]
async fn a_manifest_costs_no_call_for_each_canvas_and_says_where_it_was_cut() {
    let stack = Stack::with_parameter("DefaultAccess", "allow");
    let client = stack.client().await;
    let title = title(&client).await;
    let (app, faulty) = stack.faulty_app();
    let visit = Visit { viewer: Viewer::of(None, None), session: None, reader: None };
    let asked: Asked = title.rep.parse().unwrap();
    let mut calls = Vec::new();
    for files in [1, 4] {
        pictures(&stack, &client, &title, &vec!["p.png"; files - calls.len()]).await;
        faulty.heal();
        let found = app.present(&operator(), &visit, &asked, 100).await.unwrap();
        assert_eq!((found.files.len(), found.cut), (files, false));
        calls.push(faulty.calls().len());
    }
    assert_eq!(calls[0], calls[1]);
    assert!(calls[0] <= 4, "{:?}", faulty.calls());
    let cut = app.present(&operator(), &visit, &asked, 3).await.unwrap();
    assert_eq!((cut.files.len(), cut.cut), (3, true));
}

const PROBED: &str = "/view/iiif/auth/VITRINE/probe";

#[tokio::test]
async fn auth7_a_probe_answers_200_with_the_decision_in_its_body_and_takes_no_token_for_a_credential() {
    let shelf = shelf().await;
    let campus = crate::rights::rule("IP_RANGE", "IN_LIST", &["192.0.2.0/24"], "ALLOW");
    shelf.govern(crate::rights::body("Campus", json!([campus]), "DENY")).await;
    let inside = shelf.anyone.at_address("192.0.2.7");
    let manifest = iiif(&shelf.anyone, &format!("3/VITRINE/{}/manifest", shelf.title.rep)).await.ok();
    let service = &manifest["items"][0]["items"][0]["items"][0]["body"]["service"][0];
    assert!(text(service, "id").ends_with(&format!("{PROBED}/{}/1", shelf.title.rep)));
    assert!(!manifest.to_string().contains(&shelf.file), "{manifest}");
    assert_eq!(service["service"][0]["profile"], "external");

    let probe = async |who: &Client, headers: &[(&str, &str)]| {
        let path = format!("{PROBED}/{}", shelf.file);
        let answer = who.send("GET", &path, headers, String::new()).await;
        assert_eq!((answer.status.as_u16(), header(&answer, "access-control-allow-origin")), (200, "*"));
        assert_eq!(header(&answer, "cache-control"), "private, no-store");
        answer.ok()
    };
    let outside = probe(&shelf.anyone, &[]).await;
    assert_eq!((&outside["type"], &outside["status"]), (&json!("AuthProbeResult2"), &json!(403)));
    assert_eq!(outside["note"]["none"][0], "Sign in.");
    assert_eq!(probe(&inside, &[]).await["status"], 200);

    // The token service says it to the page that asked, in a frame, and to no other.
    let service = format!("/view/iiif/auth/VITRINE/token/{}", shelf.title.rep);
    let ask = async |who: &Client, query: &str| {
        who.send("GET", &format!("{service}?{query}"), &[], String::new()).await
    };
    let given = ask(&inside, "messageId=m1&origin=https://viewer.example").await;
    assert!(header(&given, "content-security-policy").ends_with("frame-ancestors https://viewer.example"));
    assert!(given.text.contains("AuthAccessToken2\"") && given.text.contains("\"https://viewer.example\");"));
    let token = given.text.split("\"accessToken\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for (query, profile) in [
        ("messageId=m1&origin=https://viewer.example", "missingAspect"),
        ("origin=https://viewer.example", "invalidRequest"),
    ] {
        let refused = ask(&shelf.anyone, query).await;
        assert!(
            refused.text.contains(profile) && !refused.text.contains("accessToken\""),
            "{}",
            refused.text
        );
    }
    for origin in ["", "null", "https://a.example/x", "https://a.example;script-src%20*"] {
        assert_eq!(ask(&inside, &format!("messageId=m1&origin={origin}")).await.status, 400, "{origin}");
    }
    let hostile = ask(
        &inside,
        "messageId=%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E&origin=https://viewer.example",
    )
    .await;
    assert_eq!(hostile.text.matches("<script").count(), 1, "{}", hostile.text);

    // AUTH-10: it opens nothing, neither for the one who got it nor for another.
    let bearer = format!("Bearer {token}");
    let shown = [("authorization", bearer.as_str())];
    assert_eq!(probe(&shelf.anyone, &shown).await["status"], 403);
    assert_eq!(probe(&inside, &shown).await["status"], 200);
    for path in [
        format!("/view/delivery/VITRINE/{}/content", shelf.file),
        format!("/view/delivery/VITRINE/{}/download", shelf.file),
        format!("/view/delivery/VITRINE/{}", shelf.title.rep),
        format!("/view/delivery/thumbnail/VITRINE/{}", shelf.file),
        format!("/view/delivery/text/VITRINE/{}", shelf.file),
        format!("/view/iiif/3/VITRINE/{}/manifest", shelf.title.rep),
    ] {
        let answer = shelf.anyone.send("GET", &path, &shown, String::new()).await;
        assert_eq!(answer.status, 401, "{path}: {}", answer.text);
    }

    // By its place, as the manifest names it to who may not know its id.
    let painted = text(&manifest["items"][0]["items"][0]["items"][0]["body"], "id");
    let painted = painted.split_once("/view").map(|(_, path)| format!("/view{path}")).unwrap();
    for (who, status, location) in [(&shelf.anyone, 403, false), (&inside, 302, true)] {
        let answer = who.send("GET", &painted, &[], String::new()).await;
        assert_eq!((answer.status.as_u16(), answer.headers.contains_key("location")), (status, location));
    }
    for (place, told) in
        [("1", 200), ("2", 404), ("0", 404), ("-1", 404), ("1.0", 404), ("99999999999999999999", 404)]
    {
        let probe = format!("{PROBED}/{}/{place}", shelf.title.rep);
        assert_eq!(inside.send("GET", &probe, &[], String::new()).await.ok()["status"], told, "{place}");
        let path = painted.replace("/file/1", &format!("/file/{place}"));
        let due = if told == 200 { 302 } else { 404 };
        assert_eq!(inside.send("GET", &path, &[], String::new()).await.status, due, "{place}");
    }
    // Who is not let in does not learn how many places there are.
    let two = format!("{PROBED}/{}/2", shelf.title.rep);
    assert_eq!(shelf.anyone.send("GET", &two, &[], String::new()).await.ok()["status"], 403);
    let path = painted.replace("/file/1", "/file/2");
    assert_eq!(shelf.anyone.send("GET", &path, &[], String::new()).await.status, 403);

    // The preflight of a probe with a token, from anywhere; what is not there is told like that.
    let asks = [("origin", "https://viewer.example"), ("access-control-request-method", "GET")];
    let path = format!("{PROBED}/{}", shelf.file);
    let preflight = shelf.anyone.send("OPTIONS", &path, &asks, String::new()).await;
    assert_eq!(header(&preflight, "access-control-allow-headers"), "authorization");
    let nothing = shelf.anyone.send("GET", &format!("{PROBED}/13404"), &[], String::new()).await.ok();
    assert_eq!(nothing["status"], 404);
}
