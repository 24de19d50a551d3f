//! Module `prim_tty` (since release 26): the native half of the terminal. Line editing is Erlang's; here are modes, reading when there is
//! something to read, writing, the terminal's description. Not here: `tty_sl`, which older releases use (crate `ports`).

use crate::iolist;
use crate::prim_file::posix;
use crate::result::Res;
use base::sync::Mutex;
use node::config::BreakKey;
use node::{Ctx, Dirty, Effect, Native, NativeFn, Node, Stop};
use process::Owned;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, Weak};
use sys::Errno;
use sys::poll::Interest;
use sys::signals::{Disposition, Signal, Subscription};
use sys::terminfo::{self, Terminfo};
use sys::tty::TtyMode;
use term::magic::Magic;
use term::{Term, am, atom};

const STDIN: i32 = 0;

/// What a terminal's reference holds.
struct Tty {
    /// The descriptor that is written to.
    output: i32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    mode: Option<TtyMode>,
    /// Who reads, and by which references it is told: of input, of signals.
    reader: Option<Term>,
    input_ref: Option<(u64, u64)>,
    signal_ref: Option<(u64, u64)>,
    signals: VecDeque<Signal>,
    subscription: Option<Subscription>,
}

/// The description of the node's terminal.
#[derive(Default)]
struct Description(OnceLock<Option<Terminfo>>);

fn tty(cx: &mut Ctx, t: Term) -> Result<&'static Tty, Stop> {
    t.magic_value::<Tty>().ok_or_else(|| cx.badarg())
}

fn enotsup(cx: &mut Ctx) -> Term {
    cx.h().error(atom!("enotsup"))
}

// ---- the terminal

fn isatty(cx: &mut Ctx, a: &[Term]) -> Res {
    let number = match term::atom::as_text(a[0]) {
        Some("stdin") => 0,
        Some("stdout") => 1,
        Some("stderr") => 2,
        _ => tty(cx, a[0]).map(|t| t.output)?,
    };
    if sys::fd::borrow(number).is_none() {
        return Ok(atom!("ebadf"));
    }
    Ok(Term::bool(cx.node.world.tty.is_tty(number)))
}

fn create(cx: &mut Ctx, output: i32) -> Res {
    let magic = Magic { id: (cx.node.next_ref(), 0), value: Box::new(Tty { output, state: Mutex::default() }) };
    let t = cx.h().magic_ref(Arc::new(magic));
    Ok(cx.h().ok(t))
}

fn tty_create(cx: &mut Ctx, _: &[Term]) -> Res {
    create(cx, 1)
}

fn tty_create_for(cx: &mut Ctx, a: &[Term]) -> Res {
    match term::atom::as_text(a[0]) {
        Some("stdout") => create(cx, 1),
        Some("stderr") => create(cx, 2),
        _ => Err(cx.badarg()),
    }
}

/// Signals become keys with `+Bc`.
fn keeps_signals(cx: &Ctx) -> bool {
    cx.node.config.break_key != BreakKey::Interrupt
}

/// `tty_init(TTY, stdout, Options)`: prepares the mode that `tty_set` sets.
fn tty_init_3(cx: &mut Ctx, a: &[Term]) -> Res {
    let tty = tty(cx, a[0])?;
    if !cx.node.world.tty.is_tty(STDIN) {
        return Ok(enotsup(cx));
    }
    if !a[2].is_map() {
        return Err(cx.badarg());
    }
    let option = |name: &str| term::map::get(a[2], term::atom::intern(name)) == Some(am::TRUE);
    let mode = TtyMode { canon: option("canon"), echo: option("echo"), sig: keeps_signals(cx) };
    tty.state.lock().mode = Some(mode);
    Ok(am::OK)
}

fn tty_set(cx: &mut Ctx, a: &[Term]) -> Res {
    let tty = tty(cx, a[0])?;
    let mode = tty.state.lock().mode;
    set(cx, mode)
}

fn set(cx: &mut Ctx, mode: Option<TtyMode>) -> Res {
    Ok(match mode {
        Some(mode) => match cx.node.world.tty.set_mode(STDIN, mode) {
            Ok(()) => am::OK,
            Err(e) => posix(cx, e),
        },
        None => am::OK,
    })
}

/// `tty_init(TTY, Options)`: sets the mode at once.
fn tty_init_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let tty = tty(cx, a[0])?;
    if !a[1].is_map() {
        return Err(cx.badarg());
    }
    let option = |name: &str| term::map::get(a[1], term::atom::intern(name)).and_then(term::atom::as_text);
    let raw = option("input") == Some("raw");
    if !cx.node.world.tty.is_tty(STDIN) {
        return Ok(if raw { enotsup(cx) } else { am::OK });
    }
    let before = tty.state.lock().mode;
    let mode = if raw {
        Some(TtyMode { canon: false, echo: false, sig: keeps_signals(cx) })
    } else {
        // Left as it was found unless it was changed here.
        before.map(|_| TtyMode::COOKED)
    };
    tty.state.lock().mode = mode;
    set(cx, mode)
}

fn setlocale(cx: &mut Ctx, a: &[Term]) -> Res {
    tty(cx, a[0])?;
    Ok(Term::bool(sys::tty::locale_is_utf8(&cx.node.world.env)))
}

fn tty_window_size(cx: &mut Ctx, a: &[Term]) -> Res {
    let tty = tty(cx, a[0])?;
    Ok(match cx.node.world.tty.shell_size(tty.output) {
        Ok((columns, rows)) => {
            let size = cx.h().tuple(&[Term::small(columns.into()), Term::small(rows.into())]);
            cx.h().ok(size)
        }
        Err(_) => enotsup(cx),
    })
}

fn tty_encoding(cx: &mut Ctx, a: &[Term]) -> Res {
    tty(cx, a[0])?;
    Ok(am::UTF8)
}

fn tty_is_open(cx: &mut Ctx, a: &[Term]) -> Res {
    tty(cx, a[0])?;
    let number = match term::atom::as_text(a[1]) {
        Some("stdin") => 0,
        Some("stdout") => 1,
        Some("stderr") => 2,
        _ => return Err(cx.badarg()),
    };
    Ok(Term::bool(sys::fd::borrow(number).is_some()))
}

// ---- reading and writing

/// `{select, TTY, Ref, ready_input}`.
fn tell(node: &Node, tty: &Arc<Magic>, to: Term, reference: (u64, u64)) {
    let message = Owned::build(|a| {
        let tty = a.magic_ref(tty.clone());
        let reference = a.reference(reference.0, reference.1);
        a.tuple(&[atom!("select"), tty, reference, atom!("ready_input")])
    });
    node.send_message(to, message);
}

/// Has the reader told when there is something to read.
fn watch(cx: &mut Ctx, magic: Arc<Magic>) {
    let Some(tty) = magic.value.downcast_ref::<Tty>() else { return };
    let (reader, reference) = {
        let state = tty.state.lock();
        (state.reader, state.input_ref)
    };
    let (Some(reader), Some(reference)) = (reader, reference) else { return };
    let (Some(ports), Some(fd)) = (crate::port::of(cx.node), sys::fd::borrow(STDIN)) else { return };
    let node = Arc::downgrade(cx.node);
    let watched = Arc::downgrade(&magic);
    let _ = ports.polling.watch(fd, Interest::READ, move |_| {
        if let (Some(node), Some(magic)) = (Weak::upgrade(&node), Weak::upgrade(&watched)) {
            tell(&node, &magic, reader, reference);
        }
    });
}

fn reference(cx: &mut Ctx, t: Term) -> Result<(u64, u64), Stop> {
    t.as_local_ref().ok_or_else(|| cx.badarg())
}

fn magic(cx: &mut Ctx, t: Term) -> Result<Arc<Magic>, Stop> {
    tty(cx, t)?;
    t.magic_arc().ok_or_else(|| cx.badarg())
}

/// `tty_select(TTY, SignalRef, InputRef)`.
fn tty_select_3(cx: &mut Ctx, a: &[Term]) -> Res {
    let magic = magic(cx, a[0])?;
    let tty = tty(cx, a[0])?;
    let (signal_ref, input_ref) = (reference(cx, a[1])?, reference(cx, a[2])?);
    let watched = Arc::downgrade(&magic);
    let node = Arc::downgrade(cx.node);
    let listener = move |signal| {
        if !matches!(signal, Signal::Winch | Signal::Cont) {
            return;
        }
        let (Some(node), Some(magic)) = (Weak::upgrade(&node), Weak::upgrade(&watched)) else { return };
        let Some(tty) = magic.value.downcast_ref::<Tty>() else { return };
        let reader = {
            let mut state = tty.state.lock();
            state.signals.push_back(signal);
            state.reader.zip(state.signal_ref)
        };
        if let Some((reader, reference)) = reader {
            tell(&node, &magic, reader, reference);
        }
    };
    let signals = &cx.node.world.signals;
    for signal in [Signal::Winch, Signal::Cont] {
        let _ = signals.set(signal, Disposition::Handle);
    }
    let subscription = signals.subscribe(Box::new(listener)).ok();
    {
        let mut state = tty.state.lock();
        state.reader = Some(cx.pid);
        state.signal_ref = Some(signal_ref);
        state.input_ref = Some(input_ref);
        state.subscription = subscription;
    }
    watch(cx, magic);
    Ok(am::OK)
}

/// `tty_select(TTY, InputRef)`: signals come another way.
fn tty_select_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let magic = magic(cx, a[0])?;
    let tty = tty(cx, a[0])?;
    let input_ref = reference(cx, a[1])?;
    {
        let mut state = tty.state.lock();
        state.reader = Some(cx.pid);
        state.input_ref = Some(input_ref);
    }
    watch(cx, magic);
    Ok(am::OK)
}

fn tty_read_signal(cx: &mut Ctx, a: &[Term]) -> Res {
    let tty = tty(cx, a[0])?;
    let signal = tty.state.lock().signals.pop_front();
    Ok(match signal {
        Some(Signal::Winch) => cx.h().ok(atom!("winch")),
        Some(_) => cx.h().ok(atom!("cont")),
        None => posix(cx, Errno::EAGAIN),
    })
}

fn read(cx: &mut Ctx, a: &[Term], most: usize) -> Res {
    let magic = magic(cx, a[0])?;
    let Some(fd) = sys::fd::borrow(STDIN) else { return Ok(posix(cx, Errno::EBADF)) };
    let mut buffer = vec![0; most];
    Ok(match sys::fd::read(fd, &mut buffer) {
        // The end, or a terminal whose other side is gone.
        Ok(0) | Err(Errno::EIO) => cx.h().error(am::CLOSED),
        Ok(n) => {
            watch(cx, magic);
            let data = cx.h().binary(&buffer[..n]);
            cx.h().ok(data)
        }
        Err(Errno::EAGAIN) => {
            watch(cx, magic);
            let data = cx.h().binary(&[]);
            cx.h().ok(data)
        }
        Err(e) => posix(cx, e),
    })
}

fn read_2(cx: &mut Ctx, a: &[Term]) -> Res {
    read(cx, a, 1024)
}

fn read_3(cx: &mut Ctx, a: &[Term]) -> Res {
    match a[2].to::<usize>() {
        Some(n @ 1..=0x100_0000) => read(cx, a, n),
        _ => Err(cx.badarg()),
    }
}

fn write(cx: &mut Ctx, a: &[Term]) -> Res {
    let tty = tty(cx, a[0])?;
    let Ok(data) = iolist::bytes(a[1]) else { return Err(cx.badarg()) };
    let Some(fd) = sys::fd::borrow(tty.output) else { return Ok(posix(cx, Errno::EBADF)) };
    let mut rest = &data[..];
    while !rest.is_empty() {
        match sys::fd::write(fd, rest) {
            Ok(n) => rest = &rest[n..],
            Err(Errno::EAGAIN) => {
                if let Err(e) = sys::poll::wait_one(fd, Interest::WRITE, None) {
                    return Ok(posix(cx, e));
                }
            }
            Err(e) => return Ok(posix(cx, e)),
        }
    }
    Ok(am::OK)
}

// ---- characters

fn character(cx: &mut Ctx, t: Term) -> Result<u32, Stop> {
    t.to::<u32>().ok_or_else(|| cx.badarg())
}

fn isprint(cx: &mut Ctx, a: &[Term]) -> Res {
    let c = character(cx, a[0])?;
    Ok(Term::bool(sys::width::is_printable(c)))
}

fn wcwidth(cx: &mut Ctx, a: &[Term]) -> Res {
    let c = character(cx, a[0])?;
    Ok(match sys::width::columns(c) {
        -1 => cx.h().error(atom!("not_printable")),
        n => Term::small(n.into()),
    })
}

/// The argument's bytes are characters of the C library's own size.
fn wcswidth(cx: &mut Ctx, a: &[Term]) -> Res {
    let Ok(bytes) = iolist::bytes_of(a[0]) else { return Err(cx.badarg()) };
    let characters = bytes.chunks_exact(4).map(|b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
    Ok(match sys::width::columns_of(characters) {
        -1 => cx.h().error(atom!("not_printable")),
        n => cx.h().ok(Term::small(n.into())),
    })
}

fn sizeof_wchar(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(Term::small(4))
}

// ---- the terminal's description

/// A name that ends in NUL.
fn name(cx: &mut Ctx, t: Term) -> Result<String, Stop> {
    let Ok(bytes) = iolist::bytes_of(t) else { return Err(cx.badarg()) };
    match bytes.split_last() {
        Some((0, name)) => Ok(String::from_utf8_lossy(name).into_owned()),
        _ => Err(cx.badarg()),
    }
}

fn with_description<R>(cx: &Ctx, f: impl FnOnce(&Terminfo) -> R) -> Option<R> {
    let node = cx.node;
    let part = node.part::<Description>();
    part.0.get_or_init(|| Terminfo::from_env(&node.world.env).ok()).as_ref().map(f)
}

fn tgetent(cx: &mut Ctx, a: &[Term]) -> Res {
    let term = name(cx, a[0])?;
    let node = cx.node.clone();
    let part = node.part::<Description>();
    let found = part.0.get_or_init(|| Terminfo::load(term.as_bytes(), &node.world.env).ok());
    Ok(if found.is_some() { am::OK } else { cx.h().error(atom!("enotsup")) })
}

fn setupterm(cx: &mut Ctx, _: &[Term]) -> Res {
    Ok(if with_description(cx, |_| ()).is_some() { am::OK } else { enotsup(cx) })
}

fn tgetnum(cx: &mut Ctx, a: &[Term]) -> Res {
    let name = name(cx, a[0])?;
    Ok(match with_description(cx, |d| d.tc_number(&name)) {
        Some(n @ 0..) => cx.h().ok(Term::small(n.into())),
        _ => am::FALSE,
    })
}

/// The number itself; -1 for what the terminal does not have.
fn tigetnum(cx: &mut Ctx, a: &[Term]) -> Res {
    let name = name(cx, a[0])?;
    let n = with_description(cx, |d| d.tc_number(&name));
    Ok(Term::small(n.unwrap_or(-1).into()))
}

fn tgetflag(cx: &mut Ctx, a: &[Term]) -> Res {
    let name = name(cx, a[0])?;
    Ok(Term::bool(with_description(cx, |d| d.tc_flag(&name)) == Some(true)))
}

fn string(cx: &mut Ctx, name: &str) -> Option<Term> {
    let bytes = with_description(cx, |d| d.tc_string(name).map(<[u8]>::to_vec)).flatten()?;
    let t = cx.h().binary(&bytes);
    Some(cx.h().ok(t))
}

fn tgetstr(cx: &mut Ctx, a: &[Term]) -> Res {
    let name = name(cx, a[0])?;
    Ok(string(cx, &name).unwrap_or(am::FALSE))
}

fn tigetstr(cx: &mut Ctx, a: &[Term]) -> Res {
    let name = name(cx, a[0])?;
    match string(cx, &name) {
        Some(t) => Ok(t),
        None => Err(cx.badarg()),
    }
}

/// What is sent to the terminal for a string with its parameters.
fn filled(cx: &mut Ctx, a: &[Term], params: &[Term]) -> Res {
    let string = name(cx, a[0])?;
    let params: Option<Vec<i32>> = params.iter().map(|p| p.to()).collect();
    let Some(params) = params else { return Err(cx.badarg()) };
    let out = terminfo::tputs(&terminfo::tparm(string.as_bytes(), &params));
    let out = cx.h().binary(&out);
    Ok(cx.h().ok(out))
}

fn tgoto_1(cx: &mut Ctx, a: &[Term]) -> Res {
    filled(cx, a, &[])
}

fn tgoto_2(cx: &mut Ctx, a: &[Term]) -> Res {
    filled(cx, a, &[Term::small(0), a[1]])
}

fn tgoto_3(cx: &mut Ctx, a: &[Term]) -> Res {
    filled(cx, a, &[a[1], a[2]])
}

fn tputs(cx: &mut Ctx, a: &[Term]) -> Res {
    match a[1].proper_list() {
        Some(params) if params.len() <= 9 => filled(cx, a, &params),
        _ => Err(cx.badarg()),
    }
}

const fn quick(function: &'static str, arity: u8, run: NativeFn) -> Native {
    Native::new("prim_tty", function, arity, run).effect(Effect::Os).nif()
}

pub const NATIVES: &[Native] = &[
    quick("isatty", 1, isatty),
    quick("tty_create", 0, tty_create),
    quick("tty_create", 1, tty_create_for),
    quick("tty_init", 2, tty_init_2),
    quick("tty_init", 3, tty_init_3),
    quick("tty_set", 1, tty_set),
    quick("setlocale", 1, setlocale),
    quick("tty_select", 2, tty_select_2),
    quick("tty_select", 3, tty_select_3),
    quick("tty_window_size", 1, tty_window_size),
    quick("tty_encoding", 1, tty_encoding),
    quick("tty_is_open", 2, tty_is_open),
    quick("tty_read_signal", 2, tty_read_signal),
    // A terminal or pipe may take its time.
    quick("write_nif", 2, write).dirty(Dirty::Io),
    quick("read_nif", 2, read_2),
    quick("read_nif", 3, read_3),
    quick("isprint", 1, isprint),
    quick("wcwidth", 1, wcwidth),
    quick("wcswidth", 1, wcswidth),
    quick("sizeof_wchar", 0, sizeof_wchar),
    quick("tgetent_nif", 1, tgetent),
    quick("tgetnum_nif", 1, tgetnum),
    quick("tgetflag_nif", 1, tgetflag),
    quick("tgetstr_nif", 1, tgetstr),
    quick("tgoto_nif", 1, tgoto_1),
    quick("tgoto_nif", 2, tgoto_2),
    quick("tgoto_nif", 3, tgoto_3),
    quick("setupterm_nif", 0, setupterm),
    quick("tigetnum_nif", 1, tigetnum),
    quick("tigetflag_nif", 1, tgetflag),
    quick("tigetstr_nif", 1, tigetstr),
    quick("tputs_nif", 2, tputs),
];
