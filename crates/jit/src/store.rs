//! The machine code that is kept from run to run: which modules have been looked for, what waits to be written.

use crate::cache::{self, Bad, Entry, Object};
use base::hash::Map;
use base::sync::Mutex;
use code::Loaded;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use sys::cache::Folder;

/// Where machine code is kept.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Each build of the program has a folder in it.
    pub folder: PathBuf,
    /// By which release's rules modules are loaded.
    pub release: u32,
    /// Whatever is taken from there is compiled nevertheless and compared.
    pub verify: bool,
}

/// A module's file has at most so many bytes.
const MOST: u64 = 8 << 20;
/// Versions of modules that are remembered, at most.
const REMEMBERED: usize = 4096;

type Digest = [u8; 16];

pub struct Store {
    folder: Folder,
    pub verify: bool,
    /// Versions whose file has been looked for, by their address.
    seen: Mutex<Map<usize, Weak<Loaded>>>,
    /// What files had, for those who ask for single places.
    read: Mutex<Map<Digest, Arc<Vec<Entry>>>>,
    unwritten: Mutex<Map<Digest, Vec<u8>>>,
}

fn name(md5: &Digest) -> String {
    md5.iter().map(|b| format!("{b:02x}")).collect()
}

impl Store {
    /// `None`: the program has no identity by which another build's code could be told from its own.
    pub fn new(cache: &Cache, eager: bool) -> Option<Store> {
        let build = sys::cache::build_id(crate::stubs::leave_address() as *const ())?;
        // Whoever wants machine code of all functions makes much that others would load in vain.
        let kind = if eager { "-eager" } else { "" };
        let folder = Folder::new(cache.folder.join(format!("{build}-otp{}{kind}", cache.release)));
        Some(Store { folder, verify: cache.verify, seen: Mutex::default(), read: Mutex::default(), unwritten: Mutex::default() })
    }

    /// Is this version asked for the first time?
    pub fn is_new(&self, l: &Arc<Loaded>) -> bool {
        let mut seen = self.seen.lock();
        if seen.len() > REMEMBERED {
            seen.retain(|_, l| l.strong_count() > 0);
        }
        let before = seen.insert(l.words().as_ptr() as usize, Arc::downgrade(l));
        before.is_none_or(|b| !std::ptr::eq(b.as_ptr(), Arc::as_ptr(l)))
    }

    pub fn entries(&self, l: &Loaded) -> Vec<Entry> {
        let name = name(&l.md5);
        let Some(bytes) = self.folder.read(&name) else { return Vec::new() };
        let (entries, bad) = cache::entries(&bytes);
        if bad == Some(Bad::Foreign) {
            self.folder.remove(&name);
        }
        entries
    }

    /// The code for one place.
    pub fn find(&self, l: &Loaded, at: usize) -> Option<Vec<u8>> {
        let all = self.read.lock().entry(l.md5).or_insert_with(|| Arc::new(self.entries(l))).clone();
        all.iter().filter(|e| e.at as usize == at).find_map(|e| e.link(l))
    }

    pub fn keep(&self, l: &Loaded, at: usize, object: Object) {
        if let Some(entry) = Entry::new(l, at, object) {
            entry.write(self.unwritten.lock().entry(l.md5).or_default());
        }
    }

    /// Writes what waits. That it cannot be written harms nobody.
    pub fn flush(&self) {
        for (md5, bytes) in std::mem::take(&mut *self.unwritten.lock()) {
            self.folder.append(&name(&md5), &bytes, MOST);
        }
    }
}
