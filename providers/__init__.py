"""Providers publish steering: each renders it into its own records and applies them. ``BUILTIN`` names them."""

BUILTIN = ("embedded",)
