//! The right colours in the right places, for each kind of file that is drawn (domain.md T1-T5).
//!
//! Every picture has a red, a green, a blue and a white quarter unless it says otherwise. `VITRINE_KEEP_PICTURES` names
//! a folder for a person who wants to look at them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test may stop at the first surprise"
)]

mod common;

use std::path::Path;
use std::process::Command;

use common::build::{
    Tag, idat, jpeg, jpeg_with, png_chunk, png_of, riff, segment, strip, tag, tiff_lzw, tiff_of, webp, with,
    zip, zlib,
};
use common::{Picture, picture};
use moxcms::ColorProfile;

const SIDES: (usize, usize) = (96, 64);
const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];
const WHITE: [u8; 3] = [255, 255, 255];

fn quarter(x: usize, y: usize) -> [u8; 3] {
    match (x < SIDES.0 / 2, y < SIDES.1 / 2) {
        (true, true) => RED,
        (false, true) => GREEN,
        (true, false) => BLUE,
        (false, false) => WHITE,
    }
}

fn each_pixel<const N: usize>(paint: impl Fn(usize, usize) -> [u8; N]) -> Vec<u8> {
    (0..SIDES.1).flat_map(|y| (0..SIDES.0).map(move |x| (x, y))).flat_map(|(x, y)| paint(x, y)).collect()
}

fn quarters() -> Vec<u8> {
    each_pixel(quarter)
}

/// An index into red, green, blue and white.
fn index(x: usize, y: usize) -> u8 {
    [RED, GREEN, BLUE, WHITE].iter().position(|color| *color == quarter(x, y)).unwrap() as u8
}

fn assert_quarters(picture: &Picture, what: &str) {
    for (place, wanted) in [((25, 25), RED), ((75, 25), GREEN), ((25, 75), BLUE), ((75, 75), WHITE)] {
        picture.assert_at(place, wanted, 24, what);
    }
    assert_eq!((picture.image.width, picture.image.height), SIDES, "{what}");
}

async fn assert_drawn(name: &str, bytes: Vec<u8>) {
    let made = picture(name, &bytes, 200).await;
    assert_quarters(&made, name);
    assert_eq!(made.facts.damage, None, "{name}");
}

fn png(depth: u8, color: u8, rows: &[u8], row_len: usize, before: &[Vec<u8>]) -> Vec<u8> {
    let chunks = [before, &[idat(rows.chunks(row_len))]].concat();
    png_of((SIDES.0 as u32, SIDES.1 as u32), depth, color, false, &chunks)
}

#[tokio::test]
async fn png_of_every_kind() {
    let (width, _) = SIDES;
    assert_drawn("rgb.png", png(8, 2, &quarters(), width * 3, &[])).await;
    let deep: Vec<u8> = quarters().iter().flat_map(|sample| [*sample, 0x55]).collect();
    assert_drawn("sixteen-bit.png", png(16, 2, &deep, width * 6, &[])).await;
    let palette = png_chunk(b"PLTE", &[RED, GREEN, BLUE, WHITE].concat());
    let indexed = each_pixel(|x, y| [index(x, y)]);
    assert_drawn("palette.png", png(8, 3, &indexed, width, std::slice::from_ref(&palette))).await;
    let packed: Vec<u8> =
        indexed.chunks(4).map(|four| four.iter().fold(0, |byte, index| byte << 2 | index)).collect();
    assert_drawn("palette-2-bit.png", png(2, 3, &packed, width / 4, std::slice::from_ref(&palette))).await;
    let alpha = each_pixel(|x, y| {
        let [r, g, b] = quarter(x, y);
        // The white quarter is transparent black, which is white on paper.
        if quarter(x, y) == WHITE { [0, 0, 0, 0] } else { [r, g, b, 255] }
    });
    assert_drawn("alpha.png", png(8, 6, &alpha, width * 4, &[])).await;
    let clear = [palette, png_chunk(b"tRNS", &[255, 255, 255, 0])];
    assert_drawn("palette-transparent.png", png(8, 3, &indexed, width, &clear)).await;
}

#[tokio::test]
async fn interlaced_png() {
    // Start and step of the seven passes. Source: PNG specification, section 8.2.
    let passes =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    let mut data = Vec::new();
    for (left, top, across, down) in passes {
        for y in (top..SIDES.1).step_by(down) {
            data.push(0);
            (left..SIDES.0).step_by(across).for_each(|x| data.extend(quarter(x, y)));
        }
    }
    let chunk = png_chunk(b"IDAT", &zlib(&data));
    let bytes = png_of((SIDES.0 as u32, SIDES.1 as u32), 8, 2, true, &[chunk]);
    assert_drawn("interlaced.png", bytes).await;
}

/// A profile under which red and blue change places.
fn swapped_profile() -> Vec<u8> {
    let mut profile = ColorProfile::new_srgb();
    std::mem::swap(&mut profile.red_colorant, &mut profile.blue_colorant);
    // Without it the profile would be taken for what its name says.
    profile.cicp = None;
    profile.encode().unwrap()
}

fn assert_swapped(picture: &Picture, what: &str) {
    for (place, wanted) in [((25, 25), BLUE), ((75, 25), GREEN), ((25, 75), RED), ((75, 75), WHITE)] {
        picture.assert_at(place, wanted, 24, what);
    }
}

#[tokio::test]
async fn a_profile_is_applied_in_every_format_that_carries_one() {
    let profile = swapped_profile();
    let chunk = png_chunk(b"iCCP", &[b"swapped\0\0".as_slice(), &zlib(&profile)].concat());
    let bytes = png(8, 2, &quarters(), SIDES.0 * 3, &[chunk]);
    assert_swapped(&picture("profile.png", &bytes, 200).await, "png");

    let halves: Vec<u8> = profile
        .chunks(profile.len().div_ceil(2))
        .enumerate()
        .flat_map(|(at, part)| segment(0xe2, &[b"ICC_PROFILE\0", &[at as u8 + 1, 2][..], part].concat()))
        .collect();
    let bytes = jpeg_with(&jpeg(SIDES.0, SIDES.1, quarter), &halves);
    assert_swapped(&picture("profile.jpg", &bytes, 200).await, "jpeg");

    let opaque: Vec<u64> = profile.iter().map(|byte| u64::from(*byte)).collect();
    let bytes = tiff_of(false, &with(rgb_strip(1, quarters().len()), [(34675, 7, opaque)]), &quarters(), 0);
    assert_swapped(&picture("profile.tif", &bytes, 200).await, "tiff");

    let still = webp(&quarters(), SIDES);
    let mut header = vec![0x20, 0, 0, 0];
    header.extend(&(SIDES.0 as u32 - 1).to_le_bytes()[..3]);
    header.extend(&(SIDES.1 as u32 - 1).to_le_bytes()[..3]);
    let bytes = riff(b"WEBP", &[(b"VP8X", header), (b"ICCP", profile), (b"VP8L", still[20..].to_vec())]);
    assert_swapped(&picture("profile.webp", &bytes, 200).await, "webp");
}

#[tokio::test]
async fn wide_gamut_colours_become_the_nearest_of_srgb() {
    // Display P3's middle green is greener than sRGB has: red goes to its end and green grows.
    let mut profile = ColorProfile::new_display_p3();
    profile.cicp = None;
    let chunk = png_chunk(b"iCCP", &[b"p3\0\0".as_slice(), &zlib(&profile.encode().unwrap())].concat());
    let bytes = png(8, 2, &each_pixel(|_, _| [60, 200, 60]), SIDES.0 * 3, &[chunk]);
    picture("p3.png", &bytes, 200).await.assert_at((50, 50), [0, 203, 11], 12, "Display P3");
}

#[tokio::test]
async fn gif_with_a_frame_smaller_than_its_canvas() {
    let (width, height) = SIDES;
    let mut bytes = Vec::new();
    let palette = [RED, GREEN, BLUE, WHITE].concat();
    let mut encoder = gif::Encoder::new(&mut bytes, width as u16, height as u16, &palette).unwrap();
    // Only the left half and the upper half of the right one: the rest of the canvas stays paper.
    let left: Vec<u8> = (0..height).flat_map(|y| (0..width / 2).map(move |x| index(x, y))).collect();
    let frame = gif::Frame {
        width: width as u16,
        height: height as u16,
        buffer: each_pixel(|x, y| [index(x, y)]).into(),
        ..gif::Frame::default()
    };
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    assert_drawn("whole.gif", bytes).await;

    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width as u16, height as u16, &palette).unwrap();
    let frame = gif::Frame {
        width: width as u16 / 2,
        height: height as u16,
        buffer: left.into(),
        ..gif::Frame::default()
    };
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    let made = picture("part.gif", &bytes, 200).await;
    made.assert_at((25, 25), RED, 24, "part.gif");
    made.assert_at((25, 75), BLUE, 24, "part.gif");
    made.assert_at((75, 25), WHITE, 24, "part.gif");
}

#[tokio::test]
async fn webp_lossless() {
    assert_drawn("lossless.webp", webp(&quarters(), SIDES)).await;
}

fn rgb_strip(compression: u64, len: usize) -> Vec<Tag> {
    strip(SIDES.0 as u32, SIDES.1 as u32, 3, 2, compression, len)
}

#[tokio::test]
async fn tiff_of_every_compression() {
    let plain = quarters();
    for (name, compression, data) in [
        ("plain.tif", 1, plain.clone()),
        ("lzw.tif", 5, tiff_lzw(&plain)),
        ("deflate.tif", 8, zlib(&plain)),
        ("deflate-old.tif", 32946, zlib(&plain)),
        // Literal runs of 96 bytes.
        ("packbits.tif", 32773, plain.chunks(96).flat_map(|run| [&[95], run].concat()).collect()),
    ] {
        assert_drawn(name, tiff_of(false, &rgb_strip(compression, data.len()), &data, 0)).await;
        assert_drawn(&format!("big-{name}"), {
            let mut tags = rgb_strip(compression, data.len());
            tags = with(tags, [(273, 16, vec![16])]);
            tiff_of(true, &tags, &data, 0)
        })
        .await;
    }
    let differences: Vec<u8> = plain
        .chunks(SIDES.0 * 3)
        .flat_map(|row| (0..row.len()).map(|at| row[at].wrapping_sub(if at < 3 { 0 } else { row[at - 3] })))
        .collect();
    let data = tiff_lzw(&differences);
    let tags = with(rgb_strip(5, data.len()), [tag(317, 2)]);
    assert_drawn("lzw-predicted.tif", tiff_of(false, &tags, &data, 0)).await;
    let data = jpeg(SIDES.0, SIDES.1, quarter);
    let tags = with(rgb_strip(7, data.len()), [tag(262, 6)]);
    assert_drawn("jpeg.tif", tiff_of(false, &tags, &data, 0)).await;
}

#[tokio::test]
async fn tiff_of_every_arrangement() {
    let (width, height) = SIDES;
    let plain = quarters();
    // Tiles of 64 by 48: the last column and row stick out.
    let tile = (64, 48);
    let mut tiles = Vec::new();
    for top in (0..height).step_by(tile.1) {
        for left in (0..width).step_by(tile.0) {
            for y in top..top + tile.1 {
                (left..left + tile.0)
                    .for_each(|x| tiles.extend(if x < width { quarter(x, y) } else { [7; 3] }));
            }
        }
    }
    let tile_len = (tile.0 * tile.1 * 3) as u64;
    let tiled = [
        tag(322, tile.0 as u64),
        tag(323, tile.1 as u64),
        (324, 4, (0..4).map(|at| 8 + at * tile_len).collect()),
        (325, 4, vec![tile_len; 4]),
    ];
    assert_drawn("tiled.tif", tiff_of(false, &with(rgb_strip(1, 0), tiled), &tiles, 0)).await;

    let planes: Vec<u8> = (0..3).flat_map(|plane| each_pixel(move |x, y| [quarter(x, y)[plane]])).collect();
    let plane_len = (width * height) as u64;
    let planar = [
        tag(284, 2),
        (273, 4, (0..3).map(|plane| 8 + plane * plane_len).collect()),
        (279, 4, vec![plane_len; 3]),
    ];
    assert_drawn("planar.tif", tiff_of(false, &with(rgb_strip(1, 0), planar), &planes, 0)).await;

    let rows = [
        tag(278, 10),
        (273, 4, (0..7).map(|strip| 8 + strip * (width * 30) as u64).collect()),
        (279, 4, vec![(width * 30) as u64; 7]),
    ];
    assert_drawn("strips.tif", tiff_of(false, &with(rgb_strip(1, 0), rows), &plain, 0)).await;

    let deep: Vec<u8> = plain.iter().flat_map(|sample| [0x55, *sample]).collect();
    let tags = with(rgb_strip(1, deep.len()), [(258, 3, vec![16; 3])]);
    assert_drawn("sixteen-bit.tif", tiff_of(false, &tags, &deep, 0)).await;

    let indexed = each_pixel(|x, y| [index(x, y)]);
    let mut colors = vec![0; 768];
    for (index, color) in [RED, GREEN, BLUE, WHITE].iter().enumerate() {
        (0..3).for_each(|channel| colors[channel * 256 + index] = u64::from(color[channel]) * 257);
    }
    let tags = with(strip(width as u32, height as u32, 1, 3, 1, indexed.len()), [(320, 3, colors)]);
    assert_drawn("palette.tif", tiff_of(false, &tags, &indexed, 0)).await;

    let alpha = each_pixel(|x, y| match quarter(x, y) {
        WHITE => [9, 9, 9, 0],
        [r, g, b] => [r, g, b, 255],
    });
    let tags = with(strip(width as u32, height as u32, 4, 2, 1, alpha.len()), [tag(338, 2)]);
    assert_drawn("alpha.tif", tiff_of(false, &tags, &alpha, 0)).await;

    let page_two = tiff_of(false, &rgb_strip(1, plain.len()), &plain, 0);
    assert_drawn("first-page.tif", page_two).await;
}

#[tokio::test]
async fn fax_of_both_groups_with_and_without_an_end() {
    // Black on the left of the upper half: a page with one black quarter.
    let (width, height) = SIDES;
    let black = |x: usize, y: usize| x < width / 2 && y < height / 2;
    let lines =
        |y: usize| (0..width).map(move |x| if black(x, y) { fax::Color::Black } else { fax::Color::White });
    let mut encoder = fax::encoder::Encoder::new(fax::VecWriter::new());
    (0..height).for_each(|y| encoder.encode_line(lines(y), width as u32).unwrap());
    let group4 = encoder.finish().unwrap().finish();
    let group3 = group3_lines(width, height, black);
    let mut with_end = group3.clone();
    with_end.extend([0x00, 0x10, 0x01, 0x00, 0x10, 0x01, 0x00, 0x10, 0x01]);
    for (name, compression, data) in
        [("group4.tif", 4, group4), ("group3.tif", 3, group3), ("group3-end.tif", 3, with_end)]
    {
        let tags = with(strip(width as u32, height as u32, 1, 0, compression, data.len()), [tag(258, 1)]);
        let made = picture(name, &tiff_of(false, &tags, &data, 0), 200).await;
        assert_eq!(made.facts.damage, None, "{name}");
        for (place, wanted) in [((25, 25), [0; 3]), ((75, 25), WHITE), ((25, 75), WHITE), ((75, 75), WHITE)] {
            made.assert_at(place, wanted, 24, name);
        }
    }
}

/// Group 3 lines, each after its end-of-line mark. Source: ITU-T T.4 tables 2 and 3.
fn group3_lines(width: usize, height: usize, black: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    assert_eq!(width, 96);
    const END: &str = "000000000001";
    // White 0, black 48, white 48; and white 64, white 32.
    const HALF: &str = concat!("00110101", "000001100100", "00001011");
    const NONE: &str = concat!("11011", "00011011");
    let mut bits = String::new();
    for y in 0..height {
        bits.push_str(END);
        bits.push_str(if black(0, y) { HALF } else { NONE });
    }
    bits.push_str(&"0".repeat(bits.len().next_multiple_of(8) - bits.len()));
    bits.as_bytes().chunks(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | (bit - b'0'))).collect()
}

#[tokio::test]
async fn previews_of_office_documents_and_covers_of_books() {
    let preview = jpeg(SIDES.0, SIDES.1, quarter);
    let still = png(8, 2, &quarters(), SIDES.0 * 3, &[]);
    let types = br#"<Types><Override ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;
    let docx = zip(&[("[Content_Types].xml", types), ("docProps/thumbnail.jpeg", &preview)]);
    assert_drawn("preview.docx", docx).await;
    let odt = zip(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("content.xml", b"<x/>"),
        ("Thumbnails/thumbnail.png", &still),
    ]);
    assert_drawn("preview.odt", odt).await;
    let container = br#"<container><rootfiles><rootfile full-path="OPS/p.opf"/></rootfiles></container>"#;
    let package = br#"<package><metadata><meta name="cover" content="right"/></metadata><manifest><item id="wrong" href="wrong.jpg" media-type="image/jpeg"/><item id="right" href="images/right.jpg" media-type="image/jpeg"/></manifest></package>"#;
    let wrong = jpeg(SIDES.0, SIDES.1, |_, _| [0; 3]);
    let epub = zip(&[
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", container),
        ("OPS/p.opf", package),
        ("OPS/wrong.jpg", &wrong),
        ("OPS/images/right.jpg", &preview),
    ]);
    assert_drawn("cover.epub", epub).await;
}

/// Lets ffmpeg make a file for the test; `None` where there is no ffmpeg.
fn made_by_ffmpeg(
    folder: &Path,
    name: &str,
    input: &[u8],
    before: &[&str],
    after: &[&str],
) -> Option<Vec<u8>> {
    let Some(ffmpeg) = common::tools().ffmpeg else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "ffmpeg is not there");
        eprintln!("skipped {name}: ffmpeg is not there");
        return None;
    };
    let (source, made) = (folder.join("source"), folder.join(name));
    std::fs::write(&source, input).unwrap();
    let status = Command::new(ffmpeg)
        .args(["-nostdin", "-loglevel", "error", "-y"])
        .args(before)
        .arg("-i")
        .arg(&source)
        .args(after)
        .arg(&made)
        .status()
        .unwrap();
    assert!(status.success(), "ffmpeg did not make {name}");
    Some(std::fs::read(made).unwrap())
}

const RAW: [&str; 8] =
    ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", "96x64", "-framerate", "10"];

#[tokio::test]
async fn jpeg_2000() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["-c:v", "jpeg2000", "-pix_fmt", "rgb24", "-frames:v", "1"];
    if let Some(bytes) = made_by_ffmpeg(folder.path(), "a.jp2", &quarters(), &RAW, &options) {
        assert_drawn("a.jp2", bytes).await;
    }
}

#[tokio::test]
async fn a_frame_of_a_film_that_is_not_its_black_beginning() {
    let folder = tempfile::tempdir().unwrap();
    // One second of black, then two of quarters.
    let frames = [vec![0; quarters().len() * 10], quarters().repeat(20)].concat();
    for (name, options) in [
        ("a.mp4", ["-c:v", "mpeg4", "-q:v", "2"]),
        ("a.mkv", ["-c:v", "mpeg4", "-q:v", "2"]),
        ("a.avi", ["-c:v", "mjpeg", "-q:v", "2"]),
    ] {
        let Some(bytes) = made_by_ffmpeg(folder.path(), name, &frames, &RAW, &options) else { return };
        let made = picture(name, &bytes, 200).await;
        assert_quarters(&made, name);
        assert_eq!((made.facts.width, made.facts.height), (Some(96), Some(64)), "{name}");
        assert!(
            made.facts.duration_ms.is_some_and(|ms| ms.abs_diff(3000) <= 100),
            "{name}: {:?}",
            made.facts
        );
    }
}

#[tokio::test]
async fn the_waveform_of_a_sound_is_where_the_sound_is() {
    if common::tools().ffmpeg.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "ffmpeg is not there");
        eprintln!("skipped: ffmpeg is not there");
        return;
    }
    // Half a second at full loudness, then half a second of silence.
    let mut samples: Vec<u8> =
        (0..4000).flat_map(|at| if at / 20 % 2 == 0 { 32_000i16 } else { -32_000 }.to_le_bytes()).collect();
    samples.resize(16_000, 0);
    let mut format = vec![1, 0, 1, 0];
    format.extend(8000u32.to_le_bytes());
    format.extend(16_000u32.to_le_bytes());
    format.extend([2, 0, 16, 0]);
    let made = picture("a.wav", &riff(b"WAVE", &[(b"fmt ", format), (b"data", samples)]), 200).await;
    // ffmpeg rounds to even.
    assert_eq!((made.image.width, made.image.height.next_multiple_of(2)), (200, 74));
    assert_eq!((made.facts.duration_ms, made.facts.width), (Some(1000), None));
    let ink = [0x2d, 0x5d, 0x7b];
    made.assert_at((25, 40), ink, 60, "loud");
    made.assert_at((25, 60), ink, 60, "loud");
    made.assert_at((75, 20), WHITE, 24, "silent");
    made.assert_at((75, 80), WHITE, 24, "silent");
}

#[tokio::test]
async fn a_page_of_text_has_its_ink_where_the_lines_are() {
    let made = picture("a.txt", "Call me Ishmael. ".repeat(4).repeat(3).as_bytes(), 200).await;
    let dark = |rows: std::ops::Range<usize>| {
        rows.flat_map(|y| (0..made.image.width).map(move |x| (x, y)))
            .filter(|(x, y)| made.image.pixels[y * made.image.pitch + x * 3] < 160)
            .count()
    };
    let height = made.image.height;
    assert!(dark(0..height / 10) > 20, "no text at the top");
    assert_eq!(dark(height / 2..height), 0, "ink below the text");
}
