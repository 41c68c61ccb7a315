//! Delivery: what an address of delivery leads to, and what stands between this viewer and its files.
//!
//! Every door of delivery - JSON, page, manifest, bytes, text - begins with [`App::open`], so that all of them ask the
//! same decision (B43).

mod bytes;
mod declarations;
mod loans;
mod marked;
mod offer;
mod open;
mod present;
mod seats;
mod sessions;

pub use bytes::{Given, Wanted};
pub use loans::Borrowing;
pub(crate) use marked::{NO_COPY, is_fresh};
pub use offer::{Form, Offer, is_plain_text, offer};
pub use open::{Access, Asked, Opened, Reader, Visit};
pub(crate) use open::{REPRESENTATIONS_SEEN, in_order_of_choice};
pub use present::Presented;
pub use seats::Standing;
