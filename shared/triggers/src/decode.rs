//! What a message of the incoming queue says: an event of the object store, or a message of our own.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use vitrine_app::register_file::Message;
use vitrine_domain::audit::Origin;
use vitrine_domain::ids::UploadId;

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// Bytes may have arrived for an upload.
    Upload {
        /// The upload.
        upload: UploadId,
        /// What set it off.
        origin: Origin,
    },
    /// Nothing that we act on.
    Ignored(&'static str),
}

/// Why a message is not understood. It goes to the dead-letter queue, where a person sees it.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No JSON, or none of the shapes we know.
    #[error("the message is neither a storage event nor one of ours")]
    Unknown(#[source] serde_json::Error),
    /// A storage event of a version that we do not read.
    #[error("the storage event has version `{0}`")]
    Version(String),
    /// A key that is not what the object store sends.
    #[error("the key of the storage event can not be decoded")]
    Key,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Storage {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    Test {
        #[serde(rename = "Event")]
        event: String,
    },
    Own(Message),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_version: String,
    event_name: String,
    s3: Storage,
}

#[derive(Deserialize)]
struct Storage {
    bucket: BucketName,
    object: ObjectKey,
}

#[derive(Deserialize)]
struct BucketName {
    name: String,
}

#[derive(Deserialize)]
struct ObjectKey {
    key: String,
}

/// The prefix of the keys that API uploads arrive under; the only ones that are registered by an event.
const INTENT: &str = "intent/";

/// Reads a message; events of other buckets, prefixes and kinds are ignored (B7, B11).
///
/// # Errors
/// A message that this version does not understand.
pub fn decode_arrivals(body: &str, incoming_bucket: &str) -> Result<Vec<Arrival>, DecodeError> {
    match serde_json::from_str(body).map_err(DecodeError::Unknown)? {
        Body::Own(Message::Register { upload, origin }) => {
            Ok(vec![Arrival::Upload { upload, origin: origin.unwrap_or(Origin::Event) }])
        }
        Body::Test { event } if event == "s3:TestEvent" => Ok(vec![Arrival::Ignored("test-event")]),
        Body::Test { .. } => Ok(vec![Arrival::Ignored("unknown-event")]),
        Body::Storage { records } => {
            records.iter().map(|record| decode_record(record, incoming_bucket)).collect()
        }
    }
}

fn decode_record(record: &Record, incoming_bucket: &str) -> Result<Arrival, DecodeError> {
    if record.event_version.split('.').next() != Some("2") {
        return Err(DecodeError::Version(record.event_version.chars().take(32).collect()));
    }
    if record.s3.bucket.name != incoming_bucket {
        return Ok(Arrival::Ignored("another-bucket"));
    }
    let created =
        record.event_name.strip_prefix("s3:").unwrap_or(&record.event_name).starts_with("ObjectCreated:");
    if !created {
        // A delete after a re-create must not undo anything (B3): what is there decides, and deletes are our own.
        return Ok(Arrival::Ignored("another-event"));
    }
    let key = decode_key(&record.s3.object.key)?;
    let Some(id) = key.strip_prefix(INTENT) else { return Ok(Arrival::Ignored("another-prefix")) };
    match id.parse() {
        Ok(upload) => Ok(Arrival::Upload { upload, origin: Origin::Event }),
        Err(_) => Ok(Arrival::Ignored("no-upload-id")),
    }
}

/// A key as the object store spells it in events: form-encoded, decoded exactly once (B4).
fn decode_key(key: &str) -> Result<String, DecodeError> {
    let spaced = key.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map(|key| key.into_owned()).map_err(|_| DecodeError::Key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, bucket: &str, key: &str) -> String {
        serde_json::json!({ "Records": [{
            "eventVersion": "2.1", "eventName": name, "s3": { "bucket": { "name": bucket }, "object": { "key": key } }
        }] })
        .to_string()
    }

    fn decode(body: &str) -> Arrival {
        decode_arrivals(body, "incoming").unwrap().remove(0)
    }

    #[test]
    fn b4_keys_are_decoded_exactly_once() {
        for (encoded, key) in [
            ("a+b", "a b"),
            ("a%2Bb", "a+b"),
            ("50%25+%231%3F", "50% #1?"),
            ("%25252F", "%252F"),
            ("%F0%9F%97%BA", "🗺"),
            ("intent%2F71", "intent/71"),
        ] {
            assert_eq!(decode_key(encoded).unwrap(), key);
        }
        assert!(decode_key("%FF").is_err());
    }

    #[test]
    fn an_event_under_the_intent_prefix_names_its_upload() {
        let arrival = decode(&event("ObjectCreated:Put", "incoming", "intent/7100000000000000010101"));
        assert!(matches!(arrival, Arrival::Upload { origin: Origin::Event, .. }));
    }

    #[test]
    fn b7_b11_what_is_not_ours_is_ignored_and_not_an_error() {
        for (body, reason) in [
            (event("ObjectRemoved:Delete", "incoming", "intent/71"), "another-event"),
            (event("ObjectCreated:Put", "content", "intent/71"), "another-bucket"),
            (event("ObjectCreated:Put", "incoming", "quarantine/intent/71/v"), "another-prefix"),
            (event("ObjectCreated:Put", "incoming", "intent/../71"), "no-upload-id"),
            (
                r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"incoming"}"#.to_owned(),
                "test-event",
            ),
        ] {
            assert_eq!(decode(&body), Arrival::Ignored(reason));
        }
        assert_eq!(decode_arrivals(r#"{"Records":[]}"#, "incoming").unwrap(), []);
    }

    #[test]
    fn b11_what_nobody_understands_is_an_error() {
        for body in
            ["", "{}", "[]", "null", r#"{"work":"UNKNOWN"}"#, r#"{"Records":[{"eventVersion":"2.1"}]}"#]
        {
            assert!(decode_arrivals(body, "incoming").is_err(), "{body}");
        }
        let newer = event("ObjectCreated:Put", "incoming", "intent/71").replace("2.1", "3.0");
        assert!(matches!(decode_arrivals(&newer, "incoming"), Err(DecodeError::Version(_))));
    }
}
