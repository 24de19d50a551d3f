//! `World`: all that a node may ask, as one cheap value to clone.

use std::sync::Arc;

use crate::{
    children::{Children, RealChildren},
    clock::{Clock, RealClock},
    entropy::{Entropy, RealEntropy},
    env::Env,
    files::{Files, RealFiles},
    host::{Host, RealHost},
    net::{Net, RealNet},
    poll::{Poller, RealPoller},
    signals::{RealSignals, Signals},
    tty::{RealTty, Tty},
};

/// What a node holds of the outside. Every part can be replaced on its own.
#[derive(Clone)]
pub struct World {
    pub clock: Arc<dyn Clock>,
    pub files: Arc<dyn Files>,
    pub env: Arc<Env>,
    pub host: Arc<dyn Host>,
    pub net: Arc<dyn Net>,
    pub children: Arc<dyn Children>,
    pub tty: Arc<dyn Tty>,
    pub signals: Arc<dyn Signals>,
    pub entropy: Arc<dyn Entropy>,
    /// Makes a new poller; called by the first port that waits for a file descriptor.
    pub new_poller: Arc<dyn Fn() -> crate::Result<Arc<dyn Poller>> + Send + Sync>,
}

impl World {
    /// The real world as the only node of an operating system process sees it: `set_cwd` changes the process's directory.
    pub fn process() -> World {
        World::with_files(RealFiles::process())
    }

    /// The real world for a node inside another program: its working directory is its own.
    pub fn embedded() -> World {
        World::with_files(RealFiles::embedded())
    }

    fn with_files(files: RealFiles) -> World {
        let files = Arc::new(files);
        World {
            clock: Arc::new(RealClock::new()),
            children: Arc::new(RealChildren::new(files.clone())),
            files,
            env: Arc::new(Env::from_os()),
            host: Arc::new(RealHost),
            net: Arc::new(RealNet),
            tty: Arc::new(RealTty::new()),
            signals: Arc::new(RealSignals),
            entropy: Arc::new(RealEntropy),
            new_poller: Arc::new(RealPoller::shared),
        }
    }
}
