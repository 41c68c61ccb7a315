//! Drawings and documents that grow, recurse or point outside.

use super::Bomb;
use super::Class::{Broken, Drawn, Limit, Unsupported};
use crate::common::build::{idat, pdf, png_of, stream, zlib_zeros};

pub fn bombs(url: &str) -> Vec<Bomb> {
    [drawings(url), documents(url)].concat()
}

fn svg(inside: &str) -> Vec<u8> {
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="20">{inside}</svg>"#
    )
    .into_bytes()
}

/// Each name stands for ten of the one before.
fn laughs(declare: impl Fn(char, char) -> String) -> String {
    ('b'..='j').map(|name| declare(name, char::from(name as u8 - 1))).collect()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * index)) as usize & 63];
            text.push(if index > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

fn drawings(url: &str) -> Vec<Bomb> {
    let entities =
        laughs(|name, before| format!("<!ENTITY {name} \"{}\">", format!("&{before};").repeat(10)));
    let entities = format!(
        r#"<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "haha">{entities}]><svg xmlns="http://www.w3.org/2000/svg" width="4" height="2"><text>&j;</text></svg>"#
    );
    let uses = laughs(|name, before| {
        format!(r##"<g id="{name}">{}</g>"##, format!(r##"<use xlink:href="#{before}"/>"##).repeat(10))
    });
    let uses = format!(r##"<defs><rect id="a" width="4" height="2"/>{uses}</defs><use xlink:href="#j"/>"##);
    let external = format!(
        r#"<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "{url}"><!ENTITY y SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg" width="4" height="2"><text>&x;&y;</text></svg>"#
    );
    let blur = r##"<filter id="f" x="-1e9" y="-1e9" width="1e10" height="1e10"><feGaussianBlur stdDeviation="1e9"/></filter><rect width="40" height="20" fill="red" filter="url(#f)"/>"##;
    let noise = format!(
        r##"<filter id="f"><feTurbulence baseFrequency="0.9" numOctaves="2000000000"/></filter>{}"##,
        r##"<rect width="40" height="20" filter="url(#f)"/>"##.repeat(50)
    );
    let pattern = r##"<pattern id="p" width="4" height="4" patternUnits="userSpaceOnUse"><rect width="4" height="4" fill="url(#p)"/></pattern><rect width="40" height="20" fill="url(#p)"/>"##;
    let picture = png_of((30_000, 20_000), 8, 2, false, &[idat([[0u8; 9].as_slice()])]);
    let picture =
        format!(r#"<image width="40" height="20" xlink:href="data:image/png;base64,{}"/>"#, base64(&picture));
    let mut inside = svg(r#"<rect width="4" height="2"/>"#);
    for _ in 0..12 {
        inside = svg(&format!(
            r#"<image width="40" height="20" xlink:href="data:image/svg+xml;base64,{}"/>"#,
            base64(&inside)
        ));
    }
    let outside = format!(
        r##"<image width="4" height="2" xlink:href="{url}"/><image width="4" height="2" xlink:href="file:///etc/passwd"/><use xlink:href="{url}#a"/><style>@import url({url}); @font-face {{ font-family: x; src: url({url}) }}</style><rect width="40" height="20" fill="url({url}#p)"/>"##
    );
    let path = format!(
        r#"<path d="M0 0 {}" stroke="red" stroke-dasharray="1e-7"/>"#,
        "L 1e9 1e9 L -1e9 1e9 ".repeat(50)
    );
    vec![
        ("entities.svg", entities.into_bytes(), Broken),
        ("external-entity.svg", external.into_bytes(), Broken),
        ("uses.svg", svg(&uses), Limit),
        (
            "use-loop.svg",
            svg(r##"<g id="a"><use xlink:href="#b"/></g><g id="b"><use xlink:href="#a"/></g>"##),
            Limit,
        ),
        ("blur.svg", svg(blur), Drawn),
        ("noise.svg", svg(&noise), Limit),
        ("pattern-loop.svg", svg(pattern), Drawn),
        ("picture-inside.svg", svg(&picture), Limit),
        ("drawings-inside.svg", inside, Drawn),
        ("outside.svg", svg(&outside), Drawn),
        ("deep.svg", svg(&format!("{}{}", "<g>".repeat(200_000), "</g>".repeat(200_000))), Limit),
        ("dashes.svg", svg(&path), Drawn),
        (
            "sides.svg",
            br#"<svg xmlns="http://www.w3.org/2000/svg" width="1e38" height="1e-38"/>"#.to_vec(),
            Drawn,
        ),
    ]
}

fn document(page: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 40 20] {page} >>").into_bytes(),
    ];
    objects.extend_from_slice(more);
    pdf(&objects, "")
}

fn documents(url: &str) -> Vec<Bomb> {
    let catalog = b"<< /Type /Catalog /Pages 2 0 R >>".to_vec();
    let page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 40 20] >>".to_vec();
    let kids = format!("<< /Type /Pages /Kids [{}] /Count 1000000 >>", "3 0 R ".repeat(1_000_000));
    let form = "/Type /XObject /Subtype /Form /BBox [0 0 40 20] /Resources << /XObject << /X 5 0 R >> >>";
    let draw = stream("", b"/X Do");
    let resources = "/Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >>";
    let image = |width: u32, height: u32, mebibytes| {
        let dictionary = format!(
            "/Type /XObject /Subtype /Image /Width {width} /Height {height} /BitsPerComponent 8 /ColorSpace /DeviceGray /Filter /FlateDecode"
        );
        document(
            resources,
            &[stream("", b"40 0 0 20 0 0 cm /X Do"), stream(&dictionary, &zlib_zeros(mebibytes))],
        )
    };
    let xfa = format!(
        r#"<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "{url}">]><xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/">&e;</xdp:xdp>"#
    );
    let boxed = |media: &str| {
        pdf(
            &[
                catalog.clone(),
                b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
                format!("<< /Type /Page /Parent 2 0 R /MediaBox [{media}] >>").into_bytes(),
            ],
            "",
        )
    };
    let nested = document("/Contents 4 0 R", &[stream("", "[".repeat(1_000_000).as_bytes())]);
    let saves = document("/Contents 4 0 R", &[stream("", "q ".repeat(2_000_000).as_bytes())]);
    vec![
        ("encrypted.pdf", pdf(
            &[catalog.clone(), b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(), page.clone(),
              format!("<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <{0}> /U <{0}> >>", "00".repeat(32)).into_bytes()],
            "/Encrypt 4 0 R /ID [<00> <00>]",
        ), Unsupported),
        ("million-pages.pdf", pdf(&[catalog.clone(), kids.into_bytes(), page.clone()], ""), Drawn),
        ("page-loop.pdf", pdf(&[catalog.clone(), b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>".to_vec()], ""), Broken),
        ("form-loop.pdf", document(resources, &[draw.clone(), stream(form, b"/X Do /X Do")]), Drawn),
        ("reference-loop.pdf", document("/Contents 4 0 R", &[b"5 0 R".to_vec(), b"4 0 R".to_vec()]), Drawn),
        ("length-loop.pdf", document("/Contents 4 0 R", &[b"<< /Length 4 0 R >>\nstream\n\nendstream".to_vec()]), Drawn),
        ("image-declared.pdf", image(200_000, 200_000, 1), Drawn),
        ("image-unpacked.pdf", image(30_000, 30_000, 900), Limit),
        ("contents.pdf", document("/Contents 4 0 R", &[stream("/Filter /FlateDecode", &zlib_zeros(2000))]), Limit),
        ("filters.pdf", document("/Contents 4 0 R", &[stream(&format!("/Filter [{}]", "/FlateDecode ".repeat(10_000)), &zlib_zeros(1))]), Drawn),
        ("nested.pdf", nested, Drawn),
        ("saves.pdf", saves, Drawn),
        ("xfa.pdf", pdf(
            &[b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /XFA 4 0 R >> >>".to_vec(), b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(), page.clone(), stream("", xfa.as_bytes())],
            "",
        ), Drawn),
        ("open-action.pdf", pdf(
            &[format!("<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /URI /URI ({url}) >> >>").into_bytes(), b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(), page.clone()],
            "",
        ), Drawn),
        ("wide-page.pdf", boxed("0 0 1000000000 1"), Drawn),
        ("infinite-page.pdf", boxed(&format!("0 0 {0} {0}", "9".repeat(60))), Broken),
        ("empty-page.pdf", boxed("0 0 0 0"), Drawn),
        ("older-revision-loop.pdf", b"%PDF-1.4\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R /Prev 9 /Size 1 >>\nstartxref\n9\n%%EOF\n".to_vec(), Broken),
    ]
}
