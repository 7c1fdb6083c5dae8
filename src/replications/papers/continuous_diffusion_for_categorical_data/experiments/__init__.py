"""What the study measures, one file a subject; each function takes a config and a context and returns an outcome."""
