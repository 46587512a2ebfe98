//! Tests of the list of built-in workloads: it is complete, and each entry can be shown and run.

use std::collections::BTreeSet;
use std::path::Path;

use knee_workloads::{BUILTIN, FOREIGN, Form, Param, Params, Workload};

/// Files beside the workloads that are no workloads.
const NO_WORKLOADS: [&str; 1] = ["lib"];

/// The built-in ones and those that run the user's own programs.
fn all() -> impl Iterator<Item = &'static dyn Workload> {
    BUILTIN.iter().chain(FOREIGN).copied()
}

#[test]
fn every_file_in_workloads_is_registered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = BTreeSet::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_some_and(|extension| extension == "rs")
            && !NO_WORKLOADS.contains(&stem.as_str())
        {
            files.insert(stem);
        }
    }
    if cfg!(not(feature = "frames")) {
        files.remove("frames");
    }
    let registered: BTreeSet<String> = all().map(|w| w.meta().name.replace('-', "_")).collect();
    assert_eq!(
        files, registered,
        "one file in workloads/ is one entry in BUILTIN or FOREIGN, of the same name"
    );
    assert_eq!(registered.len(), all().count(), "a name is taken twice");
}

/// `kebab-case`: what needs no quoting on a command line and no escaping in a file's name.
fn is_a_name(text: &str) -> bool {
    text.split('-').all(|part| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

fn is_one_line(text: &str) -> bool {
    !text.trim().is_empty()
        && text == text.trim()
        && !text.contains('\n')
        && text.chars().count() <= 100
}

#[test]
fn every_workload_says_what_it_is() {
    for workload in all() {
        let meta = workload.meta();
        let name = meta.name;
        assert!(is_a_name(name), "{name}");
        assert!(is_one_line(meta.summary), "{name}: {}", meta.summary);
        assert!(
            is_one_line(meta.unit.one) && is_one_line(meta.unit.many),
            "{name}: {:?}",
            meta.unit
        );
        assert_ne!(meta.unit.one, meta.unit.many, "{name}");
        if let Some(equivalent) = meta.equivalent {
            assert!(is_one_line(equivalent.name) && equivalent.units_per_second > 0.0, "{name}");
        }
    }
}

#[test]
fn every_parameter_has_a_help_and_values_that_fit() {
    for workload in all() {
        let (meta, mut names) = (workload.meta(), BTreeSet::new());
        for Param { name, help, form, default, small } in meta.params {
            let whose = format!("{}:{name}", meta.name);
            assert!(is_a_name(name) && names.insert(name), "{whose}");
            assert!(is_one_line(help), "{whose}: {help}");
            form.check(default).unwrap_or_else(|error| panic!("{whose}={default}: {error}"));
            form.check(small).unwrap_or_else(|error| panic!("{whose}={small}: {error}"));
            // The separators of parameters on the command line must not be in their values.
            assert!(!default.contains([',', ' ']) && !small.contains([',', ' ']), "{whose}");
            match form {
                Form::Count { min, max } | Form::Size { min, max } => assert!(min < max, "{whose}"),
                Form::Number { min, max } => assert!(min < max, "{whose}"),
                Form::Choice(words) => assert!(words.len() > 1, "{whose}"),
                Form::Flag | Form::Text => {}
            }
        }
        let defaults = Params::resolve(meta.name, meta.params, []).unwrap();
        assert_eq!(defaults.changed(meta.params), "", "{}", meta.name);
        // There is no command line of a server that works everywhere.
        if meta.name != "server" {
            workload.supported(&Params::small(meta.params)).unwrap();
        }
    }
}

#[test]
fn a_misspelt_parameter_is_answered_with_the_right_one() {
    for workload in all() {
        let meta = workload.meta();
        for Param { name, .. } in meta.params {
            let misspelt = format!("{name}x");
            let error =
                Params::resolve(meta.name, meta.params, [(misspelt.as_str(), "1")]).unwrap_err();
            assert!(error.is_usage());
            assert!(error.to_string().contains(&format!("did you mean {name}?")), "{error}");
        }
        let error =
            Params::resolve(meta.name, meta.params, [("qqqq", "1")]).unwrap_err().to_string();
        assert!(error.contains(meta.name) && !error.contains("did you mean"), "{error}");
    }
}
