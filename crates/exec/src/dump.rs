//! Processes from inside, in the words of ERTS' crash dump. Not here: the rest of the dump (`node::dump`).

use node::Node;
use process::{Private, RunState, Who};
use std::collections::HashSet;
use std::io::{Result, Write};
use std::sync::Arc;
use term::{Term, atom, map};

/// Terms of one process's heap that are written at most; a dump is for people.
const TERMS_MAX: usize = 200_000;

/// `node::dump::Inspector`.
pub fn inspect(node: &Arc<Node>, current: Option<(Term, &Private)>, full: bool, out: &mut dyn Write) -> Result<()> {
    // No worker is in a slice meanwhile, but the caller's.
    node.sched.stop_the_world(sched::Hold::Normal, || {
        let pids = node.processes.pids();
        for &pid in &pids {
            head(node, pid, current, out)?;
        }
        if full {
            for &pid in &pids {
                with(node, pid, current, |_, p| body(node, pid, p, out)).unwrap_or(Ok(()))?;
            }
            let mut w = Writer::new(node, out);
            writeln!(w.out, "=persistent_terms")?;
            for (key, value) in node.persistent.list() {
                let (key, value) = (w.word(key), w.word(value));
                writeln!(w.out, "{key}|{value}")?;
            }
            writeln!(w.out, "=literals")?;
            w.heap()?;
        }
        Ok(())
    })
}

/// The private half of a process that no thread runs now.
fn with<R>(node: &Node, pid: Term, current: Option<(Term, &Private)>, f: impl FnOnce(RunState, &Private) -> R) -> Option<R> {
    if let Some((me, p)) = current
        && me == pid
    {
        return Some(f(RunState::Running, p));
    }
    let record = node.processes.get(pid)?;
    let inbox = record.inbox.lock();
    if inbox.pid != pid || inbox.exiting || !matches!(inbox.state, RunState::Waiting | RunState::Queued) {
        return None;
    }
    // SAFETY: rule 5.
    let p = unsafe { record.private() };
    Some(f(inbox.state, p))
}

fn name_of(pid: Term) -> String {
    term::print::text(pid)
}

fn who_text(who: &Who) -> String {
    match who {
        Who::Local(t) => name_of(*t),
        Who::Pid(_, number, serial) => format!("<?.{number}.{serial}>"),
        Who::Port(_, id) => format!("#Port<?.{id}>"),
    }
}

fn place(node: &Node, address: u64) -> String {
    match node.code.locate(address as *const u64) {
        Some(l) => format!("{}:{}/{}", term::print::text(l.module), term::print::text(l.function), l.arity),
        None => "<terminate process normally>".into(),
    }
}

fn head(node: &Node, pid: Term, current: Option<(Term, &Private)>, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "=proc:{}", name_of(pid))?;
    let found = with(node, pid, current, |state, p| {
        let state = match state {
            RunState::Running => "Running",
            RunState::Queued => "Scheduled",
            _ => "Waiting",
        };
        writeln!(out, "State: {state}")?;
        if let Some(name) = node.processes.get(pid).and_then(|r| r.registered_name()) {
            writeln!(out, "Name: {}", term::print::text(name))?;
        }
        let (m, f, arity) = p.initial_call;
        writeln!(out, "Spawned as: {}:{}/{arity}", term::print::text(m), term::print::text(f))?;
        let parent = if p.parent.is_local_pid() { name_of(p.parent) } else { "[]".into() };
        writeln!(out, "Spawned by: {parent}")?;
        writeln!(out, "Message queue length: {}", p.mailbox.len())?;
        let fragments = p.heap.alloc.fragment_words();
        writeln!(out, "Number of heap fragments: {}\nHeap fragment data: {fragments}", u8::from(fragments > 0))?;
        let mut links: Vec<String> = p.links.keys().map(who_text).collect();
        for (reference, m) in p.monitors.iter() {
            if let process::Target::Who(who) = &m.target {
                links.push(format!("{{to,{},#Ref<0.{}>}}", who_text(who), reference.0));
            }
        }
        for (reference, (who, _)) in p.watchers.iter() {
            links.push(format!("{{from,{},#Ref<0.{}>}}", who_text(who), reference.0));
        }
        if !links.is_empty() {
            writeln!(out, "Link list: [{}]", links.join(", "))?;
        }
        let h = &p.heap;
        writeln!(out, "Reductions: {}\nStack+heap: {}\nOldHeap: {}", p.reductions, h.block_words(), h.old_block_words())?;
        writeln!(out, "Heap unused: {}\nOldHeap unused: {}", h.free_words(), h.old_block_words() - h.old_words())?;
        let (young, old) = h.off_heap_bytes();
        writeln!(out, "BinVHeap: {}\nOldBinVHeap: {}", young / 8, old / 8)?;
        writeln!(out, "Memory: {}", h.total_words() * 8 + size_of::<Private>())?;
        writeln!(out, "Program counter: {:#018x} ({})", p.ip as u64, place(node, p.ip as u64))?;
        writeln!(out, "arity = {}", p.saved.len())
    });
    match found {
        Some(result) => result,
        None => writeln!(out, "State: Running"),
    }
}

fn body(node: &Node, pid: Term, p: &Private, out: &mut dyn Write) -> Result<()> {
    let pid = name_of(pid);
    let mut w = Writer::new(node, out);
    let dictionary: Vec<(Term, Term)> = p.dictionary.pairs().collect();
    let mut pairs = Vec::new();
    if !dictionary.is_empty() {
        writeln!(w.out, "=proc_dictionary:{pid}")?;
        for (i, &(k, v)) in dictionary.iter().enumerate() {
            // A pair is a tuple, of an address that no term has.
            let (k, v) = (w.word(k), w.word(v));
            pairs.push(format!("{:X}:t2:{k},{v}", i + 1));
            writeln!(w.out, "H{:X}", i + 1)?;
        }
    }
    if !p.mailbox.is_empty() {
        writeln!(w.out, "=proc_messages:{pid}")?;
        for m in p.mailbox.iter() {
            let text = w.word(m.term);
            writeln!(w.out, "{text}:N")?;
        }
    }
    writeln!(w.out, "=proc_stack:{pid}")?;
    let mut y = 0;
    for &t in p.stack() {
        let raw = t.raw();
        if raw != 0 && raw & 7 == 0 {
            writeln!(w.out, "{:#018x}:SReturn addr {raw:#X} ({})", &raw as *const u64 as u64, place(node, raw))?;
            y = 0;
            continue;
        }
        let text = if t.is_none() {
            "N".into()
        } else if t.is_catch() {
            let handler = t.catch_handler() as u64;
            format!("SCatch {handler:#X} ({})", place(node, handler))
        } else {
            w.word(t)
        };
        writeln!(w.out, "y{y}:{text}")?;
        y += 1;
    }
    writeln!(w.out, "=proc_heap:{pid}")?;
    for pair in pairs {
        writeln!(w.out, "{pair}")?;
    }
    w.heap()
}

/// Writes terms: immediates in place, the others by address, once.
struct Writer<'a> {
    out: &'a mut dyn Write,
    seen: HashSet<u64>,
    queue: Vec<Term>,
    options: etf::Options,
}

fn atom_word(text: &str) -> String {
    format!("A{:X}:{text}", text.len())
}

impl<'a> Writer<'a> {
    fn new(node: &Node, out: &'a mut dyn Write) -> Writer<'a> {
        let (name, creation) = *node.identity.read();
        Writer { out, seen: HashSet::new(), queue: Vec::new(), options: etf::Options::new(etf::NodeId { name, creation }) }
    }
    fn word(&mut self, t: Term) -> String {
        if t.is_pointer() {
            if self.seen.len() >= TERMS_MAX {
                return atom_word("...");
            }
            if self.seen.insert(t.raw()) {
                self.queue.push(t);
            }
            return format!("H{:X}", t.ptr() as u64);
        }
        match t {
            _ if t.is_nil() => "N".into(),
            _ if t.is_atom() => atom_word(atom::text(t)),
            _ if t.is_small() => format!("I{}", t.small_value()),
            _ if t.is_local_pid() => format!("P{}", name_of(t)),
            _ if t.is_local_port() => format!("p{}", name_of(t)),
            _ => atom_word("?"),
        }
    }

    fn heap(&mut self) -> Result<()> {
        while let Some(t) = self.queue.pop() {
            let at = t.ptr() as u64;
            if let Some((head, tail)) = t.as_cons() {
                let (head, tail) = (self.word(head), self.word(tail));
                writeln!(self.out, "{at:X}:l{head}|{tail}")?;
            } else if let Some(elements) = t.as_tuple() {
                let words: Vec<String> = elements.iter().map(|&e| self.word(e)).collect();
                writeln!(self.out, "{at:X}:t{:X}:{}", elements.len(), words.join(","))?;
            } else if let Some(f) = t.as_float() {
                let text = format!("{f:.20e}");
                writeln!(self.out, "{at:X}:F{:X}:{text}", text.len())?;
            } else if t.is_big() {
                writeln!(self.out, "{at:X}:B{}", term::print::text(t))?;
            } else if t.is_map() {
                let pairs: Vec<(Term, Term)> = map::Iter::new(t).collect();
                let keys: Vec<String> = pairs.iter().map(|p| self.word(p.0)).collect();
                let values: Vec<String> = pairs.iter().map(|p| self.word(p.1)).collect();
                // Keys are a tuple; this one's address is no term's.
                let keys_at = at + 1;
                writeln!(self.out, "{keys_at:X}:t{:X}:{}", keys.len(), keys.join(","))?;
                writeln!(self.out, "{at:X}:Mf{:X}:H{keys_at:X}:{}", values.len(), values.join(","))?;
            } else if let Some(bytes) = t.as_bytes() {
                writeln!(self.out, "{at:X}:Yh{:X}:{}", bytes.len(), node::dump::base64(&bytes))?;
            } else {
                // References, funs and identifiers of other nodes.
                let bytes = etf::encode(t, &self.options);
                writeln!(self.out, "{at:X}:E{:X}:{}", bytes.len(), node::dump::base64(&bytes))?;
            }
        }
        Ok(())
    }
}
