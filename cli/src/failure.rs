//! Why a command did not do what it was asked, and the exit code that says so.

use std::io;

/// The exit code after Ctrl-C or a request to stop.
pub const INTERRUPTED: u8 = 130;

/// The exit codes as they are documented.
const EXIT_CODES: &[(u8, &str)] = &[
    (0, "done; a job that was followed completed successfully"),
    (
        1,
        "the job ended otherwise: with errors, aborted, failed, or waiting for a person; the audit trail does not verify",
    ),
    (2, "the command line or the settings can not be used as they are"),
    (3, "refused: no valid API key, or its roles do not allow it"),
    (4, "not found, or not taken as it is: an id, a file, a folder, a state that does not allow it"),
    (5, "no answer: the network or the service is not available, after the repeats of `--retries`"),
    (INTERRUPTED, "interrupted; what was done is kept, and the same command goes on"),
];

/// The exit codes as the help shows them.
pub fn exit_codes() -> String {
    let lines: Vec<String> =
        EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:<4} {meaning}")).collect();
    format!("Exit codes:\n{}", lines.join("\n"))
}

/// A command that did not succeed. Messages never hold a key or a signed address.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The job ended with errors; the report said so already.
    #[error("the job did not complete successfully")]
    Job,
    /// So many rows and manifests of the audit trail do not fit; each was named already.
    #[error("the audit trail does not verify: {0} findings")]
    Tampered(u64),
    /// The command line or the settings can not be used.
    #[error("{0}")]
    Usage(String),
    /// 401 or 403.
    #[error("{0}")]
    Refused(String),
    /// Not found, not valid, or a state that does not allow it.
    #[error("{0}")]
    Invalid(String),
    /// The same, for 404, which some callers expect.
    #[error("{0}")]
    NotFound(String),
    /// The network or the service.
    #[error("{0}")]
    Unavailable(String),
    /// Whoever read our output has gone; nothing to say to them.
    #[error("the output was closed")]
    Closed,
}

impl Failure {
    /// A file or folder of this computer that could not be used.
    pub fn local(path: &std::path::Path, doing: &str, error: &io::Error) -> Self {
        Self::Invalid(format!("`{}` could not be {doing}: {error}", path.display()))
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Job | Self::Tampered(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::Invalid(_) | Self::NotFound(_) => 4,
            Self::Unavailable(_) => 5,
        }
    }
}

/// Errors of writing to our own output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Invalid(format!("the output could not be written: {error}")),
        }
    }
}
