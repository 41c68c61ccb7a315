//! Who may do what: rights of roles, and who may call a function.

use super::Finding;
use super::model::{Model, Resource, as_text, many, referred};
use serde_json::Value;
use std::collections::BTreeMap;

/// One `Allow` of a role.
struct Grant<'a> {
    role: Resource<'a>,
    actions: Vec<String>,
    resources: Vec<String>,
}

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for grant in grants(model) {
        wildcards(&grant, findings);
        history_is_append_only(&grant, findings);
    }
    seals_are_written_once(model, findings);
    one_role_a_function(model, findings);
    delivery_only_reads(model, findings);
    events_cannot_loop(model, findings);
    calls_come_from_one_place(model, findings);
}

fn grants<'a>(model: &Model<'a>) -> Vec<Grant<'a>> {
    let mut grants = Vec::new();
    for role in model.of_type("AWS::IAM::Role") {
        for policy in many(role.get("Policies")) {
            for statement in many(policy.pointer("/PolicyDocument/Statement")) {
                if statement.get("Effect").and_then(Value::as_str) == Some("Allow") {
                    let texts = |key| many(statement.get(key)).into_iter().map(as_text).collect();
                    grants.push(Grant { role, actions: texts("Action"), resources: texts("Resource") });
                }
            }
        }
    }
    grants
}

/// T01, T02: no right to "everything": neither as action nor as resource. Objects of one bucket, below a prefix or
/// not, secrets of one stack, and streams of one log group are not "everything"; they can be named in no other way.
fn wildcards(grant: &Grant<'_>, findings: &mut Vec<Finding>) {
    for action in grant.actions.iter().filter(|action| action.contains('*')) {
        findings.push(grant.role.finding("T01", format!("action `{action}` has a wildcard")));
    }
    if grant.actions.is_empty() {
        findings.push(grant.role.finding("T01", "a statement lists no action (`NotAction` is a wildcard)"));
    }
    for resource in grant.resources.iter().filter(|resource| !is_bounded(resource)) {
        findings.push(grant.role.finding("T02", format!("resource `{resource}` is not bounded")));
    }
    if grant.resources.is_empty() {
        findings
            .push(grant.role.finding("T02", "a statement names no resource (`NotResource` is a wildcard)"));
    }
}

fn is_bounded(resource: &str) -> bool {
    let Some(before) = resource.strip_suffix('*') else { return !resource.contains('*') };
    if before.contains('*') {
        return false;
    }
    let objects_of_a_bucket = before.ends_with('/')
        && before.contains(":s3:::")
        && before.split(":s3:::").nth(1).is_some_and(|bucket| !bucket.starts_with('/'));
    let objects_of_a_reference = before.ends_with(".Arn}/");
    let secrets_of_a_stack = before.ends_with('/') && before.contains(":secret:${AWS::StackName}/");
    let streams_of_a_group = before.ends_with(':') && before.contains(":log-group:/");
    objects_of_a_bucket || objects_of_a_reference || secrets_of_a_stack || streams_of_a_group
}

/// T03: every function has a role that no other function has.
fn one_role_a_function(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let mut users: BTreeMap<&str, &str> = BTreeMap::new();
    for function in model.of_type("AWS::Lambda::Function") {
        let Some(role) = function.get("Role").and_then(referred).filter(|role| model.find(role).is_some())
        else {
            findings.push(function.finding("T03", "has no role of this template"));
            continue;
        };
        if let Some(other) = users.insert(role, function.id) {
            findings.push(function.finding("T03", format!("shares the role `{role}` with `{other}`")));
        }
    }
}

/// T15: what has been written to the history stays: a role may add to it and read it.
fn history_is_append_only(grant: &Grant<'_>, findings: &mut Vec<Finding>) {
    if grant.resources.iter().any(|resource| resource.contains("AuditTable")) {
        for action in &grant.actions {
            if !["dynamodb:PutItem", "dynamodb:Query"].contains(&action.as_str()) {
                findings.push(grant.role.finding("T15", format!("`{action}` on the audit table")));
            }
        }
    }
}

/// T22: seals over the history are locked, written by one role that writes nothing they tell of, and deleted by none.
fn seals_are_written_once(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let Some(bucket) = model.find("AuditBucket") else { return };
    if bucket.get("ObjectLockEnabled") != Some(&Value::Bool(true)) {
        findings.push(bucket.finding("T22", "is not locked"));
    }
    let name = bucket.get("BucketName").map(as_text).unwrap_or_default();
    for grant in grants(model) {
        let reaches = grant.resources.iter().any(|it| it.contains(&format!(":s3:::{name}/")));
        let writes = |action: &String| !["s3:GetObject", "s3:GetObjectVersion"].contains(&action.as_str());
        for action in grant.actions.iter().filter(|action| reaches && writes(action)) {
            if grant.role.id != "SealAuditRole" || action != "s3:PutObject" {
                findings.push(grant.role.finding("T22", format!("may `{action}` seals")));
            }
        }
        let keeps_catalog = grant.resources.iter().any(|it| it.contains("CatalogTable"));
        if grant.role.id == "SealAuditRole" && keeps_catalog {
            findings.push(grant.role.finding("T22", "reaches what the history tells of"));
        }
    }
}

/// T16: what readers reach can change nothing but what viewers do themselves, and the counts of it.
fn delivery_only_reads(model: &Model<'_>, findings: &mut Vec<Finding>) {
    const READS: &[&str] = &[
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    ];
    const WRITES: &[&str] = &["dynamodb:DeleteItem", "dynamodb:PutItem"];
    for grant in grants(model).iter().filter(|grant| ["DeliveryRole", "OaiRole"].contains(&grant.role.id)) {
        let all_of = |table: &str| {
            let own = grant.role.id == "DeliveryRole" && !grant.resources.is_empty();
            own && grant.resources.iter().all(|resource| resource.contains(table))
        };
        let sits = |action: &str| all_of("SessionsTable") && WRITES.contains(&action);
        let counts = |action: &str| all_of("UsageTable") && action == "dynamodb:UpdateItem";
        // Marked copies are made by somebody else, and looked for where they will be (ADR 0016).
        let asks = |action: &str| match action {
            "sqs:SendMessage" => all_of("MarksQueue"),
            "s3:ListBucket" => all_of("-derivatives-"),
            _ => false,
        };
        let may = |action: &str| READS.contains(&action) || sits(action) || counts(action) || asks(action);
        for action in grant.actions.iter().filter(|action| !may(action)) {
            findings.push(grant.role.finding("T16", format!("what readers reach may `{action}`")));
        }
        let reads_table = grant.actions.iter().any(|action| action.starts_with("dynamodb:"));
        let published = |resource: &String| resource.contains("PublishedTable");
        if grant.role.id == "OaiRole" && reads_table && !grant.resources.iter().all(published) {
            findings.push(grant.role.finding("T16", "harvesters reach more than what is published"));
        }
    }
}

/// T12 (B7): no function that is started by events may write where events come from.
fn events_cannot_loop(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for bucket in model.of_type("AWS::S3::Bucket") {
        let name = bucket.get("BucketName").map(as_text).unwrap_or_default();
        for notification in many(bucket.get("NotificationConfiguration/QueueConfigurations")) {
            let rules = many(notification.pointer("/Filter/S3Key/Rules"));
            let prefix = rules.iter().find(|rule| rule.get("Name").and_then(Value::as_str) == Some("prefix"));
            let Some(prefix) = prefix.and_then(|rule| rule.get("Value")).and_then(Value::as_str) else {
                findings.push(bucket.finding("T12", "raises events for every key: give a prefix"));
                continue;
            };
            for grant in grants(model).iter().filter(|grant| is_started_by_events(model, grant.role.id)) {
                let writes = grant.actions.iter().any(|action| action == "s3:PutObject");
                let reaches = grant.resources.iter().any(|resource| {
                    let key = resource
                        .split_once(&format!(":s3:::{name}/"))
                        .map(|(_, key)| key.trim_end_matches('*'));
                    let by_reference = resource.starts_with(&format!("${{{}.Arn}}", bucket.id));
                    by_reference || key.is_some_and(|key| key.starts_with(prefix) || prefix.starts_with(key))
                });
                if writes && reaches {
                    findings.push(
                        grant.role.finding("T12", format!("writes below `{prefix}`, which raises events")),
                    );
                }
            }
        }
        let others = ["LambdaConfigurations", "TopicConfigurations", "EventBridgeConfiguration"];
        if others.iter().any(|kind| bucket.get(&format!("NotificationConfiguration/{kind}")).is_some()) {
            findings.push(bucket.finding("T12", "raises events past the queue"));
        }
    }
}

fn is_started_by_events(model: &Model<'_>, role: &str) -> bool {
    model.of_type("AWS::Lambda::Function").any(|function| {
        let has_role = function.get("Role").and_then(referred) == Some(role);
        let by_queue = model
            .of_type("AWS::Lambda::EventSourceMapping")
            .any(|mapping| mapping.get("FunctionName").and_then(referred) == Some(function.id));
        let by_schedule = model.of_type("AWS::Events::Rule").any(|rule| {
            many(rule.get("Targets"))
                .iter()
                .any(|target| target.get("Arn").and_then(referred) == Some(function.id))
        });
        has_role && (by_queue || by_schedule)
    })
}

/// T18: a permission to call a function names the one thing that may call it.
fn calls_come_from_one_place(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for permission in model.of_type("AWS::Lambda::Permission") {
        if permission.get("SourceArn").is_none() {
            findings.push(permission.finding("T18", "names no source: anyone's could call"));
        }
    }
}
