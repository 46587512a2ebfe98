//! Tests of two runs in two PID namespaces, with the same process id and the same seed: neither
//! kills processes of the other.

use std::fs;

use crate::calls::{KNEE, Place, alive, can, odd_seconds, send, wait_until};

/// In a namespace: starts the line as the process of this id.
fn numbered(number: u32, line: &str) -> String {
    format!("echo {} > /proc/sys/kernel/ns_last_pid; {line} & echo $!", number - 1)
}

#[test]
fn a_run_with_the_same_number_in_another_namespace_is_left_alone() {
    let own_numbers = "echo 99 > /proc/sys/kernel/ns_last_pid";
    let apart = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    if !can(&[&apart[..], &["sh", "-c", own_numbers]].concat()) {
        return;
    }
    for ends_by in [0, libc::SIGKILL] {
        let (place, seconds) = (Place::new(), odd_seconds(30 + ends_by as u32));
        // The first run sees the second's processes, as a host sees those of its containers.
        let inner = format!("{KNEE} run --seed 7 --budget 50s --out inner -- sleep {seconds}");
        let inner = format!("{} > second; wait", numbered(5000, &inner));
        let task = if ends_by == 0 { "noop --batch 2" } else { "noop" };
        let outer = format!(
            "{KNEE} run {task} --seed 7 --modes serial,process-pool --workers 1 --budget 50s --out \
             outer"
        );
        let script = format!(
            "unshare --pid --fork --kill-child --mount-proc sh -c '{inner}' & while [ ! -e go ]; \
             do sleep 0.01; done; {} > first; wait $!; touch over; wait",
            numbered(5000, &outer)
        );
        let running = place.start_by::<&str>(&[&apart[..], &["sh", "-c", &script]].concat(), &[]);
        wait_until("the second one's command runs", || alive(&seconds).len() == 1);
        let commands = alive(&seconds);
        let at = |name: &str| place.home.path().join(name);
        fs::write(at("go"), "").expect("it is ours");
        if ends_by != 0 {
            wait_until("the first one measures", || {
                knee::record::read(&at("outer")).is_ok_and(|record| !record.samples.is_empty())
            });
            // By its process id in this namespace, which is another one.
            let line = |pid: &i32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let is_first = |pid: &i32| String::from_utf8_lossy(&line(pid)).ends_with("outer\0");
            running.called("knee").into_iter().filter(is_first).for_each(|pid| send(pid, ends_by));
        }
        wait_until("the first one has ended", || at("over").exists());
        let mine = |name: &str| fs::read_to_string(at(name)).unwrap_or_default();
        assert_eq!((mine("first").trim(), mine("second").trim()), ("5000", "5000"));
        wait_until("its guard is done", || {
            let left = fs::read_dir(place.tmp()).expect("it is there").count();
            left == 1 && running.called("guard").len() == 1
        });
        assert_eq!(alive(&seconds), commands, "the second one's command was ended");
        drop(running);
        wait_until("all are gone", || alive(&seconds).is_empty());
    }
}
