//! This program as another process: a worker of the queues that can be killed, and a look at all that is in a table.
//!
//! Both are told of their stack by the product's own variables.

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use std::collections::{BTreeMap, HashMap};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use vitrine_app::App;
use vitrine_domain::Timestamp;
use vitrine_runtime::Config;
use vitrine_store::clients::Clients;
use vitrine_store::queues::Queue;
use vitrine_testing::Stack;
use vitrine_triggers::{Surroundings, exports_batch, imports_batch, incoming_batch};

use crate::import::batch;

/// After how many seconds a queue gives a message to another worker; the template's minutes would be waited for.
const VISIBILITY_SECONDS: &str = "5";
/// What run-import and export get for a message.
const TIME: Duration = Duration::from_secs(4);

/// This program with another task for a stack.
///
/// # Errors
/// When it can not be found.
pub fn process(task: &str, stack: &Stack) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("this program has no file")?);
    command.arg(task).env_clear().envs(stack.environment()).stdin(Stdio::null());
    Ok(command)
}

/// A worker; it dies with its owner.
pub struct Worker(Child);

impl Worker {
    /// Starts one on what a stack's queues hold.
    ///
    /// # Errors
    /// When it can not be started.
    pub fn start(stack: &Stack) -> Result<Self> {
        Ok(Self(process("worker", stack)?.spawn().context("cannot start a worker")?))
    }

    /// Which process it is.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Fails if it ended by itself, which it never does in good health.
    ///
    /// # Errors
    /// Then, with its exit code.
    pub fn check(&mut self) -> Result<()> {
        match self.0.try_wait()? {
            Some(status) => bail!("a worker ended by itself: {status}"),
            None => Ok(()),
        }
    }
}

impl Drop for Worker {
    /// `SIGKILL`: nothing of it is run any more.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes a stack's queues impatient.
///
/// # Errors
/// When they can not be changed.
pub fn make_impatient(stack: &Stack) -> Result<()> {
    if !process("impatient", stack)?.status()?.success() {
        bail!("the queues could not be changed");
    }
    Ok(())
}

/// The next number from 0 to 1 of a seed.
pub fn lot(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as f64 / f64::from(1_u32 << 31)
}

/// Makes the queues of this process's stack impatient.
pub async fn impatient() -> Result<()> {
    let (config, clients) = (Config::from_environment()?, vitrine_runtime::clients().await);
    for url in [&config.queues.imports, &config.queues.exports, &config.queues.incoming] {
        let change = clients.sqs.set_queue_attributes().queue_url(url);
        change.attributes(QueueAttributeName::VisibilityTimeout, VISIBILITY_SECONDS).send().await?;
    }
    Ok(())
}

/// Works on what the queues hold, as run-import, export and register-file do, until it is killed.
pub async fn run() -> Result<()> {
    let (config, clients) = (Config::from_environment()?, vitrine_runtime::clients().await);
    let app = vitrine_runtime::app(&config, &clients)?;
    loop {
        for queue in [Queue::Imports, Queue::Exports, Queue::Incoming] {
            one(&app, queue).await?;
        }
    }
}

async fn one(app: &App, queue: Queue) -> Result<()> {
    let limit = if queue == Queue::Incoming { 10 } else { 1 };
    let received = app.queues.receive(queue, limit, 0).await?;
    if received.is_empty() {
        return Ok(());
    }
    let event = batch(received.iter().map(|message| message.body.clone()).collect());
    let started = Instant::now();
    let around =
        Surroundings { now: &Timestamp::now, time_left: &|| started.elapsed() < TIME, metrics: &|_| {} };
    let answer = match queue {
        Queue::Imports => Box::pin(imports_batch(app, event, &around)).await,
        Queue::Exports => Box::pin(exports_batch(app, event, &around)).await,
        _ => incoming_batch(app, event, &around).await,
    };
    let failed: Vec<String> =
        answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    for (number, message) in received.iter().enumerate() {
        if !failed.contains(&format!("m{number}")) {
            // A receipt is worth nothing when the queue has given the message to another worker.
            if let Err(error) = app.queues.delete(queue, &message.receipt).await {
                eprintln!("a message stays: {error}");
            }
        }
    }
    Ok(())
}

/// Writes every item of the catalogue but outbox rows, a line each, in order; without moments, and without what S3
/// draws by lot.
pub async fn dump() -> Result<()> {
    let (config, clients) = (Config::from_environment()?, vitrine_runtime::clients().await);
    for line in items(&clients, &config.tables.catalog).await? {
        println!("{line}");
    }
    Ok(())
}

async fn items(clients: &Clients, table: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut start: Option<HashMap<String, AttributeValue>> = None;
    loop {
        let page =
            clients.dynamo.scan().table_name(table).set_exclusive_start_key(start.take()).send().await?;
        for mut item in page.items.unwrap_or_default() {
            let key = item.get("pk").and_then(|pk| pk.as_s().ok()).cloned().unwrap_or_default();
            if key.is_empty() {
                bail!("an item without a key");
            }
            if item.get("sk").and_then(|sk| sk.as_s().ok()).is_some_and(|sk| sk == "JOB") {
                // How often its workers wrote the job down: those of a killed run begin more often.
                item.remove("version");
            }
            if !key.starts_with("OUTBOX#") && !key.starts_with("EVENT#") {
                lines.push(shown(&AttributeValue::M(item)));
            }
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            lines.sort();
            return Ok(lines);
        }
    }
}

/// Members that differ between two runs of the same: made by S3, or by when something was done.
const BY_LOT: &[&str] = &["version_id", "etag", "metadata_version", "watch"];

fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::M(members) => {
            let members: BTreeMap<&String, &AttributeValue> =
                members.iter().filter(|(name, _)| !BY_LOT.contains(&name.as_str())).collect();
            let first: Vec<String> = ["pk", "sk"]
                .iter()
                .filter_map(|name| members.get(&(*name).to_owned()).map(|value| shown(value)))
                .collect();
            let all: Vec<String> =
                members.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
            format!("{}{{{}}}", first.join(" "), all.join(", "))
        }
        AttributeValue::L(list) => format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(", ")),
        AttributeValue::S(text) => {
            let parts: Vec<&str> =
                text.split('#').map(|part| if is_moment(part) { "*" } else { part }).collect();
            parts.join("#")
        }
        AttributeValue::N(number) => number.clone(),
        AttributeValue::Bool(yes) => yes.to_string(),
        _ => "-".to_owned(),
    }
}

/// A moment, as people read it or as keys that are in order of time have it: milliseconds in fifteen digits.
fn is_moment(text: &str) -> bool {
    let is_key = text.len() == 15 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    is_key || text.parse::<Timestamp>().is_ok()
}
