"""From run folders to a page: a pure function of the folders. No torch.

Read in this order:

* ``runs``: which of many folders hold a finished run; the others are named, with what became of them.
* ``curves``: the evaluations of a run over steps, simulated time or bytes; what they come to; many runs on one grid.
* ``exchanges``: what became of a run's messages and of what they carried.
* ``study``: all of that for every cell of a sweep, or for any runs side by side.
* ``measures``, ``contrasts``: the numbers of a cell; arms against the baseline. ``answer``: the sentence.
* ``figure``, ``panels``, ``figures``: what is drawn, and the table behind it.
* ``page``, ``html``, ``assets``: the page. ``svg``: figures as files. ``report``: all of it, from folders to files.

``episode`` and ``episode_drawing`` make the page of one episode. What is computed of scores (interquartile means,
differences of arms, profiles) is `dvdn_sim.statistics`.
"""
