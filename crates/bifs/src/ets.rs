//! `ets`: tables. What a table does is in crate `ets`; here are arguments, rights, errors and yielding.

mod info;
mod select;

use ::ets::table::Heir;
use ::ets::traverse::Go;
use ::ets::{Error, Kind, Options, Protection, Table, Tables, WriteConcurrency};
use node::{Ctx, Effect, Native, Stop};
use process::Owned;
use std::ops::Deref;
use std::sync::Arc;
use term::{Term, am, atom, cmp};

type Answer = Result<Term, Stop>;

macro_rules! table {
    ($($name:literal / $arity:literal = $f:path),* $(,)?) => {
        &[$(Native::new("ets", $name, $arity, $f).effect(Effect::Process)),*]
    };
}

pub const NATIVES: &[Native] = table![
    "new" / 2 = new,
    "delete" / 1 = delete_table,
    "delete" / 2 = delete,
    "delete_object" / 2 = delete_object,
    "first" / 1 = first,
    "last" / 1 = last,
    "next" / 2 = next,
    "prev" / 2 = prev,
    "first_lookup" / 1 = first_lookup,
    "last_lookup" / 1 = last_lookup,
    "next_lookup" / 2 = next_lookup,
    "prev_lookup" / 2 = prev_lookup,
    "give_away" / 3 = give_away,
    "info" / 1 = info::info_1,
    "info" / 2 = info::info_2,
    "insert" / 2 = insert,
    "insert_new" / 2 = insert_new,
    "internal_delete_all" / 2 = internal_delete_all,
    "internal_request_all" / 0 = internal_request_all,
    "internal_select_delete" / 2 = select::select_delete,
    "is_compiled_ms" / 1 = select::is_compiled_ms,
    "lookup" / 2 = lookup,
    "lookup_element" / 3 = lookup_element,
    "lookup_element" / 4 = lookup_element_or,
    "match" / 1 = select::continued,
    "match" / 2 = select::match_2,
    "match" / 3 = select::match_3,
    "match_object" / 1 = select::continued,
    "match_object" / 2 = select::match_object_2,
    "match_object" / 3 = select::match_object_3,
    "match_spec_compile" / 1 = select::match_spec_compile,
    "match_spec_run_r" / 3 = select::match_spec_run_r,
    "member" / 2 = member,
    "rename" / 2 = rename,
    "safe_fixtable" / 2 = safe_fixtable,
    "select" / 1 = select::continued,
    "select" / 2 = select::select_2,
    "select" / 3 = select::select_3,
    "select_count" / 2 = select::select_count,
    "select_replace" / 2 = select::select_replace,
    "select_reverse" / 1 = select::continued,
    "select_reverse" / 2 = select::select_reverse_2,
    "select_reverse" / 3 = select::select_reverse_3,
    "setopts" / 2 = setopts,
    "slot" / 2 = slot,
    "take" / 2 = take,
    "update_counter" / 3 = update_counter,
    "update_counter" / 4 = update_counter,
    "update_element" / 3 = update_element,
    "update_element" / 4 = update_element,
    "whereis" / 1 = whereis,
];

/// Functions of other modules that belong to tables.
pub const NATIVES_ELSEWHERE: &[Native] = &[
    Native::new("erlang", "match_spec_test", 3, select::match_spec_test),
    Native::new("erts_internal", "ets_lookup_binary_info", 2, info::lookup_binary_info).effect(Effect::Process),
    Native::new("erts_internal", "ets_raw_first", 1, info::raw_first).effect(Effect::Process),
    Native::new("erts_internal", "ets_raw_next", 2, info::raw_next).effect(Effect::Process),
    Native::new("erts_internal", "ets_super_user", 1, info::super_user).effect(Effect::Process),
];

// ---- which table, and may the caller

#[derive(Clone, Copy, PartialEq, Eq)]
enum Right {
    Read,
    Write,
    Owner,
}

/// A table found by its reference (which keeps it alive for the call) or by name.
enum Found {
    Ref(&'static Arc<Table>),
    Named(Arc<Table>),
}

impl Deref for Found {
    type Target = Arc<Table>;
    #[inline(always)]
    fn deref(&self) -> &Arc<Table> {
        match self {
            Found::Ref(t) => t,
            Found::Named(t) => t,
        }
    }
}

#[inline(always)]
fn find(cx: &mut Ctx, t: Term) -> Option<Found> {
    if t.is_atom() {
        return cx.node.tables.get(t).map(Found::Named);
    }
    Tables::of_ref(t).map(Found::Ref).or_else(|| by_number(cx, t))
}

/// The table behind a reference that has been outside (in an external term, a text): it has only the number.
#[cold]
fn by_number(cx: &mut Ctx, t: Term) -> Option<Found> {
    let (number, _) = t.as_local_ref()?;
    cx.node.tables.by_id(number).filter(|t| !t.is_deleted()).map(Found::Named)
}

#[inline(always)]
fn table(cx: &mut Ctx, t: Term, right: Right) -> Result<Found, Stop> {
    let Some(found) = find(cx, t) else { return Err(no_table(cx, t)) };
    let may = match right {
        Right::Read => found.may_read(cx.pid),
        Right::Write => found.may_write(cx.pid),
        Right::Owner => found.owner() == cx.pid,
    };
    if may { Ok(found) } else { Err(cx.badarg_cause(atom!("access"))) }
}

#[cold]
fn no_table(cx: &mut Ctx, t: Term) -> Stop {
    if t.is_atom() || t.magic_value::<Arc<Table>>().is_some() { cx.badarg_cause(am::ID) } else { cx.badarg_cause(am::TYPE) }
}

/// A table's refusal as an exception.
#[cold]
fn refused(cx: &mut Ctx, e: Error) -> Stop {
    match e {
        Error::Gone => cx.badarg_cause(am::ID),
        Error::NoKey => cx.badarg_cause(am::BADKEY),
        Error::Position => cx.badarg_cause(atom!("position")),
        Error::KeyPosition => cx.badarg_cause(am::KEYPOS),
        Error::Kind => cx.badarg_cause(atom!("table_type")),
        Error::Badarg | Error::NotInteger => cx.badarg(),
    }
}

// ---- making and ending

fn heir(cx: &mut Ctx, t: &[Term]) -> Option<Option<Heir>> {
    match *t {
        [h, n] if h == am::HEIR && n == am::NONE => Some(None),
        [h, pid, data] if h == am::HEIR && pid.is_local_pid() => {
            // A heir that is dead already is none.
            Some(cx.node.is_alive(pid).then(|| Heir::new(pid, Some(data))))
        }
        // Inherits without a message.
        [h, pid] if h == am::HEIR && pid.is_local_pid() && cx.node.config.otp.release_number() >= 28 => {
            Some(cx.node.is_alive(pid).then(|| Heir::new(pid, None)))
        }
        _ => None,
    }
}

fn new(cx: &mut Ctx, a: &[Term]) -> Answer {
    let name = a[0];
    if !name.is_atom() {
        return Err(cx.badarg());
    }
    let Some(list) = a[1].proper_list() else { return Err(cx.badarg()) };
    let mut o = Options { lists_from_end: cx.node.config.otp.release_number() < 26, ..Options::default() };
    let mut inherit = None;
    let mut decentralized = None;
    for t in list {
        match t {
            am::SET => o.kind = Kind::Set,
            am::ORDERED_SET => o.kind = Kind::OrderedSet,
            am::BAG => o.kind = Kind::Bag,
            am::DUPLICATE_BAG => o.kind = Kind::DuplicateBag,
            am::PUBLIC => o.protection = Protection::Public,
            am::PROTECTED => o.protection = Protection::Protected,
            am::PRIVATE => o.protection = Protection::Private,
            am::NAMED_TABLE => o.named = true,
            am::COMPRESSED => o.compressed = true,
            _ => {
                let e = t.as_tuple().unwrap_or(&[]);
                if let Some(h) = heir(cx, e) {
                    inherit = h;
                    continue;
                }
                let [key, value] = *e else { return Err(cx.badarg()) };
                if key == am::KEYPOS
                    && let Some(n) = value.to::<usize>().filter(|n| *n > 0)
                {
                    o.keypos = n;
                } else if key == atom!("write_concurrency") {
                    o.write_concurrency = match value {
                        am::TRUE => WriteConcurrency::On,
                        am::FALSE => WriteConcurrency::Off,
                        v if v == atom!("auto") => WriteConcurrency::Auto,
                        // For tests of ERTS' own tables.
                        v => match v.as_tuple() {
                            Some([what, n]) if *what == atom!("debug_hash_fixed_number_of_locks") => match n.to::<u32>() {
                                Some(n) if n.is_power_of_two() => WriteConcurrency::Locks(n),
                                _ => return Err(cx.badarg()),
                            },
                            _ => return Err(cx.badarg()),
                        },
                    };
                } else if key == atom!("read_concurrency")
                    && let Some(b) = value.as_bool()
                {
                    o.read_concurrency = b;
                } else if key == atom!("decentralized_counters")
                    && let Some(b) = value.as_bool()
                {
                    decentralized = Some(b);
                } else {
                    return Err(cx.badarg());
                }
            }
        }
    }
    if o.protection == Protection::Private {
        o.write_concurrency = WriteConcurrency::Off;
    }
    // As ERTS has it: on by default where writers are many, and without meaning elsewhere.
    o.decentralized_counters = match o.write_concurrency {
        WriteConcurrency::Off => false,
        WriteConcurrency::Auto => decentralized.unwrap_or(true),
        WriteConcurrency::On | WriteConcurrency::Locks(_) => decentralized.unwrap_or(o.kind == Kind::OrderedSet),
    };
    let id = cx.node.next_ref();
    let Some(table) = cx.node.tables.create(id, name, cx.pid, o) else { return Err(cx.badarg_cause(atom!("already_exists"))) };
    *table.heir.lock() = inherit;
    Ok(table.handle(cx.h()))
}

fn delete_table(cx: &mut Ctx, a: &[Term]) -> Answer {
    // Called again while its contents are freed.
    if cx.p.native_state.is_none() {
        let t = table(cx, a[0], Right::Write)?;
        let Some(remains) = cx.node.tables.delete(&t) else { return Err(cx.badarg_cause(am::ID)) };
        cx.p.native_state = Some(Box::new(select::Freeing { remains, count: 0 }));
    }
    select::free(cx)?;
    Ok(am::TRUE)
}

fn internal_delete_all(cx: &mut Ctx, a: &[Term]) -> Answer {
    if cx.p.native_state.is_none() {
        let t = table(cx, a[0], Right::Write)?;
        let remains = t.take_all();
        let count = remains.len();
        cx.p.native_state = Some(Box::new(select::Freeing { remains, count }));
    }
    let n = select::free(cx)?;
    Ok(Term::small(n as i64))
}

fn rename(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Write)?;
    if !a[1].is_atom() {
        return Err(cx.badarg());
    }
    if !cx.node.tables.rename(&t, a[1]) {
        return Err(cx.badarg());
    }
    Ok(if t.options.named { a[1] } else { a[0] })
}

fn give_away(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Write)?;
    if t.owner() != cx.pid {
        return Err(cx.badarg_cause(atom!("not_owner")));
    }
    let to = a[1];
    if !to.is_local_pid() || !cx.node.is_alive(to) {
        return Err(cx.badarg());
    }
    if to == cx.pid {
        return Err(cx.badarg_cause(atom!("owner")));
    }
    let from = cx.pid;
    let t = t.clone();
    cx.node.tables.give(&t, to);
    let message = Owned::build(|m| {
        let handle = t.handle(m);
        let gift = term::copy::copy(a[2], m, term::copy::LiteralRange::NONE);
        m.tuple(&[am::ETS_TRANSFER, handle, from, gift])
    });
    if !cx.node.send_message(to, message) {
        // It has died in between: as if it had got the table and ended.
        cx.node.release_tables(to);
    }
    Ok(am::TRUE)
}

fn setopts(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Owner)?;
    let list = match a[1].is_tuple() {
        true => vec![a[1]],
        false => match a[1].proper_list() {
            Some(l) => l,
            None => return Err(cx.badarg()),
        },
    };
    let (mut new_heir, mut protection) = (None, None);
    for o in list {
        let e = o.as_tuple().unwrap_or(&[]);
        if let Some(h) = heir(cx, e) {
            if new_heir.replace(h).is_some() {
                return Err(cx.badarg());
            }
            continue;
        }
        let p = match *e {
            [p, am::PUBLIC] if p == atom!("protection") => Protection::Public,
            [p, am::PROTECTED] if p == atom!("protection") => Protection::Protected,
            [p, am::PRIVATE] if p == atom!("protection") => Protection::Private,
            _ => return Err(cx.badarg()),
        };
        if protection.replace(p).is_some() {
            return Err(cx.badarg());
        }
    }
    if let Some(h) = new_heir {
        *t.heir.lock() = h;
    }
    if let Some(p) = protection {
        t.set_protection(p);
    }
    Ok(am::TRUE)
}

fn whereis(cx: &mut Ctx, a: &[Term]) -> Answer {
    if !a[0].is_atom() {
        return Err(cx.badarg());
    }
    let node = cx.node;
    Ok(node.tables.whereis(a[0], cx.h()).unwrap_or(am::UNDEFINED))
}

fn safe_fixtable(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Read)?;
    match a[1].as_bool() {
        Some(true) => cx.node.tables.fix(&t, cx.pid, || (cx.node.monotonic_ns(), cx.node.system_ns())),
        Some(false) => cx.node.tables.unfix(&t, cx.pid),
        None => return Err(cx.badarg()),
    }
    Ok(am::TRUE)
}

/// Every scheduler of ERTS answers for its own tables; here the first one answers for all.
fn internal_request_all(cx: &mut Ctx, _: &[Term]) -> Answer {
    let n = cx.node.next_ref();
    let tables = cx.node.tables.list();
    let me = cx.pid;
    for i in 0..cx.node.config.schedulers.total {
        let message = Owned::build(|m| {
            let list: Vec<Term> = if i == 0 { tables.iter().rev().map(|t| t.handle(m)).collect() } else { Vec::new() };
            let list = m.list(&list);
            let reference = m.reference(n, 0);
            m.tuple(&[reference, list])
        });
        cx.node.send_message(me, message);
    }
    Ok(cx.h().reference(n, 0))
}

// ---- reading

fn lookup(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Read)?;
    t.lookup(a[1], cx.h()).map_err(|e| refused(cx, e))
}

fn member(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Read)?;
    t.member(a[1]).map(Term::bool).map_err(|e| refused(cx, e))
}

fn lookup_element(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Read)?;
    let Some(position) = a[2].to::<usize>().filter(|n| *n > 0) else { return Err(cx.badarg()) };
    t.lookup_element(a[1], position, cx.h()).map_err(|e| match e {
        Error::Position => cx.badarg(),
        e => refused(cx, e),
    })
}

fn lookup_element_or(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Read)?;
    let Some(position) = a[2].to::<usize>().filter(|n| *n > 0) else { return Err(cx.badarg()) };
    match t.lookup_element(a[1], position, cx.h()) {
        Err(Error::NoKey) => Ok(a[3]),
        Err(Error::Position) => Err(cx.badarg()),
        r => r.map_err(|e| refused(cx, e)),
    }
}

/// A step of a walk: the key of the object found, or `$end_of_table`.
macro_rules! step {
    ($($name:ident / $with:ident = $method:ident ($($key:ident)?)),* $(,)?) => {$(
        fn $name(cx: &mut Ctx, a: &[Term]) -> Answer {
            let t = table(cx, a[0], Right::Read)?;
            step!(@go cx, a, t, $method $(, $key)?)
        }
        fn $with(cx: &mut Ctx, a: &[Term]) -> Answer {
            let t = table(cx, a[0], Right::Read)?;
            #[allow(unused_mut)]
            let mut key: Term = step!(@go cx, a, t, $method $(, $key)?)?;
            with_objects(cx, &t, key)
        }
    )*};
    (@go $cx:ident, $a:ident, $t:ident, $method:ident) => {{
        let h = $cx.h();
        let keypos = $t.keypos();
        $t.$method(|o| o.map_or(am::END_OF_TABLE, |o| term::copy::copy(o.key(keypos), h, term::copy::LiteralRange::NONE)))
            .map_err(|e| refused($cx, e))
    }};
    (@go $cx:ident, $a:ident, $t:ident, $method:ident, $key:ident) => {{
        // Nothing lies behind the end: whoever walks on has missed it.
        if $a[1] == am::END_OF_TABLE && $t.kind() == Kind::OrderedSet {
            return Err($cx.badarg());
        }
        let h = $cx.h();
        let keypos = $t.keypos();
        $t.$method($a[1], |o| o.map_or(am::END_OF_TABLE, |o| term::copy::copy(o.key(keypos), h, term::copy::LiteralRange::NONE)))
            .map_err(|e| if e == Error::NoKey { $cx.badarg() } else { refused($cx, e) })
    }};
}
step!(first / first_lookup = first(), last / last_lookup = last(), next / next_lookup = next(key), prev / prev_lookup = prev(key));

/// `{Key, Objects}` for a step with lookup.
fn with_objects(cx: &mut Ctx, t: &Table, key: Term) -> Answer {
    if key == am::END_OF_TABLE {
        return Ok(key);
    }
    let objects = t.lookup(key, cx.h()).map_err(|e| refused(cx, e))?;
    Ok(cx.h().tuple(&[key, objects]))
}

fn slot(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Read)?;
    let Some(n) = a[1].to::<usize>() else { return Err(cx.badarg()) };
    match t.slot(n, cx.h()) {
        Ok(list) => Ok(list.unwrap_or(am::END_OF_TABLE)),
        Err(e) => Err(refused(cx, e)),
    }
}

// ---- writing

fn insert(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Write)?;
    if t.accepts(a[1]) {
        return t.insert(a[1]).map(|()| am::TRUE).map_err(|e| refused(cx, e));
    }
    let list = objects(cx, &t, a[1])?;
    cx.charge(list.len());
    t.insert_all(&list).map(|()| am::TRUE).map_err(|e| refused(cx, e))
}

/// The elements of a list of tuples that a table accepts.
fn objects(cx: &mut Ctx, t: &Table, list: Term) -> Result<Vec<Term>, Stop> {
    match list.proper_list() {
        Some(l) if l.iter().all(|o| t.accepts(*o)) => Ok(l),
        _ => Err(cx.badarg()),
    }
}

fn insert_new(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Write)?;
    let list = if t.accepts(a[1]) { vec![a[1]] } else { objects(cx, &t, a[1])? };
    cx.charge(list.len());
    t.insert_new(&list).map(Term::bool).map_err(|e| refused(cx, e))
}

fn delete(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Write)?;
    t.delete(a[1]).map(|_| am::TRUE).map_err(|e| refused(cx, e))
}

fn delete_object(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Write)?;
    if !t.accepts(a[1]) {
        return Err(cx.badarg());
    }
    t.delete_object(a[1]).map(|_| am::TRUE).map_err(|e| refused(cx, e))
}

fn take(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Write)?;
    t.take(a[1], cx.h()).map_err(|e| refused(cx, e))
}

// ---- counters and elements

/// One operation of `update_counter`: position, increment, threshold and what is set beyond it.
struct Count {
    position: Term,
    by: Term,
    limit: Option<(Term, Term)>,
}

fn count(t: Term) -> Option<Count> {
    let (position, by, limit) = match *t.as_tuple()? {
        [p, by] => (p, by, None),
        [p, by, limit, set] if limit.is_integer() && set.is_integer() => (p, by, Some((limit, set))),
        _ => return None,
    };
    (position.is_small() && by.is_integer()).then_some(Count { position, by, limit })
}

fn update_counter(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Write)?;
    if matches!(t.kind(), Kind::Bag | Kind::DuplicateBag) {
        return Err(refused(cx, Error::Kind));
    }
    let many = a[2].is_list();
    let ops: Option<Vec<Count>> = if a[2].is_integer() {
        Some(vec![Count { position: Term::small(t.keypos() as i64 + 1), by: a[2], limit: None }])
    } else if many {
        a[2].proper_list().and_then(|l| l.into_iter().map(count).collect())
    } else {
        count(a[2]).map(|c| vec![c])
    };
    let default = a.get(3).copied();
    let Some(ops) = ops else {
        let there = default.is_some() || t.member(a[1]).unwrap_or(false);
        return Err(if there { cx.badarg() } else { refused(cx, Error::NoKey) });
    };
    if default.is_some_and(|d| !t.accepts(d)) {
        return Err(if cx.node.config.otp.release_number() < 28 { cx.badarg() } else { cx.badarg_cause(atom!("default")) });
    }
    let keypos = t.keypos();
    let h = cx.h();
    let result = t.update(a[1], default, |elements, _, changes| {
        let mut results = Vec::with_capacity(ops.len());
        for op in &ops {
            let position = op.position.to::<usize>().filter(|p| *p >= 1 && *p <= elements.len()).ok_or(Error::Position)?;
            if position == keypos {
                return Err(Error::KeyPosition);
            }
            let old = changes.iter().rev().find(|c| c.0 == position).map_or(elements[position - 1], |c| c.1);
            if !old.is_integer() {
                return Err(Error::NotInteger);
            }
            let mut new = term::int::add(h, old, op.by).map_err(|_| Error::Badarg)?;
            if let Some((limit, set)) = op.limit {
                let down = cmp::cmp(op.by, Term::small(0)).is_lt();
                let beyond = cmp::cmp(new, limit);
                if (down && beyond.is_lt()) || (!down && beyond.is_gt()) {
                    new = set;
                }
            }
            changes.retain(|c| c.0 != position);
            changes.push((position, new));
            // A result must not be part of the table.
            results.push(term::copy::copy(new, h, term::copy::LiteralRange::NONE));
        }
        Ok(results)
    });
    match result {
        Ok(results) if many => Ok(cx.h().list(&results)),
        Ok(results) => Ok(results[0]),
        Err(e) => Err(refused(cx, e)),
    }
}

fn update_element(cx: &mut Ctx, a: &[Term]) -> Answer {
    let t = table(cx, a[0], Right::Write)?;
    if matches!(t.kind(), Kind::Bag | Kind::DuplicateBag) {
        return Err(cx.badarg());
    }
    let one = |t: Term| match *t.as_tuple()? {
        [p, v] if p.is_small() => Some((p.small_value(), v)),
        _ => None,
    };
    let changes: Option<Vec<(i64, Term)>> =
        if a[2].is_list() { a[2].proper_list().and_then(|l| l.into_iter().map(one).collect()) } else { one(a[2]).map(|c| vec![c]) };
    let Some(wanted) = changes else { return Err(cx.badarg()) };
    let default = a.get(3).copied();
    if default.is_some_and(|d| !t.accepts(d)) {
        return Err(cx.badarg());
    }
    let keypos = t.keypos();
    let result = t.update(a[1], default, |elements, _, changes| {
        for (position, value) in wanted {
            let p = usize::try_from(position).ok().filter(|p| *p >= 1 && *p <= elements.len()).ok_or(Error::Position)?;
            if p == keypos {
                return Err(Error::KeyPosition);
            }
            changes.retain(|c: &(usize, Term)| c.0 != p);
            changes.push((p, value));
        }
        Ok(())
    });
    match result {
        Ok(()) => Ok(am::TRUE),
        Err(Error::NoKey) => Ok(am::FALSE),
        // Older releases' formatter finds out by itself.
        Err(Error::Position) if cx.node.config.otp.release_number() < 26 => Err(cx.badarg()),
        Err(e) => Err(refused(cx, e)),
    }
}

/// Visits every object in one go (for functions that are rare).
fn each(cx: &mut Ctx, t: &Table, mut f: impl FnMut(&::ets::Obj)) -> Result<(), Stop> {
    let mut cursor = ::ets::Cursor::Start;
    loop {
        let next = t.walk(&::ets::traverse::Scope::ALL, cursor, false, 1000, cx.h(), &mut |o, _| {
            f(o);
            Go::On
        });
        match next {
            Ok(Some(c)) => cursor = c,
            Ok(None) => return Ok(()),
            Err(e) => return Err(refused(cx, e)),
        }
    }
}
