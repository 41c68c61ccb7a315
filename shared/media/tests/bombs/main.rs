//! Hostile files of every kind, made here, through the real limited child (reliability.md B24, B53-B55).
//!
//! Each names the class it must end in. Time is bounded by the limits of the child, memory by what the kernel counted
//! over all children, and a listener on this machine must hear nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test may stop at the first surprise"
)]

#[path = "../common/mod.rs"]
mod common;

mod container;
mod raster;
mod sound_and_film;
mod vector;

use std::net::TcpListener;
use std::sync::Mutex;

use vitrine_media::{FailureCode, ThumbnailOutcome};

/// How a hostile file must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The harmless part was drawn, and the rest was not looked at
    Drawn,
    /// A limit of ours stopped it
    Limit,
    /// It is not what it claims
    Broken,
    /// Nothing here draws it
    Unsupported,
    /// ffmpeg found nothing to draw
    Tool,
}

/// A file, its name, and how it must end.
pub type Bomb = (&'static str, Vec<u8>, Class);

/// Source: issue 2.
const FEWEST_BOMBS: usize = 40;
/// Source: reliability.md B54.
const RSS_BOUND: u64 = 512 << 20;

fn class_of(outcome: &ThumbnailOutcome) -> Option<Class> {
    Some(match outcome {
        ThumbnailOutcome::Made { .. } => Class::Drawn,
        ThumbnailOutcome::Unsupported { .. } => Class::Unsupported,
        // Wall clock and CPU time are both limits, and a busy machine reaches the first of them first.
        ThumbnailOutcome::Failed { code: FailureCode::ThumbLimit | FailureCode::ThumbTimeout, .. } => {
            Class::Limit
        }
        ThumbnailOutcome::Failed { code: FailureCode::ThumbBroken, .. } => Class::Broken,
        ThumbnailOutcome::Failed { code: FailureCode::ThumbTool, .. } => Class::Tool,
        ThumbnailOutcome::Failed { .. } => return None,
    })
}

async fn all_end_as_they_must(bombs: Vec<Bomb>) {
    let queue = Mutex::new(bombs.into_iter());
    let wrong = Mutex::new(Vec::new());
    let work = async || {
        loop {
            let Some((name, bytes, class)) = queue.lock().unwrap().next() else { return };
            let (_folder, outcome) = common::thumbnail(name, &bytes, 200).await;
            let found = class_of(&outcome);
            eprintln!("{name} ({} bytes): {found:?}, {outcome:?}", bytes.len());
            if found != Some(class) {
                wrong.lock().unwrap().push(format!("{name}: {class:?} expected, {outcome:?}"));
            }
        }
    };
    tokio::join!(work(), work());
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let largest = common::largest_child();
    assert!(largest <= RSS_BOUND, "a child held {largest} bytes");
}

#[tokio::test]
async fn raster_bombs_end_in_their_class() {
    all_end_as_they_must(raster::bombs()).await;
}

#[tokio::test]
async fn drawing_and_document_bombs_end_in_their_class_and_reach_nobody() {
    let canary = Canary::new();
    all_end_as_they_must(vector::bombs(&canary.url())).await;
    canary.assert_silent();
}

#[tokio::test]
async fn container_bombs_end_in_their_class() {
    all_end_as_they_must(container::bombs()).await;
}

#[tokio::test]
async fn films_and_sounds_that_point_elsewhere_reach_nobody() {
    let canary = Canary::new();
    all_end_as_they_must(sound_and_film::bombs(&canary.url())).await;
    canary.assert_silent();
}

#[test]
fn there_are_enough_of_them_and_their_names_differ() {
    let url = "http://127.0.0.1:9/";
    let mut names: Vec<&str> =
        [raster::bombs(), vector::bombs(url), container::bombs(), sound_and_film::bombs(url)]
            .iter()
            .flatten()
            .map(|(name, ..)| *name)
            .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count >= FEWEST_BOMBS, "{count}");
}

/// A listener that nobody may call.
struct Canary(TcpListener);

impl Canary {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/x", self.0.local_addr().unwrap().port())
    }

    fn assert_silent(&self) {
        assert!(self.0.accept().is_err(), "a file made a decoder call home");
    }
}
