//! Text for a terminal: as wide as that is, coloured where it is one, and without what could move its cursor.

use std::env;
use std::io::{self, IsTerminal};

use unicode_width::UnicodeWidthChar;

/// Where the width is not known.
const USUAL_WIDTH: usize = 120;
/// Narrower is no use.
const LEAST_WIDTH: usize = 60;

/// How text is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    /// In columns.
    pub(super) width: usize,
    pub(super) colour: bool,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Good,
    Bad,
    Advice,
    Faint,
}

impl Paint {
    /// That of standard error: the width that `COLUMNS` or the terminal says, and colours on a terminal unless `NO_COLOR`
    /// is set.
    pub(super) fn of_standard_error() -> Self {
        let terminal = io::stderr().is_terminal();
        let columns = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let mut table = comfy_table::Table::new();
        let width = match columns {
            Some(columns) => columns,
            None if terminal => table.use_stderr().width().map_or(USUAL_WIDTH, usize::from),
            // A file or a pipe has no width, and what is cut off there is lost.
            None => usize::MAX,
        };
        let colour = terminal && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { width: width.max(LEAST_WIDTH), colour }
    }

    /// A text in its tone, cut to so many columns.
    pub(super) fn text(self, tone: Tone, text: &str, columns: usize) -> String {
        let text = self.cut(text, columns);
        let code = match tone {
            Tone::Plain => return text,
            Tone::Strong => "1",
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Advice => "33",
            Tone::Faint => "2",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
    }

    /// The same, filled with spaces to that many columns.
    pub(super) fn cell(self, tone: Tone, text: &str, columns: usize) -> String {
        let fill = columns.saturating_sub(width(&self.cut(text, columns)));
        format!("{}{}", self.text(tone, text, columns), " ".repeat(fill))
    }
}

impl Paint {
    /// A text on one line, cut to so many columns where there is a width to fit.
    fn cut(self, text: &str, columns: usize) -> String {
        let text = printable(text);
        if self.width == usize::MAX { text } else { cut(&text, columns) }
    }
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text on one line, and without what a terminal would obey: control characters and marks of direction.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    let mut space = false;
    for c in text.chars() {
        if matches!(c, ' ' | '\n' | '\t' | '\r') {
            space = !printable.is_empty();
            continue;
        }
        if std::mem::take(&mut space) {
            printable.push(' ');
        }
        let obeyed =
            c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if obeyed {
            printable.extend(c.escape_unicode());
        } else {
            printable.push(c);
        }
    }
    printable
}

/// At most so many columns; what was cut off is shown by an ellipsis.
fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |c: &char| {
        let width = c.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push('\u{2026}');
    cut
}

#[cfg(test)]
mod tests {
    use super::{Paint, Tone, cut, printable, width};

    #[test]
    fn a_long_text_is_cut_by_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc\u{2026}");
        assert_eq!(cut("\u{544a}\u{8b66}\u{6d4b}", 4), "\u{544a}\u{2026}", "each is two columns wide");
        assert!(width(&cut("\u{544a}\u{8b66}\u{6d4b}", 4)) <= 4);
    }

    #[test]
    fn without_a_width_nothing_is_cut() {
        let endless = Paint { width: usize::MAX, colour: false };
        assert_eq!(endless.cell(Tone::Plain, "abcdef", 4), "abcdef");
        assert_eq!(endless.cell(Tone::Plain, "abc", 4), "abc ");
    }

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(printable("a\u{1b}[31m\u{9b}2J\u{202e}b"), "a\\u{1b}[31m\\u{9b}2J\\u{202e}b");
        assert_eq!(printable("if .a\n   then .b\tend "), "if .a then .b end");
    }

    #[test]
    fn colours_stand_around_what_is_shown_and_are_none_of_its_width() {
        let plain = Paint { width: 80, colour: false };
        let colour = Paint { width: 80, colour: true };
        assert_eq!(plain.cell(Tone::Bad, "no", 4), "no  ");
        assert_eq!(colour.cell(Tone::Bad, "no", 4), "\u{1b}[31mno\u{1b}[0m  ");
    }
}
