//! Keys of any kind, through every call that spells one (B4).

use vitrine_domain::Timestamp;
use vitrine_store::objects::{Bucket, CopySource, CopyTarget, Disposition, SignedGet};
use vitrine_testing::Stack;

use super::{agent, send, upload_to};

fn strange_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "plain",
        "with space",
        " leading and trailing ",
        "a+b",
        "50%",
        "%2F%25",
        "#1?x=y&z",
        "\"double\" 'single' `back`",
        "🗺 map",
        "é composed",
        "e\u{301} decomposed",
        "trailing dot.",
        "line\nbreak",
        "tab\tand\rreturn",
        "a//b",
        "a;b,c:d@e=f$g!(h)*i",
        "back\\slash",
        "<tag>[1]{2}|^~",
        "العربية 日本語",
    ]
    .map(|key| format!("upload/{key}"))
    .to_vec();
    keys.push(format!("upload/{}", "ü".repeat((1024 - "upload/".len()) / 2)));
    keys.push(format!("upload/{}", "k".repeat(1024 - "upload/".len())));
    keys
}

#[tokio::test]
async fn b4_any_key_survives_put_head_copy_read_and_signed_put_and_get() {
    let stack = Stack::new();
    let app = stack.app();
    let objects = &app.objects;
    for (number, key) in strange_keys().into_iter().enumerate() {
        // Each key's bytes are its own, so that two keys taken for one are found out.
        let bytes = format!("bytes of {key}").into_bytes();
        let upload = upload_to(&app, &key, &bytes);
        let signed = objects.presign_put(&upload, Timestamp::now()).await.unwrap();
        assert_eq!(send(&signed, &bytes), 200, "{key:?}");

        let head =
            objects.head(Bucket::Incoming, &key, None).await.unwrap().unwrap_or_else(|| panic!("{key:?}"));
        assert_eq!(head.size_bytes, bytes.len() as u64, "{key:?}");
        let read = objects.read_small(Bucket::Incoming, &key, 10_000).await.unwrap();
        assert_eq!(read, bytes, "{key:?}");
        let listed = objects.list_versions(Bucket::Incoming, &key, 10).await.unwrap();
        assert!(listed.iter().any(|version| version.key == key), "{key:?}: {listed:?}");

        let source = CopySource {
            bucket: Bucket::Incoming,
            key: key.clone(),
            version: head.version_id.clone(),
            size_bytes: head.size_bytes,
        };
        let target =
            CopyTarget { bucket: Bucket::Content, key: key.clone(), content_type: "text/plain".to_owned() };
        let copied = objects.copy(&source, &target).await.unwrap();
        assert_eq!(objects.read_small(Bucket::Content, &key, 10_000).await.unwrap(), bytes, "{key:?}");

        let name = key.strip_prefix("upload/").unwrap();
        let get = SignedGet {
            bucket: Bucket::Content,
            key: &key,
            version: copied.version_id.as_deref(),
            file_name: name,
            mime: "text/plain",
            disposition: Disposition::Attachment,
            seconds: 60,
        };
        let signed = objects.presign_get(get, Timestamp::now()).await.unwrap();
        let mut answer = agent().get(&signed.url).call().unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{key:?}");
        assert_eq!(answer.body_mut().read_to_vec().unwrap(), bytes, "{key:?}");
        // The engine does not name an old version; what it does with the newest, S3 does with any.
        let newest = SignedGet { version: None, ..get };
        let signed = objects.presign_get(newest, Timestamp::now()).await.unwrap();
        let answer = agent().get(&signed.url).call().unwrap();
        let disposition = answer.headers()["content-disposition"].to_str().unwrap();
        assert_eq!(name_in(disposition), name, "{disposition}");

        if number == 0 {
            let wrong_version = SignedGet { version: Some("none"), ..get };
            let signed = objects.presign_get(wrong_version, Timestamp::now()).await.unwrap();
            assert_ne!(agent().get(&signed.url).call().unwrap().status().as_u16(), 200);
        }
        objects.delete_version(Bucket::Incoming, &key, head.version_id.as_deref()).await.unwrap();
        assert_eq!(objects.head(Bucket::Incoming, &key, None).await.unwrap(), None, "{key:?}");
    }
}

#[tokio::test]
async fn objects_with_any_keys_are_deleted_in_one_call_and_again_without_error() {
    let stack = Stack::new();
    let (app, counted) = stack.faulty_app();
    let objects = &app.objects;
    let keys = strange_keys();
    for key in keys.iter().map(String::as_str).chain(["upload/kept"]) {
        objects.put_small(Bucket::Incoming, key, "x".into(), "text/plain", false).await.unwrap();
    }
    for _ in 0..2 {
        counted.heal();
        objects.delete_all(Bucket::Incoming, &keys).await.unwrap();
        let calls = counted.calls();
        let alone = keys.iter().filter(|key| key.chars().any(char::is_control)).count();
        assert_eq!(calls.len(), 1 + alone, "{calls:?}");
    }
    let left = objects.list_folder(Bucket::Incoming, "upload/", false, None, 1000).await.unwrap();
    assert_eq!(left.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["upload/kept"]);
    counted.heal();
    objects.delete_all(Bucket::Incoming, &[]).await.unwrap();
    assert_eq!(counted.calls().len(), 0);
}

/// The name that a browser takes from the header: RFC 6266 prefers `filename*`.
fn name_in(disposition: &str) -> String {
    let encoded = disposition.split("filename*=UTF-8''").nth(1).unwrap();
    let mut bytes = Vec::new();
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn b16_a_put_whose_bytes_are_not_those_that_were_signed_for_is_refused() {
    let stack = Stack::new();
    let app = stack.app();
    let upload = upload_to(&app, "intent/1", b"hello");
    let signed = app.objects.presign_put(&upload, Timestamp::now()).await.unwrap();
    assert_eq!(send(&signed, b"hallo"), 400);
    assert_eq!(app.objects.head(Bucket::Incoming, "intent/1", None).await.unwrap(), None);
    assert_eq!(send(&signed, b"hello"), 200);
    assert_eq!(send(&signed, b"hello"), 412, "create-only");
}

#[tokio::test]
async fn a_range_is_read_whether_or_not_the_store_honours_it() {
    let stack = Stack::new();
    let app = stack.app();
    let bytes: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
    let version = app
        .objects
        .put_small(Bucket::Incoming, "intent/1", bytes.clone().into(), "text/plain", true)
        .await
        .unwrap();
    // The engine honours a range of the newest version, and sends the whole of one that is named.
    for version in [None, version.as_deref()] {
        for range in [0..300_000, 1..2, 131_071..200_000, 299_999..300_000] {
            let wanted = &bytes[range.start as usize..range.end as usize];
            let mut reader =
                app.objects.read(Bucket::Incoming, "intent/1", version, Some(range.clone())).await.unwrap();
            assert_eq!(reader.size_bytes, wanted.len() as u64);
            let mut read = Vec::new();
            while let Some(bytes) = reader.next().await.unwrap() {
                read.extend_from_slice(&bytes);
            }
            assert!(read == wanted, "{range:?} {version:?}");
        }
        for range in [300_000..300_001, 5..5] {
            assert!(app.objects.read(Bucket::Incoming, "intent/1", version, Some(range)).await.is_err());
        }
    }
}
