//! Pictures that promise or unpack to more than they should.

use super::Bomb;
use super::Class::{Broken, Drawn, Limit, Unsupported};
use crate::common::build::{
    deflate_zeros, idat, jpeg, jpeg_with, png_chunk, png_of, riff, segment, strip, tag, tiff_lzw, tiff_of,
    with, zlib, zlib_zeros,
};

pub fn bombs() -> Vec<Bomb> {
    [pngs(), tiffs(), gifs(), jpegs(), webps(), jp2s(), bmps()].concat()
}

fn pngs() -> Vec<Bomb> {
    let red = || idat([[255u8, 0, 0].repeat(4).as_slice(); 2]);
    let text = |kind: &[u8; 4], before: &[u8]| png_chunk(kind, &[before, &zlib_zeros(600)].concat());
    let small = |chunks: &[Vec<u8>]| png_of((4, 2), 8, 2, false, chunks);
    vec![
        ("sides.png", png_of((0x7fff_ffff, 0x7fff_ffff), 8, 2, false, &[red()]), Limit),
        ("area.png", png_of((30_000, 20_001), 8, 2, false, &[red()]), Limit),
        ("side.png", png_of((30_001, 1), 8, 0, false, &[idat([[0; 30_001].as_slice()])]), Limit),
        ("header-only.png", png_of((30_000, 20_000), 8, 2, false, &[]), Broken),
        (
            "cut-off-at-the-limit.png",
            png_of((30_000, 20_000), 1, 0, false, &[png_chunk(b"IDAT", &zlib(&[0; 9]))]),
            Broken,
        ),
        (
            "interlaced.png",
            png_of((30_000, 15_000), 8, 6, true, &[png_chunk(b"IDAT", &zlib_zeros(8))]),
            Limit,
        ),
        ("ztxt.png", small(&[text(b"zTXt", b"Comment\0\0"), red()]), Drawn),
        ("itxt.png", small(&[text(b"iTXt", b"Comment\0\x01\0\0\0"), red()]), Drawn),
        ("iccp.png", small(&[text(b"iCCP", b"icc\0\0"), red()]), Drawn),
        ("idat.png", small(&[png_chunk(b"IDAT", &zlib_zeros(1024))]), Drawn),
        ("empty-chunks.png", small(&[png_chunk(b"IDAT", b"").repeat(5_000), red()]), Drawn),
        (
            "palette.png",
            png_of((4, 2), 8, 3, false, &[png_chunk(b"PLTE", &[0; 771]), idat([[9; 4].as_slice(); 2])]),
            Broken,
        ),
        ("exif-loop.png", small(&[png_chunk(b"eXIf", &looped_exif()), red()]), Drawn),
    ]
}

/// Exif whose directory is followed by itself.
fn looped_exif() -> Vec<u8> {
    let mut exif = b"MM\0*\0\0\0\x08\0\x01".to_vec();
    // A directory of further tags that starts where this one does.
    exif.extend([0x87, 0x69, 0, 4, 0, 0, 0, 1, 0, 0, 0, 8]);
    exif.extend([0, 0, 0, 8]);
    exif
}

fn tiffs() -> Vec<Bomb> {
    let red = [255u8, 0, 0].repeat(8);
    let plain = || strip(4, 2, 3, 2, 1, 24);
    let gray = |width, height, compression, len| strip(width, height, 1, 1, compression, len);
    let loop_at = tiff_of(false, &plain(), &red, 0).len() - 4 - plain().len() * 12 - 2;
    let lzw = tiff_lzw(&vec![0; 64 << 20]);
    let zeros = zlib_zeros(1024);
    let fax = vec![0xff; 20_000];
    let jpeg_tile = {
        let mut tile = jpeg(16, 16, |_, _| [9, 9, 9]);
        let frame = tile.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        tile[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
        tile
    };
    let tiles = |side: u64| {
        with(
            gray(4, 2, 1, 24),
            [
                tag(284, 2),
                tag(277, 3),
                tag(262, 2),
                (258, 3, vec![8; 3]),
                tag(322, side),
                tag(323, side),
                (324, 4, vec![8; 3]),
                (325, 4, vec![24; 3]),
            ],
        )
    };
    vec![
        ("page-loop.tif", tiff_of(false, &plain(), &red, loop_at as u64), Drawn),
        (
            "previews-only-loop.tif",
            tiff_of(false, &with(plain(), [tag(254, 1)]), &red, loop_at as u64 + 2),
            Drawn,
        ),
        ("sides.tif", tiff_of(false, &strip(u32::MAX, u32::MAX, 3, 2, 1, 24), &red, 0), Limit),
        ("area.tif", tiff_of(false, &gray(30_000, 20_001, 5, lzw.len()), &lzw, 0), Limit),
        (
            "strip-count.tif",
            {
                let mut bytes = tiff_of(
                    false,
                    &with(gray(30_000, 20_000, 1, 9), [(273, 4, vec![8; 2]), tag(278, 1)]),
                    &red,
                    0,
                );
                let at = bytes.windows(4).position(|field| field == [17, 1, 4, 0]).unwrap();
                bytes[at + 4..at + 8].copy_from_slice(&u32::MAX.to_le_bytes());
                bytes
            },
            Broken,
        ),
        ("huge-planar-tiles.tif", tiff_of(false, &tiles(0x7fff_fff0), &red, 0), Limit),
        ("cut-planar-tiles.tif", tiff_of(false, &tiles(4096), &red, 0), Broken),
        ("tile-columns.tif", tiff_of(false, &with(tiles(1), [tag(256, 30_000)]), &red, 0), Limit),
        ("lzw.tif", tiff_of(false, &gray(4, 2, 5, lzw.len()), &lzw, 0), Drawn),
        ("deflate.tif", tiff_of(false, &gray(4, 2, 8, zeros.len()), &zeros, 0), Drawn),
        ("deflate-row.tif", tiff_of(false, &gray(30_000, 300, 8, zeros.len()), &zeros, 0), Drawn),
        ("packbits.tif", tiff_of(false, &gray(4, 2, 32773, 2 << 20), &[0x80; 2 << 20], 0), Broken),
        ("fax.tif", tiff_of(false, &with(gray(3_000, 2_000, 4, fax.len()), [tag(258, 1)]), &fax, 0), Drawn),
        (
            "overlapping-strips.tif",
            tiff_of(
                false,
                &with(
                    gray(2000, 2000, 1, 0),
                    [tag(278, 1), (273, 4, vec![8; 2000]), (279, 4, vec![2000; 2000])],
                ),
                &[7; 2000],
                0,
            ),
            Drawn,
        ),
        (
            "jpeg-tile.tif",
            tiff_of(false, &with(strip(16, 16, 3, 6, 7, jpeg_tile.len()), []), &jpeg_tile, 0),
            Broken,
        ),
        (
            "jpeg-tables.tif",
            tiff_of(false, &with(strip(16, 16, 3, 6, 7, 24), [(347, 7, vec![0; 2 << 20])]), &red, 0),
            Limit,
        ),
        (
            "profile.tif",
            {
                let mut bytes = tiff_of(false, &with(plain(), [(34675, 7, vec![0; 8])]), &red, 0);
                let at = bytes.windows(4).position(|field| field == [0x73, 0x87, 7, 0]).unwrap();
                bytes[at + 4..at + 8].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
                bytes
            },
            Limit,
        ),
        ("samples.tif", tiff_of(false, &with(plain(), [tag(277, 65_535)]), &red, 0), Unsupported),
        (
            "tags.tif",
            {
                let mut bytes = tiff_of(false, &plain(), &red, 0);
                let at = bytes.len() - 4 - plain().len() * 12 - 2;
                bytes[at..at + 2].copy_from_slice(&[0xff, 0xff]);
                bytes
            },
            Broken,
        ),
        (
            "big-offset.tif",
            {
                let mut bytes = tiff_of(true, &plain(), &red, 0);
                bytes[8..16].copy_from_slice(&(1u64 << 62).to_le_bytes());
                bytes
            },
            Broken,
        ),
        ("big-strip-offset.tif", tiff_of(true, &with(plain(), [(273, 16, vec![1 << 63])]), &red, 0), Broken),
        (
            "big-count.tif",
            {
                let mut bytes = tiff_of(true, &with(plain(), [(273, 16, vec![16])]), &red, 0);
                let at = bytes.windows(4).position(|field| field == [17, 1, 16, 0]).unwrap();
                bytes[at + 4..at + 12].copy_from_slice(&u64::MAX.to_le_bytes());
                bytes
            },
            Broken,
        ),
    ]
}

fn gif(canvas: (u16, u16), frame: (u16, u16), data: &[u8], frames: usize) -> Vec<u8> {
    let mut gif = b"GIF89a".to_vec();
    gif.extend(canvas.0.to_le_bytes());
    gif.extend(canvas.1.to_le_bytes());
    gif.extend([0x80, 0, 0, 255, 0, 0, 0, 0, 0]);
    for _ in 0..frames {
        gif.extend([0x2c, 0, 0, 0, 0]);
        gif.extend(frame.0.to_le_bytes());
        gif.extend(frame.1.to_le_bytes());
        gif.extend([0, 2]);
        for block in data.chunks(255) {
            gif.push(block.len() as u8);
            gif.extend(block);
        }
        gif.push(0);
    }
    gif.push(0x3b);
    gif
}

fn gifs() -> Vec<Bomb> {
    let lzw = |pixels: usize| {
        weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 2).encode(&vec![0; pixels]).unwrap()
    };
    let mut comments = gif((4, 2), (4, 2), &lzw(8), 1);
    comments.splice(19..19, [0x21, 0xfe, 4, b'l', b'o', b'n', b'g', 0].repeat(1_000_000));
    vec![
        ("canvas.gif", gif((u16::MAX, u16::MAX), (4, 2), &lzw(8), 1), Limit),
        ("canvas-held.gif", gif((10_000, 10_000), (1, 1), &lzw(1), 1), Limit),
        ("frame.gif", gif((4, 2), (u16::MAX, u16::MAX), &lzw(8), 1), Limit),
        ("frames.gif", gif((4, 2), (4, 2), &lzw(8), 200_000), Drawn),
        ("lzw.gif", gif((4, 2), (4, 2), &lzw(64 << 20), 1), Drawn),
        ("comments.gif", comments, Drawn),
        ("zero.gif", gif((0, 0), (0, 0), &lzw(1), 1), Broken),
    ]
}

/// A progressive JPEG of one grey component whose one scan is there `scans` times.
fn scans(scans: usize) -> Vec<u8> {
    let mut jpeg = b"\xff\xd8".to_vec();
    jpeg.extend(segment(0xdb, &[&[0][..], &[1; 64]].concat()));
    jpeg.extend(segment(0xc2, &[8, 0, 64, 0, 64, 1, 1, 0x11, 0]));
    // One code, of one bit, for "no difference"; for AC, "end of block".
    for class in [0x00, 0x10] {
        jpeg.extend(segment(0xc4, &[&[class, 1][..], &[0; 15], &[0]].concat()));
    }
    let first = [segment(0xda, &[1, 1, 0x00, 0, 0, 0x01]), vec![0; 8]].concat();
    let refine = [segment(0xda, &[1, 1, 0x00, 1, 63, 0x00]), vec![0; 8]].concat();
    jpeg.extend(first);
    jpeg.extend(refine.repeat(scans));
    jpeg.extend(b"\xff\xd9");
    jpeg
}

fn jpegs() -> Vec<Bomb> {
    let honest = jpeg(64, 64, |_, _| [255, 0, 0]);
    let declared = |progressive: bool, width: u16, height: u16| {
        let mut bytes = honest.clone();
        let at = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        if progressive {
            bytes[at + 1] = 0xc2;
        }
        bytes[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
        bytes[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
        bytes
    };
    let profile: Vec<u8> = (1..=255u8)
        .flat_map(|number| segment(0xe2, &[b"ICC_PROFILE\0", &[number, 255][..], &[7; 65_000]].concat()))
        .collect();
    let exif = segment(0xe1, &[b"Exif\0\0", looped_exif().as_slice()].concat());
    let restarts = {
        let at = honest.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
        let (head, scan) = honest.split_at(at);
        [
            head,
            &segment(0xdd, &[0, 1]),
            &scan[..14],
            &b"\xff\xd0\xff\xd1\xff\xd2\xff\xd3\xff\xd4\xff\xd5\xff\xd6\xff\xd7".repeat(500_000),
            b"\xff\xd9",
        ]
        .concat()
    };
    vec![
        ("sides.jpg", declared(false, 65_500, 65_500), Limit),
        ("area.jpg", declared(false, 30_000, 20_001), Limit),
        ("coefficients.jpg", declared(true, 29_999, 19_000), Limit),
        ("scans.jpg", scans(5_000), Limit),
        ("restarts.jpg", restarts, Drawn),
        ("profile.jpg", jpeg_with(&honest, &profile), Drawn),
        ("exif-loop.jpg", jpeg_with(&honest, &exif), Drawn),
        ("exif-many.jpg", jpeg_with(&honest, &exif.repeat(100_000)), Drawn),
        ("segments.jpg", jpeg_with(&honest, &segment(0xef, b"").repeat(2_000_000)), Drawn),
        (
            "no-scan.jpg",
            honest[..honest.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap()].to_vec(),
            Broken,
        ),
    ]
}

fn webps() -> Vec<Bomb> {
    // VP8L: signature, 14 bits of width less one, 14 of height less one, alpha, version.
    let lossless = |width: u32, height: u32| {
        let mut body = vec![0x2f];
        body.extend(((width - 1) | (height - 1) << 14).to_le_bytes());
        body.extend([0; 8]);
        body
    };
    let extended = |flags: u8, width: u32, height: u32| {
        let mut body = vec![flags, 0, 0, 0];
        body.extend(&(width - 1).to_le_bytes()[..3]);
        body.extend(&(height - 1).to_le_bytes()[..3]);
        body
    };
    let frame = [&[0; 6][..], &[255, 255, 0, 255, 255, 0, 1, 0, 0, 0], &riff(b"VP8L", &[])[8..]].concat();
    let mut endless = riff(b"WEBP", &[(b"VP8X", extended(0, 4, 2)), (b"JUNK", vec![0; 8])]);
    let at = endless.len() - 12;
    endless[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    vec![
        ("lossless.webp", riff(b"WEBP", &[(b"VP8L", lossless(16_384, 16_384))]), Limit),
        (
            "canvas.webp",
            riff(b"WEBP", &[(b"VP8X", extended(0, 1 << 24, 1 << 8)), (b"VP8L", lossless(4, 2))]),
            Broken,
        ),
        (
            "mismatch.webp",
            riff(b"WEBP", &[(b"VP8X", extended(0, 16_000, 16_000)), (b"VP8L", lossless(4, 2))]),
            Broken,
        ),
        (
            "animation.webp",
            riff(b"WEBP", &[(b"VP8X", extended(2, 16_383, 16_383)), (b"ANIM", vec![0; 6]), (b"ANMF", frame)]),
            Limit,
        ),
        ("endless-chunk.webp", endless, Broken),
        ("unfinished.webp", riff(b"WEBP", &[(b"VP8L", lossless(9_000, 9_000))]), Broken),
    ]
}

/// A codestream of these sides, tile sides and number of grey components; one empty tile.
fn codestream(side: (u32, u32), tile: (u32, u32), components: u16) -> Vec<u8> {
    let mut size = vec![0, 0];
    for number in [side.0, side.1, 0, 0, tile.0, tile.1, 0, 0] {
        size.extend(number.to_be_bytes());
    }
    size.extend(components.to_be_bytes());
    size.extend([7, 1, 1].repeat(components.into()));
    let mut stream = b"\xff\x4f".to_vec();
    stream.extend(segment(0x51, &size));
    stream.extend(segment(0x52, &[0, 0, 0, 1, 0, 5, 4, 4, 0, 1]));
    stream.extend(segment(0x5c, &[&[0x40][..], &[0x48; 16]].concat()));
    stream.extend(segment(0x90, &[0, 0, 0, 0, 0, 14, 0, 1]));
    stream.extend(b"\xff\x93\xff\xd9");
    stream
}

fn jp2s() -> Vec<Bomb> {
    let mut boxes = b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 \0\0\0\0jp2 ".to_vec();
    boxes.extend(b"\0\0\0\x01jp2h\x7f\xff\xff\xff\xff\xff\xff\xff");
    vec![
        ("sides.j2k", codestream((u32::MAX, u32::MAX), (u32::MAX, u32::MAX), 1), Limit),
        ("area.j2k", codestream((30_000, 20_001), (30_000, 20_001), 1), Limit),
        ("held.j2k", codestream((29_000, 20_000), (29_000, 20_000), 3), Drawn),
        ("tiles.j2k", codestream((30_000, 20_000), (1, 1), 1), Limit),
        ("components.j2k", codestream((64, 64), (64, 64), 16_384), Broken),
        ("box.jp2", boxes, Broken),
    ]
}

fn bmp(side: (i32, i32), bits: u8, compression: u8, colors: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"BM\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend((54 + 4 * colors.min(256)).to_le_bytes());
    bytes.extend(40u32.to_le_bytes());
    bytes.extend(side.0.to_le_bytes());
    bytes.extend(side.1.to_le_bytes());
    bytes.extend([1, 0, bits, 0, compression, 0, 0, 0]);
    bytes.extend([0; 12]);
    bytes.extend(colors.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend([0, 0, 255, 0].repeat(colors.min(256) as usize));
    bytes.extend(data);
    bytes
}

fn bmps() -> Vec<Bomb> {
    vec![
        ("sides.bmp", bmp((i32::MAX, i32::MAX), 24, 0, 0, &[0; 24]), Limit),
        ("rle-held.bmp", bmp((30_000, 30_000), 8, 1, 2, &[0, 1]), Limit),
        (
            "rle-jumps.bmp",
            bmp((7_000, 7_000), 8, 1, 2, &[&[0, 2, 255, 255].repeat(100_000)[..], &[0, 1]].concat()),
            Broken,
        ),
        ("rle-end.bmp", bmp((2_000, 2_000), 8, 1, 2, &[0, 1]), Drawn),
        ("palette.bmp", bmp((4, 2), 8, 0, 0x7fff_ffff, &deflate_zeros(1)), Broken),
    ]
}
