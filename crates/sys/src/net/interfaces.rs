//! The machine's network interfaces, as `getifaddrs` tells of them.

use std::{
    ffi::CStr,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::{Errno, Result};

/// One interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    pub name: Vec<u8>,
    /// `IFF_*`.
    pub flags: u32,
    pub addrs: Vec<InterfaceAddr>,
    /// The hardware address, if it has one.
    pub hardware: Option<Vec<u8>>,
}

/// One of its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceAddr {
    pub addr: Option<IpAddr>,
    /// The number of the interface, for an address that means something on its link only; else 0.
    pub scope: u32,
    pub netmask: Option<IpAddr>,
    /// Of a broadcast interface.
    pub broadcast: Option<IpAddr>,
    /// The other end of a point-to-point interface.
    pub destination: Option<IpAddr>,
}

pub(super) fn all() -> Result<Vec<Interface>> {
    let mut first = std::ptr::null_mut();
    // SAFETY: rule 1: a live local for the list's head, which is freed below.
    if unsafe { libc::getifaddrs(&mut first) } != 0 {
        return Err(Errno::last());
    }
    let mut all: Vec<Interface> = Vec::new();
    let mut at = first;
    while !at.is_null() {
        // SAFETY: rule 1: an entry of the list that the C library made; names are NUL-terminated, addresses as long as their family.
        unsafe {
            let entry = &*at;
            let name = CStr::from_ptr(entry.ifa_name).to_bytes();
            let place = all.iter().position(|i| i.name == name).unwrap_or_else(|| {
                all.push(Interface { name: name.to_vec(), flags: entry.ifa_flags, ..Interface::default() });
                all.len() - 1
            });
            let interface = &mut all[place];
            if let Some(bytes) = hardware(entry.ifa_addr) {
                interface.hardware = Some(bytes);
            } else if let Some(addr) = ip(entry.ifa_addr) {
                let has = |flag: i32| entry.ifa_flags & flag as u32 != 0;
                let other = ip(entry.ifa_ifu);
                interface.addrs.push(InterfaceAddr {
                    addr: Some(addr),
                    scope: scope(entry.ifa_addr),
                    netmask: ip(entry.ifa_netmask),
                    broadcast: other.filter(|_| has(libc::IFF_BROADCAST)),
                    destination: other.filter(|_| has(libc::IFF_POINTOPOINT)),
                });
            }
            at = entry.ifa_next;
        }
    }
    // SAFETY: rule 1: the list is freed once, and nothing points into it any more.
    unsafe { libc::freeifaddrs(first) };
    Ok(all)
}

/// Numbers and names.
pub(super) fn names() -> Result<Vec<(u32, Vec<u8>)>> {
    // SAFETY: rule 1: no arguments; the list is freed below.
    let first = unsafe { libc::if_nameindex() };
    if first.is_null() {
        return Err(Errno::last());
    }
    let (mut all, mut at) = (Vec::new(), first);
    // SAFETY: rule 1: the C library's list ends with an entry without number and name; names are NUL-terminated.
    unsafe {
        while (*at).if_index != 0 && !(*at).if_name.is_null() {
            all.push(((*at).if_index, CStr::from_ptr((*at).if_name).to_bytes().to_vec()));
            at = at.add(1);
        }
        libc::if_freenameindex(first);
    }
    Ok(all)
}

/// # Safety
/// Null, or an address as long as its family says.
unsafe fn ip(addr: *const libc::sockaddr) -> Option<IpAddr> {
    if addr.is_null() {
        return None;
    }
    // SAFETY: rule 1: by the caller's promise; the families tell the type.
    unsafe {
        match i32::from((*addr).sa_family) {
            libc::AF_INET => {
                let a = addr.cast::<libc::sockaddr_in>().read_unaligned();
                Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(a.sin_addr.s_addr))))
            }
            libc::AF_INET6 => {
                let a = addr.cast::<libc::sockaddr_in6>().read_unaligned();
                Some(IpAddr::V6(Ipv6Addr::from(a.sin6_addr.s6_addr)))
            }
            _ => None,
        }
    }
}

/// # Safety
/// As for `ip`.
unsafe fn scope(addr: *const libc::sockaddr) -> u32 {
    // SAFETY: rule 1: by the caller's promise.
    unsafe {
        match addr.as_ref() {
            Some(a) if i32::from(a.sa_family) == libc::AF_INET6 => addr.cast::<libc::sockaddr_in6>().read_unaligned().sin6_scope_id,
            _ => 0,
        }
    }
}

/// # Safety
/// As for `ip`.
unsafe fn hardware(addr: *const libc::sockaddr) -> Option<Vec<u8>> {
    if addr.is_null() {
        return None;
    }
    // SAFETY: rule 1: by the caller's promise.
    unsafe {
        if i32::from((*addr).sa_family) != libc::AF_PACKET {
            return None;
        }
        let a = addr.cast::<libc::sockaddr_ll>().read_unaligned();
        Some(a.sll_addr[..usize::from(a.sll_halen).min(8)].to_vec())
    }
}
