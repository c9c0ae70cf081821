"""A world for every test: see tests/factories.py for the cast."""
