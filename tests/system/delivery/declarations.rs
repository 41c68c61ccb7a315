//! Declarations and sessions: what is accepted, by whom, for how long (A12; B31, B35, B52).

use serde_json::json;
use vitrine_domain::Timestamp;
use vitrine_http::auth::SessionCookie;
use vitrine_testing::operator;

use super::{Browser, by_default, header, shelf};
use crate::rights::{POLICIES, body, rule};
use crate::walk::text;

#[tokio::test]
async fn a12_a_declaration_stands_before_files_until_this_viewer_accepts_it() {
    let shelf = shelf().await;
    let mut policy = by_default(json!({ "effect": "ALLOW" }));
    policy["copyright_declaration"] = json!("For private study only.");
    let id = shelf.govern(policy.clone()).await;
    let rep = &shelf.title.rep;
    let content = format!("{}/content", shelf.file);
    let (reader, other) = (Browser::new(&shelf.anyone), Browser::new(&shelf.anyone));
    for door in [rep, &content] {
        let refused = reader.see(door).await;
        assert_eq!(refused.status, 403, "{door}");
        let said = refused.json();
        assert!(text(&said, "type").ends_with(":declaration-required"));
        assert_eq!(said["declaration"], "For private study only.");
        assert!(text(&said, "declaration_url").ends_with(&format!("/{rep}/declaration")));
    }
    // A refusal lets nobody in, and no answer is no acceptance.
    assert_eq!(reader.post(&format!("{rep}/declaration")).await.status, 400);
    let refused = reader.post(&format!("{rep}/declaration?accept=false")).await.ok();
    assert_eq!(refused, json!({ "required": true, "accepted": false }));
    assert_eq!(reader.see(rep).await.status, 403);
    let accepted = reader.post(&format!("{rep}/declaration?accept=true")).await.ok();
    assert_eq!(accepted["accepted"], true);
    let seen = reader.see(rep).await;
    // B52: what is shown after it is nobody else's.
    assert_eq!((seen.status.as_u16(), header(&seen, "cache-control")), (200, "private, no-store"));
    assert_eq!(reader.see(&content).await.status, 302);
    assert_eq!(other.see(&content).await.status, 403, "another browser has accepted nothing");
    // So are the pictures: what is no picture of its own is shown by its thumbnail.
    for id in [&shelf.file, rep] {
        let thumbnail = format!("/view/delivery/thumbnail/VITRINE/{id}");
        let shown = reader.ask("GET", &thumbnail).await;
        assert!(shown.status == 302 || shown.status == 200, "{}", shown.status);
        assert!(header(&shown, "cache-control").contains("private"), "{shown:?}");
        assert_eq!(other.ask("GET", &thumbnail).await.status, 404);
    }
    // It can be taken back, and another text is another declaration.
    reader.post(&format!("{rep}/declaration?accept=false")).await.ok();
    assert_eq!(reader.see(&content).await.status, 403);
    let thumbnail = format!("/view/delivery/thumbnail/VITRINE/{}", shelf.file);
    assert_eq!(reader.ask("GET", &thumbnail).await.status, 404);
    reader.post(&format!("{rep}/declaration?accept=true")).await.ok();
    policy["copyright_declaration"] = json!("For members only.");
    shelf.staff.put(&format!("{POLICIES}/{id}"), policy).await.ok();
    assert_eq!(reader.see(&content).await.status, 403);
    // Where there is nothing to declare, that is said; where more than that is in the way, it stays.
    shelf.staff.put(&format!("{POLICIES}/{id}"), by_default(json!({ "effect": "ALLOW" }))).await.ok();
    let none = reader.post(&format!("{rep}/declaration?accept=true")).await.ok();
    assert_eq!(none, json!({ "required": false }));
    shelf.staff.put(&format!("{POLICIES}/{id}"), by_default(json!({ "effect": "DENY" }))).await.ok();
    assert_eq!(reader.post(&format!("{rep}/declaration?accept=true")).await.status, 403);
    assert_eq!(reader.post("120000000000000/declaration?accept=true").await.status, 404);
}

#[tokio::test]
async fn a5_a_browser_in_which_a_group_member_has_signed_in_sees_what_the_group_does_until_it_signs_out() {
    let shelf = shelf().await;
    shelf.staff.put("/users/fay", json!({ "full_name": "Fay", "user_group": ["FACULTY"] })).await.ok();
    shelf.govern(body("Faculty", json!([rule("USER_GROUP", "EQUALS", &["FACULTY"], "ALLOW")]), "DENY")).await;
    let cookie = SessionCookie::new(true).unwrap();
    let fay = "fay".parse().unwrap();
    shelf.stack.app().sign_in(&operator(), cookie.id(), &fay).await.unwrap();
    let set = cookie.set(false).unwrap().to_str().unwrap().to_owned();
    let pair = set.split(';').next().unwrap();
    let browser = Browser::with_cookie(&shelf.anyone, pair);
    let who = browser.ask("GET", "/view/session").await.ok();
    assert_eq!(who, json!({ "registered": true, "user": "fay" }));
    assert_eq!(browser.see(&shelf.title.rep).await.status, 200);
    assert_eq!(browser.see(&format!("{}/content", shelf.file)).await.status, 302);
    // The staff API takes no cookie.
    assert_eq!(browser.ask("GET", "/almaws/v1/permissions").await.status, 401);
    // A page of another site can not use the cookie to change anything.
    for origin in ["https://evil.example", "null"] {
        let foreign = browser.ask_from("DELETE", "/view/session", &[("origin", origin)]).await;
        assert_eq!(foreign.status, 403, "{origin}");
    }
    // Whoever calls itself signed in, or nobody, is nobody.
    for forged in
        [pair.replace("u.", "a."), format!("{}A", &pair[..pair.len() - 1]), format!("{pair}; {pair}")]
    {
        if forged != pair {
            let forger = Browser::with_cookie(&shelf.anyone, &forged);
            assert_eq!(forger.see(&shelf.title.rep).await.status, 403, "{forged}");
        }
    }
    assert_eq!(browser.ask("DELETE", "/view/session").await.status, 204);
    // B35: within a minute everywhere; an instance that has not met the session knows at once.
    let elsewhere = shelf.stack.client().await.with_key(None);
    let after = Browser::with_cookie(&elsewhere, pair);
    assert_eq!(after.see(&shelf.title.rep).await.status, 403);
    // Nothing but a token begins a session: not a cookie, not an API key.
    assert_eq!(shelf.staff.post("/view/session", json!({})).await.status, 401);
    assert_eq!(after.ask("POST", "/view/session").await.status, 401);
}

#[tokio::test]
async fn a_session_ends_after_its_hours() {
    let shelf = shelf().await;
    shelf.govern(body("In", json!([rule("REGISTERED", "EQUALS", &["true"], "ALLOW")]), "DENY")).await;
    let cookie = SessionCookie::new(true).unwrap();
    let long_ago = Timestamp::now().saturating_add(std::time::Duration::from_secs(8 * 3600)).unwrap();
    let mut call = operator();
    call.now = Timestamp::from_second(2 * Timestamp::now().as_second() - long_ago.as_second()).unwrap();
    shelf.stack.app().sign_in(&call, cookie.id(), &"fay".parse().unwrap()).await.unwrap();
    let set = cookie.set(false).unwrap().to_str().unwrap().to_owned();
    let browser = Browser::with_cookie(&shelf.anyone, set.split(';').next().unwrap());
    assert_eq!(browser.see(&shelf.title.rep).await.status, 403);
}
