//! Tests of parents that die, and of programs that are not made for children.

use crate::census::{runs, wait_gone};
use crate::runner::Test;
use crate::scenarios;

pub(crate) const TESTS: &[Test] = &[
    Test::new("parents::forgotten_init_is_a_clear_error", forgotten_init),
    Test::new("parents::foreign_program_is_a_clear_error", foreign_program),
    Test::new("parents::killed_parent_leaves_nothing", killed_parent),
    Test::new(
        "parents::killed_parent_leaves_none_without_lifelines",
        killed_parent_without_lifelines,
    ),
    Test::new("parents::marker_by_hand_is_refused", marker_by_hand),
];

fn forgotten_init() {
    let (mut child, lines) = scenarios::start("forgets-init");
    let lines: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success());
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines.iter().all(|line| line.contains("call knee_process::init([..]) at the head of main")),
        "{lines:?}"
    );
}

fn foreign_program() {
    let (mut child, lines) = scenarios::start("foreign-program");
    let lines: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success());
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(
        lines[..2].iter().all(|line| line.contains("before it came to knee_process::init")),
        "{lines:?}"
    );
    assert!(lines[2..].iter().all(|line| line.contains("/nowhere/at/all")), "{lines:?}");
}

fn killed_parent() {
    for name in ["parent-re-exec", "parent-fork-server"] {
        let (mut parent, lines) = scenarios::start(name);
        let mut pids: Vec<u32> = lines.map_while(|line| line.parse().ok()).collect();
        assert_eq!(pids.len(), 6);
        // Their own children too, and the fork server.
        for pid in pids.clone().into_iter().chain([parent.id()]) {
            let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
                .unwrap_or_default();
            pids.extend(list.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()));
        }
        assert!(pids.iter().all(|pid| runs(*pid)));
        parent.kill().unwrap();
        parent.wait().unwrap();
        println!(
            "{name}: all {} processes were gone {:?} after their parent",
            pids.len(),
            wait_gone(&pids)
        );
    }
}

/// Children that have lost their lifelines, for every way of starting them.
fn killed_parent_without_lifelines() {
    let (mut parent, lines) = scenarios::start("parent-of-deserters");
    let pids: Vec<u32> = lines.map_while(|line| line.parse().ok()).collect();
    assert_eq!(pids.len(), 6);
    assert!(pids.iter().all(|pid| runs(*pid)));
    parent.kill().unwrap();
    parent.wait().unwrap();
    println!("all were gone {:?} after their parent", wait_gone(&pids));
}

fn marker_by_hand() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["__knee-process", "x"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("for processes that this program starts by itself")
    );
}
