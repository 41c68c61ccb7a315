//! What must never be in a log: keys, tokens, signed addresses, source addresses, the words of users.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;
use vitrine_testing::Stack;

use crate::walk::{red_png, settle, title, upload};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn b42_no_credential_signed_address_or_user_text_is_logged() {
    let captured = Captured::default();
    let log = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::INFO)
        .with_writer(captured.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(log);

    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await;
    upload(&client, &title.rep, "a secret name.png", &red_png()).await;
    settle(&stack.app()).await;
    let key = "vt_wrong-key-in-the-query";
    let anyone = client.with_key(None);
    anyone.get(&format!("/permissions?apikey={key}")).await;
    let forwarded =
        [("x-forwarded-for", "203.0.113.77"), ("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.x")];
    anyone.send("GET", "/almaws/v1/permissions", &forwarded, String::new()).await;
    client.get(&format!("/bibs/{}?note=personal", title.mms)).await;

    let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(text.lines().count() >= 8, "the outcomes are logged: {text}");
    assert!(text.contains("\"http.route\":\"/almaws/v1/bibs/{mms_id}\""), "{text}");
    assert!(text.contains("\"actor\":\"key:51"), "the caller is named by a public id");
    for secret in
        [key, "vt_", "eyJ", "X-Amz", "Signature", "203.0.113.77", "a secret name", "personal", "Moby-Dick"]
    {
        assert!(!text.contains(secret), "`{secret}` is in the log");
    }
}

#[tokio::test]
async fn b42_what_a_client_sends_breaks_no_line_of_the_log_and_leaves_nothing_in_it() {
    let captured = Captured::default();
    let log = tracing_subscriber::fmt().json().with_writer(captured.clone()).finish();
    let _guard = tracing::subscriber::set_default(log);
    let stack = Stack::new();
    let client = stack.client().await;
    let anyone = client.with_key(None).at_address("203.0.113.78");
    let lines = || String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    let before = lines().lines().count();
    let huge = format!("injected{}", "A".repeat(1 << 20));
    let mut sent = 0;
    for who in [&client, &anyone] {
        for path in [
            "/almaws/v1/bibs/99%0D%0A%7B%22level%22:%22injected%22%7D",
            "/almaws/v1/bibs/%1B%5B31minjected?note=%0Ainjected",
            "/almaws/v1/users/injected%00%0A",
            "/view/delivery/VITRINE/injected%0D%0A",
            "/injected%0Anowhere",
        ] {
            for headers in [
                &[("user-agent", "injected\u{1b}[31m"), ("x-request-id", "injected")][..],
                &[("user-agent", huge.as_str()), ("referer", huge.as_str())],
                &[("authorization", "Bearer injected"), ("x-forwarded-for", "injected")],
            ] {
                // What no request may hold never reaches the routes.
                let valid = headers.iter().all(|(_, value)| !value.contains('\u{1b}'));
                if valid {
                    who.send("GET", path, headers, String::new()).await;
                    sent += 1;
                }
            }
        }
    }
    let text = lines();
    assert!(sent >= 20 && text.lines().count() - before >= sent, "one line an outcome");
    for line in text.lines() {
        let event: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(event["level"].is_string() && line.len() < 4_000, "{line}");
    }
    for secret in ["injected", "203.0.113.78", "AAAA"] {
        assert!(!text.contains(secret), "`{secret}` is in the log");
    }
}
