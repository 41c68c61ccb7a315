//! Says what a file is from its first bytes.
//!
//! Works on the head alone and does no I/O, so a caller can judge a stream as it passes. The name breaks ties only
//! between formats that share a container, and only where the bytes allow both.

use std::io::Read;

use crate::media_type::{Family, MediaType};

/// How many bytes from the start [`identify`] can use; more are ignored.
pub const HEAD_LEN: usize = 64 * 1024;

/// Judges a file from its first bytes (`head`, up to [`HEAD_LEN`]) and its name.
///
/// Always answers: unknown bytes are `application/octet-stream`, readable ones `text/plain`. A name never turns one
/// kind of bytes into another, so a playlist called `film.mp4` stays text.
pub fn identify(head: &[u8], file_name: &str) -> MediaType {
    let head = head.get(..HEAD_LEN).unwrap_or(head);
    let extension = extension_of(file_name);
    by_signature(head)
        .or_else(|| riff(head))
        .or_else(|| iso_media(head))
        .or_else(|| ebml(head))
        .or_else(|| ogg(head))
        .or_else(|| zip(head, &extension))
        .or_else(|| compound_file(head, &extension))
        .or_else(|| mpeg(head))
        .or_else(|| long_tail(head))
        .or_else(|| text(head, &extension))
        .unwrap_or(MediaType::known("application/octet-stream", Family::Other))
}

fn extension_of(file_name: &str) -> String {
    match file_name.rsplit_once('.') {
        Some((_, extension)) => extension.to_ascii_lowercase(),
        None => String::new(),
    }
}

/// Signatures at the very start that decide alone.
const SIGNATURES: &[(&[u8], &str, Family)] = &[
    (b"\xFF\xD8\xFF", "image/jpeg", Family::Image),
    (b"\x89PNG\r\n\x1a\n", "image/png", Family::Image),
    (b"GIF87a", "image/gif", Family::Image),
    (b"GIF89a", "image/gif", Family::Image),
    (b"II\x2a\0", "image/tiff", Family::Image),
    (b"MM\0\x2a", "image/tiff", Family::Image),
    (b"II\x2b\0", "image/tiff", Family::Image),
    (b"MM\0\x2b", "image/tiff", Family::Image),
    (b"\0\0\0\x0CjP  \r\n\x87\n", "image/jp2", Family::Image),
    (b"\xFF\x4F\xFF\x51", "image/x-jp2-codestream", Family::Image),
    (b"\xFF\x0A", "image/jxl", Family::Image),
    (b"\0\0\0\x0CJXL \r\n\x87\n", "image/jxl", Family::Image),
    (b"8BPS", "image/vnd.adobe.photoshop", Family::Image),
    (b"AT&TFORM", "image/vnd.djvu", Family::Document),
    (b"%!PS", "application/postscript", Family::Document),
    (b"\xC5\xD0\xD3\xC6", "application/postscript", Family::Document),
    (b"{\\rtf", "application/rtf", Family::Document),
    (b"fLaC", "audio/flac", Family::Audio),
    (b"caff", "audio/x-caf", Family::Audio),
    (b"MThd", "audio/midi", Family::Audio),
    (b"ID3", "audio/mpeg", Family::Audio),
    (b"#!AMR", "audio/amr", Family::Audio),
    (b".snd", "audio/basic", Family::Audio),
    (b"wvpk", "audio/x-wavpack", Family::Audio),
    (b"MAC ", "audio/x-ape", Family::Audio),
    (b"FLV\x01", "video/x-flv", Family::Video),
    (b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C", "video/x-ms-asf", Family::Video),
    (b"\x06\x0E\x2B\x34\x02\x05\x01\x01\x0D\x01\x02\x01\x01\x02", "application/mxf", Family::Video),
    (b"\x1F\x8B", "application/gzip", Family::Other),
    (b"BZh", "application/x-bzip2", Family::Other),
    (b"\xFD7zXZ\0", "application/x-xz", Family::Other),
    (b"7z\xBC\xAF\x27\x1C", "application/x-7z-compressed", Family::Other),
    (b"Rar!\x1A\x07", "application/vnd.rar", Family::Other),
    (b"\x28\xB5\x2F\xFD", "application/zstd", Family::Other),
    (b"\x7FELF", "application/x-executable", Family::Other),
    (b"\0asm", "application/wasm", Family::Other),
    (b"SQLite format 3\0", "application/vnd.sqlite3", Family::Other),
    (b"WARC/", "application/warc", Family::Other),
];

fn by_signature(head: &[u8]) -> Option<MediaType> {
    if let Some((_, mime, family)) = SIGNATURES.iter().find(|(signature, ..)| head.starts_with(signature)) {
        return Some(MediaType::known(mime, *family));
    }
    // Readers accept up to 1,024 bytes of anything before a PDF header. Source: ISO 32000-1 Annex H.3.4.1.
    let start = head.get(..1024 + 5).unwrap_or(head);
    if find(start, b"%PDF-").is_some_and(|at| at == 0 || !start.starts_with(b"<")) {
        return Some(MediaType::known("application/pdf", Family::Document));
    }
    bmp(head)
}

/// Two letters are too weak a signature: the header's size field must be one of those in use.
fn bmp(head: &[u8]) -> Option<MediaType> {
    let header_len = head.get(14..18)?;
    let known = [12u32, 40, 52, 56, 64, 108, 124].iter().any(|len| len.to_le_bytes() == *header_len);
    (head.starts_with(b"BM") && known).then_some(MediaType::known("image/bmp", Family::Image))
}

fn riff(head: &[u8]) -> Option<MediaType> {
    let form = head.get(8..12)?;
    Some(match (head.get(..4)?, form) {
        (b"RIFF", b"WEBP") => MediaType::known("image/webp", Family::Image),
        (b"RIFF" | b"RIFX" | b"RF64" | b"BW64", b"WAVE") => MediaType::known("audio/wav", Family::Audio),
        (b"RIFF", b"AVI ") => MediaType::known("video/x-msvideo", Family::Video),
        (b"FORM", b"AIFF" | b"AIFC") => MediaType::known("audio/aiff", Family::Audio),
        _ => return None,
    })
}

/// The ISO base media family, told apart by brand. Source: ISO/IEC 14496-12 §4.3.
fn iso_media(head: &[u8]) -> Option<MediaType> {
    let kind = head.get(4..8)?;
    if kind == b"ftyp" {
        let brand = head.get(8..12)?;
        return Some(match brand {
            b"avif" | b"avis" => MediaType::known("image/avif", Family::Image),
            b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" | b"msf1" => {
                MediaType::known("image/heic", Family::Image)
            }
            b"M4A " | b"M4B " | b"M4P " | b"F4A " => MediaType::known("audio/mp4", Family::Audio),
            b"qt  " => MediaType::known("video/quicktime", Family::Video),
            b"jp2 " | b"jpx " => MediaType::known("image/jp2", Family::Image),
            b"crx " => MediaType::known("image/x-canon-cr3", Family::Image),
            [b'3', b'g', ..] => MediaType::known("video/3gpp", Family::Video),
            _ => MediaType::known("video/mp4", Family::Video),
        });
    }
    // Old QuickTime files start with the film or its data, without a brand.
    let classic = matches!(kind, b"moov" | b"mdat" | b"wide" | b"pnot");
    let size = u32::from_be_bytes(*head.first_chunk()?);
    (classic && (size >= 8 || size == 1)).then_some(MediaType::known("video/quicktime", Family::Video))
}

fn ebml(head: &[u8]) -> Option<MediaType> {
    if !head.starts_with(b"\x1A\x45\xDF\xA3") {
        return None;
    }
    let start = head.get(..4096).unwrap_or(head);
    // The track list says V_... for pictures; a file of sound alone has none.
    let sound_only = find(head, b"A_").is_some() && find(head, b"V_").is_none();
    Some(match (find(start, b"webm").is_some(), sound_only) {
        (true, false) => MediaType::known("video/webm", Family::Video),
        (true, true) => MediaType::known("audio/webm", Family::Audio),
        (false, false) => MediaType::known("video/x-matroska", Family::Video),
        (false, true) => MediaType::known("audio/x-matroska", Family::Audio),
    })
}

fn ogg(head: &[u8]) -> Option<MediaType> {
    if !head.starts_with(b"OggS") {
        return None;
    }
    let start = head.get(..4096).unwrap_or(head);
    let video =
        [b"\x80theora".as_slice(), b"BBCD\0", b"\x01video"].iter().any(|mark| find(start, mark).is_some());
    Some(match video {
        true => MediaType::known("video/ogg", Family::Video),
        false => MediaType::known("audio/ogg", Family::Audio),
    })
}

fn mpeg(head: &[u8]) -> Option<MediaType> {
    match head.get(..4)? {
        [0, 0, 1, 0xBA | 0xB3] => return Some(MediaType::known("video/mpeg", Family::Video)),
        // Transport stream: a sync byte at the start of each of the first packets.
        [0x47, ..] if [188, 376, 564].iter().all(|at| head.get(*at) == Some(&0x47)) => {
            return Some(MediaType::known("video/mp2t", Family::Video));
        }
        _ => {}
    }
    let adts = |bytes: &[u8]| matches!(bytes, [0xFF, b, ..] if b & 0xF6 == 0xF0);
    if adts(head) {
        return Some(MediaType::known("audio/aac", Family::Audio));
    }
    // An MPEG audio frame header; the next one must be where the first says.
    let length = mpeg_audio_frame_len(head)?;
    let next = head.get(length..)?;
    (next.is_empty() || mpeg_audio_frame_len(next).is_some())
        .then_some(MediaType::known("audio/mpeg", Family::Audio))
}

/// Length of an MPEG-1/2 layer II or III frame from its header. Source: ISO/IEC 11172-3 §2.4.2.3.
fn mpeg_audio_frame_len(bytes: &[u8]) -> Option<usize> {
    const LAYER_2: [usize; 15] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
    const LAYER_3: [usize; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const LOW_RATE: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let [0xFF, b1, b2, _] = *bytes.first_chunk::<4>()? else { return None };
    let (version, layer) = ((b1 >> 3) & 3, (b1 >> 1) & 3);
    if b1 & 0xE0 != 0xE0 || version == 1 || !matches!(layer, 1 | 2) {
        return None;
    }
    let table = match (version, layer) {
        (3, 2) => LAYER_2,
        (3, _) => LAYER_3,
        _ => LOW_RATE,
    };
    let kbps = *table.get(usize::from(b2 >> 4)).filter(|kbps| **kbps > 0)?;
    let base = *[44_100usize, 48_000, 32_000].get(usize::from((b2 >> 2) & 3))?;
    let rate = match version {
        3 => base,
        2 => base / 2,
        _ => base / 4,
    };
    let coefficient = if version != 3 && layer == 1 { 72_000 } else { 144_000 };
    Some(coefficient * kbps / rate + usize::from((b2 >> 1) & 1))
}

/// OOXML, ODF and EPUB are zips; their own entries say which.
fn zip(head: &[u8], extension: &str) -> Option<MediaType> {
    if head.starts_with(b"PK\x05\x06") {
        return Some(MediaType::known("application/zip", Family::Other));
    }
    if !head.starts_with(b"PK\x03\x04") {
        return None;
    }
    if let Some(kind) = stored_mimetype(head) {
        return Some(kind);
    }
    let names = local_entry_names(head);
    let under = |prefix: &str| names.iter().any(|name| name.starts_with(prefix));
    let package =
        names.iter().any(|name| name == "[Content_Types].xml") || under("_rels/") || under("docProps/");
    if package {
        let said = content_types(head).and_then(|xml| office_part(&xml));
        let kind = said.or(if under("word/") {
            Some("docx")
        } else if under("ppt/") {
            Some("pptx")
        } else if under("xl/") {
            Some("xlsx")
        } else {
            // A package whose telling entries come later: the name may choose among the three.
            ["docx", "pptx", "xlsx"].into_iter().find(|known| *known == extension)
        });
        if let Some(kind) = kind {
            return Some(office_open_xml(kind));
        }
    }
    Some(match names.first().map(String::as_str) {
        Some("META-INF/" | "META-INF/MANIFEST.MF") => {
            MediaType::known("application/java-archive", Family::Other)
        }
        _ => MediaType::known("application/zip", Family::Other),
    })
}

fn office_open_xml(kind: &str) -> MediaType {
    match kind {
        "docx" => MediaType::known(
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Family::Document,
        ),
        "pptx" => MediaType::known(
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Family::Presentation,
        ),
        _ => MediaType::known(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Family::Spreadsheet,
        ),
    }
}

/// ODF and EPUB store their type first and uncompressed. Source: ODF 1.2 part 3 §3.3, EPUB OCF 3.3 §4.3.
fn stored_mimetype(head: &[u8]) -> Option<MediaType> {
    let name_len = usize::from(u16::from_le_bytes(*head.get(26..)?.first_chunk()?));
    let extra_len = usize::from(u16::from_le_bytes(*head.get(28..)?.first_chunk()?));
    let stored = head.get(8..10)? == [0, 0];
    if !stored || head.get(30..30 + name_len)? != b"mimetype" {
        return None;
    }
    let value = head.get(30 + name_len + extra_len..)?;
    const KNOWN: &[(&str, Family)] = &[
        ("application/epub+zip", Family::Ebook),
        ("application/vnd.oasis.opendocument.text-template", Family::Document),
        ("application/vnd.oasis.opendocument.text", Family::Document),
        ("application/vnd.oasis.opendocument.presentation-template", Family::Presentation),
        ("application/vnd.oasis.opendocument.presentation", Family::Presentation),
        ("application/vnd.oasis.opendocument.spreadsheet-template", Family::Spreadsheet),
        ("application/vnd.oasis.opendocument.spreadsheet", Family::Spreadsheet),
        ("application/vnd.oasis.opendocument.graphics", Family::Image),
    ];
    let (mime, family) = KNOWN.iter().find(|(mime, _)| value.starts_with(mime.as_bytes()))?;
    Some(MediaType::known(mime, *family))
}

/// Names of entries whose local headers lie in the head. Source: APPNOTE.TXT 4.3.7.
fn local_entry_names(head: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = head;
    while let Some(at) = find(rest, b"PK\x03\x04") {
        let header = rest.get(at..).unwrap_or_default();
        if let Some(length) = header.get(26..).and_then(|field| field.first_chunk::<2>())
            && let Some(name) = header.get(30..30 + usize::from(u16::from_le_bytes(*length)))
        {
            names.push(String::from_utf8_lossy(name).into_owned());
        }
        rest = header.get(4..).unwrap_or_default();
        if names.len() == 256 {
            break;
        }
    }
    names
}

/// Inflates as much of `[Content_Types].xml` as the head holds.
fn content_types(head: &[u8]) -> Option<String> {
    let name = b"[Content_Types].xml";
    let at = find(head, name)?;
    let header = head.get(at.checked_sub(30)?..).filter(|header| header.starts_with(b"PK\x03\x04"))?;
    let extra_len = usize::from(u16::from_le_bytes(*header.get(28..)?.first_chunk()?));
    let data = header.get(30 + name.len() + extra_len..)?;
    let mut xml = Vec::new();
    match header.get(8..10)? {
        [0, 0] => xml.extend_from_slice(data),
        [8, 0] => {
            // A head that ends inside the entry is an error after the useful part; keep what came.
            let _ = flate2::read::DeflateDecoder::new(data).take(256 << 10).read_to_end(&mut xml);
        }
        _ => return None,
    }
    Some(String::from_utf8_lossy(&xml).into_owned())
}

fn office_part(content_types: &str) -> Option<&'static str> {
    const PARTS: [(&str, &str); 3] = [
        ("wordprocessingml.document.main", "docx"),
        ("presentationml.presentation.main", "pptx"),
        ("spreadsheetml.sheet.main", "xlsx"),
    ];
    PARTS.iter().find(|(part, _)| content_types.contains(part)).map(|(_, kind)| *kind)
}

/// Word, PowerPoint and Excel before 2007 share one container; its directory may lie past the head.
fn compound_file(head: &[u8], extension: &str) -> Option<MediaType> {
    if !head.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        return None;
    }
    let has = |name: &str| {
        let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        find(head, &utf16).is_some()
    };
    let kind = if has("WordDocument") {
        "doc"
    } else if has("PowerPoint Document") {
        "ppt"
    } else if has("Workbook") {
        "xls"
    } else {
        extension
    };
    Some(match kind {
        "doc" | "dot" => MediaType::known("application/msword", Family::Document),
        "ppt" | "pps" => MediaType::known("application/vnd.ms-powerpoint", Family::Presentation),
        "xls" => MediaType::known("application/vnd.ms-excel", Family::Spreadsheet),
        _ => MediaType::known("application/x-ole-storage", Family::Other),
    })
}

/// Types that `infer` sees in two bytes, or in a header anywhere, and that are judged above with more care.
const JUDGED_ABOVE: [&str; 5] = ["application/pdf", "audio/aac", "audio/mpeg", "image/bmp", "video/mpeg"];

/// Signatures that only tell a name apart and lead to a type icon.
fn long_tail(head: &[u8]) -> Option<MediaType> {
    let found = infer::get(head)?;
    use infer::MatcherType;
    if JUDGED_ABOVE.contains(&found.mime_type()) {
        return None;
    }
    // Markup and text are judged below, with our own rules; a weak match must not make something drawable.
    match found.matcher_type() {
        MatcherType::Text => None,
        MatcherType::Font => Some(MediaType::known(found.mime_type(), Family::Other)),
        _ if found.mime_type() == "text/html" || found.mime_type() == "text/xml" => None,
        _ => Some(MediaType::from_mime(found.mime_type())),
    }
}

/// Markup, records and plain text.
fn text(head: &[u8], extension: &str) -> Option<MediaType> {
    let text = decode_text(head)?;
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.starts_with("#EXTM3U") {
        return Some(MediaType::known("application/vnd.apple.mpegurl", Family::Text));
    }
    if start.starts_with('<') {
        return Some(markup(start));
    }
    // ISO 2709: five digits of length, and the directory entry map at 20.
    let leader = start.as_bytes().get(..24);
    if leader.is_some_and(|leader| leader.starts_with(b"0") && leader.ends_with(b"4500") && leader.is_ascii())
    {
        return Some(MediaType::known("application/marc", Family::Text));
    }
    if start.is_empty() && !head.is_empty() && head.len() < 4 {
        return Some(MediaType::known("text/plain", Family::Text));
    }
    if head.is_empty() {
        return None;
    }
    // All of these are plain text to us; the name says what for.
    Some(match extension {
        "csv" => MediaType::known("text/csv", Family::Spreadsheet),
        "tsv" | "tab" => MediaType::known("text/tab-separated-values", Family::Spreadsheet),
        "md" | "markdown" => MediaType::known("text/markdown", Family::Text),
        "js" | "mjs" | "cjs" => MediaType::known("text/javascript", Family::Text),
        "css" => MediaType::known("text/css", Family::Text),
        "sh" => MediaType::known("text/x-shellscript", Family::Text),
        "json" | "jsonld" if start.starts_with(['{', '[']) => {
            MediaType::known("application/json", Family::Text)
        }
        "vtt" if start.starts_with("WEBVTT") => MediaType::known("text/vtt", Family::Text),
        "ics" if start.starts_with("BEGIN:") => MediaType::known("text/calendar", Family::Text),
        "eml" => MediaType::known("message/rfc822", Family::Text),
        _ if start.starts_with("#!") => MediaType::known("text/x-shellscript", Family::Text),
        _ => MediaType::known("text/plain", Family::Text),
    })
}

/// Tells markup apart by its first element, past declarations, comments and instructions.
fn markup(start: &str) -> MediaType {
    let lower = start.get(..floor_boundary(start, 8192)).unwrap_or(start).to_ascii_lowercase();
    let root = root_element(&lower);
    let local = root.rsplit(':').next().unwrap_or(root);
    match local {
        "svg" => MediaType::known("image/svg+xml", Family::Image),
        "html" if lower.starts_with("<?xml") => MediaType::known("application/xhtml+xml", Family::Text),
        "html" | "head" | "body" | "script" | "iframe" | "div" | "table" | "p" | "h1" | "a" | "style"
        | "title" | "br" | "img" => MediaType::known("text/html", Family::Text),
        _ if lower.starts_with("<!doctype html") => MediaType::known("text/html", Family::Text),
        _ if lower.starts_with("<?xml") || !local.is_empty() => {
            MediaType::known("application/xml", Family::Text)
        }
        _ => MediaType::known("text/plain", Family::Text),
    }
}

fn root_element(markup: &str) -> &str {
    let mut rest = markup;
    loop {
        rest = rest.trim_start();
        let skip_to = if rest.starts_with("<!--") {
            "-->"
        } else if rest.starts_with("<?") {
            "?>"
        } else if rest.starts_with("<!") {
            // An internal subset may hold `>`; its end is `]>`.
            let subset = rest.find('[').filter(|open| rest.find('>').is_none_or(|close| *open < close));
            if subset.is_some() { "]>" } else { ">" }
        } else {
            break;
        };
        match rest.find(skip_to) {
            Some(at) => rest = rest.get(at + skip_to.len()..).unwrap_or_default(),
            None => return "",
        }
    }
    let name = rest.strip_prefix('<').unwrap_or_default();
    let end = name
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.')))
        .unwrap_or(name.len());
    name.get(..end).unwrap_or_default()
}

/// Returns the head as text, or `None` when it holds what text does not.
fn decode_text(head: &[u8]) -> Option<String> {
    let utf16 = |from: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(from);
        char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect::<String>()
    };
    if let Some(rest) = head.strip_prefix(b"\xFF\xFE") {
        return Some(utf16(u16::from_le_bytes, rest)).filter(|text| is_readable(text));
    }
    if let Some(rest) = head.strip_prefix(b"\xFE\xFF") {
        return Some(utf16(u16::from_be_bytes, rest)).filter(|text| is_readable(text));
    }
    let text = match std::str::from_utf8(head) {
        Ok(text) => text.to_owned(),
        // The head may end inside a character.
        Err(error) if error.valid_up_to() + 4 > head.len() && error.error_len().is_none() => {
            String::from_utf8_lossy(head.get(..error.valid_up_to())?).into_owned()
        }
        // Latin-1 and its kin: every byte is a character.
        Err(_) => head.iter().map(|byte| char::from(*byte)).collect(),
    };
    Some(text).filter(|text| is_readable(text))
}

/// Text has no NUL and hardly any control characters.
fn is_readable(text: &str) -> bool {
    let mut strange = 0usize;
    let mut total = 0usize;
    for c in text.chars() {
        total += 1;
        match c {
            '\0' => return false,
            // Record and field separators of ISO 2709 are text to a library.
            '\t' | '\n' | '\r' | '\x0C' | '\x1B' | '\x1D'..='\x1F' => {}
            c if c.is_control() => strange += 1,
            _ => {}
        }
    }
    strange * 100 <= total
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests;
