//! Deploys a template through the engine's CloudFormation and waits for it.

use crate::aws::{Client, text};
use crate::{Engine, Outputs, Template};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

const CODE_BUCKET: &str = "vitrine-code";
const DEADLINE: Duration = Duration::from_secs(120);

/// How to deploy a stack.
#[derive(Clone, Debug, Default)]
pub struct DeployOptions {
    /// Names of tables, buckets and queues start with it: lower case, at most 40 characters.
    pub stack_name: String,
    /// The zip of each function by its code folder in the template, such as `functions/api`.
    pub code: BTreeMap<String, PathBuf>,
    /// Parameters of the template; those not named keep their defaults.
    pub parameters: BTreeMap<String, String>,
}

impl DeployOptions {
    /// Returns options with a stack name that no other test has, and tables that may be deleted.
    pub fn unique(prefix: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let nanos =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |age| age.subsec_nanos());
        let stack_name = format!("{prefix}-{:x}-{nanos:x}-{count:x}", std::process::id());
        let parameters = [("DeletionProtection".to_owned(), "false".to_owned())].into();
        Self { stack_name, code: BTreeMap::new(), parameters }
    }

    /// Returns the options with one more parameter.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl Engine {
    /// Deploys the template as a new stack, or changes the stack of that name, and returns its outputs.
    ///
    /// # Errors
    /// When a function of the template has no zip, or when the engine refuses; then every reason it gave is told.
    pub fn deploy(&self, template: &Template, options: &DeployOptions) -> Result<Outputs> {
        let client = Client::new(self.endpoint());
        client.put(CODE_BUCKET, &[])?;
        let keys = upload_code(&client, template, options)?;
        let packaged = template.with_code(CODE_BUCKET, &keys).with_numbers(&options.parameters);
        // By its address: a template in the call itself may have 51,200 bytes only, and ours has more.
        let body = serde_json::to_vec(packaged.as_json())?;
        let object = format!("{CODE_BUCKET}/{}.json", hex(&body));
        client.put(&object, &body)?;
        let address = format!("{}/{object}", self.endpoint());

        let mut call =
            vec![("StackName".to_owned(), options.stack_name.clone()), ("TemplateURL".to_owned(), address)];
        for (n, capability) in
            ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"].iter().enumerate()
        {
            call.push((format!("Capabilities.member.{}", n + 1), (*capability).to_owned()));
        }
        for (n, (name, value)) in options.parameters.iter().enumerate() {
            call.push((format!("Parameters.member.{}.ParameterKey", n + 1), name.clone()));
            call.push((format!("Parameters.member.{}.ParameterValue", n + 1), value.clone()));
        }

        let exists = describe(&client, &options.stack_name)?.is_some();
        let action = if exists { "UpdateStack" } else { "CreateStack" };
        match client.cloudformation(action, &call) {
            Err(refusal) if refusal.to_string().contains("No updates are to be performed") => {}
            answer => drop(answer?),
        }
        wait(&client, &options.stack_name)
    }
}

/// Puts each function's zip under a key that follows its content, so that changed code is a changed template.
fn upload_code(
    client: &Client,
    template: &Template,
    options: &DeployOptions,
) -> Result<BTreeMap<String, String>> {
    let mut keys = BTreeMap::new();
    for (id, folder) in template.functions() {
        let path = options.code.get(&folder).with_context(|| format!("no zip given for `{folder}`"))?;
        let zip = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let key = format!("{}.zip", hex(&zip));
        let object = format!("{CODE_BUCKET}/{key}");
        if !client.has(&object) {
            client.put(&object, &zip)?;
        }
        keys.insert(id, key);
    }
    Ok(keys)
}

/// The digest of some bytes, as a name for them.
fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the description of a stack, or `None` when there is no such stack (any more).
fn describe(client: &Client, stack: &str) -> Result<Option<String>> {
    match client.cloudformation("DescribeStacks", &[("StackName".to_owned(), stack.to_owned())]) {
        Ok(xml) if text(&xml, "StackStatus").as_deref() == Some("DELETE_COMPLETE") => Ok(None),
        Ok(xml) => Ok(Some(xml)),
        Err(refusal) if refusal.to_string().contains("does not exist") => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn wait(client: &Client, stack: &str) -> Result<Outputs> {
    let started = Instant::now();
    loop {
        let xml = describe(client, stack)?.with_context(|| format!("stack `{stack}` disappeared"))?;
        let status = text(&xml, "StackStatus").unwrap_or_default();
        match status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" => return outputs(&xml),
            _ if status.ends_with("_IN_PROGRESS") && started.elapsed() < DEADLINE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            _ => bail!("stack `{stack}` is {status}: {}", reasons(client, stack)),
        }
    }
}

fn outputs(xml: &str) -> Result<Outputs> {
    let document = roxmltree::Document::parse(xml).context("CloudFormation answered with broken XML")?;
    let mut outputs = BTreeMap::new();
    for output in document.descendants().filter(|node| node.has_tag_name_in("OutputKey")) {
        let key = output.text().unwrap_or_default().to_owned();
        let value = output
            .parent()
            .and_then(|parent| parent.children().find(|node| node.has_tag_name_in("OutputValue")));
        outputs.insert(key, value.and_then(|node| node.text()).unwrap_or_default().to_owned());
    }
    Ok(Outputs(outputs))
}

/// Comparing names without their namespace, which differs between engine and cloud.
trait LocalName {
    fn has_tag_name_in(&self, name: &str) -> bool;
}

impl LocalName for roxmltree::Node<'_, '_> {
    fn has_tag_name_in(&self, name: &str) -> bool {
        self.tag_name().name() == name
    }
}

/// Returns why resources of a stack failed, newest first.
fn reasons(client: &Client, stack: &str) -> String {
    let Ok(xml) = client.cloudformation("DescribeStackEvents", &[("StackName".to_owned(), stack.to_owned())])
    else {
        return "no reason given".to_owned();
    };
    let Ok(document) = roxmltree::Document::parse(&xml) else { return xml };
    let mut reasons = Vec::new();
    for event in document.descendants().filter(|node| node.has_tag_name_in("member")) {
        let field = |name: &str| {
            event.children().find(|node| node.has_tag_name_in(name)).and_then(|node| node.text())
        };
        if field("ResourceStatus").is_some_and(|status| status.ends_with("FAILED")) {
            let id = field("LogicalResourceId").unwrap_or_default();
            reasons.push(format!("{id}: {}", field("ResourceStatusReason").unwrap_or_default()));
        }
    }
    reasons.join("; ")
}
