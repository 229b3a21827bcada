import numpy as np

from service.readers.gathering import whole_commits


def slowly(commits: list[str], commit: str) -> str:
    """The longest one that begins so, where all that do are beginnings of it."""
    longer = [other for other in commits if other.startswith(commit)]
    longest = max(longer, key=len)
    return longest if all(longest.startswith(other) for other in longer) else commit


def test_commits_are_completed_as_by_a_look_at_all_pairs() -> None:
    generator = np.random.default_rng(1)
    completed = 0
    for _ in range(2000):
        lengths = generator.integers(1, 7, size=generator.integers(1, 9))
        commits = sorted({"".join(generator.choice(["0", "f"], size)) for size in lengths})
        found = whole_commits(commits)
        assert found == {commit: slowly(commits, commit) for commit in commits}
        completed += sum(commit != whole for commit, whole in found.items())
    assert completed > 1000


def test_very_many_commits_of_one_model_are_completed() -> None:
    commits = sorted(f"{number:010x}" for number in range(0, 2_000_000, 10))
    assert len(whole_commits(commits)) == 200_000
