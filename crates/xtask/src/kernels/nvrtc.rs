//! NVIDIA's compiler as a library, opened from where the packages were unpacked. Nine of its functions,
//! called in the order that its manual gives.
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;

use anyhow::{Context, Result, bail};
use libloading::Library;

type Program = *mut c_void;
type Create = unsafe extern "C" fn(
    *mut Program,
    *const c_char,
    *const c_char,
    c_int,
    *const *const c_char,
    *const *const c_char,
) -> c_int;
type Compile = unsafe extern "C" fn(Program, c_int, *const *const c_char) -> c_int;
type Size = unsafe extern "C" fn(Program, *mut usize) -> c_int;
type Bytes = unsafe extern "C" fn(Program, *mut c_char) -> c_int;
type Destroy = unsafe extern "C" fn(*mut Program) -> c_int;
type Words = unsafe extern "C" fn(c_int) -> *const c_char;

pub struct Nvrtc {
    create: Create,
    compile: Compile,
    log: (Size, Bytes),
    cubin: (Size, Bytes),
    ptx: (Size, Bytes),
    destroy: Destroy,
    words: Words,
    /// Kept open as long as its functions are.
    _library: Library,
}

impl Nvrtc {
    /// # Errors
    /// When it is no such library.
    pub fn open(path: &Path) -> Result<Self> {
        // SAFETY: the library of a package whose hash was checked; the types are those of nvrtc.h.
        unsafe {
            let library = Library::new(path).with_context(|| format!("open {}", path.display()))?;
            Ok(Self {
                create: *library.get(b"nvrtcCreateProgram")?,
                compile: *library.get(b"nvrtcCompileProgram")?,
                log: (*library.get(b"nvrtcGetProgramLogSize")?, *library.get(b"nvrtcGetProgramLog")?),
                cubin: (*library.get(b"nvrtcGetCUBINSize")?, *library.get(b"nvrtcGetCUBIN")?),
                ptx: (*library.get(b"nvrtcGetPTXSize")?, *library.get(b"nvrtcGetPTX")?),
                destroy: *library.get(b"nvrtcDestroyProgram")?,
                words: *library.get(b"nvrtcGetErrorString")?,
                _library: library,
            })
        }
    }

    /// Compiles a source to a cubin, or to PTX.
    ///
    /// # Errors
    /// With the compiler's own messages.
    pub fn compile(&self, source: &str, name: &str, options: &[String], ptx: bool) -> Result<Vec<u8>> {
        let (source, name) = (CString::new(source)?, CString::new(name)?);
        let options: Vec<CString> =
            options.iter().map(|option| CString::new(option.as_str())).collect::<Result<_, _>>()?;
        let options: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        let mut program = ptr::null_mut();
        // SAFETY: texts that end with a zero and live through the call; no headers.
        self.check(unsafe {
            (self.create)(&raw mut program, source.as_ptr(), name.as_ptr(), 0, ptr::null(), ptr::null())
        })?;
        // SAFETY: a program that was just made, and as many options as are named.
        let compiled = unsafe { (self.compile)(program, options.len() as c_int, options.as_ptr()) };
        let result = self.result(program, compiled, ptx);
        // SAFETY: nothing uses the program any more.
        let _ = unsafe { (self.destroy)(&raw mut program) };
        result
    }

    fn result(&self, program: Program, compiled: c_int, ptx: bool) -> Result<Vec<u8>> {
        let log = self.read(program, self.log)?;
        let log = String::from_utf8_lossy(&log);
        let log = log.trim_end_matches('\0').trim();
        if compiled != 0 {
            bail!("{log}");
        }
        if !log.is_empty() {
            println!("{log}");
        }
        let mut image = self.read(program, if ptx { self.ptx } else { self.cubin })?;
        // PTX is text that ends with a zero, which who loads it adds again.
        if ptx && image.last() == Some(&0) {
            image.pop();
        }
        Ok(image)
    }

    fn read(&self, program: Program, (size, bytes): (Size, Bytes)) -> Result<Vec<u8>> {
        let mut count = 0;
        // SAFETY: a program of this library; the second call writes as many bytes as the first one said.
        unsafe {
            self.check(size(program, &raw mut count))?;
            let mut out = vec![0; count];
            self.check(bytes(program, out.as_mut_ptr().cast()))?;
            Ok(out)
        }
    }

    fn check(&self, code: c_int) -> Result<()> {
        if code != 0 {
            // SAFETY: the library's own text, which is never freed.
            let words = unsafe { CStr::from_ptr((self.words)(code)) };
            bail!("the compiler of the kernels: {}", words.to_string_lossy());
        }
        Ok(())
    }
}
