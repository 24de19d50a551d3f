//! The machine and this process: system name and version, host name, processors, memory.

use std::os::unix::ffi::OsStrExt;

use crate::{Errno, Result, env::Env};

/// Bytes of memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    pub total: u64,
    pub available: u64,
    /// What this process has in memory.
    pub resident: u64,
}

/// A processor that the system has: its place in the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    pub logical: u32,
    pub core: u32,
    pub package: u32,
    pub node: u32,
}

/// What a node asks about the machine.
pub trait Host: Send + Sync {
    /// `os:type/0`: (`unix`, lower-case name).
    fn os_type(&self) -> (&'static str, String);
    /// `os:version/0`.
    fn os_version(&self) -> (u32, u32, u32);
    /// The five words of `uname`: sysname, nodename, release, version, machine.
    fn uname(&self) -> [String; 5];
    fn hostname(&self) -> Vec<u8>;
    fn pid(&self) -> u32;
    /// Processors that exist.
    fn cpus_configured(&self) -> usize;
    /// Processors that run.
    fn cpus_online(&self) -> usize;
    /// Processors that this process may use: affinity, and the container's quota.
    fn cpus_available(&self) -> usize;
    /// Where each processor sits, by number; empty if the system does not say.
    fn topology(&self) -> Vec<Cpu>;
    fn memory(&self) -> Memory;
    fn page_size(&self) -> usize;
    /// The limit of open files.
    fn max_files(&self) -> u64;
}

/// The machine we run on.
pub struct RealHost;

impl Host for RealHost {
    fn os_type(&self) -> (&'static str, String) {
        let [name, ..] = self.uname();
        ("unix", name.to_lowercase())
    }

    fn os_version(&self) -> (u32, u32, u32) {
        let [_, _, release, ..] = self.uname();
        version_of(&release)
    }

    fn uname(&self) -> [String; 5] {
        let u = rustix::system::uname();
        [u.sysname(), u.nodename(), u.release(), u.version(), u.machine()].map(|s| s.to_string_lossy().into_owned())
    }

    fn hostname(&self) -> Vec<u8> {
        rustix::system::uname().nodename().to_bytes().to_vec()
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn cpus_configured(&self) -> usize {
        // SAFETY: rule 1: takes a number only.
        unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) }.max(1) as usize
    }

    fn cpus_online(&self) -> usize {
        // SAFETY: rule 1: takes a number only.
        unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }.max(1) as usize
    }

    fn cpus_available(&self) -> usize {
        std::thread::available_parallelism().map_or(1, |n| n.get())
    }

    fn topology(&self) -> Vec<Cpu> {
        (0..self.cpus_configured() as u32).map_while(cpu).collect()
    }

    fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        if let Ok(text) = std::fs::read_to_string("/proc/meminfo") {
            for line in text.lines() {
                let mut words = line.split_ascii_whitespace();
                let place = match words.next() {
                    Some("MemTotal:") => &mut memory.total,
                    Some("MemAvailable:") => &mut memory.available,
                    _ => continue,
                };
                *place = words.next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024;
            }
        }
        if let Ok(text) = std::fs::read_to_string("/proc/self/statm") {
            let pages = text.split_ascii_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok());
            memory.resident = pages.unwrap_or(0) * self.page_size() as u64;
        }
        memory
    }

    fn page_size(&self) -> usize {
        rustix::param::page_size()
    }

    fn max_files(&self) -> u64 {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX)
    }
}

/// The first three numbers of a release such as `6.18.44-fc`.
fn version_of(release: &str) -> (u32, u32, u32) {
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

fn cpu(logical: u32) -> Option<Cpu> {
    let dir = format!("/sys/devices/system/cpu/cpu{logical}");
    let number = |name: &str| std::fs::read_to_string(format!("{dir}/topology/{name}")).ok()?.trim().parse().ok();
    let node = std::fs::read_dir(&dir).ok()?.flatten().find_map(|e| {
        let name = e.file_name();
        std::str::from_utf8(name.as_bytes().strip_prefix(b"node")?).ok()?.parse().ok()
    });
    Some(Cpu { logical, core: number("core_id")?, package: number("physical_package_id")?, node: node.unwrap_or(0) })
}

/// The program that a name means: itself if it has a `/`, else the first executable file on `PATH`.
pub fn find_executable(name: &[u8], env: &Env) -> Result<Vec<u8>> {
    let mut found = Errno::ENOENT;
    let mut check = |path: Vec<u8>| match executable(&path) {
        Ok(()) => Some(path),
        Err(e) => {
            if e == Errno::EACCES {
                found = e;
            }
            None
        }
    };
    if name.is_empty() || name.contains(&0) {
        return Err(Errno::ENOENT);
    }
    if name.contains(&b'/') {
        return check(name.to_vec()).ok_or(found);
    }
    let path = env.get(b"PATH").unwrap_or_else(|| b"/bin:/usr/bin".to_vec());
    for dir in path.split(|c| *c == b':') {
        let dir = if dir.is_empty() { b"." } else { dir };
        if let Some(path) = check([dir, b"/", name].concat()) {
            return Ok(path);
        }
    }
    Err(found)
}

/// Is it a file that we may execute? `enoent`, `eacces`, ... if not.
pub fn executable(path: &[u8]) -> Result<()> {
    let st = rustix::fs::stat(path)?;
    if rustix::fs::FileType::from_raw_mode(st.st_mode) != rustix::fs::FileType::RegularFile {
        return Err(Errno::EACCES);
    }
    Ok(rustix::fs::access(path, rustix::fs::Access::EXEC_OK)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts() {
        let host = RealHost;
        assert_eq!(host.os_type(), ("unix", "linux".to_string()));
        assert!(host.os_version() > (2, 6, 0));
        assert!(host.cpus_available() >= 1 && host.cpus_online() <= host.cpus_configured());
        let memory = host.memory();
        assert!(memory.resident > 0 && memory.total > memory.resident);
        assert_eq!(version_of("6.18-x"), (6, 18, 0));
    }

    #[test]
    fn search_follows_path() {
        let env = Env::from_os();
        assert!(find_executable(b"sh", &env).unwrap().ends_with(b"/sh"));
        assert_eq!(find_executable(b"no-such-program", &env), Err(Errno::ENOENT));
        assert_eq!(find_executable(b"/etc/passwd", &env), Err(Errno::EACCES));
    }
}
