//! What a regular expression costs, before it is compiled and run.
//!
//! jaq compiles a pattern at each call: a counted repetition multiplies what it repeats, so `(\w{100}){100}` is sixteen
//! characters long and takes a second. Its matcher follows every thread of the pattern through the text, and starts
//! anew behind each match: `a.*z|a` over a long line of `a` goes to its end from each of them. The estimates follow the
//! pattern's text; where that is no valid pattern, compiling fails soon and cheaply.

/// What `\w` and the like are compiled to, next to one character.
const CLASS: usize = 64;
/// What `.` and a bracketed class are compiled to.
const ANY: usize = 8;
/// A step is worth so many of the matcher's, each a thread moved on by a character.
const MOVES: usize = 10;
/// Of the matcher's moves behind a match, far from all threads take part.
const MOVES_AGAIN: usize = 50;
/// What one match of a global search takes, less what is charged for its value.
const BYTES_OF_MATCH: usize = 96;

/// What a search costs.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Price {
    pub(super) steps: usize,
    pub(super) bytes: usize,
}

/// The price of a pattern with its flags over a text.
pub(super) fn price(pattern: &str, flags: &str, text: &str) -> Price {
    let shape = Shape::of(pattern);
    let length = text.len();
    let pass = length.saturating_mul(shape.threads) / MOVES;
    let once = (shape.states / 2).saturating_add(length / 16).saturating_add(pass);
    if !flags.contains('g') {
        return Price { steps: once, bytes: 0 };
    }
    let farthest = shape.farthest(text, flags.contains('i')).min(length);
    let again = length.saturating_mul(farthest).saturating_mul(shape.threads) / MOVES_AGAIN;
    Price { steps: once.saturating_add(length / 2).saturating_add(again), bytes: length.saturating_mul(BYTES_OF_MATCH) }
}

/// A set of bytes, rather too large than too small.
type Bytes = [bool; 256];

fn bytes(is_in: impl Fn(u8) -> bool) -> Bytes {
    let mut set = [false; 256];
    for (slot, byte) in set.iter_mut().zip(0..=u8::MAX) {
        *slot = is_in(byte);
    }
    set
}

fn holds(set: &Bytes, byte: u8) -> bool {
    set.get(usize::from(byte)).copied().unwrap_or_default()
}

fn extend(set: &mut Bytes, other: &Bytes) {
    set.iter_mut().zip(other).for_each(|(slot, other)| *slot |= other);
}

/// What a pattern's text says about its cost.
#[derive(Debug)]
struct Shape {
    /// Roughly the number of states that it is compiled to.
    states: usize,
    /// How many threads it can have under way.
    threads: usize,
    /// What is repeated without bound.
    endless: Vec<Bytes>,
    /// Whether a group is repeated without bound, or with something in it that is: it may pass anything.
    groups_repeat: bool,
}

impl Shape {
    fn of(pattern: &str) -> Self {
        let mut shape = Self { states: 0, threads: 1, endless: Vec::new(), groups_repeat: false };
        let mut chars = pattern.chars().peekable();
        // States and threads of each open group so far, and of the last item, which a repetition multiplies.
        let mut groups: Vec<(usize, usize)> = vec![(0, 0)];
        let mut last = (0_usize, 0_usize);
        // What the last item is, where that is one character; none for a group.
        let mut item: Option<Bytes> = None;
        while let Some(c) = chars.next() {
            let cost = match c {
                '(' => {
                    groups.push((0, 0));
                    (last, item) = ((0, 0), None);
                    continue;
                }
                ')' => {
                    item = None;
                    groups.pop().unwrap_or_default()
                }
                '*' | '+' | '{' => {
                    let counts: String =
                        if c == '{' { chars.by_ref().take_while(|c| *c != '}').collect() } else { ",".to_owned() };
                    let is_endless = counts.ends_with(',');
                    match &item {
                        Some(item) if is_endless => shape.endless.push(*item),
                        Some(_) => {}
                        None => shape.groups_repeat |= is_endless || !shape.endless.is_empty(),
                    }
                    let most = counts.split(',').filter_map(|n| n.trim().parse::<usize>().ok()).max().unwrap_or(1);
                    let more = most.saturating_sub(1);
                    (last.0.saturating_mul(more), last.1.saturating_mul(more))
                }
                '?' | '|' | '^' | '$' => (1, 0),
                '\\' => {
                    let class = chars.next().unwrap_or('\\');
                    item = Some(escaped(class));
                    (if class.is_ascii_alphabetic() { CLASS } else { 1 }, 1)
                }
                '.' => {
                    item = Some([true; 256]);
                    (ANY, 1)
                }
                '[' => {
                    item = Some(bracketed(&mut chars));
                    (ANY, 1)
                }
                c => {
                    item = Some(character(c));
                    (1, 1)
                }
            };
            if groups.is_empty() {
                groups.push((0, 0));
            }
            if let Some(group) = groups.last_mut() {
                *group = (group.0.saturating_add(cost.0), group.1.saturating_add(cost.1));
            }
            if !matches!(c, '*' | '+' | '{' | '?') {
                last = cost;
            }
        }
        for (states, threads) in groups {
            shape.states = shape.states.saturating_add(states);
            shape.threads = shape.threads.saturating_add(threads);
        }
        shape
    }

    /// How far a thread that fails in the end may get: over each character once, and over the longest run of what is
    /// repeated.
    fn farthest(&self, text: &str, ignores_case: bool) -> usize {
        if self.groups_repeat {
            return text.len();
        }
        let run = |set: &Bytes| {
            let other_case = |b: u8| holds(set, b.to_ascii_lowercase()) || holds(set, b.to_ascii_uppercase());
            let is_in = |b: u8| holds(set, b) || ignores_case && other_case(b);
            text.as_bytes().split(|b| !is_in(*b)).map(<[u8]>::len).max().unwrap_or_default()
        };
        self.endless.iter().map(run).fold(self.threads, usize::saturating_add)
    }
}

fn character(c: char) -> Bytes {
    match u8::try_from(c).ok().filter(u8::is_ascii) {
        Some(wanted) => bytes(|b| b == wanted),
        None => bytes(|b| !b.is_ascii()),
    }
}

/// What an escape stands for; of classes beyond ASCII too much rather than too little.
fn escaped(c: char) -> Bytes {
    match c {
        'd' => bytes(|b| !b.is_ascii() || b.is_ascii_digit()),
        's' => bytes(|b| !b.is_ascii() || b.is_ascii_whitespace() || b == 0xb),
        'w' => bytes(|b| !b.is_ascii() || b.is_ascii_alphanumeric() || b == b'_'),
        'n' => character('\n'),
        'r' => character('\r'),
        't' => character('\t'),
        c if c.is_ascii_alphanumeric() => [true; 256],
        c => character(c),
    }
}

/// The rest of a bracketed class.
fn bracketed(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Bytes {
    let negated = chars.next_if_eq(&'^').is_some();
    let (mut set, mut from, mut first) = ([false; 256], None, true);
    while let Some(c) = chars.next() {
        match c {
            ']' if !first => break,
            // Sets in sets: whatever.
            '[' => set = [true; 256],
            '\\' => {
                extend(&mut set, &escaped(chars.next().unwrap_or('\\')));
                from = None;
            }
            '-' if from.is_some() && chars.peek().is_some_and(|c| *c != ']') => {
                let to = chars.next().and_then(|to| u8::try_from(to).ok()).filter(u8::is_ascii_alphanumeric);
                match (from.and_then(|c| u8::try_from(c).ok()), to) {
                    (Some(from), Some(to)) => extend(&mut set, &bytes(|b| (from..=to).contains(&b))),
                    _ => set = [true; 256],
                }
                from = None;
            }
            c => {
                extend(&mut set, &character(c));
                from = Some(c);
            }
        }
        first = false;
    }
    if negated { bytes(|b| !b.is_ascii() || !holds(&set, b)) } else { set }
}

#[cfg(test)]
mod tests {
    use super::{Shape, price};

    fn states(pattern: &str) -> usize {
        Shape::of(pattern).states
    }

    fn farthest(pattern: &str, text: &str) -> usize {
        Shape::of(pattern).farthest(text, false)
    }

    #[test]
    fn repetitions_multiply_and_everyday_patterns_are_cheap() {
        assert_eq!(states("abc"), 3);
        assert_eq!(states("a{3}b"), 4);
        assert_eq!(states("(ab{10}){10}"), 110);
        assert!(states(r"(\w{100}){100}") >= 640_000);
        assert!(states(r"^(?<ip>(\d{1,3}\.){3}\d{1,3}):(?<port>[0-9]+)$") < 2_000);
        assert_eq!(states("((((a{999999}){999999}){999999}){999999}){999999}"), usize::MAX);
        assert_eq!(Shape::of("(a?){40}(a){40}").threads, 81);
    }

    #[test]
    fn a_thread_gets_as_far_as_the_runs_of_what_is_repeated() {
        let text = "key=value; other_key=12345 end";
        assert_eq!(farthest("[0-9]+;", text), 3 + 5);
        assert_eq!(farthest(r"\w+=", text), 3 + 9);
        assert_eq!(farthest("[^ ;]*=", text), 3 + 15);
        assert_eq!(farthest(r"[\d.-]{2,}x", text), 4 + 5);
        assert_eq!(farthest("e.*z", text), 4 + text.len());
        assert_eq!(farthest("(a|e)*z", text), text.len(), "a group that repeats");
        assert_eq!(farthest("abc", text), 4);
        assert_eq!(Shape::of("[k]+").farthest("KKkK", true), 2 + 4);
        assert_eq!(farthest("[]a]+", "]]a"), 2 + 3);
        assert_eq!(farthest("\u{e9}+", "\u{e9}\u{e9}"), 2 + 4);
    }

    #[test]
    fn a_global_search_in_everyday_text_costs_little_and_one_that_runs_on_costs_its_square() {
        let log =
            "2026-11-20T08:14:52Z sshd[4711]: Failed password for root from 203.0.113.7 port 51812 ssh2\n".repeat(80);
        for pattern in [r"\s+", r"[0-9]+\.[0-9]+", r"(?<k>\w+)=(?<v>[^ ]*)", r"\b\d{1,3}(\.\d{1,3}){0,1}", "[aeiou]"] {
            assert!(price(pattern, "g", &log).steps < 100_000, "{pattern}: {:?}", price(pattern, "g", &log));
        }
        assert!(price("a.*z|a", "g", &"a".repeat(4000)).steps > 200_000);
        assert!(price("a.*z|a", "", &"a".repeat(4000)).steps < 4_000);
        assert!(price("(a?){40}(a){40}$", "", &"a".repeat(60_000)).steps > 200_000);
    }
}
