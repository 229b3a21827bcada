"""What the name of a language model says: its size, and the family that is left when the size is taken out."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PARTS = re.compile(r"[-_\s:]+")
# stablelm-2-1_6b: after a version, "1_6b" is 1.6 billion. In llama-2_7b and opt_1_3b the first number may be a version.
_POINT = re.compile(r"(?<=\d[-\s:])(\d+)_(?=\d[mb](?:[-_\s:]|$))", re.IGNORECASE)
_PERHAPS_POINT = re.compile(r"(?<=[-_\s:])(\d+)_(?=\d+[mb](?:[-_\s:]|$))", re.IGNORECASE)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([mb])", re.IGNORECASE)
_SPLIT_SIZE = re.compile(r"(\d+)b(\d+)", re.IGNORECASE)  # BLOOM writes 7b1 for 7.1 billion
_GLUED_SIZE = re.compile(r"([a-z]{3,})(\d+(?:\.\d+)?)([mb])", re.IGNORECASE)  # alpaca7B
_MIXTURE = re.compile(r"\d+x\d+(?:\.\d+)?[mb]", re.IGNORECASE)  # 8x7b: neither 7 nor 56 billion
_UNIT = {"m": 1e6, "b": 1e9}
_PRECISION = frozenset({"bf16", "fp16", "fp32", "float16", "float32", "bfloat16"})  # the same weights, stored otherwise
_FORM = frozenset({"hf", "base"})  # the same weights, packed otherwise
_MAKER = ("meta", "llama")  # Meta-Llama-3.1-8B was renamed to Llama-3.1-8B
LONGEST_NAME = 300  # characters looked at; longer ones are no names of models


@dataclass(frozen=True, slots=True)
class ReadName:
    """A name taken apart; `parameters` is None where it says no size, or more than one."""

    family: str
    parameters: float | None


def base_name(name: str) -> str:
    """The name without the organisation or the folder before it."""
    return name.strip().rstrip("/").rpartition("/")[2]


def plain_names(name: str) -> tuple[str, ...]:
    """The names under which a table may hold a model, the most exact one first."""
    whole = name.strip().lower()
    base = base_name(whole)
    parts = _parts(base)
    stripped = [part for part in parts if part not in _PRECISION | _FORM]
    return tuple(dict.fromkeys((whole, base, "-".join(parts), "-".join(stripped))))


def identity(name: str) -> str:
    """The one name of a model for all its spellings: "EleutherAI/Pythia-70M-bf16" is pythia-70m."""
    return next(plain for plain in reversed(plain_names(name)) if plain)


def with_point(name: str) -> str:
    """The name with a decimal point where an underscore may stand for one: opt_1.3b."""
    return _PERHAPS_POINT.sub(r"\1.", base_name(name)[:LONGEST_NAME])


def read_name(name: str) -> ReadName:
    """Family and size of a model by its name: "EleutherAI/pythia-1.4b-deduped" is pythia-deduped, 1.4e9."""
    parts = _parts(base_name(name))
    sizes, rest = [], []
    for part in parts:
        size, left = _size(part)
        sizes += [size] if size is not None else []
        rest += [left] if left and left.lower() not in _PRECISION | _FORM else []
    mixture = any(_MIXTURE.fullmatch(part) for part in parts)
    known = len(set(sizes)) == 1 and not mixture and sizes[0] > 0
    return ReadName("-".join(rest) or base_name(name)[:LONGEST_NAME], sizes[0] if known else None)


def _parts(base: str) -> list[str]:
    """What stands between the separators of a name, an underscore as decimal point read as one."""
    parts = [part for part in _PARTS.split(_POINT.sub(r"\1.", base[:LONGEST_NAME])) if part]
    twice = len(parts) > 1 and (parts[0].lower(), parts[1].lower()) == _MAKER
    return parts[1:] if twice else parts


def _size(part: str) -> tuple[float | None, str]:
    """The size in one part of a name, and what is left of the part."""
    if match := _SIZE.fullmatch(part):
        return _whole(match[1], match[2]), ""
    if match := _SPLIT_SIZE.fullmatch(part):
        return _whole(f"{match[1]}.{match[2]}", "b"), ""
    if match := _GLUED_SIZE.fullmatch(part):
        return _whole(match[2], match[3]), match[1]
    return None, part


def _whole(number: str, unit: str) -> float:
    return float(round(float(number) * _UNIT[unit.lower()]))
