"""The part of the error tree that the server adds below `ScaleshapeError`.

ServiceError
├── NotFound             no such thing, or no longer
├── Conflict             the state of the thing does not allow it
├── MalformedInput       the request cannot be read at all
├── StaleCursor          a cursor that belongs to another query, or to none
├── KeyReused            an idempotency key came again with another body
├── TooLarge             more than a limit allows; the message names the limit
├── Unsupported          a content type or encoding that is not read
├── NotAcceptable        no form of the answer that the request accepts
├── NotAllowed           the key may not do this
│   └── NotAuthenticated no key, or one that is not valid
├── Busy                 try again after `retry_after` seconds
│   ├── RateLimited
│   ├── QueueFull
│   └── DatabaseUnavailable
└── SchemaOutdated       the tables are not those of this version

`service/errors.py` gives each its status and title.
"""

from __future__ import annotations

from models.errors import ScaleshapeError


class ServiceError(ScaleshapeError):
    """Root of what goes wrong in the server, apart from the input's content and the engines."""


class NotFound(ServiceError):
    """The thing does not exist."""


class Conflict(ServiceError):
    """The thing exists, but its state does not allow what is asked."""


class MalformedInput(ServiceError):
    """A request whose syntax is broken."""


class StaleCursor(ServiceError):
    """A cursor that was not made by the query it is sent with."""


class KeyReused(ServiceError):
    """An idempotency key that came before with another body."""


class TooLarge(ServiceError):
    """A request above a limit."""


class Unsupported(ServiceError):
    """A request in a form that is not read."""


class NotAcceptable(ServiceError):
    """An answer in a form that is not written."""


class NotAllowed(ServiceError):
    """A valid key without the scope that is needed."""


class NotAuthenticated(NotAllowed):
    """No key, an unknown or a revoked one."""


class Busy(ServiceError):
    """Not now; `retry_after` in seconds says when to try again."""

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(Busy):
    """Too many requests of one key or address."""


class QueueFull(Busy):
    """Too many curves wait for analysis."""


class DatabaseUnavailable(Busy):
    """The database is locked, full, read-only or gone; nothing of the transaction was kept."""


class SchemaOutdated(ServiceError):
    """The tables were made by another version."""
