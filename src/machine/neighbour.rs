//! Detects other runs of knee on this machine, because two runs at once disturb each other.

use std::io;

/// The most runs at once that have a sign of their own. More signs are not needed to detect another
/// run.
const SIGNS: usize = 4;

/// The sign that a run is in progress. It is held while this value lives, and can detect other
/// runs' signs.
///
/// On Linux a sign is a name in the abstract socket namespace. The kernel frees it however the
/// process ends; it leaves no file behind, and runs of other users see it. Nothing listens there.
/// Runs in another network namespace (as in most containers) are not seen, but the ledger sees
/// their CPU use. Other systems have no such sign.
#[derive(Debug)]
pub struct Neighbours {
    name: String,
    /// Our own sign and its number; `None` if none was free or the system has no signs.
    sign: Option<(usize, Sign)>,
}

/// Shows the sign of a run.
pub fn enter() -> Neighbours {
    Neighbours::enter("knee: a run is in progress")
}

impl Neighbours {
    fn enter(name: &str) -> Self {
        let sign = (0..SIGNS).find_map(|number| Some((number, raise(name, number).ok()?)));
        Self { name: name.to_owned(), sign }
    }

    /// Whether another run is in progress now.
    pub fn is_company(&self) -> bool {
        let own = self.sign.as_ref().map(|(number, _)| *number);
        (0..SIGNS).filter(|number| Some(*number) != own).any(|number| is_up(&self.name, number))
    }
}

#[cfg(target_os = "linux")]
type Sign = std::os::unix::net::UnixDatagram;

#[cfg(target_os = "linux")]
fn address(name: &str, number: usize) -> io::Result<std::os::unix::net::SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    let name = if number == 0 { name.to_owned() } else { format!("{name} ({number})") };
    std::os::unix::net::SocketAddr::from_abstract_name(name)
}

#[cfg(target_os = "linux")]
fn raise(name: &str, number: usize) -> io::Result<Sign> {
    Sign::bind_addr(&address(name, number)?)
}

#[cfg(target_os = "linux")]
fn is_up(name: &str, number: usize) -> bool {
    let seen = || Sign::unbound()?.connect_addr(&address(name, number)?);
    seen().is_ok()
}

#[cfg(not(target_os = "linux"))]
type Sign = ();

#[cfg(not(target_os = "linux"))]
fn raise(_name: &str, _number: usize) -> io::Result<Sign> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn is_up(_name: &str, _number: usize) -> bool {
    false
}

#[cfg(target_os = "linux")]
#[test]
fn runs_see_each_other_whoever_came_first() {
    // The name is unique to this test, because real runs may be in progress.
    let enter = || Neighbours::enter(&format!("knee: test {}", std::process::id()));
    let first = enter();
    assert!(!first.is_company());
    let second = enter();
    assert!(first.is_company() && second.is_company());
    drop(second);
    assert!(!first.is_company());
    let third = enter();
    drop(first);
    assert!(!third.is_company());
    let fourth = enter();
    assert!(fourth.is_company() && third.is_company());
}
