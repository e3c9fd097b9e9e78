"""Texts that agencies write for the messages about their appointments, instead of ours."""
