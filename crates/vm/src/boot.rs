//! From a configuration to a running node: tables, preloaded modules, the first processes, the scheduler threads.

use exec::Machine;
use node::config::Config;
use node::{Node, SpawnOptions, Timer};
use process::{Owned, ProcRef};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use term::{Term, atom};

/// Why a node cannot start.
#[derive(Debug)]
pub enum BootError {
    /// The libraries lack a part of the runtime that is written in Erlang.
    Missing(PathBuf, String),
    BadModule(PathBuf, String),
    Threads(std::io::Error),
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BootError::Missing(p, why) => write!(f, "ferrobeam: cannot read {}: {why} (is Erlang/OTP installed there?)", p.display()),
            BootError::BadModule(p, why) => write!(f, "ferrobeam: cannot load {}: {why}", p.display()),
            BootError::Threads(e) => write!(f, "ferrobeam: cannot start scheduler threads: {e}"),
        }
    }
}

/// One Erlang node: a value. Dropping it stops its threads and frees it.
pub struct Vm {
    sched: sched::Sched<Machine>,
    node: Arc<Node>,
}

impl Vm {
    /// Starts a node: its first process begins to run before this returns.
    pub fn new(config: Config, world: sys::World) -> Result<Vm, BootError> {
        Vm::with(config, world, first_processes)
    }
    /// A node with the preloaded modules and no process: for measuring and testing the machine alone.
    pub fn bare(config: Config, world: sys::World) -> Result<Vm, BootError> {
        Vm::with(config, world, |_| {})
    }
    fn with(config: Config, world: sys::World, begin: impl FnOnce(&Arc<Node>)) -> Result<Vm, BootError> {
        let s = &config.schedulers;
        let handle: sched::Handle<ProcRef, Timer> = sched::Handle::new(sched::Config {
            workers: s.total.max(1) as usize,
            online: s.online.max(1) as usize,
            dirty_cpu: s.dirty_cpu.max(1) as usize,
            dirty_cpu_online: s.dirty_cpu_online.max(1) as usize,
            dirty_io: s.dirty_io.max(1) as usize,
            // Frames of machine code, one for each call of a slice at most.
            stack_size: (config.jit.mode != node::config::MachineCode::Off).then_some(32 << 20),
            ..sched::Config::default()
        });
        let node = Node::new(config, world, handle.clone(), natives());
        load_preloaded(&node)?;
        let machine = Arc::new(Machine::new());
        machine.attach(&node);
        bifs::attach(&node);
        nif::attach(&node, services());
        bifs::port::poll_by_schedulers(&node);
        begin(&node);
        let sched = sched::Sched::start(handle, machine).map_err(BootError::Threads)?;
        Ok(Vm { sched, node })
    }
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }
    /// The machine code that a function of a `.beam` file would get, as text. `Err`: why there is none.
    pub fn machine_code(&self, file: &[u8], function: &str, arity: u8, machine: &str) -> Result<String, String> {
        let node = &self.node;
        let decode = |b: &[u8], a: &mut term::Alloc| bifs::resolver::decode_literal(node, b, a);
        let prepared = node.code.prepare(file, &decode).map_err(|e| e.to_string())?;
        let loaded = node.code.load(&prepared).map_err(|e| format!("{e:?}"))?;
        exec::listing(&loaded, atom::intern(function), arity, machine).ok_or_else(|| "the function is not there, or is left to the interpreter".into())
    }
    /// Waits until the node halts; its exit status.
    pub fn run(self) -> i32 {
        let status = self.node.wait_for_halt();
        // The operating system takes back everything at once; dropping would only take time.
        self.node.world.tty.restore();
        let _ = &self.sched;
        if status == node::ABORT {
            std::process::abort();
        }
        std::process::exit(status)
    }
}

/// Every native function; those of libraries stand in for the ones without.
fn natives() -> Vec<node::Native> {
    let mut all = bifs::all();
    all.retain(|n| !nif::NATIVES.iter().any(|m| (m.module, m.function, m.arity) == (n.module, n.function, n.arity)));
    all.extend_from_slice(nif::NATIVES);
    all
}

/// What libraries of native functions need of the native functions here.
fn services() -> nif::Services {
    nif::Services {
        encode: bifs::resolver::encode,
        decode: bifs::resolver::decode,
        iolist: |t| bifs::iolist::bytes(t).ok(),
        ports: bifs::port::of,
    }
}

/// The modules of `erts` that ERTS has within itself; here they are read from the libraries.
fn load_preloaded(node: &Arc<Node>) -> Result<(), BootError> {
    let root = node.config.otp.root.join("lib");
    let missing = |p: &PathBuf, why: &str| BootError::Missing(p.clone(), why.to_string());
    let mut dirs: Vec<PathBuf> = std::fs::read_dir(&root)
        .map_err(|e| missing(&root, &e.to_string()))?
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("erts-")))
        .map(|p| p.join("ebin"))
        .filter(|p| p.is_dir())
        .collect();
    dirs.sort();
    // A release has them beside its programs.
    let beside = node.config.otp.bindir.join("preloaded");
    let dir = dirs
        .pop()
        .or_else(|| beside.is_dir().then_some(beside))
        .ok_or_else(|| missing(&root.join("erts-*/ebin"), "there is no such folder"))?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(&dir)
        .map_err(|e| missing(&dir, &e.to_string()))?
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|x| x == "beam"))
        .collect();
    files.sort();
    let mut names = Vec::new();
    for (file, prepared) in files.iter().zip(prepare_all(node, &files)) {
        let prepared = prepared?;
        node.code.load(&prepared).map_err(|e| BootError::BadModule(file.clone(), format!("{e:?}")))?;
        if prepared.has_on_load {
            // erl_init calls these functions itself.
            node.code.finish_on_load(prepared.module, true);
        }
        names.push(prepared.module);
    }
    names.reverse();
    *node.preloaded.write() = names;
    Ok(())
}

/// On two threads, where there are two cores: nothing else can be done before.
fn prepare_all(node: &Arc<Node>, files: &[PathBuf]) -> Vec<Result<code::Prepared, BootError>> {
    let next = AtomicUsize::new(0);
    let decode = |b: &[u8], a: &mut term::Alloc| bifs::resolver::decode_literal(node, b, a);
    let work = || {
        let mut done = Vec::new();
        while let Some(file) = files.get(next.fetch_add(1, Relaxed)) {
            let bytes = std::fs::read(file).map_err(|e| BootError::Missing(file.clone(), e.to_string()));
            let prepared = bytes.and_then(|b| node.code.prepare_preloaded(&b, &decode).map_err(|e| BootError::BadModule(file.clone(), e.to_string())));
            done.push((file, prepared));
        }
        done
    };
    let mut all = std::thread::scope(|s| {
        let other = (node.config.schedulers.total > 1).then(|| s.spawn(work));
        let mut all = work();
        // A panic there is one here.
        all.extend(other.into_iter().flat_map(|o| o.join().unwrap_or_else(|e| std::panic::resume_unwind(e))));
        all
    });
    all.sort_by_key(|a| a.0);
    all.into_iter().map(|a| a.1).collect()
}

/// `<0.0.0>` and the system processes, whose pids are fixed.
fn first_processes(node: &Arc<Node>) {
    let spawn = |module: &str, function: &str, args: Owned, priority: Option<u8>, system: bool| {
        let options = SpawnOptions { priority, system, ..SpawnOptions::default() };
        // The first processes always fit.
        node.spawn(None, options, atom::intern(module), atom::intern(function), args.term).ok()
    };
    let args = Owned::build(|a| {
        let list: Vec<Term> = node.config.init_args.iter().map(|b| a.binary(b)).collect();
        let list = a.list(&list);
        let boot = atom::intern(&node.config.boot_module);
        a.list(&[boot, list])
    });
    let _ = spawn("erl_init", "start", args, None, false);
    let none = || Owned::immediate(Term::NIL);
    let _ = spawn("erts_code_purger", "start", none(), Some(2), true);
    if let Some(collector) = spawn("erts_literal_area_collector", "start", none(), Some(2), true) {
        node.set_literal_collector(collector.pid);
    }
    let _ = spawn("erts_dirty_process_signal_handler", "start", none(), Some(1), true);
    let _ = spawn("erts_dirty_process_signal_handler", "start", none(), Some(2), true);
    let _ = spawn("erts_dirty_process_signal_handler", "start", none(), Some(3), true);
    if node.code.release >= 27 {
        let _ = spawn("erts_trace_cleaner", "start", none(), Some(1), true);
    }
}
