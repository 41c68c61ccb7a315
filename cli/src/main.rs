//! `vitrine`, the command line for staff. It speaks the public API and nothing else.

mod answers;
mod api;
mod args;
mod digest;
#[cfg(test)]
mod docs;
mod failure;
mod fetch;
mod ingest;
mod jobs;
mod journal;
mod profiles;
mod progress;
mod report;
mod send;
mod settings;
mod terminal;
mod uploads;
mod verify;
mod walk;
mod wire;

use std::io::{self, BufWriter};
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::api::Api;
use crate::args::{Cli, Command};
use crate::failure::{Failure, INTERRUPTED};
use crate::settings::{FromEnvironment, Settings};

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match run(&cli, from_environment(&matches)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            match failure {
                Failure::Job | Failure::Closed => terminal::clear(),
                ref other => terminal::complain(&other.to_string()),
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(cli: &Cli, from_environment: FromEnvironment) -> Result<(), Failure> {
    if cli.connection.quiet {
        terminal::be_quiet();
    }
    let mut out = BufWriter::new(io::stdout().lock());
    if let Command::Completions { shell } = &cli.command {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut Cli::command(), "vitrine", &mut script);
        return Ok(io::Write::write_all(&mut out, &script)?);
    }
    stop_on_ctrl_c(matches!(cli.command, Command::Ingest(_) | Command::Upload(_) | Command::Fetch(_)));
    let settings = Settings::load(&cli.connection, from_environment)?;
    let done = match &cli.command {
        Command::Ingest(args) => ingest::run(&Api::new(settings.in_parallel(args.parallel)), args, &mut out),
        Command::Upload(args) => uploads::run(&Api::new(settings.in_parallel(args.parallel)), args, &mut out),
        Command::Job(args) => jobs::run(&Api::new(settings), args, &mut out),
        Command::Fetch(args) => fetch::run(&Api::new(settings.in_parallel(args.parallel)), args, &mut out),
        Command::Cancel { job } => jobs::cancel(&Api::new(settings), job, &mut out),
        Command::Resubmit(args) => jobs::resubmit(&Api::new(settings), args, &mut out),
        Command::Decide(args) => jobs::decide(&Api::new(settings), args, &mut out),
        Command::Undo(args) => jobs::undo(&Api::new(settings), args, &mut out),
        Command::Profile(args) => profiles::run(&Api::new(settings), &args.command, &mut out),
        Command::VerifyAudit(args) => verify::run(&Api::new(settings), args, &mut out),
        Command::Completions { .. } => Ok(()),
    };
    // What was said before a failure is said too.
    let flushed = io::Write::flush(&mut out).map_err(Failure::from);
    done.and(flushed)
}

fn from_environment(matches: &ArgMatches) -> FromEnvironment {
    // Global arguments are seen at the innermost command.
    let mut innermost = matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
    let is = |name: &str| innermost.value_source(name) == Some(ValueSource::EnvVariable);
    FromEnvironment { url: is("url"), key: is("api_key") }
}

/// Ends at once when asked to. Everything that matters is on the disk or on the other side at any time, so there is
/// nothing to wait for.
fn stop_on_ctrl_c(goes_on: bool) {
    let handler = move || {
        terminal::clear();
        if goes_on {
            terminal::note("interrupted; the same command goes on where it was");
        }
        std::process::exit(i32::from(INTERRUPTED));
    };
    if ctrlc::set_handler(handler).is_err() {
        terminal::note("note: Ctrl-C can not be caught here");
    }
}
