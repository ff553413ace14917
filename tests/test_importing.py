"""Imports without the collector: it is on again afterwards, whatever happens, and leaves alone what was there."""

import gc

import pytest

from dvdn_sim.importing import uncollected


@pytest.fixture(autouse=True)
def as_before():
    yield
    gc.unfreeze()


def test_the_collector_sleeps_meanwhile_and_passes_over_what_was_imported():
    frozen = gc.get_freeze_count()
    with uncollected():
        assert not gc.isenabled()
        made = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(made)


def test_the_collector_wakes_up_after_an_import_that_fails():
    with pytest.raises(ImportError), uncollected():
        import no_such_module  # noqa: F401
    assert gc.isenabled()
