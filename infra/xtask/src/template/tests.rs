//! Each rule is tripped by a template that breaks it, and by nothing else.

use super::{Finding, check};
use serde_json::{Value, json};
use std::sync::OnceLock;
use vitrine_engine::{Template, workspace_root};

const TODAY: &str = "2026-11-24";

/// The product's own template, expanded.
fn template() -> Value {
    static TEMPLATE: OnceLock<Value> = OnceLock::new();
    let read = || Template::read_expanded(&workspace_root().join("template.yaml")).unwrap().as_json().clone();
    TEMPLATE.get_or_init(read).clone()
}

fn resource<'a>(template: &'a mut Value, id: &str) -> &'a mut Value {
    template.pointer_mut(&format!("/Resources/{id}")).unwrap_or_else(|| panic!("no resource `{id}`"))
}

fn property<'a>(template: &'a mut Value, id: &str, path: &str) -> &'a mut Value {
    resource(template, id)
        .pointer_mut(&format!("/Properties/{path}"))
        .unwrap_or_else(|| panic!("no `{id}/{path}`"))
}

fn remove(template: &mut Value, id: &str, path: &str) {
    let (parent, key) = path.rsplit_once('/').unwrap_or(("", path));
    let pointer = if parent.is_empty() { "/Properties".to_owned() } else { format!("/Properties/{parent}") };
    let removed = resource(template, id).pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(key);
    assert!(removed.is_some(), "no `{id}/{path}`");
}

/// Breaks the template and expects exactly these rules to say so, each at the resource named.
fn check_broken(expected: &[(&str, &str)], breakage: impl Fn(&mut Value)) {
    let mut broken = template();
    breakage(&mut broken);
    let mut found: Vec<_> =
        check(&broken, TODAY).into_iter().map(|f: Finding| (f.rule, f.resource)).collect();
    found.dedup();
    let found: Vec<_> = found.iter().map(|(rule, resource)| (*rule, resource.as_str())).collect();
    assert_eq!(found, expected);
}

fn statement() -> Value {
    json!({ "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "arn:aws:dynamodb:eu:1:table/other" })
}

/// Adds a statement to the rights of a role.
fn grant(template: &mut Value, role: &str, change: impl Fn(&mut Value)) {
    let mut statement = statement();
    change(&mut statement);
    property(template, role, "Policies/0/PolicyDocument/Statement").as_array_mut().unwrap().push(statement);
}

#[test]
fn the_products_template_breaks_no_rule() {
    assert_eq!(check(&template(), TODAY), []);
}

#[test]
fn t01_refuses_wildcard_actions() {
    for action in ["*", "s3:*", "s3:Get*"] {
        check_broken(&[("T01", "ApiRole")], |t| grant(t, "ApiRole", |s| s["Action"] = json!(action)));
    }
    check_broken(&[("T01", "ApiRole")], |t| {
        grant(t, "ApiRole", |s| {
            s.as_object_mut().unwrap().remove("Action");
            s["NotAction"] = json!("iam:PassRole");
        });
    });
}

#[test]
fn t02_refuses_unbounded_resources() {
    for resource in [
        "*",
        "arn:aws:s3:::*",
        "arn:aws:s3:::*/x",
        "arn:aws:s3:::vitrine-*",
        "arn:aws:dynamodb:eu:1:table/*",
        "arn:aws:sqs:*:1:queue",
        "arn:aws:logs:eu:1:*",
    ] {
        check_broken(&[("T02", "ApiRole")], |t| grant(t, "ApiRole", |s| s["Resource"] = json!([resource])));
    }
}

#[test]
fn t02_accepts_objects_of_one_bucket_and_streams_of_one_log() {
    for resource in ["arn:aws:s3:::b/*", "arn:aws:s3:::b/in/*", "arn:aws:logs:eu:1:log-group:/vitrine/x:*"] {
        check_broken(&[], |t| grant(t, "ApiRole", |s| s["Resource"] = json!(resource)));
    }
    check_broken(&[], |t| {
        grant(t, "ApiRole", |s| s["Resource"] = json!({ "Fn::Sub": "${ContentBucket.Arn}/*" }))
    });
}

#[test]
fn t03_refuses_a_shared_and_a_missing_role() {
    check_broken(&[("T03", "DeliveryFunction")], |t| {
        *property(t, "DeliveryFunction", "Role") = json!({ "Fn::GetAtt": ["ApiRole", "Arn"] });
    });
    check_broken(&[("T03", "ApiFunction")], |t| {
        *property(t, "ApiFunction", "Role") = json!("arn:aws:iam::1:role/admin")
    });
}

#[test]
fn t04_refuses_a_queue_without_dead_letters() {
    check_broken(
        &[("T04", "IncomingDeadLetters"), ("T05", "IncomingDeadLetters"), ("T04", "IncomingQueue")],
        |t| {
            remove(t, "IncomingQueue", "RedrivePolicy");
        },
    );
    check_broken(&[("T04", "IncomingQueue")], |t| {
        *property(t, "IncomingQueue", "RedrivePolicy/maxReceiveCount") = json!(1000);
    });
}

#[test]
fn t05_refuses_dead_letters_nobody_hears_of() {
    for path in ["Threshold", "MetricName"] {
        check_broken(&[("T05", "DerivativesDeadLetters")], |t| {
            *property(t, "DerivativesDeadLettersAlarm", path) = json!("100");
        });
    }
    check_broken(&[("T05", "SweepDeadLetters")], |t| remove(t, "SweepDeadLetters", "MessageRetentionPeriod"));
    check_broken(&[("T05", "IncomingQueue")], |t| {
        *property(t, "IncomingAgeAlarm", "MetricName") = json!("Other")
    });
}

#[test]
fn t06_refuses_a_visibility_under_six_timeouts() {
    let mapping = "RegisterFileFunctionIncoming";
    check_broken(&[("T06", mapping)], |t| *property(t, "IncomingQueue", "VisibilityTimeout") = json!(5399));
    check_broken(&[("T06", mapping)], |t| *property(t, "RegisterFileFunction", "Timeout") = json!(901));
    check_broken(&[("T06", mapping)], |t| remove(t, "RegisterFileFunction", "Timeout"));
}

#[test]
fn t07_refuses_batches_that_fail_as_a_whole() {
    check_broken(&[("T07", "MakeDerivativesFunctionDerivatives")], |t| {
        remove(t, "MakeDerivativesFunctionDerivatives", "FunctionResponseTypes");
    });
}

#[test]
fn t08_refuses_logs_that_are_kept_for_ever() {
    check_broken(&[("T08", "SweepFunction")], |t| remove(t, "SweepLogs", "RetentionInDays"));
    check_broken(&[("T08", "SweepFunction")], |t| remove(t, "SweepFunction", "LoggingConfig"));
}

#[test]
fn t09_t10_t11_refuse_an_open_bucket() {
    check_broken(&[("T09", "ContentBucket")], |t| remove(t, "ContentBucket", "BucketEncryption"));
    check_broken(&[("T10", "ContentBucket")], |t| {
        *property(t, "ContentBucket", "PublicAccessBlockConfiguration/BlockPublicPolicy") = json!(false);
    });
    check_broken(&[("T11", "ContentBucket")], |t| {
        *property(t, "ContentBucketPolicy", "PolicyDocument/Statement/0/Effect") = json!("Allow");
    });
    check_broken(&[("T11", "ContentBucket")], |t| {
        *property(t, "ContentBucketPolicy", "Bucket") = json!({ "Ref": "IncomingBucket" });
    });
}

#[test]
fn t12_refuses_events_that_could_raise_themselves() {
    let notification = json!({ "QueueConfigurations": [{ "Event": "s3:ObjectCreated:*", "Queue": "q" }] });
    check_broken(&[("T12", "DerivativesBucket")], |t| {
        resource(t, "DerivativesBucket")["Properties"]["NotificationConfiguration"] = notification.clone();
    });
    let write = |key: &str| {
        let arn =
            format!("arn:${{AWS::Partition}}:s3:::${{AWS::StackName}}-incoming-${{AWS::AccountId}}/{key}");
        move |s: &mut Value| {
            s["Action"] = json!(["s3:PutObject"]);
            s["Resource"] = json!({ "Fn::Sub": arn });
        }
    };
    for key in ["*", "intent/*", "intent/made/*"] {
        check_broken(&[("T12", "SweepRole")], |t| grant(t, "SweepRole", write(key)));
        check_broken(&[("T12", "RegisterFileRole")], |t| grant(t, "RegisterFileRole", write(key)));
    }
    check_broken(&[], |t| grant(t, "SweepRole", write("quarantine/*")));
}

#[test]
fn t13_refuses_workers_without_bound() {
    check_broken(&[("T13", "RegisterFileFunctionIncoming")], |t| {
        remove(t, "RegisterFileFunctionIncoming", "ScalingConfig");
    });
}

#[test]
fn t14_refuses_variables_that_only_one_side_knows() {
    check_broken(&[("T14", "ApiFunction")], |t| {
        remove(t, "ApiFunction", "Environment/Variables/VITRINE_LOG")
    });
    check_broken(&[("T14", "ApiFunction")], |t| {
        property(t, "ApiFunction", "Environment/Variables")["VITRINE_NEW"] = json!("x");
    });
}

#[test]
fn t15_refuses_a_history_that_can_be_rewritten() {
    check_broken(&[("T15", "SweepRole")], |t| {
        grant(t, "SweepRole", |s| {
            s["Action"] = json!(["dynamodb:PutItem", "dynamodb:UpdateItem"]);
            s["Resource"] = json!({ "Fn::GetAtt": ["AuditTable", "Arn"] });
        });
    });
}

#[test]
fn t16_refuses_a_delivery_that_writes() {
    check_broken(&[("T16", "DeliveryRole")], |t| {
        grant(t, "DeliveryRole", |s| s["Action"] = json!("dynamodb:PutItem"))
    });
    check_broken(&[("T16", "DeliveryRole")], |t| {
        grant(t, "DeliveryRole", |s| {
            s["Action"] = json!("dynamodb:PutItem");
            s["Resource"] = json!([
                { "Fn::GetAtt": ["SessionsTable", "Arn"] },
                { "Fn::GetAtt": ["CatalogTable", "Arn"] },
            ]);
        });
    });
    // Counting is an update of the usage table, and of no other.
    check_broken(&[("T16", "DeliveryRole")], |t| {
        grant(t, "DeliveryRole", |s| s["Action"] = json!("dynamodb:UpdateItem"));
    });
    // Marked copies are asked for in one queue.
    for (action, resource) in [
        ("sqs:SendMessage", "DerivativesQueue"),
        ("sqs:SendMessage", "PublishQueue"),
        ("sqs:SendMessage", "IncomingQueue"),
        ("s3:ListBucket", "ContentBucket"),
    ] {
        check_broken(&[("T16", "DeliveryRole")], |t| {
            grant(t, "DeliveryRole", |s| {
                s["Action"] = json!(action);
                s["Resource"] = json!({ "Fn::GetAtt": [resource, "Arn"] });
            });
        });
    }
}

#[test]
fn t17_refuses_a_function_whose_failures_nobody_hears_of() {
    check_broken(&[("T17", "ApiFunction")], |t| {
        *property(t, "ApiErrorsAlarm", "MetricName") = json!("Other")
    });
    check_broken(&[("T17", "SweepFunctionEveryMinute")], |t| {
        *property(t, "SweepNotRunningAlarm", "MetricName") = json!("Other");
    });
}

#[test]
fn t18_refuses_calls_from_anywhere() {
    check_broken(&[("T18", "ApiPermission")], |t| remove(t, "ApiPermission", "SourceArn"));
}

#[test]
fn t19_refuses_a_queue_in_the_clear() {
    check_broken(&[("T19", "DerivativesQueue")], |t| {
        *property(t, "DerivativesQueue", "SqsManagedSseEnabled") = json!(false);
    });
}

#[test]
fn t20_t21_refuse_a_table_that_can_be_lost() {
    check_broken(&[("T20", "CatalogTable")], |t| {
        remove(t, "CatalogTable", "PointInTimeRecoverySpecification")
    });
    check_broken(&[("T20", "AuditTable")], |t| remove(t, "AuditTable", "SSESpecification"));
    check_broken(&[("T20", "AuditTable")], |t| remove(t, "AuditTable", "DeletionProtectionEnabled"));
    check_broken(&[("T21", "CatalogTable")], |t| {
        resource(t, "CatalogTable")["DeletionPolicy"] = json!("Delete")
    });
}

#[test]
fn t00_a_waiver_needs_a_reason_and_a_day_and_holds_until_then() {
    let waive = |until: &'static str, why: &'static str| {
        move |t: &mut Value| {
            remove(t, "ContentBucket", "BucketEncryption");
            resource(t, "ContentBucket")["Metadata"] =
                json!({ "Waivers": [{ "Rule": "T09", "Until": until, "Why": why }] });
        }
    };
    check_broken(&[], waive("2026-11-24", "tried out"));
    check_broken(&[("T00", "ContentBucket"), ("T09", "ContentBucket")], waive("2026-11-23", "tried out"));
    check_broken(&[("T00", "ContentBucket"), ("T09", "ContentBucket")], waive("2026-11-24", ""));
    check_broken(&[("T00", "ContentBucket"), ("T09", "ContentBucket")], waive("soon", "tried out"));
}

#[test]
fn t22_seals_are_locked_and_one_role_adds_to_them() {
    let seals = "arn:${AWS::Partition}:s3:::${AWS::StackName}-audit-${AWS::AccountId}/seals/*";
    check_broken(&[("T22", "AuditBucket")], |template| remove(template, "AuditBucket", "ObjectLockEnabled"));
    for (role, action) in [("SweepRole", "s3:PutObject"), ("SealAuditRole", "s3:DeleteObjectVersion")] {
        check_broken(&[("T22", role)], |template| {
            grant(template, role, |statement| {
                statement["Action"] = json!(action);
                statement["Resource"] = json!({ "Fn::Sub": seals });
            });
        });
    }
    check_broken(&[("T22", "SealAuditRole")], |template| {
        grant(template, "SealAuditRole", |statement| {
            statement["Resource"] = json!({ "Fn::GetAtt": ["CatalogTable", "Arn"] });
        });
    });
}
