//! This program as another process: a worker of the queues that can be killed, and a look at all that is in a table.
//!
//! Both are told of their stack by the product's own variables.

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use std::collections::{BTreeMap, HashMap};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vitrine_app::App;
use vitrine_domain::Timestamp;
use vitrine_runtime::Config;
use vitrine_store::clients::Clients;
use vitrine_store::queues::Queue;
use vitrine_testing::Stack;
use vitrine_triggers::{Surroundings, imports_batch, incoming_batch};

use crate::import::batch;

/// After how many seconds a queue gives a message to another worker; the template's minutes would be waited for.
const VISIBILITY_SECONDS: &str = "5";
/// What run-import gets for a message.
const TIME: Duration = Duration::from_secs(4);

/// This program with another task for a stack.
///
/// # Errors
/// When it can not be found.
pub fn process(task: &str, stack: &Stack) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("this program has no file")?);
    command.arg(task).env_clear().envs(environment(stack)).stdin(Stdio::null());
    Ok(command)
}

fn environment(stack: &Stack) -> Vec<(&'static str, String)> {
    let config = &stack.config;
    vec![
        ("AWS_ENDPOINT_URL", stack.endpoint().to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("VITRINE_INSTITUTION", config.institution.clone()),
        ("VITRINE_INSTITUTION_SUFFIX", config.institution_suffix.clone()),
        ("VITRINE_CATALOG_TABLE", config.tables.catalog.clone()),
        ("VITRINE_AUDIT_TABLE", config.tables.audit.clone()),
        ("VITRINE_SESSIONS_TABLE", config.sessions_table.clone()),
        ("VITRINE_USAGE_TABLE", config.tables.usage.clone()),
        ("VITRINE_AUDIT_BUCKET", config.buckets.audit.clone()),
        ("VITRINE_INCOMING_BUCKET", config.buckets.incoming.clone()),
        ("VITRINE_CONTENT_BUCKET", config.buckets.content.clone()),
        ("VITRINE_DERIVATIVES_BUCKET", config.buckets.derivatives.clone()),
        ("VITRINE_PUBLISHED_BUCKET", config.buckets.published.clone()),
        ("VITRINE_INCOMING_QUEUE_URL", config.queues.incoming.clone()),
        ("VITRINE_DERIVATIVES_QUEUE_URL", config.queues.derivatives.clone()),
        ("VITRINE_IMPORTS_QUEUE_URL", config.queues.imports.clone()),
        ("VITRINE_PUBLISH_QUEUE_URL", config.queues.publish.clone()),
        ("VITRINE_PUBLISHED_TABLE", config.tables.published.clone()),
    ]
}

/// Makes the stack's queues impatient.
pub async fn impatient() -> Result<()> {
    let (config, clients) = (Config::from_environment()?, vitrine_runtime::clients().await);
    for url in [&config.queues.imports, &config.queues.incoming] {
        let change = clients.sqs.set_queue_attributes().queue_url(url);
        change.attributes(QueueAttributeName::VisibilityTimeout, VISIBILITY_SECONDS).send().await?;
    }
    Ok(())
}

/// Works on what the queues hold, as run-import and register-file do, until it is killed.
pub async fn run() -> Result<()> {
    let (config, clients) = (Config::from_environment()?, vitrine_runtime::clients().await);
    let app = vitrine_runtime::app(&config, &clients)?;
    loop {
        for queue in [Queue::Imports, Queue::Incoming] {
            one(&app, queue).await?;
        }
    }
}

async fn one(app: &App, queue: Queue) -> Result<()> {
    let limit = if queue == Queue::Imports { 1 } else { 10 };
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
        for item in page.items.unwrap_or_default() {
            let key = item.get("pk").and_then(|pk| pk.as_s().ok()).cloned().unwrap_or_default();
            if key.is_empty() {
                bail!("an item without a key");
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

fn is_moment(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok()
}
