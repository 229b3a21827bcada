"""`gentle_line`: a straight line whose change over the range is small, whether or not it matters."""

from models.curve_models.near_flat import line_columns
from models.curve_models.priors import Parameter, Uniform
from models.curve_models.record import Context, CurveModel, Link, no_extreme

MOST_CHANGE = 0.16  # of the bounds' distance: eight times the smallest effect that is taken where none is given


def gentle_line(context: Context) -> CurveModel | None:
    """f = level + d (u - 1/2), |d| up to 0.16; of bounded metrics only.

    The other models put a twentieth of their prior on changes of one to two smallest effects, the class flat most of
    its own on no change at all. Without this model, test sets that exclude larger changes only would make the answer a
    confident flat. Priors of unbounded scores are in units of the smallest effect and need no such help.
    """
    if not context.bounded:
        return None
    return CurveModel(
        name="gentle_line",
        source="changes of up to eight smallest effects",
        shape=(Parameter("d", Uniform(-MOST_CHANGE, MOST_CHANGE)),),
        levels=(Parameter("v", Uniform(0.0, 1.0)),),
        columns=line_columns,
        link=Link.IDENTITY,
        extreme=no_extreme,
        cells=(6,),
    )
