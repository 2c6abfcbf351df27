"""Read and change the world outside: settings, environments, pip's cache, the index, pip itself."""
