"""Writes, as JSON, 1,000 random and 30 edge cases of our own making with the scores that scikit-learn and scipy give.

    GLOSSA_PYTHON=python3 cargo test --release -p glossa-eval --test metrics_reference

runs it; it needs scikit-learn 1.7 or later (Brier scores of many classes) and scipy.
"""

import json
import math
import random
import warnings

import numpy
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    cohen_kappa_score,
    matthews_corrcoef,
    mean_absolute_error,
    mean_squared_error,
    precision_recall_fscore_support,
)

warnings.filterwarnings("ignore")

BINS = 15


def of_labels(gold, predicted):
    """Accuracy, Matthews, P R F of each average, of the label "a" against the rest, and micro over "a" and "b"."""
    values = [accuracy_score(gold, predicted), matthews_corrcoef(gold, predicted)]
    for average in ["macro", "micro", "weighted"]:
        values += precision_recall_fscore_support(gold, predicted, average=average, zero_division=0)[:3]
    present = sorted(set(gold) | set(predicted))
    for labels in [["a"], ["a", "b"]]:
        labels = [label for label in labels if label in present]
        if labels:
            values += precision_recall_fscore_support(
                gold, predicted, labels=labels, average="micro", zero_division=0)[:3]
        else:
            values += [0, 0, 0]
    kappa = cohen_kappa_score(gold, predicted)
    return values + [1.0 if math.isnan(kappa) else kappa]


def of_numbers(gold, predicted):
    values = [math.sqrt(mean_squared_error(gold, predicted)), mean_absolute_error(gold, predicted)]
    if len(gold) < 2 or len(set(gold)) < 2 or len(set(predicted)) < 2:
        return values + [None, None]
    return values + [pearsonr(gold, predicted)[0], spearmanr(gold, predicted)[0]]


def of_probabilities(gold, rows, classes):
    """Expected calibration error by numpy's own binning, and the Brier score of all classes."""
    rows = numpy.array(rows)
    confidence = rows.max(axis=1)
    right = rows.argmax(axis=1) == numpy.array(gold)
    edges = numpy.arange(BINS + 1) / BINS
    place = numpy.clip(numpy.digitize(confidence, edges, right=True) - 1, 0, BINS - 1)
    error = 0.0
    for one in range(BINS):
        inside = place == one
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    if classes == 1:
        return [float(error), float(((1 - rows) ** 2).sum(axis=1).mean())]
    brier = brier_score_loss(gold, rows, labels=list(range(classes)), scale_by_half=False) if classes > 2 else \
        2 * brier_score_loss(gold, rows[:, 1], labels=[0, 1])
    return [float(error), float(brier)]


def plain(values):
    return [None if value is None else float(value) for value in values]


def case(gold, predicted, left, right, truth, rows, classes):
    return {
        "labels": [gold, predicted, plain(of_labels(list(gold), list(predicted)))],
        "numbers": [left, right, plain(of_numbers(left, right))],
        "probabilities": [truth, rows, plain(of_probabilities(truth, rows, classes))],
    }


def distribution(source, classes):
    sharp = source.choice([0.3, 1, 4])
    weights = [math.exp(source.gauss(0, 1) * sharp) for _ in range(classes)]
    return [weight / sum(weights) for weight in weights]


def random_case(source):
    size = source.choice([1, 2, 3, 5, 8, 13, 30, 60])
    classes = source.randint(1, 8)
    skew, skill = source.choice([1, 1, 3]), source.random()
    draw = lambda: "abcdefgh"[min(int(source.random() ** skew * classes), classes - 1)]
    gold = [draw() for _ in range(size)]
    predicted = [label if source.random() < skill else draw() for label in gold]
    scale = 10.0 ** source.randint(-6, 6)
    ties = source.random() < 0.4
    number = lambda: float(source.randint(0, 4)) if ties else source.gauss(1, 1) * scale
    left = [number() for _ in range(size)]
    right = [value if source.random() < 0.3 else number() for value in left]
    rows = [distribution(source, classes) for _ in range(size)]
    truth = [source.randrange(classes) if source.random() > skill else max(range(classes), key=row.__getitem__)
             for row in rows]
    return case("".join(gold), "".join(predicted), left, right, truth, rows, classes)


def edge_cases():
    labels = [
        ("a", "a"), ("a", "b"), ("b", "a"), ("aa", "aa"), ("aa", "bb"), ("ab", "ba"), ("ab", "ab"), ("aab", "aaa"),
        ("aaa", "aab"), ("abc", "bca"), ("abc", "aaa"), ("aaa", "abc"), ("cc", "cc"), ("cd", "dc"),
        ("a" * 99 + "b", "a" * 100), ("a" * 99 + "b", "b" * 100), ("a" * 100, "a" * 99 + "b"), ("abab", "aabb"),
        ("aabbcc", "aabbcc"), ("aabbcc", "bbccaa"), ("abcdefgh", "abcdefgh"), ("abcdefgh", "hgfedcba"),
        ("ab" * 50, "ba" * 50), ("a" * 50 + "b" * 50, "a" * 25 + "b" * 50 + "a" * 25), ("z", "y"),
        ("aaab", "aaab"), ("aaab", "baaa"), ("bbba", "bbbb"), ("abcabc", "abcabd"), ("é" * 3 + "a", "éaéa"),
    ]
    numbers = [
        ([1.0], [2.0]), ([1.0, 2.0], [1.0, 2.0]), ([1.0, 2.0], [2.0, 1.0]), ([0.0, 0.0], [0.0, 1.0]),
        ([5.0] * 4, [5.0] * 4), ([1.0, 1.0, 2.0], [3.0, 3.0, 9.0]), ([-1.0, 0.0, 1.0], [1.0, 0.0, -1.0]),
        ([1e-9, 2e-9, 4e-9], [1e-9, 3e-9, 2e-9]), ([1e9, 2e9, 4e9], [1e9, 3e9, 2e9]), ([0.0, -0.0, 1.0], [1.0, 2.0, 0.0]),
    ]
    rows = [
        ([0], [[1.0]], 1), ([0], [[1.0, 0.0]], 2), ([1], [[1.0, 0.0]], 2), ([0, 1], [[0.5, 0.5], [0.5, 0.5]], 2),
        ([0, 1, 2], [[1 / 3] * 3] * 3, 3), ([0] * 15, [[k / 15, 1 - k / 15] for k in range(15)], 2),
        ([1] * 15, [[k / 15, 1 - k / 15] for k in range(15)], 2), ([3], [[0.25] * 4], 4),
        ([2, 2], [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], 3), ([0, 0], [[0.6, 0.4], [0.4, 0.6]], 2),
    ]
    for place, (gold, predicted) in enumerate(labels):
        yield case(gold, predicted, *numbers[place % 10], *rows[place % 10])


def main():
    source = random.Random(20)
    cases = [random_case(source) for _ in range(1000)] + list(edge_cases())
    print(json.dumps(cases))


main()
