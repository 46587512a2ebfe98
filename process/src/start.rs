//! The first messages between a parent and a child that it starts.

use std::any::Any;
use std::process::exit;
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::codec::Bytes;
use crate::registry::Id;
use crate::sys::control::{Control, Kind};

/// The first argument of every child. `init` recognises a child by it.
pub(crate) const MARKER: &str = "__knee-process";

/// The version of the frames. Both sides must have the same one.
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
    /// Serve the tasks of a pool. The bytes are an encoded `WorkerStart`.
    Worker(Bytes),
    /// Fork children on request.
    ForkServer,
    /// Outlive the parent, and end the children that it has left behind.
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
            // This changes only what `ps` shows, so a failure does not matter.
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

/// The text of a panic, or a fixed text for a panic whose payload is no text.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".into())
}
