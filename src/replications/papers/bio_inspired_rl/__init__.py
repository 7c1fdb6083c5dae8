"""Biologically inspired architectures for sample-efficient deep reinforcement learning (Richemond, Kolbeinsson, Guo 2019)."""
