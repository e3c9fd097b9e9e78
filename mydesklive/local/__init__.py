"""PostgreSQL and Redis from wheels, for machines that have neither. Needs no Django settings."""
