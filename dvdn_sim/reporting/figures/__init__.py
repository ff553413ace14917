"""The figures of a page: from a study to what is drawn, or None where there is nothing to draw."""

from dvdn_sim.reporting.figures.collapse import collapse, fit, fit_text
from dvdn_sim.reporting.figures.differences import differences, performance_profiles
from dvdn_sim.reporting.figures.exchanges import health_checks, message_outcomes, round_times
from dvdn_sim.reporting.figures.graph import FRAMES, graph
from dvdn_sim.reporting.figures.learning_curves import gradient_tracking, learning_curves, training_signal
from dvdn_sim.reporting.figures.predicted import NUMBERS, pairs, predicted
from dvdn_sim.reporting.figures.returns import final_returns, heatmap_of_cells

FIGURES = (
    final_returns, heatmap_of_cells, differences, learning_curves, collapse, performance_profiles, training_signal,
    gradient_tracking, health_checks, message_outcomes, round_times,
)  # fmt: skip
"""In the order of the page; `predicted` and `graph` follow."""

__all__ = [
    "FIGURES", "FRAMES", "NUMBERS", "collapse", "differences", "final_returns", "fit", "fit_text", "gradient_tracking",
    "graph", "health_checks", "heatmap_of_cells", "learning_curves", "message_outcomes", "pairs",
    "performance_profiles", "predicted", "round_times", "training_signal",
]  # fmt: skip
