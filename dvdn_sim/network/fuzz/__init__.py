"""Random scenarios through the real network and the real policies, every invariant checked.

draw        what is varied
evidence    what a scenario's exchanges leave
invariants  what must hold of it
search      many variations; and the least that still fails
"""
