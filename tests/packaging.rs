//! Tests of what is published: dependencies are used and explained, and the action's steps work.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The crates: the folder of the manifest, and the folders of the sources.
const CRATES: &[(&str, &[&str])] = &[
    ("", &["src", "tests", "benches", "examples"]),
    ("process", &["src", "tests", "benches", "examples"]),
    ("workloads", &["."]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The dependencies of a manifest: name, whole line, and whether a comment explains it.
fn dependencies(manifest: &str) -> Vec<(String, String, bool)> {
    let (mut inside, mut above, mut found) = (false, false, Vec::new());
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if line.starts_with('#') {
            above = true;
        } else if line.trim().is_empty() {
            above = false;
        } else if inside {
            let name = line.split(['=', '.', ' ']).next().expect("a line has a first word");
            let ours = line.contains(".workspace = true") || line.contains("path = ");
            found.push((name.to_owned(), line.to_owned(), ours || above || line.contains("# ")));
        }
    }
    found
}

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("sources are text"));
        }
    }
}

#[test]
fn each_dependency_has_its_reason_and_its_use() {
    let mut wrong = Vec::new();
    for (folder, inside) in CRATES {
        let folder = root().join(folder);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        let mut code = String::new();
        inside.iter().for_each(|part| sources(&folder.join(part), &mut code));
        let (general, own) = match manifest.split_once("[package]") {
            Some((general, own)) => (general, own),
            None => ("", manifest.as_str()),
        };
        let reasons = dependencies(general).into_iter().chain(dependencies(own));
        wrong.extend(
            reasons
                .filter(|(_, _, explained)| !explained)
                .map(|(_, line, _)| format!("{}: no reason beside `{line}`", folder.display())),
        );
        let used = dependencies(own);
        assert!(used.len() > 5, "the dependencies of {} were not found", folder.display());
        for (name, ..) in used {
            // One crate has another name in code than in manifests.
            let name = if name == "md-5" { "md5".to_owned() } else { name.replace('-', "_") };
            if !code.contains(&format!("{name}::")) && !code.contains(&format!("use {name}")) {
                wrong.push(format!("{}: nothing uses {name}", folder.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_unexplained_dependency_is_seen() {
    let found = dependencies(
        "[dependencies]\na = \"1\"\nb = \"1\" # For this.\n\n# For both.\nc = \"1\"\n",
    );
    let explained: Vec<bool> = found.iter().map(|(_, _, explained)| *explained).collect();
    assert_eq!(explained, [false, true, true]);
}

/// Licences that a dependency may have. None of them puts duties on users of knee.
const LICENCES: [&str; 11] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unlicense",
    "Unicode-3.0",
    "CDLA-Permissive-2.0",
];

/// Whether a licence expression can be met with the allowed licences.
fn is_free(expression: &str) -> bool {
    let plain = expression.replace('/', " OR ").replace(['(', ')'], "");
    let known = |one: &str| LICENCES.contains(&one.trim());
    plain.split(" OR ").any(|choice| choice.split(" AND ").all(known))
}

#[test]
fn every_dependency_has_a_licence_that_asks_nothing() {
    assert!(is_free("MIT OR GPL-3.0") && is_free("MIT/Apache-2.0") && !is_free("GPL-3.0"));
    assert!(is_free("(MIT OR Apache-2.0) AND Unicode-3.0") && !is_free("MIT AND GPL-3.0"));
    let rustc = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let about = String::from_utf8_lossy(&rustc.stdout).into_owned();
    let host =
        about.lines().find_map(|line| line.strip_prefix("host: ")).expect("it names its host");
    // Crates for other systems were perhaps never fetched.
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", host])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let told = String::from_utf8_lossy(&metadata.stderr);
    assert!(metadata.status.success(), "{told}");
    let metadata: serde_json::Value =
        serde_json::from_slice(&metadata.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    assert!(packages.len() > 50, "the packages were not found");
    let wrong: Vec<String> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(is_free))
        .map(|package| format!("{}: {}", package["name"], package["license"]))
        .collect();
    assert!(wrong.is_empty(), "licences that were not expected:\n{}", wrong.join("\n"));
}

#[test]
fn the_readme_pages_and_licences_that_are_packaged_are_there() {
    for name in ["README.md", "CHANGELOG.md", "SECURITY.md"] {
        assert!(root().join(name).metadata().is_ok_and(|found| found.len() > 0), "{name}");
    }
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let whole = fs::read(root().join(licence)).expect("a licence");
        for folder in ["process", "workloads"] {
            assert_eq!(fs::read(root().join(folder).join(licence)).expect("a licence"), whole);
        }
    }
}

/// Writes a shell script.
fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, format!("#!/usr/bin/env bash\n{text}\n")).expect("a script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a script");
}

/// A runner's folders, with a stand-in for knee that is the script `text`.
fn runner(text: &str) -> tempfile::TempDir {
    let runner = tempfile::tempdir().expect("a folder");
    script(&runner.path().join("knee/bin/knee"), text);
    for side in ["base", "head"] {
        fs::create_dir_all(runner.path().join(side)).expect("a folder");
    }
    runner
}

/// Runs the measuring step of the action; returns its output and the summary that it has written.
fn step(runner: &Path, rounds: &str, arguments: &str) -> (Output, String) {
    let summary: PathBuf = runner.join("step-summary.md");
    let output = Command::new(root().join("packaging/measure-step"))
        .env("RUNNER_TEMP", runner)
        .env("GITHUB_STEP_SUMMARY", &summary)
        .env("ROUNDS", rounds)
        .env("ARGUMENTS", arguments)
        .output()
        .expect("bash is there");
    (output, fs::read_to_string(summary).unwrap_or_default())
}

#[test]
fn the_action_fails_on_3_warns_on_5_and_takes_turns() {
    // A stand-in for knee that notes its arguments, and whose check ends with this code.
    let knee = |code: u8| {
        format!(
            "echo \"$1 ${{PWD##*/}} ${{*: -2}}\" >>\"$RUNNER_TEMP/orders\"\n\
             [[ $1 != check ]] || {{ echo found; exit {code}; }}"
        )
    };
    for (check, ends, says) in [
        (0, 0, ""),
        (3, 3, "::error::knee: slower than the base"),
        (5, 0, "::warning::knee: the data cannot tell"),
        (1, 1, "::error::knee: measuring failed with exit code 1"),
    ] {
        let runner = runner(&knee(check));
        let (output, summary) = step(runner.path(), "2", "--budget\n\n1s\n");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(ends), "check ends with {check}: {output:?}");
        assert!(said.contains(says) && (check != 0 || said.is_empty()), "{said}");
        assert_eq!(summary.contains("found"), check != 1, "{summary}");
        let orders = fs::read_to_string(runner.path().join("orders")).expect("orders");
        let runs: Vec<&str> = orders.lines().filter(|line| line.starts_with("run")).collect();
        let side = |name| format!("run {name} --budget 1s");
        assert_eq!(runs, [side("base"), side("head"), side("head"), side("base")]);
    }
}

#[test]
fn the_action_fails_where_a_side_cannot_be_measured() {
    let runner = runner("[[ $1 != run ]] || exit 2");
    let (output, summary) = step(runner.path(), "1", "pi");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("the run of base"), "{output:?}");
    assert_eq!(summary, "");
}

#[test]
fn the_action_finds_a_change_that_is_ten_times_slower() {
    let runner = runner(&format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_knee")));
    script(&runner.path().join("base/work"), "sleep 0.03");
    script(&runner.path().join("head/work"), "sleep 0.3");
    let arguments = "--budget\n6s\n--workers\n1,2\n--\n./work";
    let (output, summary) = step(runner.path(), "2", arguments);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(summary.starts_with("# knee: **Slower than the base**"), "{summary}");
    assert!(summary.contains("work"), "{summary}");
}
