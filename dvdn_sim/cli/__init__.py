"""The command line, one module for each group of commands.

`app` puts the commands together and holds the small ones: check, list, schema, version. `run_command` has run and
evaluate (`determinism`: ``run --check-determinism``), `sweep_command` sweep, `exchange_command` predict and consensus,
`show_command` show and report. `output` is what they share: options, progress, warnings, failures and exit codes.
"""

from dvdn_sim.cli.app import app, main
from dvdn_sim.cli.output import Display

__all__ = ["Display", "app", "main"]
