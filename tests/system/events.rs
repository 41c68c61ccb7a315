//! Each file of `events/` goes through its handler; `events/README.md` says where it comes from.

use std::fs;

use aws_lambda_events::event::sqs::SqsEvent;
use vitrine_domain::Timestamp;
use vitrine_engine::workspace_root;
use vitrine_testing::Stack;
use vitrine_triggers::{
    Surroundings, deliver_batch, derivatives_batch, exports_batch, fixity_run, imports_batch, incoming_batch,
    publish_batch, seal_run, sweep_run,
};

#[tokio::test]
async fn every_event_ends_as_its_snapshot_says() {
    let stack = Stack::new();
    let app = stack.app();
    let bucket = app.objects.bucket_name(vitrine_store::objects::Bucket::Incoming).to_owned();
    let mut names: Vec<String> = fs::read_dir(workspace_root().join("events"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    names.sort();
    assert!(names.len() >= 8);
    let readme = fs::read_to_string(workspace_root().join("events/README.md")).unwrap();
    let mut outcomes = Vec::new();
    for name in names {
        assert!(readme.contains(&format!("`{name}`")), "events/README.md does not tell of {name}");
        let text = fs::read_to_string(workspace_root().join("events").join(&name))
            .unwrap()
            .replace("INCOMING_BUCKET", &bucket);
        let metrics = std::sync::Mutex::new(Vec::new());
        let note = |metric: vitrine_triggers::Metric| metrics.lock().unwrap().push(metric.outcome);
        let around = Surroundings { now: &Timestamp::now, time_left: &|| true, metrics: &note };
        let again: Vec<String> = if name.starts_with("sweep") {
            sweep_run(&app, "r", &around).await.unwrap();
            vec![]
        } else if name.starts_with("check-fixity") {
            fixity_run(&app, "r", &around).await.unwrap();
            vec![]
        } else if name.starts_with("seal-audit") {
            seal_run(&app, "r", &around).await.unwrap();
            vec![]
        } else {
            let event: SqsEvent =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let response = if name.starts_with("register-file") {
                incoming_batch(&app, event, &around).await
            } else if name.starts_with("run-import") {
                imports_batch(&app, event, &around).await
            } else if name.starts_with("export") {
                exports_batch(&app, event, &around).await
            } else if name.starts_with("deliver-") {
                deliver_batch(&app, event, &around).await
            } else if name.starts_with("publish") {
                publish_batch(&app, event, &around).await
            } else {
                derivatives_batch(&app, event, &crate::walk::tools(), &around).await
            };
            response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
        };
        let seen = metrics.lock().unwrap().join(", ");
        outcomes.push(format!("{name}: {seen}; again: {again:?}"));
    }
    insta::assert_snapshot!(outcomes.join("\n"));
}
