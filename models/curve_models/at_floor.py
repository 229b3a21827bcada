"""`at_floor`: every model at the floor of those that cannot do the task, where that floor is known beforehand."""

from models.curve_models.constant import one_level
from models.curve_models.priors import Parameter
from models.curve_models.record import Context, CurveModel, Link, no_extreme
from models.curve_models.rise_from_floor import floor_prior, knows_floor


def at_floor(context: Context) -> CurveModel | None:
    """Logit mean floor, with the prior of `rise_from_floor`; None where that prior knows no place.

    `constant`, uniform on the whole range, pays for a level near chance what the floor of a rise gets for nothing: a
    curve that never leaves chance would count as a rise that has hardly begun.
    """
    if not context.bounded or not knows_floor(context):
        return None
    return CurveModel(
        name="at_floor",
        source="no effect of scale at chance; the point mass in the class flat",
        shape=(),
        levels=(Parameter("floor", floor_prior(context)),),
        columns=one_level,
        link=Link.LOGIT,
        extreme=no_extreme,
    )
