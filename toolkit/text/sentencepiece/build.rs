//! Compiles the C++ shim and links the trainer, which `sentencepiece-sys` builds but does not link.

fn main() {
    cc::Build::new().cpp(true).std("c++17").file("cpp/shim.cc").compile("glossa_sentencepiece_shim");
    // Its search path comes from the build script of sentencepiece-sys: cargo passes it on.
    println!("cargo:rustc-link-lib=static=sentencepiece_train");
    println!("cargo:rerun-if-changed=cpp/shim.cc");
    println!("cargo:rerun-if-changed=build.rs");
}
