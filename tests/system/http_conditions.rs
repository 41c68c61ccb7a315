//! What holds for every address alike: conditional writes (D25), parameters, and the headers of an answer.

use serde_json::{Value, json};
use vitrine_http::routes::ENDPOINTS;
use vitrine_testing::{Client, Stack};

use crate::walk::{red_png, representation, settle, text, title, upload};

/// The status of a write under a condition.
async fn write(client: &Client, method: &str, path: &str, body: &Value, condition: &str) -> u16 {
    client.with_json(method, path, body, &[("if-match", condition)]).await.status.as_u16()
}

#[tokio::test]
async fn d25_every_write_goes_through_only_where_a_strong_tag_is_current() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    upload(&client, &title.rep, "a.png", &red_png()).await;
    settle(&stack.app()).await;
    let file = text(&client.get(&title.files()).await.ok()["representation_file"][0], "pid");
    client.put("/users/anna", json!({ "full_name": "Anna" })).await.ok();
    let bib = format!("/bibs/{}", title.mms);
    let rep = format!("{bib}/representations/{}", title.rep);
    let things = [
        (format!("{}/{file}", title.files()), json!({ "label": "new" }), ""),
        (rep, representation("AUXILIARY"), "?override=true"),
        (bib, json!({ "anies": [crate::walk::DC] }), "?override=true"),
        (
            format!("/bibs/collections/{}", title.collection),
            json!({ "name": "New", "library": { "value": "MAIN" } }),
            "?override=true",
        ),
        ("/users/anna".to_owned(), json!({ "full_name": "Anna B." }), "none"),
        ("/conf/libraries/MAIN".to_owned(), json!({ "name": "Main" }), "none"),
    ];
    for (path, body, delete) in &things {
        let put = client.with_json("PUT", path, body, &[]).await;
        assert_eq!(put.status, 200, "{path}: {}", put.text);
        let tag = put.headers["etag"].to_str().unwrap().to_owned();
        for refused in [
            format!("W/{tag}"),
            format!("W/{tag}, \"9999-j\""),
            "\"9998-j\", \"9999-x\"".to_owned(),
            "\"of-someone-else\"".to_owned(),
        ] {
            assert_eq!(write(&client, "PUT", path, body, &refused).await, 412, "{path} {refused}");
            if *delete != "none" {
                let address = format!("{path}{delete}");
                assert_eq!(write(&client, "DELETE", &address, &json!({}), &refused).await, 412, "{address}");
            }
        }
        assert_eq!(write(&client, "PUT", path, body, "no-quotes").await, 400, "{path}");
        assert_eq!(write(&client, "PUT", path, body, &format!("\"9999-j\", {tag}")).await, 200, "{path}");
        assert_eq!(
            write(&client, "PUT", path, body, &tag).await,
            412,
            "{path}: the tag is of an older version"
        );
        assert_eq!(write(&client, "PUT", path, body, "*").await, 200, "{path}");
    }
    for (path, body) in
        [("/users/nobody", json!({ "full_name": "N" })), ("/conf/libraries/NEW", json!({ "name": "N" }))]
    {
        for condition in ["*", "\"1-j\"", "\"0-j\"", "\"0-j\", \"1-j\""] {
            assert_eq!(write(&client, "PUT", path, &body, condition).await, 412, "{path} {condition}");
        }
        assert_eq!(client.put(path, body).await.status, 200, "{path}");
    }
    for (path, _, delete) in &things[..3] {
        let address = format!("{path}{delete}");
        assert_eq!(write(&client, "DELETE", &address, &json!({}), "\"9999-j\", *").await, 400, "{address}");
        assert_eq!(write(&client, "DELETE", &address, &json!({}), "*").await, 204, "{address}");
        assert_eq!(write(&client, "DELETE", &address, &json!({}), "*").await, 404, "{address}");
    }
}

#[tokio::test]
async fn no_endpoint_passes_over_a_parameter_that_it_does_not_know() {
    let stack = Stack::new();
    let client = stack.client().await;
    for endpoint in ENDPOINTS {
        let path = endpoint.path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        let answer =
            client.with_json(endpoint.method, &format!("{path}?zap=x&overide=1"), &json!({}), &[]).await;
        assert_eq!(answer.status, 400, "{}: {}", endpoint.id, answer.text);
        let fields = &answer.json()["fields"];
        assert_eq!(
            (&fields[0]["field"], &fields[1]["field"]),
            (&json!("zap"), &json!("overide")),
            "{}",
            endpoint.id
        );
        // Whoever has no name learns nothing of what an address knows.
        if endpoint.id != "get_openapi" {
            let stranger = client.with_key(None);
            let (path, body) = (format!("{path}?zap=x"), json!({}));
            let answer = stranger.with_json(endpoint.method, &path, &body, &[]).await;
            assert_eq!(answer.status, 401, "{}", endpoint.id);
        }
    }
    let thumbnail = client.get("/view/delivery/thumbnail/VITRINE/1?sice=20").await;
    assert_eq!(thumbnail.status, 400, "{}", thumbnail.text);
    let usual = "?format=json&lang=en&validate=true&override_warning=true&normalization=&override_lock=true";
    assert_eq!(client.get(&format!("/permissions{usual}")).await.status, 200);
}

#[tokio::test]
async fn alma_3_an_answer_says_how_many_requests_are_left() {
    let mut stack = Stack::new();
    stack.config.requests_per_second = 2;
    let client = stack.client().await;
    let mut left = Vec::new();
    let refused = loop {
        let answer = client.get("/permissions").await;
        left.push(answer.headers["x-exl-api-remaining"].to_str().unwrap().parse::<u32>().unwrap());
        if answer.status != 200 {
            break answer;
        }
        assert!(left.len() < 1_000, "never refused: {left:?}");
    };
    assert_eq!(left[0], 3, "{left:?}");
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str(), left.last()),
        (429, "PER_SECOND_THRESHOLD", Some(&0))
    );
    assert!(refused.headers.contains_key("retry-after"));
    let thumbnail = client.get("/view/delivery/thumbnail/VITRINE/1").await;
    assert_eq!(thumbnail.status, 429, "viewers with a name share its bucket");
}
