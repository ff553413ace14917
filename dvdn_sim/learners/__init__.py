"""What agents learn with: torch, batched over replicas and agents, and blind to the network.

    recurrent_q     the Q-networks of all agents as one program
    replay          episodes, sampled by a seed that all agents share
    td              targets, temporal differences and masks, as pure functions
    standardise     running reward statistics
    objective       what the learners have in common, and iql, vdn, dvdn: the lines in which they differ
    optim           Adam and gradient clipping
    exploration     epsilon-greedy acting
    draws           counter-based random numbers
    learner         the update, from minibatch to new parameters

Shapes are written for one team and have leading axes: R replicas, N agents, T steps, B episodes of a minibatch, D
observation numbers, A actions, P parameters. Sequences are time-major, ``[..., T, B]``.
"""
