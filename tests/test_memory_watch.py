"""What the benchmarks read of processes' memory."""

import os
import subprocess
import sys
import time

from benchmarks.scale.memory import Peaks, find_family, watch_memory

HOLDS = "import time; held = b'x' * 100_000_000; print('held', flush=True); time.sleep(60)"


def test_a_process_has_its_children_in_its_family():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        family = find_family(os.getpid())
        child.communicate(b"\n")

    assert {os.getpid(), child.pid} <= set(family)


def test_the_peak_of_a_process_outlives_it(monkeypatch):
    monkeypatch.setattr("benchmarks.scale.memory.SECONDS_BETWEEN", 0.05)
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        with watch_memory(child.pid) as peaks:
            time.sleep(1)
        child.kill()

    assert 100_000_000 < peaks[0].together <= peaks[0].largest * 1.1


def test_nothing_is_read_of_a_process_that_is_gone():
    peaks = Peaks()
    peaks.note([2**22 + 1])

    assert (peaks.largest, peaks.together) == (0, 0)
