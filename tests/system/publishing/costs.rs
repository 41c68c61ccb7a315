//! What a published change, a sitemap and the call of a webhook cost: the same at any size.

use vitrine_testing::Client;

use super::*;
use crate::walk::title;

#[tokio::test]
async fn a_title_of_a_set_costs_two_reads_more_however_many_profiles_name_one() {
    let house = House::new().await;
    let mms = house.title("A").await;
    let members = json!({ "member": [{ "id": mms }] });
    for number in 0..3 {
        let set = json!({ "name": format!("Set {number}"), "members": members });
        let set = text(&house.client.post("/conf/sets", set).await.ok(), "id");
        house.set(&format!("s{number}"), json!({ "selection": { "kind": "SET", "set": set } })).await;
    }
    let (app, faulty) = house.stack.faulty_app();
    house.client.put(&format!("/bibs/{mms}"), dc("B", false)).await.ok();
    let bodies = house.taken().await;
    faulty.heal();
    assert!(publish(&app, &bodies).await.is_empty());
    assert_eq!(
        faulty.calls(),
        [
            "DynamoDB.GetItem",            // what is owed
            "DynamoDB.GetItem",            // what is out
            "DynamoDB.Query",              // profiles
            "DynamoDB.GetItem",            // the title
            "DynamoDB.BatchGetItem",       // the sets that profiles name
            "DynamoDB.BatchGetItem",       // the title's places in them
            "DynamoDB.TransactWriteItems", // what is out now
            "DynamoDB.DeleteItem",         // owed no more
        ]
    );
}

#[tokio::test]
async fn meta_4_the_sitemap_costs_a_query_a_shard() {
    let house = House::new().await;
    let title = title(&house.client).await;
    house.govern(&title, "ALLOW").await;
    let (app, faulty) = house.stack.faulty_app();
    let api = vitrine_http::Api { app, ..house.client.api.clone() };
    let client = Client::of(api);
    for (path, queries) in [
        ("/sitemap.xml", 4),
        ("/sitemap.xml?part=0-0", 4),
        ("/sitemap.xml?part=1-0", 2),
        ("/sitemap.xml?part=7-9", 1),
        ("/robots.txt", 0),
    ] {
        faulty.heal();
        let answer = client.with_key(None).send("GET", path, &[], String::new()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert_eq!(faulty.calls(), vec!["DynamoDB.Query"; queries], "{path}");
    }
}
