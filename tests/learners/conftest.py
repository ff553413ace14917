"""One thread: the machine's cores are shared, and bytes depend on the number of threads."""

import torch

torch.set_num_threads(1)
