"""From chapters to a site: jupytext, papermill, jupyter-book, nbval references."""

from replications.publish.chapter import Chapter
from replications.publish.tables import smallest_effects

__all__ = ["Chapter", "smallest_effects"]
