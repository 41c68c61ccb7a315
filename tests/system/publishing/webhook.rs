//! Webhooks (U3): calls that are signed and tell of each change, receivers that fail and come back, and addresses that are
//! not to be called.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use vitrine_domain::outbox::seconds;
use vitrine_store::egress::Egress;
use vitrine_triggers::deliver_batch;

use super::*;

/// A call as the receiver got it.
#[derive(Debug, Clone)]
struct Hook {
    id: String,
    second: String,
    signature: String,
    body: String,
}

/// A receiver that answers with what it is told to, and with success when it was told nothing.
#[derive(Clone)]
struct Receiver {
    url: String,
    seen: Arc<Mutex<Vec<Hook>>>,
    answers: Arc<Mutex<Vec<&'static str>>>,
}

impl Receiver {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Self { url, seen: Arc::default(), answers: Arc::default() };
        let served = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut text, mut bytes) = (String::new(), [0; 8192]);
                let whole = |text: &str| {
                    let (head, body) = text.split_once("\r\n\r\n")?;
                    let length: usize = header(head, "content-length").parse().unwrap();
                    (body.len() >= length).then(|| (head.to_owned(), body.to_owned()))
                };
                let (head, body) = loop {
                    let count = stream.read(&mut bytes).unwrap();
                    text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
                    if let Some(parts) = whole(&text) {
                        break parts;
                    }
                };
                assert!(head.starts_with("POST /hook HTTP/1.1"), "{head}");
                served.seen.lock().unwrap().push(Hook {
                    id: header(&head, "webhook-id"),
                    second: header(&head, "webhook-timestamp"),
                    signature: header(&head, "webhook-signature"),
                    body,
                });
                let answer = served.answers.lock().unwrap().pop().unwrap_or("204 No Content");
                write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .unwrap();
            }
        });
        receiver
    }

    fn taken(&self) -> Vec<Hook> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    fn answer(&self, answers: &[&'static str]) {
        *self.answers.lock().unwrap() = answers.iter().rev().copied().collect();
    }
}

fn header(head: &str, name: &str) -> String {
    let line = head.lines().find_map(|line| {
        let (held, value) = line.split_once(':')?;
        held.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    line.unwrap_or_default()
}

impl Hook {
    /// Checks the signature as Standard Webhooks says, and gives the changes: title and kind.
    fn changes(&self, secret: &str) -> Vec<(String, String)> {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id, self.second, self.body).as_bytes());
        let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(self.signature, expected);
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(
            (&body["type"], &body["data"]["metadata_prefix"]),
            (&json!("titles.changed"), &json!("oai_dc"))
        );
        let changes = body["data"]["changes"].as_array().unwrap();
        changes.iter().map(|one| (text(one, "mms_id"), text(one, "change"))).collect()
    }
}

/// A house from which the receiver may be called.
async fn house() -> House {
    let mut stack = Stack::new();
    stack.config.private_targets = Egress::new("127.0.0.1").unwrap();
    House::over(stack).await
}

impl House {
    async fn hook(&self, url: &str) -> (String, String) {
        let body = json!({
            "name": "Hook", "selection": { "kind": "EVERYTHING" },
            "target": { "kind": "WEBHOOK", "url": url, "format": "oai_dc" },
        });
        let id = text(&self.client.post(PROFILES, body).await.ok(), "id");
        let secret = self.client.post(&format!("{PROFILES}/{id}/secret"), json!({})).await.ok();
        self.settle().await;
        (id, text(&secret, "secret"))
    }

    /// Works on the delivery of a profile `later` seconds from now, when all that was written can be seen.
    async fn deliver(&self, profile: &str, later: i64) {
        let clock = move || Timestamp::now() + seconds(later);
        let around = Surroundings { now: &clock, time_left: &|| true, metrics: &|_| {} };
        let message = json!({ "profile": profile }).to_string();
        let failed = deliver_batch(&self.app, batch(&[message]), &around).await.batch_item_failures;
        assert!(failed.is_empty(), "{failed:?}");
    }

    /// Works on a delivery until its receiver was told of these changes, and checks that it was told of no others.
    async fn tells(&self, receiver: &Receiver, (hook, secret): (&str, &str), changes: &[(String, String)]) {
        let mut expected = changes.to_vec();
        expected.sort();
        let mut told = Vec::new();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while told.len() < expected.len() && std::time::Instant::now() < deadline {
            self.deliver(hook, 0).await;
            told.extend(receiver.taken().iter().flat_map(|it| it.changes(secret)));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        told.sort();
        assert_eq!(told, expected);
    }

    async fn told(&self, profile: &str) -> Value {
        self.client.get(&format!("{PROFILES}/{profile}")).await.ok()["delivery"].clone()
    }
}

fn of(mms: &str, change: &str) -> (String, String) {
    (mms.to_owned(), change.to_owned())
}

#[tokio::test]
async fn u3_a_webhook_is_told_everything_then_each_change_once_and_signed() {
    let house = house().await;
    let receiver = Receiver::new();
    let (a, b) = (house.title("A").await, house.title("B").await);
    let (hook, secret) = house.hook(&receiver.url).await;
    let asked = house.app.queues.receive(Queue::Deliveries, 10, 0).await.unwrap();
    assert!(asked.iter().any(|it| it.body.contains(&hook)), "{asked:?}");

    house.tells(&receiver, (&hook, &secret), &[of(&a, "PUBLISHED"), of(&b, "PUBLISHED")]).await;
    house.deliver(&hook, 0).await;
    assert!(receiver.taken().is_empty(), "nothing changed");

    // The same again is nothing to tell of; a change is, and a title that is hidden is deleted.
    house.client.put(&format!("/bibs/{a}"), dc("A", false)).await.ok();
    house.client.put(&format!("/bibs/{b}"), dc("Other", false)).await.ok();
    house.settle().await;
    house.tells(&receiver, (&hook, &secret), &[of(&b, "PUBLISHED")]).await;
    house.client.put(&format!("/bibs/{b}"), dc("Other", true)).await.ok();
    house.settle().await;
    house.tells(&receiver, (&hook, &secret), &[of(&b, "DELETED")]).await;
    let told = house.told(&hook).await;
    assert_eq!((&told["told"], &told["failures"]), (&json!(4), &json!(0)), "{told}");
}

#[tokio::test]
async fn u3_a_receiver_that_fails_is_called_again_later_with_the_same_call() {
    let house = house().await;
    let receiver = Receiver::new();
    let mms = house.title("A").await;
    let (hook, secret) = house.hook(&receiver.url).await;
    receiver.answer(&["500 Oops", "302 Found"]);
    house.deliver(&hook, 10).await;
    let told = house.told(&hook).await;
    assert_eq!((&told["failures"], &told["reason"]), (&json!(1), &json!("status 500")), "{told}");
    // It is left alone until it is time, however often a message comes.
    house.deliver(&hook, 11).await;
    assert_eq!(receiver.seen.lock().unwrap().len(), 1);
    // A redirect is no success and leads nowhere.
    house.deliver(&hook, 60).await;
    assert_eq!(house.told(&hook).await["reason"], "status 302");
    house.deliver(&hook, 120).await;
    let calls = receiver.taken();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call.id == calls[0].id), "{calls:?}");
    assert_eq!(calls[2].changes(&secret), [of(&mms, "PUBLISHED")]);
    let told = house.told(&hook).await;
    assert_eq!((&told["failures"], &told["told"]), (&json!(0), &json!(1)), "{told}");
    assert!(told.get("reason").is_none() && told.get("retry_at").is_none(), "{told}");
}

#[tokio::test]
async fn u3_one_that_does_not_answer_for_long_is_seen_among_the_dead_letters_once() {
    let house = house().await;
    house.title("A").await;
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (hook, _) = house.hook(&format!("http://{gone}/hook")).await;
    let mut later = 10;
    for _ in 0..12 {
        house.deliver(&hook, later).await;
        later += 4000;
    }
    assert_eq!(house.told(&hook).await["failures"], 12);
    let dead = house.app.queues.receive(Queue::DeliveriesDead, 10, 0).await.unwrap();
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert!(dead[0].body.contains(&hook));
}

#[tokio::test]
async fn u3_only_public_addresses_are_called() {
    let house = House::new().await;
    for url in [
        "http://hooks.example.org/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://user:word@hooks.example.org/",
        "hooks.example.org",
    ] {
        let target = json!({ "kind": "WEBHOOK", "url": url, "format": "oai_dc" });
        let body = json!({ "name": "Hook", "selection": { "kind": "EVERYTHING" }, "target": target });
        let refused = house.client.post(PROFILES, body).await;
        assert_eq!(refused.status, 400, "{url}: {}", refused.text);
        assert!(refused.text.contains("target.url"), "{url}: {}", refused.text);
    }
    // A name that leads into our own network is found out when it is called.
    house.title("A").await;
    let (hook, secret) = house.hook("https://localhost:9/hook").await;
    house.deliver(&hook, 10).await;
    let told = house.told(&hook).await;
    assert!(text(&told, "reason").contains("private network"), "{told}");
    // The secret is shown once, and by nobody later.
    for path in [String::new(), "/history".to_owned()] {
        let shown = house.client.get(&format!("{PROFILES}/{hook}{path}")).await;
        assert!(!shown.text.contains(&secret), "{}", shown.text);
    }
    let newer = house.client.post(&format!("{PROFILES}/{hook}/secret"), json!({})).await.ok();
    assert_ne!(text(&newer, "secret"), secret);
}
