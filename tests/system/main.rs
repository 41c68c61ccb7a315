//! What crosses crates, against the real engine. One module a topic; `walk` is what they share.

mod events;
mod refusals;
mod registration;
mod structure;
mod titles;
mod uploads;
mod walk;
