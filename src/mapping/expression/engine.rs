//! jaq as we run it: our value, our context, and only the functions that have no side effect and depend on nothing but
//! their input (promise 3: a request is a pure function of record and configuration).

use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

use jaq_core::data::HasLut;
use jaq_core::load::{Arena, File, Loader, lex, parse};
use jaq_core::native::Fun;
use jaq_core::{Bind, Compiler, Ctx, DataT, Lut, RunPtr, ValXs, Vars, load};
use jaq_json::Val;

use super::budget::spend_steps;
use super::inspect::{FORBIDDEN, calls_of};
use super::natives;
use super::value::Bounded;

/// Names that only the library's own definitions use.
const INTERNAL: [&str; 2] = ["regex_price", "text_price"];

/// The types that jaq works with here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Engine;

impl DataT for Engine {
    type V<'a> = Bounded;
    type Data<'a> = Data<'a>;
}

/// What native functions and the evaluation can see.
#[derive(Clone, Copy)]
pub(super) struct Data<'a> {
    lut: &'a Lut<Engine>,
    /// Minutes east of UTC for times without zone.
    pub(super) zone_offset: i32,
}

impl<'a> HasLut<'a, Engine> for Data<'a> {
    // jaq asks for the table once for each term that it evaluates: the place to count.
    fn lut(&self) -> &'a Lut<Engine> {
        spend_steps(1);
        self.lut
    }
}

/// A compiled program.
pub(super) type Program = jaq_core::Filter<Engine>;

/// A definition of the standard library, and the functions that it calls.
type Entry = (parse::Def<&'static str>, Vec<String>);

/// jq's standard library, parsed once.
static PRELUDE: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let ours = parse(include_str!("prelude.jq"), |p| p.defs()).unwrap_or_default();
    let later = parse(include_str!("additions.jq"), |p| p.defs()).unwrap_or_default();
    let theirs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    // Ours is native, and means what jq's does.
    let theirs = theirs.filter(|definition| definition.name != "join");
    let definitions = ours.into_iter().chain(theirs).chain(later);
    definitions.map(|definition| (definition.clone(), calls_of(&definition))).collect()
});

/// One more than the place of the library's last definition.
pub(super) const DEFINITIONS: usize = usize::MAX;

/// The last definition of this name and number of arguments that stands before a place in the library; none where
/// that place is such a definition itself.
pub(super) fn definition(
    name: &str,
    arguments: usize,
    before: usize,
) -> Option<(usize, &'static parse::Def<&'static str>)> {
    let mut definitions = PRELUDE.iter().map(|(definition, _)| definition).enumerate().take(before);
    definitions.rfind(|(_, definition)| definition.name == name && definition.args.len() == arguments)
}

/// Whether there is a native function of this name that takes so many values, and no filters.
pub(super) fn is_of_values(name: &str, arguments: usize) -> bool {
    let mut of_this_name = functions().filter(|(n, args, _)| *n == name && args.len() == arguments);
    of_this_name.next().is_some_and(|(_, args, _)| args.iter().all(|arg| matches!(arg, Bind::Var(()))))
}

#[cfg(test)]
pub(super) fn is_native(name: &str, arguments: usize) -> bool {
    functions().any(|(n, args, _)| n == name && args.len() == arguments)
}

#[cfg(test)]
pub(super) fn library() -> impl Iterator<Item = &'static parse::Def<&'static str>> {
    PRELUDE.iter().map(|(definition, _)| definition)
}

/// Compiles a program that calls these functions; the error is a sentence for the user.
///
/// jaq compiles its whole standard library into each program. Only what the program can reach is given to it: that is
/// a hundredth of the time and memory for a mapping with a hundred expressions.
pub(super) fn compile(source: &str, calls: &[(String, usize)]) -> Result<Program, String> {
    let mut needed: HashSet<&str> = calls.iter().map(|(name, _)| name.as_str()).collect();
    let mut before = usize::MAX;
    while before != needed.len() {
        before = needed.len();
        for (definition, calls) in PRELUDE.iter() {
            if needed.contains(definition.name) {
                needed.extend(calls.iter().map(String::as_str));
            }
        }
    }
    let reachable = PRELUDE.iter().filter(|(definition, _)| needed.contains(definition.name));
    let arena = Arena::default();
    let loader = Loader::new(reachable.map(|(definition, _)| definition.clone()));
    let modules = loader.load(&arena, File { code: source, path: () }).map_err(|e| syntax(&e))?;
    Compiler::default().with_funs(functions()).with_global_vars(["$record"]).compile(modules).map_err(|errors| {
        let first = errors.iter().flat_map(|(_, errors)| errors).next();
        first.map_or_else(|| "does not compile".to_owned(), |(name, what)| undefined(name, what))
    })
}

/// Starts a program.
pub(super) fn run<'a>(program: &'a Program, input: Bounded, record: Val, zone_offset: i32) -> ValXs<'a, Bounded> {
    // `$record` nests two levels: itself and its headers.
    run_with(program, input, Bounded { val: record, depth: 2 }, zone_offset)
}

/// Starts a program that finds a list of values in `$record`.
pub(super) fn run_with(program: &Program, input: Bounded, values: Bounded, zone_offset: i32) -> ValXs<'_, Bounded> {
    let context = Ctx::<Engine>::new(Data { lut: &program.lut, zone_offset }, Vars::new([values]));
    program.id.run((context, input))
}

/// Calls a native function that takes values.
pub(super) fn call(
    native: RunPtr<Engine>,
    input: Bounded,
    values: Vec<Bounded>,
    zone_offset: i32,
) -> ValXs<'static, Bounded> {
    static IDENTITY: LazyLock<Program> = LazyLock::new(Program::default);
    let context = Ctx::<Engine>::new(Data { lut: &IDENTITY.lut, zone_offset }, Vars::new(values));
    native((context, input))
}

fn functions() -> impl Iterator<Item = Fun<Engine>> {
    let foreign = jaq_core::funs().chain(jaq_std::funs());
    let foreign = foreign.filter(|(name, ..)| !FORBIDDEN.contains(name)).map(|(name, arguments, run)| {
        // These are wrapped in the prelude.
        let name = match name {
            "matches" => "unpriced_matches",
            "split_matches" => "unpriced_split_matches",
            "split_" => "unpriced_split_",
            "escape_html" => "unpriced_escape_html",
            "unescape_html" => "unpriced_unescape_html",
            "encode_uri" => "unpriced_encode_uri",
            name => name,
        };
        (name, arguments, run)
    });
    foreign.chain(natives::all())
}

fn syntax(errors: &load::Errors<&str, ()>) -> String {
    let Some((_, error)) = errors.first() else { return "does not parse".to_owned() };
    match error {
        load::Error::Lex(errors) => {
            errors.first().map(|(expected, found): &lex::Error<&str>| expectation(expected.as_str(), found))
        }
        load::Error::Parse(errors) => {
            errors.first().map(|(expected, found): &parse::Error<&str>| expectation(expected.as_str(), found))
        }
        load::Error::Io(_) => Some("modules cannot be imported".to_owned()),
    }
    .unwrap_or_else(|| "does not parse".to_owned())
}

fn expectation(expected: &str, found: &str) -> String {
    match found.chars().take(24).collect::<String>() {
        found if found.is_empty() => format!("expected {expected} at the end"),
        found => format!("expected {expected} at `{found}`"),
    }
}

/// What may have been meant by a function that there is not.
fn advice(name: &str, arity: usize) -> String {
    let library = PRELUDE.iter().map(|(definition, _)| (definition.name, definition.args.len()));
    let natives = functions().map(|(name, args, _)| (name, args.len()));
    let public = |(name, _): &(&str, usize)| !FORBIDDEN.contains(name) && !name.starts_with(['_', '@']);
    let known: BTreeSet<(&str, usize)> = library
        .chain(natives)
        .filter(public)
        .filter(|(name, _)| !INTERNAL.contains(name) && !name.starts_with("unpriced_"))
        .collect();
    let takes: Vec<String> = known.iter().filter(|(n, _)| *n == name).map(|(_, takes)| takes.to_string()).collect();
    if !takes.is_empty() {
        return format!("; it takes {}", takes.join(" or "));
    }
    // One slip of the pen, in a longer name two; more would take a field's name for a function that nobody meant.
    let slips = if name.len() > 5 { 2 } else { 1 };
    let near = known.iter().filter(|(_, takes)| *takes == arity || arity > 0);
    let near = near.map(|(known, _)| (strsim::osa_distance(name, known), *known));
    match near.filter(|(distance, _)| *distance <= slips).min() {
        Some((_, near)) => format!("; did you mean `{near}`?"),
        None if arity == 0 => {
            format!("; a field? write `.{name}`; a constant? write '\"{name}\"' in the file, with both kinds of quotes")
        }
        None => String::new(),
    }
}

fn undefined(name: &str, what: &jaq_core::compile::Undefined) -> String {
    match what {
        jaq_core::compile::Undefined::Filter(arity) => {
            let s = if *arity == 1 { "" } else { "s" };
            let advice = advice(name, *arity);
            format!("there is no function `{name}` with {arity} argument{s}{advice}")
        }
        what => format!("there is no {} `{name}`", what.as_str()),
    }
}
