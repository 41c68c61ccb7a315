//! Writing HTML: every text goes through [`escape`], so that no label becomes markup (B48).

use std::fmt;

/// A text as it stands in HTML, between tags or in a quoted attribute.
pub(super) fn escape(text: &str) -> Escaped<'_> {
    Escaped(text)
}

/// A text that is escaped when it is written.
pub(super) struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Marks that turn the text around them stay inside the element, and controls are no text.
                c if c.is_control() && c != '\n' && c != '\t' => f.write_str("\u{FFFD}")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// JSON as it stands in a script element that is data: nothing in it ends the element or begins a comment.
pub(super) fn data(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b48_no_text_becomes_markup() {
        assert_eq!(
            escape("<script>\"'&\u{0}</script>").to_string(),
            "&lt;script&gt;&quot;&#39;&amp;\u{FFFD}&lt;/script&gt;"
        );
        let hostile = serde_json::json!({ "label": "</script><!--<script>&" });
        let written = data(&hostile);
        assert!(!written.contains(['<', '>', '&']), "{written}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), hostile);
    }
}
