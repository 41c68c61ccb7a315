//! What registering a file costs beside 10, 1,000 and 100,000 others of the same representation: the same calls.

use anyhow::{Context, Result, bail};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::Duration;
use vitrine_app::App;
use vitrine_app::register_file::Message;
use vitrine_domain::Timestamp;
use vitrine_domain::audit::{AuditRow, Origin, Sides};
use vitrine_domain::file::{Content, DigitalFile, FileStatus, FullText, MediaFacts, Thumbnail};
use vitrine_domain::ids::{FileId, UserId};
use vitrine_store::Change;
use vitrine_store::catalog::PageRequest;
use vitrine_store::change::MAX_ITEMS;
use vitrine_testing::{Client, Stack, send_signed};

use crate::walk::{Title, ok, register, text, title};

const BESIDE: [usize; 3] = [10, 1_000, 100_000];
/// How many files are registered at each size: the first may differ where something is made on first use.
const REGISTERED: usize = 3;
const BYTES: &[u8] = b"a page of text, long enough to be one\n";

/// Registers files through the whole path at each size and compares the calls that it took.
pub async fn run() -> Result<String> {
    let stack = Stack::new();
    let client = stack.client().await;
    let (app, counted) = stack.faulty_app();
    let title = title(&client).await?;
    let mut page = String::from("| files already there | AWS calls for one more |\n|---|---|\n");
    let mut there = 0;
    let mut expected: Option<Vec<String>> = None;
    for beside in BESIDE {
        seed(&stack.app(), &title, there, beside, |file| file).await?;
        there = beside;
        for _ in 0..REGISTERED {
            let upload = upload(&client, &title).await?;
            let message = Message::Register { upload: upload.parse()?, origin: None }.to_json();
            counted.heal();
            register(&app, message, Duration::from_secs(60)).await?;
            let calls = counted.calls();
            let state = text(&ok(client.get(&format!("/uploads/{upload}")).await)?, "/state")?;
            if state != "REGISTERED" {
                bail!("upload {upload} is {state}");
            }
            let expected = expected.get_or_insert_with(|| calls.clone());
            if *expected != calls {
                bail!("beside {beside} files one more costs {calls:?}, beside fewer {expected:?}");
            }
            there += 1;
        }
        let calls = expected.as_ref().map_or(0, Vec::len);
        eprintln!("beside {beside} files: {calls} calls");
        page.push_str(&format!("| {beside} | {calls} |\n"));
    }
    let names = expected.unwrap_or_default().join(", ");
    page.push_str(&format!(
        "\nAll files are in one representation. {REGISTERED} were registered at each size through the queue's handler, each with \
         the same calls in the same order: {names}.\n"
    ));
    Ok(page)
}

/// Uploads one small file and returns the upload's id.
async fn upload(client: &Client, title: &Title) -> Result<String> {
    let sha256: String = Sha256::digest(BYTES).iter().map(|byte| format!("{byte:02x}")).collect();
    let wish = json!({ "representation_id": title.rep, "file_name": "page.txt", "size": BYTES.len(), "sha256": sha256 });
    let upload = ok(client.post("/uploads", wish).await)?;
    let request = upload.get("request").context("nothing was signed")?;
    let status = send_signed(request, BYTES);
    if status != 200 {
        bail!("the signed PUT answered {status}");
    }
    text(&upload, "/id")
}

/// Writes files into the table until there are `wanted`, as registration leaves them, changed by `made`.
pub(crate) async fn seed(
    app: &App,
    title: &Title,
    there: usize,
    wanted: usize,
    made: fn(DigitalFile) -> DigitalFile,
) -> Result<()> {
    let representation =
        app.catalog.representation(&title.rep.parse()?).await?.context("the representation is gone")?;
    let numbers: Vec<usize> = (there..wanted).collect();
    for (transaction, chunk) in numbers.chunks((MAX_ITEMS - 1) / 2).enumerate() {
        let first = chunk.first().copied().unwrap_or_default();
        let mut change = Change::new(AuditRow {
            id: format!("619{first:015}0101").parse()?,
            subject: format!("REP#{}", title.rep),
            action: "scale.seed".to_owned(),
            actor: UserId::system(),
            origin: Origin::Operator,
            request_id: "scale".to_owned(),
            at: Timestamp::now(),
            before: None,
            after: None,
            before_sha256: None,
            after_sha256: None,
        });
        for number in chunk {
            let id: FileId = format!("139{number:015}0101").parse()?;
            // Each file has its history, here an empty line of it.
            change.also(format!("FILE#{id}"), Sides::default());
            change.create(&made(file(app, &representation, id)?))?;
        }
        app.catalog.commit(&change).await?;
        if transaction % 100 == 99 {
            eprintln!("{first} files of {wanted}");
        }
    }
    let first = PageRequest { limit: 1, offset: 0, after: None };
    if app.catalog.files_of(&representation.id, &first).await?.items.is_empty() {
        bail!("the files that were written are not listed");
    }
    Ok(())
}

fn file(
    app: &App,
    representation: &vitrine_domain::representation::Representation,
    id: FileId,
) -> Result<DigitalFile> {
    let now = Timestamp::now();
    Ok(DigitalFile {
        representation: representation.id.clone(),
        mms_id: representation.mms_id.clone(),
        library: representation.fields.library.clone(),
        file_name: format!("{id}.txt"),
        label: format!("{id}.txt"),
        order: None,
        status: FileStatus::Active,
        status_reason: None,
        content: Some(Content {
            key: format!("{}/storage/{id}/1", app.settings.institution),
            version_id: None,
            size_bytes: 38,
            sha256: "0".repeat(64),
            crc64nvme: "AAAAAAAAAAA=".to_owned(),
            mime: "text/plain".to_owned(),
        }),
        thumbnail: Thumbnail::Unsupported { reason: "made for a scale run".to_owned() },
        facts: MediaFacts::default(),
        fulltext: FullText::default(),
        created_by: UserId::system(),
        created_at: now,
        modified_by: UserId::system(),
        modified_at: now,
        removal: None,
        version: 0,
        id,
    })
}
