//! Signing in and out in a browser: at an issuer of ours that can be made to lie, and at the engine's own page (A5, A6;
//! conventions.md AUTH-2 to AUTH-10).

use serde_json::{Value, json};
use vitrine_testing::issuer::{TOKEN_STATUS, consent, parameters};
use vitrine_testing::{Answer, Client, Stack};

use super::{Shelf, header, see, shelf_of};
use crate::rights::{body, rule};
use crate::walk::{red_png, text};

const HTML: (&str, &str) = ("accept", "text/html");

/// What is made wrong with a token.
type Change = Box<dyn FnOnce(&mut Value)>;

/// A browser that keeps every cookie, as browsers do.
struct Jar {
    who: Client,
    cookies: Vec<(String, String)>,
}

impl Jar {
    fn new(who: &Client) -> Self {
        Self { who: who.clone(), cookies: Vec::new() }
    }

    async fn ask(&mut self, method: &str, path: &str, more: &[(&str, &str)]) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookie = cookies.join("; ");
        let mut headers = more.to_vec();
        if !cookie.is_empty() {
            headers.push(("cookie", &cookie));
        }
        let answer = self.who.send(method, &local(path), &headers, String::new()).await;
        for set in answer.headers.get_all("set-cookie") {
            let set = set.to_str().unwrap();
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(held, _)| held != name);
            if !set.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[HTML]).await
    }

    /// Follows the page's link to sign in; returns the address of the issuer's page.
    async fn begin(&mut self, id: &str) -> String {
        let answer = self.get(&format!("/view/sign-in?to={id}")).await;
        assert_eq!(answer.status, 302, "{}", answer.text);
        header(&answer, "location").to_owned()
    }

    async fn come_back(&mut self, query: &str) -> Answer {
        self.get(&format!("/view/sign-in/callback?{query}")).await
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    async fn who(&mut self) -> Value {
        self.get("/view/session").await.ok()
    }
}

/// The path of an address, which starts with where delivery says it is.
fn local(address: &str) -> String {
    match address.strip_prefix("http").and_then(|rest| rest.split_once("://")) {
        Some((_, rest)) => format!("/{}", rest.split_once('/').unwrap().1),
        None => address.to_owned(),
    }
}

/// A title that only students see, on a stack where people sign in.
async fn students(stack: Stack) -> Shelf {
    let shelf = shelf_of(stack, "page 1.png", &red_png()).await;
    shelf.staff.put("/users/fay", json!({ "full_name": "Fay", "user_group": ["STUDENT"] })).await.ok();
    let policy = body("Students", json!([rule("USER_GROUP", "EQUALS", &["STUDENT"], "ALLOW")]), "DENY");
    shelf.govern(policy).await;
    shelf
}

#[tokio::test]
async fn a5_a_refused_page_leads_to_the_issuer_and_back_to_the_title_as_the_group_sees_it() {
    let shelf = students(Stack::new().with_sign_in()).await;
    let page = format!("/view/delivery/VITRINE/{}", shelf.title.mms);
    let mut browser = Jar::new(&shelf.anyone);
    let refused = browser.get(&page).await;
    assert_eq!(refused.status, 403);
    let link = format!("/view/sign-in?to={}\"", shelf.title.mms);
    assert!(refused.text.contains(&link), "{}", refused.text);
    let said = see(&shelf.anyone, &shelf.title.rep).await.json();
    assert!(text(&said, "sign_in_url").ends_with(&format!("/view/sign-in?to={}", shelf.title.rep)));

    let issuer = browser.begin(&shelf.title.mms).await;
    let asked = parameters(issuer.split_once('?').unwrap().1);
    assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str()), ("code", "S256"));
    let back = browser.come_back(&consent(&issuer, "fay", |_| {})).await;
    assert_eq!(back.status, 303, "{}", back.text);
    assert_eq!(local(header(&back, "location")), page, "back to what was asked for, and nowhere else");
    assert_eq!(header(&back, "cache-control"), "private, no-store");
    assert_eq!(browser.who().await, json!({ "registered": true, "user": "fay" }));
    let seen = browser.get(&page).await;
    assert_eq!(seen.status, 200);
    assert!(seen.text.contains("Signed in as fay"), "{}", seen.text);
    assert_eq!(header(&seen, "cache-control"), "private, no-store");
    assert_eq!(browser.get(&format!("/view/delivery/VITRINE/{}/content", shelf.file)).await.status, 302);
    // Whoever has signed in is not sent away again.
    let again = browser.get(&format!("/view/sign-in?to={}", shelf.title.rep)).await;
    assert!(header(&again, "location").ends_with(&format!("/view/delivery/VITRINE/{}", shelf.title.rep)));

    // Out: a link does not do it, a page of ours does, a page of another site not.
    let asking = browser.get("/view/sign-out").await;
    assert_eq!(asking.status, 200);
    assert!(asking.text.contains("<form method=\"post\">"), "{}", asking.text);
    assert_eq!(browser.who().await["user"], "fay");
    for origin in ["https://evil.example", "null"] {
        let foreign = browser.ask("POST", "/view/sign-out", &[HTML, ("origin", origin)]).await;
        assert_eq!(foreign.status, 403, "{origin}");
    }
    let stolen = browser.cookie("vitrine_session").unwrap().to_owned();
    let left = browser.ask("POST", "/view/sign-out", &[HTML, ("origin", "http://127.0.0.1")]).await;
    assert_eq!(left.status, 303);
    let end = header(&left, "location").to_owned();
    assert!(end.contains("/logout?client_id=vitrine-tests&post_logout_redirect_uri="), "{end}");
    assert_eq!(browser.cookie("vitrine_session"), None);
    assert_eq!(browser.get(&page).await.status, 403);
    // The instance that signed it out forgets it at once.
    let mut thief = Jar::new(&shelf.anyone);
    thief.cookies.push(("vitrine_session".to_owned(), stolen));
    assert_eq!(thief.get(&page).await.status, 403);
    assert!(browser.get("/view/sign-out").await.text.contains("Nobody is signed in"));
}

#[tokio::test]
async fn a_code_a_state_and_a_browser_are_good_once_and_together() {
    let shelf = students(Stack::new().with_sign_in()).await;
    let id = shelf.title.rep.clone();
    let mut browser = Jar::new(&shelf.anyone);
    let issuer = browser.begin(&id).await;
    let back = consent(&issuer, "fay", |_| {});
    let (code, state) = {
        let all = parameters(&back);
        (all["code"].clone(), all["state"].clone())
    };
    // Another browser: that of a victim to whom the link was sent, which has begun nothing or something else.
    let mut other = Jar::new(&shelf.anyone);
    assert_eq!(other.come_back(&back).await.status, 403);
    other.begin(&id).await;
    assert_eq!(other.come_back(&back).await.status, 403);
    assert_eq!(other.who().await["registered"], false);
    // A state that was guessed, none, another, too long; a code of another issuer.
    for forged in [
        format!("code={code}&state=AAAA"),
        format!("code={code}"),
        format!("code={code}&state={state}A"),
        format!("code={code}&state="),
        format!("code={code}&state={}", "a".repeat(9000)),
        "error=access_denied".to_owned(),
        String::new(),
    ] {
        let refused = browser.come_back(&forged).await;
        assert_eq!(refused.status, 403, "{forged}");
        assert!(refused.text.contains("Not signed in") && !refused.text.contains(&code), "{}", refused.text);
    }
    assert_eq!(browser.come_back(&format!("{back}&state={state}")).await.status, 400, "twice is no state");
    // None of that has used it up; it is used once.
    assert_eq!(browser.come_back(&back).await.status, 303);
    let session = browser.cookie("vitrine_session").unwrap().to_owned();
    assert_eq!(browser.come_back(&back).await.status, 403, "replayed");
    assert_eq!(
        browser.cookie("vitrine_session"),
        Some(session.as_str()),
        "and whoever has signed in stays it"
    );

    // The code of one sign-in does not end another: the verifier is another.
    let mut second = Jar::new(&shelf.anyone);
    let issuer = second.begin(&id).await;
    let old = consent(&issuer, "fay", |_| {});
    let newer = second.begin(&id).await;
    let state = parameters(newer.split_once('?').unwrap().1)["state"].clone();
    let mixed = format!("code={}&state={state}", parameters(&old)["code"]);
    assert_eq!(second.come_back(&mixed).await.status, 403);
    // A code of an issuer that calls itself another (RFC 9207), and a sign-in that was given up there.
    for more in ["&iss=https%3A%2F%2Fevil.example", "&error=access_denied"] {
        let issuer = second.begin(&id).await;
        let back = consent(&issuer, "fay", |_| {});
        let back = if more.contains("error") { back.split_once("&").unwrap().1.to_owned() } else { back };
        let refused = second.come_back(&format!("{back}{more}")).await;
        assert_eq!(refused.status, 403, "{more}");
        assert!(refused.text.contains(&format!("/view/sign-in?to={id}\"")), "{}", refused.text);
    }
    // Too late.
    let issuer = second.begin(&id).await;
    let back = consent(&issuer, "fay", |_| {});
    let mut late = Jar { who: second.who.later(601), cookies: second.cookies.clone() };
    assert_eq!(late.come_back(&back).await.status, 403);
    assert_eq!(second.who().await["registered"], false);
}

#[tokio::test]
async fn a_token_that_is_not_this_sign_ins_own_signs_nobody_in() {
    let shelf = students(Stack::new().with_sign_in()).await;
    shelf
        .staff
        .put("/users/off", json!({ "full_name": "Off", "status": { "value": "INACTIVE" } }))
        .await
        .ok();
    let set = |name: &'static str, value: Value| move |claims: &mut Value| claims[name] = value;
    let changes: Vec<(&str, Change)> = vec![
        ("another nonce", Box::new(set("nonce", json!("x")))),
        ("no nonce", Box::new(set("nonce", Value::Null))),
        ("another issuer", Box::new(set("iss", json!("https://evil.example")))),
        ("another audience", Box::new(set("aud", json!("other")))),
        (
            "for several, by another",
            Box::new(|claims: &mut Value| {
                claims["aud"] = json!(["other", claims["aud"]]);
                claims["azp"] = json!("other");
            }),
        ),
        (
            "an access token",
            Box::new(|claims: &mut Value| {
                claims["client_id"] = claims["aud"].clone();
                claims.as_object_mut().unwrap().remove("aud");
            }),
        ),
        (
            "expired",
            Box::new(|claims: &mut Value| claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 60)),
        ),
        ("nobody", Box::new(set("sub", json!("")))),
        ("a key", Box::new(set("sub", json!("key:5100000000000000000101")))),
        ("switched off", Box::new(set("sub", json!("off")))),
    ];
    for (what, change) in changes {
        let mut browser = Jar::new(&shelf.anyone);
        let issuer = browser.begin(&shelf.title.rep).await;
        let refused = browser.come_back(&consent(&issuer, "fay", change)).await;
        assert_eq!(refused.status, 403, "{what}: {}", refused.text);
        assert_eq!(browser.cookie("vitrine_session"), None, "{what}");
    }
}

#[tokio::test]
async fn an_issuer_that_fails_or_hangs_up_is_503_and_one_that_takes_no_code_403() {
    let shelf = students(Stack::new().with_sign_in()).await;
    for (answered, due) in [(0, 503), (500, 503), (503, 503), (429, 503), (401, 503), (400, 403)] {
        let mut browser = Jar::new(&shelf.anyone);
        let issuer = browser.begin(&shelf.title.rep).await;
        let back = consent(&issuer, "fay", |claims| claims[TOKEN_STATUS] = json!(answered));
        let told = browser.come_back(&back).await;
        assert_eq!(told.status, due, "{answered}: {}", told.text);
        assert_eq!(!header(&told, "retry-after").is_empty(), due == 503, "{answered}");
        assert!(header(&told, "content-type").starts_with("text/html"), "{answered}");
        let again = format!("/view/sign-in?to={}\"", shelf.title.rep);
        assert!(told.text.contains(&again), "{answered}: {}", told.text);
        assert_eq!(browser.cookie("vitrine_session"), None, "{answered}");
        // Begun anew it ends well.
        let issuer = browser.begin(&shelf.title.rep).await;
        assert_eq!(browser.come_back(&consent(&issuer, "fay", |_| {})).await.status, 303, "{answered}");
    }
}

#[tokio::test]
async fn what_one_goes_back_to_is_an_id_of_ours_and_a_planted_cookie_is_replaced() {
    let shelf = students(Stack::new().with_sign_in()).await;
    let mut browser = Jar::new(&shelf.anyone);
    for elsewhere in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "/view/delivery/VITRINE/1",
        "..%2F..%2Fevil",
        "12%0D%0ALocation:x",
        "javascript:alert(1)",
    ] {
        assert_eq!(browser.get(&format!("/view/sign-in?to={elsewhere}")).await.status, 400, "{elsewhere}");
    }
    assert_eq!(browser.get("/view/sign-in?return=https://evil.example").await.status, 400);
    // A session that someone else knows before is not the one that is signed in (fixation).
    let planted = vitrine_http::auth::SessionCookie::new(true).unwrap();
    let set = planted.set(false).unwrap().to_str().unwrap().to_owned();
    let value = set.split(';').next().unwrap().split_once('=').unwrap().1.to_owned();
    browser.cookies.push(("vitrine_session".to_owned(), value.clone()));
    let issuer = browser.begin(&shelf.title.rep).await;
    assert_eq!(browser.come_back(&consent(&issuer, "fay", |_| {})).await.status, 303);
    assert_ne!(browser.cookie("vitrine_session"), Some(value.as_str()));
    let mut planter = Jar::new(&shelf.anyone);
    planter.cookies.push(("vitrine_session".to_owned(), value));
    assert_eq!(planter.who().await["registered"], false);
    // Where no issuer is configured there is no door.
    let closed = Stack::new().client().await.with_key(None);
    for path in ["/view/sign-in", "/view/sign-in/callback?state=x&code=y"] {
        assert_eq!(closed.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn auth2_a_viewer_elsewhere_is_told_where_to_sign_in_and_its_token_answers_at_the_probe_until_the_sign_out()
 {
    let shelf = students(Stack::new().with_sign_in()).await;
    let manifest = format!("/view/iiif/3/VITRINE/{}/manifest", shelf.title.rep);
    let stranger = [("origin", "https://viewer.example")];
    let mut viewer = Jar::new(&shelf.anyone);
    let found = viewer.ask("GET", &manifest, &stranger).await.ok();
    let probe = &found["items"][0]["items"][0]["items"][0]["body"]["service"][0];
    let access = &probe["service"][0];
    assert_eq!((&access["profile"], &access["type"]), (&json!("active"), &json!("AuthAccessService2")));
    let services = access["service"].as_array().unwrap();
    let (tokens, logout) = (text(&services[0], "id"), text(&services[1], "id"));
    assert!(logout.ends_with("/view/sign-out"));
    let (probe, access) = (text(probe, "id"), text(access, "id"));
    assert_eq!(viewer.ask("GET", &probe, &stranger).await.ok()["status"], 401);

    // A window is opened, and closes itself (AUTH-3).
    let window = viewer.get(&format!("{access}?origin=https://viewer.example")).await;
    let issuer = header(&window, "location").to_owned();
    let closing = viewer.come_back(&consent(&issuer, "fay", |_| {})).await;
    assert_eq!(closing.status, 200);
    assert!(closing.text.contains("window.close();"), "{}", closing.text);
    // The token is posted to the page's frame, and answers at the probe in place of the cookie.
    let frame = viewer.get(&format!("{tokens}?messageId=1&origin=https://viewer.example")).await.text;
    let token = frame.split_once("\"accessToken\":\"").unwrap().1.split('"').next().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let shown = [("origin", "https://viewer.example"), ("authorization", bearer.as_str())];
    let probed = async |client: &Client| client.send("GET", &local(&probe), &shown, String::new()).await.ok();
    assert_eq!(probed(&shelf.anyone).await["status"], 200);
    // AUTH-10: it opens no door, and neither does a word that is no token.
    for door in ["content", "download", "seat"] {
        let path = format!("/view/delivery/VITRINE/{}/{door}", shelf.file);
        assert_eq!(shelf.anyone.send("GET", &path, &shown, String::new()).await.status, 401, "{door}");
    }
    assert_eq!(shelf.anyone.send("GET", &local(&manifest), &shown, String::new()).await.status, 401);
    let forged = [("authorization", "Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")];
    let nobody = shelf.anyone.send("GET", &local(&probe), &forged, String::new()).await;
    assert_eq!(nobody.ok()["status"], 401);
    // It ends by time, and with the session.
    assert_eq!(probed(&shelf.anyone.later(301)).await["status"], 401);
    viewer.ask("POST", &logout, &[HTML, ("origin", "http://127.0.0.1")]).await;
    assert_eq!(probed(&shelf.anyone).await["status"], 401);
}

#[tokio::test]
async fn a_reader_signs_in_at_the_page_of_the_engines_user_pool() {
    let password = "A-long-word-of-tests-1";
    let shelf = students(Stack::new().with_user_pool("fay", password)).await;
    let mut browser = Jar::new(&shelf.anyone);
    let issuer = browser.begin(&shelf.title.rep).await;
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let page = agent.get(&issuer).call().unwrap().body_mut().read_to_string().unwrap();
    assert!(page.contains("<form method=\"POST\" action=\"/login\">"), "{page}");
    // What the page's form sends.
    let (endpoint, asked) = issuer.split_once("/oauth2/authorize?").unwrap();
    let form = |word: &str| format!("{asked}&username=fay&password={word}");
    let sent = |word: &str| {
        let post = agent.post(format!("{endpoint}/login"));
        post.content_type("application/x-www-form-urlencoded").send(form(word)).unwrap()
    };
    assert_eq!(sent("wrong").status(), 200, "the page again");
    let answer = sent(password);
    assert_eq!(answer.status(), 302);
    let back = answer.headers()["location"].to_str().unwrap().to_owned();
    let seen = browser.get(&back).await;
    assert_eq!(seen.status, 303, "{}", seen.text);
    assert_eq!(browser.who().await["user"], "fay");
    assert_eq!(browser.get(&format!("/view/delivery/VITRINE/{}", shelf.title.rep)).await.status, 200);
    let left = browser.ask("POST", "/view/sign-out", &[HTML]).await;
    let end = header(&left, "location");
    let out = agent.get(end).call().unwrap_or_else(|error| panic!("{end}: {error}"));
    assert_eq!(out.status(), 302);
    assert!(out.headers()["location"].to_str().unwrap().ends_with("/view/sign-out"));
}
