//! Module `prim_file`: the native half of files, over `sys::Files`. Not here: buffering and options that stay in Erlang (`prim_buffer`, modes
//! such as `raw`), names of files in Erlang's own modules.
//!
//! What may wait for a disk or a pipe runs on the dirty I/O pool. Questions that a kernel answers from memory (`read_info`,
//! `get_cwd`, `seek`, conversions of names, closing) run at once: a system starts with thousands of them, and the way to
//! another thread would cost more than the answer.

use crate::result::Res;
use node::config::{BadFilenames, FilenameEncoding};
use node::{Ctx, Dirty, Effect, Native, NativeFn, Stop};
use std::io::IoSlice;
use std::sync::Arc;
use sys::Errno;
use sys::files::{Advice, File, FileInfo, OpenMode, Whence};
use term::binary::{Binary, Growing};
use term::magic::Magic;
use term::{Term, am, atom};

/// What a file's reference holds. The file is closed with the last reference, and when its owner ends.
pub struct Handle {
    pub file: Arc<dyn File>,
}

// ---- names

/// Whether names are UTF-8 (else Latin-1), found out once for each node.
#[derive(Default)]
struct Encoding(std::sync::OnceLock<bool>);

pub(crate) fn names_are_utf8(cx: &Ctx) -> bool {
    let node = cx.node;
    *node.part::<Encoding>().0.get_or_init(|| match node.config.text.filenames {
        FilenameEncoding::Latin1 => false,
        FilenameEncoding::Utf8 => true,
        FilenameEncoding::Locale => sys::tty::locale_is_utf8(&node.world.env),
    })
}

/// A name as Erlang writes it (a binary, or a deep list of characters) in the operating system's bytes; `None` if it cannot be one.
pub(crate) fn name_bytes(t: Term, utf8: bool) -> Option<Vec<u8>> {
    if let Some(b) = t.as_bytes() {
        return (!b.contains(&0)).then(|| b.into_owned());
    }
    if !t.is_list() {
        return None;
    }
    let mut out = Vec::new();
    let mut later = Vec::new();
    let mut at = t;
    loop {
        while let Some((head, tail)) = at.as_cons() {
            at = tail;
            if head.is_list() {
                later.push(at);
                at = head;
                continue;
            }
            let c = u32::try_from(head.as_small()?).ok().filter(|&c| c != 0)?;
            if utf8 {
                let c = char::from_u32(c)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                out.push(u8::try_from(c).ok()?);
            }
        }
        if !at.is_nil() {
            return None;
        }
        match later.pop() {
            Some(t) => at = t,
            None => return Some(out),
        }
    }
}

/// A name from the operating system as a list of characters; `None` if it is not in the encoding.
pub(crate) fn name_list(cx: &mut Ctx, name: &[u8], utf8: bool) -> Option<Term> {
    if !utf8 {
        return Some(cx.h().list_of_bytes(name));
    }
    let text = std::str::from_utf8(name).ok()?;
    Some(cx.h().list_of_chars(text))
}

fn internal_name2native(cx: &mut Ctx, a: &[Term]) -> Res {
    let utf8 = names_are_utf8(cx);
    match name_bytes(a[0], utf8) {
        Some(mut name) => {
            name.push(0);
            Ok(cx.h().binary(&name))
        }
        None => Err(cx.badarg()),
    }
}

fn internal_native2name(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(name) = a[0].as_bytes() else { return Err(cx.badarg()) };
    let utf8 = names_are_utf8(cx);
    if let Some(list) = name_list(cx, &name, utf8) {
        return Ok(list);
    }
    let why = match cx.node.config.text.bad_filenames {
        BadFilenames::Warn => atom!("warning"),
        BadFilenames::Ignore => atom!("ignore"),
        BadFilenames::Error => am::ERROR,
    };
    Ok(cx.h().error(why))
}

fn internal_normalize_utf8(cx: &mut Ctx, a: &[Term]) -> Res {
    use unicode_normalization::UnicodeNormalization;
    let Some(name) = a[0].as_bytes() else { return Err(cx.badarg()) };
    let Ok(text) = std::str::from_utf8(&name) else { return Err(cx.badarg()) };
    let composed: String = text.nfc().collect();
    Ok(cx.h().list_of_chars(&composed))
}

fn is_translatable(cx: &mut Ctx, a: &[Term]) -> Res {
    let utf8 = names_are_utf8(cx);
    if let Some(b) = a[0].as_bytes() {
        return Ok(Term::bool(!b.contains(&0) && (!utf8 || std::str::from_utf8(&b).is_ok())));
    }
    if !a[0].is_list() {
        return Err(cx.badarg());
    }
    Ok(Term::bool(name_bytes(a[0], utf8).is_some()))
}

fn native_name_encoding(cx: &mut Ctx, _: &[Term]) -> Res {
    Ok(if names_are_utf8(cx) { am::UTF8 } else { am::LATIN1 })
}

// ---- arguments and answers

/// A name in the operating system's bytes, which ends in its only NUL.
fn path(cx: &mut Ctx, t: Term) -> Result<Vec<u8>, Stop> {
    match t.as_bytes() {
        Some(b) if b.last() == Some(&0) && !b[..b.len() - 1].contains(&0) => Ok(b[..b.len() - 1].to_vec()),
        _ => Err(cx.badarg()),
    }
}

/// The descriptor of an open file.
pub(crate) fn raw_fd(t: Term) -> Option<i32> {
    t.magic_value::<Handle>()?.file.raw_fd()
}

fn handle(cx: &mut Ctx, t: Term) -> Result<Arc<dyn File>, Stop> {
    match t.magic_value::<Handle>() {
        Some(h) => Ok(h.file.clone()),
        None => Err(cx.badarg()),
    }
}

fn int(cx: &mut Ctx, t: Term) -> Result<i64, Stop> {
    t.as_i64().ok_or_else(|| cx.badarg())
}

/// `{error, Posix}`.
pub(crate) fn posix(cx: &mut Ctx, e: Errno) -> Term {
    let name = term::atom::intern(e.name());
    cx.h().error(name)
}

fn done(cx: &mut Ctx, r: sys::Result<()>) -> Res {
    Ok(match r {
        Ok(()) => am::OK,
        Err(e) => posix(cx, e),
    })
}

fn ok_bytes(cx: &mut Ctx, r: sys::Result<Vec<u8>>) -> Res {
    Ok(match r {
        Ok(data) => {
            let data = cx.h().binary(&data);
            cx.h().ok(data)
        }
        Err(e) => posix(cx, e),
    })
}

fn file_info(cx: &mut Ctx, r: sys::Result<FileInfo>) -> Res {
    let i = match r {
        Ok(i) => i,
        Err(e) => return Ok(posix(cx, e)),
    };
    let h = cx.h();
    let fields = [
        atom!("file_info"),
        h.uint(i.size),
        term::atom::intern(i.kind.name()),
        term::atom::intern(i.access.name()),
        h.int(i.atime),
        h.int(i.mtime),
        h.int(i.ctime),
        h.uint(i.mode.into()),
        h.uint(i.links),
        h.uint(i.major_device),
        h.uint(i.minor_device),
        h.uint(i.inode),
        h.uint(i.uid.into()),
        h.uint(i.gid.into()),
    ];
    Ok(h.tuple(&fields))
}

// ---- by name

fn modes(cx: &mut Ctx, list: Term) -> Result<OpenMode, Stop> {
    let mut mode = OpenMode::default();
    let mut it = list.iter();
    for m in it.by_ref() {
        match term::atom::as_text(m) {
            Some("read") => mode.read = true,
            Some("write") => mode.write = true,
            Some("append") => mode.append = true,
            Some("exclusive") => mode.exclusive = true,
            Some("sync") => mode.sync = true,
            Some("directory") => mode.directory = true,
            Some("skip_type_check") => mode.skip_type_check = true,
            // The others are Erlang's.
            _ => {}
        }
    }
    if it.rest().is_nil() { Ok(mode) } else { Err(cx.badarg()) }
}

fn reference(cx: &mut Ctx, file: Arc<dyn File>) -> Term {
    let magic = Arc::new(Magic { id: (cx.node.next_ref(), 0), value: Box::new(Handle { file: file.clone() }) });
    let file = Arc::downgrade(&file);
    crate::owned::close_with(cx, magic.id, Box::new(move |_| {
        if let Some(file) = file.upgrade() {
            let _ = file.close();
        }
    }));
    cx.h().magic_ref(magic)
}

fn opened(cx: &mut Ctx, r: sys::Result<Arc<dyn File>>) -> Res {
    Ok(match r {
        Ok(file) => {
            let r = reference(cx, file);
            cx.h().ok(r)
        }
        Err(e) => posix(cx, e),
    })
}

fn open(cx: &mut Ctx, a: &[Term]) -> Res {
    let (path, mode) = (path(cx, a[0])?, modes(cx, a[1])?);
    let r = cx.node.world.files.open(&path, mode);
    opened(cx, r)
}

fn file_desc_to_ref(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(number) = a[0].to::<i32>() else { return Err(cx.badarg()) };
    let file = sys::fd::borrow(number).ok_or(Errno::EBADF).and_then(|fd| {
        let own = sys::fd::duplicate(fd)?;
        Ok(cx.node.world.files.adopt(own))
    });
    opened(cx, file)
}

/// Bytes that are read on a scheduler, at most.
const AT_ONCE: usize = 1 << 18;
/// Of those, what costs a reduction.
const BYTES_A_REDUCTION: usize = 1 << 12;

/// A file's content on its way into a binary.
struct Content(Growing);

impl sys::files::Sink for Content {
    fn room(&mut self, n: usize) -> Option<&mut [u8]> {
        self.0.try_zeros(n)
    }
    fn give_back(&mut self, n: usize) {
        self.0.truncate(self.0.len().saturating_sub(n));
    }
}

fn read_file(cx: &mut Ctx, a: &[Term]) -> Res {
    let path = path(cx, a[0])?;
    let mut content = Content(Growing::with_capacity(0));
    let files = &cx.node.world.files;
    let r = if cx.must_not_wait() { files.read_file_at_once(&path, &mut content, AT_ONCE).ok_or(Stop::DirtyIo)? } else { files.read_file_to(&path, &mut content) };
    if let Err(e) = r {
        return Ok(posix(cx, e));
    }
    cx.charge(content.0.len() / BYTES_A_REDUCTION);
    let bits = 8 * content.0.len();
    let data = cx.h().grown(content.0, bits);
    Ok(cx.h().ok(data))
}

fn read_info(cx: &mut Ctx, a: &[Term]) -> Res {
    let (path, follow) = (path(cx, a[0])?, int(cx, a[1])?);
    let r = cx.node.world.files.read_info(&path, follow != 0);
    file_info(cx, r)
}

fn read_link(cx: &mut Ctx, a: &[Term]) -> Res {
    let path = path(cx, a[0])?;
    let r = cx.node.world.files.read_link(&path);
    ok_bytes(cx, r)
}

fn list_dir(cx: &mut Ctx, a: &[Term]) -> Res {
    let path = path(cx, a[0])?;
    Ok(match cx.node.world.files.list_dir(&path) {
        Ok(names) => {
            // The last name first: the Erlang half turns the list round.
            let mut list = Term::NIL;
            for name in names {
                let name = cx.h().binary(&name);
                list = cx.h().cons(name, list);
            }
            cx.h().ok(list)
        }
        Err(e) => posix(cx, e),
    })
}

fn get_cwd(cx: &mut Ctx, _: &[Term]) -> Res {
    let r = cx.node.world.files.cwd();
    ok_bytes(cx, r)
}

/// There are no devices with directories of their own.
fn get_device_cwd(cx: &mut Ctx, _: &[Term]) -> Res {
    Ok(cx.h().error(atom!("enotsup")))
}

/// There are no short names.
fn altname(cx: &mut Ctx, a: &[Term]) -> Res {
    path(cx, a[0])?;
    Ok(cx.h().error(atom!("enotsup")))
}

fn set_cwd(cx: &mut Ctx, a: &[Term]) -> Res {
    let path = path(cx, a[0])?;
    let r = cx.node.world.files.set_cwd(&path);
    done(cx, r)
}

fn make_dir(cx: &mut Ctx, a: &[Term]) -> Res {
    let path = path(cx, a[0])?;
    let r = cx.node.world.files.make_dir(&path);
    done(cx, r)
}

fn del_file(cx: &mut Ctx, a: &[Term]) -> Res {
    let path = path(cx, a[0])?;
    let r = cx.node.world.files.del_file(&path);
    done(cx, r)
}

fn del_dir(cx: &mut Ctx, a: &[Term]) -> Res {
    let path = path(cx, a[0])?;
    let r = cx.node.world.files.del_dir(&path);
    done(cx, r)
}

fn make_hard_link(cx: &mut Ctx, a: &[Term]) -> Res {
    let (existing, new) = (path(cx, a[0])?, path(cx, a[1])?);
    let r = cx.node.world.files.make_hard_link(&existing, &new);
    done(cx, r)
}

fn make_soft_link(cx: &mut Ctx, a: &[Term]) -> Res {
    let (target, new) = (path(cx, a[0])?, path(cx, a[1])?);
    let r = cx.node.world.files.make_soft_link(&target, &new);
    done(cx, r)
}

fn rename(cx: &mut Ctx, a: &[Term]) -> Res {
    let (from, to) = (path(cx, a[0])?, path(cx, a[1])?);
    let r = cx.node.world.files.rename(&from, &to);
    done(cx, r)
}

fn set_permissions(cx: &mut Ctx, a: &[Term]) -> Res {
    let (path, mode) = (path(cx, a[0])?, int(cx, a[1])?);
    let r = cx.node.world.files.set_permissions(&path, mode as u32);
    done(cx, r)
}

fn set_owner(cx: &mut Ctx, a: &[Term]) -> Res {
    let path = path(cx, a[0])?;
    let (Some(uid), Some(gid)) = (a[1].to::<i32>(), a[2].to::<i32>()) else { return Err(cx.badarg()) };
    let r = cx.node.world.files.set_owner(&path, uid, gid);
    done(cx, r)
}

/// Access, modification and creation time; the last is nothing that can be set here.
fn set_time(cx: &mut Ctx, a: &[Term]) -> Res {
    let (path, accessed, modified) = (path(cx, a[0])?, int(cx, a[1])?, int(cx, a[2])?);
    int(cx, a[3])?;
    let r = cx.node.world.files.set_time(&path, accessed, modified);
    done(cx, r)
}

// ---- open files

fn close(cx: &mut Ctx, a: &[Term]) -> Res {
    let file = handle(cx, a[0])?;
    let r = file.close();
    if let Some(magic) = a[0].as_magic() {
        crate::owned::forget(cx, magic.id);
    }
    done(cx, r)
}

/// Closing of a file whose reference was lost without: it is closed already.
fn delayed_close(cx: &mut Ctx, a: &[Term]) -> Res {
    let file = handle(cx, a[0])?;
    let _ = file.close();
    Ok(am::OK)
}

fn size(cx: &mut Ctx, t: Term) -> Result<usize, Stop> {
    match t.to::<usize>() {
        Some(n) if n < 1 << 40 => Ok(n),
        _ => Err(cx.badarg()),
    }
}

/// `{ok, Data}` or `eof` or an error, of a read of up to `size` bytes.
fn read_into(cx: &mut Ctx, size: usize, read: impl FnOnce(&mut [u8]) -> sys::Result<usize>) -> Res {
    let mut buffer = Binary::with_capacity(size, size * 8);
    let n = match read(buffer.bytes_mut()) {
        Ok(0) => return Ok(am::EOF),
        Ok(n) => n,
        Err(e) => return Ok(posix(cx, e)),
    };
    let data = if n <= 64 || n < size - size / 4 {
        cx.h().binary(buffer.bytes(n))
    } else {
        cx.h().bin_ref(buffer, n * 8)
    };
    Ok(cx.h().ok(data))
}

fn read(cx: &mut Ctx, a: &[Term]) -> Res {
    let (file, size) = (handle(cx, a[0])?, size(cx, a[1])?);
    read_into(cx, size, |buf| file.read(buf))
}

fn pread(cx: &mut Ctx, a: &[Term]) -> Res {
    let (file, at, size) = (handle(cx, a[0])?, int(cx, a[1])?, size(cx, a[2])?);
    read_into(cx, size, |buf| file.pread(at, buf))
}

/// A list of binaries.
fn iovec(cx: &mut Ctx, t: Term) -> Result<Vec<std::borrow::Cow<'static, [u8]>>, Stop> {
    let mut it = t.iter();
    let mut out = Vec::new();
    for piece in it.by_ref() {
        match piece.as_bytes() {
            Some(b) => out.push(b),
            None => return Err(cx.badarg()),
        }
    }
    if it.rest().is_nil() { Ok(out) } else { Err(cx.badarg()) }
}

fn write(cx: &mut Ctx, a: &[Term]) -> Res {
    let (file, data) = (handle(cx, a[0])?, iovec(cx, a[1])?);
    let slices: Vec<IoSlice> = data.iter().map(|b| IoSlice::new(b)).collect();
    let r = file.writev(&slices);
    done(cx, r)
}

fn pwrite(cx: &mut Ctx, a: &[Term]) -> Res {
    let (file, at, data) = (handle(cx, a[0])?, int(cx, a[1])?, iovec(cx, a[2])?);
    let slices: Vec<IoSlice> = data.iter().map(|b| IoSlice::new(b)).collect();
    let r = file.pwritev(at, &slices);
    done(cx, r)
}

fn seek(cx: &mut Ctx, a: &[Term]) -> Res {
    let (file, offset) = (handle(cx, a[0])?, int(cx, a[2])?);
    let whence = match term::atom::as_text(a[1]) {
        Some("bof") => Whence::Bof,
        Some("cur") => Whence::Cur,
        Some("eof") => Whence::Eof,
        _ => return Err(cx.badarg()),
    };
    Ok(match file.seek(whence, offset) {
        Ok(at) => {
            let at = cx.h().uint(at);
            cx.h().ok(at)
        }
        Err(e) => posix(cx, e),
    })
}

fn sync(cx: &mut Ctx, a: &[Term]) -> Res {
    let (file, data_only) = (handle(cx, a[0])?, int(cx, a[1])?);
    let r = file.sync(data_only != 0);
    done(cx, r)
}

fn truncate(cx: &mut Ctx, a: &[Term]) -> Res {
    let file = handle(cx, a[0])?;
    let r = file.truncate();
    done(cx, r)
}

fn allocate(cx: &mut Ctx, a: &[Term]) -> Res {
    let (file, at, length) = (handle(cx, a[0])?, int(cx, a[1])?, int(cx, a[2])?);
    let r = file.allocate(at, length);
    done(cx, r)
}

fn advise(cx: &mut Ctx, a: &[Term]) -> Res {
    let (file, at, length) = (handle(cx, a[0])?, int(cx, a[1])?, int(cx, a[2])?);
    let advice = match term::atom::as_text(a[3]) {
        Some("normal") => Advice::Normal,
        Some("random") => Advice::Random,
        Some("sequential") => Advice::Sequential,
        Some("will_need") => Advice::WillNeed,
        Some("dont_need") => Advice::DontNeed,
        Some("no_reuse") => Advice::NoReuse,
        // To the file system every other word is advice that it does not know.
        Some(_) => return Ok(posix(cx, Errno::EINVAL)),
        None => return Err(cx.badarg()),
    };
    let r = file.advise(at, length, advice);
    done(cx, r)
}

fn read_handle_info(cx: &mut Ctx, a: &[Term]) -> Res {
    let file = handle(cx, a[0])?;
    let r = file.info();
    file_info(cx, r)
}

/// The descriptor's number as bytes, as `prim_inet:sendfile` passes it on.
fn get_handle(cx: &mut Ctx, a: &[Term]) -> Res {
    let file = handle(cx, a[0])?;
    Ok(match file.raw_fd() {
        Some(fd) => cx.h().binary(&fd.to_ne_bytes()),
        None => posix(cx, Errno::EINVAL),
    })
}

/// What `dets` keeps on disk: at the offset stand a size and a place, and there the data.
fn ipread(cx: &mut Ctx, a: &[Term]) -> Res {
    let (file, at, max) = (handle(cx, a[0])?, int(cx, a[1])?, size(cx, a[2])?);
    let mut head = [0; 8];
    match file.pread(at, &mut head) {
        Ok(8) => {}
        Ok(_) => return Ok(am::EOF),
        Err(e) => return Ok(posix(cx, e)),
    }
    let number = |i: usize| u32::from_be_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]);
    let (length, place) = (number(0), number(4));
    if length as usize > max {
        return Ok(am::EOF);
    }
    let data = read_into(cx, length as usize, |buf| file.pread(place.into(), buf))?;
    let data = match data.as_tuple_n::<2>() {
        Some(&[am::OK, data]) => data,
        Some(_) => return Ok(data),
        None => am::EOF,
    };
    let found = cx.h().tuple(&[Term::small(length.into()), Term::small(place.into()), data]);
    Ok(cx.h().tuple(&[am::OK, found]))
}

const fn quick(function: &'static str, arity: u8, run: NativeFn) -> Native {
    Native::new("prim_file", function, arity, run).effect(Effect::Files).nif()
}

const fn slow(function: &'static str, arity: u8, run: NativeFn) -> Native {
    quick(function, arity, run).dirty(Dirty::Io)
}

pub const NATIVES: &[Native] = &[
    Native::new("file", "native_name_encoding", 0, native_name_encoding).effect(Effect::Node),
    Native::new("prim_file", "internal_name2native", 1, internal_name2native).effect(Effect::Node),
    Native::new("prim_file", "internal_native2name", 1, internal_native2name).effect(Effect::Node),
    Native::new("prim_file", "internal_normalize_utf8", 1, internal_normalize_utf8),
    Native::new("prim_file", "is_translatable", 1, is_translatable).effect(Effect::Node),
    slow("open_nif", 2, open),
    slow("file_desc_to_ref_nif", 1, file_desc_to_ref),
    slow("read_file_nif", 1, read_file).tried(),
    quick("read_info_nif", 2, read_info),
    quick("read_link_nif", 1, read_link),
    slow("list_dir_nif", 1, list_dir),
    quick("get_cwd_nif", 0, get_cwd),
    quick("get_device_cwd_nif", 1, get_device_cwd),
    quick("altname_nif", 1, altname),
    quick("set_cwd_nif", 1, set_cwd),
    slow("make_dir_nif", 1, make_dir),
    slow("del_file_nif", 1, del_file),
    slow("del_dir_nif", 1, del_dir),
    slow("make_hard_link_nif", 2, make_hard_link),
    slow("make_soft_link_nif", 2, make_soft_link),
    slow("rename_nif", 2, rename),
    slow("set_permissions_nif", 2, set_permissions),
    slow("set_owner_nif", 3, set_owner),
    slow("set_time_nif", 4, set_time),
    quick("close_nif", 1, close),
    quick("delayed_close_nif", 1, delayed_close),
    slow("read_nif", 2, read),
    slow("pread_nif", 3, pread),
    slow("write_nif", 2, write),
    slow("pwrite_nif", 3, pwrite),
    quick("seek_nif", 3, seek),
    slow("sync_nif", 2, sync),
    slow("truncate_nif", 1, truncate),
    slow("allocate_nif", 3, allocate),
    slow("advise_nif", 4, advise),
    quick("read_handle_info_nif", 1, read_handle_info),
    quick("get_handle_nif", 1, get_handle),
    slow("ipread_s32bu_p32bu_nif", 3, ipread),
];
