//! How far an upload is: bars on a terminal, a line now and then elsewhere.

use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::digest;
use crate::failure::Failure;
use crate::terminal;
use crate::walk::Local;

/// Files from this size on get a bar of their own.
const OWN_BAR_BYTES: u64 = 16 * 1024 * 1024;
/// How often there is a line where there are no bars.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The progress of all files together.
pub struct Progress {
    bar: ProgressBar,
    total_files: u64,
    total_bytes: u64,
    files: AtomicU64,
    bytes: AtomicU64,
    last_line: Mutex<Instant>,
}

impl Progress {
    /// Progress of this many files and bytes.
    pub fn new(total_files: u64, total_bytes: u64) -> Self {
        let bar = ProgressBar::new(total_bytes.max(1));
        bar.set_style(style("{bar:20} {msg}, {bytes}/{total_bytes}, {bytes_per_sec}, ETA {eta}"));
        bar.set_message(format!("0/{total_files} files"));
        Self {
            bar: shown(bar),
            total_files,
            total_bytes,
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            last_line: Mutex::new(Instant::now()),
        }
    }

    /// A bar for what is done with a large file; `None` for others.
    pub fn own_bar(&self, doing: &str, name: &str, size: u64) -> Option<ProgressBar> {
        (size >= OWN_BAR_BYTES).then(|| {
            let bar = ProgressBar::new(size);
            bar.set_style(style("  {bar:18} {bytes}/{total_bytes} {wide_msg}"));
            bar.set_message(format!("{doing} {}", terminal::plain(name)));
            shown(bar)
        })
    }

    /// Bytes went out, or count as there.
    pub fn more(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bar.inc(bytes);
        self.line();
    }

    /// Bytes went out in vain.
    pub fn less(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.bar.dec(bytes);
    }

    /// A file is there.
    pub fn file_done(&self) {
        let files = self.files.fetch_add(1, Ordering::Relaxed) + 1;
        self.bar.set_message(format!("{files}/{} files", self.total_files));
        self.line();
    }

    /// Nothing more will come.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self) {
        if terminal::quiet() || !terminal::bars().is_hidden() {
            return;
        }
        let Ok(mut last) = self.last_line.try_lock() else { return };
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            terminal::note(&format!(
                "{} of {} files, {} of {}",
                self.files.load(Ordering::Relaxed),
                self.total_files,
                HumanBytes(self.bytes.load(Ordering::Relaxed)),
                HumanBytes(self.total_bytes),
            ));
        }
    }
}

/// A bar for something counted to a hundred.
pub fn percent_bar() -> ProgressBar {
    let bar = ProgressBar::new(100);
    bar.set_style(style("{bar:20} {percent}% {wide_msg}"));
    shown(bar)
}

fn shown(bar: ProgressBar) -> ProgressBar {
    if terminal::quiet() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar
    } else {
        terminal::bars().add(bar)
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The SHA-256 of a whole file, with a bar where that takes its time.
///
/// # Errors
/// A file that can not be read.
pub fn checksum(progress: &Progress, local: &Local) -> Result<String, Failure> {
    let bar = progress.own_bar("reading", &local.name, local.size);
    let sum = digest::sha256(&local.path, 0, local.size, &mut |bytes| {
        if let Some(bar) = &bar {
            bar.inc(bytes);
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    sum.map_err(|error| Failure::local(&local.path, "read", &error))
}

/// A reader whose bytes are counted, and counted back unless it is told that they arrived.
pub struct Counted<'a, R> {
    inner: R,
    progress: &'a Progress,
    bar: Option<&'a ProgressBar>,
    seen: u64,
}

impl<'a, R> Counted<'a, R> {
    /// Counts what is read from `inner`.
    pub fn new(inner: R, progress: &'a Progress, bar: Option<&'a ProgressBar>) -> Self {
        Self { inner, progress, bar, seen: 0 }
    }

    /// The bytes arrived: they stay counted.
    pub fn keep(mut self) {
        self.seen = 0;
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(space)?;
        self.seen += read as u64;
        self.progress.more(read as u64);
        if let Some(bar) = self.bar {
            bar.inc(read as u64);
        }
        Ok(read)
    }
}

impl<R> Drop for Counted<'_, R> {
    fn drop(&mut self) {
        self.progress.less(self.seen);
        if let Some(bar) = self.bar {
            bar.dec(self.seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_sent_in_vain_are_counted_back() {
        let progress = Progress::new(1, 5);
        let mut space = [0; 5];
        let mut first = Counted::new(&b"hello"[..], &progress, None);
        first.read_exact(&mut space).unwrap();
        drop(first);
        assert_eq!(progress.bytes.load(Ordering::Relaxed), 0);
        let mut second = Counted::new(&b"hello"[..], &progress, None);
        second.read_exact(&mut space).unwrap();
        second.keep();
        assert_eq!(progress.bytes.load(Ordering::Relaxed), 5);
    }
}
