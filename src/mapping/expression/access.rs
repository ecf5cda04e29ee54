//! How jq takes values apart and puts them together, with its price.

use std::cell::Cell;

use jaq_core::box_iter::BoxIter;
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Error, Exn, ValR, ValX};
use jaq_json::Val;

use super::budget::{spend_bytes, spend_steps};
use super::value::{Bounded, SLOT, breadth, copied, json_text, kind, lift};

/// Runs one of jaq's update operations, whose closures are over its own value, with ours. A macro, because the
/// iterator that the closure returns has no name.
macro_rules! update {
    ($value:ident, $f:ident, |$val:ident, $inner:ident| $run:expr) => {{
        let copied = copied(&$value.val);
        spend_steps(1 + copied / 64);
        spend_bytes(copied);
        let below = $value.depth.saturating_sub(1);
        let depth = Cell::new(below);
        // An exception cannot pass through jaq's operation as it is (another type); it waits here.
        let failed: Cell<Option<Exn<'a, Self>>> = Cell::new(None);
        let $inner = |child: Val| {
            $f(Self { val: child, depth: below }).map(|result| match result {
                Ok(y) => {
                    depth.set(depth.get().max(y.depth));
                    spend_bytes(SLOT);
                    Ok(y.val)
                }
                Err(e) => {
                    failed.set(Some(e));
                    Err(Exn::from(Error::new(Val::Null)))
                }
            })
        };
        let of = kind(&$value.val);
        let $val = $value.val;
        let result: ValX<'_, Val> = $run;
        match (result, failed.take()) {
            (_, Some(exn)) => Err(exn),
            (Ok(val), None) => Ok(Self::nested(val, depth.get() + 1)),
            (Err(_), None) => Err(Exn::from(Error::typ(Self::scalar(of), "something with this part"))),
        }
    }};
}

impl jaq_core::ValT for Bounded {
    fn from_num(n: &str) -> ValR<Self> {
        lift(Val::from_num(n), 0)
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(iter: I) -> ValR<Self> {
        let mut depth = 0;
        let entries = iter.into_iter().map(|(k, v)| {
            spend_steps(1);
            spend_bytes(2 * SLOT);
            if !matches!(k.val, Val::TStr(_)) {
                return Err(Error::typ(k, "name in an object (string)"));
            }
            spend_steps(breadth(&k.val) / 32);
            depth = depth.max(v.depth);
            Ok((k.val, v.val))
        });
        let map = entries.collect::<ValR<jaq_json::Map, Self>>()?;
        Ok(Self::nested(Val::obj(map), depth + 1))
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Self, Self), Self>> {
        spend_steps(1 + breadth(&self.val) / SLOT);
        spend_bytes(breadth(&self.val));
        if !matches!(self.val, Val::Arr(_) | Val::Obj(_)) {
            return jaq_core::box_iter::box_once(Err(Error::typ(self, "iterable (array or object)")));
        }
        let depth = self.depth.saturating_sub(1);
        Box::new(self.val.key_values().filter_map(move |pair| {
            let (k, v) = pair.ok()?;
            spend_steps(1);
            Some(Ok((Self { val: k, depth }, Self { val: v, depth })))
        }))
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        spend_steps(1 + breadth(&self.val) / SLOT);
        spend_bytes(breadth(&self.val));
        if !matches!(self.val, Val::Arr(_) | Val::Obj(_)) {
            return jaq_core::box_iter::box_once(Err(Error::typ(self, "iterable (array or object)")));
        }
        let depth = self.depth.saturating_sub(1);
        Box::new(self.val.values().filter_map(move |v| {
            spend_steps(1);
            Some(Ok(Self { val: v.ok()?, depth }))
        }))
    }

    fn index(self, index: &Self) -> ValR<Self> {
        spend_steps(1 + breadth(&index.val) / 32);
        if matches!(index.val, Val::Arr(_) | Val::Obj(_)) {
            self.weigh();
            spend_bytes(breadth(&self.val));
        }
        let of = kind(&self.val);
        let depth = self.depth;
        if matches!(of, Val::Obj(_)) && !matches!(index.val, Val::TStr(_)) {
            // jaq has objects with names of any type; jq and JSON have not.
            return Err(Error::index(Self::scalar(of), Self::scalar(kind(&index.val))));
        }
        match self.val.index(&index.val) {
            // The indices of a part of an array are a new array.
            Ok(val) => Ok(Self { val, depth: depth.saturating_sub(1).max(1) }),
            Err(_) => Err(Error::index(Self::scalar(of), Self::scalar(kind(&index.val)))),
        }
    }

    fn range(self, range: Range<&Self>) -> ValR<Self> {
        spend_steps(1 + breadth(&self.val) / SLOT);
        spend_bytes(breadth(&self.val));
        let of = kind(&self.val);
        let depth = self.depth;
        let range = range.start.map(|b| &b.val)..range.end.map(|b| &b.val);
        match jaq_core::ValT::range(self.val, range) {
            Ok(val) => Ok(Self { val, depth }),
            Err(_) => Err(Error::typ(Self::scalar(of), "array or string with integer bounds")),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(self, opt: Opt, f: impl Fn(Self) -> I) -> ValX<'a, Self> {
        update!(self, f, |val, f2| val.map_values(opt, f2))
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        update!(self, f, |val, f2| val.map_index(&index.val, opt, f2))
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let range = range.start.map(|b| &b.val)..range.end.map(|b| &b.val);
        update!(self, f, |val, f2| val.map_range(range, opt, f2))
    }

    fn as_bool(&self) -> bool {
        self.val.as_bool()
    }

    fn into_string(self) -> Self {
        match self.val {
            Val::BStr(_) | Val::TStr(_) => Self { val: self.val.into_string(), depth: 0 },
            val => json_text(&val),
        }
    }
}

impl jaq_std::ValT for Bounded {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        let Val::Arr(items) = &self.val else { return Err(self) };
        spend_steps(items.len());
        spend_bytes(items.len() * SLOT);
        Ok(items.iter().map(|v| self.child(v.clone())).collect())
    }

    fn is_int(&self) -> bool {
        self.val.is_int()
    }

    fn as_isize(&self) -> Option<isize> {
        self.val.as_isize()
    }

    fn as_f64(&self) -> Option<f64> {
        self.val.as_f64()
    }

    fn is_utf8_str(&self) -> bool {
        self.val.is_utf8_str()
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        // Whoever looks at a text goes through it.
        spend_steps(1 + breadth(&self.val) / 32);
        jaq_std::ValT::as_bytes(&self.val)
    }

    fn as_sub_str(&self, sub: &[u8]) -> Self {
        Self::scalar(self.val.as_sub_str(sub))
    }

    fn from_utf8_bytes(b: impl AsRef<[u8]> + Send + 'static) -> Self {
        spend_steps(b.as_ref().len() / 32);
        spend_bytes(b.as_ref().len());
        Self::scalar(Val::from_utf8_bytes(b))
    }
}
