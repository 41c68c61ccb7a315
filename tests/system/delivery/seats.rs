//! Seats: never more than the rule says, first come first served, at once and after a crash (A15-A17, B45).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use serde_json::json;
use vitrine_app::delivery::Standing;
use vitrine_domain::Timestamp;
use vitrine_domain::seats::SeatRule;
use vitrine_domain::session::Holder;
use vitrine_testing::{Stack, operator};

use super::{Browser, by_default, header, shelf};
use crate::rights::POLICIES;
use crate::walk::text;

fn limited(seats: u32) -> serde_json::Value {
    by_default(json!({ "effect": "ALLOW", "concurrent_users": seats, "session_minutes": 30 }))
}

#[tokio::test]
async fn a15_two_of_two_seats_are_taken_the_third_waits_and_comes_in_when_one_closes() {
    let shelf = shelf().await;
    let id = shelf.govern(limited(2)).await;
    let rep = &shelf.title.rep;
    let (seat, content) = (format!("{rep}/seat"), format!("{}/content", shelf.file));
    let readers: Vec<Browser> = (0..4).map(|_| Browser::new(&shelf.anyone)).collect();
    let refused = readers[0].see(rep).await;
    assert_eq!((refused.status.as_u16(), refused.json()["reason"].as_str()), (403, Some("SEAT")));
    assert_eq!(readers[0].see(&content).await.status, 403, "no seat, no byte");
    for reader in &readers[..2] {
        let sits = reader.post(&seat).await.ok();
        assert_eq!((sits["state"].as_str(), sits["warning"].as_bool()), (Some("SITS"), Some(false)));
        let seen = reader.see(rep).await;
        assert_eq!((seen.status.as_u16(), header(&seen, "cache-control")), (200, "private, no-store"));
        assert_eq!(seen.json()["file"][0]["pid"], shelf.file);
        assert_eq!(reader.see(&content).await.status, 302);
    }
    for (reader, position) in readers[2..].iter().zip(1..) {
        let waits = reader.post(&seat).await;
        assert_eq!((waits.status.as_u16(), header(&waits, "retry-after")), (202, "10"));
        assert_eq!(waits.json()["position"], position);
        assert_eq!(reader.see(&content).await.status, 403);
        assert_eq!(reader.see(&seat).await.ok()["state"], "WAITS");
    }
    // A second window of the same browser uses the same seat, and the last one to close gives it back.
    readers[0].post(&format!("{seat}?tab=b")).await.ok();
    assert_eq!(readers[0].post(&format!("{seat}?op=release&tab=b")).await.status, 204);
    assert_eq!(readers[0].see(&content).await.status, 302);
    assert_eq!(readers[3].post(&seat).await.json()["position"], 2);
    assert_eq!(readers[0].ask("DELETE", &format!("/view/delivery/VITRINE/{seat}")).await.status, 204);
    assert_eq!(readers[0].see(&content).await.status, 403, "at once");
    // First come, first served: the fourth and the first, who asks anew, wait for the third.
    assert_eq!(readers[3].post(&seat).await.status, 202);
    assert_eq!(readers[0].post(&seat).await.json()["position"], 3);
    assert_eq!(readers[2].post(&seat).await.ok()["state"], "SITS");
    assert_eq!(readers[2].see(&content).await.status, 302);
    // Staff need no seat, and what has no limit says so.
    assert_eq!(super::see(&shelf.staff, &content).await.status, 302);
    shelf.staff.put(&format!("{POLICIES}/{id}"), by_default(json!({ "effect": "ALLOW" }))).await.ok();
    assert_eq!(readers[3].post(&seat).await.ok()["state"], "UNLIMITED");
    shelf.staff.put(&format!("{POLICIES}/{id}"), by_default(json!({ "effect": "DENY" }))).await.ok();
    assert_eq!(readers[1].post(&seat).await.status, 403, "B35: a seat opens nothing that the policy denies");
    assert_eq!(readers[1].see(&content).await.status, 403);
    for bad in ["?tab=a%20b", "?op=keep", "?seats=9"] {
        assert_eq!(readers[1].post(&format!("{seat}{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn a16_a_seat_warns_before_its_end_ends_by_its_minutes_and_cools_off() {
    let shelf = shelf().await;
    shelf
        .govern(by_default(json!({
            "effect": "ALLOW", "concurrent_users": 1, "session_minutes": 2, "cool_off_minutes": 5,
        })))
        .await;
    let start = Timestamp::now();
    let (seat, content) = (format!("{}/seat", shelf.title.rep), format!("{}/content", shelf.file));
    let mut cookie = String::new();
    let mut at = async |seconds: u64, method: &str, path: &str| {
        let now = start.saturating_add(Duration::from_secs(seconds)).unwrap();
        let reader = Browser::with_cookie(&shelf.anyone.at_time(now), &cookie);
        let answer = reader.ask(method, &format!("/view/delivery/VITRINE/{path}")).await;
        cookie = reader.cookie.borrow().clone();
        answer
    };
    let first = at(0, "POST", &seat).await.ok();
    assert_eq!((first["ends_in_seconds"].as_i64(), first["warning"].as_bool()), (Some(120), Some(false)));
    for (seconds, warning) in [(20, false), (40, false), (60, true), (80, true), (100, true)] {
        let renewed = at(seconds, "POST", &seat).await.ok();
        assert_eq!(renewed["warning"], warning, "{seconds}");
        assert_eq!(renewed["ends_at"], first["ends_at"]);
    }
    // A link does not outlive the seat.
    let link = at(110, "GET", &content).await;
    let lives = header(&link, "location").split("X-Amz-Expires=").nth(1).unwrap().split('&').next().unwrap();
    assert!((1..=10).contains(&lives.parse::<u64>().unwrap()), "{lives}");
    assert_eq!(at(120, "GET", &content).await.status, 403, "a hard end");
    let cools = at(121, "POST", &seat).await;
    assert_eq!((cools.status.as_u16(), cools.json()["reason"].as_str()), (403, Some("COOL_OFF")));
    assert_eq!(header(&cools, "retry-after"), "299");
    assert_eq!(
        text(&cools.json(), "may_change_at"),
        start.saturating_add(Duration::from_secs(420)).unwrap().to_string()
    );
    assert_eq!(at(420, "POST", &seat).await.ok()["state"], "SITS");
}

/// B45: a thousand clients on five seats. The clock stands still, so nothing but leaving frees a seat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b45_a_thousand_clients_never_hold_more_than_five_seats() {
    const CLIENTS: usize = 1_000;
    let stack = Stack::new();
    let app = Arc::new(stack.app());
    let rep: vitrine_domain::ids::RepId = "1200000000000101".parse().unwrap();
    let rule = SeatRule { seats: 5, minutes: 60, cool_off_minutes: 0 };
    let call = operator();
    let (sitting, most, sat, waited) = Default::default();
    let counters: Arc<[AtomicUsize; 4]> = Arc::new([sitting, most, sat, waited]);
    // So many at once as the engine answers in time.
    let doors = Arc::new(tokio::sync::Semaphore::new(40));
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let (app, call, rep, counters) = (app.clone(), call.clone(), rep.clone(), counters.clone());
        let doors = doors.clone();
        clients.spawn(async move {
            let _door = doors.acquire().await.unwrap();
            let holder = Holder::user(&format!("reader{number}").parse().unwrap());
            let [sitting, most, sat, waited] = &*counters;
            match app.ask_for_seat(&call, &rep, &holder, rule, "").await.unwrap() {
                Standing::Sits(_) => {
                    let now = sitting.fetch_add(1, SeqCst) + 1;
                    most.fetch_max(now, SeqCst);
                    sat.fetch_add(1, SeqCst);
                    // One in ten crashes, and holds its seat to the end of its lease.
                    if number % 10 != 0 {
                        tokio::task::yield_now().await;
                        sitting.fetch_sub(1, SeqCst);
                        app.give_seat_back(&call, &rep, &holder, rule, "").await.unwrap();
                    }
                }
                Standing::Waits { .. } => {
                    waited.fetch_add(1, SeqCst);
                }
                other => panic!("{other:?}"),
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    let [sitting, most, sat, waited] = &*counters;
    let counted = [sitting, most, sat, waited].map(|it| it.load(SeqCst));
    assert!(counted[1] <= 5 && counted[2] >= 5, "{counted:?}");
    assert_eq!(counted[2] + counted[3], CLIENTS, "everyone was answered: {counted:?}");
    let room = app.sessions.room(&rep).await.unwrap();
    assert_eq!(
        room.slots.len(),
        counted[0],
        "nothing leaked: a slot is there for who crashed, and for nobody else"
    );
    assert_eq!(room.line.len(), counted[3]);
    // Once the leases have passed five more are let in.
    let mut later = call.clone();
    later.now = call.now.saturating_add(Duration::from_secs(66)).unwrap();
    for (index, place) in room.line.iter().take(8).enumerate() {
        let standing = app.ask_for_seat(&later, &rep, &place.holder, rule, "").await.unwrap();
        let sits = matches!(standing, Standing::Sits(_));
        assert_eq!(sits, index < 5, "{index} {standing:?}");
    }
}
