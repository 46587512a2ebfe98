//! Finds the processes of this machine that serve an address. Their usage belongs to the work that
//! calls them.

use std::fs;
use std::net::{IpAddr, ToSocketAddrs, UdpSocket};

/// The state of a listening socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// The processes that listen at this host and port, if that is this machine and the system shows
/// them. Only the superuser sees processes of other users.
pub fn listeners(host: &str, port: u16) -> Vec<u32> {
    let Ok(mut addresses) = (host, port).to_socket_addrs() else { return Vec::new() };
    if !addresses.any(|address| is_here(address.ip())) {
        return Vec::new();
    }
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|text| inodes(&text, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if sockets.is_empty() {
        return Vec::new();
    }
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| holds(*pid, &sockets)).collect()
}

/// Whether a host is this machine, by any of its addresses. An unknown host is not.
pub fn is_this_machine(host: &str) -> bool {
    let addresses = (host, 0).to_socket_addrs();
    addresses.is_ok_and(|mut all| all.any(|address| is_here(address.ip())))
}

/// Whether this is an address of this machine: packets to it would then come from it.
fn is_here(address: IpAddr) -> bool {
    if address.is_loopback() || address.is_unspecified() {
        return true;
    }
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    // Connecting a datagram socket only chooses the route; it sends nothing.
    let way = || {
        let socket = UdpSocket::bind(any)?;
        socket.connect((address, 9))?;
        socket.local_addr()
    };
    way().is_ok_and(|local| local.ip() == address)
}

/// The inodes of the sockets that listen at a port.
fn inodes(table: &str, port: u16) -> Vec<u64> {
    let listening = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let local = fields.get(1)?.rsplit_once(':')?.1;
        let at = u16::from_str_radix(local, 16).ok()?;
        (at == port && *fields.get(3)? == LISTENING).then(|| fields.get(9)?.parse().ok())?
    };
    table.lines().skip(1).filter_map(listening).collect()
}

/// Whether a process holds one of these sockets.
fn holds(pid: u32, sockets: &[String]) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut links = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    links.any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn hosts_are_told_apart() {
        assert!(["127.0.0.1", "::1", "localhost", "0.0.0.0"].into_iter().all(is_this_machine));
        assert!(!is_this_machine("192.0.2.1") && !is_this_machine("no such host"));
    }

    #[test]
    fn who_listens_here_is_found_and_nobody_is_found_elsewhere() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        assert_eq!(listeners("127.0.0.1", port), [std::process::id()]);
        assert_eq!(listeners("localhost", port), [std::process::id()]);
        drop(listener);
        assert!(listeners("127.0.0.1", port).is_empty());
        assert!(listeners("no such host", port).is_empty());
        assert!(listeners("192.0.2.1", port).is_empty(), "an address for documentation");
    }
}
