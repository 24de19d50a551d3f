//! The atom table: interned text, process-wide, never shrinking. An atom term holds the index.

use crate::Term;
use base::sync::RwLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering::*};
use std::sync::{LazyLock, Mutex};

/// An atom's text has at most this many characters.
pub const MAX_CHARS: usize = 255;

const CHUNK: usize = 1 << 12;
const CHUNKS: usize = 1 << 13;

#[derive(Clone, Copy)]
struct Entry {
    text: &'static str,
    /// Hash of the text: the same in every run, whatever the index.
    hash: u64,
    /// The first eight bytes, big-endian: orders most pairs without a look at the text.
    order: u64,
    /// What the atom counts for in `phash2/1`.
    phash: u32,
}

fn hash_of(text: &str) -> u64 {
    use std::hash::Hasher;
    let mut h = base::hash::FixedHasher::default();
    h.write(text.as_bytes());
    h.write_usize(text.len());
    h.finish()
}

impl Entry {
    fn new(text: &'static str, hash: u64) -> Entry {
        let mut first = [0u8; 8];
        let n = text.len().min(8);
        first[..n].copy_from_slice(&text.as_bytes()[..n]);
        Entry { text, hash, order: u64::from_be_bytes(first), phash: num::phash2::atom_value(text.as_bytes()) }
    }
}

struct Table {
    chunks: Box<[AtomicPtr<Entry>]>,
    len: AtomicUsize,
    index: [RwLock<Shard>; 16],
    grow: Mutex<()>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let t = Table {
        chunks: (0..CHUNKS).map(|_| AtomicPtr::new(std::ptr::null_mut())).collect(),
        len: AtomicUsize::new(0),
        index: Default::default(),
        grow: Mutex::new(()),
    };
    for (i, text) in am::TEXTS.iter().enumerate() {
        let n = t.intern(text);
        assert_eq!(n as usize, i, "the atom {text} is listed twice");
    }
    t
});

/// The most atoms that the table can hold; nodes have their own, lower limits.
pub const CAPACITY: usize = CHUNK * CHUNKS;

/// Numbers of some atoms, found by the hash of their texts: open addressing, at most half full.
#[derive(Default)]
struct Shard {
    slots: Box<[u32]>,
    len: usize,
}

const FREE: u32 = u32::MAX;
/// Slots of a shard that has anything.
const FIRST_SLOTS: usize = 1 << 11;

impl Shard {
    /// The number of the atom with this text, or the slot where it belongs.
    fn find(&self, table: &Table, hash: u64, text: &str) -> Result<u32, usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some(&n) = self.slots.get(at) {
            if n == FREE {
                return Err(at);
            }
            let e = numbered_entry(table, n as usize);
            if e.hash == hash && e.text == text {
                return Ok(n);
            }
            at = (at + 1) & mask;
        }
        Err(0)
    }
    fn grow(&mut self, table: &Table) {
        let slots = vec![FREE; (2 * self.slots.len()).max(FIRST_SLOTS)].into();
        for n in std::mem::replace(&mut self.slots, slots).into_iter().filter(|&n| n != FREE) {
            let mask = self.slots.len() - 1;
            let mut at = numbered_entry(table, n as usize).hash as usize & mask;
            while self.slots[at] != FREE {
                at = (at + 1) & mask;
            }
            self.slots[at] = n;
        }
    }
}

impl Table {
    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        &self.index[(hash >> 60) as usize]
    }
    fn intern(&self, text: &str) -> u32 {
        let hash = hash_of(text);
        let shard = self.shard(hash);
        if let Ok(n) = shard.read().find(self, hash, text) {
            return n;
        }
        let mut shard = shard.write();
        if 2 * (shard.len + 1) > shard.slots.len() {
            shard.grow(self);
        }
        let slot = match shard.find(self, hash, text) {
            Ok(n) => return n,
            Err(slot) => slot,
        };
        let text: &'static str = Box::leak(text.into());
        let _grow = self.grow.lock().expect("no panic while growing");
        let n = self.len.load(Relaxed);
        assert!(n < CAPACITY, "atom table full");
        let chunk = &self.chunks[n / CHUNK];
        if chunk.load(Relaxed).is_null() {
            let fresh: Box<[Entry]> = (0..CHUNK).map(|_| Entry { text: "", hash: 0, order: 0, phash: 0 }).collect();
            chunk.store(Box::leak(fresh).as_mut_ptr(), Release);
        }
        // SAFETY: the place is within its chunk, and nobody reads number `n` before `len` or the index says that it exists.
        unsafe { chunk.load(Relaxed).add(n % CHUNK).write(Entry::new(text, hash)) };
        self.len.store(n + 1, Release);
        shard.slots[slot] = n as u32;
        shard.len += 1;
        n as u32
    }
}

/// The atom with this text (UTF-8, at most 255 characters: the caller checks with `valid`).
pub fn intern(text: &str) -> Term {
    Term::atom_index(TABLE.intern(text))
}

/// The atom with this text if it exists already.
pub fn lookup(text: &str) -> Option<Term> {
    let hash = hash_of(text);
    TABLE.shard(hash).read().find(&TABLE, hash, text).ok().map(Term::atom_index)
}

/// True if an atom can have this text.
pub fn valid(text: &str) -> bool {
    text.len() <= MAX_CHARS || text.chars().count() <= MAX_CHARS
}

#[inline]
fn entry(atom: Term) -> &'static Entry {
    numbered_entry(&TABLE, atom.as_atom_index().expect("an atom") as usize)
}
#[inline]
fn numbered_entry(table: &Table, n: usize) -> &'static Entry {
    debug_assert!(n < table.len.load(Acquire));
    // SAFETY: a number is only used of an atom that exists; entries are never changed or freed.
    unsafe { &*table.chunks[n / CHUNK].load(Acquire).add(n % CHUNK) }
}

/// The text of an atom.
#[inline]
pub fn text(atom: Term) -> &'static str {
    entry(atom).text
}

/// A hash of an atom's text: the same in every run.
#[inline]
pub fn hash(atom: Term) -> u64 {
    entry(atom).hash
}

/// What an atom counts for in `erlang:phash2/1` and `erlang:phash/2`.
#[inline]
pub fn phash(atom: Term) -> u32 {
    entry(atom).phash
}

/// The order of two atoms: by their texts' code points.
#[inline]
pub fn cmp(a: Term, b: Term) -> std::cmp::Ordering {
    if a == b {
        return std::cmp::Ordering::Equal;
    }
    let (a, b) = (entry(a), entry(b));
    // UTF-8 sorts as the code points do; a zero byte in a text makes equal prefixes, so the texts decide then.
    a.order.cmp(&b.order).then_with(|| a.text.as_bytes().cmp(b.text.as_bytes()))
}

/// Text of a term that may be an atom.
pub fn as_text(t: Term) -> Option<&'static str> {
    t.is_atom().then(|| text(t))
}

/// The atom of that number, if there is one.
pub fn numbered(n: u32) -> Option<Term> {
    ((n as usize) < count()).then(|| Term::atom_index(n))
}

/// How many atoms there are.
pub fn count() -> usize {
    TABLE.len.load(Acquire)
}

/// Bytes that the table takes.
pub fn memory() -> usize {
    let n = count();
    n * (size_of::<Entry>() + 8) + (0..n).map(|i| text(Term::atom_index(i as u32)).len()).sum::<usize>()
}

/// A place that remembers an atom once it has been looked up (see `atom!`).
pub struct Cached(AtomicU32);

impl Cached {
    pub const fn new() -> Cached {
        Cached(AtomicU32::new(u32::MAX))
    }
    #[inline]
    pub fn get(&self, text: &str) -> Term {
        match self.0.load(Relaxed) {
            u32::MAX => {
                let a = intern(text);
                self.0.store(a.as_atom_index().expect("an atom"), Relaxed);
                a
            }
            n => Term::atom_index(n),
        }
    }
}

impl Default for Cached {
    fn default() -> Self {
        Cached::new()
    }
}

/// The atom with this literal text; looked up once for each place. Frequent ones have constants in `am`.
#[macro_export]
macro_rules! atom {
    ($text:expr) => {{
        static CACHED: $crate::atom::Cached = $crate::atom::Cached::new();
        CACHED.get($text)
    }};
}

macro_rules! atoms {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// Atoms known at compile time, for patterns and constants.
        #[allow(non_upper_case_globals)]
        pub mod am {
            use $crate::Term;
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            #[repr(u32)]
            enum Index { $($name),* }
            pub(super) const TEXTS: &[&str] = &[$($text),*];
            $(pub const $name: Term = Term::atom_index(Index::$name as u32);)*
        }
        /// How many atoms are known at compile time: those with the first numbers, the same in every run.
        pub const KNOWN: usize = am::TEXTS.len();
    };
}

atoms! {
    EMPTY = "", FALSE = "false", TRUE = "true", UNDEFINED = "undefined", OK = "ok", ERROR = "error", EXIT_UPPER = "EXIT", DOWN = "DOWN",
    NORMAL = "normal", KILL = "kill", KILLED = "killed", NOPROC = "noproc", NOCONNECTION = "noconnection", NONODE = "nonode@nohost",
    BADARG = "badarg", BADARITH = "badarith", BADMATCH = "badmatch", BADARITY = "badarity", BADFUN = "badfun", BADMAP = "badmap",
    BADKEY = "badkey", BADRECORD = "badrecord", CASE_CLAUSE = "case_clause", IF_CLAUSE = "if_clause", TRY_CLAUSE = "try_clause",
    FUNCTION_CLAUSE = "function_clause", UNDEF = "undef", SYSTEM_LIMIT = "system_limit", TIMEOUT_VALUE = "timeout_value",
    TIMEOUT = "timeout", INFINITY = "infinity", NOTSUP = "notsup", NOCATCH = "nocatch", EXIT = "exit", THROW = "throw",
    ERLANG = "erlang", ERTS_INTERNAL = "erts_internal", ERROR_HANDLER = "error_handler", UNDEFINED_FUNCTION = "undefined_function", BREAKPOINT = "breakpoint",
    UNDEFINED_LAMBDA = "undefined_lambda", MODULE_INFO = "module_info", ERROR_INFO = "error_info", MODULE = "module", FILE = "file",
    LINE = "line", CAUSE = "cause", PROCESS = "process", PORT = "port", TIME_OFFSET = "time_offset", NODE = "node", PID = "pid",
    REFERENCE = "reference", LINK = "link", MONITOR = "monitor", ALIAS = "alias", NAME = "name", ID = "id", INIT = "init",
    APPLY = "apply", SPAWN = "spawn", LISTS = "lists", MAPS = "maps", ETS = "ets", BINARY = "binary", RE = "re", OS = "os",
    LOW = "low", HIGH = "high", MAX = "max", MIN = "min", TRAP_EXIT = "trap_exit", PRIORITY = "priority", GROUP_LEADER = "group_leader",
    MESSAGES = "messages", MESSAGE_QUEUE_LEN = "message_queue_len", MESSAGE_QUEUE_DATA = "message_queue_data", ON_HEAP = "on_heap",
    OFF_HEAP = "off_heap", LINKS = "links", MONITORS = "monitors", MONITORED_BY = "monitored_by", DICTIONARY = "dictionary",
    STATUS = "status", RUNNING = "running", RUNNABLE = "runnable", WAITING = "waiting", SUSPENDED = "suspended", EXITING = "exiting",
    GARBAGE_COLLECTING = "garbage_collecting", REDUCTIONS = "reductions", HEAP_SIZE = "heap_size", STACK_SIZE = "stack_size",
    TOTAL_HEAP_SIZE = "total_heap_size", MEMORY = "memory", INITIAL_CALL = "initial_call", CURRENT_FUNCTION = "current_function",
    CURRENT_LOCATION = "current_location", CURRENT_STACKTRACE = "current_stacktrace", REGISTERED_NAME = "registered_name",
    BACKTRACE = "backtrace", LAST_CALLS = "last_calls", GARBAGE_COLLECTION = "garbage_collection",
    GARBAGE_COLLECTION_INFO = "garbage_collection_info", MAX_HEAP_SIZE = "max_heap_size", MIN_HEAP_SIZE = "min_heap_size",
    MIN_BIN_VHEAP_SIZE = "min_bin_vheap_size", FULLSWEEP_AFTER = "fullsweep_after", MINOR_GCS = "minor_gcs", SUSPENDING = "suspending",
    SEQUENTIAL_TRACE_TOKEN = "sequential_trace_token", CATCHLEVEL = "catchlevel", TRACE = "trace", ASYNC_DIST = "async_dist",
    PARENT = "parent", LABEL = "label", SAVE_CALLS = "save_calls", SENSITIVE = "sensitive", MONITOR_NODES = "monitor_nodes",
    SET = "set", ORDERED_SET = "ordered_set", BAG = "bag", DUPLICATE_BAG = "duplicate_bag", PUBLIC = "public", PROTECTED = "protected",
    PRIVATE = "private", NAMED_TABLE = "named_table", KEYPOS = "keypos", HEIR = "heir", NONE = "none", END_OF_TABLE = "$end_of_table",
    ETS_TRANSFER = "ETS-TRANSFER", UNDERSCORE = "_", DOLLAR_UNDERSCORE = "$_", DOLLAR_DOLLAR = "$$", CONST = "const",
    NOCONNECT = "noconnect", NOSUSPEND = "nosuspend", FLUSH = "flush", INFO = "info", TAG = "tag", ALL = "all", LIST = "list",
    TUPLE = "tuple", ATOM = "atom", INTEGER = "integer", FLOAT = "float", FUN = "fun", MAP = "map", STRING = "string",
    UTF8 = "utf8", UTF16 = "utf16", UTF32 = "utf32", LATIN1 = "latin1", UNICODE = "unicode", BIG = "big", LITTLE = "little",
    NATIVE = "native", SIGNED = "signed", UNSIGNED = "unsigned", APPEND = "append", PRIVATE_APPEND = "private_append",
    SECOND = "second", MILLISECOND = "millisecond", MICROSECOND = "microsecond", NANOSECOND = "nanosecond",
    LOCAL = "local", EXTERNAL = "external", TYPE = "type", ARITY = "arity", ENV = "env", INDEX = "index", NEW_INDEX = "new_index",
    UNIQ = "uniq", NEW_UNIQ = "new_uniq", REFC = "refc", VALUE = "value", EQ_EXACT = "=:=", PLUS = "+", MINUS = "-", TIMES = "*",
    SLASH = "/", DIV = "div", REM = "rem", BAND = "band", BOR = "bor", BXOR = "bxor", BNOT = "bnot", BSL = "bsl", BSR = "bsr",
    PLUSPLUS = "++", MINUSMINUS = "--", EQ = "==", NE = "/=", LT = "<", LE = "=<", GT = ">", GE = ">=",
    NE_EXACT = "=/=", NOT = "not", AND = "and", OR = "or", XOR = "xor", SEND = "!", ELEMENT = "element", SIZE = "size",
    EOF = "eof", BADFILE = "badfile", ON_LOAD = "on_load", NOT_PURGED = "not_purged", NO_OLD_CODE = "no_old_code", LOGGER = "logger",
    BOOLEAN = "boolean", ABSTIME = "abstime", RESTART = "restart", YIELD = "yield", EXACT = "exact", EXPORT = "export", NEW = "new",
    MORE = "more", NOMATCH = "nomatch", MATCH = "match", GLOBAL = "global", ONCE = "once", DATA = "data", COMMAND = "command",
    CLOSE = "close", CLOSED = "closed", CONNECT = "connect", CONNECTED = "connected", EXIT_STATUS = "exit_status", BUSY = "busy",
    ERL_ERTS_ERRORS = "erl_erts_errors", ERL_STDLIB_ERRORS = "erl_stdlib_errors", ERL_KERNEL_ERRORS = "erl_kernel_errors",
    COMPRESSED = "compressed", DETERMINISTIC = "deterministic", MINOR_VERSION = "minor_version", SAFE = "safe", USED = "used",
    TRUE_UPPER = "TRUE", BADARG_UPPER = "BADARG", UNSAFE = "unsafe", COPY = "copy", REUSE = "reuse", INPLACE = "inplace",
    HIBERNATE = "hibernate", BITSTRING = "bitstring", NIL_ATOM = "nil", KEY = "key", ITERATOR = "iterator", UPDATE = "update",
}


#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_the_interned_atoms() {
        assert_eq!(intern("true"), am::TRUE);
        assert_eq!(text(am::OK), "ok");
        assert_eq!(intern("some new atom"), intern("some new atom"));
        assert_eq!(lookup("never seen before, surely"), None);
        assert_eq!(atom!("badarg"), am::BADARG);
    }
}
