//! Making processes: `spawn/3`, `spawn_link/3`, `spawn_opt/4`, spawn requests, system processes.
//! The other arities are Erlang code over these.

use super::monitor::monitor_options;
use super::options::options;
use crate::result::Res;
use node::signals::copy_out;
use node::{Ctx, Effect, MonitorOptions, Native, Node, SpawnOptions, Stop};
use process::{MaxHeap, Owned};
use term::{Term, am, atom};

fn mfa(cx: &mut Ctx, a: &[Term]) -> Result<(), Stop> {
    let ok = a[0].is_atom() && a[1].is_atom() && a[2].list_length().is_some();
    if ok { Ok(()) } else { Err(cx.badarg()) }
}

fn start(cx: &mut Ctx, a: &[Term], options: SpawnOptions) -> Res {
    cx.charge(10);
    let node = cx.node.clone();
    let monitored = options.monitor.is_some();
    match node.spawn(Some(cx), options, a[0], a[1], a[2]) {
        Err(_) => Err(cx.system_limit()),
        Ok(s) => match s.monitor {
            Some((n, alias)) if monitored => {
                let r = cx.h().reference(n, alias);
                Ok(cx.h().tuple(&[s.pid, r]))
            }
            _ => Ok(s.pid),
        },
    }
}

fn spawn_3(cx: &mut Ctx, a: &[Term]) -> Res {
    mfa(cx, a)?;
    start(cx, a, SpawnOptions::default())
}

fn spawn_link_3(cx: &mut Ctx, a: &[Term]) -> Res {
    mfa(cx, a)?;
    start(cx, a, SpawnOptions { link: true, ..Default::default() })
}

fn spawn_opt_4(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(parsed) = spawn_options(cx.node, a[3], None) else { return Err(cx.badarg_cause(atom!("badopt"))) };
    mfa(cx, a)?;
    start(cx, a, parsed)
}

/// How a spawn request is answered.
pub struct Reply {
    pub tag: Term,
    pub success: bool,
    pub error: bool,
}

impl Default for Reply {
    fn default() -> Reply {
        Reply { tag: atom!("spawn_reply"), success: true, error: true }
    }
}

impl Reply {
    /// False if it is no option about replies.
    pub fn option(&mut self, key: Term, value: Term) -> bool {
        if key == atom!("reply_tag") {
            self.tag = value;
            return true;
        }
        (self.success, self.error) = match value {
            _ if key != atom!("reply") => return false,
            v if v == atom!("yes") => (true, true),
            v if v == atom!("no") => (false, false),
            v if v == atom!("success_only") => (true, false),
            v if v == atom!("error_only") => (false, true),
            _ => return false,
        };
        true
    }
}

/// The options of a spawn; `None` if one is wrong.
pub fn spawn_options(node: &Node, list: Term, mut reply: Option<&mut Reply>) -> Option<SpawnOptions> {
    let mut o = SpawnOptions::default();
    let max_heap = |o: &SpawnOptions| o.max_heap_size.unwrap_or(node.settings.max_heap());
    for option in options(list)? {
        match option {
            am::LINK => o.link = true,
            am::MONITOR => o.monitor = Some(MonitorOptions { tag: Owned::immediate(am::DOWN), alias: None }),
            _ => {
                let &[key, value] = option.as_tuple_n::<2>()?;
                if key == am::MONITOR {
                    let (tag, alias) = monitor_options(value)?;
                    o.monitor = Some(MonitorOptions { tag: copy_out(tag), alias });
                } else if key == am::PRIORITY {
                    o.priority = Some(priority_number(value)?);
                } else if key == am::MIN_HEAP_SIZE {
                    o.min_heap_size = Some(heap::collect::next_size(value.to::<u32>()? as usize));
                } else if key == am::MIN_BIN_VHEAP_SIZE {
                    o.min_bin_vheap_size = Some(value.to::<u32>()? as usize);
                } else if key == am::FULLSWEEP_AFTER {
                    o.fullsweep_after = Some(value.as_u64()?.min(65535) as u32);
                } else if key == am::MAX_HEAP_SIZE {
                    o.max_heap_size = Some(max_heap_size(value, max_heap(&o))?);
                } else if key == am::MESSAGE_QUEUE_DATA {
                    o.off_heap_messages = Some(queue_data(value)?);
                } else if key == am::ASYNC_DIST && node.code.release >= 26 {
                    o.async_dist = Some(value.as_bool()?);
                } else if key == atom!("scheduler") {
                    value.as_u64()?;
                } else if !reply.as_deref_mut().is_some_and(|r| r.option(key, value)) {
                    return None;
                }
            }
        }
    }
    Some(o)
}

pub fn priority_number(t: Term) -> Option<u8> {
    match t {
        am::LOW => Some(0),
        am::NORMAL => Some(1),
        am::HIGH => Some(2),
        am::MAX => Some(3),
        _ => None,
    }
}

pub fn priority_atom(n: u8) -> Term {
    [am::LOW, am::NORMAL, am::HIGH, am::MAX][usize::from(n & 3)]
}

pub fn queue_data(t: Term) -> Option<bool> {
    match t {
        am::OFF_HEAP => Some(true),
        am::ON_HEAP => Some(false),
        _ => None,
    }
}

/// A `max_heap_size`: words, or a map with `size` and perhaps more.
pub fn max_heap_size(t: Term, before: MaxHeap) -> Option<MaxHeap> {
    let words = |t: Term| t.as_u64().filter(|&n| n == 0 || n >= heap::collect::MIN_WORDS as u64).map(|n| n as usize);
    if !t.is_map() {
        return Some(MaxHeap { words: words(t)?, ..before });
    }
    let flag = |key: Term, before: bool| term::map::get(t, key).map_or(Some(before), Term::as_bool);
    Some(MaxHeap {
        words: words(term::map::get(t, am::SIZE)?)?,
        kill: flag(am::KILL, before.kill)?,
        log: flag(atom!("error_logger"), before.log)?,
        include_shared_binaries: flag(atom!("include_shared_binaries"), before.include_shared_binaries)?,
    })
}

/// `erts_internal:spawn_request/4`: a reference at once, the answer as a message.
fn spawn_request_4(cx: &mut Ctx, a: &[Term]) -> Res {
    if mfa(cx, a).is_err() {
        return Ok(am::BADARG);
    }
    let mut reply = Reply::default();
    let parsed = spawn_options(cx.node, a[3], Some(&mut reply));
    if parsed.is_none() {
        let Some(list) = a[3].proper_list() else { return Ok(atom!("badopt")) };
        // How to answer counts also behind what is wrong.
        for option in list {
            if let Some(&[key, value]) = option.as_tuple_n::<2>() {
                reply.option(key, value);
            }
        }
    }
    cx.charge(10);
    let alias_of = parsed.as_ref().and_then(|o| o.monitor.as_ref()).filter(|m| m.alias.is_some()).map_or(0, |_| cx.pid.raw());
    let reference = (cx.node.next_ref(), alias_of);
    let node = cx.node.clone();
    let answer = |cx: &mut Ctx, result: Term, value: Term| {
        let message = copy_out(reply.tag).wrap(|h, tag| {
            let r = h.reference(reference.0, reference.1);
            h.tuple(&[tag, r, result, value])
        });
        cx.node.send_message(cx.pid, message);
    };
    match parsed {
        None => {
            if reply.error {
                answer(cx, am::ERROR, atom!("badopt"));
            }
        }
        Some(mut o) => {
            o.reference = Some(reference);
            o.reply_tag = Some(reply.tag);
            match node.make_process(Some(cx), o, a[0], a[1], a[2]) {
                Ok((process, spawned)) => {
                    // Before the process runs: the answer comes before anything else from it.
                    if reply.success {
                        answer(cx, am::OK, spawned.pid);
                    }
                    node.enqueue(process);
                }
                Err(_) if reply.error => answer(cx, am::ERROR, am::SYSTEM_LIMIT),
                Err(_) => {}
            }
        }
    }
    Ok(cx.h().reference(reference.0, reference.1))
}

/// Requests to this node are answered before they could be abandoned.
fn spawn_request_abandon_1(cx: &mut Ctx, a: &[Term]) -> Res {
    match a[0].as_local_ref() {
        Some(id) => Ok(Term::bool(crate::dist::abandon_spawn(cx, id))),
        None if a[0].is_ref() => Ok(am::FALSE),
        None => Err(cx.badarg()),
    }
}

fn spawn_system_process_3(cx: &mut Ctx, a: &[Term]) -> Res {
    mfa(cx, a)?;
    start(cx, a, SpawnOptions { system: true, ..Default::default() })
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "spawn", 3, spawn_3).effect(Effect::Process),
    Native::new("erlang", "spawn_link", 3, spawn_link_3).effect(Effect::Process),
    Native::new("erlang", "spawn_opt", 4, spawn_opt_4).effect(Effect::Process),
    Native::new("erts_internal", "spawn_request", 4, spawn_request_4).effect(Effect::Process),
    Native::new("erlang", "spawn_request_abandon", 1, spawn_request_abandon_1).effect(Effect::Process),
    Native::new("erts_internal", "spawn_system_process", 3, spawn_system_process_3).effect(Effect::Process),
];
