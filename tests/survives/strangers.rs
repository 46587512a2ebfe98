//! Tests against another user of the machine, who changes the directory for temporary files during
//! a run.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::calls::{KNEE, Place, can, files};

const NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/// The attacks during the run. The stranger replaces knee's directory by a link to the user's
/// files, by a link to the directory around them, or for a moment by another directory of the user;
/// makes files with names like knee's; and renames knee's files.
const RACE: &str = r#"
n=0
while [ ! -e ../over ]; do
    for ours in knee-*; do
        n=$((n + 1))
        mv "$ours" "stolen-$n" 2>/dev/null && case $((n % 3)) in
            0) ln -s ../dear "$ours" ;;
            1) ln -s . "$ours" ;;
            2) mv beside "$ours" 2>/dev/null; mv "$ours" beside 2>/dev/null ;;
        esac
        ln -sfn ../../dear "$ours-over"
    done
    mkdir knee-0123456789abcdef0123456789abcdef 2>/dev/null
    ln -sfn ../dear knee-fedcba9876543210fedcba9876543210
    ln -sfn ../dear knee-fedcba9876543210fedcba9876543210-over
    touch raced
done
"#;

/// The stranger's process, which ends with its test. It is asked to end and not killed, because a
/// `mv` that it has started would go on.
struct Stranger {
    process: Child,
    over: PathBuf,
}

impl Drop for Stranger {
    fn drop(&mut self) {
        if fs::write(&self.over, "").is_err() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// The files of this user in the directory for temporary files.
fn ours(place: &Place) -> Vec<String> {
    let own = fs::metadata(place.home.path()).expect("it is there").uid();
    let entries = fs::read_dir(place.tmp()).expect("it is there").flatten();
    let is_own = |path| fs::symlink_metadata(path).is_ok_and(|meta| meta.uid() == own);
    let names = entries.filter(|entry| is_own(entry.path()));
    names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Once in a directory where everybody may write and rename, and once in one like /tmp.
#[test]
fn a_stranger_in_the_scratch_directory_gets_nothing_deleted_and_nothing_hung() {
    if !can(&[&NOBODY[..], &["true"]].concat()) {
        return;
    }
    for mode in [0o777, 0o1777] {
        let place = Place::new();
        let allow = |path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
        };
        allow(place.home.path().to_owned(), 0o755);
        allow(place.tmp(), mode);
        let dear = place.home.path().join("dear");
        fs::create_dir(&dear).expect("it is ours");
        fs::write(dear.join("knee-lock"), "letters").expect("it is ours");
        // A directory beside knee's, which the stranger can rename. It is recognised by the folder
        // inside.
        let near = place.tmp().join("beside/near");
        fs::create_dir_all(&near).expect("it is ours");
        fs::write(near.join("letters"), "letters").expect("it is ours");
        let stranger = Command::new(NOBODY[0])
            .args(&NOBODY[1..])
            .args(["sh", "-c", RACE])
            .current_dir(place.tmp())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let over = place.home.path().join("over");
        let stranger = Stranger { process: stranger.expect("it starts"), over };
        let raced = || place.tmp().join("raced").exists();
        crate::calls::wait_until("the stranger is at work", raced);
        for modes in ["serial", "threads,process-pool", "process-per-task"] {
            let args = [
                "run",
                "lock",
                "--modes",
                modes,
                "--workers",
                "1,2",
                "--batch",
                "2",
                "--budget",
                "50s",
            ];
            let out = format!("out-{modes}");
            let called = place.call(&[&args[..], &["--out", &out]].concat());
            assert!(!called.stderr.contains("panicked"), "{mode:o} {called:?}");
            let code = called.code.unwrap_or_else(|| panic!("{KNEE} was killed: {called:?}"));
            // Where others may rename knee's files, cells may fail, and knee warns of it at the
            // start.
            let warned = called.stderr.contains("everybody may rename");
            assert_eq!(warned, mode == 0o777, "{mode:o} {called:?}");
            assert!([0, 5].contains(&code) || !called.stderr.is_empty(), "{mode:o} {called:?}");
            // On a busy machine the time may not be enough for all cells.
            assert!(mode == 0o777 || matches!(code, 0 | 4 | 5), "{mode:o} {called:?}");
            assert!(mode == 0o777 || !called.stderr.contains("tmp/knee-"), "{called:?}");
        }
        let robbed = ours(&place).iter().any(|name| name.starts_with("stolen-"));
        assert_eq!(robbed, mode == 0o777, "{mode:o}");
        drop(stranger);
        let left = ours(&place).into_iter().filter(|name| name != "beside").collect::<Vec<_>>();
        assert!(mode == 0o777 || left.is_empty(), "left: {left:?}");
        // The user's files are unchanged, whatever the stranger did.
        assert_eq!(fs::read_to_string(dear.join("knee-lock")).expect("it is there"), "letters");
        let own = fs::metadata(place.home.path()).expect("it is there").uid();
        let is_near = |path: &PathBuf| {
            path.ends_with("near/letters") && fs::metadata(path).is_ok_and(|meta| meta.uid() == own)
        };
        let all = files(&place.tmp());
        assert!(all.iter().any(is_near), "{mode:o}: {all:?}");
        // Where others may rename, new files may end up there, as the warning says.
        let new = fs::read_dir(&dear).expect("it is there").count() - 1;
        assert!(mode == 0o777 || new == 0, "{new} new");
    }
}
