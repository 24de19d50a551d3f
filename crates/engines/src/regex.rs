//! Regular expressions: PCRE2 with the options of Erlang's module `re`, in two dialects, as OTP releases came with PCRE 8.44
//! (up to 27) and with PCRE2 (from 28). Patterns and subjects are bytes; positions are byte offsets.

mod cache;
mod errors;
mod tables;

use std::{
    ptr::{self, NonNull},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use parking_lot::Mutex;
use pcre2_sys as sys;

pub use cache::RegexCache;

/// Whose habits to follow where the two libraries differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PCRE 8.44: unknown escapes are literal, alternatives of a lookbehind have fixed lengths, its error texts.
    #[default]
    Pcre1,
    /// PCRE2 as it is.
    Pcre2,
}

/// What ends a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Newline {
    Cr,
    #[default]
    Lf,
    Crlf,
    Any,
    AnyCrlf,
    Nul,
}

/// What `\R` matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Bsr {
    #[default]
    Unicode,
    AnyCrlf,
}

/// A set of options without values; join them with `|`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(u32);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:expr;)*) => {
        impl Flags { $($(#[$doc])* pub const $name: Flags = Flags($bit);)* }
    };
}

// For `compile` the bits are PCRE2's own; they are part of `Regex::to_bytes`, so they may not change.
flags! {
    /// Option `unicode`: pattern and subject are UTF-8.
    UTF = sys::PCRE2_UTF;
    ANCHORED = sys::PCRE2_ANCHORED;
    CASELESS = sys::PCRE2_CASELESS;
    DOLLAR_ENDONLY = sys::PCRE2_DOLLAR_ENDONLY;
    DOTALL = sys::PCRE2_DOTALL;
    EXTENDED = sys::PCRE2_EXTENDED;
    FIRSTLINE = sys::PCRE2_FIRSTLINE;
    MULTILINE = sys::PCRE2_MULTILINE;
    NO_AUTO_CAPTURE = sys::PCRE2_NO_AUTO_CAPTURE;
    DUPNAMES = sys::PCRE2_DUPNAMES;
    UNGREEDY = sys::PCRE2_UNGREEDY;
    NO_START_OPTIMIZE = sys::PCRE2_NO_START_OPTIMIZE;
    UCP = sys::PCRE2_UCP;
    NEVER_UTF = sys::PCRE2_NEVER_UTF;
}

// Of a run, beside ANCHORED.
flags! {
    NOTEMPTY = sys::PCRE2_NOTEMPTY;
    NOTEMPTY_ATSTART = sys::PCRE2_NOTEMPTY_ATSTART;
    NOTBOL = sys::PCRE2_NOTBOL;
    NOTEOL = sys::PCRE2_NOTEOL;
}

impl Flags {
    pub const NONE: Flags = Flags(0);

    pub fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    fn only(self, allowed: u32) -> u32 {
        self.0 & allowed
    }
}

impl std::ops::BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

const COMPILE_FLAGS: u32 = sys::PCRE2_UTF
    | sys::PCRE2_ANCHORED
    | sys::PCRE2_CASELESS
    | sys::PCRE2_DOLLAR_ENDONLY
    | sys::PCRE2_DOTALL
    | sys::PCRE2_EXTENDED
    | sys::PCRE2_FIRSTLINE
    | sys::PCRE2_MULTILINE
    | sys::PCRE2_NO_AUTO_CAPTURE
    | sys::PCRE2_DUPNAMES
    | sys::PCRE2_UNGREEDY
    | sys::PCRE2_NO_START_OPTIMIZE
    | sys::PCRE2_UCP
    | sys::PCRE2_NEVER_UTF;
const EXEC_FLAGS: u32 =
    sys::PCRE2_ANCHORED | sys::PCRE2_NOTEMPTY | sys::PCRE2_NOTEMPTY_ATSTART | sys::PCRE2_NOTBOL | sys::PCRE2_NOTEOL;

/// How to compile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CompileOptions {
    pub flags: Flags,
    pub newline: Newline,
    pub bsr: Bsr,
    pub dialect: Dialect,
}

/// Why a pattern is none: the library's sentence, and where in the pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// PCRE2's number, for those who want to know more.
    pub code: u32,
    pub text: String,
    pub position: usize,
}

/// How to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExecOptions {
    /// ANCHORED, NOTEMPTY, NOTEMPTY_ATSTART, NOTBOL, NOTEOL.
    pub flags: Flags,
    /// At most so many steps; the library's default (ten million) if absent.
    pub match_limit: Option<u32>,
    /// At most so deep.
    pub match_limit_recursion: Option<u32>,
}

/// Groups of a match, the whole first: where each begins and ends. Groups after the last one that took part are not listed.
pub type Groups = Vec<Option<(usize, usize)>>;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Match(Groups),
    NoMatch,
    Error(ExecError),
}

/// Why a run did not come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecError {
    MatchLimit,
    MatchLimitRecursion,
    /// The subject is not UTF-8.
    BadUtf,
    /// The offset is inside a character.
    BadUtfOffset,
    /// The offset is beyond the subject's end.
    BadOffset,
    NoMemory,
    /// A recursion in the pattern that does not move.
    RecurseLoop,
    Other(i32),
}

/// A compiled pattern. It can be shared by threads.
pub struct Regex {
    code: NonNull<sys::pcre2_code_8>,
    options: CompileOptions,
    pattern: Box<[u8]>,
    captures: u32,
    translated: OnceLock<bool>,
    runs: AtomicU32,
    pool: Mutex<Vec<MatchData>>,
}

struct MatchData(NonNull<sys::pcre2_match_data_8>);

// SAFETY: rule 3: match data is plain memory that one call at a time holds.
unsafe impl Send for MatchData {}
// SAFETY: rule 2: the compiled code is only read after its making, except by the translation under `translated`'s lock.
unsafe impl Send for Regex {}
// SAFETY: rule 2: as above.
unsafe impl Sync for Regex {}

/// Frees what a C constructor gave.
struct Guard<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        // SAFETY: rule 1: the pointer came from the matching constructor (null is allowed) and is freed once.
        unsafe { (self.1)(self.0) }
    }
}

impl Regex {
    /// Compiles a pattern.
    pub fn compile(pattern: &[u8], options: CompileOptions) -> Result<Regex, CompileError> {
        let old = options.dialect == Dialect::Pcre1;
        let mut text: std::borrow::Cow<'_, [u8]> = pattern.into();
        // Where bytes were put into `text`, or (-1) taken out, one after the other.
        let mut edits: Vec<(usize, isize)> = Vec::new();
        if let Some(at) = old_verb(pattern).filter(|_| old) {
            edits.push((at, -1));
            text.to_mut().remove(at);
        }
        let code_ptr = loop {
            match compile_once(&text, &options) {
                Ok(code) => break code,
                // The old library took an unknown escape for the character itself.
                Err((sys::PCRE2_ERROR_UNKNOWN_ESCAPE, at)) if old && at >= 1 && text.get(at - 1) == Some(&b'\\') => {
                    edits.push((at - 1, -1));
                    text.to_mut().remove(at - 1);
                }
                // And a hyphen after a class like `\d` for a hyphen.
                Err((sys::PCRE2_ERROR_CLASS_INVALID_RANGE, at)) if old && at >= 1 && text.get(at - 1) == Some(&b'-') => {
                    edits.push((at - 1, 1));
                    text.to_mut().insert(at - 1, b'\\');
                }
                // So it did with what means nothing in a class, and with digits from 8 on that name no group.
                Err((code, at)) if old && let Some(at) = literal_escape(code, at, &text) => {
                    edits.push((at, -1));
                    text.to_mut().remove(at);
                }
                // `\x` before anything but a digit was the character zero, `\c` took any character of ASCII.
                Err((sys::PCRE2_ERROR_MISSING_OCTAL_OR_HEX_DIGITS, at))
                    if old && text[..at].ends_with(b"\\x") && text.get(at) != Some(&b'{') =>
                {
                    edits.extend([(at, 1), (at, 1)]);
                    text.to_mut().splice(at..at, *b"00");
                }
                Err((sys::PCRE2_ERROR_BACKSLASH_C_SYNTAX, at))
                    if old && text[..at].ends_with(b"\\c") && text.get(at).is_some_and(u8::is_ascii) =>
                {
                    let hex = format!("x{:02x}", text[at].to_ascii_uppercase() ^ 0x40);
                    edits.push((at, 1));
                    text.to_mut().splice(at - 1..=at, hex.into_bytes());
                }
                Err((code, at)) => {
                    let undone =
                        |at: usize, (place, by): &(usize, isize)| if *place < at { at.wrapping_add_signed(-by) } else { at };
                    let position = edits.iter().rev().fold(at, undone);
                    return Err(errors::describe(code, position.min(pattern.len()), pattern, &options));
                }
            }
        };
        let mut captures = 0u32;
        // SAFETY: rule 1: live code; the answer to this question is a `u32`.
        unsafe {
            sys::pcre2_pattern_info_8(code_ptr.as_ptr(), sys::PCRE2_INFO_CAPTURECOUNT, (&raw mut captures).cast());
        }
        let pattern = pattern.into();
        Ok(Regex {
            code: code_ptr,
            options,
            pattern,
            captures,
            translated: OnceLock::new(),
            runs: AtomicU32::new(0),
            pool: Mutex::default(),
        })
    }

    /// Translates the pattern into machine code, some twenty times as fast; it takes as long as ten compilations, so it happens by
    /// itself at the third run or with the first long subject. True if the pattern runs as machine code from now on.
    pub fn translate(&self) -> bool {
        *self.translated.get_or_init(|| {
            // SAFETY: rule 2: `OnceLock` lets one thread in; matches before its end pass NO_JIT.
            unsafe { sys::pcre2_jit_compile_8(self.code.as_ptr(), sys::PCRE2_JIT_COMPLETE) == 0 }
        })
    }

    /// How many groups the pattern has.
    pub fn capture_count(&self) -> u32 {
        self.captures
    }

    pub fn options(&self) -> &CompileOptions {
        &self.options
    }

    pub fn pattern(&self) -> &[u8] {
        &self.pattern
    }

    /// Is the pattern about characters rather than bytes (by option or by itself)?
    pub fn is_utf(&self) -> bool {
        self.info(sys::PCRE2_INFO_ALLOPTIONS) & sys::PCRE2_UTF != 0
    }

    /// The line end in force, which the pattern itself may have set.
    pub fn newline(&self) -> Newline {
        match self.info(sys::PCRE2_INFO_NEWLINE) {
            1 => Newline::Cr,
            3 => Newline::Crlf,
            4 => Newline::Any,
            5 => Newline::AnyCrlf,
            6 => Newline::Nul,
            _ => Newline::Lf,
        }
    }

    /// Can a line end be the two bytes CR LF? (The second 0|1 of `#re_pattern`.)
    pub fn use_crlf(&self) -> bool {
        matches!(self.newline(), Newline::Crlf | Newline::Any | Newline::AnyCrlf)
    }

    /// Named groups, sorted by name; a name may stand there more than once.
    pub fn names(&self) -> Vec<(Vec<u8>, u32)> {
        let count = self.info(sys::PCRE2_INFO_NAMECOUNT) as usize;
        let size = self.info(sys::PCRE2_INFO_NAMEENTRYSIZE) as usize;
        let mut table: *const u8 = ptr::null();
        // SAFETY: rule 1: live code; the answer to this question is a pointer into it.
        unsafe {
            sys::pcre2_pattern_info_8(self.code.as_ptr(), sys::PCRE2_INFO_NAMETABLE, (&raw mut table).cast());
        }
        if count == 0 || size < 3 || table.is_null() {
            return Vec::new();
        }
        // SAFETY: rule 1: the library says that the table has `count` entries of `size` bytes; it lives as long as the code.
        let table = unsafe { std::slice::from_raw_parts(table, count * size) };
        let entry = |e: &[u8]| {
            let name = e[2..].split(|b| *b == 0).next().unwrap_or_default();
            (name.to_vec(), u32::from(e[0]) << 8 | u32::from(e[1]))
        };
        table.chunks_exact(size).map(entry).collect()
    }

    fn info(&self, what: u32) -> u32 {
        let mut answer = 0u32;
        // SAFETY: rule 1: live code; `what` is one of the questions whose answer is a `u32`.
        unsafe { sys::pcre2_pattern_info_8(self.code.as_ptr(), what, (&raw mut answer).cast()) };
        answer
    }

    /// Looks for the first match at or after `offset`.
    pub fn exec(&self, subject: &[u8], offset: usize, options: &ExecOptions) -> Outcome {
        self.run(subject, offset, options, 0)
    }

    /// As `exec`, when the subject is known to be UTF-8 and `offset` to be at a character, as in the second and later
    /// steps through one subject: it saves going through the whole of it again.
    pub fn exec_checked(&self, subject: &str, offset: usize, options: &ExecOptions) -> Outcome {
        if !subject.is_char_boundary(offset) {
            return self.exec(subject.as_bytes(), offset, options);
        }
        self.run(subject.as_bytes(), offset, options, sys::PCRE2_NO_UTF_CHECK)
    }

    fn run(&self, subject: &[u8], offset: usize, options: &ExecOptions, unchecked: u32) -> Outcome {
        if offset > subject.len() {
            return Outcome::Error(ExecError::BadOffset);
        }
        let Some(data) = self.take_data() else { return Outcome::Error(ExecError::NoMemory) };
        let limited = options.match_limit.is_some() || options.match_limit_recursion.is_some();
        let mut flags = options.flags.only(EXEC_FLAGS) | unchecked;
        if self.translated.get().is_none() && !limited {
            let runs = self.runs.fetch_add(1, Ordering::Relaxed);
            if runs >= 2 || subject.len() - offset >= LONG_SUBJECT {
                self.translate();
            }
        }
        if limited || self.translated.get() != Some(&true) {
            // Machine code counts its steps in another way.
            flags |= sys::PCRE2_NO_JIT;
        }
        // SAFETY: rules 1, 2 and 3: live code, subject with its length, an offset inside it, data of our own, and a context
        // (null if nothing is special) that lives through the call.
        let outcome = unsafe {
            let own = Guard(if limited { match_context(options) } else { ptr::null_mut() }, sys::pcre2_match_context_free_8);
            let context = if own.0.is_null() { usual_context() } else { own.0 };
            let call = |flags| {
                sys::pcre2_match_8(self.code.as_ptr(), subject.as_ptr(), subject.len(), offset, flags, data.0.as_ptr(), context)
            };
            let mut code = call(flags);
            if code == sys::PCRE2_ERROR_JIT_STACKLIMIT {
                code = call(flags | sys::PCRE2_NO_JIT);
            }
            if code > 0 {
                let pairs = sys::pcre2_get_ovector_pointer_8(data.0.as_ptr());
                let pairs = std::slice::from_raw_parts(pairs, 2 * code as usize);
                Outcome::Match(pairs.chunks_exact(2).map(|p| (p[0] != usize::MAX).then_some((p[0], p[1]))).collect())
            } else {
                failed(code)
            }
        };
        // SAFETY: rules 1 and 3: still ours; a question, then perhaps its end.
        unsafe {
            if sys::pcre2_get_match_data_heapframes_size_8(data.0.as_ptr()) <= KEPT_BYTES {
                self.pool.lock().push(data);
            } else {
                sys::pcre2_match_data_free_8(data.0.as_ptr());
            }
        }
        outcome
    }

    fn take_data(&self) -> Option<MatchData> {
        if let Some(data) = self.pool.lock().pop() {
            return Some(data);
        }
        // SAFETY: rule 1: live code, the library's own allocator.
        let data = unsafe { sys::pcre2_match_data_create_from_pattern_8(self.code.as_ptr(), ptr::null_mut()) };
        NonNull::new(data).map(MatchData)
    }

    /// The pattern and its options as bytes, from which `from_bytes` compiles it again: what `#re_pattern` carries.
    /// Nobody can make bytes that harm; the worst is a pattern.
    pub fn to_bytes(&self) -> Vec<u8> {
        let o = &self.options;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&o.flags.0.to_be_bytes());
        bytes.extend_from_slice(&[newline_number(o.newline) as u8, o.bsr as u8, o.dialect as u8]);
        bytes.extend_from_slice(&self.pattern);
        bytes
    }

    /// What `to_bytes` said: `None` if it never did.
    pub fn parse_bytes(bytes: &[u8]) -> Option<(&[u8], CompileOptions)> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (head, pattern) = rest.split_at_checked(7)?;
        let flags = Flags(u32::from_be_bytes([head[0], head[1], head[2], head[3]]) & COMPILE_FLAGS);
        let newline = match head[4] {
            1 => Newline::Cr,
            2 => Newline::Lf,
            3 => Newline::Crlf,
            4 => Newline::Any,
            5 => Newline::AnyCrlf,
            6 => Newline::Nul,
            _ => return None,
        };
        let bsr = [Bsr::Unicode, Bsr::AnyCrlf].get(usize::from(head[5])).copied()?;
        let dialect = [Dialect::Pcre1, Dialect::Pcre2].get(usize::from(head[6])).copied()?;
        Some((pattern, CompileOptions { flags, newline, bsr, dialect }))
    }

    /// Compiles what `to_bytes` gave.
    pub fn from_bytes(bytes: &[u8]) -> Option<Regex> {
        let (pattern, options) = Regex::parse_bytes(bytes)?;
        Regex::compile(pattern, options).ok()
    }
}

/// A run may remember so many kilobytes of places to go back to, one gigabyte; the library's own limit is twenty.
const HEAP_LIMIT_KB: u32 = 1 << 20;

/// Match data with more memory than this is not kept for the next run.
const KEPT_BYTES: usize = 1 << 20;

/// From so many bytes on the translation pays at once.
const LONG_SUBJECT: usize = 4096;

const MAGIC: &[u8] = b"ferrobeam-re\x01";

impl Drop for Regex {
    fn drop(&mut self) {
        for data in self.pool.get_mut().drain(..) {
            // SAFETY: rule 1: ours, freed once.
            unsafe { sys::pcre2_match_data_free_8(data.0.as_ptr()) };
        }
        // SAFETY: rule 1: ours, freed once; `&mut self` says that nobody matches.
        unsafe { sys::pcre2_code_free_8(self.code.as_ptr()) };
    }
}

impl std::fmt::Debug for Regex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Regex({:?}, {:?})", String::from_utf8_lossy(&self.pattern), self.options)
    }
}

/// The engine's version, in the form of `re:version/0`: another than any ERTS has, so that patterns which ERTS compiled are not used.
pub fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut text = [0u8; 64];
        // SAFETY: rule 1: the library's texts of this kind are at most 24 bytes long.
        let n = unsafe { sys::pcre2_config_8(sys::PCRE2_CONFIG_VERSION, text.as_mut_ptr().cast()) };
        let n = usize::try_from(n).unwrap_or(0).saturating_sub(1);
        String::from_utf8_lossy(&text[..n]).into_owned()
    })
}

fn newline_number(newline: Newline) -> u32 {
    match newline {
        Newline::Cr => 1,
        Newline::Lf => 2,
        Newline::Crlf => 3,
        Newline::Any => 4,
        Newline::AnyCrlf => 5,
        Newline::Nul => 6,
    }
}

/// How deeply groups may lie within each other in the old library.
const OLD_PARENS_LIMIT: u32 = 798;

/// One try: the code, or the error's number and place.
fn compile_once(text: &[u8], options: &CompileOptions) -> Result<NonNull<sys::pcre2_code_8>, (u32, usize)> {
    let (mut code, mut at) = (0, 0);
    // SAFETY: rule 1: a fresh context, used for this call only; pattern with its length; locals for the answers.
    let compiled = unsafe {
        let context = Guard(sys::pcre2_compile_context_create_8(ptr::null_mut()), sys::pcre2_compile_context_free_8);
        if context.0.is_null() {
            return Err((sys::PCRE2_ERROR_HEAP_FAILED, 0));
        }
        sys::pcre2_set_character_tables_8(context.0, tables::latin1().as_ptr());
        sys::pcre2_set_newline_8(context.0, newline_number(options.newline));
        sys::pcre2_set_bsr_8(context.0, if options.bsr == Bsr::Unicode { 1 } else { 2 });
        if options.dialect == Dialect::Pcre1 {
            sys::pcre2_set_compile_extra_options_8(context.0, sys::PCRE2_EXTRA_ALLOW_LOOKAROUND_BSK);
            sys::pcre2_set_max_varlookbehind_8(context.0, 0);
            sys::pcre2_set_parens_nest_limit_8(context.0, OLD_PARENS_LIMIT);
        }
        let mut flags = options.flags.only(COMPILE_FLAGS);
        // The library looks up the wrong table for what a `\w` beyond ASCII may begin with; the old one took no such short cut.
        let letters = options.dialect == Dialect::Pcre1 && flags & sys::PCRE2_UCP == 0 && text.windows(2).any(|w| w == b"\\w");
        if letters && (flags & sys::PCRE2_UTF != 0 || text.starts_with(b"(*")) {
            flags |= sys::PCRE2_NO_START_OPTIMIZE;
        }
        sys::pcre2_compile_8(text.as_ptr(), text.len(), flags, &mut code, &mut at, context.0)
    };
    NonNull::new(compiled).ok_or((code as u32, at))
}

/// Where the backslash stands without which the old library would have read what this error complains of.
fn literal_escape(code: u32, at: usize, text: &[u8]) -> Option<usize> {
    // The place is that of the last character of the escape.
    let before = text.get(..=at)?;
    match code {
        sys::PCRE2_ERROR_ESCAPE_INVALID_IN_CLASS => {
            let place = at.checked_sub(1).filter(|&i| before[i] == b'\\')?;
            (before[at] != b'N').then_some(place)
        }
        sys::PCRE2_ERROR_BAD_SUBPATTERN_REFERENCE => {
            let digits = before.iter().rev().take_while(|b| b.is_ascii_digit()).count();
            let place = before.len().checked_sub(digits + 1).filter(|&i| before[i] == b'\\')?;
            matches!(before.get(place + 1), Some(b'8' | b'9')).then_some(place)
        }
        _ => None,
    }
}

/// The old library also knew `(*UTF8)`: where the 8 stands that today's does not know.
fn old_verb(pattern: &[u8]) -> Option<usize> {
    let mut at = 0;
    while pattern[at..].starts_with(b"(*") {
        let end = at + pattern[at..].iter().position(|b| *b == b')')? + 1;
        if &pattern[at..end] == b"(*UTF8)" {
            return Some(end - 2);
        }
        at = end;
    }
    None
}

/// A context with the limits that were asked for; the caller frees it.
///
/// # Safety
/// None beyond the C interface's own: it takes nothing from the caller but numbers.
unsafe fn match_context(options: &ExecOptions) -> *mut sys::pcre2_match_context_8 {
    // SAFETY: rule 1: a fresh context (or null, which the setters are not given).
    unsafe {
        let context = sys::pcre2_match_context_create_8(ptr::null_mut());
        if !context.is_null() {
            sys::pcre2_set_heap_limit_8(context, HEAP_LIMIT_KB);
            if let Some(n) = options.match_limit {
                sys::pcre2_set_match_limit_8(context, n);
            }
            if let Some(n) = options.match_limit_recursion {
                sys::pcre2_set_depth_limit_8(context, n);
            }
        }
        context
    }
}

/// The context of a run without special limits, made once; null (the library's defaults) if there was no memory for it.
fn usual_context() -> *mut sys::pcre2_match_context_8 {
    struct Shared(*mut sys::pcre2_match_context_8);
    // SAFETY: rule 2: after its making it is only read.
    unsafe impl Send for Shared {}
    // SAFETY: rule 2: as above.
    unsafe impl Sync for Shared {}
    static USUAL: OnceLock<Shared> = OnceLock::new();
    // SAFETY: rule 1: see `match_context`; it is never freed.
    USUAL.get_or_init(|| Shared(unsafe { match_context(&ExecOptions::default()) })).0
}

fn failed(code: i32) -> Outcome {
    Outcome::Error(match code {
        sys::PCRE2_ERROR_NOMATCH => return Outcome::NoMatch,
        sys::PCRE2_ERROR_MATCHLIMIT => ExecError::MatchLimit,
        sys::PCRE2_ERROR_DEPTHLIMIT | sys::PCRE2_ERROR_HEAPLIMIT => ExecError::MatchLimitRecursion,
        sys::PCRE2_ERROR_BADOFFSET => ExecError::BadOffset,
        sys::PCRE2_ERROR_BADUTFOFFSET => ExecError::BadUtfOffset,
        sys::PCRE2_ERROR_NOMEMORY => ExecError::NoMemory,
        sys::PCRE2_ERROR_RECURSELOOP => ExecError::RecurseLoop,
        sys::PCRE2_ERROR_UTF8_ERR21..=sys::PCRE2_ERROR_UTF8_ERR1 => ExecError::BadUtf,
        other => ExecError::Other(other),
    })
}

#[cfg(test)]
mod tests;
