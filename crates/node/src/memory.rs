//! How much memory the node's parts take, as far as each part knows.

use crate::Node;
use process::Private;
use term::{Alloc, Term, am, atom};

/// Bytes, by use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Heaps and stacks.
    pub heaps: usize,
    /// Process records and their table.
    pub process_table: usize,
    pub atoms: usize,
    /// Off-heap binaries (of all nodes in the program).
    pub binaries: usize,
    /// Code and its literals, without tables of it.
    pub code: usize,
    pub tables: usize,
    pub persistent: usize,
    /// What the program holds besides all that: the runtime itself, its stacks, the allocator's spare memory.
    pub other: usize,
}

impl Memory {
    pub fn processes(&self) -> usize {
        self.heaps + self.process_table
    }
    pub fn total(&self) -> usize {
        self.processes() + self.atoms + self.binaries + self.code + self.tables + self.persistent + self.other
    }
}

impl Node {
    pub fn memory(&self) -> Memory {
        let mut m = Memory {
            heaps: self.processes.memory() as usize,
            process_table: self.processes.own_memory(),
            atoms: term::atom::memory(),
            binaries: term::binary::memory(),
            code: self.code.memory(),
            tables: self.tables.list().iter().map(|t| t.memory() * 8).sum(),
            persistent: self.persistent.memory(),
            other: 0,
        };
        let resident = self.world.host.memory().resident as usize;
        m.other = resident.saturating_sub(m.total());
        m
    }
}

/// What a process's collector has to say of its heap, in words.
pub fn collector_info(p: &Private, h: &mut Alloc) -> Term {
    let (young, old) = p.heap.off_heap_bytes();
    let items = [
        (atom!("old_heap_block_size"), p.heap.old_block_words()),
        (atom!("heap_block_size"), p.heap.block_words()),
        (atom!("mbuf_size"), p.heap.alloc.fragment_words()),
        (atom!("recent_size"), p.heap.young_words().saturating_sub(p.heap.mature_words())),
        (am::STACK_SIZE, p.heap.stack_words()),
        (atom!("old_heap_size"), p.heap.old_words()),
        (am::HEAP_SIZE, p.heap.young_words()),
        (atom!("bin_vheap_size"), young / 8),
        (atom!("bin_vheap_block_size"), p.heap.min_cell_bytes / 8),
        (atom!("bin_old_vheap_size"), old / 8),
        (atom!("bin_old_vheap_block_size"), p.heap.min_cell_bytes / 8),
    ];
    let items = items.map(|(name, n)| h.tuple(&[name, Term::small(n as i64)]));
    h.list(&items)
}
