//! The smallest file of each kind through the real limited child, whole and cut off (domain.md T1-T6, B53).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use vitrine_media::{
    FailureCode, HEAD_LEN, ThumbnailOutcome, ThumbnailRequest, Tools, identify, make_thumbnails,
};

async fn thumbnails(folder: &Path, name: &str, bytes: &[u8]) -> ThumbnailOutcome {
    let source = folder.join(name);
    std::fs::write(&source, bytes).unwrap();
    let out_dir = folder.join("out");
    std::fs::create_dir_all(&out_dir).unwrap();
    let media_type = identify(&bytes[..bytes.len().min(HEAD_LEN)], name).mime.into_owned();
    let tools = Tools { child_program: Some(env!("CARGO_BIN_EXE_thumbnail").into()), ..Tools::from_path() };
    make_thumbnails(ThumbnailRequest { source, media_type, sizes: vec![64], out_dir }, &tools).await
}

fn png(width: u32, height: u32, color: png::ColorType, depth: png::BitDepth, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    bytes
}

/// A TIFF of one red strip, 4 by 2, RGB, in either byte order.
fn tiff(big: bool, width: u32, height: u32, next: u32) -> Vec<u8> {
    let two = |v: u16| if big { v.to_be_bytes() } else { v.to_le_bytes() };
    let four = |v: u32| if big { v.to_be_bytes() } else { v.to_le_bytes() };
    let mut bytes = if big { b"MM".to_vec() } else { b"II".to_vec() };
    bytes.extend(two(42));
    bytes.extend(four(8));
    let entries = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 2),
        (273, 122),
        (277, 3),
        (278, height),
        (279, 24),
    ];
    bytes.extend(two(entries.len() as u16));
    for (tag, value) in entries {
        bytes.extend(two(tag));
        bytes.extend(two(4));
        bytes.extend(four(1));
        bytes.extend(four(value));
    }
    bytes.extend(four(next));
    bytes.resize(122, 0);
    bytes.extend([255, 0, 0].repeat(8));
    bytes
}

fn bmp(width: i32, height: i32) -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    bytes.extend(86u32.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(54u32.to_le_bytes());
    bytes.extend(40u32.to_le_bytes());
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend([1, 0, 24, 0]);
    bytes.extend([0; 24]);
    bytes.extend([0, 0, 255].repeat(4).iter().chain(&[0, 0, 255].repeat(4)));
    bytes
}

fn pdf(objects: &[&str], trailer: &str) -> Vec<u8> {
    let mut bytes = b"%PDF-1.4\n".to_vec();
    for (index, object) in objects.iter().enumerate() {
        write!(bytes, "{} 0 obj\n{object}\nendobj\n", index + 1).unwrap();
    }
    write!(bytes, "trailer\n<< /Root 1 0 R {trailer} >>\n%%EOF\n").unwrap();
    bytes
}

fn svg(inside: &str) -> Vec<u8> {
    format!(r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="4" height="2">{inside}</svg>"#).into_bytes()
}

fn red_files() -> Vec<(&'static str, Vec<u8>)> {
    use png::{BitDepth, ColorType};
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 40 20] /Contents 4 0 R >>";
    let paint = "<< /Length 24 >>\nstream\n1 0 0 rg 0 0 40 20 re f \nendstream";
    vec![
        ("8.png", png(4, 2, ColorType::Rgb, BitDepth::Eight, &[255, 0, 0].repeat(8))),
        ("16.png", png(4, 2, ColorType::Rgb, BitDepth::Sixteen, &[255, 255, 0, 0, 0, 0].repeat(8))),
        ("alpha.png", png(4, 2, ColorType::Rgba, BitDepth::Eight, &[255, 0, 0, 255].repeat(8))),
        ("little.tif", tiff(false, 4, 2, 0)),
        ("big.tif", tiff(true, 4, 2, 0)),
        ("a.bmp", bmp(4, 2)),
        ("a.svg", svg(r#"<rect width="4" height="2" fill="red"/>"#)),
        (
            "a.pdf",
            pdf(
                &[
                    "<< /Type /Catalog /Pages 2 0 R >>",
                    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
                    page,
                    paint,
                ],
                "",
            ),
        ),
    ]
}

#[tokio::test]
async fn every_format_comes_out_red_and_twice_as_wide_as_high() {
    for (name, bytes) in red_files() {
        let folder = tempfile::tempdir().unwrap();
        let outcome = thumbnails(folder.path(), name, &bytes).await;
        let ThumbnailOutcome::Made { thumbnails, .. } = outcome else { panic!("{name}: {outcome:?}") };
        let made = &thumbnails[0];
        assert_eq!(made.width, made.height * 2, "{name}");
        let jpeg = std::fs::read(&made.path).unwrap();
        let picture = turbojpeg::decompress(&jpeg, turbojpeg::PixelFormat::RGB).unwrap();
        let [r, g, b] = [picture.pixels[0], picture.pixels[1], picture.pixels[2]];
        assert!(r > 235 && g < 25 && b < 25, "{name}: {r} {g} {b}");
    }
}

#[tokio::test]
async fn a_child_that_got_no_time_is_given_up_and_tried_again_later() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a.png");
    std::fs::write(&source, png(4, 2, png::ColorType::Rgb, png::BitDepth::Eight, &[0; 24])).unwrap();
    // A child that does nothing in its time: one that did something could be done with so small a picture.
    let child = folder.path().join("child");
    std::fs::write(&child, "#!/bin/sh\nexec sleep 600\n").unwrap();
    std::fs::set_permissions(&child, std::fs::Permissions::from_mode(0o755)).unwrap();
    let tools =
        Tools { child_program: Some(child), decoder_wall: Duration::from_millis(1), ..Tools::default() };
    let request = ThumbnailRequest {
        source,
        media_type: "image/png".to_owned(),
        sizes: vec![64],
        out_dir: folder.path().to_owned(),
    };
    let outcome = make_thumbnails(request, &tools).await;
    assert!(
        matches!(outcome, ThumbnailOutcome::Failed { code: FailureCode::ThumbIo, retryable: true, .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_head_that_promises_what_the_file_does_not_hold_is_refused() {
    for (name, bytes) in red_files() {
        for length in [12, 20, 40] {
            let folder = tempfile::tempdir().unwrap();
            let outcome = thumbnails(folder.path(), name, &bytes[..bytes.len().min(length)]).await;
            match outcome {
                // The first bytes of a PDF are readable, and so are those of a drawing: both are text then.
                ThumbnailOutcome::Made { .. } => {
                    assert!(
                        [".pdf", ".svg"].iter().any(|ending| name.ends_with(ending)),
                        "{name} at {length}"
                    );
                }
                ThumbnailOutcome::Unsupported { .. } => {}
                ThumbnailOutcome::Failed { code, .. } => {
                    assert_eq!(code, FailureCode::ThumbBroken, "{name} at {length}");
                }
            }
        }
    }
}
