"""Knows what is really inside Amazon ECR registries."""

__version__ = "0.1.0"
