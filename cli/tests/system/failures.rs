//! The network and the service fail; addresses expire; files change under our hands.

use std::net::TcpListener;

use crate::desk::Desk;
use crate::fake::Fault;

const INGEST: &str = "POST /almaws/v1/conf/md-import-profiles/7001/ingests";

#[test]
fn connections_that_break_and_services_that_are_busy_are_tried_again() {
    let desk = Desk::new();
    for number in 0..6 {
        desk.scan(&format!("{number}.tif"), format!("page {number}").repeat(5_000).as_bytes());
    }
    desk.fake.fail("PUT /storage", Fault::Cut, 2);
    desk.fake.fail("PUT /storage", Fault::Drop, 1);
    desk.fake.fail("PUT /storage", Fault::Status(503, Some(0)), 2);
    desk.fake.fail("PUT /storage", Fault::LoseAnswer, 1);
    desk.fake.fail("GET /almaws/v1/conf", Fault::Drop, 1);
    desk.fake.fail("GET /almaws/v1/conf", Fault::Status(429, Some(0)), 1);
    desk.fake.fail(INGEST, Fault::Status(500, None), 1);
    desk.fake.fail(INGEST, Fault::Status(409, None), 1);
    desk.fake.fail("PUT /storage", Fault::Status(409, Some(0)), 1);
    desk.fake.fail("GET /almaws/v1/conf/jobs", Fault::Status(502, Some(0)), 2);
    desk.ingest(&[]).expect(0);
    assert_eq!(desk.arrived().len(), 6);
}

#[test]
fn addresses_that_expired_are_asked_anew() {
    let desk = Desk::new();
    desk.fake.world().single_bytes = 5_000;
    desk.fake.world().part_bytes = 5_000;
    for number in 0..6 {
        desk.scan(&format!("{number}.tif"), b"page");
    }
    desk.scan("large.tif", &vec![3; 18_000]);
    desk.fake.fail("PUT /storage", Fault::Expired, 5);
    desk.ingest(&[]).expect(0);
    assert_eq!(desk.arrived().len(), 7);
}

#[test]
fn a_signature_that_is_never_accepted_ends_it() {
    let desk = Desk::new();
    desk.scan("1.tif", b"page");
    desk.fake.fail("PUT /storage", Fault::Expired, 1_000);
    let ended = desk.ingest(&[]).expect(4);
    assert!(ended.err.contains("refuses the signed address (HTTP 403 AccessDenied)"), "{}", ended.err);
}

#[test]
fn a_submit_whose_answer_is_lost_is_submitted_once() {
    let desk = Desk::new();
    desk.scan("values.csv", b"a");
    desk.fake.world().reopen_after_dry_run = true;
    // Not the first job of the ingest: it is not taken for the one that was asked for.
    desk.ingest(&["--dry-run"]).expect(0);
    let id = desk.fake.world().ingests.keys().next().unwrap().clone();
    desk.fake.fail(&format!("{INGEST}/{id}"), Fault::Status(503, None), 1);
    desk.fake.fail(&format!("{INGEST}/{id}"), Fault::LoseAnswer, 1);
    assert!(!desk.ingest(&[]).expect(0).out.contains("dry run"));
    assert_eq!(desk.fake.world().dry_runs, [true, false]);
}

#[test]
fn a_large_file_whose_end_is_not_known_counts_as_arrived_next_time() {
    let desk = Desk::new();
    desk.fake.world().single_bytes = 5_000;
    desk.fake.world().part_bytes = 6_000;
    desk.scan("large.tif", &vec![3; 18_000]);
    desk.ingest(&["--no-submit"]).expect(0);
    // What S3 called it is not in the journal: it is computed from the parts.
    let ended = desk.ingest(&[]).expect(0);
    assert!(ended.err.contains("1 had arrived before"), "{}", ended.err);
    assert_eq!(desk.fake.world().count("PUT /storage"), 3);
}

#[test]
fn nobody_at_the_other_end_is_5() {
    let desk = Desk::new();
    desk.scan("1.tif", b"page");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let ended = desk.ingest(&["--url", &url, "--retries", "1"]).expect(5);
    assert!(ended.err.contains("does not answer"), "{}", ended.err);
}

#[test]
fn storage_that_stays_away_is_5_and_the_next_run_goes_on() {
    let desk = Desk::new();
    desk.scan("1.tif", b"page");
    desk.fake.fail("PUT /storage", Fault::Status(500, Some(0)), 3);
    desk.ingest(&["--retries", "2"]).expect(5);
    desk.ingest(&[]).expect(0);
    assert_eq!(desk.fake.world().ingests.len(), 1);
}

#[test]
fn an_answer_that_is_none_is_told_as_such() {
    let desk = Desk::new();
    desk.scan("1.tif", b"page");
    desk.fake.fail("GET /almaws/v1/conf/md-import-profiles", Fault::Nonsense, 1);
    assert!(desk.ingest(&[]).expect(4).err.contains("not JSON"));
    desk.fake.fail("GET /almaws/v1/conf/md-import-profiles", Fault::Status(302, None), 1);
    assert!(desk.ingest(&[]).expect(4).err.contains("leads elsewhere"));
}

#[test]
fn refusals_are_3_and_unknown_things_are_4() {
    let desk = Desk::new();
    desk.scan("1.tif", b"page");
    let args = ["ingest", "scans", "--profile", "scanned-books"];
    let child = desk.command(&args).env("VITRINE_API_KEY", "wrong").spawn().unwrap();
    assert!(desk.end(child).expect(3).err.contains("is not accepted"));
    desk.fake.fail(INGEST, Fault::Status(403, None), 1);
    desk.ingest(&[]).expect(3);
    assert!(desk.run(&["ingest", "scans", "-p", "nobody's"]).expect(4).err.contains("no import profile"));
    desk.run(&["job", "1"]).expect(4);
    desk.run(&["job", "../x"]).expect(4);
    desk.run(&["ingest", "nowhere", "-p", "7001"]).expect(4);
    desk.run(&["ingest", "."]).expect(2);
    desk.run(&["ingest", "scans", "-p", "7001", "--parallel", "0"]).expect(2);
}

#[test]
fn an_empty_folder_and_names_that_can_not_be_sent_are_told_before_anything_happens() {
    let desk = Desk::new();
    assert!(desk.ingest(&[]).expect(4).err.contains("no files"));
    desk.scan("a\\b.tif", b"x");
    desk.scan("c\nd.tif", b"x");
    let ended = desk.ingest(&[]).expect(4);
    assert!(ended.err.contains("a\\b.tif") && ended.err.contains("c d.tif"), "{}", ended.err);
    assert!(desk.fake.world().ingests.is_empty());
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_sent_again() {
    let desk = Desk::new();
    desk.scan("1.tif", b"first");
    desk.fake.hold_after(Some(0));
    let child = desk.start(&["ingest", "scans", "--profile", "7001"]);
    desk.fake.wait_until_held(1);
    desk.scan("1.tif", b"second, and longer");
    desk.fake.hold_after(None);
    let ended = desk.end(child).expect(0);
    assert!(ended.err.contains("`1.tif` changed while it was sent"), "{}", ended.err);
    assert_eq!(desk.arrived(), ["1.tif"]);
}
