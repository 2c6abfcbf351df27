"""Read and change the world: one module for each part of it."""
