//! Memory does not grow with the folder.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::desk::Desk;

/// The most memory that a run of this many files took, in KiB, and how long it took.
fn peak(files: u32, again: bool) -> (u64, Duration) {
    let desk = Desk::new();
    for number in 0..files {
        desk.scan(
            &format!("volume-{:03}/page-{number:06}.jp2", number / 1_000),
            format!("page {number}").as_bytes(),
        );
    }
    let args = ["ingest", "scans", "--profile", "7001", "--no-submit", "--parallel", "8"];
    if again {
        desk.run(&args).expect(0);
    }
    let begin = Instant::now();
    let mut child = desk.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(peak);
        thread::sleep(Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(desk.arrived().len(), files as usize);
    (peak, begin.elapsed())
}

/// `cargo test -p vitrine-cli --release -- --ignored --nocapture memory`
#[test]
#[ignore = "100,000 files take minutes"]
fn a_hundred_thousand_files_take_no_more_memory_than_a_thousand() {
    let (small, _) = peak(1_000, false);
    let (large, sending) = peak(100_000, false);
    let (resumed, looking) = peak(100_000, true);
    println!(
        "1,000 files: {small} KiB; 100,000: {large} KiB in {sending:?}; nothing left to send: {resumed} KiB in {looking:?}"
    );
    // The journal's index has 16 bytes a file; names and checksums would be hundreds.
    assert!(large < small + 8 * 1_024 && resumed < small + 8 * 1_024);
}
