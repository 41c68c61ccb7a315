//! What a manifest, the page and the JSON of a book cost beside its size: calls, bytes and time on this machine.

use std::time::Instant;

use anyhow::{Result, bail};
use vitrine_domain::file::{DigitalFile, MediaFacts, Thumbnail, ThumbnailImage};
use vitrine_testing::Stack;

use crate::registration::seed;
use crate::walk::title;

const PAGES: [usize; 3] = [10, 1_000, 6_000];
/// The least of so many is told.
const RUNS: usize = 5;

/// Asks for each door of books of several sizes and counts what it took.
pub async fn run() -> Result<String> {
    let stack = Stack::with_parameter("DefaultAccess", "allow");
    let (app, counted) = stack.faulty_app();
    let client = stack.client_over(app).await;
    let title = title(&client).await?;
    let anyone = client.with_key(None);
    let mut page =
        String::from("| pages | door | AWS calls | KB sent | ms, least of 5 |\n|---|---|---|---|---|\n");
    let mut there = 0;
    for pages in PAGES {
        seed(&stack.app(), &title, there, pages, pictured).await?;
        there = pages;
        let rep = &title.rep;
        for (door, path, accept) in [
            ("manifest, Presentation 3", format!("/view/iiif/3/VITRINE/{rep}/manifest"), "*/*"),
            ("manifest, Presentation 2.1", format!("/view/iiif/presentation/VITRINE/{rep}/manifest"), "*/*"),
            ("page", format!("/view/delivery/VITRINE/{rep}"), "text/html"),
            ("JSON", format!("/view/delivery/VITRINE/{rep}.json"), "application/json"),
        ] {
            let mut least = f64::INFINITY;
            let mut found = (0, 0);
            for _ in 0..RUNS {
                counted.heal();
                let started = Instant::now();
                let headers = [("accept", accept), ("accept-encoding", "gzip")];
                let answer = anyone.send("GET", &path, &headers, String::new()).await;
                least = least.min(started.elapsed().as_secs_f64() * 1000.0);
                if answer.status != 200 {
                    bail!("{path} answered {} {}", answer.status, answer.text);
                }
                found = (counted.calls().len(), answer.length / 1024);
            }
            let (calls, kilobytes) = found;
            eprintln!("{pages} pages, {door}: {calls} calls");
            page.push_str(&format!("| {pages} | {door} | {calls} | {kilobytes} | {least:.0} |\n"));
        }
    }
    page.push_str(
        "\nBy someone without a credential, through the router, with the engine as the store. A manifest has at most 5,000 canvases \
         and says so; the page and the JSON show a hundred files and where it goes on.\n",
    );
    Ok(page)
}

/// A file as it is once its picture was drawn.
fn pictured(file: DigitalFile) -> DigitalFile {
    let image = |side: u32| ThumbnailImage {
        key: format!("{}/{side}", file.id),
        width: side * 3 / 4,
        height: side,
        mime: "image/jpeg".to_owned(),
        size_bytes: 20_000,
    };
    let thumbnail = Thumbnail::Ready { images: vec![image(200), image(1024)], supplied: false };
    let content = file
        .content
        .clone()
        .map(|content| vitrine_domain::file::Content { mime: "image/jpeg".to_owned(), ..content });
    let facts = MediaFacts { width: Some(3000), height: Some(4000), pages: Some(1), duration_ms: None };
    DigitalFile { file_name: format!("{}.jpg", file.id), thumbnail, content, facts, ..file }
}
