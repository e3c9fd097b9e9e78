"""Correcting how a citizen is reached, and what is owed to the new address or number."""
