//! Names of hosts and services, as the C library finds them (`getaddrinfo`, `getnameinfo`).

use std::{
    ffi::{CStr, CString},
    net::IpAddr,
    ptr,
};

use super::{Addr, messages};
use crate::Errno;

/// An address that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub domain: i32,
    pub kind: i32,
    pub protocol: i32,
    pub addr: Addr,
}

/// Why a name was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The resolver's own reason, by the name that Erlang has for it.
    Resolver(&'static str),
    System(Errno),
}

fn error(code: i32) -> NameError {
    NameError::Resolver(match code {
        libc::EAI_AGAIN => "eagain",
        libc::EAI_BADFLAGS => "ebadflags",
        libc::EAI_FAIL => "efail",
        libc::EAI_FAMILY => "efamily",
        libc::EAI_MEMORY => "emem",
        libc::EAI_NODATA => "enodata",
        libc::EAI_NONAME => "enoname",
        libc::EAI_SERVICE => "eservice",
        libc::EAI_SOCKTYPE => "esocktype",
        libc::EAI_OVERFLOW => "eoverflow",
        libc::EAI_SYSTEM => return NameError::System(Errno::last()),
        _ => "einval",
    })
}

fn c_string(text: Option<&[u8]>) -> Result<Option<CString>, NameError> {
    text.map(CString::new).transpose().map_err(|_| NameError::System(Errno::EINVAL))
}

pub(super) fn resolve(host: Option<&[u8]>, service: Option<&[u8]>) -> Result<Vec<Resolved>, NameError> {
    list(host, service, None).map(|found| found.1)
}

/// The name that a host itself goes by, and its addresses of one family, each once.
pub fn host(name: &[u8], ip6: bool) -> Result<(Vec<u8>, Vec<IpAddr>), NameError> {
    let (canonical, found) = list(Some(name), None, Some(if ip6 { libc::AF_INET6 } else { libc::AF_INET }))?;
    let mut addrs = Vec::new();
    for r in found {
        if let Addr::Ip(a) = r.addr
            && !addrs.contains(&a.ip())
        {
            addrs.push(a.ip());
        }
    }
    Ok((canonical.unwrap_or_else(|| name.to_vec()), addrs))
}

/// The name of a host by its address.
pub fn host_of(ip: IpAddr) -> Result<Vec<u8>, NameError> {
    of(&Addr::ip(ip, 0), libc::NI_NAMEREQD).map(|found| found.0)
}

/// With a family: the host's own name too, and streams alone.
fn list(host: Option<&[u8]>, service: Option<&[u8]>, family: Option<i32>) -> Result<(Option<Vec<u8>>, Vec<Resolved>), NameError> {
    let (host, service) = (c_string(host)?, c_string(service)?);
    let pointer = |s: &Option<CString>| s.as_ref().map_or(ptr::null(), |s| s.as_ptr());
    let mut first = ptr::null_mut();
    // SAFETY: rule 1: all zeroes is a wish for nothing in particular.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    if let Some(family) = family {
        (hints.ai_family, hints.ai_socktype, hints.ai_flags) = (family, libc::SOCK_STREAM, libc::AI_CANONNAME);
    }
    let hints = if family.is_some() { &raw const hints } else { ptr::null() };
    // SAFETY: rule 1: NUL-terminated strings (or none), live hints (or none), a live local for the list, which is freed below.
    let code = unsafe { libc::getaddrinfo(pointer(&host), pointer(&service), hints, &mut first) };
    if code != 0 {
        return Err(error(code));
    }
    let (mut canonical, mut all, mut at) = (None, Vec::new(), first);
    while !at.is_null() {
        // SAFETY: rule 1: an entry of the C library's list; its address has the length that it says.
        unsafe {
            let entry = &*at;
            if !entry.ai_canonname.is_null() {
                canonical = Some(CStr::from_ptr(entry.ai_canonname).to_bytes().to_vec());
            }
            let bytes = std::slice::from_raw_parts(entry.ai_addr.cast::<u8>(), entry.ai_addrlen as usize);
            let addr = messages::decode(bytes);
            all.push(Resolved { domain: entry.ai_family, kind: entry.ai_socktype, protocol: entry.ai_protocol, addr });
            at = entry.ai_next;
        }
    }
    // SAFETY: rule 1: the list is freed once.
    unsafe { libc::freeaddrinfo(first) };
    Ok((canonical, all))
}

pub(super) fn of(addr: &Addr, flags: i32) -> Result<(Vec<u8>, Vec<u8>), NameError> {
    let addr = messages::encode(addr).map_err(NameError::System)?;
    let (mut host, mut service) = ([0u8; 1025], [0u8; 256]);
    // SAFETY: rule 1: live buffers with their lengths.
    let code = unsafe {
        libc::getnameinfo(
            addr.as_ptr().cast(),
            addr.len() as u32,
            host.as_mut_ptr().cast(),
            host.len() as u32,
            service.as_mut_ptr().cast(),
            service.len() as u32,
            flags,
        )
    };
    if code != 0 {
        return Err(error(code));
    }
    let text = |b: &[u8]| b.split(|&b| b == 0).next().unwrap_or_default().to_vec();
    Ok((text(&host), text(&service)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn hosts() {
        let (_, addrs) = host(b"127.0.0.1", false).unwrap();
        assert_eq!(addrs, [IpAddr::from(Ipv4Addr::LOCALHOST)]);
        assert!(host(b"no.such.host.invalid", false).is_err());
    }

    #[test]
    fn numbers_are_names_of_themselves() {
        let at = Addr::ip(Ipv4Addr::LOCALHOST, 80);
        let found = resolve(Some(b"127.0.0.1"), Some(b"80")).unwrap();
        assert!(found.iter().all(|r| r.addr == at && r.domain == libc::AF_INET));
        assert_eq!(of(&at, libc::NI_NUMERICHOST | libc::NI_NUMERICSERV), Ok((b"127.0.0.1".to_vec(), b"80".to_vec())));
        assert_eq!(resolve(Some(b"a\0b"), None), Err(NameError::System(Errno::EINVAL)));
    }
}
