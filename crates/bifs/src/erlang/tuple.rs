//! Tuples: making, changing, lists of them.

use crate::result::Res;
use node::{Ctx, Native};
use term::Term;

/// The largest tuple.
const ARITY_MAX: usize = (1 << 24) - 1;

fn list_to_tuple(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(e) = a[0].proper_list() else { return Err(cx.badarg()) };
    if e.len() > ARITY_MAX {
        return Err(cx.badarg());
    }
    cx.charge(e.len() / 16);
    Ok(cx.h().tuple(&e))
}
fn tuple_to_list(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(e) = a[0].as_tuple() else { return Err(cx.badarg()) };
    cx.charge(e.len() / 16);
    Ok(cx.h().list(e))
}
fn setelement(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(i), Some(e)) = (a[0].to::<usize>(), a[1].as_tuple()) else { return Err(cx.badarg()) };
    if i == 0 || i > e.len() {
        return Err(cx.badarg());
    }
    cx.charge(e.len() / 16);
    Ok(cx.h().tuple_but(e, i - 1, a[2]))
}
fn make_tuple_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(n) = a[0].to::<usize>().filter(|&n| n <= ARITY_MAX) else { return Err(cx.badarg()) };
    cx.charge(n / 16);
    Ok(cx.h().tuple_from(n, |_| a[1]))
}
/// `make_tuple(Arity, Default, [{Position, Value}])`: of equal positions the last counts.
fn make_tuple_3(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(n) = a[0].to::<usize>().filter(|&n| n <= ARITY_MAX) else { return Err(cx.badarg()) };
    let Some(list) = a[2].proper_list() else { return Err(cx.badarg()) };
    let mut e = vec![a[1]; n];
    for pair in list {
        let Some(&[i, v]) = pair.as_tuple_n() else { return Err(cx.badarg()) };
        match i.to::<usize>().and_then(|i| e.get_mut(i.wrapping_sub(1))) {
            Some(slot) => *slot = v,
            None => return Err(cx.badarg()),
        }
    }
    cx.charge(n / 16);
    Ok(cx.h().tuple(&e))
}
fn append_element(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(e) = a[0].as_tuple().filter(|e| e.len() < ARITY_MAX) else { return Err(cx.badarg()) };
    Ok(cx.h().tuple_from(e.len() + 1, |j| e.get(j).copied().unwrap_or(a[1])))
}
fn insert_element(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(i), Some(e)) = (a[0].to::<usize>(), a[1].as_tuple()) else { return Err(cx.badarg()) };
    if i == 0 || i > e.len() + 1 || e.len() >= ARITY_MAX {
        return Err(cx.badarg());
    }
    let at = i - 1;
    Ok(cx.h().tuple_from(e.len() + 1, |j| match j.cmp(&at) {
        std::cmp::Ordering::Less => e[j],
        std::cmp::Ordering::Equal => a[2],
        std::cmp::Ordering::Greater => e[j - 1],
    }))
}
fn delete_element(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(i), Some(e)) = (a[0].to::<usize>(), a[1].as_tuple()) else { return Err(cx.badarg()) };
    if i == 0 || i > e.len() {
        return Err(cx.badarg());
    }
    Ok(cx.h().tuple_from(e.len() - 1, |j| if j + 1 < i { e[j] } else { e[j + 1] }))
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "list_to_tuple", 1, list_to_tuple),
    Native::new("erlang", "tuple_to_list", 1, tuple_to_list),
    Native::new("erlang", "setelement", 3, setelement),
    Native::new("erlang", "make_tuple", 2, make_tuple_2),
    Native::new("erlang", "make_tuple", 3, make_tuple_3),
    Native::new("erlang", "append_element", 2, append_element),
    Native::new("erlang", "insert_element", 3, insert_element),
    Native::new("erlang", "delete_element", 2, delete_element),
];
