//! Delivery: what viewers are given, at every door (S4, S7, A11-A17, D15; B31, B35-B37, B43-B45, B47, B52).

mod bytes;
mod resource;

use serde_json::{Value, json};
use vitrine_testing::{Answer, Client, Stack};

use crate::rights::{govern, policy};
use crate::walk::{Title, red_png, settle, text, title, upload};

/// A title with one picture, and who asks for it.
pub struct Shelf {
    pub _stack: Stack,
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
    Shelf { _stack: stack, staff, anyone, title, file }
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

pub fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}
