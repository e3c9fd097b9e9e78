"""Django's PostgreSQL backend with a lighter health check; named as ENGINE in the settings."""
