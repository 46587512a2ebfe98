//! GPUs of a captured tree, and a C library in place of NVIDIA's.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::machine::tests::{add, unpack};

const GIB: u64 = 1 << 30;

/// The substitute library, compiled with this flag, and the file in which it notes that it was
/// called. `None` if there is no C compiler.
fn stand_in(directory: &Path, flag: &str) -> Option<(PathBuf, PathBuf)> {
    let source = directory.join("standin.c");
    let (library, sign) = (directory.join(format!("lib{flag}.so")), directory.join("sign"));
    fs::write(&source, include_str!("standin.c")).unwrap();
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", &format!("-D{flag}"), "-o"])
        .arg(&library)
        .arg(format!("-DSIGN=\"{}\"", sign.display()))
        .arg(&source)
        .status();
    let Ok(status) = compiled else {
        println!("skipped: cc is not here");
        return None;
    };
    assert!(status.success(), "the stand-in is compiled");
    Some((library, sign))
}

/// A tree in which NVIDIA's driver shows a device.
fn tree() -> TempDir {
    let tree = unpack(include_str!("../fixtures/smt-server.capture"));
    add(tree.path(), "/proc/driver/nvidia/gpus/0/information", "Model: NVIDIA H200");
    tree
}

/// Waits until a condition holds, without a time limit that a slow machine might miss.
fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(found) = found() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The figures of the next reading.
fn uses(gpus: &Gpus) -> Vec<GpuUse> {
    let begin = Instant::now();
    until(|| Some(gpus.take().since(begin)).filter(|uses| !uses.is_empty()))
}

fn is_near(share: Option<f64>, expected: f64) -> bool {
    share.is_some_and(|share| (share - expected).abs() < 1e-9)
}

#[test]
fn the_library_of_a_driver_tells_what_its_devices_do() {
    let directory = TempDir::new().unwrap();
    let Some((library, _)) = stand_in(directory.path(), "SOUND") else { return };
    let tree = tree();
    let gpus = Gpus::watch(&Root::captured(tree.path()), Some(library)).expect("it is watched");
    let seen = uses(&gpus);
    assert!(is_near(seen[0].busy, 0.97) && is_near(seen[0].at_rest, 0.97), "{seen:?}");
    assert_eq!((seen[0].name.as_str(), seen[0].memory), ("NVIDIA H200", Some(12 * GIB)));
    let name = "NVIDIA H200 MIG".to_owned();
    let divided = GpuUse { name, busy: None, memory: Some(GIB), at_rest: None };
    assert_eq!(seen[1..], [divided]);
}

#[test]
fn a_driver_that_hangs_or_is_broken_gives_no_figures_and_holds_nobody_up() {
    let directory = TempDir::new().unwrap();
    let tree = tree();
    let root = Root::captured(tree.path());
    for flag in ["HANGS", "BROKEN"] {
        let Some((library, sign)) = stand_in(directory.path(), flag) else { return };
        let gpus = Gpus::watch(&root, Some(library)).expect("it is watched");
        until(|| sign.exists().then_some(()));
        // The test is that this returns.
        assert!(gpus.take().since(Instant::now()).is_empty(), "{flag}");
        fs::remove_file(sign).unwrap();
    }
    let gpus = Gpus::watch(&root, Some("no-such-library.so".into())).expect("it is watched");
    until(|| (Arc::strong_count(&gpus.seen) == 1).then_some(()));
    assert!(gpus.take().looks.is_empty());
}

#[test]
fn nothing_is_loaded_where_no_driver_shows_a_device() {
    let tree = unpack(include_str!("../fixtures/smt-server.capture"));
    let root = Root::captured(tree.path());
    assert!(Gpus::watch(&root, Some("no-such-library.so".into())).is_none());
    assert!(Gpus::watch(&root, None).is_none());
}

#[test]
fn files_of_amd_cards_are_read_as_they_are_now() {
    let tree = TempDir::new().unwrap();
    let device = "/sys/class/drm/card1/device";
    let set = |file: &str, text: &str| {
        let path = tree.path().join(&device[1..]).join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    set("product_name", "AMD Instinct MI210\n");
    set("gpu_busy_percent", "3\n");
    set("mem_info_vram_used", "1073741824\n");
    let gpus = Gpus::watch(&Root::captured(tree.path()), None).expect("it is watched");
    let seen = uses(&gpus);
    assert!(is_near(seen[0].busy, 0.03), "{seen:?}");
    assert_eq!((seen[0].name.as_str(), seen[0].memory), ("AMD Instinct MI210", Some(GIB)));
    set("gpu_busy_percent", "88\n");
    let seen = until(|| Some(uses(&gpus)).filter(|seen| is_near(seen[0].busy, 0.88)));
    assert!(is_near(seen[0].at_rest, 0.03), "{seen:?}");
}

#[test]
fn what_a_driver_says_at_the_beginning_of_a_round_is_of_what_was_before() {
    let begin = Instant::now();
    let mut seen = Seen { names: vec!["one".to_owned()], ..Seen::default() };
    let at = |millis: u64| begin + Duration::from_millis(millis);
    for (millis, busy, memory) in [(100, 0.0, 7), (300, 0.9, 5), (400, 1.0, 5)] {
        seen.add(at(millis), vec![Look { busy: Some(busy), memory: Some(memory) }]);
    }
    let used = &seen.since(begin)[0];
    assert!(is_near(used.busy, 0.95) && is_near(used.at_rest, 0.0), "{used:?}");
    assert_eq!(used.memory, Some(7));
    // A round that has already ended gets only its last reading.
    assert!(is_near(seen.since(at(350))[0].busy, 1.0));
    assert!(seen.since(at(500)).is_empty());
    let whole = used.clone().and(&seen.since(at(350))[0], 0.5);
    assert!(is_near(whole.busy, 0.975) && whole.memory == Some(7), "{whole:?}");
}
