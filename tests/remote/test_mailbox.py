"""The mailbox: what a leg has written is read again, and nothing that anybody else has written."""

from __future__ import annotations

import os
import pickle
import stat
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from bohb.remote.mailbox import Mailbox, MailboxEnd

WRITES = [
    ("param", "x", 0.5, FloatDistribution(0, 1)),
    ("param", "n", 3.0, IntDistribution(1, 9, log=True)),
    ("param", "c", 1.0, CategoricalDistribution(["a", None, 2.5, True])),
    ("value", 3, 0.25),
    ("value", 9, float("inf")),
    ("user_attr", "note", {"a": [1, None, "é"]}),
    ("system_attr", "constraints", [0.5]),
]


def written(directory, writes=WRITES):
    mailbox = Mailbox(directory, "study")
    end = MailboxEnd(mailbox.directory, "leg", None)
    for write in writes:
        end.write(write)
    return mailbox, end


def test_what_a_leg_writes_is_taken_once(tmp_path):
    mailbox, end = written(tmp_path)
    assert mailbox.take("leg") == WRITES == end.writes
    assert mailbox.take("leg") == []


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_bytes_that_are_cut_short_or_broken_end_the_reading(tmp_path_factory, data):
    mailbox, _ = written(tmp_path_factory.mktemp("mailbox"))
    path = mailbox.directory / "leg"
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut] + data.draw(st.binary(max_size=40)))
    n_whole = whole[:cut].count(b"\n")
    assert mailbox.take("leg")[:n_whole] == WRITES[:n_whole]


class Bomb:
    def __reduce__(self):
        return os.system, ("touch exploded",)


@pytest.mark.parametrize(
    "planted",
    [
        pickle.dumps(("user_attr", "a", Bomb())),
        b'["param", "x", "high", "{}"]',
        b'["param", "x", 0.5, "{\\"name\\": \\"os.system\\"}"]',
        b'["value", true, 1.0]',
        b'["value", 1, null]',
        b'["value", 1, ' + b"9" * 400 + b"]",
        b'["other", "x", 1]',
        b'{"a": 1}',
        b"[" * 100_000,
        b"null",
    ],
)
def test_what_no_leg_has_written_is_not_taken(planted, tmp_path):
    mailbox, _ = written(tmp_path, WRITES[:2])
    with (mailbox.directory / "leg").open("ab") as file:
        file.write(planted + b"\n")
    assert mailbox.take("leg") == WRITES[:2]
    assert not os.path.exists("exploded")


@pytest.mark.filterwarnings("ignore:Choices for a categorical")
def test_what_json_cannot_hold_comes_with_the_result_alone(tmp_path):
    odd = ("param", "c", 0.0, CategoricalDistribution([("a", 1)]))
    mailbox, end = written(tmp_path, [odd, WRITES[0]])
    assert end.writes == [odd, WRITES[0]]
    assert mailbox.take("leg") == [WRITES[0]]


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such modes")
def test_nobody_else_may_read_or_write_it(tmp_path):
    mailbox, _ = written(tmp_path)
    assert stat.S_IMODE(mailbox.directory.stat().st_mode) == 0o700
