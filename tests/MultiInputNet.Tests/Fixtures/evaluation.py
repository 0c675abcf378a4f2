"""
Metrics of scikit-learn, with missing labels left out by hand. Writes outputs of heads, labels and metrics to files/evaluation.json; a metric
that would be a division by zero is null.

Made with Debian 12's python3-sklearn 1.2.1: /usr/bin/python3 evaluation.py
"""

import json

import numpy
from sklearn import calibration, metrics

BINS = 15
random = numpy.random.RandomState(4)


def numbers(values):
    """Of a few bits, so that they are the same in JSON, in single and in double precision."""
    return numpy.round(values * 64) / 64


def listed(values):
    return [None if numpy.isnan(value) else value for value in numpy.asarray(values, dtype=float).tolist()]


def scores(true, predicted, classes):
    """Precision, recall and F1 of each class, null where the result is whatever one says that a division by zero is."""
    def compute(zero_division):
        return metrics.precision_recall_fscore_support(true, predicted, labels=classes, average=None, zero_division=zero_division)

    zeros, ones = compute(0), compute(1)
    precision, recall = (numpy.where(zeros[i] == ones[i], zeros[i], numpy.nan) for i in (0, 1))

    # In this version, F1 is 0 with zero_division=1 too where there is neither a label nor a prediction; by its definition it is 0/0.
    wrong = metrics.multilabel_confusion_matrix(true, predicted, labels=classes)[:, 0, 1]
    return {
        "precision": listed(precision),
        "recall": listed(recall),
        "f1": listed(numpy.where(zeros[3] + wrong == 0, numpy.nan, zeros[2])),
        "support": zeros[3].tolist(),
    }


def calibrated(right, probabilities):
    frequency, probability = calibration.calibration_curve(right, probabilities, n_bins=BINS)
    counts = numpy.histogram(probabilities, bins=numpy.linspace(0, 1, BINS + 1))[0]
    weights = counts[counts > 0] / counts.sum()
    return {
        "counts": counts.tolist(),
        "frequency": frequency.tolist(),
        "probability": probability.tolist(),
        "error": float((weights * numpy.abs(frequency - probability)).sum()),
    }


def classification(count=300, classes=5):
    output = numbers(random.randn(count, classes) * 2)
    output[:, 3:] -= 20  # never predicted
    labels = numpy.where(random.rand(count) < 0.7, output.argmax(1), random.randint(0, 3, count))
    labels[::50] = 3  # occurs; class 4 does not
    labels[7::40] = -1
    present = labels >= 0
    probabilities = numpy.exp(output) / numpy.exp(output).sum(1, keepdims=True)
    predictions = output.argmax(1)
    true, predicted, every = labels[present], predictions[present], list(range(classes))
    return {
        "output": output.tolist(),
        "label": labels.tolist(),
        "confusion": metrics.confusion_matrix(true, predicted, labels=every).tolist(),
        "scores": scores(true, predicted, every),
        "accuracy": metrics.accuracy_score(true, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(true, predicted),
        "calibration": calibrated(true == predicted, probabilities.max(1)[present]),
    }


def multi_label(count=200, labels=4):
    output = numbers(random.randn(count, labels) * 2)
    output[:, 2] -= 20  # never predicted
    true = (random.rand(count, labels) < 1 / (1 + numpy.exp(-output / 2))).astype(float)
    true[:, 3] = 0  # never occurs, but is predicted
    true[random.rand(count, labels) < 0.1] = numpy.nan
    probabilities = 1 / (1 + numpy.exp(-output))
    each = []
    for label in range(labels):
        present = ~numpy.isnan(true[:, label])
        t, p, q = true[present, label], output[present, label] > 0, probabilities[present, label]
        each.append({
            "count": int(present.sum()),
            "scores": {name: values[0] for name, values in scores(t, p, [1]).items()},
            "calibration": calibrated(t, q),
        })
    present = ~numpy.isnan(true)
    return {
        "output": output.tolist(),
        "label": [listed(row) for row in true],
        "each": each,
        "calibration": calibrated(true[present], probabilities[present]),
        "micro_f1": metrics.f1_score(true[present], (output > 0)[present]),
    }


def regression(count=100, outputs=3):
    true = numbers(random.randn(count, outputs) * [1, 5, 100] + [0, 3, 1000])
    output = numbers(true + random.randn(count, outputs) * [0.5, 4, 10] + [0, 1, 0])
    true[random.rand(count, outputs) < 0.1] = numpy.nan
    each = []
    for column in range(outputs):
        present = ~numpy.isnan(true[:, column])
        t, p = true[present, column], output[present, column]
        each.append({
            "count": int(present.sum()),
            "mean_error": float((p - t).mean()),
            "mae": metrics.mean_absolute_error(t, p),
            "rmse": metrics.mean_squared_error(t, p, squared=False),
            "r2": metrics.r2_score(t, p),
        })
    return {"output": output.tolist(), "label": [listed(row) for row in true], "each": each}


with open("files/evaluation.json", "w") as file:
    json.dump({"classification": classification(), "multi_label": multi_label(), "regression": regression()}, file)
    file.write("\n")
