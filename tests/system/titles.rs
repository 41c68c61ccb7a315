//! Titles, collections, representations: the vendor's shapes and codes, both formats, concurrent edits, deletes.

use serde_json::json;
use vitrine_testing::Stack;

use crate::walk::{DC, red_png, representation, settle, text, title, upload};

const MARC: &str = "<record xmlns=\"http://www.loc.gov/MARC21/slim\"><leader>00000nam a2200000 a 4500</leader><controlfield tag=\"001\">m1</controlfield><datafield tag=\"245\" ind1=\"1\" ind2=\"4\"><subfield code=\"a\">The whale /</subfield></datafield></record>";

#[tokio::test]
async fn d1_a_record_is_kept_byte_for_byte_and_read_in_both_formats() {
    let stack = Stack::new();
    let client = stack.client().await;
    let body = format!(
        "<bib><record_format>marc21</record_format><suppress_from_publishing>False</suppress_from_publishing>{MARC}</bib>"
    );
    let headers = [("content-type", "application/xml"), ("accept", "application/xml")];
    let created = client.send("POST", "/almaws/v1/bibs", &headers, body).await;
    assert_eq!(created.status, 200, "{}", created.text);
    assert!(created.text.contains("<title>The whale</title>"), "{}", created.text);
    let mms = created.text.split("<mms_id>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let read = client.get(&format!("/bibs/{mms}")).await.ok();
    assert_eq!(read["anies"][0], MARC);
    assert_eq!(read["suppress_from_publishing"], false);
    // ALMA-2: without an Accept header the answer is XML.
    let plain = client.send("GET", &format!("/almaws/v1/bibs/{mms}"), &[], String::new()).await;
    assert_eq!(plain.headers["content-type"], "application/xml;charset=UTF-8");
    assert!(plain.text.contains(MARC));
    // What was read can be put back as it is.
    client.put(&format!("/bibs/{mms}"), read).await.ok();
    let several = client.get(&format!("/bibs?mms_id={mms},9900000000000000000101")).await.ok();
    assert_eq!(several["total_record_count"], 1);
}

#[tokio::test]
async fn d2_merging_keeps_what_the_new_record_lacks() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let update =
        r#"<record xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Whale</dc:title></record>"#;
    let after =
        client.put(&format!("/bibs/{}?mode=merge", title.mms), json!({ "anies": [update] })).await.ok();
    assert_eq!(after["title"], "The Whale");
    assert!(after["anies"][0].as_str().unwrap().contains("0142437247"));
}

#[tokio::test]
async fn d9_c5_collections_come_before_representations() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let bare = client.post("/bibs", json!({ "record_format": { "value": "dc" }, "anies": [DC] })).await.ok();
    let refused = client
        .post(&format!("/bibs/{}/representations", text(&bare, "mms_id")), representation("AUXILIARY"))
        .await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "402260"));
    let again = client
        .post(&format!("/bibs/collections/{}/bibs", title.collection), json!({ "mms_id": title.mms }))
        .await;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (400, "701115"));
    let last = client.delete(&format!("/bibs/collections/{}/bibs/{}", title.collection, title.mms)).await;
    assert_eq!(last.code(), "402260");
}

#[tokio::test]
async fn c1_c3_names_are_unique_at_the_top_and_nothing_lies_below_itself() {
    let stack = Stack::new();
    let client = stack.client().await;
    let make = |body| client.post("/bibs/collections", body);
    let top = make(json!({ "name": "Maps", "library": { "value": "MAIN" } })).await.ok();
    let top = text(&top["pid"], "value");
    let twin = make(json!({ "name": " maps ", "library": { "value": "MAIN" } })).await;
    assert_eq!(twin.code(), "402471");
    assert_eq!(make(json!({ "name": "Law", "library": { "value": "LAW" } })).await.code(), "402469");
    assert_eq!(make(json!({ "library": { "value": "MAIN" } })).await.code(), "402472");
    assert_eq!(
        make(json!({ "name": "X", "library": { "value": "MAIN" }, "order": -1 })).await.code(),
        "702266"
    );
    let below =
        make(json!({ "name": "Maps", "library": { "value": "MAIN" }, "parent_pid": { "value": top } }))
            .await
            .ok();
    let below = text(&below["pid"], "value");
    let cycle = client
        .put(&format!("/bibs/collections/{top}"), json!({ "name": "Maps", "parent_pid": { "value": below } }))
        .await;
    assert_eq!(cycle.status, 400, "{}", cycle.text);
    let tree = client.get("/bibs/collections?level=2").await.ok();
    assert_eq!(tree["collection"][0]["collection"][0]["pid"]["value"], below);
    // C4
    assert_eq!(client.delete(&format!("/bibs/collections/{top}")).await.status, 400);
    assert_eq!(client.delete(&format!("/bibs/collections/{below}")).await.status, 204);
    assert_eq!(client.delete(&format!("/bibs/collections/{top}")).await.status, 204);
    assert_eq!(client.get(&format!("/bibs/collections/{top}")).await.status, 404);
}

#[tokio::test]
async fn d4_d7_a_representation_keeps_all_its_fields_in_both_formats() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let path = format!("/bibs/{}/representations", title.mms);
    let body = json!({
        "is_remote": "False", "library": { "value": "MAIN" }, "usage_type": { "value": "DERIVATIVE_COPY" },
        "public_note": "For <everyone> & all", "note": ["one", "two"], "active": { "value": "true" },
        "entity_type": { "value": "IssueDet" }, "issue": "01APR21", "year": "2021", "season_month": "04", "day_in_month": "01", "order": 3
    });
    let created = client.post(&format!("{path}?generate_label=True"), body).await.ok();
    assert_eq!(created["label"], "iss.01APR21 2021 04 01");
    let one = format!("{path}/{}", text(&created, "id"));
    let xml = client.send("GET", &format!("/almaws/v1{one}?format=xml"), &[], String::new()).await;
    let headers = [("content-type", "application/xml"), ("accept", "application/json")];
    let put_back = client.send("PUT", &format!("/almaws/v1{one}"), &headers, xml.text).await.ok();
    for field in
        ["label", "public_note", "note", "active", "entity_type", "issue", "year", "order", "usage_type"]
    {
        assert_eq!(put_back[field], created[field], "{field}");
    }
    // D5, D6
    let bad = client.post(&path, representation("MASTER")).await;
    assert!(bad.text.contains("PRESERVATION_MASTER"), "{}", bad.text);
    let mut misfit = representation("AUXILIARY");
    misfit["entity_type"] = json!({ "value": "ARTICLE" });
    misfit["track"] = json!("3");
    assert_eq!(client.post(&path, misfit).await.json()["fields"][0]["field"], "track");
    // D14: those with a place come first.
    let order: Vec<_> = client.get(&path).await.ok()["representation"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rep| text(rep, "id"))
        .collect();
    assert_eq!(order, [text(&created, "id"), title.rep]);
}

#[tokio::test]
async fn d25_b19_the_second_of_two_writers_is_told() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let path = format!("/bibs/{}/representations/{}", title.mms, title.rep);
    let read = client.get(&path).await;
    let tag = read.headers["etag"].to_str().unwrap().to_owned();
    let body = representation("AUXILIARY");
    assert_eq!(client.with_json("PUT", &path, &body, &[("if-match", &tag)]).await.status, 200);
    assert_eq!(client.with_json("PUT", &path, &body, &[("if-match", &tag)]).await.status, 412);
    let fresh = client.get(&path).await.headers["etag"].to_str().unwrap().to_owned();
    let headers = [("accept", "application/json"), ("if-none-match", fresh.as_str())];
    assert_eq!(client.send("GET", &format!("/almaws/v1{path}"), &headers, String::new()).await.status, 304);
}

#[tokio::test]
async fn d3_e5_b18_a_delete_hides_everything_below_at_once_and_bytes_go_later() {
    let stack = Stack::new();
    let client = stack.client().await;
    let app = stack.app();
    let title = title(&client).await;
    upload(&client, &title.rep, "a.png", &red_png()).await;
    settle(&app).await;
    let file = client.get(&title.files()).await.ok()["representation_file"][0].clone();
    let bib = format!("/bibs/{}", title.mms);
    assert_eq!(client.delete(&bib).await.status, 400);
    assert_eq!(client.delete(&format!("{bib}?override=true")).await.status, 204);
    for path in [bib.clone(), format!("{bib}/representations/{}", title.rep), title.files()] {
        assert_eq!(client.get(&path).await.status, 404, "{path}");
    }
    let bucket = vitrine_store::objects::Bucket::Content;
    let mut call = vitrine_testing::operator();
    for days in [0, 0, 1] {
        call.now += vitrine_domain::outbox::seconds(days * 86_400 + 60);
        app.sweep(&call, &|| true).await.unwrap();
    }
    assert!(
        app.objects.head(bucket, &text(&file, "path"), None).await.unwrap().is_some(),
        "kept for 30 days"
    );
    // The title, what is below it, the bytes; and once more for what was in flight.
    for _ in 0..5 {
        call.now += vitrine_domain::outbox::seconds(31 * 86_400);
        app.sweep(&call, &|| true).await.unwrap();
    }
    assert!(app.objects.head(bucket, &text(&file, "path"), None).await.unwrap().is_none());
    crate::publishing::settle(&app).await;
    call.now += vitrine_domain::outbox::seconds(31 * 86_400);
    assert_eq!(app.sweep(&call, &|| true).await.unwrap(), Default::default());
}

#[tokio::test]
async fn d21_lists_are_paged_by_offset_and_by_cursor() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let path = format!("/bibs/{}/representations", title.mms);
    for _ in 0..6 {
        client.post(&path, representation("AUXILIARY")).await.ok();
    }
    let ids = |list: &serde_json::Value| {
        list["representation"].as_array().unwrap().iter().map(|rep| text(rep, "id")).collect::<Vec<_>>()
    };
    let all = ids(&client.get(&format!("{path}?limit=100")).await.ok());
    assert_eq!(all.len(), 7);
    assert_eq!(client.get(&format!("{path}?limit=0")).await.ok()["total_record_count"], 7);
    assert_eq!(ids(&client.get(&format!("{path}?limit=3&offset=5")).await.ok()), all[5..]);
    let (mut walked, mut next) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}?limit=2{next}")).await.ok();
        walked.extend(ids(&page));
        match page["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => break,
        }
    }
    assert_eq!(walked, all);
    assert_eq!(client.get(&format!("{path}?limit=101")).await.status, 400);
}
