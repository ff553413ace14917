"""Let ``python -m dvdn_sim.cli`` be the command."""

from dvdn_sim.cli import main

main()
