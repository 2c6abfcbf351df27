"""The commands: one module each, and a folder for `install` and for `lock`."""
