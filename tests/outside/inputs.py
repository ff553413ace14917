"""What the outside is asked: commands, runs and bad inputs. Everything here goes through the doors that users have."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
LOSSY = "scenarios/lossy_lbf.yaml"
STORM = "scenarios/faults/storm_lbf.yaml"
SHORT = [
    "--set", "training.batch=4", "--set", "evaluation.episodes=4", "--set", "evaluation.every=300", "--set",
    "training.epsilon.steps=300",
]  # fmt: skip
COMPLETE = ["--set", "network.topology={kind: complete}"]
GT = ["--set", "algorithm={kind: dvdn_gt, consensus: {rounds: 2}, hidden: 8}"]

SWEEP = f"""\
name: pinned
question: Does loss matter?
base: {ROOT}/{LOSSY}
set: {{training.steps: 300, training.batch: 4, evaluation.episodes: 4, evaluation.every: 150}}
axes:
  - {{name: loss, path: network.link.loss, values: [0%, 50%]}}
seeds: 0-1
compare: {{loss: 0%}}
"""

COMMANDS: dict[str, list[str]] = {
    "run": ["run", LOSSY, *SHORT, "--steps", "600", "--out", "OUT/run", "--device", "cpu", "--quiet", "--json"],
    "run again": ["run", LOSSY, *SHORT, "--steps", "600", "--out", "OUT/run", "--resume", "--quiet", "--json"],
    "show": ["show", "OUT/run", "--json"],
    "evaluate": ["evaluate", "OUT/run", "--episodes", "3", "--json"],
    "evaluate changed": ["evaluate", "OUT/run", "--set", "evaluation.epsilon=0.5", "--json"],
    "check determinism": ["run", LOSSY, *SHORT, "--steps", "100", "--check-determinism", "--quiet", "--json"],
    "sweep dry": ["sweep", "OUT/sweep.yaml", "--out", "OUT/sweep", "--dry-run", "--json"],
    "sweep": ["sweep", "OUT/sweep.yaml", "--out", "OUT/sweep", "--jobs", "1", "--device", "cpu", "--quiet", "--json"],
    "sweep again": ["sweep", "OUT/sweep.yaml", "--out", "OUT/sweep", "--jobs", "1", "--quiet", "--json"],
    "report": ["report", "OUT/sweep", "--out", "OUT/report/page.html", "--quiet", "--json"],
    "predict": ["predict", LOSSY, "--json"],
    "predict complete": ["predict", LOSSY, *COMPLETE, "--set", "algorithm.consensus.rounds=3", "--json"],
    "predict sums": ["predict", LOSSY, "--set", "algorithm.consensus={rounds: 2, policy: running_sum}", "--json"],
    "predict storm": ["predict", STORM, "--json"],
    "predict tracking": ["predict", LOSSY, *GT, "--json"],
    "predict others": ["predict", LOSSY, "--agents", "6", "--links", "8", "--json"],
    "consensus": ["consensus", LOSSY, "--trials", "60", "--quiet", "--json"],
    "consensus storm": ["consensus", STORM, "--trials", "60", "--quiet", "--json"],
    "consensus values": ["consensus", LOSSY, *COMPLETE, "--values", "3,0,-1.5", "--trials", "60", "--quiet", "--json"],
    "consensus tracking": ["consensus", LOSSY, *GT, "--trials", "40", "--quiet", "--json"],
}
"""With ``--json``; run in this order, because some read what others left. ``OUT`` is a folder."""

TEXTS: dict[str, list[str]] = {
    **{f"list {what}": ["list", what] for what in (
        "envs", "algorithms", "links", "topologies", "policies", "presets", "faults",
    )},
    "a wrong list": ["list", "colours"],
    "no such command": ["train", LOSSY],
    "no such file": ["check", "scenarios/lossy.yaml"],
    "no such run": ["show", "runs/nowhere"],
    "a folder that is no run": ["evaluate", "docs"],
    "nothing to report": ["report", "docs"],
    "seeds": ["run", LOSSY, "--seeds", "3-1"],
    "two ways": ["run", LOSSY, "--check-determinism", "--resume"],
    "a folder that is used": ["run", LOSSY, "--out", "docs"],
    "values": ["consensus", LOSSY, "--values", "1,2"],
    "a sweep's key": ["sweep", "scenarios/ablations/rounds_x_loss.yaml", "--set", "training.step=3", "--dry-run"],
}  # fmt: skip
"""Commands that print for people, or refuse."""

OVERRIDES: dict[str, list[str]] = {
    "a key with a typo": ["network.link.los=20%"],
    "a key of another block": ["network.rounds=3"],
    "a key that nothing is like": ["network.colour=red"],
    "three mistakes": ["network.link.los=20%", "network.deadline=50", "algorithm.consensus.round=3"],
    "no unit": ["network.link.rate=20"],
    "no unit for a size": ["network.link.mtu=1472"],
    "a unit of another quantity": ["network.deadline=50 kB"],
    "an unknown unit": ["network.control_period=5 lightyears"],
    "a negative time": ["network.deadline=-5 ms"],
    "a probability above 1": ["network.link.loss=120%"],
    "a probability below 0": ["network.link.loss=-0.1"],
    "a word for a number": ["algorithm.lr=fast"],
    "a text for a number": ["training.steps='100'"],
    "no whole number": ["training.steps=1.5"],
    "not positive": ["algorithm.lr=0"],
    "too large": ["algorithm.hidden=5000"],
    "too many rounds": ["algorithm.consensus.rounds=1001"],
    "not a number": ["algorithm.lr=.nan"],
    "infinite": ["training.epsilon.start=.inf"],
    "yes is no boolean": ["network.acks=yes"],
    "null where something must be": ["network.control_period=null"],
    "a list for a block": ["training=[1, 2]"],
    "a block for a number": ["training.batch={x: 1}"],
    "a number for a block": ["network=5"],
    "an unknown kind": ["env.kind=chess"],
    "a kind with a typo": ["algorithm.kind=dvnd"],
    "no kind": ["env={players: 3}"],
    "an unknown topology": ["network.topology={kind: triangle}"],
    "an unknown policy": ["algorithm.consensus.policy=selfish"],
    "an unknown delay": ["network.link.delay={kind: gauss, mean: 5 ms}"],
    "a delay without its mean": ["network.link.delay={kind: normal, jitter: 5 ms}"],
    "a key that only another kind has": ["network.link.loss={kind: bernoulli, p: 3%, r: 25%}"],
    "an unknown preset": ["network.link={preset: wifi}"],
    "a key beside a preset": ["network.link={preset: lan, colour: red}"],
    "no rate": ["network.link={delay: 5 ms}"],
    "retries without a delay": ["network.link.retries=2"],
    "a fault of no kind": ["network.faults=[{at: 5 s}]"],
    "a fault of an unknown kind": ["network.faults=[{kind: meteor, at: 5 s}]"],
    "a fault's agent": ["network.faults=[{kind: crash, node: 7, at: 5 s, for: 1 s}]"],
    "a fault's edge": ["network.faults=[{kind: link_down, edge: [0, 5], at: 5 s, for: 1 s}]"],
    "a fault without a time": ["network.faults=[{kind: crash, node: 1}]"],
    "faults that are no list": ["network.faults={kind: crash}"],
    "two faults, both wrong": [
        "network.faults=[{kind: crash, node: 9, at: 5 s, for: 1 s}, {kind: flap, up: 1, down: 2 s, at: 0 s}]"
    ],
    "a link's edge": ["network.other_links=[{edge: [0, 9], link: {loss: 30%}}]"],
    "a link to oneself": ["network.other_links=[{edge: [1, 1], link: {loss: 30%}}]"],
    "an empty seed list": ["seeds=[]"],
    "a seed twice": ["seeds=[1, 1]"],
    "a negative seed": ["seeds=[-1]"],
    "a name with a slash": ["name=a/b"],
    "a name that is a number": ["name=5"],
    "too few links": ["network.topology={kind: random_connected, edges: 1, resample: episode}"],
    "too many links": ["network.topology={kind: random_connected, edges: 9, resample: episode}"],
    "an odd regular graph": ["network.topology={kind: k_regular, k: 3}"],
    "edges out of range": ["network.topology={kind: edges, edges: [[0, 4]]}"],
    "no deadline under loss": ["network.deadline="],
    "acks without a deadline": ["network.acks=true", "network.deadline=", "network.link.loss=0"],
    "symmetric without acks": ["algorithm.consensus.policy=symmetric"],
    "broadcast over links of one's own": ["network.broadcast=true", "network.share=link"],
    "float16 with a memory": ["algorithm.consensus={policy: stale, wire: float16}"],
    "one-way links": ["network.topology={kind: edges, edges: [[0, 1], [1, 2], [2, 0]], directed: true}"],
    "dvdn without a network": ["network=null"],
    "a batch longer than the buffer": ["training.batch=6000"],
    "epsilon the wrong way": ["training.epsilon={start: 0.1, end: 1.0, steps: 100}"],
    "too much food": ["env.max_num_food=40"],
    "too many players": ["env.players=60"],
    "a field of one cell": ["env.field_size=[1, 1]"],
    "sight of nothing": ["env.sight=-1"],
    "a queue too short for a message": ["network.link.limit=0", "training.batch=320"],
    "a path that ends in nothing": ["network..deadline=5 ms"],
    "no value": ["network.deadline"],
    "into a number": ["training.steps.x=5"],
    "unfinished yaml": ["network.link={rate: 5"],
    "a recording that is not there": ["network.link.loss={kind: trace, file: nowhere.csv}"],
    "an include that is not there": ["env={include: nowhere.yaml}"],
}  # fmt: skip
"""``--set`` on ``scenarios/lossy_lbf.yaml`` by what is wrong with it."""

FILES: dict[str, bytes] = {
    "an empty file": b"",
    "a list": b"- a\n- b\n",
    "a text": b"hello\n",
    "no yaml": b"name: [a\n",
    "tabs": b"name: a\n\tseeds: [0]\n",
    "a key twice": b"name: a\nname: b\nseeds: [0]\n",
    "nothing but a name": b"name: a\n",
    "two documents": b"name: a\n---\nname: b\n",
    "a pickle": b"\x80\x04\x95\x1c\x00\x00",
    "latin-1": b"name: \xe9\n",
    "python objects": b"a: !!python/object/apply:os.system ['true']\n",
    "a sweep": b"name: s\nbase: x.yaml\naxes: []\nseeds: 0-1\n",
    "wrong in many places": (
        b"name: many\nseeds: [0, x]\nenv: {kind: lbf, field_size: [7], players: two, colour: red}\n"
        b"algorithm: {kind: dvdn, lr: -1, consensus: {rounds: many}}\n"
        b"network: {topology: {kind: ring}, link: {rate: 5, delay: 5, loss: 500%}, deadline: soon}\n"
        b"training: {steps: 0}\nevaluation: {every: 0}\n"
    ),
}
"""Whole files by what is wrong with them."""
