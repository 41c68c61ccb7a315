//! Access rights: policies through the API, the decision at every door that there is, and the simulator that explains it
//! (A1-A11, A13, A20, T6; B35, B43, B52).

use serde_json::{Value, json};
use vitrine_app::thumbnails::Pictured;
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{Actor, Grant, KeyPermission};
use vitrine_domain::audit::{AuditRow, Origin};
use vitrine_domain::ids::UserId;
use vitrine_domain::rights::{Outcome, Viewer};
use vitrine_domain::roles::Role;
use vitrine_store::{Change, keys};
use vitrine_testing::{Answer, Client, Stack, operator};

use crate::imports::Desk;
use crate::walk::{Title, red_png, representation, settle, text, title, upload};

pub const POLICIES: &str = "/conf/access-rights-policies";

pub fn body(name: &str, rules: Value, default: &str) -> Value {
    json!({
        "name": name,
        "denied_note": "Ask at the desk.",
        "denied_note_unregistered": "Sign in.",
        "rules": rules,
        "default_rule": { "effect": default },
    })
}

pub fn rule(input: &str, operator: &str, values: &[&str], effect: &str) -> Value {
    json!({
        "name": format!("{effect} by {input}"),
        "inputs": [{ "input": input, "operator": operator, "values": values }],
        "output": { "effect": effect },
    })
}

pub async fn policy(client: &Client, body: Value) -> String {
    text(&client.post(POLICIES, body).await.ok(), "id")
}

/// Gives a title's representation a policy, or none.
pub async fn govern(client: &Client, title: &Title, policy: Option<&str>) -> Answer {
    let mut body = representation("PRESERVATION_MASTER");
    body["access_rights_policy_id"] = json!({ "value": policy.unwrap_or_default() });
    client.put(&format!("/bibs/{}/representations/{}", title.mms, title.rep), body).await
}

fn without_dates(mut view: Value) -> Value {
    for member in ["last_modified_date", "created_date"] {
        view.as_object_mut().unwrap().remove(member);
    }
    view
}

#[tokio::test]
async fn a1_policies_are_created_changed_copied_listed_and_deleted() {
    let stack = Stack::new();
    let client = stack.client().await;
    let rules = json!([
        rule("IP_RANGE", "IN_LIST", &["192.0.2.0-192.0.2.255", " 2001:DB8::/32"], "ALLOW"),
        rule("DATE", "FROM", &["2030-01-31"], "ALLOW"),
    ]);
    let made = client.post(POLICIES, body("Theses", rules, "DENY")).await;
    let tag = made.headers["etag"].to_str().unwrap().to_owned();
    let made = made.ok();
    let path = format!("{POLICIES}/{}", text(&made, "id"));
    // What was sent is kept in its one spelling, and a day as an instant.
    assert_eq!(made["rules"][0]["inputs"][0]["values"], json!(["192.0.2.0/24", "2001:db8::/32"]));
    assert_eq!(made["rules"][1]["inputs"][0]["values"], json!(["2030-01-31T00:00:00Z"]));
    assert_eq!(made["rules"][1]["inputs"][0]["local"], "2030-01-31 00:00 UTC");
    // B44: what was read can be put back, and means the same.
    let again = client.with_json("PUT", &path, &made, &[("if-match", &tag)]).await.ok();
    assert_eq!(without_dates(again.clone()), without_dates(made.clone()));
    assert_eq!(client.with_json("PUT", &path, &made, &[("if-match", &tag)]).await.status, 412);

    let twin = client.post(POLICIES, body(" theses ", json!([]), "DENY")).await;
    assert_eq!(twin.status, 400);
    assert!(twin.json()["type"].as_str().unwrap().ends_with("duplicate-name"), "{}", twin.text);
    let copy = client.post(&format!("{path}/copy"), Value::Null).await.ok();
    assert_eq!(copy["name"], "Theses (copy)");
    assert_eq!(copy["rules"], made["rules"]);
    let listed = client.get(POLICIES).await.ok();
    assert_eq!(listed["total_record_count"], 2);
    assert_eq!(listed["access_rights_policy"][0]["name"], "Theses");

    let renamed = client.put(&path, body("Dissertations", json!([]), "DENY")).await.ok();
    assert_eq!(renamed["name"], "Dissertations");
    policy(&client, body("Theses", json!([]), "ALLOW")).await;
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);
    policy(&client, body("Dissertations", json!([]), "ALLOW")).await;
}

#[tokio::test]
async fn a1_a_policy_is_read_and_written_as_xml() {
    let stack = Stack::new();
    let client = stack.client().await;
    let xml = "<access_rights_policy><name>Campus</name><rules><name>campus</name><inputs><input>IP_RANGE</input>\
        <operator>IN_LIST</operator><values>192.0.2.0/24</values><values>198.51.100.7</values></inputs>\
        <output><effect>ALLOW</effect><permission>VIEW_AND_DOWNLOAD</permission></output></rules>\
        <default_rule><effect>DENY</effect></default_rule></access_rights_policy>";
    let headers = [("content-type", "application/xml"), ("accept", "application/xml")];
    let path = format!("/almaws/v1{POLICIES}");
    let made = client.send("POST", &path, &headers, xml.to_owned()).await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert!(made.text.contains("<values>198.51.100.7</values>"), "{}", made.text);
    let read = client.get(POLICIES).await.ok();
    assert_eq!(read["access_rights_policy"][0]["rules"][0]["output"]["permission"], "VIEW_AND_DOWNLOAD");
}

#[tokio::test]
async fn a1_a_policy_in_use_is_listed_with_its_representations_and_not_deleted() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    let id = policy(&client, body("Shut", json!([]), "DENY")).await;
    let other = policy(&client, body("Open", json!([]), "ALLOW")).await;
    for unknown in ["5200000000000000000101", "Shut", "12"] {
        let refused = govern(&client, &title, Some(unknown)).await;
        assert_eq!(refused.status, 400, "{unknown}");
        assert_eq!(refused.json()["fields"][0]["field"], "access_rights_policy_id");
    }
    govern(&client, &title, Some(&id)).await.ok();
    let mut second = representation("DERIVATIVE_COPY");
    second["access_rights_policy_id"] = json!({ "value": id });
    let second = client.post(&format!("/bibs/{}/representations", title.mms), second).await.ok();
    let path = format!("{POLICIES}/{id}");
    let used = client.get(&format!("{path}/representations")).await.ok();
    assert_eq!(used["total_record_count"], 2);
    let ids: Vec<_> = used["representation"].as_array().unwrap().iter().map(|it| text(it, "id")).collect();
    assert_eq!(ids, [title.rep.clone(), text(&second, "id")]);
    let named = json!({ "value": id, "desc": "Shut" });
    assert_eq!(used["representation"][0]["access_rights_policy_id"], named);
    assert_eq!(second["access_rights_policy_id"], named);
    let refused = client.delete(&path).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["detail"].as_str().unwrap().contains("2 representations"), "{}", refused.text);

    govern(&client, &title, Some(&other)).await.ok();
    let gone = format!("/bibs/{}/representations/{}", title.mms, text(&second, "id"));
    assert_eq!(client.delete(&gone).await.status, 204);
    assert_eq!(client.get(&format!("{path}/representations")).await.ok()["total_record_count"], 0);
    assert_eq!(client.delete(&path).await.status, 204);
    let left = client.get(&format!("{POLICIES}/{other}/representations")).await.ok();
    assert_eq!(left["representation"][0]["id"], title.rep);
    govern(&client, &title, None).await.ok();
    assert_eq!(client.delete(&format!("{POLICIES}/{other}")).await.status, 204);
}

#[tokio::test]
async fn what_can_not_be_meant_is_refused_by_its_place() {
    let stack = Stack::new();
    let client = stack.client().await;
    for (input, operator, values, field) in [
        ("IP_RANGE", "IN_LIST", &["10.0.0.0/8", "10.0.0.9-10.0.0.1"][..], "rules.0.inputs.0.values.1"),
        ("DATE", "FROM", &["31.01.2030"], "rules.0.inputs.0.values.0"),
        ("LIBRARY", "IN_LIST", &["MAIN", "NOWHERE"], "rules.0.inputs.0.values.1"),
        ("REGISTERED", "IN_LIST", &["true"], "rules.0.inputs.0"),
    ] {
        let refused =
            client.post(POLICIES, body("p", json!([rule(input, operator, values, "ALLOW")]), "DENY")).await;
        assert_eq!(refused.status, 400, "{input}");
        assert_eq!(refused.json()["fields"][0]["field"], field, "{}", refused.text);
    }
    assert_eq!(client.get(POLICIES).await.ok()["total_record_count"], 0);
}

#[tokio::test]
async fn only_who_configures_fulfillment_defines_policies_and_the_desk_tries_them_out() {
    let stack = Stack::new();
    let client = stack.client().await;
    let id = policy(&client, body("p", json!([]), "DENY")).await;
    for (role, manages, tries) in [
        (Role::FulfillmentAdministrator, 200, 200),
        (Role::GeneralSystemAdministrator, 200, 200),
        (Role::DigitalInventoryOperator, 403, 200),
        (Role::Cataloger, 403, 403),
    ] {
        let key = client.key_with(&[Grant { role, library: None }], KeyPermission::ReadWrite).await;
        let who = client.with_key(Some(&key));
        let made = who.post(POLICIES, body(&format!("by {role}"), json!([]), "DENY")).await;
        assert_eq!(made.status, manages, "{role}");
        assert_eq!(who.get(&format!("{POLICIES}/{id}")).await.status, 200, "{role}");
        let tried = who.post(&format!("{POLICIES}/{id}/simulate"), json!({})).await;
        assert_eq!(tried.status, tries, "{role}");
    }
}

async fn thumbnail(who: &Client, id: &str) -> (u16, String) {
    let answer = who.get(&format!("/view/delivery/thumbnail/VITRINE/{id}")).await;
    let caching = answer.headers.get("cache-control").map(|it| it.to_str().unwrap().to_owned());
    (answer.status.as_u16(), caching.unwrap_or_default())
}

#[tokio::test]
async fn b35_a_change_of_a_policy_holds_at_the_next_request_at_every_door() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    upload(&client, &title.rep, "a.png", &red_png()).await;
    settle(&stack.app()).await;
    let file = text(&client.get(&title.files()).await.ok()["representation_file"][0], "pid");
    let doors = [&file, &title.rep, &title.mms];
    let campus = rule("IP_RANGE", "IN_LIST", &["192.0.2.0/24"], "ALLOW");
    let embargo = |day: &str| json!([rule("DATE", "FROM", &[day], "ALLOW")]);
    let id = policy(&client, body("p", json!([]), "ALLOW")).await;
    govern(&client, &title, Some(&id)).await.ok();
    let path = format!("{POLICIES}/{id}");
    let outside = client.with_key(None).at_address("203.0.113.1");
    let inside = client.with_key(None).at_address("::ffff:192.0.2.7");
    let (private, shared) = ("private, no-store", "public, max-age=60");
    for (rules, default, there, here) in [
        (json!([]), "ALLOW", (302, shared), (302, shared)),
        (json!([]), "DENY", (404, ""), (404, "")),
        (json!([campus]), "DENY", (404, ""), (302, private)),
        (json!([campus]), "ALLOW", (302, private), (302, private)),
        (embargo("2100-01-01"), "DENY", (404, ""), (404, "")),
        (embargo("2020-01-01"), "DENY", (302, shared), (302, shared)),
        (json!([rule("LIBRARY", "EQUALS", &["MAIN"], "DENY")]), "ALLOW", (404, ""), (404, "")),
    ] {
        client.put(&path, body("p", rules.clone(), default)).await.ok();
        for door in doors {
            for (who, (status, caching)) in [(&outside, there), (&inside, here)] {
                let found = thumbnail(who, door).await;
                assert_eq!(found.0, status, "{door} {rules} {default}");
                if status == 302 {
                    assert_eq!(found.1, caching, "{door} {rules} {default}");
                }
            }
            assert_eq!(thumbnail(&client, door).await, (302, private.to_owned()), "staff see it: {door}");
        }
    }
    // T6: a policy may keep the picture of what it denies, for nobody's cache.
    let mut kept = body("p", json!([]), "DENY");
    kept["restricted_thumbnail"] = json!("KEEP");
    client.put(&path, kept).await.ok();
    for door in doors {
        assert_eq!(thumbnail(&outside, door).await, (302, private.to_owned()), "{door}");
    }
    // A3: without a policy the institution's default decides, and here it restricts.
    govern(&client, &title, None).await.ok();
    for door in doors {
        assert_eq!(thumbnail(&outside, door).await.0, 404, "{door}");
    }
    // B36: an address that a client claims is none.
    client.put(&path, body("p", json!([campus]), "DENY")).await.ok();
    govern(&client, &title, Some(&id)).await.ok();
    for header in ["x-forwarded-for", "forwarded", "true-client-ip", "cloudfront-viewer-address"] {
        let claimed = outside
            .send(
                "GET",
                &format!("/view/delivery/thumbnail/VITRINE/{file}"),
                &[(header, "192.0.2.7")],
                String::new(),
            )
            .await;
        assert_eq!(claimed.status, 404, "{header}");
    }
    let nowhere = client.with_key(None);
    assert_eq!(thumbnail(&nowhere, &file).await.0, 404, "an address that is not known opens nothing");
}

#[tokio::test]
async fn a5_to_a9_who_signs_in_sees_what_the_groups_courses_and_campuses_open() {
    let stack = Stack::with_parameter("DefaultAccess", "allow");
    let client = stack.client().await;
    let title = title(&client).await;
    let rules = json!([
        rule("USER_ID", "IN_LIST", &["mallory"], "DENY"),
        rule("USER_GROUP", "IN_LIST", &["FACULTY", "STAFF"], "ALLOW"),
        rule("COURSE", "CONTAINS", &["HIST-"], "ALLOW"),
        rule("CAMPUS", "EQUALS", &["NORTH"], "ALLOW"),
    ]);
    let id = policy(&client, body("p", rules, "DENY")).await;
    govern(&client, &title, Some(&id)).await.ok();
    let app = stack.app();
    let doors: [Pictured; 2] = [title.rep.parse().unwrap(), title.mms.parse().unwrap()];
    let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for (who, groups, courses, campuses, open) in [
        ("anna", "FACULTY", "", "", true),
        ("mallory", "FACULTY", "HIST-101", "NORTH", false),
        ("ben", "STUDENT", "", "", false),
        ("ben", "STUDENT", "LAW-1 HIST-101", "", true),
        ("ben", "STUDENT", "LAW-1", "SOUTH NORTH", true),
        ("ben", "", "", "", false),
    ] {
        let actor = Actor {
            groups: list(groups),
            courses: list(courses),
            campuses: list(campuses),
            ..Actor::new(who.parse().unwrap(), vec![])
        };
        for door in &doors {
            let seen = app.thumbnail(&operator(), &visit(Viewer::of(Some(&actor), None)), door, 200).await;
            assert_eq!(seen.is_ok(), open, "{who} {groups} {courses} {campuses} {door:?}: {seen:?}");
        }
    }
    for door in &doors {
        assert!(app.thumbnail(&operator(), &visit(Viewer::of(None, None)), door, 200).await.is_err());
    }
}

#[tokio::test]
async fn a20_the_simulator_says_what_the_decision_says_and_which_rule() {
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    client
        .put(
            "/users/fay",
            json!({ "full_name": "Fay", "user_group": ["FACULTY"], "campus": ["NORTH"], "course": ["HIST-101"] }),
        )
        .await
        .ok();
    let rules = json!([
        rule("USER_GROUP", "EQUALS", &["BANNED"], "DENY"),
        rule("COURSE", "IN_LIST", &["HIST-101"], "ALLOW"),
        rule("IP_RANGE", "IN_LIST", &["192.0.2.0/24"], "ALLOW"),
        rule("DATE", "FROM", &["2030-01-31"], "ALLOW"),
    ]);
    let id = policy(&client, body("p", rules.clone(), "DENY")).await;
    govern(&client, &title, Some(&id)).await.ok();
    let app = stack.app();
    let bib = app.read_bib(&operator(), &title.mms.parse().unwrap()).await.unwrap();
    let rep = app
        .read_representation(&operator(), &title.mms.parse().unwrap(), &title.rep.parse().unwrap())
        .await
        .unwrap();
    for (asked, outcome, by, number, reason) in [
        (json!({ "user_id": "fay" }), "ALLOW", "RULE", json!(2), ""),
        (json!({ "user_id": "fay", "user_group": ["BANNED"] }), "DENY", "RULE", json!(1), "POLICY"),
        (json!({ "ip_address": "192.0.2.9" }), "ALLOW", "RULE", json!(3), ""),
        (json!({ "ip_address": "203.0.113.1" }), "DENY", "DEFAULT_RULE", Value::Null, "SIGN_IN"),
        (
            json!({ "registered": true, "ip_address": "203.0.113.1" }),
            "DENY",
            "DEFAULT_RULE",
            Value::Null,
            "NETWORK",
        ),
        (json!({ "at": "2030-01-30T23:59:59Z" }), "DENY", "DEFAULT_RULE", Value::Null, "SIGN_IN"),
        (json!({ "at": "2030-01-31" }), "ALLOW", "RULE", json!(4), ""),
    ] {
        let mut asked = asked;
        let saved = client.post(&format!("{POLICIES}/{id}/simulate"), asked.clone()).await.ok();
        asked["representation_id"] = json!(title.rep);
        let own = client.post(&format!("{POLICIES}/simulate"), asked.clone()).await.ok();
        asked["policy"] = body("never saved", rules.clone(), "DENY");
        let draft = client.post(&format!("{POLICIES}/simulate"), asked.clone()).await.ok();
        for found in [&saved, &own, &draft] {
            assert_eq!(found["outcome"]["value"], outcome, "{asked} {found}");
            assert_eq!(
                (&found["decided_by"]["value"], &found["rule_number"]),
                (&json!(by), &number),
                "{found}"
            );
            assert_eq!(found["reason"]["value"].as_str().unwrap_or_default(), reason, "{found}");
            if outcome == "DENY" {
                assert!(found["note"].is_string(), "{found}");
            }
        }
        let tried = own["trace"].as_array().unwrap();
        assert_eq!(tried.len(), number.as_u64().map_or(4, |number| number as usize), "{own}");
        assert!(tried.iter().all(|rule| rule["inputs"].as_array().unwrap().len() == 1), "{own}");
        // The real decision, for the same viewer at the same time.
        let viewer = match asked["ip_address"].as_str() {
            Some(address) if asked["registered"].is_null() => {
                Viewer::of(None, Some(address.parse().unwrap()))
            }
            _ => continue,
        };
        let real = app.decide(&operator(), &viewer, &bib.bib, &rep).await.unwrap();
        assert_eq!(matches!(real.outcome, Outcome::Allow(_)), outcome == "ALLOW");
        assert_eq!(real.by.rule.map(|number| json!(number)).unwrap_or_default(), number);
    }
    let open = client
        .post(
            &format!("{POLICIES}/{id}/simulate"),
            json!({ "ip_address": "203.0.113.1", "at": "2029-01-01" }),
        )
        .await
        .ok();
    assert_eq!(open["may_change_at"], "2030-01-31T00:00:00Z");
    assert_eq!(open["trace"][2]["inputs"][0]["seen"], json!(["203.0.113.1"]));
    assert_eq!(open["trace"][2]["holds"]["value"], "NO");
    let nowhere = client.post(&format!("{POLICIES}/{id}/simulate"), json!({})).await.ok();
    assert_eq!(nowhere["trace"][2]["holds"]["value"], "UNKNOWN", "an address that is not given is not known");
    for (wrong, field) in [
        (json!({ "ip_address": "192.0.2.0/24" }), "ip_address"),
        (json!({ "at": "soon" }), "at"),
        (json!({ "user_id": "no user" }), "user_id"),
    ] {
        let refused = client.post(&format!("{POLICIES}/simulate"), wrong).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["fields"][0]["field"]), (400, &json!(field)));
    }
}

#[tokio::test]
async fn a_representation_whose_policy_is_gone_is_shown_to_nobody() {
    let stack = Stack::with_parameter("DefaultAccess", "allow");
    let client = stack.client().await;
    let title = title(&client).await;
    let anyone = client.with_key(None);
    // The default allows: the icon of an empty representation is there.
    assert_eq!(thumbnail(&anyone, &title.rep).await.0, 200);
    let id = policy(&client, body("p", json!([]), "ALLOW")).await;
    govern(&client, &title, Some(&id)).await.ok();
    assert_eq!(thumbnail(&anyone, &title.rep).await.0, 200);
    let app = stack.app();
    let mut change = Change::new(AuditRow {
        id: app.minter.event(Timestamp::now(), 1),
        subject: format!("POLICY#{id}"),
        action: "test".to_owned(),
        actor: UserId::system(),
        origin: Origin::Operator,
        request_id: "test".to_owned(),
        at: Timestamp::now(),
        before: None,
        after: None,
        before_sha256: None,
        after_sha256: None,
    });
    change.forget("access rights policy", keys::policy(&id.parse().unwrap()));
    app.catalog.commit(&change).await.unwrap();
    assert_eq!(thumbnail(&anyone, &title.rep).await.0, 404);
    let explained =
        client.post(&format!("{POLICIES}/simulate"), json!({ "representation_id": title.rep })).await.ok();
    assert_eq!(explained["decided_by"]["value"], "MISSING_POLICY");
}

#[tokio::test]
async fn i9_a_row_names_its_policy_and_an_undo_lets_go_of_it() {
    let desk = Desk::new().await;
    let id = policy(&desk.client, body("Only Faculty", json!([]), "DENY")).await;
    let profile = desk.profile(json!({ "defaults": { "access_rights": "ONLY FACULTY" } })).await;
    let mut unknown = desk.client.get(&format!("/conf/md-import-profiles/{profile}")).await.ok();
    unknown["details"]["name"] = json!("Other");
    unknown["defaults"]["access_rights"] = json!("Nobody");
    let refused = desk.client.post("/conf/md-import-profiles", unknown).await;
    assert_eq!(refused.json()["fields"][0]["field"], "defaults.access_rights", "{}", refused.text);
    let csv = "dc:title,dc:identifier,rep_access_rights,file_name_1\nThe whale,local:1,only faculty ,a.txt\n";
    let job = desk.import(&profile, "folder", &[("values.csv", csv.as_bytes()), ("a.txt", b"a")]).await;
    let job = text(&job, "id");
    assert_eq!(desk.outcomes(&job).await[0].1, "CREATED");
    let uses = format!("{POLICIES}/{id}/representations");
    let used = desk.client.get(&uses).await.ok();
    assert_eq!(used["total_record_count"], 1);
    assert_eq!(used["representation"][0]["access_rights_policy_id"]["value"], id);
    assert_eq!(desk.client.delete(&format!("{POLICIES}/{id}")).await.status, 400);
    let undo = text(&desk.client.post(&format!("/conf/jobs/{job}?op=undo"), Value::Null).await.ok(), "id");
    desk.finish(&undo).await;
    assert_eq!(desk.client.get(&uses).await.ok()["total_record_count"], 0);
    assert_eq!(desk.client.delete(&format!("{POLICIES}/{id}")).await.status, 204);
}

fn visit(viewer: Viewer) -> vitrine_app::delivery::Visit {
    vitrine_app::delivery::Visit { viewer, session: None, reader: None }
}
