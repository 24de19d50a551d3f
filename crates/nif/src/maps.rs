//! Maps and their iterators.

use crate::env::Env;
use libc::{c_int, c_void};
use std::ptr::null_mut;
use term::{Term, map};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_map_size(_: *mut Env, term: u64, size: *mut usize) -> c_int {
    let Some(n) = Term::from_raw(term).map_size() else { return 0 };
    *size = n;
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_new_map(env: *mut Env) -> u64 {
    map::empty((*env).h()).raw()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_map_from_arrays(env: *mut Env, keys: *const u64, values: *const u64, count: usize, out: *mut u64) -> c_int {
    let at = |p: *const u64, i: usize| Term::from_raw(*p.add(i));
    let pairs: Vec<(Term, Term)> = (0..count).map(|i| (at(keys, i), at(values, i))).collect();
    let Some(made) = map::from_distinct_pairs((*env).h(), &pairs) else { return 0 };
    *out = made.raw();
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_map_put(env: *mut Env, term: u64, key: u64, value: u64, out: *mut u64) -> c_int {
    let t = Term::from_raw(term);
    if !t.is_map() {
        return 0;
    }
    *out = map::put((*env).h(), t, Term::from_raw(key), Term::from_raw(value)).raw();
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_map_update(env: *mut Env, term: u64, key: u64, value: u64, out: *mut u64) -> c_int {
    let t = Term::from_raw(term);
    if !t.is_map() {
        return 0;
    }
    let Some(made) = map::update((*env).h(), t, Term::from_raw(key), Term::from_raw(value)) else { return 0 };
    *out = made.raw();
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_map_remove(env: *mut Env, term: u64, key: u64, out: *mut u64) -> c_int {
    let t = Term::from_raw(term);
    if !t.is_map() {
        return 0;
    }
    *out = map::remove((*env).h(), t, Term::from_raw(key)).raw();
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_map_value(_: *mut Env, term: u64, key: u64, value: *mut u64) -> c_int {
    let t = Term::from_raw(term);
    if !t.is_map() {
        return 0;
    }
    let Some(v) = map::get(t, Term::from_raw(key)) else { return 0 };
    *value = v.raw();
    1
}

/// `ErlNifMapIterator`: position 0 is before the first pair, `size + 1` behind the last.
#[repr(C)]
pub struct MapIterator {
    map: u64,
    size: u64,
    at: u64,
    pairs: *mut Vec<(Term, Term)>,
    more: *mut c_void,
    spare: [*mut c_void; 2],
}

/// `entry`: 1 first, 2 last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_map_iterator_create(_: *mut Env, term: u64, it: *mut MapIterator, entry: c_int) -> c_int {
    let t = Term::from_raw(term);
    if !t.is_map() || !(1..=2).contains(&entry) {
        return 0;
    }
    let pairs: Vec<(Term, Term)> = map::Iter::new(t).collect();
    let size = pairs.len() as u64;
    let at = if entry == 1 { 1 } else { size };
    it.write(MapIterator { map: term, size, at, pairs: Box::into_raw(Box::new(pairs)), more: null_mut(), spare: [null_mut(); 2] });
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_map_iterator_destroy(_: *mut Env, it: *mut MapIterator) {
    if !(*it).pairs.is_null() {
        drop(Box::from_raw((*it).pairs));
        (*it).pairs = null_mut();
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_map_iterator_is_head(_: *mut Env, it: *const MapIterator) -> c_int {
    c_int::from((*it).at == 0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_map_iterator_is_tail(_: *mut Env, it: *const MapIterator) -> c_int {
    c_int::from((*it).at > (*it).size)
}

unsafe fn pair(it: *const MapIterator) -> Option<(Term, Term)> {
    let pairs = (*it).pairs.as_ref()?;
    pairs.get(((*it).at as usize).wrapping_sub(1)).copied()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_map_iterator_next(_: *mut Env, it: *mut MapIterator) -> c_int {
    if (*it).at <= (*it).size {
        (*it).at += 1;
    }
    c_int::from(pair(it).is_some())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_map_iterator_prev(_: *mut Env, it: *mut MapIterator) -> c_int {
    (*it).at = (*it).at.saturating_sub(1);
    c_int::from(pair(it).is_some())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_map_iterator_get_pair(_: *mut Env, it: *mut MapIterator, key: *mut u64, value: *mut u64) -> c_int {
    let Some((k, v)) = pair(it) else { return 0 };
    *key = k.raw();
    *value = v.raw();
    1
}
