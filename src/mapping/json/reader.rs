//! The reader of JSON text: plain recursion, which the bound on nesting keeps shallow.

use std::borrow::Cow;

use super::object::{Field, Object};
use super::tree::Tree;
use super::{JsonError, MAX_NESTING, MAX_VALUES, Shape, TOO_MANY_VALUES};

pub(super) struct Reader<'d> {
    text: &'d str,
    bytes: &'d [u8],
    at: usize,
    depth: u16,
    deepest: u16,
    dots: bool,
    /// How many values were begun.
    values: usize,
    /// The elements and fields of the lists and objects that are open, so that each is made once, of its size.
    items: Vec<Tree<'d>>,
    fields: Vec<Field<'d, Tree<'d>>>,
}

impl<'d> Reader<'d> {
    /// The whole text as one value.
    pub(super) fn read(bytes: &'d [u8]) -> Result<(Tree<'d>, Shape), JsonError> {
        let (items, fields) = (Vec::new(), Vec::new());
        let mut reader = Self { text: "", bytes, at: 0, depth: 0, deepest: 0, dots: false, values: 0, items, fields };
        match std::str::from_utf8(bytes) {
            Ok(text) => reader.text = text,
            Err(e) => {
                reader.at = e.valid_up_to();
                return Err(reader.fail("text that is not UTF-8"));
            }
        }
        reader.space();
        let value = reader.value()?;
        reader.space();
        if reader.at < bytes.len() {
            return Err(reader.fail("something after the end of the JSON value"));
        }
        Ok((value, Shape { depth: reader.deepest, dots_below: reader.dots }))
    }

    fn fail(&self, problem: &'static str) -> JsonError {
        let before = self.bytes.get(..self.at).unwrap_or_default();
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|b| **b != b'\n').count();
        JsonError { problem, line, column }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
            // Lines of what was written for people begin with many.
            while self.bytes.get(self.at..self.at + 8) == Some(b"        ") {
                self.at += 8;
            }
        }
    }

    fn value(&mut self) -> Result<Tree<'d>, JsonError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.fail(TOO_MANY_VALUES));
        }
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Tree::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Tree::Bool(true)),
            Some(b'f') => self.word("false", Tree::Bool(false)),
            Some(b'n') => self.word("null", Tree::Null),
            Some(_) => Err(self.fail("expected a JSON value")),
            None => Err(self.fail("unexpected end of the text")),
        }
    }

    fn word(&mut self, word: &str, value: Tree<'d>) -> Result<Tree<'d>, JsonError> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.fail("expected a JSON value"))
    }

    fn enter(&mut self) -> Result<(), JsonError> {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        if self.depth > MAX_NESTING {
            return Err(self.fail("nested too deeply"));
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    /// After an element: whether another one follows.
    fn more(&mut self, end: u8) -> Result<bool, JsonError> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            Some(b) if b == end => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            Some(_) => Err(self.fail("expected a comma or the end of the list or object")),
            None => Err(self.fail("unexpected end of the text")),
        }
    }

    fn array(&mut self) -> Result<Tree<'d>, JsonError> {
        self.enter()?;
        let before = self.items.len();
        if self.peek() == Some(b']') {
            self.more(b']')?;
        } else {
            loop {
                let item = self.value()?;
                self.items.push(item);
                if !self.more(b']')? {
                    break;
                }
            }
        }
        Ok(Tree::List(self.items.drain(before..).collect()))
    }

    fn object(&mut self) -> Result<Tree<'d>, JsonError> {
        self.enter()?;
        let before = self.fields.len();
        if self.peek() == Some(b'}') {
            self.more(b'}')?;
        } else {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(self.fail("expected a name in quotation marks"));
                }
                let name = self.string()?;
                self.dots = self.dots || self.depth > 1 && has_dot(&name);
                self.space();
                if self.peek() != Some(b':') {
                    return Err(self.fail("expected a colon"));
                }
                self.at += 1;
                self.space();
                let value = self.value()?;
                self.fields.push(Field::new(name, value));
                if !self.more(b'}')? {
                    break;
                }
            }
        }
        Ok(Tree::Object(Object::of(self.fields.drain(before..).collect())))
    }

    fn number(&mut self) -> Result<Tree<'d>, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (zero && whole > 1) {
            self.at = start;
            return Err(self.fail("a number that JSON does not know"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.fail("a number that JSON does not know"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.fail("a number that JSON does not know"));
            }
        }
        Ok(Tree::number(self.slice(start, self.at)))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    /// It is only cut before and after ASCII.
    fn slice(&self, start: usize, end: usize) -> &'d str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn string(&mut self) -> Result<Cow<'d, str>, JsonError> {
        self.at += 1;
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        self.at += plain(rest);
        match self.peek() {
            Some(b'"') => {
                let text = self.slice(start, self.at);
                self.at += 1;
                Ok(Cow::Borrowed(text))
            }
            Some(b'\\') => self.escaped(start).map(Cow::Owned),
            Some(_) => Err(self.fail("a control character in a text")),
            None => Err(self.fail("unexpected end of the text")),
        }
    }

    /// The rest of a string that has escapes, and so has to be copied.
    fn escaped(&mut self, start: usize) -> Result<String, JsonError> {
        let mut out = self.slice(start, self.at).to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(0..0x20) => return Err(self.fail("a control character in a text")),
                Some(_) => {
                    let from = self.at;
                    self.at += plain(self.bytes.get(from..).unwrap_or_default());
                    out.push_str(self.slice(from, self.at));
                }
                None => return Err(self.fail("unexpected end of the text")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let c = match self.peek() {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.fail("an escape that JSON does not know")),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) {
            // A low surrogate alone is no character.
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if self.bytes.get(self.at..self.at + 2) == Some(b"\\u") {
            let before = self.at;
            self.at += 2;
            let low = self.hex()?;
            if (0xdc00..0xe000).contains(&low) {
                let c = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            // What follows stands for itself.
            self.at = before;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let digits = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
        if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(self.fail("an escape that JSON does not know"));
        }
        let value = u32::from_str_radix(self.slice(self.at, self.at + 4), 16).unwrap_or_default();
        self.at += 4;
        Ok(value)
    }
}

/// Has its top bit set in the first byte that is zero, and perhaps in some behind it.
const fn zeroes(word: u64) -> u64 {
    word.wrapping_sub(EACH) & !word & TOP
}

const EACH: u64 = 0x0101_0101_0101_0101;
const TOP: u64 = 0x8080_8080_8080_8080;

fn has_dot(name: &str) -> bool {
    let (chunks, rest) = name.as_bytes().as_chunks::<8>();
    chunks.iter().any(|chunk| zeroes(u64::from_le_bytes(*chunk) ^ (EACH * u64::from(b'.'))) != 0)
        || rest.contains(&b'.')
}

/// How many bytes of a string come before its end, an escape, or what must not be in it. Eight at a time: most bytes of
/// a record are in strings.
fn plain(bytes: &[u8]) -> usize {
    let is_plain = |chunk: &&[u8; 8]| {
        let word = u64::from_le_bytes(**chunk);
        let quotes = zeroes(word ^ (EACH * u64::from(b'"')));
        let escapes = zeroes(word ^ (EACH * u64::from(b'\\')));
        let controls = word.wrapping_sub(EACH * 0x20) & !word & TOP;
        quotes | escapes | controls == 0
    };
    let (chunks, _) = bytes.as_chunks::<8>();
    let whole = 8 * chunks.iter().take_while(is_plain).count();
    let rest = bytes.get(whole..).unwrap_or_default();
    whole + rest.iter().take_while(|b| !matches!(b, b'"' | b'\\' | 0..0x20)).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_string_ends_where_its_first_special_byte_is(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let expected = bytes.iter().position(|b| *b == b'"' || *b == b'\\' || *b < 0x20);
            prop_assert_eq!(super::plain(&bytes), expected.unwrap_or(bytes.len()));
        }

        #[test]
        fn a_dot_is_seen_wherever_it_is(name in "[-./a]{0,4}[-/a\u{e}\u{ae}]{0,20}[-./a]{0,4}") {
            prop_assert_eq!(super::has_dot(&name), name.contains('.'));
        }
    }
}
