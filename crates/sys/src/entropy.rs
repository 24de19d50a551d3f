//! Randomness from the system: seeds, keys, cookies. Not here: generators, which Erlang brings itself.

use crate::{Errno, Result};

/// A source of unpredictable bytes; a simulated one is seeded.
pub trait Entropy: Send + Sync {
    fn fill(&self, buf: &mut [u8]) -> Result<()>;

    fn u64(&self) -> Result<u64> {
        let mut b = [0; 8];
        self.fill(&mut b)?;
        Ok(u64::from_ne_bytes(b))
    }
}

/// `getrandom`.
pub struct RealEntropy;

impl Entropy for RealEntropy {
    fn fill(&self, buf: &mut [u8]) -> Result<()> {
        let mut done = 0;
        while done < buf.len() {
            match rustix::rand::getrandom(&mut buf[done..], rustix::rand::GetRandomFlags::empty()) {
                Ok(n) => done += n,
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(Errno::from(e)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differs() {
        assert_ne!(RealEntropy.u64().unwrap(), RealEntropy.u64().unwrap());
    }
}
