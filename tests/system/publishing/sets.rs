//! Profiles that publish a set (C11, S13): itemized or by a rule, what comes in is published and what leaves is deleted.

use super::*;

const SETS: &str = "/conf/sets";

impl House {
    async fn collection(&self, name: &str, parent: Option<&str>) -> String {
        let mut body = json!({ "name": name, "library": { "value": "MAIN" } });
        if let Some(parent) = parent {
            body["parent_pid"] = json!({ "value": parent });
        }
        text(&self.client.post("/bibs/collections", body).await.ok()["pid"], "value")
    }

    async fn put_into(&self, collection: &str, mms: &str) {
        let path = format!("/bibs/collections/{collection}/bibs");
        self.client.post(&path, json!({ "mms_id": mms })).await.ok();
    }

    /// A profile whose selection is a set.
    async fn of_set(&self, spec: &str, set: &str) -> String {
        self.set(spec, json!({ "selection": { "kind": "SET", "set": set } })).await
    }

    /// The titles that a set of the server holds, each with whether it is there as deleted.
    async fn held(&self, spec: &str) -> BTreeMap<String, bool> {
        let seen = self.harvest(&format!("verb=ListRecords&metadataPrefix=oai_dc&set={spec}")).await;
        seen.into_iter().map(|(mms, seen)| (mms, seen.deleted)).collect()
    }

    async fn members(&self, set: &str, op: &str, titles: &[&str]) {
        let members: Vec<Value> = titles.iter().map(|id| json!({ "id": id })).collect();
        let body = json!({ "members": { "member": members } });
        self.client.post(&format!("{SETS}/{set}?op={op}"), body).await.ok();
        self.settle().await;
    }
}

fn titles(held: &[(&String, bool)]) -> BTreeMap<String, bool> {
    held.iter().map(|(mms, deleted)| ((*mms).clone(), *deleted)).collect()
}

#[tokio::test]
async fn c11_members_of_an_itemized_set_are_published_and_one_that_leaves_is_deleted() {
    let house = House::new().await;
    let (a, b, c) = (house.title("A").await, house.title("B").await, house.title("C").await);
    let set = house.client.post(SETS, json!({ "name": "Picked", "members": { "member": [{ "id": a }] } }));
    let set = text(&set.await.ok(), "id");
    let profile = house.of_set("picked", &set).await;
    assert_eq!(house.held("picked").await, titles(&[(&a, false)]));

    house.members(&set, "add_members", &[&b, &c]).await;
    assert_eq!(house.held("picked").await, titles(&[(&a, false), (&b, false), (&c, false)]));
    house.members(&set, "delete_members", &[&a, &b]).await;
    let after = titles(&[(&a, true), (&b, true), (&c, false)]);
    assert_eq!(house.held("picked").await, after);

    // A title that is hidden is gone from the set's records, too, and a run finds nothing to mend (S13).
    let run = house.run(&profile, false).await;
    assert_eq!(run["status"]["value"], "COMPLETED_SUCCESS", "{run}");
    assert_eq!(house.held("picked").await, after);
    house.client.put(&format!("/bibs/{c}"), dc("C", true)).await.ok();
    house.settle().await;
    assert_eq!(house.held("picked").await, titles(&[(&a, true), (&b, true), (&c, true)]));

    // What a profile publishes is not deleted under its feet.
    let refused = house.client.delete(&format!("{SETS}/{set}")).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("Set picked"), "{}", refused.text);
}

#[tokio::test]
async fn c11_a_logical_set_follows_its_titles_its_collections_and_its_rule() {
    let house = House::new().await;
    let maps = house.collection("Maps", None).await;
    let coast = house.collection("Coast", Some(&maps)).await;
    let other = house.collection("Other", None).await;
    let (a, b) = (house.title("A").await, house.title("B").await);
    house.put_into(&coast, &a).await;
    house.put_into(&other, &b).await;
    let rule =
        |collection: &str| json!({ "collection": [{ "value": collection }], "level": { "value": "ALL" } });
    let body = json!({ "name": "Maps", "type": { "value": "LOGICAL" }, "content": { "value": "BIB_MMS" }, "rule": rule(&maps) });
    let set = text(&house.client.post(SETS, body.clone()).await.ok(), "id");
    house.of_set("maps", &set).await;
    assert_eq!(house.held("maps").await, titles(&[(&a, false)]));

    // A title comes in with its collection, and leaves with it.
    house.put_into(&coast, &b).await;
    house.settle().await;
    assert_eq!(house.held("maps").await, titles(&[(&a, false), (&b, false)]));
    house.client.delete(&format!("/bibs/collections/{coast}/bibs/{b}")).await;
    house.settle().await;
    assert_eq!(house.held("maps").await, titles(&[(&a, false), (&b, true)]));

    // The rule itself changes: those that fit now come in, the others leave.
    let mut changed = body;
    changed["rule"] = rule(&other);
    house.client.put(&format!("{SETS}/{set}"), changed).await.ok();
    house.settle().await;
    assert_eq!(house.held("maps").await, titles(&[(&a, true), (&b, false)]));
}

#[tokio::test]
async fn the_change_of_a_rule_goes_on_where_a_worker_that_had_no_time_stopped() {
    let house = House::new().await;
    let (a, b) = (house.title("A").await, house.title("B").await);
    let body = |format: &str| {
        json!({ "name": "By format", "type": { "value": "LOGICAL" }, "content": { "value": "BIB_MMS" },
            "rule": { "record_format": [{ "value": format }] } })
    };
    let set = text(&house.client.post(SETS, body("dc")).await.ok(), "id");
    house.of_set("first", &set).await;
    house.of_set("second", &set).await;
    house.taken().await;
    house.client.put(&format!("{SETS}/{set}"), body("mods")).await.ok();
    let never = Surroundings { now: &Timestamp::now, time_left: &|| false, metrics: &|_| {} };
    let mut calls = 0;
    loop {
        let bodies = house.taken().await;
        if bodies.is_empty() {
            break;
        }
        calls += bodies.len();
        assert!(publish_batch(&house.app, batch(&bodies), &never).await.batch_item_failures.is_empty());
    }
    // The titles of no format, and four shards of each profile.
    assert!(calls > 8, "{calls}");
    for spec in ["first", "second"] {
        assert_eq!(house.held(spec).await, titles(&[(&a, true), (&b, true)]));
    }
}

#[tokio::test]
async fn a_profile_names_a_set_of_titles_that_its_maker_sees() {
    let house = House::new().await;
    let set = |content: &str| json!({ "name": content, "type": { "value": "LOGICAL" }, "content": { "value": content }, "rule": {} });
    let reps = text(&house.client.post(SETS, set("REPRESENTATION")).await.ok(), "id");
    let profile = |selection: Value| json!({ "name": "X", "selection": selection, "target": { "kind": "OAI", "set_spec": "x" } });
    for (selection, field) in [
        (json!({ "kind": "SET" }), "selection.set"),
        (json!({ "kind": "SET", "set": reps }), "selection.set"),
        (json!({ "kind": "SET", "set": "48999" }), "selection.set"),
        (json!({ "kind": "EVERYTHING", "set": reps }), "selection.set"),
    ] {
        let refused = house.client.post(PROFILES, profile(selection.clone())).await;
        assert_eq!(refused.status, 400, "{selection}: {}", refused.text);
        assert!(refused.text.contains(field), "{selection}: {}", refused.text);
    }
}
