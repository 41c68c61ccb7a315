//! What was deleted is taken back as it was, or purged for good, and never something in between (E5, E6, B18).

use std::sync::Arc;

use serde_json::{Value, json};
use vitrine_app::App;
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{Grant, KeyPermission};
use vitrine_domain::file::{DigitalFile, Thumbnail};
use vitrine_domain::ids::FileId;
use vitrine_domain::outbox::{SHARDS, Work, seconds};
use vitrine_domain::removal::DeletedId;
use vitrine_domain::roles::Role;
use vitrine_store::faults::Moment;
use vitrine_store::objects::Bucket;
use vitrine_testing::{Answer, Client, Stack, operator};

use crate::walk::{Title, red_png, representation, settle, text, title, upload};

const DELETED: &str = "/conf/deleted";

/// A title with one file in one representation, that everyone may see.
pub struct House {
    pub stack: Arc<Stack>,
    pub app: App,
    pub client: Client,
    pub title: Title,
    pub file: String,
    policy: String,
}

impl House {
    pub async fn new() -> Self {
        let stack = Stack::new();
        let client = stack.client().await;
        let title = title(&client).await;
        let policy = json!({ "name": "Open", "default_rule": { "effect": "ALLOW" } });
        let policy = text(&client.post("/conf/access-rights-policies", policy).await.ok(), "id");
        let mut form = representation("PRESERVATION_MASTER");
        form["access_rights_policy_id"] = json!({ "value": policy });
        form["label"] = json!("Scans");
        client.put(&format!("/bibs/{}/representations/{}", title.mms, title.rep), form).await.ok();
        let house =
            Self { app: stack.app(), stack: Arc::new(stack), client, title, file: String::new(), policy };
        let file = house.add("a.png", &red_png()).await;
        Self { file, ..house }
    }

    /// The same house with another title in it.
    pub fn with(&self, title: Title) -> Self {
        let (stack, app) = (Arc::clone(&self.stack), self.app.clone());
        Self {
            stack,
            app,
            client: self.client.clone(),
            title,
            file: String::new(),
            policy: self.policy.clone(),
        }
    }

    /// Adds a file to the representation; returns its id.
    pub async fn add(&self, name: &str, bytes: &[u8]) -> String {
        let wished = upload(&self.client, &self.title.rep, name, bytes).await;
        settle(&self.app).await;
        text(&self.client.get(&format!("/uploads/{}", text(&wished, "id"))).await.ok(), "pid")
    }

    fn bib(&self) -> String {
        format!("/bibs/{}", self.title.mms)
    }

    fn form(&self) -> String {
        format!("{}/representations/{}", self.bib(), self.title.rep)
    }

    fn path(&self, file: &str) -> String {
        format!("{}/files/{file}", self.form())
    }

    async fn delete(&self, path: &str) {
        let answer = self.client.delete(path).await;
        assert_eq!(answer.status, 204, "{path}: {}", answer.text);
    }

    async fn act(&self, id: &str, op: &str) -> Answer {
        self.client.post(&format!("{DELETED}/{id}?op={op}"), Value::Null).await
    }

    async fn restore(&self, id: &str) -> Value {
        let back = self.act(id, "restore").await.ok();
        assert_eq!(back["status"]["value"], "RESTORED", "{back}");
        back
    }

    async fn listed(&self, kind: &str) -> Vec<String> {
        let found = self.client.get(&format!("{DELETED}?type={kind}")).await.ok();
        found["deleted"].as_array().unwrap().iter().map(|it| text(it, "id")).collect()
    }

    pub async fn stored(&self, file: &str) -> DigitalFile {
        self.app.catalog.file(&file.parse().unwrap()).await.unwrap().unwrap()
    }

    pub async fn has_bytes(&self, file: &DigitalFile) -> bool {
        let content = file.content.as_ref().unwrap();
        let version = content.version_id.as_deref();
        self.app.objects.head(Bucket::Content, &content.key, version).await.unwrap().is_some()
    }

    /// Lets the sweep work at that many days from now.
    pub async fn sweep(&self, days: i64) {
        let mut call = operator();
        call.now += seconds(days * 86_400 + 5);
        let swept = self.app.sweep(&call, &|| true).await.unwrap();
        assert_eq!(swept.failed, 0, "{swept:?}");
    }

    /// What is owed of deleting and purging.
    pub async fn owed(&self) -> Vec<Work> {
        let later = Timestamp::now() + seconds(4_000 * 86_400);
        let mut all = Vec::new();
        for shard in 0..SHARDS {
            all.extend(
                self.app.catalog.due(shard, later, 1000).await.unwrap().into_iter().map(|row| row.work),
            );
        }
        all.retain(|work| {
            matches!(
                work,
                Work::PurgeTitle { .. }
                    | Work::PurgeRepresentation { .. }
                    | Work::PurgeFile { .. }
                    | Work::NotePolicyUses { .. }
            )
        });
        all
    }

    /// Every door of staff and of readers at which the title, its representation or its file is to be had, with the status
    /// that it answers.
    async fn doors(&self) -> Vec<(String, u16)> {
        let Title { mms, rep, .. } = &self.title;
        let view = |path: &str, id: &str| path.replace("{id}", id);
        let mut paths = vec![
            self.bib(),
            self.form(),
            self.title.files(),
            self.path(&self.file),
            format!("{}?expand=url", self.path(&self.file)),
        ];
        for id in [mms, rep, &self.file] {
            for door in [
                "/view/delivery/VITRINE/{id}",
                "/view/delivery/thumbnail/VITRINE/{id}",
                "/view/iiif/presentation/VITRINE/{id}/manifest",
            ] {
                paths.push(view(door, id));
            }
        }
        paths.push(format!("/view/delivery/VITRINE/{}/content", self.file));
        let mut found = Vec::new();
        for path in paths {
            let answer = self.client.get(&path).await;
            found.push((path, answer.status.as_u16()));
        }
        // Lists and look-ups, where what is not there is left out.
        for (path, list) in [
            (format!("/bibs?mms_id={mms}"), "bib"),
            (format!("/bibs?representation_id={rep}"), "bib"),
            ("/bibs?isbn=0142437247".to_owned(), "bib"),
            (format!("/bibs/collections/{}/bibs", self.title.collection), "bib"),
        ] {
            let answer = self.client.get(&path).await;
            let empty =
                answer.status == 404 || answer.json()[list].as_array().is_none_or(|list| list.is_empty());
            found.push((path, if empty { 404 } else { 200 }));
        }
        found
    }

    async fn policy_uses(&self) -> Value {
        let path = format!("/conf/access-rights-policies/{}/representations", self.policy);
        self.client.get(&path).await.ok()["total_record_count"].clone()
    }
}

fn open(doors: &[(String, u16)]) -> Vec<&String> {
    doors.iter().filter(|(_, status)| *status < 400).map(|(path, _)| path).collect()
}

#[tokio::test]
async fn e6_a_file_comes_back_as_it_was_with_bytes_thumbnail_and_its_turn_to_be_checked() {
    let house = House::new().await;
    let (id, before) = (house.file.clone(), house.stored(&house.file).await);
    let open_before = house.doors().await;
    house.delete(&house.path(&id)).await;
    assert_eq!(house.client.get(&house.path(&id)).await.status, 404);
    let line = house.client.get(&format!("{DELETED}?type=FILE")).await.ok()["deleted"][0].clone();
    for (member, value) in
        [("id", &id), ("pid", &id), ("mms_id", &house.title.mms), ("label", &"a.png".into())]
    {
        assert_eq!(text(&line, member), *value, "{line}");
    }
    assert_eq!((&line["title"], &line["library"]["value"]), (&json!("Moby-Dick"), &json!("MAIN")));
    assert!(text(&line, "deleted_by").starts_with("key:"), "{line}");
    let at: Timestamp = text(&line, "deleted_at").parse().unwrap();
    let until: Timestamp = text(&line, "restorable_until").parse().unwrap();
    assert_eq!(until, at + seconds(30 * 86_400));
    let seen = house.client.get(&format!("{DELETED}/{id}")).await;
    assert_eq!(seen.headers["etag"], "\"3-j\"");
    assert_eq!(seen.ok(), line);
    // A check that comes meanwhile takes it out of its list.
    house.app.check_due_files(&later(80), &|| later(80).now, &|| true).await.unwrap();
    let resting = house.app.catalog.fixity(&before.id).await.unwrap().unwrap();
    assert_eq!(resting.due_at, None);
    house.sweep(1).await;

    house.restore(&id).await;
    let after = house.stored(&id).await;
    assert_eq!(DigitalFile { version: before.version, ..after }, before);
    assert_eq!(house.doors().await, open_before, "each door is as it was");
    assert_eq!(house.listed("file").await, Vec::<String>::new());
    let fixity = house.app.catalog.fixity(&before.id).await.unwrap().unwrap();
    assert!(fixity.due_at.is_some_and(|due| due <= Timestamp::now()), "looked at at once: {fixity:?}");
    let run = house.app.check_due_files(&operator(), &Timestamp::now, &|| true).await.unwrap();
    assert_eq!((run.checked, run.damaged), (1, 0), "{run:?}");
    assert_eq!(house.owed().await, []);
    // Sent again, as after a lost answer, it changes nothing.
    let version = house.stored(&id).await.version;
    house.restore(&id).await;
    assert_eq!(house.stored(&id).await.version, version);
    let told = house.client.get(&format!("{}/history", house.path(&id))).await.ok();
    let told: Vec<&Value> = told["event"].as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert_eq!(told[..3], ["file.fixity", "file.restore", "file.delete"]);
}

fn later(days: i64) -> vitrine_app::Call {
    let mut call = operator();
    call.now += seconds(days * 86_400);
    call
}

#[tokio::test]
async fn e6_a_file_without_its_thumbnail_is_drawn_after_it_came_back() {
    let house = House::new().await;
    let wished = upload(&house.client, &house.title.rep, "b.png", &red_png()).await;
    let message = json!({ "work": "REGISTER", "upload": wished["id"] }).to_string();
    assert!(crate::walk::register(&house.app, &[message]).await.is_empty());
    let id = text(&house.client.get(&format!("/uploads/{}", text(&wished, "id"))).await.ok(), "pid");
    house.delete(&house.path(&id)).await;
    let asked = crate::walk::next(&house.app, vitrine_store::queues::Queue::Derivatives).await;
    assert!(crate::walk::derive(&house.app, &[asked]).await.is_empty(), "it is deleted: nothing to draw");
    assert!(matches!(house.stored(&id).await.thumbnail, Thumbnail::Pending { .. }));
    house.restore(&id).await;
    let asked = crate::walk::next(&house.app, vitrine_store::queues::Queue::Derivatives).await;
    assert!(crate::walk::derive(&house.app, &[asked]).await.is_empty());
    assert!(matches!(house.stored(&id).await.thumbnail, Thumbnail::Ready { .. }));
}

#[tokio::test]
async fn e6_a_representation_comes_back_with_its_files_but_not_with_those_deleted_before() {
    let house = House::new().await;
    let Title { mms, rep, .. } = &house.title;
    let apart = house.add("b.png", &red_png()).await;
    let form = house.client.get(&house.form()).await.ok();
    house.delete(&house.path(&apart)).await;
    house.delete(&format!("{}?override=true&bibs=suppress", house.form())).await;
    assert_eq!(house.client.get(&house.bib()).await.ok()["suppress_from_publishing"], true);
    assert_eq!(house.policy_uses().await, 0);
    assert_eq!(house.listed("representation").await, [rep.as_str()]);
    assert_eq!(house.listed("file").await, [apart.as_str()], "what went with it is not listed by itself");

    let refused = house.act(&apart, "restore").await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains(&format!("representation `{rep}`")), "{}", refused.text);
    let seen = house.client.get(&format!("{DELETED}/{apart}")).await.ok();
    assert_eq!(seen["restore_first"]["id"], rep.as_str(), "{seen}");
    let with_it = house.act(&house.file, "restore").await;
    assert_eq!(with_it.status, 409, "it went with its representation: {}", with_it.text);
    assert_eq!(house.client.get(&format!("{DELETED}/{}", house.file)).await.status, 404);

    house.restore(rep).await;
    let mut back = house.client.get(&house.form()).await.ok();
    back["files"] = form["files"].clone();
    assert_eq!(back, form);
    let bib = house.client.get(&house.bib()).await.ok();
    assert_eq!(bib["suppress_from_publishing"], false, "what its deletion did to the title is undone");
    let stored = house.app.catalog.bib(&mms.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.representation_count, 1);
    assert_eq!(house.policy_uses().await, 1);
    assert_eq!(house.client.get(&house.path(&apart)).await.status, 404);
    assert_eq!(house.client.get(&house.path(&house.file)).await.status, 200);
    house.restore(&apart).await;
    assert_eq!(house.client.get(&house.title.files()).await.ok()["total_record_count"], 2);
    assert_eq!(house.owed().await, []);
}

#[tokio::test]
async fn e6_a_suppression_that_someone_edited_since_and_a_policy_that_is_gone_are_not_undone() {
    let house = House::new().await;
    let rep = &house.title.rep;
    house.delete(&format!("{}?override=true&bibs=suppress", house.form())).await;
    let record = json!({ "record_format": { "value": "dc" }, "anies": [crate::walk::DC], "suppress_from_publishing": true });
    house.client.put(&house.bib(), record).await.ok();
    house.delete(&format!("/conf/access-rights-policies/{}", house.policy)).await;
    let back = house.restore(rep).await;
    assert_eq!(back["access_rights_policy_gone"], house.policy.as_str(), "{back}");
    assert_eq!(house.client.get(&house.bib()).await.ok()["suppress_from_publishing"], true);
    // What names a policy that is not there is shown to nobody but staff.
    let stranger = house.client.with_key(None);
    assert_ne!(stranger.get(&format!("/view/delivery/VITRINE/{rep}")).await.status, 200);

    // A representation needs a title that is in a collection.
    house.delete(&format!("{}?override=true", house.form())).await;
    house.delete(&format!("/bibs/collections/{}/bibs/{}", house.title.collection, house.title.mms)).await;
    let refused = house.act(rep, "restore").await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "402260".to_owned()), "{}", refused.text);
}

#[tokio::test]
async fn e6_a_title_comes_back_with_all_that_went_with_it_at_every_door() {
    let house = House::new().await;
    let Title { mms, collection, .. } = &house.title;
    let other = json!({ "name": "Coast", "library": { "value": "MAIN" } });
    let other = text(&house.client.post("/bibs/collections", other).await.ok()["pid"], "value");
    house.client.post(&format!("/bibs/collections/{other}/bibs"), json!({ "mms_id": mms })).await.ok();
    let published = json!({ "name": "p", "selection": { "kind": "EVERYTHING" }, "target": { "kind": "OAI", "set_spec": "p" }, "active": true });
    house.client.post("/conf/publishing-profiles", published).await.ok();
    crate::publishing::settle(&house.app).await;
    let is_out = async || {
        crate::publishing::settle(&house.app).await;
        let seen = house.app.catalog.published(&mms.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(seen.scopes.len(), 2, "the profile's and the server's: {seen:?}");
        seen.scopes.values().all(|state| state.hash.is_some()) && seen.page.is_some()
    };
    let doors = house.doors().await;
    assert_eq!(open(&doors).len(), doors.len() - 1, "a file has no manifest: {doors:?}");
    let before = house.app.catalog.bib(&mms.parse().unwrap()).await.unwrap().unwrap();
    let (bib, out_before) = (house.client.get(&house.bib()).await.ok(), is_out().await);

    house.delete(&format!("{}?override=true", house.bib())).await;
    let shut = house.doors().await;
    assert_eq!(open(&shut), Vec::<&String>::new(), "{shut:?}");
    assert_eq!(house.policy_uses().await, 1, "noted by the sweep");
    house.sweep(1).await;
    assert_eq!(house.policy_uses().await, 0);
    assert_eq!(open(&house.doors().await), Vec::<&String>::new());
    assert_eq!(house.listed("bib").await, [mms.as_str()]);
    assert_eq!((house.listed("file").await, house.listed("representation").await), (vec![], vec![]));
    let out_between = is_out().await;
    // A collection of it goes meanwhile.
    house.delete(&format!("/bibs/collections/{other}?override=true")).await;

    let back = house.restore(mms).await;
    assert_eq!(back["collection_gone"], json!([other]), "{back}");
    assert_eq!(house.doors().await, doors);
    let after = house.app.catalog.bib(&mms.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(after.collections, [collection.parse().unwrap()]);
    let as_before = vitrine_domain::bib::BibRecord {
        version: before.version,
        collections: before.collections.clone(),
        ..after
    };
    assert_eq!(as_before, before);
    assert_eq!(house.client.get(&house.bib()).await.ok()["anies"], bib["anies"]);
    house.sweep(0).await;
    assert_eq!(house.policy_uses().await, 1);
    assert_eq!((out_before, out_between, is_out().await), (true, false, true));
    // What is owed still is the purge of the other collection's own record.
    let own = Work::PurgeTitle { mms_id: mms.parse().unwrap() };
    assert!(!house.owed().await.contains(&own));
    // The purge that was planned is none any more.
    let stored = house.stored(&house.file).await;
    for _ in 0..4 {
        house.sweep(40).await;
    }
    assert!(house.has_bytes(&stored).await);
    assert_eq!(house.doors().await, doors);
}

#[tokio::test]
async fn e5_e6_what_a_deletion_empties_goes_with_it_and_comes_back_with_it() {
    let house = House::new().await;
    let doors = house.doors().await;
    house.delete(&format!("{}?representations=delete&bibs=delete", house.path(&house.file))).await;
    assert_eq!(open(&house.doors().await), Vec::<&String>::new());
    assert_eq!(house.listed("bib").await, [house.title.mms.as_str()]);
    for path in [house.form(), house.path(&house.file)] {
        let told = house.client.get(&format!("{path}/history")).await.ok();
        assert_eq!(told["event"][0]["action"], "bib.delete", "{path}: {told}");
    }
    house.restore(&house.title.mms).await;
    assert_eq!(house.doors().await, doors);

    house.delete(&format!("{}?representations=delete", house.path(&house.file))).await;
    assert_eq!(house.listed("representation").await, [house.title.rep.as_str()]);
    assert_eq!(house.client.get(&house.bib()).await.status, 200);
    house.restore(&house.title.rep).await;
    assert_eq!(house.doors().await, doors);
}

#[tokio::test]
async fn e6_a_title_whose_identifier_another_one_has_now_is_taken_back_only_when_told_so() {
    let house = House::new().await;
    let mms = &house.title.mms;
    house.delete(&format!("{}?override=true", house.bib())).await;
    let anew = json!({ "record_format": { "value": "dc" }, "anies": [crate::walk::DC] });
    let anew = text(&house.client.post("/bibs", anew).await.ok(), "mms_id");
    let refused = house.act(mms, "restore").await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    let problem = refused.json();
    assert_eq!(problem["type"], "urn:vitrine:problem:identifier-taken");
    assert!(text(&problem, "detail").contains(&anew), "{problem}");
    let back = house.act(mms, "restore&override=true").await.ok();
    assert_eq!(back["status"]["value"], "RESTORED", "{back}");
    let found = house.client.get("/bibs?isbn=0142437247").await.ok();
    assert_eq!(found["bib"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn e6_a_purge_that_is_asked_for_leaves_neither_bytes_nor_words_and_takes_along_what_was_deleted_before()
{
    let house = House::new().await;
    let Title { mms, rep, .. } = &house.title;
    let apart = house.add("secret name.pdf", &crate::walk::pdf(1)).await;
    let structure = json!({ "range": [{ "label": "Chapter", "file": [house.file] }] });
    house.client.put(&format!("{}/structure", house.form()), structure).await.ok();
    let (first, second) = (house.stored(&house.file).await, house.stored(&apart).await);
    let read = second.fulltext.key().expect("the text of a document");
    assert!(house.app.objects.head(Bucket::Derivatives, read, None).await.unwrap().is_some());
    house.delete(&house.path(&apart)).await;
    house.delete(&format!("{}?override=true", house.bib())).await;
    let started = house.act(mms, "purge").await.ok();
    assert_eq!(started["status"]["value"], "PURGING", "{started}");
    assert_eq!(house.act(mms, "purge").await.ok()["status"]["value"], "PURGING", "asked for twice");
    let refused = house.act(mms, "restore").await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()["type"].clone()),
        (409, json!("urn:vitrine:problem:too-late"))
    );
    assert_eq!(house.act(&apart, "restore").await.status, 409);
    for _ in 0..3 {
        house.sweep(0).await;
    }
    for file in [&first, &second] {
        assert!(!house.has_bytes(file).await, "{file:?}");
        let Thumbnail::Ready { images, .. } = &file.thumbnail else { panic!("{file:?}") };
        for key in images.iter().map(|image| image.key.as_str()).chain(file.fulltext.key()) {
            assert_eq!(house.app.objects.head(Bucket::Derivatives, key, None).await.unwrap(), None);
        }
    }
    // Tombstones come last, once nothing can be in flight.
    for _ in 0..4 {
        house.sweep(1).await;
    }
    assert_eq!(house.owed().await, []);
    let bib = house.app.catalog.bib(&mms.parse().unwrap()).await.unwrap().unwrap();
    let form = house.app.catalog.representation(&rep.parse().unwrap()).await.unwrap().unwrap();
    for (kept, words) in [
        (serde_json::to_string(&bib).unwrap(), ["Moby", "0142437247"]),
        (serde_json::to_string(&form).unwrap(), ["Scans", house.policy.as_str()]),
        (serde_json::to_string(&house.stored(&apart).await).unwrap(), ["secret", "sha256"]),
    ] {
        assert!(words.iter().all(|word| !kept.contains(word)), "{kept}");
    }
    let left = house.app.catalog.structure(&rep.parse().unwrap()).await.unwrap().unwrap();
    assert!(left.fields.is_empty(), "{left:?}");
    for file in [&first, &second] {
        assert_eq!(house.app.catalog.fixity(&file.id).await.unwrap(), None);
    }
    for kind in ["bib", "representation", "file"] {
        assert_eq!(house.listed(kind).await, Vec::<String>::new(), "{kind}");
    }
    let seen = house.client.get(&format!("{DELETED}/{mms}")).await.ok();
    assert_eq!(seen["status"]["value"], "PURGED", "{seen}");
    assert_eq!(house.act(mms, "restore").await.status, 409);
    let told = house.client.get(&format!("{}/history", house.bib())).await.ok();
    assert_eq!(told["event"][0]["action"], "bib.purge", "what happened stays: {told}");
}

#[tokio::test]
async fn e6_the_days_are_the_institutions_own_and_then_it_is_too_late() {
    let stack = Stack::with_parameter("KeepDeletedDays", "2");
    let client = stack.client().await;
    let title = title(&client).await;
    upload(&client, &title.rep, "a.png", &red_png()).await;
    settle(&stack.app()).await;
    let file = text(&client.get(&title.files()).await.ok()["representation_file"][0], "pid");
    assert_eq!(client.delete(&format!("{}/{file}", title.files())).await.status, 204);
    let almost = client.later(2 * 86_400 - 60);
    assert_eq!(almost.get(&format!("{DELETED}/{file}")).await.ok()["status"]["value"], "RESTORABLE");
    let over = client.later(2 * 86_400 + 60);
    let seen = over.get(&format!("{DELETED}/{file}")).await.ok();
    assert_eq!((&seen["status"]["value"], seen.get("restorable_until")), (&json!("OVER"), None), "{seen}");
    // The sweep has not come by yet, and it is too late all the same.
    let refused = over.post(&format!("{DELETED}/{file}?op=restore"), Value::Null).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    let app = stack.app();
    let kept = app.catalog.file(&file.parse().unwrap()).await.unwrap().unwrap();
    let content = kept.content.unwrap();
    let there = async || {
        app.objects
            .head(Bucket::Content, &content.key, content.version_id.as_deref())
            .await
            .unwrap()
            .is_some()
    };
    app.sweep(&later(1), &|| true).await.unwrap();
    assert!(there().await);
    for _ in 0..2 {
        app.sweep(&later(3), &|| true).await.unwrap();
    }
    assert!(!there().await);
}

#[tokio::test]
async fn r2_r6_only_who_may_delete_it_in_its_library_takes_it_back_or_purges_it() {
    let house = House::new().await;
    house.client.put("/conf/libraries/LAW", json!({ "name": "Law" })).await.ok();
    let Title { mms, rep, .. } = &house.title;
    let who = async |role: Role, library: Option<&str>, permission: KeyPermission| {
        let grants = [Grant { role, library: library.map(|code| code.parse().unwrap()) }];
        house.client.with_key(Some(&house.client.key_with(&grants, permission).await))
    };
    let own = who(Role::DigitalInventoryOperatorExtended, Some("MAIN"), KeyPermission::ReadWrite).await;
    let other = who(Role::DigitalInventoryOperatorExtended, Some("LAW"), KeyPermission::ReadWrite).await;
    let plain = who(Role::DigitalInventoryOperator, None, KeyPermission::ReadWrite).await;
    let reads = who(Role::DigitalInventoryOperatorExtended, None, KeyPermission::ReadOnly).await;
    let cataloger = who(Role::CatalogerExtended, None, KeyPermission::ReadWrite).await;
    house.delete(&format!("{}?override=true", house.form())).await;
    for (name, client, lists, acts) in [
        ("other", &other, 200, 403),
        ("plain", &plain, 403, 403),
        ("reads", &reads, 200, 403),
        ("cataloger", &cataloger, 200, 403),
    ] {
        let listed = client.get(&format!("{DELETED}?type=representation")).await;
        assert_eq!(listed.status, lists, "{name}: {}", listed.text);
        assert_eq!(client.get(&format!("{DELETED}/{rep}")).await.status, lists, "{name}");
        for op in ["restore", "purge"] {
            let answer = client.post(&format!("{DELETED}/{rep}?op={op}"), Value::Null).await;
            assert_eq!(answer.status, acts, "{name} {op}: {}", answer.text);
        }
    }
    let back = own.post(&format!("{DELETED}/{rep}?op=restore"), Value::Null).await.ok();
    assert_eq!(back["status"]["value"], "RESTORED");
    // A title with representations needs both roles.
    house.delete(&format!("{}?override=true", house.bib())).await;
    for client in [&own, &cataloger] {
        let answer = client.post(&format!("{DELETED}/{mms}?op=restore"), Value::Null).await;
        assert_eq!(answer.status, 403, "{}", answer.text);
    }
    let path = format!("{DELETED}/{mms}?op=restore");
    let stale = house.client.with_json("POST", &path, &Value::Null, &[("if-match", "\"1-j\"")]).await;
    assert_eq!(stale.status, 412);
    house.restore(mms).await;
    for (path, status) in [
        (format!("{DELETED}/{mms}"), 404),
        (format!("{DELETED}/81123"), 404),
        (format!("{DELETED}?type=collection"), 400),
        (format!("{DELETED}?limit=101"), 400),
    ] {
        assert_eq!(house.client.get(&path).await.status, status, "{path}");
    }
    for (path, status) in [
        (format!("{DELETED}/{mms}?op=purge"), 404),
        (format!("{DELETED}/{mms}?op=burn"), 400),
        (format!("{DELETED}/{mms}"), 400),
        (format!("{DELETED}/9900000101?op=restore"), 404),
    ] {
        let answer = house.client.post(&path, Value::Null).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
    }
    // A collection's own record goes with its collection for good.
    let spare = json!({ "name": "Spare", "library": { "value": "MAIN" } });
    let spare = house.client.post("/bibs/collections", spare).await.ok();
    house.delete(&format!("/bibs/collections/{}", text(&spare["pid"], "value"))).await;
    assert_eq!(house.act(&text(&spare["mms_id"], "value"), "restore").await.status, 404);
}

#[tokio::test]
async fn e6_a_page_of_the_list_is_one_query_and_taking_back_costs_the_same_at_any_size() {
    let house = House::new().await;
    let (app, faulty) = house.stack.faulty_app();
    let restored = async || {
        house.delete(&format!("{}?override=true", house.bib())).await;
        faulty.heal();
        let id: DeletedId = house.title.mms.parse().unwrap();
        app.restore(&operator(), &id, false, None).await.unwrap();
        faulty.calls()
    };
    let small = restored().await;
    assert_eq!(small.iter().filter(|call| *call == "DynamoDB.TransactWriteItems").count(), 1, "{small:?}");
    assert_eq!(small.len(), 5, "title, identifier, collections, the change, a message: {small:?}");
    for number in 0..12 {
        let forms = format!("{}/representations", house.bib());
        let rep = text(&house.client.post(&forms, representation("AUXILIARY")).await.ok(), "id");
        upload(&house.client, &rep, &format!("{number}.png"), &red_png()).await;
        settle(&house.app).await;
    }
    assert_eq!(restored().await, small);

    for number in 0..25 {
        let record = json!({ "record_format": { "value": "dc" }, "anies": [format!("<record xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>{number}</dc:title></record>")] });
        let mms = text(&house.client.post("/bibs", record).await.ok(), "mms_id");
        house.delete(&format!("/bibs/{mms}")).await;
    }
    let client = house.stack.client_over(app).await;
    client.get("/permissions").await.ok();
    let (mut titles, mut next) = (Vec::new(), String::new());
    loop {
        faulty.heal();
        let page = client.get(&format!("{DELETED}?limit=10{next}")).await.ok();
        assert_eq!(faulty.calls(), ["DynamoDB.Query"]);
        titles.extend(page["deleted"].as_array().unwrap().iter().map(|it| text(it, "title")));
        match page["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => break,
        }
    }
    let newest_first: Vec<String> = (0..25).rev().map(|number| number.to_string()).collect();
    assert_eq!(titles, newest_first);
}

/// Whether a file is there as a whole, or is going as a whole; never there without its bytes.
async fn is_whole(house: &House, app: &App, id: &str, how: &str) -> bool {
    let file = app.catalog.file(&id.parse::<FileId>().unwrap()).await.unwrap().unwrap();
    match &file.removal {
        None => {
            assert!(house.has_bytes(&file).await, "{how}: it is there and its bytes are gone");
            let Thumbnail::Ready { images, .. } = &file.thumbnail else { panic!("{how}: {file:?}") };
            for image in images {
                let there = app.objects.head(Bucket::Derivatives, &image.key, None).await.unwrap();
                assert!(there.is_some(), "{how}: its picture is gone");
            }
            true
        }
        Some(removal) => {
            assert!(removal.purging_at.is_some(), "{how}: neither there nor going: {removal:?}");
            false
        }
    }
}

#[tokio::test]
async fn b18_a_purge_and_a_restore_that_meet_leave_a_file_whole_or_none_wherever_one_stands() {
    let house = House::new().await;
    let (slow, faulty) = house.stack.faulty_app();
    let id: DeletedId = house.file.parse().unwrap();
    let deleted = async || {
        let file = house.add("b.png", &red_png()).await;
        house.delete(&house.path(&file)).await;
        file
    };
    // A restore that is slow while a purge is asked for and done, and the other way round.
    faulty.heal();
    house.delete(&house.path(&house.file)).await;
    slow.restore(&operator(), &id, false, None).await.unwrap();
    let restoring = faulty.calls().len();
    let until = later(31);
    let (mut back, mut gone) = (0, 0);
    for slow_one_restores in [true, false] {
        let mut number = 0;
        loop {
            let file = deleted().await;
            let id: DeletedId = file.parse().unwrap();
            let how = format!(
                "the one that restores is slow: {slow_one_restores}, and stands before call {number}"
            );
            faulty.heal();
            let held = faulty.hold(number, Moment::Before);
            let reached = async {
                tokio::time::timeout(std::time::Duration::from_secs(5), held.reached()).await.is_ok()
            };
            let stood = if slow_one_restores {
                let slow_one = async { slow.restore(&operator(), &id, false, None).await.is_ok() };
                let quick_one = async {
                    let stood = reached.await;
                    house.app.purge(&operator(), &id, None).await.ok();
                    house.app.sweep(&later(0), &|| true).await.unwrap();
                    held.release();
                    stood
                };
                tokio::join!(slow_one, quick_one).1
            } else {
                let slow_one = async { slow.sweep(&until, &|| true).await.is_ok() };
                let quick_one = async {
                    let stood = reached.await;
                    house.app.restore(&operator(), &id, false, None).await.ok();
                    held.release();
                    stood
                };
                tokio::join!(slow_one, quick_one).1
            };
            faulty.heal();
            if is_whole(&house, &house.app, &file, &how).await {
                back += 1
            } else {
                gone += 1
            }
            number += 1;
            let last = if slow_one_restores { number >= restoring } else { number >= 24 };
            if last || !stood {
                break;
            }
        }
    }
    assert!(back > 0 && gone > 0, "{back} came back, {gone} went");
    for _ in 0..3 {
        house.sweep(32).await;
    }
    assert_eq!(house.owed().await, []);
}
