//! YAML as text, lists and tables with their lines: no scalar is interpreted here.
//!
//! What a plain `0123`, `1e5` or `yes` means depends on the key it stands at, so that is decided later, by the schema:
//! a project id of digits stays the text that it is.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

/// Deeper than any configuration is.
const MAX_DEPTH: usize = 32;
/// More than any configuration has, aliases expanded.
const MAX_NODES: usize = 100_000;

/// A value and the line it begins at (from 1).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

/// What a value is, as far as YAML's syntax says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Nothing, `~` or `null`, unquoted.
    Null,
    /// Any other scalar.
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key, the line it stands on, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Node,
}

/// Why a text is not YAML that a configuration can be made of.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(super) struct YamlError {
    pub(super) message: String,
    pub(super) line: usize,
}

impl YamlError {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), line }
    }
}

impl From<ScanError> for YamlError {
    fn from(error: ScanError) -> Self {
        Self::new(error.marker().line(), format!("not valid YAML: {}", error.info()))
    }
}

/// Reads one document. An empty text is [`Kind::Null`].
pub(super) fn parse(text: &str) -> Result<Node, YamlError> {
    let mut reader = Reader { events: Parser::new_from_str(text), anchors: BTreeMap::new(), nodes: 0 };
    let mut root = None;
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::DocumentStart(..) if root.is_some() => {
                return Err(YamlError::new(span.start.line(), "a second document (`---`); expected one"));
            }
            Event::DocumentStart(..) => {
                let (event, span) = reader.expect()?;
                root = Some(reader.node(event, span, 0)?);
            }
            _ => {}
        }
    }
    Ok(root.unwrap_or(Node { line: 1, kind: Kind::Null }))
}

struct Reader<P> {
    events: P,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

impl<'a, P> Reader<P>
where
    P: Iterator<Item = Result<(Event<'a>, Span), ScanError>>,
{
    /// The next event that is not a comment.
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, YamlError> {
        loop {
            match self.events.next().transpose()? {
                Some((Event::Comment(..), _)) => {}
                other => return Ok(other),
            }
        }
    }

    fn expect(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        self.next()?.ok_or_else(|| YamlError::new(1, "ends too early"))
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, YamlError> {
        let line = span.start.line();
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(YamlError::new(line, "nested too deeply or too large for a configuration"));
        }
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => (scalar(&text, style, tag.as_deref()), anchor),
            Event::SequenceStart(_, anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.table(depth)?, anchor),
            Event::Alias(id) => return self.alias(id, line),
            _ => return Err(YamlError::new(line, "expected a value")),
        };
        let node = Node { line, kind };
        if anchor != 0 {
            let _previous = self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, line: usize) -> Result<Node, YamlError> {
        let node = self.anchors.get(&id).ok_or_else(|| YamlError::new(line, "an alias within its own anchor"))?;
        self.nodes += count(node);
        Ok(Node { line, kind: node.kind.clone() })
    }

    fn list(&mut self, depth: usize) -> Result<Kind, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.expect()? {
                (Event::SequenceEnd, _) => return Ok(Kind::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<Kind, YamlError> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (key, line) = match self.expect()? {
                (Event::MappingEnd, _) => return Ok(Kind::Table(entries)),
                (Event::Scalar(key, ..), span) => (key.into_owned(), span.start.line()),
                (_, span) => return Err(YamlError::new(span.start.line(), "a key must be a plain word")),
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let message = format!("the key `{key}` is given twice, first on line {}", first.line);
                return Err(YamlError::new(line, message));
            }
            let (event, span) = self.expect()?;
            let value = self.node(event, span, depth + 1)?;
            entries.push(Entry { key, line, value });
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Kind {
    let plain = style == ScalarStyle::Plain && !tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
    if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") { Kind::Null } else { Kind::Text(text.to_owned()) }
}

fn count(node: &Node) -> usize {
    match &node.kind {
        Kind::Null | Kind::Text(_) => 1,
        Kind::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Kind::Table(entries) => 1 + entries.iter().map(|entry| count(&entry.value)).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, parse};

    fn text(yaml: &str) -> Kind {
        let Kind::Table(mut entries) = parse(yaml).unwrap().kind else { panic!("not a table") };
        entries.remove(0).value.kind
    }

    #[test]
    fn scalars_stay_as_they_were_written() {
        for written in ["0123", "1e5", "yes", "12345678901234567890123456789012", "0x1f", "1_000", "2026-11-01"] {
            assert_eq!(text(&format!("key: {written}")), Kind::Text(written.to_owned()));
        }
    }

    #[test]
    fn only_an_unquoted_null_is_nothing() {
        for nothing in ["", "~", "null"] {
            assert_eq!(text(&format!("key: {nothing}")), Kind::Null);
        }
        assert_eq!(text("key: 'null'"), Kind::Text("null".to_owned()));
        assert_eq!(text("key: ''"), Kind::Text(String::new()));
        assert_eq!(text("key: !!str null"), Kind::Text("null".to_owned()));
    }

    #[test]
    fn a_key_given_twice_is_refused_with_both_lines() {
        let error = parse("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!((error.line, error.message.as_str()), (3, "the key `a` is given twice, first on line 1"));
    }

    #[test]
    fn an_alias_is_the_value_it_names() {
        let Kind::Table(entries) = parse("a: &x [1, 2]\nb: *x\n").unwrap().kind else { panic!("not a table") };
        assert!(matches!(&entries[1].value.kind, Kind::List(items) if items.len() == 2));
    }

    #[test]
    fn aliases_do_not_grow_without_bound() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..9 {
            let item = format!("*a{}", i - 1);
            bomb.push_str(&format!("a{i}: &a{i} [{}]\n", [item.as_str(); 10].join(", ")));
        }
        assert!(parse(&bomb).unwrap_err().message.contains("too large"));
    }

    #[test]
    fn what_is_not_yaml_says_on_which_line() {
        assert_eq!(parse("a: 1\nb: [1, 2\nc: 3\n").unwrap_err().line, 3);
        assert!(parse("a: 1\n---\nb: 2\n").unwrap_err().message.contains("second document"));
    }
}
