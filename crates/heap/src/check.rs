//! The heap checker: walks everything reachable and says what is wrong, if anything.

use crate::Heap;
use base::hash::Set;
use term::word::{Kind, header_kind, header_len, is_header};
use term::{Fragment, Term};

/// How far to follow terms.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To the old generation, but not into it.
    Young,
    All,
}

/// Checks that every term reachable from `roots` and the stack is a whole object in the process's own memory, or leads into the
/// literal range. `more` is memory outside the block that may be referred to.
pub fn check(heap: &Heap, roots: &[&[Term]], more: &[&Fragment], reach: Reach) -> Result<(), String> {
    let mut spans: Vec<(usize, usize)> = heap.spans().to_vec();
    spans.push(crate::literal_range());
    for f in more {
        spans.extend(f.blocks().map(|b| (b.as_ptr() as usize, b.len() * 8)));
    }
    spans.extend(heap.alloc.blocks());
    for cell in heap.off_heap_cells(reach == Reach::All) {
        let h = cell.header();
        if !is_header(h) || !matches!(Kind::from_u8(header_kind(h)), Some(Kind::BinRef | Kind::MagicRef)) {
            return Err(format!("off-heap cell {:#x} has header {h:#x}", cell.raw()));
        }
        let p = cell.ptr() as usize;
        if !spans.iter().any(|&(s, n)| p.wrapping_sub(s) < n) {
            return Err(format!("off-heap cell {:#x} is outside the process's memory", cell.raw()));
        }
    }
    let mut seen: Set<u64> = Set::default();
    let mut work: Vec<(Term, &str)> = Vec::new();
    for slice in roots {
        work.extend(slice.iter().map(|&t| (t, "root")));
    }
    work.extend(heap.stack().iter().map(|&t| (t, "stack")));
    while let Some((t, via)) = work.pop() {
        if !t.is_pointer() {
            continue;
        }
        let p = t.ptr() as usize;
        if !spans.iter().any(|&(s, n)| p.wrapping_sub(s) < n) {
            return Err(format!("{:#x} (from a {via}) is outside the process's memory", t.raw()));
        }
        if crate::is_literal(t) || (reach == Reach::Young && heap.is_old(t)) {
            continue;
        }
        if !seen.insert(t.raw()) {
            continue;
        }
        if t.is_cons() {
            for x in [t.head(), t.tail()] {
                if is_header(x.raw()) {
                    return Err(format!("cons {:#x} (from a {via}) holds {:#x}", t.raw(), x.raw()));
                }
                work.push((x, "cons"));
            }
            continue;
        }
        let h = t.header();
        let Some(kind) = is_header(h).then(|| Kind::from_u8(header_kind(h))).flatten() else {
            return Err(format!("boxed {:#x} (from a {via}) has header {h:#x}", t.raw()));
        };
        if let Some(skip) = kind.raw_prefix() {
            for i in 1 + skip..=header_len(h) {
                let w = t.word(i);
                if is_header(w) {
                    return Err(format!("{kind:?} {:#x} holds {w:#x} in word {i}", t.raw()));
                }
                // SAFETY: rule 1: words after the raw prefix are terms.
                work.push((unsafe { Term::from_raw(w) }, "boxed"));
            }
        }
    }
    Ok(())
}
