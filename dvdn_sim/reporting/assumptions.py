"""What every simulation takes as given, and free of charge; the README says the same with reasons."""

ASSUMPTIONS = (
    "The team reward: every agent knows it at each step.",
    "The ends and ids of episodes: all agents begin and end an episode together and number it alike.",
    "A common sampling seed: all agents replay the same minibatch without a message.",
    "Common standardisation statistics: rewards are standardised alike at every agent.",
    "Identical clocks: deadlines are measured without drift.",
    "Known degrees: both ends of a link agree on the graph of a round when it begins.",
    "A transmitter without collisions: a shared transmitter is a queue, not a radio protocol.",
    "Time limits end episodes, unless the scenario bootstraps there.",
    "With gradient tracking, equal beginnings: all agents start with the same parameters.",
)
