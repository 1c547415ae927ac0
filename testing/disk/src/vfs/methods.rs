//! The file system in SQLite's terms: <https://www.sqlite.org/c3ref/vfs.html> and <https://www.sqlite.org/c3ref/io_methods.html>.
//!
//! A file of ours is followed in memory by the one of SQLite's own file system; each method asks the device first and passes
//! the call on to that.

#![allow(unsafe_code, reason = "SQLite calls a file system through C function pointers")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use super::{Call, Device, device_of};

/// A file of ours. The real one comes right behind it: SQLite allocates `szOsFile` bytes for both, aligned for either.
#[repr(C)]
struct File {
    base: sqlite3_file,
    /// From `Arc::into_raw`; null if it is on no device of ours.
    device: *const Device,
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    // Without `xFetch`: nothing is mapped but the index of the write-ahead log.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Puts the file system in place, as the default one; what SQLite says to it.
pub(super) fn install() -> c_int {
    // SAFETY: both functions may be called at any time and initialise SQLite themselves.
    let real = unsafe {
        ffi::sqlite3_initialize();
        ffi::sqlite3_vfs_find(ptr::null())
    };
    if real.is_null() {
        return ffi::SQLITE_ERROR;
    }
    // SAFETY: SQLite's own file system is a static of its, initialised and never written to after registration, except for the
    // link to the next one, which a copy does not use.
    let mut ours = unsafe { ptr::read(real) };
    // What is not replaced here does not look at the file system that it is called through (`os_unix.c`).
    ours.iVersion = ours.iVersion.min(3);
    let Ok(length) = c_int::try_from(size_of::<File>()) else { return ffi::SQLITE_ERROR };
    ours.szOsFile += length;
    ours.zName = c"gymhook-faulty".as_ptr();
    ours.pNext = ptr::null_mut();
    ours.pAppData = real.cast();
    ours.xOpen = Some(open);
    ours.xDelete = Some(delete);
    let ours = Box::into_raw(Box::new(ours));
    // SAFETY: it is never freed, and is whole.
    unsafe { ffi::sqlite3_vfs_register(ours, 1) }
}

/// # Safety
/// `vfs` is ours, as [`install`] made it.
const unsafe fn real_vfs(vfs: *mut sqlite3_vfs) -> *mut sqlite3_vfs {
    // SAFETY: as the caller says.
    unsafe { (*vfs).pAppData.cast::<sqlite3_vfs>() }
}

/// # Safety
/// `file` is one of ours.
unsafe fn real(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: there are `szOsFile` bytes, of which ours are the first.
    unsafe { file.cast::<File>().add(1).cast() }
}

/// The real file's methods.
///
/// # Safety
/// `file` is one of ours, and open.
unsafe fn methods<'f>(file: *mut sqlite3_file) -> &'f sqlite3_io_methods {
    // SAFETY: an open file's methods are a static of SQLite's.
    unsafe { &*(*real(file)).pMethods }
}

/// Makes a call on a file, through its device if it has one.
///
/// # Safety
/// `file` is one of ours, and open.
unsafe fn through(
    file: *mut sqlite3_file,
    call: Call,
    whole: impl FnOnce() -> c_int,
    half: impl FnOnce(),
) -> c_int {
    // SAFETY: the device is held by the file until it is closed.
    match unsafe { (*file.cast::<File>()).device.as_ref() } {
        Some(device) => device.call(call, whole, half),
        None => whole(),
    }
}

/// The path that SQLite was asked to open or to remove.
///
/// # Safety
/// `name` is null or ends with a zero byte.
unsafe fn device_at(name: *const c_char) -> Option<Arc<Device>> {
    if name.is_null() {
        return None;
    }
    // SAFETY: as the caller says.
    let name = unsafe { CStr::from_ptr(name) };
    device_of(Path::new(OsStr::from_bytes(name.to_bytes())))
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives the file system that it calls, a name as long as the file is open, and `szOsFile` bytes.
    unsafe {
        let (vfs, device) = (real_vfs(vfs), device_at(name));
        // Until it is open: SQLite does not close what has no methods.
        (*file).pMethods = ptr::null();
        (*real(file)).pMethods = ptr::null();
        let open = (*vfs).xOpen;
        let whole = || open.map_or(ffi::SQLITE_CANTOPEN, |open| open(vfs, name, real(file), flags, out));
        let code = match &device {
            Some(device) => device.call(Call::Open, whole, || ()),
            None => whole(),
        };
        if code == ffi::SQLITE_OK {
            (*file.cast::<File>()).device = device.map_or(ptr::null(), Arc::into_raw);
            (*file).pMethods = &raw const METHODS;
        } else if let Some(methods) = (*real(file)).pMethods.as_ref()
            && let Some(close) = methods.xClose
        {
            close(real(file));
        }
        code
    }
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: SQLite gives the file system that it calls, and a name.
    unsafe {
        let vfs = real_vfs(vfs);
        let delete = (*vfs).xDelete;
        let device = device_at(name);
        let whole = || delete.map_or(ffi::SQLITE_IOERR_DELETE, |delete| delete(vfs, name, sync_folder));
        match &device {
            Some(device) => device.call(Call::Delete, whole, || ()),
            None => whole(),
        }
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes an open file of ours once.
    unsafe {
        let code = methods(file).xClose.map_or(ffi::SQLITE_OK, |close| close(real(file)));
        let device = ptr::replace(&raw mut (*file.cast::<File>()).device, ptr::null());
        if !device.is_null() {
            drop(Arc::from_raw(device));
        }
        (*file).pMethods = ptr::null();
        code
    }
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    buffer: *mut c_void,
    amount: c_int,
    offset: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite gives an open file of ours and a buffer of that length.
    unsafe {
        let read = methods(file).xRead;
        let whole = || read.map_or(ffi::SQLITE_IOERR_READ, |read| read(real(file), buffer, amount, offset));
        through(file, Call::Read, whole, || ())
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    amount: c_int,
    offset: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite gives an open file of ours and that number of bytes.
    unsafe {
        let write = methods(file).xWrite;
        let some =
            |amount| write.map_or(ffi::SQLITE_IOERR_WRITE, |write| write(real(file), bytes, amount, offset));
        through(file, Call::Write, || some(amount), || _ = some(amount / 2))
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives an open file of ours.
    unsafe {
        let truncate = methods(file).xTruncate;
        let whole = || truncate.map_or(ffi::SQLITE_IOERR_TRUNCATE, |truncate| truncate(real(file), size));
        through(file, Call::Truncate, whole, || ())
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite gives an open file of ours.
    unsafe {
        let sync = methods(file).xSync;
        let whole = || sync.map_or(ffi::SQLITE_IOERR_FSYNC, |sync| sync(real(file), flags));
        through(file, Call::Sync, whole, || ())
    }
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives an open file of ours and room for a number.
    unsafe {
        let file_size = methods(file).xFileSize;
        let whole = || file_size.map_or(ffi::SQLITE_IOERR_FSTAT, |file_size| file_size(real(file), size));
        through(file, Call::FileSize, whole, || ())
    }
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite gives an open file of ours.
    unsafe {
        let lock = methods(file).xLock;
        let whole = || lock.map_or(ffi::SQLITE_IOERR_LOCK, |lock| lock(real(file), level));
        through(file, Call::Lock, whole, || ())
    }
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite gives an open file of ours.
    unsafe { methods(file).xUnlock.map_or(ffi::SQLITE_OK, |unlock| unlock(real(file), level)) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, found: *mut c_int) -> c_int {
    // SAFETY: SQLite gives an open file of ours and room for a number.
    unsafe {
        let check = methods(file).xCheckReservedLock;
        check.map_or(ffi::SQLITE_IOERR_CHECKRESERVEDLOCK, |check| check(real(file), found))
    }
}

unsafe extern "C" fn file_control(file: *mut sqlite3_file, what: c_int, argument: *mut c_void) -> c_int {
    // SAFETY: SQLite gives an open file of ours, and the argument that goes with `what`.
    unsafe {
        let control = methods(file).xFileControl;
        control.map_or(ffi::SQLITE_NOTFOUND, |control| control(real(file), what, argument))
    }
}

unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite gives an open file of ours.
    unsafe { methods(file).xSectorSize.map_or(0, |size| size(real(file))) }
}

unsafe extern "C" fn device_characteristics(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite gives an open file of ours.
    unsafe { methods(file).xDeviceCharacteristics.map_or(0, |characteristics| characteristics(real(file))) }
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    mapped: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite gives an open file of ours and room for a pointer.
    unsafe {
        let map = methods(file).xShmMap;
        let whole =
            || map.map_or(ffi::SQLITE_IOERR_SHMMAP, |map| map(real(file), region, size, extend, mapped));
        through(file, Call::ShmMap, whole, || ())
    }
}

unsafe extern "C" fn shm_lock(file: *mut sqlite3_file, offset: c_int, number: c_int, flags: c_int) -> c_int {
    // SAFETY: SQLite gives an open file of ours.
    unsafe {
        let lock = methods(file).xShmLock;
        let whole = || lock.map_or(ffi::SQLITE_IOERR_SHMLOCK, |lock| lock(real(file), offset, number, flags));
        // Nobody may fail to unlock.
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 { whole() } else { through(file, Call::ShmLock, whole, || ()) }
    }
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: SQLite gives an open file of ours.
    unsafe {
        if let Some(barrier) = methods(file).xShmBarrier {
            barrier(real(file));
        }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: SQLite gives an open file of ours.
    unsafe { methods(file).xShmUnmap.map_or(ffi::SQLITE_OK, |unmap| unmap(real(file), delete)) }
}
