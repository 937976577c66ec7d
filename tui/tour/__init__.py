"""A story that plays by itself on the demo, driven by the keys that an operator would press."""
