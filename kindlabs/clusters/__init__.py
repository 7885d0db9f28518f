"""Where labs run: the Docker engine, images, kind clusters with their add-ons, and who holds which cluster."""
