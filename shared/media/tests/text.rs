//! The text of files through the real limited child: PDFs of several makers, OCR of both kinds, and hostile ones (D19; B53-B55).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test may stop at the first surprise"
)]

mod common;

use std::process::Command;

use common::build::{pdf, stream};
use vitrine_media::{
    FailureCode, HEAD_LEN, MAX_TEXT_BYTES, TextOutcome, TextRequest, identify, may_hold_text, read_text,
};

async fn outcome(name: &str, bytes: &[u8]) -> (TextOutcome, Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (folder.path().join("source"), folder.path().join("text"));
    std::fs::write(&source, bytes).unwrap();
    let media_type = identify(&bytes[..bytes.len().min(HEAD_LEN)], name).mime.into_owned();
    assert!(may_hold_text(&media_type), "{name}: {media_type}");
    let request = TextRequest { source, media_type, out: out.clone() };
    let outcome = read_text(request, &common::tools()).await;
    let text = std::fs::read_to_string(out).ok();
    if let TextOutcome::Read { size_bytes, usage, .. } = &outcome {
        assert_eq!(*size_bytes, text.as_ref().unwrap().len() as u64, "{name}");
        assert!(usage.peak_rss_bytes < 512 << 20, "{name}: {usage:?}");
    } else {
        assert_eq!(text, None, "{name}: what is not read leaves nothing");
    }
    (outcome, text)
}

async fn text_of(name: &str, bytes: &[u8]) -> String {
    match outcome(name, bytes).await {
        (TextOutcome::Read { cut: false, .. }, Some(text)) => text,
        other => panic!("{name}: {other:?}"),
    }
}

/// A document of pages with these contents; F1 is Helvetica.
fn pages(contents: &[&str]) -> Vec<u8> {
    let kids: Vec<String> = (0..contents.len()).map(|n| format!("{} 0 R", 4 + 2 * n)).collect();
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), contents.len()).into_bytes(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_vec(),
    ];
    for (n, content) in contents.iter().enumerate() {
        let page = format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R /Resources << /Font << /F1 3 0 R >> >> >>",
            5 + 2 * n
        );
        objects.push(page.into_bytes());
        objects.push(stream("", content.as_bytes()));
    }
    pdf(&objects, "")
}

#[tokio::test]
async fn d19_words_lines_paragraphs_and_pages_of_a_pdf() {
    let first = "BT /F1 12 Tf 72 700 Td (Call me) Tj 0 -14 Td [(Ish) -20 (ma) 15 (el.)] TJ 0 -14 Td [(Some) -400 (years)] TJ \
                 0 -60 Td (ago \\(never mind\\)) Tj ET";
    // An invisible layer, as OCR lays it under a scan, and letters that are drawn twice to look bold.
    let second =
        "BT 3 Tr /F1 12 Tf 72 700 Td (unseen) Tj ET BT 2 Tr /F1 12 Tf 72 600 Td (bold caf\\351) Tj ET";
    let found = text_of("a.pdf", &pages(&[first, second])).await;
    assert_eq!(found, "Call me\nIshmael.\nSome years\n\nago (never mind)\n\u{c}unseen\n\nbold caf\u{e9}\n");
    // Turned pages and text are read along their own lines.
    let turned = "BT /F1 12 Tf 0 1 -1 0 300 100 Tm (up the) Tj 0 -14 Td (wall) Tj ET";
    assert_eq!(text_of("b.pdf", &pages(&[turned])).await, "up the\nwall\n");
}

#[tokio::test]
async fn d19_a_document_that_libreoffice_wrote_reads_as_its_source() {
    let Some(soffice) = common::tools().soffice else {
        panic!("LibreOffice is a part of the tests");
    };
    let folder = tempfile::tempdir().unwrap();
    let said = "Ein Wagen fährt über die Brücke.\nΔεν είναι αλήθεια.\nЭто правда.\nffi office fluffy\n";
    std::fs::write(folder.path().join("said.txt"), said).unwrap();
    let profile = format!("-env:UserInstallation=file://{}/profile", folder.path().display());
    let done = Command::new(soffice)
        .args([&profile, "--headless", "--infilter=Text (encoded):UTF8", "--convert-to", "pdf"])
        .args(["--outdir".as_ref(), folder.path().as_os_str(), folder.path().join("said.txt").as_os_str()])
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let bytes = std::fs::read(folder.path().join("said.pdf")).unwrap();
    let found = text_of("said.pdf", &bytes).await;
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        words(&found.replace('\u{fb03}', "ffi").replace('\u{fb00}', "ff").replace('\u{fb02}', "fl")),
        words(said)
    );
}

#[tokio::test]
async fn d19_what_says_nothing_has_no_text_and_what_can_not_be_read_says_why() {
    assert_eq!(outcome("scan.pdf", &pages(&["1 0 0 rg 0 0 100 100 re f"])).await.0, TextOutcome::Nothing);
    for (name, bytes) in [
        ("page.xml", b"<?xml version=\"1.0\"?><record><title>x</title></record>".as_slice()),
        ("page.html", b"<!DOCTYPE html><html><body><p>Hello</p></body></html>"),
        ("page.xml", b"<?xml version=\"1.0\" encoding=\"EBCDIC\"?><alto/>"),
    ] {
        let found = outcome(name, bytes).await.0;
        assert!(matches!(found, TextOutcome::Unsupported { .. }), "{name}: {found:?}");
    }
    let alto =
        |inside: &str| format!("<?xml version=\"1.0\"?><alto><Layout><Page>{inside}</Page></Layout></alto>");
    assert_eq!(outcome("empty.xml", alto("").as_bytes()).await.0, TextOutcome::Nothing);
    let line = "<TextBlock><TextLine><String CONTENT=\"Wal\"/></TextLine></TextBlock>";
    assert_eq!(text_of("page.xml", alto(line).as_bytes()).await, "Wal\n");
    let latin = alto(&line.replace("Wal", "caf\u{e9}")).replace("\"1.0\"", "\"1.0\" encoding=\"ISO-8859-1\"");
    let latin: Vec<u8> = latin.chars().map(|c| c as u8).collect();
    assert_eq!(text_of("page.xml", &latin).await, "caf\u{e9}\n");
    let mut wide = vec![0xff, 0xfe];
    wide.extend(alto(line).encode_utf16().flat_map(u16::to_le_bytes));
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (folder.path().join("source"), folder.path().join("text"));
    std::fs::write(&source, wide).unwrap();
    let request = TextRequest { source, media_type: "application/xml".into(), out: out.clone() };
    assert!(matches!(read_text(request, &common::tools()).await, TextOutcome::Read { .. }));
    assert_eq!(std::fs::read_to_string(out).unwrap(), "Wal\n");
}

/// Every one ends within the limits of the child, and none takes the caller with it.
#[tokio::test]
async fn b53_hostile_documents_end_with_a_class() {
    let many = "BT /F1 1 Tf 72 700 Td ".to_owned()
        + &"(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) Tj 0 -9 Td ".repeat(200_000)
        + "ET";
    let nested_form = {
        // A form that draws itself.
        let objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>".to_vec(),
            stream("", b"/X Do"),
            stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >>", b"/X Do /X Do"),
        ];
        pdf(&objects, "")
    };
    let kids = {
        // Pages that are their own parents' parents.
        let objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
            b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 99999999 >>".to_vec(),
        ];
        pdf(&objects, "")
    };
    let deep = format!("<?xml version=\"1.0\"?><alto>{}", "<TextBlock>".repeat(200_000));
    let laughs = "<?xml version=\"1.0\"?><!DOCTYPE alto [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>\
                  <alto><Page><TextBlock><TextLine><String CONTENT=\"&b;&b;x\"/></TextLine></TextBlock></Page></alto>";
    let secret = "<?xml version=\"1.0\"?><!DOCTYPE alto [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>\
                  <alto><Page><TextBlock><TextLine><String CONTENT=\"&a;y\"/></TextLine></TextBlock></Page></alto>";
    let blocks = format!(
        "<?xml version=\"1.0\"?><alto><Page>{}</Page></alto>",
        "<TextBlock><String CONTENT=\"x\"/></TextBlock>".repeat(300_000)
    );
    let classes = format!(
        "<?xml version=\"1.0\"?><html><body><div class=\"ocr_page {}\"><span class=\"ocr_line\">x</span></div></body></html>",
        "ocr_line ".repeat(500_000)
    );
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("many.pdf", pages(&[&many]), "ends"),
        ("form.pdf", nested_form, "ends"),
        ("kids.pdf", kids, "broken"),
        ("cut.pdf", pages(&["BT /F1 9 Tf (x) Tj ET"])[..200].to_vec(), "ends"),
        ("nothing.pdf", b"%PDF-1.7\n".to_vec(), "broken"),
        ("deep.xml", deep.into_bytes(), "limit"),
        ("laughs.xml", laughs.as_bytes().to_vec(), "x\n"),
        ("secret.xml", secret.as_bytes().to_vec(), "y\n"),
        ("blocks.xml", blocks.into_bytes(), "limit"),
        (
            "cut.xml",
            b"<?xml version=\"1.0\"?><alto><Page><TextBlock><TextLine><String CONTENT=\"x\"/>".to_vec(),
            "broken",
        ),
        ("torn.xml", b"<?xml version=\"1.0\"?><alto><Page></TextBlock></Page></alto>".to_vec(), "broken"),
        ("bytes.xml", b"<?xml version=\"1.0\"?><alto>\xff\xfe</alto>".to_vec(), "broken"),
        ("classes.html", classes.into_bytes(), "x\n"),
    ];
    for (name, bytes, due) in cases {
        let (found, text) = outcome(name, &bytes).await;
        let ended = match &found {
            TextOutcome::Read { .. } => "read",
            TextOutcome::Nothing | TextOutcome::Unsupported { .. } => "ends",
            TextOutcome::Failed { code: FailureCode::ThumbBroken, .. } => "broken",
            TextOutcome::Failed { code: FailureCode::ThumbLimit | FailureCode::ThumbTimeout, .. } => "limit",
            TextOutcome::Failed { .. } => "crash",
        };
        match due {
            "ends" => assert_ne!(ended, "crash", "{name}: {found:?}"),
            "read" | "broken" | "limit" => assert_eq!(ended, due, "{name}: {found:?}"),
            whole => assert_eq!(text.as_deref(), Some(whole), "{name}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_longer_than_any_book_is_cut_and_says_so() {
    let word = format!("<String CONTENT=\"{}\"/>", "w".repeat(1000));
    let line = format!("<TextBlock><TextLine>{}</TextLine></TextBlock>", word.repeat(100));
    let bytes = format!("<?xml version=\"1.0\"?><alto><Page>{}</Page></alto>", line.repeat(100));
    let (found, text) = outcome("long.xml", bytes.as_bytes()).await;
    assert!(matches!(found, TextOutcome::Read { cut: true, .. }), "{found:?}");
    let size = text.unwrap().len();
    assert!((MAX_TEXT_BYTES - 2000..=MAX_TEXT_BYTES + 1).contains(&size), "{size}");
}

#[test]
fn only_what_may_hold_text_is_fetched_for_it() {
    for mime in ["application/pdf", "application/xml", "text/html", "application/xhtml+xml"] {
        assert!(may_hold_text(mime), "{mime}");
    }
    for mime in ["image/jpeg", "text/plain", "video/mp4", "application/zip", ""] {
        assert!(!may_hold_text(mime), "{mime}");
    }
}
