//! Compiles what Rust cannot say: the interface's functions with variable arguments.

fn main() {
    println!("cargo:rerun-if-changed=src/shim.c");
    cc::Build::new().file("src/shim.c").warnings(true).opt_level(2).compile("ferrobeam_nif_shim");
}
