//! What other processes may be asked to run: functions and types, registered by name.
//!
//! Code addresses mean nothing in another process, so a call crosses as the name of its function. A
//! name is the path of the function or type, as the compiler prints it; inside one build it is the
//! same in every process.

use std::any::{TypeId, type_name};
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;
use crate::error::{Error, Result};
use crate::work::{Worker, WorkerBody};

/// A function that another process can run: `fn` items and closures that capture nothing, of up to
/// six arguments.
///
/// `Args` is the tuple of its arguments. All of them and the output must be serde types.
pub trait Function<Args>: Copy + Send + Sync + 'static {
    /// What the function returns.
    type Output;

    /// Calls the function.
    fn call(&self, args: Args) -> Self::Output;
}

macro_rules! functions_of {
    ($($type:ident $value:ident),*) => {
        impl<F, R, $($type),*> Function<($($type,)*)> for F
        where
            F: Fn($($type),*) -> R + Copy + Send + Sync + 'static,
        {
            type Output = R;

            fn call(&self, ($($value,)*): ($($type,)*)) -> R {
                self($($value),*)
            }
        }
    };
}
functions_of!();
functions_of!(A a);
functions_of!(A a, B b);
functions_of!(A a, B b, C c);
functions_of!(A a, B b, C c, D d);
functions_of!(A a, B b, C c, D d, E e);
functions_of!(A a, B b, C c, D d, E e, G g);

/// A type of your own as a process: its fields are the arguments, and [`run`](Run::run) is the
/// work.
pub trait Run: Serialize + DeserializeOwned + 'static {
    /// What the process returns.
    type Output: Serialize + DeserializeOwned + 'static;

    /// The work of the process.
    fn run(self) -> Self::Output;
}

/// Decodes the arguments of a call, calls the function, and encodes its result.
pub(crate) type Call =
    Box<dyn Fn(&[u8], &mut Vec<std::os::fd::OwnedFd>, &mut Vec<u8>) -> Result<()> + Send + Sync>;

/// Builds the state of a pool worker from its encoded initial value.
pub(crate) type StartWorker = Box<
    dyn Fn(&[u8], Vec<std::os::fd::OwnedFd>) -> std::result::Result<Box<dyn WorkerBody>, String>
        + Send
        + Sync,
>;

/// What an entry can do.
pub(crate) enum Action {
    Call(Call),
    Worker(StartWorker),
}

/// One function or type that [`init`](crate::init) makes known; see [`function`], [`runnable`] and
/// [`worker`].
pub struct Entry {
    pub(crate) name: &'static str,
    pub(crate) key: TypeId,
    pub(crate) action: Action,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Registers a function, to be the target of a [`Process`](crate::Process) or a task of a
/// [`Pool`](crate::Pool).
pub fn function<F, Args>(function: F) -> Entry
where
    F: Function<Args>,
    Args: DeserializeOwned + 'static,
    F::Output: Serialize,
{
    const { assert!(size_of::<F>() == 0, "name the function itself, not a pointer to it") };
    let call: Call = Box::new(move |bytes, fds, reply| {
        let args = codec::decode_with_fds(bytes, fds)?;
        codec::encode(&function.call(args), reply)
    });
    Entry { name: type_name::<F>(), key: TypeId::of::<F>(), action: Action::Call(call) }
}

/// Registers a type that is a process of its own.
pub fn runnable<T: Run>() -> Entry {
    let call: Call = Box::new(|bytes, fds, reply| {
        let target: T = codec::decode_with_fds(bytes, fds)?;
        codec::encode(&target.run(), reply)
    });
    Entry { name: type_name::<T>(), key: TypeId::of::<T>(), action: Action::Call(call) }
}

/// Registers a type that keeps state in the workers of a [`Pool`](crate::Pool).
pub fn worker<W: Worker>() -> Entry {
    let start: StartWorker = Box::new(|bytes, mut fds| {
        let init = codec::decode_with_fds(bytes, &mut fds).map_err(|error| error.to_string())?;
        let worker = W::start(init)?;
        Ok(Box::new(crate::work::Typed(worker)) as Box<dyn WorkerBody>)
    });
    Entry { name: type_name::<W>(), key: TypeId::of::<W>(), action: Action::Worker(start) }
}

/// The number that stands for a name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
pub(crate) struct Id(pub(crate) u64);

impl Id {
    /// FNV-1a, which is good enough for short names.
    fn of_name(name: &str) -> Self {
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }
}

/// All that was registered.
pub(crate) struct Registry {
    by_id: HashMap<Id, Entry>,
    keys: HashMap<TypeId, Id>,
}

static REGISTRY: OnceLock<Registry> = OnceLock::new();

impl Registry {
    fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut registry = Self { by_id: HashMap::new(), keys: HashMap::new() };
        for entry in entries {
            let id = Id::of_name(entry.name);
            registry.keys.insert(entry.key, id);
            if let Some(other) = registry.by_id.insert(id, entry) {
                let name = other.name;
                let known = registry.by_id[&id].key == other.key;
                assert!(
                    known,
                    "knee_process::init: two entries are called `{name}`; give one a function name \
                     of its own"
                );
            }
        }
        registry
    }

    /// Keeps `entries` for the life of the process; a second call changes nothing.
    pub(crate) fn install(entries: impl IntoIterator<Item = Entry>) -> &'static Self {
        REGISTRY.get_or_init(|| Self::new(entries))
    }

    /// The registry, once `init` has run.
    pub(crate) fn get() -> Option<&'static Self> {
        REGISTRY.get()
    }

    pub(crate) fn action(&self, id: Id) -> Option<&Action> {
        self.by_id.get(&id).map(|entry| &entry.action)
    }
}

/// The id of a registered type or function, as the sender of a call sees it.
///
/// Where `init` did not run, [`set_program`](crate::set_program) has named another program, which
/// has a registry of its own. Then the name is sent unchecked, and the other program refuses a
/// wrong one.
#[inline]
pub(crate) fn id_of<T: 'static>() -> Result<Id> {
    thread_local! {
        /// The last answer, because a loop asks for the same function again and again.
        static LAST: Cell<Option<(TypeId, Id)>> = const { Cell::new(None) };
    }
    if let Some((key, id)) = LAST.get()
        && key == TypeId::of::<T>()
    {
        return Ok(id);
    }
    let id = look_up::<T>()?;
    LAST.set(Some((TypeId::of::<T>(), id)));
    Ok(id)
}

fn look_up<T: 'static>() -> Result<Id> {
    let name = type_name::<T>();
    match Registry::get() {
        Some(registry) => registry
            .keys
            .get(&TypeId::of::<T>())
            .copied()
            .ok_or_else(|| Error::NotRegistered { name: name.to_owned() }),
        None => Ok(Id::of_name(name)),
    }
}
