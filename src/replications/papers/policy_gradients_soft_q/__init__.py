"""Richemond and Maginnis 2017: a short variational proof of equivalence between policy gradients and soft Q learning."""
