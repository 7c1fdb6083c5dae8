"""Richemond, replicated: fourteen papers, executed, with a computed verdict for every claim."""

__version__ = "0.1.0"
