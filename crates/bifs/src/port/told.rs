//! What is traced to ports. It is told in the order in which it happened, when the slice in which it did is over: a port of ERTS works apart
//! from the process that is traced, which goes on before the port's driver hears of it. Whoever uses a port before that finds it told.

use base::sync::Mutex;
use node::later;
use ports::{Port, Ports};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::*};

/// More messages than that do not wait.
const MOST: usize = 1000;

pub struct Told {
    ports: Arc<Ports>,
    waiting: Mutex<VecDeque<(Arc<Port>, Vec<u8>)>>,
    count: AtomicUsize,
    /// Held by whoever tells, so that two threads keep the order.
    telling: Mutex<()>,
}

thread_local! {
    /// Whose messages this thread is to tell.
    static MINE: RefCell<Option<Arc<Told>>> = const { RefCell::new(None) };
    /// It tells right now: what is traced meanwhile comes after that.
    static TELLS: Cell<bool> = const { Cell::new(false) };
}

impl Told {
    pub fn new(ports: Arc<Ports>) -> Arc<Told> {
        Arc::new(Told { ports, waiting: Mutex::default(), count: AtomicUsize::new(0), telling: Mutex::new(()) })
    }
    /// A message for a port.
    pub fn push(self: &Arc<Told>, port: Arc<Port>, message: Vec<u8>) {
        let n = {
            let mut waiting = self.waiting.lock();
            waiting.push_back((port, message));
            self.count.store(waiting.len(), Release);
            waiting.len()
        };
        if n > MOST || !later::put_off(later::Work::Traces, tell_mine) {
            return self.tell();
        }
        let before = MINE.with_borrow_mut(|mine| mine.replace(self.clone()));
        if let Some(before) = before.filter(|b| !Arc::ptr_eq(b, self)) {
            before.tell();
        }
    }
    /// Tells all that waits.
    #[inline]
    pub fn tell(&self) {
        if self.count.load(Acquire) > 0 {
            self.tell_all();
        }
    }
    #[cold]
    fn tell_all(&self) {
        if TELLS.replace(true) {
            return;
        }
        let telling = self.telling.lock();
        loop {
            let next = {
                let mut waiting = self.waiting.lock();
                let next = waiting.pop_front();
                self.count.store(waiting.len(), Release);
                next
            };
            let Some((port, message)) = next else { break };
            let owner = self.ports.owner(&port);
            self.ports.command(&port, owner, || message, false);
        }
        drop(telling);
        TELLS.set(false);
    }
}

fn tell_mine() {
    if let Some(mine) = MINE.take() {
        mine.tell();
    }
}
