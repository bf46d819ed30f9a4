//! Checkpoints: when one is due, and where it is kept. [`folder`] writes and reads them on the disk.
//!
//! Two are kept: the newest, and the newest *anchor*, which stands at a step that depends on nothing but
//! the number of steps, so that a roll-back goes to the same place whether or not training was interrupted.

pub mod folder;

use std::time::{Duration, Instant};

use glossa_base::{Outcome, Progress};

use crate::snapshot::Snapshot;
pub use folder::CheckpointFolder;

/// Steps between two anchors.
pub const ANCHOR_STEPS: usize = 500;

/// How often a checkpoint is written besides anchors and interruptions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Interval {
    /// Never.
    Never,
    /// So many steps.
    Steps(usize),
    /// So much time.
    Time(Duration),
}

impl Default for Interval {
    fn default() -> Self {
        Interval::Time(Duration::from_secs(300))
    }
}

/// Moments at which a checkpoint may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Before a step.
    Step,
    /// After the last step of an epoch, before its validation.
    Epoch,
}

/// The checkpoints of a training: on the disk, or an anchor in memory.
pub struct Checkpoints<'a> {
    folder: Option<&'a CheckpointFolder>,
    interval: Interval,
    /// The last anchor, where there is no folder.
    anchor: Option<Snapshot>,
    /// The end of the epoch's training, while it is validated.
    epoch: Option<(usize, Snapshot)>,
    last_step: usize,
    last_time: Instant,
}

impl Default for Checkpoints<'_> {
    fn default() -> Self {
        Checkpoints {
            folder: None,
            interval: Interval::Never,
            anchor: None,
            epoch: None,
            last_step: 0,
            last_time: Instant::now(),
        }
    }
}

impl<'a> Checkpoints<'a> {
    /// Checkpoints in a folder.
    pub fn new(folder: &'a CheckpointFolder, interval: Interval) -> Self {
        Checkpoints { folder: Some(folder), interval, ..Checkpoints::default() }
    }

    /// The newest checkpoint, if there is one.
    pub(crate) fn load(&mut self, progress: &dyn Progress) -> Outcome<Option<Snapshot>> {
        self.folder.map_or(Ok(None), |folder| folder.load(false, progress))
    }

    /// The newest anchor, if there is one.
    pub(crate) fn anchor(&mut self, progress: &dyn Progress) -> Outcome<Option<Snapshot>> {
        self.epoch = None;
        self.folder.map_or_else(|| Ok(self.anchor.clone()), |folder| folder.load(true, progress))
    }

    /// Whether something is to be kept now.
    pub(crate) fn is_due(&self, moment: Keep, step: usize, stopping: bool) -> bool {
        match (moment, self.folder) {
            (Keep::Step, None) => step.is_multiple_of(ANCHOR_STEPS),
            (Keep::Step, Some(_)) => stopping || step.is_multiple_of(ANCHOR_STEPS) || self.interval_is_over(step),
            (Keep::Epoch, folder) => folder.is_some(),
        }
    }

    fn interval_is_over(&self, step: usize) -> bool {
        match self.interval {
            Interval::Never => false,
            Interval::Steps(steps) => step >= self.last_step + steps.max(1),
            Interval::Time(time) => self.last_time.elapsed() >= time,
        }
    }

    /// Keeps a snapshot, on the disk unless it is that of an epoch's end, which is written when it is
    /// needed.
    pub(crate) fn keep(&mut self, moment: Keep, step: usize, snapshot: Snapshot, stopping: bool) -> Outcome<()> {
        match (self.folder, moment) {
            (None, _) => self.anchor = Some(snapshot),
            (Some(_), Keep::Epoch) if !stopping && !self.interval_is_over(step) => self.epoch = Some((step, snapshot)),
            (Some(folder), _) => {
                folder.save(step, moment == Keep::Step && step.is_multiple_of(ANCHOR_STEPS), &snapshot)?;
                (self.last_step, self.last_time) = (step, Instant::now());
            }
        }
        Ok(())
    }

    /// After validation; where that was cut short, the end of the epoch's training is written after all.
    pub(crate) fn leave_epoch(&mut self, stopping: bool) -> Outcome<()> {
        if let (Some(folder), Some((step, snapshot)), true) = (self.folder, self.epoch.take(), stopping) {
            folder.save(step, false, &snapshot)?;
        }
        Ok(())
    }
}
