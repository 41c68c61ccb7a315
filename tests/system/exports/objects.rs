//! Exports in an OCFL layout: a storage root as OCFL 1.1 says (S18, PRES-2).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vitrine_domain::Timestamp;
use vitrine_store::objects::Bucket;

use super::bags::{fetch, manifests};
use super::{counter, everything, export, title, written};
use crate::imports::Desk;
use crate::peers::validate_storage_root;
use crate::walk::{DC, sha256, text};

const LAYOUT: &str = "0003-hash-and-id-n-tuple-storage-layout";

/// An export of everything with files in an OCFL layout.
pub fn in_objects(format: &str) -> Value {
    let mut body = everything(format);
    body["include_files"] = json!(true);
    body["layout"] = json!({ "value": "OCFL" });
    body
}

/// Fetches a run's folder by its manifests, checks the storage root in it, lets the public tool do the same, and returns the
/// inventories by id, each with the folder of its object.
pub async fn storage_root(desk: &Desk, job: &Value, name: &str) -> BTreeMap<String, (PathBuf, Value)> {
    let id = text(job, "id");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    let named: BTreeSet<String> = manifests(desk, &id, &folder, 2).await.into_iter().collect();
    assert!(!folder.join("bagit.txt").exists());
    // Storage holds what the manifest names and nothing else.
    let prefix = format!("exports/{id}/");
    let (mut stored, mut next) = (BTreeSet::new(), None);
    loop {
        let objects = &desk.app.objects;
        let listed = objects
            .list_folder(Bucket::Published, &format!("{prefix}data/"), false, next.as_deref(), 1000)
            .await
            .unwrap();
        stored.extend(listed.objects.into_iter().map(|it| it.key.strip_prefix(&prefix).unwrap().to_owned()));
        next = listed.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(stored, named);

    let root = folder.join("data");
    assert_eq!(fs::read(root.join("0=ocfl_1.1")).unwrap(), b"ocfl_1.1\n");
    let layout = read_json(&root.join("ocfl_layout.json"));
    assert_eq!(layout["extension"], LAYOUT);
    assert!(layout["description"].is_string());
    let config = read_json(&root.join("extensions").join(LAYOUT).join("config.json"));
    let expected =
        json!({ "extensionName": LAYOUT, "digestAlgorithm": "sha256", "tupleSize": 3, "numberOfTuples": 3 });
    assert_eq!(config, expected);
    let mut others = names(&root);
    for known in ["0=ocfl_1.1", "ocfl_layout.json", "extensions"] {
        assert!(others.remove(known));
    }
    let mut found = BTreeMap::new();
    for one in others {
        objects_below(&root, &root.join(one), &mut found);
    }
    validate_storage_root(&root);
    found
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Every folder is an object's, or holds folders alone and at least one (E072, E073, E084, E085).
fn objects_below(root: &Path, folder: &Path, found: &mut BTreeMap<String, (PathBuf, Value)>) {
    let below = names(folder);
    if below.iter().any(|name| name.starts_with("0=")) {
        let inventory = object(root, folder);
        let id = text(&inventory, "id");
        assert!(found.insert(id, (folder.to_owned(), inventory)).is_none());
        return;
    }
    assert!(!below.is_empty(), "{folder:?}");
    for name in below {
        assert!(folder.join(&name).is_dir(), "{name} is in no object");
        objects_below(root, &folder.join(name), found);
    }
}

fn object(root: &Path, folder: &Path) -> Value {
    let expected = ["0=ocfl_object_1.1", "inventory.json", "inventory.json.sha256", "v1"];
    assert_eq!(names(folder), expected.map(str::to_owned).into());
    assert_eq!(fs::read(folder.join("0=ocfl_object_1.1")).unwrap(), b"ocfl_object_1.1\n");
    let version = folder.join("v1");
    assert_eq!(
        names(&version),
        ["content", "inventory.json", "inventory.json.sha256"].map(str::to_owned).into()
    );
    let bytes = fs::read(folder.join("inventory.json")).unwrap();
    assert_eq!(fs::read(version.join("inventory.json")).unwrap(), bytes);
    for place in [folder, &version] {
        let sidecar = fs::read_to_string(place.join("inventory.json.sha256")).unwrap();
        assert_eq!(sidecar, format!("{} inventory.json\n", sha256(&bytes)));
    }
    let inventory: Value = serde_json::from_slice(&bytes).unwrap();
    let keys = |it: &Value| it.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let expected = ["digestAlgorithm", "head", "id", "manifest", "type", "versions"];
    assert_eq!(keys(&inventory), expected.map(str::to_owned).into());
    assert_eq!(inventory["type"], "https://ocfl.io/1.1/spec/#inventory");
    assert_eq!((&inventory["digestAlgorithm"], &inventory["head"]), (&json!("sha256"), &json!("v1")));
    assert_eq!(keys(&inventory["versions"]), ["v1".to_owned()].into());
    let v1 = &inventory["versions"]["v1"];
    text(v1, "created").parse::<Timestamp>().unwrap();
    assert!(v1["message"].is_string() && v1["user"]["name"].is_string());
    assert!(text(&v1["user"], "address").starts_with("http"));

    // The manifest names every file of the content with its digest, and the version's state the same files (E023, E107, E050).
    let mut held = BTreeMap::new();
    files_below(&version.join("content"), String::new(), &mut held);
    let by_path = |it: &Value, prefix: &str| -> BTreeMap<String, String> {
        let all = it.as_object().unwrap().iter().flat_map(|(digest, paths)| {
            assert!(!paths.as_array().unwrap().is_empty());
            paths.as_array().unwrap().iter().map(|path| {
                let path = path.as_str().unwrap();
                assert!(path.split('/').all(|part| !["", ".", ".."].contains(&part)), "{path}");
                (path.strip_prefix(prefix).unwrap().to_owned(), digest.clone())
            })
        });
        let all: Vec<_> = all.collect();
        let unique: BTreeMap<_, _> = all.iter().cloned().collect();
        assert_eq!(unique.len(), all.len());
        unique
    };
    assert_eq!(by_path(&inventory["manifest"], "v1/content/"), held);
    assert_eq!(by_path(&v1["state"], ""), held);

    // E083: where it is follows from its id.
    let place = place_of(&text(&inventory, "id"));
    assert_eq!(folder.strip_prefix(root).unwrap(), Path::new(&place));
    inventory
}

/// The digests of all files by their paths; no folder is empty (E024).
fn files_below(folder: &Path, path: String, found: &mut BTreeMap<String, String>) {
    let below = names(folder);
    assert!(!below.is_empty(), "{folder:?}");
    for name in below {
        let to = folder.join(&name);
        if to.is_dir() {
            files_below(&to, format!("{path}{name}/"), found);
        } else {
            found.insert(format!("{path}{name}"), sha256(&fs::read(to).unwrap()));
        }
    }
}

/// The inventory of a title's object, asked for by its path.
pub async fn inventory(desk: &Desk, job: &Value, mms: &str) -> Value {
    let id = format!("oai:alma.VITRINE:{mms}");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ocfl-inventory");
    let bytes =
        fetch(desk, &text(job, "id"), &format!("data/{}/inventory.json", place_of(&id)), &folder).await;
    serde_json::from_slice(&bytes).unwrap()
}

/// Where an object is, by the layout.
fn place_of(id: &str) -> String {
    let digest = sha256(id.as_bytes());
    let name: String = id.replace(':', "%3a").replace('.', "%2e");
    format!("{}/{}/{}/{name}", &digest[..3], &digest[3..6], &digest[6..9])
}

/// The paths of an inventory's state.
pub fn paths(inventory: &Value) -> BTreeSet<String> {
    let state = inventory["versions"]["v1"]["state"].as_object().unwrap();
    let all = state.values().flat_map(|paths| paths.as_array().unwrap());
    all.map(|path| path.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pres2_an_export_in_objects_is_an_ocfl_storage_root_of_what_came_along() {
    let desk = Desk::new().await;
    let files: &[(&str, &[u8])] =
        &[("100% new #1.tif", b"same"), ("\u{e7}a.tif", b"same"), ("c.tif", b"three")];
    let (mms, rep) = title(&desk, "dc", DC, files).await;
    let (bare, _) = title(&desk, "dc", DC, &[]).await;
    let body = in_objects("JSONL");
    let job = export(&desk, body.clone()).await;
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "{job}");
    assert_eq!((counter(&job, "written_files"), counter(&job, "copied_files")), (2, 3));
    let found = storage_root(&desk, &job, "ocfl").await;
    let id = |mms: &str| format!("oai:alma.VITRINE:{mms}");
    assert_eq!(found.keys().cloned().collect::<Vec<_>>(), [id(&mms), id(&bare)]);
    let (folder, inventory) = &found[&id(&mms)];
    let submitted =
        desk.app.catalog.job(&text(&job, "id").parse().unwrap()).await.unwrap().unwrap().submitted_at;
    assert_eq!(text(&inventory["versions"]["v1"], "created"), submitted.to_string());
    // Two files with the same bytes are one digest with two paths.
    assert_eq!(inventory["manifest"].as_object().unwrap().len(), 3, "{inventory}");
    assert_eq!(paths(inventory).len(), 4);
    // The record is of this title, and says where each file is.
    let record = fs::read_to_string(folder.join("v1/content/record.jsonl")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(text(&record, "mms_id"), mms);
    for (file, (name, bytes)) in record["representations"][0]["files"].as_array().unwrap().iter().zip(files) {
        let path = text(file, "payload");
        let name = name.replace('%', "_");
        assert_eq!(path, format!("files/{rep}/{}/{name}", text(file, "pid")));
        assert_eq!(fs::read(folder.join("v1/content").join(path)).unwrap(), *bytes);
    }
    assert_eq!(paths(&found[&id(&bare)].1), ["record.jsonl".to_owned()].into());
    // What the run wrote is listed title by title.
    let listed = written(&desk.client, &job).await;
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|(name, _)| name.ends_with("/v1/content/record.jsonl")), "{listed:?}");

    // B14: bytes that are gone are named, and are in no inventory.
    let gone = &record["representations"][0]["files"][1];
    let version = gone["version_id"].as_str();
    desk.app.objects.delete_version(Bucket::Content, &text(gone, "path"), version).await.unwrap();
    let job = export(&desk, in_objects("MARCXML")).await;
    assert_eq!(job["status"]["value"], "COMPLETED_WITH_ERRORS");
    assert_eq!((counter(&job, "copied_files"), counter(&job, "left_out")), (2, 1));
    let row = desk.row(&text(&job, "id"), 1).await;
    assert_eq!(row["code"], "NO_BYTES");
    let found = storage_root(&desk, &job, "ocfl-left-out").await;
    let held = paths(&found[&id(&mms)].1);
    assert_eq!(held.len(), 3);
    assert!(held.contains("record.xml") && !held.contains(&text(gone, "payload")), "{held:?}");

    // Records alone are objects too, and of nothing there is a storage root without any.
    let mut body = in_objects("CSV");
    body["include_files"] = json!(false);
    let job = export(&desk, body).await;
    let found = storage_root(&desk, &job, "ocfl-records").await;
    let expected = BTreeSet::from(["record.csv".to_owned()]);
    assert!(found.len() == 2 && found.values().all(|(_, one)| paths(one) == expected));
    let mut body = in_objects("DC_XML");
    body["changed_since"] = json!("2999-01-01T00:00:00Z");
    let job = export(&desk, body).await;
    assert_eq!(job["status"]["value"], "COMPLETED_NO_BULKS", "{job}");
    assert!(storage_root(&desk, &job, "ocfl-nothing").await.is_empty());
}
