//! Decides what has to be sent: walks the folder along with what has arrived, reads checksums, asks for addresses.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;

use serde_json::Value;

use super::arrived::ArrivedFiles;
use super::files::{BATCH_FILES, Large, Ready, Sender, Task, give, length, unexpected};
use crate::api::Again;
use crate::digest;
use crate::failure::Failure;
use crate::journal::{Entry, Multipart};
use crate::progress::checksum;
use crate::terminal::{count, note, plain};
use crate::walk::{Found, Local, Walk};
use crate::wire::{Arrived, ArrivedParts, FilePlan, PartWishes};

/// The first batch is small and each next one twice as large, so that sending begins at once.
const FIRST_BATCH_FILES: usize = 50;
/// A batch ends before, where its files have this many bytes: addresses do not wait long, and the first bytes go soon.
const BATCH_BYTES: u64 = 256 * 1024 * 1024;

impl Sender<'_> {
    /// Decides about every file of the folder, and hands on what has to be sent.
    ///
    /// # Errors
    /// A file that can not be read; an API that does not answer.
    pub(super) fn plan(&self, root: &Path, tasks: &SyncSender<Task>) -> Result<(), Failure> {
        let walk = Walk::new(root).map_err(|error| Failure::local(root, "read", &error))?;
        let mut arrived = ArrivedFiles::new(self.api, self.ingest_path);
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        let mut batch_files = FIRST_BATCH_FILES;
        for found in walk {
            let local = match found {
                Found::File(local) => local,
                Found::Skipped(..) => continue,
                Found::Problem(problem) => return Err(Failure::Invalid(plain(&problem))),
            };
            if self.is_stopped() {
                return Ok(());
            }
            if let Some(there) = arrived.take(&local.name)?
                && self.has_arrived(&local, &there)?
            {
                self.there.fetch_add(1, Ordering::Relaxed);
                self.progress.more(local.size);
                self.progress.file_done();
                continue;
            }
            batch_bytes += local.size;
            batch.push(local);
            if batch.len() >= batch_files || batch_bytes >= BATCH_BYTES {
                self.ask(std::mem::take(&mut batch), tasks)?;
                batch_bytes = 0;
                batch_files = (batch_files * 2).min(BATCH_FILES);
            }
        }
        self.ask(batch, tasks)?;
        arrived.finish()?;
        let (number, names) = &arrived.strangers;
        if *number > 0 {
            let names: Vec<_> = names.iter().map(|name| plain(name)).collect();
            note(&format!(
                "{} in the ingest and not in the folder, so the report will name them: {}",
                count(*number, "file"),
                names.join(", ")
            ));
        }
        Ok(())
    }

    /// Whether what is there is this file: by the journal, else by its ETag.
    fn has_arrived(&self, local: &Local, there: &Arrived) -> Result<bool, Failure> {
        if there.size != local.size {
            return Ok(false);
        }
        let known = self.journal.find(&local.name);
        let about = known.filter(|entry| entry.is_about(local));
        let name = there.etag.trim_matches('"');
        if about.as_ref().is_some_and(|entry| entry.etag.as_deref() == Some(name)) {
            return Ok(true);
        }
        let in_parts = name.contains('-');
        let part_bytes = about
            .as_ref()
            .and_then(|entry| entry.multipart.as_ref())
            .map(|multipart| multipart.part_bytes)
            .filter(|_| in_parts);
        if in_parts && part_bytes.is_none() {
            return Ok(false);
        }
        let etag = digest::etag(&local.path, local.size, part_bytes)
            .map_err(|error| Failure::local(&local.path, "read", &error))?;
        if etag != name {
            return Ok(false);
        }
        if let Some(entry) = about {
            self.journal.record(&Entry { etag: Some(etag), ..entry }, false)?;
        }
        Ok(true)
    }

    /// Reads the checksums of a batch, asks how its files are to be sent, and hands them on.
    fn ask(&self, batch: Vec<Local>, tasks: &SyncSender<Task>) -> Result<(), Failure> {
        let mut wanted: HashMap<String, Ready> = HashMap::new();
        let mut order = Vec::new();
        for (ready, known) in self.checksums(batch)? {
            if let Some(multipart) = known
                && self.resume(&ready, multipart, tasks)?
            {
                continue;
            }
            order.push(ready.wish());
            wanted.insert(ready.local.name.clone(), ready);
        }
        if order.is_empty() {
            return Ok(());
        }
        for plan in self.plans(order)? {
            let Some(ready) = wanted.remove(&plan.name) else {
                return Err(unexpected("names a file that was not asked for"));
            };
            match plan.request {
                Some(request) => give(tasks, Task::Whole(ready, request))?,
                None => self.begin_parts(ready, plan, tasks)?,
            }
        }
        match wanted.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(unexpected(&format!("leaves `{}` out", plain(&name)))),
        }
    }

    /// The checksums of a batch in its order, read by a few threads; with the parts that were begun for a file.
    fn checksums(&self, batch: Vec<Local>) -> Result<Vec<(Ready, Option<Multipart>)>, Failure> {
        let at = AtomicUsize::new(0);
        let readers = thread::available_parallelism().map_or(2, |cores| cores.get().min(4));
        let mut done = thread::scope(|threads| {
            let workers: Vec<_> = (0..readers.min(batch.len()))
                .map(|_| {
                    threads.spawn(|| {
                        let mut done = Vec::new();
                        loop {
                            let number = at.fetch_add(1, Ordering::Relaxed);
                            let Some(local) = batch.get(number).filter(|_| !self.is_stopped()) else {
                                return Ok::<_, Failure>(done);
                            };
                            done.push((number, self.checksum(local.clone())?));
                        }
                    })
                })
                .collect();
            let mut all = Vec::with_capacity(batch.len());
            for worker in workers {
                match worker.join() {
                    Ok(done) => all.extend(done?),
                    Err(_) => return Err(Failure::Unavailable("a thread failed".to_owned())),
                }
            }
            Ok(all)
        })?;
        done.sort_by_key(|(number, _)| *number);
        Ok(done.into_iter().map(|(_, known)| known).collect())
    }

    fn checksum(&self, local: Local) -> Result<(Ready, Option<Multipart>), Failure> {
        let known = self.journal.find(&local.name);
        if let Some(entry) = known {
            if entry.is_about(&local) {
                let begun = entry.multipart.filter(|_| entry.etag.is_none());
                return Ok((Ready { local, sha256: entry.sha256 }, begun));
            }
            if let Some(old) = entry.multipart.filter(|_| entry.etag.is_none()) {
                self.give_up(&local, &old);
            }
        }
        let sha256 = checksum(self.progress, &local)?;
        let ready = Ready { local, sha256 };
        self.journal.record(&ready.entry(None, None), false)?;
        Ok((ready, None))
    }

    /// Gives up the parts of a file that changed since. Where that fails, the bucket's own rule removes them.
    fn give_up(&self, local: &Local, old: &Multipart) {
        let path = format!("{}/parts", self.ingest_path);
        let end = PartWishes { name: &local.name, multipart_id: &old.id, size: local.size, part: Vec::new() };
        let _: Result<Value, _> = self.api.post(&path, &[("op", "abort")], Some(&end), Again::Yes);
    }

    fn begin_parts(&self, ready: Ready, plan: FilePlan, tasks: &SyncSender<Task>) -> Result<(), Failure> {
        let (Some(id), Some(part_bytes)) = (plan.multipart_id, plan.part_size.filter(|bytes| *bytes > 0))
        else {
            return Err(unexpected("does not say how a file is to be sent"));
        };
        let multipart = Multipart { id, part_bytes };
        // Before the first part goes: without its id nobody finds the parts again.
        self.journal.record(&ready.entry(None, Some(multipart.clone())), true)?;
        self.give_parts(ready, multipart, &[], tasks)
    }

    /// Goes on with parts that were begun; `false` when they are gone.
    fn resume(&self, ready: &Ready, multipart: Multipart, tasks: &SyncSender<Task>) -> Result<bool, Failure> {
        let path = format!("{}/parts", self.ingest_path);
        let query = [("name", ready.local.name.as_str()), ("multipart_id", multipart.id.as_str())];
        let arrived: ArrivedParts = match self.api.get(&path, &query) {
            Ok(arrived) => arrived,
            Err(Failure::NotFound(_) | Failure::Invalid(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let whole: Vec<u64> = arrived
            .part
            .iter()
            .filter(|part| {
                part.size.is_none_or(|size| size == length(&ready.local, &multipart, part.part_number))
            })
            .map(|part| part.part_number)
            .collect();
        self.give_parts(ready.clone(), multipart, &whole, tasks)?;
        Ok(true)
    }

    fn give_parts(
        &self,
        ready: Ready,
        multipart: Multipart,
        arrived: &[u64],
        tasks: &SyncSender<Task>,
    ) -> Result<(), Failure> {
        let parts = ready.local.size.div_ceil(multipart.part_bytes);
        let missing: Vec<u64> = (1..=parts).filter(|number| !arrived.contains(number)).collect();
        let bar = self.progress.own_bar("sending", &ready.local.name, ready.local.size);
        for number in (1..=parts).filter(|number| arrived.contains(number)) {
            let bytes = length(&ready.local, &multipart, number);
            self.progress.more(bytes);
            if let Some(bar) = &bar {
                bar.inc(bytes);
            }
        }
        let left = AtomicU64::new(missing.len() as u64);
        let large = Arc::new(Large { ready, multipart, left, bar });
        if missing.is_empty() {
            return give(tasks, Task::Complete(large));
        }
        for number in missing {
            give(tasks, Task::Part(Arc::clone(&large), number))?;
        }
        Ok(())
    }
}
