//! Loading and unloading of drivers: the native functions of `erl_ddll`. A driver stays as long as a process that has loaded it
//! or a port that it drives.

use super::{Entry, Loaded, MAJOR, MARKER, MINOR};
use crate::library::services;
use base::sync::Mutex;
use node::{Ctx, Effect, Native, Node, Stop};
use ports::Ports;
use process::{Owned, RefId, Signal, Who};
use std::sync::atomic::Ordering::*;
use std::sync::{Arc, Weak};
use std::time::Duration;
use term::{Term, am, atom};

type Res = Result<Term, Stop>;

pub const NATIVES: &[Native] = &[
    Native::new("erl_ddll", "try_load", 3, try_load).effect(Effect::Os),
    Native::new("erl_ddll", "try_unload", 2, try_unload).effect(Effect::Os),
    Native::new("erl_ddll", "loaded_drivers", 0, loaded_drivers).effect(Effect::Os),
    Native::new("erl_ddll", "info", 2, info).effect(Effect::Os),
    Native::new("erl_ddll", "monitor", 2, monitor).effect(Effect::Os),
    Native::new("erl_ddll", "demonitor", 1, demonitor).effect(Effect::Os),
    Native::new("erl_ddll", "format_error_int", 1, format_error_int).effect(Effect::Os),
];

/// A driver that has been loaded.
struct Known {
    name: Vec<u8>,
    path: Vec<u8>,
    driver: Weak<Loaded>,
    /// Its code, until the last process lets it go; ports keep it beyond that.
    held: Option<Arc<Loaded>>,
    /// Who has loaded it, how often, and by which reference their end is known.
    users: Vec<(Term, usize, RefId)>,
    kill_ports: bool,
    reload: Option<Reload>,
}

/// What is to be loaded in a driver's place when it has gone.
struct Reload {
    file: Vec<u8>,
    process: Term,
    kill_ports: bool,
}

/// Who wants to know what becomes of a driver.
struct Watch {
    name: Vec<u8>,
    process: Term,
    reference: u64,
    when: When,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Loaded,
    Unloaded,
    /// The same, but not told when it is not to go after all.
    UnloadedOnly,
}

/// `pending`, `pending_driver`: for whom is waited, ports alone or processes too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Driver,
    Process,
}

/// Options of loading and unloading.
#[derive(Default)]
struct Options {
    watch: Option<Pending>,
    reload: Option<Pending>,
    kill_ports: bool,
}

#[derive(Default)]
struct Part {
    known: Mutex<Vec<Known>>,
    watches: Mutex<Vec<Watch>>,
    /// What the dynamic linker said last.
    last_error: Mutex<String>,
}

const WATCHER: Who = Who::Local(Term::port(0));

fn text(cx: &Ctx, t: Term) -> Option<Vec<u8>> {
    if let Some(a) = atom::as_text(t) {
        return Some(a.as_bytes().to_vec());
    }
    let s = services(cx.node)?;
    (s.iolist)(t).filter(|b| !b.contains(&0))
}

fn ports_of(node: &Node) -> Option<Arc<Ports>> {
    (services(node)?.ports)(node)
}

fn error(cx: &mut Ctx, what: &str) -> Res {
    let reason = atom::intern(what);
    Ok(cx.h().error(reason))
}

/// `{ok, What}`, or `{ok, What, Ref}` when the caller watches.
fn done(cx: &mut Ctx, what: &str, watch: Option<Term>) -> Res {
    let what = atom::intern(what);
    Ok(match watch {
        None => cx.h().ok(what),
        Some(r) => cx.h().tuple(&[am::OK, what, r]),
    })
}

/// `None` if one is wrong.
fn options(list: Term) -> Option<Options> {
    let pending = |t: Term| match atom::as_text(t)? {
        "pending" => Some(Pending::Process),
        "pending_driver" => Some(Pending::Driver),
        _ => None,
    };
    let mut out = Options::default();
    for o in list.proper_list()? {
        if let Some(&[key, value]) = o.as_tuple_n::<2>() {
            match atom::as_text(key)? {
                "monitor" => out.watch = Some(pending(value)?),
                "reload" => out.reload = Some(pending(value)?),
                "driver_options" => {
                    for d in value.proper_list()? {
                        match atom::as_text(d)? {
                            "kill_ports" => out.kill_ports = true,
                            _ => return None,
                        }
                    }
                }
                _ => return None,
            }
            continue;
        }
        match atom::as_text(o)? {
            "monitor" => out.watch = Some(Pending::Process),
            "reload" => out.reload = Some(Pending::Process),
            "kill_ports" => out.kill_ports = true,
            _ => return None,
        }
    }
    Some(out)
}

/// Counts a process among a driver's users.
fn enter(node: &Node, process: Term, known: &mut Known) {
    if let Some(user) = known.users.iter_mut().find(|u| u.0 == process) {
        user.1 += 1;
        return;
    }
    let reference = (node.next_ref(), 0);
    let _ = node.deliver(process, Signal::Monitor { reference, watcher: WATCHER, name: None });
    known.users.push((process, 1, reference));
}

/// Why a library was not loaded: an atom, or what the dynamic linker has said (`Part::last_error`).
enum Refused {
    Reason(&'static str),
    Linker,
}

/// Loads a driver and makes it known, with one user.
fn open(node: &Arc<Node>, part: &Part, known: &mut Vec<Known>, name: &[u8], reload: Reload) -> Result<(), Refused> {
    let Some(ports) = ports_of(node) else { return Err(Refused::Reason("notsup")) };
    let mut library = reload.file.clone();
    library.extend_from_slice(b".so");
    // SAFETY: rule 1: whoever loads a library trusts it.
    let code = unsafe { sys::dylib::Library::open(&library) }.map_err(|e| {
        *part.last_error.lock() = e.split_once(": ").map_or(e.clone(), |x| x.1.to_string());
        Refused::Linker
    })?;
    let Some(init) = code.symbol("driver_init") else { return Err(Refused::Reason("no_driver_init")) };
    // SAFETY: rules 1 and 3: that is the type of this symbol; the entry is static data of the library.
    let entry = unsafe {
        let init: unsafe extern "C" fn() -> *const Entry = std::mem::transmute(init);
        init()
    };
    // SAFETY: as above.
    let Some(e) = (unsafe { entry.as_ref() }) else { return Err(Refused::Reason("driver_init_failed")) };
    let version = (2..MAJOR).contains(&e.major) || e.major == MAJOR && e.minor <= MINOR;
    if e.marker != MARKER || !version {
        return Err(Refused::Reason("driver_incorrect_version"));
    }
    // SAFETY: rule 1: the name is static text.
    let own_name = if e.name.is_null() { &[][..] } else { unsafe { std::ffi::CStr::from_ptr(e.name) }.to_bytes() };
    if own_name != name {
        return Err(Refused::Reason("bad_driver_name"));
    }
    // SAFETY: rules 1 and 3.
    if e.init.is_some_and(|init| unsafe { init() } != 0) {
        return Err(Refused::Reason("driver_init_failed"));
    }
    let driver = Arc::new(Loaded { name: name.to_vec(), entry, locked: Default::default(), _code: code });
    let starts = Arc::downgrade(&driver);
    ports.remove_driver(name);
    ports.add_driver(name, Arc::new(move |io, opening| match starts.upgrade() {
        Some(driver) => super::start(&driver, io, opening),
        None => Err(ports::OpenError::BadArg),
    }));
    let mut k = Known {
        name: name.to_vec(),
        path: reload.file,
        driver: Arc::downgrade(&driver),
        held: Some(driver),
        users: Vec::new(),
        kill_ports: reload.kill_ports,
        reload: None,
    };
    enter(node, reload.process, &mut k);
    known.push(k);
    node.code.taint(atom::intern(&String::from_utf8_lossy(name)));
    Ok(())
}

fn try_load(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(path), Some(name), Some(o)) = (text(cx, a[0]), text(cx, a[1]), options(a[2])) else { return Err(cx.badarg()) };
    let mut file = path;
    if !file.is_empty() {
        file.push(b'/');
    }
    file.extend_from_slice(&name);
    if ports::drivers::names(cx.node.code.release).iter().any(|n| n.as_bytes() == name) {
        return error(cx, "linked_in_driver");
    }
    let part = cx.node.part::<Part>();
    let node = cx.node.clone();
    let mut known = part.known.lock();
    known.retain(|k| k.held.is_some() || k.driver.strong_count() > 0 || k.reload.is_some());
    let reload = Reload { file: file.clone(), process: cx.pid, kill_ports: o.kill_ports };
    if let Some(k) = known.iter_mut().find(|k| k.name == name) {
        let Some(driver) = k.driver.upgrade() else { return error(cx, "pending_process") };
        if driver.locked.load(Acquire) {
            return error(cx, "permanent");
        }
        if k.reload.is_some() {
            return error(cx, if o.reload.is_some() { "pending_reload" } else { "inconsistent" });
        }
        if let Some(pending) = o.reload {
            if !k.users.iter().any(|u| u.0 == cx.pid) {
                return error(cx, if k.users.is_empty() { "pending_process" } else { "not_loaded_by_this_process" });
            }
            let others = k.users.iter().any(|u| u.0 != cx.pid);
            if others && pending == Pending::Driver {
                return error(cx, "pending_process");
            }
            k.reload = Some(reload);
            drop(driver);
            drop(known);
            let what = if others { "pending_process" } else { "pending_driver" };
            let watch = o.watch.filter(|&w| others && w == Pending::Process || !others).map(|_| add_watch(cx, &part, &name, When::Loaded));
            leave(&node, &part, &name, cx.pid, true, false);
            return done(cx, what, watch);
        }
        if k.path != file || k.kill_ports != o.kill_ports && !k.users.is_empty() {
            return error(cx, "inconsistent");
        }
        k.kill_ports = o.kill_ports;
        let cancelled = k.held.is_none();
        if cancelled {
            k.held = Some(driver);
        }
        enter(&node, cx.pid, k);
        drop(known);
        if cancelled {
            tell(&node, &part, &name, When::Unloaded, "UP", am::UNDEFINED, Some("unload_cancelled"));
        }
        return done(cx, "already_loaded", None);
    }
    let opened = open(&node, &part, &mut known, &name, reload);
    drop(known);
    match opened {
        Ok(()) => {
            tell(&node, &part, &name, When::Loaded, "UP", am::UNDEFINED, Some("loaded"));
            done(cx, "loaded", None)
        }
        Err(Refused::Reason(what)) => error(cx, what),
        Err(Refused::Linker) => {
            let h = cx.h();
            let reason = h.tuple(&[atom!("open_error"), Term::small(-10)]);
            Ok(h.error(reason))
        }
    }
}

/// A process lets a driver go, once or for good. What is waited for then.
fn leave(node: &Arc<Node>, part: &Part, name: &[u8], process: Term, all: bool, kill: bool) -> Option<&'static str> {
    let mut known = part.known.lock();
    let k = known.iter_mut().find(|k| k.name == name)?;
    k.kill_ports |= kill;
    if let Some(at) = k.users.iter().position(|u| u.0 == process) {
        k.users[at].1 -= 1;
        if all || k.users[at].1 == 0 {
            k.users.swap_remove(at);
        }
    }
    let used = !k.users.is_empty();
    let doomed = if k.kill_ports && (!used || k.reload.is_some()) { k.driver.upgrade() } else { None };
    // Reloaded by force: the other processes keep it all the same.
    let forced = k.kill_ports && k.reload.is_some();
    let held = if used && !forced { None } else { k.held.take() };
    drop(known);
    if let Some(driver) = doomed {
        end_ports(node, &driver);
    }
    if held.is_some() || !used {
        drop(held);
        sweep_soon(node, name);
    }
    if used {
        return Some("pending_process");
    }
    Some("pending_driver")
}

fn end_ports(node: &Arc<Node>, driver: &Arc<Loaded>) {
    let Some(ports) = ports_of(node) else { return };
    for id in super::ports_with(driver) {
        if let Some(port) = ports.get(id) {
            ports.end(&port, Owned::immediate(atom!("driver_unloaded")));
        }
    }
}

/// Looks, in a moment, whether anybody still has the driver.
fn sweep_soon(node: &Arc<Node>, name: &[u8]) {
    let name = name.to_vec();
    node.later(Duration::from_millis(1), move |node| swept(node, &node.part::<Part>(), &name));
}

/// If nobody has the driver any more, it is gone; another may come in its place.
fn swept(node: &Arc<Node>, part: &Part, name: &[u8]) {
    let mut known = part.known.lock();
    let Some(at) = known.iter().position(|k| k.name == name && k.held.is_none() && k.driver.strong_count() == 0) else { return };
    let gone = known.swap_remove(at);
    if let Some(ports) = ports_of(node) {
        ports.remove_driver(name);
    }
    let opened = gone.reload.map(|r| open(node, part, &mut known, name, r));
    if let (Some(Ok(())), Some(k)) = (&opened, known.last_mut()) {
        k.users.extend(gone.users);
    }
    drop(known);
    tell(node, part, name, When::Unloaded, "DOWN", am::UNDEFINED, Some("unloaded"));
    tell(node, part, name, When::UnloadedOnly, "DOWN", am::UNDEFINED, Some("unloaded"));
    match opened {
        None => {}
        Some(Ok(())) => tell(node, part, name, When::Loaded, "UP", am::UNDEFINED, Some("loaded")),
        Some(Err(Refused::Reason(what))) => tell(node, part, name, When::Loaded, "DOWN", atom::intern(what), None),
        Some(Err(Refused::Linker)) => tell(node, part, name, When::Loaded, "DOWN", atom!("open_error"), None),
    }
}

/// A port of the driver has ended.
pub fn port_gone(driver: Arc<Loaded>) {
    if let Some(node) = crate::env::current_node() {
        // The port's own count goes right after this.
        sweep_soon(&node, &driver.name);
    }
}

/// A process that had loaded drivers has ended. False if it had none.
pub fn down(node: &Arc<Node>, reference: RefId) -> bool {
    let part = node.part::<Part>();
    let found = part.known.lock().iter().find_map(|k| k.users.iter().find(|u| u.2 == reference).map(|u| (k.name.clone(), u.0)));
    let Some((name, process)) = found else { return false };
    leave(node, &part, &name, process, true, false);
    true
}

fn try_unload(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(name), Some(o)) = (text(cx, a[0]), options(a[1])) else { return Err(cx.badarg()) };
    if ports::drivers::names(cx.node.code.release).iter().any(|n| n.as_bytes() == name) {
        return error(cx, "linked_in_driver");
    }
    let part = cx.node.part::<Part>();
    let (there, mine, locked) = {
        let known = part.known.lock();
        let k = known.iter().find(|k| k.name == name && k.driver.strong_count() > 0);
        let locked = k.is_some_and(|k| k.driver.upgrade().is_some_and(|d| d.locked.load(Acquire)));
        (k.is_some(), k.is_some_and(|k| k.users.is_empty() || k.users.iter().any(|u| u.0 == cx.pid)), locked)
    };
    if !there {
        return error(cx, "not_loaded");
    }
    if locked {
        return error(cx, "permanent");
    }
    if !mine {
        return error(cx, "not_loaded_by_this_process");
    }
    let node = cx.node.clone();
    let last = {
        let known = part.known.lock();
        let k = known.iter().find(|k| k.name == name);
        k.is_none_or(|k| k.users.is_empty() || k.users.len() == 1 && k.users[0].1 == 1)
    };
    let watch = o.watch.filter(|&w| last || w == Pending::Process).map(|_| add_watch(cx, &part, &name, When::Unloaded));
    let what = leave(&node, &part, &name, cx.pid, false, o.kill_ports).unwrap_or("pending_driver");
    done(cx, what, watch)
}

fn loaded_drivers(cx: &mut Ctx, _: &[Term]) -> Res {
    let mut names: Vec<Vec<u8>> = ports::drivers::names(cx.node.code.release).into_iter().map(|n| n.as_bytes().to_vec()).collect();
    let part = cx.node.part::<Part>();
    names.extend(part.known.lock().iter().filter(|k| k.held.is_some() || k.driver.strong_count() > 0).map(|k| k.name.clone()));
    let h = cx.h();
    let list: Vec<Term> = names.iter().map(|n| h.list_of_bytes(n)).collect();
    let list = h.list(&list);
    Ok(h.ok(list))
}

fn info(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(name), Some(item)) = (text(cx, a[0]), atom::as_text(a[1])) else { return Err(cx.badarg()) };
    let part = cx.node.part::<Part>();
    let known = part.known.lock();
    let k = known.iter().find(|k| k.name == name && (k.held.is_some() || k.driver.strong_count() > 0));
    let linked_in = ports::drivers::names(cx.node.code.release).iter().any(|n| n.as_bytes() == name);
    if k.is_none() && !linked_in {
        return Err(cx.badarg());
    }
    let driver = k.and_then(|k| k.driver.upgrade());
    Ok(match item {
        "processes" => {
            let users: Vec<(Term, usize)> = k.map(|k| k.users.iter().map(|u| (u.0, u.1)).collect()).unwrap_or_default();
            let h = cx.h();
            let list: Vec<Term> = users.iter().map(|&(p, n)| h.tuple(&[p, Term::small(n as i64)])).collect();
            h.list(&list)
        }
        "driver_options" if k.is_some_and(|k| k.kill_ports) => cx.h().list(&[atom!("kill_ports")]),
        "driver_options" => Term::NIL,
        "port_count" => Term::small(driver.map_or(0, |d| super::ports_with(&d).len()) as i64),
        "linked_in_driver" => Term::bool(linked_in),
        "permanent" => Term::bool(linked_in || driver.is_some_and(|d| d.locked.load(Acquire))),
        "awaiting_load" | "awaiting_unload" => {
            let when = if item == "awaiting_load" { When::Loaded } else { When::Unloaded };
            let waiting: Vec<Term> = part.watches.lock().iter().filter(|w| w.name == name && (w.when == When::Loaded) == (when == When::Loaded)).map(|w| w.process).collect();
            let h = cx.h();
            let mut counts: Vec<(Term, i64)> = Vec::new();
            for p in waiting {
                match counts.iter_mut().find(|c| c.0 == p) {
                    Some(c) => c.1 += 1,
                    None => counts.push((p, 1)),
                }
            }
            let list: Vec<Term> = counts.iter().map(|&(p, n)| h.tuple(&[p, Term::small(n)])).collect();
            h.list(&list)
        }
        _ => return Err(cx.badarg()),
    })
}

// ---- who wants to know
fn add_watch(cx: &mut Ctx, part: &Part, name: &[u8], when: When) -> Term {
    let reference = cx.node.next_ref();
    part.watches.lock().push(Watch { name: name.to_vec(), process: cx.pid, reference, when });
    cx.h().reference(reference, 0)
}

/// `{Tag, Ref, driver, Name, What}` to all who wait for this; without `what`: `{load_failure, Why}`.
fn tell(node: &Arc<Node>, part: &Part, name: &[u8], when: When, tag: &str, why: Term, what: Option<&str>) {
    let mut due = Vec::new();
    part.watches.lock().retain(|w| {
        let fits = w.name == name && w.when == when;
        if fits {
            due.push((w.process, w.reference));
        }
        !fits
    });
    for (process, reference) in due {
        let message = Owned::build(|h| {
            let r = h.reference(reference, 0);
            let name = atom::intern(&String::from_utf8_lossy(name));
            let what = match what {
                Some(what) => atom::intern(what),
                None => h.tuple(&[atom!("load_failure"), why]),
            };
            h.tuple(&[atom::intern(tag), r, atom!("driver"), name, what])
        });
        node.send_message(process, message);
    }
}

fn monitor(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(&[name, when]) = a[1].as_tuple_n::<2>().filter(|_| atom::as_text(a[0]) == Some("driver")) else { return Err(cx.badarg()) };
    let (Some(name), Some(when)) = (text(cx, name), atom::as_text(when)) else { return Err(cx.badarg()) };
    let part = cx.node.part::<Part>();
    let (loaded, leaving, coming) = {
        let known = part.known.lock();
        let k = known.iter().find(|k| k.name == name && (k.held.is_some() || k.driver.strong_count() > 0));
        (k.is_some(), k.is_some_and(|k| k.held.is_none()), k.is_some_and(|k| k.reload.is_some()))
    };
    let kind = match when {
        "loaded" => When::Loaded,
        "unloaded" => When::Unloaded,
        "unloaded_only" => When::UnloadedOnly,
        _ => return Err(cx.badarg()),
    };
    let t = add_watch(cx, &part, &name, kind);
    let node = cx.node.clone();
    match kind {
        When::Loaded if coming => {}
        When::Loaded if loaded && !leaving => tell(&node, &part, &name, kind, "UP", am::UNDEFINED, Some("loaded")),
        // Nobody is loading it.
        When::Loaded => tell(&node, &part, &name, kind, "DOWN", am::UNDEFINED, Some("load_cancelled")),
        _ if !loaded => tell(&node, &part, &name, kind, "DOWN", am::UNDEFINED, Some("unloaded")),
        _ => {}
    }
    Ok(t)
}

fn demonitor(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some((reference, _)) = a[0].as_local_ref() else { return Err(cx.badarg()) };
    let part = cx.node.part::<Part>();
    part.watches.lock().retain(|w| w.reference != reference || w.process != cx.pid);
    Ok(am::TRUE)
}

fn format_error_int(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].as_tuple_n::<2>().is_some_and(|t| atom::as_text(t[0]) == Some("open_error")) {
        let last = cx.node.part::<Part>().last_error.lock().clone();
        return Ok(cx.h().list_of_chars(&last));
    }
    let text = match atom::as_text(a[0]) {
        Some("inconsistent") => "Driver name and/or driver options are inconsistent with currently loaded driver",
        Some("linked_in_driver") => "Driver is statically linked and cannot be loaded/unloaded",
        Some("permanent") => "DDLL driver is permanent an can not be unloaded/loaded",
        Some("not_loaded") => "DDLL driver is not loaded",
        Some("not_loaded_by_this_process") => "DDLL driver was not loaded by this process",
        Some("not_pending") => "DDLL load not pending for this driver name",
        Some("already_loaded") => "DDLL driver is already loaded successfully",
        Some("pending_process") => "DDLL driver is already being unloaded",
        Some("no_driver_init") => "No driver init in dynamic library",
        Some("driver_init_failed") => "Driver init failed",
        Some("driver_incorrect_version") => "Driver has an incorrect version",
        Some("bad_driver_name") => "Bad driver name",
        _ => return Err(cx.badarg()),
    };
    Ok(cx.h().list_of_chars(text))
}
