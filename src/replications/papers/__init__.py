"""One package a paper, each with the same four rooms: method, study, claims and figures."""
