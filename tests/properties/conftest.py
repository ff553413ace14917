"""Makes `strategies` and `reference`, which lie beside this file, importable however pytest is started."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
