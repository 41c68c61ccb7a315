//! Workers under fire: what must hold whatever happened to the calls that a worker makes on its way.

mod crashes;
mod deletions;
mod storms;
mod workers;

use std::collections::BTreeSet;

use serde_json::Value;
use vitrine_app::{App, make_derivatives, register_file};
use vitrine_domain::Timestamp;
use vitrine_domain::file::{DigitalFile, FileStatus, Thumbnail};
use vitrine_domain::ids::UploadId;
use vitrine_domain::outbox::{SHARDS, Work, seconds};
use vitrine_domain::upload::UploadState;
use vitrine_store::objects::Bucket;
use vitrine_store::queues::Queue;
use vitrine_testing::{Client, Stack};

use crate::publishing::publish;
use crate::walk::{Title, next, red_png, register, sha256, text, title, upload};

/// A stack with a title, a healthy application, and uploads to try things on.
struct Scene {
    stack: Stack,
    client: Client,
    title: Title,
    app: App,
}

impl Scene {
    async fn new() -> Self {
        let stack = Stack::new();
        let client = stack.client().await;
        let title = title(&client).await;
        let app = stack.app();
        // Discovery is told of the title before anything goes wrong.
        for _ in 0..3 {
            assert!(publish(&app, &[next(&app, Queue::Publish).await]).await.is_empty());
        }
        Self { stack, client, title, app }
    }

    /// A file whose bytes have arrived and that nobody has registered.
    async fn arrived(&self) -> UploadId {
        self.arrived_as("a.png").await
    }

    async fn arrived_as(&self, name: &str) -> UploadId {
        let sent: Value = upload(&self.client, &self.title.rep, name, &red_png()).await;
        text(&sent, "id").parse().unwrap()
    }

    /// A file that is registered and whose thumbnail nobody has made, and the message that asks for it.
    async fn registered(&self) -> (UploadId, make_derivatives::Message) {
        let upload = self.arrived().await;
        assert!(register(&self.app, &[message(&upload)]).await.is_empty());
        let asked = self.asked_for(&upload).await;
        (upload, asked)
    }

    async fn file(&self, upload: &UploadId) -> DigitalFile {
        let upload = self.app.catalog.upload(upload).await.unwrap().unwrap();
        self.app.catalog.file(&upload.file).await.unwrap().unwrap_or_else(|| panic!("no file: {upload:?}"))
    }

    /// The message for the thumbnail of a file, from the outbox.
    async fn asked_for(&self, upload: &UploadId) -> make_derivatives::Message {
        let file = self.file(upload).await.id;
        let owed = self.owed().await.into_iter();
        let mut rows = owed.filter(|(_, work)| *work == Work::MakeDerivatives { file: file.clone() });
        let (event, _) = rows.next().expect("a thumbnail that is owed");
        make_derivatives::Message { event, file }
    }

    /// All that the outbox holds, due now or at any time.
    async fn owed(&self) -> Vec<(vitrine_domain::ids::EventId, Work)> {
        let later = Timestamp::now() + seconds(400 * 86_400);
        let mut all = Vec::new();
        for shard in 0..SHARDS {
            let rows = self.app.catalog.due(shard, later, 1000).await.unwrap();
            all.extend(rows.into_iter().map(|row| (row.id, row.work)));
        }
        all
    }

    /// One file, made once, with the bytes that were sent, and nothing owed for it but its thumbnail.
    async fn is_registered_once(&self, id: &UploadId, how: &str) {
        let upload = self.app.catalog.upload(id).await.unwrap().unwrap();
        assert!(matches!(upload.state, UploadState::Registered { .. }), "{how}: {:?}", upload.state);
        assert_eq!(upload.version, 2, "{how}: asked for, and registered once");
        let file = self.file(id).await;
        let content = file.content.as_ref().unwrap();
        assert_eq!((file.status, file.version), (FileStatus::Active, 1), "{how}");
        assert_eq!(content.sha256, sha256(&red_png()), "{how}");
        let version = content.version_id.as_deref();
        let kept = self.app.objects.head(Bucket::Content, &content.key, version).await.unwrap();
        assert_eq!(kept.unwrap().size_bytes, content.size_bytes, "{how}");
        let incoming = self.app.objects.head(Bucket::Incoming, &upload.source_key, None).await.unwrap();
        assert_eq!(incoming, None, "{how}: what is kept is not kept twice");
        let owed: Vec<_> = self.owed().await.into_iter().map(|(_, work)| work).collect();
        let thumbnail = Work::MakeDerivatives { file: file.id.clone() };
        assert_eq!(owed.iter().filter(|work| **work == thumbnail).count(), 1, "{how}");
        assert!(!owed.contains(&Work::WatchUpload { upload: id.clone() }), "{how}");
    }

    /// The thumbnail's pictures are there, and nothing is owed any more.
    async fn is_drawn(&self, id: &UploadId, how: &str) -> DigitalFile {
        let file = self.file(id).await;
        let Thumbnail::Ready { images, supplied: false } = &file.thumbnail else {
            panic!("{how}: {:?}", file.thumbnail)
        };
        let prefix = format!("{}/", file.id);
        let there = self.app.objects.list_versions(Bucket::Derivatives, &prefix, 100).await.unwrap();
        let there: BTreeSet<_> = there.into_iter().map(|version| version.key).collect();
        assert_eq!(there, images.iter().map(|image| image.key.clone()).collect(), "{how}");
        let thumbnail = Work::MakeDerivatives { file: file.id.clone() };
        assert!(self.owed().await.iter().all(|(_, work)| *work != thumbnail), "{how}");
        file
    }

    async fn count_files(&self) -> u64 {
        let files = self.client.get(&self.title.files()).await.ok();
        files["total_record_count"].as_u64().unwrap()
    }
}

/// The message that registers an upload.
fn message(upload: &UploadId) -> String {
    register_file::Message::Register { upload: upload.clone(), origin: None }.to_json()
}
