//! Every endpoint refuses: without a credential, without the role, and with a key that may only read (R1-R7, B30).

use serde_json::{Value, json};
use vitrine_domain::actor::{Grant, KeyPermission};
use vitrine_domain::coded::Coded;
use vitrine_domain::roles::{Action, Role};
use vitrine_http::routes::{ENDPOINTS, Endpoint};
use vitrine_store::objects::Bucket;
use vitrine_testing::{Stack, all_roles};

use crate::walk::{Title, red_png, settle, text, title, upload, wish};

/// An address of the endpoint with things that are there, and a body that it takes.
pub fn request(
    endpoint: &Endpoint,
    title: &Title,
    [file, upload, profile, job]: [&str; 4],
) -> (String, Value) {
    let path = endpoint
        .path
        .replace("{collection}", &title.collection)
        .replace("{mms_id}", &title.mms)
        .replace("{rep_id}", &title.rep)
        .replace("{pid}", file)
        .replace("{upload}", upload)
        .replace("{user_id}", "someone")
        .replace("{key}", "5100000000000000000101")
        .replace("{library}", "MAIN")
        .replace("{profile}", profile)
        .replace("{ingest}", "folder")
        .replace("{job}", job)
        .replace("{policy}", "5200000000000000000101")
        .replace("{publishing}", "7900000000000000000101")
        .replace("{repository}", "MUSEUM")
        .replace("{set}", "4800000000000000000101")
        .replace("{export}", "4900000000000000000101")
        .replace("{deleted}", &title.rep)
        .replace("{number}", "1");
    let path = match endpoint.id {
        "find_bibs" => format!("{path}?mms_id={}", title.mms),
        "run_import_profile" | "run_publishing_profile" => format!("{path}?op=run"),
        "preview_publishing_profile" => format!("{path}?mms_id={}", title.mms),
        "act_on_ingest" => format!("{path}?op=lock"),
        "act_on_job" => format!("{path}?op=cancel"),
        "act_on_set" => format!("{path}?op=add_members"),
        "run_export" | "run_job" => format!("{path}?op=run"),
        "act_on_deleted" => format!("{path}?op=restore"),
        "decide_job_row" => format!("{path}?op=discard"),
        "list_ingest_parts" => format!("{path}?name=a.tif&multipart_id=m"),
        _ => path,
    };
    let body = match endpoint.id {
        "create_collection" | "update_collection" => json!({ "name": "New", "library": { "value": "MAIN" } }),
        "add_collection_bib" => json!({ "mms_id": title.mms }),
        "create_bib" | "update_bib" => {
            json!({ "record_format": { "value": "dc" }, "anies": [crate::walk::DC] })
        }
        "create_representation" | "update_representation" => crate::walk::representation("AUXILIARY"),
        "put_structure" => json!({ "behavior": { "value": "PAGED" } }),
        "create_file" => json!({ "path": "upload/a.png" }),
        "update_file" => json!({ "label": "new" }),
        "create_upload" => wish(&title.rep, "a.png", b"x"),
        "sign_upload_parts" => json!({ "part": [{ "part_number": 1 }] }),
        "put_user" => json!({ "full_name": "Someone" }),
        "create_api_key" => json!({ "name": "k", "permission": { "value": "READ_ONLY" } }),
        "create_policy" | "update_policy" => json!({ "name": "p", "default_rule": { "effect": "DENY" } }),
        "create_import_profile" | "update_import_profile" => crate::http_fuzz::profile(&title.collection),
        "create_publishing_profile" | "update_publishing_profile" => json!({
            "name": "p",
            "selection": { "kind": "EVERYTHING" },
            "target": { "kind": "OAI", "set_spec": "p" },
        }),
        "set_publishing_secret" => json!({ "secret": "word" }),
        "put_oai_repository" => json!({ "repository_name": "r", "admin_email": "a@library.example" }),
        "create_ingest" => json!({ "name": "folder" }),
        "sign_ingest_files" => json!({ "file": [{ "name": "a.tif", "size": 1 }] }),
        "act_on_ingest_parts" => {
            json!({ "name": "a.tif", "multipart_id": "m", "size": 1, "part": [{ "part_number": 1 }] })
        }
        "create_export" | "update_export" => {
            json!({ "name": "e", "everything": true, "format": { "value": "JSONL" } })
        }
        "run_job" => {
            json!({ "kind": { "value": "ITEMIZE_SET" }, "set": { "value": "4800000000000000000101" } })
        }
        "create_set" | "update_set" => json!({ "name": "s" }),
        "act_on_set" => json!({ "members": { "member": [{ "id": title.mms }] } }),
        "put_library" => json!({ "name": "Main" }),
        "put_remote_repository" => {
            json!({ "name": "Museum", "base_url": "https://museum.example", "object_template": "{base_url}" })
        }
        _ => json!({}),
    };
    (path, body)
}

#[tokio::test]
async fn every_endpoint_refuses_strangers_callers_without_the_role_and_read_only_keys() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    upload(&client, &title.rep, "a.png", &red_png()).await;
    settle(&stack.app()).await;
    let file = text(&client.get(&title.files()).await.ok()["representation_file"][0], "pid");
    let open = text(&client.post("/uploads", wish(&title.rep, "b.png", b"x")).await.ok(), "id");
    let profile =
        client.post("/conf/md-import-profiles", crate::http_fuzz::profile(&title.collection)).await.ok();
    let profile = text(&profile, "id");
    let ingests = format!("/conf/md-import-profiles/{profile}/ingests");
    let (key, csv) = (format!("upload/{profile}/folder/values.csv"), b"dc:title\nMoby-Dick\n".to_vec());
    stack.app().objects.put_small(Bucket::Incoming, &key, csv.into(), "text/csv", false).await.unwrap();
    let submitted = client.post(&format!("{ingests}/folder?op=submit"), Value::Null).await.ok();
    let job = text(&submitted, "job_id");

    let stranger = client.with_key(None);
    let roleless = client.with_key(Some(
        &client.key_with(&[Grant { role: Role::Patron, library: None }], KeyPermission::ReadWrite).await,
    ));
    let reader = client.with_key(Some(&client.key_with(&all_roles(), KeyPermission::ReadOnly).await));
    let mut before = client.get(&format!("/bibs/{}", title.mms)).await.ok();
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.id != "get_openapi") {
        let (path, body) = request(endpoint, &title, [&file, &open, &profile, &job]);
        let call = |who: &vitrine_testing::Client| {
            let (who, path, body) = (who.clone(), path.clone(), body.clone());
            async move { who.with_json(endpoint.method, &path, &body, &[]).await }
        };
        let answer = call(&stranger).await;
        assert_eq!(answer.status, 401, "{}: {}", endpoint.id, answer.text);
        assert!(answer.headers.contains_key("www-authenticate"));

        let answer = call(&roleless).await;
        match (endpoint.action, endpoint.id) {
            (_, "get_permissions") => assert_eq!(answer.status, 200),
            // Who may not know that there is such a thing is told that there is none (B31).
            (None, _) => assert_eq!(answer.status, 404, "{}: {}", endpoint.id, answer.text),
            (Some(_), _) => {
                assert_eq!(answer.status, 403, "{}: {}", endpoint.id, answer.text);
                assert!(
                    answer.json()["detail"].as_str().unwrap().contains("needs the role"),
                    "{}",
                    answer.text
                );
            }
        }
        if endpoint.method != "GET" && !endpoint.action.is_some_and(Action::is_read) {
            let answer = call(&reader).await;
            assert!(
                [403, 404].contains(&answer.status.as_u16()),
                "{}: {} {}",
                endpoint.id,
                answer.status,
                answer.text
            );
        }
    }
    let mut after = client.get(&format!("/bibs/{}", title.mms)).await.ok();
    for bib in [&mut before, &mut after] {
        bib.as_object_mut().unwrap().remove("last_modified_date");
    }
    assert_eq!(before, after, "a refused request changed something");
}

#[tokio::test]
async fn r6_a_role_for_one_library_does_not_reach_another() {
    let stack = Stack::new();
    let client = stack.client().await;
    client.put("/conf/libraries/LAW", json!({ "name": "Law" })).await.ok();
    let title = title(&client).await;
    let scoped = |library: &str| {
        let library = library.parse().unwrap();
        vec![Grant { role: Role::DigitalInventoryOperator, library: Some(library) }]
    };
    let law = client.with_key(Some(&client.key_with(&scoped("LAW"), KeyPermission::ReadWrite).await));
    let main = client.with_key(Some(&client.key_with(&scoped("MAIN"), KeyPermission::ReadWrite).await));
    let path = format!("/bibs/{}/representations/{}", title.mms, title.rep);
    let body = crate::walk::representation("AUXILIARY");
    let refused = law.put(&path, body.clone()).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("for library `MAIN`"), "{}", refused.text);
    assert_eq!(main.put(&path, body).await.status, 200);
}

#[tokio::test]
async fn a_caller_can_ask_what_it_may_do() {
    let stack = Stack::new();
    let client = stack.client().await;
    let key = client
        .key_with(&[Grant { role: Role::DigitalInventoryOperator, library: None }], KeyPermission::ReadWrite)
        .await;
    let answer = client.with_key(Some(&key)).get("/permissions").await.ok();
    let of = |code: &str| {
        answer["permission"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["action"]["value"] == code)
            .unwrap()
            .clone()
    };
    assert_eq!(of("file.create")["everywhere"], true);
    assert_eq!(of("file.delete")["missing_role"][0]["value"], Role::DigitalInventoryOperatorExtended.code());
    let revoked = client.get("/conf/api-keys?limit=100").await.ok();
    assert!(!revoked.to_string().contains(&key), "a key is never shown again");
}

#[tokio::test]
async fn b31_thumbnails_of_what_a_viewer_may_not_see_do_not_exist() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    upload(&client, &title.rep, "a.png", &red_png()).await;
    settle(&stack.app()).await;
    let file = text(&client.get(&title.files()).await.ok()["representation_file"][0], "pid");
    let anyone = client.with_key(None);
    for id in [&title.mms, &title.rep, &file] {
        let hidden = anyone.get(&format!("/view/delivery/thumbnail/VITRINE/{id}")).await;
        assert_eq!(hidden.status, 404, "{id}");
        let other = format!("{}9", &id[..id.len() - 1]);
        let absent = anyone.get(&format!("/view/delivery/thumbnail/VITRINE/{other}")).await;
        assert_eq!(absent.status, 404);
    }
    assert_eq!(client.get(&format!("/view/delivery/thumbnail/VITRINE/{file}")).await.status, 302);
}
