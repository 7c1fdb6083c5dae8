"""From chapters to a site: jupytext, papermill, jupyter-book, nbval references."""

from replications.publish.chapter import Chapter

__all__ = ["Chapter"]
