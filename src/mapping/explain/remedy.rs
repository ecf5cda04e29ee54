//! What to do about a fault of a field, where that can be told from what is wrong.

/// By how the message begins.
const REMEDIES: &[(&str, &str)] = &[
    ("expected integer, found string", "`| to_number` behind the expression makes a number of a text"),
    ("expected number, found string", "`| to_number` behind the expression makes a number of a text"),
    ("expected string with a port, found number", "a port here is a text: `| tostring`"),
    ("expected string with a time", "`| secmaster_time` takes every usual spelling, and seconds or milliseconds"),
    ("expected string, found array", "join it, `| join(\", \")`, or take one, `| first`"),
    ("expected string, found object", "choose one of its fields"),
    ("expected string", "`| tostring` makes a text of it"),
    ("expected array", "put it into a list: `[...]`"),
    ("expected object", "build one: `{name: ...}`"),
    ("is no time", "not a known spelling of a time; `| secmaster_time?` leaves out what is none"),
    ("is not a whole number", "`| floor` or `| round`"),
    ("is not between", "`| select(. >= 0 and . <= 100)`, with the bounds, leaves out what is beyond them"),
    ("is no port", "check what the source writes there; `| select(test(\"^[0-9]+$\"))` keeps numbers"),
    ("is none of", "translate it into one of these: `{\"theirs\": \"one of these\"}[.field // \"\"]`"),
    ("the data class has no such field", "choose a field of the data class, or put it under `system_info`"),
    ("cannot index", "`?` behind the path (`.a.b?`) leaves out what has another shape"),
    ("cannot use null as iterable", "`[]?` in place of `[]` gives nothing where there is no list"),
    ("cannot use string as time", "not a known spelling of a time; `| secmaster_time?` leaves out what is none"),
    ("cannot use", "`objects`, `arrays`, `strings` or `numbers` in front let through only what fits"),
    ("it gives more than one result", "`[...]` makes a list of them, `first(...)` takes the first"),
    ("it takes too many steps", "it repeats for ever, or does too much for a record of this size"),
    ("it recurses too deeply", "it calls itself without an end"),
    ("the source's severity is unknown", "add the word to `severity.words`, or a number's range to `severity.bands`"),
];

/// What to do about a fault with this message.
pub(super) fn remedy(message: &str) -> Option<&'static str> {
    REMEDIES.iter().find(|(begins, _)| message.starts_with(begins)).map(|(_, remedy)| *remedy)
}
