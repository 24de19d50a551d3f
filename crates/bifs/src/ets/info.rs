//! `ets:info/1,2` and what debuggers ask.

use super::{Answer, Found, each, find, refused};
use ::ets::{Kind, Protection, Table, WriteConcurrency};
use node::Ctx;
use std::sync::Arc;
use term::{Term, am, atom};

/// The items of `ets:info/1`, in its order.
fn items() -> [Term; 15] {
    [
        am::ID,
        atom!("decentralized_counters"),
        atom!("read_concurrency"),
        atom!("write_concurrency"),
        am::COMPRESSED,
        am::MEMORY,
        atom!("owner"),
        am::HEIR,
        am::NAME,
        am::SIZE,
        am::NODE,
        am::NAMED_TABLE,
        am::TYPE,
        am::KEYPOS,
        atom!("protection"),
    ]
}

fn item(cx: &mut Ctx, t: &Table, what: Term) -> Option<Term> {
    Some(match what {
        am::ID => t.tid(cx.h()),
        am::COMPRESSED => Term::bool(t.options.compressed),
        am::MEMORY => Term::small(t.memory() as i64),
        am::HEIR => t.heir.lock().as_ref().map_or(am::NONE, |h| h.pid),
        am::NAME => t.name(),
        am::SIZE => Term::small(t.size() as i64),
        am::NODE => cx.node.identity.read().0,
        am::NAMED_TABLE => Term::bool(t.options.named),
        am::TYPE => match t.kind() {
            Kind::Set => am::SET,
            Kind::OrderedSet => am::ORDERED_SET,
            Kind::Bag => am::BAG,
            Kind::DuplicateBag => am::DUPLICATE_BAG,
        },
        am::KEYPOS => Term::small(t.keypos() as i64),
        _ => match term::atom::as_text(what)? {
            "decentralized_counters" => Term::bool(t.options.decentralized_counters),
            "read_concurrency" => Term::bool(t.options.read_concurrency),
            "write_concurrency" => match t.options.write_concurrency {
                WriteConcurrency::Off => am::FALSE,
                WriteConcurrency::On => am::TRUE,
                WriteConcurrency::Auto => atom!("auto"),
                WriteConcurrency::Locks(n) => cx.h().tuple(&[atom!("debug_hash_fixed_number_of_locks"), Term::small(i64::from(n))]),
            },
            "owner" => t.owner(),
            "protection" => match t.protection() {
                Protection::Private => am::PRIVATE,
                Protection::Protected => am::PROTECTED,
                Protection::Public => am::PUBLIC,
            },
            "fixed" => Term::bool(t.is_fixed()),
            "safe_fixed" => fixed(cx, t, false),
            "safe_fixed_monotonic_time" => fixed(cx, t, true),
            "stats" => match t.stats() {
                None => am::FALSE,
                Some(s) => {
                    let h = cx.h();
                    let floats = [s.average, s.deviation, s.expected].map(|f| h.float(f));
                    let n = |n: usize| Term::small(n as i64);
                    let locks = if let WriteConcurrency::Locks(n) = t.options.write_concurrency { n as usize } else { s.locks };
                    h.tuple(&[n(s.places), floats[0], floats[1], floats[2], n(s.least), n(s.most), n(s.kept), n(locks)])
                }
            },
            "data" => am::TRUE,
            _ => return None,
        },
    })
}

fn fixed(cx: &mut Ctx, t: &Table, monotonic: bool) -> Term {
    let f = t.fixations.lock();
    if f.by.is_empty() {
        return am::FALSE;
    }
    let h = cx.h();
    let by: Vec<Term> = f.by.iter().map(|(pid, n)| h.tuple(&[*pid, Term::small(*n as i64)])).collect();
    let by = h.list(&by);
    let when = if monotonic {
        h.int(f.since.0)
    } else {
        let us = f.since.1.div_euclid(1000);
        let parts = [us.div_euclid(1_000_000_000_000), us.div_euclid(1_000_000).rem_euclid(1_000_000), us.rem_euclid(1_000_000)];
        h.tuple(&parts.map(Term::small))
    };
    h.tuple(&[when, by])
}

/// A table whatever its rights; `None`: the term is right, but there is no such table.
fn any(cx: &mut Ctx, t: Term) -> Result<Option<Found>, node::Stop> {
    match find(cx, t) {
        Some(t) => Ok(Some(t)),
        None if t.is_atom() || t.magic_value::<Arc<Table>>().is_some() => Ok(None),
        None => Err(cx.badarg_cause(am::TYPE)),
    }
}

pub(super) fn info_1(cx: &mut Ctx, a: &[Term]) -> Answer {
    let Some(t) = any(cx, a[0])? else { return Ok(am::UNDEFINED) };
    let mut list = Vec::with_capacity(15);
    for what in items() {
        let value = item(cx, &t, what).unwrap_or(am::UNDEFINED);
        list.push(cx.h().tuple(&[what, value]));
    }
    Ok(cx.h().list(&list))
}

pub(super) fn info_2(cx: &mut Ctx, a: &[Term]) -> Answer {
    let Some(t) = any(cx, a[0])? else { return Ok(am::UNDEFINED) };
    match item(cx, &t, a[1]) {
        Some(v) => Ok(v),
        None if a[1] == am::BINARY => {
            let mut cells = Vec::new();
            each(cx, &t, |o| binaries(o.term(), &mut cells))?;
            Ok(binary_list(cx, &cells))
        }
        None => Err(cx.badarg()),
    }
}

/// Address, bytes and number of references of each off-heap binary in a term.
fn binaries(t: Term, out: &mut Vec<(u64, usize, usize)>) {
    let mut work = vec![t];
    while let Some(t) = work.pop() {
        match t.kind() {
            Some(term::Kind::BinRef) => {
                if let Some((id, bytes, count)) = t.off_heap_binary() {
                    out.push((id, bytes, count));
                }
            }
            Some(term::Kind::SubBits) => work.push(t.base()),
            Some(_) => {
                work.extend(t.as_tuple().unwrap_or(&[]));
                if t.is_map() {
                    work.extend(term::map::Iter::new(t).flat_map(|(k, v)| [k, v]));
                }
            }
            None => {
                if let Some((h, rest)) = t.as_cons() {
                    work.push(rest);
                    work.push(h);
                }
            }
        }
    }
}

fn binary_list(cx: &mut Ctx, cells: &[(u64, usize, usize)]) -> Term {
    let h = cx.h();
    let list: Vec<Term> = cells
        .iter()
        .map(|(id, bytes, count)| {
            let id = h.uint(*id);
            h.tuple(&[id, Term::small(*bytes as i64), Term::small(*count as i64)])
        })
        .collect();
    h.list(&list)
}

pub(super) fn lookup_binary_info(cx: &mut Ctx, a: &[Term]) -> Answer {
    let Some(t) = any(cx, a[0])? else { return Err(cx.badarg_cause(am::ID)) };
    let mut cells = Vec::new();
    if let Err(e) = t.with(a[1], |objects| objects.iter().for_each(|o| binaries(o.term(), &mut cells))) {
        return Err(refused(cx, e));
    }
    Ok(binary_list(cx, &cells))
}

fn key_of(cx: &mut Ctx, t: &Arc<Table>, key: Option<Term>) -> Answer {
    let keypos = t.keypos();
    let h = cx.h();
    let f = |o: Option<&::ets::Obj>| o.map_or(am::END_OF_TABLE, |o| term::copy::copy(o.key(keypos), h, term::copy::LiteralRange::NONE));
    match key {
        None => t.first(f),
        Some(k) => t.next(k, f),
    }
    .map_err(|e| refused(cx, e))
}

pub(super) fn raw_first(cx: &mut Ctx, a: &[Term]) -> Answer {
    let Some(t) = any(cx, a[0])? else { return Err(cx.badarg_cause(am::ID)) };
    key_of(cx, &t, None)
}

pub(super) fn raw_next(cx: &mut Ctx, a: &[Term]) -> Answer {
    let Some(t) = any(cx, a[0])? else { return Err(cx.badarg_cause(am::ID)) };
    key_of(cx, &t, Some(a[1]))
}

/// The functions above look past a table's protection by themselves.
pub(super) fn super_user(cx: &mut Ctx, a: &[Term]) -> Answer {
    match a[0].as_bool() {
        Some(_) => Ok(am::OK),
        None => Err(cx.badarg()),
    }
}
