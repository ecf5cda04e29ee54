//! ATT&CK ids out of whatever a source calls them (`attack_tactics`, `attack_techniques`).
//!
//! The table of the enterprise matrix's tactics is MITRE ATT&CK v16.

/// Tactic ids and their names, letters only and in lower case.
const TACTICS: [(&str, &str); 14] = [
    ("TA0043", "reconnaissance"),
    ("TA0042", "resourcedevelopment"),
    ("TA0001", "initialaccess"),
    ("TA0002", "execution"),
    ("TA0003", "persistence"),
    ("TA0004", "privilegeescalation"),
    ("TA0005", "defenseevasion"),
    ("TA0006", "credentialaccess"),
    ("TA0007", "discovery"),
    ("TA0008", "lateralmovement"),
    ("TA0009", "collection"),
    ("TA0011", "commandandcontrol"),
    ("TA0010", "exfiltration"),
    ("TA0040", "impact"),
];

/// The tactic that a word means: an id (`TA0002`), or a name in any spelling (`Defense Evasion`, `defense_evasion`,
/// `DefenseEvasion`, `attack.defense-evasion`).
pub(super) fn tactic(word: &str) -> Option<String> {
    let word = strip(word);
    if let Some(digits) = word.strip_prefix("TA").or_else(|| word.strip_prefix("ta"))
        && digits.len() == 4
        && digits.bytes().all(|b| b.is_ascii_digit())
    {
        return Some(format!("TA{digits}"));
    }
    let is = |name: &str| {
        let letters = word.bytes().filter(u8::is_ascii_alphabetic).map(|b| b.to_ascii_lowercase());
        letters.eq(name.bytes())
    };
    if is("defenceevasion") {
        return Some("TA0005".to_owned());
    }
    TACTICS.iter().find(|(_, name)| is(name)).map(|(id, _)| (*id).to_owned())
}

/// The technique that a word means: `T1059`, `t1059.001`, `attack.t1059.001`.
pub(super) fn technique(word: &str) -> Option<String> {
    let word = strip(word);
    let digits = word.strip_prefix(['T', 't'])?;
    let (main, sub) = digits.split_once('.').map_or((digits, None), |(main, sub)| (main, Some(sub)));
    let all_digits = |text: &str, len: usize| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    (all_digits(main, 4) && sub.is_none_or(|sub| all_digits(sub, 3))).then(|| word.to_ascii_uppercase())
}

fn strip(word: &str) -> &str {
    let word = word.trim();
    ["attack.", "ATTACK.", "mitre_"].iter().find_map(|prefix| word.strip_prefix(prefix)).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::{tactic, technique};

    #[test]
    fn a_tactic_is_known_by_id_and_by_any_spelling_of_its_name() {
        for word in ["TA0005", "Defense Evasion", "defense_evasion", "DefenseEvasion", "attack.defense-evasion"] {
            assert_eq!(tactic(word).as_deref(), Some("TA0005"), "{word}");
        }
        assert_eq!(tactic("attack.t1059"), None);
    }

    #[test]
    fn a_technique_is_known_in_any_case_and_with_its_prefix() {
        assert_eq!(technique("attack.t1059.001").as_deref(), Some("T1059.001"));
        assert_eq!(technique("T1071").as_deref(), Some("T1071"));
        for word in ["Tier1", "T10", "T1059.1", "execution", "T1059.0011"] {
            assert_eq!(technique(word), None, "{word}");
        }
    }
}
