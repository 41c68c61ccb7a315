//! What a page of a harvest costs at the first and at the millionth record: the same calls, and the same time.
//!
//! Titles are written straight into the published store, as publishing leaves them; `VITRINE_SCALE_TITLES` says how many.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;
use vitrine_app::App;
use vitrine_domain::Timestamp;
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::MmsId;
use vitrine_domain::publishing::profile::Rendition;
use vitrine_domain::publishing::published::{ALL, Wanted, plan};
use vitrine_http::Api;
use vitrine_store::published::{Packed, PackedRecords};
use vitrine_testing::harvester::{ask, token};
use vitrine_testing::{Client, Stack};

use crate::harvest::{Messages, dc, publish};
use crate::imports::{cpu_seconds, number_from};
use crate::walk::{ok, text, title};

const TITLES: u64 = 1_000_000;
/// Records of a page, as an institution gets it that says nothing.
pub const PAGE: u64 = 200;
/// What is harvested.
pub const LIST: &str = "verb=ListRecords&metadataPrefix=marc21&set=all";
/// So many titles are dated in one second, as in a full run.
const A_SECOND: usize = 200;
/// Pages are shown by tenths of the list.
const SHOWN: usize = 10;

/// What the pages of one part of the list cost.
#[derive(Default)]
struct Part {
    pages: usize,
    most_calls: usize,
    took: Vec<Duration>,
}

/// Fills the published store, harvests all of it, and compares what pages cost.
pub async fn run() -> Result<String> {
    let ids =
        (0..number_from("VITRINE_SCALE_TITLES", TITLES)?).map(generated).collect::<Result<Vec<MmsId>>>()?;
    let titles = ids.len();
    let stack = Stack::new();
    let client = stack.client().await;
    let profile = profile(&client).await?;
    let changed = title(&client).await?.mms;
    let at_first = a_change(&stack, &client, &changed, "Changed at first").await?;
    let begun = Instant::now();
    seed(&stack.app(), &profile, &ids).await?;
    eprintln!("{titles} titles written in {:.0} s", begun.elapsed().as_secs_f64());

    let (app, counted) = stack.faulty_app();
    let harvester = Client::of(Api { app, ..client.later(60).api.clone() });
    let mut query = LIST.to_owned();
    let mut parts: Vec<Part> = (0..SHOWN).map(|_| Part::default()).collect();
    let (mut records, mut bytes) = (0, 0);
    let (begun, cpu) = (Instant::now(), cpu_seconds()?);
    loop {
        counted.heal();
        let asked = Instant::now();
        let answer = ask(&harvester, &query).await.text;
        let took = asked.elapsed();
        let found = answer.matches("<header>").count();
        let calls = counted.calls().len();
        if found == 0 || calls > 6 {
            bail!("a page of {found} records took {calls} calls: {:?}", counted.calls());
        }
        let part = parts.get_mut((records * SHOWN / titles.max(1)).min(SHOWN - 1)).context("a part")?;
        part.pages += 1;
        part.most_calls = part.most_calls.max(calls);
        part.took.push(took);
        records += found;
        bytes += answer.len();
        match token(&answer) {
            Some(token) => query = format!("verb=ListRecords&resumptionToken={token}"),
            None => break,
        }
    }
    let (whole, cpu) = (begun.elapsed(), cpu_seconds()? - cpu);
    // And the title that was changed at first.
    if records != titles + 1 {
        bail!("{records} of {} records were harvested", titles + 1);
    }
    let at_last = a_change(&stack, &client, &changed, "Changed at last").await?;
    let mut page = String::from(
        "| part of the list | pages | most calls a page | median page | slowest page |\n|---|---|---|---|---|\n",
    );
    for (number, part) in parts.iter_mut().enumerate() {
        part.took.sort_unstable();
        let at = |index: usize| part.took.get(index).copied().unwrap_or_default().as_secs_f64() * 1000.0;
        page.push_str(&format!(
            "| {} % | {} | {} | {:.1} ms | {:.1} ms |\n",
            number * 100 / SHOWN,
            part.pages,
            part.most_calls,
            at(part.took.len() / 2),
            at(part.took.len().saturating_sub(1)),
        ));
    }
    page.push_str(&format!(
        "\n{titles} titles in pages of {PAGE}, one after another on one connection: {:.0} records and {:.1} MB a second, {:.0} records a CPU \
         second of ours, the one who asks with it. A page is one look at the repository and one query, and one query more where a \
         shard of the log ends.\n\nA change of a title with one representation is published with {at_first} calls before the others are \
         there, and with {at_last} after.\n",
        records as f64 / whole.as_secs_f64(),
        bytes as f64 / 1e6 / whole.as_secs_f64(),
        records as f64 / cpu,
    ));
    Ok(page)
}

/// How many calls publish makes for a title that got these words.
async fn a_change(stack: &Stack, client: &Client, mms: &str, words: &str) -> Result<usize> {
    let (app, counted) = stack.faulty_app();
    let mut messages = Messages::new(app.clone(), 0);
    messages.work_off().await?;
    ok(client.put(&format!("/bibs/{mms}"), dc(words, false)).await)?;
    messages.take().await?;
    counted.heal();
    let left = publish(&app, &messages.waiting).await;
    if messages.waiting.len() != 1 || !left.is_empty() {
        bail!(
            "a change sent {} messages, {} of which were not worked off",
            messages.waiting.len(),
            left.len()
        );
    }
    Ok(counted.calls().len())
}

/// A profile that shows every title to harvesters.
pub async fn profile(client: &Client) -> Result<String> {
    let profile = json!({
        "name": "All", "selection": { "kind": "EVERYTHING" }, "target": { "kind": "OAI", "set_spec": "all" },
    });
    text(&ok(client.post("/conf/publishing-profiles", profile).await)?, "/id")
}

/// The id of a generated title.
pub fn generated(number: u64) -> Result<MmsId> {
    Ok(format!("99{number:016}0101").parse()?)
}

/// Writes titles as publishing leaves them, dated one after another up to a minute ago.
pub async fn seed(app: &App, profile: &str, titles: &[MmsId]) -> Result<()> {
    let last = Timestamp::now().as_second() - 60;
    let first = last - i64::try_from(titles.len() / A_SECOND)?;
    let written = std::sync::atomic::AtomicUsize::new(0);
    stream::iter(titles.iter().enumerate())
        .map(|(number, mms)| {
            let written = &written;
            async move {
                let at = Timestamp::from_second(first + i64::try_from(number / A_SECOND)?)?;
                let records = records(number);
                let wanted = Wanted { hash: number.to_string(), sets: vec!["all".to_owned()], records };
                let scopes = [profile, ALL].map(|scope| (scope.to_owned(), wanted.clone()));
                let plan = plan(None, mms, BTreeMap::from(scopes), None, "scale", at, false)
                    .context("nothing to write")?;
                let mut packed = PackedRecords::new();
                for (format, text) in &wanted.records {
                    packed.insert(*format, Packed::Inline(Packed::of(text)?));
                }
                app.catalog.write_published(&plan, &[packed.clone(), packed]).await?;
                let done = written.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                if done.is_multiple_of(50_000) {
                    eprintln!("{done} titles written");
                }
                anyhow::Ok(())
            }
        })
        .buffer_unordered(16)
        .try_collect()
        .await
}

/// Records of the size that a title with a few subjects has.
fn records(number: usize) -> BTreeMap<Rendition, String> {
    let fields: String = (0..8)
        .map(|field| format!("<datafield tag=\"65{field}\" ind1=\" \" ind2=\"0\"><subfield code=\"a\">Subject {field} of {number}</subfield></datafield>"))
        .collect();
    Rendition::ALL
        .iter()
        .map(|format| {
            (
                *format,
                format!(
                    "<record prefix=\"{}\"><leader>     nam a22     3u 4500</leader>{fields}</record>",
                    format.code()
                ),
            )
        })
        .collect()
}
