//! Seals: a row that is removed, edited, put in or hidden is named by `vitrine verify-audit`, and so is every seal that
//! was touched (D24, reliability.md C.8). The real binary, the real table and bucket.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tokio::runtime::Handle;
use vitrine_app::seal::Sealed;
use vitrine_domain::Timestamp;
use vitrine_domain::outbox::seconds;
use vitrine_store::faults::Fault;
use vitrine_store::objects::Bucket;
use vitrine_testing::{Client, Stack, operator};

use crate::walk::{built, title};

/// Calls the table as someone with the account's own key would, past the product.
fn table(stack: &Stack, operation: &str, mut body: Value) -> Value {
    body["TableName"] = json!(stack.config.tables.audit);
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent
        .post(stack.endpoint())
        .header("x-amz-target", &format!("DynamoDB_20120810.{operation}"))
        .header("content-type", "application/x-amz-json-1.0")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        )
        .send(body.to_string())
        .unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{operation}: {text}");
    serde_json::from_str(&text).unwrap()
}

fn items_of(stack: &Stack, partition: &str) -> Vec<Value> {
    let query = json!({ "KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": { ":pk": { "S": partition } } });
    table(stack, "Query", query)["Items"].as_array().unwrap().clone()
}

fn put(stack: &Stack, item: &Value) {
    table(stack, "PutItem", json!({ "Item": item }));
}

fn delete(stack: &Stack, item: &Value) {
    table(stack, "DeleteItem", json!({ "Key": { "pk": item["pk"], "sk": item["sk"] } }));
}

fn with(item: &Value, name: &str, value: &str) -> Value {
    let mut item = item.clone();
    item[name] = json!({ "S": value });
    item
}

/// Answers the API's GETs on a port of its own, for as long as the test runs.
fn listen(client: &Client) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (client, handle) = (client.clone(), Handle::current());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &client, &handle);
        }
    });
    format!("http://{address}/almaws/v1")
}

fn answer(mut stream: TcpStream, client: &Client, handle: &Handle) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap();
    let answer = handle.block_on(client.send("GET", path, &[("accept", "application/json")], String::new()));
    let (status, body) = (answer.status, answer.text);
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

/// Runs the command and returns its exit code and all it said.
async fn verify(url: &str) -> (i32, String) {
    let url = url.to_owned();
    let run = move || {
        let done = Command::new(built("vitrine"))
            .args(["verify-audit", "--url", &url, "--retries", "0"])
            .env_clear()
            .env("HOME", "/nonexistent")
            .env("VITRINE_API_KEY", "sent-and-not-looked-at")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

async fn seal(stack: &Stack, now: Timestamp) -> Sealed {
    let call = vitrine_app::Call { now, ..operator() };
    stack.app().seal_audit(&call, &|| true).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn d24_verify_audit_names_every_row_and_seal_that_does_not_fit() {
    let stack = Stack::new();
    let began = Timestamp::now();
    assert_eq!(
        seal(&stack, began).await,
        Sealed { hours: 1, rows: 0 },
        "the chain begins with the last settled hour"
    );
    let client = stack.client().await;
    let title = title(&client).await;
    let later = began + seconds(3 * 3600);
    let sealed = seal(&stack, later).await;
    assert!(sealed.hours >= 2 && sealed.rows > 5, "{sealed:?}");
    assert_eq!(seal(&stack, later).await, Sealed::default(), "an hour is sealed once");

    let url = listen(&client);
    let (code, said) = verify(&url).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(&format!("{} rows verified", sealed.rows)), "{said}");

    let subject = format!("BIB#{}", title.mms);
    let rows = items_of(&stack, &subject);
    let (row, other) = (&rows[0], &rows[1]);
    let key = row["sk"]["S"].as_str().unwrap();
    let place = format!("row {key} of {subject}");
    let seals = items_of(&stack, "SEALS");
    let [first, .., last] = seals.as_slice() else { panic!("{seals:?}") };
    let hour = |seal: &Value| seal["hour"]["S"].as_str().unwrap().to_owned();

    // What is done to the table, what is put back, and what is said.
    type Tampering<'a> = (&'a str, Vec<Value>, Vec<Value>, Vec<Value>, Vec<String>);
    let forged = with(row, "sk", &format!("{key}9"));
    let cases: Vec<Tampering<'_>> = vec![
        ("removed", vec![row.clone()], vec![], vec![row.clone()], vec![format!("{place} was removed")]),
        (
            "edited",
            vec![],
            vec![with(row, "actor", "somebody-else")],
            vec![row.clone()],
            vec![format!("{place} was edited; it says now: bib.create by somebody-else")],
        ),
        (
            "a field added",
            vec![],
            vec![with(row, "note", "x")],
            vec![row.clone()],
            vec![format!("{place} was edited")],
        ),
        (
            "inserted",
            vec![],
            vec![forged.clone()],
            vec![],
            vec![format!("row {key}9 of {subject} was inserted")],
        ),
        (
            "hidden from its hour",
            vec![],
            vec![with(row, "i1pk", "HOUR#1999-01-01T00#00")],
            vec![row.clone()],
            vec![format!("{place} was removed")],
        ),
        (
            "one put in another's place",
            vec![row.clone()],
            vec![with(&with(row, "sk", other["sk"]["S"].as_str().unwrap()), "action", "bib.read")],
            vec![row.clone(), other.clone()],
            vec![
                format!("{place} was removed"),
                format!("row {} of {subject} was edited", other["sk"]["S"].as_str().unwrap()),
            ],
        ),
        (
            "a manifest edited",
            vec![],
            vec![with(last, "manifest", "{}")],
            vec![last.clone()],
            vec![format!("{}: the table repeats another manifest than the bucket holds", hour(last))],
        ),
        (
            "a manifest removed",
            vec![seals[1].clone()],
            vec![],
            vec![seals[1].clone()],
            vec![
                "manifests are missing between this hour and".to_owned(),
                "does not go on from the one before".to_owned(),
            ],
        ),
        (
            "the first manifest removed",
            vec![first.clone()],
            vec![],
            vec![first.clone()],
            vec!["the manifests before it are missing".to_owned()],
        ),
        (
            "a manifest invented",
            vec![],
            vec![with(&with(last, "sk", "2099-01-01T00"), "hour", "2099-01-01T00")],
            vec![],
            vec![
                "2099-01-01T00: its manifest is not in the bucket".to_owned(),
                "2099-01-01T00: manifests are missing between this hour and".to_owned(),
            ],
        ),
    ];
    for (what, gone, written, back, expected) in cases {
        if what == "a manifest removed" && seals.len() < 3 {
            continue;
        }
        gone.iter().for_each(|item| delete(&stack, item));
        written.iter().for_each(|item| put(&stack, item));
        let (code, said) = verify(&url).await;
        assert_eq!(code, 1, "{what}: {said}");
        for part in &expected {
            assert!(said.contains(part), "{what}: no `{part}` in {said}");
        }
        let findings = format!("the audit trail does not verify: {} findings", expected.len());
        assert!(said.contains(&findings), "{what}: {said}");
        written.iter().for_each(|item| delete(&stack, item));
        back.iter().for_each(|item| put(&stack, item));
    }
    let (code, said) = verify(&url).await;
    assert_eq!(code, 0, "all is as it was: {said}");

    // The bucket: what is there is not written over by the product.
    let app = stack.app();
    let at = |name: &str| format!("seals/{}/{name}", hour(last).replace('T', "/"));
    let again = app
        .objects
        .put_small(Bucket::Audit, &at("manifest.json"), "{}".into(), "application/json", true)
        .await;
    assert!(again.is_err(), "create-only");
}

#[tokio::test(flavor = "multi_thread")]
async fn d24_a_seal_that_was_begun_is_finished_as_it_was_begun() {
    let stack = Stack::new();
    let app = stack.app();
    let began = Timestamp::now();
    seal(&stack, began).await;
    let client = stack.client().await;
    title(&client).await;
    let later = vitrine_app::Call { now: began + seconds(3 * 3600), ..operator() };
    // A call of a run fails, one later each time, before or after its effect; the next run goes on.
    let (faulty, faults) = stack.faulty_app();
    let mut failed = 0;
    for number in 0..1000 {
        faults.fail(number, if number % 2 == 0 { Fault::After } else { Fault::Before });
        match faulty.seal_audit(&later, &|| true).await {
            Ok(_) if faults.injected() == 0 => break,
            Ok(_) => {}
            Err(_) => failed += 1,
        }
    }
    faults.heal();
    assert!(failed > 20, "{failed}");
    assert_eq!(app.seal_audit(&later, &|| true).await.unwrap(), Sealed::default());
    let (code, said) = verify(&listen(&client)).await;
    assert_eq!(code, 0, "{said}");
}
