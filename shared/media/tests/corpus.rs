//! Public odd and broken files through the real limited child (reliability.md B53-B55, E.4).
//!
//! `infra/xtask/corpus.py` fetches them. Whatever a file is, its outcome has a name; the parent outlives all of them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use vitrine_media::{FailureCode, ThumbnailOutcome, Tools};

/// Source: issue 2 and reliability.md E.4.
const FEWEST_FILES: usize = 500;
const RSS_BOUND: u64 = 512 << 20;

fn corpus() -> PathBuf {
    match std::env::var_os("VITRINE_CORPUS") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.vitrine/corpus"),
    }
}

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files_under(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

/// What is printed and counted: the class, and for a failure its code.
fn class_of(outcome: &ThumbnailOutcome) -> &'static str {
    match outcome {
        ThumbnailOutcome::Made { facts, .. } if facts.damage.is_some() => "MADE_DAMAGED",
        ThumbnailOutcome::Made { .. } => "MADE",
        ThumbnailOutcome::Unsupported { .. } => "UNSUPPORTED",
        ThumbnailOutcome::Failed { code, .. } => code.as_str(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_public_file_ends_in_a_named_outcome_and_no_decoder_dies() {
    let folder = corpus();
    if !folder.join("complete.json").exists() {
        let how = format!(
            "the public files are not in {}: `python3 infra/xtask/corpus.py` fetches them",
            folder.display()
        );
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{how}");
        eprintln!("skipped: {how}");
        return;
    }
    let mut files = Vec::new();
    files_under(&folder.join("files"), &mut files);
    files.sort();
    let total = files.len();
    assert!(total >= FEWEST_FILES, "{total} files");
    // LibreOffice would take minutes for the office documents; office.rs tries it.
    let tools = Tools { soffice: None, ..common::tools() };
    let queue = Mutex::new(files.into_iter());
    let seen: Mutex<BTreeMap<&'static str, usize>> = Mutex::default();
    let wrong: Mutex<Vec<String>> = Mutex::default();
    let work = async || {
        let out = tempfile::tempdir().unwrap();
        loop {
            let Some(file) = queue.lock().unwrap().next() else { return };
            let outcome = common::thumbnail_of(&file, out.path(), 200, &tools).await;
            let class = class_of(&outcome);
            *seen.lock().unwrap().entry(class).or_default() += 1;
            if std::env::var_os("VITRINE_CORPUS_LIST").is_some() {
                eprintln!("{}: {outcome:?}", file.display());
            }
            if let ThumbnailOutcome::Failed { code, reason, .. } = outcome
                && matches!(code, FailureCode::ThumbCrash | FailureCode::ThumbIo)
            {
                wrong.lock().unwrap().push(format!("{}: {class}: {reason}", file.display()));
            }
        }
    };
    tokio::join!(work(), work(), work());
    let seen = seen.into_inner().unwrap();
    let peak = common::largest_child();
    eprintln!("{total} public files: {seen:?}; largest child {} MiB", peak >> 20);
    assert_eq!(seen.values().sum::<usize>(), total);
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} files killed their decoder:\n{}", wrong.len(), wrong.join("\n"));
    assert!(peak <= RSS_BOUND, "a child held {peak} bytes");
}
