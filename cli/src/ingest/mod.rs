//! `vitrine ingest`: a folder goes up, is submitted, and its job is followed to the report.

mod arrived;
mod files;
mod plan;
mod scan;
mod work;

use std::io::Write;

use crate::api::{Again, Api, Repeats, segment};
use crate::args::IngestArgs;
use crate::failure::Failure;
use crate::journal::Journal;
use crate::settings::state_folder;
use crate::terminal::{count, note, plain};
use crate::wire::{Ingest, NewIngest, Profile};
use crate::{jobs, profiles, report};

/// The status of an ingest that takes files.
const OPEN: &str = "UPLOADING";

/// Runs the command.
///
/// # Errors
/// See [`Failure`]; [`Failure::Job`] after a report of a job that did not complete successfully.
pub fn run(api: &Api, args: &IngestArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let profile = profiles::find(api, &args.profile)?;
    segment(&profile.id, "a profile")?;
    let wanted = profile.digital_details.file_name_patterns.as_deref().filter(|_| !args.no_submit);
    let scan = scan::scan(&args.folder, wanted)?;
    let mut journal = Journal::open(&state_folder()?, &api.settings().url, &profile.id, &scan.root)?;
    let ingest = match open_ingest(api, &mut journal, &profile, args)? {
        Some(ingest) => ingest,
        None => begin(api, &mut journal, &profile, &scan)?,
    };
    let ingest = if ingest.status.value == OPEN {
        files::send(api, &journal, &base(&ingest)?, &scan)?;
        if args.no_submit {
            writeln!(out, "ingest {} has {}, not submitted", ingest.id, count(scan.files, "file"))?;
            return Ok(());
        }
        submit(api, &mut journal, &ingest, args.dry_run)?
    } else {
        note(&format!("ingest {} was submitted already; the folder is not looked at again", ingest.id));
        ingest
    };
    let job = ingest.job_id.as_deref().ok_or_else(|| {
        Failure::Unavailable(format!("ingest {} was submitted, and the answer names no job", ingest.id))
    })?;
    if args.no_follow {
        writeln!(out, "job {} of ingest {} was submitted", plain(job), ingest.id)?;
        return Ok(());
    }
    let job = jobs::follow(api, job)?;
    report::print(api, &job, out)?;
    settle(api, &mut journal, &ingest)?;
    if job.is_success() { Ok(()) } else { Err(Failure::Job) }
}

fn base(ingest: &Ingest) -> Result<String, Failure> {
    let (profile, id) = (segment(&ingest.profile_id, "a profile")?, segment(&ingest.id, "an ingest")?);
    Ok(format!("conf/md-import-profiles/{profile}/ingests/{id}"))
}

/// The ingest to go on with: the one that was named, or the one in the journal if it is neither done nor gone.
fn open_ingest(
    api: &Api,
    journal: &mut Journal,
    profile: &Profile,
    args: &IngestArgs,
) -> Result<Option<Ingest>, Failure> {
    let named = args.ingest.as_deref();
    let known = journal.head().map(|head| head.ingest_id.clone()).filter(|_| !args.new);
    let Some(id) = named.map(str::to_owned).or(known) else { return Ok(None) };
    let path = format!("conf/md-import-profiles/{}/ingests/{}", profile.id, segment(&id, "an ingest")?);
    let ingest: Ingest = match api.get(&path, &[]) {
        Ok(ingest) => ingest,
        Err(Failure::NotFound(_)) if named.is_none() => {
            note(&format!("ingest {id} is gone; beginning another"));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let goes_on = match ingest.status.value.as_str() {
        OPEN => true,
        "CANCELLED" => false,
        // Submitted and not reported yet: only that is left to do, even if the job has ended meanwhile.
        _ => named.is_some() || is_unreported(api, journal, &ingest, args.dry_run)?,
    };
    if goes_on {
        note(&format!("going on with ingest {}", ingest.id));
        let job = ingest.job_id.as_deref().filter(|_| ingest.status.value != OPEN);
        journal.begin(&ingest.id)?;
        journal.submitted(job)?;
        return Ok(Some(ingest));
    }
    if named.is_some() {
        return Err(Failure::Invalid(format!(
            "ingest {id} takes nothing more: {}",
            plain(ingest.status.text())
        )));
    }
    if let Some(job) = &ingest.job_id {
        note(&format!("ingest {id} has ended (see `vitrine job {}`); beginning another", plain(job)));
    }
    Ok(None)
}

fn is_unreported(api: &Api, journal: &Journal, ingest: &Ingest, dry_run: bool) -> Result<bool, Failure> {
    let Some(id) = &ingest.job_id else { return Ok(false) };
    let job = jobs::read(api, id)?;
    let ours = journal.head().is_some_and(|head| head.job_id.as_ref() == Some(id));
    Ok(!job.is_final() || (ours && job.dry_run == dry_run))
}

fn begin(api: &Api, journal: &mut Journal, profile: &Profile, scan: &scan::Scan) -> Result<Ingest, Failure> {
    let name = scan.root.file_name().map(|name| plain(&name.to_string_lossy()).chars().take(100).collect());
    let path = format!("conf/md-import-profiles/{}/ingests", profile.id);
    let ingest: Ingest = api.post(&path, &[], Some(&NewIngest { name }), Again::Yes)?;
    segment(&ingest.id, "an ingest")?;
    journal.begin(&ingest.id)?;
    note(&format!("ingest {} with profile `{}`", ingest.id, plain(&profile.name)));
    Ok(ingest)
}

/// Submits once, whatever becomes of the answer: before it asks again it looks whether there is a new job.
fn submit(api: &Api, journal: &mut Journal, before: &Ingest, dry_run: bool) -> Result<Ingest, Failure> {
    let path = base(before)?;
    let query = [("op", "submit"), ("dry_run", if dry_run { "true" } else { "false" })];
    let mut repeats = Repeats::new(api.settings().retries);
    let submitted = loop {
        match api.post::<Ingest>(&path, &query, None::<&()>, Again::IfNotTaken) {
            Ok(ingest) => break ingest,
            Err(Failure::Unavailable(why)) => {
                let now: Ingest = api.get(&path, &[])?;
                if now.job_id.is_some() && now.job_id != before.job_id {
                    break now;
                }
                if !repeats.pause(&why, None) {
                    return Err(Failure::Unavailable(why));
                }
            }
            Err(Failure::Invalid(why)) => {
                return Err(Failure::Invalid(format!("ingest {} was not submitted: {why}", before.id)));
            }
            Err(error) => return Err(error),
        }
    };
    journal.submitted(submitted.job_id.as_deref())?;
    Ok(submitted)
}

/// Forgets a job that was reported; after a dry run the ingest may be open again, and goes on next time.
fn settle(api: &Api, journal: &mut Journal, ingest: &Ingest) -> Result<(), Failure> {
    match api.get::<Ingest>(&base(ingest)?, &[]) {
        Ok(now) if now.status.value == OPEN => journal.submitted(None),
        Ok(_) | Err(Failure::NotFound(_)) => journal.finish(),
        Err(error) => Err(error),
    }
}
