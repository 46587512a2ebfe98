//! Tests of the clip against its published MD5 sums, and of files that are damaged in many ways.

use md5::{Digest as _, Md5};

use super::*;
use crate::frames::Frames;
use crate::{Params, Workload as _};

/// The published MD5 of each frame in the order of display.
fn published() -> Vec<String> {
    let lines = include_str!("../data/clip.framemd5").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect()
}

#[test]
fn every_frame_has_its_published_md5_and_our_hash() {
    let clip = Clip::built_in(usize::MAX).unwrap();
    let mut frames = Vec::new();
    let count = clip.each_picture(0, usize::MAX, &[], |order, picture| {
        let md5 =
            Md5::new().chain_update(&picture.y).chain_update(&picture.u).chain_update(&picture.v);
        frames.push((order, hex(&md5.finalize()), picture::hash(picture)));
        Ok(())
    });
    assert_eq!(count.unwrap(), 75);
    frames.sort_unstable();
    let orders: Vec<i32> = frames.iter().map(|frame| frame.0).collect();
    assert_eq!(orders, (0..75).map(|frame| 2 * frame).collect::<Vec<_>>());
    let sums: Vec<String> = frames.iter().map(|frame| frame.1.clone()).collect();
    assert_eq!(sums, published());
    let hashes: Vec<String> = frames.iter().map(|frame| format!("{:016x}", frame.2)).collect();
    assert_eq!(hashes.join("\n"), HASHES.trim_end(), "data/clip.hashes must hold this");
}

#[test]
fn a_wrong_frame_is_told() {
    let mut clip = Clip::new("test".to_owned(), BUILT_IN.into(), 1).unwrap();
    clip.frames = Some(vec![1; 75]);
    assert!(clip.decode(0).unwrap_err().to_string().starts_with("wrong result"));
    clip.frames = None;
    clip.decode(0).unwrap();
    clip.decode(0).unwrap();
    clip.seen[0] = OnceLock::from(1);
    assert!(clip.decode(0).unwrap_err().to_string().contains("before"));
}

fn error_of(file: &Path) -> Error {
    let given = [("file", file.to_str().unwrap()), ("frames", "3")];
    let params = Params::resolve("frames", Frames.meta().params, given).unwrap();
    Frames.supported(&params).err().unwrap_or_else(|| panic!("{} was taken", file.display()))
}

#[test]
fn unusable_files_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let made = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    for (path, why) in [
        (directory.path().join("missing"), "No such file"),
        (directory.path().to_owned(), "not a regular file"),
        (made("empty", b""), "it is empty"),
        (made("text", b"this is no video at all"), "no H.264 stream"),
        (made("mp4", b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41"), "ffmpeg -i"),
    ] {
        let error = error_of(&path);
        assert!(error.is_usage() && error.to_string().contains(why), "{error}");
    }
}

#[test]
fn a_cut_file_is_told_where_a_task_would_meet_the_cut() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.h264");
    let slices = &Clip::built_in(3).unwrap().groups[0].slices;
    let third = &slices[2];
    for (end, is_whole) in
        [(third.end, true), (third.start + third.len() / 2, false), (third.end - 9, false)]
    {
        std::fs::write(&path, &BUILT_IN[..end]).unwrap();
        let end = Clip::new("cut".to_owned(), BUILT_IN[..end].into(), 3).unwrap().check_end();
        assert_eq!(end.is_ok(), is_whole, "{end:?}");
    }
    assert!(error_of(&path).to_string().contains("cut short"));
    let cut = std::fs::read(&path).unwrap();
    // Two pictures are whole.
    Clip::new("cut".to_owned(), cut.into(), 2).unwrap().check_end().unwrap();
}

#[test]
fn a_file_of_several_groups_is_decoded_group_by_group() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("twice.h264");
    let clip = Clip::built_in(1).unwrap();
    let end = clip.groups[0].slices[1].end;
    // The second group comes without parameter sets of its own.
    let idr = BUILT_IN.windows(4).position(|four| four == [0, 0, 1, 0x65]).unwrap();
    std::fs::write(&path, [&BUILT_IN[..end], &BUILT_IN[idr..end]].concat()).unwrap();
    let twice = Clip::of_file(&path, 1).unwrap();
    assert_eq!((twice.groups(), twice.pictures()), (2, 4));
    assert_eq!(twice.decode(0).unwrap(), twice.decode(1).unwrap());
    assert_eq!(twice.decode(1).unwrap(), clip.decode(0).unwrap());
}

#[test]
fn damaged_streams_end_in_an_error_or_in_pictures_but_not_in_a_panic() {
    let clip = Clip::built_in(2).unwrap();
    let end = clip.groups[0].slices[1].end;
    for damage in 0..12_u64 {
        let mut stream = BUILT_IN[..end].to_vec();
        for hit in 0..20 {
            let at = mix(damage, hit) as usize % stream.len();
            stream[at] = mix(damage, !hit) as u8;
        }
        if let Ok(clip) = Clip::new("damaged".to_owned(), stream.into(), 2) {
            let _ = clip.decode(0);
        }
    }
}
