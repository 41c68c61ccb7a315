//! Browser forms: what is posted must be what the policy says.

use vitrine_domain::Timestamp;
use vitrine_store::objects::{Bucket, SignedForm};
use vitrine_testing::Stack;

use super::{agent, upload_to};

const BOUNDARY: &str = "a-boundary-that-no-field-holds";

/// Posts the form as a browser does and returns the status.
fn post(form: &SignedForm, change: impl Fn(&str, &str) -> Option<String>, file: &[u8]) -> u16 {
    let mut body = Vec::new();
    for (name, value) in &form.fields {
        let value = change(name, value).unwrap_or_else(|| value.clone());
        let field =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(field.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
         Content-Type: text/plain\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let post =
        agent().post(&form.url).header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    post.send(&body[..]).unwrap().status().as_u16()
}

#[tokio::test]
async fn a_form_takes_only_what_its_policy_names() {
    let stack = Stack::new();
    let app = stack.app();
    let key = "intent/1 + é";
    let mut upload = upload_to(&app, key, b"hello");
    // Without a checksum, so that the size alone decides.
    upload.declared.sha256 = None;
    let form = app.objects.presign_form(&upload, 3, 5, Timestamp::now()).await.unwrap();
    let as_it_is = |_: &str, _: &str| None;
    let there = || app.objects.head(Bucket::Incoming, key, None);

    assert!((400..500).contains(&post(&form, as_it_is, b"he")), "too small");
    assert!((400..500).contains(&post(&form, as_it_is, b"hello!")), "too large");
    let other_key = |name: &str, _: &str| (name == "key").then(|| "intent/2".to_owned());
    assert_eq!(post(&form, other_key, b"hello"), 403, "another key");
    let other_type = |name: &str, _: &str| (name == "Content-Type").then(|| "text/html".to_owned());
    assert_eq!(post(&form, other_type, b"hello"), 403, "another type");
    assert_eq!(there().await.unwrap(), None);

    assert_eq!(post(&form, as_it_is, b"hello"), 201);
    assert_eq!(there().await.unwrap().unwrap().size_bytes, 5);
    assert_eq!(app.objects.read_small(Bucket::Incoming, key, 100).await.unwrap(), b"hello");
}
