"""Where actions lead, where robots begin, whom they see first."""

import math

import pytest
import torch

from dvdn_sim.draws import key
from dvdn_sim.envs.marbler.arena import Goals, Grid, beside

LEFT, RIGHT, UP, DOWN, STAY = range(5)


def goals_of(x, y, distance=0.2):
    """The five goals of one robot."""
    poses = torch.tensor([[[x, y, 0.3]]], dtype=torch.float64).expand(5, 1, 3)
    distances = torch.tensor([distance], dtype=torch.float64)
    return Goals(torch.device("cpu")).of(poses, torch.arange(5)[:, None], distances)[:, 0].tolist()


def test_goals_in_the_open():
    """Up is towards smaller y."""
    expected = [[-0.1, 0.3], [0.3, 0.3], [0.1, 0.1], [0.1, 0.5], [0.1, 0.3]]
    for goal, correct in zip(goals_of(0.1, 0.3), expected, strict=True):
        assert goal == pytest.approx(correct, abs=1e-15)


def test_goals_are_held_in_the_limits():
    assert goals_of(1.3, -0.8) == [[1.3 - 0.2, -0.8], [1.4, -0.8], [1.3, -0.9], [1.3, -0.8 + 0.2], [1.3, -0.8]]


def test_goals_of_a_robot_beyond_the_limits():
    """Every action calls it back to the limit, only the one that leads back anyway need not reach it: max(x - d, L)
    for left, though x - d is still beyond R."""
    left, right, up, down, stay = goals_of(1.55, 0.95, distance=0.1)
    assert left == [1.55 - 0.1, 0.9]
    assert right == [1.4, 0.9]
    assert up == [1.4, 0.95 - 0.1]
    assert down == [1.4, 0.9]
    assert stay == [1.4, 0.9]
    left, right, up, down, stay = goals_of(-1.55, -0.95, distance=0.1)
    assert left == [-1.4, -0.9]
    assert right == [-1.55 + 0.1, -0.9]
    assert up == [-1.4, -0.9]
    assert down == [-1.4, -0.95 + 0.1]
    assert stay == [-1.4, -0.9]


def deal(grid, episodes=4000):
    keys = torch.full((episodes,), key(0, "test"))
    return grid.places(keys, torch.arange(episodes))


@pytest.mark.parametrize(
    ("left", "width", "spacing", "count", "shape"),
    [
        (-1.4, 2.8, 0.6, 6, (4, 3)),  # Warehouse
        (-1.4, 0.9, 0.3, 4, (3, 6)),  # PredatorCapturePrey
        (0.5, 0.9, 0.2, 6, (4, 9)),  # its prey
        (-1.4, 0.5, 0.3, 4, (1, 6)),  # MaterialTransport
        (-1.4, 2.8, 0.4, 6, (7, 4)),  # 2.8 / 0.4 is a little less than 7 in floating point
    ],
)
def test_places(left, width, spacing, count, shape):
    """All cells but the first, and one beyond the last column, equally often: within 5 standard errors."""
    grid, (columns, rows) = Grid(left, width, spacing, count), shape
    places = deal(grid)
    cells = ((places - torch.tensor([left, -0.9])) / spacing).round().long()
    back = cells.double() * spacing + torch.tensor([left, -0.9], dtype=torch.float64)
    assert (back - places).abs().max() < 1e-12
    numbers = cells[..., 0] * rows + cells[..., 1]
    assert (numbers.sort(1).values.diff(dim=1) > 0).all()
    counts = torch.bincount(numbers.flatten(), minlength=columns * rows + 1)
    assert counts[0] == 0
    share = count / (columns * rows)
    spread = math.sqrt(len(places) * share * (1.0 - share))
    assert ((counts[1:] - len(places) * share).abs() < 5.0 * spread).all()
    assert grid.right == pytest.approx(places[..., 0].max().item())


def test_places_of_material_transport():
    """The list in the original's terms: five in the first column, and the sixth one column further right."""
    found = {
        tuple(round(number, 9) for number in place) for place in deal(Grid(-1.4, 0.5, 0.3, 4)).flatten(0, 1).tolist()
    }
    assert found == {(-1.4, -0.6), (-1.4, -0.3), (-1.4, 0.0), (-1.4, 0.3), (-1.4, 0.6), (-1.1, -0.9)}


def test_all_robots_are_equally_likely_to_be_anywhere():
    """The order in which cells are dealt out is random, too."""
    first = deal(Grid(-1.4, 0.5, 0.3, 4))[..., 1]
    assert (first.mean(0) - first.mean()).abs().max() < 5.0 * (0.5 / math.sqrt(4000))


@pytest.mark.parametrize(
    ("spacing", "count", "found"),
    [
        (0.3, 7, r"7 places, 0.3 m apart in 0.5 m by 1.8 m, found; 1 to 6 expected"),
        (0.3, 0, "0 places"),
        (0.6, 1, "1 to 0 expected"),
        (0.0, 1, "0.0 m apart found"),
        (math.nan, 1, "nan m apart found"),
    ],
)
def test_grids_that_there_are_not(spacing, count, found):
    with pytest.raises(ValueError, match=found):
        Grid(-1.4, 0.5, spacing, count)


def test_everybody_else_by_number():
    blocks = torch.arange(4.0)[None, :, None]
    seen = beside(blocks, torch.zeros(1, 4, 2), 3)
    assert seen[0].tolist() == [[0, 1, 2, 3], [1, 0, 2, 3], [2, 0, 1, 3], [3, 0, 1, 2]]


def test_the_nearest_first():
    """On a line at 0, 1, 3 and 3.5: robot 1 is as far from 0 (1 m) as nobody else; ties go to the smaller number."""
    blocks = torch.arange(4.0)[None, :, None].expand(1, 4, 2)
    positions = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [3.5, 0.0]]], dtype=torch.float64)
    assert beside(blocks, positions, 2)[0, :, ::2].tolist() == [[0, 1, 2], [1, 0, 2], [2, 3, 1], [3, 2, 1]]
    assert beside(blocks, torch.zeros_like(positions), 1)[0, :, ::2].tolist() == [[0, 1], [1, 0], [2, 0], [3, 0]]
    assert beside(blocks, positions, 0)[0].tolist() == blocks[0].tolist()
