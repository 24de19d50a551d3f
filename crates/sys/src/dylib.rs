//! `dlopen`, thinly: the door through which libraries of native functions come in.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, sync::Once};

/// What ERTS is linked with and libraries of others therefore use without naming it.
const COMPANION: &str = "libz.so.1";

/// A loaded library; it is unloaded when the last handle is dropped.
pub struct Library(libloading::os::unix::Library);

impl Library {
    /// Loads a library, all its symbols bound at once (one that is missing ends the loading, not the process at a later call) and kept to itself.
    /// The error is the linker's own sentence.
    ///
    /// # Safety
    /// The library's constructors run: the caller trusts the file.
    pub unsafe fn open(path: &[u8]) -> Result<Library, String> {
        companion();
        let flags = libloading::os::unix::RTLD_NOW | libloading::os::unix::RTLD_LOCAL;
        // SAFETY: rule 6: trust in the file is the caller's promise.
        let opened = unsafe { libloading::os::unix::Library::open(Some(OsStr::from_bytes(path)), flags) };
        opened.map(Library).map_err(sentence)
    }

    /// The address of a symbol, if there is one.
    pub fn symbol(&self, name: &str) -> Option<*mut std::ffi::c_void> {
        // SAFETY: rule 6: only the address is taken here, as an untyped pointer.
        let found = unsafe { self.0.get::<*mut std::ffi::c_void>(name.as_bytes()) };
        found.ok().map(|s| s.as_raw_ptr()).filter(|p| !p.is_null())
    }
}

/// Its symbols are everyone's from then on; where it is not installed, a library that wants it says so itself.
fn companion() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let flags = libloading::os::unix::RTLD_LAZY | libloading::os::unix::RTLD_GLOBAL;
        // SAFETY: rule 6: the system's own library is trusted as the C library is.
        let opened = unsafe { libloading::os::unix::Library::open(Some(COMPANION), flags) };
        // Never closed: who uses it does not hold it.
        std::mem::forget(opened);
    });
}

fn sentence(e: libloading::Error) -> String {
    match &e {
        libloading::Error::DlOpen { desc } => format!("{desc:?}").trim_matches('"').replace("\\'", "'").replace("\\\"", "\""),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_and_refuses() {
        // SAFETY: rule 6: the C library is trusted, and the other file does not exist.
        let (libc, none) = unsafe { (Library::open(b"libc.so.6"), Library::open(b"/nonexistent.so")) };
        assert!(libc.unwrap().symbol("getpid").is_some());
        assert!(none.err().unwrap().contains("cannot open shared object file"));
    }
}
