//! Sends what has not arrived: one thread decides, reads checksums and asks for addresses, others send.
//!
//! Memory does not grow with the folder: a batch or two of files is held at a time, and whatever is known of the
//! others is in the journal and on the other side.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use indicatif::ProgressBar;

use super::scan::Scan;
use crate::api::{Again, Api};
use crate::failure::Failure;
use crate::journal::{Entry, Journal, Multipart};
use crate::progress::Progress;
use crate::terminal::{count, note};
use crate::walk::Local;
use crate::wire::{FilePlan, FilePlans, FileWish, FileWishes, Signed};

/// How many files are asked for at once.
pub(super) const BATCH_FILES: usize = 500;

/// Sends what has not arrived.
///
/// # Errors
/// The first thing that went wrong; what was sent before is in the journal.
pub fn send(api: &Api, journal: &Journal, ingest_path: &str, scan: &Scan) -> Result<(), Failure> {
    let progress = Progress::new(scan.files, scan.bytes);
    let sender = Sender {
        api,
        journal,
        ingest_path,
        progress: &progress,
        stopped: AtomicBool::new(false),
        failure: Mutex::new(None),
        there: AtomicU64::new(0),
        sent: AtomicU64::new(0),
    };
    let (give, take) = sync_channel(BATCH_FILES);
    let take = Mutex::new(take);
    thread::scope(|threads| {
        for _ in 0..api.settings().parallel {
            threads.spawn(|| sender.work(&take));
        }
        if let Err(failure) = sender.plan(&scan.root, &give) {
            sender.stop(failure);
        }
        drop(give);
    });
    progress.end();
    let failure = sender.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(failure) = failure {
        return Err(failure);
    }
    let (there, sent) = (sender.there.into_inner(), sender.sent.into_inner());
    note(&format!(
        "{} sent{}",
        count(sent, "file"),
        if there > 0 { format!(", {there} had arrived before") } else { String::new() }
    ));
    Ok(())
}

pub(super) struct Sender<'a> {
    pub(super) api: &'a Api,
    pub(super) journal: &'a Journal,
    pub(super) ingest_path: &'a str,
    pub(super) progress: &'a Progress,
    pub(super) stopped: AtomicBool,
    pub(super) failure: Mutex<Option<Failure>>,
    pub(super) there: AtomicU64,
    pub(super) sent: AtomicU64,
}

pub(super) enum Task {
    Whole(Ready, Signed),
    Part(Arc<Large>, u64),
    Complete(Arc<Large>),
}

/// A file whose checksum is known.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) local: Local,
    pub(super) sha256: String,
}

/// A file that goes in parts.
pub(super) struct Large {
    pub(super) ready: Ready,
    pub(super) multipart: Multipart,
    pub(super) left: AtomicU64,
    pub(super) bar: Option<ProgressBar>,
}

impl Ready {
    pub(super) fn entry(&self, etag: Option<String>, multipart: Option<Multipart>) -> Entry {
        Entry {
            name: self.local.name.clone(),
            size: self.local.size,
            modified: self.local.modified,
            sha256: self.sha256.clone(),
            etag,
            multipart,
        }
    }

    pub(super) fn wish(&self) -> FileWish {
        FileWish { name: self.local.name.clone(), size: self.local.size, sha256: self.sha256.clone() }
    }
}

impl Sender<'_> {
    pub(super) fn stop(&self, failure: Failure) {
        self.stopped.store(true, Ordering::Relaxed);
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Asks how files are to be sent.
    pub(super) fn plans(&self, file: Vec<FileWish>) -> Result<Vec<FilePlan>, Failure> {
        let path = format!("{}/files", self.ingest_path);
        let plans: FilePlans = self.api.post(&path, &[], Some(&FileWishes { file }), Again::Yes)?;
        Ok(plans.file)
    }
}

/// How long a part is; 0 for one that the file does not have.
pub(super) fn length(local: &Local, multipart: &Multipart, number: u64) -> u64 {
    let from = number.saturating_sub(1).saturating_mul(multipart.part_bytes);
    local.size.saturating_sub(from).min(multipart.part_bytes)
}

pub(super) fn give(tasks: &SyncSender<Task>, task: Task) -> Result<(), Failure> {
    tasks.send(task).map_err(|_| Failure::Unavailable("the threads that send have ended".to_owned()))
}

pub(super) fn unexpected(what: &str) -> Failure {
    Failure::Unavailable(format!("the answer of the repository {what}"))
}
