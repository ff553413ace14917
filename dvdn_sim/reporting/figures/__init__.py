"""The figures of a page, one module each: from a study to what is drawn, or None where there is nothing to draw.

In the order in which they stand on the page: ``ends``, ``heat``, ``differences``, ``learning``, ``collapse``,
``profiles``, ``courses`` (signal and tracking), ``signs``, ``messages`` (fates and round times), ``predicted``,
``graph``.
"""
