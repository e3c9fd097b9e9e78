"""Django's PostgreSQL backend with a lighter health check. The settings name it as ENGINE."""
