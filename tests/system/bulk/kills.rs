//! Jobs over sets whose worker dies at any call: the same end as if nothing had happened.

use std::collections::BTreeSet;

use serde_json::json;
use vitrine_domain::ids::JobId;
use vitrine_store::faults::Moment;

use super::{begin, collection, counted, counts, members, order, rep, set_of, title};
use crate::imports::Desk;
use crate::walk::text;

#[tokio::test]
async fn a_move_that_is_killed_at_any_call_moves_each_title_once() {
    let desk = Desk::new().await;
    let client = &desk.client;
    for number in 0..4 {
        title(client, &desk.collection, &format!("Title {number}")).await;
    }
    let all = members(client, &desk.collection).await;
    let mut ends = [desk.collection.clone(), collection(client, "Other end").await];
    let worker = desk.stack.faulty_app();
    let mut number = 0;
    let calls = loop {
        let [from, to] = &ends;
        let set = set_of(client, "BIB_MMS", from).await;
        let moving = json!({ "from_collection": { "value": from }, "to_collection": { "value": to } });
        let id: JobId = begin(client, &order("MOVE_TITLES", &set, moving)).await.parse().unwrap();
        let moment = if number % 2 == 0 { Moment::After } else { Moment::Before };
        let (job, ended) = desk.killed(&worker, &id, (number, moment)).await;
        assert_eq!(counts(&job), counted(&[("rows", 4), ("updated", 4)]), "killed at {number}: {job}");
        assert_eq!(members(client, to).await, all, "killed at {number}");
        assert_eq!(members(client, from).await, BTreeSet::new(), "killed at {number}");
        if ended {
            break number;
        }
        number += 1;
        ends.reverse();
    };
    assert!(calls > 25, "only {calls} calls were tried");
}

#[tokio::test]
async fn representations_are_deleted_and_sets_itemized_once_through_kills() {
    let desk = Desk::new().await;
    let client = &desk.client;
    let worker = desk.stack.faulty_app();
    let mms = title(client, &desk.collection, "Title").await;
    let set = set_of(client, "REPRESENTATION", &desk.collection).await;
    let mut number = 0;
    loop {
        for _ in 0..2 {
            rep(client, &mms, "MAIN").await;
        }
        let mut ended = true;
        for (kind, outcome) in [("ITEMIZE_SET", "updated"), ("DELETE_REPRESENTATIONS", "deleted")] {
            let id: JobId = begin(client, &order(kind, &set, json!({}))).await.parse().unwrap();
            let moment = if number % 4 < 2 { Moment::After } else { Moment::Before };
            let (job, by_itself) = desk.killed(&worker, &id, (number, moment)).await;
            ended &= by_itself;
            assert_eq!(
                counts(&job),
                counted(&[("rows", 2), (outcome, 2)]),
                "{kind} killed at {number}: {job}"
            );
            if kind == "ITEMIZE_SET" {
                let into = client.get(&format!("/conf/sets/{}", text(&job, "into_set_id"))).await.ok();
                assert_eq!(into["number_of_members"]["value"], "2", "killed at {number}");
            }
        }
        let bib = client.get(&format!("/bibs/{mms}/representations")).await.ok();
        assert_eq!(bib["total_record_count"], 0, "killed at {number}");
        if ended {
            break;
        }
        number += 2;
    }
    assert!(number > 15, "only {number} calls were tried");
}
