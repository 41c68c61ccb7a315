//! Jobs over sets: each action with its counts, previews that write nothing, rows that are refused, moves of what the walk
//! itself goes over, kills, and what a row costs (C11, C12, E5, E7, T5; complaint 28).

mod kills;
mod rows;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vitrine_store::queues::Queue;
use vitrine_testing::Client;

use crate::imports::{Desk, counter};
use crate::walk::{DC, derive, next, red_png, representation, text, upload};

const JOBS: &str = "/conf/jobs";

async fn collection(client: &Client, name: &str) -> String {
    let body = json!({ "name": name, "library": { "value": "MAIN" } });
    text(&client.post("/bibs/collections", body).await.ok()["pid"], "value")
}

/// A title in a collection, without representations.
async fn title(client: &Client, collection: &str, name: &str) -> String {
    let record = DC.replace("Moby-Dick", name);
    let made = client.post("/bibs", json!({ "record_format": { "value": "dc" }, "anies": [record] })).await;
    let mms = text(&made.ok(), "mms_id");
    client.post(&format!("/bibs/collections/{collection}/bibs"), json!({ "mms_id": mms })).await.ok();
    mms
}

async fn rep(client: &Client, mms: &str, library: &str) -> String {
    let mut body = representation("AUXILIARY");
    body["library"] = json!({ "value": library });
    text(&client.post(&format!("/bibs/{mms}/representations"), body).await.ok(), "id")
}

/// A logical set of what is in a collection.
async fn set_of(client: &Client, content: &str, collection: &str) -> String {
    let body = json!({
        "name": format!("{content} of {collection}"), "content": { "value": content },
        "rule": { "collection": [{ "value": collection }] }
    });
    text(&client.post("/conf/sets", body).await.ok(), "id")
}

fn order(kind: &str, set: &str, more: Value) -> Value {
    let mut body = json!({ "kind": { "value": kind }, "set": { "value": set } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn begin(client: &Client, body: &Value) -> String {
    text(&client.post(&format!("{JOBS}?op=run"), body.clone()).await.ok(), "id")
}

/// Runs a job over a set to its end.
async fn run(desk: &Desk, body: &Value) -> Value {
    desk.finish(&begin(&desk.client, body).await).await
}

/// Runs the same as a preview.
async fn preview(desk: &Desk, body: &Value) -> Value {
    let begun = desk.client.post(&format!("{JOBS}?op=run&dry_run=true"), body.clone()).await.ok();
    assert_eq!(begun["dry_run"], true);
    desk.finish(&text(&begun, "id")).await
}

/// The counters of a job's rows that are not zero.
fn counts(job: &Value) -> Vec<(String, u64)> {
    let counters = job["counter"].as_array().unwrap().iter();
    counters
        .map(|it| (text(&it["type"], "value"), it["value"].as_u64().unwrap()))
        .filter(|(_, value)| *value > 0)
        .collect()
}

fn counted(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

async fn members(client: &Client, collection: &str) -> BTreeSet<String> {
    let (mut found, mut next) = (BTreeSet::new(), String::new());
    loop {
        let page = client.get(&format!("/bibs/collections/{collection}/bibs?limit=100{next}")).await.ok();
        for bib in page["bib"].as_array().unwrap() {
            assert!(found.insert(text(bib, "mms_id")), "a title is there twice");
        }
        match page["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn e7_representations_of_a_set_change_as_the_preview_said_and_only_there() {
    let desk = Desk::new().await;
    let client = &desk.client;
    let (mut reps, mut titles) = (Vec::new(), Vec::new());
    for number in 0..3 {
        let mms = title(client, &desk.collection, &format!("Book {number}")).await;
        for _ in 0..2 {
            reps.push((mms.clone(), rep(client, &mms, "MAIN").await));
        }
        titles.push(mms);
    }
    let elsewhere = collection(client, "Elsewhere").await;
    let other = title(client, &elsewhere, "Other").await;
    let untouched = (other.clone(), rep(client, &other, "MAIN").await);
    let policy = json!({ "name": "Closed", "default_rule": { "effect": "DENY" } });
    let policy = text(&client.post("/conf/access-rights-policies", policy).await.ok(), "id");
    let read = |rep: (String, String)| async move {
        let (mms, rep) = rep;
        client.get(&format!("/bibs/{mms}/representations/{rep}")).await.ok()
    };
    let before = read(reps[0].clone()).await;
    let set = set_of(client, "BIB_MMS", &desk.collection).await;
    let body = order(
        "CHANGE_REPRESENTATIONS",
        &set,
        json!({ "change": {
            "usage_type": { "value": "PRIMARY" }, "active": { "value": "false" }, "label": "Scans",
            "note": "checked", "access_rights_policy_id": { "value": policy }
        } }),
    );

    let job = preview(&desk, &body).await;
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "{job}");
    assert_eq!(counts(&job), counted(&[("rows", 6), ("updated", 6)]));
    let row = desk.row(&text(&job, "id"), 1).await;
    let field = |name: &str| {
        row["difference"].as_array().unwrap().iter().find(|it| it["field"] == name).unwrap().clone()
    };
    assert_eq!(field("usage_type")["before"], json!(["AUXILIARY"]), "{row}");
    assert_eq!(field("usage_type")["after"], json!(["PRESERVATION_MASTER"]));
    assert_eq!(field("access_rights_policy_id")["after"], json!([policy]));
    assert_eq!(row["difference"].as_array().unwrap().len(), 5, "{row}");
    assert_eq!(read(reps[0].clone()).await, before, "a preview writes nothing");

    let job = run(&desk, &body).await;
    assert_eq!(counts(&job), counted(&[("rows", 6), ("updated", 6)]), "{job}");
    for one in &reps {
        let now = read(one.clone()).await;
        assert_eq!(now["usage_type"]["value"], "PRESERVATION_MASTER");
        assert_eq!((&now["label"], &now["note"]), (&json!("Scans"), &json!(["checked"])));
        assert_eq!(now["access_rights_policy_id"]["value"], json!(policy));
    }
    assert_eq!(read(untouched).await["usage_type"]["value"], "AUXILIARY");
    // D24: the history of each tells it.
    let history =
        client.get(&format!("/bibs/{}/representations/{}/history", reps[0].0, reps[0].1)).await.ok();
    assert!(history.to_string().contains("representation.update"), "{history}");

    // The same again changes nothing; `clear` takes away.
    assert_eq!(counts(&run(&desk, &body).await), counted(&[("rows", 6), ("unchanged", 6)]));
    let away = json!({ "change": { "clear": ["label", "access_rights_policy_id"] } });
    let set = set_of(client, "REPRESENTATION", &desk.collection).await;
    let job = run(&desk, &order("CHANGE_REPRESENTATIONS", &set, away)).await;
    assert_eq!(counts(&job), counted(&[("rows", 6), ("updated", 6)]));
    let now = read(reps[5].clone()).await;
    assert!(now["label"].is_null() && now["access_rights_policy_id"]["value"].is_null(), "{now}");
}

#[tokio::test]
async fn c12_500_titles_move_out_of_the_collection_that_is_walked_and_none_is_lost() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({ "matching": { "method": "NONE" } })).await;
    let mut csv = String::from("dc:title\n");
    (0..500).for_each(|number| csv.push_str(&format!("Title {number}\n")));
    let job = desk.import(&profile, "many", &[("values.csv", csv.as_bytes())]).await;
    assert_eq!(counter(&job, "created"), 500, "{job}");
    let all = members(&desk.client, &desk.collection).await;
    let to = collection(&desk.client, "Destination").await;
    let set = set_of(&desk.client, "BIB_MMS", &desk.collection).await;
    let moving = json!({
        "from_collection": { "value": desk.collection }, "to_collection": { "value": to }
    });
    let job = run(&desk, &order("MOVE_TITLES", &set, moving)).await;
    assert_eq!(counts(&job), counted(&[("rows", 500), ("updated", 500)]), "{job}");
    assert_eq!(members(&desk.client, &to).await, all);
    assert_eq!(members(&desk.client, &desk.collection).await, BTreeSet::new());
    assert_eq!(desk.report_lines(&text(&job, "id")).await, 500);
}

#[tokio::test]
async fn c12_titles_are_put_in_and_taken_out_and_none_with_representations_is_left_without() {
    let desk = Desk::new().await;
    let client = &desk.client;
    let other = collection(client, "Other").await;
    let bare = title(client, &desk.collection, "Bare").await;
    let full = title(client, &desk.collection, "Full").await;
    rep(client, &full, "MAIN").await;
    let list = json!({ "name": "both", "members": { "member": [{ "id": bare }, { "id": full }] } });
    let set = text(&client.post("/conf/sets", list).await.ok(), "id");
    let out = order("MOVE_TITLES", &set, json!({ "from_collection": { "value": desk.collection } }));
    assert_eq!(counts(&preview(&desk, &out).await), counted(&[("rows", 2), ("updated", 1), ("failed", 1)]));
    let put = order("MOVE_TITLES", &set, json!({ "to_collection": { "value": other } }));
    assert_eq!(counts(&run(&desk, &put).await), counted(&[("rows", 2), ("updated", 2)]));
    assert_eq!(counts(&run(&desk, &put).await), counted(&[("rows", 2), ("unchanged", 2)]));
    assert_eq!(counts(&run(&desk, &out).await), counted(&[("rows", 2), ("updated", 2)]));
    let both = BTreeSet::from([bare, full]);
    assert_eq!(members(client, &other).await, both);
    assert_eq!(members(client, &desk.collection).await, BTreeSet::new());
    let out = order("MOVE_TITLES", &set, json!({ "from_collection": { "value": other } }));
    let job = run(&desk, &out).await;
    assert_eq!(job["status"]["value"], "COMPLETED_WITH_ERRORS");
    assert_eq!(counts(&job), counted(&[("rows", 2), ("updated", 1), ("failed", 1)]));
}

#[tokio::test]
async fn e5_titles_and_representations_of_a_set_are_deleted_with_the_vendors_options() {
    let desk = Desk::new().await;
    let client = &desk.client;
    let bare = title(client, &desk.collection, "Bare").await;
    let full = title(client, &desk.collection, "Full").await;
    let form = rep(client, &full, "MAIN").await;
    upload(client, &form, "a.png", &red_png()).await;
    crate::walk::settle(&desk.app).await;
    let set = set_of(client, "BIB_MMS", &desk.collection).await;
    let delete = order("DELETE_REPRESENTATIONS", &set, json!({ "bibs": { "value": "suppress" } }));
    let job = run(&desk, &delete).await;
    assert_eq!(counts(&job), counted(&[("rows", 1), ("failed", 1)]), "it has a file");
    let mut delete = delete;
    delete["override"] = json!(true);
    assert_eq!(counts(&preview(&desk, &delete).await), counted(&[("rows", 1), ("deleted", 1)]));
    assert_eq!(client.get(&format!("/bibs/{full}/representations/{form}")).await.status, 200);
    assert_eq!(counts(&run(&desk, &delete).await), counted(&[("rows", 1), ("deleted", 1)]));
    assert_eq!(client.get(&format!("/bibs/{full}/representations/{form}")).await.status, 404);
    assert_eq!(client.get(&format!("/bibs/{full}")).await.ok()["suppress_from_publishing"], true);
    // Metadata first: its item stays for those who recover it.
    let kept = desk.app.catalog.representation(&form.parse().unwrap()).await.unwrap().unwrap();
    assert!(kept.removal.is_some());

    rep(client, &full, "MAIN").await;
    let titles = order("DELETE_TITLES", &set, json!({}));
    let job = run(&desk, &titles).await;
    assert_eq!(counts(&job), counted(&[("rows", 2), ("failed", 1), ("deleted", 1)]), "{job}");
    assert_eq!(client.get(&format!("/bibs/{bare}")).await.status, 404);
    let titles = order("DELETE_TITLES", &set, json!({ "override": true }));
    assert_eq!(counts(&run(&desk, &titles).await), counted(&[("rows", 1), ("deleted", 1)]));
    let job = run(&desk, &titles).await;
    assert_eq!(job["status"]["value"], "COMPLETED_NO_BULKS", "{job}");
}

#[tokio::test]
async fn t5_thumbnails_that_could_not_be_made_are_made_again_or_all_of_them() {
    let desk = Desk::new().await;
    let client = &desk.client;
    let mms = title(client, &desk.collection, "Pictures").await;
    let form = rep(client, &mms, "MAIN").await;
    for (name, bytes) in [("a.png", red_png()), ("b.bin", vec![0, 1, 2, 3, 255])] {
        upload(client, &form, name, &bytes).await;
        crate::walk::settle(&desk.app).await;
    }
    let states = || async {
        let files = format!("/bibs/{mms}/representations/{form}/files");
        let found = client.get(&files).await.ok();
        let files = found["representation_file"].as_array().unwrap().iter();
        files.map(|file| text(&file["thumbnail"], "state")).collect::<Vec<_>>()
    };
    let before = states().await;
    let set = set_of(client, "BIB_MMS", &desk.collection).await;
    let job = run(&desk, &order("RECOMPUTE_THUMBNAILS", &set, json!({}))).await;
    let unready = before.iter().filter(|state| *state != "READY").count() as u64;
    assert_eq!((before.len(), unready), (2, 1), "{before:?}");
    assert_eq!(counts(&job), counted(&[("rows", 2), ("updated", 1), ("unchanged", 1)]), "{job}");
    assert!(states().await.contains(&"PENDING".to_owned()));
    let message = next(&desk.app, Queue::Derivatives).await;
    assert_eq!(derive(&desk.app, &[message]).await, Vec::<String>::new());
    assert_eq!(states().await, before, "drawn again");
    let body = json!({ "kind": { "value": "RECOMPUTE_THUMBNAILS" }, "everything": true, "all": true });
    assert_eq!(counts(&run(&desk, &body).await), counted(&[("rows", 2), ("updated", 2)]));
    for _ in 0..2 {
        let message = next(&desk.app, Queue::Derivatives).await;
        assert_eq!(derive(&desk.app, &[message]).await, Vec::<String>::new());
    }
    assert_eq!(states().await, before);
}

#[tokio::test]
async fn c11_a_logical_set_is_itemized_into_a_new_set_or_one_that_is_there() {
    let desk = Desk::new().await;
    let client = &desk.client;
    let first = title(client, &desk.collection, "First").await;
    let second = title(client, &desk.collection, "Second").await;
    let set = set_of(client, "BIB_MMS", &desk.collection).await;
    let body = order("ITEMIZE_SET", &set, json!({}));
    let job = preview(&desk, &body).await;
    assert_eq!(counts(&job), counted(&[("rows", 2), ("updated", 2)]), "{job}");
    assert!(job["into_set_id"].is_null());
    let job = run(&desk, &body).await;
    assert_eq!(counts(&job), counted(&[("rows", 2), ("updated", 2)]), "{job}");
    let into = text(&job, "into_set_id");
    let third = title(client, &desk.collection, "Third").await;
    let listed = client.get(&format!("/conf/sets/{into}/members?limit=10")).await.ok();
    let ids: BTreeSet<String> =
        listed["member"].as_array().unwrap().iter().map(|it| text(it, "id")).collect();
    assert_eq!(ids, BTreeSet::from([first, second]));
    let body = order("ITEMIZE_SET", &set, json!({ "into_set": { "value": into } }));
    let job = run(&desk, &body).await;
    assert_eq!(counts(&job), counted(&[("rows", 3), ("updated", 1), ("unchanged", 2)]), "{job}");
    let found = client.get(&format!("/conf/sets/{into}")).await.ok();
    assert_eq!(found["number_of_members"]["value"], "3");
    assert!(third.starts_with("99"));
    // Into itself, into a logical one: no.
    for wrong in [&set, &"4800000000000000000101".to_owned()] {
        let body = order("ITEMIZE_SET", &set, json!({ "into_set": { "value": wrong } }));
        assert_eq!(client.post(&format!("{JOBS}?op=run"), body).await.status, 400);
    }
}

#[tokio::test]
async fn an_order_that_says_too_much_or_too_little_is_refused_by_the_field() {
    let desk = Desk::new().await;
    let client = &desk.client;
    let set = set_of(client, "BIB_MMS", &desk.collection).await;
    let collections = set_of(client, "COLLECTION", &desk.collection).await;
    let representations = set_of(client, "REPRESENTATION", &desk.collection).await;
    let nowhere = json!({ "value": "8100000000000000000999" });
    for (body, field) in [
        (order("MOVE_TITLES", &set, json!({})), "to_collection"),
        (order("MOVE_TITLES", &set, json!({ "to_collection": nowhere })), "to_collection"),
        (order("CHANGE_REPRESENTATIONS", &set, json!({})), "change"),
        (
            order("CHANGE_REPRESENTATIONS", &set, json!({ "change": { "active": { "value": "x" } } })),
            "active",
        ),
        (
            order("CHANGE_REPRESENTATIONS", &set, json!({ "change": { "library": { "value": "NONE" } } })),
            "library",
        ),
        (order("CHANGE_REPRESENTATIONS", &set, json!({ "change": { "label": " " } })), "label"),
        (order("CHANGE_REPRESENTATIONS", &set, json!({ "change": { "clear": ["usage_type"] } })), "clear"),
        (order("DELETE_TITLES", &set, json!({ "all": true })), "all"),
        (order("DELETE_TITLES", &set, json!({ "change": { "label": "x" } })), "change"),
        (order("DELETE_TITLES", &representations, json!({})), "titles"),
        (order("RECOMPUTE_THUMBNAILS", &collections, json!({})), "set"),
        (order("EXPORT", &set, json!({})), "kind"),
        (order("NOTHING", &set, json!({})), "kind"),
        (order("DELETE_TITLES", "4800000000000000000999", json!({})), "set"),
        (json!({ "kind": { "value": "DELETE_TITLES" }, "everything": true }), "everything"),
        (json!({ "kind": { "value": "DELETE_TITLES" } }), "set"),
        (json!({ "set": { "value": set } }), "kind"),
    ] {
        let answer = client.post(&format!("{JOBS}?op=run"), body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert!(answer.text.contains(field), "{body}: {}", answer.text);
    }
    let answer = client.post(JOBS, order("DELETE_TITLES", &set, json!({}))).await;
    assert!(answer.status == 400 && answer.text.contains("op"), "{}", answer.text);
}
