"""Tests that `make soak` fails where a page failed or a value grew. No test runs it."""

import pytest

from tests.tools.soak import Sample, Seen, verdict


def samples(paused=(), **changed) -> list[Sample]:
    """Thirty samples of two processes in ten minutes.

    `changed` gives the growth of a value from one sample to the next, `paused` the samples taken during a pause.
    """
    growth = {"memory": 0.0, "threads": 0.0, "late": 0.0, "behind": 0.0} | changed
    return [
        Sample(
            at=20.0 * n,
            memory={1: 80.0, 2: 80 + n * growth["memory"]},
            threads={1: 9, 2: int(9 + n * growth["threads"])},
            late=0.1 + n * growth["late"],
            behind=5.0 + n * growth["behind"],
            is_paused=n in paused,
        )
        for n in range(30)
    ]


def test_a_run_without_faults_is_good(capsys):
    assert verdict(Seen(), samples()) == 0
    assert "Nothing failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"memory": 1.0}, "memory of process 2 grew from 94.5 to 104.5 MB"),
        ({"threads": 0.5}, "threads of process 2 grew"),
        ({"late": 0.3}, "visitors waited longer and longer"),
        ({"behind": 4.0}, "the watch fell behind: 45 s at least, then 85 s"),
    ],
)
def test_growth_is_named(changed, words, capsys):
    assert verdict(Seen(), samples(**changed)) == 1
    assert words in capsys.readouterr().out


def test_a_page_that_failed_is_named(capsys):
    seen = Seen()
    seen.add("500", 0.1, bad="/: 500")
    seen.take()
    assert verdict(seen, samples()) == 1
    assert "WRONG: /: 500" in capsys.readouterr().out


def test_a_replaced_worker_is_an_error_as_it_cannot_be_compared(capsys):
    renewed = samples(memory=1.0)
    for number, sample in enumerate(renewed):
        sample.memory[number // 10 + 2] = sample.memory.pop(2)
    assert verdict(Seen(), renewed) == 1
    assert "process 2 did not live long enough to be compared" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("paused", "words"),
    [
        ((), "did not pause"),
        ((7, 8, 9, 25, 26, 27), ""),
        (range(20, 30), "a pause did not end: no request since 380 s"),
    ],
)
def test_after_an_outage_the_gate_has_paused_and_resumed(paused, words, capsys):
    assert verdict(Seen(outages=1), samples(paused)) == (1 if words else 0)
    assert words in capsys.readouterr().out
