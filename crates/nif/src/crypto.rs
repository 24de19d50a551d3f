//! Lists of algorithms for OTP's `crypto`. Its library walks its tables while the lowest bit of an atom's word is set, as it is on ERTS; here that
//! bit is 0, and the lists would be empty. So they are made by asking the library about each name; all else in it is as it is.

use crate::env::{Env, Within};
use crate::library::{Core, Found, NifFn};
use node::{Ctx, Dirty, Foreign, Stop};
use term::{Term, atom};

/// In the order of the lists.
const HASHES: &str = "shake256 shake128 sm3 sha512_256 sha512_224 blake2s blake2b sha3_512 sha3_384 sha3_256 sha3_224 sha512 sha384 sha256 sha224 sha \
    ripemd160 md5 md4";
const CIPHERS: &str = "sm4_ccm sm4_gcm sm4_ctr sm4_ofb sm4_cfb sm4_ecb sm4_cbc chacha20 aes_256_ofb aes_192_ofb aes_128_ofb blowfish_ecb blowfish_ofb64 \
    blowfish_cfb64 blowfish_cbc des_ede3_cfb des_ecb des_cfb des_cbc rc4 rc2_cbc aes_128_cbc aes_192_cbc aes_256_cbc aes_128_cfb128 aes_192_cfb128 \
    aes_256_cfb128 aes_128_cfb8 aes_192_cfb8 aes_256_cfb8 aes_128_ecb aes_192_ecb aes_256_ecb chacha20_poly1305 aes_256_gcm aes_256_ccm aes_192_gcm \
    aes_192_ccm aes_128_gcm aes_128_ccm aes_256_ctr aes_192_ctr aes_128_ctr des_ede3_cbc";
/// There is nothing to ask about these.
const MACS: &str = "cmac hmac poly1305";

/// If the function is one of the lists: the library's function (0: none) that tells about one name.
pub fn asks(module: Term, function: Term, arity: u8, found: &Found) -> Option<usize> {
    if module != atom!("crypto") || arity != 0 {
        return None;
    }
    let info = |name: &str| found.iter().find(|f| atom::text(f.0).strip_suffix("_nif").unwrap_or(atom::text(f.0)) == name && f.1 == 1).map(|f| f.2);
    match atom::text(function) {
        "hash_algorithms" => info("hash_info"),
        "cipher_algorithms" => info("cipher_info"),
        "mac_algorithms" => Some(0),
        _ => None,
    }
}

/// Stands for a function that lists.
pub fn list(cx: &mut Ctx, f: &'static Foreign, _: &[Term]) -> Result<Term, Stop> {
    let names = match atom::text(f.function) {
        "hash_algorithms" => HASHES,
        "cipher_algorithms" => CIPHERS,
        _ => MACS,
    };
    let known: Vec<Term> = names.split_ascii_whitespace().map(atom::intern).filter(|&name| f.address == 0 || is_known(cx, f, name)).collect();
    Ok(cx.h().list(&known))
}

/// A name that it knows and can use is answered by a map.
fn is_known(cx: &mut Ctx, f: &'static Foreign, name: Term) -> bool {
    let mut env = Env::of_process(cx, f.owner as *const Core, Dirty::No);
    // SAFETY: rule 3: the code that refers to `f` holds the library; rule 1 for the call.
    let answer = unsafe {
        let function: NifFn = std::mem::transmute(f.address);
        let _within = Within::new(&env);
        function(&mut env, 1, &name.raw())
    };
    if env.exception.take().is_some() || answer == crate::env::NONE {
        return false;
    }
    // SAFETY: rule 1.
    unsafe { Term::from_raw(answer) }.is_map()
}
