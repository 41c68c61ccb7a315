//! One row that names a folder of 20,000 pages: one representation with every page in its place.
//!
//! run-import gets some seconds at a time and register-file moves pages away in between, as it does in a stack.

use anyhow::{Context, Result, bail};
use std::time::{Duration, Instant};
use vitrine_domain::Timestamp;
use vitrine_domain::file::FileStatus;
use vitrine_store::catalog::PageRequest;
use vitrine_store::queues::Queue;
use vitrine_testing::Stack;
use vitrine_triggers::{Surroundings, imports_batch, incoming_batch};

use crate::import::batch;
use crate::imports::{Desk, memory_mib, number_from, rate};

/// What run-import gets for a message: so little that the row is interrupted many times.
const TIME: Duration = Duration::from_secs(3);
const REGISTRARS: usize = 4;

/// Imports the book and reads its pages back.
pub async fn run() -> Result<String> {
    let pages = number_from("VITRINE_SCALE_PAGES", 20_000)?;
    let stack = Stack::new();
    let desk = Desk::new(stack.app(), Timestamp::now()).await?;
    desk.put_all((1..=pages).map(page_name)).await?;
    desk.put("values.csv", b"dc:title,dc:identifier,file_name_1\nA Long Book,local:1,pages/\n".to_vec())
        .await?;
    let id = desk.submit().await?;
    let (started, mut messages) = (Instant::now(), 0);
    while desk.job(&id).await?.ended_at.is_none() {
        for message in desk.app.queues.receive(Queue::Imports, 1, 0).await? {
            let at = Instant::now();
            let around =
                Surroundings { now: &Timestamp::now, time_left: &|| at.elapsed() < TIME, metrics: &|_| {} };
            let answer = Box::pin(imports_batch(&desk.app, batch(vec![message.body]), &around)).await;
            if answer.batch_item_failures.is_empty() {
                desk.app.queues.delete(Queue::Imports, &message.receipt).await?;
            }
            messages += 1;
            eprintln!("message {messages} took {:.0} s", at.elapsed().as_secs_f64());
        }
        register(&desk).await?;
    }
    let took = started.elapsed();

    let job = desk.job(&id).await?;
    let row = desk.app.catalog.row_result(&id, 1).await?.context("the row has no result")?;
    let [rep] = row.representations.as_slice() else { bail!("representations {:?}", row.representations) };
    let mut request = PageRequest { limit: 1000, ..PageRequest::default() };
    let mut found = 0;
    loop {
        let listed = desk.app.catalog.files_of(rep, &request).await?;
        for file in listed.items {
            found += 1;
            let name = page_name(found);
            let wanted = name.rsplit('/').next().unwrap_or_default();
            if file.file_name != wanted || file.status != FileStatus::Active {
                bail!("page {found} is `{}`, {:?}; job {:?}", file.file_name, file.status, job.tally);
            }
        }
        match listed.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    if found != pages || job.tally.files != pages || job.tally.files_unnamed != 0 {
        bail!("{found} pages of {pages} are there; job {:?}", job.tally);
    }
    Ok(format!(
        "| pages of one row | representations | files in their order | messages of run-import, {} s each | s | pages/s | memory, MiB |\n\
         |---|---|---|---|---|---|---|\n| {pages} | 1 | {found} | {messages} | {:.0} | {:.0} | {:.0} |\n",
        TIME.as_secs(),
        took.as_secs_f64(),
        rate(pages, took),
        memory_mib("VmHWM")?,
    ))
}

/// Registers all that the queue holds.
async fn register(desk: &Desk) -> Result<()> {
    loop {
        let mut batches = Vec::new();
        for _ in 0..REGISTRARS {
            batches.push(desk.app.queues.receive(Queue::Incoming, 10, 0).await?);
        }
        let around = Surroundings { now: &Timestamp::now, time_left: &|| true, metrics: &|_| {} };
        let work = batches.iter().map(|received| {
            let bodies = received.iter().map(|message| message.body.clone()).collect();
            incoming_batch(&desk.app, batch(bodies), &around)
        });
        for answer in futures_util::future::join_all(work).await {
            if !answer.batch_item_failures.is_empty() {
                bail!("register-file wants messages again");
            }
        }
        for message in batches.iter().flatten() {
            desk.app.queues.delete(Queue::Incoming, &message.receipt).await?;
        }
        if batches.iter().all(Vec::is_empty) {
            return Ok(());
        }
    }
}

fn page_name(number: u64) -> String {
    format!("pages/{number:05}.txt")
}
