"""`at_ceiling`: every model right almost always, on a task that is too easy to tell them apart."""

from models.curve_models.constant import one_level
from models.curve_models.priors import Normal, Parameter
from models.curve_models.record import Context, CurveModel, Link, no_extreme
from models.curve_models.rise_from_floor import ZERO_LOGIT, ZERO_SD

CEILING = Normal(-ZERO_LOGIT, ZERO_SD)  # `at_floor` of free answers, mirrored
# Performance that every model must reach for `at_ceiling` to be in the menu. At .9 its density is an eighth of that of
# `constant`, which holds its share of the class flat where it is left out.
NEAR_CEILING = 0.9


def at_ceiling(context: Context) -> CurveModel | None:
    """Logit mean ceiling; None where a score lies clearly below it.

    `constant`, uniform on the whole range, pays for a level of one with the number of all answers together: scores of
    1 throughout would count as models that scatter so much that nothing is known of them.
    """
    if not context.bounded or not context.near_ceiling:
        return None
    return CurveModel(
        name="at_ceiling",
        source="no effect of scale at the ceiling; the point mass in the class flat",
        shape=(),
        levels=(Parameter("ceiling", CEILING),),
        columns=one_level,
        link=Link.LOGIT,
        extreme=no_extreme,
    )
