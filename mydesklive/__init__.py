"""Composition root: settings, addresses, workers and the local stack. Imports every app, is imported by none."""
