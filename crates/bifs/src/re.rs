//! Module `re`, over PCRE2 (`engines::regex`). A compiled pattern is `{re_pattern, Groups, Unicode, CrLf, Handle}`: the
//! handle is a reference to the compiled code where the release has references there (28 on), before that a binary with
//! pattern and options, which a table of the node compiles again when it must.

use crate::iolist;
use crate::result::Res;
use crate::slice;
use crate::unicode;
use engines::regex::{
    Bsr, CompileError, CompileOptions, Dialect, ExecError, ExecOptions, Flags, Groups, Newline, Outcome, Regex, RegexCache,
};
use node::{Ctx, Native, Stop};
use std::borrow::Cow;
use std::sync::Arc;
use term::magic::Magic;
use term::{Term, am, atom};

/// A node's patterns.
struct Patterns(RegexCache);

impl Default for Patterns {
    fn default() -> Patterns {
        Patterns(RegexCache::new(500))
    }
}

fn compile(cx: &Ctx, pattern: &[u8], options: CompileOptions) -> Result<Arc<Regex>, CompileError> {
    cx.node.part::<Patterns>().0.get(pattern, options)
}

/// Patterns are references, as since OTP 28.
fn modern(cx: &Ctx) -> bool {
    cx.node.code.release >= 28
}

// ---- options

#[derive(Default)]
enum Capture {
    #[default]
    All,
    AllButFirst,
    AllNames,
    First,
    None,
    These(Vec<Key>),
}

enum Key {
    Index(usize),
    Name(Vec<u8>),
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Form {
    #[default]
    Index,
    List,
    Binary,
}

#[derive(Default)]
struct Options {
    compile: CompileOptions,
    /// An option that only compiling takes.
    compiling: bool,
    newline: Option<Newline>,
    bsr: Option<Bsr>,
    exec: ExecOptions,
    global: bool,
    report_errors: bool,
    export: bool,
    offset: usize,
    capture: Capture,
    form: Form,
}

fn capture_keys(list: Term) -> Option<Capture> {
    let keys = list.proper_list()?;
    if keys.is_empty() {
        return Some(Capture::None);
    }
    let key = |t: Term| {
        if t.is_integer() {
            return t.to::<u32>().map(|n| Key::Index(n as usize));
        }
        if let Some(s) = term::atom::as_text(t) {
            return Some(Key::Name(s.as_bytes().to_vec()));
        }
        let name = iolist::bytes_of(t).ok()?;
        (!name.is_empty()).then(|| Key::Name(name.into_owned()))
    };
    keys.into_iter().map(key).collect::<Option<Vec<Key>>>().map(Capture::These)
}

/// Why options are refused.
enum BadOption {
    Unknown,
    Value,
}

fn parse_options(list: Term, run: bool, modern: bool) -> Result<Options, BadOption> {
    let mut o = Options::default();
    o.compile.dialect = if modern { Dialect::Pcre2 } else { Dialect::Pcre1 };
    for e in list.proper_list().ok_or(BadOption::Unknown)? {
        if let Some(name) = term::atom::as_text(e) {
            let compile_flag = match name {
                "unicode" => Some(Flags::UTF),
                "caseless" => Some(Flags::CASELESS),
                "dollar_endonly" => Some(Flags::DOLLAR_ENDONLY),
                "dotall" => Some(Flags::DOTALL),
                "extended" => Some(Flags::EXTENDED),
                "firstline" => Some(Flags::FIRSTLINE),
                "multiline" => Some(Flags::MULTILINE),
                "no_auto_capture" => Some(Flags::NO_AUTO_CAPTURE),
                "dupnames" => Some(Flags::DUPNAMES),
                "ungreedy" => Some(Flags::UNGREEDY),
                "no_start_optimize" => Some(Flags::NO_START_OPTIMIZE),
                "ucp" => Some(Flags::UCP),
                "never_utf" => Some(Flags::NEVER_UTF),
                _ => None,
            };
            if let Some(f) = compile_flag {
                o.compile.flags |= f;
                o.compiling = true;
                continue;
            }
            match name {
                "anchored" => {
                    o.compile.flags |= Flags::ANCHORED;
                    o.exec.flags |= Flags::ANCHORED;
                }
                "bsr_anycrlf" => o.bsr = Some(Bsr::AnyCrlf),
                "bsr_unicode" => o.bsr = Some(Bsr::Unicode),
                "export" if modern && !run => o.export = true,
                "global" if run => o.global = true,
                "report_errors" if run => o.report_errors = true,
                "notempty" if run => o.exec.flags |= Flags::NOTEMPTY,
                "notempty_atstart" if run => o.exec.flags |= Flags::NOTEMPTY_ATSTART,
                "notbol" if run => o.exec.flags |= Flags::NOTBOL,
                "noteol" if run => o.exec.flags |= Flags::NOTEOL,
                _ => return Err(BadOption::Unknown),
            }
            continue;
        }
        let parts = e.as_tuple().ok_or(BadOption::Unknown)?;
        let name = parts.first().and_then(|t| term::atom::as_text(*t)).ok_or(BadOption::Unknown)?;
        match (name, &parts[1..]) {
            ("newline", [n]) => {
                o.newline = Some(match term::atom::as_text(*n) {
                    Some("cr") => Newline::Cr,
                    Some("lf") => Newline::Lf,
                    Some("crlf") => Newline::Crlf,
                    Some("any") => Newline::Any,
                    Some("anycrlf") => Newline::AnyCrlf,
                    Some("nul") if modern => Newline::Nul,
                    _ => return Err(BadOption::Unknown),
                });
            }
            ("offset", [n]) if run => o.offset = n.to::<usize>().ok_or(BadOption::Unknown)?,
            ("match_limit", [n]) if run => o.exec.match_limit = Some(n.to::<u32>().ok_or(BadOption::Unknown)?),
            ("match_limit_recursion", [n]) if run => {
                o.exec.match_limit_recursion = Some(n.to::<u32>().ok_or(BadOption::Unknown)?);
            }
            ("capture", [what, form @ ..]) if run && form.len() <= 1 => {
                o.capture = match term::atom::as_text(*what) {
                    Some("all") => Capture::All,
                    Some("all_but_first") => Capture::AllButFirst,
                    Some("all_names") => Capture::AllNames,
                    Some("first") => Capture::First,
                    Some("none") => Capture::None,
                    Some(_) => return Err(BadOption::Value),
                    None => capture_keys(*what).ok_or(BadOption::Value)?,
                };
                o.form = match form {
                    [] => Form::Index,
                    [t] if *t == am::INDEX => Form::Index,
                    [t] if *t == am::LIST => Form::List,
                    [t] if *t == am::BINARY => Form::Binary,
                    _ => return Err(BadOption::Value),
                };
            }
            _ => return Err(BadOption::Unknown),
        }
    }
    o.compile.newline = o.newline.unwrap_or_default();
    o.compile.bsr = o.bsr.unwrap_or_default();
    Ok(o)
}
fn options(cx: &mut Ctx, list: Term, run: bool) -> Result<Options, Stop> {
    parse_options(list, run, modern(cx)).map_err(|e| match e {
        BadOption::Unknown => cx.badarg_cause(atom!("badopt")),
        BadOption::Value => cx.badarg(),
    })
}

// ---- texts

/// Bytes of a pattern or subject; characters as UTF-8 if `utf`.
fn text(cx: &mut Ctx, t: Term, utf: bool) -> Result<Cow<'static, [u8]>, Stop> {
    if let Some(b) = t.as_bytes() {
        return Ok(b);
    }
    let bytes = if utf { unicode::utf8_of(cx, t) } else { iolist::bytes(t).ok() };
    bytes.map(Cow::Owned).ok_or_else(|| cx.badarg())
}

// ---- compiling

/// The tuple of a compiled pattern.
fn pattern_term(cx: &mut Ctx, re: &Arc<Regex>) -> Term {
    let flag = |b: bool| Term::small(i64::from(b));
    let handle = if modern(cx) {
        let id = (cx.node.next_ref(), 0);
        cx.h().magic_ref(Arc::new(Magic { id, value: Box::new(re.clone()) }))
    } else {
        cx.h().binary(&re.to_bytes())
    };
    let (utf, crlf) = (re.options().flags.contains(Flags::UTF), re.use_crlf());
    cx.h().tuple(&[atom!("re_pattern"), Term::small(i64::from(re.capture_count())), flag(utf), flag(crlf), handle])
}
/// `{Text, Position}`
fn compile_error(cx: &mut Ctx, e: &CompileError) -> Term {
    let text = cx.h().list_of_chars(&e.text);
    cx.h().tuple(&[text, Term::small(e.position as i64)])
}
fn compile_1(cx: &mut Ctx, a: &[Term]) -> Res {
    compile_2(cx, &[a[0], Term::NIL])
}
fn compile_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let o = options(cx, a[1], false)?;
    let pattern = text(cx, a[0], o.compile.flags.contains(Flags::UTF))?;
    cx.charge(pattern.len() / 10 + 10);
    match compile(cx, &pattern, o.compile) {
        Ok(re) => {
            let t = if o.export { exported(cx, &re, a[1]) } else { pattern_term(cx, &re) };
            Ok(cx.h().ok(t))
        }
        Err(e) => {
            let e = compile_error(cx, &e);
            Ok(cx.h().error(e))
        }
    }
}
/// `{re_exported_pattern, Header, Pattern, Options, Encoded}`
fn exported(cx: &mut Ctx, re: &Arc<Regex>, options: Term) -> Term {
    let header = cx.h().binary(b"ferrobeam");
    let pattern = cx.h().binary(re.pattern());
    let encoded = cx.h().binary(&re.to_bytes());
    cx.h().tuple(&[atom!("re_exported_pattern"), header, pattern, options, encoded])
}
/// Whatever engine exported it, pattern and options say all.
fn import(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(&[tag, header, pattern, opts, _]) = a[0].as_tuple_n() else { return Err(cx.badarg()) };
    if tag != atom!("re_exported_pattern") || !header.is_binary() {
        return Err(cx.badarg());
    }
    let Some(pattern) = pattern.as_bytes() else { return Err(cx.badarg()) };
    let Ok(o) = parse_options(opts, false, true) else { return Err(cx.badarg()) };
    match compile(cx, &pattern, o.compile) {
        Ok(re) => Ok(pattern_term(cx, &re)),
        Err(_) => Err(cx.badarg()),
    }
}

/// The code behind a compiled pattern.
fn compiled(cx: &Ctx, t: Term) -> Option<Arc<Regex>> {
    let &[tag, _, _, _, handle] = t.as_tuple_n()?;
    if tag != atom!("re_pattern") {
        return None;
    }
    if let Some(re) = handle.magic_value::<Arc<Regex>>() {
        return Some(re.clone());
    }
    cx.node.part::<Patterns>().0.get_bytes(&handle.as_bytes()?)
}
fn inspect(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(re) = compiled(cx, a[0]).filter(|_| a[1] == atom!("namelist")) else { return Err(cx.badarg()) };
    let names = distinct_names(&re);
    let names: Vec<Term> = names.iter().map(|n| cx.h().binary(n)).collect();
    let list = cx.h().list(&names);
    Ok(cx.h().tuple(&[atom!("namelist"), list]))
}
fn distinct_names(re: &Regex) -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = re.names().into_iter().map(|(n, _)| n).collect();
    names.dedup();
    names
}

// ---- running

fn run_2(cx: &mut Ctx, a: &[Term]) -> Res {
    run(cx, a[0], a[1], Term::NIL, true)
}
fn run_3(cx: &mut Ctx, a: &[Term]) -> Res {
    run(cx, a[0], a[1], a[2], true)
}
/// As `run/3`; the last argument is false in later steps through one subject, which need no second check.
fn internal_run(cx: &mut Ctx, a: &[Term]) -> Res {
    run(cx, a[0], a[1], a[2], a[3] == am::TRUE)
}

fn run(cx: &mut Ctx, subject: Term, pattern: Term, opts: Term, first: bool) -> Res {
    let o = options(cx, opts, true)?;
    let given = pattern.is_tuple();
    let re = if given {
        let Some(mut re) = compiled(cx, pattern) else { return Err(cx.badarg()) };
        if o.compiling || (modern(cx) && (o.newline.is_some() || o.bsr.is_some())) {
            return Err(cx.badarg());
        }
        // Another line end than the pattern was compiled with.
        if o.newline.is_some() || o.bsr.is_some() {
            let was = *re.options();
            let now = CompileOptions { newline: o.newline.unwrap_or(was.newline), bsr: o.bsr.unwrap_or(was.bsr), ..was };
            re = match compile(cx, re.pattern(), now) {
                Ok(re) => re,
                Err(_) => return Err(cx.badarg()),
            };
        }
        re
    } else {
        let bytes = text(cx, pattern, o.compile.flags.contains(Flags::UTF))?;
        match compile(cx, &bytes, o.compile) {
            Ok(re) => re,
            Err(e) if o.report_errors => {
                let e = compile_error(cx, &e);
                let e = cx.h().tuple(&[atom!("compile"), e]);
                return Ok(cx.h().error(e));
            }
            Err(_) => return Err(cx.badarg()),
        }
    };
    let utf = re.options().flags.contains(Flags::UTF);
    let bytes = text(cx, subject, utf)?;
    if o.offset > bytes.len() {
        return Err(cx.badarg());
    }
    cx.charge(if o.global { 5 } else { (bytes.len() - o.offset) / 50 + 5 });
    let subject = Subject { term: subject, bytes: &bytes, utf };
    if o.global {
        return run_global(cx, &o, &re, &subject);
    }
    if utf && first && !check(cx, &bytes)? {
        return Err(cx.badarg());
    }
    let outcome = if !utf { re.exec(&bytes, o.offset, &o.exec) } else { exec_again(&re, &bytes, o.offset, &o.exec) };
    match matched(cx, &o, outcome)? {
        Ok(groups) => Ok(captures(cx, &o, &re, &groups, &subject)),
        Err(answer) => Ok(answer),
    }
}

/// How far a subject has been looked at.
#[derive(Default)]
struct Checked(usize);

/// Looks in slices whether a long subject is of characters; one of a slice's length is left to the match itself.
fn check(cx: &mut Ctx, bytes: &[u8]) -> Result<bool, Stop> {
    const SLICE: usize = 1 << 16;
    if bytes.len() <= SLICE {
        return Ok(true);
    }
    let Checked(mut at) = slice::resume(cx);
    while at < bytes.len() {
        let part = &bytes[at..bytes.len().min(at + SLICE)];
        at += match std::str::from_utf8(part) {
            Ok(_) => part.len(),
            // The slice ends within a character.
            Err(e) if e.error_len().is_none() && at + part.len() < bytes.len() => e.valid_up_to(),
            Err(_) => return Ok(false),
        };
        cx.charge(SLICE / 16);
        if cx.exhausted() && at < bytes.len() {
            return Err(slice::give_way(cx, Checked(at)));
        }
    }
    Ok(true)
}

/// A match in a subject that was looked at.
fn exec_again(re: &Regex, bytes: &[u8], offset: usize, options: &ExecOptions) -> Outcome {
    match std::str::from_utf8(bytes) {
        Ok(s) => re.exec_checked(s, offset, options),
        Err(_) => re.exec(bytes, offset, options),
    }
}

/// The groups of a match, or the answer when there is none.
fn matched(cx: &mut Ctx, o: &Options, outcome: Outcome) -> Result<Result<Groups, Term>, Stop> {
    let failed = |cx: &mut Ctx, what: Term| if o.report_errors { cx.h().error(what) } else { am::NOMATCH };
    Ok(Err(match outcome {
        Outcome::Match(groups) => return Ok(Ok(groups)),
        Outcome::NoMatch => am::NOMATCH,
        Outcome::Error(ExecError::MatchLimit) => failed(cx, atom!("match_limit")),
        Outcome::Error(ExecError::MatchLimitRecursion) => failed(cx, atom!("match_limit_recursion")),
        Outcome::Error(ExecError::NoMemory) => return Err(cx.system_limit()),
        Outcome::Error(ExecError::RecurseLoop | ExecError::Other(_)) => am::NOMATCH,
        Outcome::Error(ExecError::BadUtf | ExecError::BadUtfOffset | ExecError::BadOffset) => return Err(cx.badarg()),
    }))
}

/// What a run over many matches keeps between its slices.
#[derive(Default)]
struct GlobalRun {
    at: Option<usize>,
    found: Vec<Groups>,
}

/// All matches, one after the other. After an empty one, a match at the same place that is not empty is tried before
/// going one character on.
fn run_global(cx: &mut Ctx, o: &Options, re: &Regex, subject: &Subject<'_>) -> Res {
    let text = if subject.utf { std::str::from_utf8(subject.bytes).map_err(|_| cx.badarg()).map(Some)? } else { None };
    let again = ExecOptions { flags: o.exec.flags | Flags::NOTEMPTY_ATSTART | Flags::ANCHORED, ..o.exec };
    let exec = |at: usize, options: &ExecOptions| match text {
        Some(s) => re.exec_checked(s, at, options),
        None => re.exec(subject.bytes, at, options),
    };
    let GlobalRun { at, mut found } = slice::resume(cx);
    let mut at = at.unwrap_or(o.offset);
    for round in 0_usize.. {
        if at > subject.bytes.len() {
            break;
        }
        // Each slice looks at the whole subject first: some matches must come of it.
        if cx.exhausted() && round >= 16 {
            return Err(slice::give_way(cx, GlobalRun { at: Some(at), found }));
        }
        let groups = match matched(cx, o, exec(at, &o.exec))? {
            Ok(groups) => groups,
            Err(am::NOMATCH) => break,
            Err(error) => return Ok(error),
        };
        let Some((start, end)) = groups.first().copied().flatten() else { break };
        found.push(groups);
        cx.charge(1 + (end.max(at) - at) / 50);
        // A pattern may put its match's beginning before where it was looked for, or its end.
        at = if end > start && end > at {
            end
        } else {
            let more = matched(cx, o, exec(at, &again))?.ok();
            let place = more.as_ref().and_then(|g| g.first().copied().flatten());
            found.extend(more);
            match place {
                Some((s, e)) if e > s => e.max(at + 1),
                _ => start.max(at) + step(&subject.bytes[start.max(at)..], re.use_crlf(), subject.utf),
            }
        };
    }
    if found.is_empty() {
        return Ok(am::NOMATCH);
    }
    let lists: Vec<Term> = found.iter().filter_map(|g| captures(cx, o, re, g, subject).as_tuple_n::<2>().map(|m| m[1])).collect();
    if lists.is_empty() {
        return Ok(am::MATCH);
    }
    let list = cx.h().list(&lists);
    Ok(cx.h().tuple(&[am::MATCH, list]))
}

/// Bytes of the first character.
fn step(rest: &[u8], crlf: bool, utf: bool) -> usize {
    match rest {
        [b'\r', b'\n', ..] if crlf => 2,
        [0xc0..=0xdf, ..] if utf => 2,
        [0xe0..=0xef, ..] if utf => 3,
        [0xf0..=0xf7, ..] if utf => 4,
        _ => 1,
    }
}

struct Subject<'a> {
    term: Term,
    bytes: &'a [u8],
    utf: bool,
}

impl Subject<'_> {
    fn value(&self, cx: &mut Ctx, at: Option<(usize, usize)>, form: Form) -> Term {
        let (start, end) = at.unwrap_or((0, 0));
        match form {
            Form::Index => {
                let pair = at.map_or([-1, 0], |(s, e)| [s as i64, (e - s) as i64]);
                cx.h().tuple(&pair.map(Term::small))
            }
            Form::Binary if self.term.is_binary() => cx.h().sub_bits(self.term, 8 * start, 8 * (end - start)),
            Form::Binary => cx.h().binary(&self.bytes[start..end]),
            Form::List => {
                let part = &self.bytes[start..end];
                match std::str::from_utf8(part) {
                    Ok(s) if self.utf => cx.h().list_of_chars(s),
                    _ => cx.h().list_of_bytes(part),
                }
            }
        }
    }
}

/// The group of a name; of several, the one that took part.
fn named(re: &Regex, groups: &Groups, name: &[u8]) -> Option<(usize, usize)> {
    let all = re.names();
    all.iter().filter(|(n, _)| n == name).find_map(|(_, i)| groups.get(*i as usize).copied().flatten())
}

fn captures(cx: &mut Ctx, o: &Options, re: &Regex, groups: &Groups, subject: &Subject<'_>) -> Term {
    let found: Vec<Option<(usize, usize)>> = match &o.capture {
        Capture::None => return am::MATCH,
        Capture::All => groups.clone(),
        Capture::AllButFirst => groups[1..].to_vec(),
        Capture::First => groups[..1].to_vec(),
        Capture::AllNames => distinct_names(re).iter().map(|n| named(re, groups, n)).collect(),
        Capture::These(keys) => keys
            .iter()
            .map(|k| match k {
                Key::Index(i) => groups.get(*i).copied().flatten(),
                Key::Name(n) => named(re, groups, n),
            })
            .collect(),
    };
    if found.is_empty() && matches!(o.capture, Capture::AllNames) {
        return am::MATCH;
    }
    let values: Vec<Term> = found.into_iter().map(|at| subject.value(cx, at, o.form)).collect();
    let list = cx.h().list(&values);
    cx.h().tuple(&[am::MATCH, list])
}

fn version(cx: &mut Ctx, _: &[Term]) -> Res {
    // Before 28 its first number has one digit.
    let text = engines::regex::version();
    let text =
        if cx.node.code.release < 28 { text.strip_prefix("10.").map(|t| format!("9.{t}")) } else { None }.unwrap_or(text.into());
    Ok(cx.h().str(&text))
}

pub const NATIVES: &[Native] = &[
    Native::new("re", "compile", 1, compile_1),
    Native::new("re", "compile", 2, compile_2),
    Native::new("re", "import", 1, import),
    Native::new("re", "inspect", 2, inspect),
    Native::new("re", "internal_run", 4, internal_run),
    Native::new("re", "run", 2, run_2),
    Native::new("re", "run", 3, run_3),
    Native::new("re", "version", 0, version),
];
