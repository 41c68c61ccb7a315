//! Histories: who did what, when, from where, before and after; newest first, also when the thing is gone (D24).

use serde_json::{Value, json};
use vitrine_domain::actor::{Grant, KeyPermission};
use vitrine_domain::coded::Coded;
use vitrine_domain::roles::Role;
use vitrine_testing::{Client, Stack};

use crate::imports::Desk;
use crate::walk::{red_png, representation, settle, text, title, upload, wish};

/// The actions of a history, the oldest first, and where each came from.
async fn told(client: &Client, path: &str) -> Vec<(String, String)> {
    let page = client.get(&format!("{path}/history?limit=100")).await.ok();
    let mut events: Vec<_> = page["event"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (text(event, "action"), text(&event["origin"], "value")))
        .collect();
    events.reverse();
    events
}

fn from(origin: &str, actions: &[&str]) -> Vec<(String, String)> {
    actions.iter().map(|action| ((*action).to_owned(), origin.to_owned())).collect()
}

fn field<'a>(event: &'a Value, name: &str) -> &'a Value {
    let fields = event["field"].as_array().unwrap();
    fields.iter().find(|field| field["name"] == name).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn d24_every_change_of_every_thing_is_told_below_it_and_stays_when_it_is_deleted() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let bib = format!("/bibs/{}", title.mms);
    let rep = format!("{bib}/representations/{}", title.rep);
    upload(&client, &title.rep, "a.png", &red_png()).await;
    settle(&stack.app()).await;
    let file = text(&client.get(&title.files()).await.ok()["representation_file"][0], "pid");
    let file = format!("{}/{file}", title.files());
    client.put(&file, json!({ "label": "Cover" })).await.ok();
    let mut changed = representation("PRESERVATION_MASTER");
    changed["label"] = json!("Scans");
    client.put(&rep, changed).await.ok();
    let policy = json!({ "name": "p", "default_rule": { "effect": "DENY" } });
    let policy = text(&client.post("/conf/access-rights-policies", policy).await.ok(), "id");
    let policy = format!("/conf/access-rights-policies/{policy}");
    client.put(&policy, json!({ "name": "q", "default_rule": { "effect": "DENY" } })).await.ok();
    client.put("/users/fay", json!({ "full_name": "Fay", "user_group": ["FACULTY"] })).await.ok();
    client.put("/users/fay", json!({ "full_name": "Fay", "user_group": [] })).await.ok();
    let profile = client.post("/conf/md-import-profiles", crate::http_fuzz::profile(&title.collection)).await;
    let profile = format!("/conf/md-import-profiles/{}", text(&profile.ok(), "id"));
    let set = json!({ "name": "p", "selection": { "kind": "EVERYTHING" }, "target": { "kind": "OAI", "set_spec": "p" } });
    let publishing = text(&client.post("/conf/publishing-profiles", set).await.ok(), "id");
    let publishing = format!("/conf/publishing-profiles/{publishing}");
    let collection = format!("/bibs/collections/{}", title.collection);
    let ingest = client.post(&format!("{profile}/ingests"), json!({ "name": "folder" })).await.ok();
    let ingest = format!("{profile}/ingests/{}", text(&ingest, "id"));
    client.delete(&ingest).await;
    let open = text(&client.post("/uploads", wish(&title.rep, "b.png", b"x")).await.ok(), "id");
    client.delete(&format!("/uploads/{open}")).await;
    let list = json!({ "name": "list", "members": { "member": [{ "id": title.mms }] } });
    let set = text(&client.post("/conf/sets", list).await.ok(), "id");
    let export = json!({ "name": "x", "set": { "value": set }, "format": { "value": "CSV" } });
    let export = format!("/conf/exports/{}", text(&client.post("/conf/exports", export).await.ok(), "id"));
    client.delete(&export).await;
    let museum = "/conf/remote-repositories/MUSEUM";
    let repository =
        json!({ "name": "Museum", "base_url": "https://museum.example", "object_template": "{base_url}/o" });
    client.put(museum, repository).await.ok();
    let oai = json!({ "repository_name": "Maps", "admin_email": "maps@library.example" });
    client.put("/conf/oai-repository", oai).await.ok();

    for path in [&file, &rep, &policy, &profile] {
        let path = if *path == rep { format!("{rep}?override=true") } else { path.clone() };
        assert_eq!(client.delete(&path).await.status, 204, "{path}");
    }
    assert_eq!(client.delete(&bib).await.status, 204);
    assert_eq!(client.delete(&format!("{collection}?override=true")).await.status, 204);

    let api = |actions: &[&str]| from("API", actions);
    assert_eq!(
        told(&client, &bib).await,
        api(&[
            "bib.create",
            "collection.add_title",
            "representation.create",
            "representation.delete",
            "bib.delete"
        ])
    );
    assert_eq!(
        told(&client, &rep).await,
        api(&["representation.create", "representation.update", "representation.delete"])
    );
    assert_eq!(
        told(&client, &file).await,
        [from("EVENT", &["file.register", "file.thumbnail"]), api(&["file.update", "file.delete"])].concat()
    );
    assert_eq!(told(&client, &policy).await, api(&["policy.create", "policy.update", "policy.delete"]));
    assert_eq!(told(&client, &profile).await, api(&["profile.create", "profile.delete"]));
    assert_eq!(told(&client, &publishing).await, api(&["publishing.create"]));
    assert_eq!(told(&client, &collection).await, api(&["collection.create", "collection.delete"]));
    assert_eq!(told(&client, &ingest).await, api(&["ingest.create", "ingest.delete"]));
    assert_eq!(told(&client, &format!("/uploads/{open}")).await, api(&["upload.create", "upload.abort"]));
    // Both happen within one call, at one instant.
    let mut of_set = told(&client, &format!("/conf/sets/{set}")).await;
    of_set.sort();
    assert_eq!(of_set, api(&["set.create", "set.members"]));
    assert_eq!(told(&client, &export).await, api(&["export.create", "export.delete"]));
    assert_eq!(told(&client, museum).await, api(&["remote-repository.put"]));
    assert_eq!(told(&client, "/conf/oai-repository").await, api(&["oai.update"]));
    assert_eq!(told(&client, "/users/fay").await, api(&["user.put", "user.put"]));
    assert_eq!(told(&client, "/conf/libraries/MAIN").await, from("OPERATOR", &["library.put"]));

    // Each says who, when, and what of it; and the next begins where the last one ended.
    let events = client.get(&format!("{rep}/history")).await.ok();
    let [gone, changed, made] = events["event"].as_array().unwrap().as_slice() else { panic!("{events}") };
    assert_eq!(field(changed, "label"), &json!({ "name": "label", "after": "Scans" }));
    assert!(changed["user_id"].as_str().unwrap().starts_with("key:"), "{changed}");
    assert!(changed["at"].as_str().unwrap().ends_with('Z') && !text(changed, "request_id").is_empty());
    assert_eq!((&made["before_sha256"], &made["after_sha256"]), (&Value::Null, &changed["before_sha256"]));
    assert_eq!(changed["after_sha256"], gone["before_sha256"]);
    let groups = client.get("/users/fay/history?limit=1").await.ok();
    let groups = field(&groups["event"][0], "groups").clone();
    assert_eq!(groups, json!({ "name": "groups", "before": "[\"FACULTY\"]", "after": "[]" }));

    // Pages, newest first, and the same in XML.
    let mut next = String::new();
    let mut ids = Vec::new();
    loop {
        let page = client.get(&format!("{bib}/history?limit=2{next}")).await.ok();
        ids.extend(page["event"].as_array().unwrap().iter().map(|event| text(event, "id")));
        match page["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => break,
        }
    }
    assert_eq!(ids.len(), 5);
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "{ids:?}");
    let xml = client
        .send("GET", &format!("/almaws/v1{bib}/history"), &[("accept", "application/xml")], String::new())
        .await;
    assert!(xml.status.is_success() && xml.text.contains("<action>bib.create</action>"), "{}", xml.text);
}

#[tokio::test]
async fn d24_what_an_import_made_tells_of_the_job_that_made_it() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let csv = "dc:title,dc:identifier,file_name_1\nThe whale,local:1,a.txt\n";
    let job = desk.import(&profile, "folder", &[("values.csv", csv.as_bytes()), ("a.txt", b"a")]).await;
    let job = text(&job, "id");
    let row = desk.row(&job, 1).await;
    let bib = format!("/bibs/{}", text(&row, "mms_id"));
    let rep = desk.client.get(&format!("{bib}/representations")).await.ok();
    let rep = format!("{bib}/representations/{}", text(&rep["representation"][0], "id"));
    assert_eq!(told(&desk.client, &bib).await, from("JOB", &["import.create"]));
    assert_eq!(told(&desk.client, &rep).await, from("JOB", &["import.create"]));
    let made = desk.client.get(&format!("{bib}/history")).await.ok();
    assert_eq!(text(&made["event"][0], "request_id"), job);
    let undo = text(&desk.client.post(&format!("/conf/jobs/{job}?op=undo"), Value::Null).await.ok(), "id");
    desk.finish(&undo).await;
    for path in [&bib, &rep] {
        assert_eq!(told(&desk.client, path).await, from("JOB", &["import.create", "import.undo"]), "{path}");
    }
}

#[tokio::test]
async fn d24_staff_read_histories_and_only_who_reads_users_reads_theirs() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    client.put("/users/fay", json!({ "full_name": "Fay" })).await.ok();
    let bib = format!("/bibs/{}/history", title.mms);
    for (role, of_bib, of_user) in
        [(Role::DepositOperator, 200, 403), (Role::UserAdministrator, 200, 200), (Role::Patron, 403, 403)]
    {
        let key = client.key_with(&[Grant { role, library: None }], KeyPermission::ReadOnly).await;
        let who = client.with_key(Some(&key));
        assert_eq!(who.get(&bib).await.status, of_bib, "{}", role.code());
        assert_eq!(who.get("/users/fay/history").await.status, of_user, "{}", role.code());
    }
    // What was never there, what another title has, and a cursor that is none.
    for path in [
        "/bibs/991234567890121234/history".to_owned(),
        format!("/bibs/991234567890121234/representations/{}/history", title.rep),
        "/users/nobody/history".to_owned(),
    ] {
        assert_eq!(client.get(&path).await.status, 404, "{path}");
    }
    let forged = client.get(&format!("{bib}?next={}", "A".repeat(400))).await;
    assert_eq!((forged.status.as_u16(), &forged.json()["fields"][0]["field"]), (400, &json!("next")));
    // A key's own digest opens nothing by being read.
    let keys = client.get("/conf/api-keys?limit=1").await.ok();
    let key = text(&keys["api_key"][0], "id");
    let history = client.get(&format!("/conf/api-keys/{key}/history")).await.ok();
    assert!(field(&history["event"][0], "hash").is_null(), "{history}");
}
