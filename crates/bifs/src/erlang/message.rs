//! Sending, and the names of processes.

use super::options::options;
use crate::result::Res;
use node::hooks::{SendOptions, Sent};
use node::relations::NotRegistered;
use node::{Ctx, Effect, Native, Node};
use process::Who;
use process::saved_calls::SavedCall;
use term::{Term, am, atom};

/// Also `erlang:'!'/2`.
fn send_2(cx: &mut Ctx, a: &[Term]) -> Res {
    Node::send(cx, a[0], a[1])?;
    Ok(a[1])
}

fn send_3(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut parsed = SendOptions::default();
    let Some(list) = options(a[2]) else { return Err(cx.badarg_cause(atom!("badopt"))) };
    for option in list {
        match option {
            am::NOCONNECT => parsed.noconnect = true,
            am::NOSUSPEND => parsed.nosuspend = true,
            am::PRIORITY if cx.node.code.release >= 28 => parsed.priority = true,
            _ => return Err(cx.badarg_cause(atom!("badopt"))),
        }
    }
    cx.p.note_call(SavedCall::Send);
    Ok(match Node::send_other(cx, a[0], a[1], parsed)? {
        Sent::Done => am::OK,
        Sent::NoConnect => am::NOCONNECT,
        Sent::NoSuspend => am::NOSUSPEND,
    })
}

fn register_2(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_atom() || !(a[1].is_local_pid() || a[1].is_local_port()) {
        return Err(cx.badarg_cause(am::NONE));
    }
    match cx.node.register(a[0], a[1]) {
        Ok(()) => {
            match a[1] == cx.pid {
                true => cx.node.clone().trace_procs(cx.pid, cx.p, &[atom!("register"), a[0]]),
                false => cx.node.trace_procs_of(a[1], atom!("register"), a[0]),
            }
            Ok(am::TRUE)
        }
        Err(NotRegistered::Name) => Err(cx.badarg_cause(am::NONE)),
        Err(NotRegistered::NotAlive) => Err(cx.badarg_cause(atom!("notalive"))),
        Err(NotRegistered::HasName) => Err(cx.badarg_cause(am::REGISTERED_NAME)),
    }
}

fn unregister_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let who = cx.node.whereis(a[0]).unwrap_or(Term::NIL);
    if !a[0].is_atom() || !cx.node.unregister(a[0]) {
        return Err(cx.badarg());
    }
    match who == cx.pid {
        true => cx.node.clone().trace_procs(cx.pid, cx.p, &[atom!("unregister"), a[0]]),
        false => cx.node.trace_procs_of(who, atom!("unregister"), a[0]),
    }
    Ok(am::TRUE)
}

fn whereis_1(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_atom() { Ok(cx.node.whereis(a[0]).unwrap_or(am::UNDEFINED)) } else { Err(cx.badarg()) }
}

fn registered_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let names = cx.node.registered();
    Ok(cx.h().list(&names))
}

fn group_leader_0(cx: &mut Ctx, _: &[Term]) -> Res {
    Ok(cx.p.group_leader)
}

/// `erts_internal:group_leader(Leader, Pid)`: `true` or `badarg` at once, or `false`: ask by `group_leader/3`.
fn group_leader_2(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_pid() || !a[1].is_pid() {
        return Ok(am::BADARG);
    }
    if a[1] == cx.pid {
        cx.p.group_leader = a[0];
        return Ok(am::TRUE);
    }
    if a[1].is_local_pid() {
        return Ok(if cx.node.is_alive(a[1]) { am::FALSE } else { am::BADARG });
    }
    if let (Some(to), Some(leader)) = (Who::of(a[1]), Who::of(a[0])) {
        cx.node.signal_who(Who::Local(cx.pid), to, |_| node::hooks::Outgoing::GroupLeader { leader });
    }
    Ok(am::TRUE)
}

fn group_leader_3(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(leader), Some(id)) = (Who::of(a[0]), a[2].as_local_ref()) else { return Err(cx.badarg()) };
    if !a[1].is_local_pid() {
        return Err(cx.badarg());
    }
    let asker = cx.pid;
    cx.node.request(a[1], move |node, target| {
        let answer = match target {
            Some((_, _, p)) => {
                p.group_leader = leader.term(p.h());
                am::TRUE
            }
            None => am::BADARG,
        };
        super::process::answer(node, asker, id, answer);
    });
    Ok(am::OK)
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "!", 2, send_2).effect(Effect::Process),
    Native::new("erlang", "send", 2, send_2).effect(Effect::Process),
    Native::new("erlang", "send", 3, send_3).effect(Effect::Process),
    Native::new("erlang", "register", 2, register_2).effect(Effect::Process),
    Native::new("erlang", "unregister", 1, unregister_1).effect(Effect::Process),
    Native::new("erlang", "whereis", 1, whereis_1).effect(Effect::Process),
    Native::new("erlang", "registered", 0, registered_0).effect(Effect::Process),
    Native::new("erlang", "group_leader", 0, group_leader_0).effect(Effect::Process),
    Native::new("erts_internal", "group_leader", 2, group_leader_2).effect(Effect::Process),
    Native::new("erts_internal", "group_leader", 3, group_leader_3).effect(Effect::Process),
];
