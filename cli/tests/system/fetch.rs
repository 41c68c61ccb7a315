//! `vitrine fetch`: a bag arrives whole, goes on where it was, and what is not the manifest's is refused.

use std::fs;

use crate::desk::Desk;
use crate::fake::{Fault, sha256};

/// A desk whose repository has a job that wrote a bag of these files.
fn desk(payload: &[(&str, &[u8])]) -> (Desk, String) {
    let desk = Desk::new();
    desk.scan("values.csv", b"a");
    desk.ingest(&[]).expect(0);
    let job = {
        let mut world = desk.fake.world();
        let bytes: usize = payload.iter().map(|(_, bytes)| bytes.len()).sum();
        let manifest: String =
            payload.iter().map(|(path, bytes)| format!("{}  {path}\n", sha256(bytes))).collect();
        let info = format!("Payload-Oxum: {bytes}.{}\n", payload.len());
        let bagit = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
        let tags =
            [("bag-info.txt", info), ("bagit.txt", bagit.to_owned()), ("manifest-sha256.txt", manifest)];
        let tag_manifest: String =
            tags.iter().map(|(name, text)| format!("{}  {name}\n", sha256(text.as_bytes()))).collect();
        world.bag.insert("tagmanifest-sha256.txt".to_owned(), tag_manifest.into_bytes());
        for (name, text) in tags {
            world.bag.insert(name.to_owned(), text.into_bytes());
        }
        for (path, bytes) in payload {
            world.bag.insert((*path).to_owned(), bytes.to_vec());
        }
        world.ingests.values().next().unwrap().job.clone().unwrap()
    };
    // Looked at once, the fake's job has ended.
    desk.run(&["job", &job, "--follow"]).expect(0);
    (desk, job)
}

/// The storage's answers so far.
fn fetched(desk: &Desk) -> usize {
    desk.fake.world().count("GET /storage/")
}

#[test]
fn a_bag_arrives_whole_and_is_not_fetched_twice() {
    let large = vec![7_u8; 700_000];
    let payload: &[(&str, &[u8])] = &[
        ("data/1_000001.jsonl", b"{}\n"),
        ("data/files/9/\u{e7}a 1.tif", &large),
        ("data/files/9/b.tif", b""),
    ];
    let (desk, job) = desk(payload);
    let told = desk.run(&["fetch", &job, "bag"]).expect(0);
    assert!(told.out.starts_with("3 files of 683.60 KiB in `bag`; each has"), "{}", told.out);
    let bag = desk.home.path().join("bag");
    for (path, bytes) in payload {
        assert_eq!(fs::read(bag.join(path)).unwrap(), *bytes, "{path}");
    }
    let names: Vec<_> = fs::read_dir(&bag).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 5, "nothing is left aside: {names:?}");

    // What is damaged meanwhile is fetched again, and nothing else but the list of lists.
    let before = fetched(&desk);
    fs::write(bag.join("data/files/9/b.tif"), b"x").unwrap();
    let told = desk.run(&["fetch", &job, "bag"]).expect(0);
    assert!(told.out.contains("2 of them here already"), "{}", told.out);
    assert_eq!(fetched(&desk) - before, 2);
    assert_eq!(fs::read(bag.join("data/files/9/b.tif")).unwrap(), b"");
}

#[test]
fn a_storage_root_arrives_under_the_names_that_it_has() {
    let payload: &[(&str, &[u8])] = &[
        ("data/0=ocfl_1.1", b"ocfl_1.1\n"),
        ("data/7a9/81c/6d5/oai%3aalma%2eVITRINE%3a99/v1/content/record.xml", b"<x/>"),
    ];
    let (desk, job) = desk(payload);
    desk.run(&["fetch", &job, "root"]).expect(0);
    for (path, bytes) in payload {
        assert_eq!(fs::read(desk.home.path().join("root").join(path)).unwrap(), *bytes, "{path}");
    }
}

#[test]
fn a_file_that_broke_off_goes_on_where_it_was() {
    let large: Vec<u8> = (0..900_000_u32).map(|number| number as u8).collect();
    let (desk, job) = desk(&[("data/a.tif", &large)]);
    // The fifth answer of the storage is the payload: the tags come first.
    for (fault, times) in [(Fault::HalfAnswer, 1), (Fault::Status(503, None), 1), (Fault::Drop, 1)] {
        desk.fake.fail("GET /storage/", fault, times);
    }
    desk.run(&["fetch", &job, "bag", "--parallel", "1"]).expect(0);
    assert_eq!(fs::read(desk.home.path().join("bag/data/a.tif")).unwrap(), large);

    // A beginning of other bytes is not kept, nor one that is too long.
    for begun in [vec![1_u8; 1000], vec![1; 2_000_000]] {
        fs::remove_file(desk.home.path().join("bag/data/a.tif")).unwrap();
        let aside = format!("bag/.{}.part", sha256(b"data/a.tif"));
        fs::write(desk.home.path().join(aside), begun).unwrap();
        desk.run(&["fetch", &job, "bag"]).expect(0);
        assert_eq!(fs::read(desk.home.path().join("bag/data/a.tif")).unwrap(), large);
    }
}

#[test]
fn bytes_that_are_not_the_manifests_and_paths_outside_the_folder_are_refused() {
    let (desk, job) = desk(&[("data/a.tif", b"right")]);
    desk.fake.world().bag.insert("data/a.tif".to_owned(), b"wrong".to_vec());
    let ended = desk.run(&["fetch", &job, "bag", "--retries", "1"]).expect(5);
    assert!(ended.err.contains("`data/a.tif` does not have the bytes"), "{}", ended.err);
    assert!(!desk.home.path().join("bag/data/a.tif").exists());

    let (desk, job) = self::desk(&[("data/../../outside", b"x")]);
    let ended = desk.run(&["fetch", &job, "bag"]).expect(4);
    assert!(ended.err.contains("which is not fetched"), "{}", ended.err);
    assert!(!desk.home.path().join("outside").exists());

    desk.run(&["fetch", "77", "bag"]).expect(4);
}
