//! The tables of a node: by name, by number, by owner; and what happens to them when a process dies.
//! Not here: sending what an `Action` asks for.

use crate::table::{Options, Remains, Table};
use base::hash::Map;
use base::sync::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::sync::Arc;
use term::copy::{LiteralRange, copy_out};
use term::magic::Magic;
use term::{Alloc, Fragment, Term};

/// What the node has to do after a process has died, or has been given a table.
#[must_use]
pub enum Action {
    /// The table is the heir's now: send it `{'ETS-TRANSFER', Table, From, Data}` (`Table` by `Table::handle`). If it has died
    /// meanwhile, its own `process_died` comes later. Without data nothing is sent.
    Transfer { table: Arc<Table>, to: Term, from: Term, data: Option<Term>, memory: Fragment },
    /// Contents of a deleted table, to be freed at leisure (dropping it frees all at once).
    Free(Remains),
}

#[derive(Default)]
pub struct Tables {
    names: RwLock<Map<Term, Arc<Table>>>,
    /// By number: deterministic order. Holds the references' values alive.
    all: Mutex<BTreeMap<u64, (Arc<Table>, Arc<Magic>)>>,
    owned: Mutex<Map<Term, Vec<u64>>>,
    /// Tables that a process keeps fixed.
    fixing: Mutex<Map<Term, Vec<Arc<Table>>>>,
}

impl Tables {
    pub fn new() -> Tables {
        Tables::default()
    }
    /// A new table; `None` if the name is taken. `id` is a fresh reference's number.
    pub fn create(&self, id: u64, name: Term, owner: Term, options: Options) -> Option<Arc<Table>> {
        let table = Arc::new(Table::new(id, name, owner, options));
        let magic = Arc::new(Magic { id: (id, 0), value: Box::new(table.clone()) });
        table.set_magic(&magic);
        if options.named {
            let mut names = self.names.write();
            if names.contains_key(&name) {
                return None;
            }
            names.insert(name, table.clone());
        }
        self.all.lock().insert(id, (table.clone(), magic));
        self.owned.lock().entry(owner).or_default().push(id);
        Some(table)
    }
    /// The table that a term names or refers to, if it is there.
    #[inline]
    pub fn get(&self, t: Term) -> Option<Arc<Table>> {
        let table = if t.is_atom() { self.names.read().get(&t)?.clone() } else { t.magic_value::<Arc<Table>>()?.clone() };
        (!table.is_deleted()).then_some(table)
    }
    /// As `get` for a reference, without counting: the table lives while the term does.
    #[inline(always)]
    pub fn of_ref(t: Term) -> Option<&'static Arc<Table>> {
        t.magic_value::<Arc<Table>>().filter(|t| !t.is_deleted())
    }
    pub fn by_id(&self, id: u64) -> Option<Arc<Table>> {
        self.all.lock().get(&id).map(|x| x.0.clone())
    }
    /// All tables, in the order of their making.
    pub fn list(&self) -> Vec<Arc<Table>> {
        self.all.lock().values().map(|x| x.0.clone()).collect()
    }
    pub fn len(&self) -> usize {
        self.all.lock().len()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Words that all tables take.
    pub fn memory(&self) -> usize {
        self.list().iter().map(|t| t.memory()).sum()
    }
    /// The reference of a named table.
    pub fn whereis(&self, name: Term, a: &mut Alloc) -> Option<Term> {
        Some(self.names.read().get(&name)?.tid(a))
    }
    /// False if another table has the new name.
    pub fn rename(&self, table: &Arc<Table>, name: Term) -> bool {
        if table.options.named {
            let mut names = self.names.write();
            if names.contains_key(&name) {
                return false;
            }
            names.remove(&table.name());
            names.insert(name, table.clone());
            table.set_name(name);
        } else {
            table.set_name(name);
        }
        true
    }
    /// Another owner. False if the table is gone.
    pub fn give(&self, table: &Arc<Table>, to: Term) -> bool {
        let mut owned = self.owned.lock();
        let from = table.owner();
        if let Some(v) = owned.get_mut(&from) {
            v.retain(|id| *id != table.id);
            if v.is_empty() {
                owned.remove(&from);
            }
        }
        owned.entry(to).or_default().push(table.id);
        table.set_owner(to);
        !table.is_deleted()
    }
    /// Removes a table from all lists; its contents are the caller's to free. `None`: someone else did.
    pub fn delete(&self, table: &Arc<Table>) -> Option<Remains> {
        if !table.mark_deleted() {
            return None;
        }
        if table.options.named {
            let mut names = self.names.write();
            if names.get(&table.name()).is_some_and(|t| Arc::ptr_eq(t, table)) {
                names.remove(&table.name());
            }
        }
        {
            let mut owned = self.owned.lock();
            let owner = table.owner();
            if let Some(v) = owned.get_mut(&owner) {
                v.retain(|id| *id != table.id);
                if v.is_empty() {
                    owned.remove(&owner);
                }
            }
        }
        let by: Vec<Term> = table.fixations.lock().by.drain(..).map(|x| x.0).collect();
        if !by.is_empty() {
            let mut fixing = self.fixing.lock();
            for pid in by {
                if let Some(v) = fixing.get_mut(&pid) {
                    v.retain(|t| !Arc::ptr_eq(t, table));
                }
            }
        }
        table.heir.lock().take();
        let kept = self.all.lock().remove(&table.id);
        drop(kept);
        Some(table.take_all())
    }
    /// Fixes a table for a process.
    pub fn fix(&self, table: &Arc<Table>, pid: Term, now: impl FnOnce() -> (i64, i64)) {
        table.fix(pid, now);
        let mut fixing = self.fixing.lock();
        let v = fixing.entry(pid).or_default();
        if !v.iter().any(|t| Arc::ptr_eq(t, table)) {
            v.push(table.clone());
        }
    }
    pub fn unfix(&self, table: &Arc<Table>, pid: Term) {
        table.unfix(pid, false);
        if !table.fixations.lock().by.iter().any(|x| x.0 == pid) {
            let mut fixing = self.fixing.lock();
            if let Some(v) = fixing.get_mut(&pid) {
                v.retain(|t| !Arc::ptr_eq(t, table));
                if v.is_empty() {
                    fixing.remove(&pid);
                }
            }
        }
    }
    /// True if a process's death concerns any table (cheap).
    pub fn concerns(&self, pid: Term) -> bool {
        self.owned.lock().contains_key(&pid) || self.fixing.lock().contains_key(&pid)
    }
    /// A process has died: its fixations end, its tables go to their heirs or away. `alive` tells whether a local pid lives.
    pub fn process_died(&self, pid: Term, alive: impl Fn(Term) -> bool) -> Vec<Action> {
        let fixed = self.fixing.lock().remove(&pid).unwrap_or_default();
        for t in fixed {
            t.unfix(pid, true);
        }
        let ids = self.owned.lock().get(&pid).cloned().unwrap_or_default();
        let mut actions = Vec::new();
        for id in ids {
            let Some(table) = self.by_id(id) else { continue };
            // The heir stays the heir; the message is a copy.
            let heir = table.heir.lock().as_ref().map(|h| {
                let copy = h.data.map(|d| copy_out(d, LiteralRange::NONE));
                (h.pid, copy.map_or((None, Fragment::EMPTY), |(data, memory)| (Some(data), memory)))
            });
            match heir {
                Some((to, (data, memory))) if to != pid && alive(to) => {
                    self.give(&table, to);
                    actions.push(Action::Transfer { table, to, from: pid, data, memory });
                }
                _ => actions.extend(self.delete(&table).map(Action::Free)),
            }
        }
        actions
    }
}
