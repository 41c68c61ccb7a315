//! Sets through the API and as walks: itemized and logical, of titles, representations and collections (C11, ALMA-17).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vitrine_app::App;
use vitrine_domain::actor::KeyPermission;
use vitrine_domain::audit::AuditRow;
use vitrine_domain::bib::BibRecord;
use vitrine_domain::set::TitleScope;
use vitrine_store::Change;
use vitrine_store::keys::{Item, Key};
use vitrine_testing::{Client, Stack, all_roles, operator};

use crate::walk::{DC, representation, text};

const SETS: &str = "/conf/sets";

async fn collection(client: &Client, name: &str, parent: Option<&str>) -> String {
    let mut body = json!({ "name": name, "library": { "value": "MAIN" } });
    if let Some(parent) = parent {
        body["parent_pid"] = json!({ "value": parent });
    }
    text(&client.post("/bibs/collections", body).await.ok()["pid"], "value")
}

async fn bib(client: &Client, name: &str, collections: &[&str]) -> String {
    let record = DC.replace("Moby-Dick", name);
    let made =
        client.post("/bibs", json!({ "record_format": { "value": "dc" }, "anies": [record] })).await.ok();
    let mms = text(&made, "mms_id");
    for collection in collections {
        client.post(&format!("/bibs/collections/{collection}/bibs"), json!({ "mms_id": mms })).await.ok();
    }
    mms
}

async fn rep(client: &Client, mms: &str, usage: &str) -> String {
    text(&client.post(&format!("/bibs/{mms}/representations"), representation(usage)).await.ok(), "id")
}

fn members(ids: &[&String]) -> Value {
    json!({ "member": ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>() })
}

async fn logical(client: &Client, content: &str, rule: Value) -> String {
    let body = json!({ "name": format!("{rule}"), "content": { "value": content }, "rule": rule });
    text(&client.post(SETS, body).await.ok(), "id")
}

/// All members of a set by pages of `limit`, each checked to come once.
async fn all(client: &Client, set: &str, limit: u32) -> BTreeSet<String> {
    let (mut found, mut next) = (BTreeSet::new(), String::new());
    loop {
        let page = client.get(&format!("{SETS}/{set}/members?limit={limit}{next}")).await.ok();
        let shown = page["member"].as_array().unwrap();
        assert!(shown.len() <= limit as usize);
        for member in shown {
            assert!(found.insert(text(member, "id")), "{} comes twice", member["id"]);
        }
        match page["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => return found,
        }
    }
}

fn of(ids: &[&String]) -> BTreeSet<String> {
    ids.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn c11_a_logical_set_grows_with_a_new_title_and_an_itemized_one_does_not() {
    let stack = Stack::new();
    let client = stack.client().await;
    let books = collection(&client, "Books", None).await;
    let first = bib(&client, "First", &[&books]).await;
    let rule = logical(&client, "BIB_MMS", json!({ "collection": [{ "value": books }] })).await;
    let list = client.post(SETS, json!({ "name": "Picked", "members": members(&[&first]) })).await.ok();
    assert_eq!(list["type"]["value"], "ITEMIZED");
    assert_eq!(list["content"]["value"], "BIB_MMS");
    assert_eq!(list["number_of_members"]["value"], "1");
    let list = text(&list, "id");
    assert_eq!(all(&client, &rule, 10).await, of(&[&first]));

    let second = bib(&client, "Second", &[&books]).await;
    assert_eq!(all(&client, &rule, 10).await, of(&[&first, &second]));
    assert_eq!(all(&client, &list, 10).await, of(&[&first]));

    // What is deleted is in neither; the itemized set names what it lost.
    client.delete(&format!("/bibs/{first}")).await.ok();
    assert_eq!(all(&client, &rule, 10).await, of(&[&second]));
    let page = client.get(&format!("{SETS}/{list}/members")).await.ok();
    assert_eq!(page["member"], json!([]));
    assert_eq!(page["skipped"][0]["id"], json!(first));
}

#[tokio::test]
async fn c11_a_set_over_a_collection_reaches_one_level_or_all_and_gives_each_title_once() {
    let stack = Stack::new();
    let client = stack.client().await;
    let top = collection(&client, "Top", None).await;
    let middle = collection(&client, "Middle", Some(&top)).await;
    let empty = collection(&client, "Empty", Some(&top)).await;
    let deep = collection(&client, "Deep", Some(&middle)).await;
    let other = collection(&client, "Other", None).await;
    let a = bib(&client, "A", &[&top, &deep, &other]).await;
    let b = bib(&client, "B", &[&middle]).await;
    let c = bib(&client, "C", &[&deep, &middle]).await;
    let d = bib(&client, "D", &[&other]).await;
    let value = |id: &String| json!({ "value": id });
    for (collections, level, expected) in [
        (vec![&top], "ONE", of(&[&a])),
        (vec![&top], "ALL", of(&[&a, &b, &c])),
        (vec![&middle, &top], "ALL", of(&[&a, &b, &c])),
        (vec![&middle], "ALL", of(&[&a, &b, &c])),
        (vec![&empty], "ALL", of(&[])),
        (vec![&deep, &other, &deep], "ONE", of(&[&a, &c, &d])),
    ] {
        let rule = json!({
            "collection": collections.iter().map(|id| value(id)).collect::<Vec<_>>(),
            "level": { "value": level }
        });
        let set = logical(&client, "BIB_MMS", rule.clone()).await;
        for limit in [1, 2, 100] {
            assert_eq!(all(&client, &set, limit).await, expected, "{rule} by {limit}");
        }
    }
    // Moving a collection moves what is below it.
    let set =
        logical(&client, "BIB_MMS", json!({ "collection": [value(&top)], "level": { "value": "ALL" } }))
            .await;
    let moved = json!({ "name": "Middle", "library": { "value": "MAIN" }, "parent_pid": { "value": other } });
    client.put(&format!("/bibs/collections/{middle}"), moved).await.ok();
    assert_eq!(all(&client, &set, 10).await, of(&[&a]));

    let below = json!({ "collection": [value(&other)], "level": { "value": "ALL" } });
    let set = logical(&client, "COLLECTION", below).await;
    assert_eq!(all(&client, &set, 1).await, of(&[&other, &middle, &deep]));
    let set = logical(&client, "COLLECTION", json!({})).await;
    assert_eq!(all(&client, &set, 2).await, of(&[&top, &middle, &empty, &deep, &other]));
}

#[tokio::test]
async fn c11_a_rule_over_representations_finds_titles_and_representations() {
    let stack = Stack::new();
    let client = stack.client().await;
    let books = collection(&client, "Books", None).await;
    let (a, b, c) = (
        bib(&client, "A", &[&books]).await,
        bib(&client, "B", &[&books]).await,
        bib(&client, "C", &[]).await,
    );
    let mut masters = Vec::new();
    for _ in 0..5 {
        masters.push(rep(&client, &a, "PRESERVATION_MASTER").await);
    }
    let copy = rep(&client, &a, "DERIVATIVE_COPY").await;
    let other = rep(&client, &b, "AUXILIARY").await;
    let usage = |codes: &[&str]| json!({ "usage_type": codes.iter().map(|code| json!({ "value": code })).collect::<Vec<_>>() });
    let set = logical(&client, "BIB_MMS", usage(&["DERIVATIVE_COPY"])).await;
    assert_eq!(all(&client, &set, 10).await, of(&[&a]));
    let set = logical(&client, "BIB_MMS", usage(&["DERIVATIVE_COPY", "AUXILIARY"])).await;
    assert_eq!(all(&client, &set, 1).await, of(&[&a, &b]));
    let set = logical(&client, "REPRESENTATION", usage(&["PRESERVATION_MASTER"])).await;
    for limit in [1, 2, 5, 100] {
        assert_eq!(all(&client, &set, limit).await, masters.iter().cloned().collect(), "{limit}");
    }
    let set = logical(&client, "REPRESENTATION", json!({})).await;
    assert_eq!(all(&client, &set, 3).await.len(), 7);
    let body = json!({
        "name": "two", "content": { "value": "REPRESENTATION" }, "members": members(&[&copy, &other])
    });
    let set = text(&client.post(SETS, body).await.ok(), "id");
    assert_eq!(all(&client, &set, 1).await, of(&[&copy, &other]));
    let set = logical(&client, "BIB_MMS", json!({ "active": false })).await;
    assert_eq!(all(&client, &set, 10).await, of(&[]), "{c} has no representation");
}

#[tokio::test]
async fn members_come_and_go_by_ids_by_identifiers_and_by_table() {
    let stack = Stack::new();
    let client = stack.client().await;
    let (a, b) = (bib(&client, "A", &[]).await, bib(&client, "B", &[]).await);
    let set = text(&client.post(SETS, json!({ "name": "Picked" })).await.ok(), "id");
    let path = |op: &str| format!("{SETS}/{set}?op={op}");
    let missing = "9900000000000000000".to_owned();
    let refused = client.post(&path("add_members"), json!({ "members": members(&[&a, &missing]) })).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains(&missing), "{}", refused.text);
    assert_eq!(all(&client, &set, 10).await, of(&[]), "nothing of a refused call is kept");
    let kept = client
        .post(
            &format!("{}&fail_on_invalid_id=false", path("add_members")),
            json!({ "members": members(&[&a, &missing, &a]) }),
        )
        .await
        .ok();
    assert_eq!(
        (&kept["number_of_members"]["value"], &kept["skipped"][0]["id"]),
        (&json!("1"), &json!(missing))
    );
    let again = client.post(&path("add_members"), json!({ "members": members(&[&a]) })).await.ok();
    assert_eq!(again["number_of_members"]["value"], "1");

    let headers = [("content-type", "text/csv"), ("accept", "application/json")];
    let to = format!("/almaws/v1{}", path("add_members"));
    let added = client.send("POST", &to, &headers, format!("MMS ID,Title\r\n\"{b}\",B\r\n")).await.ok();
    assert_eq!(added["number_of_members"]["value"], "2");
    let gone =
        client.post(&path("delete_members"), json!({ "members": members(&[&b, &missing]) })).await.ok();
    assert_eq!(gone["number_of_members"]["value"], "1");
    let isbn = json!({ "members": { "member": [{ "id": "0142437247" }] } });
    let found = client.post(&format!("{}&id_type=isbn", path("add_members")), isbn).await;
    assert_eq!(found.status, 200, "{}", found.text);
    assert_eq!(all(&client, &set, 1).await, of(&[&a, &b]), "both records carry the number");

    let many: Vec<Value> = (0..1001).map(|n| json!({ "id": format!("99{n}") })).collect();
    let refused = client.post(&path("add_members"), json!({ "members": { "member": many } })).await;
    assert!(refused.text.contains("at most 1000 a call"), "{}", refused.text);
    let rule = logical(&client, "BIB_MMS", json!({})).await;
    let refused =
        client.post(&format!("{SETS}/{rule}?op=add_members"), json!({ "members": members(&[&a]) })).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn sets_are_changed_listed_hidden_and_deleted_with_their_members() {
    let stack = Stack::new();
    let client = stack.client().await;
    let a = bib(&client, "A", &[]).await;
    let body = json!({ "name": "Mine", "private": { "value": "true" }, "members": members(&[&a]) });
    let made = client.post(SETS, body).await;
    let tag = made.headers["etag"].to_str().unwrap().to_owned();
    let mut made = made.ok();
    let path = format!("{SETS}/{}", text(&made, "id"));
    made["note"] = json!("kept");
    // What was read can be put back; its members are no part of it.
    assert_eq!(client.with_json("PUT", &path, &made, &[("if-match", &tag)]).await.ok()["note"], "kept");
    assert_eq!(client.with_json("PUT", &path, &made, &[("if-match", &tag)]).await.status, 412);
    for (member, value) in [
        ("content", json!({ "value": "COLLECTION" })),
        ("type", json!({ "value": "LOGICAL" })),
        ("name", json!("")),
    ] {
        let mut bad = made.clone();
        bad[member] = value;
        let refused = client.put(&path, bad).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["fields"][0]["field"]), (400, &json!(member)));
    }
    let other = client.with_key(Some(&client.key_with(&all_roles(), KeyPermission::ReadWrite).await));
    assert_eq!(other.get(&path).await.status, 404);
    assert_eq!(other.get(SETS).await.ok()["set"], json!([]));
    assert_eq!(client.get(SETS).await.ok()["set"][0]["name"], "Mine");

    let unknown = json!({ "name": "x", "rule": {
        "collection": [{ "value": "8100000000000000101" }], "library": [{ "value": "LAW" }],
        "access_rights_policy": [{ "value": "5200000000000000000101" }]
    } });
    let fields = client.post(SETS, unknown).await.json()["fields"].clone();
    let named: Vec<_> = fields.as_array().unwrap().iter().map(|it| it["field"].clone()).collect();
    assert_eq!(named, ["rule.collection", "rule.access_rights_policy", "rule.library"]);

    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);
    let app = stack.app();
    app.sweep(&operator(), &|| true).await.unwrap();
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(app.catalog.set_member(&id, &a).await.unwrap(), None);
}

/// Lies where a record was, and is none.
#[derive(serde::Serialize)]
struct Damaged {
    #[serde(skip)]
    key: Key,
    #[serde(skip)]
    index: Option<Key>,
    mms_id: u32,
}

impl Item for Damaged {
    const KIND: &'static str = "damaged item";
    fn key(&self) -> Key {
        self.key.clone()
    }
    fn index(&self) -> Option<Key> {
        self.index.clone()
    }
}

pub async fn damage(app: &App, bib: BibRecord) {
    let mut change = change(app);
    change.put(&Damaged { key: bib.key(), index: bib.index(), mms_id: 1 }).unwrap();
    app.catalog.commit(&change).await.unwrap();
}

/// A thing that is written without its history, because no use case does.
#[derive(serde::Serialize)]
#[serde(transparent)]
pub struct Untold<T>(pub T);

impl<T: Item> Item for Untold<T> {
    const KIND: &'static str = "untold item";
    fn key(&self) -> Key {
        self.0.key()
    }
    fn index(&self) -> Option<Key> {
        self.0.index()
    }
}

/// A change of the tables that is no use case's.
pub fn change(app: &App) -> Change {
    let call = operator();
    Change::new(AuditRow {
        id: app.minter.event(call.now, 1),
        subject: "TEST".to_owned(),
        action: "test.damage".to_owned(),
        actor: call.actor.id,
        origin: call.origin,
        request_id: call.request_id,
        at: call.now,
        before: None,
        after: None,
        before_sha256: None,
        after_sha256: None,
    })
}

async fn scope(app: &App, set: &str) -> TitleScope {
    TitleScope::Set { set: Box::new(app.read_set(&operator(), &set.parse().unwrap()).await.unwrap()) }
}

#[tokio::test]
async fn one_damaged_title_does_not_hide_the_others() {
    // Complaint 11: one unreadable member stopped a whole run.
    let stack = Stack::new();
    let client = stack.client().await;
    let app = stack.app();
    let books = collection(&client, "Books", None).await;
    let mut titles = Vec::new();
    for name in ["A", "B", "C"] {
        titles.push(bib(&client, name, &[&books]).await);
    }
    let list = json!({ "name": "All", "members": members(&titles.iter().collect::<Vec<_>>()) });
    let sets = [
        text(&client.post(SETS, list).await.ok(), "id"),
        logical(&client, "BIB_MMS", json!({ "collection": [{ "value": books }] })).await,
        logical(&client, "BIB_MMS", json!({})).await,
    ];
    let damaged = titles.remove(1);
    damage(&app, app.catalog.bib(&damaged.parse().unwrap()).await.unwrap().unwrap()).await;
    for set in &sets {
        let scope = scope(&app, set).await;
        let (mut found, mut skipped, mut next) = (BTreeSet::new(), Vec::new(), None);
        loop {
            let page = app.titles_page(&scope, next.as_deref(), 100).await.unwrap();
            found.extend(page.items.iter().map(|bib| bib.mms_id.to_string()));
            skipped.extend(page.skipped.into_iter().map(|it| it.id));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(found, titles.iter().cloned().collect());
        assert_eq!(skipped, [format!("BIB#{damaged}")]);
        for title in &titles {
            let bib = app.catalog.bib(&title.parse().unwrap()).await.unwrap().unwrap();
            assert!(app.is_title_in(&scope, &bib).await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_page_costs_the_same_calls_wherever_it_is() {
    let stack = Stack::new();
    let client = stack.client().await;
    let books = collection(&client, "Books", None).await;
    for number in 0..6 {
        bib(&client, &format!("T{number}"), &[&books]).await;
    }
    let sets = [
        logical(
            &client,
            "BIB_MMS",
            json!({ "collection": [{ "value": books }], "level": { "value": "ALL" } }),
        )
        .await,
        logical(&client, "BIB_MMS", json!({ "suppressed": false })).await,
    ];
    let (app, faulty) = stack.faulty_app();
    for set in &sets {
        let scope = scope(&app, set).await;
        let (mut next, mut pages) = (None, 0);
        loop {
            let before = faulty.calls().len();
            let page = app.titles_page(&scope, next.as_deref(), 2).await.unwrap();
            let calls = faulty.calls().len() - before;
            // 16 shards to pass at most; for a collection its members, their records, what is above, the next one.
            assert!(calls <= 18, "{calls} calls");
            pages += 1;
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        assert!(pages >= 3);
    }
}
