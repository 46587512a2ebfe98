//! Tests of nodes and coordinators that are killed, stopped, late or interrupted: nothing hangs,
//! nothing is left, and the measurements of the other nodes are kept.

use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Run, ended, failures, kill, nodes_of, rounds, wait};

const NAPS: &[&str] =
    &["sleep:ms=5", "--nodes", "1,2,3", "--workers", "1,2", "--modes", "threads,process-pool"];

fn naps(budget: &str) -> Run {
    Run::local(&[NAPS, &["--budget", budget]].concat())
}

/// Checks a run that has lost a node: its exit code says so, its rounds are right, its other cells
/// are measured, and nothing is left.
fn check(run: &Run, code: Option<i32>, said: &str) {
    assert!([Some(0), Some(4), Some(5)].contains(&code), "{code:?}: {said}");
    for round in rounds(&run.out()) {
        let nodes = round["nodes"].as_array().map_or(0, Vec::len) as f64;
        let workers = round["cell"]["workers"].as_f64().expect("a count");
        let rate = round["throughput"].as_f64().expect("a rate");
        assert!(rate <= 200.0 * nodes * workers * 1.02, "{rate} of {nodes} x {workers}");
    }
    assert!(!rounds(&run.out()).is_empty(), "nothing was measured: {said}");
    run.assert_gone();
}

/// Twenty runs lose a node at different moments: while nodes come, before the first round, in a
/// round, at the end. Runs mostly wait, so several go at the same time.
#[test]
fn a_node_killed_at_any_moment_voids_its_round_and_the_rest_goes_on() {
    let one = |number: u64| {
        let dice = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut run = naps("2s");
        let child = run.start();
        assert!(wait(|| run.nodes().len() >= 3), "no nodes came");
        std::thread::sleep(Duration::from_millis(dice >> 33 & 0x7ff));
        let nodes = run.nodes();
        let chosen = nodes.get((dice >> 20) as usize % nodes.len().max(1));
        if let Some(pid) = chosen {
            kill(*pid, Signal::KILL);
        }
        let (code, said) = ended(child);
        check(&run, code, &said);
    };
    std::thread::scope(|scope| {
        for lane in 0..4 {
            scope.spawn(move || (0..5).for_each(|turn| one(5 * lane + turn)));
        }
    });
}

#[test]
fn who_is_killed_is_named_and_fewer_nodes_are_measured_on() {
    let mut run = naps("30s");
    let child = run.start();
    assert!(run.wait_for_rounds(6), "nothing was measured");
    let second = run.living().into_iter().find(|(_, line)| line.contains("--name node2"));
    kill(second.expect("it is there").0, Signal::KILL);
    let (before, out) = (rounds(&run.out()).len(), run.out());
    let names_it = |failure: &serde_json::Value| failure["reason"].to_string().contains("node2");
    let (code, said) = run.goes_on_until(child, |rounds| {
        let later = &rounds[before.min(rounds.len())..];
        failures(&out).iter().any(names_it) && later.iter().any(|round| nodes_of(round) < 3)
    });
    assert!(code == 4 || code == 130, "{code}: {said}");
    check(&run, Some(4), &said);
}

#[test]
fn a_node_that_is_stopped_is_given_up_at_the_time_limit() {
    let mut run = naps("4s");
    let child = run.start();
    assert!(run.wait_for_rounds(4), "nothing was measured");
    let third = run.living().into_iter().find(|(_, line)| line.contains("--name node3"));
    let third = third.expect("it is there").0;
    kill(third, Signal::STOP);
    let (code, said) = ended(child);
    kill(third, Signal::CONT);
    assert_eq!(code, Some(4), "{said}");
    assert!(run.record().contains("node3"), "{said}");
    check(&run, code, &said);
}

#[test]
fn nothing_is_left_where_the_coordinator_is_killed() {
    let one = |rounds: usize| {
        let mut run = naps("30s");
        let mut child = run.start();
        assert!(wait(|| run.nodes().len() >= 3), "no nodes came");
        assert!(run.wait_for_rounds(rounds), "nothing was measured");
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        assert!(wait(|| run.living().is_empty()), "{:?}", run.living());
    };
    std::thread::scope(|scope| {
        for rounds in [0, 3, 9] {
            scope.spawn(move || one(rounds));
        }
    });
}

#[test]
fn an_interrupt_ends_the_nodes_and_what_was_measured_is_gone_on_with() {
    let words = ["--budget", "8s", "--hosts", "a,b,c"];
    let mut run = Run::local(&[NAPS, &words].concat());
    let child = run.start();
    assert!(run.wait_for_rounds(6), "nothing was measured");
    kill(child.id().cast_signed(), Signal::INT);
    let (code, said) = ended(child);
    assert_eq!(code, Some(130), "{said}");
    let kept = rounds(&run.out());
    assert!(kept.len() >= 6);
    assert!(run.record().contains("\"interrupted\":true"));
    assert!(wait(|| run.living().is_empty()), "{:?}", run.living());
    // The run is resumed where it was interrupted, on the same nodes.
    let out = run.out();
    let launcher = format!("{} node {{args}}", crate::support::KNEE);
    let mut again = run.again(&["--nodes", "1,2,3", "--hosts", "a,b,c", "--launcher", &launcher]);
    let (code, said) = ended(again.spawn().expect("it starts"));
    assert!([Some(0), Some(4), Some(5)].contains(&code), "{said}");
    let all = rounds(&out);
    assert!(all.len() > kept.len(), "nothing was measured after it: {said}");
    assert_eq!(all[..kept.len()], kept[..], "what was kept has changed");
    run.assert_gone();
}

#[test]
fn a_node_that_does_not_come_is_missing_and_the_others_measure() {
    let slow = format!(
        "sh -c 'if [ {{host}} = c ]; then exec sleep 100; fi; exec {} node {{args}}'",
        crate::support::KNEE
    );
    let words = ["sleep:ms=5", "--nodes", "2,3", "--workers", "1", "--modes", "threads"];
    let more = ["--budget", "3s", "--hosts", "a,b,c", "--node-wait", "8s"];
    let mut run = Run::by(&slow, &[&words[..], &more].concat());
    let (code, said) = ended(run.start());
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("c did not come"), "{said}");
    let most =
        rounds(&run.out()).iter().filter_map(|round| round["nodes"].as_array().map(Vec::len)).max();
    assert_eq!(most, Some(2), "{said}");
    check(&run, code, &said);
}

#[test]
fn a_launcher_that_fails_is_told_with_its_own_words() {
    let launcher = "sh -c 'echo no such partition >&2; exit 3' {args}";
    let mut run = Run::by(launcher, &["pi", "--nodes", "2", "--budget", "3s"]);
    let (code, said) = ended(run.start());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no such partition") && said.contains("exit status: 3"), "{said}");
    assert!(run.living().is_empty());
}
