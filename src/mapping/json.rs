//! Reads JSON text into the engine's value, without copying the texts in it.
//!
//! Strict RFC 8259, with the design page's answers where the RFC leaves a choice: of a repeated name the last value,
//! a lone surrogate becomes U+FFFD, integers of any size and decimals keep their digits. Nesting is bounded, so that
//! a depth bomb costs an error. An error names line and column and never the content (promise 7).

use bytes::Bytes;
use jaq_json::{Map, Num, Rc, Val};

/// How deep arrays and objects may nest.
pub(super) const MAX_NESTING: u16 = 128;
/// An integer of more digits is kept as its text, like a decimal: computing with it is not worth its price.
const MAX_INTEGER_DIGITS: usize = 64;

/// Why a text is not JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem} at line {line}, column {column}")]
pub(super) struct JsonError {
    problem: &'static str,
    /// Counted from 1.
    line: usize,
    /// Counted from 1, in bytes.
    column: usize,
}

/// Reads a whole text as one value; also tells how deep it nests.
pub(super) fn read(text: &Bytes) -> Result<(Val, u16), JsonError> {
    let mut reader = Reader { text, bytes: text, at: 0, depth: 0, deepest: 0, items: Vec::new(), fields: Vec::new() };
    if let Err(e) = std::str::from_utf8(text) {
        reader.at = e.valid_up_to();
        return Err(reader.fail("text that is not UTF-8"));
    }
    reader.space();
    let value = reader.value()?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.fail("something after the end of the JSON value"));
    }
    Ok((value, reader.deepest))
}

struct Reader<'a> {
    text: &'a Bytes,
    bytes: &'a [u8],
    at: usize,
    depth: u16,
    deepest: u16,
    /// The elements and fields of the lists and objects that are open, so that each is made once, of its size.
    items: Vec<Val>,
    fields: Vec<(Val, Val)>,
}

impl Reader<'_> {
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
        }
    }

    fn value(&mut self) -> Result<Val, JsonError> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Val::Bool(true)),
            Some(b'f') => self.word("false", Val::Bool(false)),
            Some(b'n') => self.word("null", Val::Null),
            Some(_) => Err(self.fail("expected a JSON value")),
            None => Err(self.fail("unexpected end of the text")),
        }
    }

    fn word(&mut self, word: &str, value: Val) -> Result<Val, JsonError> {
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

    fn array(&mut self) -> Result<Val, JsonError> {
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
        Ok(Val::Arr(Rc::new(self.items.split_off(before))))
    }

    fn object(&mut self) -> Result<Val, JsonError> {
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
                self.space();
                if self.peek() != Some(b':') {
                    return Err(self.fail("expected a colon"));
                }
                self.at += 1;
                self.space();
                let value = self.value()?;
                self.fields.push((name, value));
                if !self.more(b'}')? {
                    break;
                }
            }
        }
        let mut map = Map::with_capacity_and_hasher(self.fields.len() - before, Default::default());
        map.extend(self.fields.drain(before..));
        Ok(Val::obj(map))
    }

    fn number(&mut self) -> Result<Val, JsonError> {
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
        let mut integer = whole <= MAX_INTEGER_DIGITS;
        if self.peek() == Some(b'.') {
            self.at += 1;
            integer = false;
            if self.digits() == 0 {
                return Err(self.fail("a number that JSON does not know"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            integer = false;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.fail("a number that JSON does not know"));
            }
        }
        let text = self.slice_text(start, self.at);
        let number = if integer { Num::from_str_radix(text, 10) } else { None };
        Ok(Val::Num(number.unwrap_or_else(|| Num::Dec(Rc::new(text.to_owned())))))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    /// The whole text is UTF-8, and it is only cut before and after ASCII.
    fn slice_text(&self, start: usize, end: usize) -> &str {
        self.bytes.get(start..end).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }

    fn string(&mut self) -> Result<Val, JsonError> {
        self.at += 1;
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        self.at += plain(rest);
        match self.peek() {
            Some(b'"') => {
                let text = self.text.slice(start..self.at);
                self.at += 1;
                Ok(Val::utf8_str(text))
            }
            Some(b'\\') => self.escaped(start),
            Some(_) => Err(self.fail("a control character in a text")),
            None => Err(self.fail("unexpected end of the text")),
        }
    }

    /// The rest of a string that has escapes, and so has to be copied.
    fn escaped(&mut self, start: usize) -> Result<Val, JsonError> {
        let mut out = self.bytes.get(start..self.at).unwrap_or_default().to_vec();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Val::utf8_str(out));
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(0..0x20) => return Err(self.fail("a control character in a text")),
                Some(b) => {
                    out.push(b);
                    self.at += 1;
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
        let value = u32::from_str_radix(self.slice_text(self.at, self.at + 4), 16).unwrap_or_default();
        self.at += 4;
        Ok(value)
    }
}

/// How many bytes of a string come before its end, an escape, or what must not be in it. Eight at a time: most bytes of
/// a record are in strings.
fn plain(bytes: &[u8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = 0x8080_8080_8080_8080;
    // Has a top bit wherever a byte is zero, and perhaps behind the first of them.
    let zeroes = |word: u64| word.wrapping_sub(EACH) & !word & TOP;
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
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{MAX_NESTING, read};

    proptest! {
        #[test]
        fn a_string_ends_where_its_first_special_byte_is(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let expected = bytes.iter().position(|b| *b == b'"' || *b == b'\\' || *b < 0x20);
            prop_assert_eq!(super::plain(&bytes), expected.unwrap_or(bytes.len()));
        }
    }

    fn text(json: &'static str) -> String {
        read(&Bytes::from_static(json.as_bytes())).unwrap().0.to_string()
    }

    #[test]
    fn numbers_keep_their_digits() {
        for n in ["9007199254740993", "123456789012345678901234567890", "-0", "1.10", "73.0", "1e400"] {
            assert_eq!(text(Box::leak(n.to_owned().into_boxed_str())), n.replace("-0", "0"), "{n}");
        }
    }

    #[test]
    fn of_a_repeated_name_the_last_value_counts() {
        assert_eq!(text(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn a_lone_surrogate_becomes_the_replacement_character() {
        assert_eq!(text(r#""\ud83d\ude00 \ud800 \udc00 \ud800\u0041""#), "\"\u{1f600} \u{fffd} \u{fffd} \u{fffd}A\"");
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place_and_without_its_content() {
        for bad in ["", "{", "{\"a\" 1}", "[1,]", "01", "1.", "tru", "\"\\x\"", "\"a", "{\"a\":1}x", "nan", "\u{1}"] {
            let e = read(&Bytes::from(bad)).unwrap_err();
            assert!(e.to_string().contains("line 1, column "), "{bad}: {e}");
        }
        let e = read(&Bytes::from_static(b"{\"secret\":\n  \"s3cr3t\",\n x}")).unwrap_err();
        assert_eq!(e.to_string(), "expected a name in quotation marks at line 3, column 2");
        let e = read(&Bytes::from_static(b"\"\xff\"")).unwrap_err();
        assert_eq!(e.to_string(), "text that is not UTF-8 at line 1, column 2");
    }

    #[test]
    fn a_depth_bomb_costs_an_error() {
        let bomb = Bytes::from("[".repeat(10_000_000));
        assert!(read(&bomb).unwrap_err().to_string().starts_with("nested too deeply"));
        let deep = usize::from(MAX_NESTING);
        let fits = Bytes::from("[".repeat(deep) + &"]".repeat(deep));
        assert_eq!(read(&fits).unwrap().1, MAX_NESTING);
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_as_the_same_value(value in crate::mapping::testing::json()) {
            let text = serde_json::to_string(&value).unwrap();
            let (read, _) = read(&Bytes::from(text)).unwrap();
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&read.to_string()).unwrap(), value);
        }

        #[test]
        fn any_bytes_are_an_answer_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            drop(read(&Bytes::from(bytes)));
        }
    }
}
