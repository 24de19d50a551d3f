//! The crash dump's frame: the slogan on standard error, the file, what the tables say. Not here: when to crash; processes
//! from inside (`exec::dump`, which may hold the world still), which puts its writer into `Node::inspector`.

use crate::Node;
use process::Private;
use std::io::Write;
use std::sync::Arc;
use term::{Term, atom};

/// Describes processes: all of them in full, or only their heads. `current`: the process that asks.
pub type Inspector = fn(&Arc<Node>, current: Option<(Term, &Private)>, full: bool, out: &mut dyn Write) -> std::io::Result<()>;

/// Stops writing at a number of bytes.
struct Limited<W> {
    to: W,
    left: u64,
}

impl<W: Write> Write for Limited<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.left < bytes.len() as u64 {
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

/// To standard error, where there may be nobody who listens.
pub fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

impl Node {
    /// Tells why the node crashes, and writes the dump if the configuration wants one.
    pub fn crash(self: &Arc<Node>, slogan: &str, version: &str, current: Option<(Term, &Private)>) {
        say(&format!("{slogan}\n"));
        let c = &self.config.crash_dump;
        if c.seconds == Some(0) || c.bytes == Some(0) {
            return;
        }
        let path = c.file.clone().unwrap_or_else(|| "erl_crash.dump".into());
        say(&format!("\nCrash dump is being written to: {}...", path.display()));
        let file = std::fs::File::create(&path);
        let written = file.and_then(|f| {
            let mut out = Limited { to: std::io::BufWriter::new(f), left: c.bytes.unwrap_or(u64::MAX) };
            self.write_dump(slogan, version, current, &mut out)?;
            out.flush()
        });
        match written {
            Ok(()) => say("done\n"),
            Err(e) if e.kind() == std::io::ErrorKind::FileTooLarge => say("done\n"),
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
        out.write_all(&self.dump_memory())?;
        for t in self.tables.list() {
            let mut owner = Vec::new();
            term::print::print_to(&mut owner, t.owner(), 100);
            write!(out, "=ets:{}\nSlot: {}\nTable: ", String::from_utf8_lossy(&owner), t.id)?;
            let name = term::print::text(t.name());
            let kind = match t.kind() {
                ets::table::Kind::Set => "set",
                ets::table::Kind::OrderedSet => "ordered_set",
                ets::table::Kind::Bag => "bag",
                ets::table::Kind::DuplicateBag => "duplicate_bag",
            };
            let protection = format!("{:?}", t.protection()).to_lowercase();
            write!(out, "{name}\nName: {name}\nObjects: {}\nWords: {}\nType: {kind}\nProtection: {protection}\n", t.size(), t.memory())?;
        }
        write!(out, "=node:{}\n=no_distribution\n", term::print::text(self.identity.read().0))?;
        out.write_all(b"=loaded_modules\n")?;
        out.write_all(&self.dump_modules())?;
        if let Some(inspect) = self.inspector.get() {
            inspect(self, current, true, out)?;
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
    pub fn dump_modules(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let (mut current, mut old) = (0, 0);
        let mut list = Vec::new();
        for name in self.code.loaded() {
            let Some(v) = self.code.versions(name) else { continue };
            let now = v.current.as_ref().map_or(0, |l| l.code_bytes());
            let before = v.old.as_ref().map_or(0, |l| l.code_bytes());
            current += now;
            old += before;
            list.push((name, now, before));
        }
        let _ = write!(out, "Current code: {current}\nOld code: {old}\n");
        for (name, now, before) in list {
            let _ = write!(out, "=mod:{}\nCurrent size: {now}\n", term::print::text(name));
            if before != 0 {
                let _ = writeln!(out, "Old size: {before}");
            }
        }
        out
    }

    /// `system_info(loaded)`.
    pub fn list_modules(&self) -> Vec<u8> {
        let text = String::from_utf8_lossy(&self.dump_modules()).replace("=mod:", "").replace("\nCurrent size: ", " ");
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
