//! What sockets can do here, as tables: the Erlang half turns names into numbers by them.

use super::tables::{INTERFACE_FLAGS, LEVELS, MESSAGE_FLAGS, OPTIONS, REQUESTS};
use crate::result::Res;
use node::Ctx;
use term::{Alloc, Term, am, atom};

/// Protocols that come first in the releases since 28, whatever the system calls them.
const FIRST: [(u32, &str); 7] = [(0, "ip"), (2, "igmp"), (6, "tcp"), (17, "udp"), (41, "ipv6"), (132, "sctp"), (262, "mptcp")];

pub fn all(cx: &mut Ctx, _: &[Term]) -> Res {
    let h = cx.h();
    let pairs = [("sctp", am::FALSE), ("ipv6", am::TRUE), ("local", am::TRUE), ("netns", am::FALSE), ("sendfile", am::TRUE)];
    let pairs: Vec<Term> = pairs.iter().map(|&(name, yes)| h.tuple(&[term::atom::intern(name), yes])).collect();
    Ok(h.list(&pairs))
}

pub fn table(cx: &mut Ctx, a: &[Term]) -> Res {
    let release = cx.node.code.release;
    match term::atom::as_text(a[0]) {
        Some("protocols") => {
            let all = cx.node.world.net.protocols();
            let h = cx.h();
            let mut out = Vec::new();
            for (number, name) in FIRST.iter().filter(|_| release >= 28) {
                let names = h.list(&[term::atom::intern(name)]);
                out.push(h.tuple(&[names, Term::small((*number).into())]));
            }
            for p in all.iter().rev() {
                let names: Vec<Term> = p.names.iter().map(|n| term::atom::intern(n)).collect();
                let names = h.list(&names);
                out.push(h.tuple(&[names, Term::small(p.number.into())]));
            }
            Ok(h.list(&out))
        }
        Some("options") => Ok(options(cx.h(), release)),
        Some("ioctl_requests") => Ok(numbers(cx.h(), REQUESTS, release)),
        Some("ioctl_flags") => Ok(numbers(cx.h(), INTERFACE_FLAGS, release)),
        Some("msg_flags") => Ok(numbers(cx.h(), MESSAGE_FLAGS, release)),
        _ => Err(cx.badarg()),
    }
}

fn numbers(h: &mut Alloc, all: &[(&str, u32, u32)], release: u32) -> Term {
    let known = all.iter().filter(|n| n.2 <= release);
    let all: Vec<Term> = known.map(|n| h.tuple(&[term::atom::intern(n.0), Term::small(n.1.into())])).collect();
    h.list(&all)
}

/// Levels with their options: `{Name, Number}`, or a name alone for what there is not.
fn options(h: &mut Alloc, release: u32) -> Term {
    let mut out = Vec::new();
    for &(level, name) in LEVELS {
        let known = OPTIONS.iter().filter(|o| o.0 == level && (o.3..o.4).contains(&release));
        let mut list = Vec::new();
        for &(_, option, number, _, _, since, _) in known {
            let option = term::atom::intern(option);
            list.push(if release >= since { h.tuple(&[option, Term::small(number.into())]) } else { option });
        }
        let list = h.list(&list);
        let number = Term::small(level.into());
        out.push(match (name, release) {
            (_, 28..) => h.tuple(&[term::atom::intern(name), number, list]),
            ("socket", _) => h.tuple(&[atom!("socket"), list]),
            _ => h.tuple(&[number, list]),
        });
    }
    h.list(&out)
}
