"""The ways to do the work, by library. Each function opens a ``Subject``."""
