//! The parent's side: starts the limited child, waits with a deadline, and turns any end of it into an outcome.
//!
//! Nothing here reads a byte of the source. The child inherits no environment (credentials stay with the parent) and
//! runs in its own process group, which is killed as a whole when time runs out or the caller loses interest.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Command;

use crate::job::{Answer, CHILD_VARIABLE, Job, Mark, Tool, Wanted};
use crate::request::{
    FailureCode, MarkOutcome, MarkRequest, TextOutcome, TextRequest, ThumbnailOutcome, ThumbnailRequest,
    Tools,
};

/// More than the longest honest answer.
const MAX_ANSWER_BYTES: u64 = 256 * 1024;
/// Enough of standard error to recognise how a process died.
const MAX_COMPLAINT_BYTES: u64 = 16 * 1024;
/// Where LibreOffice makes its socket, whatever it is told.
const SOFFICE_SOCKETS: &str = "/tmp";
/// Variables that programs outside this crate need to start at all; no credential is among them.
const INHERITED_VARIABLES: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "LANG"];

/// Makes thumbnails of one file in a limited child process.
///
/// Our own decoders get the first try under the strictest limits; a second child runs ffmpeg or LibreOffice only when
/// they have nothing for the file and `tools` names the program. Never panics and never outlives its deadline by more
/// than the time it takes to kill a process.
pub async fn make_thumbnails(request: ThumbnailRequest, tools: &Tools) -> ThumbnailOutcome {
    if request.sizes.is_empty() || request.sizes.iter().any(|size| !(1..=8192).contains(size)) {
        return failed(FailureCode::ThumbIo, "thumbnail sizes must be 1 to 8192".into(), false);
    }
    let request = Wish { request, wanted: Wanted::Thumbnails };
    match run(&request, None, tools.decoder_wall, tools).await {
        Answer::Needs { tool, reason } => {
            let (program, wall) = match tool {
                Tool::Ffmpeg => (&tools.ffmpeg, tools.ffmpeg_wall),
                Tool::Soffice => (&tools.soffice, tools.soffice_wall),
            };
            let Some(program) = program else {
                return ThumbnailOutcome::Unsupported { reason };
            };
            let answer = run(&request, Some((tool, program.clone())), wall, tools).await;
            if tool == Tool::Soffice {
                remove_dead_sockets(Path::new(SOFFICE_SOCKETS)).await;
            }
            outcome(answer)
        }
        answer => outcome(answer),
    }
}

/// Makes a marked copy of one file in a limited child process: ours alone, no program outside this crate has a part in it.
///
/// What this returns other than [`MarkOutcome::Made`] leaves nothing that may be shown to anybody.
pub async fn make_marked(request: MarkRequest, tools: &Tools) -> MarkOutcome {
    let Some(folder) = request.out.parent().filter(|_| (1..=8192).contains(&request.long_side)) else {
        return MarkOutcome::Impossible { reason: "a copy of 1 to 8192 pixels needs a folder".into() };
    };
    let mark = match std::path::absolute(&request.out) {
        Ok(out) => Mark { text: request.text, long_side: request.long_side, out },
        Err(error) => return MarkOutcome::Failed { reason: error.to_string() },
    };
    let wish = Wish::of(request.source, request.media_type, folder.to_owned(), Wanted::Marked(mark));
    match run(&wish, None, tools.decoder_wall * 2, tools).await {
        Answer::Marked { mime, size_bytes, usage } => MarkOutcome::Made { mime, size_bytes, usage },
        Answer::Failed { code: FailureCode::ThumbIo, reason } => MarkOutcome::Failed { reason },
        Answer::Failed { code, reason } => {
            MarkOutcome::Impossible { reason: format!("{}: {reason}", code.as_str()) }
        }
        Answer::Unsupported { reason } | Answer::Needs { reason, .. } => MarkOutcome::Impossible { reason },
        Answer::Made { .. } | Answer::Read { .. } => {
            MarkOutcome::Impossible { reason: "decoder made something else".into() }
        }
    }
}

/// Reads the text of one file in a limited child process, into a file of its own: UTF-8, at most
/// [`crate::MAX_TEXT_BYTES`], pages apart by form feeds (D19).
pub async fn read_text(request: TextRequest, tools: &Tools) -> TextOutcome {
    let failed = |code, reason| TextOutcome::Failed { code, reason, retryable: code == FailureCode::ThumbIo };
    let out = match std::path::absolute(&request.out) {
        Ok(out) => out,
        Err(error) => return failed(FailureCode::ThumbIo, error.to_string()),
    };
    let Some(folder) = out.parent().map(Path::to_owned) else {
        return failed(FailureCode::ThumbIo, "a text needs a folder".into());
    };
    let wish = Wish::of(request.source, request.media_type, folder, Wanted::Text(out));
    match run(&wish, None, tools.decoder_wall * 2, tools).await {
        Answer::Read { size_bytes: 0, .. } => TextOutcome::Nothing,
        Answer::Read { size_bytes, cut, usage } => TextOutcome::Read { size_bytes, cut, usage },
        Answer::Unsupported { reason } | Answer::Needs { reason, .. } => TextOutcome::Unsupported { reason },
        Answer::Failed { code, reason } => failed(code, reason),
        Answer::Made { .. } | Answer::Marked { .. } => {
            failed(FailureCode::ThumbCrash, "decoder made something else".into())
        }
    }
}

/// What a child is asked for.
struct Wish {
    request: ThumbnailRequest,
    wanted: Wanted,
}

impl Wish {
    /// A wish for one file, and no thumbnails.
    fn of(source: PathBuf, media_type: String, out_dir: PathBuf, wanted: Wanted) -> Self {
        Self { request: ThumbnailRequest { source, media_type, sizes: Vec::new(), out_dir }, wanted }
    }
}

/// Removes LibreOffice's sockets at which nobody listens: those of the run that just ended, which may make its socket in
/// the common folder but not remove it, and those of runs that were killed.
async fn remove_dead_sockets(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().as_bytes().starts_with(b"OSL_PIPE_")) {
        let path = entry.path();
        let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if UnixStream::connect(&path).await.is_err_and(refused) {
            // Somebody else's, or gone meanwhile: either is fine.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn outcome(answer: Answer) -> ThumbnailOutcome {
    match answer {
        Answer::Made { thumbnails, facts, usage } => ThumbnailOutcome::Made { thumbnails, facts, usage },
        Answer::Unsupported { reason } | Answer::Needs { reason, .. } => {
            ThumbnailOutcome::Unsupported { reason }
        }
        Answer::Failed { code, reason } => failed(code, reason, code == FailureCode::ThumbIo),
        Answer::Marked { .. } | Answer::Read { .. } => {
            failed(FailureCode::ThumbCrash, "decoder made something else".into(), false)
        }
    }
}

fn failed(code: FailureCode, reason: String, retryable: bool) -> ThumbnailOutcome {
    ThumbnailOutcome::Failed { code, reason, retryable }
}

async fn run(wish: &Wish, tool: Option<(Tool, PathBuf)>, wall: Duration, tools: &Tools) -> Answer {
    match try_run(wish, tool, wall, tools).await {
        Ok(answer) => answer,
        Err(error) => Answer::Failed {
            code: FailureCode::ThumbIo,
            reason: format!("decoding process did not run: {error}"),
        },
    }
}

async fn try_run(
    wish: &Wish,
    tool: Option<(Tool, PathBuf)>,
    wall: Duration,
    tools: &Tools,
) -> io::Result<Answer> {
    let work_dir = tempfile::Builder::new().prefix("vitrine-thumbnail-").tempdir()?;
    let request = &wish.request;
    let job = Job {
        source: std::path::absolute(&request.source)?,
        mime: request.media_type.clone(),
        sizes: request.sizes.clone(),
        out_dir: std::path::absolute(&request.out_dir)?,
        work_dir: work_dir.path().to_owned(),
        tool,
        wanted: wish.wanted.clone(),
    };
    let program = match &tools.child_program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?,
    };
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(INHERITED_VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .env(CHILD_VARIABLE, "1")
        .env("HOME", work_dir.path())
        .env("TMPDIR", work_dir.path())
        .current_dir(work_dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let id = child.id();
    // Drops before `work_dir`, so that nothing writes into the folder while it is removed.
    let _group = child.id().and_then(|id| i32::try_from(id).ok()).map(ProcessGroup);

    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let talk = async {
        let say = async {
            if let Some(mut stdin) = stdin {
                // A child that died early closes the pipe; its exit status tells more than this error.
                let _ = stdin.write_all(&serde_json::to_vec(&job)?).await;
            }
            io::Result::Ok(())
        };
        let (said, answer, complaint, status) = tokio::join!(
            say,
            read_bounded(stdout, MAX_ANSWER_BYTES),
            read_bounded(stderr, MAX_COMPLAINT_BYTES),
            child.wait()
        );
        said?;
        io::Result::Ok((answer?, complaint?, status?))
    };
    let Ok(ended) = tokio::time::timeout(wall, talk).await else {
        let reason = format!("not finished within {} s", wall.as_secs());
        if id.and_then(processor_time).is_some_and(|used| was_starved(used, wall)) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
        }
        return Ok(Answer::Failed { code: FailureCode::ThumbTimeout, reason });
    };
    let (answer, complaint, status) = ended?;
    if status.success()
        && let Ok(answer) = serde_json::from_slice(&answer)
    {
        return Ok(answer);
    }
    Ok(post_mortem(status, &String::from_utf8_lossy(&complaint)))
}

/// The processor time that a process and the children it waited for have used.
fn processor_time(id: u32) -> Option<Duration> {
    processor_time_of(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// Reads it from the kernel's line: the 14th to 17th words, in hundredths of a second, behind a name that may hold anything.
fn processor_time_of(stat: &str) -> Option<Duration> {
    let (_, words) = stat.rsplit_once(')')?;
    let ticks = words.split_whitespace().skip(11).take(4).map(str::parse::<u64>);
    let hundredths = ticks.sum::<Result<u64, _>>().ok()?;
    Some(Duration::from_millis(hundredths * 10))
}

/// Whether time ran out because the machine was busy with something else: then another try may do better, and the file is
/// not to blame.
fn was_starved(used: Duration, wall: Duration) -> bool {
    used <= wall / 4
}

/// Kills what is left of the child's process group when it goes out of scope.
struct ProcessGroup(i32);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // No such group is the normal case: everything in it has ended.
        let _ = killpg(Pid::from_raw(self.0), Signal::SIGKILL);
    }
}

/// Keeps the first `limit` bytes and swallows the rest, so that a talkative child neither blocks nor fills memory.
async fn read_bounded(from: Option<impl AsyncRead + Unpin>, limit: u64) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut from) = from {
        (&mut from).take(limit).read_to_end(&mut kept).await?;
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}

/// Says what killed a child that left no answer.
fn post_mortem(status: ExitStatus, complaint: &str) -> Answer {
    let out_of_memory = complaint.contains("memory allocation of") || complaint.contains("bad_alloc");
    let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
    let (code, reason) = match signal {
        _ if out_of_memory => (FailureCode::ThumbLimit, "decoder needs more memory than allowed".to_owned()),
        Some(Signal::SIGXCPU) => {
            (FailureCode::ThumbLimit, "decoder needs more CPU time than allowed".to_owned())
        }
        Some(Signal::SIGXFSZ) => (FailureCode::ThumbLimit, "decoder wrote more than allowed".to_owned()),
        Some(Signal::SIGKILL) => (FailureCode::ThumbLimit, "decoder was killed at a limit".to_owned()),
        Some(signal) => (FailureCode::ThumbCrash, format!("decoder died of {signal}")),
        None => (FailureCode::ThumbCrash, format!("decoder left no answer ({status})")),
    };
    Answer::Failed { code, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(raw_status: i32, complaint: &str) -> FailureCode {
        match post_mortem(ExitStatus::from_raw(raw_status), complaint) {
            Answer::Failed { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn only_sockets_without_a_listener_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let alive = std::os::unix::net::UnixListener::bind(at("OSL_PIPE_0_alive")).unwrap();
        drop(std::os::unix::net::UnixListener::bind(at("OSL_PIPE_0_dead")).unwrap());
        drop(std::os::unix::net::UnixListener::bind(at("other")).unwrap());
        std::fs::write(at("OSL_PIPE_file"), b"").unwrap();
        remove_dead_sockets(folder.path()).await;
        drop(alive);
        let left =
            ["OSL_PIPE_0_alive", "OSL_PIPE_0_dead", "other", "OSL_PIPE_file"].map(|name| at(name).exists());
        assert!(left[0] && !left[1] && left[2], "{left:?}");
    }

    #[test]
    fn a_child_that_got_little_of_the_processor_was_starved() {
        let stat = "7 (a ) b) R 1 7 7 0 -1 4194304 84 0 0 0 120 30 40 10 20 0 1 0 1";
        assert_eq!(processor_time_of(stat), Some(Duration::from_secs(2)));
        assert_eq!(processor_time_of("7 (thumbnail) R 1"), Some(Duration::ZERO));
        assert_eq!(processor_time_of("nothing"), None);
        let wall = Duration::from_secs(10);
        assert!(was_starved(Duration::from_secs(2), wall) && !was_starved(Duration::from_secs(3), wall));
    }

    #[test]
    fn every_death_has_a_class() {
        assert_eq!(code_of(Signal::SIGXCPU as i32, ""), FailureCode::ThumbLimit);
        assert_eq!(code_of(Signal::SIGSEGV as i32, ""), FailureCode::ThumbCrash);
        assert_eq!(
            code_of(Signal::SIGABRT as i32, "memory allocation of 8 bytes failed"),
            FailureCode::ThumbLimit
        );
        assert_eq!(code_of(Signal::SIGABRT as i32, "has overflowed its stack"), FailureCode::ThumbCrash);
        assert_eq!(code_of(3 << 8, ""), FailureCode::ThumbCrash);
    }
}
