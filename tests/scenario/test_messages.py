"""What a user reads of a typical mistake: its dotted path, what was found there, and what was expected instead."""

import pytest

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import parse_scenario

TRACE = "network.link.delay={kind: trace"
FAULT = "network.faults=[{kind: "
RANGE = "network.topology={kind: range, radius: 1 m"

# (--set, dotted path, what was found, what was expected)
TYPICAL = [
    # names
    ("name=my run", "name", "`my run` cannot name a folder", "letters, digits"),
    ("name=../up", "name", "`../up` cannot name a folder", "letters, digits"),
    ("name=null", "name", "nothing (null)", "a text"),
    ("name=", "name", "nothing (null)", "a text"),
    ("nane=x", "nane", "unknown key", "`name`"),
    ("algorithm.learning_rate=1e-3", "algorithm.learning_rate", "unknown key", "the keys here are: hidden,"),
    ("loss=5%", "loss", "unknown key", "it belongs at `network.link.loss`"),
    ("algorithm.rounds=3", "algorithm.rounds", "unknown key", "it belongs at `algorithm.consensus.rounds`"),
    # kinds
    ("env.kind=lfb", "env.kind", "`lfb`", "`lbf`"),
    ("env.kind=null", "env.kind", "nothing (null)", "choose one of: lbf"),
    ("env=lbf", "env", "`lbf`", "`env: {kind: lbf}`"),
    ("algorithm=dvdn", "algorithm", "`dvdn`", "`algorithm: {kind: dvdn}`"),
    ("algorithm.kind=ppo", "algorithm.kind", "`ppo`", "choose one of: iql, vdn"),
    ("network.topology=ring", "network.topology", "`ring`", "`topology: {kind: ring}`"),
    ("network.topology.kind=[ring]", "network.topology.kind", "a list", "choose one of: complete, ring"),
    ("network.link.loss={kind: gilbert}", "network.link.loss.kind", "`gilbert`", "choose one of: bernoulli, gemodel"),
    ("network.link={preset: wifi}", "network.link.preset", "`wifi`", "choose one of: ideal, lan, wifi_adhoc"),
    ("network.compute={kind: uniform, mean: 1 ms}", "network.compute.kind", "`uniform`", "choose one of: constant"),
    (f"{FAULT}crsh, node: 0, at: 1 s}}]", "network.faults.0.kind", "`crsh`", "`crash`"),
    # quantities
    ("network.deadline=50", "network.deadline", "50 has no unit", "`50 ms`"),
    ("network.deadline=50 seconds", "network.deadline", "`50 seconds`", "units: ns, us, ms, s, min, h"),
    ("network.deadline=-1 s", "network.deadline", "`-1 s`", "`50 ms`"),
    ("network.control_period=.inf", "network.control_period", "inf has no unit", "`50 ms`"),
    ("network.link.rate=20 Mbps", "network.link.rate", "`20 Mbps`", "Mbit/s"),
    ("network.link.rate=0 bit/s", "network.link.rate", "`0 bit/s`", "`20 Mbit/s`"),
    ("network.link.mtu=1500", "network.link.mtu", "1500 has no unit", "`1500 B`"),
    ("network.link.mtu=0 B", "network.link.mtu", "`0 B`", "at least 1"),
    ("network.link.mtu=0.5 B", "network.link.mtu", "`0.5 B`", "`1472 B`"),
    ("network.link.loss=20", "network.link.loss", "`20`", "`20%`"),
    ("network.link.loss=120%", "network.link.loss", "`120%`", "`10%`"),
    ("network.link.duplicate=true", "network.link.duplicate", "true", "`10%`"),
    ("evaluation.epsilon=5", "evaluation.epsilon", "`5`", "a number from 0 to 1"),
    ("algorithm.gamma=.nan", "algorithm.gamma", "`nan`", "a number from 0 to 1"),
    # plain types and ranges
    ("training.steps=1.5", "training.steps", "`1.5`", "a whole number"),
    ("training.steps=lots", "training.steps", "`lots`", "a whole number"),
    ("training.steps='100'", "training.steps", "`100`", "a whole number"),
    ("training.steps=-1", "training.steps", "`-1`", "at least 1"),
    ("training.batch=1e9", "training.batch", "`1000000000`", "at most 1_000_000"),
    ("algorithm.hidden=1000000000", "algorithm.hidden", "`1000000000`", "at most 4_096"),
    ("algorithm.lr=0", "algorithm.lr", "`0`", "more than 0"),
    ("algorithm.lr=.inf", "algorithm.lr", "`inf`", "a finite number"),
    ("algorithm.recurrent=yes", "algorithm.recurrent", "`yes`", "true or false"),
    ("network.acks=1", "network.acks", "`1`", "true or false"),
    ("env.players=10000", "env.players", "`10000`", "at most 100"),
    ("env.field_size=10", "env.field_size", "`10`", "a list"),
    ("env.field_size=[10, 10, 10]", "env.field_size", "not 3", "at most 2 entries"),
    ("seeds=7", "seeds", "`7`", "a list"),
    ("seeds=[one]", "seeds.0", "`one`", "a whole number"),
    ("seeds=[-1]", "seeds.0", "`-1`", "at least 0"),
    ("seeds=[]", "seeds", "not 0", "at least 1 entry"),
    ("seeds=[0, 0]", "seeds", "seed 0 is given twice", "one result"),
    ("training.epsilon=0.1", "training.epsilon", "`0.1`", "a block with the keys steps, start, end"),
    ("training=null", "training", "nothing (null)", "a block with the keys steps"),
    ("network.share=nodes", "network.share", "`nodes`", "`node`"),
    # what is missing
    ("evaluation={every: 3}", "evaluation.episodes", "is missing", "episodes of one evaluation"),
    ("training={steps: 3}", "training.epsilon", "is missing", "it has the keys steps, start, end"),
    ("network.compute={kind: lognormal, mean: 1 ms}", "network.compute.jitter", "is missing", "`50 ms`"),
    ("network={topology: {kind: ring}}", "network.link", "is missing", "the keys preset"),
    ("network.link={delay: 1 ms}", "network.link.rate", "is missing", "`20 Mbit/s`"),
    ("env={players: 3}", "env.kind", "is missing", "`kind: ...`; choose one of: lbf"),
    ("network=null", "network", "is missing: dvdn's agents exchange TD errors", "`network` block"),
    ("network.deadline=null", "network.deadline", "is missing, and links lose packets", "`deadline: 50 ms`"),
    (f"{FAULT}crash, node: 0}}]", "network.faults.0.at", "is missing", "choose one of: constant"),
    # what does not fit together
    ("env.max_num_food=40", "env.max_num_food", "40 foods", "at most 16"),
    ("training.buffer=8", "training.buffer", "8 episodes", "at least 32"),
    ("network.topology.edges=9", "network.topology.edges", "9 links", "2 to 3"),
    ("network.topology={kind: star, centre: 5}", "network.topology.centre", "got 5", "one of 3 agents"),
    ("network.topology={kind: k_regular, degree: 3}", "network.topology.degree", "got 3", "fewer than the 3 agents"),
    ("network.topology={kind: edges, edges: [[0, 5]]}", "network.topology", "(0, 5)", "agents below 3"),
    (RANGE + "}", "network.topology.mobility", "is missing", "`mobility: {kind: random_waypoint, ...}`"),
    ("network.other_links=[{edge: [0, 7], link: {}}]", "network.other_links.0.edge", "agents 0 and 7", "0 to 2"),
    (f"{FAULT}crash, node: 7, at: 1 s}}]", "network.faults.0", "there is no agent 7", "0 to 2"),
    ("algorithm.consensus.policy=symmetric", "algorithm.consensus.policy", "`symmetric`", "`acks: true`"),
    ("network.ack_repeat=3", "network.ack_repeat", "nothing is acknowledged", "`acks: true`"),
    ("network.link={rate: 1 B/s, delay: 0 s, retries: 3}", "network.link.retry_delay", "got None", "retries is 3"),
    ("network.link.limit=1", "network.link.limit", "messages of 3 packets", "at least 2"),
    # files
    (f"{TRACE}, file: nowhere.csv}}", "network.link.delay.file", "'nowhere.csv'", "No such file"),
    (f"{TRACE}, file: /dev/zero}}", "network.link.delay.file", "got '/dev/zero'", "a text file"),
    (f"{TRACE}}}", "network.link.delay.file", "got '' and ()", "either a file or some values"),
    (f"{TRACE}, values: [5 ms, x]}}", "network.link.delay.values.1", "`x`", "`50 ms`"),
    (RANGE + ", mobility: {kind: trace, file: /}}", "network.topology.mobility.file", "got '/'", "a text file"),
    ("env={kind: mpe_tag, opponent_policy: x}", "env.opponent_policy", "no file `x`", "`policies/seed-….safetensors`"),
    ("env={include: env.yaml}", "env.include", "there is no file `env.yaml`", "relative to the folder"),
    ("env={include: /dev/zero}", "env.include", "`/dev/zero` is not a file", "name a YAML file"),
    # YAML
    ("env=*x", "env", "alias `*x`", "write the value out"),
    ("env.players=&x 3", "env.players", "anchor `&x`", "remove it"),
    ("env=!!python/object:os.system {}", "env", "tag `tag:yaml.org,2002:python/object:os.system`", "remove it"),
    ("env={players: 3, players: 4}", "env.players", "`players` is given twice", "remove one"),
    ("env={", "env", "not YAML", "check indentation, brackets"),
    # --set itself
    ("network.link", "", "is not of the form", "`path=value`"),
    ("seeds.9=1", "seeds", "is a list of 2, which has no `9`", "count from 0"),
    ("name.x=1", "name", "is `lossy_lbf`, which has no `x`", "set all of it"),
    ("include=x.yaml", "include", "cannot be set", "write it in the scenario"),
]  # fmt: skip


@pytest.mark.parametrize("case", TYPICAL, ids=lambda case: case[0][:60])
def test_a_typical_mistake_is_told_with_path_finding_and_expectation(lossy, case):
    change, path, found, expected = case
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(lossy, [change])
    said = [wrong for wrong in caught.value.mistakes if wrong.path == path]
    assert any(found in wrong.message and expected in f"{wrong.message}; {wrong.remedy}" for wrong in said), str(caught)
    head = ": ".join(part for part in (f"--set {change}", path) if part)
    assert any(line.startswith(f"  {head}: ") for line in str(caught.value).splitlines())


def test_there_are_many_of_them():
    assert len(TYPICAL) >= 80
    assert len({path for _, path, _, _ in TYPICAL}) >= 50
