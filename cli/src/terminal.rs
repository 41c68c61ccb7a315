//! What people see: notes and progress on standard error. Results go to standard output, elsewhere.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::MultiProgress;

static BARS: OnceLock<MultiProgress> = OnceLock::new();
static QUIET: AtomicBool = AtomicBool::new(false);

/// Keeps notes and progress back.
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether notes and progress are kept back.
pub fn quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// The one set of progress bars; hidden where standard error is not a terminal.
pub fn bars() -> &'static MultiProgress {
    BARS.get_or_init(MultiProgress::new)
}

/// Says something beside the bars.
pub fn note(text: &str) {
    if !quiet() {
        write(text);
    }
}

/// Says why the command failed; also when quiet.
pub fn complain(text: &str) {
    clear();
    write(&format!("error: {text}"));
}

/// Takes the bars away.
pub fn clear() {
    if let Some(bars) = BARS.get() {
        let _ = bars.clear();
    }
}

fn write(text: &str) {
    match BARS.get() {
        Some(bars) if !bars.is_hidden() => {
            let _ = bars.println(text);
        }
        // Where standard error is closed there is nobody to tell.
        _ => {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

/// Text from elsewhere, made safe for a terminal: no control characters, and not without end.
pub fn plain(text: &str) -> String {
    const LONGEST: usize = 600;
    let mut safe: String = text
        .chars()
        .take(LONGEST)
        .map(|letter| if letter.is_control() || is_direction(letter) { ' ' } else { letter })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        safe.push('…');
    }
    safe
}

/// Characters that turn the direction of writing, so that a name can look like another.
fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `1 file`, `2 files`.
pub fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c\n"), "a [2Jb c ");
        assert_eq!(plain(&"x".repeat(700)).chars().count(), 601);
    }
}
