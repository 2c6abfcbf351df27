"""String core and adapters together, one file for each command beside `install`."""
