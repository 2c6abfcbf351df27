"""The room `environment`."""
