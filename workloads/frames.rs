//! `frames`: decodes real H.264 video, every frame to pixels, every pixel checked.

mod clip;
mod heap;
mod picture;
mod stream;

use std::path::Path;
use std::sync::Arc;

use crate::{
    Context, Equivalent, Error, Form, Kind, Meta, Note, Param, Params, Result, Task, Unit, Work,
    Workload, mix,
};
use clip::Clip;

/// Decodes the first `frames` pictures of one group of pictures after another, each group with a
/// decoder of its own.
///
/// The clip that comes with knee has one group of 75 pictures of 1920x1080 in High profile; `file=`
/// takes another H.264 stream in Annex B format (`ffmpeg -i IN -c:v copy -bsf:v h264_mp4toannexb
/// OUT.h264`). By default a task decodes one picture, in the order in which they are stored, which
/// take about a tenth of a second; `frames=0` decodes the group to its end.
///
/// Every plane of every picture is hashed within the timed region, at about 1 % of the time of
/// decoding it. Freed memory is kept for the next picture, as players keep their buffers. The
/// hashes of the clip that comes with knee must be those of the frames whose MD5 ffmpeg published
/// beside it; those of another file must be the same whenever the same pictures are decoded, in
/// whatever mode.
///
/// The decoder is written in Rust alone, uses fewer vector instructions than ffmpeg, and is about
/// half as fast. So the figure ranks machines, worker counts and modes, not decoders. Only figures
/// of the same decoder version and the same clip can be compared.
#[derive(Debug)]
pub struct Frames;

const META: Meta = Meta {
    name: "frames",
    summary: "decodes 1080p H.264 video, every frame to pixels and checked",
    kind: Kind::Cpu,
    unit: Unit { one: "frame", many: "frames" },
    params: &[
        Param {
            name: "frames",
            help: "pictures of its group that each task decodes; 0 for all of them",
            form: Form::Count { min: 0, max: 1_000_000 },
            default: "1",
            small: "1",
        },
        Param {
            name: "file",
            help: "your own H.264 stream (Annex B) instead of the clip that comes with knee",
            form: Form::Text,
            default: "",
            small: "",
        },
    ],
    equivalent: Some(Equivalent { name: "streams at 25 fps", units_per_second: 25.0 }),
};

/// The version that Cargo.toml pins, because a figure belongs to it.
const DECODER: &str = "rusty_h264-decoder 0.17.0";

impl Workload for Frames {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        heap::keep_freed();
        Ok(Box::new(Viewer { clip: open(context.params)?, seed: context.seed }))
    }

    /// Reads the user's file and decodes its first picture and its end, so that a file that cannot
    /// be decoded is refused before anything starts.
    fn supported(&self, params: &Params) -> Result<()> {
        let clip = open(params)?;
        if params.text("file").is_empty() {
            return Ok(());
        }
        clip.first_picture()?;
        clip.check_end()
    }

    fn notes(&self, context: &Context<'_>) -> Vec<Note> {
        let Ok(clip) = open(context.params) else { return Vec::new() };
        let Ok((width, height)) = clip.first_picture() else { return Vec::new() };
        let groups = match clip.groups() {
            1 => "one group".to_owned(),
            several => format!("{several} groups"),
        };
        let text = format!(
            "{}: {width}x{height}, {} pictures in {}; {DECODER}",
            clip.name(),
            clip.pictures(),
            groups
        );
        vec![Note { warning: false, text, remedy: String::new() }]
    }
}

fn open(params: &Params) -> Result<Arc<Clip>> {
    refuse_switches()?;
    let limit = match params.count("frames") {
        0 => usize::MAX,
        frames => frames as usize,
    };
    match params.text("file") {
        "" => Clip::built_in(limit),
        path => Clip::of_file(Path::new(path), limit),
    }
}

/// Refuses environment variables that the decoder reads: some of them give it threads of its own or
/// change what it does.
fn refuse_switches() -> Result<()> {
    let is_switch = |name: &str| ["RS_H264_", "RFF_", "RH264_"].iter().any(|p| name.starts_with(p));
    let set =
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).find(|n| is_switch(n));
    match set {
        Some(name) => Err(Error::usage(format!(
            "frames: unset {name}: it changes how the decoder works, and the figure with it"
        ))),
        None => Ok(()),
    }
}

struct Viewer {
    clip: Arc<Clip>,
    seed: u64,
}

impl Task for Viewer {
    fn run(&mut self, number: u64) -> Result<Work> {
        let (pictures, hash) = self.clip.decode((number % self.clip.groups() as u64) as usize)?;
        Ok(Work { units: pictures as u64, checksum: mix(self.seed ^ hash, number) })
    }
}
