//! `vitrine fetch`: brings what an export wrote to this computer, and checks each byte against its manifests. It is a bag, or an
//! OCFL storage root that is told of by the same manifests.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Lines, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use indicatif::HumanBytes;
use sha2::{Digest, Sha256};

use crate::api::{Api, Repeats, segment};
use crate::args::FetchArgs;
use crate::digest::{self, hex};
use crate::failure::Failure;
use crate::jobs;
use crate::progress::Progress;
use crate::terminal::{count, note, plain};
use crate::wire::ExportFiles;

const MANIFEST: &str = "manifest-sha256.txt";
const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
const INFO: &str = "bag-info.txt";
const CHUNK_BYTES: usize = 256 * 1024;

/// One line of a manifest.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    sha256: String,
    path: String,
}

/// What is fetched, by all threads together.
struct Bag<'a> {
    api: &'a Api,
    /// `conf/jobs/{job}/files`.
    files: String,
    folder: &'a Path,
    progress: Progress,
    here: AtomicU64,
    fetched: AtomicU64,
    bytes: AtomicU64,
}

/// Runs `vitrine fetch`.
///
/// # Errors
/// A job that has not ended or is no export; a folder that can not be written; bytes that are not the manifest's.
pub fn run(api: &Api, args: &FetchArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let job = jobs::read(api, &args.job)?;
    if !job.is_final() {
        let id = plain(&job.id);
        return Err(Failure::Invalid(format!("job {id} has not ended: vitrine job {id} --follow")));
    }
    fs::create_dir_all(&args.folder).map_err(|error| Failure::local(&args.folder, "made", &error))?;
    let mut bag = Bag {
        api,
        files: format!("conf/jobs/{}/files", segment(&job.id, "a job")?),
        folder: &args.folder,
        progress: Progress::new(0, 0),
        here: AtomicU64::new(0),
        fetched: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
    };
    let (bytes, files) = bag.take_tags()?;
    bag.progress = Progress::new(files, bytes);
    let done = bag.take_payload(usize::from(api.settings().parallel));
    bag.progress.end();
    done?;
    let (here, fetched) = (bag.here.into_inner(), bag.fetched.into_inner());
    let found = bag.bytes.into_inner();
    if (found, here + fetched) != (bytes, files) {
        return Err(Failure::Invalid(format!(
            "the bag names {bytes} bytes in {files} files and its manifest {found} in {}",
            here + fetched
        )));
    }
    let was_here = if here > 0 { format!(", {here} of them here already") } else { String::new() };
    writeln!(
        out,
        "{} of {} in `{}`{was_here}; each has the SHA-256 of its manifest",
        count(files, "file"),
        HumanBytes(bytes),
        args.folder.display()
    )?;
    if !job.is_success() {
        note(&format!("note: the export left something out: vitrine job {} --rows all", plain(&job.id)));
    }
    Ok(())
}

impl Bag<'_> {
    /// Fetches the manifests and what else describes the bag; says how many bytes and files its payload has.
    fn take_tags(&self) -> Result<(u64, u64), Failure> {
        let tags = self.folder.join(TAG_MANIFEST);
        // Nothing names its digest; a copy of an earlier run is not trusted.
        let _ = fs::remove_file(&tags);
        self.whole(TAG_MANIFEST, None)?;
        for line in lines(&tags)? {
            let entry = parse(&line.map_err(|error| Failure::local(&tags, "read", &error))?)?;
            if entry.path.contains('/') {
                return Err(odd(&entry.path));
            }
            if !self.is_here(&entry)? {
                self.whole(&entry.path, Some(&entry.sha256))?;
            }
        }
        let info = self.folder.join(INFO);
        let text = fs::read_to_string(&info).map_err(|error| Failure::local(&info, "read", &error))?;
        let sum = text.lines().find_map(|line| line.strip_prefix("Payload-Oxum: "));
        sum.and_then(|sum| sum.split_once('.'))
            .and_then(|(bytes, files)| Some((bytes.parse().ok()?, files.trim().parse().ok()?)))
            .ok_or_else(|| Failure::Invalid("the bag does not say how large it is".to_owned()))
    }

    /// Each thread takes the manifest's next line until there is none, or one of them failed.
    fn take_payload(&self, threads: usize) -> Result<(), Failure> {
        let manifest = self.folder.join(MANIFEST);
        let lines = Mutex::new(Some(lines(&manifest)?));
        let failure = Mutex::new(None);
        let next = || lines.lock().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(Iterator::next);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(line) = next() {
                        let taken = line
                            .map_err(|error| Failure::local(&manifest, "read", &error))
                            .and_then(|line| self.take(&parse(&line)?));
                        if let Err(error) = taken {
                            failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                            *lines.lock().unwrap_or_else(PoisonError::into_inner) = None;
                        }
                    }
                });
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn take(&self, entry: &Entry) -> Result<(), Failure> {
        if !entry.path.starts_with("data/") {
            return Err(odd(&entry.path));
        }
        let path = self.folder.join(&entry.path);
        if self.is_here(entry)? {
            self.here.fetch_add(1, Ordering::Relaxed);
        } else {
            self.whole(&entry.path, Some(&entry.sha256))?;
            self.fetched.fetch_add(1, Ordering::Relaxed);
        }
        let size = fs::metadata(&path).map_err(|error| Failure::local(&path, "read", &error))?.len();
        self.bytes.fetch_add(size, Ordering::Relaxed);
        self.progress.more(size);
        self.progress.file_done();
        Ok(())
    }

    fn is_here(&self, entry: &Entry) -> Result<bool, Failure> {
        let path = self.folder.join(&entry.path);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => digest::sha256(&path, 0, found.len(), &mut |_| {})
                .map(|sha256| sha256 == entry.sha256)
                .map_err(|error| Failure::local(&path, "read", &error)),
            Ok(_) => Err(Failure::Invalid(format!("`{}` is there and is no file", path.display()))),
            Err(_) => Ok(false),
        }
    }

    /// Fetches one file. It has its name only when it is whole; what has come of it stays aside for the next try.
    fn whole(&self, path: &str, sha256: Option<&str>) -> Result<(), Failure> {
        let aside = self.folder.join(format!(".{}.part", hex(&Sha256::digest(path))));
        let mut repeats = Repeats::new(self.api.settings().retries);
        loop {
            match self.rest(path, &aside, sha256) {
                Ok(()) => break,
                Err(Failure::Unavailable(why)) if repeats.pause(&why, None) => {}
                Err(failure) => return Err(failure),
            }
        }
        let to = self.folder.join(path);
        let moved = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::rename(&aside, &to));
        moved.map_err(|error| Failure::local(&to, "written", &error))
    }

    fn rest(&self, path: &str, aside: &Path, sha256: Option<&str>) -> Result<(), Failure> {
        let written = |error| Failure::local(aside, "written", &error);
        let mut digest = Sha256::new();
        let mut from = 0;
        if let Ok(mut begun) = File::open(aside) {
            let whole = each_chunk(&mut begun, |chunk| {
                digest.update(chunk);
                from += chunk.len() as u64;
                Ok(())
            })?;
            if !whole {
                return Err(Failure::Invalid(format!("`{}` could not be read", aside.display())));
            }
        }
        let page: ExportFiles = self.api.get(&self.files, &[("path", path)])?;
        let link =
            page.file.first().ok_or_else(|| Failure::Invalid(format!("no link to `{}`", plain(path))))?;
        let (goes_on, mut bytes) = self.api.fetch_from(&link.url, from)?;
        if !goes_on {
            digest = Sha256::new();
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .write(true)
            .append(goes_on)
            .truncate(!goes_on)
            .open(aside)
            .map_err(written)?;
        let whole = each_chunk(&mut bytes, |chunk| {
            digest.update(chunk);
            file.write_all(chunk).map_err(written)
        })?;
        if !whole {
            return Err(Failure::Unavailable(format!("`{}` broke off", plain(path))));
        }
        file.sync_all().map_err(written)?;
        if sha256.is_some_and(|expected| hex(&digest.finalize()) != expected) {
            let _ = fs::remove_file(aside);
            let path = plain(path);
            return Err(Failure::Unavailable(format!(
                "`{path}` does not have the bytes that its manifest names"
            )));
        }
        Ok(())
    }
}

/// Hands all bytes on; `false` where they break off.
fn each_chunk(
    bytes: &mut impl Read,
    mut see: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match bytes.read(&mut chunk) {
            Ok(0) => return Ok(true),
            Ok(read) => see(chunk.get(..read).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Ok(false),
        }
    }
}

fn lines(path: &PathBuf) -> Result<Lines<BufReader<File>>, Failure> {
    Ok(BufReader::new(File::open(path).map_err(|error| Failure::local(path, "read", &error))?).lines())
}

/// Reads a line of a manifest. Its path stays within the folder, whatever the repository says.
fn parse(line: &str) -> Result<Entry, Failure> {
    let (sha256, path) = line.split_once("  ").ok_or_else(|| odd(line))?;
    let plain_part = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\\');
    let fits = sha256.len() == 64
        && sha256.bytes().all(|byte| byte.is_ascii_hexdigit())
        && path.split('/').all(plain_part)
        && !path.chars().any(char::is_control)
        && Path::new(path).is_relative();
    if !fits {
        return Err(odd(line));
    }
    Ok(Entry { sha256: sha256.to_owned(), path: path.to_owned() })
}

fn odd(line: &str) -> Failure {
    Failure::Invalid(format!("the manifest names `{}`, which is not fetched", plain(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_names_nothing_outside_the_folder() {
        let digest = "0".repeat(64);
        let good = parse(&format!("{digest}  data/files/1/ça 1.tif")).unwrap();
        assert_eq!(good.path, "data/files/1/ça 1.tif");
        for bad in
            ["/etc/passwd", "data/../../x", "../x", "data//x", "", "data/./x", "data\\..\\x", "data/\u{1b}"]
        {
            assert!(parse(&format!("{digest}  {bad}")).is_err(), "{bad}");
        }
        for bad in ["short  data/x", "", &format!("{digest} data/x")] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
