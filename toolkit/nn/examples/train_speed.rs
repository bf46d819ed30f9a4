//! Training speed of the language models on this machine: the same work as a training step (forward,
//! cross-entropy, backward, clip of the global norm, Adam, state carried) on random tokens, with the
//! flags and the line of output that the comparison with PyTorch expects (docs/results.md).
//!
//! With `--profile` it also prints where a step's time goes and the floor: the step's matrix products
//! alone, each at the best rate of this run.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints what it measured")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::prelude::*;
use burn::tensor::DType;
use glossa_base::seed::{Purpose, Stream};
use glossa_nn::device::DeviceChoice;
use glossa_nn::half::in_half;
use glossa_nn::kernels::floor::{Product, ceiling, fastest};
use glossa_nn::kernels::{AdamStep, adam, adam_update, profile, squares, updates_on};
use glossa_nn::state::State;
use glossa_nn::{Cell, Dropouts, EncoderConfig, LanguageModel, Noise, Tokens};

type Failure = Box<dyn std::error::Error>;

/// The limit of the gradients' norm.
const CLIP: f64 = 0.12;

/// What to measure.
struct Options {
    arch: String,
    config: EncoderConfig,
    batch: usize,
    time: usize,
    steps: usize,
    threads: usize,
    device: DeviceChoice,
    profile: bool,
    /// Sixteen bits in the products, 32 in the weights.
    bf16: bool,
}

impl Options {
    fn parse() -> Result<Self, Failure> {
        let mut numbers: HashMap<&str, usize> =
            [("vocab", 15000), ("emb", 400), ("hid", 0), ("layers", 0), ("bs", 50), ("bptt", 70), ("steps", 8)].into();
        numbers.insert("threads", 2);
        let (mut arch, mut profile, mut bf16, mut device) = ("qrnn".to_owned(), false, false, DeviceChoice::Cpu);
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let name = argument.trim_start_matches("--");
            match name {
                "profile" => profile = true,
                "bf16" => bf16 = true,
                "device" => device = arguments.next().ok_or("--device needs a name")?.parse()?,
                "arch" => arch = arguments.next().ok_or("--arch needs qrnn or lstm")?,
                _ => {
                    let slot = numbers.get_mut(name).ok_or_else(|| format!("unknown flag {argument}"))?;
                    *slot = arguments.next().ok_or_else(|| format!("{argument} needs a number"))?.parse()?;
                }
            }
        }
        let cell = match arch.as_str() {
            "qrnn" => Cell::Qrnn,
            "lstm" => Cell::AwdLstm,
            _ => return Err("--arch is qrnn or lstm".into()),
        };
        let or = |value: usize, qrnn: usize, lstm: usize| match (value, cell) {
            (0, Cell::Qrnn) => qrnn,
            (0, Cell::AwdLstm) => lstm,
            (value, _) => value,
        };
        let config = EncoderConfig {
            cell,
            vocabulary_size: numbers["vocab"],
            embedding_size: numbers["emb"],
            hidden_size: or(numbers["hid"], 1550, 1152),
            layer_count: or(numbers["layers"], 4, 3),
            zoneout: 0.0,
        };
        config.check()?;
        let (batch, time, steps) = (numbers["bs"], numbers["bptt"], numbers["steps"].max(1));
        Ok(Options { arch, config, batch, time, steps, threads: numbers["threads"], device, profile, bf16 })
    }

    fn numbers(&self) -> DType {
        if self.bf16 { DType::BF16 } else { DType::F32 }
    }

    /// The peer drops recurrent weights of the LSTM, as fastai does by default, and nothing else.
    fn dropouts(&self) -> Dropouts {
        let weight = if self.config.cell == Cell::AwdLstm { 0.15 } else { 0.0 };
        Dropouts { weight, ..Dropouts::NONE }
    }
}

/// Adam with a clip of the global norm over all parameters.
#[derive(Default)]
struct Optimizer {
    moments: HashMap<ParamId, (Vec<f32>, Vec<f32>)>,
    /// The same on a GPU, where they stay.
    on_device: HashMap<ParamId, [Tensor<1>; 2]>,
    count: i32,
    gradients: GradientsParams,
    squares: f64,
    squares_on_device: Option<Tensor<1>>,
}

impl Optimizer {
    fn step(&mut self, model: LanguageModel, gradients: GradientsParams) -> LanguageModel {
        (self.gradients, self.count) = (gradients, self.count + 1);
        (self.squares, self.squares_on_device) = (0.0, None);
        model.visit(self);
        model.map(self)
    }

    fn numbers(&self) -> AdamStep {
        let norm = self.squares.sqrt();
        AdamStep {
            scale: if norm > CLIP { CLIP / norm } else { 1.0 },
            first_beta: 0.8,
            second_beta: 0.99,
            rate: 1e-3 / (1.0 - 0.8_f64.powi(self.count)),
            second_correction: 1.0 / (1.0 - 0.99_f64.powi(self.count)),
            epsilon: 1e-8,
            coupled: 0.0,
            shrink: 1.0,
        }
    }

    fn update_on_device(&mut self, id: ParamId, weights: Tensor<1>, gradient: Tensor<1>) -> Tensor<1> {
        let device = weights.device();
        let zeros = || Tensor::zeros(weights.dims(), &device);
        let moments = self.on_device.remove(&id).unwrap_or_else(|| [zeros(), zeros()]);
        // The norm stays on the device: reading it would make the host wait.
        let limited = |squares: &Tensor<1>| (squares.clone().sqrt().recip() * CLIP).clamp_max(1.0);
        let one = || Tensor::ones([1], &device);
        let factors = vec![self.squares_on_device.as_ref().map_or_else(one, limited), one()];
        let (weights, moments) = adam_update(weights, gradient, moments, Tensor::cat(factors, 0), &self.numbers());
        self.on_device.insert(id, moments);
        weights
    }
}

impl ModuleVisitor for Optimizer {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.get::<D>(param.id) else { return };
        if updates_on(&gradient.device()) {
            let sum = (gradient.clone() * gradient).sum();
            self.squares_on_device = Some(self.squares_on_device.take().map_or(sum.clone(), |before| before + sum));
            return;
        }
        self.squares += gradient.into_data().as_slice::<f32>().map_or(0.0, squares);
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
        profile::timed("clip and Adam", || adam(&mut weights, &gradient, first, second, &step));
        let tensor = Tensor::from_data(TensorData::new(weights, shape), &device).require_grad();
        Param::from_mapped_value(id, tensor, mapper)
    }
}

/// One step on fresh random tokens: the model, its state, and the wall time.
fn step(
    model: LanguageModel,
    state: Option<State>,
    optimizer: &mut Optimizer,
    options: &Options,
    index: u64,
    device: &Device,
) -> Result<(LanguageModel, State, Duration), Failure> {
    let (shape, vocabulary) = ([options.batch, options.time], options.config.vocabulary_size);
    let draw = |part| {
        let stream = Stream::new(0, Purpose::Sample, index, part);
        let ids: Vec<u32> =
            (0..shape[0] * shape[1]).map(|place| stream.below(place as u64, vocabulary) as u32).collect();
        Tokens::new(&ids, shape, vocabulary, device)
    };
    let (tokens, targets) = (draw(0)?, draw(1)?);
    let started = Instant::now();
    let noise = Noise { dropouts: options.dropouts(), stream: Stream::new(0, Purpose::Dropout, 0, index) };
    let copy = if options.bf16 { Some(in_half(&model, options.numbers())?) } else { None };
    let loss = copy.as_ref().unwrap_or(&model).loss(&tokens, &targets, state.as_ref(), Some(noise), 0.0)?;
    drop(copy);
    let state = loss.encoded.state;
    drop((loss.encoded.raw, loss.encoded.dropped));
    let gradients = GradientsParams::from_grads(loss.loss.backward(), &model);
    let model = optimizer.step(model, gradients);
    device.sync()?;
    Ok((model, state, started.elapsed()))
}

/// The products of a step as rows, inputs, outputs, and how many of each there are.
fn products(options: &Options) -> Vec<([usize; 3], Vec<Product>, usize)> {
    use Product::{Forward, Input, Weight};
    let (rows, config) = (options.batch * options.time, &options.config);
    let mut products = vec![([rows, config.embedding_size, config.vocabulary_size], vec![Forward, Input, Weight], 1)];
    for (layer, (inputs, outputs)) in config.layer_sizes().into_iter().enumerate() {
        match config.cell {
            Cell::Qrnn => {
                let window = if layer == 0 { 2 } else { 1 };
                products.push(([rows, window * inputs, 3 * outputs], vec![Forward, Input, Weight], 1));
            }
            Cell::AwdLstm => {
                products.push(([rows, inputs, 4 * outputs], vec![Forward, Input, Weight], 1));
                // Both recurrent products multiply by a matrix as it lies in memory.
                products.push(([options.batch, 4 * outputs, outputs], vec![Input], options.time));
                products.push(([options.batch, outputs, 4 * outputs], vec![Input], options.time));
                products.push(([rows, outputs, 4 * outputs], vec![Weight], 1));
            }
        }
    }
    products
}

/// Operations of a step in its products, and the share of what the device does at its best, as a row of a table.
fn print_row(options: &Options, step: Duration, device: &Device) -> Result<(), Failure> {
    let operations: f64 = products(options)
        .into_iter()
        .map(|(shape, kinds, count)| 2.0 * shape.iter().product::<usize>() as f64 * (kinds.len() * count) as f64)
        .sum();
    let (done, most) = (operations / step.as_secs_f64(), ceiling(device, options.numbers())?);
    let Options { arch, batch, time, .. } = options;
    let (rate, numbers) = ((batch * time) as f64 / step.as_secs_f64(), if options.bf16 { "bf16" } else { "f32" });
    let share = 100.0 * done / most;
    println!(
        "row|{arch}, training|{batch} x {time}|{numbers}|{rate:.0}|{:.3}|{:.3}|{share:.0} %",
        done / 1e12,
        most / 1e12
    );
    Ok(())
}

fn print_profile(options: &Options, step: Duration, steps: usize) {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let mut floor = 0.0;
    println!("\nproducts of a step (rows, inputs, outputs), ms and GFLOP/s at their best:");
    for (shape, kinds, count) in products(options) {
        for kind in kinds {
            let time = milliseconds(fastest(kind, shape, if count > 1 { 20 } else { 3 }));
            let rate = 2e-6 * shape.iter().product::<usize>() as f64 / time;
            floor += time * count as f64;
            println!("  {kind:?} {shape:?} x {count}: {:.1} ms, {rate:.0}", time * count as f64);
        }
    }
    println!("\nkernels, ms a step:");
    let mut inside = 0.0;
    for (name, spent) in profile::stop() {
        let time = milliseconds(spent.time) / steps as f64;
        inside += time;
        println!("  {name}: {time:.1} in {} calls", spent.calls / steps as u64);
    }
    let step = milliseconds(step);
    println!(
        "\nstep {step:.1} ms, floor {floor:.1} ms, step / floor {:.3}; outside of kernels {:.1} ms",
        step / floor,
        step - inside
    );
}

/// The largest resident size so far, in MB (0 where the system does not say).
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|size| size.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn run() -> Result<(), Failure> {
    glossa_allocator::keep_freed_memory();
    let options = Options::parse()?;
    rayon::ThreadPoolBuilder::new().num_threads(options.threads).build_global()?;
    let device = options.device.open()?.autodiff();
    let mut model = LanguageModel::new(&options.config, 0, &device);
    let (mut optimizer, mut state, mut times) = (Optimizer::default(), None, Vec::new());
    for index in 0..options.steps as u64 + 2 {
        if options.profile && index == 2 {
            profile::start();
        }
        let (next, after, time) = step(model, state, &mut optimizer, &options, index, &device)?;
        (model, state) = (next, Some(after));
        if index > 1 {
            times.push(time);
        }
    }
    times.sort();
    let rate = |time: Duration| (options.batch * options.time) as f64 / time.as_secs_f64();
    let (config, median) = (&options.config, times[times.len() / 2]);
    println!(
        "glossa {} on {}{} {} emb {} hid {} layers {} vocab {} bs {} bptt {}: median {:.0} best {:.0} tokens/s, peak {:.0} MB, {:.1} M parameters",
        env!("CARGO_PKG_VERSION"),
        options.device,
        if options.bf16 { " in bf16" } else { "" },
        options.arch,
        config.embedding_size,
        config.hidden_size,
        config.layer_count,
        config.vocabulary_size,
        options.batch,
        options.time,
        rate(median),
        rate(times[0]),
        peak(),
        model.num_params() as f64 / 1e6
    );
    if options.device != DeviceChoice::Cpu {
        print_row(&options, median, &options.device.open()?)?;
    }
    if options.profile {
        print_profile(&options, median, options.steps);
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
