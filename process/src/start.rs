//! What a parent tells a child that it starts, and what the child says first.

use std::any::Any;
use std::process::exit;
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::codec::Bytes;
use crate::registry::Id;
use crate::sys::control::{Control, Kind};

/// The first argument of a child, by which `init` knows that it is one.
pub(crate) const MARKER: &str = "__knee-process";

/// Both sides must speak the same frames.
pub(crate) const PROTOCOL: u32 = 1;

/// What a parent tells its child first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) protocol: u32,
    pub(crate) parent: u32,
    /// Whether the thread that started the child lives as long as the parent needs the child.
    pub(crate) die_with_thread: bool,
    pub(crate) name: String,
    pub(crate) work: Work,
    pub(crate) args: Bytes,
    /// How many descriptors, after the lifeline, are not part of the arguments.
    pub(crate) own_fds: u32,
}

/// What the child is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Work {
    /// Run a registered function or type once.
    Call { id: Id, target: String },
    /// Serve the tasks of a pool, as these words of the pool say.
    Worker(Bytes),
    /// Fork children on request.
    ForkServer,
    /// Outlive the parent, and end whom it has left.
    Warden,
}

impl Start {
    pub(crate) fn new(
        name: &str,
        work: Work,
        args: Vec<u8>,
        own_fds: usize,
        die_with_thread: bool,
    ) -> Self {
        let (parent, own_fds) = (std::process::id(), own_fds as u32);
        Self {
            protocol: PROTOCOL,
            parent,
            die_with_thread,
            name: name.into(),
            work,
            args: Bytes(args),
            own_fds,
        }
    }
}

static NAME: RwLock<Option<String>> = RwLock::new(None);

/// The name that this process was started with, when it is a child of this crate.
pub fn process_name() -> Option<String> {
    NAME.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Whether this process was started by this crate.
pub fn is_child() -> bool {
    std::env::args_os().nth(1).is_some_and(|argument| argument == MARKER)
}

/// Takes the name that the parent gave.
pub(crate) fn name_this_process(name: &str) {
    #[cfg(target_os = "linux")]
    {
        let shown = name.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(15);
        if let Ok(text) = std::ffi::CString::new(shown.collect::<String>()) {
            // Only what `ps` shows; the work does not depend on it.
            let _ = rustix::thread::set_name(&text);
        }
    }
    *NAME.write().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
}

/// Says that this process is up.
pub(crate) fn hello(control: &Control) {
    if control.send(Kind::Hello, &[], &[], None).is_err() {
        exit(1);
    }
}

/// Tells the parent why this process cannot do its work, and ends.
pub(crate) fn fail(control: &Control, reason: &str) -> ! {
    let _ = control.send(Kind::Failed, reason.as_bytes(), &[], None);
    exit(1)
}

/// What a panic said, when it said it in text.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".into())
}
