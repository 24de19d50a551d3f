//! Loading, deleting and purging code, and what modules say of themselves.

use crate::resolver::decode_literal;
use crate::slice;
use code::{LoadFailure, Prepared};
use node::{Ctx, Effect, Native, Stop};
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, Mutex};
use term::magic::Magic;
use term::{Alloc, Term, am, atom};

type Result = std::result::Result<Term, Stop>;

pub const NATIVES: &[Native] = &[
    Native::new("erts_internal", "prepare_loading", 2, prepare_loading).effect(Effect::Node),
    Native::new("erlang", "has_prepared_code_on_load", 1, has_prepared_code_on_load).effect(Effect::Node),
    Native::new("erlang", "finish_loading", 1, finish_loading).effect(Effect::Node),
    Native::new("erlang", "finish_after_on_load", 2, finish_after_on_load).effect(Effect::Node),
    Native::new("erlang", "loaded", 0, loaded).effect(Effect::Node),
    Native::new("erlang", "pre_loaded", 0, pre_loaded).effect(Effect::Node),
    Native::new("erlang", "module_loaded", 1, module_loaded).effect(Effect::Node),
    Native::new("erlang", "function_exported", 3, function_exported).effect(Effect::Node),
    Native::new("erlang", "is_builtin", 3, is_builtin).effect(Effect::Node),
    Native::new("erlang", "delete_module", 1, delete_module).effect(Effect::Node),
    Native::new("erlang", "check_old_code", 1, check_old_code).effect(Effect::Node),
    Native::new("erlang", "get_module_info", 1, get_module_info_1).effect(Effect::Node),
    Native::new("erlang", "get_module_info", 2, get_module_info_2).effect(Effect::Node),
    Native::new("erlang", "load_nif", 2, load_nif).effect(Effect::Node),
    Native::new("erts_internal", "purge_module", 2, purge_module).effect(Effect::Node),
    Native::new("erts_internal", "beamfile_chunk", 2, beamfile_chunk),
    Native::new("erts_internal", "beamfile_module_md5", 1, beamfile_module_md5),
    Native::new("erts_literal_area_collector", "release_area_switch", 0, release_area_switch)
        .effect(Effect::Node),
    Native::new("erts_literal_area_collector", "send_copy_request", 3, send_copy_request).effect(Effect::Node),
    Native::new("code", "coverage_support", 0, coverage_support).effect(Effect::Node),
    Native::new("code", "get_coverage_mode", 0, get_coverage_mode).effect(Effect::Node),
    Native::new("code", "get_coverage_mode", 1, none_of_loaded).effect(Effect::Node),
    Native::new("code", "get_debug_info", 1, none_of_loaded).effect(Effect::Node),
    Native::new("code", "get_coverage", 2, no_coverage),
    Native::new("code", "reset_coverage", 1, no_coverage),
    Native::new("code", "set_coverage_mode", 1, no_coverage),
];

/// Prepared code in a magic reference; taken out once.
struct Slot(Mutex<Option<Arc<Prepared>>>);

fn prepare_loading(cx: &mut Ctx, a: &[Term]) -> Result {
    if !a[0].is_atom() {
        return Err(cx.badarg());
    }
    let Some(bytes) = a[1].as_bytes() else { return Err(cx.badarg()) };
    // Long enough for others to run in between, and in ERTS a job for another thread.
    cx.give_up();
    let node = cx.node;
    let prepared = node.code.prepare(&bytes, &|bytes, alloc| decode_literal(node, bytes, alloc));
    match prepared {
        Ok(p) if p.module != a[0] || !terms_are_readable(cx, &p) => {
            let h = cx.h();
            Ok(h.error(am::BADFILE))
        }
        Ok(p) => {
            let id = (cx.node.next_ref(), 0);
            let slot = Slot(Mutex::new(Some(Arc::new(p))));
            Ok(cx.h().magic_ref(Arc::new(Magic { id, value: Box::new(slot) })))
        }
        Err(e) => {
            let reason = atom::intern(e.reason());
            let _ = e;
            Ok(cx.h().error(reason))
        }
    }
}

/// The attributes and the compiler's remarks are asked for later, when nobody can refuse them any more.
fn terms_are_readable(cx: &Ctx, p: &Prepared) -> bool {
    let is_term = |bytes: &[u8]| bytes.is_empty() || decode_literal(cx.node, bytes, &mut Alloc::new()).is_some();
    p.with_remarks(|attributes, compile| is_term(attributes) && is_term(compile)).unwrap_or(true)
}

fn prepared(t: Term) -> Option<Arc<Prepared>> {
    t.magic_value::<Slot>()?.0.lock().ok()?.clone()
}

fn has_prepared_code_on_load(cx: &mut Ctx, a: &[Term]) -> Result {
    match prepared(a[0]) {
        Some(p) => Ok(Term::bool(p.has_on_load)),
        None => Err(cx.badarg()),
    }
}

fn finish_loading(cx: &mut Ctx, a: &[Term]) -> Result {
    let Some(list) = a[0].proper_list() else { return Err(cx.badarg()) };
    let mut all = Vec::new();
    for &t in &list {
        match prepared(t) {
            Some(p) => all.push(p),
            None => return Err(cx.badarg()),
        }
    }
    let names: Vec<Term> = all.iter().map(|p| p.module).collect();
    let mut twice: Vec<Term> = (1..names.len()).filter(|&i| names[..i].contains(&names[i])).map(|i| names[i]).collect();
    twice.sort_unstable_by_key(|t| t.raw());
    twice.dedup();
    if !twice.is_empty() {
        return refusal(cx, term::atom!("duplicated"), &twice);
    }
    if all.len() > 1 && all.iter().any(|p| p.has_on_load) {
        return Err(cx.system_limit());
    }
    let not_purged: Vec<Term> =
        names.iter().copied().filter(|&n| cx.node.code.versions(n).is_some_and(|v| v.old.is_some() && v.current.is_some())).collect();
    if !not_purged.is_empty() {
        return refusal(cx, am::NOT_PURGED, &not_purged);
    }
    if names.iter().any(|&n| cx.node.code.versions(n).is_some_and(|v| v.current.is_some())) {
        others_begin(cx)?;
    }
    let node = cx.node.clone();
    for (p, &name) in all.into_iter().zip(&names) {
        let functions = p.exports;
        let waits = p.has_on_load;
        match node.code.load(&p) {
            // The code is there, but current only when its on_load function has said ok.
            Ok(_) if waits => return refusal(cx, am::ON_LOAD, &[name]),
            Ok(_) => super::trace::loaded(&node, name),
            Err(LoadFailure::NotPurged) => return refusal(cx, am::NOT_PURGED, &[name]),
            Err(LoadFailure::OnLoad) => return refusal(cx, am::ON_LOAD, &[name]),
            Err(LoadFailure::Taken) => return Err(cx.badarg()),
        }
        cx.charge(20 + functions);
    }
    for t in list {
        if let Some(s) = t.magic_value::<Slot>()
            && let Ok(mut slot) = s.0.lock()
        {
            *slot = None;
        }
    }
    Ok(am::OK)
}

/// Have all schedulers gone on since the code was to change?
#[derive(Default)]
struct Waited(Option<Arc<AtomicBool>>);

/// Whoever was ready to run before the code changes begins with the code there was: waits until all schedulers have gone on to something
/// else, and then behind those that are ready, even if they are of lower priority.
fn others_begin(cx: &mut Ctx) -> std::result::Result<(), Stop> {
    let Waited(waited) = slice::resume(cx);
    let waited = waited.unwrap_or_else(|| {
        let (passed, node, pid) = (Arc::new(AtomicBool::new(false)), Arc::downgrade(cx.node), cx.pid);
        let mine = passed.clone();
        cx.node.sched.quiesce(move || {
            mine.store(true, Release);
            if let Some(node) = node.upgrade() {
                node.wake_behind(pid);
            }
        });
        passed
    });
    if waited.load(Acquire) {
        return Ok(());
    }
    let _ = slice::give_way(cx, Waited(Some(waited)));
    Err(Stop::Wait)
}

fn refusal(cx: &mut Ctx, what: Term, modules: &[Term]) -> Result {
    let h = cx.h();
    let list = h.list(modules);
    Ok(h.tuple(&[what, list]))
}

fn finish_after_on_load(cx: &mut Ctx, a: &[Term]) -> Result {
    let Some(ok) = a[1].as_bool() else { return Err(cx.badarg()) };
    if !a[0].is_atom() || !cx.node.code.finish_on_load(a[0], ok) {
        return Err(cx.badarg());
    }
    if ok {
        super::trace::loaded(&cx.node.clone(), a[0]);
    }
    Ok(am::TRUE)
}

fn loaded(cx: &mut Ctx, _: &[Term]) -> Result {
    let all = cx.node.code.loaded();
    Ok(cx.h().list(&all))
}

fn pre_loaded(cx: &mut Ctx, _: &[Term]) -> Result {
    let all = cx.node.preloaded.read().clone();
    Ok(cx.h().list(&all))
}

fn module_loaded(cx: &mut Ctx, a: &[Term]) -> Result {
    if !a[0].is_atom() {
        return Err(cx.badarg());
    }
    Ok(Term::bool(cx.node.code.current(a[0]).is_some()))
}

fn function_exported(cx: &mut Ctx, a: &[Term]) -> Result {
    let (true, true, Some(arity)) = (a[0].is_atom(), a[1].is_atom(), a[2].as_small()) else { return Err(cx.badarg()) };
    let exported = u8::try_from(arity).is_ok_and(|n| cx.node.code.is_exported(a[0], a[1], n));
    Ok(Term::bool(exported))
}

fn is_builtin(cx: &mut Ctx, a: &[Term]) -> Result {
    let (true, true, Some(arity)) = (a[0].is_atom(), a[1].is_atom(), a[2].as_small()) else { return Err(cx.badarg()) };
    let (m, f) = (atom::text(a[0]), atom::text(a[1]));
    let native = u8::try_from(arity).is_ok_and(|n| {
        cx.node.natives.iter().any(|x| x.arity == n && x.function == f && x.module == m && super::system::is_builtin(cx.node, x))
            || m == "erlang" && matches!((f, n), ("apply", 2 | 3) | ("yield", 0) | ("hibernate", 3) | ("call_on_load_function", 1))
    });
    Ok(Term::bool(native))
}

fn delete_module(cx: &mut Ctx, a: &[Term]) -> Result {
    if !a[0].is_atom() {
        return Err(cx.badarg());
    }
    if cx.node.code.versions(a[0]).is_some_and(|v| v.current.is_some()) {
        others_begin(cx)?;
    }
    match cx.node.code.delete(a[0]) {
        None => Ok(am::UNDEFINED),
        Some(true) => Ok(am::TRUE),
        Some(false) => Err(cx.badarg()),
    }
}

fn check_old_code(cx: &mut Ctx, a: &[Term]) -> Result {
    if !a[0].is_atom() {
        return Err(cx.badarg());
    }
    Ok(Term::bool(cx.node.code.versions(a[0]).is_some_and(|v| v.old.is_some())))
}

/// `purge_module(Module, prepare|prepare_on_load|abort|complete)`, which erts_code_purger drives.
fn purge_module(cx: &mut Ctx, a: &[Term]) -> Result {
    if !a[0].is_atom() {
        return Err(cx.badarg());
    }
    if cx.node.whereis(term::atom!("erts_code_purger")) != Some(cx.pid) {
        return Err(cx.notsup());
    }
    match atom::as_text(a[1]) {
        Some("prepare") => Ok(Term::bool(cx.node.begin_purge(a[0], false))),
        Some("prepare_on_load") => Ok(Term::bool(cx.node.begin_purge(a[0], true))),
        Some("abort") => Ok(Term::bool(!cx.node.end_purge(a[0], false))),
        Some("complete") => Ok(Term::bool(cx.node.end_purge(a[0], true))),
        _ => Err(cx.badarg()),
    }
}

fn release_area_switch(cx: &mut Ctx, _: &[Term]) -> Result {
    node::Node::next_literals(cx).map(Term::bool)
}

fn send_copy_request(cx: &mut Ctx, a: &[Term]) -> Result {
    if !a[0].is_local_pid() || !a[2].is_atom() {
        return Err(cx.badarg());
    }
    node::Node::ask_to_leave_literals(cx, a[0], a[1], a[2]);
    Ok(am::OK)
}

fn coverage_support(_: &mut Ctx, _: &[Term]) -> Result {
    Ok(am::FALSE)
}

fn get_coverage_mode(_: &mut Ctx, _: &[Term]) -> Result {
    Ok(am::NONE)
}

/// What no module has here: a coverage mode, debug information for the machine.
fn none_of_loaded(cx: &mut Ctx, a: &[Term]) -> Result {
    if a[0].is_atom() && cx.node.code.current(a[0]).is_some() { Ok(am::NONE) } else { Err(cx.badarg()) }
}

fn no_coverage(cx: &mut Ctx, _: &[Term]) -> Result {
    Err(cx.notsup())
}

fn get_module_info_1(cx: &mut Ctx, a: &[Term]) -> Result {
    if !a[0].is_atom() {
        return Err(cx.badarg());
    }
    let mut pairs = Vec::new();
    for item in ["module", "exports", "attributes", "compile", "md5"] {
        let key = atom::intern(item);
        let Some(v) = module_item(cx, a[0], key) else { return Err(cx.badarg()) };
        let pair = cx.h().tuple(&[key, v]);
        pairs.push(pair);
    }
    Ok(cx.h().list(&pairs))
}

fn get_module_info_2(cx: &mut Ctx, a: &[Term]) -> Result {
    if !a[0].is_atom() || !a[1].is_atom() {
        return Err(cx.badarg());
    }
    match module_item(cx, a[0], a[1]) {
        Some(t) => Ok(t),
        None => Err(cx.badarg()),
    }
}

fn module_item(cx: &mut Ctx, module: Term, item: Term) -> Option<Term> {
    let versions = cx.node.code.versions(module)?;
    let m = versions.current?;
    let node = cx.node.clone();
    match atom::text(item) {
        "module" => Some(module),
        "exports" => {
            let h = cx.h();
            let mut list = Term::NIL;
            for &(f, arity, _) in &m.exports {
                let pair = h.tuple(&[f, Term::small(i64::from(arity))]);
                list = h.cons(pair, list);
            }
            Some(list)
        }
        "functions" => {
            let h = cx.h();
            let mut list = Term::NIL;
            for &(_, f, arity) in &m.functions {
                let pair = h.tuple(&[f, Term::small(i64::from(arity))]);
                list = h.cons(pair, list);
            }
            Some(list)
        }
        "attributes" => Some(decode_or_nil(cx, &node, &m.attributes)),
        "compile" => Some(decode_or_nil(cx, &node, &m.compile)),
        "md5" => Some(cx.h().binary(&m.md5)),
        "native" => Some(am::FALSE),
        "nifs" => {
            // Those of a library, and those that the runtime has itself.
            let own = |f: Term, n: u8| node.natives.iter().any(|x| x.nif && x.arity == n && x.function == atom::text(f) && x.module == atom::text(module));
            let nifs: Vec<(Term, u8)> = m.functions.iter().map(|f| (f.1, f.2)).filter(|&(f, n)| own(f, n) || cx.node.code.is_nif(&m, f, n)).collect();
            let h = cx.h();
            let list: Vec<Term> = nifs.iter().map(|&(f, n)| h.tuple(&[f, Term::small(i64::from(n))])).collect();
            Some(h.list(&list))
        }
        "native_addresses" => Some(Term::NIL),
        _ => None,
    }
}

fn decode_or_nil(cx: &mut Ctx, node: &Arc<node::Node>, bytes: &[u8]) -> Term {
    if bytes.is_empty() {
        return Term::NIL;
    }
    decode_literal(node, bytes, cx.h()).unwrap_or(Term::NIL)
}

fn beamfile_chunk(cx: &mut Ctx, a: &[Term]) -> Result {
    let Some(bytes) = a[0].as_bytes() else { return Err(cx.badarg()) };
    let id: Option<Vec<u8>> = a[1].proper_list().and_then(|l| l.iter().map(|t| t.to::<u8>()).collect());
    let Some(id) = id.and_then(|v| <[u8; 4]>::try_from(v).ok()) else { return Err(cx.badarg()) };
    Ok(match code::chunk(&bytes, &id) {
        Some(data) => cx.h().binary(data),
        None => am::UNDEFINED,
    })
}

fn beamfile_module_md5(cx: &mut Ctx, a: &[Term]) -> Result {
    let Some(bytes) = a[0].as_bytes() else { return Err(cx.badarg()) };
    Ok(match cx.node.code.md5(&bytes) {
        Ok(md5) => cx.h().binary(&md5),
        Err(_) => am::UNDEFINED,
    })
}

/// `erlang:load_nif(Path, Info)`: the NIF modules that ERTS has built in become native; for others a library is loaded.
fn load_nif(cx: &mut Ctx, a: &[Term]) -> Result {
    let Some(caller) = caller_of_load_nif(cx) else {
        let text = "load_nif/2 must be explicitly called from the NIF module. It cannot be called through apply/3.";
        let h = cx.h();
        let text = h.list_of_chars(text);
        let reason = h.tuple(&[atom::intern("bad_lib"), text]);
        return Ok(h.error(reason));
    };
    let module = caller.name;
    let name = atom::text(module);
    let node = cx.node.clone();
    let patched = node.code.patch_nifs(module, &|f, arity| {
        let f = atom::text(f);
        let found = node.natives.iter().position(|n| n.nif && n.arity == arity && n.module == name && n.function == f);
        found.map_or(0, |i| i as u32 + 1)
    });
    // Functions of the runtime's own NIF modules that are not there yet raise undef by name.
    if patched > 0 || matches!(name, "zlib" | "zstd" | "erl_tracer" | "prim_buffer" | "prim_file" | "prim_tty" | "prim_socket" | "prim_net") {
        return Ok(am::OK);
    }
    match node.libraries.get() {
        Some(libraries) => libraries.load(cx, &caller, a[0], a[1]),
        None => Err(cx.notsup()),
    }
}

/// The version of a module whose code has called `load_nif/2`, by that name.
fn caller_of_load_nif(cx: &mut Ctx) -> Option<Arc<code::Loaded>> {
    if !cx.called_from.is_null() {
        return cx.node.code.version_at(cx.called_from);
    }
    let back = cx.p.heap.stack().first().map(|t| t.raw())?;
    let export = cx.node.code.export(am::ERLANG, term::atom!("load_nif"), 2);
    cx.node.code.is_call_before(back as *const u64, export).then(|| cx.node.code.version_at((back - 8) as *const u64)).flatten()
}
