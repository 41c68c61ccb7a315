//! The command line, declared once: parser, help, completions and `docs/cli.md` come from here.

use std::path::PathBuf;

use crate::failure::exit_codes;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

/// Bulk work with a Vitrine repository: upload folders and files, run imports, follow jobs
///
/// Settings are taken from flags, else from the environment, else from the settings file
/// (`~/.config/vitrine/config.toml`, with the lines `url = "..."`, `api_key = "..."`, and if wanted `parallel = 4`
/// and `retries = 8`). Make the file readable by yourself only.
#[derive(Debug, Parser)]
#[command(name = "vitrine", version, max_term_width = 110, after_help = exit_codes())]
pub struct Cli {
    #[command(flatten)]
    pub connection: ConnectionArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Where the repository is and who calls.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Address of the API, such as `https://repository.example.org/almaws/v1`
    #[arg(long, global = true, env = "VITRINE_URL", hide_env_values = true, value_name = "URL", value_hint = ValueHint::Url)]
    pub url: Option<String>,
    /// API key; better in the environment or in the settings file than here, where other users can see it
    #[arg(long, global = true, env = "VITRINE_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub api_key: Option<String>,
    /// Settings file to use instead of the usual one
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Take address and key from the `.vitrine/stack.json` of a local stack
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub stack: Option<PathBuf>,
    /// How often a request is repeated when the network or the service fails [default: 8]
    #[arg(long, global = true, env = "VITRINE_RETRIES", hide_env_values = true, value_name = "N")]
    pub retries: Option<u32>,
    /// Say nothing but results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Upload a folder of files with its metadata file, import it, and report every row
    ///
    /// Interrupted by Ctrl-C, a lost network or a reboot, the same command goes on where it was: what has arrived
    /// is asked from the repository and not sent again. Hidden files, and links that lead out of the folder, are
    /// left out and named.
    Ingest(IngestArgs),
    /// Upload files into a representation
    ///
    /// Each file is checked by its SHA-256 on arrival and registered as a file of the representation. Interrupted,
    /// the same command goes on with the parts that are missing.
    Upload(UploadArgs),
    /// Show a job: its report, its rows, or its whole report as a file
    Job(JobArgs),
    /// Fetch what an export wrote into a folder, and check each byte
    ///
    /// The folder becomes a BagIt bag, as any tool for bags validates it, or has an OCFL storage root in `data/`, as the
    /// export's layout says. Interrupted, the same command goes on: files
    /// that are here with the bytes that the manifest names are not fetched again.
    Fetch(FetchArgs),
    /// Stop a job between two rows; what is done stays done
    Cancel {
        /// The job
        #[arg(value_name = "JOB")]
        job: String,
    },
    /// Run the rows again that failed, whose files were missing or refused, or that were decided on
    Resubmit(AgainArgs),
    /// Decide on a row that waits for a person; `resubmit` carries it out
    Decide(DecideArgs),
    /// Take back what an import did, as far as nothing newer is lost, and say what it left
    Undo(AgainArgs),
    /// Import profiles
    Profile(ProfileArgs),
    /// Verify that no row of the audit trail was removed, edited or inserted since its hour was sealed
    ///
    /// Computes every seal anew from the rows as they are stored now, and names each row and manifest that does not fit.
    /// Needs a key with the role General System Administrator. Write the digest of the last manifest down elsewhere: a
    /// later run must show the same for that hour.
    VerifyAudit(VerifyAuditArgs),
    /// Print the completions of a shell, to be put where that shell looks for them
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub struct IngestArgs {
    /// Folder with the files and the metadata file
    #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
    /// Import profile, by id or by name
    #[arg(long, short, value_name = "PROFILE")]
    pub profile: String,
    /// Report what an import would do, with each difference, and write nothing to the catalogue
    #[arg(long)]
    pub dry_run: bool,
    /// Upload only; the same command without this submits
    #[arg(long, conflicts_with = "dry_run")]
    pub no_submit: bool,
    /// Submit, and do not wait for the end of the job
    #[arg(long, conflicts_with = "no_submit")]
    pub no_follow: bool,
    /// Begin a new ingest even if one of this folder is open
    #[arg(long, conflicts_with = "ingest")]
    pub new: bool,
    /// Go on with this ingest, for example one begun on another computer
    #[arg(long, value_name = "ID")]
    pub ingest: Option<String>,
    /// How many files or parts are sent at the same time [default: 4]
    #[arg(long, env = "VITRINE_PARALLEL", hide_env_values = true, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub parallel: Option<u8>,
}

#[derive(Debug, Args)]
pub struct UploadArgs {
    /// Files to upload
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Representation that the files will belong to
    #[arg(long, short, value_name = "ID")]
    pub representation: String,
    /// Title (MMS ID) that the representation must belong to; checked before anything is sent
    #[arg(long, short, value_name = "MMS")]
    pub title: Option<String>,
    /// Do not wait until the files are registered
    #[arg(long)]
    pub no_wait: bool,
    /// How many files or parts are sent at the same time [default: 4]
    #[arg(long, env = "VITRINE_PARALLEL", hide_env_values = true, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub parallel: Option<u8>,
}

#[derive(Debug, Args)]
pub struct FetchArgs {
    /// The job of the export
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Folder to write into; made where it is not there
    #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
    /// How many files are fetched at the same time [default: 4]
    #[arg(long, env = "VITRINE_PARALLEL", hide_env_values = true, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub parallel: Option<u8>,
}

#[derive(Debug, Args)]
pub struct JobArgs {
    /// The job
    #[arg(value_name = "ID")]
    pub job: String,
    /// Wait until it has ended
    #[arg(long, short)]
    pub follow: bool,
    /// List its rows: those with this outcome, such as FAILED, or ALL
    #[arg(long, value_name = "OUTCOME", conflicts_with = "report")]
    pub rows: Option<String>,
    /// Fetch the whole report
    #[arg(long, value_name = "FORMAT")]
    pub report: Option<ReportFormat>,
    /// File to write to instead of standard output
    #[arg(long, short, value_name = "FILE", requires = "report", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For spreadsheets
    Csv,
    /// For programs
    Json,
}

#[derive(Debug, Args)]
pub struct DecideArgs {
    /// The job
    #[arg(value_name = "JOB")]
    pub job: String,
    /// The row's number, as `vitrine job JOB --rows WAITING` shows it
    #[arg(value_name = "ROW")]
    pub row: u64,
    /// What becomes of it
    #[arg(value_name = "DECISION")]
    pub decision: Decision,
    /// The title (MMS ID) that the row describes
    #[arg(long, short, value_name = "MMS", required_if_eq("decision", "match"))]
    pub title: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Decision {
    /// Import it in spite of its errors
    Force,
    /// It describes the title that `--title` names
    Match,
    /// It is a new title
    New,
    /// Leave it out
    Discard,
}

#[derive(Debug, Args)]
pub struct AgainArgs {
    /// The import job
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Do not wait for the end
    #[arg(long)]
    pub no_follow: bool,
}

#[derive(Debug, Args)]
pub struct VerifyAuditArgs {
    /// First hour, in UTC, such as `2026-11-24T15`; without it the chain is verified from its beginning
    #[arg(long, value_name = "HOUR")]
    pub from: Option<String>,
    /// Last hour
    #[arg(long, value_name = "HOUR")]
    pub to: Option<String>,
}

#[derive(Debug, Args)]
pub struct ProfileArgs {
    #[command(subcommand)]
    pub command: ProfileCommand,
}

#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// List the import profiles
    List,
    /// Show one, with all its settings
    Show {
        /// Id or name
        profile: String,
    },
    /// Make a profile from a JSON file that `export` wrote; prints its id
    Import {
        /// The file, or `-` for standard input
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Write a profile as JSON
    Export {
        /// Id or name
        profile: String,
        /// File to write to instead of standard output
        #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
}
