//! Every example is a test: it must exit with code 0 and print what its first line promises.

use std::path::PathBuf;
use std::process::Command;

use crate::runner::Test;

pub(crate) const TESTS: &[Test] = &[
    Test::new("examples::one_process", || {
        expect("one_process", &["hello Ada, from process", "exited with code 0"]);
    }),
    Test::new("examples::own_type", || {
        expect("own_type", &["one slept in process", "three slept in process"]);
    }),
    Test::new("examples::pool_of_five", || {
        expect("pool_of_five", &["task 9 was run by", "ten tasks were run by"]);
    }),
    Test::new("examples::queue_of_ten", || expect("queue_of_ten", &["100 has become 110"])),
    Test::new("examples::writer_and_reader", || {
        expect("writer_and_reader", &["got C", "signal 15"]);
    }),
    Test::new("examples::pipe_of_two", || {
        expect("pipe_of_two", &["add up to 15", "4 squared is 16"]);
    }),
    Test::new("examples::globals", || {
        expect("globals", &["in the child it is 101, here it is still 100"]);
    }),
    Test::new("examples::all_are_tested", all_are_tested),
];

fn expect(example: &str, wanted: &[&str]) {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().and_then(|deps| deps.parent()).unwrap().join("examples");
    let program = folder.join(example);
    assert!(
        program.exists(),
        "`cargo build -p knee-process --examples` makes {}",
        program.display()
    );
    let output = Command::new(program).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{example}: {output:?}");
    for part in wanted {
        assert!(text.contains(part), "{example} does not say {part:?}:\n{text}");
    }
}

fn all_are_tested() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            TESTS.iter().any(|test| test.name == format!("examples::{name}")),
            "{name} is not tested"
        );
    }
}
