"""Sobol sequences with random linear scrambling and a random digital shift: points that fill the unit cube evenly.

Digit for digit what `scipy.stats.qmc.Sobol` gives, which the tests hold it to. It is here because importing
`scipy.stats` takes two thirds of the time that all other imports of an analysis take together.
"""

from __future__ import annotations

import numpy as np

from models.arrays import Floats, Ints

BITS = 30
# Of each dimension from the second on: its primitive polynomial over GF(2) as bits, and its first direction numbers.
# Joe and Kuo 2008, SIAM Journal on Scientific Computing 30, 2635 (doi 10.1137/070709359), the set new-joe-kuo-6.
_NUMBERS = (
    (3, 1),
    (7, 1, 3),
    (11, 1, 3, 1),
    (13, 1, 1, 1),
    (19, 1, 1, 3, 3),
    (25, 1, 3, 5, 13),
    (37, 1, 1, 5, 5, 17),
    (41, 1, 1, 5, 5, 5),
    (47, 1, 1, 7, 11, 19),
    (55, 1, 1, 5, 1, 1),
    (59, 1, 1, 1, 3, 11),
    (61, 1, 3, 5, 5, 31),
    (67, 1, 3, 3, 9, 7, 49),
    (91, 1, 1, 1, 15, 21, 21),
    (97, 1, 3, 1, 13, 27, 49),
    (103, 1, 1, 1, 15, 7, 5),
    (109, 1, 3, 1, 15, 13, 25),
    (115, 1, 1, 5, 5, 19, 61),
    (131, 1, 3, 7, 11, 23, 15, 103),
    (137, 1, 3, 7, 13, 13, 15, 69),
    (143, 1, 1, 3, 13, 7, 35, 63),
    (145, 1, 3, 5, 9, 1, 25, 53),
    (157, 1, 3, 1, 13, 9, 35, 107),
    (167, 1, 3, 1, 5, 27, 61, 31),
    (171, 1, 1, 5, 11, 19, 41, 61),
    (185, 1, 3, 5, 3, 3, 13, 69),
    (191, 1, 1, 7, 13, 1, 19, 1),
    (193, 1, 3, 7, 5, 13, 19, 59),
    (203, 1, 1, 3, 9, 25, 29, 41),
    (211, 1, 3, 5, 13, 23, 1, 55),
    (213, 1, 3, 7, 3, 13, 59, 17),
)
MOST_DIMENSIONS = 1 + len(_NUMBERS)


def sobol(dimensions: int, count: int, generator: np.random.Generator) -> Floats:
    """The first points (count, dimensions), at least 0 and below 1; evenly spread where count is a power of two.

    Raises ValueError for more than `MOST_DIMENSIONS`.
    """
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise ValueError(f"{dimensions} dimensions: 1 to {MOST_DIMENSIONS} are known")
    generator = generator.spawn(1)[0]
    digits = generator.integers(2, size=(dimensions, BITS), dtype=np.uint32)
    lower = np.tril(generator.integers(2, size=(dimensions, BITS, BITS), dtype=np.uint32), -1)
    vectors = _scrambled(_vectors(dimensions), lower | np.eye(BITS, dtype=np.uint32))
    points = (digits @ (1 << np.arange(BITS, dtype=np.uint32)))[None, :].astype(np.int64)
    for bit in range((count - 1).bit_length()):  # the Gray code of what follows is that of what was, read backwards
        points = np.concatenate([points, points[::-1] ^ vectors[:, bit]])
    return np.asarray(points[:count] * 2.0**-BITS)


def _vectors(dimensions: int) -> Ints:
    """Direction numbers (dimensions, BITS) as integers of BITS bits."""
    found = np.empty((dimensions, BITS), np.int64)
    found[0] = 1 << np.arange(BITS - 1, -1, -1)
    for row, (polynomial, *first) in zip(found[1:], _NUMBERS, strict=False):
        degree = len(first)
        numbers = [number << (BITS - 1 - bit) for bit, number in enumerate(first)]
        for bit in range(degree, BITS):
            number = numbers[bit - degree] ^ (numbers[bit - degree] >> degree)
            for step in range(1, degree):
                if polynomial >> (degree - step) & 1:
                    number ^= numbers[bit - step]
            numbers.append(number)
        row[:] = numbers
    return found


def _scrambled(vectors: Ints, lower: np.ndarray) -> Ints:
    """Direction numbers whose digits, the first one leading, went through a lower triangular matrix of each dimension.

    Matousek 1998, Journal of Complexity 14, 527 (doi 10.1006/jcom.1998.0489).
    """
    places = np.arange(BITS - 1, -1, -1)
    digits = vectors[:, :, None] >> places & 1
    return np.asarray((np.einsum("dij,dvj->dvi", lower.astype(np.int64), digits) & 1) @ (1 << places))
