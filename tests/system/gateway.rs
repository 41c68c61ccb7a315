//! The whole of `template.yaml`: the real function zips, behind the engine's API gateway, queues and schedule.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vitrine_domain::actor::{Grant, KeyPermission};
use vitrine_domain::roles::Role;
use vitrine_testing::{Stack, all_roles, operator, send_signed};

use crate::walk::{DC, red_png, representation, sha256, text, wish};

/// A call through the engine's gateway, with a client that is not ours.
fn call(base: &str, key: Option<&str>, method: &str, path: &str, body: Value) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{base}/almaws/v1{path}");
    let query = if url.contains('?') { "&" } else { "?" };
    let url = key.map_or_else(|| url.clone(), |key| format!("{url}{query}apikey={key}"));
    let mut answer = match method {
        "POST" => agent
            .post(&url)
            .header("accept", "application/json")
            .header("content-type", "application/json")
            .send(body.to_string())
            .unwrap(),
        _ => agent.get(&url).header("accept", "application/json").call().unwrap(),
    };
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn a_file_goes_through_the_deployed_functions() {
    let stack = Stack::deployed();
    let app = stack.app();
    let by = operator();
    app.put_library(&by, "MAIN".parse().unwrap(), "Main Library", None).await.unwrap();
    let key = "vt_test-key-of-the-deployed-stack";
    app.create_api_key(&by, "test", KeyPermission::ReadWrite, all_roles(), key).await.unwrap();
    let base = stack.gateway();

    let post = |path: &str, body: Value| {
        let (status, answer) = call(&base, Some(key), "POST", path, body);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    };
    assert_eq!(call(&base, None, "GET", "/permissions", Value::Null).0, 401);
    let collection = post("/bibs/collections", json!({ "name": "Books", "library": { "value": "MAIN" } }));
    let bib = json!({ "record_format": { "value": "dc" }, "suppress_from_publishing": false, "anies": [DC] });
    let bib = post("/bibs", bib);
    let mms = text(&bib, "mms_id");
    post(&format!("/bibs/collections/{}/bibs", text(&collection["pid"], "value")), json!({ "mms_id": mms }));
    let rep = post(&format!("/bibs/{mms}/representations"), representation("PRESERVATION_MASTER"));
    let rep = text(&rep, "id");
    let upload = post("/uploads", wish(&rep, "red.png", &red_png()));
    assert_eq!(send_signed(&upload["request"], &red_png()), 200);

    let started = Instant::now();
    let file = loop {
        let (_, files) =
            call(&base, Some(key), "GET", &format!("/bibs/{mms}/representations/{rep}/files"), Value::Null);
        let file = files["representation_file"][0].clone();
        if file["thumbnail"]["state"] == "READY" {
            break file;
        }
        assert!(started.elapsed() < Duration::from_secs(90), "not drawn in time: {files}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(file["sha256"], sha256(&red_png()));

    // An export is begun by the API, and written by a function that may read and write what it needs and no more.
    let export = json!({
        "name": "All", "everything": true, "format": { "value": "MARCXML" }, "include_files": true,
        "layout": { "value": "OCFL" },
    });
    let export = text(&post("/conf/exports", export), "id");
    let job = text(&post(&format!("/conf/exports/{export}?op=run"), Value::Null), "id");
    let started = Instant::now();
    let job = loop {
        let (_, found) = call(&base, Some(key), "GET", &format!("/conf/jobs/{job}"), Value::Null);
        if found["end_time"].is_string() {
            break found;
        }
        // Sooner than the sweep would begin it.
        assert!(started.elapsed() < Duration::from_secs(90), "not written in time: {found}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "{job}");
    let (status, files) =
        call(&base, Some(key), "GET", &format!("/conf/jobs/{}/files", text(&job, "id")), Value::Null);
    assert_eq!((status, files["file"].as_array().map(Vec::len)), (200, Some(1)), "{files}");

    // Delivery writes who has borrowed what; of all that viewers do the API may read that alone (A18).
    let lent = json!({ "effect": "ALLOW", "loan_copies": 1, "loan_days": 14 });
    let policy = post("/conf/access-rights-policies", json!({ "name": "Lent", "default_rule": lent }));
    let mut copy = representation("DERIVATIVE_COPY");
    copy["access_rights_policy_id"] = json!({ "value": text(&policy, "id") });
    let rep = text(&post(&format!("/bibs/{mms}/representations"), copy), "id");
    let reader = "vt_test-key-of-a-reader";
    let patron = vec![Grant { role: Role::Patron, library: None }];
    app.create_api_key(&by, "reader", KeyPermission::ReadWrite, patron, reader).await.unwrap();
    let answer = ureq::post(format!("{base}/view/delivery/VITRINE/{rep}/loan"))
        .header("accept", "application/json")
        .header("authorization", format!("apikey {reader}"))
        .send_empty();
    assert_eq!(answer.unwrap().status(), 200);
    let (status, loans) =
        call(&base, Some(key), "GET", &format!("/bibs/{mms}/representations/{rep}/loans"), Value::Null);
    assert_eq!((status, loans["loan"][0]["copy"].as_u64()), (200, Some(1)), "{loans}");
}
