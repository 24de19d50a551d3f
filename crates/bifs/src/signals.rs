//! Signals of the operating system, for a node that has a process to itself: messages to `erl_signal_server`, and the menu of the
//! interrupt key. Not here: `os:set_signal/2` (`os`), how handlers work (`sys::signals`).

use base::sync::Mutex;
use node::Node;
use node::config::BreakKey;
use process::Owned;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, Weak};
use sys::signals::{Disposition, Signal, Subscription};
use term::{Term, am, atom};

#[derive(Default)]
struct Part {
    subscription: Mutex<Option<Subscription>>,
    /// The menu is open.
    menu: AtomicBool,
}

/// Makes the process's signals the node's: termination, the user's signals, the interrupt key.
pub fn take_process(node: &Arc<Node>) {
    let signals = &node.world.signals;
    let told = Arc::downgrade(node);
    let listener = move |signal| {
        if let Some(node) = Weak::upgrade(&told) {
            arrived(&node, signal);
        }
    };
    *node.part::<Part>().subscription.lock() = signals.subscribe(Box::new(listener)).ok();
    for signal in [Signal::Term, Signal::Usr1, Signal::Quit] {
        // Where it cannot be handled, the system's own way stays.
        let _ = signals.set(signal, Disposition::Handle);
    }
    let _ = match node.config.break_key {
        BreakKey::Menu | BreakKey::Interrupt => signals.set(Signal::Int, Disposition::Handle),
        BreakKey::Ignored => signals.set(Signal::Int, Disposition::Ignore),
        BreakKey::Disabled => Ok(()),
    };
}

fn arrived(node: &Arc<Node>, signal: Signal) {
    if signal == Signal::Int {
        return interrupt(node);
    }
    if matches!(signal, Signal::Winch | Signal::Cont) && node.code.release < 28 {
        // Only terminals handle them.
        return;
    }
    let message = Owned::build(|a| a.tuple(&[atom!("notify"), term::atom::intern(signal.name())]));
    node.send_to_name(atom!("erl_signal_server"), message);
}

fn interrupt(node: &Arc<Node>) {
    let part = node.part::<Part>();
    if part.menu.swap(true, AcqRel) {
        // Twice: no more questions.
        return end(node, 0);
    }
    let menu_of = node.clone();
    let run = move || {
        menu(&menu_of);
        menu_of.part::<Part>().menu.store(false, Release);
    };
    if std::thread::Builder::new().name("break".into()).spawn(run).is_err() {
        end(node, 0);
    }
}

/// Ends the node without flushing.
fn end(node: &Arc<Node>, status: i32) {
    node.begin_halt();
    node.halt(status);
}

const MENU: &str = "\nBREAK: (a)bort (A)bort with dump (c)ontinue (p)roc info (i)nfo\n       (l)oaded (v)ersion (k)ill (D)b-tables (d)istribution\n";

/// Asks what to do, on the terminal as it was found, and does it. Ports get no input meanwhile; processes go on.
fn menu(node: &Arc<Node>) {
    let ports = crate::port::of(node);
    if let Some(ports) = &ports {
        ports.polling.hold_input(true);
    }
    node.world.tty.restore();
    say(MENU);
    loop {
        let Some(key) = key() else { return end(node, 0) };
        match key {
            'a' => return end(node, 0),
            'A' => {
                let version = crate::erlang::system::system_version(node);
                node.crash("Crash dump requested by user", &version, None);
                return end(node, 1);
            }
            'c' => break,
            'p' => {
                put(&node.dump_processes(None));
                break;
            }
            'i' => {
                put(&node.dump_memory());
                break;
            }
            'l' => {
                put(&node.list_modules());
                break;
            }
            'v' => {
                say(&format!("Erlang (BEAM) emulator version {}\n", node.config.otp.erts_version));
                break;
            }
            'D' => {
                tables(node);
                break;
            }
            'd' => {
                say(&format!("=node:'{}'\n=no_distribution\n", term::atom::text(node.name())));
                break;
            }
            'k' => {
                kill(node);
                break;
            }
            other => say(&format!("Invalid option '{other}'. Please enter one of the following:\n{MENU}")),
        }
    }
    node.world.tty.resume();
    if let Some(ports) = &ports {
        ports.polling.hold_input(false);
    }
}

fn tables(node: &Arc<Node>) {
    for t in node.tables.list() {
        let name = term::print::text(t.name());
        let owner = term::print::text(t.owner());
        say(&format!("=ets:{owner}\nTable: {name}\nObjects: {}\nWords: {}\n", t.size(), t.memory()));
    }
}

/// Shows one process after another.
fn kill(node: &Arc<Node>) {
    for pid in node.processes.pids() {
        say(&format!("{}\n(k)ill (n)ext (r)eturn:\n", term::print::text(pid)));
        match key() {
            Some('k') => {
                let reason = Owned::immediate(am::KILL);
                node.exit_signal(Term::pid(0, 0), process::Who::Local(pid), reason);
            }
            Some('n') => {}
            _ => return,
        }
    }
}

/// The first character of a line from the terminal; `None` at its end.
fn key() -> Option<char> {
    let input = sys::fd::borrow(0)?;
    let (mut first, mut byte) = (None, [0]);
    loop {
        match sys::fd::read(input, &mut byte) {
            Ok(1) if byte[0] == b'\n' => match first {
                Some(c) => return Some(c),
                None => continue,
            },
            Ok(1) => {
                first.get_or_insert(char::from(byte[0]));
            }
            _ => return None,
        }
    }
}

fn say(text: &str) {
    put(text.as_bytes());
}

fn put(bytes: &[u8]) {
    let mut out = std::io::stdout();
    // A terminal that is gone needs no answer.
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}
