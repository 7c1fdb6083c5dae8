"""Richemond and Maginnis 2017, "On Wasserstein reinforcement learning and the Fokker-Planck equation"."""
