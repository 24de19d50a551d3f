//! Lets loaded libraries find the functions of the C interfaces in the executable.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for symbols in ["enif_*", "driver_*", "erl_drv_*", "set_busy_port", "set_port_control_flags", "get_port_flags", "null_func"] {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbols}");
    }
}
