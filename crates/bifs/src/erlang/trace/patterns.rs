//! `trace_pattern`: which functions' calls are traced, counted or measured; which messages are told.

use crate::result::Res;
use ets::matchspec::compile::TOO_DEEP;
use ets::matchspec::{Action, Dialect, MatchSpec};
use node::signals::copy_whole;
use node::trace::calls::{Count, Hit, Hits, Meta, Spent};
use node::trace::{Events, Pattern, Session};
use node::{Ctx, Node, Stop};
use base::sync::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use term::{Term, atom};

pub fn trace_pattern_3(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(session) = cx.node.tracing.session(0) else { return Err(cx.badarg()) };
    set(cx, &session, a[0], a[1], a[2])
}
pub fn trace_pattern_4(cx: &mut Ctx, a: &[Term]) -> Res {
    let session = super::session_of(cx, a[0])?;
    set(cx, &session, a[1], a[2], a[3])
}

/// What of a function is changed.
#[derive(Clone, Copy, Default)]
struct What {
    local: bool,
    meta: Option<Term>,
    count: bool,
    time: bool,
    memory: bool,
}

impl What {
    /// Anything but calls through exports.
    fn breakpoint(&self) -> bool {
        self.local || self.meta.is_some() || self.count || self.time || self.memory
    }
}

/// What is done with it.
enum How {
    Off,
    On(Arc<Pattern>),
    Restart,
    Pause,
}

fn options(cx: &mut Ctx, session: &Session, list: Term) -> Result<What, Stop> {
    let Some(list) = list.proper_list() else { return Err(cx.badarg()) };
    let (mut what, mut global) = (What::default(), false);
    for o in list {
        if let Some(&[name, tracer]) = o.as_tuple_n::<2>() {
            let fits = atom::as_text(name) == Some("meta") && (tracer.is_local_pid() || tracer.is_local_port()) && session.tracer.is_none();
            if !fits {
                return Err(cx.badarg());
            }
            what.meta = Some(tracer);
            continue;
        }
        if let Some(&[name, module, state]) = o.as_tuple_n::<3>() {
            let tracer = node::trace::modules::number(&cx.node.clone(), module, state);
            what.meta = tracer.filter(|_| atom::as_text(name) == Some("meta") && session.tracer.is_none());
            if what.meta.is_none() {
                return Err(cx.badarg());
            }
            continue;
        }
        match atom::as_text(o) {
            Some("global") if !what.breakpoint() => global = true,
            _ if global => return Err(cx.badarg()),
            Some("local") => what.local = true,
            Some("meta") => what.meta = Some(what.meta.or(session.tracer).unwrap_or(cx.pid)),
            Some("call_count") => what.count = true,
            Some("call_time") => what.time = true,
            Some("call_memory") if cx.node.code.release >= 26 => what.memory = true,
            _ => return Err(cx.badarg()),
        }
    }
    Ok(what)
}

fn set(cx: &mut Ctx, session: &Arc<Session>, mfa: Term, spec: Term, list: Term) -> Res {
    let how = match atom::as_text(spec) {
        Some("false") => How::Off,
        Some("true") => How::On(Arc::new(Pattern { spec: None, source: copy_whole(Term::NIL) })),
        Some("restart") => How::Restart,
        Some("pause") => How::Pause,
        _ if spec.is_nil() => How::On(Arc::new(Pattern { spec: None, source: copy_whole(Term::NIL) })),
        _ if spec.is_cons() => match MatchSpec::compile(spec, Dialect::Trace, cx.node.code.release) {
            Ok(s) => How::On(Arc::new(Pattern { spec: Some(s), source: copy_whole(spec) })),
            Err(e) if e.iter().any(|e| e == TOO_DEEP) => return Err(cx.system_limit()),
            Err(_) => return Err(cx.badarg()),
        },
        _ => return Err(cx.badarg()),
    };
    if let Some(event) = atom::as_text(mfa)
        && event != "on_load"
    {
        return set_event(cx, session, event, how, list);
    }
    let what = options(cx, session, list)?;
    let with_spec = matches!(&how, How::On(p) if p.spec.is_some());
    if with_spec && what.breakpoint() && !what.local && what.meta.is_none() {
        return Err(cx.badarg());
    }
    if mfa.is_atom() {
        let mut slot = session.on_load.lock();
        let mut hit = slot.take().unwrap_or(Hit { session: session.number, ..Hit::default() });
        change(&mut hit, &what, &how);
        *slot = (!hit.is_empty()).then_some(hit);
        return Ok(Term::small(0));
    }
    let Some(&[m, f, arity]) = mfa.as_tuple_n::<3>() else { return Err(cx.badarg()) };
    let wild = term::atom!("_");
    let number = arity.to::<u8>();
    if !m.is_atom() || !f.is_atom() || !(arity == wild || arity.is_small()) || (m == wild && f != wild) || (f == wild && arity != wild) {
        return Err(cx.badarg());
    }
    if arity != wild && number.is_none() {
        return Ok(Term::small(0));
    }
    let some = |t: Term| (t != wild).then_some(t);
    let (m, f) = (some(m), some(f));
    let node = cx.node.clone();
    let exports = node.code.exports_like(m, f, number);
    let functions = node.code.functions_like(m, f, number);
    let on = !matches!(how, How::Off);
    // Calls through exports are traced, or all calls: the one ends the other.
    let outside = |h: &mut Hit| h.global = None;
    if what.breakpoint() {
        if on {
            for place in exports.iter().filter(|p| node.code.point_at(p).is_some()) {
                node.code.change_hook::<Hits>(place, |before| Hits::changed(before, session.number, outside));
            }
        }
        for place in &functions {
            if on || node.code.point_at(place).is_some() {
                node.code.change_hook::<Hits>(place, |before| Hits::changed(before, session.number, |h| change(h, &what, &how)));
            }
        }
        cx.charge(functions.len());
        return Ok(Term::small(functions.len() as i64));
    }
    if on {
        for place in functions.iter().filter(|p| node.code.point_at(p).is_some()) {
            let inside = |h: &mut Hit| *h = Hit { session: h.session, global: h.global.take(), ..Hit::default() };
            node.code.change_hook::<Hits>(place, |before| Hits::changed(before, session.number, inside));
        }
    }
    for place in &exports {
        if on || node.code.point_at(place).is_some() {
            node.code.change_hook::<Hits>(place, |before| Hits::changed(before, session.number, |h| change(h, &what, &how)));
        }
    }
    cx.charge(exports.len());
    Ok(Term::small(exports.len() as i64))
}

/// Changes what is traced of a function.
fn change(hit: &mut Hit, what: &What, how: &How) {
    let pattern = || match how {
        How::On(p) => Some(p.clone()),
        How::Off => None,
        How::Restart | How::Pause => Some(Arc::new(Pattern { spec: None, source: copy_whole(Term::NIL) })),
    };
    if !what.breakpoint() {
        let p = pattern();
        if p.is_some() {
            *hit = Hit { session: hit.session, ..Hit::default() };
        }
        hit.global = p;
        return;
    }
    if !matches!(how, How::Off) {
        hit.global = None;
    }
    if what.local {
        hit.local = pattern();
    }
    if let Some(tracer) = what.meta {
        hit.meta = pattern().map(|pattern| Arc::new(Meta { pattern, tracer: Mutex::new(tracer) }));
    }
    if what.count {
        let before = hit.count.as_ref().map_or(0, |c| c.calls.load(std::sync::atomic::Ordering::Relaxed));
        let new = |active, n| Some(Arc::new(Count { active, calls: AtomicU64::new(n) }));
        hit.count = match how {
            How::Off => None,
            How::On(_) | How::Restart => new(true, 0),
            How::Pause => hit.count.as_ref().and_then(|_| new(false, before)),
        };
    }
    let spent = |slot: &mut Option<Arc<Spent>>| {
        let before = slot.take();
        let kept = |active| {
            let by = before.as_ref().map_or_else(Default::default, |s| s.by.lock().clone());
            Some(Arc::new(Spent { active, by: Mutex::new(by) }))
        };
        *slot = match how {
            How::Off => None,
            How::On(_) | How::Restart => Some(Arc::new(Spent { active: true, by: Mutex::default() })),
            How::Pause => before.as_ref().and_then(|_| kept(false)),
        };
    };
    if what.time {
        spent(&mut hit.time);
    }
    if what.memory {
        spent(&mut hit.memory);
    }
}

/// Patterns of `send` and `receive`.
fn set_event(cx: &mut Ctx, session: &Session, event: &str, how: How, list: Term) -> Res {
    if !list.is_nil() {
        return Err(cx.badarg());
    }
    let slot = match event {
        "send" => &session.send,
        "receive" => &session.receive,
        _ => return Err(cx.badarg()),
    };
    // Some actions need a call, some the process that does it.
    let of_calls = [Action::Caller, Action::CallerLine, Action::CurrentStacktrace, Action::ReturnTrace, Action::ExceptionTrace];
    let of_running = [
        Action::ProcessDump,
        Action::IsSeqTrace,
        Action::SetSeqToken,
        Action::GetSeqToken,
        Action::EnableTrace,
        Action::DisableTrace,
        Action::Trace,
        Action::Silent,
    ];
    if let How::On(p) = &how
        && let Some(spec) = &p.spec
        && spec.acts(|a| of_calls.contains(&a) || event == "receive" && of_running.contains(&a))
    {
        return Err(cx.badarg());
    }
    *slot.write() = match how {
        How::Off => Events::Nothing,
        How::On(p) if p.spec.is_none() => Events::All,
        How::On(p) => Events::Some(p),
        How::Restart | How::Pause => return Err(cx.badarg()),
    };
    cx.node.tracing.refresh();
    Ok(Term::small(1))
}

/// A module has been loaded: what is traced of all new ones is traced of it.
pub fn loaded(node: &Arc<Node>, module: Term) {
    for session in node.tracing.sessions() {
        let Some(hit) = session.on_load.lock().clone() else { continue };
        let places = if hit.global.is_some() { node.code.exports_like(Some(module), None, None) } else { node.code.functions_like(Some(module), None, None) };
        for place in places {
            // Each function counts for itself.
            let own = Hit {
                count: hit.count.as_ref().map(|c| Arc::new(Count { active: c.active, calls: AtomicU64::new(0) })),
                time: hit.time.as_ref().map(|c| Arc::new(Spent { active: c.active, by: Mutex::default() })),
                memory: hit.memory.as_ref().map(|c| Arc::new(Spent { active: c.active, by: Mutex::default() })),
                ..hit.clone()
            };
            node.code.change_hook::<Hits>(&place, |before| Hits::changed(before, session.number, |h| *h = own));
        }
    }
}
