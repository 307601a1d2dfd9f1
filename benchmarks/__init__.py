"""Measures Penstock beside its peers: ``python -m benchmarks --help``."""
