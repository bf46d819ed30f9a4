"""Writes metric_cases.json: random labels of our own making and the scores that scikit-learn gives.

    pip install scikit-learn
    python make_metric_cases.py > metric_cases.json
"""

import json
import random
import sys
import warnings

from sklearn.metrics import accuracy_score, matthews_corrcoef, precision_recall_fscore_support

warnings.filterwarnings("ignore")


def scores(gold, predicted):
    """One flat list: accuracy, Matthews, then precision, recall and F1 of each average."""
    values = [accuracy_score(gold, predicted), matthews_corrcoef(gold, predicted)]
    for average in ["macro", "micro", "weighted"]:
        values += precision_recall_fscore_support(gold, predicted, average=average, zero_division=0)[:3]
    return [float(f"{value:.12g}") for value in values]


def case(numbers):
    """Small cases hold absent classes and degenerate rates; a skew makes rare classes."""
    size = numbers.choice([1, 2, 3, 5, 8, 13, 30, 60])
    classes = numbers.randint(1, 8)
    skew = numbers.choice([1, 1, 3])
    skill = numbers.random()
    draw = lambda: min(int(numbers.random() ** skew * classes), classes - 1)
    gold = [draw() for _ in range(size)]
    predicted = [label if numbers.random() < skill else draw() for label in gold]
    return {"gold": "".join(map(str, gold)), "predicted": "".join(map(str, predicted)), "scores": scores(gold, predicted)}


def main():
    numbers = random.Random(20)
    cases = [case(numbers) for _ in range(200)]
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in cases)
    sys.stdout.write(f"[\n{rows}\n]\n")


main()
