//! Usage: counted once at the service, robots apart, by day, title, representation, file, group and library; nothing of a
//! viewer is kept (U1, LIB-2; complaint 19).

use serde_json::{Value, json};
use vitrine_app::Call;
use vitrine_app::delivery::{Asked, Reader, Visit};
use vitrine_domain::outbox::seconds;
use vitrine_domain::rights::Viewer;
use vitrine_domain::usage::Measure;
use vitrine_testing::{Client, Stack, operator};

use crate::delivery::{by_default, shelf_of};
use crate::rights::{policy, rule};
use crate::walk::red_png;

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const ROBOT: &str = "Mozilla/5.0 (compatible; Examplebot/1.0)";

async fn ask(who: &Client, method: &str, path: &str, agent: &str) -> u16 {
    let path = format!("/view/delivery/VITRINE/{path}");
    who.send(method, &path, &[("user-agent", agent), ("accept", "application/json")], String::new())
        .await
        .status
        .as_u16()
}

async fn report(staff: &Client, query: &str) -> Value {
    staff.get(&format!("/analytics/usage?{query}")).await.ok()
}

fn counts(row: &Value) -> [u64; 5] {
    ["representation_view", "denied", "file_view", "download", "share"]
        .map(|name| row[name].as_u64().unwrap())
}

#[tokio::test]
async fn u1_what_viewers_do_is_counted_once_and_told_apart() {
    let stack = Stack::new().with_sign_in();
    let app = stack.app();
    let shelf = shelf_of(stack, "page 1.png", &red_png()).await;
    shelf.govern(by_default(json!({ "effect": "ALLOW", "permission": "VIEW_AND_DOWNLOAD" }))).await;
    let staff = &shelf.staff;
    staff.put("/users/fay", json!({ "full_name": "Fay", "user_group": ["FACULTY", "ALUMNI"] })).await.ok();
    let fay = staff.signed_in("fay").at_address("203.0.113.1");
    let neighbour = shelf.anyone.at_address("203.0.113.2");
    let (file, rep) = (shelf.file.clone(), shelf.title.rep.clone());

    // The same by the same viewer within half a minute is once; HEAD is no look.
    for _ in 0..3 {
        assert_eq!(ask(&shelf.anyone, "GET", &rep, BROWSER).await, 200);
        assert_eq!(ask(&shelf.anyone, "GET", &format!("{file}/content"), BROWSER).await, 302);
    }
    assert_eq!(ask(&neighbour, "HEAD", &rep, BROWSER).await, 200);
    assert_eq!(ask(&neighbour, "GET", &rep, BROWSER).await, 200);
    assert_eq!(ask(&fay, "GET", &format!("{file}/download"), BROWSER).await, 302);
    assert_eq!(ask(&fay, "POST", &format!("{rep}/share"), BROWSER).await, 204);
    for _ in 0..2 {
        assert_eq!(ask(&shelf.anyone, "GET", &rep, ROBOT).await, 200);
    }
    assert_eq!(ask(&neighbour, "GET", &rep, "curl/8.10").await, 200);
    // And what is refused.
    let none = policy(
        staff,
        crate::rights::body("none", json!([rule("USER_GROUP", "EQUALS", &["X"], "ALLOW")]), "DENY"),
    )
    .await;
    crate::rights::govern(staff, &shelf.title, Some(&none)).await.ok();
    assert_eq!(ask(&neighbour, "GET", &rep, BROWSER).await, 403);
    assert_eq!(ask(&neighbour, "GET", &format!("{file}/content"), BROWSER).await, 403);

    assert_eq!(report(staff, "by=day").await["row"], json!([]), "nothing is reported yet");
    assert!(app.report_usage(&operator(), &|| true).await.unwrap() > 0);
    let people = report(staff, "by=day").await;
    assert_eq!(counts(&people["row"][0]), [2, 2, 1, 1, 1], "{people}");
    assert_eq!(counts(&report(staff, "by=day&counted=robots").await["row"][0]), [2, 0, 0, 0, 0]);
    assert_eq!(counts(&report(staff, "by=day&counted=all").await["row"][0]), [4, 2, 1, 1, 1]);
    let of = |by: &'static str| async move {
        report(staff, &format!("by={by}")).await["row"].as_array().unwrap().clone()
    };
    let title = of("title").await;
    assert_eq!(
        (title.len(), &title[0]["id"], counts(&title[0])),
        (1, &json!(shelf.title.mms), [2, 2, 1, 1, 1])
    );
    let by_rep = of("representation").await;
    assert_eq!((&by_rep[0]["id"], &by_rep[0]["mms_id"]), (&json!(rep), &json!(shelf.title.mms)));
    let by_file = of("file").await;
    assert_eq!(
        (&by_file[0]["id"], &by_file[0]["representation_id"], counts(&by_file[0])),
        (&json!(file), &json!(rep), [0, 1, 1, 1, 0])
    );
    let groups: Vec<(String, [u64; 5])> =
        of("group").await.iter().map(|row| (row["id"].as_str().unwrap().to_owned(), counts(row))).collect();
    let group = |name: &str, counts: [u64; 5]| (name.to_owned(), counts);
    assert_eq!(
        groups,
        [
            group("(anonymous)", [2, 2, 1, 0, 0]),
            group("ALUMNI", [0, 0, 0, 1, 1]),
            group("FACULTY", [0, 0, 0, 1, 1])
        ]
    );
    assert_eq!(of("library").await[0]["id"], "MAIN");

    // Made again it says the same; pages and CSV say it too.
    let later = Call { now: operator().now + seconds(2 * 3600), ..operator() };
    app.report_usage(&later, &|| true).await.unwrap();
    assert_eq!(report(staff, "by=day").await, people);
    let first = report(staff, "by=group&limit=2").await;
    let next = first["next"].as_str().unwrap();
    let rest = report(staff, &format!("by=group&limit=2&next={next}")).await;
    assert_eq!((first["row"].as_array().unwrap().len(), rest["row"].as_array().unwrap().len()), (2, 1));
    let csv = staff.get("/analytics/usage?by=group&as=csv&limit=2").await;
    assert!(
        csv.text.starts_with("date,id,mms_id,representation_id,representation_view,denied,"),
        "{}",
        csv.text
    );
    assert!(csv.headers["link"].to_str().unwrap().contains("rel=\"next\"") && csv.text.lines().count() == 3);
    for (query, field) in [
        ("from=2026-02-30", "from"),
        ("from=2020-01-01&to=2026-01-01", "from"),
        ("to=soon", "to"),
        ("by=reader", "by"),
        ("as=pdf", "as"),
        ("next=YQ", "next"),
    ] {
        let refused = staff.get(&format!("/analytics/usage?{query}")).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["fields"][0]["field"]),
            (400, &json!(field)),
            "{query}"
        );
    }
    assert_eq!(shelf.staff.with_key(None).get("/analytics/usage").await.status, 401);
}

#[tokio::test]
async fn u1_clicks_within_half_a_minute_of_each_other_are_one_and_no_viewer_is_kept() {
    let stack = Stack::new();
    let (app, table, endpoint) =
        (stack.app(), stack.config.tables.usage.clone(), stack.endpoint().to_owned());
    let shelf = shelf_of(stack, "page 1.png", &red_png()).await;
    shelf.govern(by_default(json!({ "effect": "ALLOW" }))).await;
    let viewer = Viewer::of(None, Some("203.0.113.77".parse().unwrap()));
    let reader = Some(Reader { agent: Some(BROWSER.to_owned()) });
    let visit = Visit { viewer, session: None, reader };
    let began = operator();
    let asked: Asked = shelf.file.parse().unwrap();
    let opened = app.open(&began, &visit, &asked).await.unwrap();
    // Each less than half a minute after the last one, then one after that.
    for (after, _) in [(0, 1), (20, 1), (40, 1), (60, 1), (95, 2)] {
        let call = Call { now: began.now + seconds(after), ..began.clone() };
        app.count_measure(&call, &visit, &opened, Measure::FileView).await;
    }
    let day = app.day_of(began.now);
    app.report_day(&day).await.unwrap();
    let row = report(&shelf.staff, &format!("by=file&from={day}&to={day}")).await["row"][0].clone();
    assert_eq!(counts(&row)[2], 2, "{row}");

    // Everything in the table, as whoever steals it would read it.
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut all = agent
        .post(&endpoint)
        .header("x-amz-target", "DynamoDB_20120810.Scan")
        .header("content-type", "application/x-amz-json-1.0")
        .header("authorization", "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
        .send(json!({ "TableName": table }).to_string())
        .unwrap();
    let all: Value = serde_json::from_str(&all.body_mut().read_to_string().unwrap()).unwrap();
    assert!(all["Count"].as_u64().unwrap() > 3);
    for trace in ["203.0.113.77", "Firefox", "Mozilla"] {
        assert!(!all.to_string().contains(trace), "{trace}");
    }
    for item in all["Items"].as_array().unwrap() {
        let key = item["pk"]["S"].as_str().unwrap();
        assert_eq!(key.starts_with("SEEN#") || key.starts_with("SALT#"), item.get("ttl").is_some(), "{item}");
    }
}

#[tokio::test]
async fn u1_each_day_that_is_over_is_reported_once_and_nothing_is_lost_at_midnight() {
    let stack = Stack::new();
    let app = stack.app();
    let shelf = shelf_of(stack, "page 1.png", &red_png()).await;
    shelf.govern(by_default(json!({ "effect": "ALLOW" }))).await;
    let at = |text: &str| Call { now: text.parse().unwrap(), ..operator() };
    let visit = Visit {
        viewer: Viewer::of(None, None),
        session: None,
        reader: Some(Reader { agent: Some(BROWSER.to_owned()) }),
    };
    let asked: Asked = shelf.title.rep.parse().unwrap();
    let opened = app.open(&at("2027-03-01T12:00:00Z"), &visit, &asked).await.unwrap();
    assert_eq!(
        app.report_usage(&at("2027-03-01T00:00:00Z"), &|| true).await.unwrap(),
        3,
        "the last day that is over, the one that is nearly, and this one"
    );
    for when in ["2027-03-01T23:59:59Z", "2027-03-02T00:00:40Z", "2027-03-03T10:00:00Z"] {
        app.count_measure(&at(when), &visit, &opened, Measure::RepresentationView).await;
    }
    // Ten minutes after midnight the day before is not over yet; later it is, and days without a run are caught up.
    app.report_usage(&at("2027-03-02T00:05:00Z"), &|| true).await.unwrap();
    app.report_usage(&at("2027-03-05T00:20:00Z"), &|| true).await.unwrap();
    assert_eq!(app.report_usage(&at("2027-03-05T00:40:00Z"), &|| true).await.unwrap(), 0, "once an hour");
    let found = report(&shelf.staff, "by=day&from=2027-02-20&to=2027-03-31").await;
    let days: Vec<_> =
        found["row"].as_array().unwrap().iter().map(|row| (row["date"].clone(), counts(row)[0])).collect();
    assert_eq!(days, [(json!("2027-03-01"), 1), (json!("2027-03-02"), 1), (json!("2027-03-03"), 1)]);
}
