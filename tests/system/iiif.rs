//! The structure of a representation through the API, and manifests made of it (D20, S5).

use serde_json::json;
use vitrine_testing::{Client, Stack};

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
