//! Options: numbers to and from terms, by the form that the table gives them. Options of level `otp` are the socket's own.

use super::tables::{Form, OPTIONS};
use super::{Sock, State, address, closed, domain_number, domain_term, error, invalid, map, opened, option_of, type_term};
use super::sock;
use crate::result::Res;
use base::sync::MutexGuard;
use node::Ctx;
use node::signals::copy_out;
use std::sync::Arc;
use sys::net::Ancillary;
use term::{Alloc, Term, am, atom};

/// Numbers of the options of level `otp`.
mod own {
    pub const DEBUG: i32 = 1001;
    pub const IOW: i32 = 1002;
    pub const OWNER: i32 = 1003;
    pub const RCVBUF: i32 = 1004;
    pub const RCVCTRLBUF: i32 = 1006;
    pub const SNDCTRLBUF: i32 = 1007;
    pub const FD: i32 = 1008;
    pub const META: i32 = 1009;
    pub const USE_REGISTRY: i32 = 1010;
    pub const SELECT_READ: i32 = 1011;
    pub const DOMAIN: i32 = 1999;
}

const TOS: [(i32, &str); 4] = [(0x10, "lowdelay"), (0x08, "throughput"), (0x04, "reliability"), (0x02, "mincost")];
const DISCOVER: [(i32, &str); 4] = [(0, "dont"), (1, "want"), (2, "do"), (3, "probe")];
const PRECEDENCE: [&str; 8] = ["routine", "priority", "immediate", "flash", "flash_override", "critic_ecp", "internetcontrol", "netcontrol"];

/// A type of service by name or number.
pub fn tos_number(t: Term) -> Option<i32> {
    t.to::<i32>().or_else(|| {
        let text = term::atom::as_text(t)?;
        TOS.iter().find(|k| k.1 == text).map(|k| k.0)
    })
}

/// A type of service: in the newer releases all that its number can mean.
pub fn tos_term(h: &mut Alloc, n: i32, release: u32) -> Term {
    let named = TOS.iter().find(|k| k.0 == n & 0x1e).map(|k| term::atom::intern(k.1));
    if release < 28 {
        return named.filter(|_| n & !0x1e == 0).unwrap_or(Term::small(n.into()));
    }
    let service = if n & 0x1e == 0 { atom!("default") } else { named.unwrap_or(Term::small((n & 0x1e).into())) };
    let precedence = term::atom::intern(PRECEDENCE[(n as usize >> 5) & 7]);
    let tos = map(h, &[("tos", service), ("precedence", precedence)]);
    let dscp = match n >> 2 {
        d if d % 8 == 0 => term::atom::intern(&format!("cs{}", d / 8)),
        d if (10..=38).contains(&d) && d % 2 == 0 => term::atom::intern(&format!("af{}{}", d / 8, d % 8 / 2)),
        46 => atom!("ef"),
        d => Term::small(d.into()),
    };
    map(h, &[("native", Term::small(n.into())), ("tos", tos), ("dscp", dscp)])
}

fn level(t: Term) -> Option<i32> {
    if t == atom!("socket") { Some(1) } else { t.to() }
}

fn form(cx: &Ctx, level: i32, number: i32) -> Form {
    let release = cx.node.code.release;
    OPTIONS.iter().find(|o| o.0 == level && o.2 == number && o.5 <= release).map_or(Form::None, |o| o.6)
}

// ---- setting

/// `nif_setopt(Sock, Level, Option, Value, 0 | 1)`; the last: the value is bytes or a number for the system.
pub fn set(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(number), Some(native)) = (a[2].to::<i32>(), a[4].to::<i32>()) else { return Err(cx.badarg()) };
    if a[1] == atom!("otp") {
        return set_own(cx, a, number);
    }
    let Some(level) = level(a[1]) else { return Err(cx.badarg()) };
    opened!(cx, a[0], sock, s);
    let _ = &sock;
    let form = form(cx, level, number);
    let bytes = if native != 0 { native_bytes(a[3]) } else { bytes(form, a[3]) };
    let Some(bytes) = bytes else {
        let fixed = matches!(form, Form::None | Form::Domain | Form::Type | Form::Protocol | Form::PktOptions);
        let what = if native == 0 && fixed { atom!("socket_option") } else { atom!("value") };
        return Ok(invalid(cx, what));
    };
    match s.fd().and_then(|fd| cx.node.world.net.set_option(fd, level, number, &bytes)) {
        Ok(()) => Ok(am::OK),
        Err(e) => Ok(error(cx, e)),
    }
}

fn native_bytes(t: Term) -> Option<Vec<u8>> {
    match t {
        am::TRUE => Some(1i32.to_ne_bytes().to_vec()),
        am::FALSE => Some(0i32.to_ne_bytes().to_vec()),
        t => t.to::<i32>().map(|n| n.to_ne_bytes().to_vec()).or_else(|| Some(t.as_bytes()?.to_vec())),
    }
}

fn text(t: Term) -> Option<Vec<u8>> {
    t.proper_list()?.into_iter().map(|c| c.to::<u8>()).collect()
}

fn bytes(form: Form, t: Term) -> Option<Vec<u8>> {
    let int = |n: i32| Some(n.to_ne_bytes().to_vec());
    match form {
        Form::Bool => int(t.as_bool()?.into()),
        Form::Int => int(t.to()?),
        Form::Str => {
            let mut text = text(t)?;
            text.push(0);
            Some(text)
        }
        Form::Domain6 => int(domain_number(t)?),
        Form::Linger => {
            let (on, seconds) = (option_of(t, "onoff")?.as_bool()?, option_of(t, "linger")?.to::<i32>().filter(|&n| n >= 0)?);
            Some([i32::from(on).to_ne_bytes(), seconds.to_ne_bytes()].concat())
        }
        Form::MtuDiscover | Form::MtuDiscover6 => match t.to::<i32>() {
            Some(n) => int(n),
            None => int(DISCOVER.iter().find(|d| Some(d.1) == term::atom::as_text(t))?.0),
        },
        Form::MulticastIf => match term::atom::as_text(t) {
            Some("any") => int(0),
            Some("loopback") => Some(vec![127, 0, 0, 1]),
            _ => Some(address::ip4(t)?.octets().to_vec()),
        },
        Form::Tos => int(tos_number(t)?),
        Form::Hops => {
            let n = if term::atom::as_text(t) == Some("default") { -1 } else { t.to::<i32>().filter(|n| (0..256).contains(n))? };
            int(n)
        }
        Form::Membership => {
            let group = address::ip4(option_of(t, "multiaddr")?)?;
            let interface = match term::atom::as_text(option_of(t, "interface")?) {
                Some("any") => std::net::Ipv4Addr::UNSPECIFIED,
                _ => address::ip4(option_of(t, "interface")?)?,
            };
            Some([group.octets(), interface.octets()].concat())
        }
        Form::Membership6 => {
            let (group, interface) = (address::ip6(option_of(t, "multiaddr")?)?, option_of(t, "interface")?.to::<u32>()?);
            Some([&group.octets()[..], &interface.to_ne_bytes()].concat())
        }
        Form::Source => {
            let part = |name| Some(address::ip4(option_of(t, name)?)?.octets());
            Some([part("multiaddr")?, part("interface")?, part("sourceaddr")?].concat())
        }
        Form::None | Form::Domain | Form::Type | Form::Protocol | Form::PktOptions => None,
    }
}

fn size_or_default(t: Term, default: usize) -> Option<usize> {
    if t == atom!("default") { Some(default) } else { t.to::<usize>().filter(|&n| n > 0) }
}

fn set_own(cx: &mut Ctx, a: &[Term], number: i32) -> Res {
    opened!(cx, a[0], sock, s);
    let value = a[3];
    let done = match number {
        own::DEBUG => value.as_bool().map(|on| s.debug = on),
        own::IOW => value.as_bool().map(|on| s.told_of_wraps = on),
        own::SELECT_READ => value.as_bool().map(|on| s.select_read = on),
        own::USE_REGISTRY => value.as_bool().map(|on| s.registered = on),
        own::RCVBUF => {
            let (times, size) = match value.as_tuple_n::<2>() {
                Some(&[times, size]) => (times.to::<u32>().filter(|&n| n > 0), size),
                None => (None, value),
            };
            let bad_times = value.is_tuple() && times.is_none();
            size_or_default(size, 8192).filter(|_| !bad_times).map(|n| (s.receive_times, s.receive_buffer) = (times, n))
        }
        own::RCVCTRLBUF => size_or_default(value, 1024).map(|n| s.receive_control = n),
        own::SNDCTRLBUF => size_or_default(value, 1024).map(|n| s.send_control = n),
        own::META => {
            if s.owner != Some(cx.pid) {
                return Ok(not_owner(cx));
            }
            s.meta = Some(copy_out(value));
            Some(())
        }
        own::OWNER if value.is_local_pid() => return set_owner(cx, &sock, s, value),
        own::OWNER => None,
        _ => return Ok(invalid(cx, atom!("socket_option"))),
    };
    match done {
        Some(()) => Ok(am::OK),
        None => Ok(invalid(cx, atom!("value"))),
    }
}

fn not_owner(cx: &mut Ctx) -> Term {
    let reason = invalid(cx, atom!("not_owner"));
    cx.h().error(reason)
}

fn set_owner(cx: &mut Ctx, sock: &Arc<Sock>, mut s: MutexGuard<State>, new: Term) -> Res {
    if s.owner != Some(cx.pid) {
        return Ok(not_owner(cx));
    }
    if new == cx.pid {
        return Ok(am::OK);
    }
    let watch = sock.watch(cx.node, new);
    if watch.is_none() {
        // It has ended: so has the socket.
        sock.stop(cx.node, &mut s, cx.pid);
        sock.finish(cx.node, &mut s);
        return closed(cx);
    }
    if let Some(old) = std::mem::replace(&mut s.watch, watch) {
        crate::owned::unwatch(cx.node, old);
    }
    s.owner = Some(new);
    Ok(am::OK)
}

// ---- getting

pub fn get(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(number) = a[2].to::<i32>() else { return Err(cx.badarg()) };
    if a[1] == atom!("otp") {
        return get_own(cx, a[0], number);
    }
    let Some(level) = level(a[1]) else { return Err(cx.badarg()) };
    opened!(cx, a[0], sock, s);
    let form = form(cx, level, number);
    let size = match form {
        Form::None | Form::Membership | Form::Membership6 | Form::Source | Form::Domain6 => {
            return Ok(invalid(cx, atom!("socket_option")));
        }
        Form::Protocol => {
            let protocol = if sock.protocol == 0 { atom!("default") } else { Term::small(sock.protocol.into()) };
            return Ok(cx.h().ok(protocol));
        }
        Form::Str | Form::PktOptions => 256,
        Form::Linger => 8,
        _ => 4,
    };
    let value = match s.fd().and_then(|fd| cx.node.world.net.option(fd, level, number, size)) {
        Ok(value) => value,
        Err(e) => return Ok(error(cx, e)),
    };
    drop(s);
    let release = cx.node.code.release;
    let h = cx.h();
    let word = |at: usize| value.get(at..at + 4).and_then(|b| b.try_into().ok()).map(i32::from_ne_bytes);
    let n = word(0).unwrap_or_else(|| value.first().copied().unwrap_or(0).into());
    let value = match form {
        Form::Bool => Term::bool(n != 0),
        Form::Domain => domain_term(n),
        Form::Type => type_term(n),
        Form::Str => h.list_of_bytes(value.split(|&b| b == 0).next().unwrap_or_default()),
        Form::Linger => {
            let seconds = Term::small(word(4).unwrap_or(0).into());
            map(h, &[("onoff", Term::bool(n != 0)), ("linger", seconds)])
        }
        Form::MtuDiscover | Form::MtuDiscover6 => {
            DISCOVER.iter().find(|d| d.0 == n).map_or(Term::small(n.into()), |d| term::atom::intern(d.1))
        }
        Form::MulticastIf => {
            let ip = <[u8; 4]>::try_from(&value[..]).unwrap_or_default();
            address::ip_term(h, std::net::IpAddr::from(ip))
        }
        Form::Tos => tos_term(h, n, release),
        Form::PktOptions => super::message::to_terms(h, &Ancillary::parse(&value), release),
        _ => Term::small(n.into()),
    };
    Ok(h.ok(value))
}

fn get_own(cx: &mut Ctx, t: Term, number: i32) -> Res {
    opened!(cx, t, sock, s);
    let value = match number {
        own::DEBUG => Term::bool(s.debug),
        own::IOW => Term::bool(s.told_of_wraps),
        own::SELECT_READ => Term::bool(s.select_read),
        own::USE_REGISTRY => Term::bool(s.registered),
        own::OWNER => s.owner.unwrap_or(am::UNDEFINED),
        own::RCVBUF => {
            let size = Term::small(s.receive_buffer as i64);
            match s.receive_times {
                Some(times) => cx.h().tuple(&[Term::small(times.into()), size]),
                None => size,
            }
        }
        own::RCVCTRLBUF => Term::small(s.receive_control as i64),
        own::SNDCTRLBUF => Term::small(s.send_control as i64),
        own::FD => match s.fd() {
            Ok(fd) => Term::small(std::os::fd::AsRawFd::as_raw_fd(&fd).into()),
            Err(e) => return Ok(error(cx, e)),
        },
        own::META => match &s.meta {
            Some(meta) => super::copy(cx.h(), meta),
            None => am::UNDEFINED,
        },
        own::DOMAIN => domain_term(sock.domain),
        _ => return Ok(invalid(cx, atom!("socket_option"))),
    };
    Ok(cx.h().ok(value))
}

/// `nif_getopt(Sock, Level, Option, Spec)`: the value as a number, a truth, or so many bytes.
pub fn get_native(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(level), Some(number)) = (level(a[1]), a[2].to::<i32>()) else { return Err(cx.badarg()) };
    opened!(cx, a[0], sock, s);
    let _ = &sock;
    let spec = a[3];
    let given = spec.as_bytes();
    let size = match (term::atom::as_text(spec), spec.to::<usize>(), &given) {
        (Some("integer" | "boolean"), ..) => 4,
        (None, Some(n), _) => n,
        (None, None, Some(b)) => b.len(),
        _ => return Ok(invalid(cx, atom!("value"))),
    };
    match s.fd().and_then(|fd| cx.node.world.net.option(fd, level, number, size)) {
        Ok(bytes) => {
            drop(s);
            let n = match bytes[..] {
                [a, b, c, d] => i32::from_ne_bytes([a, b, c, d]),
                _ => bytes.first().copied().unwrap_or(0).into(),
            };
            let value = match term::atom::as_text(spec) {
                Some("integer") => Term::small(n.into()),
                Some("boolean") => Term::bool(n != 0),
                _ => cx.h().binary(&bytes),
            };
            Ok(cx.h().ok(value))
        }
        Err(e) => Ok(error(cx, e)),
    }
}

/// The same since release 28: `native` and a description, or `value` and a value.
pub fn get_native_5(cx: &mut Ctx, a: &[Term]) -> Res {
    match term::atom::as_text(a[3]) {
        Some("native") => get_native(cx, &[a[0], a[1], a[2], a[4]]),
        Some("value") => {
            sock(cx, a[0])?;
            Ok(invalid(cx, atom!("socket_option")))
        }
        _ => Err(cx.badarg()),
    }
}
