"""Errors of a whole file; what is wrong with one curve is a problem of its item."""

from __future__ import annotations

from models.errors import InvalidInput, Problem


class UnreadableFile(InvalidInput):
    """Nothing of a file can be used."""


class TooMuch(UnreadableFile):
    """More than one input may hold: not a fault of one file among others."""


def unreadable(message: str, place: str = "") -> UnreadableFile:
    """The error for one thing that is wrong with a file, at a place such as "row 3"."""
    return UnreadableFile([Problem(place, message)])


def too_much(message: str) -> TooMuch:
    """The error for an input beyond a limit."""
    return TooMuch([Problem("", message)])
