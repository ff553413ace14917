"""How much more of everything a soak does: SOAK=100 pytest -m '' tests/training/test_resume.py -k killed"""

import os

TIMES = int(os.environ.get("SOAK", "1"))
