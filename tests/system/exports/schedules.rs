//! Exports by schedule: a planned instant has at most one run, a missed one shows and can be run (B13).

use serde_json::{Value, json};
use vitrine_app::Call;
use vitrine_domain::Timestamp;
use vitrine_domain::outbox::seconds;
use vitrine_testing::operator;

use super::{EXPORTS, everything};
use crate::imports::Desk;
use crate::walk::text;

/// A call of the sweep this many seconds after an instant.
fn call_at(planned: &str, late_seconds: i64) -> Call {
    let planned: Timestamp = planned.parse().unwrap();
    Call { now: planned.saturating_add(seconds(late_seconds)).unwrap(), ..operator() }
}

async fn jobs(desk: &Desk) -> u64 {
    desk.client.get("/conf/jobs").await.ok()["total_record_count"].as_u64().unwrap()
}

#[tokio::test]
async fn b13_a_planned_export_runs_once_and_a_missed_one_shows_and_can_be_run() {
    let desk = Desk::new().await;
    let mut body = everything("JSONL");
    body["schedule"] = json!({ "every": "DAY", "at": "02:30", "zone": "Europe/Vienna" });
    let made = desk.client.post(EXPORTS, body).await.ok();
    let path = format!("{EXPORTS}/{}", text(&made, "id"));
    let planned = text(&made, "next_run");

    desk.app.sweep(&call_at(&planned, -1), &|| true).await.unwrap();
    assert_eq!(jobs(&desk).await, 0, "not before its time");
    // The clock fires twice, and two sweeps meet.
    let call = call_at(&planned, 30);
    let (one, two) = tokio::join!(desk.app.sweep(&call, &|| true), desk.app.sweep(&call, &|| true));
    one.unwrap();
    two.unwrap();
    desk.app.sweep(&call_at(&planned, 60), &|| true).await.unwrap();
    assert_eq!(jobs(&desk).await, 1);
    let after = desk.client.get(&path).await.ok();
    assert_eq!(after["last_planned_run"], json!(planned));
    assert!(after["missed_run"].is_null());
    let job = desk.finish(&text(&after["last_job"], "value")).await;
    assert_eq!(
        (&job["status"]["value"], &job["submitted_by"]),
        (&json!("COMPLETED_NO_BULKS"), &json!("vitrine"))
    );
    let second = text(&after, "next_run");
    assert!(second > planned);

    // Nobody looked for hours: the run is missed and not made up by itself.
    desk.app.sweep(&call_at(&second, 3 * 3600), &|| true).await.unwrap();
    let after = desk.client.get(&path).await.ok();
    assert_eq!(after["missed_run"], json!(second));
    assert_eq!(jobs(&desk).await, 1);
    desk.client.post(&format!("{path}?op=run"), Value::Null).await.ok();
    let after = desk.client.get(&path).await.ok();
    assert!(after["missed_run"].is_null(), "{after}");
    assert_eq!(jobs(&desk).await, 2);

    // Without its schedule, and deleted, it runs no more.
    let mut plain = after.clone();
    plain.as_object_mut().unwrap().remove("schedule");
    let third = text(&after, "next_run");
    assert!(desk.client.put(&path, plain).await.ok()["next_run"].is_null());
    desk.app.sweep(&call_at(&third, 30), &|| true).await.unwrap();
    assert_eq!(desk.client.delete(&path).await.status, 204);
    assert_eq!(jobs(&desk).await, 2);
}
