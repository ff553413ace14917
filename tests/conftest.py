"""Properties are searched from fixed seeds, so that a test that passed passes again.

To search anew: HYPOTHESIS_PROFILE=search pytest
"""

import os

from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the cores, and none takes them all
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
