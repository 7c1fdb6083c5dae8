"""Continuous diffusion for categorical data (Dieleman et al. 2022, arXiv 2211.15089)."""
