//! Ports as Erlang sees them: the natives of `open_port` and its kin, and the door between `ports` and the node.
//! Not here: what drivers do, how ports live and end (crate `ports`).

mod told;

use crate::iolist;
use crate::prim_file::{name_bytes, name_list, names_are_utf8};
use crate::result::Res;
use node::hooks::{self, Outgoing, Sent};
use node::signals::{copy_out, literals};
use node::{Ctx, Effect, Native, Node, Stop, Timer, TimerCall};
use ports::{Command, Control, Info, Name, OpenError, Options, Port, Ports, Surroundings, Watches};
use process::{Owned, RefId, Signal, Who};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use process::trace::flags::{PORTS, RECEIVE, SEND};
use term::{Alloc, Term, am, atom};

// ---- the node's side

/// The node's ports, filed with the node.
#[derive(Default)]
struct Part(OnceLock<Arc<Ports>>);

/// The ports of a node, once it is attached.
pub fn of(node: &Node) -> Option<Arc<Ports>> {
    node.part::<Part>().0.get().cloned()
}

/// Gives a node its ports.
pub fn attach(node: &Arc<Node>) {
    let around = Around { node: Arc::downgrade(node), world: node.world.clone(), release: node.code.release, limit: node.config.limits.ports as usize };
    let ports = Ports::new(Box::new(around), Term::pid(0, 0));
    if node.part::<Part>().0.set(ports.clone()).is_ok() {
        let told = told::Told::new(ports.clone());
        let _ = node.ports.set(Box::new(Door(ports, told)));
    }
}

/// Has the node's schedulers wait for descriptors while they have nothing to do; to be said before they start.
pub fn poll_by_schedulers(node: &Node) {
    if let Some(ports) = of(node)
        && ports.polling.attend()
    {
        node.sched.set_outside(Arc::new(Outside(ports.clone())));
    }
}

struct Outside(Arc<Ports>);

impl sched::Outside for Outside {
    fn wait(&self, timeout: Option<Duration>) {
        self.0.polling.wait(timeout);
    }
    fn wake(&self) {
        self.0.polling.wake();
    }
    fn act(&self) {
        self.0.polling.act();
    }
}

/// What ports ask of their node.
struct Around {
    node: Weak<Node>,
    world: sys::World,
    release: u32,
    limit: usize,
}

impl Around {
    fn with(&self, f: impl FnOnce(&Arc<Node>)) {
        if let Some(node) = self.node.upgrade() {
            f(&node);
        }
    }
}

impl Surroundings for Around {
    fn world(&self) -> &sys::World {
        &self.world
    }
    fn release(&self) -> u32 {
        self.release
    }
    fn limit(&self) -> usize {
        self.limit
    }
    fn message(&self, to: Term, message: Owned) {
        self.with(|node| {
            node.send_message(to, message);
        });
    }
    fn exit(&self, port: Term, to: Who, reason: Owned, linked: bool) {
        self.with(|node| node.signal_who(Who::Local(port), to, |_| Outgoing::Exit { reason, linked, token: None }));
    }
    fn down(&self, port: Term, to: Term, reference: RefId, reason: Owned) {
        self.with(|node| node.signal_who(Who::Local(port), Who::Local(to), |_| Outgoing::Down { reference, name: None, reason }));
    }
    fn sends(&self, port: Term, to: Term, message: &Owned) {
        self.with(|node| node.trace_port_sends(port, to, message.term));
    }
    fn timed_out(&self, port: Term) {
        self.with(|node| node.emit_of_port(port, RECEIVE, |_| vec![atom!("receive"), am::TIMEOUT]));
    }
    fn runs(&self, port: Term, runs: bool) {
        self.with(|node| node.port_runs(port, None, runs));
    }
    fn watches(&self) -> Watches {
        self.node.upgrade().map_or(Watches::default(), |node| Watches { long: node.system_monitor.any(), runs: node.hears_of_ports() })
    }
    fn took(&self, port: Term, what: &str, time: Duration) {
        self.with(|node| node.watch_port(port, what, time.as_millis() as u64));
    }
    fn closed(&self, port: Term, reason: &Owned, name: Option<Term>) {
        self.with(|node| {
            node.emit_of_port(port, PORTS, |_| vec![am::CLOSED, reason.term]);
            if let Some(name) = name {
                node.emit_of_port(port, PORTS, |_| vec![atom!("unregister"), name]);
            }
            node.tracing.forget_port(port);
        });
    }
    fn wake(&self, process: Term) {
        self.with(|node| node.wake(process));
    }
    fn link(&self, process: Term, port: Term) {
        self.with(|node| {
            if node.deliver(process, Signal::Link { from: Who::Local(port) }).is_err()
                && let Some(ports) = of(node)
            {
                ports.exit(port, process, &Owned::immediate(am::NOPROC), true);
            }
        });
    }
    fn unlink(&self, process: Term, port: Term) {
        self.with(|node| {
            let _ = node.deliver(process, Signal::Unlink { from: Who::Local(port), id: 0 });
        });
    }
    fn watch_process(&self, process: Term, then: Box<dyn FnOnce() + Send>) -> Option<RefId> {
        self.node.upgrade().and_then(|node| crate::owned::watch(&node, process, Box::new(|_| then())))
    }
    fn unwatch_process(&self, number: RefId) {
        self.with(|node| crate::owned::unwatch(node, number));
    }
    fn decode(&self, bytes: &[u8]) -> Option<Owned> {
        let node = self.node.upgrade()?;
        let mut a = term::Alloc::new();
        let term = crate::resolver::decode_local(&node, bytes, &mut a)?;
        Some(Owned { term, memory: a.finish() })
    }
    fn release_name(&self, name: Term, port: Term) {
        self.with(|node| node.names.lock().remove_of(name, port));
    }
    fn set_timer(&self, after: Duration, work: Box<dyn FnOnce() + Send>) -> u64 {
        let mut word = 0;
        self.with(|node| {
            let at = node.sched.now().saturating_add(after.as_nanos() as u64);
            word = node.sched.set_timer(at, Timer::Call(TimerCall(Box::new(move |_| work())))).to_word();
        });
        word
    }
    fn cancel_timer(&self, timer: u64) {
        if let Some(timer) = sched::TimerRef::from_word(timer) {
            self.with(|node| {
                node.sched.cancel_timer(timer);
            });
        }
    }
    fn interrupt_is_a_key(&self) -> bool {
        self.node.upgrade().is_some_and(|n| n.config.break_key == node::config::BreakKey::Interrupt)
    }
    fn log_error(&self, text: String) {
        self.with(|node| log_error(node, &text));
    }
}

/// A line for the node's log, as the runtime itself writes it.
pub(crate) fn log_error(node: &Arc<Node>, text: &str) {
    let time = node.world.clock.system_ns().div_euclid(1000);
    let message = Owned::build(|a| {
        let format = a.list_of_chars("~s~n");
        let text = a.list_of_chars(text);
        let args = a.list(&[text]);
        let tags = term::map::from_pairs(a, &[(atom!("emulator"), am::TRUE), (am::TAG, am::ERROR)]);
        let time = a.int(time);
        let meta = [(atom!("time"), time), (atom!("error_logger"), tags)];
        let meta = term::map::from_pairs(a, &meta);
        a.tuple(&[atom!("log"), am::ERROR, format, args, meta])
    });
    node.log(message);
}

/// The node's way to its ports.
struct Door(Arc<Ports>, Arc<told::Told>);

impl hooks::Ports for Door {
    fn command(&self, cx: &mut Ctx, id: Term, message: Term, nosuspend: bool) -> Result<Sent, Stop> {
        self.1.tell();
        let Some(port) = self.0.get(id) else { return Ok(Sent::Done) };
        let Some(&[owner, request]) = message.as_tuple_n::<2>() else {
            self.0.bad_signal(&port);
            return Ok(Sent::Done);
        };
        if owner != self.0.owner(&port) {
            self.0.bad_signal(&port);
            return Ok(Sent::Done);
        }
        if request == am::CLOSE {
            runs(cx.node, id, am::CLOSE, || {
                received(cx, id, |_| am::CLOSE);
                cx.node.emit_of_port(id, SEND, |_| vec![atom!("send"), am::CLOSED, owner]);
                self.0.close(&port, true);
            });
            return Ok(Sent::Done);
        }
        match request.as_tuple_n::<2>() {
            Some(&[am::COMMAND, data]) => {
                let Ok(size) = iolist::size(data) else {
                    bad_value(cx, &port);
                    self.0.bad_signal(&port);
                    return Ok(Sent::Done);
                };
                if nosuspend && self.0.is_busy(&port) {
                    return Ok(Sent::NoSuspend);
                }
                cx.charge(size / 100);
                match command(cx, &self.0, &port, data, true) {
                    Command::Busy => {
                        if !std::mem::replace(&mut cx.p.port_busy, true) {
                            cx.node.watch_busy(cx.pid, id, false);
                        }
                        Err(Stop::Wait)
                    }
                    _ => {
                        cx.p.port_busy = false;
                        Ok(Sent::Done)
                    }
                }
            }
            Some(&[am::CONNECT, new]) if new.is_local_pid() && cx.node.is_alive(new) => {
                runs(cx.node, id, am::CONNECT, || {
                    self.0.connect(&port, new);
                    received(cx, id, |a| a.tuple(&[am::CONNECT, new]));
                    let to = owner;
                    cx.node.emit_of_port(id, SEND, |a| vec![atom!("send"), a.tuple(&[id, am::CONNECTED]), to]);
                    let connected = Owned::build(|a| a.tuple(&[id, am::CONNECTED]));
                    cx.node.send_message(owner, connected);
                });
                Ok(Sent::Done)
            }
            _ => {
                self.0.bad_signal(&port);
                Ok(Sent::Done)
            }
        }
    }
    fn exists(&self, _: &Arc<Node>, port: Term) -> bool {
        self.0.get(port).is_some()
    }
    fn link(&self, node: &Arc<Node>, port: Term, process: Term) -> bool {
        runs(node, port, am::LINK, || {
            let linked = self.0.link(port, process);
            if linked {
                node.emit_of_port(port, PORTS, |_| vec![atom!("getting_linked"), process]);
            }
            linked
        })
    }
    fn unlink(&self, node: &Arc<Node>, port: Term, process: Term) {
        runs(node, port, atom!("unlink"), || {
            self.0.unlink(port, process);
            node.emit_of_port(port, PORTS, |_| vec![atom!("getting_unlinked"), process]);
        });
    }
    fn exit(&self, _: &Arc<Node>, port: Term, from: Term, reason: &Owned, linked: bool) {
        self.1.tell();
        self.0.exit(port, from, reason, linked);
    }
    fn monitor(&self, _: &Arc<Node>, port: Term, reference: RefId, watcher: Term) -> bool {
        self.0.monitor(port, reference, watcher)
    }
    fn demonitor(&self, _: &Arc<Node>, port: Term, reference: RefId) {
        self.0.demonitor(port, reference);
    }
    fn named(&self, node: &Arc<Node>, port: Term, name: Option<Term>) -> bool {
        let before = self.0.get(port).and_then(|p| self.0.info(&p).registered);
        let done = self.0.set_name(port, name);
        if let Some(shown) = name.or(before).filter(|_| done) {
            let what = if name.is_some() { atom!("register") } else { atom!("unregister") };
            node.emit_of_port(port, PORTS, |_| vec![what, shown]);
        }
        done
    }
    fn down(&self, node: &Arc<Node>, reference: RefId, reason: Term) {
        crate::owned::ended(node, reference, reason);
    }
    fn flush(&self, _: &Arc<Node>, done: Box<dyn FnOnce() + Send>) {
        self.1.tell();
        if self.0.is_flushed() {
            return done();
        }
        // It may take as long as somebody else takes to read.
        let ports = self.0.clone();
        let work = move || {
            ports.flush(None);
            done();
        };
        let started = std::thread::Builder::new().name("flush".into()).spawn(work);
        debug_assert!(started.is_ok(), "a halting node can start a thread");
    }
    fn count(&self) -> usize {
        self.0.count()
    }
    fn traffic(&self) -> (u64, u64) {
        self.0.traffic()
    }
    fn trace_output(&self, node: &Node, port: Term, message: Term) -> bool {
        let Some(to) = self.0.get(port) else { return false };
        let id = crate::resolver::node_id(node);
        let options = if node.code.release >= 26 { etf::Options::new(id) } else { etf::Options::otp25(id) };
        self.1.push(to, etf::encode(message, &options));
        true
    }
    fn tell_traces(&self) {
        self.1.tell();
    }
    fn is_open(&self, port: Term) -> bool {
        self.0.get(port).is_some()
    }
    fn list(&self) -> Vec<Term> {
        self.0.all()
    }
    fn tell_heart(&self, node: &Arc<Node>) -> bool {
        // PREPARING_CRASH in OTP's erts/etc/common/heart.c.
        const PREPARING_CRASH: u8 = 8;
        let port = node.whereis(atom!("heart_port")).and_then(|name| self.0.get(name));
        port.is_some_and(|port| matches!(self.0.command(&port, Term::NIL, || vec![PREPARING_CRASH], false), Command::Done))
    }
    fn describe(&self, id: Term, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let Some(port) = self.0.get(id) else { return Ok(()) };
        let i = self.0.info(&port);
        let text = term::print::text;
        write!(out, "=port:{}\nState: CONNECTED\nSlot: {}\nConnected: {}\n", text(id), id.port_id(), text(i.owner))?;
        if !i.links.is_empty() {
            writeln!(out, "Links: {}", i.links.iter().map(|&l| text(l)).collect::<Vec<_>>().join(", "))?;
        }
        if let Some(name) = i.registered {
            writeln!(out, "Registered as: {}", text(name))?;
        }
        writeln!(out, "Port controls linked-in driver: {}", String::from_utf8_lossy(&i.name).replace('\n', " "))?;
        write!(out, "Input: {}\nOutput: {}\nQueue: {}\n", i.input, i.output, i.queue_size)
    }
}

/// A port does what a process asks for.
fn runs<R>(node: &Arc<Node>, port: Term, what: Term, f: impl FnOnce() -> R) -> R {
    if !node.hears_of_ports() {
        return f();
    }
    node.port_runs(port, Some(what), true);
    let r = f();
    node.port_runs(port, Some(what), false);
    r
}

/// A command of the present process. `wait`: a busy port, which does not hear of it yet, makes the caller wait.
fn command(cx: &mut Ctx, ports: &Arc<Ports>, port: &Arc<Port>, data: Term, wait: bool) -> Command {
    let bytes = || iolist::bytes(data).unwrap_or_default();
    if wait && ports.is_busy(port) {
        return ports.command(port, cx.pid, bytes, true);
    }
    runs(cx.node, port.id, am::COMMAND, || {
        received(cx, port.id, |a| command_term(a, data));
        ports.command(port, cx.pid, bytes, wait)
    })
}

/// Tells of a signal that a port has received.
fn received(cx: &mut Ctx, port: Term, what: impl Fn(&mut Alloc) -> Term) {
    let from = cx.pid;
    cx.node.emit_of_port(port, RECEIVE, |a| {
        let what = what(a);
        vec![atom!("receive"), a.tuple(&[from, what])]
    });
}

/// `{command, Data}` with all data in one binary.
fn command_term(a: &mut Alloc, data: Term) -> Term {
    let bytes = a.binary(&iolist::bytes(data).unwrap_or_default());
    a.tuple(&[am::COMMAND, bytes])
}

fn bad_value(cx: &mut Ctx, port: &Port) {
    log_error(cx.node, &format!("Bad value on output port '{}'", String::from_utf8_lossy(&port.name)));
}

// ---- opening

/// The first argument of `open_port`.
fn port_name(cx: &mut Ctx, t: Term) -> Result<Name, Stop> {
    let utf8 = names_are_utf8(cx);
    let Some(parts) = t.as_tuple() else {
        // Before OTP 27 the name alone does.
        let name = term::atom::as_text(t).map(|n| n.as_bytes().to_vec()).or_else(|| name_bytes(t, utf8)).filter(|_| cx.node.code.release < 27);
        return name.filter(|n| !n.is_empty()).map(Name::Vanilla).ok_or_else(|| cx.badarg());
    };
    let text = |t: Term| term::atom::as_text(t).map(|t| t.as_bytes().to_vec()).or_else(|| name_bytes(t, utf8));
    let name = match *parts {
        [kind, what] => match term::atom::as_text(kind) {
            Some("spawn") => text(what).map(Name::Spawn),
            Some("spawn_driver") => text(what).map(Name::SpawnDriver),
            Some("spawn_executable") => text(what).map(Name::SpawnExecutable),
            _ => None,
        },
        [kind, read, write] if term::atom::as_text(kind) == Some("fd") => match (read.to(), write.to()) {
            (Some(read), Some(write)) => Some(Name::Fd(read, write)),
            _ => None,
        },
        _ => None,
    };
    name.ok_or_else(|| cx.badarg())
}

fn limits(t: Term) -> Option<Option<(usize, usize)>> {
    if t == atom!("disabled") {
        return Some(None);
    }
    let &[low, high] = t.as_tuple_n::<2>()?;
    let word = |t: Term| t.to::<usize>().or_else(|| t.as_big().filter(|b| !b.0 && b.1.len() == 1).map(|b| b.1[0] as usize));
    let (low, high) = (word(low)?, word(high)?);
    // The largest number stands for `disabled`.
    (low > 0 && low <= high && high < usize::MAX).then_some(Some((low, high)))
}

/// `[{Name, Value | false}]`; a later one counts.
fn environment(t: Term, utf8: bool) -> Option<Vec<(Vec<u8>, Option<Vec<u8>>)>> {
    let mut out = Vec::new();
    for pair in t.proper_list()? {
        let &[name, value] = pair.as_tuple_n::<2>()?;
        let name = name_bytes(name, utf8)?;
        if name.is_empty() || name.contains(&b'=') {
            return None;
        }
        let value = if value == am::FALSE { None } else { Some(name_bytes(value, utf8)?) };
        out.push((name, value));
    }
    Some(out)
}

/// The longest line, where option `line` names none.
const LINE: usize = 512;

/// One option; `None` if it is wrong.
fn option(o: &mut Options, directions: &mut (bool, bool), t: Term, utf8: bool) -> Option<()> {
    if let Some(&[key, value]) = t.as_tuple_n::<2>() {
        match term::atom::as_text(key)? {
            "packet" => {
                o.packet = value.to().filter(|n| matches!(n, 1 | 2 | 4))?;
                o.line = None;
            }
            "line" => {
                o.line = Some(value.to::<usize>().filter(|&n| n > 0)?);
                o.packet = 0;
            }
            "env" => o.env.extend(environment(value, utf8)?),
            "args" => o.args = value.proper_list()?.into_iter().map(|a| name_bytes(a, utf8)).collect::<Option<_>>()?,
            "arg0" => o.arg0 = Some(name_bytes(value, utf8)?),
            "cd" => o.cd = Some(name_bytes(value, utf8)?),
            "parallelism" => o.parallelism = value.as_bool()?,
            "busy_limits_port" => o.busy_limits = limits(value)?,
            "busy_limits_msgq" => {
                limits(value)?;
            }
            _ => return None,
        }
        return Some(());
    }
    match term::atom::as_text(t)? {
        "stream" => (o.packet, o.line) = (0, None),
        "line" => (o.packet, o.line) = (0, Some(LINE)),
        "use_stdio" => o.use_stdio = true,
        "stderr_to_stdout" => o.stderr_to_stdout = true,
        "nouse_stdio" => o.use_stdio = false,
        "exit_status" => o.exit_status = true,
        "eof" => o.eof = true,
        "in" => directions.0 = true,
        "out" => directions.1 = true,
        "binary" => o.binary = true,
        "hide" => o.hide = true,
        "overlapped_io" => {}
        _ => return None,
    }
    Some(())
}

/// `erts_internal:open_port/2`: an atom stands for an error, which OTP's own wrapper raises.
fn open_port(cx: &mut Ctx, a: &[Term]) -> Res {
    let Ok(name) = port_name(cx, a[0]) else { return Ok(am::BADARG) };
    let utf8 = names_are_utf8(cx);
    let Some(list) = a[1].proper_list() else { return Ok(atom!("badopt")) };
    let executable = matches!(name, Name::SpawnExecutable(_));
    let (mut options, mut directions) = (Options::default(), (false, false));
    for t in list {
        if option(&mut options, &mut directions, t, utf8).is_none() {
            return Ok(atom!("badopt"));
        }
    }
    // Even an empty list of arguments is for executables alone.
    let given = |name: Term| a[1].iter().any(|o| o.as_tuple_n::<2>().is_some_and(|e| e[0] == name));
    let arguments = given(atom!("args")) || given(atom!("arg0"));
    if arguments && !executable || name == Name::Spawn(Vec::new()) {
        return Ok(am::BADARG);
    }
    if directions != (false, false) {
        (options.input, options.output) = directions;
    }
    let Some(ports) = of(cx.node) else { return Err(cx.notsup()) };
    match ports.open(&name, options, cx.pid) {
        Ok(port) => {
            cx.p.links.insert(Who::Local(port), 0);
            let name = ports.get(port).map_or(Vec::new(), |p| p.name.clone());
            cx.node.trace_new_port(port, cx.pid, &String::from_utf8_lossy(&name));
            if cx.p.trace.is_some() {
                cx.node.clone().trace_procs(cx.pid, cx.p, &[am::LINK, port]);
            }
            Ok(port)
        }
        Err(OpenError::BadArg) => Ok(am::BADARG),
        Err(OpenError::SystemLimit) => Ok(am::SYSTEM_LIMIT),
        Err(OpenError::Posix(e)) => Ok(term::atom::intern(e.name())),
    }
}

// ---- open ports

/// What OTP's own wrappers want: the reason of an error as a value, which they raise.
fn told(cx: &mut Ctx, a: &[Term], f: fn(&mut Ctx, &[Term]) -> Res) -> Res {
    match f(cx, a) {
        Err(Stop::Raise) if cx.p.exception.class == process::Class::Error && cx.p.exception.reason.is_atom() => {
            let reason = cx.p.exception.reason;
            cx.p.exception = process::Exception::error(Term::NIL);
            Ok(reason)
        }
        done => done,
    }
}

/// The open port that a term names; `None` if there is none, an error if it names no port at all.
fn find(cx: &mut Ctx, t: Term) -> Result<Option<(Arc<Ports>, Arc<Port>)>, Stop> {
    let id = match t {
        t if t.is_atom() => match cx.node.whereis(t) {
            Some(id) if id.is_local_port() => id,
            Some(_) => return Err(cx.badarg()),
            None => return Ok(None),
        },
        t if t.is_local_port() => t,
        _ => return Err(cx.badarg()),
    };
    cx.node.tell_traces();
    let Some(ports) = of(cx.node) else { return Ok(None) };
    Ok(ports.get(id).map(|port| (ports, port)))
}

fn existing(cx: &mut Ctx, t: Term) -> Result<(Arc<Ports>, Arc<Port>), Stop> {
    match find(cx, t)? {
        Some(found) => Ok(found),
        None => Err(cx.badarg()),
    }
}

fn port_command(cx: &mut Ctx, a: &[Term]) -> Res {
    let (ports, port) = existing(cx, a[0])?;
    let (mut force, mut nosuspend) = (false, false);
    let mut options = a[2].iter();
    for o in options.by_ref() {
        match term::atom::as_text(o) {
            Some("force") => force = true,
            Some("nosuspend") => nosuspend = true,
            _ => return Err(cx.badarg()),
        }
    }
    if !options.rest().is_nil() {
        return Err(cx.badarg());
    }
    let Ok(size) = iolist::size(a[1]) else {
        bad_value(cx, &port);
        return Err(cx.badarg());
    };
    if force && !ports.takes_force(&port) {
        return Err(cx.notsup());
    }
    if nosuspend && !force && ports.is_busy(&port) {
        return Ok(am::FALSE);
    }
    cx.charge(size / 100);
    let waited = std::mem::replace(&mut cx.p.port_busy, false);
    match command(cx, &ports, &port, a[1], !force) {
        Command::Done => Ok(am::TRUE),
        Command::Busy => {
            cx.p.port_busy = true;
            if !waited {
                cx.node.watch_busy(cx.pid, port.id, false);
            }
            Err(Stop::Wait)
        }
        Command::NoPort => Err(cx.badarg()),
    }
}

fn operation(cx: &mut Ctx, t: Term) -> Result<u32, Stop> {
    t.to::<u32>().ok_or_else(|| cx.badarg())
}

fn port_control(cx: &mut Ctx, a: &[Term]) -> Res {
    let (ports, port) = existing(cx, a[0])?;
    let operation = operation(cx, a[1])?;
    let Ok(data) = iolist::bytes_of(a[2]) else { return Err(cx.badarg()) };
    let answer = runs(cx.node, port.id, atom!("control"), || {
        if cx.node.hears_of_ports() && ports.takes_controls(&port) {
            received(cx, port.id, |h| {
                let number = h.uint(operation.into());
                let bytes = h.binary(&data);
                let what = h.tuple(&[number, bytes]);
                h.tuple(&[atom!("control"), what])
            });
        }
        let answer = ports.control(&port, cx.pid, operation, &data);
        if let Control::List(bytes) | Control::Binary(bytes) = &answer {
            let (id, to) = (port.id, cx.pid);
            cx.node.emit_of_port(id, SEND, |h| {
                let bytes = h.binary(bytes);
                let what = h.tuple(&[atom!("control"), bytes]);
                vec![atom!("send"), h.tuple(&[id, what]), to]
            });
        }
        answer
    });
    match answer {
        Control::List(bytes) => Ok(cx.h().list_of_bytes(&bytes)),
        Control::Binary(bytes) => Ok(cx.h().binary(&bytes)),
        Control::Bad => Err(cx.badarg()),
    }
}

fn port_call(cx: &mut Ctx, a: &[Term]) -> Res {
    let (ports, port) = existing(cx, a[0])?;
    let operation = operation(cx, a[1])?;
    let data = etf::encode(a[2], &crate::erlang::etf::defaults(cx));
    let called = |h: &mut Alloc, bytes: &[u8], number: Option<u32>| {
        let bytes = h.binary(bytes);
        let what = match number {
            Some(n) => {
                let n = h.uint(n.into());
                h.tuple(&[n, bytes])
            }
            None => bytes,
        };
        h.tuple(&[atom!("call"), what])
    };
    let answer = runs(cx.node, port.id, atom!("call"), || {
        if cx.node.hears_of_ports() && ports.takes_calls(&port) {
            received(cx, port.id, |h| called(h, &data, Some(operation)));
        }
        let answer = ports.call(&port, cx.pid, operation, &data)?;
        let (id, to) = (port.id, cx.pid);
        cx.node.emit_of_port(id, SEND, |h| {
            let what = called(h, &answer, None);
            vec![atom!("send"), h.tuple(&[id, what]), to]
        });
        Some(answer)
    });
    let Some(answer) = answer else { return Err(cx.badarg()) };
    let node = cx.node.clone();
    match crate::resolver::decode_literal(&node, &answer, cx.h()) {
        Some(t) => Ok(cx.h().ok(t)),
        None => Err(cx.badarg()),
    }
}

fn port_close(cx: &mut Ctx, a: &[Term]) -> Res {
    let (ports, port) = existing(cx, a[0])?;
    runs(cx.node, port.id, am::CLOSE, || {
        received(cx, port.id, |_| am::CLOSE);
        ports.close(&port, false);
    });
    Ok(am::TRUE)
}

fn port_connect(cx: &mut Ctx, a: &[Term]) -> Res {
    let (ports, port) = existing(cx, a[0])?;
    if !a[1].is_local_pid() || !cx.node.is_alive(a[1]) {
        return Err(cx.badarg());
    }
    let (id, to) = (port.id, cx.pid);
    runs(cx.node, id, am::CONNECT, || {
        ports.connect(&port, a[1]);
        if ports.link(id, a[1]) {
            cx.node.emit_of_port(id, PORTS, |_| vec![atom!("getting_linked"), a[1]]);
        }
        received(cx, id, |h| h.tuple(&[am::CONNECT, a[1]]));
        cx.node.emit_of_port(id, SEND, |h| vec![atom!("send"), h.tuple(&[id, am::CONNECTED]), to]);
    });
    if a[1] == cx.pid {
        cx.p.links.insert(Who::Local(port.id), 0);
    } else {
        let _ = cx.node.deliver(a[1], Signal::Link { from: Who::Local(port.id) });
    }
    Ok(am::TRUE)
}

/// One item of `port_info`; `None` for an unknown one.
fn item(cx: &mut Ctx, port: &Port, i: &Info, item: Term) -> Option<Term> {
    let utf8 = names_are_utf8(cx);
    let value = match term::atom::as_text(item)? {
        "registered_name" => match i.registered {
            Some(name) => name,
            None => return Some(Term::NIL),
        },
        "name" => match name_list(cx, &i.name, utf8) {
            Some(name) => name,
            None => cx.h().list_of_bytes(&i.name),
        },
        "links" => cx.h().list(&i.links),
        "id" => cx.h().uint(port.id.port_id() * 8),
        "connected" => i.owner,
        "input" => cx.h().uint(i.input),
        "output" => cx.h().uint(i.output),
        "os_pid" if i.os_pid == 0 => am::UNDEFINED,
        "os_pid" => Term::small(i.os_pid.into()),
        "parallelism" => Term::bool(i.parallelism),
        "locking" => atom!("port_level"),
        "memory" => Term::small((size_of::<Port>() + port.name.len()) as i64),
        "monitors" => {
            let monitors: Vec<Term> = i.monitors.iter().map(|&pid| cx.h().tuple(&[am::PROCESS, pid])).collect();
            cx.h().list(&monitors)
        }
        "monitored_by" => cx.h().list(&i.monitored_by),
        "queue_size" => Term::small(i.queue_size as i64),
        _ => return None,
    };
    Some(cx.h().tuple(&[item, value]))
}

/// Asks it for what it tells of itself.
fn asked(cx: &Ctx, ports: &Ports, port: &Port) -> Info {
    runs(cx.node, port.id, atom!("info"), || ports.info(port))
}

fn port_info_all(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some((ports, port)) = find(cx, a[0])? else { return Ok(am::UNDEFINED) };
    let info = asked(cx, &ports, &port);
    let mut items = Vec::new();
    for name in ["registered_name", "name", "links", "id", "connected", "input", "output", "os_pid"] {
        let t = item(cx, &port, &info, term::atom::intern(name));
        items.extend(t.filter(|t| !t.is_nil()));
    }
    Ok(cx.h().list(&items))
}

fn port_info(cx: &mut Ctx, a: &[Term]) -> Res {
    let known = ["registered_name", "name", "links", "id", "connected", "input", "output", "os_pid", "parallelism", "locking", "memory", "monitors", "monitored_by", "queue_size"];
    if !term::atom::as_text(a[1]).is_some_and(|t| known.contains(&t)) {
        return Err(cx.badarg());
    }
    let Some((ports, port)) = find(cx, a[0])? else { return Ok(am::UNDEFINED) };
    let info = asked(cx, &ports, &port);
    item(cx, &port, &info, a[1]).ok_or_else(|| cx.badarg())
}

fn all_ports(cx: &mut Ctx, _: &[Term]) -> Res {
    let all = of(cx.node).map(|p| p.all()).unwrap_or_default();
    Ok(cx.h().list(&all))
}

fn port_set_data(cx: &mut Ctx, a: &[Term]) -> Res {
    let (ports, port) = existing(cx, a[0])?;
    ports.set_data(&port, copy_out(a[1]));
    Ok(am::TRUE)
}

fn port_get_data(cx: &mut Ctx, a: &[Term]) -> Res {
    let (ports, port) = existing(cx, a[0])?;
    let data = ports.with_data(&port, |data| data.map(|t| term::copy::copy(t, cx.h(), literals())));
    Ok(data.unwrap_or(am::UNDEFINED))
}

// ---- drivers from libraries: there are none

fn try_load(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_list() && !a[0].is_binary() && !a[0].is_atom() {
        return Err(cx.badarg());
    }
    Ok(cx.h().error(am::NOTSUP))
}

fn try_unload(cx: &mut Ctx, _: &[Term]) -> Res {
    Ok(cx.h().error(atom!("not_loaded")))
}

fn loaded_drivers(cx: &mut Ctx, _: &[Term]) -> Res {
    let names: Vec<Term> = ports::drivers::names(cx.node.code.release).into_iter().map(|n| cx.h().list_of_chars(n)).collect();
    let names = cx.h().list(&names);
    Ok(cx.h().ok(names))
}

fn ddll_info(cx: &mut Ctx, _: &[Term]) -> Res {
    Err(cx.badarg())
}

fn format_error_int(cx: &mut Ctx, a: &[Term]) -> Res {
    let text = match term::atom::as_text(a[0]) {
        Some("notsup") => "Loading of drivers is not supported",
        Some("not_loaded") => "Driver is not loaded",
        _ => "Unknown error",
    };
    Ok(cx.h().list_of_chars(text))
}

const fn os(module: &'static str, function: &'static str, arity: u8, run: node::NativeFn) -> Native {
    Native::new(module, function, arity, run).effect(Effect::Os)
}

pub const NATIVES: &[Native] = &[
    os("erts_internal", "open_port", 2, open_port),
    os("erts_internal", "port_command", 3, |cx, a| told(cx, a, port_command)),
    os("erts_internal", "port_control", 3, |cx, a| told(cx, a, port_control)),
    os("erts_internal", "port_call", 3, |cx, a| told(cx, a, port_call)),
    os("erts_internal", "port_close", 1, |cx, a| told(cx, a, port_close)),
    os("erts_internal", "port_connect", 2, |cx, a| told(cx, a, port_connect)),
    os("erts_internal", "port_info", 1, |cx, a| told(cx, a, port_info_all)),
    os("erts_internal", "port_info", 2, |cx, a| told(cx, a, port_info)),
    os("erlang", "ports", 0, all_ports),
    os("erlang", "port_set_data", 2, port_set_data),
    os("erlang", "port_get_data", 1, port_get_data),
    os("erl_ddll", "try_load", 3, try_load),
    os("erl_ddll", "try_unload", 2, try_unload),
    os("erl_ddll", "loaded_drivers", 0, loaded_drivers),
    os("erl_ddll", "info", 2, ddll_info),
    os("erl_ddll", "format_error_int", 1, format_error_int),
];
