import numpy as np
import pytest
from pydantic import TypeAdapter

from netmodels.topology import AnyTopology, Instant, PositionTrace, RandomWaypoint, Range
from netmodels.topology.mobility import LEGS_KEPT, _walk

S = 10**9
WALK = RandomWaypoint(area=("100 m", "50 m"), speed=("1 m/s", "2 m/s"), pause="3 s")

topology_of = TypeAdapter(AnyTopology).validate_python


def test_within_the_radius_and_at_it():
    places = [(0, 0), (3, 4), (3, 4.001), (-5, 0)]
    assert Range("5 m").graph(4, 0, Instant(positions=places)).edges == ((0, 1), (0, 3), (1, 0), (1, 2), (2, 1), (3, 0))
    assert Range(1.0).graph(2, 0, Instant(positions=np.array([[0.0], [1.0]]))).degrees == (1, 1)


def test_waypoints_stay_inside_and_keep_to_the_speed_limit():
    tracks = np.array([WALK.positions(6, 3, k * S // 2) for k in range(4000)])
    assert (tracks >= 0).all()
    assert (tracks <= [100, 50]).all()
    speeds = np.linalg.norm(np.diff(tracks, axis=0), axis=-1) / 0.5
    assert speeds.max() <= 2.0 + 1e-9
    assert (speeds == 0).any()
    assert (tracks[0] != tracks[-1]).all()


def test_mean_speed_on_the_way(in_sigmas):
    # Speeds are uniform per leg; the time-average speed of a leg-weighted walk is the mean length over the mean time.
    tracks = np.array([RandomWaypoint((100, 100), (1, 2), 0).positions(1, 5, k * S)[0] for k in range(40_101)])
    speeds = np.linalg.norm(np.diff(tracks, axis=0), axis=-1)
    in_sigmas.batch_means(speeds[:40_100], 1 / np.log(2))


def test_the_order_of_questions_does_not_matter():
    late, early = WALK.positions(2, 8, 500 * S), WALK.positions(2, 8, 5 * S)
    fresh = RandomWaypoint(area=("100 m", "50 m"), speed=("1 m/s", "2 m/s"), pause="3.0 s")
    assert (fresh.positions(2, 8, 5 * S) == early).all()
    assert (fresh.positions(3, 8, 500 * S)[:2] == late).all()


def test_a_long_way_is_forgotten_and_found_again():
    walk = RandomWaypoint(area=("100 m", "50 m"), speed=("1 m/s", "2 m/s"), pause="1 s")
    early = [walk.positions(2, 4, k * 100 * S) for k in range(20)]
    for k in range(20, 2000):
        late = walk.positions(2, 4, k * 100 * S)
    kept = len(_walk(walk, 4, 0)._times)
    assert kept < 4 * LEGS_KEPT + 2  # of some 5000 legs
    assert [walk.positions(2, 4, k * 100 * S).tolist() for k in range(20)] == [place.tolist() for place in early]
    assert (walk.positions(2, 4, 1999 * 100 * S) == late).all()


def test_trace(tmp_path):
    path = tmp_path / "places.csv"
    path.write_text("time,agent,x,y\n0,0,0,0\n0,1,10,0\n10,1,0,0\n", encoding="utf-8")
    topology = topology_of({"kind": "range", "radius": "5 m", "mobility": {"kind": "trace", "file": str(path)}})
    degrees = [topology.graph(2, 0, Instant(now_ns=int(t * S))).degrees[0] for t in (0, 4.9, 5, 10, 99)]
    assert degrees == [0, 0, 1, 1, 1]
    assert str(path) in topology.describe()
    with pytest.raises(ValueError, match=r"places\.csv.*\[2\]"):
        topology.graph(3, 0)


@pytest.mark.parametrize("content", ["", "time,agent,x,y\n", "time,agent,x\n0,0,0\n", "time,agent,x,y\n0,0,east,0\n"])
def test_trace_refuses(tmp_path, content):
    path = tmp_path / "bad.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"file.*bad\.csv"):
        PositionTrace(str(path))
