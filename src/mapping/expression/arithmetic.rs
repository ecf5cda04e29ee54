//! The operators of jq, with their price: a text multiplied, arrays added, an integer squared again and again.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use jaq_core::{Error, ValR, ops};
use jaq_json::{Num, Val};

use super::budget::{MAX_INTEGER_BITS, Spent, spend_bytes, spend_steps, stop};
use super::value::{Bounded, breadth, copied, kind, lift};

fn operation(l: Bounded, op: ops::Math, r: Bounded, depth: u16) -> ValR<Bounded> {
    let (lt, rt) = (kind(&l.val), kind(&r.val));
    op.run(l.val, r.val)
        .map(|val| {
            limit_integer(&val);
            Bounded::nested(val, depth)
        })
        .map_err(|_| Error::math(Bounded::scalar(lt), op, Bounded::scalar(rt)))
}

fn limit_integer(val: &Val) {
    if let Val::Num(Num::BigInt(i)) = val
        && i.bits() > MAX_INTEGER_BITS
    {
        stop(Spent::Integer);
    }
}

impl Add for Bounded {
    type Output = ValR<Self>;
    fn add(self, r: Self) -> Self::Output {
        let copied = copied(&self.val);
        spend_bytes(copied + breadth(&r.val));
        spend_steps(1 + (copied + breadth(&r.val)) / 64);
        let depth = self.depth.max(r.depth);
        operation(self, ops::Math::Add, r, depth)
    }
}

impl Sub for Bounded {
    type Output = ValR<Self>;
    fn sub(self, r: Self) -> Self::Output {
        self.weigh();
        r.weigh();
        let depth = self.depth;
        operation(self, ops::Math::Sub, r, depth)
    }
}

impl Mul for Bounded {
    type Output = ValR<Self>;
    fn mul(self, r: Self) -> Self::Output {
        let text = |v: &Val| if let Val::TStr(s) | Val::BStr(s) = v { Some(s.len()) } else { None };
        let times = |v: &Val| match v {
            Val::Num(Num::Int(i)) => usize::try_from(*i).unwrap_or(0),
            Val::Num(Num::BigInt(_)) => usize::MAX,
            _ => 1,
        };
        match (text(&self.val), text(&r.val)) {
            (Some(len), None) => spend_bytes(len.saturating_mul(times(&r.val))),
            (None, Some(len)) => spend_bytes(len.saturating_mul(times(&self.val))),
            _ => {
                // Objects are merged.
                spend_bytes(breadth(&self.val));
                spend_bytes(breadth(&r.val));
                self.weigh();
                r.weigh();
            }
        }
        let depth = self.depth.max(r.depth);
        operation(self, ops::Math::Mul, r, depth)
    }
}

impl Div for Bounded {
    type Output = ValR<Self>;
    fn div(self, r: Self) -> Self::Output {
        // Splitting text makes at most one slot a byte.
        spend_bytes(breadth(&self.val).saturating_mul(2));
        operation(self, ops::Math::Div, r, 1)
    }
}

impl Rem for Bounded {
    type Output = ValR<Self>;
    fn rem(self, r: Self) -> Self::Output {
        operation(self, ops::Math::Rem, r, 0)
    }
}

impl Neg for Bounded {
    type Output = ValR<Self>;
    fn neg(self) -> Self::Output {
        lift(-self.val, 0)
    }
}
