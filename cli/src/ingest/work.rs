//! Sends what was decided: a few threads, each with a file or a part at a time.

use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::files::{Large, Ready, Sender, Task, length, unexpected};
use crate::api::Again;
use crate::failure::Failure;
use crate::progress::checksum;
use crate::send::{self, Piece, Whole};
use crate::terminal::{note, plain};
use crate::walk::Local;
use crate::wire::{PartWish, PartWishes, Signed, SignedParts};

/// How often a file may change while it is being sent.
const MAX_CHANGES: u32 = 5;

impl Sender<'_> {
    /// Takes tasks until there are none; after a failure, only takes them.
    pub(super) fn work(&self, tasks: &Mutex<Receiver<Task>>) {
        loop {
            let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(task) = task else { return };
            // Whoever decides must not wait for room for ever: what is left is taken and dropped.
            if self.is_stopped() {
                continue;
            }
            let done = match task {
                Task::Whole(ready, request) => self.send_whole(ready, request),
                Task::Part(large, number) => self.send_part(&large, number),
                Task::Complete(large) => self.complete(&large),
            };
            if let Err(failure) = done {
                self.stop(failure);
            }
        }
    }

    fn send_whole(&self, mut ready: Ready, first: Signed) -> Result<(), Failure> {
        let mut first = Some(first);
        for _ in 0..=MAX_CHANGES {
            let sign = || self.sign_again(&ready).map(Some);
            match send::whole(self.api, self.progress, &ready.local, first.take(), &sign)? {
                Whole::Taken(etag) => {
                    self.journal.record(&ready.entry(etag, None), false)?;
                    self.sent.fetch_add(1, Ordering::Relaxed);
                    self.progress.file_done();
                    return Ok(());
                }
                Whole::Occupied => {
                    let name = plain(&ready.local.name);
                    return Err(Failure::Invalid(format!(
                        "`{name}` is there already and can not be replaced"
                    )));
                }
                Whole::Changed => {
                    note(&format!(
                        "`{}` changed while it was sent; sending it again",
                        plain(&ready.local.name)
                    ));
                    let local = Local::look(ready.local.name.clone(), ready.local.path.clone())
                        .map_err(|error| Failure::local(&ready.local.path, "read", &error))?;
                    let sha256 = checksum(self.progress, &local)?;
                    ready = Ready { local, sha256 };
                }
            }
        }
        Err(Failure::Invalid(format!("`{}` changes again and again", plain(&ready.local.name))))
    }

    fn sign_again(&self, ready: &Ready) -> Result<Signed, Failure> {
        let plans = self.plans(vec![ready.wish()])?;
        let plan = plans.into_iter().next().ok_or_else(|| unexpected("leaves a file out"))?;
        // It grew over the size that goes in one piece; the next run sends it in parts.
        plan.request.ok_or_else(|| send::changed(&ready.local))
    }

    fn send_part(&self, large: &Arc<Large>, number: u64) -> Result<(), Failure> {
        let local = &large.ready.local;
        let path = format!("{}/parts", self.ingest_path);
        let piece = Piece {
            local,
            from: (number - 1) * large.multipart.part_bytes,
            length: length(local, &large.multipart, number),
        };
        let sign = |sha256: &str| {
            let wishes = PartWishes {
                name: &local.name,
                multipart_id: &large.multipart.id,
                size: local.size,
                part: vec![PartWish { part_number: number, sha256: sha256.to_owned() }],
            };
            let signed: SignedParts = self.api.post(&path, &[], Some(&wishes), Again::Yes)?;
            signed.request.into_iter().next().ok_or_else(|| unexpected("leaves a part out"))
        };
        send::part(self.api, self.progress, large.bar.as_ref(), piece, &sign)?;
        if large.left.fetch_sub(1, Ordering::AcqRel) == 1 { self.complete(large) } else { Ok(()) }
    }

    fn complete(&self, large: &Large) -> Result<(), Failure> {
        let Large { ready, multipart, bar, .. } = large;
        if !ready.local.is_unchanged() {
            return Err(send::changed(&ready.local));
        }
        let path = format!("{}/parts", self.ingest_path);
        let (name, size) = (&ready.local.name, ready.local.size);
        let end = PartWishes { name, multipart_id: &multipart.id, size, part: Vec::new() };
        let _: Value = self.api.post(&path, &[("op", "complete")], Some(&end), Again::Yes)?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.progress.file_done();
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        Ok(())
    }
}
