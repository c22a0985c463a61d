"""`make soak` says no where something failed or grew; that it runs is seen by running it."""

import pytest

from tests.soak import Sample, Seen, verdict


def samples(**changed) -> list[Sample]:
    """Thirty looks at two processes; `changed` gives one value's growth from look to look."""
    growth = {"memory": 0.0, "threads": 0.0, "late": 0.0} | changed
    return [
        Sample(
            at=float(n),
            memory={1: 80.0, 2: 80 + n * growth["memory"]},
            threads={1: 9, 2: int(9 + n * growth["threads"])},
            late=0.1 + n * growth["late"],
        )
        for n in range(30)
    ]


def test_a_calm_hour_is_right(capsys):
    assert verdict(Seen(), samples()) == 0
    assert "Nothing failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"memory": 1.0}, "memory of process 2 grew from 94.5 to 104.5 MB"),
        ({"threads": 0.5}, "threads of process 2 grew"),
        ({"late": 0.3}, "visitors waited longer and longer"),
    ],
)
def test_what_grows_is_named(changed, words, capsys):
    assert verdict(Seen(), samples(**changed)) == 1
    assert words in capsys.readouterr().out


def test_a_page_that_failed_is_named(capsys):
    seen = Seen()
    seen.add("500", 0.1, bad="/: 500")
    seen.take()
    assert verdict(seen, samples()) == 1
    assert "WRONG: /: 500" in capsys.readouterr().out


def test_a_worker_that_was_renewed_is_not_compared_with_another(capsys):
    renewed = samples(memory=1.0)
    for number, sample in enumerate(renewed):
        sample.memory[number // 10 + 2] = sample.memory.pop(2)
    assert verdict(Seen(), renewed) == 0
