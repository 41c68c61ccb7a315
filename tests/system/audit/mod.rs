//! What happened is told for every thing, and nothing of it can be changed unseen (D24).

mod history;
mod seals;
