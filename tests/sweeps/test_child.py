"""Processes that work for another one, against what the system says of them."""

import signal
import subprocess
import sys

import pytest

FRESH = """\
import signal
import sys
from dvdn_sim.sweeps.child import Child

def serve(line):
    line.send(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))

if __name__ == "__main__":
    if "blocked" in sys.argv:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    children = [Child.start(serve) for _ in range(2)]
    print([child.line.recv() for child in children], signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
    for child in children:
        child.end(10.0)
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals can't be blocked on this system")
@pytest.mark.parametrize(("before", "after"), [("free", False), ("blocked", True)])
def test_ctrl_c_is_blocked_in_the_first_child_too_and_here_as_it_was(tmp_path, before, after):
    """In a fresh process, where the first child starts Python's resource tracker, which unblocks Ctrl-C."""
    script = tmp_path / "fresh.py"
    script.write_text(FRESH, encoding="utf-8")
    command = [sys.executable, script, before]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    assert ran.stdout == f"[True, True] {after}\n", ran.stderr
