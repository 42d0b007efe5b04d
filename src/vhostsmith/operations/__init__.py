"""The use cases: what each command does, from values to values and effects."""
