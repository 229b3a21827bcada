"""Small networks of one hidden layer, trained by Adam on all examples at once, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

from models.arrays import Floats, Ints

RATE, FIRST_DECAY, SECOND_DECAY, TINY = 0.01, 0.9, 0.999, 1e-8  # Kingma and Ba 2015, with a larger step
TEST_IMAGES = 1000  # of 1,797; the rest is trained on
SPLIT_SEED = 0
BRIGHTEST = 16.0  # of a pixel of scikit-learn's digits

type Weights = list[Floats]
"""Hidden weights and biases, output weights and biases."""


@dataclass(frozen=True, slots=True)
class Digits:
    """Images (S, 64) in [0, 1] and what they show, to train on and to test on."""

    train: Floats
    train_labels: Ints
    test: Floats
    test_labels: Ints


def digits() -> Digits:
    """Scikit-learn's digits, split at random."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    images, labels = images[order] / BRIGHTEST, labels[order].astype(np.int64)
    return Digits(images[TEST_IMAGES:], labels[TEST_IMAGES:], images[:TEST_IMAGES], labels[:TEST_IMAGES])


def parameters(inputs: int, width: int, outputs: int) -> int:
    """Number of weights and biases."""
    return inputs * width + width + width * outputs + outputs


def autoencoder(data: Digits, width: int, steps: int, seed: int) -> Floats:
    """Mean squared error (S,) of each test image, rebuilt through a hidden layer of so many units."""
    weights = _initial(data.train.shape[1], width, data.train.shape[1], seed)
    trained = _trained(weights, data.train, data.train, steps, classify=False)
    return np.asarray(np.mean((_outputs(trained, data.test, classify=False) - data.test) ** 2, axis=1))


def classifier(data: Digits, width: int, steps: int, seed: int) -> Floats:
    """Probabilities (S, 10) that a classifier with so many hidden units gives to the digits of the test images."""
    weights = _initial(data.train.shape[1], width, 10, seed)
    trained = _trained(weights, data.train, np.eye(10)[data.train_labels], steps, classify=True)
    return _outputs(trained, data.test, classify=True)


def _initial(inputs: int, width: int, outputs: int, seed: int) -> Weights:
    generator = np.random.default_rng((seed, width))
    first = generator.normal(0.0, 1 / np.sqrt(inputs), (inputs, width))
    second = generator.normal(0.0, 1 / np.sqrt(width), (width, outputs))
    return [first, np.zeros(width), second, np.zeros(outputs)]


def _outputs(weights: Weights, images: Floats, *, classify: bool) -> Floats:
    values = np.tanh(images @ weights[0] + weights[1]) @ weights[2] + weights[3]
    return np.asarray(softmax(values, axis=1) if classify else expit(values))


def _gradient(weights: Weights, images: Floats, targets: Floats, *, classify: bool) -> Weights:
    """Of the mean cross-entropy; of pixels in [0, 1] as well, which a squared error would leave at a plateau."""
    hidden = np.tanh(images @ weights[0] + weights[1])
    values = hidden @ weights[2] + weights[3]
    error = ((softmax(values, axis=1) if classify else expit(values)) - targets) / len(images)
    back = (error @ weights[2].T) * (1 - hidden**2)
    return [images.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]


def _trained(weights: Weights, images: Floats, targets: Floats, steps: int, *, classify: bool) -> Weights:
    means, squares = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    for step in range(1, steps + 1):
        rate = RATE * np.sqrt(1 - SECOND_DECAY**step) / (1 - FIRST_DECAY**step)
        for i, slope in enumerate(_gradient(weights, images, targets, classify=classify)):
            means[i] = FIRST_DECAY * means[i] + (1 - FIRST_DECAY) * slope
            squares[i] = SECOND_DECAY * squares[i] + (1 - SECOND_DECAY) * slope**2
            weights[i] = weights[i] - rate * means[i] / (np.sqrt(squares[i]) + TINY)
    return weights
