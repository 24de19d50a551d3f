//! Files of the user's own that can be made again: read only where nobody else could have written them. And the identity of the
//! running program, which what it has made for itself is filed under.

use std::fs::{self, DirBuilder, Metadata, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Files in a folder, at most: beyond it the older half goes.
const FILES: usize = 4096;
/// Folders of other builds beside ours that stay.
const SIBLINGS: usize = 7;

/// A folder for what one build of the program has made.
pub struct Folder {
    path: PathBuf,
    /// Whether what is too old has been looked for.
    tidied: AtomicBool,
}

impl Folder {
    /// Nothing is made or looked at yet.
    pub fn new(path: PathBuf) -> Folder {
        Folder { path, tidied: AtomicBool::new(false) }
    }

    /// What is in a file; `None` if there is none, or others than this user might have written it.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        if !own(&fs::symlink_metadata(&self.path).ok()?) {
            return None;
        }
        let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(self.path.join(name)).ok()?;
        let about = file.metadata().ok()?;
        if !about.is_file() || !own(&about) {
            return None;
        }
        let mut bytes = Vec::with_capacity(about.len() as usize + 1);
        file.read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Writes behind what is in a file, in one piece, unless it would become longer than `most` bytes.
    pub fn append(&self, name: &str, bytes: &[u8], most: u64) -> bool {
        self.appended(name, bytes, most).is_some()
    }
    fn appended(&self, name: &str, bytes: &[u8], most: u64) -> Option<()> {
        let path = self.path.join(name);
        let open = || OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(&path);
        let new = !path.exists();
        let mut file = match open() {
            Ok(file) => file,
            Err(_) => {
                DirBuilder::new().recursive(true).mode(0o700).create(&self.path).ok()?;
                self.leave_few_siblings();
                open().ok()?
            }
        };
        let about = file.metadata().ok()?;
        if !own(&fs::symlink_metadata(&self.path).ok()?) || !about.is_file() || !own(&about) || about.len() + bytes.len() as u64 > most {
            return None;
        }
        file.write_all(bytes).ok()?;
        if new && !self.tidied.swap(true, Relaxed) {
            self.tidy();
        }
        Some(())
    }

    pub fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.path.join(name));
    }

    fn tidy(&self) {
        let mut all = by_age(&self.path);
        if all.len() > FILES {
            all.truncate(all.len() / 2);
            all.iter().for_each(|path| drop(fs::remove_file(path)));
        }
    }
    fn leave_few_siblings(&self) {
        let Some(parent) = self.path.parent() else { return };
        let mut all = by_age(parent);
        all.retain(|path| *path != self.path && path.is_dir());
        all.truncate(all.len().saturating_sub(SIBLINGS));
        all.iter().for_each(|path| drop(fs::remove_dir_all(path)));
    }
}

/// What is in a folder, the oldest first.
fn by_age(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<_> = entries.filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path()))).collect();
    all.sort();
    all.into_iter().map(|(_, path)| path).collect()
}

/// Can this user alone write it?
fn own(about: &Metadata) -> bool {
    about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o022 == 0
}

/// The identity that the linker gave the file in which a function of ours lies (its build id, as hexadecimal digits). `None` if it gave none.
pub fn build_id(function: *const ()) -> Option<String> {
    struct Search {
        address: u64,
        found: Option<String>,
    }
    unsafe extern "C" fn each(info: *mut libc::dl_phdr_info, _: usize, search: *mut libc::c_void) -> libc::c_int {
        // SAFETY: rule 1: the linker's description of a loaded file, and the search that was handed to it below.
        let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
        // SAFETY: rule 1: the headers are as many as they are said to be.
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        let base = info.dlpi_addr;
        let inside = |h: &libc::Elf64_Phdr| h.p_type == libc::PT_LOAD && search.address.wrapping_sub(base + h.p_vaddr) < h.p_memsz;
        if !headers.iter().any(inside) {
            return 0;
        }
        for h in headers.iter().filter(|h| h.p_type == libc::PT_NOTE) {
            // SAFETY: rule 1: notes are in memory that is loaded to be read and stays as long as the file.
            let notes = unsafe { std::slice::from_raw_parts((base + h.p_vaddr) as *const u8, h.p_memsz as usize) };
            search.found = search.found.take().or_else(|| gnu_build_id(notes, h.p_align as usize));
        }
        1
    }
    let mut search = Search { address: function as u64, found: None };
    // SAFETY: rule 1: the search outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut search).cast()) };
    search.found
}

/// The build id among notes (`Elf64_Nhdr`: lengths of name and contents, type; both padded).
fn gnu_build_id(mut notes: &[u8], align: usize) -> Option<String> {
    const BUILD_ID: u32 = 3;
    let padded = |n: u32| (n as usize).next_multiple_of(align.clamp(4, 8));
    loop {
        let (header, rest) = notes.split_at_checked(12)?;
        let word = |i: usize| header.get(i..i + 4).and_then(|w| w.try_into().ok()).map(u32::from_le_bytes);
        let (name_len, len, kind) = (word(0)?, word(4)?, word(8)?);
        let contents = rest.get(padded(name_len)..)?;
        if kind == BUILD_ID && rest.starts_with(b"GNU\0") {
            return Some(contents.get(..len as usize)?.iter().map(|b| format!("{b:02x}")).collect());
        }
        notes = contents.get(padded(len)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn fresh(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("ferrobeam-cache-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    #[test]
    fn what_is_appended_is_read() {
        let path = fresh("append").join("builds/one");
        let folder = Folder::new(path.clone());
        assert_eq!(folder.read("a"), None);
        assert!(folder.append("a", b"12", 4) && folder.append("a", b"34", 4));
        assert!(!folder.append("a", b"5", 4), "longer than it may be");
        assert_eq!(folder.read("a").as_deref(), Some(&b"1234"[..]));
        folder.remove("a");
        assert_eq!(folder.read("a"), None);
        let _ = fs::remove_dir_all(path);
    }

    #[test]
    fn what_others_could_have_written_is_refused() {
        let path = fresh("foreign");
        let folder = Folder::new(path.clone());
        assert!(folder.append("a", b"12", 10));
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        mode(&path.join("a"), 0o622);
        assert_eq!(folder.read("a"), None);
        assert!(!folder.append("a", b"3", 10));
        mode(&path.join("a"), 0o600);
        mode(&path, 0o777);
        assert_eq!(folder.read("a"), None);
        assert!(!folder.append("b", b"3", 10));
        mode(&path, 0o700);
        std::os::unix::fs::symlink("a", path.join("link")).unwrap();
        assert_eq!(folder.read("link"), None);
        assert_eq!(folder.read("a").as_deref(), Some(&b"12"[..]));
        let _ = fs::remove_dir_all(path);
    }

    #[test]
    fn few_builds_are_kept() {
        let path = fresh("builds");
        let last = SIBLINGS + 3;
        for build in 0..=last {
            assert!(Folder::new(path.join(build.to_string())).append("a", b"x", 10));
        }
        assert_eq!(by_age(&path).len(), SIBLINGS + 1);
        assert!(path.join(last.to_string()).exists());
        let _ = fs::remove_dir_all(path);
    }

    #[test]
    fn notes_are_searched() {
        let note = |name: &[u8], kind: u32, contents: &[u8]| {
            let mut n = [(name.len() as u32).to_le_bytes(), (contents.len() as u32).to_le_bytes(), kind.to_le_bytes()].concat();
            for part in [name, contents] {
                n.extend(part);
                n.resize(n.len().next_multiple_of(4), 0);
            }
            n
        };
        let other = note(b"Other\0", 3, b"abc");
        let both = [other.clone(), note(b"GNU\0", 3, &[1, 0xfe])].concat();
        assert_eq!(gnu_build_id(&both, 4).as_deref(), Some("01fe"));
        assert_eq!(gnu_build_id(&other, 4), None);
        assert_eq!(gnu_build_id(&both[..both.len() - 3], 4), None);
        assert_eq!(gnu_build_id(&[0xff; 40], 4), None);
    }
}
