//! Exports with files: a bag that validates (S18, PRES-1).

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use vitrine_store::objects::Bucket;
use vitrine_testing::fetch_signed;

use super::{counter, everything, export, title};
use crate::imports::Desk;
use crate::peers::validate_bag;
use crate::walk::{DC, sha256, text};

/// Fetches one file of a run's folder through its link into `folder`.
pub async fn fetch(desk: &Desk, job: &str, path: &str, folder: &Path) -> Vec<u8> {
    let encoded: String = path
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let listed = desk.client.get(&format!("/conf/jobs/{job}/files?path={encoded}")).await.ok();
    let (status, bytes) = fetch_signed(&text(&listed["file"][0], "url"));
    assert_eq!(status, 200, "{path}");
    let to = folder.join(path);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::write(to, &bytes).unwrap();
    bytes
}

/// Checks a bag as RFC 8493 says, lets the public tool do the same, and returns the paths of its payload.
async fn check(desk: &Desk, job: &str, folder: &Path) -> Vec<String> {
    let bagit = fetch(desk, job, "bagit.txt", folder).await;
    assert_eq!(bagit, b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
    let paths = manifests(desk, job, folder, 3).await;
    validate_bag(folder);
    paths
}

/// Fetches all that a run's manifests name into `folder`, checks each digest and the sums, and returns the paths.
pub async fn manifests(desk: &Desk, job: &str, folder: &Path, tags_expected: usize) -> Vec<String> {
    let tags = String::from_utf8(fetch(desk, job, "tagmanifest-sha256.txt", folder).await).unwrap();
    assert_eq!(tags.lines().count(), tags_expected);
    for line in tags.lines() {
        let (digest, name) = line.split_once("  ").unwrap();
        assert_eq!(sha256(&fetch(desk, job, name, folder).await), digest, "{name}");
    }
    let manifest = fs::read_to_string(folder.join("manifest-sha256.txt")).unwrap();
    let (mut paths, mut bytes) = (Vec::new(), 0);
    for line in manifest.lines() {
        let (digest, path) = line.split_once("  ").unwrap();
        let path = path.to_owned();
        assert!(path.starts_with("data/") && !path.contains(".."), "{path}");
        let payload = fetch(desk, job, &path, folder).await;
        assert_eq!(sha256(&payload), digest, "{path}");
        bytes += payload.len();
        paths.push(path);
    }
    let info = fs::read_to_string(folder.join("bag-info.txt")).unwrap();
    assert!(info.contains(&format!("Payload-Oxum: {bytes}.{}\n", paths.len())), "{info}");
    paths
}

#[tokio::test]
async fn s18_an_export_with_files_is_a_bag_and_what_has_no_bytes_is_left_out_and_named() {
    let desk = Desk::new().await;
    let (mms, rep) =
        title(&desk, "dc", DC, &[("100% new #1.tif", b"one"), ("ça.tif", b"two"), ("c.tif", b"three")]).await;
    let mut body = everything("JSONL");
    body["include_files"] = json!(true);
    let job = export(&desk, body.clone()).await;
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "{job}");
    assert_eq!(counter(&job, "copied_files"), 3);
    let job = text(&job, "id");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bag");
    let _ = fs::remove_dir_all(&folder);
    let paths = check(&desk, &job, &folder).await;
    assert_eq!(paths.len(), 4);
    assert_eq!(paths[0], format!("data/{job}_000001.jsonl"));
    assert!(
        paths[1].starts_with(&format!("data/files/{mms}/{rep}/")) && paths[1].ends_with("/100_ new #1.tif")
    );
    let line: Value = serde_json::from_str(&fs::read_to_string(folder.join(&paths[0])).unwrap()).unwrap();
    for (file, path) in line["representations"][0]["files"].as_array().unwrap().iter().zip(&paths[1..]) {
        assert_eq!(&text(file, "payload"), path);
    }

    // B14: bytes that are gone from storage are named, and the bag without them still validates.
    let gone = &line["representations"][0]["files"][1];
    let version = gone["version_id"].as_str();
    desk.app.objects.delete_version(Bucket::Content, &text(gone, "path"), version).await.unwrap();
    let job = export(&desk, body).await;
    assert_eq!(job["status"]["value"], "COMPLETED_WITH_ERRORS");
    assert_eq!((counter(&job, "copied_files"), counter(&job, "left_out")), (2, 1));
    let job = text(&job, "id");
    let row = desk.row(&job, 1).await;
    assert_eq!(row["code"], "NO_BYTES");
    assert!(text(&row, "message").contains(&text(gone, "pid")));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bag-left-out");
    let _ = fs::remove_dir_all(&folder);
    assert_eq!(check(&desk, &job, &folder).await.len(), 3);
}
