"""One screen a thing that is listed or filled in."""
