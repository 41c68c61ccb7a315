//! The engine as a process: started with an environment of its own, watched, stopped.

use crate::aws::Client;
use crate::home::{local_dir, python, vitrine_home};
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The one region the engine is used with.
pub const REGION: &str = "us-east-1";

const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// How to start an engine. The default is for tests: in memory, on a free port, gone with its starter.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Folder that keeps the state between runs; `None` keeps nothing.
    pub state: Option<PathBuf>,
    /// Port on 127.0.0.1, or 0 for a free one.
    pub port: u16,
    /// Seconds between two snapshots of the state; what a crash can lose.
    pub snapshot_seconds: u32,
    /// Whether the engine outlives the process that started it.
    pub detached: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { state: None, port: 0, snapshot_seconds: 15, detached: false }
    }
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    endpoint: String,
    log: Option<PathBuf>,
    child: Option<Child>,
    /// Folder that goes with the engine.
    scratch: Option<PathBuf>,
}

impl Engine {
    /// Starts an engine and waits until it answers.
    ///
    /// # Errors
    /// When the port is taken, or the engine does not answer in time; the end of its log is part of the error.
    pub fn start(options: &EngineOptions) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let python = python()?;
        let scratch = match &options.state {
            Some(state) => state.clone(),
            None => {
                let count = COUNT.fetch_add(1, Ordering::Relaxed);
                vitrine_home().join(format!("run/{}-{count}", std::process::id()))
            }
        };
        for folder in ["state", "s3", "tmp"] {
            fs::create_dir_all(scratch.join(folder)).context("cannot make the engine's folders")?;
        }
        let log = scratch.join("engine.log");
        let port_file = scratch.join("port");
        if port_file.exists() {
            fs::remove_file(&port_file).context("cannot remove the old port file")?;
        }
        let log_file =
            File::options().create(true).append(true).open(&log).context("cannot open the engine's log")?;

        let mut command = Command::new(python);
        command.arg(local_dir().join("serve.py")).current_dir(&scratch);
        // A clean environment: the engine hands its own to every function it runs.
        command.env_clear().env("HOME", &scratch).env("TMPDIR", scratch.join("tmp"));
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(settings(options)).env("ENGINE_PORT_FILE", &port_file);
        command.env("STATE_DIR", scratch.join("state")).env("S3_DATA_DIR", scratch.join("s3"));
        command.stdout(log_file.try_clone()?).stderr(log_file);
        if options.detached {
            command.stdin(Stdio::null()).process_group(0);
        } else {
            command.stdin(Stdio::piped());
        }
        let child = command.spawn().context("cannot start the engine")?;
        let scratch = options.state.is_none().then_some(scratch);
        let mut engine = Self { endpoint: String::new(), log: Some(log), child: Some(child), scratch };
        engine.wait_until_healthy(&port_file)?;
        if options.detached {
            // From here on nobody stops it but by its process id.
            engine.scratch = None;
        }
        Ok(engine)
    }

    /// Returns an engine for a test: the one named by `VITRINE_ENGINE`, which `cargo xtask test` starts for all
    /// test processes, or else one of this process's own.
    pub fn for_tests() -> Result<Self> {
        match std::env::var("VITRINE_ENGINE") {
            Ok(endpoint) => Self::attach(&endpoint),
            Err(_) => Self::start(&EngineOptions::default()),
        }
    }

    /// Returns an engine that something else started, and will stop.
    ///
    /// # Errors
    /// When nothing answers there.
    pub fn attach(endpoint: &str) -> Result<Self> {
        if !Client::new(endpoint).is_healthy() {
            bail!("no engine answers at {endpoint}");
        }
        Ok(Self { endpoint: endpoint.to_owned(), log: None, child: None, scratch: None })
    }

    /// Returns the address of the engine, such as `http://127.0.0.1:4566`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Switches the versions of a bucket off, for tests of what happens where someone has.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn suspend_versions(&self, bucket: &str) -> Result<()> {
        let body = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
        Client::new(self.endpoint()).put(&format!("{bucket}?versioning"), body.as_bytes())
    }

    /// Returns the engine's process id, or `None` when something else started it.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Returns the engine's log, or `None` when something else started it.
    pub fn log(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// Returns the SDK's own variables that point it at this engine.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Lets a detached engine go on without this value.
    pub fn leave(mut self) {
        self.child = None;
    }

    fn wait_until_healthy(&mut self, port_file: &Path) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < START_DEADLINE {
            if let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() {
                bail!("the engine stopped at once ({status}): {}", self.end_of_log());
            }
            if self.endpoint.is_empty()
                && let Ok(port) = fs::read_to_string(port_file)
            {
                self.endpoint = format!("http://127.0.0.1:{port}");
            }
            if !self.endpoint.is_empty() && Client::new(&self.endpoint).is_healthy() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("the engine does not answer: {}", self.end_of_log())
    }

    fn end_of_log(&self) -> String {
        let text = self.log.as_ref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(15).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Engine {
    /// Stops the engine in good order, so that it also ends the functions it runs.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            let _ = stop(&mut child);
        }
        if let Some(scratch) = &self.scratch {
            let _ = fs::remove_dir_all(scratch);
        }
    }
}

fn stop(child: &mut Child) -> Result<()> {
    if let Some(pid) = Pid::from_raw(i32::try_from(child.id())?) {
        let _ = kill_process(pid, Signal::TERM);
    }
    let started = Instant::now();
    while child.try_wait()?.is_none() {
        if started.elapsed() > STOP_DEADLINE {
            child.kill()?;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn settings(options: &EngineOptions) -> Vec<(&'static str, String)> {
    let flag = |on: bool| if on { "1" } else { "0" }.to_owned();
    vec![
        ("GATEWAY_PORT", options.port.to_string()),
        ("PERSIST_STATE", flag(options.state.is_some())),
        ("S3_PERSIST", flag(options.state.is_some())),
        ("SNAPSHOT_SECONDS", options.snapshot_seconds.to_string()),
        ("ENGINE_STOP_WITH_PARENT", flag(!options.detached)),
        // Roles, bucket policies and browser rules are checked as on AWS.
        ("AUTH", "true".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        // Services nobody asked for open ports of their own.
        ("IOT_MTLS_ENABLED", "0".to_owned()),
        ("SFTP_ENABLED", "0".to_owned()),
        ("PYTHONDONTWRITEBYTECODE", "0".to_owned()),
    ]
}

/// Tells whether a process of that id runs.
pub fn pid_is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    test_kill_process(pid).is_ok()
}

/// Asks a process to stop and waits until it is gone.
///
/// # Errors
/// When it is still there after half a minute.
pub fn stop_pid(pid: u32) -> Result<()> {
    let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    if kill_process(id, Signal::TERM).is_err() {
        return Ok(());
    }
    let started = Instant::now();
    while pid_is_alive(pid) {
        if started.elapsed() > STOP_DEADLINE {
            bail!("process {pid} does not stop");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
