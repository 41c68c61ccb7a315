//! A desk of a test's own: a home folder, a folder of scans, a fake repository and the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::fake::{Fake, KEY, SIGNATURE};

pub struct Desk {
    pub home: TempDir,
    pub fake: Fake,
}

/// How a command ended.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Self {
        let desk = Self { home: tempfile::tempdir().unwrap(), fake: Fake::start() };
        fs::create_dir(desk.scans()).unwrap();
        desk
    }

    pub fn scans(&self) -> PathBuf {
        self.home.path().join("scans")
    }

    pub fn scan(&self, name: &str, bytes: &[u8]) {
        let path = self.scans().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A command without any setting.
    pub fn bare(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.home.path())
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bare(args);
        command.env("VITRINE_URL", self.fake.url()).env("VITRINE_API_KEY", KEY);
        command
    }

    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    pub fn run(&self, args: &[&str]) -> Ended {
        self.end(self.start(args))
    }

    /// Waits for the end. No secret is in the output or in what was kept, and the fake had nothing to complain of.
    pub fn end(&self, child: Child) -> Ended {
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let ended = Ended {
            code: status.code(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        };
        for secret in [KEY, SIGNATURE] {
            assert!(
                !ended.out.contains(secret) && !ended.err.contains(secret),
                "{secret}: {}{}",
                ended.out,
                ended.err
            );
            no_secret_below(&self.state(), secret);
        }
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
        let world = self.fake.world();
        assert!(world.complaints.is_empty(), "{:?}", world.complaints);
        ended
    }

    pub fn state(&self) -> PathBuf {
        self.home.path().join(".local/state/vitrine")
    }

    pub fn ingest(&self, more: &[&str]) -> Ended {
        let mut args = vec!["ingest", "scans", "--profile", "scanned-books"];
        args.extend(more);
        self.run(&args)
    }

    /// The names that the only or last ingest has got, checked byte for byte against the folder.
    pub fn arrived(&self) -> Vec<String> {
        let world = self.fake.world();
        let (_, ingest) = world.ingests.last_key_value().unwrap();
        for (name, file) in &ingest.files {
            assert_eq!(file.bytes, fs::read(self.scans().join(name)).unwrap(), "{name}");
        }
        ingest.files.keys().cloned().collect()
    }
}

fn no_secret_below(folder: &Path, secret: &str) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            no_secret_below(&path, secret);
        } else {
            let text = fs::read(&path).unwrap();
            assert!(!String::from_utf8_lossy(&text).contains(secret), "{secret} in {}", path.display());
        }
    }
}

impl Ended {
    /// Asserts the exit code, with what was said.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }
}
