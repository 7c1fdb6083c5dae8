"""Bootstrap your own latent (Grill et al. 2020)."""
