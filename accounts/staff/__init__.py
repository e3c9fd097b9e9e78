"""People with a role: their second factor, and how long their sessions last."""
