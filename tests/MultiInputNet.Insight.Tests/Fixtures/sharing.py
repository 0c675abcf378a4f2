"""Writes sharing.json beside it: CKA by NumPy, t-SNE's probabilities by scikit-learn, learning rates by fastai's rules.

Needs numpy and scikit-learn: python3 sharing.py
"""

import json
import pathlib

import numpy as np
from sklearn.manifold._t_sne import _joint_probabilities
from scipy.spatial.distance import pdist, squareform

random = np.random.default_rng(5)
x = random.normal(size=(12, 5))
y = np.concatenate([x[:, :2] @ random.normal(size=(2, 4)), random.normal(size=(12, 3))], axis=1) * 3 + 7
z = random.normal(size=(9, 5)) * np.array([3, 1, 1, 0.1, 2])


def cka(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    norm = np.linalg.norm
    return norm(y.T @ x) ** 2 / (norm(x.T @ x) * norm(y.T @ y))


def covariance_similarity(x, y):
    a, b = np.cov(x.T), np.cov(y.T)
    return np.trace(a @ b) / (np.linalg.norm(a) * np.linalg.norm(b))


points = random.normal(size=(40, 6)) * np.array([3, 1, 1, 1, 0.5, 2])
distances = squareform(pdist(points, "sqeuclidean"))
joint = squareform(_joint_probabilities(distances, 8.0, 0))

# A loss curve, and what the rules of fastai's lr_find suggest for it, written out here: fastai itself is not run.
rates = np.exp(np.linspace(np.log(1e-7), np.log(10), 100))
losses = 2.3 - 1.4 / (1 + np.exp(-(np.log10(rates) + 3) * 2)) + np.exp((np.log10(rates) - 0.2) * 3) + 0.03 * np.sin(np.arange(100) * 0.7)


def valley(rates, losses):
    n, longest, end, start = len(losses), [1] * len(losses), 0, 0
    for i in range(1, n):
        for j in range(i):
            if losses[i] < losses[j] and longest[i] < longest[j] + 1:
                longest[i] = longest[j] + 1
            if longest[end] < longest[i]:
                end = i
                start = end - longest[end]
    sections = (end - start) / 3
    return rates[start + int(sections) + int(sections / 2)]


cut = slice(10, None)
slopes = (losses[cut][1:] - losses[cut][:-1]) / (np.log(rates[cut][1:]) - np.log(rates[cut][:-1]))
numbers = {
    "x": x.tolist(),
    "y": y.tolist(),
    "z": z.tolist(),
    "cka": cka(x, y),
    "covariance": covariance_similarity(x, z),
    "points": points.tolist(),
    "joint": joint.tolist(),
    "rates": rates.tolist(),
    "losses": losses.tolist(),
    "valley": valley(rates[cut], losses[cut]),
    "steepest": rates[cut][slopes.argmin()],
    "minimum_tenth": rates[cut][losses[cut].argmin()] / 10,
}
pathlib.Path(__file__).with_name("sharing.json").write_text(json.dumps(numbers) + "\n")
