//! Documents through LibreOffice, where it is there: drawn, shut off from what they point at, nothing left behind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod common;

use std::collections::HashSet;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use common::build::{png_of, zip};
use common::{Picture, picture};

/// Tells whether LibreOffice is there; where continuous integration runs it must be.
fn office_is_there() -> bool {
    let there = common::tools().soffice.is_some();
    if !there {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "LibreOffice is not there");
        eprintln!("skipped: LibreOffice is not there");
    }
    there
}

/// A word processor's document of one line of large letters and of linked pictures, one a page wide.
fn docx(links: &[&str]) -> Vec<u8> {
    let types = br#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;
    let package = br#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>"#;
    let relations: String = links
        .iter()
        .enumerate()
        .map(|(index, link)| format!(r#"<Relationship Id="pic{index}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" Target="{link}" TargetMode="External"/>"#))
        .collect();
    let relations = format!(
        r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{relations}</Relationships>"#
    );
    let pictures: String = (0..links.len())
        .map(|index| format!(r#"<w:p><w:r><w:drawing><wp:inline><wp:extent cx="5000000" cy="1500000"/><wp:docPr id="{0}" name="p{0}"/><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic><pic:nvPicPr><pic:cNvPr id="{0}" name="p"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:link="pic{index}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="5000000" cy="1500000"/></a:xfrm><a:prstGeom prst="rect"/></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"#, index + 1))
        .collect();
    let document = format!(
        r#"<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><w:body><w:p><w:r><w:rPr><w:sz w:val="96"/></w:rPr><w:t>CALL ME ISHMAEL</w:t></w:r></w:p>{pictures}</w:body></w:document>"#
    );
    zip(&[
        ("[Content_Types].xml", types),
        ("_rels/.rels", package),
        ("word/document.xml", document.as_bytes()),
        ("word/_rels/document.xml.rels", relations.as_bytes()),
    ])
}

fn odt(links: &[&str]) -> Vec<u8> {
    let manifest = br#"<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/><manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>"#;
    let pictures: String = links
        .iter()
        .map(|link| format!(r#"<text:p><draw:frame text:anchor-type="as-char" svg:width="14cm" svg:height="4cm"><draw:image xlink:href="{link}" xlink:type="simple" xlink:show="embed" xlink:actuate="onLoad"/></draw:frame></text:p>"#))
        .collect();
    let content = format!(
        r#"<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.2"><office:body><office:text><text:p>CALL ME ISHMAEL CALL ME ISHMAEL CALL ME ISHMAEL</text:p>{pictures}</office:text></office:body></office:document-content>"#
    );
    zip(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("META-INF/manifest.xml", manifest),
        ("content.xml", content.as_bytes()),
    ])
}

/// How many pixels are dark, and how many are of a loud colour.
fn ink(picture: &Picture) -> (usize, usize) {
    let pixels = || picture.image.pixels.chunks_exact(3);
    let loud = |pixel: &&[u8]| pixel.iter().max().unwrap() - pixel.iter().min().unwrap() > 100;
    (pixels().filter(|pixel| pixel.iter().all(|value| *value < 128)).count(), pixels().filter(loud).count())
}

/// Sockets of LibreOffice at which nobody listens.
fn dead_sockets() -> HashSet<PathBuf> {
    let found = std::fs::read_dir("/tmp").unwrap().flatten().map(|entry| entry.path());
    found
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("OSL_PIPE_")))
        .filter(|path| UnixStream::connect(path).is_err())
        .collect()
}

#[tokio::test]
async fn documents_are_drawn_without_what_they_point_at_and_leave_nothing_behind() {
    if !office_is_there() {
        return;
    }
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let url = format!("http://127.0.0.1:{}/x.png", canary.local_addr().unwrap().port());
    let before = dead_sockets();
    // A loud picture that any process on this machine may read.
    let folder = tempfile::tempdir().unwrap();
    let loud = folder.path().join("loud.png");
    let rows: Vec<u8> = [255, 0, 255].repeat(64);
    std::fs::write(&loud, png_of((64, 64), 8, 2, false, &[common::build::idat([rows.as_slice(); 64])]))
        .unwrap();
    let file = format!("file://{}", loud.display());
    for (name, bytes) in [("links.docx", docx(&[&file, &url])), ("links.odt", odt(&[&file, &url]))] {
        let made = picture(name, &bytes, 400).await;
        let (dark, loud) = ink(&made);
        assert_eq!((made.facts.pages, made.image.height), (Some(1), 400), "{name}");
        assert!(dark > 20, "{name} has no text: {dark} dark pixels");
        assert_eq!(loud, 0, "{name} shows the picture of another file");
    }
    assert!(canary.accept().is_err(), "a document made LibreOffice call home");
    let left: Vec<_> = dead_sockets().difference(&before).cloned().collect();
    assert!(left.is_empty(), "{left:?}");
}
