//! Bytes to type: one row a signature, files that are two things at once, and names that lie.

use super::*;

/// A head of at least 600 bytes, as most files have.
fn padded(start: &[u8]) -> Vec<u8> {
    let mut head = start.to_vec();
    head.resize(head.len().max(600), 0);
    head
}

fn mime(head: &[u8], name: &str) -> String {
    identify(head, name).mime.into_owned()
}

#[test]
fn each_signature_names_its_type_whatever_the_file_is_called() {
    let rows: &[(&[u8], &str, Family)] = &[
        (b"\xFF\xD8\xFF\xE0\0\x10JFIF", "image/jpeg", Family::Image),
        (b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", "image/png", Family::Image),
        (b"GIF87a", "image/gif", Family::Image),
        (b"GIF89a", "image/gif", Family::Image),
        (b"II\x2a\0\x08\0\0\0", "image/tiff", Family::Image),
        (b"MM\0\x2a\0\0\0\x08", "image/tiff", Family::Image),
        (b"II\x2b\0\x08\0\0\0", "image/tiff", Family::Image),
        (b"MM\0\x2b\0\x08\0\0", "image/tiff", Family::Image),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp", Family::Image),
        (b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 ", "image/jp2", Family::Image),
        (b"\xFF\x4F\xFF\x51\0\x2f", "image/x-jp2-codestream", Family::Image),
        (b"\xFF\x0A", "image/jxl", Family::Image),
        (b"\0\0\0\x0CJXL \r\n\x87\n", "image/jxl", Family::Image),
        (b"8BPS\0\x01", "image/vnd.adobe.photoshop", Family::Image),
        (b"\0\0\0\x1cftypavif", "image/avif", Family::Image),
        (b"\0\0\0\x18ftypheic", "image/heic", Family::Image),
        (b"\0\0\0\x18ftypmif1", "image/heic", Family::Image),
        (b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "image/bmp", Family::Image),
        (b"%PDF-1.7\n", "application/pdf", Family::Document),
        (b"AT&TFORM\0\0\0\0DJVU", "image/vnd.djvu", Family::Document),
        (b"%!PS-Adobe-3.0", "application/postscript", Family::Document),
        (b"\xC5\xD0\xD3\xC6\x20\0\0\0", "application/postscript", Family::Document),
        (b"{\\rtf1\\ansi", "application/rtf", Family::Document),
        (b"\0\0\0\x18ftypisom", "video/mp4", Family::Video),
        (b"\0\0\0\x18ftypmp42", "video/mp4", Family::Video),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime", Family::Video),
        (b"\0\0\0\x14ftyp3gp5", "video/3gpp", Family::Video),
        (b"\0\0\0\x20ftypM4A ", "audio/mp4", Family::Audio),
        (b"\0\0\x10\0moov\0\0\0\x6cmvhd", "video/quicktime", Family::Video),
        (b"\x1A\x45\xDF\xA3\x9f\x42\x82\x84webm\x86V_VP8", "video/webm", Family::Video),
        (b"\x1A\x45\xDF\xA3\x9f\x42\x82\x84webm\x86A_OPUS", "audio/webm", Family::Audio),
        (b"\x1A\x45\xDF\xA3\x9f\x42\x82\x88matroska\x86V_MPEG4", "video/x-matroska", Family::Video),
        (b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo", Family::Video),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav", Family::Audio),
        (b"RF64\xff\xff\xff\xffWAVEds64", "audio/wav", Family::Audio),
        (b"FORM\0\0\0\x24AIFFCOMM", "audio/aiff", Family::Audio),
        (b"OggS\0\x02\0\0\x01vorbis", "audio/ogg", Family::Audio),
        (b"OggS\0\x02\0\0\x80theora", "video/ogg", Family::Video),
        (b"fLaC\0\0\0\x22", "audio/flac", Family::Audio),
        (b"ID3\x04\0\0", "audio/mpeg", Family::Audio),
        (b"\xFF\xF1\x50\x80", "audio/aac", Family::Audio),
        (b"caff\0\x01", "audio/x-caf", Family::Audio),
        (b"MThd\0\0\0\x06", "audio/midi", Family::Audio),
        (b"#!AMR\n", "audio/amr", Family::Audio),
        (b".snd\0\0\0\x18", "audio/basic", Family::Audio),
        (b"wvpk\x22\0", "audio/x-wavpack", Family::Audio),
        (b"MAC \x96\x0f", "audio/x-ape", Family::Audio),
        (b"FLV\x01\x05", "video/x-flv", Family::Video),
        (b"\0\0\x01\xBA\x44", "video/mpeg", Family::Video),
        (
            b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C",
            "video/x-ms-asf",
            Family::Video,
        ),
        (b"\x06\x0E\x2B\x34\x02\x05\x01\x01\x0D\x01\x02\x01\x01\x02", "application/mxf", Family::Video),
        (b"\x1F\x8B\x08\0", "application/gzip", Family::Other),
        (b"BZh91AY", "application/x-bzip2", Family::Other),
        (b"\xFD7zXZ\0", "application/x-xz", Family::Other),
        (b"7z\xBC\xAF\x27\x1C", "application/x-7z-compressed", Family::Other),
        (b"Rar!\x1A\x07\x01\0", "application/vnd.rar", Family::Other),
        (b"\x28\xB5\x2F\xFD", "application/zstd", Family::Other),
        (b"\x7FELF\x02", "application/x-executable", Family::Other),
        (b"\0asm\x01\0\0\0", "application/wasm", Family::Other),
        (b"SQLite format 3\0", "application/vnd.sqlite3", Family::Other),
        (b"WARC/1.0\r\n", "application/warc", Family::Other),
        (b"PK\x05\x06", "application/zip", Family::Other),
        (b"PK\x03\x04\x14\0\0\0\0\0", "application/zip", Family::Other),
    ];
    for (start, expected, family) in rows {
        for name in ["", "page.html", "photo.jpg", "book.epub", "no extension"] {
            let found = identify(&padded(start), name);
            assert_eq!((found.mime.as_ref(), found.family), (*expected, *family), "{start:?} as `{name}`");
        }
    }
}

#[test]
fn text_is_told_apart_by_its_words_and_named_by_its_ending() {
    for (head, name, expected) in [
        ("Call me Ishmael.", "moby.txt", "text/plain"),
        ("Call me Ishmael.", "moby.jpg", "text/plain"),
        ("Call me Ishmael.", "moby.exe", "text/plain"),
        ("a,b\n1,2\n", "rows.csv", "text/csv"),
        ("a\tb\n", "rows.tsv", "text/tab-separated-values"),
        ("# Title\n", "page.md", "text/markdown"),
        ("alert(1)", "x.js", "text/javascript"),
        ("#!/bin/sh\n", "run", "text/x-shellscript"),
        ("{\"a\": 1}", "x.json", "application/json"),
        ("<svg xmlns='http://www.w3.org/2000/svg'/>", "x.txt", "image/svg+xml"),
        ("<?xml version='1.0'?>\n<!-- a > b --><s:svg xmlns:s='x'/>", "x", "image/svg+xml"),
        ("<!DOCTYPE svg [<!ENTITY a '>'>]><svg/>", "x", "image/svg+xml"),
        ("\u{feff}  <!doctype html><p>", "x.txt", "text/html"),
        ("<script>alert(1)</script>", "photo.png", "text/html"),
        ("<?xml version='1.0'?><html xmlns='x'/>", "x", "application/xhtml+xml"),
        ("<?xml version='1.0'?><collection/>", "x.svg", "application/xml"),
        ("#EXTM3U\n#EXTINF:1,\nhttp://x/\n", "film.mp4", "application/vnd.apple.mpegurl"),
        ("ffconcat version 1.0\n", "film.mp4", "text/plain"),
        ("00714cam a2200205 a 4500001001300000", "x.mrc", "application/marc"),
    ] {
        assert_eq!(mime(head.as_bytes(), name), expected, "{head:?} as `{name}`");
    }
    let utf16: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain("<html>".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(mime(&utf16, "x.txt"), "text/html");
    assert_eq!(mime(b"caf\xe9 au lait", "x"), "text/plain", "Latin-1");
    assert_eq!(mime(b"", "photo.jpg"), "application/octet-stream");
    assert_eq!(mime(&[0, 1, 2, 3, 0xfe].repeat(99), "photo.jpg"), "application/octet-stream");
}

/// Local headers of a zip, one for each name, with data of the first.
fn zip_head(first: (&str, &[u8]), more: &[&str]) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, data) in std::iter::once(first).chain(more.iter().map(|name| (*name, &b""[..]))) {
        head.extend(b"PK\x03\x04\x14\0\0\0\0\0");
        head.extend([0; 16]);
        head.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        head.extend([0, 0]);
        head.extend(name.as_bytes());
        head.extend(data);
    }
    head
}

#[test]
fn a_zip_is_what_its_entries_say_and_its_name_only_chooses_among_those() {
    const OOXML: &str = "application/vnd.openxmlformats-officedocument.";
    let types = |part: &str| format!("<Types><Override ContentType=\"{OOXML}{part}.main+xml\"/></Types>");
    let (word, sheet) = (types("wordprocessingml.document"), types("spreadsheetml.sheet"));
    let docx = format!("{OOXML}wordprocessingml.document");
    let pptx = format!("{OOXML}presentationml.presentation");
    let xlsx = format!("{OOXML}spreadsheetml.sheet");
    let odt = "application/vnd.oasis.opendocument.text";
    let rows: [(Vec<u8>, &str, &str); 11] = [
        (zip_head(("[Content_Types].xml", word.as_bytes()), &[]), "a.xlsx", &docx),
        (zip_head(("[Content_Types].xml", sheet.as_bytes()), &[]), "a.docx", &xlsx),
        (zip_head(("_rels/.rels", b""), &["ppt/presentation.xml"]), "a.zip", &pptx),
        (zip_head(("_rels/.rels", b""), &["docProps/app.xml"]), "a.docx", &docx),
        (zip_head(("_rels/.rels", b""), &["docProps/app.xml"]), "a.jpg", "application/zip"),
        (zip_head(("mimetype", b"application/epub+zip"), &[]), "a.docx", "application/epub+zip"),
        (zip_head(("mimetype", odt.as_bytes()), &[]), "a.epub", odt),
        (zip_head(("mimetype", b"text/html"), &[]), "a.epub", "application/zip"),
        (zip_head(("readme.txt", b"application/epub+zip"), &[]), "a.epub", "application/zip"),
        (zip_head(("META-INF/MANIFEST.MF", b""), &[]), "a.docx", "application/java-archive"),
        (zip_head(("notes/word/a.xml", b""), &[]), "a.docx", "application/zip"),
    ];
    for (head, name, expected) in rows {
        assert_eq!(mime(&head, name), expected, "{name}: {}", String::from_utf8_lossy(&head));
    }
}

#[test]
fn the_old_office_container_is_told_apart_by_its_streams() {
    let ole = |stream: &str| {
        let mut head = padded(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1");
        head.extend(stream.encode_utf16().flat_map(u16::to_le_bytes));
        head
    };
    assert_eq!(mime(&ole("WordDocument"), "a.xls"), "application/msword");
    assert_eq!(mime(&ole("PowerPoint Document"), "a.doc"), "application/vnd.ms-powerpoint");
    assert_eq!(mime(&ole("Workbook"), ""), "application/vnd.ms-excel");
    assert_eq!(mime(&ole("elsewhere"), "a.xls"), "application/vnd.ms-excel");
    assert_eq!(mime(&ole("elsewhere"), "a.msi"), "application/x-ole-storage");
}

#[test]
fn a_file_that_is_two_things_at_once_is_what_a_browser_would_run() {
    // What matters is that nothing active passes as a picture and that pictures are drawn as what they begin as.
    let rows: [(&[u8], &str, bool); 8] = [
        (b"GIF89a/*\0\0\0*/=1;alert(1)", "image/gif", false),
        (b"\xFF\xD8\xFF\xFE\0\x20<script>alert(1)</script>", "image/jpeg", false),
        (b"junk before the header\n%PDF-1.4\n", "application/pdf", true),
        (b"<html><!-- %PDF-1.4 --><script>alert(1)</script>", "text/html", true),
        (b"%PDF-1.4\n<script>alert(1)</script>", "application/pdf", true),
        (b"  \n<svg onload='alert(1)' xmlns='x'/>", "image/svg+xml", true),
        (b"BM is how this sentence begins", "text/plain", false),
        (b"MZ\x90\0\x03\0\0\0<html>", "application/vnd.microsoft.portable-executable", true),
    ];
    for (head, expected, active) in rows {
        let found = identify(head, "photo.jpg");
        assert_eq!(found.mime, expected, "{}", String::from_utf8_lossy(head));
        if expected != "application/vnd.microsoft.portable-executable" {
            assert_eq!(found.is_active(), active, "{expected}");
        }
    }
}

#[test]
fn a_declared_type_is_a_name_and_the_bytes_decide() {
    // A client may declare anything; only what the bytes are is stored and drawn.
    let declared = MediaType::from_mime("image/jpeg");
    let real = identify(b"<!doctype html><script>alert(1)</script>", "photo.jpg");
    assert!(!declared.is_active() && real.is_active());
    assert_eq!(real.mime, "text/html");
}

#[test]
fn mpeg_sound_needs_a_second_frame_where_the_first_says() {
    // 128 kbit/s at 44.1 kHz: 417 bytes a frame.
    let mut sound = vec![0; 900];
    sound[..4].copy_from_slice(b"\xFF\xFB\x90\0");
    assert_ne!(mime(&sound, "a.mp3"), "audio/mpeg");
    sound[417..421].copy_from_slice(b"\xFF\xFB\x90\0");
    assert_eq!(mime(&sound, "a.txt"), "audio/mpeg");
    let mut packets = vec![0; 600];
    for at in [0, 188, 376, 564] {
        packets[at] = 0x47;
    }
    assert_eq!(mime(&packets, "a"), "video/mp2t");
}

#[test]
fn any_head_of_any_length_has_an_answer() {
    let mut head = zip_head(("[Content_Types].xml", b"<Types>"), &["word/document.xml"]);
    head.extend(b"\x89PNG\r\n\x1a\nOggS\xFF\xFB\x90\0");
    for start in 0..head.len() {
        for end in start..head.len() {
            assert!(!identify(&head[start..end], "a.b").mime.is_empty());
        }
    }
    assert_eq!(mime(&vec![b'a'; 1 << 20], "a"), "text/plain");
}
