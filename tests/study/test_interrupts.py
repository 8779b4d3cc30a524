"""Interrupts that come where they must wait."""

from __future__ import annotations

import signal

import pytest

from bohb.study import interrupts
from bohb.study.interrupts import interrupt, uninterrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_for_the_end_of_what_must_not_be_broken(number):
    before = signal.signal(signal.SIGTERM, interrupt)
    steps = []

    def work():
        with uninterrupted():
            signal.raise_signal(number)
            with uninterrupted():
                steps.append("inner")
            steps.append("outer")

    try:
        with pytest.raises(KeyboardInterrupt):
            work()
        assert steps == ["inner", "outer"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_does_not_wait():
    steps = []

    def work():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            steps.append("first")
            signal.raise_signal(signal.SIGINT)
            steps.append("second")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["first"]


def test_an_interrupt_at_the_very_end_of_what_must_not_be_broken_is_not_lost(monkeypatch):
    put = signal.signal

    def put_late(number, handler):
        if handler is signal.default_int_handler:
            signal.raise_signal(signal.SIGINT)  # as late as it can come
        return put(number, handler)

    def work():
        with uninterrupted():
            steps.append("worked")

    def work_and_be_interrupted():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            steps.append("held back")

    steps = []
    with monkeypatch.context() as patch:
        patch.setattr(interrupts.signal, "signal", put_late)
        with pytest.raises(KeyboardInterrupt):
            work()
    put(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        work_and_be_interrupted()
    assert steps == ["worked", "held back"]
