//! `vitrine ingest` when nothing goes wrong.

use std::fs;

use crate::desk::Desk;

#[test]
fn a_folder_goes_up_is_submitted_and_reported() {
    let desk = Desk::new();
    desk.scan("values.csv", b"dc:title,file_name_1\nA,hi/p 1.tif\n");
    desk.scan("hi/p 1.tif", b"tiff");
    desk.scan("hi/e\u{301}+&.tif", b"decomposed");
    desk.scan("empty.txt", b"");
    desk.scan(".DS_Store", b"x");
    let ended = desk.ingest(&[]).expect(0);
    assert_eq!(desk.arrived(), ["empty.txt", "hi/e\u{301}+&.tif", "hi/p 1.tif", "values.csv"]);
    assert!(ended.out.contains("COMPLETED_SUCCESS"), "{}", ended.out);
    assert!(ended.out.contains("rows                 2"), "{}", ended.out);
    assert!(ended.err.contains("left out 1 entry (hidden): .DS_Store"), "{}", ended.err);
    assert_eq!(desk.fake.world().dry_runs, [false]);
    // What is done is not gone on with: the next run is another ingest.
    desk.ingest(&[]).expect(0);
    assert_eq!(desk.fake.world().ingests.len(), 2);
}

#[test]
fn large_files_go_in_parts_with_checksums() {
    let desk = Desk::new();
    {
        let mut world = desk.fake.world();
        world.single_bytes = 100_000;
        world.part_bytes = 30_000;
    }
    let large: Vec<u8> = (0..250_001_u32).map(|number| (number * 7 % 251) as u8).collect();
    desk.scan("large.tif", &large);
    desk.scan("small.tif", b"small");
    desk.ingest(&[]).expect(0);
    assert_eq!(desk.arrived(), ["large.tif", "small.tif"]);
    assert_eq!(desk.fake.world().count("PUT /storage"), 10, "nine parts and a file");
}

#[test]
fn many_files_are_asked_for_in_batches_and_in_order() {
    let desk = Desk::new();
    for number in 0..1_203 {
        desk.scan(&format!("{}/{number:05}.jp2", number % 3), format!("page {number}").as_bytes());
    }
    desk.ingest(&["--no-submit", "--parallel", "8"]).expect(0);
    assert_eq!(desk.arrived().len(), 1_203);
    let world = desk.fake.world();
    let asked: Vec<_> =
        world.log.iter().filter(|line| line.starts_with("POST") && line.ends_with("/files")).collect();
    assert_eq!(asked.len(), 5, "50, 100, 200, 400, and the rest");
    assert!(world.dry_runs.is_empty(), "not submitted");
}

#[test]
fn an_upload_without_submit_is_submitted_by_the_next_run_which_sends_nothing() {
    let desk = Desk::new();
    desk.scan("values.csv", b"a");
    desk.scan("1.tif", b"b");
    assert!(desk.ingest(&["--no-submit"]).expect(0).out.contains("has 2 files, not submitted"));
    assert_eq!(desk.fake.world().count("PUT /storage"), 2);
    let ended = desk.ingest(&[]).expect(0);
    assert!(ended.err.contains("2 had arrived before"), "{}", ended.err);
    let world = desk.fake.world();
    assert_eq!((world.count("PUT /storage"), world.ingests.len(), world.dry_runs.len()), (2, 1, 1));
}

#[test]
fn a_dry_run_and_then_the_run_send_each_file_once() {
    let desk = Desk::new();
    desk.fake.world().reopen_after_dry_run = true;
    desk.scan("values.csv", b"a");
    assert!(desk.ingest(&["--dry-run"]).expect(0).out.contains("dry run: nothing was written"));
    desk.ingest(&[]).expect(0);
    let world = desk.fake.world();
    assert_eq!((world.count("PUT /storage"), world.ingests.len()), (1, 1));
    assert_eq!(world.dry_runs, [true, false]);
}

#[test]
fn a_job_with_errors_shows_its_rows_and_ends_with_1() {
    let desk = Desk::new();
    desk.scan("values.csv", b"a");
    {
        let mut world = desk.fake.world();
        world.job_status = "COMPLETED_WITH_ERRORS".to_owned();
        world.job_counters = [("ROWS", 31), ("CREATED", 1), ("FAILED", 30)]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        world.rows = (2..32)
            .map(|number| {
                serde_json::json!({"number": number, "outcome": {"value": "FAILED"}, "code": "bad-row",
                    "message": format!("no title in row {number}\u{1b}[31m")})
            })
            .collect();
    }
    let ended = desk.ingest(&[]).expect(1);
    assert!(ended.out.contains("row 2 failed: no title in row 2 [31m (bad-row)"), "{}", ended.out);
    assert!(ended.out.contains("and 10 more: vitrine job"), "{}", ended.out);
    assert!(ended.out.contains("--report csv -o report.csv"), "{}", ended.out);
    assert!(!ended.out.contains('\u{1b}'));
}

#[test]
fn files_that_only_the_ingest_has_are_named() {
    let desk = Desk::new();
    desk.scan("a.tif", b"a");
    desk.scan("b.tif", b"b");
    desk.ingest(&["--no-submit"]).expect(0);
    fs::remove_file(desk.scans().join("a.tif")).unwrap();
    let ended = desk.ingest(&[]).expect(0);
    assert!(ended.err.contains("1 file in the ingest and not in the folder"), "{}", ended.err);
}

#[test]
fn a_folder_without_the_profiles_metadata_file_is_told_before_anything_is_sent() {
    let desk = Desk::new();
    desk.fake.world().profiles[0]["digital_details"] = serde_json::json!({"file_name_patterns": "*.csv"});
    desk.scan("deep/values.csv", b"a");
    desk.scan("1.tif", b"b");
    let ended = desk.ingest(&[]).expect(4);
    assert!(ended.err.contains("wants a metadata file `*.csv` at the top of `scans`"), "{}", ended.err);
    assert!(desk.fake.world().ingests.is_empty());
    desk.ingest(&["--no-submit"]).expect(0);
    desk.scan("values.csv", b"a");
    desk.ingest(&[]).expect(0);
    assert_eq!(desk.fake.world().ingests.len(), 1);
}

#[test]
fn quiet_says_the_report_and_nothing_else() {
    let desk = Desk::new();
    desk.scan("values.csv", b"a");
    desk.scan(".hidden", b"b");
    let ended = desk.ingest(&["--quiet"]).expect(0);
    assert_eq!(ended.err, "");
    assert!(ended.out.contains("COMPLETED_SUCCESS"), "{}", ended.out);
}
