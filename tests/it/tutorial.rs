//! `docs/mappings.md` as a new user would follow it: its files are written, its commands run in order, and what they say
//! is what the page shows.

use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use tempfile::TempDir;

use crate::support::pages::page;

/// A block of code: its language, the file that it is, and its text.
struct Block<'p> {
    language: &'p str,
    file: Option<&'p str>,
    text: &'p str,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, opened)) = rest.split_once("\n```") {
        let (info, opened) = opened.split_once('\n').unwrap();
        let (text, after) = opened.split_once("\n```").unwrap();
        let (language, file) = info.split_once(' ').map_or((info, None), |(language, file)| (language, Some(file)));
        blocks.push(Block { language, file, text });
        rest = after;
    }
    blocks
}

/// Standard output, then standard error, of the commands.
fn run(folder: &Path, commands: &str) -> (bool, String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_alertbridge"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    let output =
        Command::new("sh").arg("-ec").arg(commands).current_dir(folder).env_clear().env("PATH", path).output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.success(), text)
}

/// What is shown, where an ellipsis stands for anything.
fn pattern(shown: &str) -> Regex {
    let any = regex::escape("\u{2026}");
    Regex::new(&format!("(?s)^{}\n*$", regex::escape(shown.trim_end()).replace(&any, ".*"))).unwrap()
}

fn follow(name: &str) {
    let page = page(name);
    let folder = TempDir::new().unwrap();
    let mut said: Option<(bool, String, &str)> = None;
    let mut commands = 0;
    for block in blocks(&page) {
        if let Some((ended_well, text, command)) = said.take() {
            match block.language {
                "text" => {
                    let fits = pattern(block.text).is_match(&text);
                    assert!(fits, "{command}\n--- says\n{text}\n--- and the page shows\n{}", block.text);
                }
                _ => assert!(ended_well, "{command}\n--- says\n{text}"),
            }
        }
        match (block.language, block.file) {
            ("sh", _) => {
                let (ended_well, text) = run(folder.path(), block.text);
                said = Some((ended_well, text, block.text));
                commands += 1;
            }
            (_, Some(file)) => fs::write(folder.path().join(file), format!("{}\n", block.text)).unwrap(),
            _ => {}
        }
    }
    if let Some((ended_well, text, command)) = said {
        assert!(ended_well, "{command}\n--- says\n{text}");
    }
    assert!(commands > 4, "{name} has commands");
}

#[test]
fn the_tutorial_works_as_it_is_written() {
    follow("docs/mappings.md");
}

#[test]
fn the_transcript_of_a_new_format_can_be_followed_again() {
    follow("docs/transcripts/new-format.md");
}
