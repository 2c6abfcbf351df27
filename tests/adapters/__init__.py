"""Each adapter against real material."""
