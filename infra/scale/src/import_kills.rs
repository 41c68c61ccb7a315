//! An import whose workers are killed again and again ends like one that nobody disturbed (B21).
//!
//! The same job, with the same ids, is run in two stacks by processes of this program. In one of them a worker dies by
//! `SIGKILL` at moments that follow from a seed. Then every item of both tables is compared.

use anyhow::{Context, Result, bail};
use std::time::{Duration, Instant};
use vitrine_app::Call;
use vitrine_domain::Timestamp;
use vitrine_domain::ids::JobId;
use vitrine_domain::job::{Job, JobStatus};
use vitrine_domain::outbox::seconds;
use vitrine_store::faults::Seed;
use vitrine_testing::{Stack, operator};

use crate::imports::{Desk, check_all_created, number_from};
use crate::worker::{self, Worker, lot};

/// How many workers there are at a time.
const WORKERS: usize = 2;
/// After how long without any progress the driver does what the product does by the clock, minutes later.
const STUCK: Duration = Duration::from_secs(15);
const DEADLINE: Duration = Duration::from_secs(3 * 3600);

/// Runs the job in both stacks and compares them.
pub async fn run() -> Result<String> {
    let rows = number_from("VITRINE_SCALE_ROWS", 10_000)?;
    let wanted = number_from("VITRINE_SCALE_KILLS", 40)?;
    let seed = Seed::new();
    eprintln!("seed {0}; the same again: VITRINE_FAULT_SEED={0}", seed.value());
    let now = Timestamp::now();

    let calm = Side::new(now, rows).await?;
    let undisturbed = calm.work(0, Duration::ZERO, &seed).await?;
    eprintln!("undisturbed in {:.0} s", undisturbed.took.as_secs_f64());
    let stormy = Side::new(now, rows).await?;
    if stormy.job != calm.job {
        bail!("the jobs are `{}` and `{}`", calm.job, stormy.job);
    }
    // So that the kills fall from its beginning to its end, with time between them to do something.
    let pause = undisturbed.took / u32::try_from(wanted.max(1))?;
    let disturbed = stormy.work(wanted, pause, &seed).await?;

    check_all_created(&undisturbed.job, rows)?;
    check_all_created(&disturbed.job, rows)?;
    if calm.desk.report(&calm.job).await? != stormy.desk.report(&stormy.job).await? {
        bail!("the reports differ");
    }
    let items = compare(&calm.dump()?, &stormy.dump()?)?;
    Ok(format!(
        "{rows} rows with one file each, {WORKERS} worker processes, `kill -9` at moments from seed {}.\n\n\
         | run | kills | s | titles | representations | files | failed |\n|---|---|---|---|---|---|---|\n{}{}\n\
         Both reports are the same byte for byte, and {items} items of the two tables are the same but for moments and S3's \
         version ids. What is done by the clock was needed {} times.\n",
        seed.value(),
        undisturbed.row("undisturbed"),
        disturbed.row("killed"),
        disturbed.sweeps,
    ))
}

/// One of the two stacks.
struct Side {
    stack: Stack,
    desk: Desk,
    job: JobId,
}

/// What came of a run.
struct Outcome {
    job: Job,
    kills: u64,
    sweeps: u64,
    took: Duration,
}

impl Outcome {
    fn row(&self, name: &str) -> String {
        let (tally, took) = (&self.job.tally, self.took.as_secs_f64());
        format!(
            "| {name} | {} | {took:.0} | {} | {} | {} | {} |\n",
            self.kills, tally.created, tally.representations, tally.files, tally.failed
        )
    }
}

impl Side {
    async fn new(now: Timestamp, rows: u64) -> Result<Self> {
        let stack = Stack::new();
        worker::make_impatient(&stack)?;
        let desk = Desk::new(stack.app(), now).await?;
        desk.put_rows(rows).await?;
        let job = desk.submit().await?;
        Ok(Self { stack, desk, job })
    }

    /// Lets workers work until the job has ended, and kills so many of them on the way.
    async fn work(&self, wanted: u64, pause: Duration, seed: &Seed) -> Result<Outcome> {
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            workers.push(Worker::start(&self.stack)?);
        }
        let (started, mut kills, mut sweeps, mut lots) = (Instant::now(), 0, 0, seed.value());
        let (mut seen, mut moved) = (None, Instant::now());
        let mut next_kill = started + pause.mul_f64(lot(&mut lots) * 2.0);
        loop {
            let job = self.desk.job(&self.job).await?;
            if job.ended_at.is_some() {
                return Ok(Outcome { job, kills, sweeps, took: started.elapsed() });
            }
            workers.iter_mut().try_for_each(Worker::check)?;
            if kills < wanted && Instant::now() >= next_kill {
                let chosen = (lot(&mut lots) * WORKERS as f64) as usize;
                drop(workers.swap_remove(chosen % WORKERS));
                workers.push(Worker::start(&self.stack)?);
                kills += 1;
                eprintln!(
                    "kill {kills} at {:.1} s: job at version {}, {:?}",
                    started.elapsed().as_secs_f64(),
                    job.version,
                    job.status
                );
                next_kill = Instant::now() + pause.mul_f64(lot(&mut lots) * 2.0);
            }
            let waits = kills == wanted && job.status == JobStatus::Finalizing;
            if seen != Some(job.version) && !waits {
                (seen, moved) = (Some(job.version), Instant::now());
            } else if moved.elapsed() > STUCK {
                self.minutes_later().await?;
                (sweeps, moved) = (sweeps + 1, Instant::now());
            }
            if started.elapsed() > DEADLINE {
                bail!("the job does not end: {job:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What happens by the clock: the sweep sends the job's message again, and a job that has waited for ten minutes asks
    /// for files whose registration a killed worker had not sent.
    async fn minutes_later(&self) -> Result<()> {
        let later = Timestamp::now().saturating_add(seconds(700))?;
        let call = Call { now: later, ..operator() };
        if self.desk.job(&self.job).await?.status == JobStatus::Finalizing {
            self.desk.app.run_job(&call, &self.job, &|| later, &|| true).await?;
        } else {
            self.desk.app.sweep(&call, &|| true).await?;
        }
        Ok(())
    }

    fn dump(&self) -> Result<String> {
        let done = worker::process("dump", &self.stack)?.output().context("cannot look at the table")?;
        if !done.status.success() {
            bail!("the table can not be read: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(String::from_utf8(done.stdout)?)
    }
}

/// How many items there are, if they are the same.
fn compare(calm: &str, stormy: &str) -> Result<usize> {
    let differences: Vec<String> = calm
        .lines()
        .zip(stormy.lines())
        .filter(|(calm, stormy)| calm != stormy)
        .take(3)
        .map(|(calm, stormy)| format!("undisturbed: {calm}\nkilled:      {stormy}"))
        .collect();
    let (of_calm, of_stormy) = (calm.lines().count(), stormy.lines().count());
    if !differences.is_empty() || of_calm != of_stormy {
        bail!("{of_calm} items, and {of_stormy} in the killed run:\n{}", differences.join("\n"));
    }
    Ok(of_calm)
}
