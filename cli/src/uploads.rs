//! `vitrine upload`: files into a representation, through the resource `uploads`.
//!
//! Intents are written in the order of the arguments, which makes the files' order; bytes go in parallel.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::api::{Again, Api, segment};
use crate::args::UploadArgs;
use crate::digest::hex;
use crate::failure::Failure;
use crate::journal::write_whole;
use crate::progress::{Progress, checksum};
use crate::send::{self, Piece, Whole};
use crate::settings::state_folder;
use crate::terminal::{note, plain};
use crate::walk::Local;
use crate::wire::{ArrivedParts, PartWish, Signed, SignedParts, Upload, UploadPartWishes, UploadWish};

/// How long registration is waited for: longer than the sweep needs to find a lost event.
const WAIT: Duration = Duration::from_secs(20 * 60);
/// The first and the longest pause between looks at an upload.
const LOOK: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(5));

/// Runs the command.
///
/// # Errors
/// See [`Failure`]. What was sent before a failure is kept.
pub fn run(api: &Api, args: &UploadArgs, out: &mut dyn Write) -> Result<(), Failure> {
    segment(&args.representation, "a representation")?;
    if let Some(title) = &args.title {
        let path = format!("bibs/{}/representations/{}", segment(title, "a title")?, args.representation);
        api.get::<Value>(&path, &[]).map_err(|error| match error {
            Failure::NotFound(_) => {
                Failure::NotFound(format!("title {title} has no representation {}", args.representation))
            }
            other => other,
        })?;
    }
    let files = args.files.iter().map(|path| look(path)).collect::<Result<Vec<_>, _>>()?;
    let progress = Progress::new(files.len() as u64, files.iter().map(|file| file.size).sum());
    let sender = Sender {
        api,
        representation: &args.representation,
        notes: Notes::open(&api.settings().url, &args.representation)?,
        progress: &progress,
        stopped: AtomicBool::new(false),
        failure: Mutex::new(None),
    };
    let mut begun = Vec::with_capacity(files.len());
    let (give, take) = sync_channel(usize::from(api.settings().parallel) * 2);
    let take = Mutex::new(take);
    thread::scope(|threads| {
        for _ in 0..api.settings().parallel {
            threads.spawn(|| sender.work(&take));
        }
        for local in &files {
            match sender.begin(local, &give) {
                Ok(upload) => begun.push((local.clone(), upload)),
                Err(failure) => sender.stop(failure),
            }
            if sender.is_stopped() {
                break;
            }
        }
        drop(give);
    });
    progress.end();
    let failure = sender.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(failure) = failure {
        return Err(failure);
    }
    sender.report(&begun, !args.no_wait, out)
}

fn look(path: &Path) -> Result<Local, Failure> {
    let real = path.canonicalize().map_err(|error| Failure::local(path, "read", &error))?;
    if !real.is_file() {
        return Err(Failure::Invalid(format!("`{}` is not a file", path.display())));
    }
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let name = name.ok_or_else(|| {
        Failure::Invalid(format!("the name of `{}` is not UTF-8; rename it", path.display()))
    })?;
    Local::look(name, real).map_err(|error| Failure::local(path, "read", &error))
}

/// What is remembered of an upload until it is done: no signed address, and no key.
#[derive(Debug, Serialize, Deserialize)]
struct Begun {
    upload_id: String,
    path: PathBuf,
    size: u64,
    modified: i64,
    sha256: String,
}

/// One small file for each upload that was begun.
struct Notes {
    folder: PathBuf,
    about: String,
}

impl Notes {
    fn open(url: &str, representation: &str) -> Result<Self, Failure> {
        let folder = state_folder()?.join("uploads");
        fs::create_dir_all(&folder).map_err(|error| Failure::local(&folder, "used", &error))?;
        Ok(Self { folder, about: format!("{url}\0{representation}\0") })
    }

    fn place(&self, local: &Local) -> PathBuf {
        let digest = Sha256::new()
            .chain_update(&self.about)
            .chain_update(local.path.as_os_str().as_encoded_bytes())
            .finalize();
        let key: String = hex(&digest).chars().take(24).collect();
        self.folder.join(format!("{key}.json"))
    }

    fn find(&self, local: &Local) -> Option<Begun> {
        let begun: Begun = serde_json::from_slice(&fs::read(self.place(local)).ok()?).ok()?;
        let same = begun.path == local.path && begun.size == local.size && begun.modified == local.modified;
        same.then_some(begun)
    }

    fn keep(&self, local: &Local, upload_id: &str, sha256: &str) -> Result<(), Failure> {
        let begun = Begun {
            upload_id: upload_id.to_owned(),
            path: local.path.clone(),
            size: local.size,
            modified: local.modified,
            sha256: sha256.to_owned(),
        };
        let place = self.place(local);
        write_whole(&place, &serde_json::to_vec_pretty(&begun).unwrap_or_default())
            .map_err(|error| Failure::local(&place, "written", &error))
    }

    fn forget(&self, local: &Local) {
        // A note that stays is compared with the upload next time.
        let _ = fs::remove_file(self.place(local));
    }
}

struct Sender<'a> {
    api: &'a Api,
    representation: &'a str,
    notes: Notes,
    progress: &'a Progress,
    stopped: AtomicBool,
    failure: Mutex<Option<Failure>>,
}

enum Task {
    Whole { local: Local, upload: String, first: Option<Signed> },
    Part(Arc<Large>, u64),
    Complete(Arc<Large>),
}

struct Large {
    local: Local,
    upload: String,
    part_bytes: u64,
    left: AtomicU64,
    bar: Option<ProgressBar>,
}

impl Sender<'_> {
    fn stop(&self, failure: Failure) {
        self.stopped.store(true, Ordering::Relaxed);
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Writes the intent, or finds the one that was written, and hands its bytes on.
    fn begin(&self, local: &Local, tasks: &SyncSender<Task>) -> Result<String, Failure> {
        let upload = match self.resume(local)? {
            Some(upload) => upload,
            None => self.create(local)?,
        };
        let id = segment(&upload.id, "an upload")?.to_owned();
        if upload.state != "ISSUED" {
            self.progress.more(local.size);
            self.progress.file_done();
            return Ok(id);
        }
        match upload.part_size.filter(|bytes| *bytes > 0 && upload.method.value == "MULTIPART") {
            Some(part_bytes) => self.give_parts(local, &id, part_bytes, tasks)?,
            None => {
                give(tasks, Task::Whole { local: local.clone(), upload: id.clone(), first: upload.request })?
            }
        }
        Ok(id)
    }

    /// The upload that an interrupted command began for this file.
    fn resume(&self, local: &Local) -> Result<Option<Upload>, Failure> {
        let Some(begun) = self.notes.find(local) else { return Ok(None) };
        let path = format!("uploads/{}", segment(&begun.upload_id, "an upload")?);
        match self.api.get::<Upload>(&path, &[]) {
            Ok(found) if matches!(found.state.as_str(), "ISSUED" | "REGISTERED") => {
                let same = found.size == local.size && found.sha256.as_deref() == Some(begun.sha256.as_str());
                if same {
                    note(&format!("going on with upload {} of `{}`", plain(&found.id), plain(&local.name)));
                }
                Ok(same.then_some(found))
            }
            Ok(_) | Err(Failure::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create(&self, local: &Local) -> Result<Upload, Failure> {
        let sha256 = checksum(self.progress, local)?;
        let wish = UploadWish {
            representation_id: self.representation,
            file_name: &local.name,
            size: local.size,
            sha256: &sha256,
        };
        // An intent whose answer was lost takes no bytes and expires.
        let upload: Upload = self.api.post("uploads", &[], Some(&wish), Again::Yes)?;
        self.notes.keep(local, &upload.id, &sha256)?;
        Ok(upload)
    }

    fn give_parts(
        &self,
        local: &Local,
        upload: &str,
        part_bytes: u64,
        tasks: &SyncSender<Task>,
    ) -> Result<(), Failure> {
        let arrived: ArrivedParts = self.api.get(&format!("uploads/{upload}/parts"), &[])?;
        let bar = self.progress.own_bar("sending", &local.name, local.size);
        let mut missing = Vec::new();
        for number in 1..=local.size.div_ceil(part_bytes) {
            let length = length(local, part_bytes, number);
            let there = arrived
                .part
                .iter()
                .any(|part| part.part_number == number && part.size.is_none_or(|size| size == length));
            if !there {
                missing.push(number);
                continue;
            }
            self.progress.more(length);
            if let Some(bar) = &bar {
                bar.inc(length);
            }
        }
        let left = AtomicU64::new(missing.len() as u64);
        let large =
            Arc::new(Large { local: local.clone(), upload: upload.to_owned(), part_bytes, left, bar });
        if missing.is_empty() {
            return give(tasks, Task::Complete(large));
        }
        missing.into_iter().try_for_each(|number| give(tasks, Task::Part(Arc::clone(&large), number)))
    }

    fn work(&self, tasks: &Mutex<Receiver<Task>>) {
        loop {
            let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(task) = task else { return };
            if self.is_stopped() {
                continue;
            }
            let done = match task {
                Task::Whole { local, upload, first } => self.send_whole(&local, &upload, first),
                Task::Part(large, number) => self.send_part(&large, number),
                Task::Complete(large) => self.complete(&large),
            };
            if let Err(failure) = done {
                self.stop(failure);
            }
        }
    }

    fn send_whole(&self, local: &Local, upload: &str, first: Option<Signed>) -> Result<(), Failure> {
        let sign = || {
            let found: Upload = self.api.get(&format!("uploads/{upload}"), &[])?;
            match (found.request, found.state.as_str()) {
                (Some(request), _) => Ok(Some(request)),
                (None, "REGISTERED" | "REJECTED") => Ok(None),
                (None, state) => {
                    Err(Failure::Invalid(format!("upload {upload} takes nothing more: {}", plain(state))))
                }
            }
        };
        match send::whole(self.api, self.progress, local, first, &sign)? {
            // The address takes bytes once: what is there already are these bytes, sent when the answer was lost.
            Whole::Taken(_) | Whole::Occupied => {
                self.progress.file_done();
                Ok(())
            }
            Whole::Changed => Err(send::changed(local)),
        }
    }

    fn send_part(&self, large: &Large, number: u64) -> Result<(), Failure> {
        let Large { local, upload, part_bytes, left, bar } = large;
        let piece =
            Piece { local, from: (number - 1) * part_bytes, length: length(local, *part_bytes, number) };
        let sign = |sha256: &str| {
            let part = vec![PartWish { part_number: number, sha256: sha256.to_owned() }];
            let path = format!("uploads/{upload}/parts");
            let signed: SignedParts =
                self.api.post(&path, &[], Some(&UploadPartWishes { part }), Again::Yes)?;
            signed.request.into_iter().next().ok_or_else(|| {
                Failure::Unavailable("the answer of the repository leaves a part out".to_owned())
            })
        };
        send::part(self.api, self.progress, bar.as_ref(), piece, &sign)?;
        if left.fetch_sub(1, Ordering::AcqRel) == 1 { self.complete(large) } else { Ok(()) }
    }

    fn complete(&self, large: &Large) -> Result<(), Failure> {
        if !large.local.is_unchanged() {
            return Err(send::changed(&large.local));
        }
        let path = format!("uploads/{}/complete", large.upload);
        let _: Value = self.api.post(&path, &[], None::<&()>, Again::Yes)?;
        self.progress.file_done();
        if let Some(bar) = &large.bar {
            bar.finish_and_clear();
        }
        Ok(())
    }

    /// Says what became of each file, after waiting for it.
    fn report(&self, begun: &[(Local, String)], wait: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let deadline = Instant::now() + WAIT;
        let (mut refused, mut late) = (0, 0);
        for (local, id) in begun {
            let name = plain(&local.name);
            if !wait {
                writeln!(out, "upload {id} sent: {name}")?;
                continue;
            }
            let mut pause = LOOK.0;
            let upload = loop {
                let upload: Upload = self.api.get(&format!("uploads/{id}"), &[])?;
                if upload.state != "ISSUED" || Instant::now() >= deadline {
                    break upload;
                }
                thread::sleep(pause);
                pause = pause.mul_f64(1.5).min(LOOK.1);
            };
            match upload.state.as_str() {
                "REGISTERED" => {
                    writeln!(out, "file {} registered: {name}", plain(upload.pid.as_deref().unwrap_or("?")))?;
                }
                "ISSUED" => {
                    late += 1;
                    writeln!(out, "upload {id} sent, not registered yet: {name}")?;
                    continue;
                }
                state => {
                    refused += 1;
                    let why = upload.reason.as_deref().unwrap_or(state);
                    writeln!(out, "upload {id} not taken: {name}: {}", plain(why))?;
                }
            }
            self.notes.forget(local);
        }
        out.flush()?;
        match (refused, late) {
            (0, 0) => Ok(()),
            (0, late) => {
                Err(Failure::Unavailable(format!("{late} not registered in time; look again later")))
            }
            (refused, _) => Err(Failure::Invalid(format!("{refused} not taken"))),
        }
    }
}

fn length(local: &Local, part_bytes: u64, number: u64) -> u64 {
    local.size.saturating_sub((number - 1).saturating_mul(part_bytes)).min(part_bytes)
}

fn give(tasks: &SyncSender<Task>, task: Task) -> Result<(), Failure> {
    tasks.send(task).map_err(|_| Failure::Unavailable("the threads that send have ended".to_owned()))
}
