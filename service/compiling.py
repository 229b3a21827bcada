"""The compiler's cache, filled by two processes where it is empty: the first run on a machine waits for it."""

from __future__ import annotations

from service.parallel import Ahead


def _is_missing() -> bool:
    from models.ahead import is_compiled

    return not is_compiled()


def _compile() -> None:
    from models.ahead import compile_late_half

    compile_late_half()


COMPILED = Ahead(_is_missing, _compile)


def compiled_ahead(processes: int) -> Ahead | None:
    """What `Workers` do ahead; nothing where one process was asked for."""
    return COMPILED if processes > 1 else None
