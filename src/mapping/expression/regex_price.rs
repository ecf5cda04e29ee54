//! What a regular expression costs, before it is compiled.
//!
//! jaq compiles a pattern at each call. A counted repetition multiplies what it repeats, and classes stand for many
//! characters: `(\w{100}){100}` is sixteen characters long and takes a second. The estimate follows the pattern's
//! text; where that is no valid pattern, compiling fails soon and cheaply.

/// What `\w` and the like are compiled to, next to one character.
const CLASS: usize = 64;
/// What `.` and a bracketed class are compiled to.
const ANY: usize = 8;

/// Roughly the number of states that a pattern is compiled to.
pub(super) fn states(pattern: &str) -> usize {
    let mut chars = pattern.chars().peekable();
    // The cost of each open group so far, and of the last item, which a repetition multiplies.
    let mut groups: Vec<usize> = vec![0];
    let mut last = 0_usize;
    while let Some(c) = chars.next() {
        let cost = match c {
            '(' => {
                groups.push(0);
                last = 0;
                continue;
            }
            ')' => groups.pop().unwrap_or_default(),
            '{' => {
                let counts: String = chars.by_ref().take_while(|c| *c != '}').collect();
                let most = counts.split(',').filter_map(|n| n.trim().parse::<usize>().ok()).max().unwrap_or(1);
                last.saturating_mul(most.saturating_sub(1))
            }
            '\\' => match chars.next() {
                Some('w' | 'W' | 'd' | 'D' | 's' | 'S' | 'p' | 'P' | 'b' | 'B') => CLASS,
                _ => 1,
            },
            '.' | '[' => ANY,
            _ => 1,
        };
        if groups.is_empty() {
            groups.push(0);
        }
        if let Some(group) = groups.last_mut() {
            *group = group.saturating_add(cost);
        }
        last = cost;
    }
    groups.into_iter().fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::states;

    #[test]
    fn repetitions_multiply_and_everyday_patterns_are_cheap() {
        assert_eq!(states("abc"), 3);
        assert_eq!(states("a{3}b"), 4);
        assert_eq!(states("(ab{10}){10}"), 110);
        assert!(states(r"(\w{100}){100}") >= 640_000);
        assert!(states(r"^(?<ip>(\d{1,3}\.){3}\d{1,3}):(?<port>[0-9]+)$") < 2_000);
        assert_eq!(states("((((a{999999}){999999}){999999}){999999}){999999}"), usize::MAX);
    }
}
