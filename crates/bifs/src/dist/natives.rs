//! What OTP's `net_kernel`, `dist_util` and distribution modules call.

use super::connection::{Connection, Spawn, Through, told};
use super::{Phase, is_node_name, of, outgoing, watching};
use crate::erlang::spawn::{Reply, spawn_options};
use crate::result::Res;
use crate::{iolist, port};
use node::signals::copy_out;
use node::{Ctx, Effect, Native, Stop};
use process::{AliasKind, Owned};
use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use term::{Term, am, atom};

/// A connection's identity as a term.
fn id_term(cx: &mut Ctx, id: (u64, u64)) -> Term {
    let number = cx.h().uint(id.0);
    let reference = cx.h().reference(id.1, 0);
    cx.h().tuple(&[number, reference])
}

fn id_of(t: Term) -> Option<(u64, u64)> {
    let &[number, reference] = t.as_tuple_n::<2>()?;
    Some((number.as_u64()?, reference.as_local_ref()?.0))
}

/// The connection that is up under this handle.
fn by_handle(cx: &mut Ctx, t: Term) -> Result<Arc<Connection>, Stop> {
    let found = id_of(t).and_then(|id| of(cx.node).all().into_iter().find(|c| c.id() == id && c.phase() == Phase::Up));
    found.ok_or_else(|| cx.badarg())
}

fn new_connection(cx: &mut Ctx, a: &[Term]) -> Res {
    // A node without a name gets one from the first that it connects to.
    if !a[0].is_atom() || cx.node.is_own_name(a[0]) {
        return Err(cx.badarg());
    }
    let (id, _) = of(cx.node).get(a[0]).begin(cx.node);
    Ok(id_term(cx, id))
}

fn abort_pending_connection(cx: &mut Ctx, a: &[Term]) -> Res {
    let (true, Some(id)) = (a[0].is_atom(), id_of(a[1])) else { return Err(cx.badarg()) };
    let Some(c) = of(cx.node).find(a[0]) else { return Ok(am::FALSE) };
    let aborted = c.phase() == Phase::Pending && c.lost(cx.node, Some(id), atom!("connection_setup_failed"));
    Ok(Term::bool(aborted))
}

/// `erts_internal:create_dist_channel(Node, Controller, {Flags, Creation})`.
fn create_dist_channel(cx: &mut Ctx, a: &[Term]) -> Res {
    let parsed = a[2].as_tuple_n::<2>().and_then(|&[f, c]| Some((f.as_u64()?, c.to::<u32>()?)));
    let Some((flags, creation)) = parsed.filter(|_| is_node_name(a[0])) else { return Ok(am::BADARG) };
    let node = cx.node.clone();
    if node.name() == am::NONODE || node.is_own_name(a[0]) {
        return Ok(am::BADARG);
    }
    let connection = of(&node).get(a[0]);
    let controller = a[1];
    let port = port::of(&node).and_then(|ports| ports.get(controller).map(|port| (ports, port))).filter(|_| controller.is_local_port());
    if port.is_none() && !(controller.is_local_pid() && node.is_alive(controller)) {
        return Ok(am::BADARG);
    }
    let Some(id) = connection.up(&node, controller, flags, creation) else { return Ok(am::BADARG) };
    announce(cx, &node, a[0], controller, flags, id);
    let carried = match port {
        Some((ports, port)) => ports.carry_for(&port, Arc::new(Through { connection: connection.clone(), node: Arc::downgrade(&node), id })),
        None => {
            let (c, weak) = (connection.clone(), Arc::downgrade(&node));
            let ended = move |reason: Term| {
                if let Some(node) = weak.upgrade() {
                    // One that a supervisor may end says its reason so.
                    let reason = match reason.as_tuple_n::<2>() {
                        Some(&[what, why]) if what == atom!("shutdown") => why,
                        _ => reason,
                    };
                    c.lost(&node, Some(id), told(reason));
                }
            };
            crate::owned::watch(&node, controller, Box::new(ended)).is_some()
        }
    };
    if !carried {
        connection.lost(&node, Some(id), am::NOCONNECTION);
        return Ok(am::BADARG);
    }
    let id = connection.id();
    connection.flush(&node);
    let handle = id_term(cx, id);
    Ok(cx.h().ok(handle))
}

/// Who waits for the node hears of it before anything that comes from it is delivered: `global` drops what comes from nodes that it
/// does not know yet. `net_kernel` notes, and links itself to, what carries the connection.
fn announce(cx: &Ctx, node: &std::sync::Arc<node::Node>, name: Term, controller: Term, flags: u64, id: (u64, u64)) {
    let setup = cx.pid;
    node.send_to_name(atom!("net_kernel"), Owned::build(|h| h.tuple(&[atom!("dist_ctrlr"), controller, name, setup])));
    let kind = if flags & dist::flags::PUBLISHED != 0 { atom!("visible") } else { atom!("hidden") };
    watching::tell_node_up(node, name, kind, id.0);
}

fn dist_get_stat(cx: &mut Ctx, a: &[Term]) -> Res {
    let c = by_handle(cx, a[0])?;
    let (came, gone) = (c.packets_in.load(Relaxed), c.packets_out.load(Relaxed));
    let (came, gone) = (cx.h().uint(came), cx.h().uint(gone));
    let waiting = cx.h().uint(c.queued() as u64);
    Ok(cx.h().tuple(&[am::OK, came, gone, waiting]))
}

fn dist_ctrl_input_handler(cx: &mut Ctx, a: &[Term]) -> Res {
    let c = by_handle(cx, a[0])?;
    let controller = c.state.lock().controller;
    if controller != cx.pid || !a[1].is_local_pid() {
        return Err(cx.badarg());
    }
    c.state.lock().input_handler = a[1];
    Ok(am::OK)
}

/// One packet that has come; only from who handles the input.
fn dist_ctrl_put_data(cx: &mut Ctx, a: &[Term]) -> Res {
    let c = by_handle(cx, a[0])?;
    let handler = c.state.lock().input_handler;
    let Ok(bytes) = iolist::bytes(a[1]) else { return Err(cx.badarg()) };
    if handler != cx.pid {
        return Err(cx.badarg());
    }
    cx.charge(1 + bytes.len() / 64);
    c.put(bytes);
    c.work(&cx.node.clone());
    Ok(am::OK)
}

fn controlled(cx: &mut Ctx, t: Term) -> Result<Arc<Connection>, Stop> {
    let c = by_handle(cx, t)?;
    let controller = c.state.lock().controller;
    if controller == cx.pid { Ok(c) } else { Err(cx.badarg()) }
}

fn dist_ctrl_get_data(cx: &mut Ctx, a: &[Term]) -> Res {
    let c = controlled(cx, a[0])?;
    let Some(packet) = c.pop(cx.node) else { return Ok(am::NONE) };
    let get_size = c.state.lock().get_size;
    let h = cx.h();
    let data = h.binary(&packet.packet());
    let data = h.list(&[data]);
    if !get_size {
        return Ok(data);
    }
    Ok(h.tuple(&[Term::small(packet.size() as i64), data]))
}

fn dist_ctrl_get_data_notification(cx: &mut Ctx, a: &[Term]) -> Res {
    let c = controlled(cx, a[0])?;
    c.ask_for_notice(&cx.node.clone());
    Ok(am::OK)
}

fn dist_ctrl_set_opt(cx: &mut Ctx, a: &[Term]) -> Res {
    let c = controlled(cx, a[0])?;
    let (true, Some(on)) = (a[1] == atom!("get_size"), a[2].as_bool()) else { return Err(cx.badarg()) };
    Ok(Term::bool(std::mem::replace(&mut c.state.lock().get_size, on)))
}

fn dist_ctrl_get_opt(cx: &mut Ctx, a: &[Term]) -> Res {
    let c = controlled(cx, a[0])?;
    if a[1] != atom!("get_size") {
        return Err(cx.badarg());
    }
    let on = c.state.lock().get_size;
    Ok(Term::bool(on))
}

/// `erts_internal:dist_spawn_request(Node, {M, F, A}, Options, Kind)`. What the other node makes of the options it says itself; only
/// those that concern the caller count here.
fn dist_spawn_request(cx: &mut Ctx, a: &[Term]) -> Res {
    let mfa = a[1].as_tuple_n::<3>().filter(|m| m[0].is_atom() && m[1].is_atom() && m[2].list_length().is_some_and(|n| n <= 255));
    let (true, Some(&[m, f, args]), Some(list)) = (a[0].is_atom(), mfa, a[2].proper_list()) else { return Ok(am::BADARG) };
    let as_request = a[3] == atom!("spawn_request");
    let mut reply = Reply::default();
    let node = cx.node.clone();
    let parsed = spawn_options(&node, a[2], Some(&mut reply));
    // How to answer counts also when something else is wrong.
    for &option in &list {
        if let Some(&[key, value]) = option.as_tuple_n::<2>() {
            reply.option(key, value);
        }
    }
    if !as_request {
        (reply.tag, reply.success, reply.error) = (atom!("spawn_reply"), true, true);
    }
    let monitor = parsed.as_ref().and_then(|o| o.monitor.as_ref());
    let alias: Option<AliasKind> = monitor.and_then(|m| m.alias);
    let id = (node.next_ref(), if alias.is_some() { cx.pid.raw() } else { 0 });
    let monitored = monitor.is_some();
    let spawn = Spawn {
        parent: cx.pid,
        tag: copy_out(reply.tag),
        on_success: reply.success,
        on_error: reply.error,
        link: parsed.as_ref().is_some_and(|o| o.link).then(|| of(&node).parents.asks(&node, cx.pid)),
        monitor: parsed.and_then(|o| o.monitor).map(|m| (m.tag, m.alias)),
        abandoned: false,
    };
    if let Some(kind) = alias {
        cx.p.aliases.insert(id, kind);
    }
    // The other side needs no more than this of them.
    let monitor_option = |t: Term| t == am::MONITOR || t.as_tuple_n::<2>().is_some_and(|p| p[0] == am::MONITOR);
    let reply_option = |t: Term| t.as_tuple_n::<2>().is_some_and(|p| p[0] == atom!("reply_tag") || p[0] == atom!("reply"));
    let list: Vec<Term> = list.iter().filter(|&&t| !reply_option(t)).map(|&t| if monitor_option(t) { am::MONITOR } else { t }).collect();
    let list = cx.h().list(&list);
    if node.name() == am::NONODE || node.is_own_name(a[0]) {
        spawn.failed(&node, id, am::NOCONNECTION);
    } else {
        let connection = of(&node).get(a[0]);
        outgoing::spawn_request(cx, &connection, id, (m, f, args), list, spawn);
    }
    let reference = cx.h().reference(id.0, id.1);
    if as_request {
        return Ok(reference);
    }
    Ok(cx.h().tuple(&[reference, Term::bool(monitored)]))
}

pub const NATIVES: &[Native] = &[
    Native::new("erts_internal", "new_connection", 1, new_connection).effect(Effect::Network),
    Native::new("erts_internal", "abort_pending_connection", 2, abort_pending_connection).effect(Effect::Network),
    Native::new("erts_internal", "create_dist_channel", 3, create_dist_channel).effect(Effect::Network).partial("nodes before 24"),
    Native::new("erts_internal", "dist_spawn_request", 4, dist_spawn_request).effect(Effect::Network),
    Native::new("erlang", "dist_get_stat", 1, dist_get_stat).effect(Effect::Network),
    Native::new("erlang", "dist_ctrl_input_handler", 2, dist_ctrl_input_handler).effect(Effect::Network),
    Native::new("erlang", "dist_ctrl_put_data", 2, dist_ctrl_put_data).effect(Effect::Network),
    Native::new("erlang", "dist_ctrl_get_data", 1, dist_ctrl_get_data).effect(Effect::Network),
    Native::new("erlang", "dist_ctrl_get_data_notification", 1, dist_ctrl_get_data_notification).effect(Effect::Network),
    Native::new("erlang", "dist_ctrl_set_opt", 3, dist_ctrl_set_opt).effect(Effect::Network),
    Native::new("erlang", "dist_ctrl_get_opt", 2, dist_ctrl_get_opt).effect(Effect::Network),
];
