//! Where the OTP libraries are and which release they are. Looks; never installs, never changes anything.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::{Failure, shims};

/// A set of OTP libraries found on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The folder that holds `lib`, `releases`, `bin`.
    pub root: PathBuf,
    /// "25".
    pub release: String,
    /// "13.1.5".
    pub erts_version: String,
    /// The folder that holds `erts-13.1.5/bin`: another one where an application's release has none of its own.
    pub programs: PathBuf,
}

impl Installation {
    /// The folder of the programs that come with the libraries (`epmd`). It need not exist.
    pub fn bindir(&self) -> PathBuf {
        self.programs.join(format!("erts-{}", self.erts_version)).join("bin")
    }
    /// The folder of the modules that ERTS has within itself: `lib/erts-*/ebin`, in a release beside the programs.
    pub fn preloaded(&self) -> Option<PathBuf> {
        let found = |root: &Path| {
            let lib = root.join("lib");
            let all = entries(&lib).filter(|n| n.starts_with("erts-")).map(|n| lib.join(n).join("ebin"));
            all.filter(|d| d.is_dir()).max()
        };
        found(&self.root).or_else(|| found(&self.programs)).or_else(|| Some(self.bindir().join(shims::PRELOADED)).filter(|d| d.is_dir()))
    }
    /// "25.2.3" where the installation says so, else the release.
    pub fn version(&self) -> String {
        let file = self.root.join("releases").join(&self.release).join("OTP_VERSION");
        fs::read_to_string(file).map(|v| v.trim().to_string()).unwrap_or_else(|_| self.release.clone())
    }
}

/// Finds the libraries. `asked` is `--otp DIR`. The first place that is named wins, even if it is wrong: a wrong
/// `FERROBEAM_OTP` must not silently run other libraries.
pub fn find(asked: Option<&OsStr>) -> Result<Installation, Failure> {
    let mut looked = Vec::new();
    if let Some(dir) = asked {
        return open_asked("--otp", Path::new(dir));
    }
    if let Some(dir) = std::env::var_os("FERROBEAM_OTP").filter(|d| !d.is_empty()) {
        return open_asked("FERROBEAM_OTP", Path::new(&dir));
    }
    let mut places: Vec<(String, PathBuf)> = Vec::new();
    for name in ["ROOTDIR", "BINDIR"] {
        if let Some(dir) = std::env::var_os(name).filter(|d| !d.is_empty()) {
            let dir = PathBuf::from(dir);
            // BINDIR is ROOT/erts-13.1.5/bin
            let root = if name == "BINDIR" { dir.join("../..") } else { dir };
            places.push((format!("${name}"), root));
        }
    }
    if let Some(root) = beside_program() {
        places.push(("beside this program".into(), root));
    }
    places.push(("the usual place".into(), PathBuf::from("/usr/lib/erlang")));
    places.push(("the usual place".into(), PathBuf::from("/usr/local/lib/erlang")));
    for erl in on_path("erl") {
        // ROOT/bin/erl
        if let Some(root) = erl.parent().and_then(Path::parent) {
            places.push((format!("of {} on PATH", erl.display()), root.to_path_buf()));
        }
    }
    for (why, root) in places {
        match open(&root) {
            Ok(found) => return Ok(found),
            Err(what) => looked.push(format!("  {} ({why}): {what}", root.display())),
        }
    }
    Err(Failure::new(format!(
        "ferrobeam: the Erlang/OTP libraries were not found. Looked at\n{}\n\
         Install them (Debian, Ubuntu: `sudo apt-get install erlang-nox`; any OTP 25, 27 or 29 will do), or name the folder\n\
         that holds `lib/kernel-*`: `export FERROBEAM_OTP=DIR`, or `ferrobeam --otp DIR ...`.",
        looked.join("\n")
    )))
}

fn open_asked(how: &str, dir: &Path) -> Result<Installation, Failure> {
    // DIR/lib/erlang: a whole prefix was named.
    for root in [dir.to_path_buf(), dir.join("lib/erlang"), dir.join("usr/lib/erlang")] {
        if let Ok(found) = open(&root) {
            return Ok(found);
        }
    }
    let why = open(dir).err().unwrap_or_default();
    Err(Failure::new(format!("ferrobeam: {how} names {}, which holds no Erlang/OTP libraries: {why}", dir.display())))
}

/// A release's own folder, or a prefix: PREFIX/bin/ferrobeam beside PREFIX/lib/erlang.
fn beside_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let prefix = program.parent()?.parent()?;
    [prefix.to_path_buf(), prefix.join("lib/erlang")].into_iter().find(|root| open(root).is_ok())
}

/// Is `root` such a folder? The answer `Err` says what is missing.
pub fn open(root: &Path) -> Result<Installation, String> {
    let root = fs::canonicalize(root).map_err(|_| "no such folder".to_string())?;
    // A node that we started says our folder of launchers to those that it starts.
    let root = shims::behind(&root).unwrap_or(root);
    let lib = root.join("lib");
    for application in ["kernel", "stdlib"] {
        if !has_entry(&lib, &format!("{application}-")) && !lib.join(application).is_dir() {
            return Err(format!("no lib/{application}-*"));
        }
    }
    let (erts_version, release) = releases(&root).ok_or("neither releases/start_erl.data nor releases/*/OTP_VERSION")?;
    let programs = programs(&root, &erts_version);
    Ok(Installation { root, release, erts_version, programs })
}

/// A release without programs of its own is started by those of an installation, which says so in `BINDIR`.
fn programs(root: &Path, erts_version: &str) -> PathBuf {
    let has = |root: &Path| root.join(format!("erts-{erts_version}")).join("bin").is_dir() || root.join("lib").join(format!("erts-{erts_version}")).is_dir();
    if has(root) {
        return root.to_path_buf();
    }
    let by_variable = std::env::var_os("BINDIR").and_then(|dir| fs::canonicalize(Path::new(&dir).join("../..")).ok());
    let usual = ["/usr/lib/erlang", "/usr/local/lib/erlang"].map(PathBuf::from);
    let others = by_variable.into_iter().map(|r| shims::behind(&r).unwrap_or(r)).chain(usual);
    others.into_iter().find(|r| has(r)).unwrap_or_else(|| root.to_path_buf())
}

fn has_entry(dir: &Path, prefix: &str) -> bool {
    entries(dir).any(|name| name.starts_with(prefix))
}

fn entries(dir: &Path) -> impl Iterator<Item = String> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.file_name().to_string_lossy().into_owned())
}

/// ERTS version and release: `start_erl.data` says both; else the highest `releases/N/OTP_VERSION` and `erts-*`.
fn releases(root: &Path) -> Option<(String, String)> {
    let dir = root.join("releases");
    if let Ok(text) = fs::read_to_string(dir.join("start_erl.data")) {
        let mut words = text.split_whitespace();
        if let (Some(erts), Some(release)) = (words.next(), words.next()) {
            // In an application's release the second word is the application's version.
            let release = if release.parse::<u32>().is_ok() { release.to_string() } else { release_of_erts(erts)? };
            return Some((erts.to_string(), release));
        }
    }
    let release = entries(&dir).filter(|n| dir.join(n).join("OTP_VERSION").exists()).filter_map(|n| n.parse::<u32>().ok()).max();
    let erts = entries(root)
        .chain(entries(&root.join("lib")))
        .filter_map(|n| n.strip_prefix("erts-").map(str::to_string))
        .max_by_key(|v| version_key(v))?;
    let release = release.map(|r| r.to_string()).or_else(|| release_of_erts(&erts))?;
    Some((erts, release))
}

/// ERTS 13 came with OTP 25, and so on since.
fn release_of_erts(erts: &str) -> Option<String> {
    let major: u32 = erts.split('.').next()?.parse().ok()?;
    (major >= 9).then(|| (major + 12).to_string())
}

fn version_key(version: &str) -> Vec<u64> {
    version.split('.').map(|n| n.parse().unwrap_or(0)).collect()
}

/// Executables of that name on `PATH`, symbolic links resolved, our own launchers left out.
pub fn on_path(program: &str) -> Vec<PathBuf> {
    let own = crate::me::program().ok();
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .filter(|file| is_executable(file))
        .filter_map(|file| fs::canonicalize(file).ok())
        .filter(|file| Some(file) != own.as_ref())
        .collect()
}

/// A file that may be executed by somebody.
pub fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// Base name of a program as it was called.
pub fn base_name(argv0: &OsStr) -> OsString {
    Path::new(argv0).file_name().map(OsStr::to_os_string).unwrap_or_else(|| OsStr::from_bytes(b"erl").to_os_string())
}
