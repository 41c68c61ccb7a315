//! Files sent over SFTP (S16): to a server that is who it should be, whole or not at all, and further where a connection
//! broke. The server is one in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId};
use russh_sftp::protocol::{Attrs, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode, Version};
use tokio::sync::Notify;
use vitrine_store::egress::Egress;
use vitrine_triggers::deliver_batch;

use super::*;

const USER: &str = "library";
const PASSWORD: &str = "open sesame";

/// What the server holds, and what it does wrong.
#[derive(Clone, Default)]
struct Disk {
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// Names in the order in which files got them.
    named: Arc<Mutex<Vec<String>>>,
    /// How many bytes came in all.
    written: Arc<Mutex<usize>>,
    /// The connection breaks when so many bytes came.
    breaks_at: Arc<Mutex<Option<usize>>>,
    broken: Arc<Notify>,
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

fn fingerprint(seed: u8) -> String {
    key(seed).public_key().fingerprint(HashAlg::Sha256).to_string()
}

/// The server's port. Its key is that of seed 1, and it lets in who has the password or the key of seed 2.
async fn server(disk: Disk) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = russh::server::Config {
        keys: vec![key(1)],
        auth_rejection_time: std::time::Duration::ZERO,
        ..russh::server::Config::default()
    };
    let config = Arc::new(config);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (config, disk) = (Arc::clone(&config), disk.clone());
            tokio::spawn(async move {
                let broken = Arc::clone(&disk.broken);
                let door = Door { disk, channels: HashMap::new() };
                let (mut outside, inside) = tokio::io::duplex(64 * 1024);
                tokio::spawn(async move {
                    if let Ok(session) = russh::server::run_stream(config, inside, door).await {
                        let _ = session.await;
                    }
                });
                let mut stream = stream;
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut stream, &mut outside) => {}
                    () = broken.notified() => {}
                }
            });
        }
    });
    port
}

struct Door {
    disk: Disk,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl russh::server::Handler for Door {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(if user == USER && password == PASSWORD { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, held: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let is_known = held.public_key.key_data() == key(2).public_key().key_data();
        Ok(if user == USER && is_known { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        assert_eq!(name, "sftp");
        let channel = self.channels.remove(&id).unwrap();
        session.channel_success(id)?;
        russh_sftp::server::run(channel.into_stream(), Shelf(self.disk.clone())).await;
        Ok(())
    }
}

struct Shelf(Disk);

fn fine(id: u32) -> Result<Status, StatusCode> {
    Ok(Status { id, status_code: StatusCode::Ok, error_message: "Ok".into(), language_tag: "en".into() })
}

impl russh_sftp::server::Handler for Shelf {
    type Error = StatusCode;

    fn unimplemented(&self) -> Self::Error {
        StatusCode::OpUnsupported
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Result<Version, Self::Error> {
        Ok(Version::new())
    }

    async fn open(
        &mut self,
        id: u32,
        name: String,
        flags: OpenFlags,
        _: FileAttributes,
    ) -> Result<Handle, Self::Error> {
        if !name.starts_with("inbox/") {
            return Err(StatusCode::NoSuchFile);
        }
        let mut files = self.0.files.lock().unwrap();
        let file = files.entry(name.clone()).or_default();
        if flags.contains(OpenFlags::TRUNCATE) {
            file.clear();
        }
        Ok(Handle { id, handle: name })
    }

    async fn write(
        &mut self,
        id: u32,
        name: String,
        offset: u64,
        data: Vec<u8>,
    ) -> Result<Status, Self::Error> {
        let breaks = {
            let mut files = self.0.files.lock().unwrap();
            let file = files.get_mut(&name).ok_or(StatusCode::NoSuchFile)?;
            let (from, to) = (offset as usize, offset as usize + data.len());
            file.resize(file.len().max(to), 0);
            file[from..to].copy_from_slice(&data);
            let mut written = self.0.written.lock().unwrap();
            *written += data.len();
            let mut breaks_at = self.0.breaks_at.lock().unwrap();
            let breaks = breaks_at.is_some_and(|at| *written >= at);
            if breaks {
                *breaks_at = None;
            }
            breaks
        };
        if breaks {
            self.0.broken.notify_waiters();
            return std::future::pending().await;
        }
        fine(id)
    }

    async fn close(&mut self, id: u32, _: String) -> Result<Status, Self::Error> {
        fine(id)
    }

    async fn stat(&mut self, id: u32, name: String) -> Result<Attrs, Self::Error> {
        let files = self.0.files.lock().unwrap();
        let size = files.get(&name).ok_or(StatusCode::NoSuchFile)?.len() as u64;
        Ok(Attrs { id, attrs: FileAttributes { size: Some(size), ..FileAttributes::empty() } })
    }

    async fn realpath(&mut self, _: u32, _: String) -> Result<Name, Self::Error> {
        Err(StatusCode::OpUnsupported)
    }

    async fn remove(&mut self, id: u32, name: String) -> Result<Status, Self::Error> {
        self.0.files.lock().unwrap().remove(&name).ok_or(StatusCode::NoSuchFile)?;
        fine(id)
    }

    async fn rename(&mut self, id: u32, from: String, to: String) -> Result<Status, Self::Error> {
        let mut files = self.0.files.lock().unwrap();
        if files.contains_key(&to) {
            return Err(StatusCode::Failure);
        }
        let file = files.remove(&from).ok_or(StatusCode::NoSuchFile)?;
        self.0.named.lock().unwrap().push(to.clone());
        files.insert(to, file);
        fine(id)
    }
}

/// A house from which the server may be reached, with a long title and a short one.
async fn house() -> House {
    let mut stack = Stack::new();
    stack.config.private_targets = Egress::new("127.0.0.1").unwrap();
    let house = House::over(stack).await;
    house.title(&"Long ".repeat(60_000)).await;
    house.title("Short").await;
    house.taken().await;
    house
}

fn target(port: u16, host_key: &str) -> Value {
    json!({
        "name": "Files", "selection": { "kind": "EVERYTHING" },
        "target": {
            "kind": "PRIMO", "records_per_file": 1,
            "sftp": { "host": "127.0.0.1", "port": port, "user_name": USER, "folder": "inbox", "host_key": host_key },
        },
    })
}

impl House {
    async fn sends_to(&self, port: u16, host_key: &str, secret: &str) -> String {
        let id = text(&self.client.post(PROFILES, target(port, host_key)).await.ok(), "id");
        let set = self.client.put(&format!("{PROFILES}/{id}/secret"), json!({ "secret": secret })).await;
        assert_eq!(set.status, 204, "{}", set.text);
        id
    }

    /// Runs a profile until the files are written and are to be sent.
    async fn written(&self, profile: &str) -> String {
        let job = self.client.post(&format!("{PROFILES}/{profile}?op=run&full=false"), json!({})).await.ok();
        let job = text(&job, "id");
        poll_until("written files", || async {
            self.work(&self.app).await;
            let queued = self.app.queues.receive(Queue::Deliveries, 10, 0).await.unwrap();
            queued.iter().any(|it| it.body.contains(&job)).then_some(())
        })
        .await;
        job
    }

    /// Lets a worker go on with sending.
    async fn send(&self, job: &str) -> Value {
        let message = json!({ "job": job }).to_string();
        let failed = deliver_batch(&self.app, batch(&[message]), &around()).await.batch_item_failures;
        assert!(failed.is_empty(), "{failed:?}");
        // Whoever has sent all gives the job back.
        self.work(&self.app).await;
        self.client.get(&format!("/conf/jobs/{job}")).await.ok()
    }

    /// The files of a run as they were written.
    async fn kept(&self, profile: &str, job: &str) -> BTreeMap<String, Vec<u8>> {
        let list = self.client.get(&format!("{PROFILES}/{profile}/runs/{job}")).await.ok();
        let files = list["file"].as_array().unwrap().iter();
        files
            .map(|file| {
                let (status, bytes) = vitrine_testing::fetch_signed(file["url"].as_str().unwrap());
                assert_eq!(status, 200);
                (format!("inbox/{job}-{}", text(file, "name")), bytes)
            })
            .collect()
    }
}

#[tokio::test]
async fn s16_files_have_their_names_there_when_they_are_whole_and_the_manifest_comes_last() {
    let (house, disk) = (house().await, Disk::default());
    let port = server(disk.clone()).await;
    let profile = house.sends_to(port, &fingerprint(1), PASSWORD).await;
    let job = house.written(&profile).await;
    let done = house.send(&job).await;
    assert_eq!(done["status"]["value"], "COMPLETED_SUCCESS", "{done}");
    let kept = house.kept(&profile, &job).await;
    assert!(kept.len() >= 3, "{:?}", kept.keys());
    assert_eq!(*disk.files.lock().unwrap(), kept);
    let named = disk.named.lock().unwrap().clone();
    assert_eq!(named.last().unwrap(), &format!("inbox/{job}-manifest.json"));
    assert_eq!(named.len(), kept.len());
    // A message that comes twice sends nothing twice.
    house.send(&job).await;
    assert_eq!(disk.named.lock().unwrap().len(), kept.len());

    // The same with a key in the password's place.
    let secret = key(2).to_openssh(russh::keys::ssh_key::LineEnding::LF).unwrap().to_string();
    house.client.put(&format!("{PROFILES}/{profile}/secret"), json!({ "secret": secret })).await;
    let next = house.written(&profile).await;
    let done = house.send(&next).await;
    assert_eq!(done["status"]["value"], "COMPLETED_SUCCESS", "{done}");
}

#[tokio::test]
async fn s16_a_connection_that_broke_is_taken_up_where_it_stopped() {
    let (house, disk) = (house().await, Disk::default());
    let port = server(disk.clone()).await;
    let profile = house.sends_to(port, &fingerprint(1), PASSWORD).await;
    let job = house.written(&profile).await;
    *disk.breaks_at.lock().unwrap() = Some(100_000);
    let broken = house.send(&job).await;
    assert_eq!(broken["status"]["value"], "RUNNING", "{broken}");
    let half = disk.files.lock().unwrap().clone();
    assert!(half.keys().any(|name| name.ends_with(".part")), "{:?}", half.keys());
    let before = *disk.written.lock().unwrap();

    let done = house.send(&job).await;
    assert_eq!(done["status"]["value"], "COMPLETED_SUCCESS", "{done}");
    let kept = house.kept(&profile, &job).await;
    assert_eq!(*disk.files.lock().unwrap(), kept);
    let (all, written): (usize, usize) = (kept.values().map(Vec::len).sum(), *disk.written.lock().unwrap());
    assert!(written < all + before && written <= all + 64 * 1024, "{written} of {all}, {before} before");
}

#[tokio::test]
async fn s16_nothing_is_sent_to_a_server_with_another_key_and_the_job_can_be_resubmitted() {
    let (house, disk) = (house().await, Disk::default());
    let port = server(disk.clone()).await;
    let profile = house.sends_to(port, &fingerprint(3), PASSWORD).await;
    let job = house.written(&profile).await;
    let refused = house.send(&job).await;
    assert_eq!(refused["status"]["value"], "FAILED", "{refused}");
    let reason = refused.to_string();
    assert!(reason.contains(&fingerprint(1)) && reason.contains(&fingerprint(3)), "{reason}");
    assert!(disk.files.lock().unwrap().is_empty());

    let path = format!("{PROFILES}/{profile}");
    house.client.put(&path, target(port, &fingerprint(1))).await.ok();
    house.client.put(&format!("{path}/secret"), json!({ "secret": "wrong" })).await;
    house.client.post(&format!("/conf/jobs/{job}?op=resubmit"), json!({})).await.ok();
    let refused = house.send(&job).await;
    assert!(refused.to_string().contains("does not let `library` in"), "{refused}");
    assert!(disk.files.lock().unwrap().is_empty());

    house.client.put(&format!("{path}/secret"), json!({ "secret": PASSWORD })).await;
    house.client.post(&format!("/conf/jobs/{job}?op=resubmit"), json!({})).await.ok();
    let done = house.send(&job).await;
    assert_eq!(done["status"]["value"], "COMPLETED_SUCCESS", "{done}");
    let kept = house.kept(&profile, &job).await;
    assert_eq!(*disk.files.lock().unwrap(), kept);
    // The secret is in nothing that is shown.
    for path in [path.clone(), format!("{path}/history")] {
        assert!(!house.client.get(&path).await.text.contains(PASSWORD));
    }
}
