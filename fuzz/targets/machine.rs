//! Machine code from disk: what is no entry is refused, what is one is written again as it was, and nothing outside of the code is filled in.
//! Bytes are also taken as an entry's body, under the checksum that it would have.
#![no_main]

use jit::cache::{entries, seal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut sealed = Vec::new();
    seal(data, &mut sealed);
    for bytes in [data, &sealed] {
        let (all, _) = entries(bytes);
        let mut again = Vec::new();
        all.iter().for_each(|e| e.write(&mut again));
        assert!(bytes.starts_with(&again));
        for e in all {
            if let Some(code) = e.object.link(&[], std::ptr::null(), 0) {
                assert_eq!(code.len(), e.object.code.len());
            }
        }
    }
});
