import pytest

from models.results import Analysis
from models.suite_summary import SuiteOptions, SuiteSummary, suite_summary
from tests.service.report.pages import renamed


@pytest.fixture(scope="session")
def suite(u_shaped: Analysis, rising: Analysis) -> list[Analysis]:
    """A dozen curves of two families."""
    families = ("Alpha", "Beta")
    turned = [renamed(u_shaped, f"valley {place}", families[place % 2]) for place in range(5)]
    return [*turned, *(renamed(rising, f"hill {place}", families[place % 2]) for place in range(7))]


@pytest.fixture(scope="session")
def summed_up(suite: list[Analysis]) -> SuiteSummary:
    """Its summary, without groups, which would take PyMC's time."""
    return suite_summary(suite, SuiteOptions(group_by=()))
