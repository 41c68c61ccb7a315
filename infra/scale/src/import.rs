//! What a row of an import costs at the beginning and at the end of a long one: the same calls, and no more memory.
//!
//! Every message is worked on until one step is done, so that each page of rows is counted on its own.

use anyhow::{Context, Result, bail};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use vitrine_app::App;
use vitrine_domain::Timestamp;
use vitrine_domain::job::{ImportStep, Job, JobWork};
use vitrine_store::faults::Faulty;
use vitrine_store::queues::Queue;
use vitrine_testing::Stack;
use vitrine_triggers::{Surroundings, imports_batch, incoming_batch};

use crate::imports::{Desk, check_all_created, memory_mib, number_from, rate};
use crate::walk::next;

/// How many batches of registrations are worked on side by side.
const REGISTRARS: usize = 4;
const PAGE_ROWS: u64 = 100;

/// The calls of one page, by name.
type Calls = BTreeMap<String, usize>;

/// Pages of one kind of step.
#[derive(Debug, Default)]
struct Pages {
    calls: Vec<Calls>,
    times: Vec<Duration>,
}

impl Pages {
    fn add(&mut self, calls: Calls, time: Duration) {
        self.calls.push(calls);
        self.times.push(time);
    }

    /// The calls of the first and the last whole page, which have to be the same, and how many pages cost something else.
    fn equal(&self, what: &str) -> Result<(&Calls, usize)> {
        let first = self.calls.first().context("no page")?;
        let last = self.calls.last().context("no page")?;
        if first != last {
            bail!("the first page of {what} cost {first:?}, the last {last:?}");
        }
        let others = self.calls.iter().filter(|calls| *calls != first).count();
        Ok((first, others))
    }

    /// Rows a second of the first and of the last tenth.
    fn tenths(&self) -> (f64, f64) {
        let tenth = self.times.len().div_ceil(10);
        let of = |times: &[Duration]| rate(PAGE_ROWS * times.len() as u64, times.iter().sum());
        (
            of(self.times.get(..tenth).unwrap_or_default()),
            of(self.times.get(self.times.len() - tenth..).unwrap_or_default()),
        )
    }
}

/// Imports and counts.
pub async fn run() -> Result<String> {
    let rows = number_from("VITRINE_SCALE_ROWS", 100_000)?;
    if rows < 2 * PAGE_ROWS || rows % PAGE_ROWS != 0 {
        bail!("VITRINE_SCALE_ROWS has to be a multiple of {PAGE_ROWS}, and not the smallest");
    }
    let stack = Stack::new();
    let desk = Desk::new(stack.app(), Timestamp::now()).await?;
    desk.put_rows(rows).await?;
    let job = desk.submit().await?;
    eprintln!("{rows} rows and files are there; {:.0} MiB", memory_mib("VmRSS")?);

    let (importer, counted) = stack.faulty_app();
    let (registrar, registering) = stack.faulty_app();
    let (mut importing, mut registered, mut settling) =
        (Pages::default(), Pages::default(), Pages::default());
    let (mut memory, mut others) = (Vec::new(), BTreeMap::<&str, (usize, usize)>::new());
    let started = Instant::now();
    loop {
        let before = desk.job(&job).await?;
        if before.ended_at.is_some() {
            break;
        }
        let message = next(&desk.app, Queue::Imports).await?;
        counted.heal();
        let at = Instant::now();
        one_step(&importer, &counted, message, matches!(step(&before), Some(ImportStep::Rows { .. })))
            .await?;
        let (calls, time) = (counted.calls(), at.elapsed());
        match step(&before) {
            Some(ImportStep::Rows { next }) => {
                importing.add(count(calls), time);
                let (calls, time) = register(&registrar, &registering, PAGE_ROWS).await?;
                registered.add(calls, time);
                memory.push(memory_mib("VmRSS")?);
                if next % 5_000 == 1 {
                    eprintln!(
                        "row {next}: {:.0} rows/s imported, {:.0} MiB",
                        importing.tenths().1,
                        memory_mib("VmRSS")?
                    );
                }
            }
            Some(ImportStep::Files { next: page, .. }) => match step(&desk.job(&job).await?) {
                // It waited: what counts is the page that it went on with.
                Some(ImportStep::Files { next, .. }) if *next == *page => {}
                _ if *page > rows => add(&mut others, "settle", calls.len()),
                _ => settling.add(count(calls), time),
            },
            Some(ImportStep::Read { .. }) => add(&mut others, "read", calls.len()),
            Some(ImportStep::Report) => add(&mut others, "report", calls.len()),
            _ => add(&mut others, "end", calls.len()),
        }
    }
    let took = started.elapsed();
    check_all_created(&desk.job(&job).await?, rows)?;

    let mut page = format!(
        "{rows} rows with one small file each, on the local engine; a step a message. Each row becomes a title with one \
         identifier, a representation and a file.\n\n\
         | work | AWS calls a page of {PAGE_ROWS} rows, first = last | other pages that cost something else | rows/s, first tenth | rows/s, last tenth |\n|---|---|---|---|---|\n"
    );
    for (what, pages) in [
        ("rows become titles", &importing),
        ("files are registered", &registered),
        ("files are waited for", &settling),
    ] {
        let (first, last) = pages.tenths();
        let (calls, others) = pages.equal(what)?;
        let sum: usize = calls.values().sum();
        let each: Vec<String> = calls.iter().map(|(name, count)| format!("{name} {count}")).collect();
        page.push_str(&format!(
            "| {what} | {sum}: {} | {others} | {first:.0} | {last:.0} |\n",
            each.join(", ")
        ));
    }
    let tenth = memory.len().div_ceil(10);
    let highest = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    page.push_str(&format!(
        "\nMemory of the process, highest in the first tenth of the pages {:.0} MiB, in the last {:.0} MiB, ever {:.0} MiB (with \
         the driver, which counts). Other steps, messages and calls in all: {}. {:.0} rows/s over all.\n",
        highest(memory.get(..tenth).unwrap_or_default()),
        highest(memory.get(memory.len() - tenth..).unwrap_or_default()),
        memory_mib("VmHWM")?,
        others.iter().map(|(name, (times, calls))| format!("{name} {times}, {calls}")).collect::<Vec<_>>().join("; "),
        rate(rows, took),
    ));
    Ok(page)
}

fn add<'a>(others: &mut BTreeMap<&'a str, (usize, usize)>, name: &'a str, calls: usize) {
    let other = others.entry(name).or_default();
    *other = (other.0 + 1, other.1 + calls);
}

fn step(job: &Job) -> Option<&ImportStep> {
    match &job.work {
        JobWork::Import(run) => Some(&run.step),
        JobWork::Undo(_) | JobWork::Publish(_) | JobWork::Export(_) | JobWork::Bulk(_) => None,
    }
}

fn count(names: Vec<String>) -> Calls {
    let mut calls = Calls::new();
    for name in names {
        *calls.entry(name).or_default() += 1;
    }
    calls
}

/// Gives a message to run-import, whose time is over after one step; with a page of rows, when its last file was looked at.
async fn one_step(app: &App, counted: &Faulty, body: String, rows: bool) -> Result<()> {
    let heads = || counted.calls().iter().filter(|name| *name == "S3.HeadObject").count() as u64;
    let time_left = || rows && heads() < PAGE_ROWS;
    let around = Surroundings { now: &Timestamp::now, time_left: &time_left, metrics: &|_| {} };
    let answer = Box::pin(imports_batch(app, batch(vec![body]), &around)).await;
    if !answer.batch_item_failures.is_empty() {
        bail!("run-import wants the message again");
    }
    Ok(())
}

/// Registers what the queue holds until so many messages are done, and returns the calls of register-file alone.
async fn register(app: &App, counted: &Faulty, messages: u64) -> Result<(Calls, Duration)> {
    let (mut left, mut calls, started) = (messages, Calls::new(), Instant::now());
    while left > 0 {
        if started.elapsed() > Duration::from_secs(120) {
            bail!("{left} registrations did not come");
        }
        let wanted = left.div_ceil(10).min(REGISTRARS as u64);
        let mut batches = Vec::new();
        for _ in 0..wanted {
            batches.push(app.queues.receive(Queue::Incoming, 10, 0).await?);
        }
        counted.heal();
        let around = Surroundings { now: &Timestamp::now, time_left: &|| true, metrics: &|_| {} };
        let work = batches.iter().map(|received| {
            let bodies = received.iter().map(|message| message.body.clone()).collect();
            incoming_batch(app, batch(bodies), &around)
        });
        let answers = futures_util::future::join_all(work).await;
        if answers.iter().any(|answer| !answer.batch_item_failures.is_empty()) {
            bail!("register-file wants messages again");
        }
        for (name, count) in count(counted.calls()) {
            *calls.entry(name).or_default() += count;
        }
        for message in batches.iter().flatten() {
            app.queues.delete(Queue::Incoming, &message.receipt).await?;
            if !message.body.contains("s3:TestEvent") {
                left -= 1;
            }
        }
    }
    Ok((calls, started.elapsed()))
}

/// Messages as Lambda gets them.
pub fn batch(bodies: Vec<String>) -> SqsEvent {
    let mut event = SqsEvent::default();
    for (number, body) in bodies.into_iter().enumerate() {
        let mut message = SqsMessage::default();
        message.message_id = Some(format!("m{number}"));
        message.body = Some(body);
        event.records.push(message);
    }
    event
}
