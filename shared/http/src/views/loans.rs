//! Who has borrowed a representation, for staff (A18).

use serde_json::{Value, json};
use vitrine_domain::loans::LentCopy;
use vitrine_store::Page;

use super::without_nulls;
use crate::wire::query::cursor;
use crate::wire::shape::{Shape, count, object, text};

static LOAN: Shape =
    Shape { root: "loan", members: &[text("user_id"), count("copy"), text("borrowed_at"), text("due_at")] };

pub static LOANS: Shape =
    Shape { root: "loans", members: &[text("next").attribute(), object("loan", &LOAN).many()] };

/// A page of the copies that are out.
pub fn loans(page: &Page<LentCopy>) -> Value {
    let loans: Vec<Value> = page
        .items
        .iter()
        .map(|copy| {
            json!({
                "user_id": copy.borrower.as_str(),
                // People count from one.
                "copy": copy.copy_number + 1,
                "borrowed_at": copy.borrowed_at.to_string(),
                "due_at": copy.due_at.to_string(),
            })
        })
        .collect();
    without_nulls(json!({ "loan": loans, "next": page.next.as_deref().map(cursor) }))
}
