"""The cases behind `generate.py`: one module a scheme, one a vendor."""
