//! A harvest of everything while titles change under it, whose messages come twice, late and in no order: one harvest of
//! what changed since gives exactly what there is (B49, B50, OAI-7).
//!
//! Most titles are written straight into the published store, as publishing leaves them. Those that change are titles of
//! the catalogue, spread over the whole list, and are changed through the API.

use anyhow::{Context, Result, bail};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;
use vitrine_app::App;
use vitrine_domain::Timestamp;
use vitrine_domain::ids::MmsId;
use vitrine_store::faults::Seed;
use vitrine_store::queues::Queue;
use vitrine_testing::harvester::{self, between, harvest, records, token};
use vitrine_testing::{Client, Stack};
use vitrine_triggers::{Surroundings, publish_batch};

use crate::import::batch;
use crate::imports::number_from;
use crate::oai::{self, LIST};
use crate::walk::{ok, text};
use crate::worker::lot;

/// So often each of the changing titles is changed, about.
const CHANGES_A_TITLE: u64 = 4;
const MADE_AT_ONCE: usize = 16;
/// What one invocation of publish gets.
const BATCH: usize = 10;
/// At the end, a harvester's clock sees all that was written.
const LATER: i64 = 60;

/// What the last change made of a title.
#[derive(Clone, PartialEq, Eq)]
enum State {
    Words(String),
    Suppressed,
    Deleted,
}

/// Harvests, changes, harvests what changed, and compares.
pub async fn run() -> Result<String> {
    let titles = number_from("VITRINE_SCALE_TITLES", 100_000)?;
    let changes = number_from("VITRINE_SCALE_CHANGES", 10_000)?.max(CHANGES_A_TITLE);
    let seed = Seed::new();
    eprintln!("seed {0}; the same again: VITRINE_FAULT_SEED={0}", seed.value());
    let mut stack = Stack::new();
    // Titles change faster than any caller may ask.
    stack.config.requests_per_second = 1_000_000;
    let (app, client) = (stack.app(), stack.client().await);
    let mut messages = Messages::new(app.clone(), seed.value());
    let profile = oai::profile(&client).await?;
    messages.work_off().await?;
    let changing = make_titles(&client, (changes / CHANGES_A_TITLE).min(titles)).await?;
    // What would publish them first is left out: they are in the list where it says, as the others are.
    messages.take().await?;
    messages.waiting.clear();
    oai::seed(&app, &profile, &spread(titles, &changing)?).await?;
    eprintln!("{titles} titles are there, {} of them to be changed", changing.len());

    // What is changed before the harvest comes to it leaves the list that it began with: there are fewer pages then.
    let pages = (titles / oai::PAGE * 9 / 10).max(1);
    let each_page = usize::try_from(changes.div_ceil(pages))?;
    let mut states: BTreeMap<&str, State> = BTreeMap::new();
    let (mut copy, mut done, mut pages, mut query) = (BTreeMap::new(), 0, 0, LIST.to_owned());
    let (begun, mut since) = (Instant::now(), String::new());
    loop {
        let answer = harvester::ask(&client, &query).await.text;
        if pages == 0 {
            since = (*between(&answer, "<responseDate>", "<").first().context("no date")?).to_owned();
        }
        pages += 1;
        copy.extend(records(&answer));
        for _ in 0..each_page {
            if done < changes {
                change(&client, &changing, &mut states, &mut messages.lots, done).await?;
                done += 1;
            }
        }
        messages.take().await?;
        messages.give_some().await?;
        if pages % 50 == 0 {
            eprintln!("{pages} pages, {done} changes, {} messages", messages.given);
        }
        match token(&answer) {
            Some(token) => query = format!("verb=ListRecords&resumptionToken={token}"),
            None => break,
        }
    }
    if done < changes {
        bail!("only {done} of {changes} changes were made on the way");
    }
    messages.take().await?;
    messages.give_all().await?;
    let took = begun.elapsed();

    let client = client.later(LATER);
    let (pass, _) = harvest(&client, &format!("{LIST}&from={since}")).await;
    let changed = pass.len();
    copy.extend(pass);
    let (truth, _) = harvest(&client, LIST).await;
    let differences = copy.iter().filter(|(id, held)| truth.get(*id) != Some(held)).count();
    if differences > 0 || copy.len() != truth.len() || u64::try_from(truth.len())? != titles {
        bail!("{} records were harvested, there are {}, {differences} differ", copy.len(), truth.len());
    }
    for (id, state) in &states {
        let held = truth.get(*id).context("a changed title is not in the list")?;
        let right = match state {
            State::Words(words) => !held.deleted && held.text.contains(words),
            State::Suppressed | State::Deleted => held.deleted,
        };
        if !right {
            bail!("{id} is not published as it was left: {}", held.text);
        }
    }
    let gone = truth.values().filter(|held| held.deleted).count();
    Ok(format!(
        "{titles} titles harvested in pages of {}, with {done} changes to {} of them on the way (new words, suppressed, shown \
         again, deleted); each message of a change given to publish at least twice, in no order, two batches at a time; \
         order from seed {}.\n\n| pages | changes | messages given | s | records in the one pass after it | differences | \
         deleted |\n|---|---|---|---|---|---|---|\n| {pages} | {done} | {} | {:.0} | {changed} | {differences} | {gone} \
         |\n\nEach changed title is published as its last change left it.\n",
        oai::PAGE,
        states.len(),
        seed.value(),
        messages.given,
        took.as_secs_f64(),
    ))
}

/// Messages that change hands: taken from the queue, and given to publish in no order and more than once.
pub struct Messages {
    app: App,
    /// What was taken and is not published.
    pub waiting: Vec<String>,
    lots: u64,
    given: u64,
}

impl Messages {
    /// None yet.
    pub fn new(app: App, lots: u64) -> Self {
        Self { app, waiting: Vec::new(), lots, given: 0 }
    }

    /// Publishes until the queue is empty.
    pub async fn work_off(&mut self) -> Result<()> {
        while self.take().await? {
            self.give_all().await?;
        }
        Ok(())
    }

    /// Takes what the queue holds. `false` when it holds nothing.
    pub async fn take(&mut self) -> Result<bool> {
        let before = self.waiting.len();
        loop {
            let received = self.app.queues.receive(Queue::Publish, 10, 0).await?;
            if received.is_empty() {
                return Ok(self.waiting.len() > before);
            }
            for message in received {
                self.app.queues.delete(Queue::Publish, &message.receipt).await?;
                self.waiting.push(message.body);
            }
        }
    }

    /// Gives about half of what waits, twice each; half of that is given again some other time.
    async fn give_some(&mut self) -> Result<()> {
        let mut now = Vec::new();
        for _ in 0..self.waiting.len().div_ceil(2) {
            let at = self.one_of(self.waiting.len());
            let body = self.waiting.swap_remove(at);
            now.extend([body.clone(), body.clone()]);
            if lot(&mut self.lots) < 0.5 {
                self.waiting.push(body);
            }
        }
        self.give(now).await
    }

    /// Gives all that waits, twice each, the latest first.
    async fn give_all(&mut self) -> Result<()> {
        while !self.waiting.is_empty() {
            let now = std::mem::take(&mut self.waiting);
            self.give(now.iter().rev().chain(&now).cloned().collect()).await?;
        }
        Ok(())
    }

    /// What publish does not end waits again, as it does in the queue.
    async fn give(&mut self, bodies: Vec<String>) -> Result<()> {
        self.given += u64::try_from(bodies.len())?;
        for pair in bodies.chunks(2 * BATCH) {
            let (one, other) = pair.split_at(pair.len() / 2);
            let (one, other) = tokio::join!(publish(&self.app, one), publish(&self.app, other));
            self.waiting.extend(one.into_iter().chain(other));
        }
        Ok(())
    }

    fn one_of(&mut self, count: usize) -> usize {
        ((lot(&mut self.lots) * count as f64) as usize).min(count.saturating_sub(1))
    }
}

/// Gives a batch to publish; what it wants to have again.
pub async fn publish(app: &App, bodies: &[String]) -> Vec<String> {
    let around = Surroundings { now: &Timestamp::now, time_left: &|| true, metrics: &|_| {} };
    let answer = publish_batch(app, batch(bodies.to_vec()), &around).await;
    let failed: Vec<String> =
        answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    let kept = bodies.iter().enumerate().filter(|(number, _)| failed.contains(&format!("m{number}")));
    kept.map(|(_, body)| body.clone()).collect()
}

async fn make_titles(client: &Client, titles: u64) -> Result<Vec<String>> {
    stream::iter(0..titles)
        .map(|number| async move {
            let made = ok(client.post("/bibs", dc(&format!("Title {number}"), false)).await)?;
            text(&made, "/mms_id")
        })
        .buffered(MADE_AT_ONCE)
        .try_collect()
        .await
}

/// A title with these words.
pub fn dc(words: &str, suppressed: bool) -> Value {
    let record = format!(
        "<record xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>{words}</dc:title></record>"
    );
    json!({ "record_format": { "value": "dc" }, "suppress_from_publishing": suppressed, "anies": [record] })
}

/// The list: the titles that change, at even distances, and generated ones.
fn spread(titles: u64, changing: &[String]) -> Result<Vec<MmsId>> {
    let every = (titles / u64::try_from(changing.len().max(1))?).max(1);
    let mut real = changing.iter();
    (0..titles)
        .map(|number| match number.is_multiple_of(every).then(|| real.next()).flatten() {
            Some(id) => Ok(id.parse()?),
            None => oai::generated(number),
        })
        .collect()
}

/// Changes one of the titles: new words in most cases, a suppression, a deletion now and then.
async fn change<'a>(
    client: &Client,
    changing: &'a [String],
    states: &mut BTreeMap<&'a str, State>,
    lots: &mut u64,
    number: u64,
) -> Result<()> {
    let mms = loop {
        let at = ((lot(lots) * changing.len() as f64) as usize).min(changing.len().saturating_sub(1));
        let mms = changing.get(at).context("no title to change")?.as_str();
        if states.get(mms) != Some(&State::Deleted) {
            break mms;
        }
    };
    let path = format!("/bibs/{mms}");
    let (answer, state) = match (lot(lots) * 20.0) as u32 {
        0 => (client.delete(&path).await, State::Deleted),
        1..=3 => (client.put(&path, dc("Suppressed", true)).await, State::Suppressed),
        _ => {
            let words = format!("Words of change {number}.");
            (client.put(&path, dc(&words, false)).await, State::Words(words))
        }
    };
    ok(answer)?;
    states.insert(mms, state);
    Ok(())
}
