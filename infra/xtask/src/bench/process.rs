//! What a process used, measured from outside.

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use std::process::{Command, Stdio};

/// What a process used, with the children that it waited for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    pub user_ms: f64,
    pub peak_mib: f64,
}

/// Runs a command to its end.
///
/// The kernel tells a process's time in microseconds only to its parent, and its peak of memory only apart from other
/// children: so the time is the growth of our children's sum, and the peak what `/usr/bin/time` says.
///
/// # Errors
/// When it cannot be started or fails.
pub fn measure(command: &Command) -> Result<Used> {
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-f", "%M"]).arg(command.get_program()).args(command.get_args());
    let before = children_user_ms()?;
    let done =
        timed.stdin(Stdio::null()).stdout(Stdio::null()).output().context("cannot start /usr/bin/time")?;
    let user_ms = children_user_ms()? - before;
    let said = String::from_utf8_lossy(&done.stderr);
    match said.lines().last().unwrap_or_default().parse::<f64>() {
        Ok(kib) if done.status.success() => Ok(Used { user_ms, peak_mib: kib / 1024.0 }),
        _ => bail!("`{}` failed: {said}", command.get_program().to_string_lossy()),
    }
}

fn children_user_ms() -> Result<f64> {
    let time = getrusage(UsageWho::RUSAGE_CHILDREN).context("the kernel does not tell")?.user_time();
    Ok(time.tv_sec() as f64 * 1e3 + time.tv_usec() as f64 / 1e3)
}
