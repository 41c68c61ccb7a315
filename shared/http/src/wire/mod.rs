//! The wire: one typed view, two formats, one error body.
//!
//! A handler takes a [`Body`] and gives a [`Reply`] or a [`Problem`]; it never asks which format the client speaks.
//! [`edge`] around the routes negotiates it, renders, logs one line and keeps the limits.

pub mod body;
pub mod edge;
pub mod etag;
pub mod format;
pub mod normalise;
pub mod problem;
pub mod query;
pub mod reply;
pub mod shape;
pub mod strict_json;
#[cfg(test)]
mod tests;
pub mod throttle;
pub mod xml_read;
pub mod xml_write;

pub(crate) use body::read_text;
pub use body::{Body, BodyDeadline};
pub use edge::{Exchange, GatewayRequestId, Whole, with_delivery_edge, with_edge};
pub use etag::IfMatch;
pub use format::Format;
pub(crate) use normalise::parse_flag;
pub use problem::Problem;
pub use query::{Paging, Params};
pub use reply::Reply;
pub use shape::{Kind, Member, Shape, Wire};
pub use throttle::Throttle;
