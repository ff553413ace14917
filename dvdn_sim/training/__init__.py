"""Where environment, network and learners meet.

- `build`: from a scenario to the parts of a run; the only place that wires.
- `loop`: the road on one screen: act, exchange, learn, evaluate.
- `rollout`: whole episodes of a batch of environments.
- `recorder`: from what happened to records.
- `summary`: what a run found, for people and for programs.
- `run`: a run folder around the loop.
- `stage`, `scenes`, `episode`: trained teams again, what they look like, one episode step by step.
"""
