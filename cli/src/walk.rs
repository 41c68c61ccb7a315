//! The files of a folder in the order in which S3 lists keys, one folder's names in memory at a time.
//!
//! Names are sent as they are on the disk (no Unicode normalisation), with `/` between folders.

use std::collections::VecDeque;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The longest name inside a folder; S3's keys are at most 1,024 bytes, of which the ingest's own folder takes some.
const MAX_NAME_BYTES: usize = 900;
/// The deepest nesting of folders.
const MAX_DEPTH: usize = 100;

/// A file to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Its path below the folder, with `/`.
    pub name: String,
    pub path: PathBuf,
    pub size: u64,
    /// When it was changed last, in nanoseconds since 1970.
    pub modified: i64,
}

impl Local {
    /// The file as it is now.
    ///
    /// # Errors
    /// A file that is gone.
    pub fn look(name: String, path: PathBuf) -> io::Result<Self> {
        let found = fs::metadata(&path)?;
        Ok(Self { name, path, size: found.len(), modified: modified(&found) })
    }

    /// Whether the file is still as it was when it was looked at.
    pub fn is_unchanged(&self) -> bool {
        fs::metadata(&self.path)
            .is_ok_and(|found| found.len() == self.size && modified(&found) == self.modified)
    }
}

fn modified(found: &Metadata) -> i64 {
    let Ok(time) = found.modified() else { return 0 };
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    }
}

/// What is found on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    File(Local),
    /// Left out on purpose: its name, and why.
    Skipped(String, &'static str),
    /// Can not be sent, and must not be left out silently.
    Problem(String),
}

/// Walks a folder.
#[derive(Debug)]
pub struct Walk {
    root: PathBuf,
    /// The open folders, outermost first.
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    /// Its name below the root with a `/` at the end; empty for the root.
    prefix: String,
    /// The folder as the system knows it, links resolved.
    real: PathBuf,
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: Result<String, String>,
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Skipped(&'static str),
    Unreadable,
}

const HIDDEN: &str = "hidden";
const LEAVES: &str = "a link that leads out of the folder";
const BROKEN: &str = "a link that leads nowhere";
const CIRCLE: &str = "a link to a folder that it is in itself";
const SPECIAL: &str = "not a file";

impl Walk {
    /// A walk through `folder`.
    ///
    /// # Errors
    /// A folder that can not be read, or something else than a folder.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let root = folder.canonicalize()?;
        let first = Open { prefix: String::new(), entries: read(&root, &root)?, real: root.clone() };
        Ok(Self { root, open: vec![first] })
    }

    /// The folder, links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn enter(&mut self, name: &str, path: &Path) -> Option<Found> {
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) => return Some(Found::Problem(format!("`{name}` can not be read: {error}"))),
        };
        if self.open.iter().any(|outer| outer.real == real) {
            return Some(Found::Skipped(name.to_owned(), CIRCLE));
        }
        if self.open.len() >= MAX_DEPTH {
            return Some(Found::Problem(format!("`{name}` is nested too deep")));
        }
        match read(path, &self.root) {
            Ok(entries) => {
                self.open.push(Open { prefix: format!("{name}/"), real, entries });
                None
            }
            Err(error) => Some(Found::Problem(format!("`{name}` can not be read: {error}"))),
        }
    }
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let folder = self.open.last_mut()?;
            let Some(entry) = folder.entries.pop_front() else {
                self.open.pop();
                continue;
            };
            let short = match entry.name {
                Ok(name) => name,
                Err(like) => {
                    let name = format!("{}{like}", folder.prefix);
                    return Some(match entry.kind {
                        Kind::Skipped(why) => Found::Skipped(name, why),
                        _ => Found::Problem(format!("the name of `{name}` is not UTF-8; rename it")),
                    });
                }
            };
            let name = format!("{}{short}", folder.prefix);
            match entry.kind {
                Kind::Skipped(why) => return Some(Found::Skipped(name, why)),
                Kind::Unreadable => return Some(Found::Problem(format!("`{name}` can not be read"))),
                Kind::Folder => {
                    if let Some(found) = self.enter(&name, &entry.path) {
                        return Some(found);
                    }
                }
                Kind::File => {
                    if let Some(why) = unfit(&name) {
                        return Some(Found::Problem(format!("the name of `{name}` {why}; rename it")));
                    }
                    return Some(match Local::look(name.clone(), entry.path) {
                        Ok(local) => Found::File(local),
                        Err(error) => Found::Problem(format!("`{name}` can not be read: {error}")),
                    });
                }
            }
        }
    }
}

fn unfit(name: &str) -> Option<&'static str> {
    if name.len() > MAX_NAME_BYTES {
        Some("is too long")
    } else if name.chars().any(char::is_control) {
        Some("has a control character")
    } else if cfg!(unix) && name.contains('\\') {
        Some("has a backslash")
    } else {
        None
    }
}

/// The entries of one folder in the order of S3: as if each folder's name ended in `/`.
fn read(folder: &Path, root: &Path) -> io::Result<VecDeque<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let kind = match entry.file_type() {
            _ if entry.file_name().as_encoded_bytes().starts_with(b".") => Kind::Skipped(HIDDEN),
            Err(_) => Kind::Unreadable,
            Ok(kind) if kind.is_symlink() => link(&path, root),
            Ok(kind) if kind.is_dir() => Kind::Folder,
            Ok(kind) if kind.is_file() => Kind::File,
            Ok(_) => Kind::Skipped(SPECIAL),
        };
        let name = entry.file_name().into_string().map_err(|name| name.to_string_lossy().into_owned());
        entries.push(Entry { name, path, kind });
    }
    entries.sort_by_cached_key(|entry| {
        let (Ok(name) | Err(name)) = &entry.name;
        let end = if entry.kind == Kind::Folder { "/" } else { "" };
        format!("{name}{end}")
    });
    Ok(entries.into())
}

fn link(path: &Path, root: &Path) -> Kind {
    match path.canonicalize() {
        Err(_) => Kind::Skipped(BROKEN),
        Ok(target) if !target.starts_with(root) => Kind::Skipped(LEAVES),
        Ok(target) if target.is_dir() => Kind::Folder,
        Ok(target) if target.is_file() => Kind::File,
        Ok(_) => Kind::Skipped(SPECIAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> (Vec<String>, Vec<(String, &'static str)>, Vec<String>) {
        let (mut files, mut skipped, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for found in Walk::new(folder).unwrap() {
            match found {
                Found::File(local) => files.push(local.name),
                Found::Skipped(name, why) => skipped.push((name, why)),
                Found::Problem(text) => problems.push(text),
            }
        }
        (files, skipped, problems)
    }

    #[test]
    fn files_come_in_the_order_in_which_s3_lists_them() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/b.tif", "a.tif", "a-1/x", "Z", "ä", "a/b/c", "e\u{301}", "\u{e9}"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let (files, ..) = names(folder.path());
        let mut sorted = files.clone();
        sorted.sort();
        assert_eq!(files, sorted);
        assert_eq!(files.len(), 8, "both spellings of é are kept: {files:?}");
        assert_eq!(files.first().map(String::as_str), Some("Z"));
    }

    #[cfg(unix)]
    #[test]
    fn hidden_files_and_links_that_leave_are_named_and_left_out() {
        use std::os::unix::fs::symlink;
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "x").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("hi/.git")).unwrap();
        fs::write(at("hi/1.tif"), "1").unwrap();
        fs::write(at(".DS_Store"), "x").unwrap();
        symlink(outside.path().join("secret"), at("leak")).unwrap();
        symlink(outside.path(), at("leaks")).unwrap();
        symlink("hi/1.tif", at("again.tif")).unwrap();
        symlink("nowhere", at("broken")).unwrap();
        symlink("..", at("hi/up")).unwrap();
        let (files, skipped, problems) = names(folder.path());
        assert_eq!(files, ["again.tif", "hi/1.tif"]);
        let expected = [
            (".DS_Store", HIDDEN),
            ("broken", BROKEN),
            ("hi/.git", HIDDEN),
            ("hi/up", CIRCLE),
            ("leak", LEAVES),
            ("leaks", LEAVES),
        ];
        assert_eq!(skipped, expected.map(|(name, why)| (name.to_owned(), why)));
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_that_can_not_be_sent_are_problems() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(OsStr::from_bytes(b"caf\xe9.tif")), "x").unwrap();
        fs::write(folder.path().join("a\nb"), "x").unwrap();
        fs::write(folder.path().join("a\\b"), "x").unwrap();
        let (files, _, problems) = names(folder.path());
        assert!(files.is_empty());
        assert_eq!(problems.len(), 3, "{problems:?}");
    }
}
