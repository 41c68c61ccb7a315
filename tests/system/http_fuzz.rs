//! Every operation of docs/openapi.json is sent what it does not expect: never a 5xx, always the one error body (B41).
//!
//! Requests are made from the document's own schemas and then bent; the same seed makes the same requests, and a
//! failure prints the request.

use serde_json::{Map, Value, json};
use vitrine_domain::Timestamp;
use vitrine_http::routes::ENDPOINTS;
use vitrine_http::wire::xml_write;
use vitrine_testing::{Answer, Client, Stack};

use crate::walk::{DC, red_png, settle, text, title, upload, wish};

const SEED: u64 = 20_261_124;
/// So many requests an operation.
const REQUESTS: usize = 40;

/// What the several `op` parameters ask for.
const OPERATIONS: [&str; 8] =
    ["lock", "unlock", "submit", "run", "cancel", "complete", "resubmit", "discard"];

/// SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Text that some reader somewhere trips over.
fn bad_text(dice: &mut Dice) -> String {
    let texts = [
        "",
        " ",
        "0",
        "-1",
        "null",
        "true",
        "\u{0}",
        "\u{1b}[31m",
        "\r\nx: y",
        "\u{feff}",
        "\u{202e}abc",
        "\u{fffe}",
        "é",
        "e\u{301}",
        "💥",
        "../../etc/passwd",
        "%2e%2e%2f",
        "a/b",
        "a\\b",
        "'; DROP TABLE x; --",
        "<script>alert(1)</script>",
        "]]>",
        "<!DOCTYPE x>",
        "&x;",
        "${jndi:x}",
        "{{7*7}}",
        "BIB#1",
        "#",
        "?",
        "1e309",
        "NaN",
        "18446744073709551616",
        "9223372036854775807",
        "99999999999999999999999999",
        "2026-13-45",
        "https://127.0.0.1/",
        "upload/../x",
        "upload/",
        "VITRINE",
    ];
    match dice.below(12) {
        0 => dice.pick(&["a", "é", "\u{0}", "💥", "&"]).repeat(3_000),
        1 => format!("{}{}", dice.pick(&texts), dice.pick(&texts)),
        _ => dice.pick(&texts).to_owned(),
    }
}

fn bad_value(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(12) {
        0 => Value::Null,
        1 => json!(dice.one_in(2)),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(i64::MIN),
        5 => json!(1.5e300),
        6 => json!([]),
        7 => json!({}),
        8 if depth > 0 => json!([bad_value(dice, depth - 1)]),
        9 if depth > 0 => json!({ "value": bad_value(dice, depth - 1), (bad_text(dice)): 1 }),
        10 => (0..40).fold(json!(1), |inner, _| json!([inner])),
        _ => json!(bad_text(dice)),
    }
}

struct Fuzz {
    document: Value,
    dice: Dice,
    /// Values that are right for a member or parameter of that name.
    right: Map<String, Value>,
    /// How many times more seldom this request is bent; 0 for not at all.
    tame: usize,
}

impl Fuzz {
    fn bends(&mut self, chances: usize) -> bool {
        self.tame > 0 && self.dice.one_in(chances * self.tame)
    }

    /// A value that a schema describes, with a member bent here and there.
    fn value(&mut self, name: &str, schema: &Value, depth: usize) -> Value {
        if self.bends(12) {
            return bad_value(&mut self.dice, 3);
        }
        if let Some(right) = self.right.get(name).cloned()
            && !self.bends(4)
        {
            let is_coded = schema["type"] == "object" && right.is_string();
            return if is_coded { json!({ "value": right }) } else { right };
        }
        let schema = match schema["$ref"].as_str() {
            Some(reference) => self.document.pointer(&reference[1..]).unwrap().clone(),
            None => schema.clone(),
        };
        match schema["type"].as_str() {
            Some("object") if depth > 0 => {
                let mut members = Map::new();
                for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                    if self.right.contains_key(name) || self.bends(3) {
                        members.insert(name.clone(), self.value(name, schema, depth - 1));
                    }
                }
                if self.bends(15) {
                    members.insert(bad_text(&mut self.dice), json!(1));
                }
                Value::Object(members)
            }
            Some("array") => {
                let length = if self.bends(20) { 300 } else { 1 + self.dice.below(2) };
                (0..length).map(|_| self.value("", &schema["items"], depth)).collect()
            }
            Some("boolean") => json!(self.dice.one_in(2)),
            Some("integer") => json!(self.dice.below(1_000)),
            _ => json!(bad_text(&mut self.dice)),
        }
    }

    /// A parameter's value, as an address carries it.
    fn parameter(&mut self, name: &str) -> String {
        let text = match self.right.get(name).cloned() {
            Some(_) if name == "op" && !self.bends(3) => self.dice.pick(&OPERATIONS).to_owned(),
            Some(Value::String(right)) if !self.bends(3) => right,
            _ => bad_text(&mut self.dice).chars().take(600).collect(),
        };
        let mut encoded: String = text
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect();
        if self.bends(25) {
            encoded.push_str("%FF");
        }
        if encoded.is_empty() { "%20".to_owned() } else { encoded }
    }

    /// Method, address, headers and body of a request to an operation.
    fn request(
        &mut self,
        path: &str,
        operation: &Value,
    ) -> (String, Vec<(&'static str, &'static str)>, String) {
        self.tame = self.dice.below(3) * 8 % 15;
        let mut query = Vec::new();
        let mut address = path.to_owned();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            if parameter["in"] == "path" {
                address = address.replace(&format!("{{{name}}}"), &self.parameter(name));
            } else if self.right.contains_key(name) || self.bends(3) {
                query.push(format!("{name}={}", self.parameter(name)));
            }
        }
        if self.bends(20) {
            query.push(format!("{}={}", self.parameter(""), self.parameter("")));
        }
        if !query.is_empty() {
            address = format!("{address}?{}", query.join("&"));
        }
        let accept = match self.bends(12) {
            true => self.dice.pick(&["text/html", "a/b;q=x,,", ""]),
            false => {
                self.dice.pick(&["application/json", "application/xml", "*/*", "application/problem+json"])
            }
        };
        let mut headers = vec![("accept", accept)];
        if self.bends(6) {
            headers.push((
                "if-match",
                self.dice.pick(&["*", "\"1-j\"", "W/\"1-j\"", "\"1-j\", \"2-j\"", "junk", "\""]),
            ));
        }
        let reference = operation.pointer("/requestBody/content/application~1json/schema").cloned();
        let body = match reference {
            None => String::new(),
            Some(schema) => {
                let value = self.value("", &schema, 4);
                let endpoint = ENDPOINTS.iter().find(|endpoint| endpoint.id == operation["operationId"]);
                let shape = endpoint.and_then(|endpoint| endpoint.input);
                let xml = shape.and_then(|shape| xml_write::write(shape, &value).ok());
                let (kind, body) = match xml {
                    Some(xml) if self.dice.one_in(3) => ("application/xml", xml),
                    _ => ("application/json", value.to_string()),
                };
                let kind = if self.bends(20) {
                    self.dice.pick(&["text/plain", "", "application/xml", "application/json"])
                } else {
                    kind
                };
                headers.push(("content-type", kind));
                if self.bends(4) { self.bend(body) } else { body }
            }
        };
        (address, headers, body)
    }

    /// A body that is cut, doubled or not what its type says.
    fn bend(&mut self, body: String) -> String {
        match self.dice.below(5) {
            0 => body.chars().take(body.chars().count() / 2).collect(),
            1 => format!("{body}{body}"),
            2 => bad_text(&mut self.dice),
            3 => "[".repeat(20_000),
            _ => format!("<!DOCTYPE x [<!ENTITY a \"b\">]>{body}"),
        }
    }
}

/// What is wrong with an answer, if anything.
fn complaint(answer: &Answer) -> Option<String> {
    let status = answer.status.as_u16();
    if status >= 500 {
        return Some("a fault of our own".to_owned());
    }
    let kind = answer.headers.get("content-type").map_or("", |kind| kind.to_str().unwrap());
    if status < 400 {
        let sound = answer.text.is_empty()
            || kind != "application/json"
            || serde_json::from_str::<Value>(&answer.text).is_ok();
        return (!sound).then(|| "no JSON".to_owned());
    }
    let tracking = answer.headers["x-request-id"].to_str().unwrap();
    match kind {
        "application/json" | "application/problem+json" => {
            let Ok(problem) = serde_json::from_str::<Value>(&answer.text) else {
                return Some("no JSON".to_owned());
            };
            let error = &problem["errorList"]["error"][0];
            let sound = problem["status"] == status
                && problem["errorsExist"] == true
                && problem["fields"].is_array()
                && error["errorCode"].as_str().is_some_and(|code| !code.is_empty())
                && error["errorMessage"].as_str().is_some_and(|message| message.len() < 10_000)
                && error["trackingId"] == tracking;
            (!sound).then(|| "not the one error body".to_owned())
        }
        "application/xml;charset=UTF-8" => {
            let sound = answer.text.contains("<web_service_result xmlns=")
                && answer.text.contains(&format!("<status>{status}</status>"))
                && answer.text.contains(&format!("<trackingId>{tracking}</trackingId>"))
                && answer.text.ends_with("</web_service_result>");
            (!sound).then(|| "not the one error body in XML".to_owned())
        }
        other => Some(format!("an error of type `{other}`")),
    }
}

async fn fuzz(client: &Client, right: Map<String, Value>) {
    // What docs/openapi.json holds; another test compares the two.
    let document = vitrine_http::openapi::document("/almaws/v1");
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    let thumbnail = json!({ "operationId": "thumbnail", "parameters": [
        { "name": "institution", "in": "path" }, { "name": "rep_id", "in": "path" }, { "name": "size", "in": "query" }
    ] });
    operations.push((
        "GET".to_owned(),
        "/view/delivery/thumbnail/{institution}/{rep_id}".to_owned(),
        thumbnail,
    ));
    // What is deleted is there to be read first.
    operations.sort_by_key(|(method, _, _)| method == "DELETE");
    let mut fuzz = Fuzz { document, dice: Dice(SEED), right, tame: 0 };
    let mut complaints = Vec::new();
    let mut tally = std::collections::BTreeMap::<u16, usize>::new();
    let mut taken = std::collections::BTreeSet::new();
    for (method, path, operation) in &operations {
        for _ in 0..REQUESTS {
            let (address, headers, body) = fuzz.request(path, operation);
            let full = if address.starts_with("/view") { address } else { format!("/almaws/v1{address}") };
            let answer = client.send(method, &full, &headers, body.clone()).await;
            *tally.entry(answer.status.as_u16()).or_default() += 1;
            if answer.status.is_success() {
                taken.insert(operation["operationId"].as_str().unwrap());
            }
            if let Some(complaint) = complaint(&answer) {
                let body: String = body.chars().take(400).collect();
                let said: String = answer.text.chars().take(400).collect();
                complaints.push(format!(
                    "{complaint}: {method} {full} {headers:?} {body:?} -> {} {said}",
                    answer.status
                ));
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} of seed {SEED}:\n{}",
        complaints.len(),
        complaints[..complaints.len().min(12)].join("\n")
    );
    println!("{} operations, answers by status: {tally:?}", operations.len());
    // A fuzzer that only ever meets the first check has tried nothing.
    assert!(
        taken.len() * 2 >= operations.len(),
        "{} of {} operations took something: {taken:?}",
        taken.len(),
        operations.len()
    );
}

/// The settings of an import profile that is sound.
pub fn profile(collection: &str) -> Value {
    json!({
        "details": {
            "name": format!("profile {}", Timestamp::now().as_nanosecond()),
            "source_format": "CSV", "metadata_file": "values.csv", "target_format": "qdc", "active": true
        },
        "matching": { "method": "IDENTIFIER", "on_match": "MERGE", "on_multiple": "MANUAL", "on_none": "IMPORT" },
        "defaults": { "collection": collection, "usage_type": "PRESERVATION_MASTER", "library": "MAIN", "active": true }
    })
}

#[tokio::test]
async fn b41_no_request_that_the_document_describes_or_nearly_does_is_a_fault_of_our_own() {
    let mut stack = Stack::new();
    stack.config.requests_per_second = 100_000;
    let client = stack.client().await;
    let title = title(&client).await;
    upload(&client, &title.rep, "a.png", &red_png()).await;
    settle(&stack.app()).await;
    let file = text(&client.get(&title.files()).await.ok()["representation_file"][0], "pid");
    let open = text(&client.post("/uploads", wish(&title.rep, "b.png", b"x")).await.ok(), "id");
    let made = client.post("/conf/md-import-profiles", profile(&title.collection)).await.ok();
    let profile = text(&made, "id");
    client
        .post(&format!("/conf/md-import-profiles/{profile}/ingests"), json!({ "name": "folder" }))
        .await
        .ok();
    client.put("/users/anna", json!({ "full_name": "Anna" })).await.ok();
    let published = json!({
        "name": "Files", "selection": { "kind": "EVERYTHING" }, "target": { "kind": "PRIMO" },
    });
    let publishing = text(&client.post("/conf/publishing-profiles", published.clone()).await.ok(), "id");
    let list = json!({ "name": "list", "members": { "member": [{ "id": title.mms }] } });
    let set = text(&client.post("/conf/sets", list).await.ok(), "id");
    let policy = json!({ "name": "Open", "default_rule": { "effect": "ALLOW" } });
    let policy = text(&client.post("/conf/access-rights-policies", policy).await.ok(), "id");
    let export = json!({ "name": "Set", "set": { "value": set }, "format": { "value": "JSONL" } });
    let export = text(&client.post("/conf/exports", export).await.ok(), "id");
    let job = text(&client.post(&format!("/conf/exports/{export}?op=run"), Value::Null).await.ok(), "id");
    let spare = json!({ "record_format": { "value": "dc" }, "anies": [crate::walk::DC] });
    let deleted = text(&client.post("/bibs", spare).await.ok(), "mms_id");
    assert_eq!(client.delete(&format!("/bibs/{deleted}")).await.status, 204);
    let settings = self::profile(&title.collection);
    let right = json!({
        "details": settings["details"], "matching": settings["matching"], "defaults": settings["defaults"],
        "profile": profile, "ingest": "folder", "op": "lock", "as": "csv", "number": "1", "multipart_id": "m",
        "mms_id": title.mms, "rep_id": title.rep, "representation_id": title.rep, "pid": file, "collection": title.collection,
        "upload": open, "user_id": "anna", "primary_id": "anna", "library": "MAIN", "institution": "VITRINE",
        "record_format": { "value": "dc" }, "anies": [DC], "usage_type": { "value": "AUXILIARY" }, "is_remote": false,
        "name": "A name", "full_name": "Anna", "file_name": "c.png", "size": 3, "permission": { "value": "READ_ONLY" },
        "limit": "5", "expand": "url", "format": "json", "label": "A label", "part_number": 1,
    });
    let more = json!({
        "set": set, "deleted": deleted, "policy": policy, "export": export, "job": job, "repository": "MUSEUM",
        "publishing": publishing, "selection": published["selection"], "target": published["target"],
        "enrichment": { "marc_tag": "856" }, "restricted": "FLAG", "schedule": { "every": "DAY", "at": "02:30" },
        "metadata_prefix": "marc21", "repository_name": "Maps", "admin_email": "maps@library.example", "page_size": 50,
        "allowed_addresses": ["192.0.2.0/24"],
    });
    let (Value::Object(mut right), Value::Object(more)) = (right, more) else { unreachable!() };
    right.extend(more);
    fuzz(&client, right).await;
}
