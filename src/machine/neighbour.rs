//! Whether another run of knee is in progress on this machine, for two runs at once disturb each other.

use std::io;

/// The sign that a run is in progress, held as long as this lives.
///
/// On Linux it is a name in the abstract socket namespace: the kernel frees it however the process ends, it leaves no
/// file behind, and runs of other users see it. Nothing listens there. Runs in another network namespace (most
/// containers) are not seen; what they do is seen by the ledger. Elsewhere there is no such sign.
#[derive(Debug)]
pub struct RunSign {
    #[cfg(target_os = "linux")]
    _socket: std::os::unix::net::UnixDatagram,
}

/// What became of raising the sign.
#[derive(Debug)]
pub enum Neighbourhood {
    /// This is the only run; keep the sign until it ends.
    Alone(RunSign),
    /// Another run is in progress.
    Shared,
    /// It cannot be told here.
    Unknown(io::Error),
}

/// Raises the sign of a run, or finds that another one is up.
pub fn enter() -> Neighbourhood {
    raise(b"knee: a run is in progress")
}

#[cfg(target_os = "linux")]
fn raise(name: &[u8]) -> Neighbourhood {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let bound =
        SocketAddr::from_abstract_name(name).and_then(|name| UnixDatagram::bind_addr(&name));
    match bound {
        Ok(socket) => Neighbourhood::Alone(RunSign { _socket: socket }),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Neighbourhood::Shared,
        Err(error) => Neighbourhood::Unknown(error),
    }
}

#[cfg(not(target_os = "linux"))]
fn raise(_name: &[u8]) -> Neighbourhood {
    Neighbourhood::Unknown(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_run_sees_the_first_until_it_ends() {
    // A name of this test alone, for real runs may be in progress.
    let name = format!("knee: test {}", std::process::id());
    let first = raise(name.as_bytes());
    assert!(matches!(first, Neighbourhood::Alone(_)), "{first:?}");
    assert!(matches!(raise(name.as_bytes()), Neighbourhood::Shared));
    drop(first);
    assert!(matches!(raise(name.as_bytes()), Neighbourhood::Alone(_)));
}
