//! What our signed requests allow, checked by an implementation that is not the one that signed them (B38).
//!
//! The engine honours addresses that have expired or were tampered with; S3 does not, and neither does [`super::sigv4`].

use vitrine_domain::Timestamp;
use vitrine_domain::outbox::seconds;
use vitrine_domain::upload::{PART_URL_SECONDS, URL_SECONDS, Upload};
use vitrine_store::objects::{Bucket, Disposition, SignedForm, SignedGet, SignedRequest};
use vitrine_testing::Stack;

use super::sigv4::{Arriving, check, check_form};
use super::upload_to;
use crate::walk::sha256;

/// The engine's one key pair.
const SECRET: &str = "test";

/// The request as a client that does as it is told sends it.
fn arriving(request: &SignedRequest) -> Arriving {
    let host = request.url.split('/').nth(2).unwrap().to_owned();
    let mut headers = vec![("host".to_owned(), host)];
    headers.extend(request.headers.iter().cloned());
    Arriving { method: request.method.clone(), url: request.url.clone(), headers }
}

fn signed_headers(request: &Arriving) -> Vec<String> {
    let names = request.url.split("X-Amz-SignedHeaders=").nth(1).unwrap().split('&').next().unwrap();
    names.replace("%3B", ";").split(';').map(str::to_owned).collect()
}

fn with_header(request: &Arriving, name: &str, value: Option<&str>) -> Arriving {
    let mut changed = request.clone();
    changed.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
    changed.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    changed
}

fn with_url(request: &Arriving, from: &str, to: &str) -> Arriving {
    assert!(request.url.contains(from), "{from} in {}", request.url);
    Arriving { url: request.url.replacen(from, to, 1), ..request.clone() }
}

/// What no request may survive: another method or key, or another time.
fn check_the_common(good: &Arriving, key: &str, lifetime: u64, now: Timestamp) {
    let lifetime = i64::try_from(lifetime).unwrap();
    let just_in_time = now + seconds(lifetime - 1);
    assert_eq!(check(good, SECRET, just_in_time), Ok(()));
    assert_eq!(check(good, SECRET, now + seconds(lifetime)), Err("expired"));
    let longer = with_url(good, &format!("X-Amz-Expires={lifetime}"), "X-Amz-Expires=604800");
    let other_key = with_url(good, key, "intent/2");
    let get = Arriving { method: "GET".to_owned(), ..good.clone() };
    for (what, bad) in [("longer", longer), ("other key", other_key), ("other method", get)] {
        assert_eq!(check(&bad, SECRET, now), Err("another signature"), "{what}");
    }
    let more = with_header(good, "x-amz-acl", Some("public-read"));
    assert_eq!(check(&more, SECRET, now), Err("a header that must be signed is not"));
}

#[tokio::test]
async fn b38_a_signed_put_is_for_its_key_size_type_checksum_and_time_and_only_once() {
    let stack = Stack::new();
    let app = stack.app();
    let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
    let upload = upload_to(&app, "intent/1", b"hello");
    let good = arriving(&app.objects.presign_put(&upload, now).await.unwrap());
    assert_eq!(check(&good, SECRET, now), Ok(()));
    assert_eq!(
        signed_headers(&good),
        ["content-length", "content-type", "host", "if-none-match", "x-amz-checksum-sha256"]
    );
    check_the_common(&good, "intent/1", URL_SECONDS, now);
    for (header, value) in [
        ("content-length", Some("6")),
        ("content-type", Some("text/html")),
        ("x-amz-checksum-sha256", Some("uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=")),
        ("if-none-match", Some("\"etag\"")),
        ("host", Some("example.org")),
    ] {
        let bad = with_header(&good, header, value);
        assert_eq!(check(&bad, SECRET, now), Err("another signature"), "{header}");
        let without = with_header(&good, header, None);
        assert_eq!(check(&without, SECRET, now), Err("a signed header is not sent"), "{header}");
    }

    // Without a declared type and checksum the rest still holds.
    let mut bare = upload_to(&app, "intent/1", b"hello");
    (bare.declared.mime, bare.declared.sha256) = (None, None);
    let bare = arriving(&app.objects.presign_put(&bare, now).await.unwrap());
    assert_eq!(check(&bare, SECRET, now), Ok(()));
    assert_eq!(signed_headers(&bare), ["content-length", "host", "if-none-match"]);
}

#[tokio::test]
async fn b38_a_signed_part_is_for_its_upload_number_size_checksum_and_time() {
    let stack = Stack::new();
    let app = stack.app();
    let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
    let digest = sha256(b"hello");
    let part = app.objects.presign_part("intent/1", "an-id", 7, 5, Some(&digest), now).await.unwrap();
    let good = arriving(&part);
    assert_eq!(check(&good, SECRET, now), Ok(()));
    assert_eq!(signed_headers(&good), ["content-length", "host", "x-amz-checksum-sha256"]);
    check_the_common(&good, "intent/1", PART_URL_SECONDS, now);
    for (from, to) in [("partNumber=7", "partNumber=8"), ("uploadId=an-id", "uploadId=another")] {
        assert_eq!(check(&with_url(&good, from, to), SECRET, now), Err("another signature"), "{from}");
    }
    let longer = with_header(&good, "content-length", Some("6"));
    assert_eq!(check(&longer, SECRET, now), Err("another signature"));
}

#[tokio::test]
async fn b38_a_signed_download_is_for_its_key_version_name_type_and_time() {
    let stack = Stack::new();
    let app = stack.app();
    let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
    let get = SignedGet {
        bucket: Bucket::Content,
        key: "kept/1",
        version: Some("v1"),
        file_name: "naïve \"name\".pdf",
        mime: "application/pdf",
        disposition: Disposition::Attachment,
        seconds: 300,
    };
    let good = arriving(&app.objects.presign_get(get, now).await.unwrap());
    assert_eq!(check(&good, SECRET, now + seconds(299)), Ok(()));
    assert_eq!(check(&good, SECRET, now + seconds(300)), Err("expired"));
    assert_eq!(signed_headers(&good), ["host"]);
    for (from, to) in [
        ("kept/1", "kept/2"),
        ("versionId=v1", "versionId=v2"),
        ("response-content-disposition=attachment", "response-content-disposition=inline"),
        ("response-content-type=application%2Fpdf", "response-content-type=text%2Fhtml"),
        ("X-Amz-Expires=300", "X-Amz-Expires=3000"),
    ] {
        assert_eq!(check(&with_url(&good, from, to), SECRET, now), Err("another signature"), "{from}");
    }
}

#[tokio::test]
async fn b4_a_signature_is_right_for_any_key() {
    let stack = Stack::new();
    let app = stack.app();
    let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
    for key in ["a b+c", "50%25", "#1?x=y&z", "é", "e\u{301}", "🗺", "line\nbreak", "a//b.", "'(*)!~\""] {
        let upload = upload_to(&app, key, b"hello");
        let request = arriving(&app.objects.presign_put(&upload, now).await.unwrap());
        assert_eq!(check(&request, SECRET, now), Ok(()), "{key:?}");
    }
}

#[tokio::test]
async fn b38_a_signed_form_is_for_its_bucket_key_sizes_type_checksum_and_time() {
    let stack = Stack::new();
    let app = stack.app();
    let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
    let bucket = app.objects.bucket_name(Bucket::Incoming).to_owned();
    let upload: Upload = upload_to(&app, "intent/1 + é", b"hello");
    let SignedForm { fields, expires_at, .. } = app.objects.presign_form(&upload, 1, 5, now).await.unwrap();
    let lifetime = seconds(i64::try_from(URL_SECONDS).unwrap());
    assert_eq!(expires_at, now + lifetime);
    let check = |fields: &[(String, String)], size, at| check_form(fields, &bucket, size, SECRET, at);
    assert_eq!(check(&fields, 5, now), Ok(()));
    assert_eq!(check(&fields, 5, now + lifetime - seconds(1)), Ok(()));
    assert_eq!(check(&fields, 5, now + lifetime), Err("expired"));
    assert_eq!((check(&fields, 0, now), check(&fields, 6, now)), (Err("another size"), Err("another size")));
    assert_eq!(check_form(&fields, "other", 5, SECRET, now), Err("another bucket"));
    assert_eq!(check_form(&fields, &bucket, 5, "other", now), Err("another signature"));

    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "key",
            "Content-Type",
            "x-amz-checksum-algorithm",
            "x-amz-checksum-sha256",
            "success_action_status",
            "x-amz-algorithm",
            "x-amz-credential",
            "x-amz-date",
            "policy",
            "x-amz-signature",
        ]
    );
    for name in ["key", "Content-Type", "x-amz-checksum-sha256", "success_action_status", "x-amz-date"] {
        let mut changed = fields.clone();
        changed.iter_mut().find(|(found, _)| found == name).unwrap().1.push('x');
        assert_eq!(check(&changed, 5, now), Err("another value"), "{name}");
    }
    let mut more = fields.clone();
    more.push(("acl".to_owned(), "public-read".to_owned()));
    assert_eq!(check(&more, 5, now), Err("a field that no condition names"));
}
