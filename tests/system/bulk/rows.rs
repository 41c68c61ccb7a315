//! Rows that fail without the job: refused, gone meanwhile, changed by two at once; run again; stopped; and their cost.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{Grant, KeyPermission};
use vitrine_domain::ids::JobId;
use vitrine_domain::roles::Role;
use vitrine_testing::operator;

use super::{JOBS, begin, collection, counted, counts, order, rep, run, set_of, title};
use crate::imports::Desk;
use crate::walk::text;

#[tokio::test]
async fn r6_a_row_in_a_library_without_the_role_is_refused_and_the_others_are_done() {
    let desk = Desk::new().await;
    let client = &desk.client;
    client.put("/conf/libraries/LAW", json!({ "name": "Law" })).await.ok();
    let mms = title(client, &desk.collection, "Both").await;
    let (ours, theirs) = (rep(client, &mms, "MAIN").await, rep(client, &mms, "LAW").await);
    let main = Some("MAIN".parse().unwrap());
    let grants = [Grant { role: Role::DigitalInventoryOperator, library: main }];
    let clerk = client.with_key(Some(&client.key_with(&grants, KeyPermission::ReadWrite).await));
    let set = set_of(client, "BIB_MMS", &desk.collection).await;
    let body = order("CHANGE_REPRESENTATIONS", &set, json!({ "change": { "label": "new" } }));
    let job = desk.finish(&begin(&clerk, &body).await).await;
    assert_eq!(job["status"]["value"], "COMPLETED_WITH_ERRORS", "{job}");
    assert_eq!(counts(&job), counted(&[("rows", 2), ("updated", 1), ("failed", 1)]));
    let id = text(&job, "id");
    let open = client.get(&format!("{JOBS}/{id}/rows?open=true")).await.ok();
    assert_eq!(open["row"][0]["code"], "REFUSED", "{open}");
    assert_eq!(open["row"][0]["member"], json!(theirs));
    let label = |rep: String| {
        let path = format!("/bibs/{mms}/representations/{rep}");
        async move { client.get(&path).await.ok()["label"].clone() }
    };
    assert_eq!((label(ours.clone()).await, label(theirs.clone()).await), (json!("new"), Value::Null));

    // Whoever runs it again does so with roles of their own, and only what failed.
    assert_eq!(clerk.post(&format!("{JOBS}/{id}?op=resubmit"), Value::Null).await.status, 200);
    let job = desk.finish(&id).await;
    assert_eq!(counts(&job), counted(&[("rows", 2), ("updated", 1), ("failed", 1)]));
    client.post(&format!("{JOBS}/{id}?op=resubmit"), Value::Null).await.ok();
    let job = desk.finish(&id).await;
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS");
    assert_eq!(counts(&job), counted(&[("rows", 2), ("updated", 2)]));
    assert_eq!(label(theirs).await, "new");
    let results = desk.app.catalog.row_results(&id.parse().unwrap(), 1, 10).await.unwrap();
    let mut attempts: Vec<u32> = results.iter().map(|row| row.attempt).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 3], "what was done is not done again");
    assert_eq!(client.post(&format!("{JOBS}/{id}?op=resubmit"), Value::Null).await.status, 400);
    assert_eq!(client.post(&format!("{JOBS}/{id}?op=undo"), Value::Null).await.status, 400);

    // A job of an action that the caller may nowhere do is refused at once.
    for kind in ["DELETE_TITLES", "DELETE_REPRESENTATIONS"] {
        let answer = clerk.post(&format!("{JOBS}?op=run"), order(kind, &set, json!({}))).await;
        assert_eq!(answer.status, 403, "{kind}");
    }
}

#[tokio::test]
async fn a_title_deleted_meanwhile_fails_alone_and_a_member_that_is_gone_is_named() {
    let desk = Desk::new().await;
    let client = &desk.client;
    let mut titles = Vec::new();
    for number in 0..3 {
        titles.push(title(client, &desk.collection, &format!("Title {number}")).await);
    }
    let to = collection(client, "To").await;
    let ids: Vec<Value> = titles.iter().map(|id| json!({ "id": id })).collect();
    let list = json!({ "name": "list", "members": { "member": ids } });
    let set = text(&client.post("/conf/sets", list).await.ok(), "id");
    client.delete(&format!("/bibs/{}", titles[0])).await.ok();
    let body = order("MOVE_TITLES", &set, json!({ "to_collection": { "value": to } }));
    let id: JobId = begin(client, &body).await.parse().unwrap();
    // One step: the members are written down. Then one of them goes.
    desk.app.run_job(&operator(), &id, &Timestamp::now, &|| false).await.unwrap();
    client.delete(&format!("/bibs/{}", titles[1])).await.ok();
    let job = desk.finish(id.as_str()).await;
    assert_eq!(counts(&job), counted(&[("rows", 3), ("updated", 1), ("failed", 2)]), "{job}");
    let codes: BTreeMap<String, String> = desk
        .app
        .catalog
        .row_results(&id, 1, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.member.unwrap_or_default(), row.code.unwrap_or_default()))
        .collect();
    let expected = [(&titles[0], "UNREADABLE"), (&titles[1], "NOT_FOUND"), (&titles[2], "")];
    assert_eq!(codes, expected.map(|(id, code)| (id.clone(), code.to_owned())).into());
}

#[tokio::test]
async fn two_jobs_at_once_lose_no_update() {
    let desk = Desk::new().await;
    let client = &desk.client;
    let mut reps = Vec::new();
    for number in 0..8 {
        let mms = title(client, &desk.collection, &format!("Title {number}")).await;
        reps.push((mms.clone(), rep(client, &mms, "MAIN").await));
    }
    let set = set_of(client, "BIB_MMS", &desk.collection).await;
    let one =
        begin(client, &order("CHANGE_REPRESENTATIONS", &set, json!({ "change": { "label": "l" } }))).await;
    let two =
        begin(client, &order("CHANGE_REPRESENTATIONS", &set, json!({ "change": { "public_note": "n" } })))
            .await;
    let (one, two): (JobId, JobId) = (one.parse().unwrap(), two.parse().unwrap());
    let (call, other) = (operator(), desk.stack.app());
    let (first, second) = tokio::join!(
        Box::pin(desk.app.run_job(&call, &one, &Timestamp::now, &|| true)),
        Box::pin(other.run_job(&call, &two, &Timestamp::now, &|| true)),
    );
    first.unwrap();
    second.unwrap();
    for id in [&one, &two] {
        let job = desk.finish(id.as_str()).await;
        assert_eq!(counts(&job), counted(&[("rows", 8), ("updated", 8)]), "{job}");
    }
    for (mms, rep) in reps {
        let now = client.get(&format!("/bibs/{mms}/representations/{rep}")).await.ok();
        assert_eq!((&now["label"], &now["public_note"]), (&json!("l"), &json!("n")), "{now}");
    }
}

#[tokio::test]
async fn a_job_that_is_stopped_reports_what_it_did_and_goes_on_when_resubmitted() {
    let desk = Desk::new().await;
    let client = &desk.client;
    for number in 0..3 {
        title(client, &desk.collection, &format!("Title {number}")).await;
    }
    let to = collection(client, "To").await;
    let set = set_of(client, "BIB_MMS", &desk.collection).await;
    let body = order("MOVE_TITLES", &set, json!({ "to_collection": { "value": to } }));
    let id = begin(client, &body).await;
    client.post(&format!("{JOBS}/{id}?op=cancel"), Value::Null).await.ok();
    let job = desk.finish(&id).await;
    assert_eq!(job["status"]["value"], "ABORTED", "{job}");
    assert_eq!(desk.report_lines(&id).await, 0);
    client.post(&format!("{JOBS}/{id}?op=resubmit"), Value::Null).await.ok();
    let job = desk.finish(&id).await;
    assert_eq!(counts(&job), counted(&[("rows", 3), ("updated", 3)]), "{job}");
    assert_eq!(desk.report_lines(&id).await, 3);
}

#[tokio::test]
async fn a_row_costs_the_same_however_many_there_are() {
    let desk = Desk::new().await;
    let client = &desk.client;
    let (to, more) = (collection(client, "To").await, 8);
    let mut costs = Vec::new();
    for round in 0..2 {
        for number in 0..more * (round + 1) {
            let mms = title(client, &desk.collection, &format!("Title {round} {number}")).await;
            rep(client, &mms, "MAIN").await;
        }
        let set = set_of(client, "BIB_MMS", &desk.collection).await;
        let moving =
            json!({ "from_collection": { "value": desk.collection }, "to_collection": { "value": to } });
        let mut calls: Vec<BTreeMap<String, usize>> = Vec::new();
        for body in [
            order("CHANGE_REPRESENTATIONS", &set, json!({ "change": { "label": format!("{round}") } })),
            order("MOVE_TITLES", &set, moving),
        ] {
            let (app, faulty) = desk.stack.faulty_app();
            let id: JobId = begin(client, &body).await.parse().unwrap();
            faulty.heal();
            app.run_job(&operator(), &id, &Timestamp::now, &|| true).await.unwrap();
            let mut counted = BTreeMap::new();
            for call in faulty.calls() {
                *counted.entry(call).or_insert(0) += 1;
            }
            calls.push(counted);
        }
        costs.push(calls);
    }
    // 8 rows more. A change: representation, title, one transaction, one message; beside it the walk's query for the
    // representations of a title. A move: two collections, title, one transaction, one message.
    for (kind, (reads, queries)) in [(2, 1), (3, 0)].into_iter().enumerate() {
        let more: BTreeMap<&str, usize> = costs[1][kind]
            .iter()
            .map(|(name, count)| (name.as_str(), count - costs[0][kind].get(name).copied().unwrap_or(0)))
            .filter(|(_, more)| *more > 0)
            .collect();
        let mut expected = BTreeMap::from([
            ("DynamoDB.GetItem", 8 * reads),
            ("DynamoDB.TransactWriteItems", 8),
            ("SQS.SendMessage", 8),
        ]);
        if queries > 0 {
            expected.insert("DynamoDB.Query", 8 * queries);
        }
        assert_eq!(more, expected, "{costs:?}");
    }
    assert_eq!(
        counts(&run(&desk, &order("DELETE_TITLES", &set_of(client, "BIB_MMS", &to).await, json!({}))).await)
            [1]
        .0,
        "failed"
    );
}
