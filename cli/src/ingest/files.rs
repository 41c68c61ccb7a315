//! Sends what has not arrived: one thread decides, reads checksums and asks for addresses, others send.
//!
//! Memory does not grow with the folder: a batch or two of files is held at a time, and whatever is known of the
//! others is in the journal and on the other side.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use indicatif::ProgressBar;
use serde_json::Value;

use super::arrived::ArrivedFiles;
use super::scan::Scan;
use crate::api::{Again, Api};
use crate::digest;
use crate::failure::Failure;
use crate::journal::{Entry, Journal, Multipart};
use crate::progress::{Progress, checksum};
use crate::send::{self, Piece, Whole};
use crate::terminal::{count, note, plain};
use crate::walk::{Found, Local, Walk};
use crate::wire::{
    Arrived, ArrivedParts, FilePlan, FilePlans, FileWish, FileWishes, PartWish, PartWishes, Signed,
    SignedParts,
};

/// How many files are asked for at once.
const BATCH_FILES: usize = 500;
/// A batch ends before, where its files have this many bytes: addresses do not wait long, and the first bytes go soon.
const BATCH_BYTES: u64 = 256 * 1024 * 1024;
/// How often a file may change while it is being sent.
const MAX_CHANGES: u32 = 5;

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

struct Sender<'a> {
    api: &'a Api,
    journal: &'a Journal,
    ingest_path: &'a str,
    progress: &'a Progress,
    stopped: AtomicBool,
    failure: Mutex<Option<Failure>>,
    there: AtomicU64,
    sent: AtomicU64,
}

enum Task {
    Whole(Ready, Signed),
    Part(Arc<Large>, u64),
    Complete(Arc<Large>),
}

/// A file whose checksum is known.
#[derive(Clone)]
struct Ready {
    local: Local,
    sha256: String,
}

/// A file that goes in parts.
struct Large {
    ready: Ready,
    multipart: Multipart,
    left: AtomicU64,
    bar: Option<ProgressBar>,
}

impl Ready {
    fn entry(&self, etag: Option<String>, multipart: Option<Multipart>) -> Entry {
        Entry {
            name: self.local.name.clone(),
            size: self.local.size,
            modified: self.local.modified,
            sha256: self.sha256.clone(),
            etag,
            multipart,
        }
    }

    fn wish(&self) -> FileWish {
        FileWish { name: self.local.name.clone(), size: self.local.size, sha256: self.sha256.clone() }
    }
}

impl Sender<'_> {
    fn stop(&self, failure: Failure) {
        self.stopped.store(true, Ordering::Relaxed);
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    // The thread that decides.

    fn plan(&self, root: &Path, tasks: &SyncSender<Task>) -> Result<(), Failure> {
        let walk = Walk::new(root).map_err(|error| Failure::local(root, "read", &error))?;
        let mut arrived = ArrivedFiles::new(self.api, self.ingest_path);
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
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
            if batch.len() >= BATCH_FILES || batch_bytes >= BATCH_BYTES {
                self.ask(std::mem::take(&mut batch), tasks)?;
                batch_bytes = 0;
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

    fn plans(&self, file: Vec<FileWish>) -> Result<Vec<FilePlan>, Failure> {
        let path = format!("{}/files", self.ingest_path);
        let plans: FilePlans = self.api.post(&path, &[], Some(&FileWishes { file }), Again::Yes)?;
        Ok(plans.file)
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

    // The threads that send.

    fn work(&self, tasks: &Mutex<Receiver<Task>>) {
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

/// How long a part is; 0 for one that the file does not have.
fn length(local: &Local, multipart: &Multipart, number: u64) -> u64 {
    let from = number.saturating_sub(1).saturating_mul(multipart.part_bytes);
    local.size.saturating_sub(from).min(multipart.part_bytes)
}

fn give(tasks: &SyncSender<Task>, task: Task) -> Result<(), Failure> {
    tasks.send(task).map_err(|_| Failure::Unavailable("the threads that send have ended".to_owned()))
}

fn unexpected(what: &str) -> Failure {
    Failure::Unavailable(format!("the answer of the repository {what}"))
}
