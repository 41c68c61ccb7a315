//! Thumbnails and probing from bytes.
//!
//! A caller identifies a file by its first bytes ([`identify`]), asks for thumbnails ([`make_thumbnails`]) and
//! falls back to a type icon ([`icon`]). Every decoder runs in a child process that limits itself before it reads
//! the first byte of input, so a hostile file ends a child and never a worker (reliability.md B53-B55).
//!
//! This crate knows files and pictures. It never talks to a network or a store, and never decides who may see what.
//!
//! Sizes are pixels on the long side; a thumbnail is never larger than its source. Pictures come out upright, in sRGB,
//! flattened on white, as baseline-compatible JPEG (docs: `codec.rs` says why not WebP).

mod child;
mod codec;
mod color;
mod draw;
mod exif;
mod formats;
mod icon;
mod identify;
mod job;
mod mark;
mod media_type;
mod raster;
mod read;
mod reduce;
mod request;
mod sandbox;
mod spawn;

pub use child::run_child_if_asked;
pub use icon::{Icon, icon};
pub use identify::{HEAD_LEN, identify};
pub use media_type::{Family, MediaType};
pub use request::{
    Facts, FailureCode, MAX_MARKED_BYTES, MAX_MARKED_PAGES, MAX_TEXT_BYTES, MarkOutcome, MarkRequest,
    MarkedAs, TextOutcome, TextRequest, Thumbnail, ThumbnailOutcome, ThumbnailRequest, Tools, Usage,
    marked_as, may_hold_text,
};
pub use spawn::{make_marked, make_thumbnails, read_text};
