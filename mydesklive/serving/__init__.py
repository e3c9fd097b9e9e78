"""Serves the product: a loop reads requests and answers probes, and a few threads run Django. Shared by all installations."""
