//! `thumbnail SOURCE OUT_DIR [SIZE...]`: makes thumbnails of one file and prints the outcome as JSON.
//!
//! Used by a person at the command line, by the benchmark and by the tests; runs the decoding child as the worker does.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use vitrine_media::{HEAD_LEN, ThumbnailOutcome, ThumbnailRequest, Tools, identify, make_thumbnails};

#[tokio::main(flavor = "current_thread")]
async fn thumbnail(source: PathBuf, out_dir: PathBuf, sizes: Vec<u32>) -> std::io::Result<ThumbnailOutcome> {
    let mut head = Vec::with_capacity(HEAD_LEN);
    std::fs::File::open(&source)?.take(HEAD_LEN as u64).read_to_end(&mut head)?;
    let name = source.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let media_type = identify(&head, &name).mime.into_owned();
    drop(head);
    std::fs::create_dir_all(&out_dir)?;
    let request = ThumbnailRequest { source, media_type, sizes, out_dir };
    Ok(make_thumbnails(request, &Tools::from_path()).await)
}

fn main() -> ExitCode {
    vitrine_media::run_child_if_asked();
    let mut arguments = std::env::args_os().skip(1);
    let (Some(source), Some(out_dir)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: thumbnail SOURCE OUT_DIR [SIZE...]");
        return ExitCode::from(2);
    };
    let mut sizes: Vec<u32> = arguments.filter_map(|size| size.to_str()?.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![200, 1024];
    }
    match thumbnail(source.into(), out_dir.into(), sizes) {
        Ok(outcome) => {
            println!("{}", serde_json::to_string_pretty(&outcome).unwrap_or_default());
            if matches!(outcome, ThumbnailOutcome::Made { .. }) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("thumbnail: {error}");
            ExitCode::from(2)
        }
    }
}
