"""Signals unwind what runs; not within an import, and not where the caller ignores them."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from ragqa.system.signals import Stopped, signals_raise


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_unwinds(number: int, code: int) -> None:
    unwound = []
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as stopped, signals_raise():
        try:
            os.kill(os.getpid(), number)
        finally:
            unwound.append(True)
    assert stopped.value.code == code
    assert unwound == [True]
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("then", [10.0, 0.0])  # also where the import is all that there was
def test_a_signal_waits_for_the_end_of_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: float
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "slow_module.py").write_text(
        "import os, signal, time\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(0.1)\n"
        "whole = True\n"
    )
    sys.modules.pop("slow_module", None)
    before = signal.getsignal(signal.SIGINT)
    began = time.monotonic()
    with pytest.raises(Stopped) as stopped, signals_raise():
        importlib.import_module("slow_module")
        while time.monotonic() < began + then:
            time.sleep(0.01)
    assert stopped.value.code == 130
    assert time.monotonic() < began + 5
    assert sys.modules["slow_module"].whole
    assert signal.getsignal(signal.SIGINT) is before
    time.sleep(0.1)  # nothing comes later


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with signals_raise():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
