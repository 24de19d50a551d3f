//! Pids, ports, references and funs: their texts, and what funs are made of.

use crate::result::Res;
use node::{Ctx, Effect, Native};
use term::fun::Export;
use term::{Term, am, reference};

/// The text that the emulator prints for an identifier.
fn text(cx: &mut Ctx, t: Term) -> Term {
    let text = term::print::print(t, isize::MAX);
    let mut list = Term::NIL;
    for c in String::from_utf8_lossy(&text).chars().rev() {
        list = cx.h().cons(Term::small(i64::from(c as u32)), list);
    }
    list
}
fn pid_to_list(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_pid() { Ok(text(cx, a[0])) } else { Err(cx.badarg()) }
}
fn port_to_list(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_port() { Ok(text(cx, a[0])) } else { Err(cx.badarg()) }
}
fn ref_to_list(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_ref() { Ok(text(cx, a[0])) } else { Err(cx.badarg()) }
}
fn fun_to_list(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_fun() { Ok(text(cx, a[0])) } else { Err(cx.badarg()) }
}

/// The numbers between `open` and `>`, separated by points: at most six.
fn numbers(list: Term, open: &str) -> Option<Vec<u64>> {
    let bytes = super::convert::list_bytes(list)?;
    let inner = bytes.strip_prefix(open.as_bytes())?.strip_suffix(b">")?;
    let parts = inner.split(|&b| b == b'.').map(|p| {
        let digits = !p.is_empty() && p.len() <= 20 && p.iter().all(u8::is_ascii_digit);
        digits.then(|| std::str::from_utf8(p).ok()?.parse().ok()).flatten()
    });
    let parts: Option<Vec<u64>> = parts.collect();
    parts.filter(|p| p.len() <= 6)
}

/// The name that the first number in an identifier's text stands for: the atom's index. `None` if there is no such node name.
fn other_node(cx: &Ctx, channel: u64) -> Option<&'static term::node_name::NodeName> {
    let index = u32::try_from(channel).ok().filter(|&i| (i as usize) < term::atom::count())?;
    let name = Term::atom_index(index);
    let node = cx.node.identity.read();
    if name == node.0 {
        return Some(term::node_name::intern(node.0, node.1));
    }
    drop(node);
    crate::dist::creation(cx.node, name).map(|creation| term::node_name::intern(name, creation))
}

/// Whose identifier a text is: this node's (`None`), or another's that is connected. The inner `None` of nobody's.
fn whose(cx: &Ctx, channel: u64) -> Option<Option<&'static term::node_name::NodeName>> {
    if channel == 0 {
        return Some(None);
    }
    let node = other_node(cx, channel)?;
    Some((!cx.node.is_own_name(node.name)).then_some(node))
}

/// Numbers of processes below this; serials below 2^13 until OTP 25.
const PID_NUMBERS: u64 = 1 << 28;

fn list_to_pid(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(&[channel, number, serial]) = numbers(a[0], "<").as_deref() else { return Err(cx.badarg()) };
    let serials = if cx.node.code.release >= 26 { 1 << 26 } else { 1 << 13 };
    if number >= PID_NUMBERS || serial >= serials {
        return Err(cx.badarg());
    }
    match whose(cx, channel) {
        Some(None) => Ok(Term::pid(number as u32, serial as u32)),
        Some(Some(node)) => Ok(cx.h().ext_pid(node, number as u32, serial as u32)),
        None => Err(cx.badarg()),
    }
}
fn list_to_port(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(&[channel, number]) = numbers(a[0], "#Port<").as_deref() else { return Err(cx.badarg()) };
    match whose(cx, channel) {
        Some(None) if number < 1 << 57 => Ok(Term::port(number)),
        Some(Some(node)) => Ok(cx.h().ext_port(node, number)),
        _ => Err(cx.badarg()),
    }
}
fn list_to_ref(cx: &mut Ctx, a: &[Term]) -> Res {
    let n = numbers(a[0], "#Ref<").unwrap_or_default();
    let most = if cx.node.code.release >= 26 { 6 } else { 4 };
    if n.len() < 4 || n.len() > most {
        return Err(cx.badarg());
    }
    let Some(node) = whose(cx, n[0]) else { return Err(cx.badarg()) };
    let words: Vec<u32> = n[1..].iter().rev().filter_map(|&w| u32::try_from(w).ok()).collect();
    if words.len() != n.len() - 1 || words[0] >= 1 << 18 {
        return Err(cx.badarg());
    }
    Ok(match node {
        None => reference::from_words(cx.h(), &words),
        Some(node) => cx.h().ext_ref(node, &words),
    })
}

// ---- funs

fn make_fun(cx: &mut Ctx, a: &[Term]) -> Res {
    let (true, true, Some(arity)) = (a[0].is_atom(), a[1].is_atom(), a[2].to::<u8>()) else { return Err(cx.badarg()) };
    let export: &'static Export = cx.node.code.export(a[0], a[1], arity);
    Ok(cx.h().export_fun(export))
}

fn info(cx: &mut Ctx, fun: Term, item: Term) -> Option<Term> {
    let small = |n: usize| Term::small(n as i64);
    if let Some(e) = fun.as_export_fun() {
        return Some(match item {
            am::MODULE => e.module,
            am::NAME => e.function,
            am::ARITY => small(usize::from(e.arity)),
            am::ENV => Term::NIL,
            am::TYPE => am::EXTERNAL,
            am::PID | am::INDEX | am::NEW_INDEX | am::UNIQ | am::NEW_UNIQ | am::REFC => am::UNDEFINED,
            _ => return None,
        });
    }
    let (e, env) = fun.as_local_fun()?;
    Some(match item {
        am::MODULE => e.module,
        // Of code that is gone, or is just being purged.
        am::NAME if e.address.load(std::sync::atomic::Ordering::Acquire).cast_const() == e.stub[0].as_ptr().cast_const() => Term::NIL,
        am::NAME => e.name,
        am::ARITY => small(usize::from(e.arity)),
        am::ENV => cx.h().list(env),
        am::TYPE => am::LOCAL,
        // Since 27 every fun counts as made by the first process.
        am::PID if cx.node.code.release >= 27 => Term::pid(0, 0),
        am::PID => cx.pid,
        am::INDEX => small(e.old_index as usize),
        am::NEW_INDEX => small(e.index as usize),
        am::UNIQ => small(e.old_uniq as usize),
        am::NEW_UNIQ => cx.h().binary(&e.uniq),
        am::REFC => small(2),
        _ => return None,
    })
}
fn fun_info(cx: &mut Ctx, a: &[Term]) -> Res {
    match info(cx, a[0], a[1]) {
        Some(value) => Ok(cx.h().tuple(&[a[1], value])),
        None => Err(cx.badarg()),
    }
}
fn fun_info_mfa(cx: &mut Ctx, a: &[Term]) -> Res {
    let mfa = match (a[0].as_export_fun(), a[0].as_local_fun()) {
        (Some(e), _) => (e.module, e.function, e.arity),
        (_, Some((e, _))) => (e.module, e.name, e.arity),
        _ => return Err(cx.badarg()),
    };
    Ok(cx.h().tuple(&[mfa.0, mfa.1, Term::small(i64::from(mfa.2))]))
}

// ---- printing

/// Writes to one of the three standard descriptors, waiting until it takes all.
fn put(fd: i32, mut bytes: &[u8]) -> bool {
    let Some(fd) = sys::fd::borrow(fd) else { return false };
    while !bytes.is_empty() {
        match sys::fd::write(fd, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(e) if e == sys::Errno::EAGAIN => std::thread::yield_now(),
            Err(_) => return false,
        }
    }
    true
}
fn display(_: &mut Ctx, a: &[Term]) -> Res {
    let mut text = term::print::print(a[0], isize::MAX);
    // Whatever the terminal's mode.
    text.extend_from_slice(b"\r\n");
    put(1, &text);
    Ok(am::TRUE)
}
fn display_nl(_: &mut Ctx, _: &[Term]) -> Res {
    put(2, b"\r\n");
    Ok(am::TRUE)
}
fn display_to(cx: &mut Ctx, fd: i32, text: Term) -> Res {
    let bytes = if text.is_list() {
        let chars: Option<String> =
            text.proper_list().and_then(|l| l.into_iter().map(|c| c.to::<u32>().and_then(char::from_u32)).collect());
        chars.map(String::into_bytes)
    } else {
        text.as_bytes().map(|b| b.into_owned())
    };
    match bytes {
        Some(b) => {
            put(fd, &b);
            Ok(am::TRUE)
        }
        None => Err(cx.badarg()),
    }
}
fn display_string_1(cx: &mut Ctx, a: &[Term]) -> Res {
    display_to(cx, 2, a[0])
}
fn display_string_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let fd = match term::atom::as_text(a[0]) {
        Some("stdin") => 0,
        Some("stdout") => 1,
        Some("stderr") => 2,
        _ => return Err(cx.badarg()),
    };
    display_to(cx, fd, a[1])
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "pid_to_list", 1, pid_to_list),
    Native::new("erlang", "port_to_list", 1, port_to_list),
    Native::new("erlang", "ref_to_list", 1, ref_to_list),
    Native::new("erlang", "fun_to_list", 1, fun_to_list),
    Native::new("erlang", "list_to_pid", 1, list_to_pid),
    Native::new("erlang", "list_to_port", 1, list_to_port),
    Native::new("erlang", "list_to_ref", 1, list_to_ref),
    Native::new("erlang", "make_fun", 3, make_fun).effect(Effect::Process),
    Native::new("erlang", "fun_info", 2, fun_info),
    Native::new("erlang", "fun_info_mfa", 1, fun_info_mfa),
    Native::new("erlang", "display", 1, display).effect(Effect::Os),
    Native::new("erlang", "display_nl", 0, display_nl).effect(Effect::Os),
    Native::new("erlang", "display_string", 1, display_string_1).effect(Effect::Os),
    Native::new("erlang", "display_string", 2, display_string_2).effect(Effect::Os),
];
