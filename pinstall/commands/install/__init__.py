"""The room `commands/install`."""
