//! Names of hosts and services, as the C library finds them (`getaddrinfo`, `getnameinfo`).

use std::{ffi::CString, ptr};

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
    let (host, service) = (c_string(host)?, c_string(service)?);
    let pointer = |s: &Option<CString>| s.as_ref().map_or(ptr::null(), |s| s.as_ptr());
    let mut first = ptr::null_mut();
    // SAFETY: rule 1: NUL-terminated strings (or none) and a live local for the list, which is freed below.
    let code = unsafe { libc::getaddrinfo(pointer(&host), pointer(&service), ptr::null(), &mut first) };
    if code != 0 {
        return Err(error(code));
    }
    let (mut all, mut at) = (Vec::new(), first);
    while !at.is_null() {
        // SAFETY: rule 1: an entry of the C library's list; its address has the length that it says.
        unsafe {
            let entry = &*at;
            let bytes = std::slice::from_raw_parts(entry.ai_addr.cast::<u8>(), entry.ai_addrlen as usize);
            let addr = messages::decode(bytes);
            all.push(Resolved { domain: entry.ai_family, kind: entry.ai_socktype, protocol: entry.ai_protocol, addr });
            at = entry.ai_next;
        }
    }
    // SAFETY: rule 1: the list is freed once.
    unsafe { libc::freeaddrinfo(first) };
    Ok(all)
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
    fn numbers_are_names_of_themselves() {
        let at = Addr::ip(Ipv4Addr::LOCALHOST, 80);
        let found = resolve(Some(b"127.0.0.1"), Some(b"80")).unwrap();
        assert!(found.iter().all(|r| r.addr == at && r.domain == libc::AF_INET));
        assert_eq!(of(&at, libc::NI_NUMERICHOST | libc::NI_NUMERICSERV), Ok((b"127.0.0.1".to_vec(), b"80".to_vec())));
        assert_eq!(resolve(Some(b"a\0b"), None), Err(NameError::System(Errno::EINVAL)));
    }
}
