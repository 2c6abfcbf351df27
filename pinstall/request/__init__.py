"""The room `request`."""
