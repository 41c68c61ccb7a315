//! A photograph that was taken with the camera turned comes out upright (T1): all eight orientations, corner by corner.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use std::path::PathBuf;

use turbojpeg::{Image, PixelFormat, Subsamp, compress, decompress};
use vitrine_media::{ThumbnailOutcome, ThumbnailRequest, Tools, make_thumbnails};

const RED: [u8; 3] = [220, 20, 20];
const GREEN: [u8; 3] = [20, 200, 20];
const BLUE: [u8; 3] = [20, 20, 220];
const WHITE: [u8; 3] = [250, 250, 250];

/// Red top left, green top right, blue bottom left, white bottom right; wider than high.
fn photograph(orientation: u8) -> Vec<u8> {
    let (width, height) = (96, 64);
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            pixels.extend(match (x < width / 2, y < height / 2) {
                (true, true) => RED,
                (false, true) => GREEN,
                (true, false) => BLUE,
                (false, false) => WHITE,
            });
        }
    }
    let image =
        Image { pixels: pixels.as_slice(), width, pitch: width * 3, height, format: PixelFormat::RGB };
    let jpeg = compress(image, 95, Subsamp::None).unwrap();
    // One directory with one entry: tag 0x0112, one short.
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

async fn drawn(name: &str, bytes: &[u8]) -> Image<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join(name);
    std::fs::write(&source, bytes).unwrap();
    let request = ThumbnailRequest {
        source,
        media_type: "image/jpeg".to_owned(),
        sizes: vec![96],
        out_dir: folder.path().to_owned(),
    };
    let tools =
        Tools { child_program: Some(PathBuf::from(env!("CARGO_BIN_EXE_thumbnail"))), ..Tools::default() };
    match make_thumbnails(request, &tools).await {
        ThumbnailOutcome::Made { thumbnails, .. } => {
            decompress(&std::fs::read(&thumbnails[0].path).unwrap(), PixelFormat::RGB).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn is_near(image: &Image<Vec<u8>>, x: usize, y: usize, wanted: [u8; 3]) -> bool {
    let at = y * image.pitch + x * 3;
    image.pixels[at..at + 3].iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) < 40)
}

#[tokio::test]
async fn every_orientation_comes_out_upright() {
    // For each orientation: what is top left and top right when it is upright, and whether it is wider than high.
    let cases = [
        (1, RED, GREEN, true),
        (2, GREEN, RED, true),
        (3, WHITE, BLUE, true),
        (4, BLUE, WHITE, true),
        (5, RED, BLUE, false),
        (6, BLUE, RED, false),
        (7, WHITE, GREEN, false),
        (8, GREEN, WHITE, false),
    ];
    for (orientation, left, right, is_wide) in cases {
        let image = drawn("photo.jpg", &photograph(orientation)).await;
        assert_eq!((image.width, image.height), if is_wide { (96, 64) } else { (64, 96) }, "{orientation}");
        assert!(is_near(&image, 12, 12, left), "{orientation}: top left");
        assert!(is_near(&image, image.width - 12, 12, right), "{orientation}: top right");
    }
}

#[tokio::test]
async fn a_grey_photograph_stays_grey() {
    let pixels = vec![128_u8; 40 * 30];
    let image =
        Image { pixels: pixels.as_slice(), width: 40, pitch: 40, height: 30, format: PixelFormat::GRAY };
    let image = drawn("grey.jpg", &compress(image, 95, Subsamp::Gray).unwrap()).await;
    assert!(is_near(&image, 20, 15, [128, 128, 128]));
}

#[tokio::test]
async fn red_ink_of_a_cmyk_photograph_is_red() {
    // Adobe's CMYK is stored inverted: 255 is no ink.
    let pixels: Vec<u8> = [255_u8, 20, 20, 255].repeat(40 * 30);
    let image =
        Image { pixels: pixels.as_slice(), width: 40, pitch: 160, height: 30, format: PixelFormat::CMYK };
    let image = drawn("cmyk.jpg", &compress(image, 95, Subsamp::None).unwrap()).await;
    let at = 15 * image.pitch + 20 * 3;
    let (red, green, blue) = (image.pixels[at], image.pixels[at + 1], image.pixels[at + 2]);
    assert!(red > 150 && green < 110 && blue < 110, "{red} {green} {blue}");
}
