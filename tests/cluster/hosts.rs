//! Tests that differences between hosts are reported (files, speed, hardware, the server), and what
//! the record keeps of each host.

use crate::support::{KNEE, Run, has, nodes_of, rounds, text, warnings};

fn ran(run: &mut Run) -> String {
    let output = run.output();
    let said = text(&output);
    assert!([Some(0), Some(4), Some(5)].contains(&output.status.code()), "{said}");
    run.assert_gone();
    said
}

#[test]
fn files_that_differ_are_named_before_anything_starts() {
    let place = tempfile::tempdir().expect("a directory");
    let write = |host: &str, name: &str, text: &str| {
        let directory = place.path().join(host);
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(directory.join(name), text).expect("it is written");
    };
    write("a", "job.sh", "exit 0\n");
    write("a", "data", "1\n");
    write("b", "job.sh", "exit 1\n");
    write("b", "data", "1\n");
    write("c", "job.sh", "exit 0\n");
    // Each host has a directory of its own at the same path, which is that of a descriptor.
    let launcher =
        format!("sh -c 'exec 9<{}/{{host}}; exec {KNEE} node {{args}}'", place.path().display());
    let words = ["--nodes", "3", "--hosts", "a,b,c", "--workers", "1", "--budget", "2s", "--"];
    let own = |name: &str| format!("/proc/self/fd/9/{name}");
    let (job, data) = (own("job.sh"), own("data"));
    let run = Run::by(&launcher, &[&words[..], &["sh", &job, &data]].concat());
    // The coordinator sees the files of the first host.
    let quoted =
        |one: &std::ffi::OsStr| format!("'{}'", one.to_string_lossy().replace('\'', r"'\''"));
    let line: Vec<String> = run.command.get_args().map(quoted).collect();
    let line = format!("exec 9<{}/a; exec {KNEE} {}", place.path().display(), line.join(" "));
    let mut shell = std::process::Command::new("sh");
    shell.arg("-c").arg(line).env("KNEE_CLUSTER_TEST", run.place.path());
    let output = shell.env("TMPDIR", run.place.path()).output().expect("there is a shell");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("node b: {job} is a different file there")), "{said}");
    assert!(said.contains(&format!("node c: {data} is not there")), "{said}");
    assert!(!said.contains("node a: ") && !said.contains(&format!("node b: {data}")), "{said}");
    assert!(rounds(&run.out()).is_empty(), "{said}");
    run.assert_gone();
    // Without differences the same command is measured.
    let mut run = Run::local(&[&words[..], &["sh", "-c", "exit 0"]].concat());
    ran(&mut run);
}

#[test]
fn a_slow_node_is_named_with_what_it_gives() {
    let launcher = format!(
        "sh -c 'NAP=0.03; if [ {{host}} = c ]; then NAP=0.09; fi; export NAP; exec {KNEE} node \
         {{args}}'"
    );
    let words = ["--nodes", "3", "--hosts", "a,b,c", "--workers", "1,2", "--budget", "20s", "--"];
    let mut run = Run::by(&launcher, &[&words[..], &["sh", "-c", "sleep $NAP"]].concat());
    let (_, said) = run.until(|rounds| rounds.len() >= 10);
    // Naps never end early, so c is at most a third as fast as who does nothing else meanwhile.
    let says = said.lines().find(|line| line.contains("node c gives"));
    let says = says.unwrap_or_else(|| panic!("the slow node is not named: {said}"));
    let share: f64 = says
        .split("node c gives ")
        .nth(1)
        .and_then(|rest| rest.split(" %").next()?.trim().parse().ok())
        .unwrap_or_else(|| panic!("no share in {says}"));
    assert!((15.0..80.0).contains(&share), "{says}");
    assert!(!said.contains("node a gives") && !said.contains("node b gives"), "{said}");
    // One node's record against another's.
    let compare = |sides: [&str; 2]| {
        let path = |node: &str| format!("{}@{node}", run.out().display());
        let mut knee = std::process::Command::new(KNEE);
        let output = knee.arg("compare").args(sides.map(path)).arg("--json").output();
        let output = output.expect("it starts");
        (output.status.code(), text(&output))
    };
    let (code, said) = compare(["a", "c"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("run@a") && said.contains("run@c"), "{said}");
    let (code, said) = compare(["a", "z"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("has no node z; its nodes are a, b, c"), "{said}");
}

#[test]
fn unequal_hardware_is_told() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let first = list.and_then(|list| list.trim().split([',', '-']).next()).unwrap_or("0");
    let here = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if here < 2 || !has("taskset") {
        println!("skipped: it takes two CPUs and taskset");
        return;
    }
    // The shell passes its words on to a node with one CPU.
    let launcher = format!(
        "sh -c 'if [ {{host}} = b ]; then exec taskset -c {first} $0 node \"$@\"; fi; exec $0 node \
         \"$@\"' {KNEE} {{args}}"
    );
    let words = ["sleep:ms=5", "--nodes", "1,2", "--hosts", "a,b", "--workers", "1"];
    let mut run =
        Run::by(&launcher, &[&words[..], &["--modes", "serial", "--budget", "20s"]].concat());
    let (_, said) = run.until(|rounds| !rounds.is_empty());
    run.assert_gone();
    let told = warnings(&run.out()).into_iter().find(|(code, _)| code == "unequal-nodes");
    let (_, told) = told.unwrap_or_else(|| panic!("it is not told: {said}"));
    assert!(told.contains("b has 1 CPUs") && told.contains("and a has "), "{told}");
}

#[test]
fn each_node_has_its_ledger_and_its_burn_control() {
    // Nodes that share a machine would see each other, so there is only one.
    let words = ["pi:digits=200", "--nodes", "1", "--hosts", "solo", "--workers", "1"];
    let mut run = Run::local(&[&words[..], &["--modes", "threads", "--budget", "3s"]].concat());
    let said = ran(&mut run);
    let all = rounds(&run.out());
    assert!(!all.is_empty(), "{said}");
    for round in &all {
        assert!(round["nodes"][0]["ledger"]["wall"].as_f64() > Some(0.0), "{round}");
        assert_eq!(round["ledger"], round["nodes"][0]["ledger"]);
    }
    let record = run.record();
    let burned = record.lines().find(|line| line.contains("\"burn\"") && line.contains("cores"));
    assert!(burned.is_some_and(|line| line.contains("\"node\":0")), "{said}");
}

#[test]
fn it_is_said_which_host_serves() {
    let one = |workload: &str, says: &str| {
        let words = [workload, "--nodes", "2", "--workers", "1", "--modes", "threads"];
        let mut run = Run::local(&[&words[..], &["--budget", "20s"]].concat());
        run.command.current_dir(run.place.path());
        let (_, said) = run.until(|rounds| !rounds.is_empty());
        assert!(said.contains(says), "{workload}: {said}");
        run.assert_gone();
    };
    std::thread::scope(|scope| {
        scope.spawn(|| one("network:delay=1", "a server of its own"));
        scope.spawn(|| one("file:op=write", "uses the directory . as it is there"));
    });
}

#[test]
fn workers_of_the_users_own_run_on_two_nodes() {
    let worker = format!("{}/workloads/examples/worker.sh", env!("CARGO_MANIFEST_DIR"));
    let words = ["--nodes", "1,2", "--workers", "1,2", "--budget", "20s", "--worker", &worker];
    let mut run = Run::local(&words);
    let is_wanted = |round: &_| nodes_of(round) == 2 && round["cell"]["mode"] == "copies";
    run.until(|rounds| rounds.iter().any(is_wanted));
    run.assert_gone();
    for round in rounds(&run.out()).into_iter().filter(is_wanted) {
        let each = round["nodes"].as_array().expect("nodes").iter();
        assert!(each.clone().all(|node| node["tasks"].as_u64() > Some(0)), "{round}");
    }
}
