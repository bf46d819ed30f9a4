//! Events come in order, callbacks read and change what they name, and each scope can be cut short.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::cell::RefCell;
use std::rc::Rc;

use glossa_learn::Event::{
    AfterBackward, AfterBatch, AfterCancelBatch, AfterCancelEpoch, AfterCancelFit, AfterCancelStep, AfterCancelTrain,
    AfterCancelValidate, AfterCreate, AfterEpoch, AfterFit, AfterLoss, AfterPred, AfterRead, AfterStep, AfterTrain,
    AfterValidate, BeforeBackward, BeforeBatch, BeforeEpoch, BeforeFit, BeforeStep, BeforeTrain, BeforeValidate,
};
use glossa_learn::finder::{Sweep, find_rate};
use glossa_learn::{Event, Flow, Scope, Training};
use support::{Act, Sums, act, act_at, bits, failure, learner, listen, phase};

const STEP: [Event; 9] =
    [BeforeBatch, AfterPred, AfterLoss, BeforeBackward, AfterBackward, BeforeStep, AfterStep, AfterBatch, AfterRead];

fn heard(steps: usize, cancel: Option<(Event, Scope)>) -> Vec<Event> {
    let events = Rc::new(RefCell::new(Vec::new()));
    let objective = Sums { steps, ..Sums::default() };
    let mut learner = learner(objective).with(listen(&events));
    if let Some((at, scope)) = cancel {
        let mut done = false;
        let cut = move |event, _: &mut Training<'_, Sums>| {
            let now = event == at && !done;
            done |= now;
            Ok(if now { Flow::Cancel(scope) } else { Flow::Continue })
        };
        learner = learner.with(act_at(2000, cut));
    }
    learner.fit(&[phase(1)]).unwrap();
    let events = events.borrow();
    events.clone()
}

#[test]
fn events_come_in_fastais_order() {
    let mut expected = vec![AfterCreate, BeforeFit, BeforeEpoch, BeforeTrain];
    expected.extend(STEP.repeat(2));
    expected.extend([AfterTrain, BeforeValidate, AfterValidate, AfterEpoch, AfterFit]);
    assert_eq!(heard(2, None), expected);
}

#[test]
fn every_scope_can_be_cut_short() {
    let start = [AfterCreate, BeforeFit, BeforeEpoch, BeforeTrain];
    let validate = [BeforeValidate, AfterValidate];
    let rows: [(Event, Scope, Vec<Event>); 6] = [
        (BeforeStep, Scope::Step, {
            let step = [&STEP[..6], &[AfterCancelStep, AfterStep, AfterBatch, AfterRead]].concat();
            [&start[..], &step, &STEP, &[AfterTrain], &validate, &[AfterEpoch, AfterFit]].concat()
        }),
        (AfterLoss, Scope::Batch, {
            let step = [&STEP[..3], &[AfterCancelBatch, AfterBatch]].concat();
            [&start[..], &step, &STEP, &[AfterTrain], &validate, &[AfterEpoch, AfterFit]].concat()
        }),
        (AfterBatch, Scope::Train, {
            [&start[..], &STEP, &[AfterCancelTrain, AfterTrain], &validate, &[AfterEpoch, AfterFit]].concat()
        }),
        (BeforeValidate, Scope::Validate, {
            let cut = [BeforeValidate, AfterCancelValidate, AfterValidate, AfterEpoch, AfterFit];
            [&start[..], &STEP, &STEP, &[AfterTrain], &cut].concat()
        }),
        (AfterPred, Scope::Epoch, [&start[..], &STEP[..2], &[AfterCancelEpoch, AfterEpoch, AfterFit]].concat()),
        (AfterPred, Scope::Fit, [&start[..], &STEP[..2], &[AfterCancelFit, AfterFit]].concat()),
    ];
    for (at, scope, expected) in rows {
        assert_eq!(heard(2, Some((at, scope))), expected, "{scope:?} at {at:?}");
    }
}

#[test]
fn callbacks_are_called_by_their_order() {
    let names = RefCell::new(Vec::new());
    let say = |name: &'static str, order| {
        let names = &names;
        let speak = move |event, _: &mut Training<'_, Sums>| {
            if event == BeforeFit {
                names.borrow_mut().push(name);
            }
            Ok(Flow::Continue)
        };
        act_at(order, speak)
    };
    let mut learner = learner(Sums::default()).with(say("late", 80)).with(say("one", 0)).with(say("early", -80));
    learner = learner.with(say("two", 0));
    learner.fit(&[phase(1)]).unwrap();
    drop(learner);
    assert_eq!(*names.borrow(), ["early", "one", "two", "late"]);
}

/// What a callback changes has its effect: each row must end in other weights than the plain run.
#[test]
fn callbacks_change_what_they_name() {
    let run = |change: Option<Act<'_>>| {
        let mut learner = learner(Sums::default()).with_some(change);
        learner.fit(&[phase(1)]).unwrap();
        bits(&learner)
    };
    let plain = run(None);
    assert_eq!(plain, run(Some(act(|_, _| Ok(Flow::Continue)))));
    let inputs = act(|event, training| {
        if let (BeforeBatch, Some(batch)) = (event, &mut training.batch) {
            batch.inputs = batch.inputs.clone() * 2.0;
        }
        Ok(Flow::Continue)
    });
    let prediction = act(|event, training| {
        if let (AfterPred, Some(guess)) = (event, &mut training.prediction) {
            guess.values = guess.values.clone() * 0.5;
        }
        Ok(Flow::Continue)
    });
    let loss = act(|event, training| {
        if let (AfterLoss, Some(loss)) = (event, &mut training.loss) {
            loss.total = loss.total.clone() * loss.total.clone();
        }
        Ok(Flow::Continue)
    });
    let gradients = act(|event, training| {
        if event == AfterBackward
            && let Some(gradients) = training.gradients.take()
        {
            let model = training.model()?;
            let mut values = glossa_learn::gradients::take(model, gradients);
            values.values_mut().for_each(|vector| *vector = vector.clone().neg());
            training.gradients = Some(glossa_learn::gradients::give(training.model()?, values));
        }
        Ok(Flow::Continue)
    });
    let rates = act(|event, training| {
        if event == BeforeStep {
            training.hypers[0].rate = 0.0;
        }
        Ok(Flow::Continue)
    });
    let momentum = act(|event, training| {
        if event == BeforeBatch {
            training.hypers.iter_mut().for_each(|hyper| hyper.momentum = 0.0);
        }
        Ok(Flow::Continue)
    });
    for (name, change) in [
        ("inputs", inputs),
        ("prediction", prediction),
        ("loss", loss),
        ("gradients", gradients),
        ("momentum", momentum),
    ] {
        let changed = run(Some(change));
        assert_ne!(plain["first"], changed["first"], "{name}");
        assert_ne!(plain["second"], changed["second"], "{name}");
    }
    let changed = run(Some(rates));
    assert_eq!(changed["first"], {
        let untouched = learner(Sums::default());
        bits(&untouched)["first"].clone()
    });
    assert_ne!(changed["second"], plain["second"]);
}

#[test]
fn a_callback_that_fails_says_who_and_when() {
    let fail = act(|event, _| if event == AfterBatch { Err(failure("no disk")) } else { Ok(Flow::Continue) });
    let failed = learner(Sums::default()).with(fail).fit(&[phase(1)]).unwrap_err();
    assert!(failed.message.contains("Act") && failed.message.contains("AfterBatch"), "{}", failed.message);
    assert!(failed.message.contains("no disk"));
}

#[test]
fn a_sweep_of_rates_finds_where_the_loss_falls() {
    let sweep = Sweep { lowest: 1e-6, highest: 1e3, steps: 90 };
    let course = find_rate(learner(Sums::default()), &phase(1), sweep).unwrap();
    assert!(course.rates.is_sorted() && course.rates[0] < 1.1e-6 && course.rates.len() > 60, "{course:?}");
    assert!(course.rates.len() < 90, "a rate of a thousand must end the sweep");
    let found = course.suggestions().unwrap();
    for rate in [found.valley, found.slide, found.minimum, found.steep] {
        assert!((1e-6..1e2).contains(&rate), "{found:?}");
    }
}
