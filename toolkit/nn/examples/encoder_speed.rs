//! Speed of ModernBERT on this machine with random weights and random tokens: the protocol and the line of
//! output that the comparison with transformers expects (docs/results.md). `--train` measures a step of
//! fine-tuning (forward, loss, backward, AdamW) in place of encoding; `--profile` also prints where the
//! time goes and the floor, the matrix products alone at their best rate.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints what it measured")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::optim::GradientsParams;
use burn::prelude::*;
use burn::tensor::DType;
use glossa_base::seed::{Purpose, Stream};
use glossa_nn::device::DeviceChoice;
use glossa_nn::half::in_half;
use glossa_nn::kernels::floor::{Product, ceiling, fastest, fastest_attention};
use glossa_nn::kernels::{AdamStep, AttentionShape, adam, adam_update, profile, updates_on};
use glossa_nn::modernbert::ModernBertConfig;
use glossa_nn::transformer::TransformerConfig;
use glossa_nn::{Aim, PackedTokens, Targets, Transformer, TransformerClassifier};

type Failure = Box<dyn std::error::Error>;

/// What to measure.
struct Options {
    size: String,
    config: ModernBertConfig,
    /// Tokens of each text; drawn from N(256, 64) where there is none.
    fixed: Option<usize>,
    texts: usize,
    batch: usize,
    threads: usize,
    runs: usize,
    device: DeviceChoice,
    train: bool,
    profile: bool,
    /// Sixteen bits in the products, 32 in the weights.
    bf16: bool,
}

impl Options {
    fn parse() -> Result<Self, Failure> {
        let mut numbers: HashMap<&str, usize> =
            [("fixed", 0), ("docs", 16), ("bs", 8), ("threads", 2), ("runs", 3)].into();
        let (mut size, mut flags, mut device) = ("base".to_owned(), [false; 4], DeviceChoice::Cpu);
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.trim_start_matches("--") {
                "variable" => flags[0] = true,
                "train" => flags[1] = true,
                "profile" => flags[2] = true,
                "bf16" => flags[3] = true,
                "device" => device = arguments.next().ok_or("--device needs a name")?.parse()?,
                "size" => size = arguments.next().ok_or("--size needs a name")?,
                name => {
                    let slot = numbers.get_mut(name).ok_or_else(|| format!("unknown flag {argument}"))?;
                    *slot = arguments.next().ok_or_else(|| format!("{argument} needs a number"))?.parse()?;
                }
            }
        }
        let config = match size.as_str() {
            "base" => ModernBertConfig::new(50_368, [768, 1152], 22, 12),
            "large" => ModernBertConfig::new(50_368, [1024, 2624], 28, 16),
            "mmbert-small" => ModernBertConfig::new(256_000, [384, 1152], 22, 6),
            "small" => ModernBertConfig::new(6_016, [256, 384], 6, 4),
            _ => return Err("--size is base, large, mmbert-small or small".into()),
        };
        let fixed = (!flags[0]).then_some(if numbers["fixed"] == 0 { 512 } else { numbers["fixed"] });
        let (texts, batch, threads, runs) =
            (numbers["docs"], numbers["bs"].max(1), numbers["threads"], numbers["runs"]);
        Ok(Options {
            size,
            config,
            fixed,
            texts,
            batch,
            threads,
            runs: runs.max(1),
            device,
            train: flags[1],
            profile: flags[2],
            bf16: flags[3],
        })
    }

    fn numbers(&self) -> DType {
        if self.bf16 { DType::BF16 } else { DType::F32 }
    }

    /// Batches of texts by rising length.
    fn batches(&self, device: &Device) -> Result<Vec<PackedTokens>, Failure> {
        let stream = Stream::new(0, Purpose::Sample, 0, 0);
        let normal = |index: u64| {
            let radius = (-2.0 * f64::from(1.0 - stream.uniform(2 * index)).ln()).sqrt();
            radius * (std::f64::consts::TAU * f64::from(stream.uniform(2 * index + 1))).cos()
        };
        let length = |index| self.fixed.unwrap_or((normal(index) * 64.0 + 256.0).clamp(16.0, 512.0) as usize);
        let text = |index: u64| -> Vec<u32> {
            let words = stream.part(index + 1);
            let most = self.config.vocab_size.min(16_000) - 100;
            (0..length(index) as u64).map(|at| 100 + words.below(at, most) as u32).collect()
        };
        let mut texts: Vec<Vec<u32>> = (0..self.texts as u64).map(text).collect();
        texts.sort_by_key(Vec::len);
        let pack = |batch: &[Vec<u32>]| PackedTokens::new(batch, self.config.vocab_size, device);
        Ok(texts.chunks(self.batch).map(pack).collect::<Result<_, _>>()?)
    }
}

/// AdamW without a schedule.
struct Optimizer {
    moments: HashMap<ParamId, (Vec<f32>, Vec<f32>)>,
    /// The same on a GPU, where they stay.
    on_device: HashMap<ParamId, [Tensor<1>; 2]>,
    gradients: GradientsParams,
    count: i32,
}

impl Optimizer {
    fn numbers(&self) -> AdamStep {
        AdamStep {
            scale: 1.0,
            first_beta: 0.9,
            second_beta: 0.98,
            rate: 1e-5 / (1.0 - 0.9_f64.powi(self.count)),
            second_correction: 1.0 / (1.0 - 0.98_f64.powi(self.count)),
            epsilon: 1e-6,
            coupled: 0.0,
            shrink: 1.0 - 1e-10,
        }
    }

    fn update_on_device(&mut self, id: ParamId, weights: Tensor<1>, gradient: Tensor<1>) -> Tensor<1> {
        let device = weights.device();
        let zeros = || Tensor::zeros(weights.dims(), &device);
        let moments = self.on_device.remove(&id).unwrap_or_else(|| [zeros(), zeros()]);
        let (weights, moments) = adam_update(weights, gradient, moments, Tensor::ones([2], &device), &self.numbers());
        self.on_device.insert(id, moments);
        weights
    }
}

impl ModuleMapper for Optimizer {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let (id, tensor, mapper) = param.consume();
        let (shape, device) = (tensor.dims(), tensor.device());
        if updates_on(&device) {
            let weights = self.update_on_device(id, tensor.detach().inner().reshape([-1]), gradient.reshape([-1]));
            return Param::from_mapped_value(id, Tensor::from_inner(weights.reshape(shape)).require_grad(), mapper);
        }
        let values = |tensor: Tensor<D>| tensor.into_data().try_into_vec::<f32>().unwrap_or_default();
        let (mut weights, gradient, step) = (values(tensor.detach().inner()), values(gradient), self.numbers());
        let zeros = || (vec![0.0; gradient.len()], vec![0.0; gradient.len()]);
        let (first, second) = self.moments.entry(id).or_insert_with(zeros);
        profile::timed("AdamW", || adam(&mut weights, &gradient, first, second, &step));
        let tensor = Tensor::from_data(TensorData::new(weights, shape), &device).require_grad();
        Param::from_mapped_value(id, tensor, mapper)
    }
}

fn encode_all(encoder: &Transformer, batches: &[PackedTokens], device: &Device) -> Result<Duration, Failure> {
    let started = Instant::now();
    for batch in batches {
        std::hint::black_box(encoder.encode(batch, None)?);
    }
    device.sync()?;
    Ok(started.elapsed())
}

fn train_all(
    mut model: TransformerClassifier,
    optimizer: &mut Optimizer,
    batches: &[PackedTokens],
    (device, bf16): (&Device, bool),
) -> Result<(TransformerClassifier, Duration), Failure> {
    let started = Instant::now();
    for batch in batches {
        let targets = Targets::Classes((0..batch.packing().sequence_count()).map(|text| text % 2).collect());
        let copy = if bf16 { Some(in_half(&model, DType::BF16)?) } else { None };
        let reader = copy.as_ref().unwrap_or(&model);
        let loss = reader.likelihood(reader.read_texts(batch, None)?, &Aim::at(&targets), None)?.loss;
        drop(copy);
        optimizer.gradients = GradientsParams::from_grads(loss.backward(), &model);
        optimizer.count += 1;
        model = model.map(optimizer);
    }
    device.sync()?;
    Ok((model, started.elapsed()))
}

/// The shortest of several runs, after one that warms up, and the number of runs.
fn measure(options: &Options) -> Result<(Duration, usize), Failure> {
    let device = options.device.open()?;
    let device = if options.train { device.autodiff() } else { device };
    let batches = options.batches(&device)?;
    let config = TransformerConfig::ModernBert(options.config.clone());
    let encoder = Transformer::new(&config, 0, &device);
    let copy = if options.bf16 { Some(in_half(&encoder, DType::BF16)?) } else { None };
    let mut best = Duration::MAX;
    let mut model = options.train.then(|| TransformerClassifier::new(encoder.clone(), 2, 0));
    let mut optimizer = Optimizer {
        moments: HashMap::new(),
        on_device: HashMap::new(),
        gradients: GradientsParams::default(),
        count: 0,
    };
    for run in 0..=options.runs {
        if run == 1 && options.profile {
            profile::start();
        }
        let time = match model.take() {
            Some(before) => {
                let (after, time) = train_all(before, &mut optimizer, &batches, (&device, options.bf16))?;
                model = Some(after);
                time
            }
            None => encode_all(copy.as_ref().unwrap_or(&encoder), &batches, &device)?,
        };
        if run > 0 {
            best = best.min(time);
        }
    }
    Ok((best, batches.iter().map(|batch| batch.packing().token_count()).sum()))
}

/// The matrix products of all batches alone, each at the best rate of this run.
fn floor(options: &Options) -> Result<f64, Failure> {
    let (width, inner, config) = (options.config.hidden_size, options.config.intermediate_size, &options.config);
    let kinds: &[Product] =
        if options.train { &[Product::Forward, Product::Input, Product::Weight] } else { &[Product::Forward] };
    let mut seconds = 0.0;
    for batch in options.batches(&Device::flex())? {
        let rows = batch.packing().token_count();
        for [inputs, outputs] in [[width, 3 * width], [width, width], [width, 2 * inner], [inner, width]] {
            for kind in kinds {
                let time = fastest(*kind, [rows, inputs, outputs], 3).as_secs_f64();
                seconds += time * config.num_hidden_layers as f64;
            }
        }
    }
    if !options.train {
        seconds += attention_floor(options)?;
    }
    Ok(seconds)
}

/// Attention's products alone, over the tiles of every layer.
fn attention_floor(options: &Options) -> Result<f64, Failure> {
    let (config, mut seconds) = (&options.config, 0.0);
    let local = (0..config.num_hidden_layers).filter(|layer| config.is_local(*layer)).count();
    for batch in options.batches(&Device::flex())? {
        for (layers, reach) in [(config.num_hidden_layers - local, None), (local, Some(config.local_attention / 2))] {
            let (packing, heads) = (batch.packing().clone(), config.num_attention_heads);
            let shape = AttentionShape { packing, heads, reach, rotation: None };
            let time = fastest_attention(&shape, config.hidden_size / heads, 3).as_secs_f64();
            seconds += time * layers as f64;
        }
    }
    Ok(seconds)
}

/// Operations in the products of all batches, attention's included.
fn operations(options: &Options) -> Result<f64, Failure> {
    let (config, mut sum) = (&options.config, 0.0);
    let (width, inner, layers) = (config.hidden_size, config.intermediate_size, config.num_hidden_layers);
    let local = (0..layers).filter(|layer| config.is_local(*layer)).count();
    for batch in options.batches(&Device::flex())? {
        for tokens in batch.packing().sequences().map(|tokens| tokens.len()) {
            let maps = layers * (4 * width * width + 3 * width * inner);
            let seen = (layers - local) * tokens + local * tokens.min(config.local_attention + 1);
            sum += 2.0 * tokens as f64 * (maps + 2 * width * seen) as f64;
        }
    }
    Ok(if options.train { 3.0 * sum } else { sum })
}

/// What the device does of what it does at its best, as a row of a table.
fn print_row(options: &Options, rate: f64, best: Duration) -> Result<(), Failure> {
    let (done, most) =
        (operations(options)? / best.as_secs_f64(), ceiling(&options.device.open()?, options.numbers())?);
    let what = if options.train { "training" } else { "encoding" };
    let length = options.fixed.map_or_else(|| "variable".to_owned(), |length| length.to_string());
    let numbers = if options.bf16 { "bf16" } else { "f32" };
    let (batch, share) = (options.batch, 100.0 * done / most);
    println!(
        "row|ModernBERT {}, {what}|{batch} x {length}|{numbers}|{rate:.0}|{:.3}|{:.3}|{share:.0} %",
        options.size,
        done / 1e12,
        most / 1e12
    );
    Ok(())
}

fn run() -> Result<(), Failure> {
    glossa_allocator::keep_freed_memory();
    let options = Options::parse()?;
    rayon::ThreadPoolBuilder::new().num_threads(options.threads).build_global()?;
    let (best, tokens) = measure(&options)?;
    let what = options.fixed.map_or_else(|| "variable".to_owned(), |length| length.to_string());
    println!(
        "glossa ModernBERT on {}{} {} {what}{}: best {:.0} tokens/s over {} documents",
        options.device,
        if options.bf16 { " in bf16" } else { "" },
        options.size,
        if options.train { " training" } else { "" },
        tokens as f64 / best.as_secs_f64(),
        options.texts
    );
    if options.device != DeviceChoice::Cpu {
        print_row(&options, tokens as f64 / best.as_secs_f64(), best)?;
    }
    if options.profile {
        for (name, spent) in profile::stop() {
            let time = spent.time.as_secs_f64() * 1e3 / options.runs as f64;
            println!("  {name}: {time:.1} ms in {} calls", spent.calls / options.runs as u64);
        }
        let floor = floor(&options)?;
        println!(
            "  run {:.1} ms, floor {:.1} ms, run / floor {:.3}",
            best.as_secs_f64() * 1e3,
            floor * 1e3,
            best.as_secs_f64() / floor
        );
    }
    Ok(())
}

fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
