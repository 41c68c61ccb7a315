//! The child's side: limits itself, draws, answers, exits.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::Signal;

use crate::draw::{self, DrawError};
use crate::job::{Answer, CHILD_VARIABLE, Job, Wanted};
use crate::request::{FailureCode, Usage};
use crate::{mark, read, sandbox};

/// Becomes the decoding child if this process was started as one; otherwise returns at once.
///
/// Must be the first line of `main` in every program that makes thumbnails: the child then starts no runtime, no
/// tracing and no client, and there is one thread when it limits itself.
pub fn run_child_if_asked() {
    if std::env::var_os(CHILD_VARIABLE).is_none() {
        return;
    }
    std::process::exit(run_child());
}

fn run_child() -> i32 {
    // The parent reads the reason from the answer; a backtrace would only fill the log.
    std::panic::set_hook(Box::new(|_| {}));
    // A worker killed in the middle leaves no decoder behind.
    let _ = set_pdeathsig(Signal::SIGKILL);
    let mut job = Vec::new();
    if std::io::stdin().lock().take(1 << 20).read_to_end(&mut job).is_err() {
        return 3;
    }
    let Ok(job) = serde_json::from_slice::<Job>(&job) else {
        return 3;
    };
    let answer = match sandbox::enter(&job) {
        Ok(()) => draw_caught(&job),
        Err(error) => Answer::Failed {
            code: FailureCode::ThumbIo,
            reason: format!("decoding process has no limits: {error}"),
        },
    };
    let mut stdout = std::io::stdout().lock();
    match serde_json::to_writer(&mut stdout, &answer)
        .map_err(std::io::Error::from)
        .and_then(|()| stdout.flush())
    {
        Ok(()) => 0,
        Err(_) => 4,
    }
}

fn draw_caught(job: &Job) -> Answer {
    let work = || match &job.wanted {
        Wanted::Marked(wish) => mark::mark(job, wish).map(|copy| Answer::Marked {
            mime: copy.mime.to_owned(),
            size_bytes: copy.size_bytes,
            usage: usage(),
        }),
        Wanted::Text(out) => read::read(job, out).map(|read| Answer::Read {
            size_bytes: read.size_bytes,
            cut: read.cut,
            usage: usage(),
        }),
        Wanted::Thumbnails => {
            draw::draw(job).map(|(thumbnails, facts)| Answer::Made { thumbnails, facts, usage: usage() })
        }
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(answer)) => answer,
        Ok(Err(DrawError::Unsupported(reason))) => Answer::Unsupported { reason },
        Ok(Err(DrawError::Needs(tool, reason))) => Answer::Needs { tool, reason },
        Ok(Err(DrawError::Failed(code, reason))) => Answer::Failed { code, reason },
        Err(_) => Answer::Failed { code: FailureCode::ThumbCrash, reason: "decoder panicked".into() },
    }
}

/// Sums up this process and the programs it waited for.
fn usage() -> Usage {
    let mut usage = Usage::default();
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let Ok(used) = getrusage(who) else { continue };
        let user = used.user_time();
        let user_ms = user.tv_sec().saturating_mul(1000).saturating_add(user.tv_usec() / 1000);
        usage.user_cpu_ms = usage.user_cpu_ms.saturating_add(u64::try_from(user_ms).unwrap_or_default());
        // Linux counts in KiB.
        let rss = u64::try_from(used.max_rss()).unwrap_or_default().saturating_mul(1024);
        usage.peak_rss_bytes = usage.peak_rss_bytes.max(rss);
    }
    usage
}
