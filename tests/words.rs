//! Tests for plain English: unclear phrases do not come back, and comments fit the page.

use std::fs;
use std::path::{Path, PathBuf};

/// Phrases that are not to be used, and what says it better.
const AWAY: &[(&str, &str)] = &[
    ("how-manieth", "which, counted from 0"),
    ("bound by unclear", "limit not identified"),
    ("cannot be told apart yet", "not settled"),
    ("the two measure each other", "each measures what the other uses"),
    ("is dear against", "costs .. times as much as"),
    ("At their knees", "each mode at its recommended count"),
    ("who naps when", "which worker sleeps"),
    ("inconclusive:", "the regret as a figure, and a mark"),
];

/// Columns that a comment may take.
const COLUMNS: usize = 100;

fn texts() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    for folder in ["src", "process/src", "workloads", "helpers", "docs"] {
        gather(&root.join(folder), &mut found);
    }
    found
}

fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is readable").flatten() {
        let path = entry.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_dir() {
            gather(&path, found);
        } else if ["rs", "md", "py", "mjs"].contains(&ending) {
            found.push(path);
        }
    }
}

#[test]
fn phrases_that_had_to_be_decoded_stay_away() {
    let mut wrong = Vec::new();
    let texts = texts();
    assert!(texts.len() > 200, "only {} files were found", texts.len());
    for path in texts {
        let text = fs::read_to_string(&path).expect("it is text");
        for (phrase, better) in AWAY {
            if text.contains(phrase) {
                wrong.push(format!("{}: {phrase:?}: better {better:?}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn comments_fit_the_page() {
    let mut wrong = Vec::new();
    for path in texts().iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let text = fs::read_to_string(path).expect("it is text");
        let long = |line: &&str| {
            line.trim_start().starts_with("//")
                && line.chars().count() > COLUMNS
                // Addresses and rows of tables cannot be broken.
                && !line.contains("://")
                && !line.contains("/ |") && !line.contains("! |")
        };
        let lines = text.lines().enumerate().filter(|(_, line)| long(line));
        wrong.extend(lines.map(|(at, _)| format!("{}:{}", path.display(), at + 1)));
    }
    assert!(wrong.is_empty(), "longer than {COLUMNS} columns:\n{}", wrong.join("\n"));
}

/// Every word has one meaning, so the table has it once.
#[test]
fn the_table_of_words_names_each_once() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/README.md"));
    let page = page.expect("it is there");
    let table = page.split("# Words").nth(1).expect("it has a table of words");
    let mut words: Vec<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| **")?.split("**").next()).collect();
    let all = words.len();
    words.sort_unstable();
    words.dedup();
    assert!(all >= 15 && words.len() == all, "{words:?}");
}
