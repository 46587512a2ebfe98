//! Tests of files in the forms in which people publish measurements: knee gives the wanted answer,
//! or asks, or says what it needs.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::{file, fit, json};

fn object(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// All differences between an answer and the wanted one.
fn problems(wanted: &Value, answer: &Output) -> Vec<String> {
    let errors = String::from_utf8_lossy(&answer.stderr).into_owned();
    if let Some(words) = wanted.get("refuse") {
        let words: Vec<&str> = match words {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let fits =
            answer.status.code() == Some(2) && words.iter().all(|word| errors.contains(word));
        return if fits {
            Vec::new()
        } else {
            vec![format!("not refused with {words:?}: {errors}")]
        };
    }
    if answer.status.code() != Some(0) {
        return vec![format!("refused: {errors}")];
    }
    let answer = object(&String::from_utf8_lossy(&answer.stdout));
    let curves = list(&answer, "curves");
    let mut wrong = Vec::new();
    let many = wanted["ncurves"]
        .as_u64()
        .or_else(|| wanted.get("curves").map(|_| list(wanted, "curves").len() as u64));
    if many.is_some_and(|many| many != curves.len() as u64) {
        wrong.push(format!("{} curves", curves.len()));
    }
    for (at, curve) in curves.iter().enumerate() {
        let own = list(wanted, "curves");
        let named = |one: &&Value| {
            one["name"]
                .as_str()
                .is_some_and(|name| curve["name"].as_str().is_some_and(|full| full.contains(name)))
        };
        let wanted = own.iter().find(named).or_else(|| own.get(at)).unwrap_or(wanted);
        wrong.extend(curve_problems(wanted, curve));
    }
    if let Some(word) = wanted["verdict"].as_str() {
        let sentence = answer["verdict"]["sentence"].as_str().unwrap_or_default();
        if !sentence.split(';').next().is_some_and(|first| first.contains(word)) {
            wrong.push(format!("the verdict is {sentence:?}"));
        }
    }
    wrong
}

fn curve_problems(wanted: &Value, curve: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let best = &curve["optimum"]["workers"];
    let points = list(curve, "points");
    if wanted["best"].as_array().is_some_and(|all| !all.contains(best)) {
        wrong.push(format!("{}: {best} workers are the best", curve["name"]));
    }
    let samples =
        |point: &Value| wanted.get("samples").is_some_and(|samples| point["samples"] != *samples);
    if points.iter().any(samples) {
        wrong.push("other numbers of samples".to_owned());
    }
    let counts: Vec<Value> = points.iter().map(|point| point["workers"].clone()).collect();
    if wanted["workers"].as_array().is_some_and(|all| *all != counts) {
        wrong.push(format!("the counts are {counts:?}"));
    }
    let level = wanted["thr"].as_f64().or_else(|| wanted["throughput_at_best"].as_f64());
    let at_best = points.iter().find(|point| point["workers"] == *best);
    let found = at_best.and_then(|point| point["throughput"]["median"].as_f64()).unwrap_or(0.0);
    if level.is_some_and(|level| (found / level - 1.0).abs() > 2e-3) {
        wrong.push(format!("the throughput is {found}"));
    }
    let guessed = list(curve, "guessed");
    let open = |guess: &Value| ["direction", "work"].iter().any(|about| guess["about"] == *about);
    if guessed.iter().any(open) && curve["optimum"]["conclusive"] == true {
        wrong.push("conclusive, although guessed".to_owned());
    }
    if wanted["guess"] == true && guessed.is_empty() {
        wrong.push("guessed in silence".to_owned());
    }
    let said = |words: &str| {
        list(curve, "warnings")
            .iter()
            .filter_map(Value::as_str)
            .any(|warning| warning.contains(words))
    };
    if wanted["warn"].as_str().is_some_and(|words| !said(words)) {
        wrong.push(format!("no warning: {}", curve["warnings"]));
    }
    wrong
}

#[test]
fn files_of_people_are_read_as_they_meant_them() {
    let wanted = std::fs::read_to_string(file("people/expect.json")).expect("it is there");
    let wanted = object(&wanted);
    let mut wrong = Vec::new();
    for (name, wanted) in wanted.as_object().expect("an object") {
        let path = file(&format!("people/{name}"));
        let answer = fit(&["--json", path.to_str().expect("text")], None);
        let found = problems(wanted, &answer);
        if !found.is_empty() {
            wrong.push(format!("{name}: {}", found.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each line of `variations.jsonl` is one form of a heading, unit, layout or tool.
#[test]
fn every_variation_is_read_or_asked_about() {
    let lines = std::fs::read_to_string(file("variations.jsonl")).expect("it is there");
    let lines: Vec<&str> = lines.lines().collect();
    // Each line starts the program once or more, so the lines are shared out.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let parts = lines.chunks(lines.len().div_ceil(threads).max(1));
        let checks: Vec<_> = parts.map(|part| scope.spawn(|| misread(part))).collect();
        checks.into_iter().flat_map(|check| check.join().expect("no check panics")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with the answers to these lines.
fn misread(lines: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a directory");
    let mut wrong = Vec::new();
    for line in lines {
        let wanted = object(line);
        let text = |text: &Value| text.as_str().expect("a text").to_owned();
        let files = match wanted["files"].as_object() {
            Some(files) => files.iter().map(|(name, file)| (name.clone(), text(file))).collect(),
            None => vec![("file.txt".to_owned(), text(&wanted["text"]))],
        };
        let paths: Vec<String> =
            files.iter().map(|(name, text)| written(folder.path(), name, text)).collect();
        let arguments = std::iter::once("--json").chain(paths.iter().map(String::as_str));
        let answer = fit(&arguments.collect::<Vec<_>>(), None);
        let found = problems(&wanted, &answer);
        if !found.is_empty() {
            wrong.push(format!("{}: {}", wanted["what"], found.join("; ")));
        }
    }
    wrong
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("text").to_owned()
}

#[test]
fn what_is_asked_is_settled_by_the_option_that_is_named() {
    let folder = tempfile::tempdir().expect("a directory");
    let folder = folder.path();
    let pairs = written(
        folder,
        "pairs.csv",
        "ranks,threads,time_s\n1,8,10.2\n2,4,8.1\n4,2,7.4\n8,1,7.9\n1,1,60\n2,2,15.9\n4,4,7.7\n",
    );
    let by = json(&["--param", "ranks", "--by", "threads", &pairs]);
    assert_eq!(list(&by, "curves").len(), 4);
    assert!(
        by["curves"][0]["warnings"].to_string().contains("the best pair is ranks=4 with threads=2"),
        "{by}"
    );
    let flat = written(folder, "flat.csv", "threads,foo\n1,5\n2,5.1\n4,4.9\n8,5\n");
    assert_eq!(fit(&[&flat], None).status.code(), Some(2));
    let settled = json(&["--unit", "s", &flat]);
    assert_eq!(settled["curves"][0]["points"][0]["throughput"]["median"], 0.2);
    let latency = written(folder, "latency.csv", "threads,latency_ms\n1,8\n2,4.2\n4,2.2\n8,2.4\n");
    let named = json(&["--value", "latency_ms", "--lower-is-better", &latency]);
    assert_eq!(named["curves"][0]["optimum"]["workers"], 4);
    let grows = written(folder, "weak.csv", "nodes,time_s\n1,10\n2,10.1\n4,10.3\n8,10.9\n");
    let asked = json(&["--work-per-worker", &grows]);
    assert_eq!(asked["curves"][0]["optimum"]["workers"], 8);
    assert_eq!(list(&asked["curves"][0], "guessed").len(), 0);
    let latin = written(folder, "latin.csv", "");
    std::fs::write(&latin, b"Threads;Zeit f\xfcr Lauf (s)\n1;12,41\n2;6,32\n4;3,41\n8;3,5\n")
        .expect("written");
    let read = json(&["--encoding", "windows-1252", &latin]);
    assert_eq!(read["curves"][0]["optimum"]["workers"], 4);
    assert!(read["curves"][0]["warnings"].to_string().contains("windows-1252"), "{read}");
}

#[test]
fn reports_of_single_runs_make_one_sweep() {
    let folder = tempfile::tempdir().expect("a directory");
    let report = |clients: u32, tps: f64| {
        format!(
            "pgbench (16.2)\nnumber of clients: {clients}\nlatency average = 2.4 ms\ntps = {tps} \
             (without initial connection time)\n"
        )
    };
    let files: Vec<String> = [(1, 500.0), (2, 980.0), (4, 1800.0), (8, 1700.0), (8, 1720.0)]
        .iter()
        .enumerate()
        .map(|(at, (clients, tps))| {
            written(folder.path(), &format!("run-{at}.txt"), &report(*clients, *tps))
        })
        .collect();
    let answer = json(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let curve = &answer["curves"][0];
    assert_eq!(list(&answer, "curves").len(), 1);
    assert_eq!(curve["optimum"]["workers"], 4);
    assert_eq!(curve["points"][3]["samples"], 2);
    // The tool hey does not print its number of clients, but the file's name has it.
    let hey =
        |rate: f64| format!("\nSummary:\n  Requests/sec:\t{rate}\n\nResponse time histogram:\n");
    let files: Vec<String> = [(10, 500.0), (20, 900.0), (40, 850.0)]
        .iter()
        .map(|(clients, rate)| {
            written(folder.path(), &format!("hey-{clients}-clients.txt"), &hey(*rate))
        })
        .collect();
    let answer = json(&files.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(answer["curves"][0]["optimum"]["workers"], 20);
}

#[test]
fn criterions_own_directory_is_read() {
    let folder = tempfile::tempdir().expect("a directory");
    for (threads, time) in [(1, 100.0), (2, 55.0), (4, 40.0)] {
        let place = folder.path().join(format!("pool/threads/{threads}/new"));
        std::fs::create_dir_all(&place).expect("created");
        let about = format!(
            "{{\"full_id\":\"pool/threads/{threads}\",\"throughput\":{{\"Elements\":10}}}}"
        );
        std::fs::write(place.join("benchmark.json"), about).expect("written");
        let sample = format!("{{\"iters\":[1.0,2.0],\"times\":[{time},{}]}}", 2.0 * time);
        std::fs::write(place.join("sample.json"), sample).expect("written");
    }
    let answer = json(&[folder.path().to_str().expect("text")]);
    assert_eq!(answer["curves"][0]["optimum"]["workers"], 4);
    assert_eq!(answer["curves"][0]["unit"], "elements");
}

#[test]
fn everything_that_can_be_read_is_listed_with_an_example() {
    let output = fit(&["--formats"], None);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for format in knee::import::Format::ALL {
        assert!(text.contains(format.name()), "{format}");
    }
    assert!(text.contains("BenchmarkPut-8"), "{text}");
}
