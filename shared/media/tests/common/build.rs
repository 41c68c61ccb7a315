//! Files put together byte by byte, honest and otherwise. Nothing here is a file that somebody else made.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test may stop at the first surprise"
)]

use std::io::Write;

use flate2::{Compress, Compression, FlushCompress};

/// A zlib stream of `mebibytes` of zeros, about a thousandth of that in length.
pub fn zlib_zeros(mebibytes: u32) -> Vec<u8> {
    let mut stream = vec![0x78, 0x9c];
    stream.extend(deflate_zeros(mebibytes));
    // The checksum of zeros: the first half stays 1, the second counts them.
    let second = (u64::from(mebibytes) << 20) % 65521;
    stream.extend(((second as u32) << 16 | 1).to_be_bytes());
    stream
}

/// The same without zlib's frame. One block is compressed and repeated, so that making it costs nothing.
pub fn deflate_zeros(mebibytes: u32) -> Vec<u8> {
    let mut block = Vec::with_capacity(16 << 10);
    let mut compress = Compress::new(Compression::best(), false);
    compress.compress_vec(&vec![0; 1 << 20], &mut block, FlushCompress::Full).unwrap();
    let mut stream = block.repeat(mebibytes as usize);
    stream.extend([1, 0, 0, 0xff, 0xff]);
    stream
}

/// A zlib stream of these bytes.
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One PNG chunk with its checksum.
pub fn png_chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = (body.len() as u32).to_be_bytes().to_vec();
    chunk.extend(kind);
    chunk.extend(body);
    let mut crc = flate2::Crc::new();
    crc.update(&chunk[4..]);
    chunk.extend(crc.sum().to_be_bytes());
    chunk
}

/// A PNG of any header and any chunks. `color` is the type's number: 0 grey, 2 RGB, 3 palette, 6 RGBA.
pub fn png_of(
    (width, height): (u32, u32),
    depth: u8,
    color: u8,
    interlaced: bool,
    chunks: &[Vec<u8>],
) -> Vec<u8> {
    let mut header = width.to_be_bytes().to_vec();
    header.extend(height.to_be_bytes());
    header.extend([depth, color, 0, 0, u8::from(interlaced)]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png.extend(png_chunk(b"IHDR", &header));
    chunks.iter().for_each(|chunk| png.extend(chunk));
    png.extend(png_chunk(b"IEND", b""));
    png
}

/// The image data of a PNG from rows of samples.
pub fn idat<'a>(rows: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let filtered: Vec<u8> = rows.into_iter().flat_map(|row| [&[0], row].concat()).collect();
    png_chunk(b"IDAT", &zlib(&filtered))
}

/// A tag of a TIFF: number, type (1 byte, 3 short, 4 long, 7 opaque, 16 long of eight bytes) and values.
pub type Tag = (u16, u16, Vec<u64>);

pub fn tag(number: u16, value: u64) -> Tag {
    (number, 4, vec![value])
}

fn type_len(kind: u16) -> usize {
    match kind {
        3 => 2,
        4 => 4,
        16 => 8,
        _ => 1,
    }
}

/// A little-endian TIFF. `data` starts at byte 8 (16 in BigTIFF); the directory follows; `next` follows it as it is.
pub fn tiff_of(big: bool, tags: &[Tag], data: &[u8], next: u64) -> Vec<u8> {
    let number = |value: u64, len: usize| value.to_le_bytes()[..len].to_vec();
    let (word, start) = if big { (8, 16) } else { (4, 8) };
    let mut body = data.to_vec();
    let mut entries = Vec::new();
    let mut tags = tags.to_vec();
    tags.sort_by_key(|(tag, ..)| *tag);
    for (tag, kind, values) in &tags {
        let len = type_len(*kind);
        let mut bytes: Vec<u8> = values.iter().flat_map(|value| number(*value, len)).collect();
        if bytes.len() > word {
            let at = start + body.len();
            body.extend(bytes);
            bytes = number(at as u64, word);
        }
        bytes.resize(word, 0);
        entries.extend(number(u64::from(*tag), 2));
        entries.extend(number(u64::from(*kind), 2));
        entries.extend(number(values.len() as u64, word));
        entries.extend(bytes);
    }
    let mut tiff = if big { b"II\x2b\0\x08\0\0\0".to_vec() } else { b"II\x2a\0".to_vec() };
    tiff.extend(number((start + body.len()) as u64, word));
    tiff.extend(body);
    tiff.extend(number(tags.len() as u64, if big { 8 } else { 2 }));
    tiff.extend(entries);
    tiff.extend(number(next, word));
    tiff
}

/// The tags of a picture in one strip that starts at byte 8. `photometric`: 0 white is zero, 1 grey, 2 RGB, 3 palette.
pub fn strip(
    width: u32,
    height: u32,
    samples: u64,
    photometric: u64,
    compression: u64,
    len: usize,
) -> Vec<Tag> {
    vec![
        tag(256, width.into()),
        tag(257, height.into()),
        (258, 3, vec![8; samples as usize]),
        tag(259, compression),
        tag(262, photometric),
        tag(273, 8),
        tag(277, samples),
        tag(278, height.into()),
        tag(279, len as u64),
    ]
}

/// Replaces the tag of that number, or adds it.
pub fn with(mut tags: Vec<Tag>, new: impl IntoIterator<Item = Tag>) -> Vec<Tag> {
    for new in new {
        tags.retain(|(number, ..)| *number != new.0);
        tags.push(new);
    }
    tags
}

/// LZW as TIFF writes it.
pub fn tiff_lzw(bytes: &[u8]) -> Vec<u8> {
    weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(bytes).unwrap()
}

/// A JPEG of one colour, or of what `paint` says for a place.
pub fn jpeg(width: usize, height: usize, paint: impl Fn(usize, usize) -> [u8; 3]) -> Vec<u8> {
    let pixels: Vec<u8> =
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| paint(x, y)).collect();
    let format = turbojpeg::PixelFormat::RGB;
    let image = turbojpeg::Image { pixels: pixels.as_slice(), width, pitch: width * 3, height, format };
    turbojpeg::compress(image, 95, turbojpeg::Subsamp::None).unwrap().to_vec()
}

/// A marker segment of a JPEG.
pub fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let mut segment = vec![0xff, marker];
    segment.extend((body.len() as u16 + 2).to_be_bytes());
    segment.extend(body);
    segment
}

/// A JPEG with more after its first marker.
pub fn jpeg_with(jpeg: &[u8], more: &[u8]) -> Vec<u8> {
    [&jpeg[..2], more, &jpeg[2..]].concat()
}

/// A lossless WebP of these pixels.
#[expect(unsafe_code, reason = "libwebp is a C library")]
pub fn webp(rgb: &[u8], (width, height): (usize, usize)) -> Vec<u8> {
    assert_eq!(rgb.len(), width * height * 3);
    let (width, height) = (width as i32, height as i32);
    let mut made: *mut u8 = std::ptr::null_mut();
    // SAFETY: the pointer and stride describe `rgb`; what comes back is copied and given back to the library.
    unsafe {
        let len = libwebp_sys::WebPEncodeLosslessRGB(rgb.as_ptr(), width, height, width * 3, &raw mut made);
        let bytes = std::slice::from_raw_parts(made, len).to_vec();
        libwebp_sys::WebPFree(made.cast());
        bytes
    }
}

/// A RIFF file of that form.
pub fn riff(form: &[u8; 4], chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = form.to_vec();
    for (kind, bytes) in chunks {
        body.extend(*kind);
        body.extend((bytes.len() as u32).to_le_bytes());
        body.extend(bytes);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    let mut file = b"RIFF".to_vec();
    file.extend((body.len() as u32).to_le_bytes());
    file.extend(body);
    file
}

/// A PDF of numbered objects.
pub fn pdf(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", bytes.len()));
        writeln!(bytes, "{} 0 obj", index + 1).unwrap();
        bytes.extend(object);
        bytes.extend(b"\nendobj\n");
    }
    let (at, size) = (bytes.len(), objects.len() + 1);
    write!(bytes, "{table}trailer\n<< /Root 1 0 R /Size {size} {trailer} >>\nstartxref\n{at}\n%%EOF\n")
        .unwrap();
    bytes
}

/// A stream object of a PDF.
pub fn stream(dictionary: &str, body: &[u8]) -> Vec<u8> {
    let mut object = format!("<< /Length {} {dictionary} >>\nstream\n", body.len()).into_bytes();
    object.extend(body);
    object.extend(b"\nendstream");
    object
}

/// A zip of stored or deflated entries, in order.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    use zip::write::{SimpleFileOptions, ZipWriter};
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (index, (name, bytes)) in entries.iter().enumerate() {
        let stored = index == 0 && *name == "mimetype";
        let method = if stored { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// An entry of a zip that says about itself what it likes.
pub struct Entry {
    pub name: &'static str,
    /// What the directory and the local header declare, whatever `data` holds
    pub size: u64,
    /// 0 stored, 8 deflated
    pub method: u16,
    pub data: Vec<u8>,
    /// Points at the entry of this index instead of one of its own
    pub same_as: Option<usize>,
}

/// A zip of such entries, in zip64 where a size needs it.
pub fn zip_of(entries: &[Entry]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    let mut offsets: Vec<u32> = Vec::new();
    for entry in entries {
        let large = entry.size >= u64::from(u32::MAX);
        let declared = if large { u32::MAX } else { entry.size as u32 };
        let mut extra = Vec::new();
        if large {
            extra.extend([1, 0, 8, 0]);
            extra.extend(entry.size.to_le_bytes());
        }
        let mut head = vec![45, 0, 0, 0];
        head.extend(entry.method.to_le_bytes());
        head.extend([0; 4]);
        // Right for what is stored; what is deflated is never read to its end.
        let mut crc = flate2::Crc::new();
        crc.update(&entry.data);
        head.extend(crc.sum().to_le_bytes());
        head.extend((entry.data.len() as u32).to_le_bytes());
        head.extend(declared.to_le_bytes());
        head.extend((entry.name.len() as u16).to_le_bytes());
        head.extend((extra.len() as u16).to_le_bytes());
        let offset = match entry.same_as {
            Some(other) => offsets[other],
            None => {
                let offset = file.len() as u32;
                file.extend(b"PK\x03\x04");
                file.extend(&head);
                file.extend(entry.name.as_bytes());
                file.extend(&extra);
                file.extend(&entry.data);
                offset
            }
        };
        offsets.push(offset);
        directory.extend(b"PK\x01\x02\x2d\0");
        directory.extend(head);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.as_bytes());
        directory.extend(extra);
    }
    let at = file.len() as u32;
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    let count = entries.len() as u16;
    file.extend(count.to_le_bytes());
    file.extend(count.to_le_bytes());
    file.extend((directory.len() as u32).to_le_bytes());
    file.extend(at.to_le_bytes());
    file.extend([0, 0]);
    file
}
