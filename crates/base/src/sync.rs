//! The one place from which locks come, so that another implementation (a model checker's) can stand in.

pub use parking_lot::{Condvar, Mutex, MutexGuard, ReentrantMutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use std::sync::atomic;
