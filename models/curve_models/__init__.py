"""The curve models: a table of factories, each a function of the context that returns a record or None."""

from collections.abc import Callable, Collection
from functools import lru_cache

from models.curve_models.at_ceiling import at_ceiling
from models.curve_models.at_floor import at_floor
from models.curve_models.bent_line import bent_line
from models.curve_models.constant import constant
from models.curve_models.double_logistic import double_logistic
from models.curve_models.gentle_line import gentle_line
from models.curve_models.logistic import logistic
from models.curve_models.near_flat import near_flat
from models.curve_models.power_law import power_law
from models.curve_models.quadratic import quadratic
from models.curve_models.record import Context, CurveModel
from models.curve_models.rise_from_floor import rise_from_floor
from models.curve_models.token_power_law import token_power_law
from models.curve_models.two_task import two_task

CURVE_MODELS: dict[str, Callable[[Context], CurveModel | None]] = {
    "constant": constant,
    "at_floor": at_floor,
    "at_ceiling": at_ceiling,
    "near_flat": near_flat,
    "gentle_line": gentle_line,
    "bent_line": bent_line,
    "quadratic": quadratic,
    "logistic": logistic,
    "rise_from_floor": rise_from_floor,
    "two_task": two_task,
    "double_logistic": double_logistic,
    "token_power_law": token_power_law,
    "power_law": power_law,
}

# What the class flat is made of. The small changes that the other models allow are in it too: without them a score that
# creeps from 0 to .006 on its last model fits nothing flat, and the answer would be a confident rise.
FLAT_SHARES: dict[str, float] = {"constant": 0.35, "at_floor": 0.4, "at_ceiling": 0.05, "near_flat": 0.1}
SMALL_CHANGES_SHARE = 0.1  # of the class flat, held by the flat curves of every other model, each with equal weight
POINT_MASSES = ("constant", "at_floor", "at_ceiling")  # no change at all
POINT_MASS_SHARE = 0.8  # of the class flat, held by those of them that apply


def flat_shares(names: Collection[str]) -> dict[str, float]:
    """Shares of the class flat that these curve models hold: `constant` has those of point masses that do not apply."""
    shares = {name: share for name, share in FLAT_SHARES.items() if name in names}
    if "constant" in shares:
        others = [share for name, share in shares.items() if name in POINT_MASSES and name != "constant"]
        shares["constant"] = POINT_MASS_SHARE - sum(others)
    return shares


@lru_cache(maxsize=256)
def menu(context: Context) -> tuple[CurveModel, ...]:
    """The curve models that apply in this context, in the table's order."""
    return tuple(model for factory in CURVE_MODELS.values() if (model := factory(context)) is not None)
