//! Zips, and the documents and books that are zips: B24.

use super::Bomb;
use super::Class::{Broken, Drawn, Limit, Unsupported};
use crate::common::build::{Entry, deflate_zeros, jpeg, zip, zip_of, zlib};

const DOCUMENT: &str = "docProps/thumbnail.jpeg";

fn entry(name: &'static str, data: &[u8]) -> Entry {
    Entry { name, size: data.len() as u64, method: 0, data: data.to_vec(), same_as: None }
}

/// What makes a zip a word processor's document, and then these entries.
fn document(entries: Vec<Entry>) -> Vec<u8> {
    let types = br#"<Types><Override ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;
    let mut all = vec![entry("[Content_Types].xml", types)];
    all.extend(entries);
    zip_of(&all)
}

fn book(package: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let container = br#"<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>"#;
    let mut entries: Vec<(&str, &[u8])> = vec![
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", container),
        ("p.opf", package.as_bytes()),
    ];
    entries.extend(more);
    zip(&entries)
}

const COVER: &str = r#"<package><manifest><item id="c" href="cover" media-type="image/jpeg" properties="cover-image"/></manifest></package>"#;

pub fn bombs() -> Vec<Bomb> {
    let picture = jpeg(16, 16, |_, _| [255, 0, 0]);
    let deflated = |mebibytes: u32, size: u64| Entry {
        name: DOCUMENT,
        size,
        method: 8,
        data: deflate_zeros(mebibytes),
        same_as: None,
    };
    // Four names for the same 17 MiB: none is a picture, so all would be read.
    let overlapping: Vec<Entry> =
        [DOCUMENT, "docProps/thumbnail.jpg", "docProps/thumbnail.png", "Thumbnails/thumbnail.png"]
            .into_iter()
            .enumerate()
            .map(|(index, name)| match index {
                0 => entry(name, &vec![b'0'; 17 << 20]),
                _ => Entry { same_as: Some(1), ..entry(name, &vec![b'0'; 17 << 20]) },
            })
            .collect();
    let many: Vec<Entry> = (0..60_000)
        .map(|index| Entry {
            name: Box::leak(format!("{index:05}").into_boxed_str()),
            same_as: (index > 0).then_some(1),
            ..entry("", b"")
        })
        .collect();
    let laughing = format!(r#"<!DOCTYPE p [<!ENTITY a "{}">]><package>&a;</package>"#, "ha".repeat(10_000));
    let inner = book(COVER, &[("cover", &picture)]);
    let outside = COVER.replace("href=\"cover\"", "href=\"../../../../../../etc/passwd\"");
    let deep = format!("{}{}", "<a>".repeat(500_000), "</a>".repeat(500_000));
    vec![
        ("ratio.docx", document(vec![deflated(20, 20 << 20)]), Limit),
        ("entry.docx", document(vec![deflated(2000, 2000 << 20)]), Limit),
        ("lie.docx", document(vec![deflated(2000, 100)]), Broken),
        ("declared-2-to-62.docx", document(vec![deflated(2, 1 << 62)]), Limit),
        ("overlapping.docx", document(overlapping), Limit),
        ("entries.docx", document(many), Limit),
        ("million-entries.docx", million_entries(0xFFFF), Limit),
        ("million-entries-and-two.docx", million_entries(2), Limit),
        ("same-name.docx", document(vec![entry(DOCUMENT, b"GIF89a"), entry(DOCUMENT, &picture)]), Broken),
        ("method.docx", document(vec![Entry { method: 99, ..entry(DOCUMENT, &picture) }]), Broken),
        ("nested.epub", book(COVER, &[("cover", &inner)]), Unsupported),
        ("entities.epub", book(&laughing, &[]), Broken),
        ("outside.epub", book(&outside, &[]), Broken),
        ("deep.epub", book(&deep, &[]), Limit),
        ("honest.epub", book(COVER, &[("cover", &picture)]), Drawn),
        ("package.epub", book(&format!("<package>{}", " ".repeat(40 << 20)), &[]), Limit),
        ("cut-off.epub", inner[..inner.len() / 2].to_vec(), Broken),
        (
            "stored-as-deflated.docx",
            document(vec![Entry { method: 8, ..entry(DOCUMENT, &zlib(&[0; 99])) }]),
            Broken,
        ),
    ]
}

/// A directory of a million entries that all stand for the first; its older end says that there are `short`.
fn million_entries(short: u16) -> Vec<u8> {
    const COUNT: u64 = 1_000_000;
    let start = document(vec![entry("word/a", b"")]);
    let at = start.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let (entries, _) = start.split_at(at);
    let mut file = entries.to_vec();
    let mut one = b"PK\x01\x02\x2d\0\x2d\0".to_vec();
    one.extend([0; 20]);
    one.extend([6, 0]);
    one.extend([0; 16]);
    for index in 0..COUNT {
        file.extend(&one);
        file.extend(format!("{:06x}", index).as_bytes());
    }
    let size = file.len() as u64 - at as u64;
    let end = file.len() as u64;
    file.extend(b"PK\x06\x06");
    file.extend(44u64.to_le_bytes());
    file.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [COUNT, COUNT, size, at as u64] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"PK\x06\x07\0\0\0\0");
    file.extend(end.to_le_bytes());
    file.extend([1, 0, 0, 0]);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(short.to_le_bytes());
    file.extend(short.to_le_bytes());
    file.extend(b"\xff\xff\xff\xff\xff\xff\xff\xff\0\0");
    file
}
