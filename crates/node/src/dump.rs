//! The crash dump's frame: the slogan on standard error, the file, what the tables say. Not here: when to crash; processes
//! from inside (`exec::dump`, which may hold the world still), which puts its writer into `Node::inspector`.

use crate::Node;
use process::Private;
use std::{
    ffi::OsString,
    io::Write,
    os::unix::ffi::OsStringExt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use sys::env::Env;
use term::{Term, atom};

/// Describes processes: all of them in full, or only their heads. `current`: the process that asks.
pub type Inspector = fn(&Arc<Node>, current: Option<(Term, &Private)>, full: bool, out: &mut dyn Write) -> std::io::Result<()>;

/// Stops writing after a number of bytes, or at a time.
struct Limited<W> {
    to: W,
    left: u64,
    until: Option<Instant>,
}

impl<W: Write> Write for Limited<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            let _ = self.to.flush();
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        if self.left < bytes.len() as u64 {
            let _ = self.to.write_all(&bytes[..self.left as usize]);
            let _ = self.to.write_all(b"\n=abort:CRASH DUMP SIZE LIMIT REACHED\n");
            let _ = self.to.flush();
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.left -= bytes.len() as u64;
        self.to.write_all(bytes)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

/// What the environment says of the dump, at the time when it is written.
struct Wanted {
    file: PathBuf,
    seconds: Option<u64>,
    /// Nothing was said of seconds: none are spent where `heart` waits to start the node again.
    unless_heart: bool,
    bytes: u64,
}

impl Wanted {
    /// `None`: no dump. Numbers are read as C's `atoi` does, negative ones mean no limit.
    fn read(env: &Env) -> Option<Wanted> {
        let number = |name: &[u8]| env.get(name).map(|v| leading_number(&v));
        let given = number(b"ERL_CRASH_DUMP_SECONDS");
        let seconds = given.unwrap_or(-1);
        // What is no number at all is no limit of bytes, but no time either.
        let bytes = match env.get(b"ERL_CRASH_DUMP_BYTES") {
            Some(v) if v.trim_ascii_start().first().is_some_and(|c| c.is_ascii_digit()) => leading_number(&v),
            _ => -1,
        };
        if seconds == 0 || bytes == 0 {
            return None;
        }
        let file = env.get(b"ERL_CRASH_DUMP").filter(|f| !f.is_empty()).map_or_else(|| "erl_crash.dump".into(), |f| OsString::from_vec(f).into());
        Some(Wanted { file, seconds: u64::try_from(seconds).ok(), unless_heart: given.is_none(), bytes: u64::try_from(bytes).unwrap_or(u64::MAX) })
    }
}

/// What there is of a number at the beginning, else 0.
fn leading_number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let digits = text[sign..].iter().take_while(|c| c.is_ascii_digit()).count();
    std::str::from_utf8(&text[..sign + digits]).ok().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// To standard error, as ERTS for a terminal that is raw, where there may be nobody who listens.
pub fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.replace('\n', "\r\n").as_bytes());
}

impl Node {
    /// Tells why the node crashes, and writes the dump if the environment wants one.
    pub fn crash(self: &Arc<Node>, slogan: &str, version: &str, current: Option<(Term, &Private)>) {
        say(&format!("{slogan}\n"));
        let Some(Wanted { file: path, seconds, unless_heart, bytes }) = Wanted::read(&self.world.env) else { return };
        let heart = self.ports.get().is_some_and(|p| p.tell_heart(self));
        if heart && unless_heart {
            return;
        }
        let until = seconds.and_then(|s| Instant::now().checked_add(Duration::from_secs(s)));
        say(&format!("\nCrash dump is being written to: {}...", path.display()));
        let file = std::fs::File::create(&path);
        let written = file.and_then(|f| {
            let mut out = Limited { to: std::io::BufWriter::new(f), left: bytes, until };
            self.write_dump(slogan, version, current, &mut out)?;
            out.flush()
        });
        match written {
            Ok(()) => say("done\n"),
            // The file tells it.
            Err(e) if e.kind() == std::io::ErrorKind::FileTooLarge => {}
            Err(e) => say(&format!("failed: {e}\n")),
        }
    }

    fn write_dump(self: &Arc<Node>, slogan: &str, version: &str, current: Option<(Term, &Private)>, out: &mut dyn Write) -> std::io::Result<()> {
        write!(out, "=erl_crash_dump:0.5\n{}\nSlogan: {slogan}\n", self.calendar())?;
        write!(out, "System version: {}\nTaints: \nAtoms: {}\n", version.trim_end(), atom::count())?;
        match self.sched.current() {
            Some(sched::WorkerId::Normal(n)) => writeln!(out, "Calling Thread: scheduler:{}", n + 1)?,
            _ => writeln!(out, "Calling Thread: unknown")?,
        }
        self.dump_schedulers(out)?;
        out.write_all(&self.dump_memory())?;
        self.dump_areas(out)?;
        if let Some(ports) = self.ports.get() {
            for port in ports.list() {
                ports.describe(port, out)?;
            }
        }
        for t in self.tables.list() {
            let mut owner = Vec::new();
            term::print::print_to(&mut owner, t.owner(), 100);
            write!(out, "=ets:{}\nSlot: {}\nTable: ", String::from_utf8_lossy(&owner), t.id)?;
            let mut a = term::Alloc::new();
            let handle = String::from_utf8_lossy(&term::print::print(t.handle(&mut a), 100)).into_owned();
            let name = term::print::text(t.name());
            let kind = match t.kind() {
                ets::table::Kind::Set => "set",
                ets::table::Kind::OrderedSet => "ordered_set",
                ets::table::Kind::Bag => "bag",
                ets::table::Kind::DuplicateBag => "duplicate_bag",
            };
            let protection = format!("{:?}", t.protection()).to_lowercase();
            write!(out, "{handle}\nName: {name}\n")?;
            if let Some(s) = t.stats() {
                write!(out, "Buckets: {}\nChain Length Avg: {:.6}\nChain Length Max: {}\nChain Length Min: {}\n", s.places, s.average, s.most, s.least)?;
                write!(out, "Chain Length Std Dev: {:.6}\nChain Length Expected Std Dev: {:.6}\n", s.deviation, s.expected)?;
            }
            write!(out, "Fixed: {}\nObjects: {}\nWords: {}\n", t.is_fixed(), t.size(), t.memory())?;
            let write = !matches!(t.options.write_concurrency, ets::table::WriteConcurrency::Off);
            write!(out, "Type: {kind}\nProtection: {protection}\nCompressed: {}\nWrite Concurrency: {write}\n", t.options.compressed)?;
            writeln!(out, "Read Concurrency: {}", t.options.read_concurrency)?;
        }
        self.dump_timers(out)?;
        let name = self.identity.read().0;
        writeln!(out, "=node:{}", term::print::text(name))?;
        if name == term::am::NONODE {
            writeln!(out, "=no_distribution")?;
        }
        out.write_all(b"=loaded_modules\n")?;
        out.write_all(&self.dump_modules(true))?;
        for f in self.code.fun_entries() {
            let address = f.address.load(std::sync::atomic::Ordering::Relaxed) as usize;
            let module = term::print::text(f.module);
            write!(out, "=fun\nModule: {module}\nUniq: {}\nIndex: {}\nAddress: {address:#018x}\nRefc: 1\n", f.old_uniq, f.old_index)?;
        }
        if let Some(inspect) = self.inspector.get() {
            inspect(self, current, true, out)?;
        }
        for pid in self.untold.lock().iter() {
            writeln!(out, "=proc:{}\nState: Non Existing", term::print::text(*pid))?;
        }
        out.write_all(b"=atoms\n")?;
        for i in (0..atom::count() as u32).rev() {
            let mut line = Vec::new();
            term::print::put_atom(&mut line, atom::text(Term::atom_index(i)));
            line.push(b'\n');
            out.write_all(&line)?;
        }
        out.write_all(b"=end\n")
    }

    fn dump_schedulers(&self, out: &mut dyn Write) -> std::io::Result<()> {
        use sched::DirtyKind::{Cpu, Io};
        let s = &self.sched;
        let queue = |out: &mut dyn Write, lengths: [usize; 4]| {
            let [max, high, normal, low] = lengths;
            write!(out, "Run Queue Max Length: {max}\nRun Queue High Length: {high}\nRun Queue Normal Length: {normal}\n")?;
            write!(out, "Run Queue Low Length: {low}\nRun Queue Port Length: 0\nRun Queue Flags: \n")
        };
        let lengths = s.run_queue_lengths();
        for (i, n) in lengths.iter().enumerate() {
            write!(out, "=scheduler:{}\nScheduler Sleep Info Flags: \nScheduler Sleep Info Aux Work: \nCurrent Port: \n", i + 1)?;
            // Of one queue only the whole length is known.
            queue(out, [0, 0, *n, 0])?;
            writeln!(out, "Current Process: ")?;
        }
        let mut number = lengths.len();
        for (kind, name) in [(Cpu, "dirty_cpu"), (Io, "dirty_io")] {
            for _ in 0..s.dirty_limit(kind) {
                number += 1;
                write!(out, "={name}_scheduler:{number}\nScheduler Sleep Info Flags: \nScheduler Sleep Info Aux Work: \nCurrent Process: \n")?;
            }
            writeln!(out, "={name}_run_queue")?;
            queue(out, [0, 0, s.dirty_load(kind).0, 0])?;
        }
        Ok(())
    }

    /// Sizes of tables and areas, as far as there is the like.
    fn dump_areas(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let m = self.memory();
        let atoms = atom::count();
        write!(out, "=hash_table:atom_tab\nsize: {atoms}\nused: {atoms}\nobjs: {atoms}\ndepth: 1\n")?;
        write!(out, "=index_table:atom_tab\nsize: {atoms}\nlimit: {}\nentries: {atoms}\n", self.config.limits.atoms)?;
        write!(out, "=allocated_areas\natom_space: {0} {0}\nloaded_code: {1}\n", m.atoms, m.code)?;
        let (processes, record) = (self.processes.count(), size_of::<process::Process>());
        write!(out, "process_table: {}\nets_misc: {}\n", processes * record, m.tables)
    }

    /// The timers that would send messages. The node does not go on after this.
    fn dump_timers(&self, out: &mut dyn Write) -> std::io::Result<()> {
        for (to, left, message) in self.last_timers() {
            writeln!(out, "=timer:{}", term::print::text(to))?;
            if message.is_immediate() {
                writeln!(out, "Message: {}", term::print::text(message))?;
            } else {
                writeln!(out, "Message: {}", String::from_utf8_lossy(&term::print::print(message, 100)).replace('\n', " "))?;
            }
            writeln!(out, "Time left: {left}")?;
        }
        Ok(())
    }

    /// `Sun Nov 22 13:22:20 2026`, local time.
    fn calendar(&self) -> String {
        let Some(t) = self.world.clock.local() else { return "unknown".into() };
        let day = t.to_posix().div_euclid(86_400).rem_euclid(7) as usize;
        // 1970 began on a Thursday.
        let day = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][day];
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = months[(t.month as usize).clamp(1, 12) - 1];
        format!("{day} {month} {:2} {:02}:{:02}:{:02} {}", t.day, t.hour, t.minute, t.second, t.year)
    }

    /// `system_info(procs)`.
    pub fn dump_processes(self: &Arc<Node>, current: Option<(Term, &Private)>) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(inspect) = self.inspector.get() {
            let _ = inspect(self, current, false, &mut out);
        }
        out
    }

    /// `system_info(loaded)` has the same lines in another form.
    pub fn dump_modules(&self, full: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let (mut current, mut old) = (0, 0);
        let mut list = Vec::new();
        for name in self.code.loaded() {
            let Some(v) = self.code.versions(name) else { continue };
            let now = v.current.as_ref().map_or(0, |l| l.code_bytes());
            let before = v.old.as_ref().map_or(0, |l| l.code_bytes());
            current += now;
            old += before;
            list.push((name, now, before, v.current.clone()));
        }
        let _ = write!(out, "Current code: {current}\nOld code: {old}\n");
        for (name, now, before, loaded) in list {
            let _ = write!(out, "=mod:{}\nCurrent size: {now}\n", term::print::text(name));
            if before != 0 {
                let _ = writeln!(out, "Old size: {before}");
            }
            if let Some(l) = loaded.filter(|_| full) {
                let (attributes, compile) = (base64(&l.attributes), base64(&l.compile));
                let _ = write!(out, "Current attributes: {attributes}\nCurrent compilation info: {compile}\n");
            }
        }
        out
    }

    /// `system_info(loaded)`.
    pub fn list_modules(&self) -> Vec<u8> {
        let text = String::from_utf8_lossy(&self.dump_modules(false)).replace("=mod:", "").replace("\nCurrent size: ", " ");
        text.replace("\nOld size: ", " ").into_bytes()
    }

    pub fn dump_memory(&self) -> Vec<u8> {
        let m = self.memory();
        let lines = [
            ("total", m.total()),
            ("processes", m.processes()),
            ("processes_used", m.processes()),
            ("system", m.total() - m.processes()),
            ("atom", m.atoms),
            ("atom_used", m.atoms),
            ("binary", m.binaries),
            ("code", m.code),
            ("ets", m.tables),
        ];
        let mut out = b"=memory\n".to_vec();
        for (name, bytes) in lines {
            let _ = writeln!(out, "{name}: {bytes}");
        }
        out
    }
}

/// Bytes as the dump has them.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let n = group.iter().fold(0u32, |n, &b| n << 8 | u32::from(b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            out.push(if i <= group.len() { DIGITS[(n >> (18 - 6 * i)) as usize & 63] as char } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_pads() {
        for (bytes, text) in [(&b""[..], ""), (b"a", "YQ=="), (b"ab", "YWI="), (b"abc", "YWJj"), (b"/usr/lib/erlang", "L3Vzci9saWIvZXJsYW5n")] {
            assert_eq!(super::base64(bytes), text);
        }
    }
}
