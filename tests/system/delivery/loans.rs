//! Loans: never more copies than the rule lends, to somebody and not to a browser, back by time alone (A18, B45).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use serde_json::{Value, json};
use vitrine_app::delivery::{Asked, Borrowing, Visit};
use vitrine_app::{App, AppError, Call};
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{Actor, Grant, KeyPermission};
use vitrine_domain::ids::UserId;
use vitrine_domain::loans::{Loan, LoanRule};
use vitrine_domain::outbox::seconds;
use vitrine_domain::rights::Viewer;
use vitrine_domain::roles::Role;
use vitrine_store::faults::Fault;
use vitrine_testing::{Answer, Client, Stack, operator};

use super::{Shelf, by_default, header, see, shelf_of};
use crate::rights::POLICIES;
use crate::walk::{red_png, text};

const DAY: i64 = 86_400;

fn lending(copies: u32, days: u32) -> Value {
    json!({ "effect": "ALLOW", "permission": "VIEW_AND_DOWNLOAD", "loan_copies": copies, "loan_days": days })
}

async fn shelf() -> Shelf {
    shelf_of(Stack::new().with_sign_in(), "page 1.png", &red_png()).await
}

/// Someone who has signed in.
async fn reader(shelf: &Shelf, user: &str) -> Client {
    shelf.staff.put(&format!("/users/{user}"), json!({ "full_name": user })).await.ok();
    shelf.staff.signed_in(user).at_address("203.0.113.1")
}

/// Someone whose credential outlives the days of a loan: a patron's own key.
async fn patron(shelf: &Shelf) -> Client {
    let grants = [Grant { role: Role::Patron, library: None }];
    let key = shelf.staff.key_with(&grants, KeyPermission::ReadWrite).await;
    shelf.staff.with_key(Some(&key)).at_address("203.0.113.1")
}

async fn send(who: &Client, method: &str, path: &str) -> Answer {
    let json = [("accept", "application/json")];
    who.send(method, &format!("/view/delivery/VITRINE/{path}"), &json, String::new()).await
}

/// What the table keeps of a user's loan.
async fn kept(shelf: &Shelf, user: &str) -> Option<Loan> {
    let (rep, user) = (shelf.title.rep.parse().unwrap(), user.parse().unwrap());
    shelf.stack.app().sessions.loan(&rep, &user).await.unwrap()
}

fn reason(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), text(&answer.json(), "reason"))
}

#[tokio::test]
async fn a18_one_of_two_copies_is_borrowed_seen_everywhere_and_given_back() {
    let shelf = shelf().await;
    let policy = shelf.govern(by_default(lending(2, 14))).await;
    let rep = &shelf.title.rep;
    let (loan, content) = (format!("{rep}/loan"), format!("{}/content", shelf.file));
    let (ann, ben, cat) =
        (reader(&shelf, "ann").await, reader(&shelf, "ben").await, reader(&shelf, "cat").await);

    // Nobody borrows as nobody.
    for method in ["GET", "POST"] {
        let nobody = send(&shelf.anyone, method, &loan).await;
        assert_eq!(reason(&nobody), (403, "SIGN_IN".to_owned()));
        assert_eq!(text(&nobody.json(), "note"), "Sign in.");
    }
    assert_eq!(reason(&send(&shelf.anyone, "GET", "loans").await), (403, "SIGN_IN".to_owned()));
    let refused = see(&ann, rep).await;
    assert_eq!(reason(&refused), (403, "LOAN".to_owned()));
    assert!(text(&refused.json(), "loan_url").ends_with(&loan));
    assert_eq!(send(&ann, "GET", &loan).await.ok()["state"], "AVAILABLE");

    let borrowed = send(&ann, "POST", &loan).await.ok();
    assert_eq!(borrowed["state"], "BORROWED");
    let (since, due) = (text(&borrowed, "borrowed_at"), text(&borrowed, "due_at"));
    let (since, due): (Timestamp, Timestamp) = (since.parse().unwrap(), due.parse().unwrap());
    assert_eq!(due, since + seconds(14 * DAY));
    for again in ["POST", "GET"] {
        assert_eq!(send(&ann, again, &loan).await.ok(), borrowed, "the same loan");
    }
    // Another session, another machine: the loan is its borrower's.
    let elsewhere = shelf.staff.signed_in("ann").at_address("198.51.100.9");
    for (who, id) in
        [(&ann, rep), (&elsewhere, rep), (&elsewhere, &shelf.title.mms), (&elsewhere, &shelf.file)]
    {
        let seen = see(who, id).await;
        assert_eq!((seen.status.as_u16(), header(&seen, "cache-control")), (200, "private, no-store"));
        assert_eq!(seen.json()["file"][0]["pid"], shelf.file);
        assert_eq!(seen.json()["loan"]["due_at"], borrowed["due_at"]);
    }
    assert_eq!(see(&elsewhere, &content).await.status, 302);
    assert_eq!(see(&elsewhere, &format!("{}/download", shelf.file)).await.status, 302);

    send(&ben, "POST", &loan).await.ok();
    let none = send(&cat, "POST", &loan).await;
    assert_eq!(reason(&none), (409, "NO_COPY".to_owned()));
    assert_eq!(text(&none.json(), "may_change_at"), (due + seconds(5)).to_string());
    let wait: i64 = header(&none, "retry-after").parse().unwrap();
    assert!((14 * DAY - 600..=14 * DAY + 5).contains(&wait), "{wait}");
    let told = send(&cat, "GET", &loan).await.ok();
    assert_eq!(
        (text(&told, "state"), &told["may_change_at"]),
        ("NO_COPY".to_owned(), &none.json()["may_change_at"])
    );
    assert_eq!(reason(&see(&cat, &content).await), (403, "LOAN".to_owned()), "no loan, no byte");

    // Given back before it is due it is free at once, and whoever gives nothing back is done.
    for _ in 0..2 {
        assert_eq!(send(&ann, "DELETE", &loan).await.status, 204);
    }
    assert_eq!(reason(&see(&ann, &content).await), (403, "LOAN".to_owned()), "at once");
    send(&cat, "POST", &loan).await.ok();
    assert_eq!(send(&ann, "POST", &format!("{loan}?op=return")).await.status, 204);
    assert_eq!(see(&cat, &content).await.status, 302, "what is another's is not given back");

    // Staff need no loan, what is not lent says so, and a loan opens nothing that the policy denies.
    assert_eq!(see(&shelf.staff, &content).await.status, 302);
    assert_eq!(send(&shelf.staff, "POST", &loan).await.ok()["state"], "NOT_LENT");
    shelf.staff.put(&format!("{POLICIES}/{policy}"), by_default(json!({ "effect": "DENY" }))).await.ok();
    for method in ["POST", "GET"] {
        assert_eq!(send(&cat, method, &loan).await.status, 403);
    }
    assert_eq!(see(&cat, &content).await.status, 403, "B35");
    assert_eq!(send(&cat, "DELETE", &loan).await.status, 204, "it can be given back all the same");
    for (method, bad) in
        [("POST", "?op=keep"), ("POST", "?days=9"), ("GET", "?op=return"), ("DELETE", "?x=1")]
    {
        assert_eq!(send(&ben, method, &format!("{loan}{bad}")).await.status, 400, "{bad}");
    }
    for nowhere in ["12000000000000000101/loan", "x/loan"] {
        assert_eq!(send(&ben, "POST", nowhere).await.status, 404, "{nowhere}");
    }
}

#[tokio::test]
async fn a18_what_is_due_has_come_back_and_no_link_outlives_the_loan() {
    let shelf = shelf().await;
    shelf.govern(by_default(lending(1, 7))).await;
    let (loan, content) = (format!("{}/loan", shelf.title.rep), format!("{}/content", shelf.file));
    let start = Timestamp::now();
    let (ann, ben) = (patron(&shelf).await, patron(&shelf).await);
    let at = |who: &Client, second: i64| who.at_time(start + seconds(second));
    let first = send(&at(&ann, 0), "POST", &loan).await.ok();
    assert_eq!(text(&first, "due_at"), (start + seconds(7 * DAY)).to_string());
    assert_eq!(send(&at(&ben, DAY), "POST", &loan).await.status, 409);
    let link = see(&at(&ann, 7 * DAY - 10), &content).await;
    let lives = header(&link, "location").split("X-Amz-Expires=").nth(1).unwrap().split('&').next().unwrap();
    assert!((1..=10).contains(&lives.parse::<u64>().unwrap()), "{lives}");
    assert_eq!(send(&at(&ann, 7 * DAY - 1), "GET", "loans").await.ok()["loan"].as_array().unwrap().len(), 1);

    assert_eq!(see(&at(&ann, 7 * DAY), &content).await.status, 403, "due is due");
    assert_eq!(send(&at(&ann, 7 * DAY), "GET", "loans").await.ok()["loan"], json!([]));
    assert_eq!(send(&at(&ben, 7 * DAY), "POST", &loan).await.status, 409, "clocks differ");
    let second = send(&at(&ben, 7 * DAY + 5), "POST", &loan).await.ok();
    assert_eq!(text(&second, "borrowed_at"), (start + seconds(7 * DAY + 5)).to_string());
    assert_eq!(send(&at(&ann, 7 * DAY + 6), "DELETE", &loan).await.status, 204);
    assert_eq!(
        see(&at(&ben, 7 * DAY + 7), &content).await.status,
        302,
        "nobody gives back what is another's"
    );
    // Who had it borrows it again when it is back.
    assert_eq!(send(&at(&ann, 15 * DAY), "POST", &loan).await.ok()["state"], "BORROWED");
    // What is kept of it goes soon after its end.
    let copies = shelf.stack.app().sessions.lent_copies(&shelf.title.rep.parse().unwrap()).await.unwrap();
    let kept = kept(&shelf, copies[0].borrower.as_str()).await.unwrap();
    assert_eq!(kept.as_copy(), copies[0]);
    assert_eq!(kept.ttl, kept.due_at.as_second() + 3600);
}

#[tokio::test]
async fn a18_a_policy_that_is_changed_holds_for_who_has_borrowed() {
    let shelf = shelf().await;
    let policy = shelf.govern(by_default(lending(2, 30))).await;
    let (loan, content) = (format!("{}/loan", shelf.title.rep), format!("{}/content", shelf.file));
    let start = Timestamp::now();
    let at = |who: &Client, days: i64| who.at_time(start + seconds(days * DAY));
    let (ann, ben, cat) = (patron(&shelf).await, patron(&shelf).await, patron(&shelf).await);
    let change = async |output: Value| {
        shelf.staff.put(&format!("{POLICIES}/{policy}"), by_default(output)).await.ok();
    };
    for who in [&ann, &ben] {
        send(&at(who, 0), "POST", &loan).await.ok();
    }
    // Fewer copies: one of the two is out.
    change(lending(1, 30)).await;
    let mut seen = [0, 0];
    for (index, who) in [&ann, &ben].into_iter().enumerate() {
        seen[index] = see(&at(who, 1), &content).await.status.as_u16();
    }
    seen.sort_unstable();
    assert_eq!(seen, [302, 403]);
    assert_eq!(send(&at(&cat, 1), "POST", &loan).await.status, 409);
    // Shorter: who has had it for so long is out, and its copy is in.
    change(lending(2, 7)).await;
    let told = send(&at(&ann, 2), "GET", &loan).await.ok();
    assert_eq!(text(&told, "due_at"), (start + seconds(7 * DAY)).to_string());
    assert_eq!(see(&at(&ann, 7), &content).await.status, 403);
    send(&at(&cat, 8), "POST", &loan).await.ok();
    // Longer again: never three.
    change(lending(2, 30)).await;
    let mut held = 0;
    for who in [&ann, &ben, &cat] {
        held += u32::from(see(&at(who, 9), &content).await.status == 302);
    }
    assert_eq!(held, 2);
    assert_eq!(see(&at(&cat, 9), &content).await.status, 302);
    assert_eq!(
        shelf.stack.app().sessions.lent_copies(&shelf.title.rep.parse().unwrap()).await.unwrap().len(),
        2
    );
}

#[tokio::test]
async fn a18_a_reader_sees_its_own_loans_and_staff_with_the_role_who_has_what() {
    let shelf = shelf().await;
    shelf.govern(by_default(lending(5, 14))).await;
    let loan = format!("{}/loan", shelf.title.rep);
    for user in ["ann", "ben", "cat"] {
        send(&reader(&shelf, user).await, "POST", &loan).await.ok();
    }
    let ann = reader(&shelf, "ann").await;
    let own = send(&ann, "GET", "loans?limit=1").await.ok();
    let [mine] = own["loan"].as_array().unwrap().as_slice() else { panic!("{own}") };
    assert_eq!(
        (text(mine, "representation_id"), text(mine, "mms_id")),
        (shelf.title.rep.clone(), shelf.title.mms.clone())
    );
    assert!(text(mine, "title").contains("Moby"), "{mine}");
    assert!(text(mine, "link").ends_with(&format!("/view/delivery/VITRINE/{}", shelf.title.rep)));
    assert_eq!(send(&reader(&shelf, "dan").await, "GET", "loans").await.ok(), json!({ "loan": [] }));
    for bad in ["loans?limit=101", "loans?next=%21", "loans?user=ben"] {
        assert_eq!(send(&ann, "GET", bad).await.status, 400, "{bad}");
    }

    let list = format!("/bibs/{}/representations/{}/loans", shelf.title.mms, shelf.title.rep);
    let (mut names, mut next, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = shelf.staff.get(&format!("{list}?limit=2{next}")).await.ok();
        names.extend(page["loan"].as_array().unwrap().iter().map(|loan| text(loan, "user_id")));
        pages += 1;
        match page["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => break,
        }
    }
    names.sort_unstable();
    assert_eq!((names, pages), (vec!["ann".to_owned(), "ben".to_owned(), "cat".to_owned()], 2));
    let one = &shelf.staff.get(&list).await.ok()["loan"][0];
    assert!((1..=5).contains(&one["copy"].as_u64().unwrap()) && one["due_at"].is_string(), "{one}");

    // Patrons' names are for who holds the role, for this library.
    for (role, library, status) in [
        (Role::FulfillmentServicesManager, None, 200),
        (Role::FulfillmentServicesManager, Some("MAIN"), 200),
        (Role::FulfillmentServicesManager, Some("LAW"), 403),
        (Role::CatalogManager, None, 403),
        (Role::UserAdministrator, None, 403),
        (Role::Patron, None, 403),
    ] {
        shelf.staff.put("/conf/libraries/LAW", json!({ "name": "Law" })).await;
        let grants = [Grant { role, library: library.map(|code| code.parse().unwrap()) }];
        let key = shelf.staff.key_with(&grants, KeyPermission::ReadOnly).await;
        let answer = shelf.staff.with_key(Some(&key)).get(&list).await;
        assert_eq!(answer.status, status, "{role:?} {library:?}");
        assert!(status == 200 || !answer.text.contains("ann"));
    }
    assert_eq!(ann.get(&list).await.status, 403);
    let elsewhere = format!("/bibs/{}/representations/12000000000000000101/loans", shelf.title.mms);
    assert_eq!(shelf.staff.get(&elsewhere).await.status, 404);
    // Once it is given back nothing is left of it.
    send(&ann, "DELETE", &loan).await;
    assert!(!shelf.staff.get(&list).await.text.contains("ann"));
    assert_eq!(kept(&shelf, "ann").await, None);
}

#[tokio::test]
async fn a18_the_page_lends_and_takes_back_without_a_script() {
    let shelf = shelf().await;
    shelf.govern(by_default(lending(1, 14))).await;
    let (ann, ben) = (reader(&shelf, "ann").await, reader(&shelf, "ben").await);
    let address = format!("/view/delivery/VITRINE/{}", shelf.title.rep);
    let html = [("accept", "text/html")];
    let page = async |who: &Client| who.send("GET", &address, &html, String::new()).await;
    let post = async |who: &Client, path: &str| {
        let answer = who.send("POST", &format!("{address}/{path}"), &html, String::new()).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        assert!(header(&answer, "location").ends_with(&address));
    };
    let nobody = page(&shelf.anyone).await;
    assert!(nobody.status == 403 && !nobody.text.contains("<form"), "{}", nobody.text);
    assert!(nobody.text.contains("id=\"sign-in\""), "{}", nobody.text);
    let before = page(&ann).await;
    assert_eq!(before.status, 403);
    assert!(before.text.contains("/loan\"><p class=\"acts\"><button>Borrow</button>"), "{}", before.text);
    assert!(before.text.contains("for 14 days. The library lends 1 copy."), "{}", before.text);
    post(&ann, "loan").await;
    let (held, none) = (page(&ann).await, page(&ben).await);
    assert_eq!((held.status.as_u16(), none.status.as_u16()), (200, 403));
    assert!(held.text.contains("You have borrowed this until <time datetime="), "{}", held.text);
    assert!(held.text.contains("/loan?op=return\"") && held.text.contains("page 1.png"), "{}", held.text);
    assert!(
        none.text.contains("The next is back on <time datetime=") && !none.text.contains("<form"),
        "{}",
        none.text
    );
    // Whoever presses Borrow where another was faster is told on the page.
    post(&ben, "loan").await;
    assert!(page(&ben).await.text.contains("id=\"all-out\""));
    post(&ann, "loan?op=return").await;
    assert!(page(&ben).await.text.contains("<button>Borrow</button>"));
}

fn visit(user: &str) -> Visit {
    let actor = Actor::new(user.parse().unwrap(), vec![]);
    Visit { viewer: Viewer::of(Some(&actor), None), session: None, reader: None }
}

#[tokio::test]
async fn what_borrowing_opening_and_giving_back_cost() {
    let shelf = shelf().await;
    shelf.govern(by_default(lending(100, 14))).await;
    let (app, faulty) = shelf.stack.faulty_app();
    let (call, id): (Call, Asked) = (operator(), shelf.title.rep.parse().unwrap());
    let costs = async |who: &str| {
        let mut costs = Vec::new();
        faulty.heal();
        for step in 0..4 {
            match step {
                0 | 1 => drop(app.borrow(&call, &visit(who), &id).await.unwrap()),
                2 => drop(app.open(&call, &visit(who), &id).await.unwrap()),
                _ => drop(app.give_back(&call, &visit(who), &id).await.unwrap()),
            }
            costs.push(faulty.calls().len());
            faulty.heal();
        }
        costs
    };
    // Opening is three, and one for the loan; borrowing three more, giving back two.
    let first = costs("ann").await;
    assert_eq!(first, [7, 4, 4, 6]);
    for number in 0..60 {
        app.borrow(&call, &visit(&format!("r{number}")), &id).await.unwrap();
    }
    assert_eq!(costs("ann").await, first, "as many with sixty copies out");
    app.borrow(&call, &visit("ann"), &id).await.unwrap();
    faulty.heal();
    app.own_loans(&call, &"ann".parse().unwrap(), 10, None).await.unwrap();
    assert_eq!(faulty.calls().len(), 1, "{:?}", faulty.calls());
}

/// Whatever fails while it is borrowed or given back: copies and loans fit each other, and trying again does it.
#[tokio::test]
async fn b10_a_loan_whose_answer_was_lost_is_the_same_loan() {
    let shelf = shelf().await;
    shelf.govern(by_default(lending(2, 14))).await;
    let (app, faulty) = shelf.stack.faulty_app();
    let (call, id): (Call, Asked) = (operator(), shelf.title.rep.parse().unwrap());
    let rep = shelf.title.rep.parse().unwrap();
    for number in 0..7 {
        for fault in [Fault::Before, Fault::After, Fault::Twice] {
            let who = visit("ann");
            faulty.heal();
            faulty.fail(number, fault);
            let first = app.borrow(&call, &who, &id).await;
            faulty.heal();
            let (_, again) = app.borrow(&call, &who, &id).await.unwrap();
            let Borrowing::Borrowed(loan) = &again else { panic!("{again:?}") };
            if let Ok((_, first)) = first {
                assert_eq!(first, again, "{number} {fault:?}");
            }
            let copies = app.sessions.lent_copies(&rep).await.unwrap();
            assert_eq!(copies, [loan.as_copy()], "{number} {fault:?}");
            faulty.heal();
            faulty.fail(number.min(5), fault);
            let _ = app.give_back(&call, &who, &id).await;
            faulty.heal();
            app.give_back(&call, &who, &id).await.unwrap();
            assert_eq!(app.sessions.lent_copies(&rep).await.unwrap(), [], "{number} {fault:?}");
            assert_eq!(app.sessions.loan(&rep, &loan.borrower).await.unwrap(), None);
        }
    }
}

async fn ask(app: &App, call: &Call, user: &UserId, rule: LoanRule) -> Result<Borrowing, AppError> {
    let (rep, mms) = ("1200000000000101".parse().unwrap(), "990000000000101".parse().unwrap());
    app.ask_for_loan(call, (&rep, &mms, "Moby-Dick"), user, rule).await
}

/// B45 for loans: a thousand clients and five copies. The clock stands still, so nothing but giving back frees a copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b45_a_thousand_clients_never_have_more_than_five_copies() {
    const CLIENTS: usize = 1_000;
    let stack = Stack::new();
    let app = Arc::new(stack.app());
    let rep = "1200000000000101".parse().unwrap();
    let rule = LoanRule { copies: 5, days: 14, longest_days: 14 };
    let call = operator();
    let counters: Arc<[AtomicUsize; 4]> = Arc::default();
    let doors = Arc::new(tokio::sync::Semaphore::new(40));
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let (app, call, counters, doors) = (app.clone(), call.clone(), counters.clone(), doors.clone());
        clients.spawn(async move {
            let _door = doors.acquire().await.unwrap();
            let user: UserId = format!("reader{number}").parse().unwrap();
            let [out, most, lent, none] = &*counters;
            let mut told = ask(&app, &call, &user, rule).await;
            // Whoever was beaten to every copy that it tried is told so, and tries again.
            while let Err(AppError::Conflict(_)) = told {
                told = ask(&app, &call, &user, rule).await;
            }
            match told {
                Ok(Borrowing::Borrowed(_)) => {
                    most.fetch_max(out.fetch_add(1, SeqCst) + 1, SeqCst);
                    lent.fetch_add(1, SeqCst);
                    // Asking again, as two windows do at once, lends nothing more.
                    if number % 10 == 0 {
                        let (one, two) =
                            tokio::join!(ask(&app, &call, &user, rule), ask(&app, &call, &user, rule));
                        assert_eq!(one.unwrap(), two.unwrap());
                    }
                    // One in a hundred keeps it.
                    if number % 100 != 0 {
                        out.fetch_sub(1, SeqCst);
                        app.end_loan(&call, &"1200000000000101".parse().unwrap(), &user).await.unwrap();
                    }
                }
                Ok(Borrowing::AllOut { back_at }) => {
                    assert!(back_at > call.now);
                    none.fetch_add(1, SeqCst);
                }
                other => panic!("{other:?}"),
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    let counted = counters.each_ref().map(|it| it.load(SeqCst));
    assert!(counted[1] <= 5 && counted[2] >= 20, "{counted:?}");
    assert_eq!(counted[2] + counted[3], CLIENTS, "everyone was answered: {counted:?}");
    let copies = app.sessions.lent_copies(&rep).await.unwrap();
    assert_eq!(copies.len(), counted[0], "nothing leaked");
    for copy in &copies {
        let loan = app.sessions.loan(&rep, &copy.borrower).await.unwrap().unwrap();
        assert_eq!(loan.as_copy(), *copy);
    }
}

/// One user at many machines at once has one loan.
#[tokio::test]
async fn a18_one_user_that_asks_many_times_at_once_has_one_copy() {
    let stack = Stack::new();
    let app = stack.app();
    let (call, user): (Call, UserId) = (operator(), "ann".parse().unwrap());
    let rule = LoanRule { copies: 50, days: 14, longest_days: 14 };
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (app, call, user) = (app.clone(), call.clone(), user.clone());
        asking.spawn(async move { ask(&app, &call, &user, rule).await });
    }
    let asked = asking.join_all().await;
    let told: Vec<Borrowing> = asked.into_iter().map(Result::unwrap).collect();
    assert!(told.iter().all(|it| *it == told[0]), "{told:?}");
    assert_eq!(app.sessions.lent_copies(&"1200000000000101".parse().unwrap()).await.unwrap().len(), 1);
}
