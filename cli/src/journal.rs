//! What an ingest has done so far, kept on this computer so that it can go on after anything.
//!
//! `{key}.json` names the ingest: written aside, flushed and renamed. `{key}.files.jsonl` gets a line for each file
//! that was read or sent; the last line for a name counts, and a line cut by a crash is passed over. Losing the
//! journal loses no bytes: what has arrived is asked from the repository. It holds no key and no signed address.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::failure::Failure;
use crate::walk::Local;

/// The version of the files' form.
const VERSION: u32 = 1;
/// The longest line that is read.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// After how many lines the file list is flushed to the disk at the latest.
const FLUSH_LINES: u32 = 200;

/// Which ingest a folder belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    version: u32,
    url: String,
    profile_id: String,
    folder: PathBuf,
    /// The open ingest.
    pub ingest_id: String,
    /// Its job, once it was submitted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub job_id: Option<String>,
}

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub name: String,
    pub size: u64,
    pub modified: i64,
    pub sha256: String,
    /// What S3 called it when it had arrived.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<String>,
    /// Where its parts go.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub multipart: Option<Multipart>,
}

/// A file in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Multipart {
    pub id: String,
    pub part_bytes: u64,
}

impl Entry {
    /// Whether the file is still the one this was written about.
    pub fn is_about(&self, local: &Local) -> bool {
        self.name == local.name && self.size == local.size && self.modified == local.modified
    }
}

/// The journal of one folder, profile and repository; others that want the same one are told so.
#[derive(Debug)]
pub struct Journal {
    place: PathBuf,
    about: (String, String, PathBuf),
    head: Option<Head>,
    lines: Mutex<Lines>,
    /// Held as long as this process works on the folder.
    _lock: File,
}

#[derive(Debug)]
struct Lines {
    file: File,
    end: u64,
    unflushed: u32,
    /// Where the last line for a name begins, by a hash of the name: the lines themselves stay on the disk.
    places: HashMap<u64, u64>,
    hasher: RandomState,
}

impl Journal {
    /// Opens the journal, or an empty one.
    ///
    /// # Errors
    /// Another process at work on the same folder; a state folder that can not be used.
    pub fn open(state: &Path, url: &str, profile_id: &str, folder: &Path) -> Result<Self, Failure> {
        let key = Sha256::new()
            .chain_update(url)
            .chain_update([0])
            .chain_update(profile_id)
            .chain_update([0])
            .chain_update(folder.as_os_str().as_encoded_bytes())
            .finalize();
        let key: String = hex(&key).chars().take(24).collect();
        let folder_of_all = state.join("ingests");
        let place = folder_of_all.join(key);
        let broken = |error: io::Error| Failure::local(&place, "used as a journal", &error);
        fs::create_dir_all(&folder_of_all).map_err(broken)?;
        let lock = File::create(place.with_extension("lock")).map_err(broken)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::Invalid(format!(
                    "another `vitrine ingest` is at work on `{}` with this profile",
                    folder.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(broken(error)),
        }
        let head = read_head(&place.with_extension("json")).filter(|head| {
            head.version == VERSION
                && head.url == url
                && head.profile_id == profile_id
                && head.folder == folder
        });
        let lines = Lines::open(&place.with_extension("files.jsonl")).map_err(broken)?;
        let about = (url.to_owned(), profile_id.to_owned(), folder.to_owned());
        Ok(Self { place, about, head, lines: Mutex::new(lines), _lock: lock })
    }

    /// The ingest that was begun and not finished.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Begins with an ingest. What is known of files that arrived for another one is forgotten.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub fn begin(&mut self, ingest_id: &str) -> Result<(), Failure> {
        if self.head.as_ref().is_some_and(|head| head.ingest_id == ingest_id) {
            return Ok(());
        }
        lock(&self.lines).clear().map_err(|error| self.broken(&error))?;
        let (url, profile_id, folder) = self.about.clone();
        let head =
            Head { version: VERSION, url, profile_id, folder, ingest_id: ingest_id.to_owned(), job_id: None };
        self.write_head(head)
    }

    /// Writes down that the ingest was submitted, or that it is open again.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub fn submitted(&mut self, job_id: Option<&str>) -> Result<(), Failure> {
        match &self.head {
            Some(head) if head.job_id.as_deref() != job_id => {
                let head = Head { job_id: job_id.map(str::to_owned), ..head.clone() };
                self.write_head(head)
            }
            _ => Ok(()),
        }
    }

    fn write_head(&mut self, head: Head) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(&head).unwrap_or_default();
        write_whole(&self.place.with_extension("json"), &text).map_err(|error| self.broken(&error))?;
        self.head = Some(head);
        Ok(())
    }

    /// What is known of a file.
    pub fn find(&self, name: &str) -> Option<Entry> {
        lock(&self.lines).find(name)
    }

    /// Writes down what is known of a file. `durable` waits for the disk: for what can not be asked again.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub fn record(&self, entry: &Entry, durable: bool) -> Result<(), Failure> {
        lock(&self.lines).record(entry, durable).map_err(|error| self.broken(&error))
    }

    /// Forgets the ingest: it is done.
    ///
    /// # Errors
    /// A disk that does not do it.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.head = None;
        for ending in ["json", "files.jsonl"] {
            match fs::remove_file(self.place.with_extension(ending)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(self.broken(&error)),
                _ => {}
            }
        }
        Ok(())
    }

    fn broken(&self, error: &io::Error) -> Failure {
        Failure::local(&self.place, "used as a journal", error)
    }
}

impl Lines {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut lines =
            Self { file, end: 0, unflushed: 0, places: HashMap::new(), hasher: RandomState::new() };
        let mut reader = BufReader::new(&lines.file);
        let mut line = Vec::new();
        let mut places = HashMap::new();
        let mut whole = true;
        loop {
            line.clear();
            let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            whole = line.ends_with(b"\n");
            if let Ok(entry) = serde_json::from_slice::<Entry>(&line) {
                places.insert(lines.hasher.hash_one(entry.name.as_str()), lines.end);
            }
            lines.end += read as u64;
        }
        lines.places = places;
        if !whole {
            // A crash cut the last line; the next one must not become its end.
            lines.append(b"\n")?;
        }
        Ok(lines)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn record(&mut self, entry: &Entry, durable: bool) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let place = self.end;
        self.append(&line)?;
        self.places.insert(self.hasher.hash_one(entry.name.as_str()), place);
        self.unflushed += 1;
        if durable || self.unflushed >= FLUSH_LINES {
            self.file.sync_data()?;
            self.unflushed = 0;
        }
        Ok(())
    }

    fn find(&mut self, name: &str) -> Option<Entry> {
        let place = *self.places.get(&self.hasher.hash_one(name))?;
        self.file.seek(SeekFrom::Start(place)).ok()?;
        let mut line = Vec::new();
        BufReader::with_capacity(1024, &self.file).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).ok()?;
        // Two names with one hash: the line is about the other, and this one counts as unknown.
        serde_json::from_slice::<Entry>(&line).ok().filter(|entry| entry.name == name)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.sync_data()?;
        self.end = 0;
        self.unflushed = 0;
        self.places.clear();
        Ok(())
    }
}

fn lock(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_head(path: &Path) -> Option<Head> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(MAX_LINE_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Writes a file so that there is the old one or the new one at any time, after a power cut too.
///
/// # Errors
/// A disk that does not take it.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".part");
    let aside = PathBuf::from(aside);
    let mut file = File::create(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    // The new name is in the folder only once the folder is written; some systems can not open one.
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        folder.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, etag: Option<&str>) -> Entry {
        Entry {
            name: name.to_owned(),
            size: 3,
            modified: 7,
            sha256: "ab".repeat(32),
            etag: etag.map(str::to_owned),
            multipart: None,
        }
    }

    fn open(state: &Path) -> Result<Journal, Failure> {
        Journal::open(state, "https://a", "1", Path::new("/scans"))
    }

    #[test]
    fn the_last_line_for_a_name_counts_after_it_is_opened_again() {
        let state = tempfile::tempdir().unwrap();
        let mut journal = open(state.path()).unwrap();
        journal.begin("77").unwrap();
        journal.record(&entry("a", None), false).unwrap();
        journal.record(&entry("b", None), true).unwrap();
        journal.record(&entry("a", Some("x")), false).unwrap();
        assert_eq!(journal.find("a").unwrap().etag.as_deref(), Some("x"));
        journal.submitted(Some("9")).unwrap();
        drop(journal);
        let mut journal = open(state.path()).unwrap();
        assert_eq!(journal.head().unwrap().ingest_id, "77");
        assert_eq!(journal.head().unwrap().job_id.as_deref(), Some("9"));
        assert_eq!(journal.find("a"), Some(entry("a", Some("x"))));
        assert_eq!(journal.find("b"), Some(entry("b", None)));
        journal.begin("78").unwrap();
        assert_eq!(journal.find("a"), None, "another ingest has its own files");
        journal.finish().unwrap();
        drop(journal);
        assert!(open(state.path()).unwrap().head().is_none());
    }

    #[test]
    fn a_line_cut_by_a_crash_is_passed_over() {
        let state = tempfile::tempdir().unwrap();
        let mut journal = open(state.path()).unwrap();
        journal.begin("77").unwrap();
        journal.record(&entry("a", None), false).unwrap();
        let path = journal.place.with_extension("files.jsonl");
        drop(journal);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(br#"{"name":"b","size":3,"modi"#);
        fs::write(&path, bytes).unwrap();
        let journal = open(state.path()).unwrap();
        journal.record(&entry("c", None), false).unwrap();
        drop(journal);
        let journal = open(state.path()).unwrap();
        assert_eq!((journal.find("a").is_some(), journal.find("b").is_some()), (true, false));
        assert_eq!(journal.find("c"), Some(entry("c", None)));
    }

    #[test]
    fn a_folder_is_worked_on_by_one_process_at_a_time() {
        let state = tempfile::tempdir().unwrap();
        let first = open(state.path()).unwrap();
        assert!(open(state.path()).unwrap_err().to_string().contains("at work"));
        drop(first);
        open(state.path()).unwrap();
    }
}
