//! hOCR: OCR as HTML, where classes say what is a page, a line and a word.

use super::Text;
use super::markup::{Node, classes, walk};
use crate::draw::Result;

/// The text of all lines, in the document's order.
pub(super) fn read(document: &str) -> Result<Text> {
    let mut text = Text::new();
    // How deep the line is that is open, if one is.
    let mut line: Option<usize> = None;
    walk(document, |node| {
        match node {
            Node::Start { start, depth, .. } => {
                for class in classes(start) {
                    match class.as_str() {
                        "ocr_page" => text.page(),
                        "ocr_par" | "ocr_carea" | "ocrx_block" => text.paragraph(),
                        "ocr_line" | "ocrx_line" | "ocr_header" | "ocr_footer" | "ocr_caption"
                        | "ocr_textfloat" => {
                            text.line();
                            line = line.or(Some(depth));
                        }
                        "ocrx_word" | "ocr_word" => {
                            text.space();
                            // Some write words without lines.
                            line = line.or(Some(depth));
                        }
                        _ => {}
                    }
                }
            }
            Node::End { depth } if line == Some(depth) => {
                text.space();
                line = None;
            }
            Node::Text(words) if line.is_some() => text.push(words),
            _ => {}
        }
        Ok(true)
    })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_words_of_tesseract_are_read_and_the_rest_of_the_page_is_not() {
        let found = read(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
            <html xmlns="http://www.w3.org/1999/xhtml"><head><title>OCR</title><meta name="ocr-system" content="t"/></head><body>
            <div class="ocr_page" title="image; bbox 0 0 1 1">noise<div class="ocr_carea"><p class="ocr_par">
            <span class="ocr_line"><span class="ocrx_word">Call</span> <span class="ocrx_word">m<em>e</em></span></span>
            <span class="ocr_line"><span class="ocrx_word">Ish&amp;mael&#46;</span></span></p>
            <p class="ocr_par"><span class="ocr_line">without words</span></p></div></div>
            <div class="ocr_page"><span class="ocrx_word">alone</span><span class="ocrx_word">here</span></div></body></html>"#,
        );
        assert_eq!(found.unwrap().finished(), "Call me\nIsh&mael.\n\nwithout words\n\u{c}alone here\n");
    }

    #[test]
    fn what_was_cut_off_is_not_a_text() {
        assert!(read("<html><body><div class=\"ocr_page\"><span class=\"ocr_line\">Call").is_err());
    }
}
