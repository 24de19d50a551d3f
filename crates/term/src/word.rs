//! The tagged word and the headers of boxed terms.
//!
//! Low bits of a term: `1` small integer (63 bits) · `010` cons · `100` boxed · `110` other immediate (bits 3..6 say which).
//! `000` is never a term: header words, continuation pointers on a stack, and 0, "no value".

use crate::fun::{Export, FunEntry};
use crate::node_name::NodeName;

/// One Erlang term: an immediate value, or a pointer to a cons cell or a boxed object in some heap.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Term(u64);

pub const TAG_MASK: u64 = 7;
pub const TAG_CONS: u64 = 2;
pub const TAG_BOXED: u64 = 4;
pub const TAG_IMM: u64 = 6;

const IMM_MASK: u64 = 0x3f;
const IMM_ATOM: u64 = TAG_IMM;
const IMM_PID: u64 = (1 << 3) | TAG_IMM;
const IMM_PORT: u64 = (2 << 3) | TAG_IMM;
const IMM_NIL: u64 = (3 << 3) | TAG_IMM;
const IMM_CATCH: u64 = (4 << 3) | TAG_IMM;

pub const SMALL_MAX: i64 = i64::MAX >> 1;
pub const SMALL_MIN: i64 = i64::MIN >> 1;

/// What a boxed object is; stands in bits 3..8 of its header, the number of words that follow above.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// elements
    Tuple = 1,
    /// keys (a tuple, or nil for the empty map), then values in the keys' order; at most 32
    FlatMap = 2,
    /// size (small), bitmap (small), children: a cons `[Key|Value]` is a leaf, a boxed term a `HashNode` or `HashCollision`
    HashMap = 3,
    /// bitmap (small), children
    HashNode = 4,
    /// leaves (cons cells) whose keys share the whole hash
    HashCollision = 5,
    /// native record: definition (a tuple), values
    Record = 6,
    /// entry (raw pointer to `FunEntry`), environment
    Fun = 8,
    /// offset in bits, size in bits (raw), then the `HeapBits` or `BinRef` it is a part of
    SubBits = 9,
    /// position, end (raw, in bits of the base), then the `HeapBits` or `BinRef` that is matched
    MatchContext = 10,
    // From here on the whole object is raw words.
    /// IEEE double
    Float = 16,
    /// limbs, least significant first, no leading zero limb
    PosBig = 17,
    NegBig = 18,
    /// raw pointer to `Export`
    ExportFun = 19,
    /// two words of identity (see `reference`)
    Ref = 20,
    /// two words of identity, raw pointer to the value, next off-heap cell
    MagicRef = 21,
    /// `NodeName` pointer, number | serial << 32
    ExtPid = 22,
    /// `NodeName` pointer, number
    ExtPort = 23,
    /// `NodeName` pointer, count of 32-bit words, words packed two in one
    ExtRef = 24,
    /// size in bits, bytes
    HeapBits = 25,
    /// size in bits, raw pointer to `Binary`, next off-heap cell
    BinRef = 26,
}

impl Kind {
    #[inline]
    pub const fn from_u8(n: u8) -> Option<Kind> {
        use Kind::*;
        Some(match n {
            1 => Tuple,
            2 => FlatMap,
            3 => HashMap,
            4 => HashNode,
            5 => HashCollision,
            6 => Record,
            8 => Fun,
            9 => SubBits,
            10 => MatchContext,
            16 => Float,
            17 => PosBig,
            18 => NegBig,
            19 => ExportFun,
            20 => Ref,
            21 => MagicRef,
            22 => ExtPid,
            23 => ExtPort,
            24 => ExtRef,
            25 => HeapBits,
            26 => BinRef,
            _ => return None,
        })
    }

    /// Raw words between the header and the first term of the object; `None` when all of it is raw.
    #[inline]
    pub const fn raw_prefix(self) -> Option<usize> {
        match self as u8 {
            1..=6 => Some(0),
            8 => Some(1),
            9 | 10 => Some(2),
            _ => None,
        }
    }
}

/// Builds a header word.
#[inline(always)]
pub const fn header(kind: Kind, len: usize) -> u64 {
    ((len as u64) << 8) | ((kind as u64) << 3)
}
/// The number of words after a header.
#[inline(always)]
pub const fn header_len(h: u64) -> usize {
    (h >> 8) as usize
}
/// The kind number in a header (see `Kind`).
#[inline(always)]
pub const fn header_kind(h: u64) -> u8 {
    ((h >> 3) & 31) as u8
}
/// True for a header word, false for a forwarding pointer or a term in its place.
#[inline(always)]
pub const fn is_header(h: u64) -> bool {
    h & TAG_MASK == 0
}

impl Term {
    /// Not a term: "no value", e.g. a register that holds nothing.
    pub const NONE: Term = Term(0);
    pub const NIL: Term = Term(IMM_NIL);

    /// # Safety
    /// Rule 1: `raw` is a whole term word.
    #[inline(always)]
    pub const unsafe fn from_raw(raw: u64) -> Term {
        Term(raw)
    }
    #[inline(always)]
    pub const fn raw(self) -> u64 {
        self.0
    }
    #[inline(always)]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
    #[inline(always)]
    pub const fn is_some(self) -> bool {
        self.0 != 0
    }

    // ---- immediates
    /// A small integer; `n` must be within `SMALL_MIN..=SMALL_MAX` (use `Alloc::int` otherwise).
    #[inline(always)]
    pub const fn small(n: i64) -> Term {
        debug_assert!(n >= SMALL_MIN && n <= SMALL_MAX);
        Term(((n as u64) << 1) | 1)
    }
    #[inline(always)]
    pub const fn fits_small(n: i64) -> bool {
        n >= SMALL_MIN && n <= SMALL_MAX
    }
    #[inline(always)]
    pub const fn is_small(self) -> bool {
        self.0 & 1 == 1
    }
    /// The value of a small; meaningless for another term.
    #[inline(always)]
    pub const fn small_value(self) -> i64 {
        (self.0 as i64) >> 1
    }
    #[inline(always)]
    pub const fn as_small(self) -> Option<i64> {
        if self.is_small() { Some(self.small_value()) } else { None }
    }
    /// A small that fits the type asked for (`t.to::<u32>()`).
    #[inline]
    pub fn to<T: TryFrom<i64>>(self) -> Option<T> {
        self.as_small().and_then(|n| T::try_from(n).ok())
    }
    #[inline(always)]
    pub const fn atom_index(index: u32) -> Term {
        Term(((index as u64) << 6) | IMM_ATOM)
    }
    #[inline(always)]
    pub const fn is_atom(self) -> bool {
        self.0 & IMM_MASK == IMM_ATOM
    }
    /// The index of an atom in the atom table.
    #[inline(always)]
    pub const fn as_atom_index(self) -> Option<u32> {
        if self.is_atom() { Some((self.0 >> 6) as u32) } else { None }
    }
    #[inline(always)]
    pub const fn bool(b: bool) -> Term {
        if b { crate::am::TRUE } else { crate::am::FALSE }
    }
    #[inline]
    pub fn as_bool(self) -> Option<bool> {
        match self {
            crate::am::TRUE => Some(true),
            crate::am::FALSE => Some(false),
            _ => None,
        }
    }
    /// A local process identifier: table number and serial (26 bits).
    #[inline(always)]
    pub const fn pid(number: u32, serial: u32) -> Term {
        Term((((serial as u64) << 32 | number as u64) << 6) | IMM_PID)
    }
    #[inline(always)]
    pub const fn is_local_pid(self) -> bool {
        self.0 & IMM_MASK == IMM_PID
    }
    #[inline(always)]
    pub const fn pid_number(self) -> u32 {
        (self.0 >> 6) as u32
    }
    #[inline(always)]
    pub const fn pid_serial(self) -> u32 {
        (self.0 >> 38) as u32
    }
    #[inline(always)]
    pub const fn port(id: u64) -> Term {
        Term((id << 6) | IMM_PORT)
    }
    #[inline(always)]
    pub const fn is_local_port(self) -> bool {
        self.0 & IMM_MASK == IMM_PORT
    }
    #[inline(always)]
    pub const fn port_id(self) -> u64 {
        self.0 >> 6
    }
    /// A catch mark on a stack: where the handler's code is.
    #[inline(always)]
    pub fn catch(handler: *const u64) -> Term {
        Term(((handler as u64) << 6) | IMM_CATCH)
    }
    #[inline(always)]
    pub const fn is_catch(self) -> bool {
        self.0 & IMM_MASK == IMM_CATCH
    }
    #[inline(always)]
    pub const fn catch_handler(self) -> *const u64 {
        (self.0 >> 6) as *const u64
    }
    #[inline(always)]
    pub const fn is_nil(self) -> bool {
        self.0 == IMM_NIL
    }

    // ---- pointers
    #[inline(always)]
    pub const fn is_cons(self) -> bool {
        self.0 & TAG_MASK == TAG_CONS
    }
    #[inline(always)]
    pub const fn is_list(self) -> bool {
        self.is_cons() || self.is_nil()
    }
    #[inline(always)]
    pub const fn is_boxed(self) -> bool {
        self.0 & TAG_MASK == TAG_BOXED
    }
    #[inline(always)]
    pub const fn is_pointer(self) -> bool {
        let tag = self.0 & TAG_MASK;
        tag == TAG_CONS || tag == TAG_BOXED
    }
    #[inline(always)]
    pub const fn is_immediate(self) -> bool {
        self.0 & 1 == 1 || self.0 & TAG_MASK == TAG_IMM
    }
    /// The address of a cons or boxed object.
    #[inline(always)]
    pub const fn ptr(self) -> *mut u64 {
        (self.0 & !TAG_MASK) as *mut u64
    }
    /// # Safety
    /// Rule 1: `p` points to a header.
    #[inline(always)]
    pub unsafe fn boxed_at(p: *const u64) -> Term {
        Term(p as u64 | TAG_BOXED)
    }
    /// # Safety
    /// Rule 1: `p` points to the two words of a cons.
    #[inline(always)]
    pub unsafe fn cons_at(p: *const u64) -> Term {
        Term(p as u64 | TAG_CONS)
    }
    #[inline(always)]
    pub fn head(self) -> Term {
        debug_assert!(self.is_cons());
        // SAFETY: rule 1.
        unsafe { Term(*self.ptr()) }
    }
    #[inline(always)]
    pub fn tail(self) -> Term {
        debug_assert!(self.is_cons());
        // SAFETY: rule 1.
        unsafe { Term(*self.ptr().add(1)) }
    }
    #[inline(always)]
    pub fn as_cons(self) -> Option<(Term, Term)> {
        if self.is_cons() { Some((self.head(), self.tail())) } else { None }
    }
    /// The header word of a boxed term.
    #[inline(always)]
    pub fn header(self) -> u64 {
        debug_assert!(self.is_boxed());
        // SAFETY: rule 1.
        unsafe { *self.ptr() }
    }
    /// The kind of a boxed term; `None` for immediates and cons cells.
    #[inline]
    pub fn kind(self) -> Option<Kind> {
        if self.is_boxed() { Kind::from_u8(header_kind(self.header())) } else { None }
    }
    #[inline(always)]
    pub fn is_kind(self, kind: Kind) -> bool {
        self.is_boxed() && header_kind(self.header()) == kind as u8
    }
    /// Raw word `i` (0 is the header) of a boxed object.
    #[inline(always)]
    pub fn word(self, i: usize) -> u64 {
        debug_assert!(self.is_boxed() && i <= header_len(self.header()));
        // SAFETY: rule 1.
        unsafe { *self.ptr().add(i) }
    }
    /// Words `1..` of a boxed object that holds only terms after a raw prefix of `skip` words.
    #[inline]
    fn terms_from(self, skip: usize) -> &'static [Term] {
        // SAFETY: rules 1 and 2: the slice lives as long as the object, which outlives the native call.
        unsafe { std::slice::from_raw_parts(self.ptr().add(1 + skip).cast(), header_len(self.header()) - skip) }
    }

    // ---- tuples
    #[inline(always)]
    pub fn is_tuple(self) -> bool {
        self.is_kind(Kind::Tuple)
    }
    /// The elements of a tuple.
    #[inline]
    pub fn as_tuple(self) -> Option<&'static [Term]> {
        if self.is_tuple() { Some(self.terms_from(0)) } else { None }
    }
    /// The elements of a tuple of `N` elements.
    #[inline]
    pub fn as_tuple_n<const N: usize>(self) -> Option<&'static [Term; N]> {
        self.as_tuple().and_then(|s| s.try_into().ok())
    }
    /// True for a tuple of `arity` elements.
    #[inline(always)]
    pub fn is_tuple_of(self, arity: usize) -> bool {
        self.is_boxed() && self.header() == header(Kind::Tuple, arity)
    }

    // ---- numbers
    #[inline]
    pub fn is_float(self) -> bool {
        self.is_kind(Kind::Float)
    }
    #[inline]
    pub fn as_float(self) -> Option<f64> {
        if self.is_float() { Some(f64::from_bits(self.word(1))) } else { None }
    }
    #[inline]
    pub fn is_big(self) -> bool {
        self.is_boxed() && matches!(header_kind(self.header()), k if k == Kind::PosBig as u8 || k == Kind::NegBig as u8)
    }
    /// Sign (true: negative) and magnitude of a big integer.
    #[inline]
    pub fn as_big(self) -> Option<(bool, &'static [u64])> {
        if !self.is_big() {
            return None;
        }
        let h = self.header();
        // SAFETY: rules 1 and 2.
        let limbs = unsafe { std::slice::from_raw_parts(self.ptr().add(1), header_len(h)) };
        Some((header_kind(h) == Kind::NegBig as u8, limbs))
    }
    #[inline]
    pub fn is_integer(self) -> bool {
        self.is_small() || self.is_big()
    }
    #[inline]
    pub fn is_number(self) -> bool {
        self.is_integer() || self.is_float()
    }
    /// Any integer that fits an `i64`.
    #[inline]
    pub fn as_i64(self) -> Option<i64> {
        if self.is_small() {
            return Some(self.small_value());
        }
        match self.as_big()? {
            (false, &[m]) if m <= i64::MAX as u64 => Some(m as i64),
            (true, &[m]) if m <= 1 << 63 => Some((m as i64).wrapping_neg()),
            _ => None,
        }
    }
    /// Any non-negative integer that fits a `u64`.
    #[inline]
    pub fn as_u64(self) -> Option<u64> {
        if self.is_small() {
            return u64::try_from(self.small_value()).ok();
        }
        match self.as_big()? {
            (false, &[m]) => Some(m),
            _ => None,
        }
    }

    // ---- maps
    #[inline]
    pub fn is_map(self) -> bool {
        self.is_boxed() && matches!(header_kind(self.header()), 2 | 3)
    }
    #[inline(always)]
    pub fn is_flat_map(self) -> bool {
        self.is_kind(Kind::FlatMap)
    }
    #[inline(always)]
    pub fn is_hash_map(self) -> bool {
        self.is_kind(Kind::HashMap)
    }
    /// Number of keys of a map.
    #[inline]
    pub fn map_size(self) -> Option<usize> {
        match self.kind()? {
            Kind::FlatMap => Some(header_len(self.header()) - 1),
            Kind::HashMap => Some(Term(self.word(1)).small_value() as usize),
            _ => None,
        }
    }
    /// Keys and values of a flat map, in the keys' order.
    #[inline]
    pub fn flat_map(self) -> Option<(&'static [Term], &'static [Term])> {
        if !self.is_flat_map() {
            return None;
        }
        let keys = Term(self.word(1)).as_tuple().unwrap_or(&[]);
        Some((keys, self.terms_from(1)))
    }
    /// The tuple of a small map's keys (nil if it is empty), which maps with the same keys may share.
    pub fn flat_map_keys(self) -> Option<Term> {
        self.is_flat_map().then(|| Term(self.word(1)))
    }
    /// Bitmap and children of a `HashMap` or `HashNode`.
    #[inline]
    pub fn hash_node(self) -> Option<(u32, &'static [Term])> {
        match self.kind()? {
            Kind::HashMap => Some((Term(self.word(2)).small_value() as u32, self.terms_from(2))),
            Kind::HashNode => Some((Term(self.word(1)).small_value() as u32, self.terms_from(1))),
            _ => None,
        }
    }
    /// The leaves of a `HashCollision`.
    #[inline]
    pub fn hash_collision(self) -> Option<&'static [Term]> {
        if self.is_kind(Kind::HashCollision) { Some(self.terms_from(0)) } else { None }
    }

    // ---- native records
    #[inline]
    pub fn is_record(self) -> bool {
        self.is_kind(Kind::Record)
    }
    /// Definition (a tuple {Module, Name, Exported, FieldNames}) and values of a native record.
    #[inline]
    pub fn as_record(self) -> Option<(Term, &'static [Term])> {
        if self.is_record() { Some((Term(self.word(1)), self.terms_from(1))) } else { None }
    }

    // ---- funs
    #[inline]
    pub fn is_fun(self) -> bool {
        self.is_boxed() && matches!(header_kind(self.header()), k if k == Kind::Fun as u8 || k == Kind::ExportFun as u8)
    }
    /// Entry and environment of a local fun.
    #[inline]
    pub fn as_local_fun(self) -> Option<(&'static FunEntry, &'static [Term])> {
        if !self.is_kind(Kind::Fun) {
            return None;
        }
        // SAFETY: rules 1 and 4.
        Some((unsafe { &*(self.word(1) as *const FunEntry) }, self.terms_from(1)))
    }
    #[inline]
    pub fn as_export_fun(self) -> Option<&'static Export> {
        if !self.is_kind(Kind::ExportFun) {
            return None;
        }
        // SAFETY: rules 1 and 4.
        Some(unsafe { &*(self.word(1) as *const Export) })
    }
    /// Arity of a fun of either sort.
    pub fn fun_arity(self) -> Option<usize> {
        match self.as_local_fun() {
            Some((entry, _)) => Some(usize::from(entry.arity)),
            None => self.as_export_fun().map(|e| usize::from(e.arity)),
        }
    }

    // ---- identifiers
    #[inline]
    pub fn is_pid(self) -> bool {
        self.is_local_pid() || self.is_kind(Kind::ExtPid)
    }
    #[inline]
    pub fn is_port(self) -> bool {
        self.is_local_port() || self.is_kind(Kind::ExtPort)
    }
    #[inline]
    pub fn is_local_ref(self) -> bool {
        self.is_boxed() && matches!(header_kind(self.header()), k if k == Kind::Ref as u8 || k == Kind::MagicRef as u8)
    }
    #[inline]
    pub fn is_ref(self) -> bool {
        self.is_local_ref() || self.is_kind(Kind::ExtRef)
    }
    /// Identity of a local reference: its number, and the raw local pid of the process that made it as an alias, or 0.
    #[inline]
    pub fn as_local_ref(self) -> Option<(u64, u64)> {
        if self.is_local_ref() { Some((self.word(1), self.word(2))) } else { None }
    }
    /// Node, number and serial of an external pid.
    pub fn as_ext_pid(self) -> Option<(&'static NodeName, u32, u32)> {
        if !self.is_kind(Kind::ExtPid) {
            return None;
        }
        let n = self.word(2);
        // SAFETY: rules 1 and 4.
        Some((unsafe { &*(self.word(1) as *const NodeName) }, n as u32, (n >> 32) as u32))
    }
    /// Node and number of an external port.
    pub fn as_ext_port(self) -> Option<(&'static NodeName, u64)> {
        if !self.is_kind(Kind::ExtPort) {
            return None;
        }
        // SAFETY: rules 1 and 4.
        Some((unsafe { &*(self.word(1) as *const NodeName) }, self.word(2)))
    }
    /// Node and the 32-bit words (least significant first) of an external reference.
    pub fn as_ext_ref(self) -> Option<(&'static NodeName, Vec<u32>)> {
        if !self.is_kind(Kind::ExtRef) {
            return None;
        }
        let n = self.word(2) as usize;
        let words = (0..n).map(|i| (self.word(3 + i / 2) >> (32 * (i % 2))) as u32).collect();
        // SAFETY: rules 1 and 4.
        Some((unsafe { &*(self.word(1) as *const NodeName) }, words))
    }

    // ---- bit strings
    #[inline]
    pub fn is_bitstring(self) -> bool {
        self.is_boxed()
            && matches!(header_kind(self.header()), k if k == Kind::HeapBits as u8 || k == Kind::BinRef as u8 || k == Kind::SubBits as u8)
    }
    /// Size in bits of a bit string.
    #[inline]
    pub fn bit_size(self) -> Option<usize> {
        match self.kind()? {
            Kind::HeapBits | Kind::BinRef => Some(self.word(1) as usize),
            Kind::SubBits => Some(self.word(2) as usize),
            _ => None,
        }
    }
    /// Size in bits of a bit string, or of what a match context has before it (compiled code asks `byte_size` of both).
    #[inline]
    pub fn bit_size_ahead(self) -> Option<usize> {
        match self.kind()? {
            Kind::HeapBits | Kind::BinRef => Some(self.word(1) as usize),
            Kind::SubBits => Some(self.word(2) as usize),
            Kind::MatchContext => Some((self.word(2) - self.word(1)) as usize),
            _ => None,
        }
    }
    /// True for a bit string of whole bytes.
    #[inline]
    pub fn is_binary(self) -> bool {
        self.bit_size().is_some_and(|n| n % 8 == 0)
    }
}

impl std::fmt::Debug for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::print::text(*self))
    }
}
