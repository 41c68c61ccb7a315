//! `vitrine job` and what is done to jobs: look at them, follow, stop, resubmit, undo, decide on rows.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::api::{Again, Api, segment};
use crate::args::{AgainArgs, DecideArgs, Decision, JobArgs, ReportFormat};
use crate::failure::Failure;
use crate::progress::percent_bar;
use crate::report;
use crate::terminal::{bars, note, plain};
use crate::wire::{Job, ReportLink, Row, RowPage};

/// The first and the longest pause between looks at a job.
const LOOK: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// How often there is a line where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(30);
/// How many rows a page has.
const PAGE: &str = "100";

/// Runs `vitrine job`.
///
/// # Errors
/// See [`Failure`]; [`Failure::Job`] for a job that ended otherwise than successfully.
pub fn run(api: &Api, args: &JobArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let job = if args.follow { follow(api, &args.job)? } else { read(api, &args.job)? };
    if let Some(format) = args.report {
        fetch_report(api, &job, format, args.output.as_deref(), out)?;
    } else if let Some(outcome) = &args.rows {
        let outcome = (!outcome.eq_ignore_ascii_case("all")).then(|| outcome.to_ascii_uppercase());
        for_each_row(api, &job.id, outcome.as_deref(), &mut |row| {
            report::print_row(row, out)?;
            Ok(true)
        })?;
    } else {
        report::print(api, &job, out)?;
    }
    if job.is_final() && !job.is_success() { Err(Failure::Job) } else { Ok(()) }
}

/// Runs `vitrine cancel`.
///
/// # Errors
/// As of [`read`]; a job that has ended.
pub fn cancel(api: &Api, job: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let job = act(api, job, "cancel")?;
    writeln!(out, "job {} stops at its next row", plain(&job.id))?;
    Ok(())
}

/// Runs `vitrine resubmit`.
///
/// # Errors
/// As of [`run`]; a job that has not ended, or with nothing to do again.
pub fn resubmit(api: &Api, args: &AgainArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let job = act(api, &args.job, "resubmit")?;
    see_to_its_end(api, &job, args.no_follow, out)
}

/// Runs `vitrine undo`.
///
/// # Errors
/// As of [`run`]; a job that can not be taken back.
pub fn undo(api: &Api, args: &AgainArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let job = act(api, &args.job, "undo")?;
    note(&format!("job {} takes back job {}", plain(&job.id), args.job));
    see_to_its_end(api, &job, args.no_follow, out)
}

/// Runs `vitrine decide`.
///
/// # Errors
/// As of [`read`]; a row that does not wait, a title that does not exist.
pub fn decide(api: &Api, args: &DecideArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let op = match args.decision {
        Decision::Force => "force",
        Decision::Match => "match",
        Decision::New => "new",
        Decision::Discard => "discard",
    };
    let mut query = vec![("op", op)];
    query.extend(args.title.as_deref().map(|title| ("mms_id", title)));
    let path = format!("conf/jobs/{}/rows/{}", segment(&args.job, "a job")?, args.row);
    // A row that is left out does not wait any more; what else is decided twice is decided once.
    let again = if args.decision == Decision::Discard { Again::IfNotTaken } else { Again::Yes };
    let row: Row = api.post(&path, &query, None::<&()>, again)?;
    report::print_row(&row, out)?;
    if args.decision != Decision::Discard {
        writeln!(out, "    {op}, when the job is resubmitted")?;
    }
    Ok(())
}

fn act(api: &Api, job: &str, op: &str) -> Result<Job, Failure> {
    let path = format!("conf/jobs/{}", segment(job, "a job")?);
    api.post(&path, &[("op", op)], None::<&()>, Again::IfNotTaken)
}

/// Follows a job that was just started, and reports; or only names it.
fn see_to_its_end(api: &Api, job: &Job, no_follow: bool, out: &mut dyn Write) -> Result<(), Failure> {
    if no_follow {
        writeln!(out, "job {} was submitted", plain(&job.id))?;
        return Ok(());
    }
    let job = follow(api, &job.id)?;
    report::print(api, &job, out)?;
    if job.is_success() { Ok(()) } else { Err(Failure::Job) }
}

/// Reads a job.
///
/// # Errors
/// No such job.
pub fn read(api: &Api, id: &str) -> Result<Job, Failure> {
    api.get(&format!("conf/jobs/{}", segment(id, "a job")?), &[])
}

/// Waits until a job has ended, and shows how far it is.
///
/// # Errors
/// As of [`read`]. The job itself goes on, whether somebody looks or not.
pub fn follow(api: &Api, id: &str) -> Result<Job, Failure> {
    let bar = percent_bar();
    let mut pause = LOOK.0;
    let mut said = (String::new(), Instant::now());
    loop {
        let job = read(api, id)?;
        if job.is_final() {
            bar.finish_and_clear();
            return Ok(job);
        }
        bar.set_position(job.progress.min(100));
        bar.set_message(plain(&state(&job)));
        // Where there is no bar: a line for each status, and now and then.
        if bars().is_hidden() && (said.0 != job.status.value || said.1.elapsed() >= LINE_EVERY) {
            note(&format!("job {}: {}", plain(&job.id), plain(&state(&job))));
            said = (job.status.value.clone(), Instant::now());
        }
        thread::sleep(pause);
        pause = pause.mul_f64(1.3).min(LOOK.1);
    }
}

fn state(job: &Job) -> String {
    let rows = job.counter("rows").map(|rows| format!(", {rows} rows")).unwrap_or_default();
    let end = job.estimated_end_time.as_ref().map(|end| format!(", likely until {end}")).unwrap_or_default();
    format!("{} {}%{rows}{end}", job.status.text(), job.progress)
}

/// Hands each row of a job on, a page in memory at a time, until `see` says that it has enough.
///
/// # Errors
/// As of [`read`], and those of `see`.
pub fn for_each_row(
    api: &Api,
    job: &str,
    outcome: Option<&str>,
    see: &mut dyn FnMut(&Row) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let path = format!("conf/jobs/{}/rows", segment(job, "a job")?);
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![("limit", PAGE)];
        query.extend(outcome.map(|outcome| ("outcome", outcome)));
        query.extend(cursor.as_deref().map(|cursor| ("next", cursor)));
        let page: RowPage = api.get(&path, &query)?;
        for row in &page.row {
            if !see(row)? {
                return Ok(());
            }
        }
        match page.next {
            Some(next) if Some(&next) != cursor.as_ref() => cursor = Some(next),
            _ => return Ok(()),
        }
    }
}

fn fetch_report(
    api: &Api,
    job: &Job,
    format: ReportFormat,
    file: Option<&Path>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let format = match format {
        ReportFormat::Csv => "csv",
        ReportFormat::Json => "json",
    };
    let path = format!("conf/jobs/{}/report", segment(&job.id, "a job")?);
    let link: ReportLink = api.get(&path, &[("as", format)])?;
    let mut report = api.fetch(&link.url)?;
    let Some(path) = file.filter(|path| path.as_os_str() != "-") else {
        return copy(&mut report, out);
    };
    // Aside first: a report that broke off must not look like one.
    let mut aside = path.as_os_str().to_owned();
    aside.push(".part");
    let aside = PathBuf::from(aside);
    let mut file = File::create(&aside).map_err(|error| Failure::local(&aside, "written", &error))?;
    let copied = copy(&mut report, &mut file)
        .and_then(|()| fs::rename(&aside, path).map_err(|error| Failure::local(path, "written", &error)));
    if copied.is_err() {
        let _ = fs::remove_file(&aside);
    }
    copied
}

fn copy(report: &mut dyn Read, out: &mut dyn Write) -> Result<(), Failure> {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match report.read(&mut chunk) {
            Ok(0) => return Ok(out.flush()?),
            Ok(read) => out.write_all(chunk.get(..read).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(Failure::Unavailable("the report broke off; fetch it again".to_owned())),
        }
    }
}
