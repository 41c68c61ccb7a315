//! Delivery: what viewers are given, at every door (S4, S7, A11-A18, D15; B31, B35-B37, B43-B45, B47, B52).

mod bytes;
mod costs;
mod declarations;
mod fulltext;
mod loans;
mod remote;
mod resource;
mod seats;
mod sign_in;
mod watermarks;

use serde_json::{Value, json};
use vitrine_testing::{Answer, Client, Stack};

use crate::rights::{govern, policy};
use crate::walk::{Title, red_png, settle, text, title, upload};

/// A title with one picture, and who asks for it.
pub struct Shelf {
    pub stack: Stack,
    /// Staff.
    pub staff: Client,
    /// Anyone, at an address outside.
    pub anyone: Client,
    pub title: Title,
    pub file: String,
}

pub async fn shelf() -> Shelf {
    shelf_of(Stack::new(), "page 1.png", &red_png()).await
}

pub async fn shelf_of(stack: Stack, name: &str, bytes: &[u8]) -> Shelf {
    let staff = stack.client().await;
    let title = title(&staff).await;
    upload(&staff, &title.rep, name, bytes).await;
    settle(&stack.app()).await;
    let file = text(&staff.get(&title.files()).await.ok()["representation_file"][0], "pid");
    let anyone = staff.with_key(None).at_address("203.0.113.1");
    Shelf { stack, staff, anyone, title, file }
}

impl Shelf {
    /// Puts the representation under a policy that says this.
    pub async fn govern(&self, body: Value) -> String {
        let id = policy(&self.staff, body).await;
        govern(&self.staff, &self.title, Some(&id)).await.ok();
        id
    }
}

/// A policy whose default rule says this.
pub fn by_default(output: Value) -> Value {
    json!({ "name": "p", "denied_note": "Ask at the desk.", "denied_note_unregistered": "Sign in.", "default_rule": output })
}

pub async fn see(who: &Client, path: &str) -> Answer {
    who.get(&format!("/view/delivery/VITRINE/{path}")).await
}

/// A browser: what it was told to keep, it sends.
pub struct Browser {
    who: Client,
    cookie: std::cell::RefCell<String>,
}

impl Browser {
    pub fn new(who: &Client) -> Self {
        Self { who: who.clone(), cookie: std::cell::RefCell::default() }
    }

    pub fn with_cookie(who: &Client, cookie: &str) -> Self {
        Self { who: who.clone(), cookie: std::cell::RefCell::new(cookie.to_owned()) }
    }

    pub async fn ask(&self, method: &str, path: &str) -> Answer {
        self.ask_from(method, path, &[]).await
    }

    pub async fn ask_from(&self, method: &str, path: &str, more: &[(&str, &str)]) -> Answer {
        let cookie = self.cookie.borrow().clone();
        let mut headers = more.to_vec();
        if !cookie.is_empty() {
            headers.push(("cookie", &cookie));
        }
        headers.push(("accept", "application/json"));
        let answer = self.who.send(method, path, &headers, String::new()).await;
        if let Some(set) = answer.headers.get("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            *self.cookie.borrow_mut() = pair.to_owned();
        }
        answer
    }

    pub async fn see(&self, path: &str) -> Answer {
        self.ask("GET", &format!("/view/delivery/VITRINE/{path}")).await
    }

    pub async fn post(&self, path: &str) -> Answer {
        self.ask("POST", &format!("/view/delivery/VITRINE/{path}")).await
    }
}

pub fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}
