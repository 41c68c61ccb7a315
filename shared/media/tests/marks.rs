//! Marked copies through the real limited child: of every format, readable, everywhere, and never the source (A14).
//!
//! With `VITRINE_KEEP_PICTURES` naming a folder, what was made is left there to be looked at.
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

use common::build::{idat, jpeg, pdf, png_of, stream, strip, tiff_of, webp, zlib_zeros};
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::content::UntypedIter;
use hayro::hayro_syntax::object::Object;
use vitrine_media::{HEAD_LEN, MarkOutcome, MarkRequest, identify, make_marked};

const TEXT: &str = "Copy for fay, 2026-11-30. Not to be passed on.";
/// Grey, so that light letters and their dark edges both show.
const GROUND: u8 = 128;

fn mime_of(name: &str, bytes: &[u8]) -> String {
    identify(&bytes[..bytes.len().min(HEAD_LEN)], name).mime.into_owned()
}

async fn marked(
    name: &str,
    bytes: &[u8],
    text: &str,
    long_side: u32,
) -> Result<(String, Vec<u8>), MarkOutcome> {
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (folder.path().join("source"), folder.path().join("marked"));
    std::fs::write(&source, bytes).unwrap();
    let media_type = mime_of(name, bytes);
    let request = MarkRequest { source, media_type, text: text.to_owned(), long_side, out: out.clone() };
    match make_marked(request, &common::tools()).await {
        MarkOutcome::Made { mime, size_bytes, .. } => {
            let made = std::fs::read(out).unwrap();
            assert_eq!(made.len() as u64, size_bytes);
            if let Some(kept) = std::env::var_os("VITRINE_KEEP_PICTURES") {
                let ending = if mime == "application/pdf" { "pdf" } else { "jpg" };
                std::fs::write(Path::new(&kept).join(format!("marked-{name}.{ending}")), &made).unwrap();
            }
            Ok((mime, made))
        }
        refused => {
            assert!(!out.exists(), "{name}: what is refused leaves nothing");
            Err(refused)
        }
    }
}

async fn picture(name: &str, bytes: &[u8], long_side: u32) -> turbojpeg::Image<Vec<u8>> {
    let (mime, made) =
        marked(name, bytes, TEXT, long_side).await.unwrap_or_else(|it| panic!("{name}: {it:?}"));
    assert_eq!(mime, "image/jpeg", "{name}");
    assert_ne!(made, bytes);
    turbojpeg::decompress(&made, turbojpeg::PixelFormat::RGB).unwrap()
}

/// How many hundredths of a part of a picture, given in tenths of its sides, are lighter and darker than the ground.
fn changed(
    picture: &turbojpeg::Image<Vec<u8>>,
    (left, top, right, bottom): (usize, usize, usize, usize),
) -> (usize, usize) {
    let (width, height) = (picture.width, picture.height);
    let (mut light, mut dark, mut all) = (0, 0, 0);
    for y in height * top / 10..height * bottom / 10 {
        for x in width * left / 10..width * right / 10 {
            let gray = picture.pixels[y * picture.pitch + x * 3];
            all += 1;
            light += usize::from(gray > GROUND + 12);
            dark += usize::from(gray < GROUND - 12);
        }
    }
    (light * 100 / all, dark * 100 / all)
}

fn grey(width: usize, height: usize) -> Vec<u8> {
    jpeg(width, height, |_, _| [GROUND; 3])
}

fn by_ffmpeg(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let ffmpeg = common::tools().ffmpeg?;
    let (from, to) = (folder.join("from.jpg"), folder.join(name));
    std::fs::write(&from, grey(700, 500)).unwrap();
    Command::new(ffmpeg).args(["-v", "error", "-i"]).arg(&from).arg(&to).status().unwrap();
    std::fs::read(to).ok()
}

/// The same grey picture of 600 by 400 in every format that is marked.
fn pictures() -> Vec<(&'static str, Vec<u8>)> {
    let rgb = vec![GROUND; 600 * 400 * 3];
    let mut gif = Vec::new();
    let mut encoder = gif::Encoder::new(&mut gif, 600, 400, &[GROUND; 3]).unwrap();
    encoder.write_frame(&gif::Frame::from_indexed_pixels(600, 400, vec![0; 600 * 400], None)).unwrap();
    drop(encoder);
    let mut bmp = b"BM".to_vec();
    for word in [54 + 600 * 400 * 3, 0, 54, 40, 600, 400, 1 | 24 << 16, 0, 0, 0, 0, 0, 0u32] {
        bmp.extend(word.to_le_bytes());
    }
    bmp.extend(&rgb);
    let tiff = tiff_of(false, &strip(600, 400, 3, 2, 1, rgb.len()), &rgb, 0);
    let png = png_of((600, 400), 8, 2, false, &[idat(rgb.chunks(1800))]);
    let svg = br##"<svg xmlns="http://www.w3.org/2000/svg" width="600" height="400"><rect width="600" height="400" fill="#808080"/></svg>"##;
    let mut all = vec![
        ("a.jpg", grey(600, 400)),
        ("a.png", png),
        ("a.gif", gif),
        ("a.bmp", bmp),
        ("a.tif", tiff),
        ("a.webp", webp(&rgb, (600, 400))),
        ("a.svg", svg.to_vec()),
    ];
    let folder = tempfile::tempdir().unwrap();
    all.extend(by_ffmpeg(folder.path(), "a.jp2").map(|bytes| ("a.jp2", bytes)));
    all
}

#[tokio::test]
async fn a14_a_picture_of_every_format_is_marked_in_every_part() {
    for (name, bytes) in pictures() {
        let picture = picture(name, &bytes, 3000).await;
        for part in [(0, 0, 5, 5), (5, 0, 10, 5), (0, 5, 5, 10), (5, 5, 10, 10), (3, 3, 7, 7)] {
            let (light, dark) = changed(&picture, part);
            assert!(
                (1..40).contains(&light) && (1..40).contains(&dark),
                "{name} {part:?}: {light} % {dark} %"
            );
        }
    }
}

#[tokio::test]
async fn a_mark_shows_on_black_and_on_white_and_on_what_is_very_small_or_very_long() {
    for (name, ground, width, height) in [
        ("black.jpg", 0, 900, 700),
        ("white.jpg", 255, 900, 700),
        ("pixel.jpg", 90, 1, 1),
        ("strip.jpg", 90, 2500, 40),
        ("tower.jpg", 90, 30, 900),
    ] {
        let picture = picture(name, &jpeg(width, height, |_, _| [ground; 3]), 3000).await;
        assert!(
            picture.width.max(picture.height) >= 400 && picture.width.min(picture.height) >= 160,
            "{name}"
        );
        let differs =
            picture.pixels.iter().filter(|it| it.abs_diff(ground) > 25).count() * 100 / picture.pixels.len();
        assert!(differs >= 2, "{name}: {differs} %");
    }
}

#[tokio::test]
async fn a_picture_is_as_large_as_asked_and_upright() {
    let large = picture("large.jpg", &grey(4400, 3300), 3000).await;
    assert_eq!((large.width, large.height), (3000, 2250));
    let small = picture("limited.jpg", &grey(4400, 3300), 1024).await;
    assert_eq!((small.width, small.height), (1024, 768));
    // Exif says that it is to be turned to the right.
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let turned = common::build::jpeg_with(&grey(900, 600), &common::build::segment(0xe1, exif));
    let turned = picture("turned.jpg", &turned, 3000).await;
    assert_eq!((turned.width, turned.height), (600, 900));
}

#[tokio::test]
async fn another_text_is_another_picture_and_the_same_text_the_same() {
    let source = grey(600, 400);
    let copies = [TEXT, "Copy for ben, 2026-11-30. Not to be passed on.", TEXT];
    let mut made = Vec::new();
    for text in copies {
        made.push(marked("same.jpg", &source, text, 3000).await.unwrap().1);
    }
    assert_ne!(made[0], made[1]);
    assert_eq!(made[0], made[2]);
}

/// A document of pages of these sizes and turns, each with a word of its own on it, a note beside it and a file attached.
fn document(pages: &[(&str, u32)]) -> Vec<u8> {
    let first = 7;
    let kids: String = (0..pages.len()).map(|page| format!("{} 0 R ", first + page * 2)).collect();
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names [(a) 4 0 R] >> >> /OpenAction 6 0 R >>".to_vec(),
        format!("<< /Type /Pages /Kids [{kids}] /Count {} >>", pages.len()).into_bytes(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_vec(),
        b"<< /Type /Filespec /F (secret.txt) /EF << /F 5 0 R >> >>".to_vec(),
        stream("/Type /EmbeddedFile", b"the attached secret"),
        b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>".to_vec(),
    ];
    for (number, (media, turn)) in pages.iter().enumerate() {
        objects.push(
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [{media}] /Rotate {turn} /Contents {} 0 R \
                 /Resources << /Font << /MarkFont 3 0 R >> >> >>",
                first + number * 2 + 1
            )
            .into_bytes(),
        );
        // Unbalanced on purpose: what a page leaves behind does not reach the mark.
        let words =
            format!("q 0.5 0 0 0.5 0 0 cm BT /MarkFont 48 Tf 100 400 Td (Loomings{number}) Tj ET q q");
        objects.push(stream("", words.as_bytes()));
    }
    pdf(&objects, "")
}

/// What is written on the drawings of a document, read by its own font's table of characters.
fn written_on(marked: &[u8]) -> String {
    let pdf = Pdf::new(std::sync::Arc::new(marked.to_vec())).unwrap();
    let streams: Vec<Vec<u8>> = pdf
        .objects()
        .into_iter()
        .filter_map(|object| match object {
            Object::Stream(stream) => stream.decoded().ok().map(|bytes| bytes.to_vec()),
            _ => None,
        })
        .collect();
    let table =
        streams.iter().map(|it| String::from_utf8_lossy(it)).find(|it| it.contains("beginbfchar")).unwrap();
    let characters: std::collections::HashMap<u16, char> = table
        .lines()
        .filter_map(|line| line.strip_prefix('<')?.strip_suffix('>')?.split_once("> <"))
        .filter_map(|(glyph, character)| {
            let number = u32::from_str_radix(character, 16).ok()?;
            Some((u16::from_str_radix(glyph, 16).ok()?, char::from_u32(number)?))
        })
        .collect();
    let mut said = String::new();
    for drawing in streams.iter().filter(|it| {
        it.windows(9).any(|word| word == b"/MarkFont") && it.windows(4).any(|word| word == b"2 Tr")
    }) {
        let mut operations = UntypedIter::new(drawing);
        while let Some(operation) = operations.next() {
            for operand in operation.operands() {
                if let Object::String(text) = operand {
                    said.extend(
                        text.chunks(2).filter_map(|it| characters.get(&u16::from_be_bytes([it[0], it[1]]))),
                    );
                    said.push('\n');
                }
            }
        }
    }
    said
}

#[tokio::test]
async fn a14_a_document_says_the_text_on_every_page_and_keeps_its_own() {
    let pages = [("0 0 595 842", 0), ("0 0 595 842", 90), ("-100 -50 300 250", 0), ("0 0 595 842", 0)];
    let source = document(&pages);
    let (mime, made) = marked("a.pdf", &source, TEXT, 3000).await.unwrap();
    assert_eq!(mime, "application/pdf");
    assert!(written_on(&made).contains("Copy for fay, 2026-11-30."), "{}", written_on(&made));
    let again = Pdf::new(std::sync::Arc::new(made.clone())).unwrap();
    let sides: Vec<_> = again.pages().iter().map(|page| page.render_dimensions()).collect();
    assert_eq!(sides, [(595.0, 842.0), (842.0, 595.0), (400.0, 300.0), (595.0, 842.0)]);
    // Nothing of the source is left to cut out, and what was not on a page stayed behind.
    for left in [&source[..200], b"secret", b"JavaScript", b"EmbeddedFile"] {
        assert!(!made.windows(left.len()).any(|it| it == left), "{}", String::from_utf8_lossy(left));
    }
    // What somebody else's program reads in it, where there is one.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("marked.pdf");
    std::fs::write(&path, &made).unwrap();
    for page in 1..=pages.len() {
        let number = page.to_string();
        let run = Command::new("pdftotext").args(["-f", &number, "-l", &number]).arg(&path).arg("-").output();
        let Ok(run) = run else { return };
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let said = String::from_utf8(run.stdout).unwrap();
        assert!(said.contains("Copy for fay, 2026-11-30. Not to be passed on."), "page {page}: {said}");
        assert!(said.contains(&format!("Loomings{}", page - 1)), "page {page}: {said}");
    }
}

#[tokio::test]
async fn names_in_other_letters_are_found_in_the_document_or_written_as_numbers() {
    for (text, said) in [("Für Żółć и София", "Für Żółć и София"), ("李 2026-11-30", "U+674E 2026-11-30")]
    {
        let (_, made) = marked("names.pdf", &document(&[("0 0 595 842", 0)]), text, 3000).await.unwrap();
        assert!(written_on(&made).contains(said), "{}", written_on(&made));
    }
}

#[tokio::test]
async fn what_can_not_be_marked_leaves_nothing() {
    let page = document(&[("0 0 595 842", 0)]);
    let many: Vec<_> = std::iter::repeat_n(("0 0 595 842", 0), 301).collect();
    let encrypted = {
        let mut objects = vec![
            b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
            b"<< /Type /Pages /Kids [] /Count 0 >>".to_vec(),
        ];
        objects.push(b"<< /Filter /Standard /V 1 /R 2 /P -1 /O () /U () >>".to_vec());
        pdf(&objects, "/Encrypt 3 0 R")
    };
    for (name, bytes, text) in [
        ("a.txt", b"Call me Ishmael.".to_vec(), TEXT),
        ("a.mp3", b"ID3\x03\0\0\0\0\0\0".to_vec(), TEXT),
        ("a.zip", common::build::zip(&[("a", b"a")]), TEXT),
        ("301 pages.pdf", document(&many), TEXT),
        ("no pages.pdf", document(&[]), TEXT),
        ("page without a size.pdf", document(&[("0 0 0 0", 0), ("0 0 20000 20", 0)]), TEXT),
        ("encrypted.pdf", encrypted, TEXT),
        ("cut.pdf", page[..60].to_vec(), TEXT),
        ("cut.jpg", grey(600, 400)[..40].to_vec(), TEXT),
        ("no text.jpg", grey(600, 400), " \u{200b}\u{202e}\n"),
        ("long text.jpg", grey(600, 400), &"x".repeat(4001)),
        ("no text.pdf", page.clone(), "\u{feff}"),
    ] {
        let outcome = marked(name, &bytes, text, 3000).await;
        assert!(matches!(outcome, Err(MarkOutcome::Impossible { .. })), "{name}: {outcome:?}");
    }
    let nothing = marked("no side.jpg", &grey(9, 9), TEXT, 0).await;
    assert!(matches!(nothing, Err(MarkOutcome::Impossible { .. })));
}

#[tokio::test]
async fn a_document_of_300_pages_is_marked_and_a_bomb_ends_at_a_limit() {
    let many: Vec<_> = std::iter::repeat_n(("0 0 595 842", 0), 300).collect();
    let (_, made) = marked("300 pages.pdf", &document(&many), TEXT, 3000).await.unwrap();
    assert_eq!(Pdf::new(std::sync::Arc::new(made)).unwrap().pages().len(), 300);
    let catalog = b"<< /Type /Catalog /Pages 2 0 R >>".to_vec();
    let paged = |kids: &str, more: Vec<u8>| {
        pdf(
            &[
                catalog.clone(),
                format!("<< /Type /Pages /Kids [{kids}] /Count 1 >>").into_bytes(),
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 40 20] /Contents 4 0 R /Resources << /XObject << /X 4 0 R >> >> >>".to_vec(),
                more,
            ],
            "",
        )
    };
    let deep = format!("<< /Type /XObject /A {}{} >>", "[".repeat(200_000), "]".repeat(200_000)).into_bytes();
    for (name, bytes) in [
        ("content of a gigabyte.pdf", paged("3 0 R", stream("/Filter /FlateDecode", &zlib_zeros(1024)))),
        ("a million pages.pdf", paged(&"3 0 R ".repeat(1_000_000), stream("", b"q"))),
        ("nested.pdf", paged("3 0 R", deep)),
        ("large.tif", tiff_of(false, &strip(29_000, 29_000, 3, 2, 1, 9), &[0; 9], 0)),
    ] {
        let outcome = marked(name, &bytes, TEXT, 3000).await;
        eprintln!("{name}: {:?}", outcome.as_ref().map(|(mime, made)| (mime.clone(), made.len())));
        // A harmless rest may be marked; a source never comes back as it is.
        if let Ok((_, made)) = outcome {
            assert!(made.len() < 1 << 20, "{name}: {} bytes", made.len());
        }
    }
    let largest = common::largest_child();
    assert!(largest <= 512 << 20, "a child held {largest} bytes");
}

#[test]
fn a_text_that_names_a_patron_is_not_printed() {
    let request = MarkRequest {
        source: "a".into(),
        media_type: "image/png".into(),
        text: "fay".into(),
        long_side: 1,
        out: "b".into(),
    };
    assert!(!format!("{request:?}").contains("fay"));
}
