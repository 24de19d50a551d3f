//! The drop-in folder: launchers with OTP's names beside links to the libraries, so that whatever starts `erl`, `erlexec`
//! or `beam.smp` starts this program instead. One folder for each pair (this program, set of libraries), in the user's cache;
//! made once, put in place by one rename.
//! ```text
//! otp25-9f3c../bin/{erl, erlc, escript, ..}   -> launchers; the rest -> OTP's bin
//! otp25-9f3c../erts-13.1.5/bin/{erl, erlexec, beam.smp, inet_gethost, ..} -> launchers; the rest -> OTP's (epmd, ..)
//! otp25-9f3c../erts-13.1.5/bin/preloaded/*.beam     copies of the modules that ERTS has within itself
//! otp25-9f3c../{lib, releases, ..}             -> OTP's
//! ```
//! This folder is `-root` of the node too, because OTP starts further nodes by `ROOT/erts-VSN/bin/erlexec`.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::otp::Installation;

/// Names by which this program stands in for one of OTP's.
pub const LAUNCHERS: [&str; 7] = ["erl", "erlc", "escript", "erlexec", "beam.smp", "dyn_erl", "inet_gethost"];

/// Raised when the folder's shape changes.
const LAYOUT: u32 = 3;

/// The folder of the modules that are loaded before all others.
pub const PRELOADED: &str = "preloaded";

/// The folder's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shims {
    /// What is given as `-root`.
    pub root: PathBuf,
    /// What is given as `-bindir`.
    pub bindir: PathBuf,
}

impl Shims {
    /// What goes first on `PATH`.
    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }
}

/// The folder for `otp`, made if it isn't there.
pub fn ensure(otp: &Installation, program: &Path) -> Result<Shims, Failure> {
    if let Some(shims) = at_hand(otp, program) {
        return Ok(shims);
    }
    let cache = cache_dir()
        .ok_or_else(|| Failure::new("ferrobeam: no place for the launchers: neither XDG_CACHE_HOME nor HOME is set"))?;
    let root = cache.join(folder_name(otp, program));
    let shims = Shims { bindir: root.join(format!("erts-{}", otp.erts_version)).join("bin"), root };
    // The name says what is in it, and a rename put it there whole.
    if !is_whole(&shims, program) {
        make(otp, program, &shims)
            .map_err(|e| Failure::new(format!("ferrobeam: cannot make the folder of launchers {}: {e}", shims.root.display())))?;
    }
    Ok(shims)
}

/// The libraries' own folder where its launchers are this program (a release that was assembled with them), or that of the
/// node which started us, whoever's cache it is in.
fn at_hand(otp: &Installation, program: &Path) -> Option<Shims> {
    let own = |root: PathBuf| Shims { bindir: root.join(format!("erts-{}", otp.erts_version)).join("bin"), root };
    let is_program = |file: PathBuf| fs::canonicalize(file).is_ok_and(|to| to == program);
    let release = own(otp.root.clone());
    if is_program(release.bindir.join("erlexec")) {
        return Some(release);
    }
    let parent = own(PathBuf::from(std::env::var_os("ROOTDIR")?));
    (behind(&parent.root).as_ref() == Some(&otp.root) && is_whole(&parent, program)).then_some(parent)
}

/// Is this one of our folders? Then these are the libraries behind it.
pub fn behind(root: &Path) -> Option<PathBuf> {
    let lib = fs::read_link(root.join("lib")).ok()?;
    root.join(".ferrobeam").exists().then(|| lib.parent().map(Path::to_path_buf)).flatten()
}

fn is_whole(shims: &Shims, program: &Path) -> bool {
    fs::read_link(shims.bindir.join("erlexec")).is_ok_and(|to| to == program) && shims.root.join(".ferrobeam").exists()
}

/// `FERROBEAM_CACHE`, or `ferrobeam` in the user's cache folder.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    cache_dir_of(&|name| std::env::var_os(name))
}
pub(crate) fn cache_dir_of(var: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let folder = |name: &str| var(name).map(PathBuf::from).filter(|p| p.is_absolute());
    folder("FERROBEAM_CACHE")
        .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("ferrobeam")))
        .or_else(|| Some(folder("HOME")?.join(".cache/ferrobeam")))
}

/// FNV-1a: only to tell folders apart, and stable from run to run.
pub(crate) fn fnv1a<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn folder_name(otp: &Installation, program: &Path) -> String {
    let (root, programs) = (otp.root.as_os_str().as_bytes(), otp.programs.as_os_str().as_bytes());
    let parts = [root, programs, otp.erts_version.as_bytes(), program.as_os_str().as_bytes(), &LAYOUT.to_le_bytes()];
    let hash = fnv1a(parts.into_iter().flat_map(|p| p.iter().chain(&[0])));
    format!("otp{}-{hash:016x}", otp.release)
}

fn make(otp: &Installation, program: &Path, shims: &Shims) -> io::Result<()> {
    let parent = shims.root.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent)?;
    let new =
        parent.join(format!(".new-{}-{}", std::process::id(), shims.root.file_name().unwrap_or_default().to_string_lossy()));
    if new.exists() {
        fs::remove_dir_all(&new)?;
    }
    let erts = format!("erts-{}", otp.erts_version);
    fs::create_dir_all(new.join(&erts))?;
    for entry in fs::read_dir(&otp.root)?.flatten() {
        let name = entry.file_name();
        if name != "bin" && name != OsStr::new(&erts) {
            symlink(entry.path(), new.join(&name))?;
        }
    }
    let of_erts = otp.programs.join(&erts);
    for entry in fs::read_dir(&of_erts).into_iter().flatten().flatten() {
        if entry.file_name() != "bin" {
            symlink(entry.path(), new.join(&erts).join(entry.file_name()))?;
        }
    }
    launchers(&otp.root.join("bin"), &new.join("bin"), program)?;
    launchers(&of_erts.join("bin"), &new.join(&erts).join("bin"), program)?;
    preloaded(otp, &new.join(&erts).join("bin").join(PRELOADED))?;
    fs::write(new.join(".ferrobeam"), format!("{}\n{}\n", program.display(), otp.root.display()))?;
    match fs::rename(&new, &shims.root) {
        Ok(()) => Ok(()),
        // Somebody else was faster, or an old one is broken.
        Err(_) if is_whole(shims, program) => fs::remove_dir_all(&new),
        Err(_) => {
            fs::remove_dir_all(&shims.root)?;
            fs::rename(&new, &shims.root)
        }
    }
}

/// The modules that ERTS has within itself, as a folder beside the programs: a release copies those, but not `lib/erts-*`.
fn preloaded(otp: &Installation, to: &Path) -> io::Result<()> {
    let Some(from) = otp.preloaded() else { return Ok(()) };
    if to.exists() {
        // It came with the programs of a release.
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(&from)?.flatten().filter(|e| e.path().extension().is_some_and(|x| x == "beam")) {
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

fn launchers(theirs: &Path, ours: &Path, program: &Path) -> io::Result<()> {
    fs::create_dir_all(ours)?;
    let own: BTreeSet<OsString> = LAUNCHERS.iter().map(OsString::from).collect();
    for name in &own {
        symlink(program, ours.join(name))?;
    }
    for entry in fs::read_dir(theirs).into_iter().flatten().flatten() {
        if !own.contains(&entry.file_name()) {
            symlink(entry.path(), ours.join(entry.file_name()))?;
        }
    }
    Ok(())
}
