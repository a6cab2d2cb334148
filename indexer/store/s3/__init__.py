"""A store in a bucket: the verbs of a place, on objects."""
