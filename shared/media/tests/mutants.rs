//! Honest files with damage: bits turned, lengths made extreme, pieces lost, doubled and swapped (reliability.md E.4).
//!
//! The damage comes from a seed, so a failure names what makes it again. `VITRINE_MUTANTS` asks for more of each file.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test may stop at the first surprise"
)]

mod common;

use std::sync::Mutex;

use common::build::{
    idat, jpeg, pdf, png_of, segment, stream, strip, tag, tiff_lzw, tiff_of, webp, with, zip, zlib,
};
use vitrine_media::{FailureCode, ThumbnailOutcome, Tools};

/// Mutants of each file unless more are asked for.
const MUTANTS: u64 = 24;

/// Small random numbers from a seed. Source: Vigna, splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn damaged(honest: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = honest.to_vec();
    for _ in 0..=random.below(4) {
        // Headers are where lengths are: half of the damage falls into the first tenth.
        let range = if random.below(2) == 0 { bytes.len() / 10 + 16 } else { bytes.len() };
        let at = random.below(range.min(bytes.len()));
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            2 => {
                let extreme: u32 = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0xffff][random.below(6)];
                let extreme =
                    if random.below(2) == 0 { extreme.to_be_bytes() } else { extreme.to_le_bytes() };
                bytes.iter_mut().skip(at).zip(extreme).for_each(|(byte, new)| *byte = new);
            }
            3 => bytes.truncate(at.max(12)),
            4 => {
                let end = (at + random.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let end = (at + random.below(256)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes
}

fn colored(x: usize, y: usize) -> [u8; 3] {
    [(x * 5) as u8, (y * 7) as u8, (x * y) as u8]
}

fn honest_files() -> Vec<(&'static str, Vec<u8>)> {
    let (width, height) = (48, 40);
    let rgb: Vec<u8> = (0..height).flat_map(|y| (0..width).flat_map(move |x| colored(x, y))).collect();
    let still = png_of((48, 40), 8, 2, false, &[idat(rgb.chunks(width * 3))]);
    let photo = jpeg(width, height, colored);
    let page = |compression, data: &[u8], more: Vec<common::build::Tag>| {
        tiff_of(false, &with(strip(48, 40, 3, 2, compression, data.len()), more), data, 0)
    };
    let tiles: Vec<u8> = rgb.iter().copied().cycle().take(4 * 32 * 32 * 3).collect();
    let tiled = vec![
        tag(322, 32),
        tag(323, 32),
        (324, 4, (0..4).map(|at| 8 + at * 3072).collect()),
        (325, 4, vec![3072; 4]),
    ];
    let mut gif = Vec::new();
    let indexed: Vec<u8> = (0..width * height).map(|at| (at % 4) as u8).collect();
    let mut encoder = gif::Encoder::new(&mut gif, 48, 40, &[0, 0, 0, 255, 0, 0, 0, 255, 0, 9, 9, 9]).unwrap();
    let frame = gif::Frame { width: 48, height: 40, buffer: indexed.into(), ..gif::Frame::default() };
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    let image = "/Type /XObject /Subtype /Image /Width 48 /Height 40 /BitsPerComponent 8 /ColorSpace /DeviceRGB /Filter /FlateDecode";
    let document = pdf(
        &[
            b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 60 40] /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>".to_vec(),
            stream("", b"q 40 0 0 30 5 5 cm /X Do Q BT /F 8 Tf 5 30 Td (CALL ME) Tj ET 1 0 0 rg 1 1 m 9 9 l 9 1 l f"),
            stream(image, &zlib(&rgb)),
        ],
        "",
    );
    let drawing = br##"<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><defs><linearGradient id="g"><stop offset="0" stop-color="red"/><stop offset="1" stop-color="#00f"/></linearGradient><filter id="f"><feGaussianBlur stdDeviation="2"/></filter></defs><rect width="60" height="20" fill="url(#g)"/><path d="M1 1 C 20 5 30 9 50 30 Z" filter="url(#f)"/><text x="2" y="30" font-size="9">Ishmael</text></svg>"##;
    let types = br#"<Types><Override ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;
    let container = br#"<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>"#;
    let package = br#"<package><manifest><item id="c" href="c.jpg" media-type="image/jpeg" properties="cover-image"/></manifest></package>"#;
    let mut bitmap = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x30\0\0\0\x28\0\0\0\x01\0\x18\0".to_vec();
    bitmap.resize(54, 0);
    bitmap.extend(&rgb);
    let exif = segment(0xe1, b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
    let mut size = vec![0, 0];
    for number in [48u32, 40, 0, 0, 48, 40, 0, 0] {
        size.extend(number.to_be_bytes());
    }
    size.extend([0, 3, 7, 1, 1, 7, 1, 1, 7, 1, 1]);
    let codestream = [
        b"\xff\x4f".to_vec(),
        segment(0x51, &size),
        segment(0x52, &[0, 0, 0, 1, 1, 3, 4, 4, 0, 1]),
        segment(0x5c, &[&[0x40][..], &[0x48; 10]].concat()),
        segment(0x90, &[0, 0, 0, 0, 2, 14, 0, 1]),
        b"\xff\x93".to_vec(),
        rgb[..512].iter().map(|byte| byte & 0x7f).collect(),
        b"\xff\xd9".to_vec(),
    ]
    .concat();
    vec![
        ("a.png", still.clone()),
        ("a.jpg", [&photo[..2], &exif, &photo[2..]].concat()),
        ("plain.tif", page(1, &rgb, vec![])),
        ("lzw.tif", page(5, &tiff_lzw(&rgb), vec![tag(317, 2)])),
        ("deflate.tif", page(8, &zlib(&rgb), vec![])),
        ("jpeg.tif", page(7, &photo, vec![tag(262, 6)])),
        ("tiled.tif", page(1, &tiles, tiled)),
        ("fax.tif", page(4, &rgb, vec![tag(258, 1), tag(277, 1), tag(262, 0)])),
        ("a.gif", gif),
        ("a.webp", webp(&rgb, (width, height))),
        ("a.j2k", codestream),
        ("a.bmp", bitmap),
        ("a.svg", drawing.to_vec()),
        ("a.pdf", document),
        ("a.docx", zip(&[("[Content_Types].xml", types), ("docProps/thumbnail.jpeg", &photo)])),
        (
            "a.epub",
            zip(&[
                ("mimetype", b"application/epub+zip"),
                ("META-INF/container.xml", container),
                ("p.opf", package),
                ("c.jpg", &photo),
            ]),
        ),
    ]
}

#[tokio::test]
async fn no_damage_kills_a_decoder() {
    let each = std::env::var("VITRINE_MUTANTS").ok().and_then(|count| count.parse().ok()).unwrap_or(MUTANTS);
    let files = honest_files();
    let jobs: Vec<(usize, u64)> =
        (0..files.len()).flat_map(|file| (0..each).map(move |seed| (file, seed))).collect();
    let queue = Mutex::new(jobs.into_iter());
    let deaths = Mutex::new(Vec::new());
    let drawn = Mutex::new(0usize);
    // Our own decoders: ffmpeg's and LibreOffice's damage is theirs, and the same limits hold them.
    let tools = Tools { ffmpeg: None, soffice: None, ..common::tools() };
    let work = async || {
        let folder = tempfile::tempdir().unwrap();
        loop {
            let Some((file, seed)) = queue.lock().unwrap().next() else { return };
            let (name, honest) = &files[file];
            let source = folder.path().join(name);
            std::fs::write(&source, damaged(honest, seed << 8 | file as u64)).unwrap();
            match common::thumbnail_of(&source, folder.path(), 64, &tools).await {
                ThumbnailOutcome::Made { .. } => *drawn.lock().unwrap() += 1,
                ThumbnailOutcome::Failed {
                    code: FailureCode::ThumbCrash | FailureCode::ThumbIo,
                    reason,
                    ..
                } => {
                    deaths.lock().unwrap().push(format!("{name}, seed {seed}: {reason}"));
                }
                _ => {}
            }
        }
    };
    tokio::join!(work(), work());
    let total = files.len() as u64 * each;
    let drawn = drawn.into_inner().unwrap();
    let deaths = deaths.into_inner().unwrap();
    eprintln!("{total} damaged files: {drawn} drawn all the same, {} deaths", deaths.len());
    assert!(deaths.is_empty(), "{}", deaths.join("\n"));
    assert!(drawn > 0, "nothing was drawn: the honest files are not honest");
}
