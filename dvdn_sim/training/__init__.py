"""Where environment, network and learners meet.

- `build`: from a scenario to the parts of a run; the only place that wires.
- `loop`: one screen: act, exchange, learn, evaluate; `communication`: what an update sends.
- `rollout`: whole episodes of a batch of environments.
- `recorder`: from what happened to records; `summary`: what a run found, for people and for programs.
- `checkpoint`: all that a run is between two iterations, on the disk.
- `run`: a run folder around the loop; `device`: the same bytes every time.
- `teams`: trained teams as files; `evaluate`: trained teams again.
- `play`: one episode of a trained team, step by step.
"""

# isort: off
# fmt: off
from dvdn_sim.training.build import RunParts, batches_of, build
from dvdn_sim.training.checkpoint import Checkpoints, safetensors_of
from dvdn_sim.training.device import CUBLAS, device_of, explaining_exhaustion, repeatable
from dvdn_sim.training.evaluate import EvaluationResult, evaluate
from dvdn_sim.training.loop import Loop
from dvdn_sim.training.play import picture_of, play_episode
from dvdn_sim.training.recorder import Progress, Recorder
from dvdn_sim.training.rollout import ReplicaEnvs
from dvdn_sim.training.run import Session, run
from dvdn_sim.training.summary import COLUMNS, RunSummary, score, summarise
from dvdn_sim.training.teams import TeamPolicy, TrainedOpponent, load_policy, policy_path, save_policies
# fmt: on
# isort: on

__all__ = [
    "COLUMNS", "CUBLAS", "Checkpoints", "EvaluationResult", "Loop", "Progress",
    "Recorder", "ReplicaEnvs", "RunParts", "RunSummary", "Session", "TeamPolicy", "TrainedOpponent",
    "batches_of", "build", "device_of", "evaluate", "explaining_exhaustion", "load_policy", "picture_of",
    "play_episode", "policy_path", "repeatable", "run", "safetensors_of", "save_policies", "score", "summarise",
]  # fmt: skip
