//! From jq's syntax tree to the direct form, or to nothing where a part of it needs the engine.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{self, BinaryOp, Pattern};
use jaq_core::ops::Math;
use jaq_core::path::{self, Opt};
use jaq_core::val::ValT as _;
use jaq_json::Val;

use super::super::item::{Key, Type};
use super::super::{engine, natives};
use super::{At, Part, Term};

/// The largest tree. Its depth is what an evaluation may use of the stack.
const MAX_TERMS: usize = 192;

type Syntax<'t> = parse::Term<&'t str>;

/// The direct form of an expression; `None` where it needs the engine.
pub(in super::super) fn compile(term: &Syntax<'_>) -> Option<Term> {
    Compiler { terms: 0, variables: 0 }.term(term, None, engine::DEFINITIONS)
}

/// What a name stands for; the innermost first.
#[derive(Clone, Copy)]
struct Name<'t> {
    name: &'t str,
    meaning: Meaning<'t>,
    outer: Option<&'t Name<'t>>,
}

#[derive(Clone, Copy)]
enum Meaning<'t> {
    Variable(usize),
    /// A filter that was given as argument, with the names where it was written.
    Filter(&'t Syntax<'t>, Option<&'t Name<'t>>, usize),
}

struct Compiler {
    terms: usize,
    variables: usize,
}

impl Compiler {
    /// `before` is the number of library definitions that can be called here: each sees those in front of it.
    fn term(&mut self, term: &Syntax<'_>, names: Option<&Name<'_>>, before: usize) -> Option<Term> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return None;
        }
        let mut go = |term: &Syntax<'_>| self.term(term, names, before);
        Some(match term {
            parse::Term::Id => Term::Id,
            parse::Term::Num(digits) => Term::Const(number(digits)?, 0),
            parse::Term::Str(None, parts) => {
                let parts = parts.iter().map(|part| match part {
                    StrPart::Str(text) => Some(text_of(text)),
                    StrPart::Char(c) => Some(text_of(&c.to_string())),
                    StrPart::Term(term) => Some(Term::Pipe(Box::new(go(term)?), Box::new(Term::Text))),
                });
                sum(parts.collect::<Option<_>>()?)
            }
            parse::Term::Arr(None) => Term::Const(Val::Arr(jaq_json::Rc::default()), 1),
            parse::Term::Arr(Some(inner)) => Term::Array(Box::new(go(inner)?)),
            parse::Term::Obj(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    let Term::Const(name, _) = go(key)? else { return None };
                    let key = Key::of(&name).filter(|key| matches!(key, Key::Name(..)))?;
                    let value = match value {
                        Some(value) => go(value)?,
                        None => Term::Path(Box::new(Term::Id), vec![Part::essential(At::Key(key))]),
                    };
                    Some((name, value))
                });
                object(entries.collect::<Option<_>>()?)
            }
            parse::Term::BinOp(l, op, r) => {
                if let BinaryOp::Pipe(Some(pattern)) = op {
                    let Pattern::Var(name) = pattern else { return None };
                    let value = Box::new(go(l)?);
                    self.variables += 1;
                    let number = self.variables;
                    let inner = Name { name, meaning: Meaning::Variable(number), outer: names };
                    return Some(Term::Bind(value, number, Box::new(self.term(r, Some(&inner), before)?)));
                }
                let (l, r) = (Box::new(go(l)?), Box::new(go(r)?));
                match op {
                    BinaryOp::Pipe(_) => Term::Pipe(l, r),
                    BinaryOp::Comma => Term::Comma(l, r),
                    BinaryOp::Alt => Term::Alternative(l, r),
                    BinaryOp::Or => Term::Logic(l, true, r),
                    BinaryOp::And => Term::Logic(l, false, r),
                    BinaryOp::Math(op) => Term::Math(l, *op, r),
                    BinaryOp::Cmp(op) => Term::Compare(l, *op, r),
                    _ => return None,
                }
            }
            parse::Term::TryCatch(body, None) => Term::Try(Box::new(go(body)?)),
            parse::Term::IfThenElse(branches, otherwise) => {
                let mut result = otherwise.as_ref().map_or(Some(Term::Id), |term| go(term))?;
                for (condition, then) in branches.iter().rev() {
                    result = Term::If(Box::new([go(condition)?, go(then)?, result]));
                }
                result
            }
            parse::Term::Var(name) => match find(names, name) {
                Some(Name { meaning: Meaning::Variable(number), .. }) => Term::Variable(*number),
                None if *name == "$record" => Term::Record,
                _ => return None,
            },
            parse::Term::Path(base, path) => {
                let base = go(base)?;
                let parts = path.0.iter().enumerate().map(|(i, (part, opt))| {
                    let at = match part {
                        path::Part::Range(None, None) => At::Each,
                        path::Part::Range(..) => return None,
                        path::Part::Index(index) => match go(index)? {
                            // Further back, errors of a computed one would come at another time than the engine's.
                            Term::Const(val, depth) => match Key::of(&val) {
                                Some(key) => At::Key(key),
                                None if i == 0 => At::Computed(Term::Const(val, depth)),
                                None => return None,
                            },
                            computed if i == 0 => At::Computed(computed),
                            _ => return None,
                        },
                    };
                    Some(Part { at, optional: matches!(opt, Opt::Optional) })
                });
                Term::Path(Box::new(base), parts.collect::<Option<_>>()?)
            }
            parse::Term::Call(name, arguments) => return self.call(name, arguments, names, before),
            _ => return None,
        })
    }

    fn call(&mut self, name: &str, arguments: &[Syntax<'_>], names: Option<&Name<'_>>, before: usize) -> Option<Term> {
        if let (Some(found), []) = (find(names, name), arguments) {
            let Meaning::Filter(term, names, before) = found.meaning else { return None };
            return self.term(term, names, before);
        }
        if let Some((index, definition)) = engine::definition(name, arguments.len(), before) {
            match (name, arguments) {
                ("null", []) => return Some(Term::Const(Val::Null, 0)),
                ("true", []) => return Some(Term::Const(Val::Bool(true), 0)),
                ("false", []) => return Some(Term::Const(Val::Bool(false), 0)),
                ("empty", []) => return Some(Term::Empty),
                ("tostring", []) => return Some(Term::Text),
                ("type", []) => return Some(Term::Type),
                _ => {}
            }
            if let (Some((first, last)), []) = (Type::passed_by(name), arguments) {
                return Some(Term::Only(first, last));
            }
            let terms = self.terms;
            let parameters = definition.args.iter().copied().zip(arguments).collect::<Vec<_>>();
            if let Some(expanded) = self.expand(&parameters, &definition.body, None, index, names, before) {
                return Some(expanded);
            }
            self.terms = terms;
            // What a name means at the end of the library is what it means in a program of the engine's.
            let last = engine::definition(name, arguments.len(), engine::DEFINITIONS);
            let same = last.is_some_and(|(last, _)| last == index);
            let values = definition.args.iter().all(|arg| arg.starts_with('$'));
            return if same && values { self.foreign(name, arguments, names, before) } else { None };
        }
        if let Some(native) = natives::find(name, arguments.len()) {
            let arguments = arguments.iter().map(|term| self.term(term, names, before));
            return Some(Term::Native(native, arguments.collect::<Option<_>>()?));
        }
        if engine::is_of_values(name, arguments.len()) { self.foreign(name, arguments, names, before) } else { None }
    }

    /// The body of a library function, with its parameters bound: values one after the other, filters by name.
    fn expand(
        &mut self,
        parameters: &[(&str, &Syntax<'_>)],
        body: &Syntax<'_>,
        bound: Option<&Name<'_>>,
        index: usize,
        names: Option<&Name<'_>>,
        before: usize,
    ) -> Option<Term> {
        let Some(((name, argument), rest)) = parameters.split_first() else { return self.term(body, bound, index) };
        if !name.starts_with('$') {
            let meaning = Meaning::Filter(argument, names, before);
            return self.expand(rest, body, Some(&Name { name, meaning, outer: bound }), index, names, before);
        }
        let value = self.term(argument, names, before)?;
        self.variables += 1;
        let number = self.variables;
        let bound = Name { name, meaning: Meaning::Variable(number), outer: bound };
        let rest = self.expand(rest, body, Some(&bound), index, names, before)?;
        Some(Term::Bind(Box::new(value), number, Box::new(rest)))
    }

    fn foreign(
        &mut self,
        name: &str,
        arguments: &[Syntax<'_>],
        names: Option<&Name<'_>>,
        before: usize,
    ) -> Option<Term> {
        let places = (0..arguments.len()).map(|i| format!("$record[{i}]")).collect::<Vec<_>>().join("; ");
        let source = if arguments.is_empty() { name.to_owned() } else { format!("{name}({places})") };
        let program = engine::compile(&source, &[(name.to_owned(), arguments.len())]).ok()?;
        let arguments = arguments.iter().map(|term| self.term(term, names, before));
        Some(Term::Foreign(Box::new(program), arguments.collect::<Option<_>>()?))
    }
}

impl Part {
    const fn essential(at: At) -> Self {
        Self { at, optional: false }
    }
}

fn find<'n, 't>(mut names: Option<&'n Name<'t>>, wanted: &str) -> Option<&'n Name<'t>> {
    while let Some(name) = names {
        if name.name == wanted {
            return Some(name);
        }
        names = name.outer;
    }
    None
}

fn number(digits: &str) -> Option<Val> {
    digits.parse::<isize>().map(Val::from).ok().or_else(|| Val::from_num(digits).ok())
}

fn text_of(text: &str) -> Term {
    Term::Const(Val::utf8_str(text.to_owned()), 0)
}

/// jq makes a text with terms in it the sum of its parts, from the right.
fn sum(parts: Vec<Term>) -> Term {
    let mut parts = parts.into_iter().rev();
    let last = parts.next().unwrap_or_else(|| text_of(""));
    parts.fold(last, |sum, part| match (part, sum) {
        (Term::Const(Val::TStr(l), _), Term::Const(Val::TStr(r), _)) => {
            Term::Const(Val::utf8_str([l.as_ref().as_ref(), r.as_ref().as_ref()].concat()), 0)
        }
        (part, sum) => Term::Math(Box::new(part), Math::Add, Box::new(sum)),
    })
}

/// An object of literals is a literal.
fn object(entries: Vec<(Val, Term)>) -> Term {
    let literal = |(name, term): &(Val, Term)| match term {
        Term::Const(value, depth) => Some((name.clone(), value.clone(), *depth)),
        _ => None,
    };
    match entries.iter().map(literal).collect::<Option<Vec<_>>>() {
        Some(all) => {
            let depth = all.iter().map(|(.., depth)| *depth).max().unwrap_or_default() + 1;
            Term::Const(Val::obj(all.into_iter().map(|(name, value, _)| (name, value)).collect()), depth)
        }
        None => Term::Object(
            entries.into_iter().map(|(name, term)| (super::super::json::name(&name).into(), term)).collect(),
        ),
    }
}
