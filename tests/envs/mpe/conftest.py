"""One thread, as the program itself has it: the tensors are small."""

import torch

torch.set_num_threads(1)
