//! Sockets: making, naming, connecting, sending, receiving, options as bytes; interfaces and services of the machine.
//! Every socket is non-blocking and closed on exec; who would wait gets `eagain` (or `einprogress`) and asks the poller.
//! Not here: packets, active modes, name resolution (a program does that, as in ERTS).

mod interfaces;
mod messages;
mod names;
mod protocols;
mod services;

use std::{
    io::IoSlice,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
};

use rustix::{
    io::retry_on_intr,
    net::{self as os, AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrAny, SocketAddrUnix, SocketFlags},
};

use crate::{Errno, Result};
pub use interfaces::{Interface, InterfaceAddr};
pub use messages::{Ancillary, Received};
pub use names::{NameError, Resolved, host, host_of};
pub use protocols::Protocol;

/// Which kind of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    Inet,
    Inet6,
    Local,
}

/// Which kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Stream,
    Dgram,
    SeqPacket,
}

/// A socket's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Addr {
    Ip(SocketAddr),
    /// A file's name; one that begins with NUL is abstract, an empty one is none.
    Local(Vec<u8>),
    /// Something that Erlang has no name for.
    Unspecified,
}

impl Addr {
    pub fn ip(ip: impl Into<IpAddr>, port: u16) -> Addr {
        Addr::Ip(SocketAddr::new(ip.into(), port))
    }

    pub fn ip6(ip: std::net::Ipv6Addr, port: u16, flow: u32, scope: u32) -> Addr {
        Addr::Ip(SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope)))
    }

    fn to_os(&self) -> Result<SocketAddrAny> {
        match self {
            Addr::Ip(SocketAddr::V4(a)) => Ok((*a).into()),
            Addr::Ip(SocketAddr::V6(a)) => Ok((*a).into()),
            Addr::Local(name) => {
                let unix = match name.split_first() {
                    None => SocketAddrUnix::new_unnamed(),
                    Some((0, rest)) => SocketAddrUnix::new_abstract_name(rest)?,
                    Some(_) => SocketAddrUnix::new(&name[..])?,
                };
                Ok(unix.into())
            }
            Addr::Unspecified => Err(Errno::EAFNOSUPPORT),
        }
    }

    fn from_os(a: SocketAddrAny) -> Addr {
        match a.address_family() {
            AddressFamily::INET | AddressFamily::INET6 => SocketAddr::try_from(a).map_or(Addr::Unspecified, Addr::Ip),
            AddressFamily::UNIX => match SocketAddrUnix::try_from(a) {
                Ok(unix) => match (unix.path_bytes(), unix.abstract_name()) {
                    (Some(path), _) => Addr::Local(path.to_vec()),
                    (None, Some(name)) if !name.is_empty() => Addr::Local([&[0], name].concat()),
                    _ => Addr::Local(Vec::new()),
                },
                Err(_) => Addr::Unspecified,
            },
            _ => Addr::Unspecified,
        }
    }
}

/// Which half to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    Read,
    Write,
    Both,
}

/// Sockets, as a node asks for them.
pub trait Net: Send + Sync {
    /// `protocol` 0 is the usual one of the kind.
    fn socket(&self, family: Family, kind: Kind, protocol: u32) -> Result<OwnedFd>;
    /// A socket by the system's own numbers.
    fn open(&self, domain: i32, kind: i32, protocol: i32) -> Result<OwnedFd>;
    fn bind(&self, fd: BorrowedFd<'_>, addr: &Addr) -> Result<()>;
    fn listen(&self, fd: BorrowedFd<'_>, backlog: i32) -> Result<()>;
    fn accept(&self, fd: BorrowedFd<'_>) -> Result<(OwnedFd, Addr)>;
    /// `einprogress`: when it can be written, `take_error` says how it went.
    fn connect(&self, fd: BorrowedFd<'_>, addr: &Addr) -> Result<()>;
    /// Ends a datagram socket's connection.
    fn disconnect(&self, fd: BorrowedFd<'_>) -> Result<()>;
    fn local_addr(&self, fd: BorrowedFd<'_>) -> Result<Addr>;
    fn peer_addr(&self, fd: BorrowedFd<'_>) -> Result<Addr>;
    fn shutdown(&self, fd: BorrowedFd<'_>, how: Shutdown) -> Result<()>;
    /// The error that the socket holds, which is then forgotten.
    fn take_error(&self, fd: BorrowedFd<'_>) -> Result<()>;
    /// `flags` are `MSG_*`; a broken connection is `epipe`, never a signal.
    fn send(&self, fd: BorrowedFd<'_>, data: &[IoSlice<'_>], flags: u32) -> Result<usize>;
    fn send_to(&self, fd: BorrowedFd<'_>, data: &[IoSlice<'_>], addr: &Addr, flags: u32) -> Result<usize>;
    fn recv(&self, fd: BorrowedFd<'_>, buf: &mut [u8], flags: u32) -> Result<usize>;
    /// The same behind what is in `buf`: at most `room` bytes.
    fn recv_more(&self, fd: BorrowedFd<'_>, buf: &mut Vec<u8>, room: usize, flags: u32) -> Result<usize>;
    /// Of a datagram socket. The second number is the datagram's whole length, even where `buf` was too short for it.
    fn recv_from(&self, fd: BorrowedFd<'_>, buf: &mut [u8], flags: u32) -> Result<(usize, usize, Addr)>;
    /// Sends with ancillary data, and to an address if there is one.
    fn send_message(&self, fd: BorrowedFd<'_>, data: &[IoSlice<'_>], addr: Option<&Addr>, ancillary: &[Ancillary], flags: u32) -> Result<usize>;
    /// Receives with ancillary data, for which there is so much room.
    fn recv_message(&self, fd: BorrowedFd<'_>, buf: &mut [u8], room: usize, flags: u32) -> Result<Received>;
    fn set_option(&self, fd: BorrowedFd<'_>, level: i32, name: i32, value: &[u8]) -> Result<()>;
    /// At most `size` bytes of the option's value.
    fn option(&self, fd: BorrowedFd<'_>, level: i32, name: i32, size: usize) -> Result<Vec<u8>>;
    /// Up to `count` bytes of a file straight into the socket.
    fn send_file(&self, socket: BorrowedFd<'_>, file: BorrowedFd<'_>, offset: u64, count: usize) -> Result<usize>;
    /// Asks or sets something of an interface (`ioctl` with `struct ifreq`).
    fn interface_request(&self, fd: BorrowedFd<'_>, request: u64, data: &mut [u8; 40]) -> Result<()>;
    /// A number that a request of the socket answers with (`ioctl`).
    fn number_request(&self, fd: BorrowedFd<'_>, request: u64) -> Result<i32>;
    fn interfaces(&self) -> Result<Vec<Interface>>;
    /// Numbers and names of interfaces.
    fn interface_names(&self) -> Result<Vec<(u32, Vec<u8>)>>;
    /// All protocols that the system knows by name.
    fn protocols(&self) -> Vec<Protocol>;
    /// Addresses of a host or service; it may wait for the network.
    fn resolve(&self, host: Option<&[u8]>, service: Option<&[u8]>) -> std::result::Result<Vec<Resolved>, NameError>;
    /// Host and service of an address (`NI_*` flags); it may wait for the network.
    fn name_of(&self, addr: &Addr, flags: i32) -> std::result::Result<(Vec<u8>, Vec<u8>), NameError>;
    /// The port of a service (`/etc/services`), for `tcp`, `udp`, ...
    fn service_port(&self, name: &[u8], protocol: &[u8]) -> Option<u16>;
    fn service_name(&self, port: u16, protocol: &[u8]) -> Option<Vec<u8>>;

    fn set_int(&self, fd: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> Result<()> {
        self.set_option(fd, level, name, &value.to_ne_bytes())
    }

    /// An option that is a number; some are told in one byte.
    fn int(&self, fd: BorrowedFd<'_>, level: i32, name: i32) -> Result<i32> {
        let bytes = self.option(fd, level, name, 4)?;
        Ok(match bytes[..] {
            [a, b, c, d] => i32::from_ne_bytes([a, b, c, d]),
            [a, ..] => i32::from(a),
            [] => 0,
        })
    }
}

/// Numbers of the system's that callers need for options and flags.
pub mod numbers {
    pub use libc::{
        IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IP_MULTICAST_IF, IP_MULTICAST_LOOP, IP_MULTICAST_TTL, IP_RECVTOS, IP_RECVTTL,
        IP_TOS, IP_TTL, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, IPV6_ADD_MEMBERSHIP, IPV6_DROP_MEMBERSHIP,
        IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF, IPV6_MULTICAST_LOOP, IPV6_RECVTCLASS, IPV6_TCLASS, IPV6_UNICAST_HOPS,
        IP_PKTOPTIONS, IPV6_V6ONLY, MSG_CTRUNC, MSG_DONTWAIT, MSG_EOR, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, SO_BINDTODEVICE, SO_BROADCAST, SO_DONTROUTE,
        SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_PRIORITY, SO_RCVBUF, SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SO_TYPE, SOL_SOCKET,
        SOMAXCONN, TCP_CORK, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_MAXSEG, TCP_NODELAY, TCP_USER_TIMEOUT,
    };
}

/// The machine's sockets.
pub struct RealNet;

fn flags(bits: u32) -> SendFlags {
    SendFlags::from_bits_retain(bits) | SendFlags::NOSIGNAL
}

impl Net for RealNet {
    fn socket(&self, family: Family, kind: Kind, protocol: u32) -> Result<OwnedFd> {
        let family = match family {
            Family::Inet => AddressFamily::INET,
            Family::Inet6 => AddressFamily::INET6,
            Family::Local => AddressFamily::UNIX,
        };
        let kind = match kind {
            Kind::Stream => os::SocketType::STREAM,
            Kind::Dgram => os::SocketType::DGRAM,
            Kind::SeqPacket => os::SocketType::SEQPACKET,
        };
        let protocol = std::num::NonZeroU32::new(protocol).map(os::Protocol::from_raw);
        Ok(os::socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, protocol)?)
    }

    fn open(&self, domain: i32, kind: i32, protocol: i32) -> Result<OwnedFd> {
        let (family, kind) = (AddressFamily::from_raw(domain as u16), os::SocketType::from_raw(kind as u32));
        let protocol = std::num::NonZeroU32::new(protocol as u32).map(os::Protocol::from_raw);
        Ok(os::socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, protocol)?)
    }

    fn bind(&self, fd: BorrowedFd<'_>, addr: &Addr) -> Result<()> {
        Ok(os::bind(fd, &addr.to_os()?)?)
    }

    fn listen(&self, fd: BorrowedFd<'_>, backlog: i32) -> Result<()> {
        Ok(os::listen(fd, backlog)?)
    }

    fn accept(&self, fd: BorrowedFd<'_>) -> Result<(OwnedFd, Addr)> {
        let (new, addr) = retry_on_intr(|| os::acceptfrom_with(fd, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK))?;
        Ok((new, addr.map_or(Addr::Unspecified, Addr::from_os)))
    }

    fn connect(&self, fd: BorrowedFd<'_>, addr: &Addr) -> Result<()> {
        match os::connect(fd, &addr.to_os()?) {
            // Interrupted, it goes on by itself.
            Err(rustix::io::Errno::INTR) => Err(Errno::EINPROGRESS),
            other => Ok(other?),
        }
    }

    fn disconnect(&self, fd: BorrowedFd<'_>) -> Result<()> {
        Ok(os::connect_unspec(fd)?)
    }

    fn local_addr(&self, fd: BorrowedFd<'_>) -> Result<Addr> {
        Ok(Addr::from_os(os::getsockname(fd)?))
    }

    fn peer_addr(&self, fd: BorrowedFd<'_>) -> Result<Addr> {
        Ok(os::getpeername(fd)?.map_or(Addr::Unspecified, Addr::from_os))
    }

    fn shutdown(&self, fd: BorrowedFd<'_>, how: Shutdown) -> Result<()> {
        let how = match how {
            Shutdown::Read => os::Shutdown::Read,
            Shutdown::Write => os::Shutdown::Write,
            Shutdown::Both => os::Shutdown::Both,
        };
        Ok(os::shutdown(fd, how)?)
    }

    fn take_error(&self, fd: BorrowedFd<'_>) -> Result<()> {
        os::sockopt::socket_error(fd)?.map_err(Errno::from)
    }

    fn send(&self, fd: BorrowedFd<'_>, data: &[IoSlice<'_>], bits: u32) -> Result<usize> {
        let data = &data[..data.len().min(1024)];
        Ok(retry_on_intr(|| os::sendmsg(fd, data, &mut SendAncillaryBuffer::default(), flags(bits)))?)
    }

    fn send_to(&self, fd: BorrowedFd<'_>, data: &[IoSlice<'_>], addr: &Addr, bits: u32) -> Result<usize> {
        let addr = addr.to_os()?;
        if data.len() > 1024 {
            // A datagram goes out whole or not at all.
            let whole: Vec<u8> = data.iter().flat_map(|s| s.iter().copied()).collect();
            return Ok(retry_on_intr(|| os::sendto(fd, &whole, flags(bits), &addr))?);
        }
        Ok(retry_on_intr(|| os::sendmsg_addr(fd, &addr, data, &mut SendAncillaryBuffer::default(), flags(bits)))?)
    }

    fn recv(&self, fd: BorrowedFd<'_>, buf: &mut [u8], bits: u32) -> Result<usize> {
        let flags = RecvFlags::from_bits_retain(bits);
        Ok(retry_on_intr(|| os::recv(fd, &mut *buf, flags))?.0)
    }

    fn recv_more(&self, fd: BorrowedFd<'_>, buf: &mut Vec<u8>, room: usize, bits: u32) -> Result<usize> {
        let flags = RecvFlags::from_bits_retain(bits);
        buf.reserve(room);
        let got = retry_on_intr(|| os::recv(fd, &mut buf.spare_capacity_mut()[..room], flags).map(|((got, _), _)| got.len()))?;
        // SAFETY: rule 8: the call has written so many bytes behind the old ones.
        unsafe { buf.set_len(buf.len() + got) };
        Ok(got)
    }

    fn recv_from(&self, fd: BorrowedFd<'_>, buf: &mut [u8], bits: u32) -> Result<(usize, usize, Addr)> {
        let flags = RecvFlags::from_bits_retain(bits | libc::MSG_TRUNC as u32);
        let (got, whole, addr) = retry_on_intr(|| os::recvfrom(fd, &mut *buf, flags))?;
        Ok((got, whole, addr.map_or(Addr::Unspecified, Addr::from_os)))
    }

    fn send_message(&self, fd: BorrowedFd<'_>, data: &[IoSlice<'_>], addr: Option<&Addr>, ancillary: &[Ancillary], bits: u32) -> Result<usize> {
        messages::send(fd, data, addr, ancillary, bits)
    }

    fn recv_message(&self, fd: BorrowedFd<'_>, buf: &mut [u8], room: usize, bits: u32) -> Result<Received> {
        messages::receive(fd, buf, room, bits)
    }

    fn set_option(&self, fd: BorrowedFd<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
        // SAFETY: rule 1: a live slice with its length; the kernel only reads it.
        let done = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.as_ptr().cast(), value.len() as u32) };
        if done == 0 { Ok(()) } else { Err(Errno::last()) }
    }

    fn option(&self, fd: BorrowedFd<'_>, level: i32, name: i32, size: usize) -> Result<Vec<u8>> {
        let mut value = vec![0u8; size.min(1 << 16)];
        let mut len = value.len() as u32;
        // SAFETY: rule 1: a live buffer with its length, which the kernel does not exceed.
        let done = unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &mut len) };
        if done != 0 {
            return Err(Errno::last());
        }
        value.truncate(len as usize);
        Ok(value)
    }

    fn send_file(&self, socket: BorrowedFd<'_>, file: BorrowedFd<'_>, mut offset: u64, count: usize) -> Result<usize> {
        Ok(retry_on_intr(|| rustix::fs::sendfile(socket, file, Some(&mut offset), count))?)
    }

    fn interface_request(&self, fd: BorrowedFd<'_>, request: u64, data: &mut [u8; 40]) -> Result<()> {
        // SAFETY: rule 1: these requests read and write one `struct ifreq`, which is as long as the array.
        let done = unsafe { libc::ioctl(fd.as_raw_fd(), request as libc::c_ulong, data.as_mut_ptr()) };
        if done >= 0 { Ok(()) } else { Err(Errno::last()) }
    }

    fn number_request(&self, fd: BorrowedFd<'_>, request: u64) -> Result<i32> {
        let mut number = 0i32;
        // SAFETY: rule 1: these requests write one number into a live local.
        let done = unsafe { libc::ioctl(fd.as_raw_fd(), request as libc::c_ulong, &mut number) };
        if done >= 0 { Ok(number) } else { Err(Errno::last()) }
    }

    fn interfaces(&self) -> Result<Vec<Interface>> {
        interfaces::all()
    }

    fn interface_names(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        interfaces::names()
    }

    fn protocols(&self) -> Vec<Protocol> {
        protocols::all()
    }

    fn resolve(&self, host: Option<&[u8]>, service: Option<&[u8]>) -> std::result::Result<Vec<Resolved>, NameError> {
        names::resolve(host, service)
    }

    fn name_of(&self, addr: &Addr, flags: i32) -> std::result::Result<(Vec<u8>, Vec<u8>), NameError> {
        names::of(addr, flags)
    }

    fn service_port(&self, name: &[u8], protocol: &[u8]) -> Option<u16> {
        services::find(|s| s.protocol == protocol && s.names.contains(&name)).map(|s| s.0)
    }

    fn service_name(&self, port: u16, protocol: &[u8]) -> Option<Vec<u8>> {
        services::find(|s| s.protocol == protocol && s.port == port).map(|s| s.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{Interest, wait_one};
    use std::{
        net::{Ipv4Addr, Ipv6Addr},
        os::fd::AsFd,
    };

    #[test]
    fn stream() {
        let n = RealNet;
        let server = n.socket(Family::Inet, Kind::Stream, 0).unwrap();
        n.set_int(server.as_fd(), numbers::SOL_SOCKET, numbers::SO_REUSEADDR, 1).unwrap();
        assert_eq!(n.int(server.as_fd(), numbers::SOL_SOCKET, numbers::SO_REUSEADDR), Ok(1));
        n.bind(server.as_fd(), &Addr::ip(Ipv4Addr::LOCALHOST, 0)).unwrap();
        n.listen(server.as_fd(), 5).unwrap();
        assert_eq!(n.accept(server.as_fd()).err(), Some(Errno::EAGAIN));
        let at = n.local_addr(server.as_fd()).unwrap();
        let client = n.socket(Family::Inet, Kind::Stream, 0).unwrap();
        assert_eq!(n.peer_addr(client.as_fd()), Err(Errno::ENOTCONN));
        assert!(matches!(n.connect(client.as_fd(), &at), Ok(()) | Err(Errno::EINPROGRESS)));
        wait_one(&client, Interest::WRITE, None).unwrap();
        n.take_error(client.as_fd()).unwrap();
        wait_one(&server, Interest::READ, None).unwrap();
        let (conn, from) = n.accept(server.as_fd()).unwrap();
        assert_eq!((Ok(from), n.peer_addr(client.as_fd())), (n.local_addr(client.as_fd()), Ok(at.clone())));
        assert_eq!(n.send(client.as_fd(), &[IoSlice::new(b"ab"), IoSlice::new(b"c")], 0), Ok(3));
        let mut buf = [0; 8];
        wait_one(&conn, Interest::READ, None).unwrap();
        assert_eq!((n.recv(conn.as_fd(), &mut buf, 0), &buf[..3]), (Ok(3), &b"abc"[..]));
        n.shutdown(client.as_fd(), Shutdown::Write).unwrap();
        wait_one(&conn, Interest::READ, None).unwrap();
        assert_eq!(n.recv(conn.as_fd(), &mut buf, 0), Ok(0));
        assert_eq!(n.send(client.as_fd(), &[IoSlice::new(b"x")], 0), Err(Errno::EPIPE));
        drop(server);
        let late = n.socket(Family::Inet, Kind::Stream, 0).unwrap();
        let answer = n.connect(late.as_fd(), &at).or_else(|e| {
            assert_eq!(e, Errno::EINPROGRESS);
            wait_one(&late, Interest::WRITE, None).unwrap();
            n.take_error(late.as_fd())
        });
        assert_eq!(answer, Err(Errno::ECONNREFUSED));
    }

    #[test]
    fn datagrams() {
        let n = RealNet;
        let [a, b] = [(); 2].map(|_| n.socket(Family::Inet, Kind::Dgram, 0).unwrap());
        for s in [&a, &b] {
            n.bind(s.as_fd(), &Addr::ip(Ipv4Addr::LOCALHOST, 0)).unwrap();
        }
        let to = n.local_addr(b.as_fd()).unwrap();
        assert_eq!(n.send_to(a.as_fd(), &[IoSlice::new(b"hello")], &to, 0), Ok(5));
        wait_one(&b, Interest::READ, None).unwrap();
        let mut buf = [0; 3];
        let (got, whole, from) = n.recv_from(b.as_fd(), &mut buf, 0).unwrap();
        assert_eq!((got, whole, Ok(from)), (3, 5, n.local_addr(a.as_fd())));
    }

    #[test]
    fn local_and_names() {
        let n = RealNet;
        let s = n.socket(Family::Local, Kind::Stream, 0).unwrap();
        let name = Addr::Local(format!("\0ferrobeam-test-{}", std::process::id()).into_bytes());
        n.bind(s.as_fd(), &name).unwrap();
        assert_eq!(n.local_addr(s.as_fd()), Ok(name));
        let names: Vec<_> = n.interfaces().unwrap();
        let lo = names.iter().find(|i| i.name == b"lo").unwrap();
        assert!(lo.addrs.iter().any(|a| a.addr == Some(IpAddr::V4(Ipv4Addr::LOCALHOST))));
        if let Ok(s) = n.socket(Family::Inet6, Kind::Stream, 0) {
            let _ = n.bind(s.as_fd(), &Addr::ip(Ipv6Addr::UNSPECIFIED, 0));
            assert!(matches!(n.local_addr(s.as_fd()), Ok(Addr::Ip(SocketAddr::V6(_)))));
        }
        if let Some(port) = n.service_port(b"http", b"tcp") {
            assert_eq!((port, n.service_name(80, b"tcp")), (80, Some(b"http".to_vec())));
        }
    }
}
