//! `Errno`: an operating system error, and the atom name by which Erlang's users know it.
//! The names are those of `erl_posix`: the C constant in lower case.

use std::fmt;

/// What every call of this crate answers.
pub type Result<T> = std::result::Result<T, Errno>;

/// An operating system error number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($name:ident = $text:literal,)*) => {
        impl Errno {
            $(#[doc = $text] pub const $name: Errno = Errno(libc::$name);)*

            /// The error's atom name; `unknown` for a number without one.
            pub fn name(self) -> &'static str {
                match self {
                    $(Errno::$name => $text,)*
                    _ => "unknown",
                }
            }
        }

        const ALL: &[(&str, Errno)] = &[$(($text, Errno::$name),)*];
    };
}

errnos! {
    EPERM = "eperm",
    ENOENT = "enoent",
    ESRCH = "esrch",
    EINTR = "eintr",
    EIO = "eio",
    ENXIO = "enxio",
    E2BIG = "e2big",
    ENOEXEC = "enoexec",
    EBADF = "ebadf",
    ECHILD = "echild",
    EAGAIN = "eagain",
    ENOMEM = "enomem",
    EACCES = "eacces",
    EFAULT = "efault",
    ENOTBLK = "enotblk",
    EBUSY = "ebusy",
    EEXIST = "eexist",
    EXDEV = "exdev",
    ENODEV = "enodev",
    ENOTDIR = "enotdir",
    EISDIR = "eisdir",
    EINVAL = "einval",
    ENFILE = "enfile",
    EMFILE = "emfile",
    ENOTTY = "enotty",
    ETXTBSY = "etxtbsy",
    EFBIG = "efbig",
    ENOSPC = "enospc",
    ESPIPE = "espipe",
    EROFS = "erofs",
    EMLINK = "emlink",
    EPIPE = "epipe",
    EDOM = "edom",
    ERANGE = "erange",
    EDEADLK = "edeadlk",
    ENAMETOOLONG = "enametoolong",
    ENOLCK = "enolck",
    ENOSYS = "enosys",
    ENOTEMPTY = "enotempty",
    ELOOP = "eloop",
    ENOMSG = "enomsg",
    EIDRM = "eidrm",
    ECHRNG = "echrng",
    EL2NSYNC = "el2nsync",
    EL3HLT = "el3hlt",
    EL3RST = "el3rst",
    ELNRNG = "elnrng",
    EUNATCH = "eunatch",
    ENOCSI = "enocsi",
    EL2HLT = "el2hlt",
    EBADE = "ebade",
    EBADR = "ebadr",
    EXFULL = "exfull",
    ENOANO = "enoano",
    EBADRQC = "ebadrqc",
    EBADSLT = "ebadslt",
    EBFONT = "ebfont",
    ENOSTR = "enostr",
    ENODATA = "enodata",
    ETIME = "etime",
    ENOSR = "enosr",
    ENONET = "enonet",
    ENOPKG = "enopkg",
    EREMOTE = "eremote",
    ENOLINK = "enolink",
    EADV = "eadv",
    ESRMNT = "esrmnt",
    ECOMM = "ecomm",
    EPROTO = "eproto",
    EMULTIHOP = "emultihop",
    EDOTDOT = "edotdot",
    EBADMSG = "ebadmsg",
    EOVERFLOW = "eoverflow",
    ENOTUNIQ = "enotuniq",
    EBADFD = "ebadfd",
    EREMCHG = "eremchg",
    ELIBACC = "elibacc",
    ELIBBAD = "elibbad",
    ELIBSCN = "elibscn",
    ELIBMAX = "elibmax",
    ELIBEXEC = "elibexec",
    EILSEQ = "eilseq",
    ERESTART = "erestart",
    ESTRPIPE = "estrpipe",
    EUSERS = "eusers",
    ENOTSOCK = "enotsock",
    EDESTADDRREQ = "edestaddrreq",
    EMSGSIZE = "emsgsize",
    EPROTOTYPE = "eprototype",
    ENOPROTOOPT = "enoprotoopt",
    EPROTONOSUPPORT = "eprotonosupport",
    ESOCKTNOSUPPORT = "esocktnosupport",
    EOPNOTSUPP = "enotsup",
    EPFNOSUPPORT = "epfnosupport",
    EAFNOSUPPORT = "eafnosupport",
    EADDRINUSE = "eaddrinuse",
    EADDRNOTAVAIL = "eaddrnotavail",
    ENETDOWN = "enetdown",
    ENETUNREACH = "enetunreach",
    ENETRESET = "enetreset",
    ECONNABORTED = "econnaborted",
    ECONNRESET = "econnreset",
    ENOBUFS = "enobufs",
    EISCONN = "eisconn",
    ENOTCONN = "enotconn",
    ESHUTDOWN = "eshutdown",
    ETOOMANYREFS = "etoomanyrefs",
    ETIMEDOUT = "etimedout",
    ECONNREFUSED = "econnrefused",
    EHOSTDOWN = "ehostdown",
    EHOSTUNREACH = "ehostunreach",
    EALREADY = "ealready",
    EINPROGRESS = "einprogress",
    ESTALE = "estale",
    EUCLEAN = "euclean",
    ENOTNAM = "enotnam",
    ENAVAIL = "enavail",
    EISNAM = "eisnam",
    EREMOTEIO = "eremoteio",
    EDQUOT = "edquot",
    ENOMEDIUM = "enomedium",
    EMEDIUMTYPE = "emediumtype",
    ECANCELED = "ecanceled",
    ENOKEY = "enokey",
    EKEYEXPIRED = "ekeyexpired",
    EKEYREVOKED = "ekeyrevoked",
    EKEYREJECTED = "ekeyrejected",
    EOWNERDEAD = "eownerdead",
    ENOTRECOVERABLE = "enotrecoverable",
    ERFKILL = "erfkill",
    EHWPOISON = "ehwpoison",
}

impl Errno {
    /// `ENOTSUP`, which on Linux shares its number with `EOPNOTSUPP`.
    pub const ENOTSUP: Errno = Errno(libc::ENOTSUP);
    /// `EWOULDBLOCK`, the same number as `EAGAIN`.
    pub const EWOULDBLOCK: Errno = Errno(libc::EWOULDBLOCK);

    /// The error that the calling thread's last C call left.
    pub fn last() -> Errno {
        Errno::from(std::io::Error::last_os_error())
    }

    /// The number of a name such as `enoent`.
    pub fn from_name(name: &str) -> Option<Errno> {
        ALL.iter().find(|(n, _)| *n == name).map(|(_, e)| *e)
    }

    /// The C library's sentence for it.
    pub fn message(self) -> String {
        let text = std::io::Error::from_raw_os_error(self.0).to_string();
        text.split(" (os error").next().unwrap_or(&text).to_string()
    }
}

impl From<rustix::io::Errno> for Errno {
    fn from(e: rustix::io::Errno) -> Errno {
        Errno(e.raw_os_error())
    }
}

impl From<std::io::Error> for Errno {
    fn from(e: std::io::Error) -> Errno {
        match (e.raw_os_error(), e.kind()) {
            (Some(n), _) => Errno(n),
            (None, std::io::ErrorKind::InvalidInput) => Errno::EINVAL,
            (None, _) => Errno::EIO,
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        assert_eq!(Errno(2).name(), "enoent");
        assert_eq!(Errno(99999).name(), "unknown");
        assert_eq!(Errno::from_name("eacces"), Some(Errno::EACCES));
        assert_eq!(Errno::ENOTSUP.name(), "enotsup");
    }
}
