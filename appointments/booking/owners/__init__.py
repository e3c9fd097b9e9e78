"""Whose account an appointment belongs to."""
