//! Driver `tty_sl` (until release 25): a terminal with one editable line. It keeps what the line shows and where the cursor stands, and turns
//! Erlang's editing commands into output. Which keys do what is Erlang's matter (`edlin`, `group`).

use super::fd::{CONTROL_BASE, GET_WINSIZE, as_bytes};
use super::pipe::{End, Got, Sink, Source};
use crate::driver::{Control, Driver, Io, OpenError, Opening, Ready};
use crate::table::Name;
use std::os::fd::AsFd;
use std::time::Instant;
use sys::signals::{Disposition, Signal};
use sys::terminfo::{Terminfo, tputs};
use sys::tty::TtyMode;
use sys::{Errno, fd};
use term::am;

const GET_UNICODE_STATE: u32 = 101;
const SET_UNICODE_STATE: u32 = 102;

const PUTC: u8 = 0;
const MOVE: u8 = 1;
const INSC: u8 = 2;
const DELC: u8 = 3;
const BEEP: u8 = 4;
const PUTC_SYNC: u8 = 5;

struct Tty {
    input: Option<Source>,
    output: Sink,
    line: Line,
    /// What is typed and shown is UTF-8, else Latin-1; Erlang speaks UTF-8 in both.
    unicode: bool,
    /// The beginning of a character that was typed and has not come whole.
    typed: Vec<u8>,
    closing: bool,
}

pub(crate) fn start(io: &mut Io, opening: &Opening) -> Result<Box<dyn Driver>, OpenError> {
    let command = match opening.name {
        Name::Spawn(c) | Name::SpawnDriver(c) => c,
        _ => return Err(OpenError::BadArg),
    };
    let world = io.world();
    if !world.tty.is_tty(0) || !world.tty.is_tty(1) {
        return Err(Errno::ENOTTY.into());
    }
    let codes = Codes::new(&Terminfo::from_env(&world.env)?).ok_or(Errno::ENOTSUP)?;
    let has = |flag: &[u8]| command.split(|&b| b == b' ').any(|w| w == flag);
    let mode = TtyMode { canon: !has(b"-c"), echo: !has(b"-e"), sig: !has(b"-s") && !io.surroundings().interrupt_is_a_key() };
    let (Some(input), Some(output)) = (fd::borrow(0), fd::borrow(1)) else { return Err(Errno::EBADF.into()) };
    world.tty.set_mode(0, mode)?;
    for signal in [Signal::Winch, Signal::Cont] {
        let _ = world.signals.set(signal, Disposition::Handle);
    }
    io.signals();
    let input = Source::new(End::Borrowed(input), 0, 0);
    input.watch(io);
    Ok(Box::new(Tty {
        input: Some(input),
        output: Sink::new(End::Borrowed(output), 1, opening.options.busy_limits),
        line: Line::new(codes, columns(world)),
        unicode: sys::tty::locale_is_utf8(&world.env),
        typed: Vec::new(),
        closing: false,
    }))
}

impl Driver for Tty {
    fn command(&mut self, io: &mut Io, data: Vec<u8>) {
        let Some((&operation, rest)) = data.split_first() else { return };
        let number = || rest.get(..2).map_or(0, |b| isize::from(i16::from_be_bytes([b[0], b[1]])));
        let mut out = Vec::new();
        match operation {
            PUTC | PUTC_SYNC => self.line.put(rest, self.unicode, &mut out),
            MOVE => self.line.shift(number(), &mut out),
            INSC => self.line.insert(rest, self.unicode, &mut out),
            DELC => self.line.delete(number(), &mut out),
            BEEP => out.push(7),
            _ => return io.end(term::atom!("einval")),
        }
        if let Err(e) = self.output.write(io, out) {
            return io.fail(e);
        }
        if operation == PUTC_SYNC {
            io.tell_owner(|_| am::OK);
        }
    }
    fn takes_controls(&self) -> bool {
        true
    }
    fn control(&mut self, io: &mut Io, operation: u32, data: &[u8]) -> Control {
        match operation.wrapping_sub(CONTROL_BASE) {
            GET_WINSIZE => [1, 0].iter().find_map(|&n| io.world().tty.shell_size(n).ok()).map_or(Control::Bad, |size| Control::List(as_bytes(size))),
            GET_UNICODE_STATE => Control::List(vec![self.unicode.into()]),
            SET_UNICODE_STATE => {
                let &[new] = data else { return Control::Bad };
                let old = std::mem::replace(&mut self.unicode, new != 0);
                Control::List(vec![old.into()])
            }
            _ => Control::Bad,
        }
    }
    fn ready(&mut self, io: &mut Io, ready: Ready) {
        if ready.slot == 1 {
            let failed = self.output.ready(io).err();
            if self.closing && (failed.is_some() || self.output.queued() == 0) {
                io.forget(self.output.end.as_fd());
                io.closed();
            } else if let Some(e) = failed {
                io.fail(e);
            }
            return;
        }
        let Some(input) = &mut self.input else { return };
        let (unicode, typed) = (&mut self.unicode, &mut self.typed);
        match input.read_through(io, |io, bytes| io.data(&typed_text(bytes, unicode, typed))) {
            Got::Data => {}
            Got::End => {
                io.forget(input.end.as_fd());
                self.input = None;
                io.eof();
            }
            Got::Failed(e) => io.fail(e),
        }
    }
    fn signal(&mut self, io: &mut Io, signal: Signal) {
        match signal {
            Signal::Winch => {
                self.line.columns = columns(io.world());
            }
            Signal::Cont => {
                io.world().tty.resume();
                let mut out = Vec::new();
                self.line.redraw(&mut out);
                let _ = self.output.write(io, out);
            }
            _ => {}
        }
    }
    fn close(&mut self, io: &mut Io) -> bool {
        if let Some(input) = self.input.take() {
            io.forget(input.end.as_fd());
        }
        io.world().tty.restore();
        self.closing = true;
        self.output.queued() == 0
    }
    fn flush(&mut self, _io: &mut Io, deadline: Option<Instant>) {
        self.output.flush(deadline);
    }
    fn queued(&self) -> usize {
        self.output.queued()
    }
}

/// What was typed, as UTF-8. A terminal that sends what is none is one of Latin-1 from there on. `held`: the beginning of a character whose rest may come.
fn typed_text(bytes: &[u8], unicode: &mut bool, held: &mut Vec<u8>) -> Vec<u8> {
    held.extend_from_slice(bytes);
    let whole = match std::str::from_utf8(held) {
        _ if !*unicode => 0,
        Ok(_) => held.len(),
        Err(e) => {
            *unicode = e.error_len().is_none();
            e.valid_up_to()
        }
    };
    let rest = held.split_off(whole);
    let mut text = std::mem::take(held);
    if *unicode {
        *held = rest;
    } else {
        text.extend(rest.into_iter().map(char::from).collect::<String>().into_bytes());
    }
    text
}

/// The terminal's width; who made the terminal may have left it at 0.
fn columns(world: &sys::World) -> usize {
    world.tty.shell_size(1).map_or(80, |(columns, _)| columns.into())
}

/// How the terminal's cursor is moved.
struct Codes {
    up: Vec<u8>,
    down: Vec<u8>,
    left: Vec<u8>,
    right: Vec<u8>,
    /// After the last column the cursor stays on it until one more character comes.
    late_wrap: bool,
}

impl Codes {
    /// `None` if the terminal cannot move its cursor.
    fn new(info: &Terminfo) -> Option<Codes> {
        let code = |name: &str| info.string(name).map(tputs);
        Some(Codes {
            up: code("cuu1")?,
            down: code("cud1").unwrap_or_else(|| b"\n".to_vec()),
            left: code("cub1").unwrap_or_else(|| b"\x08".to_vec()),
            right: code("cuf1")?,
            late_wrap: info.flag("xenl") == Some(true),
        })
    }
}

/// A character of the line, as it is shown.
struct Cell {
    shown: String,
    /// Columns; 0 for what only changes how others look.
    width: usize,
}

/// What is shown since the last new line, and where the cursor stands in it.
struct Line {
    codes: Codes,
    columns: usize,
    cells: Vec<Cell>,
    /// The cell that the cursor is on.
    at: usize,
    /// The cursor's column if the line were not folded (a wide character that does not fit into its row begins the next one).
    x: usize,
    /// An escape sequence that has not come whole.
    escape: String,
    /// A new line follows, which brings the cursor to the next row from wherever it waits.
    newline: bool,
}

impl Line {
    fn new(codes: Codes, columns: usize) -> Line {
        Line { codes, columns: columns.max(1), cells: Vec::new(), at: 0, x: 0, escape: String::new(), newline: false }
    }
    /// Where the cursor stands after a cell of this width that begins at `x`.
    fn after(&self, x: usize, width: usize) -> usize {
        let over = width == 2 && x % self.columns == self.columns - 1;
        x + width + usize::from(over)
    }
    /// Where cell `i` begins.
    fn place(&self, i: usize) -> usize {
        self.cells[..i].iter().fold(0, |x, c| self.after(x, c.width))
    }
    /// Moves the cursor on the screen.
    fn go(&mut self, x: usize, out: &mut Vec<u8>) {
        let (from, to) = (self.x, x);
        let rows = (to / self.columns) as isize - (from / self.columns) as isize;
        let columns = (to % self.columns) as isize - (from % self.columns) as isize;
        let mut repeat = |code: &[u8], n: usize| (0..n).for_each(|_| out.extend_from_slice(code));
        if rows < 0 {
            repeat(&self.codes.up, rows.unsigned_abs());
        } else if rows > 0 {
            repeat(&self.codes.down, rows as usize);
            // A line feed may or may not keep the column; with output as it is written it does.
        }
        if columns < 0 {
            repeat(&self.codes.left, columns.unsigned_abs());
        } else {
            repeat(&self.codes.right, columns as usize);
        }
        self.x = x;
    }
    /// Shows the cells from `from` on; the cursor, which stands there, ends behind the last.
    fn show(&mut self, from: usize, to: usize, out: &mut Vec<u8>) {
        for i in from..to {
            let cell = &self.cells[i];
            out.extend_from_slice(cell.shown.as_bytes());
            self.x = self.after(self.x, cell.width);
        }
        if to > from && !self.newline {
            self.settle(self.cells.get(to).map(|c| c.shown.as_str()).unwrap_or(" ").to_owned(), out);
        }
    }
    /// A terminal that wraps late is brought to the next row by what stands there.
    fn settle(&mut self, next: String, out: &mut Vec<u8>) {
        if self.x > 0 && self.x % self.columns == 0 && self.codes.late_wrap {
            out.extend_from_slice(next.as_bytes());
            out.extend_from_slice(&self.codes.left);
        }
    }
    /// Shows the rest of the line, clears what it was longer before, and puts the cursor on cell `self.at`.
    fn rest(&mut self, from: usize, old_end: usize, out: &mut Vec<u8>) {
        self.show(from, self.cells.len(), out);
        if old_end > self.x {
            let n = old_end - self.x;
            out.extend(std::iter::repeat_n(b' ', n));
            self.x += n;
            self.settle(" ".into(), out);
        }
        let x = self.place(self.at);
        self.go(x, out);
    }
    fn end(&self) -> usize {
        self.place(self.cells.len())
    }

    /// Splits text into cells and new lines.
    fn parse(&mut self, bytes: &[u8], unicode: bool) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                self.parse_char(c, unicode, &mut pieces);
            }
            for &b in chunk.invalid() {
                self.parse_char(char::from(b), unicode, &mut pieces);
            }
        }
        pieces
    }
    fn parse_char(&mut self, c: char, unicode: bool, pieces: &mut Vec<Piece>) {
        let mut cell = |shown: String, width| pieces.push(Piece::Cell(Cell { shown, width }));
        if !self.escape.is_empty() {
            self.escape.push(c);
            // ESC [ parameters letter, or ESC and one character.
            let more = (self.escape.len() == 2 && c == '[') || (self.escape.len() > 2 && !('@'..='~').contains(&c));
            if !more || self.escape.len() > 64 {
                cell(std::mem::take(&mut self.escape), 0);
            }
            return;
        }
        match c {
            '\x1b' => self.escape.push(c),
            '\n' => pieces.push(Piece::NewLine),
            '\r' => pieces.push(Piece::Return),
            '\t' => pieces.push(Piece::Tab),
            '\x00'..='\x1f' | '\x7f' => {
                let letter = char::from(c as u8 ^ 0x40);
                cell(format!("^{letter}"), 2);
            }
            ' '..='~' => cell(c.to_string(), 1),
            _ => match sys::width::columns(c.into()) {
                width @ 0.. if unicode => cell(c.to_string(), width as usize),
                _ => {
                    let shown = if c <= '\u{ff}' { format!("\\{:o}", u32::from(c)) } else { format!("\\x{{{:X}}}", u32::from(c)) };
                    let width = shown.len();
                    cell(shown, width);
                }
            },
        }
    }

    /// Text over what stands at the cursor.
    fn put(&mut self, bytes: &[u8], unicode: bool, out: &mut Vec<u8>) {
        let pieces = self.parse(bytes, unicode);
        let mut fresh = self.at;
        let mut old_end = None;
        for piece in pieces {
            match piece {
                Piece::NewLine | Piece::Return => {
                    self.newline = true;
                    self.over(&mut fresh, &mut old_end, out);
                    self.newline = false;
                    out.push(b'\r');
                    if matches!(piece, Piece::NewLine) {
                        out.push(b'\n');
                    }
                    // What stood behind the cursor belongs to the line above now.
                    self.cells.clear();
                    (self.at, self.x, fresh, old_end) = (0, 0, 0, None);
                }
                Piece::Tab => {
                    let x = self.x + self.cells[fresh..self.at].iter().map(|c| c.width).sum::<usize>();
                    let width = 8 - x % 8;
                    self.place_cell(Cell { shown: " ".repeat(width), width }, &mut old_end);
                }
                Piece::Cell(cell) => self.place_cell(cell, &mut old_end),
            }
        }
        self.over(&mut fresh, &mut old_end, out);
    }
    fn place_cell(&mut self, cell: Cell, old_end: &mut Option<usize>) {
        if self.at < self.cells.len() && cell.width > 0 {
            old_end.get_or_insert(self.end());
            self.cells[self.at] = cell;
        } else {
            self.cells.insert(self.at, cell);
        }
        self.at += 1;
    }
    /// Shows what `put` has placed so far.
    fn over(&mut self, fresh: &mut usize, old_end: &mut Option<usize>, out: &mut Vec<u8>) {
        match old_end.take() {
            // Something was overwritten: what follows may stand elsewhere now.
            Some(end) => self.rest(*fresh, end, out),
            None => self.show(*fresh, self.at, out),
        }
        *fresh = self.at;
    }

    /// Text between what stands left and right of the cursor.
    fn insert(&mut self, bytes: &[u8], unicode: bool, out: &mut Vec<u8>) {
        let (from, old_end) = (self.at, self.end());
        for piece in self.parse(bytes, unicode) {
            let cell = match piece {
                Piece::Cell(cell) => cell,
                Piece::Tab => Cell { shown: " ".repeat(8 - self.place(self.at) % 8), width: 8 - self.place(self.at) % 8 },
                Piece::NewLine | Piece::Return => continue,
            };
            self.cells.insert(self.at, cell);
            self.at += 1;
        }
        self.rest(from, old_end, out);
    }
    /// Takes away the characters behind the cursor, or (negative) before it.
    fn delete(&mut self, n: isize, out: &mut Vec<u8>) {
        let old_end = self.end();
        let count = n.unsigned_abs();
        let (from, to) = if n < 0 { (self.at.saturating_sub(count), self.at) } else { (self.at, (self.at + count).min(self.cells.len())) };
        self.cells.drain(from..to);
        self.at = from;
        let x = self.place(from);
        self.go(x, out);
        self.rest(from, old_end, out);
    }
    fn shift(&mut self, n: isize, out: &mut Vec<u8>) {
        self.at = self.at.saturating_add_signed(n).min(self.cells.len());
        let x = self.place(self.at);
        self.go(x, out);
    }
    /// Shows all of the line again, wherever the cursor was.
    fn redraw(&mut self, out: &mut Vec<u8>) {
        self.x = 0;
        out.push(b'\r');
        self.rest(0, 0, out);
    }
}

enum Piece {
    Cell(Cell),
    NewLine,
    Return,
    Tab,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(columns: usize) -> Line {
        let code = |s: &str| s.as_bytes().to_vec();
        Line::new(Codes { up: code("U"), down: code("D"), left: code("<"), right: code(">"), late_wrap: true }, columns)
    }
    fn put(l: &mut Line, text: &str) -> String {
        let mut out = Vec::new();
        l.put(text.as_bytes(), true, &mut out);
        String::from_utf8(out).unwrap()
    }
    fn edit(f: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        f(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn editing_within_a_row() {
        let mut l = line(80);
        assert_eq!(put(&mut l, "1> ab"), "1> ab");
        assert_eq!(edit(|o| l.shift(-1, o)), "<");
        assert_eq!(edit(|o| l.insert(b"x", true, o)), "xb<");
        assert_eq!(edit(|o| l.delete(-1, o)), "<b <<");
        assert_eq!(edit(|o| l.delete(1, o)), " <");
        assert_eq!(put(&mut l, "c\nok"), "c\r\nok");
        assert_eq!((l.at, l.x), (2, 2));
    }

    #[test]
    fn a_line_that_is_longer_than_a_row() {
        let mut l = line(4);
        assert_eq!(put(&mut l, "abcd"), "abcd <", "the cursor goes to the next row at once");
        assert_eq!(put(&mut line(4), "abcd\ne"), "abcd\r\ne");
        assert_eq!(put(&mut l, "ef"), "ef");
        assert_eq!(edit(|o| l.shift(-4, o)), "U", "the same column, a row above");
        assert_eq!(edit(|o| l.shift(3, o)), "D<");
        assert_eq!((l.at, l.x), (5, 5));
        // Back to the fourth column, the rest, which fills the row, then two columns cleared in the second row, and back.
        assert_eq!(edit(|o| l.delete(-2, o)), "U>>f <  U>");
    }

    #[test]
    fn what_is_typed_is_utf8_or_latin1() {
        let (mut unicode, mut held) = (true, Vec::new());
        let mut typed = |bytes: &[u8]| String::from_utf8(typed_text(bytes, &mut unicode, &mut held)).unwrap();
        assert_eq!([typed("å".as_bytes()), typed(b"x\xe2"), typed(b"\x98"), typed(b"\x83y")], ["å", "x", "", "☃y"]);
        assert_eq!([typed(b"a\xc3"), typed(b"b\xff"), typed("å".as_bytes())], ["a", "Ãbÿ", "Ã¥"], "from the first that is none on");
        assert!(!unicode && held.is_empty());
    }

    #[test]
    fn what_a_terminal_cannot_show() {
        let shown = |text: &str| edit(|o| line(80).put(text.as_bytes(), false, o));
        assert_eq!([shown("å"), shown("☃"), shown("\u{85}")], ["\\345", "\\x{2603}", "\\205"]);
    }

    #[test]
    fn wide_and_invisible_characters() {
        let mut l = line(4);
        assert_eq!(put(&mut l, "\x1b[1ma\x1b[0m"), "\x1b[1ma\x1b[0m");
        assert_eq!((l.cells.len(), l.x), (3, 1));
        put(&mut l, "bc漢");
        assert_eq!(l.x, 6, "the wide one begins the second row");
        assert_eq!(put(&mut l, "\r\t\x01"), "\r        ^A");
    }
}
