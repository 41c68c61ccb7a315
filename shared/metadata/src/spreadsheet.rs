//! Cells of reports that people open in a spreadsheet (B51).

/// Writes one cell of a CSV file, quoted where it must be.
///
/// A text that a spreadsheet would run as a formula gets an apostrophe in front: one that starts with `=`, `+`, `-`, `@`,
/// their full-width forms, a tab or a carriage return.
pub fn csv_field(text: &str) -> String {
    let dangerous = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let safe = if dangerous { format!("'{text}") } else { text.to_owned() };
    if safe.contains(['"', ',', ';', '\n', '\r', '\t']) || dangerous {
        return format!("\"{}\"", safe.replace('"', "\"\""));
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b51_no_cell_is_run_as_a_formula() {
        for (text, cell) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"ah\"", "\"say \"\"ah\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("+49 1", "\"'+49 1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("＝1", "\"'＝1\""),
        ] {
            assert_eq!(csv_field(text), cell, "{text:?}");
        }
    }
}
