"""What agents learn with: torch, batched over replicas and agents, and blind to the network.

    q_network       what learning and acting need of a Q-network; recurrent_q and feed_forward_q: the two there are,
                    all agents' as one program
    layout          which agent uses which network
    replay          episodes, sampled by a seed that all agents share
    td              targets, temporal differences and masks, as pure functions
    standardise     running reward statistics, and each agent's share of the reward
    objective       what the learners have in common, and iql, vdn, qmix, dvdn: the lines in which they differ
    mixer           QMIX's mixing network
    optim           Adam and gradient clipping; freezing: who does not learn stays exactly as it is
    gtadam          Adam on a tracked gradient
    tracking        gradient tracking and averaging of parameters
    exploration     epsilon-greedy acting
    transfer        what the host tells the device, in as few copies as can be
    learner         the update, from minibatch to new parameters
    agents          trained networks as torch modules

Shapes are written for one team and have leading axes: R replicas, N agents, T steps, B episodes of a minibatch, D
observation numbers, A actions, P parameters. Sequences are time-major, ``[..., T, B]``.
"""
