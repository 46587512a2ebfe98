//! The limits of the machine: the same operations without this crate, in forked children.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;

pub(crate) fn shared<T>() -> &'static T {
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: fresh zeroed memory, valid for the atomics that T consists of, and never unmapped.
    unsafe {
        &*libc::mmap(std::ptr::null_mut(), size_of::<T>(), protection, flags, -1, 0).cast::<T>()
    }
}

pub(crate) fn bell() -> OwnedFd {
    rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap()
}

/// Forks; the child runs `body` and ends. There are no other threads when this is called.
pub(crate) fn fork(body: impl FnOnce()) -> libc::pid_t {
    // SAFETY: this process has a single thread, and the child ends inside.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            body();
            libc::_exit(0);
        }
        pid
    }
}

pub(crate) fn reap(pid: libc::pid_t) {
    // SAFETY: a null status pointer is allowed.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
}

pub(crate) fn pin(core: usize) {
    // SAFETY: the set is plain data and lives through the calls.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

pub(crate) fn unpin() {
    // SAFETY: as above; cores that do not exist are ignored.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        (0..1024).for_each(|core| libc::CPU_SET(core, &mut set));
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

/// Median seconds of one byte there and back through two pipes, between two cores.
pub(crate) fn pipe_round_trip(count: usize) -> f64 {
    let pipe = || rustix::pipe::pipe().unwrap();
    let ((task_out, task_in), (reply_out, reply_in)) = (pipe(), pipe());
    let pid = fork(|| {
        pin(1);
        let mut byte = [0; 1];
        // SAFETY: closing the copies of the parent's ends, which nothing here uses.
        unsafe { libc::close(task_in.as_raw_fd()) };
        while rustix::io::read(&task_out, &mut byte[..]).unwrap() == 1 {
            rustix::io::write(&reply_in, &byte).unwrap();
        }
    });
    pin(0);
    let median = crate::median_of(count, || {
        rustix::io::write(&task_in, &[1]).unwrap();
        rustix::io::read(&reply_out, &mut [0_u8; 1][..]).unwrap();
    });
    unpin();
    drop(task_in);
    reap(pid);
    median
}

/// Messages a second one way through a kernel pipe, each written and read by one call of its own.
pub(crate) fn kernel_pipe(count: u64, size: usize) -> f64 {
    let (output, input) = rustix::pipe::pipe().unwrap();
    let pid = fork(|| {
        let message = vec![1_u8; size];
        for _ in 0..count {
            let mut rest = &message[..];
            while !rest.is_empty() {
                rest = &rest[rustix::io::write(&input, rest).unwrap()..];
            }
        }
    });
    drop(input);
    let mut message = vec![0_u8; size];
    let begin = Instant::now();
    for _ in 0..count {
        let mut filled = 0;
        while filled < size {
            filled += rustix::io::read(&output, &mut message[filled..]).unwrap();
        }
    }
    let rate = count as f64 / begin.elapsed().as_secs_f64();
    reap(pid);
    rate
}

/// Messages a second one way through a socket pair that keeps messages apart, with one writer and
/// one reader.
pub(crate) fn socket_pair(count: u64) -> f64 {
    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
    };
    let (one, other) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let pid = fork(|| {
        for _ in 0..count {
            send(&other, &[1; 64], SendFlags::empty()).unwrap();
        }
    });
    let mut message = [0_u8; 64];
    let begin = Instant::now();
    for _ in 0..count {
        recv(&one, &mut message[..], RecvFlags::empty()).unwrap();
    }
    let rate = count as f64 / begin.elapsed().as_secs_f64();
    reap(pid);
    rate
}

/// Seconds in which one thread copies a message of `size` bytes twice, in and out. No channel that
/// copies can be faster.
pub(crate) fn two_copies(size: usize) -> f64 {
    let (from, mut ring, mut to) = (vec![1_u8; size], vec![0_u8; size], vec![0_u8; size]);
    crate::median_of(200, || {
        ring.copy_from_slice(std::hint::black_box(&from));
        to.copy_from_slice(std::hint::black_box(&ring));
        std::hint::black_box(&to);
    })
}

/// Starts this program by a bare `posix_spawn`, with an argument that makes it end at once, and
/// reaps it.
pub(crate) fn posix_spawn() {
    let (program, flag) = (c"/proc/self/exe", c"--end-at-once");
    let arguments = [program.as_ptr().cast_mut(), flag.as_ptr().cast_mut(), std::ptr::null_mut()];
    let mut pid = 0;
    // SAFETY: the strings and the null-terminated list live through the call; null attributes are
    // allowed.
    let error = unsafe {
        unsafe extern "C" {
            static environ: *const *mut libc::c_char;
        }
        libc::posix_spawn(
            &raw mut pid,
            program.as_ptr(),
            std::ptr::null(),
            std::ptr::null(),
            arguments.as_ptr(),
            environ,
        )
    };
    assert_eq!(error, 0);
    reap(pid);
}
