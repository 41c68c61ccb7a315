//! What can be viewed, as JSON (S4, A11; B31, B44, B52).

use serde_json::json;
use vitrine_testing::Stack;

use super::{by_default, header, see, shelf};
use crate::rights::{POLICIES, body, rule};
use crate::walk::{representation, text};

#[tokio::test]
async fn s4_a_title_a_representation_and_a_file_open_as_json_with_files_metadata_and_rights() {
    let shelf = shelf().await;
    shelf.govern(by_default(json!({ "effect": "ALLOW", "permission": "VIEW_AND_DOWNLOAD" }))).await;
    let title = &shelf.title;
    for id in [&title.mms, &title.rep, &shelf.file, &format!("{}.json", title.rep)] {
        let answer = see(&shelf.anyone, id).await;
        assert_eq!(header(&answer, "cache-control"), "public, max-age=60", "{id}");
        let tag = header(&answer, "etag").to_owned();
        let seen = answer.ok();
        assert_eq!(seen["title"], "Moby-Dick");
        assert_eq!(seen["representation"]["id"], title.rep);
        assert_eq!(seen["metadata"][0], json!({ "key": "title", "label": "Title", "value": ["Moby-Dick"] }));
        assert_eq!(seen["rights"]["permission"]["value"], "VIEW_AND_DOWNLOAD");
        let file = &seen["file"][0];
        assert_eq!((text(file, "pid"), text(file, "label")), (shelf.file.clone(), "page 1.png".to_owned()));
        assert_eq!(
            (text(file, "mime_type"), text(file, "family")),
            ("image/png".to_owned(), "image".to_owned())
        );
        assert!(
            text(file, "content_url").ends_with(&format!("/view/delivery/VITRINE/{}/content", shelf.file))
        );
        assert!(text(file, "download_url").ends_with("/download"));
        let path = format!("/view/delivery/VITRINE/{id}");
        let again = shelf.anyone.send("GET", &path, &[("if-none-match", &tag)], String::new()).await;
        assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""), "{id}");
        // A browser's own wish is no reason to refuse.
        let browser = shelf.anyone.send("GET", &path, &[("accept", "text/html")], String::new()).await;
        assert_eq!(browser.status, 200, "{id}");
    }
}

#[tokio::test]
async fn a11_who_is_denied_gets_the_note_the_reason_and_when_it_may_change() {
    let shelf = shelf().await;
    let rules = json!([
        rule("DATE", "FROM", &["2100-01-01"], "ALLOW"),
        rule("DATE", "BEFORE", &["2100-01-01"], "DENY"),
    ]);
    shelf.govern(body("Embargo", rules, "DENY")).await;
    let denied = see(&shelf.anyone, &shelf.title.rep).await;
    assert_eq!(denied.status, 403, "{}", denied.text);
    assert_eq!(header(&denied, "cache-control"), "private, no-store");
    let said = denied.json();
    assert!(text(&said, "type").ends_with(":access-denied"));
    assert_eq!(said["note"], "Sign in.");
    assert_eq!(said["reason"], "EMBARGO");
    assert_eq!(said["may_change_at"], "2100-01-01T00:00:00Z");
    assert!(!denied.text.contains("page 1.png") && !denied.text.contains(&shelf.file), "{}", denied.text);
    // B43: 304 is a door too.
    let path = format!("/view/delivery/VITRINE/{}", shelf.title.rep);
    let any = shelf.anyone.send("GET", &path, &[("if-none-match", "*")], String::new()).await;
    assert_eq!(any.status, 403);
    assert_eq!(see(&shelf.staff, &shelf.title.rep).await.status, 200, "staff see it");
}

#[tokio::test]
async fn b31_what_is_not_offered_and_what_is_not_there_are_told_alike() {
    let shelf = shelf().await;
    shelf.govern(by_default(json!({ "effect": "ALLOW" }))).await;
    let title = &shelf.title;
    let policy = shelf.staff.get(&format!("/bibs/{}/representations/{}", title.mms, title.rep)).await.ok();
    let mut inactive = representation("PRESERVATION_MASTER");
    inactive["active"] = json!({ "value": "false" });
    let mut auxiliary = representation("AUXILIARY");
    for hidden in [&mut inactive, &mut auxiliary] {
        hidden["access_rights_policy_id"] = policy["access_rights_policy_id"].clone();
        shelf
            .staff
            .put(&format!("/bibs/{}/representations/{}", title.mms, title.rep), hidden.clone())
            .await
            .ok();
        for (id, door) in [(&title.mms, ""), (&title.rep, ""), (&shelf.file, ""), (&shelf.file, "/content")] {
            let absent = format!("{}9", &id[..id.len() - 1]);
            let not_offered = see(&shelf.anyone, &format!("{id}{door}")).await;
            let not_there = see(&shelf.anyone, &format!("{absent}{door}")).await;
            assert_eq!((not_offered.status.as_u16(), not_there.status.as_u16()), (404, 404), "{id}{door}");
            let told = |answer: &vitrine_testing::Answer, id: &str| {
                let mut said = answer.json();
                for member in ["instance", "errorList"] {
                    said.as_object_mut().unwrap().remove(member);
                }
                said.to_string().replace(id, "ID")
            };
            assert_eq!(told(&not_offered, id), told(&not_there, &absent));
        }
    }
    for nonsense in ["", "x", "99", "12%2F..", "81000", "ALL/x/content"] {
        assert_eq!(see(&shelf.anyone, nonsense).await.status, 404, "{nonsense}");
    }
    let elsewhere = shelf.anyone.get(&format!("/view/delivery/OTHER/{}", title.mms)).await;
    assert_eq!(elsewhere.status, 404);
}

#[tokio::test]
async fn t3_a_title_opens_as_the_first_derivative_by_id_that_the_viewer_is_let_into() {
    let stack = Stack::with_parameter("DefaultAccess", "allow");
    let staff = stack.client().await;
    let title = crate::walk::title(&staff).await;
    let anyone = staff.with_key(None).at_address("203.0.113.1");
    let opened =
        async |who: &vitrine_testing::Client| text(&see(who, &title.mms).await.ok()["representation"], "id");
    assert_eq!(opened(&anyone).await, title.rep, "the master, where there is no derivative");
    let path = format!("/bibs/{}/representations", title.mms);
    let first = text(&staff.post(&path, representation("DERIVATIVE_COPY")).await.ok(), "id");
    let mut second = representation("DERIVATIVE_COPY");
    second["order"] = json!(1);
    staff.post(&path, second).await.ok();
    assert_eq!(opened(&anyone).await, first, "the lowest id, whatever the order says");
    let shut = crate::rights::policy(&staff, body("Shut", json!([]), "DENY")).await;
    let mut closed = representation("DERIVATIVE_COPY");
    closed["access_rights_policy_id"] = json!({ "value": shut });
    staff.put(&format!("{path}/{first}"), closed).await.ok();
    let other = see(&anyone, &title.mms).await;
    // B52: who is let into the first one gets that, so this answer is nobody else's.
    assert_eq!(header(&other, "cache-control"), "private, no-store");
    assert_ne!(text(&other.ok()["representation"], "id"), first);
    assert_eq!(opened(&staff).await, first);
    let all: Vec<String> = staff.get(&path).await.ok()["representation"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| text(it, "id"))
        .collect();
    for rep in &all {
        let mut closed = representation("DERIVATIVE_COPY");
        closed["access_rights_policy_id"] = json!({ "value": shut });
        staff.put(&format!("{path}/{rep}"), closed).await.ok();
    }
    assert_eq!(see(&anyone, &title.mms).await.status, 403, "nothing to see, but it is there");
}

#[tokio::test]
async fn b44_no_cache_and_no_link_outlives_an_embargos_edge() {
    let shelf = shelf().await;
    let soon = vitrine_domain::Timestamp::now().saturating_add(std::time::Duration::from_secs(30)).unwrap();
    let rules = json!([rule("DATE", "FROM", &[&soon.to_string()], "DENY")]);
    let id = shelf.govern(body("Ends", rules, "ALLOW")).await;
    let answer = see(&shelf.anyone, &shelf.title.rep).await;
    let seconds: u64 =
        header(&answer, "cache-control").strip_prefix("public, max-age=").unwrap().parse().unwrap();
    assert!(seconds < 30, "{seconds}");
    let kept: u64 = answer.ok()["rights"]["changes_at"]
        .as_str()
        .unwrap()
        .parse::<vitrine_domain::Timestamp>()
        .unwrap()
        .as_second()
        .unsigned_abs();
    assert_eq!(kept, soon.as_second().unsigned_abs());
    let link = see(&shelf.anyone, &format!("{}/content", shelf.file)).await;
    let lives: u64 = header(&link, "location")
        .split("X-Amz-Expires=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=30).contains(&lives), "{lives}");
    // B35: a change of the policy holds at the next request.
    shelf.staff.put(&format!("{POLICIES}/{id}"), body("Ends", json!([]), "DENY")).await.ok();
    for door in [shelf.title.rep.clone(), format!("{}/content", shelf.file)] {
        assert_eq!(see(&shelf.anyone, &door).await.status, 403);
    }
}

#[tokio::test]
async fn s4_only_pages_of_listed_origins_read_answers_of_other_origins() {
    let mut stack = Stack::with_parameter("DefaultAccess", "allow");
    stack.config.viewer_origins = "https://viewer.example".to_owned();
    let client = stack.client().await;
    let title = crate::walk::title(&client).await;
    let anyone = client.with_key(None);
    let path = format!("/view/delivery/VITRINE/{}", title.rep);
    for (origin, allowed) in
        [("https://viewer.example", true), ("https://evil.example", false), ("null", false)]
    {
        let preflight = anyone
            .send(
                "OPTIONS",
                &path,
                &[("origin", origin), ("access-control-request-method", "GET")],
                String::new(),
            )
            .await;
        let answer = anyone.send("GET", &path, &[("origin", origin)], String::new()).await;
        assert_eq!((preflight.status.as_u16(), answer.status.as_u16()), (204, 200));
        for answer in [&preflight, &answer] {
            let told = (
                header(answer, "access-control-allow-origin"),
                header(answer, "access-control-allow-credentials"),
            );
            assert_eq!(told, if allowed { (origin, "true") } else { ("", "") }, "{origin}");
            assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "Origin"));
        }
    }
}
