//! Tests whether a program speaks the crew protocol. The program is started, given good and bad
//! orders, cut off and killed, and must answer correctly each time.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::message::{Launch, Order, PROTOCOL, Trial};
use super::talk::Helper;
use super::{HelperError, Laps, check, round};
use crate::clock;
use crate::plan::{Mode, Subject};

/// The longest that one order may take.
const WITHIN: Duration = Duration::from_secs(30);
/// The longest that processes of a helper may outlive it.
const GONE_WITHIN: Duration = Duration::from_secs(2);
/// The window of the rounds.
const WINDOW: Duration = Duration::from_millis(200);
/// How many members a crew has where it has more than one.
const MEMBERS: usize = 2;

/// A helper under test.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where the test functions are. `{name}` stands for the name of a function.
    pub functions: String,
}

type Verdict = Result<(), String>;

/// Runs every test. Calls `tell` with the name and result of each. Returns how many failed.
pub fn conformance(candidate: &Candidate, tell: &mut dyn FnMut(&str, &Verdict)) -> usize {
    let mut failed = 0;
    let mut note = |name: &str, verdict: Verdict| {
        failed += usize::from(verdict.is_err());
        tell(name, &verdict);
    };
    let modes = match candidate.modes() {
        Ok(modes) => {
            note("says hello first, and which modes it has", Ok(()));
            modes
        }
        Err(error) => {
            note("says hello first, and which modes it has", Err(error));
            return failed;
        }
    };
    for &mode in &modes {
        note(&format!("{mode}: measures"), candidate.measures(mode));
        note(&format!("{mode}: returns what serial returns"), candidate.agrees(mode));
        note(&format!("{mode}: counts units and batches"), candidate.counts(mode));
        note(
            &format!("{mode}: gives each worker what its setup returned"),
            candidate.prepares(mode),
        );
        note(&format!("{mode}: tells the user's own error"), candidate.fails(mode));
        note(&format!("{mode}: is not disturbed by what is printed"), candidate.prints(mode));
        note(
            &format!("{mode}: tells when a task ends its process, or ends with it"),
            candidate.exits(mode),
        );
        note(&format!("{mode}: ends at the end of its input"), candidate.cut_off(mode));
        note(&format!("{mode}: leaves nothing behind when it is killed"), candidate.killed(mode));
    }
    note("refuses what it cannot do, and goes on", candidate.refuses());
    note("says goodbye", candidate.says_goodbye());
    failed
}

impl Candidate {
    fn start(&self) -> Result<Helper, String> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Err("there is no command".to_owned());
        };
        let mut command = Command::new(program);
        command.args(arguments).env("PYTHONHASHSEED", "0");
        Helper::start(command, &Arc::default()).map_err(words)
    }

    fn modes(&self) -> Result<Vec<Mode>, String> {
        let helper = self.start()?;
        let names = helper.hello().modes.clone();
        let modes: Option<Vec<Mode>> = names.iter().map(|name| Mode::named(name)).collect();
        let modes = modes.ok_or_else(|| format!("one of {names:?} is not a mode"))?;
        if let Some(mode) = modes.iter().find(|mode| !mode.runs(Subject::Function)) {
            return Err(format!("no function runs as {mode}"));
        }
        if !modes.contains(&Mode::Serial) {
            return Err("serial is missing".to_owned());
        }
        // Only a coroutine runs in an event loop, and languages differ in what can be awaited.
        Ok(modes.into_iter().filter(|mode| *mode != Mode::Async).collect())
    }

    /// Starts a helper whose crew of this mode is ready to call a function.
    fn launched(&self, mode: Mode, function: &str, setup: &str) -> Result<Helper, String> {
        let mut helper = self.start()?;
        let call = |name: &str| match name {
            "" => String::new(),
            name => self.functions.replace("{name}", name),
        };
        let order = Order::Launch(Launch {
            crew: PROTOCOL,
            mode: mode.name(),
            members: members(mode),
            function: &call(function),
            setup: &call(setup),
            chunk: 1,
            start: "",
        });
        let answer = helper.order(&order, WITHIN, &mut |_| {}).map_err(words)?;
        answer.ready.map(|_| ()).ok_or("launch was not answered by ready")?;
        Ok(helper)
    }

    fn measures(&self, mode: Mode) -> Verdict {
        let mut helper = self.launched(mode, "five", "")?;
        for active in 1..=members(mode) {
            let laps = measured(&mut helper, active, None)?;
            let span = laps.span_ns as f64 * 1e-9;
            if span < 0.9 * WINDOW.as_secs_f64() {
                return Err(format!(
                    "the window was {span:.3} s, not {:.3} s",
                    WINDOW.as_secs_f64()
                ));
            }
            for (number, member) in laps.members.iter().enumerate() {
                let tasks: u64 = member.latency.iter().map(|(_, count)| count).sum();
                if tasks != member.tasks {
                    return Err(format!(
                        "member {number} has {tasks} latencies of {} tasks",
                        member.tasks
                    ));
                }
                // A slow machine may do fewer tasks of 5 ms, but none can do more.
                if member.rate > 205.0 || member.tasks as f64 > 205.0 * span + 1.0 {
                    return Err(format!(
                        "member {number} did {:.0} tasks of 5 ms per second",
                        member.rate
                    ));
                }
                if member.latency.iter().any(|(nanos, _)| *nanos < 4_800_000) {
                    return Err(format!("member {number} has a task of 5 ms that took less"));
                }
            }
            if laps.members.iter().map(|member| member.tasks).sum::<u64>() == 0 {
                return Err(format!("no task was done with {active} active"));
            }
        }
        end(helper)
    }

    fn agrees(&self, mode: Mode) -> Verdict {
        let sums = |mode: Mode| {
            let mut helper = self.launched(mode, "number", "")?;
            let checked = check(&mut helper, 8, Duration::ZERO, WITHIN).map_err(words)?;
            end(helper)?;
            Ok::<_, String>(checked.checksums)
        };
        let (serial, here) = (sums(Mode::Serial)?, sums(mode)?);
        if serial.len() != 8 || serial != here {
            return Err(format!("serial gave {serial:?}, {mode} gave {here:?}"));
        }
        let hexadecimal = |sum: &Option<String>| {
            sum.as_ref().is_some_and(|text| u64::from_str_radix(text, 16).is_ok())
        };
        if !serial.iter().all(hexadecimal) || serial[1] == serial[2] {
            return Err(format!("{serial:?} are not the checksums of different numbers"));
        }
        Ok(())
    }

    fn counts(&self, mode: Mode) -> Verdict {
        let mut helper = self.launched(mode, "counts", "")?;
        let laps = measured(&mut helper, members(mode), Some(50))?;
        let sum = |of: fn(&super::message::Member) -> u64| laps.members.iter().map(of).sum::<u64>();
        match (sum(|member| member.tasks), sum(|member| member.units)) {
            (50, 150) => end(helper),
            (tasks, units) => {
                Err(format!("a batch of 50 tasks of 3 units was {tasks} tasks, {units} units"))
            }
        }
    }

    fn prepares(&self, mode: Mode) -> Verdict {
        let mut helper = self.launched(mode, "prepared", "prepare")?;
        check(&mut helper, 2, Duration::ZERO, WITHIN).map_err(words)?;
        measured(&mut helper, members(mode), Some(10))?;
        end(helper)
    }

    fn fails(&self, mode: Mode) -> Verdict {
        let mut helper = self.launched(mode, "fails", "")?;
        match measured(&mut helper, 1, Some(5)) {
            Err(text) if text.contains("knee-fails") => end(helper),
            Err(text) => Err(format!("the error does not say knee-fails: {text}")),
            Ok(_) => Err("a task that fails was measured".to_owned()),
        }
    }

    fn prints(&self, mode: Mode) -> Verdict {
        let mut helper = self.launched(mode, "prints", "")?;
        measured(&mut helper, members(mode), Some(200))?;
        end(helper)
    }

    fn exits(&self, mode: Mode) -> Verdict {
        let mut helper = self.launched(mode, "exits", "")?;
        if measured(&mut helper, 1, Some(5)).is_ok() {
            return Err("a task that ended its process was measured".to_owned());
        }
        let group = helper.pid();
        drop(helper);
        gone(group)
    }

    fn cut_off(&self, mode: Mode) -> Verdict {
        let mut helper = self.launched(mode, "number", "")?;
        let group = helper.pid();
        measured(&mut helper, 1, Some(5))?;
        helper.hang_up();
        gone(group)
    }

    fn killed(&self, mode: Mode) -> Verdict {
        let mut helper = self.launched(mode, "number", "")?;
        let group = helper.pid();
        measured(&mut helper, members(mode), Some(5))?;
        helper.kill_alone();
        gone(group)
    }

    fn refuses(&self) -> Verdict {
        let mut helper = self.start()?;
        for (what, line) in [
            ("an order that there is not", "{\"id\":1,\"dance\":{}}"),
            ("broken JSON", "{\"id\":2,"),
            ("a round before the launch", "{\"id\":3,\"round\":{\"active\":1}}"),
            (
                "a version that it does not speak",
                "{\"id\":4,\"launch\":{\"crew\":99,\"mode\":\"serial\",\
                 \"members\":1,\"function\":\"x\"}}",
            ),
            (
                "a mode that it does not have",
                "{\"id\":5,\"launch\":{\"crew\":1,\"mode\":\"dance\",\
                 \"members\":1,\"function\":\"x\"}}",
            ),
        ] {
            helper.say(line).map_err(words)?;
            match helper.answer("order", WITHIN, &mut |_| {}) {
                Err(HelperError::Failed { .. }) => {}
                Err(error) => return Err(format!("{what}: {error}")),
                Ok(_) => return Err(format!("{what} was not refused")),
            }
        }
        let function = serde_json::json!(self.functions.replace("{name}", "number"));
        helper
            .say(&format!(
                "{{\"id\":0,\"new\":1,\"launch\":{{\"crew\":1,\"mode\":\"serial\",\
             \"members\":1,\"function\":{function},\"new\":[]}}}}"
            ))
            .map_err(words)?;
        helper
            .answer("launch", WITHIN, &mut |_| {})
            .map_err(|error| format!("with fields that it does not know: {error}"))?;
        end(helper)
    }

    fn says_goodbye(&self) -> Verdict {
        let helper = self.launched(Mode::Serial, "number", "")?;
        let group = helper.pid();
        end(helper)?;
        gone(group)
    }
}

fn members(mode: Mode) -> usize {
    if mode == Mode::Serial { 1 } else { MEMBERS }
}

fn measured(helper: &mut Helper, active: usize, tasks: Option<u64>) -> Result<Laps, String> {
    let window_ns = if tasks.is_some() { 0 } else { WINDOW.as_nanos() as u64 };
    let trial = Trial { active, warm_ns: 10_000_000, window_ns, tasks, probe: false };
    round(helper, trial, WITHIN).map(|(laps, _)| laps).map_err(words)
}

fn end(helper: Helper) -> Verdict {
    helper.dismiss().map_err(|error| format!("it was not dismissed: {error}"))
}

/// Waits until no process is left in the helper's process group.
fn gone(group: u32) -> Verdict {
    let start = clock::now();
    loop {
        let left = members_of(group);
        if left.is_empty() {
            return Ok(());
        }
        if clock::since(start) > GONE_WITHIN {
            if let Some(group) = rustix::process::Pid::from_raw(group.cast_signed()) {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            return Err(format!(
                "{} s later there are still its processes {left:?}",
                GONE_WITHIN.as_secs()
            ));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The living processes of a group, without zombies.
fn members_of(group: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_member = |pid: &u32| {
        let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
        let rest = text.rsplit(')').next().unwrap_or_default();
        let mut fields = rest.split_ascii_whitespace();
        let living = fields.next().is_some_and(|state| state != "Z");
        living && fields.nth(1).and_then(|field| field.parse().ok()) == Some(group)
    };
    pids.filter(is_member).collect()
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
