"""The values that flow between the rooms: inputs, pins, artifacts, outcome, errors.

May not: do I/O, import a room.
"""
