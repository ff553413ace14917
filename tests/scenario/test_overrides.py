"""``--set``: what it changes, and how its mistakes are told."""

import pytest

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import forgotten, load_scenario, parse_scenario
from netmodels.presets import PRESETS


def test_values_of_all_depths_can_be_set(lossy):
    scenario = parse_scenario(
        lossy,
        ["network.link.loss=20%", "algorithm.consensus.rounds=3", "seeds.1=7", "name=other", "evaluation.every = 5"],
    )
    assert scenario.network is not None
    assert scenario.network.link.loss.loss_rate == 0.2
    assert scenario.algorithm.consensus.rounds == 3
    assert (scenario.seeds, scenario.name, scenario.evaluation.every) == ((0, 7), "other", 5)


def test_the_last_override_wins(lossy):
    assert parse_scenario(lossy, ["name=one", "name=two"]).name == "two"


def test_blocks_that_are_not_there_are_made(lossy):
    scenario = parse_scenario(lossy, ["network=", "network.x.y=1", "network=null", "algorithm={kind: iql}"])
    assert scenario.network is None


def test_a_value_may_hold_equals_signs(mistakes_of, lossy):
    (mistake,) = mistakes_of(lossy, ["name=a=b"])
    assert mistake.message == "`a=b` cannot name a folder"


def test_a_mistake_names_the_override_and_no_line(lossy, mistakes_of):
    (mistake,) = mistakes_of(lossy, ["network.link.loss=20"])
    assert (mistake.path, mistake.line, mistake.place) == ("network.link.loss", None, "--set network.link.loss=20")
    assert mistake.remedy == "write it as `20%`"


def test_a_preset_that_the_file_hides_is_refused(lossy, mistakes_of):
    """What is written beside a preset wins, which is meant in a file; `--set` means the preset."""
    (mistake,) = mistakes_of(lossy, ["network.link.preset=lora_sf7"])
    assert "`rate`, `delay` and `loss`, which are set beside it, win over a preset" in mistake.message
    whole = "network.link={preset: lora_sf7}"
    assert mistake.remedy == f"replace the whole block: --set '{whole}'"
    preset = parse_scenario(lossy, [whole, "network.deadline=auto"])
    assert preset.network.link == PRESETS["lora_sf7"]
    changed = parse_scenario(lossy, [whole, "network.deadline=auto", "network.link.preset=lan", "network.link.loss=5%"])
    assert changed.network.link == PRESETS["lan"].changed({"loss": 0.05})
    (mistake,) = mistakes_of(lossy, ["network.link={rate: 1 Mbit/s, delay: 1 ms}", "network.link.preset=lan"])
    assert mistake.path == "network.link.preset"


def test_mistakes_within_a_block_that_was_set_name_the_override(lossy, mistakes_of):
    change = "training={steps: 10, colour: red}"
    mistakes = mistakes_of(lossy, [change])
    assert {mistake.path for mistake in mistakes} == {"training.colour", "training.epsilon"}
    assert {mistake.override for mistake in mistakes} == {change}


def test_mistakes_of_the_file_and_of_overrides_are_told_together(lossy, mistakes_of):
    mistakes = mistakes_of(lossy.replace("hidden: 64", "hidden: x"), ["seeds=3", "nonsense"])
    assert [mistake.place for mistake in mistakes] == ["line 8", "--set nonsense", "--set seeds=3"]


def test_a_new_kind_leaves_keys_behind_and_the_message_says_what_to_do(lossy, mistakes_of):
    (mistake,) = mistakes_of(lossy, ["algorithm.kind=vdn"])
    assert mistake.path == "algorithm.kind"
    assert mistake.message == "kind `vdn` has no `consensus` and no `reward_model`, which the file sets"
    _, _, change = mistake.remedy.partition("--set ")
    assert change == "'algorithm={kind: vdn, hidden: 64, lr: 0.0003}'"
    assert parse_scenario(lossy, [change.strip("'")]).algorithm.hidden == 64


@pytest.mark.parametrize("change", ["nonsense", "=3", "a..b=3", ".a=3", "a.=3", ""])
def test_what_is_no_override_is_told(lossy, mistakes_of, change):
    (mistake,) = mistakes_of(lossy, [change])
    assert mistake.message == "is not of the form `path=value`"
    assert mistake.override == change


@pytest.mark.parametrize(
    "case",
    [
        ("network.deadline.x=3", "network.deadline", "is `50 ms`, which has no `x`", "network.deadline={x: ...}"),
        ("seeds.2=3", "seeds", "is a list of 2, which has no `2`", "count from 0"),
        ("seeds.x=3", "seeds", "is a list of 2, which has no `x`", "count from 0"),
        ("seeds.0.x=3", "seeds.0", "is `0`, which has no `x`", ""),
        ("seeds.5.x=3", "seeds", "is a list of 2, which has no `5`", "count from 0"),
        ("name=[1", "name", "not YAML", ""),
        ("name=&a b", "name", "anchor", ""),
    ],
    ids=lambda case: case[0],
)
def test_overrides_that_lead_nowhere_are_told(lossy, mistakes_of, case):
    change, path, message, remedy = case
    (mistake,) = mistakes_of(lossy, [change])
    assert (mistake.path, mistake.override) == (path, change)
    assert message in mistake.message
    assert remedy in mistake.remedy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("algorithm={kind: vdn, lr: 1e-3}", "`algorithm` is replaced as a whole, and what it had been given is lost: "
         "`hidden: 32` is `64`"),
        ("algorithm={kind: vdn, lr: 1e-3, hidden: 32}", None),
        ("algorithm={kind: dvdn, lr: 1e-3, hidden: 32, reward_model: team_mean, consensus: {weights: metropolis}}",
         None),  # one round, as the default
        ("algorithm.kind=vdn", None),  # which is refused
        ("training={steps: 100, epsilon: {steps: 9}, target_update: 100}", None),
        ("training={steps: 100, epsilon: {steps: 9}}", "`target_update: 100` is `200`"),
        ("evaluation={every: 10, episodes: 20}", None),
        ("network.link={rate: 1 Mbit/s, delay: 5 ms}", "is lost: `loss: {kind: gemodel, p: 3%, r: 25%}` is"),
        ("env.sight=3", None),
    ],
)  # fmt: skip
def test_what_a_block_that_is_replaced_had_is_told(request, change, said):
    file = request.config.rootpath / "scenarios" / "lossy_lbf.yaml"
    if change == "algorithm.kind=vdn":
        with pytest.raises(ScenarioError, match="which the file sets"):
            load_scenario(file, [change])
        return
    found = forgotten(file, [change], load_scenario(file, [change]))
    assert [said in text for text in found] == ([] if said is None else [True])
