"""A soak: the whole product under load while its parts are stopped, hung, slowed and killed, one after the other."""
