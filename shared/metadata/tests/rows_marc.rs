//! Binary MARC 21: whole files, broken records, MARC-8 and hostile bytes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may stop at the first surprise"
)]

use proptest::prelude::*;
use vitrine_domain::import::profile::SourceFormat;
use vitrine_metadata::rows::{Checkpoint, FileError, RowError, RowErrorCode, RowReader, SourceRow};
use vitrine_metadata::{Format, parse_record};

type Rows = Vec<Result<SourceRow, RowError>>;

fn try_read(bytes: &[u8]) -> (Rows, Result<(), FileError>) {
    let mut rows = Vec::new();
    let mut reader = RowReader::new(SourceFormat::Marc, Format::Marc21);
    let result = reader.push(bytes, &mut rows).and_then(|()| reader.finish(&mut rows));
    (rows, result)
}

fn read(bytes: &[u8]) -> Rows {
    let (rows, result) = try_read(bytes);
    result.unwrap();
    rows
}

fn outcomes(rows: &Rows) -> Vec<String> {
    rows.iter()
        .map(|row| match row {
            Ok(row) => parse_record(row.format, row.record.as_deref().unwrap()).unwrap().index.title,
            Err(e) => format!("!{}", serde_json::to_value(e.code).unwrap().as_str().unwrap()),
        })
        .collect()
}

/// Writes a record of fields as they stand in it, without their terminators.
fn record(charset: char, fields: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut directory, mut data) = (Vec::new(), Vec::new());
    for (tag, field) in fields {
        directory.extend(format!("{tag}{:04}{:05}", field.len() + 1, data.len()).bytes());
        data.extend_from_slice(field);
        data.push(0x1E);
    }
    let base = 24 + directory.len() + 1;
    let mut out = format!("{:05}cam {charset}22{base:05} a 4500", base + data.len() + 1).into_bytes();
    out.extend(directory);
    out.push(0x1E);
    out.extend(data);
    out.push(0x1D);
    out
}

fn titled(title: &str) -> Vec<u8> {
    record('a', &[("001", b"x1"), ("245", format!("10\x1Fa{title}").as_bytes())])
}

#[test]
fn writes_marcxml_of_what_it_reads() {
    let bytes = record(
        'a',
        &[
            ("001", b"42"),
            ("008", b"930708s1851    nyu           000 1 eng d"),
            ("245", "10\x1FaÉté & <mer> :\x1Fbun \"roman\"".as_bytes()),
            ("856", b"4 \x1Fuhi/1.tif\x1FyScan"),
            ("856", b"4 \x1Fuhttps://x.example/"),
        ],
    );
    let rows = read(&bytes);
    let row = rows[0].as_ref().unwrap();
    assert_eq!(
        row.record.as_deref().unwrap(),
        "<record xmlns=\"http://www.loc.gov/MARC21/slim\"><leader>00262cam a2200085 a 4500</leader>\
         <controlfield tag=\"001\">42</controlfield><controlfield tag=\"008\">930708s1851    nyu           000 1 eng d</controlfield>\
         <datafield tag=\"245\" ind1=\"1\" ind2=\"0\"><subfield code=\"a\">Été &amp; &lt;mer&gt; :</subfield>\
         <subfield code=\"b\">un \"roman\"</subfield></datafield>\
         <datafield tag=\"856\" ind1=\"4\" ind2=\" \"><subfield code=\"u\">hi/1.tif</subfield><subfield code=\"y\">Scan</subfield></datafield>\
         <datafield tag=\"856\" ind1=\"4\" ind2=\" \"><subfield code=\"u\">https://x.example/</subfield></datafield></record>"
            .replace("00262", &format!("{:05}", bytes.len()))
    );
    assert_eq!((row.number, row.format), (1, Format::Marc21));
    assert_eq!(row.files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["hi/1.tif"]);
}

#[test]
fn reads_marc_8_as_unicode() {
    let check = |title: &[u8], expected: &str| {
        let bytes = record(' ', &[("066", b"  \x1Fc(N"), ("245", &[b"10\x1Fa", title].concat())]);
        let rows = read(&bytes);
        assert_eq!(outcomes(&rows), [expected]);
        let record = rows[0].as_ref().unwrap().record.clone().unwrap();
        assert!(record.contains("cam a22") && !record.contains("tag=\"066\""));
    };
    check(b"Caf\xE2e", "Café");
    check(b"\x1B(NmOSKWA\x1B(B : roman", "Москва : roman");
    check(b"\x1B$1!0!\x1B(B", "一");
    // Text that cannot be MARC-8 but is UTF-8 is read as what it is.
    check("Café 語".as_bytes(), "Café 語");
    let bad = [titled("A"), record(' ', &[("245", b"10\x1Fa\x1B(Xabc")]), titled("B")].concat();
    let rows = read(&bad);
    assert_eq!(outcomes(&rows), ["A", "!unknown_character_set", "B"]);
    assert_eq!(rows[1].as_ref().unwrap_err().column.as_deref(), Some("245$a"));
}

#[test]
fn a_broken_record_loses_no_other() {
    let change = |at: usize, byte: u8| {
        let mut bytes = titled("x");
        bytes[at] = byte;
        bytes
    };
    for (bad, code) in [
        (change(0, b'9'), "bad_structure"),
        (change(9, b'z'), "bad_structure"),
        (change(12, b'9'), "bad_structure"),
        (change(16, b'0'), "bad_structure"),
        (change(24, b'*'), "bad_structure"),
        (change(27, b'9'), "bad_structure"),
        (change(30, b'x'), "bad_structure"),
        (change(48, b'x'), "bad_structure"),
        (change(20, b'9'), "invalid_field"),
        (change(5, b'\x80'), "bad_structure"),
        (b"\x1D".to_vec(), "bad_structure"),
        (b"00005\x1D".to_vec(), "bad_structure"),
        (b"garbage without a leader\x1D".to_vec(), "bad_structure"),
        (record('a', &[("245", b"10\x1Fa\xE9")]), "encoding"),
        (record('a', &[("245", b"10\x1Fa\x01")]), "illegal_character"),
        (record('a', &[("245", b"1\x1Fax")]), "bad_structure"),
        (record('a', &[("245", b"10\x1F")]), "bad_structure"),
        (record('a', &[("245", b"10\x1F x")]), "invalid_field"),
        (record('a', &[("245", b"10x")]), "bad_structure"),
        (record('a', &[("245", b"\"<\x1Fax")]), "invalid_field"),
        (record('a', &[("500", b"  \x1Fax")]), "missing_title"),
        (record('a', &[("245", b"10\x1Fax"), ("856", b"4 \x1Fu../x")]), "unsafe_file_name"),
        (record('a', &[]), "missing_title"),
    ] {
        let bytes = [titled("A"), bad.clone(), b"\r\n".to_vec(), titled("B")].concat();
        assert_eq!(outcomes(&read(&bytes)), ["A", &format!("!{code}"), "B"], "{}", bad.escape_ascii());
    }
    let cut = [titled("A"), titled("B")].concat();
    assert_eq!(outcomes(&read(&cut[..cut.len() - 3])), ["A", "!bad_structure"]);
    let padded = [b"\xEF\xBB\xBF".to_vec(), titled("A"), b"\n\x1A\0\0".to_vec()].concat();
    assert_eq!(outcomes(&read(&padded)), ["A"]);
}

#[test]
fn a_file_of_another_kind_is_told_as_one() {
    for other in [&b"<collection/>"[..], b"%PDF-1.7", b"dc:title\nA\n", b"\xFF\xD8\xFF"] {
        let (rows, result) = try_read(other);
        assert!(matches!(result, Err(FileError::BrokenDocument { kind: RowErrorCode::WrongRoot, .. })));
        assert_eq!(rows, []);
    }
    assert_eq!(try_read(b"\r\n").1, Err(FileError::Empty));
}

#[test]
fn b25_overlapping_fields_cannot_grow_a_record() {
    let mut bytes = record('a', &[("245", &[&b"10\x1Fa"[..], &[b'x'; 5000]].concat())]);
    let entry = bytes[24..36].to_vec();
    let more = 1000;
    let base = 24 + 12 * (more + 1) + 1;
    bytes.splice(36..36, entry.repeat(more));
    let head = format!("{:05}cam a22{base:05} a 4500", bytes.len());
    bytes.splice(..24, head.bytes());
    let rows = read(&bytes);
    let error = rows[0].as_ref().unwrap_err();
    assert_eq!((error.code, error.column.as_deref()), (RowErrorCode::BadStructure, Some("directory")));
}

#[test]
fn b25_a_record_without_end_costs_no_memory() {
    let mut rows = Vec::new();
    let mut reader = RowReader::new(SourceFormat::Marc, Format::Marc21);
    reader.push(&[titled("A"), b"99999".to_vec()].concat(), &mut rows).unwrap();
    for _ in 0..200 {
        reader.push(&[b'x'; 64 * 1024], &mut rows).unwrap();
    }
    reader.push(&[b"\x1D".to_vec(), titled("B")].concat(), &mut rows).unwrap();
    reader.finish(&mut rows).unwrap();
    assert_eq!(outcomes(&rows), ["A", "!row_too_long", "B"]);
}

/// Reads in pieces, and after some pieces stops and goes on from the stored checkpoint.
fn read_in_pieces(bytes: &[u8], cuts: &[(usize, bool)]) -> (Rows, Result<(), FileError>) {
    let mut rows = Vec::new();
    let mut reader = RowReader::new(SourceFormat::Marc, Format::Marc21);
    let (mut at, mut i) = (0, 0);
    while at < bytes.len() {
        let (length, stop) = cuts[i % cuts.len()];
        // Pieces grow, so that a reader that stops after each of them gets on nevertheless.
        let end = (at + length + i).min(bytes.len());
        i += 1;
        if let Err(e) = reader.push(&bytes[at..end], &mut rows) {
            return (rows, Err(e));
        }
        at = end;
        if stop && end < bytes.len() {
            let stored = serde_json::to_string(&reader.checkpoint()).unwrap();
            let checkpoint: Checkpoint = serde_json::from_str(&stored).unwrap();
            assert_eq!(checkpoint.number, rows.len() as u64);
            at = usize::try_from(checkpoint.offset).unwrap();
            reader = RowReader::resume(checkpoint).unwrap();
        }
    }
    let result = reader.finish(&mut rows);
    (rows, result)
}

fn part() -> impl Strategy<Value = Vec<u8>> {
    let marc8 = record(' ', &[("001", b"1"), ("245", b"10\x1Fa\xE2e \x1B(Na\x1B$1!0!\x1B(B")]);
    prop::sample::select(vec![
        titled("A"),
        titled("é語"),
        marc8,
        b"\x1D".to_vec(),
        b"\r\n\0".to_vec(),
        b"00042x".to_vec(),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn pieces_and_stops_make_no_difference_and_mutations_never_panic(
        parts in prop::collection::vec(part(), 0..12),
        changes in prop::collection::vec((0_usize..2000, any::<u8>()), 0..6),
        cuts in prop::collection::vec((1_usize..60, any::<bool>()), 1..6),
    ) {
        let mut bytes = parts.concat();
        for (at, byte) in changes.into_iter().filter(|_| !parts.is_empty()) {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let whole = try_read(&bytes);
        for row in whole.0.iter().flatten() {
            prop_assert!(parse_record(row.format, row.record.as_deref().unwrap()).is_ok());
        }
        prop_assert_eq!(read_in_pieces(&bytes, &cuts), whole);
    }

    #[test]
    fn arbitrary_values_of_marc_8_never_panic(value in prop::collection::vec(any::<u8>(), 0..40)) {
        let value: Vec<u8> = value.into_iter().filter(|b| !matches!(b, 0x1D..=0x1F)).collect();
        let rows = read(&record(' ', &[("245", &[&b"10\x1FaA"[..], &value].concat())]));
        prop_assert_eq!(rows.len(), 1);
    }
}
