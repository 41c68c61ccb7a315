//! Files for Primo, Summon and anyone: everything, then changes, then nothing (S15, S16, B13).

use super::*;
use crate::walk::title;

impl House {
    async fn target(&self, target: Value) -> String {
        let body = json!({
            "name": "Files", "selection": { "kind": "EVERYTHING" }, "target": target,
        });
        text(&self.client.post(PROFILES, body).await.ok(), "id")
    }

    /// The files of a run by name, as a client fetches them; the manifest among them.
    async fn files(&self, profile: &str, job: &Value) -> BTreeMap<String, String> {
        let path = format!("{PROFILES}/{profile}/runs/{}", text(job, "id"));
        let list = self.client.get(&path).await.ok();
        let mut files = BTreeMap::new();
        for file in list["file"].as_array().unwrap() {
            let (status, bytes) = vitrine_testing::fetch_signed(file["url"].as_str().unwrap());
            assert_eq!(status, 200);
            if let Some(sha256) = file["sha256"].as_str() {
                assert_eq!(crate::walk::sha256(&bytes), sha256);
            }
            files.insert(text(file, "name"), String::from_utf8(bytes).unwrap());
        }
        files
    }
}

#[tokio::test]
async fn s15_primo_gets_everything_then_changes_then_an_empty_file() {
    let house = House::new().await;
    let title = title(&house.client).await;
    let other = house.title("Other").await;
    let id = house.target(json!({ "kind": "PRIMO", "records_per_file": 1 })).await;
    house.taken().await;
    let first = house.run(&id, false).await;
    assert_eq!(first["status"]["value"], "COMPLETED_SUCCESS", "{first}");
    let files = house.files(&id, &first).await;
    let manifest: Value = serde_json::from_str(&files["manifest.json"]).unwrap();
    assert_eq!((&manifest["kind"], &manifest["records"]), (&json!("full"), &json!(2)), "{manifest}");
    let records: Vec<&String> =
        files.iter().filter(|(name, _)| name.starts_with("full-")).map(|(_, text)| text).collect();
    assert!(records.len() >= 2, "one record a file: {files:?}");
    let moby = records.iter().find(|text| text.contains(&title.mms)).unwrap();
    for part in [
        "<subfield code=\"a\">Moby-Dick</subfield>".to_owned(),
        "<datafield tag=\"AVD\" ind1=\" \" ind2=\" \"><subfield code=\"a\">VITRINE</subfield>".to_owned(),
        format!(
            "<subfield code=\"b\">{}</subfield><subfield code=\"c\">REPRESENTATION</subfield>",
            title.rep
        ),
        "<subfield code=\"r\">Restricted access</subfield>".to_owned(),
        format!(
            "<datafield tag=\"COL\" ind1=\" \" ind2=\" \"><subfield code=\"a\">{}</subfield>",
            title.collection
        ),
    ] {
        assert!(moby.contains(&part), "{part}: {moby}");
    }

    house.client.put(&format!("/bibs/{other}"), dc("Changed", false)).await.ok();
    assert_eq!(house.client.delete(&format!("/bibs/{}?override=true", title.mms)).await.status, 204);
    house.settle().await;
    let second = house.run(&id, false).await;
    let files = house.files(&id, &second).await;
    let manifest: Value = serde_json::from_str(&files["manifest.json"]).unwrap();
    assert_eq!(
        (&manifest["kind"], &manifest["records"], &manifest["deleted"]),
        (&json!("changes"), &json!(2), &json!(1)),
        "{manifest}"
    );
    let all: String = files.into_values().collect();
    assert!(all.contains("Changed") && all.contains("<header status=\"deleted\">"), "{all}");

    let third = house.run(&id, false).await;
    let files = house.files(&id, &third).await;
    assert_eq!(files.keys().collect::<Vec<_>>(), ["changes-00001.xml", "manifest.json"]);
    assert!(!files["changes-00001.xml"].contains("<record>"), "{files:?}");

    // Everything again, when that is asked for; deleted titles are no part of everything.
    let again = house.run(&id, true).await;
    let files = house.files(&id, &again).await;
    let manifest: Value = serde_json::from_str(&files["manifest.json"]).unwrap();
    assert_eq!((&manifest["kind"], &manifest["records"]), (&json!("full"), &json!(1)), "{manifest}");
}

#[tokio::test]
async fn s16_summon_gets_deletions_in_files_of_their_own() {
    let house = House::new().await;
    let (stays, goes) = (house.title("Stays").await, house.title("Goes").await);
    let id = house.target(json!({ "kind": "SUMMON" })).await;
    house.taken().await;
    let first = house.files(&id, &house.run(&id, false).await).await;
    assert_eq!(first.keys().collect::<Vec<_>>(), ["full-00001.xml", "manifest.json"]);
    assert_eq!(first["full-00001.xml"].matches("<record ").count(), 2);
    house.client.put(&format!("/bibs/{goes}"), dc("Goes", true)).await.ok();
    house.settle().await;
    let second = house.files(&id, &house.run(&id, false).await).await;
    assert_eq!(
        second.keys().collect::<Vec<_>>(),
        ["changes-00001.xml", "deletes-00001.xml", "manifest.json"]
    );
    let deletes = &second["deletes-00001.xml"];
    assert!(
        deletes.contains("     dam a22") && deletes.contains(&goes) && !deletes.contains(&stays),
        "{deletes}"
    );
}

#[tokio::test]
async fn b13_a_schedule_starts_one_run_a_planned_instant() {
    let house = House::new().await;
    house.title("A").await;
    let body = json!({
        "name": "Nightly", "selection": { "kind": "EVERYTHING" },
        "target": { "kind": "FILES", "format": "mods" }, "schedule": { "every": "DAY", "at": "02:30" },
    });
    let made = house.client.post(PROFILES, body).await.ok();
    let planned: Timestamp = text(&made, "next_run").parse().unwrap();
    house.taken().await;
    let call = vitrine_app::Call { now: planned, ..vitrine_testing::operator() };
    let (one, two) = tokio::join!(house.app.sweep(&call, &|| true), house.app.sweep(&call, &|| true));
    one.unwrap();
    two.unwrap();
    house.app.sweep(&call, &|| true).await.unwrap();
    let jobs = house.client.get("/conf/jobs").await.ok();
    assert_eq!(jobs["total_record_count"], 1, "{jobs}");
    assert_eq!(jobs["job"][0]["profile_id"], made["id"]);
    let next = vitrine_app::Call { now: planned + vitrine_domain::outbox::seconds(86_400), ..call };
    house.app.sweep(&next, &|| true).await.unwrap();
    assert_eq!(house.client.get("/conf/jobs").await.ok()["total_record_count"], 2);
}
