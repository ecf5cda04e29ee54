//! Where the keys of a mapping file stand, for messages. Read only when there is something to say.

use std::collections::HashMap;
use std::fmt;

use granit_parser::{Event, Parser, Span};

/// Deeper than any mapping is; what is deeper has the place of what is around it.
const MAX_DEPTH: usize = 64;

/// A place in a file, both from 1.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct At {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The places of a file's keys, by path (`alert.network_list[0].src_ip`).
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<String, At>);

impl Places {
    /// Reads them; a file that is no YAML has those before what is wrong with it.
    pub(super) fn of(text: &str) -> Self {
        let mut reader = Reader { events: Parser::new_from_str(text), places: Self::default() };
        while let Some((event, span)) = reader.next() {
            if !matches!(event, Event::DocumentStart(..) | Event::StreamStart) {
                let _end = reader.node(String::new(), &event, span, 0);
            }
        }
        reader.places
    }

    /// Where a key stands; if it is not there itself, where the nearest around it does.
    pub(super) fn find(&self, path: &str) -> Option<At> {
        let mut path = path;
        loop {
            if let Some(at) = self.0.get(path) {
                return Some(*at);
            }
            path = path.rfind(['.', '[']).and_then(|end| path.get(..end))?;
        }
    }
}

struct Reader<P> {
    events: P,
    places: Places,
}

impl<'a, P, E> Reader<P>
where
    P: Iterator<Item = Result<(Event<'a>, Span), E>>,
{
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        self.events.by_ref().map_while(Result::ok).find(|(event, _)| !matches!(event, Event::Comment(..)))
    }

    /// Reads a value, and notes what is in it; nothing where the text ends too early.
    fn node(&mut self, path: String, event: &Event<'a>, span: Span, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        let at = At { line: span.start.line(), column: span.start.col() + 1 };
        let _earlier = self.places.0.entry(path.clone()).or_insert(at);
        match event {
            Event::SequenceStart(..) => {
                for i in 0.. {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => self.node(format!("{path}[{i}]"), &event, span, depth + 1)?,
                    }
                }
            }
            Event::MappingStart(..) => loop {
                match self.next()? {
                    (Event::MappingEnd, _) => break,
                    (key, span) => {
                        let name = if let Event::Scalar(name, ..) = &key { name.to_string() } else { String::new() };
                        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                        let at = At { line: span.start.line(), column: span.start.col() + 1 };
                        let _earlier = self.places.0.insert(path.clone(), at);
                        if !matches!(key, Event::Scalar(..) | Event::Alias(..)) {
                            self.node(path.clone(), &key, span, depth + 1)?;
                        }
                        let (value, span) = self.next()?;
                        self.node(path, &value, span, depth + 1)?;
                    }
                }
            },
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn a_key_is_found_and_what_is_missing_stands_where_its_surroundings_do() {
        let text = "name: x\nalert:\n  title: '.t'\n  network_list:\n    - {src_ip: '.a',\n       src_port: '.b'}\n";
        let places = Places::of(text);
        let at = |path: &str| places.find(path).map(|at| at.to_string());
        assert_eq!(at("alert.title").as_deref(), Some("3:3"));
        assert_eq!(at("alert.network_list[0].src_port").as_deref(), Some("6:8"));
        assert_eq!(at("alert.network_list[0].dest_ip").as_deref(), Some("5:7"));
        assert_eq!(at("alert.nope").as_deref(), Some("2:1"));
        assert_eq!(at("nope"), None);
    }

    #[test]
    fn what_is_no_yaml_costs_nothing_but_places() {
        for text in ["", "a: [1, {b: 2", "a: &x *x", "? [a, b]\n: c", "\t", "a: 'b", "--- a\n--- b"] {
            let _places = Places::of(text);
        }
        assert_eq!(Places::of("a: 1\nb: [1, {c: 2").find("b[1].c").map(|at| at.line), Some(2));
    }
}
