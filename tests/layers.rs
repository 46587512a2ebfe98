//! Data flows one way: a module of the library imports only from modules to its left.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers from left to right. The first few know nothing of knee; the others lead from the
/// machine to the command line.
const LAYERS: &[&str] = &[
    "units", "clock", "rng", "stats", "folder", "machine", "plan", "mode", "run", "record",
    "import", "analysis", "plot", "report", "claims", "cli", "bench",
];

/// The layers of knee-process. Code that starts a child is to the left of code that runs in a
/// child.
const OF_PROCESSES: &[&str] = &[
    "error", "codec", "outcome", "sys", "shm", "ring", "work", "registry", "start", "spawn",
    "process", "queue", "pipe", "pool", "boot",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The first part of every `crate::` path in a line, also within one level of braces.
fn named(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let parts = if let Some(inner) = rest.strip_prefix('{') {
            inner
        } else {
            rest.split(',').next().unwrap_or(rest)
        };
        for part in parts.trim_end_matches([';', '}']).split(',') {
            let name: String =
                part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !name.is_empty() {
                names.push(name);
            }
        }
    }
    names
}

#[test]
fn no_module_imports_from_its_right() {
    hold_to(LAYERS, "src");
    hold_to(OF_PROCESSES, "process/src");
}

/// Fails where a module of `folder` imports from a layer to its right.
fn hold_to(layers: &[&str], folder: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in &files {
        let inside = file.strip_prefix(&root).expect("found below the root");
        let module =
            inside.iter().next().and_then(|part| Path::new(part).file_stem()).expect("a name");
        let module = module.to_str().expect("module names are text");
        if ["lib", "main"].contains(&module) {
            continue;
        }
        let own = layers.iter().position(|layer| *layer == module);
        let own = own.unwrap_or_else(|| panic!("{folder}/{module} has no layer; give it one"));
        let text = fs::read_to_string(file).expect("sources are text");
        for (number, line) in text.lines().enumerate() {
            for name in named(line) {
                if layers.iter().position(|layer| *layer == name).is_some_and(|other| other > own) {
                    wrong.push(format!(
                        "{folder}/{}:{}: {module} imports {name}",
                        inside.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the flow of data:\n{}", wrong.join("\n"));
    assert!(files.len() > 20, "the sources were not found");
}

#[test]
fn imports_are_recognised() {
    assert_eq!(named("use crate::plan::{Cell, Plan};"), ["plan"]);
    assert_eq!(named("use crate::{clock, mode::Site};"), ["clock", "mode"]);
    assert_eq!(named("    crate::run::run(plan) // crate::cli"), ["run"]);
}

#[test]
fn every_file_says_its_purpose_first() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "process", "workloads", "benches", "tests"] {
        sources(&root.join(folder), &mut files);
    }
    let silent: Vec<_> = files
        .iter()
        .filter(|file| !file.components().any(|part| part.as_os_str() == "target"))
        .filter(|file| {
            let text = fs::read_to_string(file).expect("sources are text");
            !(text.starts_with("//!") || text.starts_with("#![doc = include_str!"))
        })
        .collect();
    assert!(silent.is_empty(), "files without a first line that says their purpose: {silent:?}");
}
