//! Publishing under fire: messages that are lost, doubled or out of order, workers that die or are slow (B12, B50).

use vitrine_store::faults::Moment;

use super::*;

const LIST: &str = "verb=ListRecords&metadataPrefix=oai_dc";

#[tokio::test]
async fn doubled_and_disordered_messages_publish_exactly_the_last_state() {
    let house = House::new().await;
    let mut titles = Vec::new();
    for number in 0..6 {
        titles.push(house.title(&format!("Title {number}")).await);
    }
    house.set("s", json!({})).await;
    let mut bodies = Vec::new();
    for round in 0..5 {
        for (number, mms) in titles.iter().enumerate() {
            house.client.put(&format!("/bibs/{mms}"), dc(&format!("{number} in {round}"), false)).await.ok();
        }
        bodies.extend(house.taken().await);
    }
    // Backwards, each twice, some at once.
    bodies.reverse();
    let doubled: Vec<String> = bodies.iter().chain(&bodies).cloned().collect();
    for part in doubled.chunks(4) {
        let [a, b] = [part[..part.len() / 2].to_vec(), part[part.len() / 2..].to_vec()];
        let (first, second) = tokio::join!(publish(&house.app, &a), publish(&house.app, &b));
        assert!(first.is_empty() && second.is_empty());
    }
    let seen = house.harvest(LIST).await;
    for (number, mms) in titles.iter().enumerate() {
        assert!(seen[mms].text.contains(&format!("{number} in 4")), "{:?}", seen[mms]);
    }
}

#[tokio::test]
async fn b12_a_lost_message_is_sent_again_by_the_sweep() {
    let house = House::new().await;
    house.set("s", json!({})).await;
    let mms = house.title("Lost").await;
    assert_eq!(house.taken().await.len(), 1, "and nobody works on it");
    let day = Timestamp::now() + vitrine_domain::outbox::seconds(26 * 3600);
    let call = vitrine_app::Call { now: day, ..vitrine_testing::operator() };
    house.app.sweep(&call, &|| true).await.unwrap();
    house.settle().await;
    assert!(house.harvest(LIST).await.contains_key(&mms));
    let swept = house.app.sweep(&call, &|| true).await.unwrap();
    assert_eq!(swept.due, 0, "nothing is owed any more");
}

#[tokio::test]
async fn b50_a_worker_that_dies_anywhere_leaves_what_the_next_one_finishes() {
    let house = House::new().await;
    house.set("s", json!({})).await;
    let mms = house.title("Title").await;
    house.settle().await;
    let (app, faulty) = house.stack.faulty_app();
    for number in 0..7 {
        for moment in [Moment::Before, Moment::After] {
            let words = format!("killed {moment:?} {number}");
            house.client.put(&format!("/bibs/{mms}"), dc(&words, false)).await.ok();
            let bodies = house.taken().await;
            let before = house.harvest(LIST).await[&mms].clone();
            let done = faulty.killed_at(number, moment, publish(&app, &bodies)).await;
            assert!(number < 6 || done.is_some(), "there is no call {number}");
            let written = house.app.catalog.published(&mms.parse().unwrap()).await.unwrap().unwrap();
            faulty.heal();
            assert!(publish(&app, &bodies).await.is_empty(), "{words}");
            let after = house.harvest(LIST).await[&mms].clone();
            assert!(after.text.contains(&words), "{words}: {after:?}");
            assert!(after.stamp >= before.stamp);
            // Whoever died behind the write was not known to be in time: it is dated by the second one.
            let again = house.app.catalog.published(&mms.parse().unwrap()).await.unwrap().unwrap();
            assert!(again.version >= written.version, "{words}");
            assert_eq!(house.app.sweep(&late(), &|| true).await.unwrap().due, 0, "{words}: nothing is owed");
        }
    }
}

#[tokio::test]
async fn b50_what_was_written_too_late_is_dated_anew() {
    let house = House::new().await;
    house.set("s", json!({})).await;
    let mms = house.title("Slow").await;
    let bodies = house.taken().await;
    // A clock that jumps by a minute while the write is under way, once.
    let begun = Timestamp::now();
    let asked = std::sync::atomic::AtomicU32::new(0);
    let clock = || {
        let count = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        begun + vitrine_domain::outbox::seconds(if count < 2 { 0 } else { 60 })
    };
    let around = Surroundings { now: &clock, time_left: &|| true, metrics: &|_| {} };
    assert!(publish_batch(&house.app, batch(&bodies), &around).await.batch_item_failures.is_empty());
    let state = house.app.catalog.published(&mms.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(state.version, 2, "written twice");
    assert!(state.scopes.values().all(|state| state.stamp > begun + vitrine_domain::outbox::seconds(60)));
    let (seen, _) = harvest(&house.client.later(70), LIST).await;
    assert_eq!(seen.len(), 1, "and there once");
}

#[tokio::test]
async fn a_run_that_is_killed_anywhere_ends_with_counters_that_add_up() {
    let house = House::new().await;
    for number in 0..30 {
        house.title(&format!("Title {number}")).await;
    }
    house.taken().await;
    let (app, faulty) = house.stack.faulty_app();
    let made = house
        .client
        .post(PROFILES, json!({
            "name": "S", "selection": { "kind": "EVERYTHING" }, "target": { "kind": "OAI", "set_spec": "s" },
        }))
        .await
        .ok();
    let bodies = house.taken().await;
    assert_eq!(bodies.len(), 1);
    for number in [0, 3, 9, 20, 40, 60, 90, 130] {
        let _ = faulty.killed_at(number, Moment::After, publish(&app, &bodies)).await;
    }
    faulty.heal();
    publish(&app, &bodies).await;
    house.settle().await;
    let jobs = house.client.get("/conf/jobs").await.ok();
    let job = &jobs["job"][0];
    assert_eq!(job["profile_id"], made["id"]);
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "{job}");
    assert_eq!(
        counters(job),
        [("titles", 30), ("published", 30), ("withdrawn", 0), ("unchanged", 0), ("failed", 0)]
    );
    assert_eq!(house.harvest(LIST).await.len(), 30);
    let again = house.run(made["id"].as_str().unwrap(), false).await;
    assert_eq!(
        counters(&again),
        [("titles", 30), ("published", 0), ("withdrawn", 0), ("unchanged", 30), ("failed", 0)]
    );
}

fn counters(job: &Value) -> Vec<(&str, u64)> {
    let all = job["counter"].as_array().unwrap().iter().take(5);
    all.map(|one| (one["type"]["value"].as_str().unwrap(), one["value"].as_u64().unwrap())).collect()
}

fn late() -> vitrine_app::Call {
    let now = Timestamp::now() + vitrine_domain::outbox::seconds(3600);
    vitrine_app::Call { now, ..vitrine_testing::operator() }
}
