//! Tests of the answer of a run over nodes, and of settings that it refuses.

use crate::support::{KNEE, Run, failures, nodes_of, rounds, text};

/// Each worker does 50 tasks of 20 ms a second, on whichever node it is.
const NAPS: &[&str] =
    &["sleep:ms=20", "--nodes", "1,2,3", "--workers", "1,2", "--modes", "threads", "--seed", "3"];

#[test]
fn rates_of_nodes_add_up_and_the_answer_is_a_pair() {
    let mut run = Run::local(&[NAPS, &["--budget", "20s", "--price", "$3.6/h"]].concat());
    let cells = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)];
    let (_, text) = run.until(|rounds| {
        let of = |round| (nodes_of(round), round["cell"]["workers"].as_u64().unwrap_or(0));
        cells.iter().all(|cell| rounds.iter().any(|round| of(round) == *cell))
    });
    assert!(text.contains("sleep:ms=20 over nodes:"), "{text}");
    assert!(text.contains("efficiency over nodes: 1: "), "{text}");
    assert!(text.contains("nodes: node1"), "{text}");
    assert!(text.contains("share a machine"), "{text}");
    let rounds = rounds(&run.out());
    for nodes in 1..=3_usize {
        // A nap never ends early, so this limit holds on any machine.
        let most = 50.0 * nodes as f64;
        let of = |workers: u64| {
            rounds.iter().filter(move |round| {
                round["nodes"].as_array().map(Vec::len) == Some(nodes)
                    && round["cell"]["workers"] == workers
            })
        };
        assert!(of(1).count() > 0 && of(2).count() > 0, "{nodes} nodes were not measured");
        for round in of(1).chain(of(2)) {
            let workers = round["cell"]["workers"].as_f64().expect("a count");
            let rate = round["throughput"].as_f64().expect("a rate");
            assert!(rate <= most * workers * 1.02, "{rate} of {nodes} nodes, {workers} workers");
            let each = round["nodes"].as_array().expect("nodes").iter();
            let sum: f64 = each.filter_map(|node| node["throughput"].as_f64()).sum();
            assert!((sum - rate).abs() < 1e-6 * rate.max(1.0), "{sum} is not {rate}");
            let rates = round["rates"].as_array().map(Vec::len);
            assert_eq!(rates, Some(nodes * workers as usize));
        }
    }
    let record = run.record();
    let header = record.lines().next().expect("a header");
    assert!(header.contains("\"nodes\":[{\"name\":\"node1\""), "{header}");
    assert!(!record.contains("KNEE_SECRET"), "the record names no secret");
    assert!(run.living().is_empty(), "{:?}", run.living());
}

#[test]
fn the_same_work_comes_out_in_every_mode_and_in_batches() {
    let words = ["pi:digits=60", "noop", "--nodes", "2", "--workers", "2", "--batch", "40"];
    let modes = "serial,threads,thread-per-task,process-pool,process-per-task,async";
    let mut run = Run::local(&[&words[..], &["--modes", modes, "--budget", "6s"]].concat());
    let output = run.output();
    assert!([Some(0), Some(4), Some(5)].contains(&output.status.code()), "{}", text(&output));
    let wrong: Vec<String> = failures(&run.out())
        .iter()
        .map(|failure| failure["reason"].to_string())
        .filter(|reason| !reason.contains("budget"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    for round in rounds(&run.out()) {
        assert_eq!(round["tasks"], 40, "a batch is shared by the nodes: {round}");
        assert!(round["makespan"].as_f64() > Some(0.0), "{round}");
    }
    assert!(run.living().is_empty(), "{:?}", run.living());
}

#[test]
fn programs_of_the_users_own_run_on_nodes_where_their_files_are_the_same() {
    let words = ["--nodes", "1,2", "--workers", "1", "--budget", "20s", "--", "/bin/true"];
    let mut run = Run::local(&words);
    run.until(|rounds| !rounds.is_empty());
    run.assert_gone();
}

#[test]
fn functions_in_python_run_on_nodes() {
    if !crate::support::has("python3") {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("work.py");
    std::fs::write(&file, "def work(n):\n    return sum(range(2000))\n").expect("it is written");
    let function = format!("{}:work", file.display());
    let words =
        ["--nodes", "2", "--workers", "1,2", "--modes", "serial,threads", "--budget", "40s"];
    let mut run = Run::local(&[&words[..], &["--python", &function]].concat());
    let is_wanted = |round: &_| nodes_of(round) == 2 && round["cell"]["mode"] == "threads";
    run.until(|rounds| rounds.iter().any(is_wanted));
    assert!(run.living().is_empty(), "{:?}", run.living());
}

#[test]
fn what_cannot_be_spread_is_refused_with_a_word() {
    let says = |words: &[&str]| {
        let mut run = Run::local(words);
        let output = run.output();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(run.living().is_empty());
        text(&output)
    };
    for name in ["lock", "queue", "pipe"] {
        assert!(says(&[name, "--nodes", "2"]).contains("stays on one host"), "{name}");
    }
    assert!(says(&["pi", "--nodes", "0"]).contains("--nodes 0"));
    assert!(says(&["pi", "--nodes", "auto"]).contains("1,2,4"));
    let also = says(&["pi", "--nodes", "2", "--also", "digits=10,20"]);
    assert!(also.contains("--also does not go with --nodes: nodes are the second axis"), "{also}");
    let rate = says(&["pi", "--nodes", "2", "--rate", "100/s"]);
    assert!(
        rate.contains("--rate does not go with --nodes") && rate.contains("balancer"),
        "{rate}"
    );
    let url = "http://127.0.0.1:{port}/";
    let server = ["--server", "true {n} {port}", "--url", url, "--nodes", "2"];
    assert!(says(&server).contains("stays on one host"));
    let by = |launcher: &str, words: &[&str]| {
        let output = Run::by(launcher, words).output();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        text(&output)
    };
    assert!(by("ssh", &["pi", "--nodes", "2", "--hosts", "one"]).contains("2 hosts"));
    assert!(by("srun", &["pi", "--nodes", "2"]).contains("{args}"));
    assert!(
        by("ssh", &["pi", "--nodes", "1", "--hosts=-oProxyCommand=x"])
            .contains("not the name of a host")
    );
}

#[test]
fn a_missing_launcher_and_a_resume_on_other_nodes_are_refused() {
    let plain = |words: &[&str]| {
        let output = std::process::Command::new(KNEE).arg("run").args(words).output();
        let output = output.expect("it starts");
        (output.status.code(), text(&output))
    };
    let (code, said) = plain(&["pi", "--nodes", "2"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("--launcher"), "{said}");
    let mut run = Run::local(&["noop", "--nodes", "1", "--workers", "1", "--budget", "1s"]);
    run.output();
    let record = run.out().join("record.jsonl");
    let whole = std::fs::read_to_string(&record).expect("a record");
    let cut: Vec<&str> = whole.lines().filter(|line| !line.contains("{\"end\"")).collect();
    std::fs::write(&record, cut.join("\n") + "\n").expect("it is ours");
    let out = run.out().to_string_lossy().into_owned();
    let (code, said) = plain(&["--resume", &out]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("say again what starts them: --nodes 1 --launcher"), "{said}");
    let launcher = format!("{KNEE} node {{args}}");
    let again = |more: &[&str]| {
        let words = ["--resume", &out, "--listen", "127.0.0.1", "--launcher", &launcher];
        plain(&[&words[..], more].concat())
    };
    let (code, said) = again(&["--nodes", "1,2"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("was begun with --nodes 1;"), "{said}");
    let (code, said) = again(&["--nodes", "1", "--hosts", "another"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("on the nodes node1, and these are another"), "{said}");
}
