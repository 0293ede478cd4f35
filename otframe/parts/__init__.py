"""The core's own parts: patches, applying a transport, blending. See `otframe list`."""
