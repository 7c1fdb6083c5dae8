"""Categorical SDEs with Simplex Diffusion (Richemond, Dieleman, Doucet 2022, arXiv 2210.14784)."""
