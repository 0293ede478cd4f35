"""The checks, by what they look at. A check of a component takes a `Subject` and raises `Violation`."""
