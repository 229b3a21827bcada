"""Strict reading of single values: what is not exactly the kind of value asked for is refused with a reason."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields

LARGEST_NUMBER = 1e100  # squares and ratios of numbers up to here stay finite
SMALLEST_POSITIVE = 1e-100  # the same for their inverses; of scales and standard errors
LARGEST_WHOLE = 10**12  # test examples; counts up to here are exact as floats, with room for sums
MOST_TAGS = 100  # of one curve
LONGEST_TEXT = 1000  # characters of a name or a tag
LONGEST_SHOWN = 40  # characters of a refused value that a message repeats

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_SUFFIXES = {"K": "e3", "M": "e6", "B": "e9", "T": "e12"}
_SUFFIXED = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*([KMBTkmbt%])")

type Check = Callable[[Any], Any]


class Refused(ValueError):
    """A value that is not what was asked for; the message says the value and the reason."""


class Checked(fields.Field[Any]):
    """A marshmallow field that hands its value to a function raising `Refused`."""

    def __init__(self, check: Check, **settings: Any) -> None:
        super().__init__(error_messages={"required": "missing"}, **settings)
        self.check = check

    def _deserialize(self, value: Any, *_args: Any, **_settings: Any) -> Any:
        try:
            return self.check(value)
        except Refused as refused:
            raise ValidationError(str(refused)) from None


class Fields:
    """The fields of a submitted object: those of a marshmallow schema, which is asked only where something is wrong."""

    def __init__(self, checked: Mapping[str, Checked], name: str) -> None:
        self.schema = Schema.from_dict(dict(checked), name=name)()
        self._checks = {field: one.check for field, one in checked.items()}
        self._required = {field for field, one in checked.items() if one.required}

    def load(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The checked values of the fields given; raises `ValidationError` with the messages of each field."""
        try:
            loaded = {name: check(document[name]) for name, check in self._checks.items() if name in document}
        except (Refused, ValidationError):
            loaded = {}
        if self._required <= loaded.keys() and len(loaded) == len(document):
            return loaded
        told: dict[str, Any] = self.schema.load(document)
        return told


def number(value: Any) -> float:
    """A finite number up to `LARGEST_NUMBER` in size; a truth value or a string is none."""
    if type(value) is float or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        if -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
            return float(value) + 0.0  # which makes -0.0, the same number, the same text
        raise Refused(_number_fault(value))
    raise Refused(_type_fault(value))


def positive(value: Any) -> float:
    """A number above zero, neither so small nor so large that its square is lost."""
    read = number(value)
    if read > 0 and read >= SMALLEST_POSITIVE:
        return read
    reason = f"is smaller than {SMALLEST_POSITIVE:g}: use a larger unit" if read > 0 else "is not greater than 0"
    raise Refused(f"{shown(value)} {reason}")


def positive_or_zero(value: Any) -> float:
    """A number above zero as `positive` says, or zero itself."""
    read = number(value)
    return read if read == 0 else positive(value)


def whole(value: Any) -> int:
    """A whole number up to `LARGEST_WHOLE` in size; 300.0 is one, 2.5 is not."""
    if isinstance(value, str) and _THOUSANDS.fullmatch(value.strip()):
        raise Refused(_thousands_fault(value))
    read = number(value)
    if not read.is_integer():
        raise Refused(f"{shown(value)} is not a whole number")
    if abs(read) > LARGEST_WHOLE:
        raise Refused(f"{shown(value)} is larger than {LARGEST_WHOLE:,}")
    return int(read)


def truth(value: Any) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise Refused(f"{shown(value)} is neither true nor false")


def text(value: Any) -> str:
    """A string of 1 to `LONGEST_TEXT` characters, without control characters."""
    if not isinstance(value, str):
        raise Refused(f"{shown(value)} is not a string")
    if not value.strip():
        raise Refused("is empty: give a name, or leave the field out where it is optional")
    if len(value) > LONGEST_TEXT:
        raise Refused(f"has {len(value):,} characters, more than {LONGEST_TEXT:,}: shorten it")
    if not value.isprintable() and _UNPRINTABLE.search(value):
        raise Refused(f"{shown(value)} contains a control character: remove it")
    return value


def is_text(value: str) -> bool:
    """Whether a string can be a name or a tag."""
    try:
        text(value)
    except Refused:
        return False
    return True


def choice(allowed: Sequence[str]) -> Check:
    """A check that a value is one of the `allowed` strings."""

    def check(value: Any) -> str:
        if isinstance(value, str) and value in allowed:
            return str(value)
        raise Refused(f"{shown(value)} is none of {', '.join(allowed)}")

    return check


def shown(value: Any) -> str:
    """A refused value as its sender wrote it, shortened."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (Mapping, list, tuple)):
        return "an object" if isinstance(value, Mapping) else "a list"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE**2:
        return "an integer of too many digits"
    written = ascii(value) if isinstance(value, str) and _UNPRINTABLE.search(value) else repr(value)
    return written if len(written) <= LONGEST_SHOWN else f"{written[: LONGEST_SHOWN - 1]}…"


def _number_fault(value: float) -> str:
    if not abs(value) < math.inf:
        return f"{shown(value)} is not a finite number"
    return f"{shown(value)} is beyond {LARGEST_NUMBER:g}: use another unit"


def _type_fault(value: Any) -> str:
    if not isinstance(value, str):
        return f"{shown(value)} is not a number"
    if match := _SUFFIXED.fullmatch(value.strip()):
        return f"{shown(value)} is not a number: {_spelled(*match.groups())}"
    if _THOUSANDS.fullmatch(value.strip()) and value.count(",") > 1:
        return _thousands_fault(value)
    if _DECIMAL_COMMA.fullmatch(value.strip()):
        return f"{shown(value)} has a decimal comma: write the number with a point"
    try:
        finite = math.isfinite(float(value.replace("_", "?")))  # Python reads 1_000, nobody else does
    except ValueError:
        return f"{shown(value)} is not a number"
    return f"{shown(value)} is {'a string: send a number without quotes' if finite else 'not a finite number'}"


def _thousands_fault(value: str) -> str:
    return f"{shown(value)} has thousands separators: write {value.strip().replace(',', '')}"


def _spelled(digits: str, suffix: str) -> str:
    """What to write in place of a number with a suffix."""
    if suffix == "%":
        return f"write the fraction {float(digits) / 100:g}, or scores without the sign and unit percent"
    return f"write {digits}{_SUFFIXES[suffix.upper()]}"
