//! What ties processes together: names, links, monitors, aliases, suspension. Each operation changes the caller's own
//! records and sends the other side its signal.

use crate::Node;
use crate::hooks::Outgoing;
use process::{AliasKind, Monitor, MonitorKind, Owned, Private, RefId, Signal, Target, Who};
use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use term::node_name::NodeName;
use term::{Term, am};

/// Why a name was not registered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotRegistered {
    /// The name is in use (or cannot be one).
    Name,
    /// No such process or port.
    NotAlive,
    /// It has a name already.
    HasName,
}

impl Node {
    // ---- names
    pub fn whereis(&self, name: Term) -> Option<Term> {
        self.names.get(name)
    }
    pub fn register(self: &Arc<Node>, name: Term, who: Term) -> Result<(), NotRegistered> {
        let mut names = self.names.lock();
        if !name.is_atom() || name == am::UNDEFINED {
            return Err(NotRegistered::Name);
        }
        if who.is_local_port() {
            let ports = self.ports.get().filter(|p| p.exists(self, who)).ok_or(NotRegistered::NotAlive)?;
            if names.contains(name) {
                return Err(NotRegistered::Name);
            }
            if !ports.named(self, who, Some(name)) {
                return Err(NotRegistered::HasName);
            }
        } else {
            // Alive under the names' lock: a process that ends closes its inbox first and takes its name away then.
            let process = self.processes.get(who).filter(|p| p.is_alive(who)).ok_or(NotRegistered::NotAlive)?;
            if process.registered_name().is_some() {
                return Err(NotRegistered::HasName);
            }
            if names.contains(name) {
                return Err(NotRegistered::Name);
            }
            process.name.store(name.raw(), Release);
        }
        names.insert(name, who);
        Ok(())
    }
    /// False if nothing has this name.
    pub fn unregister(self: &Arc<Node>, name: Term) -> bool {
        let mut names = self.names.lock();
        let Some(who) = names.remove(name) else { return false };
        if who.is_local_port() {
            if let Some(ports) = self.ports.get() {
                ports.named(self, who, None);
            }
        } else if let Some(process) = self.processes.get(who) {
            process.name.store(0, Release);
        }
        true
    }
    pub fn registered(&self) -> Vec<Term> {
        let mut names: Vec<Term> = self.names.list();
        names.sort_by(|&a, &b| term::cmp::cmp(a, b));
        names
    }

    // ---- this node's own name
    pub fn name(&self) -> Term {
        self.identity.read().0
    }
    /// True for this node's name.
    pub fn is_own_name(&self, node: Term) -> bool {
        self.identity.read().0 == node
    }
    /// True for an identifier that was made here under the present name, although it looks external.
    pub fn is_own_creation(&self, node: Option<&NodeName>) -> bool {
        let own = self.identity.read();
        node.is_some_and(|n| n.name == own.0 && (n.creation == own.1 || n.creation == 0))
    }
    pub fn is_alive(&self, pid: Term) -> bool {
        self.processes.get(pid).is_some_and(|p| p.is_alive(pid))
    }

    // ---- links
    pub fn link(self: &Arc<Node>, pid: Term, p: &mut Private, other: Who) {
        if other == Who::Local(pid) {
            return;
        }
        let entry = p.links.or_insert(other, u64::MAX);
        if *entry == 0 {
            return;
        }
        *entry = 0;
        if p.trace.is_some() {
            self.trace_who(pid, p, am::LINK, other);
        }
        if other.node().is_some() && self.remote().is_none() {
            let reason = Owned::immediate(am::NOCONNECTION);
            self.signal_who(other, Who::Local(pid), |_| Outgoing::Exit { reason, linked: true, token: None });
            return;
        }
        self.signal_who(Who::Local(pid), other, |_| Outgoing::Link);
    }
    pub fn unlink(self: &Arc<Node>, pid: Term, p: &mut Private, other: Who) {
        let Some(state) = p.links.get_mut(&other) else { return };
        if *state != 0 {
            return;
        }
        p.unlinks += 1;
        let id = p.unlinks;
        if other.node().is_some() && self.remote().is_none() {
            p.links.remove(&other);
            return;
        }
        *state = id;
        if p.trace.is_some() {
            self.trace_who(pid, p, term::atom!("unlink"), other);
        }
        self.signal_who(Who::Local(pid), other, |_| Outgoing::Unlink { id });
    }

    // ---- monitors
    /// Monitors by a new reference that the caller has made.
    pub fn monitor(self: &Arc<Node>, pid: Term, p: &mut Private, reference: RefId, target: Target, kind: MonitorKind, tag: Owned, alias: Option<AliasKind>) {
        let me = Who::Local(pid);
        if let Some(kind) = alias {
            p.aliases.insert(reference, kind);
        }
        // No process monitors itself: it gets a reference, and nothing comes of it.
        if matches!(target, Target::Who(who) | Target::Name { who: Some(who), .. } if who == me) {
            return;
        }
        p.monitors.insert(reference, Monitor { target, kind, tag, alias });
        let down = |reason: Term| {
            let reason = Owned::immediate(reason);
            let _ = self.deliver(pid, Signal::Down { reference, reason });
        };
        match target {
            Target::Clock => {
                self.clock_watchers.lock().insert(reference, pid);
            }
            // This node's name, but in another life of it.
            Target::Who(who) if who.node().is_some_and(|n| self.is_own_name(n.name)) => down(am::NOPROC),
            Target::Who(who) => {
                if who.node().is_some() && self.remote().is_none() {
                    return down(am::NOCONNECTION);
                }
                self.signal_who(me, who, |_| Outgoing::Monitor { reference, name: None });
            }
            Target::Name { name, who: Some(who), .. } => {
                self.signal_who(me, who, |_| Outgoing::Monitor { reference, name: Some(name) });
            }
            Target::Name { name, node, who: None } => {
                if self.is_own_name(node) {
                    return down(am::NOPROC);
                }
                let sent = self.remote().is_some_and(|r| {
                    let to = term::node_name::intern(node, 0);
                    r.signal(self, me, to, None, Outgoing::Monitor { reference, name: Some(name) })
                });
                if !sent {
                    down(am::NOCONNECTION);
                }
            }
        }
    }
    /// Withdraws a monitor; false if there was none. Its alias goes too, unless it was to stay.
    pub fn demonitor(self: &Arc<Node>, pid: Term, p: &mut Private, reference: RefId) -> bool {
        let Some(monitor) = p.monitors.remove(&reference) else { return false };
        if matches!(monitor.alias, Some(AliasKind::Demonitor | AliasKind::ReplyDemonitor)) {
            p.aliases.remove(&reference);
        }
        self.withdraw(pid, reference, monitor.target);
        true
    }
    pub(crate) fn withdraw(self: &Arc<Node>, pid: Term, reference: RefId, target: Target) {
        let me = Who::Local(pid);
        match target {
            Target::Clock => {
                self.clock_watchers.lock().remove(&reference);
            }
            Target::Who(who) => self.signal_who(me, who, |_| Outgoing::Demonitor { reference, name: None }),
            Target::Name { name, who: Some(who), .. } => {
                self.signal_who(me, who, |_| Outgoing::Demonitor { reference, name: Some(name) });
            }
            Target::Name { name, node, who: None } => {
                if let Some(remote) = self.remote() {
                    let to = term::node_name::intern(node, 0);
                    remote.signal(self, me, to, None, Outgoing::Demonitor { reference, name: Some(name) });
                }
            }
        }
    }

    // ---- exit signals
    /// `exit(To, Reason)`.
    pub fn exit_signal(self: &Arc<Node>, from: Term, to: Who, reason: Owned) {
        self.signal_who(Who::Local(from), to, |_| Outgoing::Exit { reason, linked: false, token: None });
    }
}
