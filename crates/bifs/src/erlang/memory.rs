//! Memory figures in the shape that Erlang's half of `memory/0,1` and of `system_info({allocator, _})` asks for. There is one allocator,
//! the program's own; ERTS' names stand for what the memory is used for. Not here: the figures themselves (`node::memory`).

use super::system::pairs;
use crate::result::Res;
use node::memory::Memory;
use node::signals::copy_out;
use node::{Ctx, Stop};
use term::{Alloc, Term, am, atom};

/// ERTS' allocators that count blocks.
const ALLOCATORS: [&str; 10] = [
    "temp_alloc",
    "sl_alloc",
    "std_alloc",
    "ll_alloc",
    "eheap_alloc",
    "ets_alloc",
    "fix_alloc",
    "literal_alloc",
    "binary_alloc",
    "driver_alloc",
];
/// What else answers to `{allocator, Name}`.
const FEATURES: [&str; 4] = ["sys_alloc", "mseg_alloc", "sys_aligned_alloc", "literal_mmap"];

fn number(n: impl TryInto<i64>) -> Term {
    Term::small(n.try_into().unwrap_or(i64::MAX >> 2))
}

/// Bytes that one of ERTS' allocators would hold.
fn bytes_of(allocator: &str, m: &Memory) -> usize {
    match allocator {
        "eheap_alloc" => m.heaps,
        "ets_alloc" => m.tables,
        "binary_alloc" => m.binaries,
        "literal_alloc" => m.persistent,
        "std_alloc" => m.other + m.process_table,
        "ll_alloc" => m.atoms + m.code,
        _ => 0,
    }
}

/// `system_info/1` of an atom.
pub fn by_name(cx: &mut Ctx, item: &str) -> Option<Term> {
    Some(match item {
        "alloc_util_allocators" => {
            let names = ALLOCATORS.map(atom::intern);
            cx.h().list(&names)
        }
        "allocator" => {
            let h = cx.h();
            let names: Vec<Term> = ALLOCATORS.iter().chain(&FEATURES).map(|n| atom::intern(n)).collect();
            let settings: Vec<Term> = names
                .iter()
                .map(|&n| {
                    let enabled = pairs(h, &[(term::atom!("e"), am::TRUE)]);
                    h.tuple(&[n, enabled])
                })
                .collect();
            let (names, settings) = (h.list(&names), h.list(&settings));
            h.tuple(&[am::UNDEFINED, Term::NIL, names, settings])
        }
        "allocated_areas" => allocated_areas(cx),
        _ => return None,
    })
}

fn allocated_areas(cx: &mut Ctx) -> Term {
    let m = cx.node.memory();
    let h = cx.h();
    let areas: [(&str, &[usize]); 15] = [
        ("sys_misc", &[0]),
        ("static", &[0]),
        // The text of atoms, and what of it is in use; the rest of the atoms' memory is their table.
        ("atom_space", &[m.atoms / 2, m.atoms / 2]),
        ("atom_table", &[m.atoms - m.atoms / 2]),
        ("module_table", &[0]),
        ("export_table", &[0]),
        ("export_list", &[0]),
        ("register_table", &[0]),
        ("fun_table", &[0]),
        ("module_refs", &[0]),
        ("loaded_code", &[m.code]),
        ("bif_timer", &[0]),
        ("process_table", &[m.process_table]),
        ("port_table", &[0]),
        ("ets_misc", &[0]),
    ];
    let list: Vec<Term> = areas
        .iter()
        .map(|&(name, sizes)| {
            let words: Vec<Term> = std::iter::once(atom::intern(name)).chain(sizes.iter().map(|&n| number(n))).collect();
            h.tuple(&words)
        })
        .collect();
    h.list(&list)
}

/// `system_info/1` of a tuple.
pub fn system_info(cx: &mut Ctx, item: Term) -> Res {
    if let Some(&[what, which]) = item.as_tuple_n::<2>() {
        // Erlang's half collects the answers.
        let function = match atom::as_text(what) {
            Some("allocator") => term::atom!("alloc_info"),
            Some("allocator_sizes") => term::atom!("alloc_sizes"),
            _ => return Err(cx.badarg()),
        };
        if atom::as_text(which) == Some("erts_mmap") && function == term::atom!("alloc_info") {
            return Ok(mapped(cx));
        }
        let Some(names) = known(which) else { return Err(cx.badarg()) };
        if which.is_atom() && !ALLOCATORS.contains(&names[0]) {
            // These have no instances to ask.
            return Ok(single(cx, names[0]));
        }
        return Err(cx.trap(am::ERLANG, function, &[which]));
    }
    let Some(&[what, reference, names]) = item.as_tuple_n::<3>() else { return Err(cx.badarg()) };
    let Some(what) = atom::as_text(what).and_then(Question::of) else { return Err(cx.badarg()) };
    let (true, true, Some(names)) = (reference.is_ref(), names.is_list(), known(names)) else { return Err(cx.badarg()) };
    answer(cx, what, reference, &names)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Info,
    Sizes,
    Memory,
}

impl Question {
    fn of(name: &str) -> Option<Question> {
        match name {
            "allocator" => Some(Question::Info),
            "allocator_sizes" => Some(Question::Sizes),
            "memory_internal" => Some(Question::Memory),
            _ => None,
        }
    }
}

fn known(t: Term) -> Option<Vec<&'static str>> {
    let all = if t.is_atom() { vec![t] } else { t.proper_list()? };
    all.into_iter().map(|t| atom::as_text(t).filter(|n| ALLOCATORS.contains(n) || FEATURES.contains(n))).collect()
}

/// An allocator that is not divided into instances.
/// What `{allocator, erts_mmap}` tells: all memory comes from one place.
fn mapped(cx: &mut Ctx) -> Term {
    let used = number(cx.node.memory().total());
    let h = cx.h();
    let carriers = pairs(h, &[(term::atom!("scs"), Term::small(0))]);
    let sizes = pairs(h, &[(term::atom!("used"), used)]);
    let of_system = pairs(h, &[(term::atom!("sizes"), sizes)]);
    let of_default = pairs(h, &[(term::atom!("options"), carriers), (term::atom!("os"), of_system)]);
    pairs(h, &[(term::atom!("default_mmap"), of_default)])
}

/// `mseg_alloc` counts segments of its own: none. `recon` and OTP's tests read these.
fn no_segments(h: &mut Alloc) -> Vec<Term> {
    let zero = Term::small(0);
    let zeros = |h: &mut Alloc, name: &str, n: usize| {
        let words: Vec<Term> = std::iter::once(atom::intern(name)).chain(std::iter::repeat_n(zero, n)).collect();
        h.tuple(&words)
    };
    let status = [("cached_segments", 1), ("cache_hits", 1), ("segments", 3), ("segments_watermark", 1), ("segments_size", 3)].map(|(n, k)| zeros(h, n, k));
    let calls = ["alloc", "dealloc", "realloc", "create_resize", "create", "destroy", "recreate", "clear_cache", "check_cache"];
    let calls = calls.map(|n| zeros(h, &format!("mseg_{n}"), 2));
    let (name, status, calls) = (h.list_of_chars("all memory"), h.list(&status), h.list(&calls));
    let kind = pairs(h, &[(am::NAME, name), (am::STATUS, status), (term::atom!("calls"), calls)]);
    let version = h.list_of_chars("0.9");
    vec![h.tuple(&[term::atom!("version"), version]), h.tuple(&[term::atom!("memkind"), kind])]
}

fn single(cx: &mut Ctx, name: &str) -> Term {
    let h = cx.h();
    let more = if name == "mseg_alloc" { no_segments(h) } else { Vec::new() };
    let options = pairs(h, &[(term::atom!("e"), am::TRUE), (term::atom!("m"), term::atom!("libc"))]);
    let options = h.tuple(&[term::atom!("options"), options]);
    let list: Vec<Term> = std::iter::once(options).chain(more).collect();
    let list = h.list(&list);
    let instance = h.tuple(&[term::atom!("instance"), Term::small(0), list]);
    h.list(&[instance])
}

/// `erts_internal:gather_alloc_histograms/1`, `gather_carrier_info/1`: how many answers will come. None: this program's allocator does
/// not tell of its blocks, which `instrument` calls not enabled.
pub fn gather(cx: &mut Ctx, a: &[Term]) -> Res {
    let asked = a[0].as_tuple_n::<5>().filter(|t| t[0].is_atom() && t[1..4].iter().all(|n| n.is_small()) && t[4].is_ref());
    if asked.is_some() { Ok(Term::small(0)) } else { Err(cx.badarg()) }
}

/// Sends the one answer that there is to each question: `{Ref, 0, [{Allocator, 0, Data}, ..]}`.
fn answer(cx: &mut Ctx, what: Question, reference: Term, names: &[&'static str]) -> Result<Term, Stop> {
    let m = cx.node.memory();
    let timers = cx.node.timers.lock().len();
    let h = cx.h();
    let list: Vec<Term> = names
        .iter()
        .map(|&name| {
            let data = instance(h, what, name, bytes_of(name, &m), timers);
            h.tuple(&[atom::intern(name), Term::small(0), data])
        })
        .collect();
    let list = h.list(&list);
    let message = h.tuple(&[reference, Term::small(0), list]);
    let message = copy_out(message);
    cx.node.send_message(cx.pid, message);
    Ok(am::TRUE)
}

fn instance(h: &mut Alloc, what: Question, name: &str, bytes: usize, timers: usize) -> Term {
    let mut data = Vec::new();
    if what == Question::Info {
        let (a, b) = (h.list_of_chars("0"), h.list_of_chars("0"));
        data.push(h.tuple(&[term::atom!("versions"), a, b]));
        let options =
            pairs(h, &[(term::atom!("e"), am::TRUE), (term::atom!("t"), am::FALSE), (term::atom!("as"), term::atom!("bf"))]);
        data.push(h.tuple(&[term::atom!("options"), options]));
    }
    if name == "fix_alloc" {
        let types: Vec<Term> = ["proc", "monitor", "link", "msg_ref", "bif_timer"]
            .iter()
            .map(|&t| {
                let n = if t == "bif_timer" { number(timers * size_of::<node::Timer>()) } else { Term::small(0) };
                h.tuple(&[atom::intern(t), n, n])
            })
            .collect();
        let types = h.list(&types);
        data.push(h.tuple(&[term::atom!("fix_types"), types]));
    }
    for (kind, bytes) in [("mbcs", bytes), ("sbcs", 0)] {
        let n = number(bytes);
        let mut parts = Vec::new();
        let blocks = if bytes == 0 {
            Term::NIL
        } else {
            let mut sizes = vec![h.tuple(&[am::SIZE, n, n, n])];
            if what == Question::Info {
                sizes.insert(0, h.tuple(&[term::atom!("count"), Term::small(1), Term::small(1), Term::small(1)]));
            }
            let sizes = h.list(&sizes);
            let of_type = h.tuple(&[atom::intern(name), sizes]);
            h.list(&[of_type])
        };
        parts.push(h.tuple(&[term::atom!("blocks"), blocks]));
        if what == Question::Info {
            let one = Term::small(i64::from(bytes != 0));
            parts.push(h.tuple(&[term::atom!("carriers"), one, one, one]));
        }
        parts.push(h.tuple(&[term::atom!("carriers_size"), n, n, n]));
        let parts = h.list(&parts);
        data.push(h.tuple(&[atom::intern(kind), parts]));
    }
    if what == Question::Info {
        data.push(h.tuple(&[term::atom!("calls"), Term::NIL]));
    }
    h.list(&data)
}
