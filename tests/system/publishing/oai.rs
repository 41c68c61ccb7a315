//! The OAI-PMH server (S11, S12, B49): what changes is seen, and what the protocol says is kept.

use serde_json::json;
use vitrine_domain::coded::Coded;
use vitrine_domain::publishing::profile::Rendition;
use vitrine_domain::rights::Viewer;

use super::*;
use crate::walk::{representation, title};

const LIST: &str = "verb=ListRecords&metadataPrefix=oai_dc";

#[tokio::test]
async fn a_change_is_seen_by_harvesters_and_a_save_that_changes_nothing_is_not() {
    let house = House::new().await;
    let mms = house.title("First words").await;
    house.set("all", json!({})).await;
    let seen = house.harvest(LIST).await;
    assert!(seen[&mms].text.contains("First words"), "{seen:?}");

    house.client.put(&format!("/bibs/{mms}"), dc("Second words", false)).await.ok();
    house.settle().await;
    let second = house.harvest(LIST).await;
    assert!(second[&mms].text.contains("Second words") && second[&mms].stamp >= seen[&mms].stamp);

    // S13: the same again.
    house.client.put(&format!("/bibs/{mms}"), dc("Second words", false)).await.ok();
    house.settle().await;
    assert_eq!(house.harvest(LIST).await, second);

    house.client.put(&format!("/bibs/{mms}"), dc("Second words", true)).await.ok();
    house.settle().await;
    let gone = house.harvest(LIST).await;
    assert!(gone[&mms].deleted && gone[&mms].text.is_empty(), "{gone:?}");
    let get =
        house.oai(&format!("verb=GetRecord&metadataPrefix=mods&identifier=oai:alma.VITRINE:{mms}")).await;
    assert!(get.text.contains("<header status=\"deleted\">"), "{}", get.text);
    // A title that never was out is not published as deleted.
    let quiet = text(&house.client.post("/bibs", dc("Quiet", true)).await.ok(), "mms_id");
    house.settle().await;
    assert!(!house.harvest(LIST).await.contains_key(&quiet));
}

#[tokio::test]
async fn s14_every_format_carries_links_and_who_may_see() {
    let house = House::new().await;
    let title = title(&house.client).await;
    house.set("all", json!({})).await;
    let link = format!("/view/delivery/VITRINE/{}<", title.rep);
    let thumbnail = format!("/view/delivery/thumbnail/VITRINE/{}<", title.rep);
    for format in Rendition::ALL {
        let list = house.harvest(&format!("verb=ListRecords&metadataPrefix={format}")).await;
        let record = &list[&title.mms].text;
        assert!(record.contains("Moby-Dick"), "{format}: {record}");
        assert!(record.contains(&link) && record.contains(&thumbnail), "{format}: {record}");
        assert!(record.contains("Restricted access"), "{format}: {record}");
    }
    // The policy that a representation gets opens it for everyone, and the flag follows (OAI-10).
    let policy = json!({ "name": "Open", "default_rule": { "effect": "ALLOW" } });
    let policy = house.client.post("/conf/access-rights-policies", policy).await.ok();
    let path = format!("/bibs/{}/representations/{}", title.mms, title.rep);
    let mut body = representation("PRESERVATION_MASTER");
    body["access_rights_policy_id"] = json!({ "value": policy["id"] });
    body["label"] = json!("Scans & notes");
    house.client.put(&path, body.clone()).await.ok();
    house.settle().await;
    let marc = house.harvest("verb=ListRecords&metadataPrefix=marc21").await[&title.mms].text.clone();
    assert!(marc.contains("Open access") && marc.contains("Scans &amp; notes"), "{marc}");
    assert!(marc.contains(&format!("<controlfield tag=\"001\">{}<", title.mms)), "{marc}");
    // A change of the policy reaches every title that it governs.
    let closed = json!({ "name": "Open", "default_rule": { "effect": "DENY" } });
    let policy = format!("/conf/access-rights-policies/{}", text(&policy, "id"));
    house.client.put(&policy, closed).await.ok();
    house.settle().await;
    assert!(house.harvest(LIST).await[&title.mms].text.contains("Restricted access"));
    // An inactive representation is not shown at all.
    body["active"] = json!({ "value": "false" });
    house.client.put(&path, body).await;
}

#[tokio::test]
async fn b43_the_flag_says_open_of_what_the_decision_lets_anyone_into_and_of_nothing_else() {
    let house = House::new().await;
    let title = title(&house.client).await;
    crate::walk::upload(&house.client, &title.rep, "page 1.png", &crate::walk::red_png()).await;
    crate::walk::settle(&house.app).await;
    let file = text(&house.client.get(&title.files()).await.ok()["representation_file"][0], "pid");
    house.set("all", json!({})).await;
    let (mms, rep) = (title.mms.parse().unwrap(), title.rep.parse().unwrap());
    let (mut open, mut closed) = (0, 0);
    for (name, mut body) in crate::doors::policies() {
        body["name"] = json!(name);
        let policy = crate::rights::policy(&house.client, body).await;
        crate::rights::govern(&house.client, &title, Some(&policy)).await.ok();
        house.settle().await;
        let bib = house.app.read_bib(&operator(), &mms).await.unwrap().bib;
        let representation = house.app.read_representation(&operator(), &mms, &rep).await.unwrap();
        let anyone = Viewer::of(None, None);
        let decision = house.app.decide(&operator(), &anyone, &bib, &representation).await.unwrap();
        let record = house.harvest(LIST).await[&title.mms].text.clone();
        let flag = if decision.allows() { "Open access" } else { "Restricted access" };
        assert_eq!(record.matches(" access<").count(), 1, "{name}: {record}");
        assert!(record.contains(flag), "{name}: {record}");
        assert!(!record.contains(&file) && !record.contains("page 1"), "{name}: {record}");
        if decision.allows() { open += 1 } else { closed += 1 }
    }
    assert!(open >= 5 && closed >= 5, "{open} open, {closed} closed");
}

#[tokio::test]
async fn a_restricted_title_is_withdrawn_where_the_profile_says_so() {
    let house = House::new().await;
    let title = title(&house.client).await;
    let policy = json!({
        "name": "Embargo",
        "rules": [{
            "name": "from then on",
            "inputs": [{ "input": "DATE", "operator": "FROM", "values": ["2030-01-01"] }],
            "output": { "effect": "ALLOW" },
        }],
        "default_rule": { "effect": "DENY" },
    });
    let policy = text(&house.client.post("/conf/access-rights-policies", policy).await.ok(), "id");
    house.set("open", json!({ "restricted": "WITHDRAW" })).await;
    assert!(!house.harvest(LIST).await.contains_key(&title.mms), "nobody outside may see it");
    let mut body = representation("PRESERVATION_MASTER");
    body["access_rights_policy_id"] = json!({ "value": policy });
    house.client.put(&format!("/bibs/{}/representations/{}", title.mms, title.rep), body).await.ok();
    house.settle().await;
    // When the day comes the sweep asks for it, though nothing was changed (B44).
    let day = "2030-01-01T00:00:01Z".parse::<Timestamp>().unwrap();
    let call = vitrine_app::Call { now: day, ..vitrine_testing::operator() };
    house.app.sweep(&call, &|| true).await.unwrap();
    let then = move || day;
    for body in house.taken().await {
        let around = Surroundings { now: &then, time_left: &|| true, metrics: &|_| {} };
        assert!(publish_batch(&house.app, batch(&[body]), &around).await.batch_item_failures.is_empty());
    }
    let years = day.as_second() - Timestamp::now().as_second() + 60;
    let (seen, _) = harvest(&house.client.later(years), LIST).await;
    assert!(!seen[&title.mms].deleted, "{seen:?}");
}

#[tokio::test]
async fn sets_follow_collections_and_a_title_in_two_is_one_record_of_the_server() {
    let house = House::new().await;
    let (a, b) = (title(&house.client).await, title(&house.client).await);
    let of =
        |collection: &str| json!({ "selection": { "kind": "COLLECTIONS", "collections": [collection] } });
    house.set("a", of(&a.collection)).await;
    house.set("b", of(&b.collection)).await;
    house
        .client
        .post(&format!("/bibs/collections/{}/bibs", b.collection), json!({ "mms_id": a.mms }))
        .await
        .ok();
    house.settle().await;
    let all = house.oai(LIST).await;
    let all_later = oai(&house.client.later(10), LIST).await;
    assert!(records(&all.text).len() <= 2);
    let list = records(&all_later.text);
    assert_eq!(list.len(), 2, "one record a title: {}", all_later.text);
    let with_both = all_later.text.split("<record>").find(|part| part.contains(&a.mms)).unwrap();
    assert!(with_both.contains("<setSpec>a</setSpec><setSpec>b</setSpec>"), "{with_both}");
    assert_eq!(house.harvest(&format!("{LIST}&set=b")).await.len(), 2);
    // B50: who leaves a set is deleted there, and only there.
    house.client.delete(&format!("/bibs/collections/{}/bibs/{}", b.collection, a.mms)).await;
    house.settle().await;
    assert!(house.harvest(&format!("{LIST}&set=b")).await[&a.mms].deleted);
    assert!(!house.harvest(LIST).await[&a.mms].deleted);
    let sets = house.oai("verb=ListSets").await.text;
    assert_eq!(between(&sets, "<setSpec>", "<"), ["a", "b"]);
}

#[tokio::test]
async fn titles_below_a_collection_count_where_the_profile_says_so_and_follow_a_move() {
    let house = House::new().await;
    let title = title(&house.client).await;
    let top = json!({ "name": "Top", "library": { "value": "MAIN" } });
    let top = text(&house.client.post("/bibs/collections", top).await.ok()["pid"], "value");
    let selection = json!({ "kind": "COLLECTIONS", "collections": [top], "with_subcollections": true });
    house.set("tree", json!({ "selection": selection })).await;
    let set = format!("{LIST}&set=tree");
    assert!(house.oai(&set).await.text.contains("noRecordsMatch"));
    let moved = json!({ "name": "Moved", "library": { "value": "MAIN" }, "parent_pid": { "value": top } });
    house.client.put(&format!("/bibs/collections/{}", title.collection), moved).await.ok();
    house.settle().await;
    assert!(!house.harvest(&set).await[&title.mms].deleted);
    let back = json!({ "name": "Back", "library": { "value": "MAIN" } });
    house.client.put(&format!("/bibs/collections/{}", title.collection), back).await.ok();
    house.settle().await;
    assert!(house.harvest(&set).await[&title.mms].deleted);
}

#[tokio::test]
async fn an_inactive_profile_withdraws_its_set_and_only_then_it_can_be_deleted() {
    let house = House::new().await;
    let mms = house.title("A").await;
    let id = house.set("s", json!({})).await;
    let path = format!("{PROFILES}/{id}");
    assert_eq!(house.client.delete(&path).await.status, 400);
    let mut body = house.client.get(&path).await.ok();
    body["active"] = json!(false);
    house.client.put(&path, body).await.ok();
    house.settle().await;
    assert!(house.harvest(LIST).await[&mms].deleted);
    assert!(house.oai(&format!("{LIST}&set=s")).await.text.contains("noSetHierarchy"));
    assert_eq!(house.client.delete(&path).await.status, 204);
    let copy = house.client.post(PROFILES, json!({
        "name": "Set s", "selection": { "kind": "EVERYTHING" }, "target": { "kind": "OAI", "set_spec": "s" },
    }));
    assert_eq!(copy.await.status, 200, "its name and its set are free again");
    house.settle().await;
    assert!(!house.harvest(LIST).await[&mms].deleted);
}

#[tokio::test]
async fn names_and_sets_are_one_profiles_and_a_copy_has_its_own() {
    let house = House::new().await;
    let id = house.set("s", json!({})).await;
    let again = json!({
        "name": "Other", "selection": { "kind": "EVERYTHING" }, "target": { "kind": "OAI", "set_spec": "s" },
    });
    assert_eq!(house.client.post(PROFILES, again).await.code(), "402471");
    let copy = house.client.post(&format!("{PROFILES}/{id}/copy"), json!({})).await.ok();
    assert_eq!((copy["active"].clone(), copy["name"].clone()), (json!(false), json!("Set s (copy)")));
    let wrong = json!({
        "name": "x", "selection": { "kind": "COLLECTIONS", "collections": ["8100000000000000000101"] },
        "target": { "kind": "OAI", "set_spec": "a b" }, "schedule": { "every": "DAY", "at": "25:00" },
    });
    let answer = house.client.post(PROFILES, wrong).await;
    assert_eq!(answer.status, 400);
    for field in ["selection.collections.0", "target.set_spec", "schedule.at"] {
        assert!(answer.text.contains(field), "{field}: {}", answer.text);
    }
    let preview = format!("{PROFILES}/{id}/preview");
    let mms = house.title("Seen before").await;
    let seen = house.client.get(&format!("{preview}?mms_id={mms}&metadata_prefix=mods")).await.ok();
    assert!(seen["anies"][0].as_str().unwrap().contains("<title>Seen before</title>"), "{seen}");
}

#[tokio::test]
async fn oai_5_errors_are_answers_of_the_protocol() {
    let house = House::new().await;
    for (query, code) in [
        ("", "badVerb"),
        ("verb=Nope", "badVerb"),
        (LIST, "noRecordsMatch"),
        ("verb=ListSets", "noSetHierarchy"),
        ("verb=ListRecords&resumptionToken=x", "badResumptionToken"),
        ("verb=GetRecord&metadataPrefix=oai_dc&identifier=a%01b", "idDoesNotExist"),
        ("verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:alma.VITRINE:991", "idDoesNotExist"),
        ("verb=ListMetadataFormats&identifier=oai:alma.VITRINE:991", "idDoesNotExist"),
        ("verb=Identify&%ff=1", "badArgument"),
    ] {
        let answer = house.oai(query).await;
        assert!(answer.text.contains(&format!("<error code=\"{code}\">")), "{query}: {}", answer.text);
        let echoed = answer.text.contains("<request verb");
        assert_eq!(
            echoed,
            !code.starts_with("badV") && !code.starts_with("badA"),
            "{query}: {}",
            answer.text
        );
        assert!(!answer.text.contains('\u{1}'));
    }
    house.title("A").await;
    house.set("s", json!({})).await;
    for query in ["&until=2024-12-31", "&from=2199-01-01", "&set=other"] {
        assert!(house.oai(&format!("{LIST}{query}")).await.text.contains("noRecordsMatch"), "{query}");
    }
    let identify = house.oai("verb=Identify").await.text;
    for part in [
        "<deletedRecord>persistent<",
        "<granularity>YYYY-MM-DDThh:mm:ssZ<",
        "<repositoryIdentifier>alma.VITRINE<",
    ] {
        assert!(identify.contains(part), "{identify}");
    }
    assert_eq!(between(&identify, "<baseURL>", "<"), between(&identify, "<request verb=\"Identify\">", "<"));
    assert_eq!(house.client.get("/view/oai/OTHER/request?verb=Identify").await.status, 404);
}

#[tokio::test]
async fn oai_1_a_form_does_what_a_query_does_and_answers_are_compressed_for_who_takes_that() {
    let house = House::new().await;
    house.title(&"A long title. ".repeat(100)).await;
    house.set("s", json!({})).await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let later = house.client.later(10);
    let posted = later.send("POST", OAI, &form, LIST.to_owned()).await;
    assert_eq!(records(&posted.text), records(&oai(&later, LIST).await.text));
    assert_eq!(records(&posted.text).len(), 1);
    let packed = later
        .send("GET", &format!("{OAI}?{LIST}"), &[("accept-encoding", "br, gzip;q=0.5")], String::new())
        .await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    let plain =
        later.send("GET", &format!("{OAI}?{LIST}"), &[("accept-encoding", "gzip;q=0")], String::new()).await;
    assert!(!plain.headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn s12_only_listed_addresses_may_harvest() {
    let house = House::new().await;
    let settings = json!({
        "repository_name": "Maps & plans", "admin_email": "maps@library.example", "page_size": 50,
        "allowed_addresses": ["192.0.2.0/24"],
    });
    let put = house.client.put("/conf/oai-repository", settings).await.ok();
    assert_eq!(put["repository_name"], "Maps & plans");
    let ask = |client: Client| async move { client.get(&format!("{OAI}?verb=Identify")).await };
    assert_eq!(ask(house.client.at_address("192.0.2.7")).await.status, 200);
    assert_eq!(ask(house.client.at_address("198.51.100.7")).await.status, 403);
    assert_eq!(ask(house.client.clone()).await.status, 403, "an unknown address is none of those");
    let text = ask(house.client.at_address("192.0.2.7")).await.text;
    assert!(text.contains("<repositoryName>Maps &amp; plans<") && text.contains("maps@library.example"));
}

#[tokio::test]
async fn disc_1_the_feed_tells_each_change_once_in_order_of_time_and_links_its_pages() {
    let house = House::new().await;
    for number in 0..230 {
        house.title(&format!("Title {number}")).await;
    }
    house.set("s", json!({})).await;
    let later = house.client.later(10).with_key(None);
    let all: Vec<String> = house.harvest(LIST).await.into_keys().collect();
    house.client.put(&format!("/bibs/{}", all[0]), dc("Changed", false)).await.ok();
    house.client.put(&format!("/bibs/{}", all[1]), dc("Gone", true)).await.ok();
    house.settle().await;
    let feed = "/view/oai/VITRINE/activity";
    let top = later.get(feed).await.ok();
    assert_eq!(top["type"], "OrderedCollection");
    let path = |link: &Value| {
        text(link, "id").split_once("/view/").map(|(_, rest)| format!("/view/{rest}")).unwrap()
    };
    let mut pages = Vec::new();
    let mut at = path(&top["last"]);
    loop {
        let page = later.get(&at).await.ok();
        assert_eq!(page["type"], "OrderedCollectionPage");
        let prev = page["prev"].is_object().then(|| path(&page["prev"]));
        pages.push(page);
        let Some(prev) = prev else { break };
        at = prev;
    }
    pages.reverse();
    assert_eq!(pages.len(), 3);
    assert!(pages[2].get("next").is_none() && pages[0]["next"].is_object());
    let items: Vec<&Value> = pages.iter().flat_map(|page| page["orderedItems"].as_array().unwrap()).collect();
    assert_eq!(items.len(), 230, "each title once");
    assert!(items.windows(2).all(|two| two[0]["endTime"].as_str() <= two[1]["endTime"].as_str()));
    let of = |mms: &str| {
        items.iter().find(|one| text(&one["object"], "id").contains(mms)).unwrap()["type"].clone()
    };
    assert_eq!((of(&all[0]), of(&all[1]), of(&all[2])), (json!("Update"), json!("Delete"), json!("Create")));
    assert_eq!(later.get(&format!("{feed}/nothing")).await.status, 404);
}
