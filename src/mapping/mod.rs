//! Alert formats.
mod attack;
mod expression;
mod json;
mod time;

#[cfg(test)]
mod testing;
