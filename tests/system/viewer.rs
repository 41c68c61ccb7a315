//! The viewer's page in a real browser, from the gateway that laptops run: every kind of file, no host but ours, nothing serious
//! for who can not see or use a mouse (S3, VIEW-1 to VIEW-7, B48). What is looked for is in `web/test/viewer.mjs`.
//!
//! With `VITRINE_PICTURES` set to a folder, pictures of the pages are left there.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use vitrine_engine::workspace_root;
use vitrine_testing::{Client, Stack};

use crate::peers::Gateway;
use crate::rights::{govern, policy};
use crate::walk::{Title, pdf, representation, settle, text, upload};

/// Runs ffmpeg, which makes the pictures, the sound and the film that are looked at.
fn drawn(folder: &Path, name: &str, arguments: &[&str]) -> Vec<u8> {
    let path = folder.join(name);
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-y"])
        .args(arguments)
        .arg(&path)
        .status();
    assert!(done.unwrap().success(), "ffmpeg made no {name}");
    std::fs::read(path).unwrap()
}

fn page(folder: &Path, number: usize) -> Vec<u8> {
    let picture = format!("color=c=0xf4ecd8:s=600x800,drawgrid=w=60:h={}:c=0x5b4a2f@0.4", 20 + number * 10);
    drawn(folder, &format!("{number}.png"), &["-f", "lavfi", "-i", &picture, "-frames:v", "1"])
}

const HOSTILE: &str = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>\u{202e}\"'&";

/// A title of its own in a collection, with the files given.
async fn shelved(
    stack: &Stack,
    client: &Client,
    collection: &str,
    (name, rights): (&str, &str),
    files: &[(&str, Vec<u8>)],
) -> Title {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let record = format!(
        "<record xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>{0}</dc:title><dc:creator>{0}</dc:creator>\
         <dc:date>1851</dc:date><dc:language>eng</dc:language><dc:description>About {0}.</dc:description>\
         <dc:rights>{1}</dc:rights></record>",
        escaped(name),
        escaped(rights)
    );
    let bib =
        json!({ "record_format": { "value": "dc" }, "suppress_from_publishing": false, "anies": [record] });
    let mms = text(&client.post("/bibs", bib).await.ok(), "mms_id");
    client.post(&format!("/bibs/collections/{collection}/bibs"), json!({ "mms_id": mms })).await.ok();
    let mut body = representation("PRESERVATION_MASTER");
    body["label"] = json!(name);
    let rep = text(&client.post(&format!("/bibs/{mms}/representations"), body).await.ok(), "id");
    for (name, bytes) in files {
        upload(client, &rep, name, bytes).await;
        settle(&stack.app()).await;
    }
    Title { collection: collection.to_owned(), mms, rep }
}

async fn pids(client: &Client, title: &Title) -> Vec<String> {
    let files = client.get(&format!("{}?limit=100", title.files())).await.ok();
    files["representation_file"].as_array().unwrap().iter().map(|file| text(file, "pid")).collect()
}

#[tokio::test]
async fn every_kind_of_file_is_seen_in_a_browser_and_no_host_but_ours_is_asked() {
    let stack = Stack::with_parameter("DefaultAccess", "allow");
    let client = stack.client().await;
    let gateway = Gateway::start(&stack).await;
    let folder: PathBuf = std::env::temp_dir().join(format!("vitrine-viewer-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let collection = client
        .post("/bibs/collections", json!({ "name": "Seen", "library": { "value": "MAIN" } }))
        .await
        .ok();
    let collection = text(&collection["pid"], "value");
    let cc = "https://creativecommons.org/licenses/by/4.0/";
    let shelve = async |name: &str, files: &[(&str, Vec<u8>)]| {
        shelved(&stack, &client, &collection, (name, cc), files).await
    };

    let picture = drawn(&folder, "sea.jpg", &["-f", "lavfi", "-i", "testsrc2=s=1600x1000", "-frames:v", "1"]);
    let image = shelve("The sea", &[("sea.jpg", picture.clone())]).await;
    let names = ["p1.png", "p2.png", "p3.png", "p4.png", "p5.png"];
    let pages: Vec<(&str, Vec<u8>)> =
        names.iter().enumerate().map(|(index, name)| (*name, page(&folder, index + 1))).collect();
    let book = shelve("A book", &pages).await;
    let leaves = pids(&client, &book).await;
    let structure = json!({
        "behavior": { "value": "PAGED" },
        "range": [{ "label": "Loomings", "file": [leaves[2]] }, { "label": "The carpet bag", "file": [leaves[3]] }],
    });
    let path = format!("/bibs/{}/representations/{}/structure", book.mms, book.rep);
    client.put(&path, structure).await.ok();
    let document = shelve("Loomings", &[("whale.pdf", pdf(3))]).await;
    let sound = drawn(&folder, "bell.mp3", &["-f", "lavfi", "-i", "sine=frequency=440:duration=2"]);
    let audio = shelve("A bell", &[("bell.mp3", sound)]).await;
    let film = drawn(
        &folder,
        "film.webm",
        &["-f", "lavfi", "-i", "testsrc2=s=320x180:d=4:r=10", "-c:v", "libvpx", "-deadline", "realtime"],
    );
    let captions = b"WEBVTT\n\n00:00.000 --> 00:02.000\nCall me <i>Ishmael</i>.\n\n00:02.000 --> 00:04.000\nSome years ago &amp; so on\n";
    let video = shelve("A film", &[("film.webm", film), ("film.en.vtt", captions.to_vec())]).await;
    let plain = b"Loomings\n\nCall me Ishmael. Some years ago...\n".repeat(50);
    let text_title = shelve("A text", &[("loomings.txt", plain)]).await;
    let denied = shelve("Not for you", &[("secret.jpg", picture.clone())]).await;
    let rule =
        json!({ "name": "closed", "denied_note": "Ask at the desk.", "default_rule": { "effect": "DENY" } });
    govern(&client, &denied, Some(&policy(&client, rule).await)).await.ok();
    let declared = shelve("After a declaration", &[("map.jpg", picture.clone())]).await;
    let rule = json!({ "name": "declare", "copyright_declaration": "I shall not copy it.", "default_rule": { "effect": "ALLOW" } });
    govern(&client, &declared, Some(&policy(&client, rule).await)).await.ok();
    let seated = shelve("One at a time", &[("rare.jpg", picture.clone())]).await;
    let rule = json!({
        "name": "seat",
        "default_rule": { "effect": "ALLOW", "concurrent_users": 1, "session_minutes": 5 },
    });
    govern(&client, &seated, Some(&policy(&client, rule).await)).await.ok();
    let hostile = shelve(
        HOSTILE,
        &[("\"><img src=x onerror=hacked=1>.jpg", picture), ("&lt;script.txt", b"x".to_vec())],
    )
    .await;
    let hostile_title = text(&client.get(&format!("/bibs/{}", hostile.mms)).await.ok(), "title");

    let at = |title: &Title| format!("{}/view/delivery/VITRINE/{}", gateway.origin, title.rep);
    let host = |address: &str| address.split("://").nth(1).unwrap().to_owned();
    let looked = json!({
        "hosts": [host(&gateway.origin), host(stack.endpoint())],
        "hostileTitle": hostile_title,
        "pages": {
            "image": at(&image), "book": at(&book), "pdf": at(&document), "audio": at(&audio), "video": at(&video),
            "text": at(&text_title), "denied": at(&denied), "hostile": at(&hostile),
            "declared": at(&declared), "seated": at(&seated),
        },
    });
    assert!(workspace_root().join("web/dist/entry").exists(), "build it first: cargo xtask web");
    let node = std::env::var_os("VITRINE_NODE").unwrap_or_else(|| "node".into());
    let done = Command::new(node)
        .arg(workspace_root().join("web/test/viewer.mjs"))
        .env("VITRINE_PAGES", looked.to_string())
        .output()
        .unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(said.matches("seen: ").count(), 13, "{said}");
}

#[tokio::test]
async fn the_page_says_everything_without_a_script_and_nothing_that_is_not_escaped() {
    let stack = Stack::with_parameter("DefaultAccess", "allow");
    let client = stack.client().await;
    let collection = client
        .post("/bibs/collections", json!({ "name": "Plain", "library": { "value": "MAIN" } }))
        .await
        .ok();
    let collection = text(&collection["pid"], "value");
    let files = [("a\"><b>.png", crate::walk::red_png())];
    let title = shelved(&stack, &client, &collection, (HOSTILE, "Ask first"), &files).await;
    let address = format!("/view/delivery/VITRINE/{}", title.rep);
    let anyone = client.with_key(None);
    let html = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let page = anyone.send("GET", &address, &html, String::new()).await;
    assert_eq!(page.status, 200);
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe-inline"), "{policy}");
    for part in ["/content\"", "/download\"", "Ask first", "1851", "Share and cite", "Code to embed"] {
        assert!(page.text.contains(part), "no {part} in {}", page.text);
    }
    for part in ["<script>window", "<img src=x", "<b>.png", "onerror=window.hacked=1>"] {
        assert!(!page.text.contains(part), "{part} in {}", page.text);
    }
    assert_eq!(page.headers["cache-control"], "public, max-age=60");
    let tag = page.headers["etag"].to_str().unwrap();
    let again = anyone.send("GET", &address, &[html[0], ("if-none-match", tag)], String::new()).await;
    assert_eq!(again.status, 304);
    // The same address is JSON for who asks for that, and for `.json` whoever asks.
    let json: Value = anyone.send("GET", &format!("{address}.json"), &html, String::new()).await.ok();
    assert_eq!(json["file"][0]["label"], "a\"><b>.png");
}
