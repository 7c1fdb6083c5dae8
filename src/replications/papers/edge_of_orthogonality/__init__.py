"""The edge of orthogonality: closed-form predictors for BYOL (Richemond et al. 2023)."""
