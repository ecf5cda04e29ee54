//! The `alertbridge` binary: hands over to the command line and returns its exit code.

use std::process::ExitCode;

/// Records are made on the consumer's thread and freed on others, which costs the C library's allocator dearly (ADR
/// 0017).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    alertbridge::cli::main()
}
