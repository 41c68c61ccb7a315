//! The other commands, and where settings come from.

use std::fs;
use std::process::Stdio;

use serde_json::json;

use crate::desk::Desk;
use crate::fake::{Fault, KEY};

const UPLOAD: &[&str] =
    &["upload", "scans/a.tif", "scans/b.tif", "--representation", "1234", "--title", "9912"];

#[test]
fn files_are_uploaded_in_the_order_of_the_arguments() {
    let desk = Desk::new();
    desk.scan("a.tif", b"first");
    desk.scan("b.tif", b"second");
    let ended = desk.run(UPLOAD).expect(0);
    let world = desk.fake.world();
    let names: Vec<_> = world.uploads.values().map(|upload| upload.name.as_str()).collect();
    assert_eq!(names, ["a.tif", "b.tif"]);
    assert!(ended.out.starts_with("file 13") && ended.out.contains("registered: b.tif"), "{}", ended.out);
    assert_eq!(
        fs::read_dir(desk.state().join("uploads")).unwrap().count(),
        0,
        "nothing is left to go on with"
    );
}

#[test]
fn an_upload_whose_answer_was_lost_is_there() {
    let desk = Desk::new();
    desk.scan("a.tif", b"first");
    desk.scan("b.tif", b"second");
    desk.fake.fail("PUT /storage", Fault::LoseAnswer, 1);
    // Asking anew finds the upload registered: its bytes are not sent again.
    desk.run(UPLOAD).expect(0);
    assert_eq!(desk.fake.world().uploads.len(), 2);
}

#[test]
fn an_upload_goes_on_with_the_parts_that_are_missing() {
    let desk = Desk::new();
    desk.fake.world().single_bytes = 10_000;
    desk.fake.world().part_bytes = 10_000;
    let large: Vec<u8> = (0..95_000_u32).map(|number| (number % 249) as u8).collect();
    desk.scan("a.tif", &large);
    let args = ["upload", "scans/a.tif", "-r", "1234", "--parallel", "2"];
    desk.fake.hold_after(Some(4));
    let mut child = desk.start(&args);
    desk.fake.wait_until_held(2);
    child.kill().unwrap();
    child.wait().unwrap();
    desk.fake.release();
    let ended = desk.run(&args).expect(0);
    assert!(ended.err.contains("going on with upload"), "{}", ended.err);
    let world = desk.fake.world();
    assert_eq!(world.uploads.len(), 1);
    assert_eq!(world.uploads.values().next().unwrap().bytes.as_deref(), Some(large.as_slice()));
    assert!((10..=12).contains(&world.count("PUT /storage")), "{}", world.count("PUT /storage"));
}

#[test]
fn refused_bytes_and_another_titles_representation_are_4() {
    let desk = Desk::new();
    desk.scan("a.tif", b"first");
    desk.fake.world().reject_uploads = true;
    let ended = desk.run(&["upload", "scans/a.tif", "-r", "1234"]).expect(4);
    assert!(ended.out.contains("not taken: a.tif: not what was promised"), "{}", ended.out);
    let other = desk.run(&["upload", "scans/a.tif", "-r", "1234", "-t", "77"]).expect(4);
    assert!(other.err.contains("title 77 has no representation 1234"), "{}", other.err);
    desk.run(&["upload", "scans", "-r", "1234"]).expect(4);
    assert_eq!(desk.fake.world().uploads.len(), 1);
}

#[test]
fn a_job_is_shown_its_rows_listed_and_its_report_fetched() {
    let desk = Desk::new();
    desk.scan("values.csv", b"a");
    desk.ingest(&[]).expect(0);
    let job = desk.fake.world().ingests.values().next().unwrap().job.clone().unwrap();
    desk.fake.world().rows = (1..251)
        .map(|number| json!({"number": number, "outcome": {"value": if number % 2 == 0 { "CREATED" } else { "FAILED" }}}))
        .collect();
    let all = desk.run(&["job", &job, "--rows", "all"]).expect(0);
    assert_eq!(all.out.lines().count(), 250);
    let failed = desk.run(&["job", &job, "--rows", "failed"]).expect(0);
    assert_eq!((failed.out.lines().count(), failed.out.lines().last()), (125, Some("row 249 failed")));
    let report = desk.run(&["job", &job, "--report", "csv"]).expect(0);
    assert_eq!(report.out, "row,outcome\r\n1,CREATED\r\n");
    desk.run(&["job", &job, "--report", "csv", "-o", "report.csv"]).expect(0);
    assert_eq!(fs::read_to_string(desk.home.path().join("report.csv")).unwrap(), report.out);
    assert!(desk.run(&["undo", &job]).expect(0).out.contains("COMPLETED_SUCCESS"));
    desk.run(&["job", &job, "-o", "x"]).expect(2);
}

#[test]
fn a_job_is_stopped_its_waiting_rows_decided_and_what_failed_run_again() {
    let desk = Desk::new();
    desk.scan("values.csv", b"a");
    desk.fake.world().job_status = "MANUAL_HANDLING_REQUIRED".to_owned();
    desk.ingest(&[]).expect(1);
    let job = desk.fake.world().ingests.values().next().unwrap().job.clone().unwrap();
    assert!(desk.run(&["cancel", &job]).expect(0).out.contains("stops at its next row"));
    let decided = desk.run(&["decide", &job, "3", "match", "--title", "9912"]).expect(0);
    assert_eq!(decided.out, "row 3 waiting title 9912\n    match, when the job is resubmitted\n");
    assert_eq!(desk.run(&["decide", &job, "4", "discard"]).expect(0).out, "row 4 discarded\n");
    desk.run(&["decide", &job, "5", "match"]).expect(2);
    let decisions = desk.fake.world().decisions.clone();
    let title = Some("9912".to_owned());
    assert_eq!(decisions, [(3, "match".to_owned(), title), (4, "discard".to_owned(), None)]);
    assert!(desk.run(&["resubmit", &job]).expect(0).out.contains("COMPLETED_SUCCESS"));
    assert!(desk.run(&["resubmit", &job]).expect(4).err.contains("nothing is left to resubmit"));
    desk.run(&["cancel", "77"]).expect(4);
}

#[test]
fn an_undo_whose_answer_was_lost_is_not_asked_twice() {
    let desk = Desk::new();
    desk.scan("values.csv", b"a");
    desk.ingest(&[]).expect(0);
    let job = desk.fake.world().ingests.values().next().unwrap().job.clone().unwrap();
    desk.fake.fail("POST /almaws/v1/conf/jobs", Fault::LoseAnswer, 1);
    assert!(desk.run(&["undo", &job]).expect(5).err.contains("look before repeating"));
    assert_eq!(desk.fake.world().count("POST /almaws/v1/conf/jobs"), 1);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let desk = Desk::new();
    desk.scan("values.csv", b"a");
    desk.ingest(&[]).expect(0);
    let job = desk.fake.world().ingests.values().next().unwrap().job.clone().unwrap();
    desk.fake.world().rows =
        (1..3_000).map(|number| json!({"number": number, "outcome": {"value": "CREATED"}})).collect();
    let mut child = desk.command(&["job", &job, "--rows", "all"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    desk.end(child).expect(0);
}

#[test]
fn profiles_are_listed_shown_and_moved() {
    let desk = Desk::new();
    {
        let mut world = desk.fake.world();
        for number in 0..150 {
            world
                .profiles
                .push(json!({"id": format!("{}", 8_000 + number), "name": format!("profile {number}"),
                "created_by": "me", "details": {"name": format!("profile {number}"), "file": "values.csv", "on": [{"value": "A", "desc": "B"}]}}));
        }
    }
    let list = desk.run(&["profile", "list"]).expect(0).out;
    assert_eq!(list.lines().count(), 151);
    assert!(list.starts_with("7001                    CSV      scanned-books\n"), "{list}");
    let shown = desk.run(&["profile", "show", "Profile 149"]).expect(0).out;
    assert!(
        shown.contains("details.file: values.csv\n") && shown.contains("details.on[1]: A (B)\n"),
        "{shown}"
    );
    desk.run(&["profile", "export", "8007", "-o", "p.json"]).expect(0);
    let text = fs::read_to_string(desk.home.path().join("p.json")).unwrap();
    assert_eq!(text.matches("profile 7").count(), 1, "{text}");
    assert!(!text.contains("8007") && !text.contains("created_by"), "{text}");
    let id = desk.run(&["profile", "import", "p.json"]).expect(0).out;
    let world = desk.fake.world();
    assert_eq!(world.profiles.last().unwrap()["id"], id.trim());
    assert_eq!(world.profiles.last().unwrap()["details"]["file"], "values.csv");
    drop(world);
    fs::write(desk.home.path().join("bad.json"), "[1").unwrap();
    desk.run(&["profile", "import", "bad.json"]).expect(4);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let desk = Desk::new();
    let list = ["profile", "list"];
    let write = |name: &str, text: String| {
        let path = desk.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    assert!(desk.end(desk.bare(&list).spawn().unwrap()).expect(2).err.contains("no address"));
    write(
        ".config/vitrine/config.toml",
        format!("url = \"{}\"\napi_key = \"{KEY}\"\nretries = 0\n", desk.fake.url()),
    );
    let from_file = desk.end(desk.bare(&list).spawn().unwrap()).expect(0);
    assert!(from_file.err.contains("other users can read"), "{}", from_file.err);
    desk.end(desk.bare(&list).env("VITRINE_API_KEY", "wrong").spawn().unwrap()).expect(3);
    let flag = ["profile", "list", "--api-key", KEY];
    desk.end(desk.bare(&flag).env("VITRINE_API_KEY", "wrong").spawn().unwrap()).expect(0);
    let other = write("other.toml", "url = \"http://127.0.0.1:1\"\n".to_owned());
    let named = ["profile", "list", "--config", &other];
    assert!(desk.end(desk.bare(&named).spawn().unwrap()).expect(2).err.contains("no API key"));
    let stack = write(
        ".vitrine/stack.json",
        json!({"api_url": desk.fake.url(), "admin_api_key": KEY, "more": 1}).to_string(),
    );
    let stacked = ["profile", "list", "--stack", &stack];
    desk.end(desk.bare(&stacked).env("VITRINE_API_KEY", "wrong").spawn().unwrap()).expect(0);
    desk.end(desk.bare(&["--stack", &stack, "profile", "list", "--api-key", "wrong"]).spawn().unwrap())
        .expect(3);
    // A line that can not be read is not shown: it may be the key's.
    let broken = write("broken.toml", format!("url = 1\napi_key = \"{KEY}\n"));
    desk.end(desk.bare(&["profile", "list", "--config", &broken]).spawn().unwrap()).expect(2);
}

#[test]
fn completions_know_the_commands() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = desk.end(desk.bare(&["completions", shell]).spawn().unwrap()).expect(0).out;
        assert!(script.contains("ingest") && script.contains("dry-run"), "{shell}");
    }
}
