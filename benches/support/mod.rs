//! Code that the benches share: a site at which crews are launched, and jobs for it.

mod measuring;

use knee::mode::{Job, Site};
use knee::plan::Registry;
use knee::workloads::Params;

pub(crate) use measuring::measuring;

/// Where crews are launched; the directory must outlive them.
pub(crate) fn site(scratch: &tempfile::TempDir) -> Site {
    // A bench cannot be a worker process, so its processes run the binary that can.
    knee::process::set_program(env!("CARGO_BIN_EXE_knee"));
    Site::new(Registry::new(&[]), scratch.path())
}

/// A job with the default parameters, or with the small ones where nothing is measured.
pub(crate) fn job(name: &str) -> Job {
    let meta = Registry::new(&[]).find(name).expect("it is built in").meta();
    let params = if measuring() {
        Params::resolve(name, meta.params, []).expect("defaults are valid")
    } else {
        Params::small(meta.params)
    };
    Job { workload: name.to_owned(), params, seed: 1, checked: 0, nodes: None }
}
