//! `glossa doctor`: devices, versions, caches, and what is missing.

use std::path::PathBuf;

use glossa_base::{Failure, Kind, Outcome};
use glossa_nn::device::{CudaSetup, cuda_count, wgpu_count};
use glossa_nn::kernels::check::{self, Reference};
use serde::Serialize;

use crate::arguments::DoctorArguments;
use crate::context::Context;

#[derive(Serialize)]
struct Finding {
    name: &'static str,
    value: String,
    /// What to do, where something is missing.
    missing: Option<String>,
}

pub(super) fn run(arguments: &DoctorArguments, context: &Context) -> Outcome<()> {
    if arguments.gradients { gradients(context) } else { survey(context) }
}

/// Checks of one operation against one reference, together.
#[derive(Serialize)]
struct Row {
    operation: &'static str,
    reference: String,
    checks: usize,
    largest_error: f64,
    limit: f64,
    passed: bool,
}

fn gradients(context: &Context) -> Outcome<()> {
    let checks = check::run(&context.device.open()?)?;
    let mut rows: Vec<Row> = Vec::new();
    for check in &checks {
        let reference = match check.reference {
            Reference::Differences => "central differences",
            Reference::Jacobian => "full Jacobian",
            Reference::Autodiff => "op-by-op autodiff",
            Reference::Processor => "the CPU's kernels",
        };
        let reference = format!("{reference}, {}", check.number);
        let mine = |row: &&mut Row| row.operation == check.operation && row.reference == reference;
        match rows.iter_mut().find(mine) {
            Some(row) => {
                row.checks += 1;
                row.largest_error = if check.error.is_nan() { f64::NAN } else { row.largest_error.max(check.error) };
                row.passed &= check.passed();
            }
            None => rows.push(Row {
                operation: check.operation,
                reference,
                checks: 1,
                largest_error: check.error,
                limit: check.limit,
                passed: check.passed(),
            }),
        }
    }
    let line = |row: &Row| {
        let verdict = if row.passed { "passed" } else { "FAILED" };
        let Row { operation, reference, checks, largest_error, limit, .. } = row;
        format!("{operation:<18}{reference:<26}{checks:>6}  {largest_error:>9.1e}  {limit:>7.0e}  {verdict}\n")
    };
    let heading = format!("{:<18}{:<26}{:>6}  {:>9}  {:>7}\n", "operation", "against", "checks", "error", "limit");
    let table: String = std::iter::once(heading).chain(rows.iter().map(line)).collect();
    context.emit(&serde_json::json!({"device": context.device.to_string(), "gradients": rows}), &table)?;
    match rows.iter().find(|row| !row.passed) {
        None => Ok(()),
        Some(row) => {
            Err(Failure::new(Kind::Failed, format!("the gradient of {} is wrong on this device", row.operation))
                .hint("train on another device, and report this table with the output of `glossa doctor`"))
        }
    }
}

fn survey(context: &Context) -> Outcome<()> {
    let findings = vec![
        version(),
        processor(),
        cuda(),
        wgpu(),
        memory(),
        temporary_folder(),
        model_cache(),
        languages(),
        presets(),
    ];
    let lines: String = findings
        .iter()
        .map(|finding| {
            let advice =
                finding.missing.as_ref().map(|advice| format!("\n{:<12}  -> {advice}", "")).unwrap_or_default();
            format!("{:<12}{}{advice}\n", finding.name, finding.value)
        })
        .collect();
    context.emit(&serde_json::json!({"findings": findings}), &lines)
}

fn found(name: &'static str, value: String) -> Finding {
    Finding { name, value, missing: None }
}

fn version() -> Finding {
    found("glossa", format!("{} ({} {})", glossa_base::TOOL_VERSION, std::env::consts::OS, std::env::consts::ARCH))
}

fn processor() -> Finding {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    #[cfg(target_arch = "x86_64")]
    let features = [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("AVX-512", is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let features: [(&str, bool); 0] = [];
    let names: Vec<&str> = features.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    found("cpu", format!("{threads} threads {}", names.join(" ")))
}

fn cuda() -> Finding {
    let setup = CudaSetup::here();
    let advice = |text: &str| Some(text.to_owned());
    let (value, missing) = match cuda_count() {
        None => {
            ("not in this build".to_owned(), advice("for an NVIDIA GPU, build with `make cuda`; the CPU needs nothing"))
        }
        Some(0) => (
            "no device".to_owned(),
            advice("the NVIDIA driver (libcuda) is missing or finds no GPU; computing on the CPU"),
        ),
        Some(count) => (
            format!(
                "{count} device(s): {}{}",
                (0..count).map(|index| format!("cuda:{index}")).collect::<Vec<_>>().join(" "),
                setup.driver().map(|version| format!(", driver {version}")).unwrap_or_default()
            ),
            setup.problem().map(|problem| format!("{problem}: {}", problem.hint())),
        ),
    };
    Finding { name: "cuda", value, missing }
}

fn wgpu() -> Finding {
    let (value, missing) = match wgpu_count() {
        None => ("not in this build".to_owned(), Some("for a GPU of another maker, build with `make wgpu`".to_owned())),
        Some(0) => ("no device".to_owned(), Some("no driver for Vulkan, Metal, DirectX or OpenGL is here".to_owned())),
        Some(count) => (format!("{count} device(s)"), None),
    };
    Finding { name: "wgpu", value, missing }
}

fn memory() -> Finding {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|word| word.parse::<f64>().ok());
    found(
        "memory",
        kilobytes.map_or_else(|| "unknown".to_owned(), |size| format!("{:.1} GiB available", size / 1024.0 / 1024.0)),
    )
}

fn temporary_folder() -> Finding {
    let folder = std::env::temp_dir();
    let writable = std::fs::metadata(&folder).is_ok_and(|metadata| !metadata.permissions().readonly());
    let missing = (!writable).then(|| "set TMPDIR to a folder that can be written".to_owned());
    Finding { name: "temporary", value: folder.display().to_string(), missing }
}

fn model_cache() -> Finding {
    let home = std::env::var_os("HF_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cache/huggingface")));
    let value = home.map_or_else(
        || "no home folder".to_owned(),
        |path| format!("{} (used when models are pulled)", path.join("hub").display()),
    );
    found("cache", value)
}

fn languages() -> Finding {
    found("languages", format!("{} built in", glossa_languages::codes().count()))
}

fn presets() -> Finding {
    found("presets", glossa_recipes::recipe::preset_names().collect::<Vec<_>>().join(", "))
}
