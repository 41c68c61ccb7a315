//! What the test programs of this crate share: a file through the real limited child, and looking at what came out.
#![allow(dead_code, reason = "each test program uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use turbojpeg::{Image, PixelFormat};
use vitrine_media::{
    Facts, HEAD_LEN, ThumbnailOutcome, ThumbnailRequest, Tools, Usage, identify, make_thumbnails,
};

pub mod build;

/// The decoding child that was built with the tests, with the tools that this machine has.
///
/// The wall clock is generous: what can be drawn is drawn on a busy machine, too.
pub fn tools() -> Tools {
    Tools {
        child_program: Some(env!("CARGO_BIN_EXE_thumbnail").into()),
        decoder_wall: Duration::from_secs(60),
        ffmpeg_wall: Duration::from_secs(240),
        soffice_wall: Duration::from_secs(240),
        ..Tools::from_path()
    }
}

/// Makes one thumbnail of a file on disk, as the worker would: the type is what the bytes say.
pub async fn thumbnail_of(source: &Path, out_dir: &Path, size: u32, tools: &Tools) -> ThumbnailOutcome {
    let mut head = Vec::new();
    std::fs::File::open(source).unwrap().take(HEAD_LEN as u64).read_to_end(&mut head).unwrap();
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let media_type = identify(&head, &name).mime.into_owned();
    let request = ThumbnailRequest {
        source: source.to_owned(),
        media_type,
        sizes: vec![size],
        out_dir: out_dir.to_owned(),
    };
    make_thumbnails(request, tools).await
}

/// Writes `bytes` under `name` into a folder of their own and makes one thumbnail of them.
pub async fn thumbnail(name: &str, bytes: &[u8], size: u32) -> (tempfile::TempDir, ThumbnailOutcome) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join(name);
    std::fs::write(&source, bytes).unwrap();
    let outcome = thumbnail_of(&source, folder.path(), size, &tools()).await;
    (folder, outcome)
}

/// The most memory of any one process that this one has waited for, or that those have.
pub fn largest_child() -> u64 {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    u64::try_from(used.max_rss()).unwrap() * 1024
}

/// A thumbnail that came out, decoded again.
pub struct Picture {
    pub image: Image<Vec<u8>>,
    pub facts: Facts,
    pub usage: Usage,
}

impl Picture {
    /// The colour at a place given in hundredths of the sides.
    pub fn at(&self, x_percent: usize, y_percent: usize) -> [u8; 3] {
        let x = (self.image.width * x_percent / 100).min(self.image.width - 1);
        let y = (self.image.height * y_percent / 100).min(self.image.height - 1);
        let start = y * self.image.pitch + x * 3;
        self.image.pixels[start..start + 3].try_into().unwrap()
    }

    /// Stops the test unless the colour at a place is about `wanted`.
    pub fn assert_at(&self, (x, y): (usize, usize), wanted: [u8; 3], tolerance: u8, what: &str) {
        let found = self.at(x, y);
        let near = found.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) <= tolerance);
        assert!(near, "{what}: {found:?} at {x} %, {y} % instead of {wanted:?}");
    }
}

/// Makes one thumbnail and returns it decoded; stops the test when there is none.
pub async fn picture(name: &str, bytes: &[u8], size: u32) -> Picture {
    let (folder, outcome) = thumbnail(name, bytes, size).await;
    let ThumbnailOutcome::Made { thumbnails, facts, usage } = outcome else { panic!("{name}: {outcome:?}") };
    let jpeg = std::fs::read(&thumbnails[0].path).unwrap();
    keep(name, &jpeg);
    drop(folder);
    Picture { image: turbojpeg::decompress(&jpeg, PixelFormat::RGB).unwrap(), facts, usage }
}

/// Leaves a copy for a person to look at, where `VITRINE_KEEP_PICTURES` names a folder.
fn keep(name: &str, jpeg: &[u8]) {
    if let Some(folder) = std::env::var_os("VITRINE_KEEP_PICTURES") {
        std::fs::write(Path::new(&folder).join(format!("{name}.jpg")), jpeg).unwrap();
    }
}
