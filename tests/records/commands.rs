//! Tests of `knee compare`, `knee check`, `knee machine` and `knee schema`, as a user calls them.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::planted;

fn knee(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_knee"));
    command.current_dir(directory).args(args).env("NO_COLOR", "1").output().expect("knee starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Runs of three machines: `base/`, its equal with three runs, and one that does a third less.
fn runs() -> TempDir {
    let directory = tempdir().expect("a directory");
    for (name, seed, level) in [
        ("base/1", 1, 1.0),
        ("base/2", 2, 1.002),
        ("base/3", 3, 0.998),
        ("same/1", 4, 1.001),
        ("same/2", 5, 0.999),
        ("same/3", 6, 1.0),
        ("slow", 7, 0.66),
        ("v1.1", 8, 1.0),
        ("v1.2", 9, 1.0),
    ] {
        let record = planted::record(name, seed, 8, level, 0.002);
        planted::write(&record, &directory.path().join(name));
    }
    directory
}

#[test]
fn machines_are_compared_in_every_form() {
    let directory = runs();
    let answer = knee(
        directory.path(),
        &[
            "compare",
            "base",
            "small=slow",
            "--price",
            "base=0.2/h",
            "--price",
            "small=0.1/h",
            "--json",
        ],
    );
    assert_eq!(answer.status.code(), Some(0), "{answer:?}");
    let answer = json(&answer);
    assert_eq!(answer["schema_version"], 1);
    assert_eq!(answer["sides"][0]["runs"].as_array().map(Vec::len), Some(3));
    let small = &answer["workloads"][0]["sides"][1];
    assert_eq!(
        (&small["side"], &small["against"]["difference"]),
        (&"small".into(), &"slower".into())
    );
    let ratio = small["against"]["ratio"]["median"].as_f64().expect("a ratio");
    assert!((ratio - 0.66).abs() < 0.02, "{ratio}");
    let cost = small["cost_ratio"]["median"].as_f64().expect("a ratio");
    assert!((cost - 0.5 / 0.66).abs() < 0.03, "{cost}");

    let text = out(&knee(directory.path(), &["compare", "v1.1", "v1.2"]));
    assert!(text.contains("no difference is shown between v1.2 and v1.1"), "{text}");
    let text = out(&knee(directory.path(), &["compare", "base", "same"]));
    assert!(text.contains("no difference is shown between same and base"), "{text}");
    let page = out(&knee(
        directory.path(),
        &["compare", "base", "same", "--format", "html", "--out", "made"],
    ));
    assert!(page.contains("</html>"));
    for file in [
        "comparison.html",
        "comparison.md",
        "comparison.json",
        "plots/pi-compared.svg",
        "plots/pi-compared.png",
    ] {
        assert!(directory.path().join("made").join(file).is_file(), "{file}");
    }
}

#[test]
fn pass_fail_and_inconclusive_are_three_answers() {
    let directory = runs();
    let check = |args: &[&str]| {
        let all: Vec<&str> = ["check"].iter().chain(args).copied().collect();
        let output = knee(directory.path(), &all);
        (output.status.code(), out(&output).lines().last().unwrap_or_default().to_owned())
    };
    assert_eq!(check(&["same", "--baseline", "base"]), (Some(0), "pass".into()));
    assert_eq!(check(&["slow", "--baseline", "base"]), (Some(3), "FAIL".into()));
    let one = ["same/1", "--baseline", "base/1", "--max-slowdown", "1%"];
    assert_eq!(check(&one), (Some(5), "inconclusive".into()));
    let json = json(&knee(directory.path(), &["check", "slow", "--baseline", "base", "--json"]));
    assert_eq!(json["answer"], "fail");
}

#[test]
fn mistakes_are_one_clear_line_and_exit_code_two() {
    let directory = runs();
    for (args, said) in [
        (&["compare", "base"][..], "2 values required"),
        (&["compare", "base", "nowhere"], "nowhere: No such file"),
        (&["compare", "base", "base"], "two sides are called `base`"),
        (&["compare", "base", "slow", "--price", "x=1/h"], "the sides are base, slow"),
        (&["compare", "base", "slow", "--price", "slow=1"], "is no price"),
        (&["compare", "base", "slow", "--run-to-run", "2"], "is no share"),
        (&["check", "slow"], "--baseline"),
        (&["check", "slow", "--baseline", "base", "--max-slowdown", "-5%"], "--max-slowdown"),
        (&["schema", "everything"], "everything"),
    ] {
        let output = knee(directory.path(), args);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        assert!(errors.contains(said), "{args:?}: {errors}");
        assert!(!errors.contains("panicked") && output.stdout.is_empty(), "{args:?}: {errors}");
    }
}

#[test]
fn a_run_that_cannot_be_read_is_named_and_the_others_are_used() {
    let directory = runs();
    std::fs::write(directory.path().join("base/2/record.jsonl"), "garbage\n")
        .expect("there is room");
    let output = knee(directory.path(), &["compare", "base", "slow", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a record of knee"), "{output:?}");
    assert_eq!(json(&output)["sides"][0]["runs"].as_array().map(Vec::len), Some(2));
}

/// Every field that is written must be in the schema, at every depth.
fn described(value: &Value, schema: &Value, whole: &Value, place: &str) {
    let schema = match schema.get("$ref").and_then(Value::as_str) {
        Some(name) => {
            whole.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name}"))
        }
        None => schema,
    };
    for choice in ["anyOf", "oneOf"] {
        if let Some(all) = schema.get(choice).and_then(Value::as_array) {
            let fits = |one: &&Value| {
                let one = one.get("$ref").and_then(Value::as_str).map_or(*one, |name| {
                    whole.pointer(name.trim_start_matches('#')).expect("it is defined")
                });
                let kind = one.get("type").and_then(Value::as_str);
                match value {
                    Value::Null => kind == Some("null"),
                    Value::Object(fields) => {
                        kind == Some("object")
                            && one["required"].as_array().is_none_or(|names| {
                                names.iter().all(|name| {
                                    name.as_str().is_some_and(|name| fields.contains_key(name))
                                })
                            })
                    }
                    _ => kind != Some("null") && kind != Some("object"),
                }
            };
            let found = all
                .iter()
                .find(fits)
                .unwrap_or_else(|| panic!("{place}: nothing in {choice} fits {value}"));
            return described(value, found, whole, place);
        }
    }
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let place = format!("{place}.{name}");
                match (&schema["properties"].get(name), schema.get("additionalProperties")) {
                    (Some(known), _) => described(inner, known, whole, &place),
                    (None, Some(any)) if any.is_object() => described(inner, any, whole, &place),
                    _ => panic!("{place} is not in the schema"),
                }
            }
        }
        Value::Array(items) => {
            if let Some(known) = schema.get("items") {
                for item in items {
                    described(item, known, whole, &format!("{place}[]"));
                }
            }
        }
        _ => {}
    }
}

#[test]
fn what_is_written_is_what_the_schemas_describe() {
    let directory = runs();
    let schema = |name: &str| json(&knee(directory.path(), &["schema", name]));
    let record = schema("record");
    let text = std::fs::read_to_string(directory.path().join("slow/record.jsonl"))
        .expect("it was written");
    for line in text.lines() {
        described(&serde_json::from_str(line).expect("a line is JSON"), &record, &record, "record");
    }
    for (name, args) in [
        ("comparison", &["compare", "base", "slow", "--json"][..]),
        ("check", &["check", "slow", "--baseline", "base", "--json"]),
        ("findings", &["report", "slow", "--json"]),
        ("machine", &["machine", "--json"]),
    ] {
        let schema = schema(name);
        described(&json(&knee(directory.path(), args)), &schema, &schema, name);
    }
}

/// A file name from a shell's `*` may hold any characters.
#[test]
fn a_hostile_file_name_does_not_steer_the_terminal() {
    let directory = runs();
    let name = "x\u{1b}[2J\u{9b}31m\u{202e}";
    for args in [&["compare", "base", name][..], &["check", name, "--baseline", "base"]] {
        let output = knee(directory.path(), args);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains("x\\u{1b}[2J\\u{9b}31m\\u{202e}: No such file"), "{errors}");
        assert!(!errors.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{errors:?}");
    }
}

/// A file without a name is gone when its writer ends.
#[cfg(target_os = "linux")]
#[test]
fn a_kill_while_reports_are_written_leaves_no_half_of_a_file() {
    use rustix::fs::{Mode, OFlags, open};
    let directory = runs();
    let flags = OFlags::TMPFILE | OFlags::WRONLY;
    if open(directory.path(), flags, Mode::RUSR | Mode::WUSR).is_err() {
        eprintln!("skipped: this file system has no files without names");
        return;
    }
    let run = directory.path().join("slow");
    for _ in 0..5 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_knee"));
        command.arg("report").arg(&run).stdout(std::process::Stdio::null());
        let mut child = command.spawn().expect("knee starts");
        while !run.join("plots").exists() {
            assert!(child.try_wait().expect("it is ours").is_none(), "it ended without plots");
            std::thread::yield_now();
        }
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
        let files = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten();
        for entry in files(&run).chain(files(&run.join("plots"))) {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(!name.starts_with('.'), "{name} is left");
        }
        std::fs::remove_dir_all(run.join("plots")).expect("it is there");
    }
}

#[test]
fn this_machine_is_shown_to_people_and_programs() {
    let directory = tempdir().expect("a directory");
    let text = out(&knee(directory.path(), &["machine"]));
    assert!(text.starts_with("machine\n") && text.contains("CPU budget"), "{text}");
    let plan = json(&knee(directory.path(), &["run", "pi", "--dry-run", "--json"]));
    assert_eq!((&plan["schema_version"], &plan["plan"]["seed"]), (&1.into(), &1.into()), "{plan}");
    let index = json(&knee(runs().path(), &["report", "--index", ".", "--json"]));
    assert_eq!(index["runs"].as_array().map(Vec::len), Some(3), "{index}");
    let machine = json(&knee(directory.path(), &["machine", "--json"]));
    assert!(machine["usable_cpus"].as_f64().is_some_and(|cpus| cpus > 0.0), "{machine}");
    assert!(machine["budget"]["runtimes"].as_array().is_some_and(|all| all.len() > 8), "{machine}");
    assert!(machine["warnings"].is_array());
}
