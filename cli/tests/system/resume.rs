//! Going on after Ctrl-C, `kill -9`, a lost journal, a changed file.

use std::fs;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::desk::Desk;

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

const COMMAND: &[&str] = &["ingest", "scans", "--profile", "7001", "--parallel", "3"];

fn desk_with_files(files: usize) -> Desk {
    let desk = Desk::new();
    for number in 0..files {
        desk.scan(&format!("{number:03}.tif"), format!("page {number}").as_bytes());
    }
    desk
}

#[test]
fn ctrl_c_ends_with_130_and_the_next_run_sends_the_rest_only() {
    let desk = desk_with_files(40);
    desk.fake.hold_after(Some(17));
    let child = desk.start(COMMAND);
    desk.fake.wait_until_held(3);
    signal(&child, Signal::INT);
    let ended = desk.end(child).expect(130);
    assert!(ended.err.contains("goes on where it was"), "{}", ended.err);
    desk.fake.release();
    let ended = desk.run(COMMAND).expect(0);
    assert!(ended.err.contains("going on with ingest"), "{}", ended.err);
    assert_eq!(desk.arrived().len(), 40);
    let world = desk.fake.world();
    assert_eq!((world.ingests.len(), world.dry_runs.len()), (1, 1));
    // Three were on their way: these may have been sent twice, no others.
    let sent = world.count("PUT /storage");
    assert!((40..=43).contains(&sent), "{sent} sent");
}

#[test]
fn kill_9_at_any_file_loses_nothing() {
    let desk = desk_with_files(60);
    for taken in [0, 1, 2, 3] {
        desk.fake.hold_after(Some(taken));
        let mut child = desk.start(COMMAND);
        desk.fake.wait_until_held(1);
        child.kill().unwrap();
        child.wait().unwrap();
        desk.fake.release();
    }
    desk.run(COMMAND).expect(0);
    assert_eq!(desk.arrived().len(), 60);
    let world = desk.fake.world();
    assert_eq!((world.ingests.len(), world.dry_runs.len()), (1, 1));
}

#[test]
fn kill_9_in_a_large_file_goes_on_with_the_parts_that_are_missing() {
    let desk = Desk::new();
    {
        let mut world = desk.fake.world();
        world.single_bytes = 50_000;
        world.part_bytes = 10_000;
    }
    let large: Vec<u8> = (0..200_500_u32).map(|number| (number % 253) as u8).collect();
    desk.scan("large.tif", &large);
    desk.fake.hold_after(Some(8));
    let mut child = desk.start(COMMAND);
    desk.fake.wait_until_held(3);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(desk.fake.world().multiparts.len(), 1);
    desk.fake.release();
    desk.run(COMMAND).expect(0);
    assert_eq!(desk.arrived(), ["large.tif"]);
    let world = desk.fake.world();
    let sent = world.count("PUT /storage");
    assert!((21..=24).contains(&sent), "{sent} parts sent for 21");
    assert_eq!(world.multiparts.len(), 0, "no other was opened");
}

#[test]
fn parts_that_are_gone_are_sent_anew() {
    let desk = Desk::new();
    {
        let mut world = desk.fake.world();
        world.single_bytes = 50_000;
        world.part_bytes = 10_000;
    }
    desk.scan("large.tif", &vec![7; 100_000]);
    desk.fake.hold_after(Some(2));
    let mut child = desk.start(COMMAND);
    desk.fake.wait_until_held(3);
    child.kill().unwrap();
    child.wait().unwrap();
    desk.fake.world().multiparts.clear();
    desk.fake.release();
    desk.run(COMMAND).expect(0);
    assert_eq!(desk.arrived(), ["large.tif"]);
}

#[test]
fn a_file_that_changed_between_the_runs_is_sent_again_and_its_parts_are_given_up() {
    let desk = Desk::new();
    {
        let mut world = desk.fake.world();
        world.single_bytes = 50_000;
        world.part_bytes = 10_000;
    }
    desk.scan("a.tif", b"one");
    desk.scan("b.tif", b"two");
    desk.scan("large.tif", &vec![7; 100_000]);
    desk.fake.hold_after(Some(5));
    let mut child = desk.start(COMMAND);
    desk.fake.wait_until_held(3);
    child.kill().unwrap();
    child.wait().unwrap();
    desk.scan("a.tif", b"ONE");
    desk.scan("large.tif", &vec![8; 90_000]);
    desk.fake.release();
    desk.run(COMMAND).expect(0);
    assert_eq!(desk.arrived(), ["a.tif", "b.tif", "large.tif"]);
    let world = desk.fake.world();
    assert_eq!(world.multiparts.len(), 0, "the parts of the old bytes are given up");
}

#[test]
fn a_lost_journal_costs_reading_and_no_sending() {
    let desk = desk_with_files(9);
    let ended = desk.run(&["ingest", "scans", "--profile", "7001", "--no-submit"]).expect(0);
    let id = ended.out.split_whitespace().nth(1).unwrap().to_owned();
    fs::remove_dir_all(desk.state()).unwrap();
    let ended = desk.run(&["ingest", "scans", "--profile", "7001", "--ingest", &id]).expect(0);
    assert!(ended.err.contains("9 had arrived before"), "{}", ended.err);
    assert_eq!(desk.fake.world().count("PUT /storage"), 9);
}

#[test]
fn a_broken_journal_is_no_obstacle() {
    let desk = desk_with_files(5);
    desk.run(&["ingest", "scans", "--profile", "7001", "--no-submit"]).expect(0);
    for entry in fs::read_dir(desk.state().join("ingests")).unwrap() {
        fs::write(entry.unwrap().path(), b"\xff\x00 not what it was").unwrap();
    }
    desk.run(COMMAND).expect(0);
    assert_eq!(desk.arrived().len(), 5);
}

#[test]
fn an_ingest_that_is_gone_is_begun_anew() {
    let desk = desk_with_files(2);
    desk.run(&["ingest", "scans", "--profile", "7001", "--no-submit"]).expect(0);
    desk.fake.world().ingests.clear();
    let ended = desk.run(COMMAND).expect(0);
    assert!(ended.err.contains("is gone"), "{}", ended.err);
    assert_eq!(desk.arrived().len(), 2);
}

#[test]
fn ctrl_c_while_the_job_runs_leaves_the_report_to_the_next_run() {
    let desk = desk_with_files(2);
    desk.run(&["ingest", "scans", "--profile", "7001", "--no-follow"]).expect(0);
    let ended = desk.run(COMMAND).expect(0);
    assert!(ended.out.contains("COMPLETED_SUCCESS"), "{}", ended.out);
    let world = desk.fake.world();
    assert_eq!((world.ingests.len(), world.dry_runs.len()), (1, 1), "not submitted again");
}

#[test]
fn two_at_once_on_the_same_folder_do_not_mix() {
    let desk = desk_with_files(4);
    desk.fake.hold_after(Some(0));
    let first = desk.start(COMMAND);
    desk.fake.wait_until_held(1);
    let second = desk.run(COMMAND).expect(4);
    assert!(second.err.contains("is at work"), "{}", second.err);
    desk.fake.hold_after(None);
    desk.end(first).expect(0);
}
