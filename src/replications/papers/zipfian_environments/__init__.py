"""Zipfian environments for reinforcement learning, arXiv 2203.08222."""
