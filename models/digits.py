"""How exactly a number was given: half a unit in its last decimal."""

from __future__ import annotations

from decimal import Decimal

from models.metrics import ScoreUnit

TRUSTED_DIGITS = 12  # of a number's decimal form: more of them are traces of binary arithmetic


def half_last_digit(value: float, unit: ScoreUnit = ScoreUnit.FRACTION) -> float:
    """Largest error of a fraction that was rounded to the decimals it has, or that it has in percent."""
    factor = 100 if unit is ScoreUnit.PERCENT else 1
    exponent = Decimal(format(value * factor, f".{TRUSTED_DIGITS}g")).as_tuple().exponent
    return 0.5 * 10.0 ** min(int(exponent), 0) / factor
