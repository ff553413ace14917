"""Sweeps on a Ray cluster: one of several machines, or one that is started on this machine for the sweep alone.

=================  ====================================================================================
`executor`         has jobs done by a cluster, through a process of its own; all that others need
`course`           all jobs of a sweep, from the first to the last: sent, counted, heard of
`cluster`          being part of a cluster, and what its machines are and have
`worker`           what is done on those machines: one job, its folder, and the way back
=================  ====================================================================================

Ray is imported in processes of its own alone, never in the one that shows the sweep: it handles signals its own way,
prints what it thinks of things, and ends the process if the cluster is lost.
"""

from dvdn_sim.sweeps.ray.executor import RayCluster

__all__ = ["RayCluster"]
