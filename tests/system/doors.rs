//! One door: whatever address a viewer tries, the answer is what the decision says (issue 4; B43, B35, B52).
//!
//! Policies x viewers x doors; the decision is asked through the simulator's own function, the doors through HTTP. A
//! door of delivery that is not in [`DOORS`] fails the test, so that none is opened without being tried here.

use serde_json::{Value, json};
use vitrine_app::{App, Call};
use vitrine_domain::actor::{Actor, Grant, KeyPermission};
use vitrine_domain::coded::Coded;
use vitrine_domain::rights::{Decision, Identity, Known, Outcome, Permission, Viewer};
use vitrine_domain::roles::Role;
use vitrine_engine::workspace_root;
use vitrine_store::queues::Queue;
use vitrine_testing::{Answer, Client, Stack, operator};

use crate::delivery::{Browser, Shelf, by_default, header, shelf_of};
use crate::rights::{govern, policy, rule};
use crate::walk::{derive, next, pdf, red_png, settle, text, upload};

/// What a door gives to who is let in, and so what it must not give to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gives {
    /// The JSON of the thing.
    Json,
    /// A link to look.
    Content,
    /// A link to take along.
    Download,
    /// The text of a file, read from it: of a document as it is; of a picture there is none.
    Text,
    /// A picture; a policy may show it to whom it denies the rest.
    Thumbnail,
    /// A link to look at the file at a place of a representation.
    Place,
    /// Something of its own; to who is not let in no id of a file, no name of one, no link.
    NothingOfFiles,
    /// The same, of a representation and a title only.
    Manifest,
    /// The same, of a place in a representation.
    OfPlace,
    /// A note that it was shared.
    Shared,
    /// What is everyone's, of no title.
    Everyones,
}

/// Every address of delivery, as the router has it.
const DOORS: &[(&str, Gives)] = &[
    ("/view/delivery/{institution}/{id}", Gives::Json),
    ("/view/delivery/{institution}/{id}/content", Gives::Content),
    ("/view/delivery/{institution}/{id}/download", Gives::Download),
    ("/view/delivery/{institution}/{id}/share", Gives::Shared),
    ("/view/delivery/text/{institution}/{id}", Gives::Text),
    ("/view/delivery/thumbnail/{institution}/{id}", Gives::Thumbnail),
    ("/view/delivery/{institution}/{id}/seat", Gives::NothingOfFiles),
    ("/view/delivery/{institution}/{id}/loan", Gives::NothingOfFiles),
    ("/view/delivery/{institution}/loans", Gives::NothingOfFiles),
    ("/view/delivery/{institution}/{id}/declaration", Gives::NothingOfFiles),
    ("/view/iiif/presentation/{institution}/{id}/manifest", Gives::Manifest),
    ("/view/iiif/3/{institution}/{id}/manifest", Gives::Manifest),
    ("/view/iiif/3/{institution}/{id}/file/{place}", Gives::Place),
    ("/view/metadata/{institution}/{id}/{format}", Gives::NothingOfFiles),
    ("/view/iiif/auth/{institution}/probe/{id}", Gives::NothingOfFiles),
    ("/view/iiif/auth/{institution}/probe/{id}/{place}", Gives::OfPlace),
    ("/view/iiif/auth/{institution}/token/{id}", Gives::NothingOfFiles),
    ("/view/session", Gives::Everyones),
    ("/view/sign-in", Gives::Everyones),
    ("/view/sign-in/callback", Gives::Everyones),
    ("/view/sign-out", Gives::Everyones),
    ("/view/assets/{*name}", Gives::Everyones),
];

/// The addresses in the source of the router, with the methods that they take.
fn routes() -> Vec<(String, bool)> {
    let source = std::fs::read_to_string(workspace_root().join("shared/http/src/delivery/mod.rs")).unwrap();
    let routes = source.split(".route(").skip(1).map(|route| {
        let path = route.split('"').nth(1).unwrap().to_owned();
        let handler = route.split_once(',').unwrap().1;
        (path, handler.split(".route(").next().unwrap().contains("get("))
    });
    routes.collect()
}

/// Someone who looks, as HTTP and as the decision see it.
struct Who {
    name: &'static str,
    client: Client,
    viewer: Viewer,
}

async fn viewers(shelf: &Shelf) -> Vec<Who> {
    let (staff, anyone) = (&shelf.staff, shelf.staff.with_key(None));
    let (outside, campus) = ("203.0.113.1", "192.0.2.7");
    let mut all = Vec::new();
    for (name, address) in [
        ("anyone, from nowhere", None),
        ("anyone, outside", Some(outside)),
        ("anyone, on campus", Some(campus)),
        ("anyone, mapped", Some("::ffff:192.0.2.7")),
    ] {
        let client = address.map_or(anyone.clone(), |address| anyone.at_address(address));
        let seen = address.map(|address| if address.starts_with("::ffff") { campus } else { address });
        all.push(Who { name, client, viewer: Viewer::of(None, seen.map(|it| it.parse().unwrap())) });
    }
    for (name, user, groups, campuses, courses, address) in [
        ("fay of the faculty", "fay", &["FACULTY"][..], &[][..], &["HIST-101"][..], outside),
        ("ben, a student of the north", "ben", &["STUDENT"], &["NORTH"], &[], outside),
        ("ben on campus", "ben", &["STUDENT"], &["NORTH"], &[], campus),
        ("mallory of the faculty", "mallory", &["FACULTY"], &[], &[], campus),
        ("a user without anything", "zoe", &[], &[], &[], outside),
    ] {
        let body = json!({ "full_name": user, "user_group": groups, "campus": campuses, "course": courses });
        staff.put(&format!("/users/{user}"), body).await.ok();
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let actor = Actor {
            groups: list(groups),
            campuses: list(campuses),
            courses: list(courses),
            ..Actor::new(user.parse().unwrap(), vec![])
        };
        let viewer = Viewer::of(Some(&actor), Some(address.parse().unwrap()));
        all.push(Who { name, client: staff.signed_in(user).at_address(address), viewer });
    }
    for (name, role) in
        [("a patron's key", Role::Patron), ("a depositor's key, which is staff", Role::DepositOperator)]
    {
        let grants = [Grant { role, library: None }];
        let key = staff.key_with(&grants, KeyPermission::ReadWrite).await;
        let actor = Actor::new("key:1".parse().unwrap(), grants.to_vec());
        let client = staff.with_key(Some(&key)).at_address(outside);
        all.push(Who { name, client, viewer: Viewer::of(Some(&actor), Some(outside.parse().unwrap())) });
    }
    all
}

fn ruled(rules: Value, default: &str) -> Value {
    json!({ "name": "p", "denied_note": "Ask at the desk.", "rules": rules, "default_rule": { "effect": default } })
}

/// A rule with an output of its own.
fn giving(input: &str, operator: &str, values: &[&str], output: Value) -> Value {
    json!({ "inputs": [{ "input": input, "operator": operator, "values": values }], "output": output })
}

fn marking(text: &str, permission: &str, size: &str) -> Value {
    json!({ "effect": "ALLOW", "permission": permission, "size": size, "watermark": text })
}

/// A policy that lets everybody in, to what carries a mark.
fn giving_all(text: &str, permission: &str, size: &str) -> Value {
    let mut body = ruled(json!([]), "DENY");
    body["default_rule"] = marking(text, permission, size);
    body
}

pub(crate) fn policies() -> Vec<(&'static str, Value)> {
    let campus = || rule("IP_RANGE", "IN_LIST", &["192.0.2.0/24"], "ALLOW");
    let view = json!({ "effect": "ALLOW", "permission": "VIEW" });
    let seats = json!({ "effect": "ALLOW", "concurrent_users": 1, "session_minutes": 30 });
    let lent = |permission: &str, copies: u32| json!({ "effect": "ALLOW", "permission": permission, "loan_copies": copies, "loan_days": 14 });
    let with = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    let declared = |body: Value| with(body, "copyright_declaration", json!("I will not copy it."));
    vec![
        ("all", ruled(json!([]), "ALLOW")),
        ("nobody", ruled(json!([]), "DENY")),
        ("nobody, but the picture", with(ruled(json!([]), "DENY"), "restricted_thumbnail", json!("KEEP"))),
        ("to look at", with(ruled(json!([]), "DENY"), "default_rule", view.clone())),
        ("campus", ruled(json!([campus()]), "DENY")),
        ("not the campus", ruled(json!([rule("IP_RANGE", "IN_LIST", &["192.0.2.0/24"], "DENY")]), "ALLOW")),
        (
            "outside the campus",
            ruled(json!([rule("IP_RANGE", "NOT_IN_LIST", &["192.0.2.0/24"], "ALLOW")]), "DENY"),
        ),
        (
            "campus to look at, faculty all",
            ruled(
                json!([
                    rule("USER_GROUP", "EQUALS", &["FACULTY"], "ALLOW"),
                    giving("IP_RANGE", "IN_LIST", &["192.0.2.0/24"], view)
                ]),
                "DENY",
            ),
        ),
        ("faculty", ruled(json!([rule("USER_GROUP", "IN_LIST", &["FACULTY", "STAFF"], "ALLOW")]), "DENY")),
        (
            "faculty but mallory",
            ruled(
                json!([
                    rule("USER_ID", "EQUALS", &["mallory"], "DENY"),
                    rule("USER_GROUP", "EQUALS", &["FACULTY"], "ALLOW")
                ]),
                "DENY",
            ),
        ),
        ("not students", ruled(json!([rule("USER_GROUP", "EQUALS", &["STUDENT"], "DENY")]), "ALLOW")),
        ("who signed in", ruled(json!([rule("REGISTERED", "EQUALS", &["true"], "ALLOW")]), "DENY")),
        ("who did not", ruled(json!([rule("REGISTERED", "EQUALS", &["false"], "ALLOW")]), "DENY")),
        ("north", ruled(json!([rule("CAMPUS", "EQUALS", &["NORTH"], "ALLOW")]), "DENY")),
        ("a course", ruled(json!([rule("COURSE", "CONTAINS", &["HIST-"], "ALLOW")]), "DENY")),
        ("before its embargo ends", ruled(json!([rule("DATE", "FROM", &["2100-01-01"], "ALLOW")]), "DENY")),
        ("after its embargo ended", ruled(json!([rule("DATE", "FROM", &["2020-01-01"], "ALLOW")]), "DENY")),
        ("until a day long past", ruled(json!([rule("DATE", "BEFORE", &["2020-01-01"], "ALLOW")]), "DENY")),
        ("not this library", ruled(json!([rule("LIBRARY", "EQUALS", &["MAIN"], "DENY")]), "ALLOW")),
        ("after a declaration", declared(ruled(json!([]), "ALLOW"))),
        (
            "faculty after a declaration",
            declared(ruled(json!([rule("USER_GROUP", "EQUALS", &["FACULTY"], "ALLOW")]), "DENY")),
        ),
        ("with a mark", giving_all("Reading copy, {date}", "VIEW_AND_DOWNLOAD", "FULL")),
        ("to look at with a mark, small", giving_all("{user}, {date}", "VIEW", "SMALL")),
        (
            "faculty as it is, the campus with a mark",
            ruled(
                json!([
                    rule("USER_GROUP", "EQUALS", &["FACULTY"], "ALLOW"),
                    giving("IP_RANGE", "IN_LIST", &["192.0.2.0/24"], marking("{user}", "VIEW", "FULL"))
                ]),
                "DENY",
            ),
        ),
        ("after a declaration, with a mark", declared(giving_all("{user}", "VIEW", "FULL"))),
        (SEATS, with(ruled(json!([]), "DENY"), "default_rule", seats)),
        (
            LENT,
            with(
                ruled(
                    json!([giving("USER_GROUP", "EQUALS", &["FACULTY"], lent("VIEW_AND_DOWNLOAD", 1))]),
                    "DENY",
                ),
                "default_rule",
                lent("VIEW", 2),
            ),
        ),
        (
            "lent after a declaration",
            declared(with(ruled(json!([]), "DENY"), "default_rule", lent("VIEW", 2))),
        ),
    ]
}

/// What stands before the files, as JSON names it; `None` where nothing does.
fn refusal(decision: &Decision, has_borrowed: bool) -> Option<(u16, &'static str)> {
    match &decision.outcome {
        Outcome::Allow(permit) if permit.loan.is_some() && !has_borrowed => Some((403, "LOAN")),
        Outcome::Allow(permit) if permit.concurrent_users.is_some() => Some((403, "SEAT")),
        Outcome::Allow(_) => None,
        Outcome::Declare { .. } => Some((403, "DECLARATION")),
        Outcome::Deny { reason, .. } => Some((403, reason.code())),
        Outcome::Hide => Some((404, "")),
    }
}

/// Compares an answer with the decision; what is wrong with it.
fn wrong(
    gives: Gives,
    asked: &str,
    (decision, has_borrowed): (&Decision, bool),
    answer: &Answer,
    files: &[String],
) -> Option<String> {
    let id_is_file = files.iter().any(|file| file == asked);
    let status = answer.status.as_u16();
    let refused = refusal(decision, has_borrowed);
    let view_only =
        matches!(&decision.outcome, Outcome::Allow(permit) if permit.permission == Permission::View);
    let leaks = || {
        let words = ["X-Amz-Signature", "page 1", "page%201", "page 2", "page%202"].map(str::to_owned);
        let told = format!("{}{}", answer.text, header(answer, "location"));
        // A file that is asked for is named by who asks.
        let ids = files.iter().filter(|file| *file != asked).cloned();
        words.into_iter().chain(ids).find(|secret| told.contains(secret.as_str()))
    };
    // B43: whatever the door and whatever it answers, no body has the id of a file of what is denied.
    if refused.is_some()
        && let Some(file) = files.iter().find(|file| *file != asked && answer.text.contains(file.as_str()))
    {
        return Some(format!("names the file {file}: {}", answer.text));
    }
    let expected: u16 = match (gives, refused) {
        (Gives::Thumbnail, _) if decision.shows_thumbnail => 302,
        (Gives::Thumbnail, _) => 404,
        (Gives::Everyones, _) => return None,
        (Gives::Content | Gives::Download | Gives::Text, _) if !id_is_file => 404,
        (Gives::NothingOfFiles | Gives::Manifest | Gives::OfPlace, Some(_)) => {
            return leaks().map(|it| format!("tells `{it}`"));
        }
        (Gives::NothingOfFiles | Gives::Manifest | Gives::OfPlace, None) if status < 500 => return None,
        (_, Some((status, _))) => status,
        (Gives::Json | Gives::NothingOfFiles | Gives::Manifest | Gives::OfPlace, None) => 200,
        (Gives::Shared, None) => 204,
        (Gives::Content | Gives::Place, None) => 302,
        (Gives::Download, None) => {
            if view_only {
                403
            } else {
                302
            }
        }
        (Gives::Text, None) => {
            let whole =
                decision.permit().is_some_and(|it| it.watermark.is_none() && it.size.max_pixels().is_none());
            if whole && files.get(1).is_some_and(|document| document == asked) { 302 } else { 404 }
        }
    };
    if status != expected {
        return Some(format!("{status} where {expected} is due: {}", answer.text));
    }
    if status == 403 && !answer.text.is_empty() {
        let due = refused.map_or("VIEW_ONLY", |(_, reason)| reason);
        if answer.json()["reason"] != due {
            return Some(format!("not `{due}`: {}", answer.text));
        }
    }
    if status >= 400 && answer.headers.contains_key("location") {
        return Some("a link to who is refused".to_owned());
    }
    // A14: what is to be marked leaves with its mark, by whatever door; a small thumbnail alone goes without.
    let link = header(answer, "location");
    let marked = link.contains("/marked/");
    let unmarked = match gives {
        Gives::Thumbnail => !link.is_empty() && !link.split('?').next().unwrap_or_default().ends_with("-200"),
        _ => !link.is_empty() && !marked,
    };
    if decision.marks() && unmarked {
        return Some(format!("leads to what is not marked: {link}"));
    }
    if decision.marks() && (answer.text.contains("size=1024") || answer.text.contains("-1024")) {
        return Some("tells of a larger picture without a mark".to_owned());
    }
    if !decision.marks() && marked {
        return Some(format!("leads to what is marked: {link}"));
    }
    let caching = header(answer, "cache-control");
    if caching.contains("public")
        && (refused.is_some() || decision.shared_seconds(vitrine_domain::Timestamp::now()) == 0)
        && gives != Gives::Thumbnail
    {
        return Some(format!("`{caching}` on what is not everyone's"));
    }
    None
}

#[test]
fn b43_every_door_of_delivery_is_tried() {
    let routes = routes();
    assert!(routes.len() >= 6, "{routes:?}");
    for (path, _) in routes {
        assert!(DOORS.iter().any(|(known, _)| *known == path), "tests/system/doors.rs does not try {path}");
    }
}

async fn decided(app: &App, who: &Who, shelf: &Shelf) -> Decision {
    let call: Call = operator();
    let (mms, rep) = (shelf.title.mms.parse().unwrap(), shelf.title.rep.parse().unwrap());
    let bib = app.read_bib(&call, &mms).await.unwrap().bib;
    let rep = app.read_representation(&call, &mms, &rep).await.unwrap();
    app.decide(&call, &who.viewer, &bib, &rep).await.unwrap()
}

/// The policy under which seats are taken.
const SEATS: &str = "one at a time";
/// The policy that lends, and who borrows under it.
const LENT: &str = "lent, to the faculty to keep";
const BORROWERS: [&str; 2] = ["fay", "ben"];

/// The policies are tried in so many tests, which run side by side.
const PARTS: usize = 3;

#[tokio::test]
async fn b43_every_door_answers_as_the_decision_does_first_third_of_the_policies() {
    every_door_answers_as_the_decision_does(0).await;
}

#[tokio::test]
async fn b43_every_door_answers_as_the_decision_does_second_third_of_the_policies() {
    every_door_answers_as_the_decision_does(1).await;
}

#[tokio::test]
async fn b43_every_door_answers_as_the_decision_does_last_third_of_the_policies() {
    every_door_answers_as_the_decision_does(2).await;
}

async fn every_door_answers_as_the_decision_does(part: usize) {
    let stack = Stack::new().with_sign_in();
    let app = stack.app();
    let shelf = shelf_of(stack, "page 1.png", &red_png()).await;
    upload(&shelf.staff, &shelf.title.rep, "page 2.pdf", &pdf(1)).await;
    settle(&app).await;
    let listed = shelf.staff.get(&shelf.title.files()).await.ok();
    let files: Vec<String> =
        listed["representation_file"].as_array().unwrap().iter().map(|file| text(file, "pid")).collect();
    assert_eq!((files.len(), &files[0]), (2, &shelf.file));
    let seen = files.as_slice();
    let viewers = viewers(&shelf).await;
    let routes = routes();
    let (mut cells, mut mismatches) = (0, Vec::new());
    let (mut granted, mut marked, mut borrowed, mut lent, mut taken) = (0, 0, 0, 0, 0);
    let mut cases: Vec<(&str, Option<Value>)> =
        policies().into_iter().map(|(name, body)| (name, Some(body))).collect();
    cases.push(("no policy", None));
    let cases: Vec<_> =
        cases.into_iter().enumerate().filter(|(at, _)| at % PARTS == part).map(|(_, case)| case).collect();
    let lends_seats = cases.iter().any(|(name, _)| *name == SEATS);
    let mut before: Option<String> = None;
    for (policy_name, body) in cases {
        lent += u32::from(policy_name == LENT);
        match body {
            Some(mut body) => {
                body["name"] = json!(policy_name);
                let id = policy(&shelf.staff, body).await;
                govern(&shelf.staff, &shelf.title, Some(&id)).await.ok();
                if let Some(before) = before.replace(id) {
                    shelf.staff.delete(&format!("/conf/access-rights-policies/{before}")).await;
                }
            }
            None => {
                govern(&shelf.staff, &shelf.title, None).await.ok();
            }
        }
        let tag = shelf.staff.get(&format!("/view/delivery/VITRINE/{}", shelf.title.rep)).await;
        let tag = header(&tag, "etag").to_owned();
        for who in &viewers {
            let decision = decided(&app, who, &shelf).await;
            if decision.marks() {
                for file in &files {
                    let path = format!("/view/delivery/VITRINE/{file}/content");
                    let answer = who.client.get(&path).await;
                    if answer.status == 503 {
                        let made = derive(&app, &[next(&app, Queue::Marks).await]).await;
                        assert!(made.is_empty(), "{policy_name}");
                        marked += 1;
                    }
                }
            }
            // Two borrow; the others find the copies lent, and no loan of theirs.
            let lends = matches!(&decision.outcome, Outcome::Allow(permit) if permit.loan.is_some());
            let has_borrowed = lends
                && matches!(&who.viewer.identity, Some(Identity::Known(Known { id: Some(user), .. }))
                    if BORROWERS.contains(&user.as_str()));
            if has_borrowed {
                let loan = format!("/view/delivery/VITRINE/{}/loan", shelf.title.rep);
                who.client.send("POST", &loan, &[], String::new()).await.ok();
                borrowed += 1;
            }
            granted += u32::from(refusal(&decision, has_borrowed).is_none());
            let mut check = |door: &str, found: Option<String>| {
                cells += 1;
                if let Some(found) = found {
                    mismatches.push(format!("{policy_name} | {} | {door}: {found}", who.name));
                }
            };
            for (path, is_get) in &routes {
                let gives = DOORS.iter().find(|(known, _)| known == path).unwrap().1;
                if matches!(gives, Gives::Everyones) {
                    continue;
                }
                let ids: &[&str] = match gives {
                    Gives::Content | Gives::Download | Gives::Text => &[&files[0], &files[1]],
                    Gives::Place | Gives::OfPlace => &[&shelf.title.rep],
                    _ => &[&shelf.file, &shelf.title.rep, &shelf.title.mms],
                };
                for id in ids {
                    let path = path
                        .replace("{institution}", "VITRINE")
                        .replace("{id}", id)
                        .replace("{place}", "2")
                        .replace("{format}", "dc");
                    if !is_get {
                        // What changes nothing of the title may be tried; declarations have tests of their own.
                        if gives == Gives::Shared {
                            let answer = who.client.send("POST", &path, &[], String::new()).await;
                            check(&path, wrong(gives, id, (&decision, has_borrowed), &answer, seen));
                        }
                        continue;
                    }
                    let json = [("accept", "application/json")];
                    let answer = who.client.send("GET", &path, &json, String::new()).await;
                    check(&path, wrong(gives, id, (&decision, has_borrowed), &answer, seen));
                    if *id != ids[0] {
                        continue;
                    }
                    // The same thing asked otherwise.
                    for (method, headers) in [("HEAD", &[][..]), ("GET", &[("range", "bytes=0-1")])] {
                        let other = who
                            .client
                            .send(method, &path, &[&json[..], headers].concat(), String::new())
                            .await;
                        let same = other.status == answer.status
                            && (method == "HEAD"
                                || gives == Gives::Content
                                || gives == Gives::Place
                                || gives == Gives::Download
                                || gives == Gives::Thumbnail
                                || other.text.len() == answer.text.len());
                        check(
                            &format!("{method} {path}"),
                            (!same).then(|| format!("{} and not {}", other.status, answer.status)),
                        );
                    }
                }
            }
            // The page of each of them.
            for id in [&shelf.file, &shelf.title.rep, &shelf.title.mms] {
                let path = format!("/view/delivery/VITRINE/{id}");
                let html = [("accept", "text/html"), ("user-agent", "Mozilla/5.0")];
                let answer = who.client.send("GET", &path, &html, String::new()).await;
                let due = refusal(&decision, has_borrowed).map_or(200, |(status, _)| status);
                let status = answer.status.as_u16();
                check(
                    &format!("page {path}"),
                    (status != due).then(|| format!("{status} where {due} is due")),
                );
                let found = wrong(Gives::NothingOfFiles, id, (&decision, has_borrowed), &answer, seen);
                check(&format!("what the page {path} tells"), found);
            }
            // Asking for a seat is refused as every door is, and where it is not it may be given back.
            let seats =
                matches!(&decision.outcome, Outcome::Allow(permit) if permit.concurrent_users.is_some());
            for id in [&shelf.file, &shelf.title.rep, &shelf.title.mms] {
                let path = format!("/view/delivery/VITRINE/{id}/seat");
                let browser = Browser::new(&who.client);
                let answer = browser.ask("POST", &path).await;
                let told = answer.text.clone();
                let due = match (seats, refusal(&decision, has_borrowed)) {
                    (true, _) => 200,
                    (false, Some((status, _))) => status,
                    (false, None) => 200,
                };
                let status = answer.status.as_u16();
                check(
                    &format!("POST {path}"),
                    (status != due).then(|| format!("{status} and not {due}: {told}")),
                );
                let leak =
                    [&files[0], &files[1]].into_iter().find(|file| *file != id && told.contains(*file));
                check(&format!("POST {path}"), leak.map(|file| format!("names {file}")));
                if seats {
                    taken += 1;
                    browser.ask("DELETE", &path).await;
                }
            }
            // 304: who holds the tag of someone who was let in learns nothing by it.
            let path = format!("/view/delivery/VITRINE/{}", shelf.title.rep);
            for given in [tag.as_str(), "*"] {
                let answer = who
                    .client
                    .send(
                        "GET",
                        &path,
                        &[("if-none-match", given), ("accept", "application/json")],
                        String::new(),
                    )
                    .await;
                let may = [200, 304].contains(&answer.status.as_u16());
                let due = refusal(&decision, has_borrowed).is_none();
                check(
                    &format!("304 {path}"),
                    (may != due).then(|| format!("{} {}", answer.status, answer.text)),
                );
            }
            // The staff's doors: not for patrons, whatever the policy says; it is not asked.
            if !["all", "nobody", "nobody, but the picture"].contains(&policy_name) {
                continue;
            }
            let staff = who.viewer.staff;
            for path in [
                format!("/bibs/{}", shelf.title.mms),
                format!("/bibs?mms_id={}", shelf.title.mms),
                format!("/bibs/collections/{}/bibs", shelf.title.collection),
                format!("{}/{}?expand=url", shelf.title.files(), shelf.file),
            ] {
                let answer = who.client.get(&path).await;
                let status = answer.status.as_u16();
                let fine = if staff && path.contains("expand=url") {
                    // The bytes need a role of their own, which this one's holder does not have.
                    status == 403
                } else if staff {
                    status == 200
                } else {
                    [401, 403].contains(&status) && !answer.text.contains("Moby")
                };
                check(&path, (!fine).then(|| format!("{status} {}", answer.text)));
                let link = answer.text.contains("X-Amz-Signature");
                check(&format!("link in {path}"), link.then(|| "a signed link without the role".to_owned()));
            }
        }
    }
    assert_eq!(borrowed, 3 * lent, "a loan is its borrower's, wherever it comes from");
    assert!(mismatches.is_empty(), "{} of {cells} cells:\n{}", mismatches.len(), mismatches.join("\n"));
    assert!(cells >= 2_000, "{cells} cells");
    assert!(marked >= 1, "no copy was marked");
    assert_eq!(taken > 0, lends_seats, "seats are taken where there are some");
    assert!(granted > 15, "a matrix where nobody is let in proves nothing");
    println!("{cells} cells");
}

/// A tag of what was open once is no key to it, at any door that has tags or gives bytes (B43: 304, HEAD, Range).
#[tokio::test]
async fn b43_what_was_kept_while_it_was_open_opens_nothing_afterwards() {
    let shelf = shelf_of(Stack::new(), "page 1.png", &red_png()).await;
    shelf.govern(by_default(json!({ "effect": "ALLOW" }))).await;
    let (rep, file) = (shelf.title.rep.as_str(), shelf.file.as_str());
    let html = ("accept", "text/html");
    let json = ("accept", "application/json");
    let doors = [
        (format!("/view/delivery/VITRINE/{rep}"), json, true, 403),
        (format!("/view/delivery/VITRINE/{rep}"), html, true, 403),
        (format!("/view/iiif/3/VITRINE/{rep}/manifest"), json, true, 200),
        (format!("/view/iiif/presentation/VITRINE/{rep}/manifest"), json, true, 200),
        (format!("/view/delivery/VITRINE/{file}/content"), json, false, 403),
        (format!("/view/delivery/VITRINE/{file}/download"), json, false, 403),
        (format!("/view/delivery/text/VITRINE/{file}"), json, false, 403),
        (format!("/view/iiif/3/VITRINE/{rep}/file/1"), json, false, 403),
        (format!("/view/delivery/thumbnail/VITRINE/{file}"), json, false, 404),
        (format!("/view/delivery/thumbnail/VITRINE/{rep}"), json, false, 404),
    ];
    let mut kept = Vec::new();
    for (path, accept, has_tag, _) in &doors {
        let open = shelf.anyone.send("GET", path, &[*accept], String::new()).await;
        let tag = header(&open, "etag").to_owned();
        assert_eq!(!tag.is_empty(), *has_tag, "{path}");
        if *has_tag {
            let again = [*accept, ("if-none-match", tag.as_str())];
            assert_eq!(shelf.anyone.send("GET", path, &again, String::new()).await.status, 304, "{path}");
        }
        kept.push(tag);
    }
    shelf.govern(json!({ "name": "closed", "default_rule": { "effect": "DENY" } })).await;
    for ((path, accept, _, due), tag) in doors.iter().zip(&kept) {
        let tag = if tag.is_empty() { "\"0\"" } else { tag };
        let asked: [&[(&str, &str)]; 6] = [
            &[("if-none-match", tag)],
            &[("if-modified-since", "Fri, 31 Dec 2100 23:59:59 GMT")],
            &[("if-range", tag), ("range", "bytes=0-1")],
            &[("range", "bytes=0-1")],
            &[("range", "bytes=0-0,-1")],
            &[("if-none-match", tag), ("range", "bytes=0-")],
        ];
        for more in asked {
            for method in ["GET", "HEAD"] {
                let headers = [&[*accept], more].concat();
                let answer = shelf.anyone.send(method, path, &headers, String::new()).await;
                assert_eq!(answer.status.as_u16(), *due, "{method} {path} {more:?}");
                assert!(!answer.headers.contains_key("location"), "{method} {path} {more:?}");
                assert!(!answer.headers.contains_key("content-range"), "{method} {path} {more:?}");
                let named = answer.text.contains(file) && !path.contains(file);
                assert!(!named && !answer.text.contains("page 1"), "{method} {path}: {}", answer.text);
            }
        }
    }
}
